"""Maps given on a lattice, straight between its points: looked up and inverted.

A lattice is an array [rows, columns, 2] of points (x, y). Index (c, r) = (2.5, 1.0) lies halfway between columns 2
and 3 in row 1, and the map there is the bilinear mean of the four points about it; beyond the lattice the outermost
cell goes on. The kernels are compiled by numba on first use and cached on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.stroke import njit_cached

__all__ = ["invert", "look_up"]

#: Newton's steps end when the point is met to a hundred-thousandth of a pixel: after three to five, where the map is
#: smooth.
_NEAR = 1e-5
_MOST_STEPS = 60


@njit_cached
def _cell(value: float, size: int) -> int:
    return min(max(int(np.floor(value)), 0), size - 2)


@njit_cached
def _look_up(lattice: Any, index: Any, found: Any) -> None:
    rows, columns = lattice.shape[0], lattice.shape[1]
    for i in range(index.shape[0]):
        if not (np.isfinite(index[i, 0]) and np.isfinite(index[i, 1])):
            found[i, 0] = found[i, 1] = np.nan
            continue
        c, r = _cell(index[i, 0], columns), _cell(index[i, 1], rows)
        a, b = index[i, 0] - c, index[i, 1] - r
        for k in range(2):
            above = lattice[r, c, k] * (1 - a) + lattice[r, c + 1, k] * a
            below = lattice[r + 1, c, k] * (1 - a) + lattice[r + 1, c + 1, k] * a
            found[i, k] = above * (1 - b) + below * b


@njit_cached
def _invert(lattice: Any, points: Any, guess: Any, found: Any) -> None:
    rows, columns = lattice.shape[0], lattice.shape[1]
    for i in range(points.shape[0]):
        px, py, x, y = points[i, 0], points[i, 1], guess[i, 0], guess[i, 1]
        if not (np.isfinite(px) and np.isfinite(py) and np.isfinite(x) and np.isfinite(y)):
            found[i, 0] = found[i, 1] = np.nan
            continue
        best, best_x, best_y = np.inf, x, y
        for step in range(_MOST_STEPS):
            c, r = _cell(x, columns), _cell(y, rows)
            a, b = x - c, y - r
            u0, u1, u2, u3 = lattice[r, c, 0], lattice[r, c + 1, 0], lattice[r + 1, c, 0], lattice[r + 1, c + 1, 0]
            v0, v1, v2, v3 = lattice[r, c, 1], lattice[r, c + 1, 1], lattice[r + 1, c, 1], lattice[r + 1, c + 1, 1]
            ex = (u0 * (1 - a) + u1 * a) * (1 - b) + (u2 * (1 - a) + u3 * a) * b - px
            ey = (v0 * (1 - a) + v1 * a) * (1 - b) + (v2 * (1 - a) + v3 * a) * b - py
            error = abs(ex) + abs(ey)
            if error < best:
                best, best_x, best_y = error, x, y
            if error < _NEAR:
                break
            xx, xy = (u1 - u0) * (1 - b) + (u3 - u2) * b, (u2 - u0) * (1 - a) + (u3 - u1) * a
            yx, yy = (v1 - v0) * (1 - b) + (v3 - v2) * b, (v2 - v0) * (1 - a) + (v3 - v1) * a
            det = xx * yy - xy * yx
            if abs(det) < 1e-12:
                break
            # Steps that go to and fro over a kink between two cells are halved after a while.
            share = 1.0 if step < 12 else 0.5
            x -= share * (ex * yy - ey * xy) / det
            y -= share * (ey * xx - ex * yx) / det
        found[i, 0], found[i, 1] = best_x, best_y


def look_up(lattice: NDArray[np.float64], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of the map at fractional indices.

    Parameters
    ----------
    lattice : float64 array [rows, columns, 2]
        At least two rows and columns.
    index : float64 array [n, 2]
        Column and row.

    Returns
    -------
    float64 array [n, 2]
        NaN where the index is.

    Examples
    --------
    >>> lattice = np.array([[[0.0, 0.0], [8.0, 0.0]], [[0.0, 6.0], [8.0, 6.0]]])
    >>> look_up(lattice, np.array([[0.5, 0.5]])).tolist()
    [[4.0, 3.0]]
    """
    index = np.ascontiguousarray(index, np.float64)
    found = np.empty_like(index)
    _look_up(np.ascontiguousarray(lattice, np.float64), index, found)
    return found


def invert(
    lattice: NDArray[np.float64], points: NDArray[np.float64], guess: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fractional indices at which the map meets given points: Newton's method, cell by cell.

    Parameters
    ----------
    lattice : float64 array [rows, columns, 2]
        A map that does not fold over itself; at least two rows and columns.
    points : float64 array [n, 2]
    guess : float64 array [n, 2]
        Column and row to start from; a few cells off will do, more where the map is smooth.

    Returns
    -------
    float64 array [n, 2]
        Column and row; NaN where point or guess is. Where no index meets the point, the nearest that was tried.

    Examples
    --------
    >>> lattice = np.array([[[0.0, 0.0], [8.0, 0.0]], [[0.0, 6.0], [8.0, 6.0]]])
    >>> invert(lattice, np.array([[4.0, 3.0]]), np.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    """
    points = np.ascontiguousarray(points, np.float64)
    found = np.empty_like(points)
    guess = np.ascontiguousarray(guess, np.float64)
    _invert(np.ascontiguousarray(lattice, np.float64), points, guess, found)
    return found
