"""Where the columns of a layout begin on a page, by separators, rules and steps of the lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitize.comb import NameComb, name_comb
from digitize.frame import Frame
from digitize.ranks import median
from digitize.segment import bridged
from ecg import PageLayout

#: How far a column may be from the width that the names tell before they are believed: bounds set on separators agree
#: within 1.2 %, names within a millimetre of 62.
_UNLIKE = 0.02
#: How far behind the start of their columns names stand, in mm, and how far before it at most.
_BEHIND_MM, _BEFORE_MM = 4.0, 1.5
#: Ink of separators that tells where a comb begins, above what beats leave there, as a share of all that bars would.
_BARRED = 0.35
#: Widths of columns that differ by more are not those of one layout where nothing else tells.
_UNEVEN = 0.03

__all__ = ["boundary", "column_bounds", "separated", "separator_reach", "separators"]


def column_bounds(frame: Frame, layout: PageLayout) -> tuple[float, ...]:
    """Find the bounds of a layout's columns: equal parts of the line, moved to separators where the lines show them.

    Parameters
    ----------
    frame : Frame
    layout : PageLayout

    Returns
    -------
    tuple of float
        Left edges of the columns and the right edge of the last, in pixels.
    """
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
    comb = name_comb(frame.names, columns, frame.start_px, frame.stop_px, frame.px_per_mm)
    if comb is not None:
        if float(np.abs(np.diff(bounds) / comb.width_px - 1).max()) > _UNLIKE:
            bounds = _on_comb(frame, layout, comb, bounds)
    elif columns > 2 and np.ptp(np.diff(bounds[1:-1])) > _UNEVEN * (equal[1] - equal[0]):
        bounds = equal  # a beat was taken for a separator
    return tuple(float(b) for b in bounds)


def _on_comb(frame: Frame, layout: PageLayout, comb: NameComb, bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bounds of the columns whose names stand on a comb: by separators, else by the end of the lines that fits."""
    rows, columns = layout.shape
    mm = frame.px_per_mm
    teeth: NDArray[np.float64] = comb.first_px + comb.width_px * np.arange(columns + 1, dtype=np.float64)
    before, behind = round(_BEHIND_MM * mm), round(_BEFORE_MM * mm)
    votes = np.zeros(before + behind + 1)
    for tooth in teeth[1:-1]:
        first = round(tooth) - before
        if first >= 0 and first + votes.size <= frame.share.shape[1]:
            bars = np.sum([_bar_ink(frame, i, first, first + votes.size) for i in range(rows)], axis=0)
            bars[[round(r) - first for r in frame.rules if 0 <= round(r) - first < votes.size]] = rows
            votes += np.maximum(bars, np.maximum(np.roll(bars, 1), np.roll(bars, -1)))  # a pixel off is the same bar
    if float(votes.max() - np.median(votes)) >= _BARRED * rows * (columns - 1):
        top = np.flatnonzero(votes >= 0.8 * votes.max())
        teeth += float(top.mean()) - before
        return teeth
    ends = np.array([frame.start_px, frame.stop_px - columns * comb.width_px])
    fits = (teeth[0] - ends <= _BEHIND_MM * mm) & (teeth[0] - ends >= -_BEFORE_MM * mm)
    if not fits.any():
        return bounds
    # Where both ends of the lines fit, the one before which names stand nearest is no worse than the other.
    start = ends[fits].mean() if np.ptp(ends) < mm else ends[fits][0]
    teeth += start - teeth[0]
    return teeth


def _mark_position(frame: Frame, at: float, rows: range, reach: float) -> float | None:
    """Where short separators stand near an expected boundary, if most lines show one in the same column."""
    first, last = max(0, int(at - reach)), min(frame.share.shape[1], int(at + reach) + 1)
    votes = np.convolve(frame.bars[rows, first:last].sum(axis=0), np.ones(3), "same")
    k = int(np.argmax(votes))
    if votes[k] < 1.2 * len(rows):
        return None
    window = slice(max(0, k - 4), k + 5)
    weight = votes[window] * (votes[window] > 0.5 * votes[k])
    return float((np.arange(votes.size)[window] * weight).sum() / weight.sum()) + first


def separators(frame: Frame, bounds: tuple[float, ...], n_rows: int) -> tuple[tuple[float, float], ...]:
    """Find the pixels that the separators at the inner bounds cover, by the votes of the lines.

    Parameters
    ----------
    frame : Frame
    bounds : tuple of float
    n_rows : int
        Lines of short leads, from the top; strips have no separators.

    Returns
    -------
    tuple of (float, float)
        First and last pixel of each separator.
    """
    found = []
    for at in bounds[1:-1]:
        rule = [r for r in frame.rules if abs(r - at) < frame.px_per_mm]
        first = max(0, int(at - 0.8 * frame.px_per_mm))
        votes = frame.bars[:n_rows, first : int(at + 0.8 * frame.px_per_mm) + 2].sum(axis=0)
        # One line's QRS may look like a bar; most lines have theirs in the same columns only if it is one.
        columns = np.flatnonzero(votes >= max(1.0, 0.6 * n_rows)) + first
        if columns.size:
            found.append((float(columns[0]), float(columns[-1])))
        elif rule:
            found.append((rule[0], rule[0]))
    return tuple(found)


def separator_reach(frame: Frame, bars: tuple[tuple[float, float], ...], n_rows: int) -> tuple[float, float] | None:
    """Measure how far short separators reach above and below their lines: the median, for a beat may lengthen one.

    Parameters
    ----------
    frame : Frame
    bars : tuple of (float, float)
        First and last pixel of each separator.
    n_rows : int

    Returns
    -------
    tuple of float or None
        In pixels; None where there are no separators.
    """
    up, down = [], []
    for left, right in bars:
        column = round((left + right) / 2)
        ink = bridged(frame.share[:, column : column + 1], frame.px_per_mm)[:, 0] >= 0.5
        for row in frame.rows[:n_rows]:
            level = int(row.level_px)
            above = np.flatnonzero(~ink[:level][::-1])
            below = np.flatnonzero(~ink[level:])
            up.append(float(above[0]) if above.size else float(level))
            down.append(float(below[0]) if below.size else float(ink.size - level))
    # A line without a bar at this bound shows no reach at all.
    up = [u for u in up if u > frame.px_per_mm]
    down = [d for d in down if d > frame.px_per_mm]
    return (float(np.median(up)), float(np.median(down))) if up and down else None


def _bar_ink(frame: Frame, index: int, first: int, last: int) -> NDArray[np.float64]:
    """Ink where an upright bar would stand, 1 to 2.8 mm above and below the level of a line: the less of both."""
    up, down = frame.beside(index, first, last)
    ink: NDArray[np.float64] = np.minimum(up.mean(axis=0), down.mean(axis=0)).astype(np.float64)
    return ink


def boundary(frame: Frame, at: float, rows: range) -> tuple[float, float]:
    """Share of lines with a separator, and with a step of the trace, at a boundary.

    Parameters
    ----------
    frame : Frame
    at : float
        Place of the boundary in pixels.
    rows : range
        Lines that are asked.

    Returns
    -------
    marks, steps : float
        0 to 1.
    """
    mm = frame.px_per_mm
    first, last = _around(frame, at)
    if any(abs(r - at) < mm for r in frame.rules) or last - first < 3:
        return separated(frame, at, rows), 0.0
    steps = 0
    for i in rows:
        y = frame.rows[i].y
        before = median(y[max(0, first - round(2 * mm)) : first + 1])
        behind = median(y[last : last + round(2 * mm)]) if last < y.size else before
        steps += abs(behind - before) > 1.5 * mm
    return separated(frame, at, rows), steps / len(rows)


def separated(frame: Frame, at: float, rows: range) -> float:
    """Share of lines with a separator at a boundary, as `boundary` has it."""
    if any(abs(r - at) < frame.px_per_mm for r in frame.rules):
        return 1.0
    first, last = _around(frame, at)
    return float(frame.bars[rows, first:last].any(axis=1).mean()) if last - first >= 3 else 0.0


def _around(frame: Frame, at: float) -> tuple[int, int]:
    """First column within a millimetre of a boundary, and the one behind the last."""
    return max(0, int(at - frame.px_per_mm)), min(frame.share.shape[1], int(at + frame.px_per_mm) + 2)
