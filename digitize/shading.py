"""Shading and contrast of a page evened out: the passes over all its pixels.

What varies slowly over the page is given at a quarter of its rows, and taken linearly between them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["darkest_channel", "evened", "power_about"]

Float = NDArray[np.float32]


@njit(cache=True)  # type: ignore[untyped-decorator]
def darkest_channel(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Float]:
    """Take the darkest channel of a page, and its means over blocks of four by four pixels.

    Parameters
    ----------
    image : uint8 array [height, width, 3]

    Returns
    -------
    darkest : uint8 array [height, width]
    mean : float32 array [height / 4, width / 4]
        Rounded to whole blocks: the last may be smaller, or missing.
    """
    height, width = image.shape[:2]
    mean = np.empty((round(height / 4), round(width / 4)), np.float32)
    darkest = np.empty((height, width), np.uint8)
    total = np.zeros(width + 4, np.int32)
    for y in range(height):
        colours, least = image[y].reshape(-1), darkest[y]
        for x in range(width):
            least[x] = min(colours[3 * x], colours[3 * x + 1], colours[3 * x + 2])
            total[x] += least[x]
        row = y // 4
        if row < mean.shape[0] and (y % 4 == 3 or y == height - 1):
            for column in range(mean.shape[1]):
                x = 4 * column
                area = np.float32((y % 4 + 1) * min(4, width - x))
                mean[row, column] = (total[x] + total[x + 1] + total[x + 2] + total[x + 3]) / area
            total[:] = 0
    return darkest, mean


@njit(cache=True)  # type: ignore[untyped-decorator]
def power_about(darkest: NDArray[np.uint8], level: Float, columns: int) -> Float:
    """Average the squares of grey values less their level over blocks of four by four pixels.

    Parameters
    ----------
    darkest : uint8 array [height, width]
    level : float32 array [height / 4, width]
        In grey values.
    columns : int
        Blocks across.

    Returns
    -------
    float32 array [height / 4, columns]
    """
    height, width = darkest.shape
    power = np.empty((level.shape[0], columns), np.float32)
    total = np.zeros(width + 4, np.float32)
    for y in range(height):
        at = min(max((y + 0.5) * level.shape[0] / height - 0.5, 0.0), level.shape[0] - 1.0)
        share = np.float32(at - int(at))
        grey, above, below = darkest[y], level[int(at)], level[min(int(at) + 1, level.shape[0] - 1)]
        for x in range(width):
            flat = np.float32(grey[x]) - (above[x] + share * (below[x] - above[x]))
            total[x] += flat * flat
        row = y // 4
        if row < power.shape[0] and (y % 4 == 3 or y == height - 1):
            for column in range(columns):
                x = 4 * column
                area = np.float32((y % 4 + 1) * min(4, width - x))
                power[row, column] = (total[x] + total[x + 1] + total[x + 2] + total[x + 3]) / area
            total[:] = 0
    return power


@njit(cache=True)  # type: ignore[untyped-decorator]
def evened(darkest: NDArray[np.uint8], level: Float, contrast: Float) -> Float:
    """Multiply grey values less their level by a factor, within ±2.

    Parameters
    ----------
    darkest : uint8 array [height, width]
    level, contrast : float32 array [height / 4, width]
        What is taken off, in grey values, and the factor.

    Returns
    -------
    float32 array [height, width]
    """
    height, width = darkest.shape
    picture = np.empty((height, width), np.float32)
    for y in range(height):
        at = min(max((y + 0.5) * level.shape[0] / height - 0.5, 0.0), level.shape[0] - 1.0)
        share, row, after = np.float32(at - int(at)), int(at), min(int(at) + 1, level.shape[0] - 1)
        grey, above, below, high, low = darkest[y], level[row], level[after], contrast[row], contrast[after]
        for x in range(width):
            flat = np.float32(grey[x]) - (above[x] + share * (below[x] - above[x]))
            value = flat * (high[x] + share * (low[x] - high[x]))
            picture[y, x] = min(max(value, np.float32(-2)), np.float32(2))
    return picture
