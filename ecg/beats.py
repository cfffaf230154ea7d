"""Heart beats on records that may have gaps, and the representative beat of each lead.

Leads that show the same seconds are searched together. QRS complexes are found by two moving averages (Elgendi,
Jonkman & De Boer, BIOSIGNALS 2010, 428-431) and bounded by spatial velocity, the joint slope of the leads (CSE
Working Party, Eur Heart J 1985;6:815-825), in the representative beat: the median over a lead's beats, as recorders
measure (Kligfield et al., Circulation 2007;115:1306-1324, part I).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.record import ECGRecord, resample

__all__ = [
    "WORK_RATE_HZ",
    "Beats",
    "LeadGroup",
    "RepresentativeBeat",
    "find_beats",
    "lead_groups",
    "low_passed",
    "representative_beat",
]

_Array = NDArray[np.float64]
_NAN = float("nan")

#: Rate in Hz at which beats are searched and measured: that of diagnostic recorders.
WORK_RATE_HZ = 500.0
_FS = WORK_RATE_HZ
#: Gaps up to this many seconds, half a narrow QRS, are bridged by a straight line; longer ones end a run.
_BRIDGE_S = 0.04
#: Shorter runs hold too little to tell a beat from noise, in seconds.
_LEAST_S = 1.2
#: Two beats cannot be closer than this many seconds: 300 per minute.
_REFRACTORY_S = 0.2
#: Fewer beats than this many per minute are no heart rhythm.
_LEAST_PER_MIN = 25.0
#: Windows of Elgendi's averages in seconds: one QRS, one beat; and his offset, a share of the mean energy.
_QRS_S, _BEAT_S, _OFFSET = 0.097, 0.611, 0.08
#: A candidate needs this share of the typical candidate's energy: T waves and artefacts have less.
_LEAST_ENERGY = 0.08
#: QRS ends where the velocity stays under this share of its peak for so many seconds, at most so far from the peak;
#: or under this many times its calm level (lowest fifth), where noise is higher than that.
_STILL, _STILL_S, _REACH_S, _CALM = 0.06, 0.012, 0.14, 2.5
#: Beats of one group resemble each other at least so much (median correlation with the median beat, ±0.1 s), and
#: stand out of what lies between them at least so many times.
_LEAST_LIKENESS, _LEAST_PROMINENCE = 0.7, 4.0
#: Beats that need not stand out: so much alike, and so regular (spread of the distances over their mean). Noise is
#: not alike (0.7 at most in 200 trials), and crests of mains hum lie at random distances.
_ALIKE, _REGULAR = 0.98, 0.1
#: Seconds of the representative beat before and after the QRS peak at most, and the share of a cycle before it.
_BEFORE_S, _AFTER_S, _BEFORE_SHARE = 0.45, 0.75, 0.45


@dataclass(frozen=True)
class LeadGroup:
    """Leads that show the same seconds.

    Parameters
    ----------
    leads : tuple of str
    start_s, stop_s : float
        Time that all of them show, in seconds from the start of the record.
    """

    leads: tuple[str, ...]
    start_s: float
    stop_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.stop_s - self.start_s


@dataclass(frozen=True, eq=False)
class RepresentativeBeat:
    """Median beat of each lead of a group, over at most one cycle.

    Parameters
    ----------
    leads : tuple of str
    signal : float array [leads, samples]
        mV at 500 Hz; no common zero, because paper has none.
    mean : float array [leads, samples]
        Mean instead of median: what comes and goes is smaller there.
    peak : int
        Sample of the QRS peak.
    """

    leads: tuple[str, ...]
    signal: _Array
    mean: _Array
    peak: int

    def at(self, seconds: float) -> int:
        """Sample so many seconds from the peak, going on at the other end: the beat repeats."""
        return int((self.peak + round(seconds * _FS)) % self.signal.shape[1])


@dataclass(frozen=True, eq=False)
class Beats:
    """QRS complexes of one group of leads.

    Parameters
    ----------
    group : LeadGroup
    peak_s : float array [beats]
        Main deflection of the group's clearest lead, in seconds from the start of the record.
    typical : bool array [beats]
        Whether the beat resembles the representative one; ectopic beats do not.
    onset_s, offset_s : float
        Start and end of the QRS over all leads of the group against its peak, in seconds; NaN without a clear end.
    reason : str
        Why there are none; empty where there are some.
    """

    group: LeadGroup
    peak_s: _Array
    typical: NDArray[np.bool_]
    onset_s: float
    offset_s: float
    reason: str = ""


def lead_groups(record: ECGRecord) -> tuple[LeadGroup, ...]:
    """Leads by the seconds that they show, the longest first.

    Each lead counts with its longest run without a gap over 40 ms. Two leads belong together if both ends are within
    0.1 s, the width of a lead name or separator on paper.

    Parameters
    ----------
    record : ECGRecord

    Examples
    --------
    >>> signal = np.full((3, 5000), np.nan)
    >>> signal[:2, :1250] = signal[2] = 0
    >>> [(g.leads, g.duration_s) for g in lead_groups(ECGRecord(signal, 500, ("I", "III", "II")))]
    [(('II',), 10.0), (('I', 'III'), 2.5)]
    """
    found: list[tuple[float, float, list[str]]] = []
    for lead in record.leads:
        start, stop = _longest_run(record[lead], round(_BRIDGE_S * record.fs))
        a, b = start / record.fs, stop / record.fs
        if b - a < _LEAST_S:
            continue
        near = next((f for f in found if abs(f[0] - a) <= 0.1 and abs(f[1] - b) <= 0.1), None)
        if near is None:
            found.append((a, b, [lead]))
        else:
            found[found.index(near)] = (max(near[0], a), min(near[1], b), [*near[2], lead])
    groups = [LeadGroup(tuple(leads), a, b) for a, b, leads in found]
    return tuple(sorted(groups, key=lambda g: (-g.duration_s, g.start_s)))


def _longest_run(x: NDArray[np.float32], bridge: int) -> tuple[int, int]:
    """First sample and end of the longest stretch whose gaps are at most ``bridge`` samples."""
    present = np.flatnonzero(np.isfinite(x))
    if present.size == 0:
        return 0, 0
    breaks = np.flatnonzero(np.diff(present) > bridge + 1)
    starts = present[np.concatenate([[0], breaks + 1])]
    stops = present[np.concatenate([breaks, [present.size - 1]])] + 1
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])


def _rows(record: ECGRecord, group: LeadGroup) -> _Array:
    """Signals of a group [leads, samples], bridged and without their means; the record is at the work rate."""
    span = slice(round(group.start_s * _FS), round(group.stop_s * _FS))
    rows = np.stack([record[lead][span].astype(np.float64) for lead in group.leads])
    at = np.arange(rows.shape[1])
    for row in rows:
        gap = ~np.isfinite(row)
        row[gap] = np.interp(at[gap], at[~gap], row[~gap])
        row -= np.median(row)
    return rows


def _filtered(rows: _Array, band: float | tuple[float, float], order: int = 2) -> _Array:
    """Zero-phase Butterworth: low-pass at one frequency in Hz, band-pass between two."""
    from scipy.signal import butter, sosfiltfilt

    kind = "bandpass" if isinstance(band, tuple) else "lowpass"
    sos = butter(order, band, kind, fs=_FS, output="sos")
    out: _Array = sosfiltfilt(sos, rows, axis=-1, padlen=min(rows.shape[-1] - 1, round(0.3 * _FS)))
    return out


def low_passed(rows: _Array) -> _Array:
    """Signals at 500 Hz without what lies above 40 Hz, the muscle noise and mains of a resting ECG; zero phase."""
    return _filtered(rows, 40.0)


def _average(x: _Array, seconds: float) -> _Array:
    """Centred moving average; at the ends over what there is."""
    window = np.ones(round(seconds * _FS))
    return np.convolve(x, window, "same") / np.convolve(np.ones(x.size), window, "same")


def find_beats(record: ECGRecord, group: LeadGroup) -> Beats:
    """QRS complexes in the leads of one group.

    Parameters
    ----------
    record : ECGRecord
        At any rate; resampled to 500 Hz.
    group : LeadGroup
        One of `lead_groups` of the record.

    Returns
    -------
    Beats
        Without beats, and with a reason, where nothing looks like a heart beat.
    """
    rows = _rows(resample(record, _FS), group)
    centres = _candidates(np.mean(_filtered(rows, (8.0, 20.0)) ** 2, axis=0))
    if centres.size == 0:
        return _none(group, "no deflection stands out")
    level = _filtered(rows, (0.5, 40.0))
    clearest = level[int(np.argmax(np.ptp(_windows(level, centres, 0.1), axis=2).mean(axis=1)))]
    peaks = _peaks(clearest, centres)
    likeness = _likeness(clearest, peaks)
    reason = _doubt(clearest, peaks, likeness)
    if reason:
        return _none(group, reason)
    typical = likeness >= _LEAST_LIKENESS
    beat, _, zero = _representative(rows, peaks, typical)
    velocity = np.sqrt(np.mean(np.gradient(low_passed(beat), 1 / _FS, axis=1) ** 2, axis=0))
    return Beats(group, peaks / _FS + group.start_s, typical, *_qrs_bounds(velocity, zero))


def _none(group: LeadGroup, reason: str) -> Beats:
    return Beats(group, np.empty(0), np.empty(0, dtype=bool), _NAN, _NAN, reason)


def _candidates(energy: _Array) -> NDArray[np.intp]:
    """Centres of the blocks in which the energy over a QRS passes that over a beat."""
    if not energy.any():
        return np.empty(0, dtype=np.intp)
    inside = _average(energy, _QRS_S) > _average(energy, _BEAT_S) + _OFFSET * energy.mean()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
    blocks = [(a, b) for a, b in edges.reshape(-1, 2) if b - a >= 0.4 * _QRS_S * _FS]
    if not blocks:
        return np.empty(0, dtype=np.intp)
    centres = np.array([a + int(np.argmax(energy[a:b])) for a, b in blocks])
    centres = centres[energy[centres] >= _LEAST_ENERGY * np.median(energy[centres])]
    kept: list[int] = []
    for centre in centres:  # of two that are too close the stronger stays
        if not kept or centre - kept[-1] >= _REFRACTORY_S * _FS:
            kept.append(int(centre))
        elif energy[centre] > energy[kept[-1]]:
            kept[-1] = int(centre)
    return np.array(kept, dtype=np.intp)


def _windows(rows: _Array, centres: NDArray[np.intp], half_s: float) -> _Array:
    """Cut-outs around each centre, [..., beats, samples]; the ends of the signal are held."""
    reach = np.arange(-round(half_s * _FS), round(half_s * _FS) + 1)
    return rows[..., (centres[:, None] + reach).clip(0, rows.shape[-1] - 1)]


def _peaks(x: _Array, centres: NDArray[np.intp]) -> NDArray[np.intp]:
    """Find the main deflection near each centre, of one sign in all beats: distances are then between like points."""
    cut = _windows(x, centres, 0.06)
    cut = cut - np.median(cut[:, [0, -1]], axis=1, keepdims=True)
    sign = 1.0 if np.median(cut.max(axis=1)) >= np.median(-cut.min(axis=1)) else -1.0
    out: NDArray[np.intp] = (centres + np.argmax(sign * cut, axis=1) - cut.shape[1] // 2).clip(0, x.size - 1)
    return out


def _likeness(x: _Array, peaks: NDArray[np.intp]) -> _Array:
    """Correlation of each beat with the median beat over ±0.1 s."""
    cut = _windows(x, peaks, 0.1)
    cut = cut - cut.mean(axis=1, keepdims=True)
    template = np.median(cut, axis=0)
    norms = np.linalg.norm(cut, axis=1) * np.linalg.norm(template)
    out: _Array = cut @ template / np.maximum(norms, 1e-12)
    return out


def _doubt(x: _Array, peaks: NDArray[np.intp], likeness: _Array) -> str:
    """Why these are no heart beats; empty if they look like some."""
    height = float(np.median(np.ptp(_windows(x, peaks, 0.1), axis=1)))
    if height < 0.05:
        return f"the largest deflections are {1000 * height:.0f} µV, less than half a small square"
    away = np.ones(x.size, dtype=bool)
    away[(peaks[:, None] + np.arange(-60, 61)).clip(0, x.size - 1)] = False
    rest = 1.4826 * float(np.median(np.abs(x[away] - np.median(x[away])))) if away.any() else 0.0
    if height < _LEAST_PROMINENCE * rest and not _is_clockwork(peaks, likeness):
        return "no deflection stands out of the rest of the signal"
    # One beat may be lost at either end.
    if peaks.size < x.size / _FS * _LEAST_PER_MIN / 60 - 2:
        return f"{peaks.size} deflections in {x.size / _FS:.0f} s are fewer than {_LEAST_PER_MIN:.0f} a minute"
    if peaks.size > 2 and np.median(likeness) < _LEAST_LIKENESS:
        return f"the deflections do not resemble each other (correlation {np.median(likeness):.2f})"
    return ""


def _is_clockwork(peaks: NDArray[np.intp], likeness: _Array) -> bool:
    """Whether one shape comes back at equal distances: a raised ST with a tall T wave beside a small QRS does."""
    if peaks.size < 4 or np.median(likeness) < _ALIKE:
        return False
    apart = np.diff(peaks)
    return bool(np.std(apart) < _REGULAR * np.mean(apart))


def _representative(rows: _Array, peaks: NDArray[np.intp], typical: NDArray[np.bool_]) -> tuple[_Array, _Array, int]:
    """Median and mean beat of each lead [leads, samples] over at most one cycle, and where the peak is."""
    cycle = float(np.median(np.diff(peaks))) / _FS if peaks.size > 1 else _BEFORE_S + _AFTER_S
    before = round(min(_BEFORE_S, _BEFORE_SHARE * cycle) * _FS)
    after = round(min(_AFTER_S, (1 - _BEFORE_SHARE) * cycle) * _FS)
    at = peaks[typical][:, None] + np.arange(-before, after)
    inside = (at >= 0) & (at < rows.shape[1])
    cut = np.where(inside, rows[:, at.clip(0, rows.shape[1] - 1)], np.nan)
    # Each beat on its own level, that of its QRS, so that wander does not smear the median.
    near = slice(before - 10, before + 10)
    cut = cut - np.nanmean(cut[..., near], axis=-1, keepdims=True)
    known = inside.any(axis=0)
    first, last = int(np.argmax(known)), before + after - int(np.argmax(known[::-1]))
    cut = cut[..., first:last]
    return np.nanmedian(cut, axis=1), np.nanmean(cut, axis=1), before - first


def _qrs_bounds(velocity: _Array, zero: int) -> tuple[float, float]:
    """Seconds from the peak to where the joint slope comes to rest before and after it."""
    reach, still = round(_REACH_S * _FS), round(_STILL_S * _FS)
    fastest = float(velocity[max(0, zero - 30) : zero + 31].max())
    limit = max(_STILL * fastest, min(_CALM * float(np.percentile(velocity, 20)), 0.3 * fastest))
    bounds = []
    for side, sign in ((velocity[max(0, zero - reach) : zero + 1][::-1], -1), (velocity[zero : zero + reach + 1], 1)):
        # The velocity is nil at the very peak too: rest counts only beyond the first fast sample.
        first = int(np.argmax(side >= limit))
        rest = np.convolve(side[first:] < limit, np.ones(still), "full")[still - 1 :] >= still
        bounds.append(sign * (first + int(np.argmax(rest))) / _FS if rest.any() else _NAN)
    return bounds[0], bounds[1]


def representative_beat(record: ECGRecord, beats: Beats) -> RepresentativeBeat:
    """Median of a group's typical beats, lead by lead.

    Parameters
    ----------
    record : ECGRecord
        At any rate; resampled to 500 Hz.
    beats : Beats
        From `find_beats` on the same record; at least one beat.
    """
    rows = _rows(resample(record, _FS), beats.group)
    peaks = np.rint((beats.peak_s - beats.group.start_s) * _FS).astype(np.intp)
    return RepresentativeBeat(beats.group.leads, *_representative(rows, peaks, beats.typical))
