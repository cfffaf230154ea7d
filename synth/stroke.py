"""Ink on paper: anti-aliased lines at their true sub-pixel positions.

A pixel whose centre lies ``d`` from the middle of a line of width ``w`` is covered by the overlap of
[d - 1/2, d + 1/2] with [-w/2, w/2]: exact for upright and level lines, and the usual approximation of a slanting
edge. A whole number is the centre of a pixel. The kernels are compiled by numba on first use and cached on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["blend", "line_coverage", "njit_cached", "paint_grid", "stroke"]

#: Paper, minor and major colour of a grid: three RGB triples.
GridColours = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]


def _stroke(cover: Any, x: Any, y: Any, full: float, taper: float, slow: float) -> None:
    height, width = cover.shape
    for i in range(x.size - 1):
        x0, y0, x1, y1 = x[i], y[i], x[i + 1], y[i + 1]
        if not (np.isfinite(y0) and np.isfinite(y1)):
            continue
        dx, dy = x1 - x0, y1 - y0
        length2 = dx * dx + dy * dy
        half = full
        if taper > 0:
            length = np.sqrt(length2)
            half = full * (1 - taper * length / (length + slow))
        pad = half + 0.5
        left, right = max(0, int(np.ceil(min(x0, x1) - pad))), min(width - 1, int(np.floor(max(x0, x1) + pad)))
        top, bottom = max(0, int(np.ceil(min(y0, y1) - pad))), min(height - 1, int(np.floor(max(y0, y1) + pad)))
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                along = 0.0
                if length2 > 0:
                    along = min(1.0, max(0.0, ((column - x0) * dx + (row - y0) * dy) / length2))
                ex, ey = column - x0 - along * dx, row - y0 - along * dy
                d = np.sqrt(ex * ex + ey * ey)
                share = min(half, d + 0.5) - max(-half, d - 0.5)
                if share > 0:
                    value = np.uint8(255.0 * share + 0.5)
                    if value > cover[row, column]:  # one pass of the pen: joints do not darken
                        cover[row, column] = value


def _blend(image: Any, mask: Any, cover: Any, box: Any, colour: Any, index: int) -> None:
    for row in range(box[1], box[3]):
        for column in range(box[0], box[2]):
            c = np.int32(cover[row, column])
            if c > 0:
                for k in range(3):
                    old = np.int32(image[row, column, k])
                    image[row, column, k] = np.uint8((old * (255 - c) + colour[k] * c + 127) // 255)
                if index > 0 and c >= 128:
                    mask[row, column] = index
                cover[row, column] = 0


def _paint_grid(
    image: Any,
    minor_x: Any,
    minor_y: Any,
    major_x: Any,
    major_y: Any,
    dots_x: Any,
    dots_y: Any,
    colours: Any,
    kinds: Any,
) -> None:
    height, width = image.shape[0], image.shape[1]
    plain = -1  # first row between horizontal lines: the others are copies of it
    for row in range(height):
        between = minor_y[row] == 0 and major_y[row] == 0 and (kinds[1] < 2 or dots_y[row] == 0)
        if between and plain >= 0:
            image[row] = image[plain]
            continue
        for column in range(width):
            a, b = np.float32(0), np.float32(0)
            if kinds[0] == 1:
                a = max(minor_x[column], minor_y[row])
            elif kinds[0] == 2:
                a = minor_x[column] * minor_y[row]
            if kinds[1] == 1:
                b = max(major_x[column], major_y[row])
            elif kinds[1] == 2:
                b = max(major_x[column] * dots_y[row], dots_x[column] * major_y[row])
            for k in range(3):
                c = colours[0, k] + (colours[1, k] - colours[0, k]) * a
                image[row, column, k] = np.uint8(c + (colours[2, k] - c) * b + np.float32(0.5))
        if between:
            plain = row


def njit_cached(kernel: Any) -> Any:
    """Kernel as machine code, kept on disk where that is possible.

    Parameters
    ----------
    kernel : callable
        In numba's subset of Python.

    Returns
    -------
    callable
    """
    try:
        return njit(cache=True, nogil=True)(kernel)
    except RuntimeError:  # nowhere to keep the machine code (read-only folder, no home): compiled in each process
        return njit(nogil=True)(kernel)


_stroke_jit = njit_cached(_stroke)
_blend_jit = njit_cached(_blend)
_paint_grid_jit = njit_cached(_paint_grid)


def stroke(
    cover: NDArray[np.uint8],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    width_px: float,
    taper: float = 0.0,
    slow_px: float = 1.0,
) -> None:
    """Draw a polyline with round joins and caps into a coverage picture, in place.

    Parameters
    ----------
    cover : uint8 array [height, width]
        Coverage, 0 to 255; each pixel keeps the larger of old and new.
    x, y : float64 array [points]
        Pixels; a point with NaN in y lifts the pen.
    width_px : float
        Width of the pen in pixels.
    taper : float
        Share of the width that is lost where the pen moves far from point to point.
    slow_px : float
        Distance from point to point at which half of that is lost.

    Examples
    --------
    >>> cover = np.zeros((5, 4), np.uint8)
    >>> stroke(cover, np.array([-9.0, 9.0]), np.array([1.75, 1.75]), 1.0)
    >>> cover[:, 0].tolist()
    [0, 64, 191, 0, 0]
    """
    _stroke_jit(
        cover, np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64), width_px / 2, taper, slow_px
    )


def blend(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    cover: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    colour: tuple[int, int, int],
    index: int = 0,
) -> None:
    """Put the ink of a coverage picture on the page within a box, and clear the coverage there; all in place.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    mask : uint8 array [height, width]
        Gets ``index`` where at least half of a pixel is covered.
    cover : uint8 array [height, width]
    box : tuple of int
        Left, top, right, bottom in pixels, the last two excluded.
    colour : tuple of int
        RGB of the ink.
    index : int
        Value for the mask; 0 leaves it alone.
    """
    _blend_jit(image, mask, cover, np.array(box), np.array(colour, np.int32), index)


def line_coverage(size: int, positions_px: NDArray[np.float64], width_px: float) -> NDArray[np.float32]:
    """Coverage of each of ``size`` pixels by parallel lines across them, 0 to 1.

    Parameters
    ----------
    size : int
    positions_px : float array [lines]
        Middles of the lines in pixels.
    width_px : float
        Width of a line in pixels.

    Returns
    -------
    float32 array [size]

    Examples
    --------
    >>> line_coverage(4, np.array([1.5]), 2.0).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    cover = np.zeros(size, np.float64)
    reach = int(np.ceil(width_px / 2 + 0.5))
    for offset in range(-reach, reach + 1):
        at = np.rint(positions_px).astype(int) + offset
        d = np.abs(at - positions_px)
        share = np.minimum(width_px / 2, d + 0.5) - np.maximum(-width_px / 2, d - 0.5)
        inside = (at >= 0) & (at < size) & (share > 0)
        np.maximum.at(cover, at[inside], share[inside])
    return np.minimum(cover, 1.0).astype(np.float32)


def paint_grid(
    image: NDArray[np.uint8],
    minor: tuple[NDArray[np.float32], NDArray[np.float32]],
    major: tuple[NDArray[np.float32], NDArray[np.float32]],
    colours: GridColours,
    kinds: tuple[int, int] = (1, 1),
    dots: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> None:
    """Fill a picture with paper and grid lines or dots, in place.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    minor, major : pair of float32 arrays [width], [height]
        Coverage of each column and row by the fine and by the strong lines.
    colours : three RGB triples
        Paper, minor lines, major lines.
    kinds : tuple of int
        Of the fine and of the strong print: 0 none, 1 lines, 2 dots (strong ones stand along the strong lines).
    dots : pair of float32 arrays [width], [height] or None
        Coverage by strong dots a fine pitch apart; the fine lines' own where None.
    """
    places = minor if dots is None else dots
    _paint_grid_jit(image, *minor, *major, *places, np.array(colours, np.float32), np.array(kinds, np.int32))
