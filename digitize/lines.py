"""The lead in each place of a page: its stretch of line, cut from what is not trace, and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.hidden import Box, bar_boxes, show_around, word_boxes
from digitize.layout import Frame, LayoutMatch
from digitize.overlap import OwnInk
from digitize.pulse import Pulse, agreed_height
from digitize.refiner import line_view, refined
from digitize.result import LeadTrace
from digitize.stroke import FAINT, UNKNOWN, Pen, StrokeOptions, first_guess, fit_stroke
from ecg import LeadBox, PaperScale

__all__ = ["LineReading", "Place", "least_difference", "name_strips", "places_of", "read_line"]

Double = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """Where one lead stands.

    Parameters
    ----------
    lead : str
    row, column : int
        Line of the page and column of the layout; a rhythm strip has column 0.
    is_strip : bool
    start_px, stop_px : float
        Stretch of the line.
    baseline_px : float or None
        Row of 0 mV where a calibration pulse tells it.
    separators_px : tuple of (float, float)
        First and last columns of bars printed across the line.
    words_px : tuple of (left, top, right, bottom)
        Printed words, seen or to be expected, that the line may touch.
    separator_reach_px : tuple of float or None
        How far the bars reach above and below the line's level.
    """

    lead: str
    row: int
    column: int
    is_strip: bool
    start_px: float
    stop_px: float
    baseline_px: float | None
    separators_px: tuple[tuple[float, float], ...]
    words_px: tuple[tuple[float, float, float, float], ...]
    separator_reach_px: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class LineReading:
    """One lead as read.

    Parameters
    ----------
    trace : LeadTrace
        Its box's times run from the line's own start, until `digitize.clock.in_time` puts it on the page's clock.
    coverage : float
        Share of its columns in which ink was found.
    overlap : float
        Share of its columns in which another line or a printed word touches it.
    error : float
        Root mean square difference between drawn and seen ink.
    weight : float array [points]
        Trust in each point of the trace, 0 to 1: less where another line's ink, a letter or a bar is in the way.
    moved_px : float
        How far the refiner moved it, as a root mean square.
    doubt_px : float
        How far off the refiner expects it to be still, as a root mean square; 0 where it was not asked.
    """

    trace: LeadTrace
    coverage: float
    overlap: float
    error: float
    weight: Double
    moved_px: float
    doubt_px: float = 0.0


def places_of(match: LayoutMatch, frame: Frame, pulses: Sequence[Pulse]) -> list[Place]:
    """List the places of a layout, short leads row by row, then the strips.

    Parameters
    ----------
    match : LayoutMatch
    frame : Frame
    pulses : sequence of Pulse

    Returns
    -------
    list of Place
    """
    height = agreed_height(pulses)
    zero = {p.row: p.base_px for p in pulses if height is not None and abs(p.height_px / height - 1) < 0.06}
    words = tuple(n.xyxy_px for n in frame.names) + _expected_words(match, frame)
    places = []
    for r, leads in enumerate(match.layout.rows):
        for c, lead in enumerate(leads):
            # A cropped page's columns begin and end off the page.
            left, right = max(0.0, match.bounds_px[c]), min(float(frame.share.shape[1]), match.bounds_px[c + 1])
            bars = (match.separators_px, words, match.separator_reach_px)
            places.append(Place(lead, r, c, False, left, right, zero.get(r), *bars))
    for k, lead in enumerate(match.layout.rhythm):
        r = len(match.layout.rows) + k
        places.append(Place(lead, r, 0, True, frame.start_px, frame.stop_px, zero.get(r), (), words))
    return places


def _expected_words(match: LayoutMatch, frame: Frame) -> tuple[tuple[float, float, float, float], ...]:
    """Where names must stand that were not read: where most of the page's names stand within their own places."""
    offsets = []
    for name in frame.names:
        if not name.is_lead:
            continue
        x0, y0, x1, y1 = name.xyxy_px
        bound = min(match.bounds_px[:-1], key=lambda b: abs(b - x0))
        row = min(frame.rows, key=lambda r: abs(r.level_px - (y0 + y1) / 2))
        offsets.append((x0 - bound, y0 - row.level_px, x1 - bound, y1 - row.level_px))
    cells = len(match.layout.rows) * (len(match.bounds_px) - 1)
    if len(offsets) < 0.5 * cells:
        return ()
    left, top, right, bottom = np.median(np.array(offsets), axis=0)
    right = max(right, float(np.percentile(np.array(offsets)[:, 2], 75)))
    if np.median(np.abs(np.array(offsets)[:, 1] - top)) > 2 * frame.px_per_mm:
        return ()  # the names do not share one place
    found = []
    for r in range(len(match.layout.rows)):
        level = frame.rows[r].level_px
        for bound in match.bounds_px[:-1]:
            found.append((bound + left, level + top, bound + right, level + bottom))
    return tuple(found)


def read_line(
    frame: Frame,
    own: OwnInk,
    place: Place,
    pen: Pen,
    scale: PaperScale,
    fs: float,
    origin_px: float,
    options: StrokeOptions | None = None,
    refine: bool = True,
) -> LineReading:
    """Read one lead's stretch of line at the record's own sampling times.

    Parameters
    ----------
    frame : Frame
    own : OwnInk
        Ink of the line.
    place : Place
    pen : Pen
    scale : PaperScale
    fs : float
        Hz.
    origin_px : float
        Where the page's first sample stands: every lead is read at whole samples from there.
    options : StrokeOptions, optional
    refine : bool
        Whether the refiner mends what the fit got wrong.

    Returns
    -------
    LineReading
    """
    dx = scale.px_per_s / fs
    n = max(2, int((place.stop_px - place.start_px) / dx + 1e-6))
    x: Double = origin_px + dx * (round((place.start_px - origin_px) / dx) + np.arange(n, dtype=np.float64))
    first, stop = max(0, round(place.start_px)), min(own.top.size, round(place.stop_px))
    bars = bar_boxes(frame, place.row, place.separators_px, place.separator_reach_px)
    # The band that this lead's ink lies in: everything outside is of no interest and costs time.
    runs, letters = _cut(frame, own, place, pen, (first, stop), bars)
    top, bottom, found, touched = runs.top, runs.bottom, runs.found, runs.touched
    box_x = (float(x[0]), place.stop_px)
    if found.sum() < 2:
        level = frame.rows[place.row].level_px
        box = LeadBox(place.lead, (box_x[0], level - 1, box_x[1], level + 1), 0.0, n / fs)
        return LineReading(LeadTrace(box, x, np.full(n, np.nan), level), 0.0, 0.0, 1.0, np.zeros(n), 0.0)
    margin = int(np.ceil(pen.width_px / 2 + 2 * pen.softness_px)) + 1
    low = max(0, int(top[found].min()) - margin)
    high = min(frame.share.shape[0] - 1, int(bottom[found].max()) + margin)
    share = _known(frame, place.row, (low, high), bars, letters)
    top, bottom = np.where(found, top, low), np.where(found, bottom, low)
    y = first_guess(share, top - low, bottom - low, found, pen, x)
    weight = np.where(touched, 0.1, 1.0) * found
    seen_low, seen_high = (top - low - margin).clip(0), (bottom - low + margin).clip(0, high - low)
    for bar in bars:
        _see_around(bar, (first, stop), margin, found, seen_low, seen_high, weight)
    y, error = fit_stroke(share, x, y, seen_low, seen_high, weight.astype(np.float32), pen, options)
    moves = doubts = np.zeros(n)
    if refine:
        moves, doubts = refined(line_view(share, x, y, seen_low, seen_high, weight, pen, frame.px_per_mm))
    y = y + moves + low
    y[~_near_ink(x, found, round(0.8 * frame.px_per_mm))] = np.nan
    present = y[np.isfinite(y)]
    baseline = place.baseline_px if place.baseline_px is not None else float(np.median(present))
    box = LeadBox(place.lead, (box_x[0], float(present.min()) - 1, box_x[1], float(present.max()) + 1), 0.0, n / fs)
    coverage = float(np.isfinite(y).mean())
    overlap = float(touched[first:stop].mean()) if stop > first else 0.0
    trust = np.interp(x, np.arange(found.size), np.where(touched, 0.1, 1.0) * np.where(found, 1.0, 0.02))
    moved, doubt = (float(np.sqrt(np.mean(v**2))) for v in (moves, doubts))
    return LineReading(LeadTrace(box, x, y, baseline), coverage, overlap, error, trust, moved, doubt)


def _known(
    frame: Frame, row: int, band: tuple[int, int], bars: Sequence[Box], letters: Sequence[Box]
) -> NDArray[np.float32]:
    """Ink of a band of rows, unknown where something else hides the line."""
    low, high = band
    share = np.ascontiguousarray(frame.share[low : high + 1])
    if frame.line is not None:
        # What another line or a letter drew says nothing of this one, be it ink or paper.
        share[(frame.line[low : high + 1] != row) & (share > FAINT)] = UNKNOWN
    for hidden in bars:
        rows = slice(max(0, hidden.top - low), max(0, hidden.bottom + 1 - low))
        share[rows, hidden.left : hidden.right + 1] = UNKNOWN
    for hidden in letters:
        part = share[max(0, hidden.top - low) : max(0, hidden.bottom + 1 - low), hidden.left : hidden.right + 1]
        part[part > FAINT] = UNKNOWN
    return share


def _see_around(
    bar: Box,
    ends: tuple[int, int],
    margin: int,
    found: NDArray[np.bool_],
    seen_low: NDArray[np.int64],
    seen_high: NDArray[np.int64],
    weight: Double,
) -> None:
    """Compare a bar's columns as far up and down as those beside it, in place: paper beyond its ends counts too."""
    near = np.arange(max(ends[0], bar.left - margin), min(ends[1], bar.right + margin + 1))
    near = near[found[near]]
    if near.size == 0:
        return
    columns = slice(max(ends[0], bar.left), min(ends[1], bar.right + 1))
    seen_low[columns], seen_high[columns] = seen_low[near].min(), seen_high[near].max()
    weight[columns] = 1.0


def _cut(
    frame: Frame, own: OwnInk, place: Place, pen: Pen, ends: tuple[int, int], bars: Sequence[Box]
) -> tuple[OwnInk, list[Box]]:
    """Cut separators, pulse edges and printed words out of the runs of a stretch of line."""
    first, stop = ends
    runs = OwnInk(own.top.copy(), own.bottom.copy(), own.found.copy(), own.touched.copy())
    runs.found[:first], runs.found[stop:] = False, False
    if place.start_px == frame.edge_px:
        runs.found[first : int(np.ceil(place.start_px + pen.width_px / 2)) + 1] = False
    half = int(np.ceil(pen.width_px / 2)) + 1
    words = word_boxes(frame, place.words_px, first, stop)
    letters = show_around(frame, place.row, runs, bars, words, half, first, stop)
    runs.found[:] &= runs.bottom >= runs.top
    return runs, letters


def _near_ink(x: Double, found: NDArray[np.bool_], gap_px: int) -> NDArray[np.bool_]:
    """Whether a position lies in or beside a column with ink, gaps up to a width bridged."""
    columns = np.flatnonzero(found)
    before = np.searchsorted(columns, x, side="right") - 1
    left = np.where(before >= 0, x - columns[before.clip(0)], np.inf)
    after = (before + 1).clip(0, columns.size - 1)
    right = np.where(before + 1 < columns.size, columns[after] - x, np.inf)
    # At the ends the separator's own width is bridged; in the middle only a gap of twice that.
    near: NDArray[np.bool_] = (np.minimum(left, right) <= gap_px) | (left + right <= 2 * gap_px)
    return near


def name_strips(
    readings: Sequence[LineReading], places: Sequence[Place], match: LayoutMatch
) -> tuple[list[LineReading], LayoutMatch]:
    """Tell which lead a rhythm strip shows: the short lead that is the same line over the same seconds.

    Parameters
    ----------
    readings : sequence of LineReading
        On the page's clock.
    places : sequence of Place
    match : LayoutMatch

    Returns
    -------
    readings : list of LineReading
    match : LayoutMatch
        With the strips' leads as found; what stays unknown is taken by name or by custom, as before.
    """
    shorts = [r.trace for r, p in zip(readings, places, strict=True) if not p.is_strip]
    named = list(readings)
    strips: list[str] = []
    assumed = list(match.assumed)
    for k, (reading, place) in enumerate(zip(readings, places, strict=True)):
        if not place.is_strip:
            continue
        lead = _same_line(reading.trace, shorts)
        strips.append(lead or place.lead)
        if lead is None:
            continue
        trace = reading.trace
        named[k] = replace(reading, trace=replace(trace, box=replace(trace.box, lead=lead)))
        assumed = [a for a in assumed if a != f"rhythm strip {place.lead}"]
    layout = replace(match.layout, rhythm=tuple(strips))
    return named, replace(match, layout=layout, assumed=tuple(assumed))


def _same_line(strip: LeadTrace, shorts: Sequence[LeadTrace]) -> str | None:
    """Lead whose line the strip repeats, if one stands out: it differs by a third of the next best at most."""
    misfit = {}
    for short in shorts:
        start = round((short.box.start_s - strip.box.start_s) * _samples_per_s(strip))
        y = strip.y[max(0, start) : max(0, start) + short.y.size]
        n = min(y.size, short.y.size)
        a, b = y[:n], short.y[:n]
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() < 0.5 * short.y.size or np.std(b[both]) == 0:
            continue
        misfit[short.box.lead] = least_difference(a, b, 6)  # 12 ms at 500 Hz: how well boundaries are known
    if len(misfit) < 2:
        return None
    (lead, least), (_, second) = sorted(misfit.items(), key=lambda item: item[1])[:2]
    # Half of the signal's own spread is left over where two leads only look alike.
    return lead if least < 0.5 and least < 0.67 * second else None


def _samples_per_s(trace: LeadTrace) -> float:
    return trace.y.size / (trace.box.stop_s - trace.box.start_s)


@njit(cache=True)  # type: ignore[untyped-decorator]
def least_difference(a: Double, b: Double, most: int) -> float:
    """Spread of the difference of two lines over the spread of the second, at the best of some shifts.

    Parameters
    ----------
    a, b : float array [samples]
        NaN where a line is not known.
    most : int
        Samples by which the first may be shifted either way.

    Returns
    -------
    float
        Infinite where ten points or fewer can be compared, or the second line is level.
    """
    n = a.size
    spread = _spread(b, np.zeros(n), 0)
    if not spread > 0.0:
        return np.inf
    least = np.inf
    for shift in range(-most, most + 1):
        least = min(least, _spread(a, b, shift) / spread)
    return least


@njit(cache=True)  # type: ignore[untyped-decorator]
def _spread(a: Double, b: Double, shift: int) -> Any:
    """Take the standard deviation of a[k + shift] - b[k] over what both have; infinite of ten points or fewer."""
    first, last = max(0, -shift), min(b.size, a.size - shift)
    count, total = 0, 0.0
    for k in range(first, last):
        value = a[k + shift] - b[k]
        if np.isfinite(value):
            count += 1
            total += value
    if count <= 10:
        return np.inf
    mean, square = total / count, 0.0
    for k in range(first, last):
        value = a[k + shift] - b[k]
        if np.isfinite(value):
            square += (value - mean) ** 2
    return np.sqrt(square / count)
