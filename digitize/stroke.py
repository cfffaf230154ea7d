"""Reading below the pen's width: a stroke rendered at the measured width is fitted to the ink, sample by sample.

A pen of three pixels smears 15 ms of signal into every column of a 200 dpi page, so the centre of a column's ink is a
poor reading of a QRS however well the trace was found. Here the signal at its own sampling times is the unknown: the
polyline through the samples is drawn with the pen's width and softness, compared with the ink, and moved by banded
Gauss-Newton steps until both agree. A pixel acts on the two samples of its nearest segment only: the normal matrix is
tridiagonal, and pentadiagonal with the weak second-difference prior that carries the line over gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["FAINT", "UNKNOWN", "Pen", "StrokeOptions", "first_guess", "fit_stroke", "measure_pen"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Int = NDArray[np.int64]


#: Share of ink of a pixel that is not to be compared.
UNKNOWN = -1.0
#: Pixels of a column that are looked at together: two vectors, as many as most columns have.
_CHUNK = 16
#: Below this share a pixel is paper with the residue of a grid.
FAINT = 0.15


@dataclass(frozen=True)
class Pen:
    """The pen as the page shows it.

    Parameters
    ----------
    width_px : float
        Width of the stroke: ink across it, in fully covered pixels.
    softness_px : float
        Standard deviation of the blur at its edges, in pixels.
    """

    width_px: float
    softness_px: float


@dataclass(frozen=True)
class StrokeOptions:
    """How the stroke is fitted.

    Parameters
    ----------
    steps : int
        Gauss-Newton steps.
    smoothness : float
        Weight of the squared second difference (px per sample squared) against the squared error of ink shares. Small,
        so that it decides only where ink says nothing.
    damping : float
        Added to the diagonal of the normal matrix (Levenberg-Marquardt), in units of ink share per pixel, squared.
    most_px : float
        Longest move of a sample in one step.
    """

    steps: int = 20
    smoothness: float = 5e-2
    damping: float = 2e-2
    most_px: float = 2.0


def measure_pen(share: Float, top: Int, bottom: Int, found: NDArray[np.bool_]) -> Pen:
    """Measure the pen where the trace runs flat.

    Parameters
    ----------
    share : float32 array [height, width]
    top, bottom : int array [width]
        Run of ink in each column, from `digitize.trace.attach_runs`.
    found : bool array [width]

    Returns
    -------
    Pen
        Across a flat stroke the ink adds up to the width and spreads with the variance width²/12 + softness².
    """
    height = bottom - top + 1
    thin = found & (height <= np.percentile(height[found], 40)) if found.any() else found
    centre = (top + bottom) / 2
    flat = thin & (np.abs(np.gradient(centre)) < 0.5)
    x = np.flatnonzero(flat)
    if x.size < 10:
        x = np.flatnonzero(found)
    if x.size == 0:
        return Pen(2.0, 0.5)
    reach = 4 + int(np.median(height[x]))
    rows = (np.rint(centre[x]).astype(int)[:, None] + np.arange(-reach, reach + 1)[None]).clip(0, share.shape[0] - 1)
    profile = share[rows, x[:, None]].astype(np.float64)
    # The paper beside the stroke is not quite 0: take its own level off.
    profile = (profile - np.median(profile[:, [0, 1, -2, -1]], axis=1)[:, None]).clip(0)
    total = profile.sum(axis=1)
    width = float(np.median(total))
    mean = (profile * np.arange(-reach, reach + 1)).sum(axis=1) / np.maximum(total, 1e-6)
    spread = (profile * (np.arange(-reach, reach + 1) - mean[:, None]) ** 2).sum(axis=1) / np.maximum(total, 1e-6)
    variance = float(np.median(spread)) - width**2 / 12
    return Pen(max(width, 0.6), float(np.sqrt(np.clip(variance, 0.3**2, 1.5**2))))


def first_guess(share: Float, top: Int, bottom: Int, found: NDArray[np.bool_], pen: Pen, x: Double) -> Double:
    """Line through the runs of ink, peaks corrected for the pen's width.

    Where a column's run stands out above both of its neighbours, the pen turned there: the line reaches the run's end
    less half a pen. Elsewhere it goes through the middle of what the column shares with each neighbour.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1, or `UNKNOWN`.
    top, bottom : int array [width]
    found : bool array [width]
    pen : Pen
    x : float array [samples]
        Where the line is wanted, in pixels (pixel centres are whole numbers).

    Returns
    -------
    float array [samples]
        Rows in pixels.
    """
    columns = np.flatnonzero(found)
    if columns.size < 2:
        return np.full(x.shape, np.nan)
    upper, lower = _edges(share, top, bottom)
    half = pen.width_px / 2
    u, v = (upper + half)[columns], (lower - half)[columns]  # reach of the pen's centre within each column
    middle = (u + v) / 2
    u, v = np.minimum(u, middle), np.maximum(v, middle)
    left, right = _joint(u, v)
    # A turn: the run's end stands out over both neighbours' ends, and the run is longer than the pen alone makes it.
    long = v - u > 0.5 * pen.width_px
    peak = long & _extreme(u)
    trough = long & _extreme(-v)
    turn = peak | trough
    # Where both ends stand out, the one further from where the line comes in.
    upward = peak & (~trough | ((left + right) / 2 - u > v - (left + right) / 2))
    centre = np.where(turn, np.where(upward, u, v), middle)
    knots_x = np.stack([columns - 0.5, columns, columns + 0.5], axis=1)
    knots_y = np.stack([left, centre, right], axis=1)
    # Only a column with a turn needs its joints; elsewhere the middles alone are the quieter line.
    keep = np.stack([turn, np.ones_like(turn), turn], axis=1)
    line: Double = np.interp(x, knots_x[keep], knots_y[keep])
    return line


def _extreme(y: Double) -> NDArray[np.bool_]:
    """Whether a value is the least among its neighbours on both sides, a plateau counting at both its ends."""
    before = np.concatenate([[np.inf], y[:-1]])
    after = np.concatenate([y[1:], [np.inf]])
    result: NDArray[np.bool_] = (y <= before + 0.25) & (y <= after + 0.25)
    return result


def _edges(share: Float, top: Int, bottom: Int) -> tuple[Double, Double]:
    """Edges of the runs to a fraction of a pixel: the half-covered pixel counts by its share."""
    columns = np.arange(top.size)
    h = share.shape[0]
    rows = np.stack([(top - 1).clip(0), top, bottom, (bottom + 1).clip(0, h - 1)])
    before, first, last, behind = share[rows, columns].clip(0)  # what is unknown counts as paper
    return top - 0.5 - before * (top > 0) + (1 - first), bottom + 0.5 + behind * (bottom < h - 1) - (1 - last)


def _joint(u: Double, v: Double) -> tuple[Double, Double]:
    """Rows at which the line passes from each column into the one before and behind."""
    low = np.maximum(u[:-1], u[1:])
    high = np.minimum(v[:-1], v[1:])
    between = (low + high) / 2  # in the middle of the overlap, or of the gap where the columns do not overlap
    first, last = (u[0] + v[0]) / 2, (u[-1] + v[-1]) / 2
    return np.concatenate([[first], between]), np.concatenate([between, [last]])


def fit_stroke(
    share: Float,
    x: Double,
    y: Double,
    low: Int,
    high: Int,
    weight: Float,
    pen: Pen,
    options: StrokeOptions | None = None,
) -> tuple[Double, float]:
    """Fit a line drawn with a pen to the ink.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1, or `UNKNOWN`.
    x : float array [samples]
        Increasing, evenly spaced columns of the samples.
    y : float array [samples]
        First guess, finite.
    low, high : int array [width]
        First and last row of each column that may be compared; the column is left out where ``high < low``.
    weight : float32 array [width]
        Trust in each column, 0 to 1.
    pen : Pen
    options : StrokeOptions, optional

    Returns
    -------
    y : float array [samples]
        Rows in pixels.
    error : float
        Root mean square difference between drawn and seen ink over the pixels compared.
    """
    options = options or StrokeOptions()
    columns = np.flatnonzero((weight > 0) & (high >= low))
    columns = columns[(columns >= np.floor(x[0] - 0.5)) & (columns <= np.ceil(x[-1] + 0.5))]
    result, error = _fit(
        np.ascontiguousarray(share),
        columns,
        np.ascontiguousarray(x, dtype=np.float64),
        np.array(y, dtype=np.float64),
        low.astype(np.int64),
        high.astype(np.int64),
        weight.astype(np.float64),
        pen.width_px / 2,
        pen.softness_px,
        options.steps,
        options.smoothness,
        options.damping,
        options.most_px,
    )
    return result, float(error)


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _fit(
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
    n = x.size
    dx = (x[n - 1] - x[0]) / (n - 1)
    reach = half + 3.0 * soft + 0.5
    near = int(np.ceil((reach + 0.5) / dx)) + 1  # segments on either side that can be the nearest
    farthest = reach + 2.0  # the pen does not come here
    profile, fine = _profile(half, soft, farthest)
    tallest = 0
    paper = 0.0  # squared error where nothing is drawn
    count = 0.0
    for c in columns:
        tallest = max(tallest, high[c] - low[c] + 1)
        for r in range(low[c], high[c] + 1):
            if share[r, c] >= 0.0:
                paper += weight[c] * share[r, c] * share[r, c]
                count += weight[c]
    line, rows = np.zeros((4, n + 1), np.float32), np.zeros((2, n), np.int64)
    best = np.empty((2, tallest + _CHUNK), np.float32)
    error = 0.0
    for step in range(steps + 1):
        # One more than there are samples: the line's very end counts as the start of a segment.
        diagonal, first, second, right = np.full(n + 1, damping), np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
        _lay(y, dx, farthest, line, rows)
        total = paper
        for c in columns:
            middle = min(max(int((c - x[0]) / dx), 0), n - 2)
            start, stop = max(0, middle - near), min(n - 2, middle + near) + 1
            _nearest(best, line, rows, c - x[0], low[c], high[c], start, stop, dx)
            w = weight[c]
            for i in range(high[c] - low[c] + 1):
                seen = share[low[c] + i, c]
                if seen < 0.0 or best[0, i] > farthest * farthest:
                    continue
                d = np.sqrt(best[0, i]) * fine
                m = int(d)
                drawn = profile[m, 0] + (d - m) * (profile[m + 1, 0] - profile[m, 0])
                pull = profile[m, 1] + (d - m) * (profile[m + 1, 1] - profile[m, 1])
                residual = seen - drawn
                total += w * (residual * residual - seen * seen)
                kb = start + int(best[1, i])
                tb = best[1, i] - int(best[1, i])
                j = pull * (low[c] + i - (line[0, kb] + tb * line[1, kb]))
                j0 = j * (1.0 - tb)
                j1 = j * tb
                diagonal[kb] += w * j0 * j0
                diagonal[kb + 1] += w * j1 * j1
                first[kb] += w * j0 * j1
                right[kb] += w * j0 * residual
                right[kb + 1] += w * j1 * residual
        error = np.sqrt(max(total, 0.0) / max(count, 1.0))
        if step == steps:
            break
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
        moved = 0.0
        for k in range(n):
            move = min(max(right[k], -most), most)
            y[k] += move
            moved = max(moved, abs(move))
        if moved < 0.02:  # a fiftieth of a pixel is 3 uV at 200 dpi
            break
    return y, error


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
