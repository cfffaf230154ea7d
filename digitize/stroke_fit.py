"""The loops of the stroke's fit, compiled: drawn and seen ink compared, and the samples moved until both agree."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["fitted"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Int = NDArray[np.int64]

#: Pixels of a column that are looked at together: two vectors, as many as most columns have.
_CHUNK = 16
#: Most that a step may be lengthened.
_FASTEST = 4.0
#: A column is not drawn anew before one of the samples around it has moved so far.
_STILL_PX = 0.02


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def fitted(
    share: Float,
    columns: Int,
    x: Double,
    y: Double,
    low: Int,
    high: Int,
    weight: Double,
    half: float,
    soft: float,
    steps: int,
    smoothness: float,
    damping: float,
    most: float,
) -> tuple[Double, float]:
    """Fit the line, in place.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1; below 0 where it is not to be compared.
    columns : int array [m]
        Columns to compare, increasing.
    x, y : float array [samples]
        Columns, evenly spaced, and rows of the line in pixels.
    low, high : int array [width]
        First and last row to compare.
    weight : float array [width]
        Trust in each column.
    half, soft : float
        Half of the pen's width and the standard deviation of its edge in pixels.
    steps, smoothness, damping, most
        As `digitize.stroke.StrokeOptions` has them.

    Returns
    -------
    y : float array [samples]
    error : float
        Root mean square difference between drawn and seen ink.
    """
    n, m = x.size, columns.size
    dx = (x[n - 1] - x[0]) / (n - 1)
    farthest = half + 3.0 * soft + 0.5  # the pen does not come here
    near = int(np.ceil((half + 2.5 * soft) / dx)) + 1  # segments on either side that can be the nearest
    close = int((half + 1.5 * soft) / dx) + 1  # samples on either side that leave ink to speak of
    profile, fine = _profile(half, soft, farthest)
    paper, count, tallest = _unpainted(share, columns, low, high, weight)
    line, rows = np.zeros((4, n + 1), np.float32), np.zeros((2, n), np.int64)
    best = np.empty((2, tallest + _CHUNK), np.float32)
    # What each column adds to the normal equations, and their sums: diagonal, beside it, right hand side. One more than
    # there are samples: the line's very end counts as the start of a segment.
    of_column, errors = np.zeros((m, 3, 2 * near + 3)), np.zeros(m)
    sums, equations = np.zeros((3, n + 1)), np.empty((3, 2 * near + 3))
    seen_at, fresh = y.copy(), np.ones(n, np.bool_)
    pace, last = np.ones(n), np.zeros(n)
    for step in range(steps + 1):
        _lay(y, dx, farthest, line, rows)
        for i in range(m):
            c = columns[i]
            middle = min(max(int((c - x[0]) / dx), 0), n - 2)
            start, stop = max(0, middle - near), min(n - 2, middle + near) + 1
            if not fresh[max(0, middle - close) : middle + close + 1].any():
                continue
            _nearest(best, line, rows, c - x[0], low[c], high[c], start, stop, dx)
            errors[i] = _compare(share, c, low[c], high[c], best, line, start, farthest, profile, fine, equations)
            for part in range(3):
                for k in range(stop - start + 1):
                    now = weight[c] * equations[part, k]
                    sums[part, start + k] += now - of_column[i, part, k]
                    of_column[i, part, k] = now
        if step == steps:
            break
        moves = _moves(sums, y, smoothness, damping)
        if _advance(y, moves, pace, last, most, seen_at, fresh) < 0.02:  # a fiftieth of a pixel is 3 uV at 200 dpi
            break
    total = paper
    for i in range(m):
        total += weight[columns[i]] * errors[i]
    return y, np.sqrt(max(total, 0.0) / max(count, 1.0))


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _unpainted(share: Float, columns: Int, low: Int, high: Int, weight: Double) -> tuple[float, float, int]:
    """Weighed squared error where nothing is drawn, weight of the pixels compared, most rows of a column."""
    tallest, paper, count = 0, 0.0, 0.0
    for c in columns:
        tallest = max(tallest, high[c] - low[c] + 1)
        for r in range(low[c], high[c] + 1):
            if share[r, c] >= 0.0:
                paper += weight[c] * share[r, c] * share[r, c]
                count += weight[c]
    return paper, count, tallest


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _compare(
    share: Float,
    c: int,
    low: int,
    high: int,
    best: Float,
    line: Float,
    start: int,
    farthest: float,
    profile: Float,
    fine: float,
    equations: Double,
) -> float:
    """Write what a column adds to the normal equations; return by how much drawing lowers its squared error."""
    equations[:] = 0.0
    total = 0.0
    for i in range(high - low + 1):
        seen = share[low + i, c]
        if seen < 0.0 or best[0, i] > farthest * farthest:
            continue
        d = np.sqrt(best[0, i]) * fine
        m = int(d)
        drawn = profile[m, 0] + (d - m) * (profile[m + 1, 0] - profile[m, 0])
        pull = profile[m, 1] + (d - m) * (profile[m + 1, 1] - profile[m, 1])
        residual = seen - drawn
        total += residual * residual - seen * seen
        k = int(best[1, i])
        t = best[1, i] - k
        j = pull * (low + i - (line[0, start + k] + t * line[1, start + k]))
        j0 = j * (1.0 - t)
        j1 = j * t
        equations[0, k] += j0 * j0
        equations[0, k + 1] += j1 * j1
        equations[1, k] += j0 * j1
        equations[2, k] += j0 * residual
        equations[2, k + 1] += j1 * residual
    return total


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _moves(sums: Double, y: Double, smoothness: float, damping: float) -> Double:
    """Gauss-Newton step of each sample: what the ink asks for, damped, and a weak wish for few bends."""
    n = y.size
    diagonal, first = sums[0] + damping, sums[1].copy()
    right: Double = sums[2].copy()
    second = np.zeros(n + 1)
    for k in range(1, n - 1):
        bend = y[k - 1] - 2.0 * y[k] + y[k + 1]
        diagonal[k - 1] += smoothness
        diagonal[k] += 4.0 * smoothness
        diagonal[k + 1] += smoothness
        first[k - 1] -= 2.0 * smoothness
        first[k] -= 2.0 * smoothness
        second[k - 1] += smoothness
        right[k - 1] -= smoothness * bend
        right[k] += 2.0 * smoothness * bend
        right[k + 1] -= smoothness * bend
    _solve(diagonal[:n], first, second, right)
    return right


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _advance(
    y: Double, moves: Double, pace: Double, last: Double, most: float, seen_at: Double, fresh: NDArray[np.bool_]
) -> float:
    """Move the samples, mark those that must be looked at anew, and return the longest move."""
    moved = 0.0
    for k in range(y.size):
        # Where steep strokes lie closer than pixels, full steps go to and fro for ever; tips climb slowly. So a sample
        # that turns back goes half as far, one that goes on goes further (after Riedmiller & Braun, ICNN 1993).
        if moves[k] * last[k] < 0.0:
            pace[k] *= 0.5
        else:
            pace[k] = min(pace[k] * (1.5 if pace[k] >= 1.0 else 1.1), _FASTEST)
        last[k] = moves[k]
        move = min(max(moves[k] * pace[k], -most), most)
        y[k] += move
        moved = max(moved, abs(move))
        fresh[k] = abs(y[k] - seen_at[k]) > _STILL_PX
        if fresh[k]:
            seen_at[k] = y[k]
    return moved


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _profile(half: float, soft: float, farthest: float) -> tuple[Float, float]:
    """Ink across a stroke and its fall over distance, by distance; how many of each there are in a pixel."""
    scale = soft * 0.5513  # sqrt(3) / pi: a blurred edge is a logistic of the same standard deviation as the blur
    fine = 64.0 / scale  # linear between them to 3e-6
    profile = np.zeros((int(farthest * fine) + 3, 2), np.float32)
    for i in range(profile.shape[0]):
        d = max(i, 0.001) / fine
        e1 = 1.0 / (1.0 + np.exp(min((d - half) / scale, 40.0)))
        e2 = 1.0 / (1.0 + np.exp(min((d + half) / scale, 40.0)))
        profile[i, 0] = e1 - e2
        profile[i, 1] = (e1 * (1.0 - e1) - e2 * (1.0 - e2)) / (scale * d)
    return profile, fine


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _lay(y: Double, dx: float, farthest: float, line: Float, rows: Int) -> None:
    """Lay a line out by segments: first row, rise, part of the way that a pixel aside or below adds; rows in reach."""
    for k in range(y.size):
        line[0, k] = y[k]
    for k in range(y.size - 1):
        rise = y[k + 1] - y[k]
        line[1, k] = rise
        line[2, k] = dx / (dx * dx + rise * rise)
        line[3, k] = rise / (dx * dx + rise * rise)
        rows[0, k] = int(np.floor(min(y[k], y[k + 1]) - farthest))
        rows[1, k] = int(np.ceil(max(y[k], y[k + 1]) + farthest))


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _nearest(
    best: Float, line: Float, rows: Int, at: float, low: int, high: int, start: int, stop: int, dx: float
) -> None:
    """Squared distance of a column's pixels from the line, and the place there in segments behind the first."""
    # Most of a fit's time goes here. The inner loop has a fixed length, no branch and single precision throughout, so
    # that it becomes a few vector instructions; counted from the column and the first segment, no digits are lost.
    for i in range(high - low + 1):
        best[0, i] = np.float32(1e18)
    width = np.float32(dx)
    zero, one = np.float32(0.0), np.float32(1.0)
    for k in range(np.uint64(start), np.uint64(stop)):
        px = np.float32(at - k * dx)
        rise = line[1, k]
        along, across = px * line[2, k], line[3, k]
        before = np.float32(np.int64(k) - start)
        above = line[0, k] - np.float32(low)
        for chunk in range(max(0, rows[0, k] - low), min(high, rows[1, k]) - low + 1, _CHUNK):
            i0 = np.uint64(chunk)
            py0 = np.float32(chunk) - above
            for i in range(np.uint64(_CHUNK)):
                py = py0 + np.float32(i)
                t = min(max(along + py * across, zero), one)
                ex = px - t * width
                ey = py - t * rise
                d2 = ex * ex + ey * ey
                place, least = best[1, i0 + i], best[0, i0 + i]
                best[1, i0 + i] = before + t if d2 < least else place
                best[0, i0 + i] = d2 if d2 < least else least


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _solve(d: Double, e: Double, f: Double, b: Double) -> None:
    """Solve a symmetric pentadiagonal system in place by L D L^T (Golub & Van Loan, section 4.3)."""
    n = d.size
    d1, d2, e1, b1, b2 = d[0], d[1], e[0], b[0], b[1]
    for k in range(n - 2):
        inverse = 1.0 / d1
        l1, l2 = e1 * inverse, f[k] * inverse
        d1, d2 = d2 - e1 * e1 * inverse, d[k + 2] - f[k] * l2
        e1 = e[k + 1] - f[k] * l1
        d[k], e[k], b[k] = l1, l2, b1 * inverse
        b1, b2 = b2 - l1 * b1, b[k + 2] - l2 * b1
    b[n - 1] = (b2 - e1 / d1 * b1) / (d2 - e1 / d1 * e1)
    b[n - 2] = (b1 - e1 * b[n - 1]) / d1
    for k in range(n - 3, -1, -1):
        b[k] = (b[k] - e[k] * b[k + 2]) - d[k] * b[k + 1]
