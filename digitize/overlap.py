"""Who owns the ink where lines of trace touch: the beat of one lead that reaches into its neighbour's line.

A beat is broad at its own line and narrows towards its peak. So where one run of ink joins two lines, the line at
whose side it is broader owns it, and the other passes through; where it is broad at both and has a waist, two beats
meet there. What stands out beyond the other line is that line's own beat if it broadens again there, and the same
beat's peak if it goes on narrowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.segment import bridged
from digitize.trace import Row, attach_runs

__all__ = ["OwnInk", "grow", "share_out"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OwnInk:
    """The ink that belongs to one line of trace, column by column.

    Parameters
    ----------
    top, bottom : int array [width]
        First and last row of its run.
    found : bool array [width]
        Whether the line met ink.
    touched : bool array [width]
        Whether another line's ink runs into it there.
    """

    top: Int
    bottom: Int
    found: Bool
    touched: Bool


def share_out(
    share: Float,
    rows: Sequence[Row],
    pen_px: float,
    px_per_mm: float,
    separators: Sequence[tuple[float, float]] = (),
) -> list[OwnInk]:
    """Give every line of trace its own ink.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 1 at the heart of the trace.
    rows : sequence of Row
        From top to bottom.
    pen_px : float
        Width of the pen.
    px_per_mm : float
    separators : sequence of (float, float)
        First and last columns of bars across the lines: ink is not followed through them.

    Returns
    -------
    list of OwnInk
        One a row.
    """
    from scipy.ndimage import median_filter

    share = bridged(share, px_per_mm)
    runs = [attach_runs(share, row.y) for row in rows]
    ink = np.ascontiguousarray(share >= 0.5)
    for left, right in separators:
        ink[:, max(0, round(left - pen_px)) : round(right + pen_px) + 1] = False
    edge = np.full(share.shape[1], -(10**6), dtype=np.int64)
    paths = [edge, *(row.y for row in rows), -edge]
    for k, (top, bottom, found) in enumerate(runs):
        # What lies before and behind a line is a pulse, a name or the page's edge: no growth from there.
        first, last = rows[k].start_px, rows[k].stop_px
        found[:first], found[last:] = False, False
        before = (top.copy(), bottom.copy(), found.copy())
        grow(ink, top, bottom, found, paths[k], paths[k + 2], round(pen_px), first, last)
        taller = (bottom - top) > (before[1] - before[0]) + 4 * px_per_mm
        # Peaks are cut short in a few columns a beat; where half the line grew, the growth followed something else.
        if taller[first:last].mean() > 0.3:
            top[:], bottom[:], found[:] = before
    own = [OwnInk(top.copy(), bottom.copy(), found.copy(), np.zeros(found.size, bool)) for top, bottom, found in runs]
    # 12 mm: longer than a QRS and most T waves, shorter than a breath's baseline wander.
    size = round(12 * px_per_mm) | 1
    base = [median_filter(row.y, size, mode="nearest") for row in rows]
    for k in range(len(rows) - 1):
        (_, bottom, found_a), (top, _, found_b) = runs[k], runs[k + 1]
        joined = found_a & found_b & (bottom >= top)
        for first, last in _groups(joined, round(0.5 * px_per_mm)):
            _settle(share, own, base, k, first, last, pen_px, px_per_mm)
    return own


@njit(cache=True)  # type: ignore[untyped-decorator]
def grow(
    ink: Bool, top: Int, bottom: Int, found: Bool, above: Int, below: Int, pen: int, first: int, last: int
) -> None:
    """Follow the ink from each column's run into its neighbours: peaks that the cheapest path cut short.

    The bands that the lines above and below run in are no way to go, so that growth crosses them but does not turn
    into them. Changes top, bottom and found in place.

    Parameters
    ----------
    ink : bool array [height, width]
    top, bottom : int array [width]
        Run of each column.
    found : bool array [width]
    above, below : int array [width]
        Rows of the neighbouring lines; far off the picture where there is none.
    pen : int
        Width of the pen in pixels.
    first, last : int
        First column and the one behind the last.
    """
    h = ink.shape[0]
    for sweep in range(4):
        forward = sweep % 2 == 0
        for i in range(first + 1, last):
            c = i if forward else first + last - 1 - i
            p = c - 1 if forward else c + 1
            if not found[p]:
                continue
            y = max(0, top[p] - 1)
            until = min(h - 1, bottom[p] + 1)
            while y <= until:
                if abs(y - above[p]) <= pen + 1 or abs(y - below[p]) <= pen + 1 or not ink[y, c]:
                    y += 1
                    continue
                a = y
                while a > 0 and ink[a - 1, c]:
                    a -= 1
                b = y
                while b < h - 1 and ink[b + 1, c]:
                    b += 1
                y = b + 1
                if b - a <= 2 * pen + 1 and (a <= above[c] <= b or a <= below[c] <= b):
                    continue  # the neighbour's own level line
                if not found[c]:
                    found[c] = True
                    top[c] = a
                    bottom[c] = b
                else:
                    top[c] = min(top[c], a)
                    bottom[c] = max(bottom[c], b)


def _groups(mask: Bool, gap: int) -> list[tuple[int, int]]:
    """Stretches of true columns, those closer than a gap taken together: (first, behind the last)."""
    columns = np.flatnonzero(mask)
    if columns.size == 0:
        return []
    cut = np.flatnonzero(np.diff(columns) > gap + 1)
    first = np.concatenate([[columns[0]], columns[cut + 1]])
    last = np.concatenate([columns[cut], [columns[-1]]])
    return [(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]


def _settle(
    share: Float, own: list[OwnInk], base: list[Int], k: int, first: int, last: int, pen_px: float, px_per_mm: float
) -> None:
    """Decide one place where line k and the line below it are joined."""
    reach = round(1.5 * px_per_mm)
    a, b = max(0, first - reach), min(share.shape[1], last + reach)
    upper, lower = int(np.median(base[k][a:b])), int(np.median(base[k + 1][a:b]))
    skip = int(np.ceil(pen_px)) + 1
    if lower - upper < 4 * skip:
        return
    third = max(1, (lower - upper - 2 * skip) // 3)
    near_upper = _breadth(share, upper + skip, upper + skip + third, a, b)
    near_lower = _breadth(share, lower - skip - third, lower - skip, a, b)
    columns = np.arange(first, last)
    for line in (k, k + 1):
        own[line].touched[columns] = True
    middle = _breadth(share, upper + skip + third, lower - skip - third, a, b)
    if middle < 0.75 * min(near_lower, near_upper):
        _split(share, own[k], own[k + 1], (upper + skip, lower - skip), columns, (a, b), pen_px)
        return
    from_below = near_lower >= near_upper
    guest, host_base = (k, upper) if from_below else (k + 1, lower)
    # Beyond the guest's line: its own beat broadens again, the visitor's peak goes on narrowing.
    inside = near_upper if from_below else near_lower
    if from_below:
        beyond = _breadth(share, host_base - skip - third, host_base - skip, a, b)
    else:
        beyond = _breadth(share, host_base + skip, host_base + skip + third, a, b)
    half = int(np.ceil(pen_px / 2)) + 1
    visitor = own[k + 1] if from_below else own[k]
    _pass_through(own[guest], visitor, columns, base[guest][columns], half, from_below, beyond > 1.25 * inside)


def _pass_through(
    guest: OwnInk, visitor: OwnInk, columns: Int, level: Int, half: int, from_below: bool, is_own_beat: bool
) -> None:
    """Cut a visiting beat out of a line, on its side, and beyond the line too unless that is the line's own beat."""
    if from_below or not is_own_beat:
        guest.bottom[columns] = np.minimum(guest.bottom[columns], level + half)
    if not from_below or not is_own_beat:
        guest.top[columns] = np.maximum(guest.top[columns], level - half)
    if is_own_beat and from_below:
        visitor.top[columns] = np.maximum(visitor.top[columns], level)
    elif is_own_beat:
        visitor.bottom[columns] = np.minimum(visitor.bottom[columns], level)
    _keep_order(guest, columns)
    _keep_order(visitor, columns)


def _split(
    share: Float,
    upper: OwnInk,
    lower: OwnInk,
    between: tuple[int, int],
    columns: Int,
    window: tuple[int, int],
    pen_px: float,
) -> None:
    """Part two beats that meet between their lines, both broad at their own: where their ink is narrowest."""
    breadths = [_breadth(share, y, y + 1, *window) for y in range(*between)]
    narrow = np.flatnonzero(np.array(breadths) <= min(breadths) + 1)
    waist = between[0] + int(np.median(narrow))
    half = int(np.ceil(pen_px / 2))
    upper.bottom[columns] = np.minimum(upper.bottom[columns], waist + half)
    lower.top[columns] = np.maximum(lower.top[columns], waist - half)
    _keep_order(upper, columns)
    _keep_order(lower, columns)


def _keep_order(ink: OwnInk, columns: Int) -> None:
    middle = (ink.top[columns] + ink.bottom[columns]) // 2
    crossed = ink.top[columns] > ink.bottom[columns]
    ink.top[columns[crossed]] = middle[crossed]
    ink.bottom[columns[crossed]] = middle[crossed]


def _breadth(share: Float, top: int, bottom: int, first: int, last: int) -> float:
    """Median over rows of the distance between the outermost ink in a window, in pixels; 0 where there is none."""
    top, bottom = max(0, top), min(share.shape[0], bottom)
    if bottom <= top:
        return 0.0
    ink = share[top:bottom, first:last] >= 0.5
    any_ink = ink.any(axis=1)
    left = ink.argmax(axis=1)
    right = ink.shape[1] - 1 - ink[:, ::-1].argmax(axis=1)
    return float(np.median(np.where(any_ink, right - left + 1, 0)))
