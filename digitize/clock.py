"""Leads put on the page's clock: columns that follow each other or start together, and paper that holds no time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from digitize.lines import LineReading, Place
from digitize.ranks import percentile

__all__ = ["column_lag_s", "columns_are_simultaneous", "in_time", "origin_px", "repeated_lag_s"]

Double = NDArray[np.float64]

#: Longest and least time that paper without time stands for: 5 mm and half a millimetre.
_MOST_LAG_S, _LEAST_LAG_S = 0.2, 0.02
#: The least that beats of other leads tell, for the heart reaches leads up to 40 ms apart; how well the moved column
#: must fit the strip, and how much better than where it stood.
_LEAST_BEATS_S, _CLEAR_BEATS, _BETTER = 0.05, 0.6, 0.05
#: How far apart the heart reaches two leads.
_LEADS_APART_S = 0.04
#: Correlation from which a short line is the strip's own lead.
_SAME_LINE = 0.97


def in_time(
    readings: Sequence[LineReading], places: Sequence[Place], px_per_s: float, fs: float, start_px: float | None = None
) -> tuple[list[LineReading], str, tuple[str, ...]]:
    """Put every lead on the page's clock.

    Parameters
    ----------
    readings : sequence of LineReading
    places : sequence of Place
        One a reading.
    px_per_s : float
    fs : float
        Hz.
    start_px : float, optional
        Where the recording begins; left of the first place where the page is cropped.

    Returns
    -------
    readings : list of LineReading
        With the times of their boxes set.
    timing : str
        ``"measured"`` against a rhythm strip or where there is one column only, else ``"assumed"``.
    assumed : tuple of str
    """
    origin = origin_px(places, start_px)
    columns = sorted({p.column for p in places if not p.is_strip})
    strips = [r.trace for r, p in zip(readings, places, strict=True) if p.is_strip]
    lines = _columns(readings, places) if strips else {}
    at = {c: [max(0, round((x - strip.x[0]) / px_per_s * fs)) for strip in strips] for c, (_, x) in lines.items()}
    together: bool | None = False
    timing = "measured"
    if len(columns) > 1:
        later = [c for c in lines if c > 0]
        together = (
            columns_are_simultaneous([lines[c][0] for c in later], strips[0].y, [at[c][0] for c in later], fs)
            if later
            else None
        )
        timing = "assumed" if together is None else "measured"
    lags = {} if together else _lags({c: y for c, (y, _) in lines.items()}, [strip.y for strip in strips], at, fs)
    placed = []
    for reading, place in zip(readings, places, strict=True):
        start = 0.0 if together and not place.is_strip else (reading.trace.x[0] - origin) / px_per_s
        start = max(0.0, start - (0.0 if place.is_strip else lags.get(place.column, 0.0)))
        # Times are kept to the sample: a hundredth of a millimetre of a boundary means nothing.
        start = round(start * fs) / fs
        box = reading.trace.box
        box = replace(box, start_s=start, stop_s=start + (box.stop_s - box.start_s))
        placed.append(replace(reading, trace=replace(reading.trace, box=box)))
    return placed, timing, ("columns follow each other in time",) if timing == "assumed" else ()


def origin_px(places: Sequence[Place], start_px: float | None = None) -> float:
    """Pixel of the page's first sample.

    Parameters
    ----------
    places : sequence of Place
    start_px : float, optional
        Where the recording begins; left of the first place where the page is cropped.

    Returns
    -------
    float
    """
    return min([p.start_px for p in places] + ([] if start_px is None else [start_px]))


def _columns(readings: Sequence[LineReading], places: Sequence[Place]) -> dict[int, tuple[Double, float]]:
    """Lines of each column, [leads, samples], and the pixel at which it begins; lead II, too, where they give it."""
    found = {}
    for c in sorted({p.column for p in places if not p.is_strip}):
        traces = [(r.trace, p) for r, p in zip(readings, places, strict=True) if p.column == c and not p.is_strip]
        n = min(t.y.size for t, _ in traces)
        lines = [t.y[:n] for t, _ in traces]
        known = {t.box.lead: t.y[:n] for t, _ in traces}
        if {"aVR", "aVF"} <= known.keys():
            # Einthoven and Goldberger: aVF - aVR is 3/2 of II, which the strip shows more often than any other lead.
            lines.append(known["aVF"] - known["aVR"])
        found[c] = np.stack(lines), traces[0][1].start_px
    return found


def _lags(
    columns: Mapping[int, Double], strips: Sequence[Double], at: Mapping[int, Sequence[int]], fs: float
) -> dict[int, float]:
    """Seconds by which each column is printed later than above its seconds of the strips."""
    found: dict[int, float | None] = {}
    for c, lines in columns.items():
        repeated = [repeated_lag_s(lines, strip, start, fs) for strip, start in zip(strips, at[c], strict=True)]
        told = [lag for lag in repeated if lag is not None]
        found[c] = told[0] if told else column_lag_s(lines, strips[0], at[c][0], fs)
    found |= _evenly(found)
    lags = {}
    for c, lag in found.items():
        # Paper without time adds up from left to right: a column is no later than those behind it.
        behind = [other for k, other in found.items() if k > c and other is not None]
        lags[c] = 0.0 if lag is None or any(lag > other + _LEAST_LAG_S for other in behind) else lag
    return lags


def _evenly(found: Mapping[int, float | None]) -> dict[int, float]:
    """Lags, too short for beats to tell, of columns before two that say how much paper stands before each column."""
    told = {}
    for c, lag in found.items():
        steps = [other / k for k, other in found.items() if k > c and other]
        if c > 0 and lag == 0.0 and len(steps) > 1 and max(steps) - min(steps) < _LEAST_LAG_S:
            told[c] = c * float(np.mean(steps))
    return told


def columns_are_simultaneous(
    columns: Sequence[Double], strip: Double, offsets: Sequence[int], fs: float
) -> bool | None:
    """Decide from the beats whether columns follow each other in time or show the same seconds.

    Where the beats of a column stand above the strip's beats, or later by paper without time, the column shows those
    seconds; where they match the strip's beginning instead, all columns start together.

    Parameters
    ----------
    columns : sequence of float array [leads, samples]
        Lines of the second and later columns, NaN where missing.
    strip : float array [samples]
        Rhythm strip.
    offsets : sequence of int
        Sample of the strip above which each column begins.
    fs : float
        Hz.

    Returns
    -------
    bool or None
        None where neither fits well enough to tell.
    """
    strip_beats = _activity(strip[None], fs)
    follows, together = [], []
    # Beats of leads lie up to 40 ms apart. By a regular rhythm's chance a column may match both its own seconds and the
    # strip's first ones, but hardly every column does so within a gap's width.
    lags = np.arange(-round(_LEADS_APART_S * fs), round(_MOST_LAG_S * fs) + 1)
    for column, offset in zip(columns, offsets, strict=True):
        beats = _activity(column, fs)
        follows.append(float(_matches(beats, strip_beats, offset - lags).max()))
        together.append(float(_matches(beats, strip_beats, np.zeros(1, np.int64))[0]))
    a, b = float(np.mean(follows)), float(np.mean(together))
    # Beats match to r > 0.6 where the seconds are the same; a regular rhythm may match both ways by chance.
    if max(a, b) < 0.4 or abs(a - b) < 0.1:
        return None
    return b > a


def column_lag_s(column: Double, strip: Double, offset: int, fs: float) -> float | None:
    """Measure how much later than above its seconds of the strip a column is printed, by its beats.

    Gaps between columns, and a start that was found late, are paper without time.

    Parameters
    ----------
    column : float array [leads, samples]
        Lines of a column, NaN where missing.
    strip : float array [samples]
        Rhythm strip.
    offset : int
        Sample of the strip above which the column begins.
    fs : float
        Hz.

    Returns
    -------
    float or None
        Seconds within 0.2, 0 where it is less than leads of one beat differ by; None where the beats do not match.
    """
    most = round(_MOST_LAG_S * fs)
    lags = np.arange(-most, most + 1)
    fit = _matches(_activity(column, fs), _activity(strip[None], fs), offset - lags)
    best = int(np.argmax(fit))
    if fit[best] <= _CLEAR_BEATS or best in (0, lags.size - 1):
        return None
    tells = fit[best] > fit[most] + _BETTER and abs(lags[best]) >= _LEAST_BEATS_S * fs
    return float(lags[best] / fs) if tells else 0.0


def repeated_lag_s(column: Double, strip: Double, offset: int, fs: float) -> float | None:
    """Measure the same by the line of the column that the strip repeats: to a few milliseconds.

    Parameters
    ----------
    column, strip, offset, fs
        As for `column_lag_s`.

    Returns
    -------
    float or None
        Seconds within 0.2, 0 below half a millimetre of paper; None where the strip repeats none of the lines.
    """
    most = round(_MOST_LAG_S * fs)
    lags = np.arange(-most, most + 1)
    told = None
    least = _SAME_LINE
    for line in column:
        if np.isfinite(line).mean() < 0.5:
            continue
        fit = _matches(_filled(line), _filled(strip), offset - lags)
        best = int(np.argmax(fit))
        if fit[best] > least and 0 < best < lags.size - 1:
            least, told = float(fit[best]), float(lags[best] / fs)
    return told if told is None or abs(told) >= _LEAST_LAG_S else 0.0


def _filled(line: Double) -> Double:
    seen = np.flatnonzero(np.isfinite(line))
    return np.interp(np.arange(line.size), seen, line[seen]) if seen.size else np.zeros(line.size)


def _activity(lines: Double, fs: float) -> Double:
    """How fast the lines move, each in units of its own steepest stroke, averaged over a QRS's 80 ms."""
    steep = np.abs(np.gradient(lines, axis=1))
    steep = steep[np.isfinite(steep).any(axis=1)]
    if not steep.size:
        return np.zeros(lines.shape[1])
    most = np.array([percentile(line[np.isfinite(line)], 99) for line in steep])
    mean = np.nan_to_num(steep / np.maximum(most, 1e-9)[:, None]).clip(0, 1).mean(axis=0)
    width = max(1, round(0.08 * fs))
    return np.convolve(mean, np.ones(width) / width, "same")


def _matches(a: Double, b: Double, starts: NDArray[np.int64]) -> Double:
    """Correlation of a line with another from each of several samples on; 0 for those before its first."""
    a, b = a - a.mean(), np.r_[b - b.mean(), np.zeros(a.size)]  # correlation does not see the means; rounding does
    # What lies before the first of them and behind the last is not asked for.
    low = int(starts.min().clip(0, b.size - a.size))
    starts, b = starts - low, b[low : max(0, int(starts.max())) + 2 * a.size]
    start = starts.clip(0, b.size - a.size)
    products = np.correlate(b[: int(start.max()) + a.size], a, "valid")
    stop = np.minimum(start + a.size, b.size - a.size)
    n = stop - start

    def sums(values: Double, first: NDArray[np.int64], last: NDArray[np.int64]) -> Double:
        total = np.r_[0.0, np.cumsum(values)]
        return np.asarray(total[last] - total[first])

    size = np.maximum(n, 1)
    mean_a, mean_b = sums(a, 0 * n, n) / size, sums(b, start, stop) / size
    spread_a = sums(a**2, 0 * n, n) / size - mean_a**2
    spread_b = sums(b**2, start, stop) / size - mean_b**2
    still = (n < 10) | (starts < 0) | (spread_a < 1e-12) | (spread_b < 1e-12)
    fit = (products[start] / size - mean_a * mean_b) / np.sqrt(np.where(still, 1, spread_a * spread_b))
    return np.where(still, 0.0, fit)
