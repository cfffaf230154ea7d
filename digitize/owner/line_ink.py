"""The ink of one line of trace: its own, and what of others lies between its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["ink_of_line", "lines_extent"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Lines = NDArray[np.uint8]

#: Longest stretch of foreign ink that a stroke may pass under, in mm: a crossing line of trace at a slant.
_UNDER_MM = 1.6
#: Gap that a grid line, bold and with its halo, cuts into a steep stroke, in mm: as `digitize.segment.bridged` has it.
_GAP_MM = 0.6
#: Length in mm from which ink is an upright stroke, well over the width of any pen; the least that three of its columns
#: hold together, and the faintest of its pixels.
_UPRIGHT_MM, _ACROSS, _FAINTEST = 1.6, 0.35, 0.2


@njit(cache=True)  # type: ignore[untyped-decorator]
def lines_extent(share: Float, line: Lines, n: int) -> tuple[Int, Int]:
    """First and last row of each line's ink in every column.

    Parameters
    ----------
    share : float32 array [height, width]
    line : uint8 array [height, width]
        Index of the line that drew each pixel.
    n : int
        Number of lines.

    Returns
    -------
    first, last : int array [n, width]
        The height of the page and -1 where a line has no ink.
    """
    h, w = share.shape
    first, last = np.full((n, w), h, np.int64), np.full((n, w), -1, np.int64)
    for y in range(h):
        for x in range(w):
            k = line[y, x]
            if k < n and share[y, x] > 0:
                first[k, x] = min(first[k, x], y)
                last[k, x] = y
    return first, last


def ink_of_line(
    share: Float, line: Lines, k: int, level_px: float, extent: tuple[Int, Int], px_per_mm: float, darkness: float = 1.0
) -> tuple[int, Float]:
    """Ink of one line, with the ink of others that lies between its own parts; the band of page that holds it.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1.
    line : uint8 array [height, width]
        Index of the line that drew each pixel.
    k : int
        The line's.
    level_px : float
        Its level.
    extent : tuple of int array [n, width]
        From `lines_extent`.
    px_per_mm : float
    darkness : float
        Share that counts as full ink.

    Returns
    -------
    low : int
        First row of the band.
    mine : float32 array [rows, width]
        Ink within it, laid out column by column: closed from top to bottom over what a line may pass under where there
        is ink at all, and over the gaps of a grid; ridges of upright strokes fainter than half of the pen count 0.5.
    """
    first, last = extent[0][k], extent[1][k]
    margin = round(2 * px_per_mm)
    top, bottom = min(round(level_px), int(first.min())), max(round(level_px), int(last.max()))
    low, high = max(0, top - margin), min(share.shape[0], bottom + margin + 1)
    mine = np.zeros((share.shape[1], high - low), np.float32)
    reach = [max(3, round(mm * px_per_mm)) | 1 for mm in (_UNDER_MM, _GAP_MM, _UPRIGHT_MM)]
    _fill(mine, share, line, k, np.float32(darkness), first, last, low, reach[0], reach[1], reach[2])
    return low, mine.T


@njit(cache=True)  # type: ignore[untyped-decorator]
def _own(share: Float, line: Lines, k: int, darkness: float, y: int, x: int) -> Any:
    """Share of ink of a pixel where it is a line's own, else 0."""
    h, w = share.shape
    if y < 0 or y >= h or x < 0 or x >= w or line[y, x] != k:
        return np.float32(0)
    return min(share[y, x] / darkness, np.float32(1))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _fill(
    mine: Float,
    share: Float,
    line: Lines,
    k: int,
    darkness: float,
    first: Int,
    last: Int,
    low: int,
    under: int,
    gap: int,
    upright: int,
) -> None:
    """Fill the ink of a line in [width, rows], one stretch of a column after the other."""
    w, rows = mine.shape
    own, spare = np.empty(rows, np.float32), np.empty(rows + under + gap, np.float32)
    for x in range(w):
        a = first[x]
        while a <= last[x]:
            # A stretch ends where nothing is the line's own for longer than it may pass under.
            b, empty, y = a, 0, a
            while y <= last[x] and empty < under:
                own[y - a] = _own(share, line, k, darkness, y, x)
                empty = 0 if own[y - a] > 0 else empty + 1
                b = y if empty == 0 else b
                y += 1
            n = b - a + 1
            part = mine[x, a - low : b + 1 - low]
            for i in range(n):
                part[i] = own[i]
            _close(part, spare, under // 2)
            for i in range(n):
                part[i] = min(part[i], share[a + i, x] / darkness, np.float32(1))
            _close(part, spare, gap // 2)
            for i in range(n):
                if _FAINTEST <= own[i] < 0.5 and _is_ridge(share, line, k, darkness, a + i, x, upright):
                    part[i] = 0.5
            a = y
            while a <= last[x] and (line[a, x] != k or share[a, x] <= 0):
                a += 1


@njit(cache=True)  # type: ignore[untyped-decorator]
def _close(values: Float, spare: Float, half: int) -> None:
    """Close a row of values in place, nothing lying on either side of it, over windows of 2 half + 1."""
    n = values.size
    for i in range(-half, n + half):
        highest = np.float32(0)
        for j in range(max(0, i - half), min(n, i + half + 1)):
            highest = max(highest, values[j])
        spare[i + half] = highest
    for i in range(n):
        lowest = spare[i]
        for j in range(i + 1, i + 2 * half + 1):
            lowest = min(lowest, spare[j])
        values[i] = lowest


@njit(cache=True)  # type: ignore[untyped-decorator]
def _across(share: Float, line: Lines, k: int, darkness: float, y: int, x: int) -> Any:
    """Whether a pixel and its neighbours to the left and right hold enough of a line's ink together."""
    left, right = _own(share, line, k, darkness, y, x - 1), _own(share, line, k, darkness, y, x + 1)
    return left + _own(share, line, k, darkness, y, x) + right >= np.float32(_ACROSS)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _is_ridge(share: Float, line: Lines, k: int, darkness: float, y: int, x: int, upright: int) -> bool:
    """Whether a pixel is the darkest of its row's three and stands in an upright stroke."""
    here = _own(share, line, k, darkness, y, x)
    if _own(share, line, k, darkness, y, x - 1) > here or _own(share, line, k, darkness, y, x + 1) > here:
        return False
    if not _across(share, line, k, darkness, y, x):
        return False
    length = 1
    for step in (-1, 1):
        v = y + step
        while length < upright and _across(share, line, k, darkness, v, x):
            length += 1
            v += step
    return length >= upright
