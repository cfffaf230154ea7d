"""Maps of synthetic records against what the generator put there: the pointing game and the share inside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecg.record import ECGRecord
from ecg.territories import TERRITORY_LEADS
from explain.anatomy import WAVES, evidence, shown_on, wave_labels
from explain.faithfulness import pointing
from explain.result import Explanation

__all__ = ["inside_truth", "truth_of"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


def truth_of(record: ECGRecord, fs: float, n: int, territory: str = "") -> Bool:
    """Where a synthetic record shows its finding: ST and T of a territory's leads, or all of its premature beats.

    Parameters
    ----------
    record : ECGRecord
        With its waves.
    fs : float
    n : int
    territory : str
        Empty for the ventricular premature beats, from the onset of QRS to the end of T.

    Returns
    -------
    bool array [leads, n]
    """
    labels = wave_labels(record, fs, n)
    if territory:
        facing = np.isin(record.leads, TERRITORY_LEADS[territory])
        return np.asarray((labels >= WAVES.index("ST")) & facing[:, None])
    out = np.zeros(labels.shape, dtype=bool)
    for marks in record.meta["waves"]:
        if marks["beat"] == "V":
            end = marks["t_offset_s"] if marks["t_offset_s"] is not None else marks["qrs_offset_s"]
            out[:, max(0, round(marks["qrs_onset_s"] * fs)) : round(end * fs)] = True
    return out


def inside_truth(
    record: ECGRecord, maps: Mapping[str, Explanation], territory: str = ""
) -> dict[str, dict[str, float]]:
    """Compare maps of one synthetic record with what the generator put there.

    Parameters
    ----------
    record : ECGRecord
    maps : mapping
    territory : str
        Of an infarction; empty for premature beats.

    Returns
    -------
    dict examination -> method -> float
        NaN where a map is nought.
    """
    out: dict[str, dict[str, float]] = {}
    for name, own in maps.items():
        n = own.values.shape[1]
        shown, truth = shown_on(record, own.fs, n), truth_of(record, own.fs, n, territory)
        size = np.where(shown, evidence(own), 0.0)
        area, total = float(truth[shown].mean()), float(size.sum())
        ratio = float(size[truth].sum()) / total / area if total > 0 and area > 0 else float("nan")
        if not territory:
            told = {"pointing_pvc": pointing(size, truth) if total > 0 else float("nan"), "share_pvc": ratio}
        else:
            st_t = wave_labels(record, own.fs, n) >= WAVES.index("ST")
            told = {
                "leading_lead": _leading(size, record.leads, territory) if total > 0 else float("nan"),
                "territory": ratio,
                "st_t": float(size[st_t].sum()) / total / float(st_t[shown].mean()) if total > 0 else float("nan"),
            }
        for examination, value in told.items():
            out.setdefault(examination, {})[name] = value
    return out


def _leading(size: Float, leads: Sequence[str], territory: str) -> float:
    """1 where the leading lead faces the territory, else 0; ties count by their share."""
    return pointing(size.sum(axis=1), np.isin(leads, TERRITORY_LEADS[territory]))
