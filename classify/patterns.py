"""What a reader of ECGs looks for, as numbers: the amplitudes of `classify.morphology` put into relation.

An amplitude alone depends on the chest it was taken from. Criteria are relations: Q against the height of its complex,
ST and T against the QRS, neighbouring leads together (territories of the coronary arteries), R growing from V1 to V6,
voltages added (Sokolow & Lyon, Am Heart J 1949;37:161; Cornell: Casale et al., J Am Coll Cardiol 1985;6:572), the angle
between QRS and T. Rhythm is taken from the longest strip, beat by beat: a page shows each other lead for 2.5 s.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from classify.morphology import FEATURES, PER_LEAD, beats_of, feature_vector
from ecg.beats import WORK_RATE_HZ, Beats
from ecg.record import LEADS, ECGRecord, resample

__all__ = ["PATTERNS", "pattern_vector"]

_Array = NDArray[np.float64]
_NAN = float("nan")

#: Leads that look at the ground of one artery, as the universal definition of infarction groups them (Thygesen et al.,
#: Circulation 2018;138:e618); aVR looks from the other side.
_TERRITORIES = {
    "septal": ("V1", "V2"),
    "anterior": ("V3", "V4"),
    "lateral": ("I", "aVL", "V5", "V6"),
    "inferior": ("II", "III", "aVF"),
}
_RELATIONS = ("height_mv", "q_share", "r_share", "t_mv", "t_share", "st_share", "st_slope_mv")
_OF_TERRITORY = ("st_high", "st_low", "st_mean", "t_low", "t_high", "q_low", "r_low", "q_share", "t_share")
_OVERALL = (
    "st_highest_mv",
    "st_lowest_mv",
    "st_size_mv",
    "leads_with_q",
    "leads_with_inverted_t",
    "leads_with_st_elevation",
    "sokolow_mv",
    "cornell_mv",
    "r_v1_to_v4_mv",
    "limb_height_mv",
    "chest_height_mv",
    "transition",
    "t_left_mv",
    "t_down_mv",
    "qrs_t_angle_degrees",
)
_RHYTHM = (
    "beats",
    "odd_beats",
    "rr_s",
    "rr_shortest",
    "rr_longest",
    "rr_sd",
    "rr_step",
    "rr_usual_step",
    "rr_distance",
    "rr_sd_of_columns",
    "qrs_least_likeness",
    "qrs_likeness",
    "qrs_height_sd",
    "p_likeness",
    "p_share",
)
#: Names of the numbers, in order.
PATTERNS = (
    FEATURES
    + tuple(f"{lead}_{name}" for lead in LEADS for name in _RELATIONS)
    + tuple(f"{territory}_{name}" for territory in _TERRITORIES for name in _OF_TERRITORY)
    + _OVERALL
    + _RHYTHM
)
#: A QRS lower than half a small square counts as so high, in mV, where something is divided by it.
_LEAST_HEIGHT_MV = 0.05
#: A Q wave deeper than a fifth of its complex, a T wave lower than a twentieth of it below the line, an ST segment more
#: than a small square above it count as seen.
_Q_SHARE, _T_SHARE, _ST_MV = 0.2, -0.05, 0.1
#: Seconds against the peak in which beats are compared, and in which a P wave stands.
_QRS_S, _P_S = (-0.1, 0.1), (-0.26, -0.06)


def pattern_vector(record: ECGRecord) -> NDArray[np.float32]:
    """Patterns of a record of the twelve standard leads.

    Parameters
    ----------
    record : ECGRecord
        Leads as in `ecg.record.LEADS`, any rate, NaN where missing.

    Returns
    -------
    float32 array [len(PATTERNS)]
        NaN where not measurable; all of it where no beat is found.
    """
    features = feature_vector(record)
    if not np.isfinite(features).any():
        return np.full(len(PATTERNS), _NAN, np.float32)
    first = len(FEATURES) - len(LEADS) * len(PER_LEAD)
    table = features[first:].astype(np.float64).reshape(len(LEADS), len(PER_LEAD))
    amplitude = dict(zip(PER_LEAD, table.T, strict=True))
    relations = _relations(amplitude)
    axis = float(features[FEATURES.index("axis_degrees")])
    rhythm = _rhythm(record)
    parts = [
        features,
        np.stack([relations[name] for name in _RELATIONS], axis=1).ravel(),
        np.concatenate([_territory(leads, amplitude, relations) for leads in _TERRITORIES.values()]),
        _overall(amplitude, relations, axis),
        [rhythm.get(name, _NAN) for name in _RHYTHM],
    ]
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def _relations(amplitude: dict[str, _Array]) -> dict[str, _Array]:
    """Each lead's amplitudes against the height of its QRS, [leads] each."""
    height = amplitude["r_mv"] - amplitude["s_mv"]
    over = np.maximum(height, _LEAST_HEIGHT_MV)
    high, low = amplitude["t_high_mv"], amplitude["t_low_mv"]
    t = np.where(np.abs(high) > np.abs(low), high, low)
    return {
        "height_mv": height,
        "q_share": -amplitude["q_mv"] / over,
        "r_share": amplitude["r_mv"] / over,
        "t_mv": t,
        "t_share": t / over,
        "st_share": amplitude["j40_mv"] / over,
        "st_slope_mv": amplitude["j80_mv"] - amplitude["j_mv"],
    }


def _territory(leads: tuple[str, ...], amplitude: dict[str, _Array], relations: dict[str, _Array]) -> list[float]:
    """Extremes and means over neighbouring leads, in the order of `_OF_TERRITORY`."""
    at = [LEADS.index(lead) for lead in leads]
    st = amplitude["j40_mv"][at]
    return [
        _highest(st),
        _lowest(st),
        _mean(st),
        _lowest(amplitude["t_low_mv"][at]),
        _highest(amplitude["t_high_mv"][at]),
        _lowest(amplitude["q_mv"][at]),
        _lowest(amplitude["r_mv"][at]),
        _highest(relations["q_share"][at]),
        _mean(relations["t_share"][at]),
    ]


def _overall(amplitude: dict[str, _Array], relations: dict[str, _Array], axis_degrees: float) -> list[float]:
    """Relations between leads, in the order of `_OVERALL`."""
    facing = np.array([lead != "aVR" for lead in LEADS])
    upright = facing & np.array([lead != "V1" for lead in LEADS])  # T is often inverted in V1
    st, r, s = amplitude["j40_mv"], amplitude["r_mv"], amplitude["s_mv"]
    of = LEADS.index
    chest = slice(of("V1"), of("V6") + 1)
    positive = np.flatnonzero((r + s)[chest] > 0)
    t = amplitude["t_high_mv"] + amplitude["t_low_mv"]
    t_axis = float(np.degrees(np.arctan2(t[of("aVF")], t[of("I")])))
    return [
        _highest(st[facing]),
        _lowest(st[facing]),
        _mean(np.abs(st)),
        float((relations["q_share"][facing] > _Q_SHARE).sum()),
        float((relations["t_share"][upright] < _T_SHARE).sum()),
        float((st > _ST_MV).sum()),
        _highest(r[[of("V5"), of("V6")]]) - float(s[of("V1")]),
        float(r[of("aVL")] - s[of("V3")]),
        float(np.nansum(r[of("V1") : of("V4") + 1])),
        _mean(relations["height_mv"][: of("V1")]),
        _mean(relations["height_mv"][chest]),
        float(positive[0]) if positive.size else 6.0,
        float(t[of("I")]),
        float(t[of("aVF")]),
        abs((t_axis - axis_degrees + 180) % 360 - 180),
    ]


def _rhythm(record: ECGRecord) -> dict[str, float]:
    """Distances of beats and how alike they are, on the longest strip."""
    work = resample(record, WORK_RATE_HZ)
    groups = beats_of(work)
    if not groups:
        return {}
    beats = groups[0]
    found = {"beats": float(beats.peak_s.size), "odd_beats": float((~beats.typical).sum())}
    rr = np.diff(beats.peak_s)
    if rr.size > 2:
        middle = float(np.median(rr))
        steps = np.abs(np.diff(rr)) / middle
        found |= {
            "rr_s": middle,
            "rr_shortest": float(rr.min()) / middle,
            "rr_longest": float(rr.max()) / middle,
            "rr_sd": float(rr.std() / rr.mean()),
            "rr_step": float(np.sqrt(np.mean(steps**2))),
            "rr_usual_step": float(np.median(steps)),
            "rr_distance": float(np.abs(rr / middle - 1).mean()),
        }
    columns = [np.diff(other.peak_s) for other in groups[1:] if other.peak_s.size > 1]
    if columns:
        joined = np.concatenate(columns)
        found["rr_sd_of_columns"] = float(joined.std() / joined.mean())
    return {**found, **_likeness(work, beats)}


def _likeness(work: ECGRecord, beats: Beats) -> dict[str, float]:
    """Correlation of beats with their median in the strip's first lead: their QRS, and what stands where P does."""
    x = work[beats.group.leads[0]].astype(np.float64)
    shown = np.isfinite(x)
    x = np.interp(np.arange(x.size), np.flatnonzero(shown), x[shown])
    qrs, p = (_cut(x, beats.peak_s, span) for span in (_QRS_S, _P_S))
    found: dict[str, float] = {}
    if len(qrs) > 2:
        alike, heights = _correlations(qrs), np.ptp(qrs, axis=1)
        found["qrs_least_likeness"], found["qrs_likeness"] = float(alike.min()), float(alike.mean())
        found["qrs_height_sd"] = float(heights.std() / max(heights.mean(), _LEAST_HEIGHT_MV))
    if len(qrs) > 2 and len(p) > 2:
        over = max(float(np.ptp(np.median(qrs, axis=0))), _LEAST_HEIGHT_MV)
        found["p_likeness"] = float(np.median(_correlations(p)))
        found["p_share"] = float(np.ptp(np.median(p - p.mean(axis=1, keepdims=True), axis=0))) / over
    return found


def _cut(x: _Array, peak_s: _Array, span_s: tuple[float, float]) -> _Array:
    """Cut one stretch a beat, [beats, samples], where the strip shows the whole of it."""
    start, stop = (round(t * WORK_RATE_HZ) for t in span_s)
    at = np.rint(peak_s * WORK_RATE_HZ).astype(int)
    at = at[(at + start >= 0) & (at + stop < x.size)]
    out: _Array = x[at[:, None] + np.arange(start, stop)]
    return out


def _correlations(cut: _Array) -> _Array:
    centred = cut - cut.mean(axis=1, keepdims=True)
    middle = np.median(centred, axis=0)
    norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(middle)
    out: _Array = centred @ middle / np.maximum(norms, 1e-9)
    return out


def _over(x: _Array, what: Callable[[_Array], float]) -> float:
    known = x[np.isfinite(x)]
    return float(what(known)) if known.size else _NAN


def _highest(x: _Array) -> float:
    return _over(x, np.max)


def _lowest(x: _Array) -> float:
    return _over(x, np.min)


def _mean(x: _Array) -> float:
    return _over(x, np.mean)
