"""Which lead stands where: rows, columns, rhythm strips and names, decided by evidence.

Every known layout with as many lines as the page shows is scored by what is printed: names where it expects them,
names where it expects none, separators at its column boundaries, steps of the trace there. The best wins, and by how
much is told. Names then say which lead stands in each place; where they are missing, standard order fills the gaps, and
says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.names import NamesRead, contradictions, leads_by_name
from digitize.segment import bridged
from digitize.text import NameHit
from digitize.trace import Row
from ecg import LAYOUTS, PageLayout
from ecg.errors import DigitizationError

__all__ = ["Frame", "LayoutMatch", "match_layout"]

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """What a page shows of its structure, in pixels.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink.
    rows : tuple of Row
        Lines of trace from top to bottom.
    start_px, stop_px : float
        Where the traces begin and end.
    px_per_mm : float
    names : tuple of NameHit
        Printed lead names, in page pixels.
    rules : tuple of float
        Columns of long vertical rules.
    edge_px : float or None
        Column of the pulses' right edge where the traces hang on it.
    line : uint8 array [height, width] or None
        Index of the line that drew each pixel, `digitize.owner.NOBODY` for letters and scribbles; None where that is
        not known.
    """

    share: Float
    rows: tuple[Row, ...]
    start_px: float
    stop_px: float
    px_per_mm: float
    names: tuple[NameHit, ...]
    rules: tuple[float, ...]
    edge_px: float | None = None
    line: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class LayoutMatch:
    """The layout of a page.

    Parameters
    ----------
    layout : PageLayout
        With the leads that the page shows in each place.
    bounds_px : tuple of float
        Left edges of the columns and the right edge of the last.
    separators_px : tuple of (float, float)
        First and last column of the separators printed at these bounds.
    separator_reach_px : tuple of float or None
        How far short separators reach above and below their line; None where there are none, or rules across the page.
    margin : float
        0 to 1: how much better than the next best layout.
    named : int
        Places whose lead was read from a printed name.
    assumed : tuple of str
        What the page does not say.
    doubts : tuple of str
        Names read with certainty in the place of another lead.
    """

    layout: PageLayout
    bounds_px: tuple[float, ...]
    separators_px: tuple[tuple[float, float], ...]
    separator_reach_px: tuple[float, float] | None
    margin: float
    named: int
    assumed: tuple[str, ...]
    doubts: tuple[str, ...] = ()


#: What a name read in its place, one read where none belongs, and a separator are worth, relative to each other. A
#: separator can be a QRS by chance, a name hardly.
_NAME, _STRAY_NAME, _SEPARATOR, _STEP = 1.0, 0.7, 0.6, 0.25

#: Prior of each layout, as the page's own evidence is worth: 3x4+1 is by far the commonest print.
_PRIOR = {"3x4": 0.2, "3x4+1": 0.4, "3x4+2": 0.1, "3x4+3": 0.3, "6x2": 0.2, "6x2+1": 0.2, "12x1": 0.2, "12x1+1": 0.1}


def match_layout(frame: Frame, given: str | None = None) -> LayoutMatch:
    """Find the layout of a page.

    Parameters
    ----------
    frame : Frame
    given : str, optional
        Name of the layout, if a person says so; only the names within it are then read.

    Returns
    -------
    LayoutMatch

    Raises
    ------
    DigitizationError
        If no known layout has as many lines as the page.
    """
    n = len(frame.rows)
    candidates = [x for x in LAYOUTS.values() if x.n_lines == n and given in (None, x.name)]
    if not candidates:
        wanted = f"the {LAYOUTS[given].n_lines} lines of layout {given}" if given else "the lines of a known layout"
        raise DigitizationError(
            "layout",
            f"expected {wanted}, found {n} lines of trace",
            "crop the page to one recording, or say --layout and --corners",
        )
    places = _assign_rows(frame)
    scored = sorted(((_score(frame, x, places), x) for x in candidates), key=lambda item: -item[0])
    best, layout = scored[0]
    second = scored[1][0] if len(scored) > 1 else 0.0
    margin = float(np.clip((best - second) / max(abs(best), 1e-6), 0, 1)) if best > 0 else 0.0
    bounds = _bounds(frame, layout)
    read = _read_names(layout, bounds, places, frame.px_per_mm)
    rows, strips, named, assumed = leads_by_name(layout, read)
    separators = _separators(frame, bounds, layout.shape[0])
    reach = None if frame.rules else _separator_reach(frame, separators, layout.shape[0])
    found = PageLayout(layout.name, rows, strips)
    return LayoutMatch(found, bounds, separators, reach, margin, named, assumed, contradictions(found, read))


def _assign_rows(frame: Frame) -> list[tuple[int, float, NameHit]]:
    """Give every name the line it belongs to: (row, left edge in pixels, hit).

    Names stand at one distance from their lines, above or below, the same all over a page. The distance is the one
    that gives each line its own name; where lines stand close, a name may be nearer to its neighbour's trace.
    """
    levels = np.array([r.level_px for r in frame.rows])
    hits = [h for h in frame.names if h.is_lead]
    if not hits or levels.size == 0:
        return []
    y = np.array([(h.xyxy_px[1] + h.xyxy_px[3]) / 2 for h in hits])
    x = np.array([h.xyxy_px[0] for h in hits])
    sure = np.array([h.confidence for h in hits])
    mm = frame.px_per_mm
    best: tuple[float, NDArray[np.int64], NDArray[np.float64]] | None = None
    for offset in np.arange(-18, 18.25, 0.5) * mm:
        distance = np.abs(y[:, None] - (levels[None] + offset))
        row = distance.argmin(axis=1)
        off = distance.min(axis=1) / mm
        close = np.exp(-0.5 * (off / 2.0) ** 2) * sure  # 2 mm: how far a line's level wanders from its print
        # Two names of one line at one place in time cannot both be its own.
        keys = row * 1000 + np.rint(x / (12 * mm)).astype(int)
        total = sum(float(close[keys == k].max()) for k in np.unique(keys)) - 0.004 * abs(offset) / mm
        if best is None or total > best[0]:
            best = (total, row, off)
    assert best is not None  # noqa: S101 - the loop runs
    _, row, off = best
    return [(int(r), float(left), h) for r, left, h, d in zip(row, x, hits, off, strict=True) if d < 7]


def _score(frame: Frame, layout: PageLayout, places: list[tuple[int, float, NameHit]]) -> float:
    """Evidence for a layout: names in and out of place, separators and steps at its boundaries."""
    short, columns = layout.shape
    bounds = _bounds(frame, layout)
    total = _PRIOR.get(layout.name, 0.0)
    for row, left, hit in places:
        cell = _column_of(left, bounds, frame.px_per_mm, columns if row < short else 1)
        total += _NAME * hit.confidence if cell is not None else -_STRAY_NAME * hit.confidence
    taken = {(r, _column_of(x, bounds, frame.px_per_mm, columns if r < short else 1)) for r, x, _ in places}
    expected = short * columns + len(layout.rhythm)
    met = len(taken - {(r, None) for r in range(layout.n_lines)})
    if met > 0.3 * expected:  # names are printed on this page: a place without one speaks against the layout
        total -= 0.5 * _NAME * (expected - met)
    for k in range(1, columns):
        marks, steps = _boundary(frame, bounds[k], range(short))
        total += _SEPARATOR * marks * short + _STEP * steps * short
    for other in range(1, 12):  # boundaries of finer divisions that this layout does not have
        at = frame.start_px + other * (frame.stop_px - frame.start_px) / 12
        if columns > 1 and min(abs(at - b) for b in bounds) < 4 * frame.px_per_mm:
            continue
        if other in (3, 6, 9) or (other in (4, 8) and columns != 4):
            marks, _ = _boundary(frame, at, range(short))
            total -= _SEPARATOR * marks * short
    return total


def _column_of(left: float, bounds: tuple[float, ...], px_per_mm: float, columns: int) -> int | None:
    """Column at whose left edge a name stands: up to 6 mm before it, or within the first half of the column."""
    for k in range(columns):
        width = (bounds[-1] - bounds[0]) / columns if columns == 1 else bounds[k + 1] - bounds[k]
        if -6 * px_per_mm <= left - bounds[k] <= min(0.5 * width, 18 * px_per_mm):
            return k
    return None


def _bounds(frame: Frame, layout: PageLayout) -> tuple[float, ...]:
    """Column boundaries: equal parts of the line, moved to the separators where the lines show them."""
    _, columns = layout.shape
    equal = np.linspace(frame.start_px, frame.stop_px, columns + 1)
    if columns == 1:
        return tuple(float(b) for b in equal)
    reach = 0.15 * (equal[1] - equal[0])
    bounds = equal.copy()
    for k in range(1, columns):
        near = [r for r in frame.rules if abs(r - equal[k]) < reach]
        if near:
            bounds[k] = min(near, key=lambda r: abs(r - equal[k]))
        else:
            marks = _mark_position(frame, float(equal[k]), range(layout.shape[0]), reach)
            bounds[k] = marks if marks is not None else equal[k]
    return tuple(float(b) for b in bounds)


def _mark_position(frame: Frame, at: float, rows: range, reach: float) -> float | None:
    """Where short separators stand near an expected boundary, if most lines show one in the same column."""
    first, last = max(0, int(at - reach)), min(frame.share.shape[1], int(at + reach) + 1)
    votes = np.zeros(last - first)
    for index in rows:
        votes += _bars(frame, index, first, last)
    votes = np.convolve(votes, np.ones(3) / 1.0, "same")
    k = int(np.argmax(votes))
    if votes[k] < 1.2 * len(rows):
        return None
    window = slice(max(0, k - 4), k + 5)
    weight = votes[window] * (votes[window] > 0.5 * votes[k])
    return float((np.arange(votes.size)[window] * weight).sum() / weight.sum()) + first


def _separators(frame: Frame, bounds: tuple[float, ...], n_rows: int) -> tuple[tuple[float, float], ...]:
    """Columns that the separators at the inner bounds cover, by the votes of the lines."""
    found = []
    for at in bounds[1:-1]:
        rule = [r for r in frame.rules if abs(r - at) < frame.px_per_mm]
        first = max(0, int(at - 0.8 * frame.px_per_mm))
        votes = np.asarray(sum(_bars(frame, i, first, int(at + 0.8 * frame.px_per_mm) + 2) for i in range(n_rows)))
        # One line's QRS may look like a bar; most lines have theirs in the same columns only if it is one.
        columns = np.flatnonzero(votes >= max(1.0, 0.6 * n_rows)) + first
        if columns.size:
            found.append((float(columns[0]), float(columns[-1])))
        elif rule:
            found.append((rule[0], rule[0]))
    return tuple(found)


def _separator_reach(
    frame: Frame, separators: tuple[tuple[float, float], ...], n_rows: int
) -> tuple[float, float] | None:
    """Reach of the short separators above and below their lines: the median, for a beat may lengthen one."""
    up, down = [], []
    share = bridged(frame.share, frame.px_per_mm)
    for left, right in separators:
        column = round((left + right) / 2)
        for row in frame.rows[:n_rows]:
            ink = share[:, column] >= 0.5
            level = int(row.level_px)
            above = np.flatnonzero(~ink[:level][::-1])
            below = np.flatnonzero(~ink[level:])
            up.append(float(above[0]) if above.size else float(level))
            down.append(float(below[0]) if below.size else float(ink.size - level))
    # A line without a bar at this bound shows no reach at all.
    up = [u for u in up if u > frame.px_per_mm]
    down = [d for d in down if d > frame.px_per_mm]
    return (float(np.median(up)), float(np.median(down))) if up and down else None


def _bars(frame: Frame, index: int, first: int, last: int) -> NDArray[np.float64]:
    """Columns in which a line of trace carries an upright bar: ink 1 to 2.8 mm above and below its level alike."""
    row, mm = frame.rows[index], frame.px_per_mm
    level = int(row.level_px)  # separators are centred on the line's own level, not on the beat that passes there
    height = frame.share.shape[0]
    up = frame.share[max(0, level - round(2.8 * mm)) : max(1, level - round(1.0 * mm)), first:last]
    down = frame.share[min(height - 1, level + round(1.0 * mm)) : min(height, level + round(2.8 * mm)), first:last]
    full = (up >= 0.5).mean(axis=0) > 0.9
    full &= (down >= 0.5).mean(axis=0) > 0.9
    columns: NDArray[np.float64] = full.astype(np.float64)
    return columns


def _boundary(frame: Frame, at: float, rows: range) -> tuple[float, float]:
    """Share of lines with a separator, and with a step of the trace, at a boundary."""
    mm = frame.px_per_mm
    if any(abs(r - at) < mm for r in frame.rules):
        return 1.0, 0.0
    first, last = max(0, int(at - mm)), min(frame.share.shape[1], int(at + mm) + 2)
    if last - first < 3:
        return 0.0, 0.0
    marks = [float(_bars(frame, i, first, last).any()) for i in rows]
    steps = []
    for i in rows:
        y = frame.rows[i].y
        before = np.median(y[max(0, first - round(2 * mm)) : first + 1])
        behind = np.median(y[last : last + round(2 * mm)]) if last < y.size else before
        steps.append(float(abs(behind - before) > 1.5 * mm))
    return float(np.mean(marks)), float(np.mean(steps))


def _read_names(
    layout: PageLayout, bounds: tuple[float, ...], places: list[tuple[int, float, NameHit]], px_per_mm: float
) -> NamesRead:
    """Gather the names by the place that they stand in."""
    short, columns = layout.shape
    read: NamesRead = {}
    for row, left, hit in places:
        c = _column_of(left, bounds, px_per_mm, columns if row < short else 1)
        if c is not None:
            found = read.setdefault((row, c), {})
            found[hit.text] = max(found.get(hit.text, 0.0), hit.confidence)
    return read
