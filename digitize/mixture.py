"""Loops over every pixel of a page for `digitize.segment`, compiled: one pass where numpy would take ten."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["brightest", "crossed", "filled", "ink_counts", "longest_runs", "medians", "solved", "without_colour"]

Float = NDArray[np.float32]
Grey = NDArray[np.uint8]
Int = NDArray[np.int64]

#: Least difference of ink and what lies under it, in grey levels, by which a pixel's darkness is divided.
_LEAST = np.float32(16)


@njit(cache=True)  # type: ignore[untyped-decorator]
def medians(picture: Grey, starts: Int, window: int, step: int) -> Float:
    """Median of every ``step``-th pixel along the rows, in windows, by counting grey levels.

    Parameters
    ----------
    picture : uint8 array [height, width]
    starts : int array [n]
        First column of each window.
    window, step : int
        Pixels.

    Returns
    -------
    float32 array [n, height]
    """
    n, size = starts.size, (window + step - 1) // step
    found = np.empty((n, picture.shape[0]), np.float32)
    for y in range(picture.shape[0]):
        for k in range(n):
            counts = np.zeros(256, np.int32)
            for x in range(starts[k], starts[k] + window, step):
                counts[picture[y, x]] += 1
            low = 0
            below = counts[0]
            while below <= (size - 1) // 2:
                low += 1
                below += counts[low]
            high = low
            while below <= size // 2:
                high += 1
                below += counts[high]
            found[k, y] = (low + high) / 2
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def crossed(
    columns: Float, low_y: Int, part_y: Float, rows: Float, low_x: Int, part_x: Float, paper: Grey, scales: Float
) -> Float:
    """Brightness of columns and rows multiplied, each between its two nearest windows, and by paper's own.

    Parameters
    ----------
    columns : float32 array [windows, width]
    low_y : int array [height]
        Window above each pixel row.
    part_y : float32 array [height]
        How far towards the next it stands, 0 to 1.
    rows : float32 array [windows, height]
    low_x : int array [width]
    part_x : float32 array [width]
    paper : uint8 array [height, width]
    scales : float32 array [2]
        Factors of the product of columns and rows, and of that with paper.

    Returns
    -------
    float32 array [height, width]
    """
    height, width = paper.shape
    one = np.float32(1)
    under = np.empty((height, width), np.float32)
    bounds = np.searchsorted(low_x, np.arange(rows.shape[0] + 1))
    for y in range(height):
        above, below = low_y[y], min(low_y[y] + 1, columns.shape[0] - 1)
        for k in range(rows.shape[0]):
            # Slices of one window, so that the innermost loop holds nothing but sums of neighbours.
            here = slice(bounds[k], bounds[k + 1])
            upper, lower, part = columns[above, here], columns[below, here], part_x[here]
            white, out = paper[y, here], under[y, here]
            left, right = rows[k, y], rows[min(k + 1, rows.shape[0] - 1), y]
            for x in range(part.size):
                column = upper[x] * (one - part_y[y]) + lower[x] * part_y[y]
                row = left * (one - part[x]) + right * part[x]
                out[x] = scales[1] * (scales[0] * column * row) * np.float32(white[x])
    return under


@njit(cache=True)  # type: ignore[untyped-decorator]
def ink_counts(light: Grey, under: Float, hat: Grey, least: int) -> Int:
    """Count pixels by how much darker they are than what surrounds them, and by their own brightness.

    Parameters
    ----------
    light : uint8 array [height, width]
    under : float32 array [height, width]
        Brightness of what lies under the ink.
    hat : uint8 array [height, width]
        How much darker than its neighbourhood a pixel is.
    least : int
        Grey levels from which pixels are counted: the fewer, the faster.

    Returns
    -------
    int array [256, 256]
        By the lesser of both differences, and by brightness.
    """
    counts = np.zeros((256, 256), np.int64)
    thin = np.empty(light.shape[1], np.uint8)
    for y in range(light.shape[0]):
        for x in range(thin.size):
            deep = np.int32(min(under[y, x], np.float32(255))) - np.int32(light[y, x])
            thin[x] = max(min(deep, np.int32(hat[y, x])), np.int32(0))
        for x in range(thin.size):
            if thin[x] >= least:
                counts[thin[x], light[y, x]] += 1
    return counts


@njit(cache=True)  # type: ignore[untyped-decorator]
def solved(light: Grey, under: Float, paper: Grey, ink: float, least_room: float) -> tuple[Float, int]:
    """Share of ink in each pixel, and how many pixels have little room for ink to show.

    Parameters
    ----------
    light : uint8 array [height, width]
    under : float32 array [height, width]
        Brightness of what lies under the ink.
    paper : uint8 array [height, width]
    ink : float
        Brightness of the ink.
    least_room : float
        How much darker than what lies under it ink must be, as a share of how much darker it is than paper.

    Returns
    -------
    share : float32 array [height, width]
        0 to 1.
    cramped : int
        Pixels with less room than that.
    """
    share = np.empty(light.shape, np.float32)
    dark, room, cramped = np.float32(ink), np.float32(least_room), 0
    for y in range(light.shape[0]):
        for x in range(light.shape[1]):
            depth = under[y, x] - dark
            value = (under[y, x] - np.float32(light[y, x])) / max(depth, _LEAST)
            share[y, x] = min(max(value, np.float32(0)), np.float32(1))
            cramped += depth < room * max(np.float32(paper[y, x]) - dark, _LEAST)
    return share, cramped


@njit(cache=True)  # type: ignore[untyped-decorator]
def filled(share: Float, under: Float, paper: Grey, ink: float, least_room: float, weights: Float) -> Float:
    """Share of ink where pixels with little room listen to their neighbours, the more the less room they have.

    Parameters
    ----------
    share, under, paper, ink, least_room
        As in `solved`.
    weights : float32 array [5]
        Of neighbours up to two pixels away, along each axis.

    Returns
    -------
    float32 array [height, width]
    """
    height, width = share.shape
    dark, room = np.float32(ink), np.float32(least_room)
    trust = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            part = (under[y, x] - dark) / max(np.float32(paper[y, x]) - dark, _LEAST) / room
            part = min(max(part, np.float32(0)), np.float32(1))
            trust[y, x] = part * part
    # Neighbours beyond the edges are mirrored.
    row = (height - 1 - np.abs(height - 1 - np.abs(np.arange(-2, height + 2)))).astype(np.uint32)
    column = (width - 1 - np.abs(width - 1 - np.abs(np.arange(-2, width + 2)))).astype(np.uint32)
    mixed = share.copy()
    for y in range(height):
        for x in range(width):
            if trust[y, x] >= 1:
                continue
            total = weight = np.float32(0)
            for dy in range(5):
                for dx in range(5):
                    w = weights[dy] * weights[dx] * trust[row[y + dy], column[x + dx]]
                    weight += w
                    total += w * share[row[y + dy], column[x + dx]]
            mean = total / max(weight, np.float32(1e-3))
            mixed[y, x] = trust[y, x] * share[y, x] + (np.float32(1) - trust[y, x]) * mean
    return mixed


@njit(cache=True)  # type: ignore[untyped-decorator]
def brightest(image: Grey) -> Grey:
    """Brightest channel.

    Parameters
    ----------
    image : uint8 array [height, width, 3]

    Returns
    -------
    uint8 array [height, width]
    """
    bright = np.empty(image.shape[:2], np.uint8)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            bright[y, x] = max(image[y, x, 0], image[y, x, 1], image[y, x, 2])
    return bright


@njit(cache=True)  # type: ignore[untyped-decorator]
def without_colour(share: Float, bright: Grey, paper: Grey, bright_paper: Grey, ink: float) -> Float:
    """Share of ink where a pixel or one beside it is dark in the brightest channel: ink is, coloured dots are not.

    Parameters
    ----------
    share : float32 array [height, width]
    bright : uint8 array [height, width]
        Brightest channel.
    paper, bright_paper : uint8 array [height, width]
        Paper in grey and in the brightest channel.
    ink : float
        Brightness of the ink.

    Returns
    -------
    float32 array [height, width]
    """
    height, width = share.shape
    dark = np.float32(ink)
    alone = np.empty((height, width), np.float32)
    # How dark, of three rows about the one in work, with nothing beyond the edges.
    near = np.full((3, width + 2), np.float32(-1e9))
    for y in range(height + 1):
        row = near[y % 3]
        if y < height:
            for x in range(width):
                depth = max(np.float32(bright_paper[y, x]) - dark, _LEAST)
                row[x + 1] = (np.float32(paper[y, x]) - np.float32(bright[y, x])) / depth
        else:
            row[:] = np.float32(-1e9)
        if y > 0:
            for x in range(width):
                beside = max(near[0, x], near[1, x], near[2, x])
                here = max(near[0, x + 1], near[1, x + 1], near[2, x + 1])
                behind = max(near[0, x + 2], near[1, x + 2], near[2, x + 2])
                sure = (max(beside, here, behind) - np.float32(0.35)) / np.float32(0.2)
                alone[y - 1, x] = share[y - 1, x] * min(max(sure, np.float32(0)), np.float32(1))
    return alone


@njit(cache=True)  # type: ignore[untyped-decorator]
def longest_runs(ink: Grey) -> NDArray[np.int32]:
    """Longest run of ink down each column.

    Parameters
    ----------
    ink : uint8 array [height, width]
        0 or 1.

    Returns
    -------
    int32 array [width]
        Pixels.
    """
    length = np.zeros(ink.shape[1], np.int32)
    longest = np.zeros(ink.shape[1], np.int32)
    for y in range(ink.shape[0]):
        for x in range(ink.shape[1]):
            length[x] = (length[x] + 1) * ink[y, x]
            longest[x] = max(longest[x], length[x])
    return longest
