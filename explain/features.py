"""Numbers that trees are given, by the lead and the wave that they are measured on.

`classify.morphology.FEATURES` and `classify.patterns.PATTERNS` carry it in their names. A number of several leads (a
territory's highest ST, a voltage) goes with each of them: as long as it is there, the wave of one lead is not away.
What is measured on all leads alike goes with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from classify.morphology import FEATURES
from classify.patterns import PATTERNS
from ecg.record import LEADS
from explain.anatomy import WAVES
from explain.view import View

__all__ = ["feature_waves", "names_of", "without_features"]

#: Waves of a lead's or a territory's numbers, by the first part of what follows its name.
_WAVES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("q", "r", "s", "qrs", "height"), "QRS"),
        **dict.fromkeys(("j", "j40", "j80", "st"), "ST"),
        "t": "T",
        "p": "P",
    }
)
_TERRITORIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "septal": ("V1", "V2"),
        "anterior": ("V3", "V4"),
        "lateral": ("I", "aVL", "V5", "V6"),
        "inferior": ("II", "III", "aVF"),
    }
)
_LIMB, _CHEST = LEADS[:6], LEADS[6:]
#: Numbers of several leads.
_JOINT: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "sokolow_mv": (("V1", "V5", "V6"), "QRS"),
        "cornell_mv": (("aVL", "V3"), "QRS"),
        "r_v1_to_v4_mv": (("V1", "V2", "V3", "V4"), "QRS"),
        "limb_height_mv": (_LIMB, "QRS"),
        "chest_height_mv": (_CHEST, "QRS"),
        "transition": (_CHEST, "QRS"),
        "t_left_mv": (("I",), "T"),
        "t_down_mv": (("aVF",), "T"),
        # Of all leads, or of a rhythm: an empty name.
        "leads_with_q": (("",), "QRS"),
        "leads_with_inverted_t": (("",), "T"),
        "leads_with_st_elevation": (("",), "ST"),
    }
)
#: Waves of what is measured on the whole record, by its first part; the rest is rhythm.
_WHOLE: Mapping[str, str] = MappingProxyType(
    {"pr": "P", "p": "P", "qrs": "QRS", "axis": "QRS", "qt": "T", "qtc": "T", "st": "ST"}
)


def names_of(view: View) -> tuple[str, ...]:
    """Names of the numbers in a view's input."""
    return PATTERNS if view.spec.kind == "patterns" else FEATURES


def feature_waves(names: Sequence[str] = FEATURES) -> dict[tuple[str, str], list[int]]:
    """Numbers of each lead and wave.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    dict (lead, wave) -> places in ``names``
        ``("", wave)`` holds those of the whole record: rate and rhythm count to the rest, PR to P, QRS and axis to QRS,
        QT to T.
    """
    out: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(names):
        head, _, tail = name.partition("_")
        if name in _JOINT:
            leads, wave = _JOINT[name]
        elif head in LEADS:
            leads, wave = (head,), _WAVES[tail.split("_")[0]]
        elif head in _TERRITORIES:
            leads, wave = _TERRITORIES[head], _WAVES[tail.split("_")[0]]
        else:
            leads, wave = ("",), _WHOLE.get(head, "rest")
        for lead in leads:
            out.setdefault((lead, wave), []).append(place)
    return out


def without_features(view: View, gone: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Make inputs of which waves are away, as trees take it: their numbers are the training records' medians.

    Parameters
    ----------
    view : View
        Of trees.
    gone : bool array [n, leads, waves]

    Returns
    -------
    float32 array [n, numbers]
        NaN where away. What is measured on the whole record goes with the last lead.
    """
    x = np.repeat(view.x[None], len(gone), axis=0)
    for (lead, wave), places in feature_waves(names_of(view)).items():
        away = gone[:, :, WAVES.index(wave)]
        rows = away[:, LEADS.index(lead)] if lead else away.all(axis=1)
        x[np.ix_(np.flatnonzero(rows), np.array(places))] = np.nan
    return x
