"""Attribution in a reader's terms: by wave, lead and territory, beside what area alone would give.

Waves are the generator's own truth where a record carries it (``meta["waves"]``), else delineated (`ecg.waves`, which
keeps only waves that stand out). ST runs from the end of the QRS complex to the onset of T, at least for 80 ms, the
stretch in which ST is measured (AHA/ACCF/HRS recommendations, part VI: Wagner et al., Circulation 2009;119:e262-e270);
T follows it. Territories are the leads that face a wall of the left ventricle, ibid.

Of a signed map only what speaks for the answer that was given is counted: for the target where it was given, against it
where not. Counted by its size, a map whose signs change from sample to sample tells more of its noise than of the
answer (measured on 19 synthetic infarctions: the leading lead faces the injured wall in 84 %, counted by size in 68 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.record import LEADS, ECGRecord
from ecg.territories import TERRITORY_LEADS
from ecg.waves import delineate
from explain.result import Explanation

__all__ = ["WAVES", "Anatomy", "anatomy", "evidence", "shown_on", "wave_labels"]

Labels = NDArray[np.int8]
Float = NDArray[np.float64]

#: What a sample can belong to; its place is its label.
WAVES = ("rest", "P", "QRS", "ST", "T")
#: A stretch is told where it holds this share of the attribution in this share of the time or less: three times what
#: even spreading gives.
_MOST, _BRIEF = 0.6, 0.2
#: Least length of ST in seconds.
_LEAST_ST_S = 0.08
#: What a heart can do, in seconds; a delineation outside is not believed: QRS, PR, QT.
_QRS_S, _PR_S, _QT_S = (0.04, 0.25), (0.05, 0.45), (0.20, 0.72)


@dataclass(frozen=True)
class Anatomy:
    """Where the attribution lies.

    Parameters
    ----------
    leading_lead : str
        The lead with the highest attribution by shown second; empty where there is none.
    lead_share, wave_share, territory_share : mapping str -> float
        Share of all that speaks for the answer; leads and waves sum to 1. Territories overlap.
    area_share : mapping str -> float
        What each of these names would have if attribution were spread evenly over all that is shown.
    span_s : (float, float) or None
        The shortest stretch that holds most of what speaks for the answer, where it is a fifth of the record or less: a
        beat unlike the others, say. None for pages that show each lead for a part of the time.
    """

    leading_lead: str
    lead_share: Mapping[str, float]
    wave_share: Mapping[str, float]
    territory_share: Mapping[str, float]
    area_share: Mapping[str, float]
    span_s: tuple[float, float] | None = None

    def ratio(self, *names: str) -> float:
        """Share of some waves, or of one lead or territory, over what area alone gives; NaN without area."""
        shares = {**self.lead_share, **self.wave_share, **self.territory_share}
        area = sum(self.area_share.get(name, 0.0) for name in names)
        return sum(shares.get(name, 0.0) for name in names) / area if area > 0 else math.nan


def anatomy(explanation: Explanation, labels: Labels, shown: NDArray[np.bool_]) -> Anatomy:
    """Sum an explanation up.

    Parameters
    ----------
    explanation : Explanation
        Of a record.
    labels : int8 array [leads, samples]
        From `wave_labels`.
    shown : bool array [leads, samples]
        From `shown_on`.

    Returns
    -------
    Anatomy
    """
    size = np.where(shown, evidence(explanation), 0.0)
    leads = explanation.leads
    by_lead = _shares(size.sum(axis=1), leads)
    area_lead = _shares(shown.sum(axis=1).astype(np.float64), leads)
    by_wave = _shares(np.array([size[labels == k].sum() for k in range(len(WAVES))]), WAVES)
    area_wave = _shares(np.array([float((shown & (labels == k)).sum()) for k in range(len(WAVES))]), WAVES)
    territories = {name: sum(by_lead.get(lead, 0.0) for lead in facing) for name, facing in TERRITORY_LEADS.items()}
    area = {name: sum(area_lead.get(lead, 0.0) for lead in facing) for name, facing in TERRITORY_LEADS.items()}
    density = {lead: by_lead[lead] / area_lead[lead] for lead in leads if area_lead[lead] > 0}
    leading = max(density, key=lambda lead: density[lead]) if size.any() else ""
    span = _span(size.sum(axis=0), explanation.fs) if shown.mean() > 0.5 else None
    return Anatomy(leading, by_lead, by_wave, territories, {**area_lead, **area_wave, **area}, span)


def _span(profile: Float, fs: float) -> tuple[float, float] | None:
    """Shortest stretch with `_MOST` of a profile over time; None where it is longer than `_BRIEF` of it."""
    running = np.concatenate([[0.0], np.cumsum(profile)])
    if running[-1] <= 0:
        return None
    stop = np.searchsorted(running, running[:-1] + _MOST * running[-1] * (1 - 1e-9))
    length = np.where(stop < len(running), stop - np.arange(len(profile)), len(profile))
    start = int(length.argmin())
    return (start / fs, float(stop[start]) / fs) if length[start] <= _BRIEF * len(profile) else None


def evidence(explanation: Explanation) -> Float:
    """Attribution that speaks for the answer.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    float array of the values' shape
        0 or more.
    """
    values = explanation.values.astype(np.float64)
    if not explanation.signed:
        return np.abs(values)
    return np.maximum(values if explanation.decision else -values, 0.0)


def _shares(amounts: Float, names: Sequence[str]) -> dict[str, float]:
    total = float(amounts.sum())
    return {name: float(v) / total if total > 0 else 0.0 for name, v in zip(names, amounts, strict=True)}


def shown_on(record: ECGRecord, fs: float, n: int, leads: Sequence[str] = LEADS) -> NDArray[np.bool_]:
    """Where each lead of a record is shown, on another clock.

    Parameters
    ----------
    record : ECGRecord
    fs : float
        Rate in Hz.
    n : int
        Samples.
    leads : sequence of str

    Returns
    -------
    bool array [leads, n]
    """
    at = np.floor((np.arange(n) + 0.5) * record.fs / fs).astype(int)
    inside = at < record.n_samples
    out = np.zeros((len(leads), n), dtype=bool)
    for row, lead in enumerate(leads):
        if lead in record.leads:
            out[row, inside] = np.isfinite(record[lead][at[inside]])
    return out


def wave_labels(record: ECGRecord, fs: float, n: int, leads: Sequence[str] = LEADS) -> Labels:
    """Tell for every sample which wave it belongs to.

    Parameters
    ----------
    record : ECGRecord
    fs : float
        Rate in Hz of the labels.
    n : int
    leads : sequence of str

    Returns
    -------
    int8 array [leads, n]
        Places in `WAVES`; 0 where nothing is known.
    """
    truth = record.meta.get("waves")
    out = np.zeros((len(leads), n), dtype=np.int8)
    if truth:
        row = _row([_spans_of_truth(marks) for marks in truth], fs, n)
        out[:] = row
        return out
    for lead, beats in delineate(record).items():
        if lead in leads:
            spans = [
                _spans(b.p_onset_s, b.p_offset_s, b.qrs_onset_s, b.qrs_offset_s, b.t_onset_s, b.t_offset_s)
                for b in beats
            ]
            out[list(leads).index(lead)] = _row(spans, fs, n)
    return out


def _row(beats: Sequence[Mapping[str, tuple[float, float]]], fs: float, n: int) -> Labels:
    row = np.zeros(n, dtype=np.int8)
    # QRS last: where a wave of one beat runs into the next beat's complex, it is the complex that is seen.
    for wave in ("P", "T", "ST", "QRS"):
        for spans in beats:
            if wave in spans:
                a, b = (math.ceil(v * fs - 1e-6) for v in spans[wave])
                row[max(0, a) : max(0, b)] = WAVES.index(wave)
    return row


def _spans_of_truth(marks: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    names = ("p_onset_s", "p_offset_s", "qrs_onset_s", "qrs_offset_s", "t_onset_s", "t_offset_s")
    a, b, c, d, e, f = (math.nan if marks.get(name) is None else float(marks[name]) for name in names)
    return _spans(a, b, c, d, e, f, sane=False)


def _spans(
    p_on: float, p_off: float, qrs_on: float, qrs_off: float, t_on: float, t_off: float, sane: bool = True
) -> dict[str, tuple[float, float]]:
    """First and last instant of each wave that is there and, where asked, believable."""

    def within(length: float, bounds: tuple[float, float]) -> bool:
        return math.isfinite(length) and (not sane or bounds[0] <= length <= bounds[1])

    found: dict[str, tuple[float, float]] = {}
    if not within(qrs_off - qrs_on, _QRS_S):
        return found
    found["QRS"] = (qrs_on, qrs_off)
    if within(qrs_on - p_on, _PR_S) and p_off > p_on:
        found["P"] = (p_on, min(p_off, qrs_on))
    st_end = qrs_off + _LEAST_ST_S
    if within(t_off - qrs_on, _QT_S) and t_off > st_end:
        st_end = min(max(t_on, st_end), t_off)
        found["T"] = (st_end, t_off)
    found["ST"] = (qrs_off, st_end)
    return found
