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
from numpy.typing import NDArray

from digitize.stroke_fit import fitted

__all__ = ["FAINT", "UNKNOWN", "Pen", "StrokeOptions", "first_guess", "fit_stroke", "measure_pen"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Int = NDArray[np.int64]


#: Share of ink of a pixel that is not to be compared.
UNKNOWN = -1.0
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
    result, error = fitted(
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
