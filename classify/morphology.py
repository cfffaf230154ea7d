"""The shape of the heart beat as numbers: the median beat of each lead, and what is measured on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecg.beats import WORK_RATE_HZ, Beats, RepresentativeBeat, find_beats, lead_groups, representative_beat
from ecg.record import LEADS, ECGRecord, resample
from ecg.waves import beat_waves

__all__ = ["BEAT_SAMPLES", "FEATURES", "PER_LEAD", "beats_of", "feature_vector", "median_beat"]

_Array = NDArray[np.float64]
_NAN = float("nan")

#: Samples at 500 Hz before and after the R peak. The published beat has 600 with R in the middle, of which 150 are cut
#: off ahead and 50 behind (Riek et al., arXiv 2405.09567).
_BEFORE, _AFTER = 150, 250
BEAT_SAMPLES = _BEFORE + _AFTER

_GLOBAL = (
    "rate_per_min",
    "rr_variation",
    "typical_share",
    "pr_ms",
    "qrs_ms",
    "qt_ms",
    "qtc_fridericia_ms",
    "axis_degrees",
)
#: Names of what is measured in each lead.
PER_LEAD = ("q_mv", "r_mv", "s_mv", "qrs_area_uvs", "j_mv", "j40_mv", "j80_mv", "t_high_mv", "t_low_mv", "p_mv")
#: Names of the features, in order.
FEATURES = _GLOBAL + tuple(f"{lead}_{name}" for lead in LEADS for name in PER_LEAD)
#: Lead in which P and T are delineated, the first that a group has: II shows the P wave best, V5 and V2 the T wave.
#: (All twelve would take a second and a half a record, one a tenth of that.)
_WAVE_LEADS = ("II", "V5", "V2", "I", "V4", "V6", "V3", "aVF", "III", "V1", "aVL", "aVR")
#: Level before the QRS: mean over this stretch against its onset, in seconds, as in `ecg.measure`.
_LEVEL_S = (-0.016, -0.004)
#: T is sought from so long after the J point, in seconds, to this share of a cycle after the QRS peak; P so long before
#: the QRS onset.
_T_FROM_S, _T_SHARE, _P_S = 0.08, 0.6, (-0.22, -0.02)


def median_beat(record: ECGRecord) -> _Array | None:
    """Median over the typical beats of each lead.

    Beats stand by the middle of their QRS, not by a peak: which lead's peak counts would differ between a record and
    the columns of a page, by up to 40 ms, and pull the leads of the page apart (median correlation with the beat of
    the whole record, on 37 records cut like a page of 3x4: 0.97 by the middle, 0.84 by the peak).

    Parameters
    ----------
    record : ECGRecord
        Any rate.

    Returns
    -------
    float array [leads, 400], or None if no lead shows a beat
        mV at 500 Hz, each lead from its median; the middle of the QRS is at sample 150. NaN in leads without beats.
    """
    work = resample(record, WORK_RATE_HZ)
    groups = beats_of(work)
    if not groups:
        return None
    own = {lead: beats for beats in groups for lead in beats.group.leads}
    rows = []
    for lead, x in zip(record.leads, work.signal, strict=True):
        # What shows too little for beats of its own takes those of the lead that shows most, a rhythm strip.
        beats = own.get(lead, groups[0])
        middle_s = (beats.onset_s + beats.offset_s) / 2
        rows.append(_lead_beat(x, beats.peak_s[beats.typical] + (middle_s if np.isfinite(middle_s) else 0.0)))
    return np.stack(rows)


def _lead_beat(x: NDArray[np.float32], peak_s: _Array) -> _Array:
    """Median of a lead's beats from its own median; NaN where it shows less than half of one."""
    at = np.rint(peak_s * WORK_RATE_HZ).astype(int)[:, None] + np.arange(-_BEFORE, _AFTER)
    inside = (at >= 0) & (at < x.size)
    cut = _level(np.where(inside, x[at.clip(0, x.size - 1)], np.nan).astype(np.float64))
    shown = np.isfinite(cut).any(axis=0)
    if 2 * shown.sum() < BEAT_SAMPLES:
        return np.full(BEAT_SAMPLES, np.nan)
    # A lead of 2.5 s may show no beat with all of its surroundings: the ends are held.
    beat = np.interp(np.arange(BEAT_SAMPLES), np.flatnonzero(shown), np.nanmedian(cut[:, shown], axis=0))
    out: _Array = beat - np.median(beat)
    return out


def beats_of(work: ECGRecord) -> list[Beats]:
    """Beats of each group of leads that shows any, the longest group first; the record is at 500 Hz."""
    found = [find_beats(work, group) for group in lead_groups(work)]
    return [beats for beats in found if beats.peak_s.size and beats.typical.any()]


def _level(cut: _Array) -> _Array:
    """Beats from their own level around the QRS, so that wander does not smear the median."""
    near = cut[:, _BEFORE - 20 : _BEFORE + 20]
    shown = np.isfinite(near).sum(axis=1)
    levels = np.where(shown > 0, np.nansum(near, axis=1) / np.maximum(shown, 1), np.nan)
    out: _Array = cut - levels[:, None]
    return out


def feature_vector(record: ECGRecord) -> NDArray[np.float32]:
    """Features of a record.

    Rhythm from the distances of beats, intervals from the QRS of all leads and the P and T waves of one, amplitudes
    lead by lead on the representative beat (`ecg.beats`, `ecg.waves`).

    Parameters
    ----------
    record : ECGRecord
        Any leads at any rate.

    Returns
    -------
    float32 array [len(FEATURES)]
        NaN where not measurable; all of it where no beat is found.
    """
    work = resample(record, WORK_RATE_HZ)
    values: dict[str, float] = {}
    areas: dict[str, float] = {}
    for beats in beats_of(work):
        beat = representative_beat(work, beats)
        cycle_s = float(np.median(np.diff(beats.peak_s))) if beats.peak_s.size > 1 else _NAN
        for name, value in {**_rhythm(beats, cycle_s), **_intervals(beat, beats, cycle_s)}.items():
            if np.isfinite(value):
                values.setdefault(name, value)
        for row, lead in enumerate(beat.leads):
            measured = _amplitudes(beat.signal[row], beat.peak, beats, cycle_s)
            values.update({f"{lead}_{name}": value for name, value in measured.items()})
            areas[lead] = measured.get("qrs_area_uvs", _NAN)
    if {"I", "aVF"} <= set(areas):
        # Gain of aVF against a bipolar lead: sqrt(3)/2 (Malmivuo & Plonsey 1995, 15.4).
        values["axis_degrees"] = float(np.degrees(np.arctan2(areas["aVF"] * 2 / np.sqrt(3), areas["I"])))
    return np.array([values.get(name, _NAN) for name in FEATURES], dtype=np.float32)


def _rhythm(beats: Beats, cycle_s: float) -> dict[str, float]:
    intervals = np.diff(beats.peak_s)
    return {
        "rate_per_min": 60 / cycle_s,
        "rr_variation": float(intervals.std() / intervals.mean()) if intervals.size > 2 else _NAN,
        "typical_share": float(beats.typical.mean()),
    }


def _intervals(beat: RepresentativeBeat, beats: Beats, cycle_s: float) -> dict[str, float]:
    """PR, QRS, QT and QTc in ms."""
    lead = next(lead for lead in (*_WAVE_LEADS, *beat.leads) if lead in beat.leads)
    row = [beat.leads.index(lead)]
    alone = RepresentativeBeat((lead,), beat.signal[row], beat.mean[row], beat.peak)
    waves = beat_waves(alone, beats)[lead]
    qt_s = waves.get("t_offset_s", _NAN) - beats.onset_s
    return {
        "pr_ms": 1000 * (beats.onset_s - waves.get("p_onset_s", _NAN)),
        "qrs_ms": 1000 * (beats.offset_s - beats.onset_s),
        "qt_ms": 1000 * qt_s,
        "qtc_fridericia_ms": 1000 * qt_s / cycle_s ** (1 / 3),
    }


def _amplitudes(x: _Array, peak: int, beats: Beats, cycle_s: float) -> dict[str, float]:
    """Amplitudes in mV against the level before the QRS; nothing where the QRS has no clear start and end."""
    start_s, stop_s = beats.onset_s, beats.offset_s
    if not (np.isfinite(start_s) and np.isfinite(stop_s)):
        return {}
    level = _part(x, peak, start_s + _LEVEL_S[0], start_s + _LEVEL_S[1])
    if level.size == 0:
        return {}
    y = x - level.mean()
    qrs = _part(y, peak, start_s, stop_s)
    top = int(np.argmax(qrs))
    t_wave = _part(y, peak, stop_s + _T_FROM_S, _T_SHARE * cycle_s if np.isfinite(cycle_s) else stop_s + 0.35)
    p_wave = _part(y, peak, start_s + _P_S[0], start_s + _P_S[1])
    return {
        # The lowest before the highest, the highest, the lowest: defined for rsR' and QS complexes too.
        "q_mv": float(min(0.0, qrs[: top + 1].min())),
        "r_mv": float(max(0.0, qrs[top])),
        "s_mv": float(min(0.0, qrs.min())),
        "qrs_area_uvs": float(qrs.sum() / WORK_RATE_HZ * 1000),
        "j_mv": _mean(y, peak, stop_s),
        "j40_mv": _mean(y, peak, stop_s + 0.04),
        "j80_mv": _mean(y, peak, stop_s + 0.08),
        "t_high_mv": float(t_wave.max()) if t_wave.size else _NAN,
        "t_low_mv": float(t_wave.min()) if t_wave.size else _NAN,
        "p_mv": _largest(p_wave),
    }


def _part(x: _Array, peak: int, start_s: float, stop_s: float) -> _Array:
    """Cut out the samples between two times against the QRS peak, as far as the beat reaches."""
    first, last = (peak + round(t * WORK_RATE_HZ) for t in (start_s, stop_s))
    return x[max(0, first) : max(0, last) + 1]


def _mean(x: _Array, peak: int, at_s: float) -> float:
    near = _part(x, peak, at_s - 0.004, at_s + 0.004)
    return float(near.mean()) if near.size else _NAN


def _largest(x: Sequence[float] | _Array) -> float:
    """Value that is farthest from zero."""
    x = np.asarray(x)
    return float(x[np.argmax(np.abs(x))]) if x.size else _NAN
