"""Rate, intervals, axis and ST levels of a record, each measured or said to be not measurable.

Definitions follow the AHA/ACCF/HRS recommendations for the standardization and interpretation of the
electrocardiogram, parts I to VI (Kligfield 2007, Mason 2007, Surawicz 2009, Rautaharju 2009, Hancock 2009, Wagner
2009). A record from paper shows 2.5 s of most leads: rhythm is read from the lead that shows most, intervals from
every lead, and nothing is filled in for what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecg.beats import WORK_RATE_HZ, Beats, RepresentativeBeat, find_beats, lead_groups, low_passed, representative_beat
from ecg.record import ECGRecord, resample
from ecg.waves import beat_waves

__all__ = ["Measurement", "Measurements", "measure"]

Quality = Literal["good", "fair", "not measurable"]
_Array = NDArray[np.float64]
_NAN = float("nan")

#: What a heart can do; anything else is a fault of the record or of the measurement.
_RATE_PER_MIN = (25.0, 300.0)
_PR_MS, _QRS_MS, _QT_MS = (70.0, 450.0), (40.0, 250.0), (200.0, 720.0)
#: Least number of intervals between normal beats for a variability, and for a rate of good quality.
_LEAST_INTERVALS, _GOOD_INTERVALS = 5, 4
#: An interval needs this share of the leads that show beats, and is good where they agree this well (ms, MAD).
_LEAST_SHARE, _AGREE_MS = 1 / 3, 12.0
#: Bazett's correction goes wrong away from this range of rates (Rautaharju et al. 2009, part IV).
_BAZETT_PER_MIN = (60.0, 90.0)
#: Level before the QRS: mean over this stretch against its onset, in seconds; J: mean over ± this many seconds.
_LEVEL_S, _J_S = (-0.016, -0.004), 0.004
#: Net QRS area below this share of the whole area has no direction.
_LEAST_NET = 0.1
#: Direction of each limb lead in degrees and its gain against a bipolar one: Einthoven's triangle, Goldberger's leads
#: (Malmivuo & Plonsey 1995, 15.2 and 15.4).
_LIMB_DIRECTIONS = {
    "I": (0.0, 1.0),
    "aVF": (90.0, math.sqrt(3) / 2),
    "II": (60.0, 1.0),
    "III": (120.0, 1.0),
    "aVR": (-150.0, math.sqrt(3) / 2),
    "aVL": (-30.0, math.sqrt(3) / 2),
}


@dataclass(frozen=True)
class Measurement:
    """One figure, or why there is none.

    Parameters
    ----------
    value : float or None
        None where it is not measurable.
    unit : str
    quality : str
        ``"good"``, ``"fair"`` or ``"not measurable"``.
    reason : str
        Why the quality is not good.
    """

    value: float | None
    unit: str
    quality: Quality
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured on a record.

    Parameters
    ----------
    rhythm_leads : tuple of str
        Leads that the rhythm was read from; empty where none shows a beat.
    beats_s : float array [beats]
        QRS peaks there, in seconds from the start of the record.
    rate : Measurement
        Heart rate per minute, from the mean interval between beats.
    sdnn, rmssd : Measurement
        Standard deviation of the intervals between normal beats, and root mean square of successive differences, in
        ms (Task Force of the ESC and NASPE, Circulation 1996;93:1043-1065).
    pr, qrs, qt : Measurement
        Intervals in ms.
    qtc_bazett, qtc_fridericia : Measurement
        QT / RR^(1/2) (Bazett, Heart 1920;7:353-370) and QT / RR^(1/3) (Fridericia, Acta Med Scand 1920;53:469-486), in
        ms, RR in seconds.
    axis : Measurement
        Frontal QRS axis in degrees, −180 to 180.
    st : mapping lead -> Measurement
        Level at the J point against the level before the QRS, in mV; one for every lead of the record.
    """

    rhythm_leads: tuple[str, ...]
    beats_s: _Array
    rate: Measurement
    sdnn: Measurement
    rmssd: Measurement
    pr: Measurement
    qrs: Measurement
    qt: Measurement
    qtc_bazett: Measurement
    qtc_fridericia: Measurement
    axis: Measurement
    st: Mapping[str, Measurement]


@dataclass(frozen=True, eq=False)
class _Group:
    """Beats of a group of leads, their representative beat, and its P and T lead by lead."""

    beats: Beats
    beat: RepresentativeBeat
    waves: Mapping[str, Mapping[str, float]]


def measure(record: ECGRecord) -> Measurements:
    """Measure a record.

    Parameters
    ----------
    record : ECGRecord
        Any leads, any rate, NaN where missing.

    Returns
    -------
    Measurements
        What cannot be measured says why; nothing is raised for a poor record.

    Examples
    --------
    >>> empty = ECGRecord(np.full((1, 5000), np.nan), 500, ("II",))
    >>> measure(empty).rate
    Measurement(value=None, unit='1/min', quality='not measurable', reason='no lead shows 1.2 s without a gap')
    """
    work = resample(record, WORK_RATE_HZ)
    found = [find_beats(work, group) for group in lead_groups(work)]
    groups = [_group(work, beats) for beats in found if beats.peak_s.size]
    why = found[0].reason if found else "no lead shows 1.2 s without a gap"
    rate, rr_s = _rate([g.beats for g in groups], why)
    pr = _interval(groups, "p_onset_s", _PR_MS, "P", why)
    qt = _interval(groups, "t_offset_s", (_QT_MS[0], min(_QT_MS[1], 1000 * rr_s)), "T", why)
    sdnn, rmssd = _variability(groups[0].beats if groups else None, why)
    return Measurements(
        rhythm_leads=groups[0].beat.leads if groups else (),
        beats_s=groups[0].beats.peak_s if groups else np.empty(0),
        rate=rate,
        sdnn=sdnn,
        rmssd=rmssd,
        pr=pr,
        qrs=_qrs(groups, why),
        qt=qt,
        qtc_bazett=_corrected(qt, rr_s, 1 / 2),
        qtc_fridericia=_corrected(qt, rr_s, 1 / 3),
        axis=_axis(groups, why),
        st=MappingProxyType({lead: _st(lead, groups, why) for lead in record.leads}),
    )


def _group(work: ECGRecord, beats: Beats) -> _Group:
    beat = representative_beat(work, beats)
    return _Group(beats, beat, beat_waves(beat, beats))


def _missing(unit: str, reason: str) -> Measurement:
    return Measurement(None, unit, "not measurable", reason)


def _rate(found: Sequence[Beats], why: str) -> tuple[Measurement, float]:
    """Rate, and the mean interval in seconds (infinite where there is none)."""
    unit = "1/min"
    if not found:
        return _missing(unit, why), math.inf
    intervals = np.diff(found[0].peak_s)
    if intervals.size < 2:  # the longest lead holds one or two beats: the other columns of the page have some more
        intervals = np.concatenate([np.diff(beats.peak_s) for beats in found])
    if intervals.size == 0:
        return _missing(unit, "no lead shows two beats"), math.inf
    rr_s = float(intervals.mean())
    low, high = _RATE_PER_MIN
    if not low <= 60 / rr_s <= high:
        return _missing(unit, f"{60 / rr_s:.0f} beats a minute is outside {low:.0f} to {high:.0f}"), math.inf
    if intervals.size < _GOOD_INTERVALS:
        return Measurement(60 / rr_s, unit, "fair", f"from {intervals.size} intervals"), rr_s
    if np.ptp(intervals) > 0.5 * rr_s:
        return Measurement(60 / rr_s, unit, "fair", "irregular: intervals differ by more than half their mean"), rr_s
    return Measurement(60 / rr_s, unit, "good"), rr_s


def _variability(beats: Beats | None, why: str) -> tuple[Measurement, Measurement]:
    if beats is None:
        return _missing("ms", why), _missing("ms", why)
    normal = beats.typical[:-1] & beats.typical[1:]
    intervals = 1000 * np.where(normal, np.diff(beats.peak_s), np.nan)
    if normal.sum() < _LEAST_INTERVALS:
        reason = f"{int(normal.sum())} intervals between normal beats, {_LEAST_INTERVALS} are needed"
        return _missing("ms", reason), _missing("ms", reason)
    steps = np.diff(intervals)
    steps = steps[np.isfinite(steps)]
    reason = f"from {beats.group.duration_s:.0f} s; variability is defined over 5 minutes"
    quality: Quality = "good" if beats.group.duration_s >= 300 else "fair"
    reason = "" if quality == "good" else reason
    sdnn = Measurement(float(np.nanstd(intervals, ddof=1)), "ms", quality, reason)
    if steps.size == 0:
        return sdnn, _missing("ms", "no two successive intervals between normal beats")
    return sdnn, Measurement(float(np.sqrt(np.mean(steps**2))), "ms", quality, reason)


def _interval(groups: Sequence[_Group], end: str, bounds: tuple[float, float], wave: str, why: str) -> Measurement:
    """Distance of a wave's outer end from the QRS onset in ms: median over the leads that show the wave."""
    if not groups:
        return _missing("ms", why)
    values = []
    for g in groups:
        values += [1000 * abs(w[end] - g.beats.onset_s) if end in w else _NAN for w in g.waves.values()]
    shown = np.array(values)[np.isfinite(values)]
    if shown.size < max(1.0, _LEAST_SHARE * len(values)):
        return _missing("ms", f"{shown.size} of {len(values)} leads show a {wave} wave")
    return _bounded(shown, len(values), bounds, f"show a {wave} wave")


def _bounded(values: _Array, n_leads: int, bounds: tuple[float, float], what: str) -> Measurement:
    """Median of several leads' values, with the quality that their number and agreement give."""
    value = float(np.median(values))
    low, high = bounds
    if not low <= value <= high:
        return _missing("ms", f"{value:.0f} ms is outside {low:.0f} to {high:.0f} ms")
    spread = float(np.median(np.abs(values - value)))
    if values.size < 0.5 * n_leads or values.size < 2:
        return Measurement(value, "ms", "fair", f"{values.size} of {n_leads} leads {what}")
    if spread > _AGREE_MS:
        return Measurement(value, "ms", "fair", f"the leads differ by {spread:.0f} ms (median)")
    return Measurement(value, "ms", "good")


def _qrs(groups: Sequence[_Group], why: str) -> Measurement:
    """QRS duration: each group's, from first onset to last offset in its leads, weighted by their number."""
    if not groups:
        return _missing("ms", why)
    values = [1000 * (g.beats.offset_s - g.beats.onset_s) for g in groups for _ in g.beat.leads]
    known = np.array(values)[np.isfinite(values)]
    if known.size == 0:
        return _missing("ms", "the QRS has no clear start and end in any lead")
    return _bounded(known, len(values), _QRS_MS, "show both ends of the QRS")


def _corrected(qt: Measurement, rr_s: float, exponent: float) -> Measurement:
    if qt.value is None:
        return qt
    if not math.isfinite(rr_s):
        return _missing("ms", "the heart rate is not measurable")
    value, rate = qt.value / rr_s**exponent, 60 / rr_s
    low, high = _BAZETT_PER_MIN
    if exponent == 1 / 2 and not low <= rate <= high:
        return Measurement(
            value, "ms", "fair", f"Bazett's correction is wrong outside {low:.0f} to {high:.0f} per minute"
        )
    return Measurement(value, "ms", qt.quality, qt.reason)


def _of_lead(lead: str, groups: Sequence[_Group]) -> tuple[_Group, _Array, float] | None:
    """Group of a lead, its representative beat without noise, and the level before its QRS in mV."""
    for g in groups:
        if lead in g.beat.leads and math.isfinite(g.beats.onset_s + g.beats.offset_s):
            x = low_passed(g.beat.signal[g.beat.leads.index(lead)])
            return g, x, _mean(x, g.beat, g.beats.onset_s + _LEVEL_S[0], g.beats.onset_s + _LEVEL_S[1])
    return None


def _mean(x: _Array, beat: RepresentativeBeat, start_s: float, stop_s: float) -> float:
    n = max(1, round((stop_s - start_s) * WORK_RATE_HZ) + 1)
    return float(np.mean(x[[beat.at(start_s + k / WORK_RATE_HZ) for k in range(n)]]))


def _st(lead: str, groups: Sequence[_Group], why: str) -> Measurement:
    found = _of_lead(lead, groups)
    if found is None:
        return _missing("mV", why if not groups else "the lead shows no QRS with a clear start and end")
    g, x, level = found
    j = g.beats.offset_s
    value = _mean(x, g.beat, j - _J_S, j + _J_S) - level
    if g.beats.typical.sum() < 2:
        return Measurement(value, "mV", "fair", "from one beat")
    return Measurement(value, "mV", "good")


def _axis(groups: Sequence[_Group], why: str) -> Measurement:
    """Direction of the mean QRS vector: least squares over net areas of I and aVF, or of what limb leads there are.

    A dipole of direction a gives a lead of direction d and gain k the net area k cos(a - d), up to its strength.
    """
    if not groups:
        return _missing("degrees", why)
    areas = {lead: area for lead in _LIMB_DIRECTIONS if (area := _qrs_area(lead, groups)) is not None}
    leads = ["I", "aVF"] if {"I", "aVF"} <= set(areas) else list(areas)
    if len(leads) < 2:
        return _missing("degrees", "two limb leads with a clear QRS are needed")
    degrees, gains = (np.array(v) for v in zip(*(_LIMB_DIRECTIONS[lead] for lead in leads), strict=True))
    angles = np.deg2rad(degrees)
    matrix = gains[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    net, whole = np.array([areas[lead] for lead in leads]).T
    (x, y), *_ = np.linalg.lstsq(matrix, net, rcond=None)
    if np.abs(net).max() < _LEAST_NET * whole.max():
        return _missing("degrees", f"the QRS is as much up as down in {' and '.join(leads)}")
    value = math.degrees(math.atan2(y, x))
    if leads != ["I", "aVF"]:
        return Measurement(value, "degrees", "fair", f"from {', '.join(leads)}: I or aVF is missing")
    return Measurement(value, "degrees", "good")


def _qrs_area(lead: str, groups: Sequence[_Group]) -> tuple[float, float] | None:
    """Net and whole area of the QRS over the level before it, in mV s."""
    found = _of_lead(lead, groups)
    if found is None:
        return None
    g, x, level = found
    n = round((g.beats.offset_s - g.beats.onset_s) * WORK_RATE_HZ) + 1
    qrs = x[[g.beat.at(g.beats.onset_s + k / WORK_RATE_HZ) for k in range(n)]] - level
    return float(qrs.sum()) / WORK_RATE_HZ, float(np.abs(qrs).sum()) / WORK_RATE_HZ
