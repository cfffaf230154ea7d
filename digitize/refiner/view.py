"""What the refiner sees of a line: the ink around it sample by sample, in units of paper, and how it runs itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.stroke import Pen

__all__ = ["CHANNELS", "REACH", "UNITS_PER_MM", "LineView", "line_view", "recorded", "recording"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Int = NDArray[np.int64]

#: All lengths are in pixels of a 200 dpi page, whatever the page: 1/7.874 mm.
UNITS_PER_MM = 7.874
#: Units above and below the line that are seen: 1.5 mm, five pens.
REACH = 12
#: Rows of ink, where the line was compared (4), how it runs (3), and the pen (4).
CHANNELS = (2 * REACH + 1) + 4 + 3 + 4
#: Samples of a moving mean whose difference says where the line stands: 120 ms, a QRS.
_AROUND = 61
#: Divisors that bring each number to about 1.
_SPAN, _SLOPE, _BEND, _AWAY = 20.0, 3.0, 1.5, 15.0
#: Farthest that any of them is told, in units.
_MOST_SPAN, _MOST_SLOPE, _MOST_BEND, _MOST_AWAY = 40.0, 10.0, 5.0, 40.0

_VIEWS: ContextVar[list[LineView] | None] = ContextVar("views", default=None)


@dataclass(frozen=True, eq=False)
class LineView:
    """A fitted line and the ink around it.

    Parameters
    ----------
    near : float16 array [samples, 29]
        Ink from `REACH` units above the line to as many below it, -1 where something hides it; first and last row that
        were compared, over 20 units; trust in the column; whether it was compared at all.
    y : float32 array [samples]
        The line in units, downwards.
    pen : float32 array [4]
        Width and softness of the pen, pixels in a unit, units from sample to sample.
    """

    near: NDArray[np.float16]
    y: Float
    pen: Float

    @property
    def unit_px(self) -> float:
        """Pixels in a unit."""
        return float(self.pen[2])

    @property
    def step(self) -> float:
        """Units from sample to sample."""
        return float(self.pen[3])

    def channels(self) -> Float:
        """Everything as the network takes it: float32 [`CHANNELS`, samples]."""
        y = self.y
        slope = np.gradient(y)
        bend = np.gradient(slope)
        mean = np.convolve(np.pad(y, _AROUND // 2, mode="edge"), np.ones(_AROUND) / _AROUND, "valid")
        runs = (
            slope.clip(-_MOST_SLOPE, _MOST_SLOPE) / _SLOPE,
            bend.clip(-_MOST_BEND, _MOST_BEND) / _BEND,
            (y - mean).clip(-_MOST_AWAY, _MOST_AWAY) / _AWAY,
        )
        width, softness, unit, step = (float(v) for v in self.pen)
        usual = np.array([width / 3 - 1, softness - 0.5, unit - 1, step / 0.4 - 1])
        line = np.empty((CHANNELS, y.size), np.float32)
        near = self.near.shape[1]
        line[:near], line[near:-4], line[-4:] = self.near.T, runs, usual[:, None]
        return line


def line_view(share: Float, x: Double, y: Double, low: Int, high: Int, weight: Double, pen: Pen, mm: float) -> LineView:
    """Look at a fitted line.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1, or `digitize.stroke.UNKNOWN`.
    x, y : float array [samples]
        The line in pixels.
    low, high : int array [width]
        First and last row of each column that was compared.
    weight : float array [width]
        Trust in each column.
    pen : Pen
    mm : float
        Pixels per millimetre.

    Returns
    -------
    LineView
    """
    unit = mm / UNITS_PER_MM
    ink = _around(share, x.clip(0, share.shape[1] - 1), y, unit)
    k = np.rint(x).astype(int).clip(0, share.shape[1] - 1)
    compared = (
        ((low[k] - y) / unit).clip(-_MOST_SPAN, _MOST_SPAN) / _SPAN,
        ((high[k] - y) / unit).clip(-_MOST_SPAN, _MOST_SPAN) / _SPAN,
        weight[k],
        high[k] >= low[k],
    )
    near = np.concatenate([ink, np.stack(compared, axis=1)], axis=1).astype(np.float16)
    about = (pen.width_px / unit, pen.softness_px / unit, unit, (x[1] - x[0]) / unit)
    view = LineView(near, (y / unit).astype(np.float32), np.array(about, np.float32))
    if (views := _VIEWS.get()) is not None:
        views.append(view)
    return view


@njit(cache=True)  # type: ignore[untyped-decorator]
def _around(share: Float, x: Double, y: Double, unit: float) -> Float:
    """Ink above and below a line, linear between pixels, none beyond the first and last row."""
    height, width = share.shape
    ink = np.zeros((x.size, 2 * REACH + 1), np.float32)
    for k in range(x.size):
        left = int(x[k])
        right, part = min(left + 1, width - 1), x[k] - left
        for j in range(2 * REACH + 1):
            at = y[k] + unit * (j - REACH)
            r = int(np.floor(at))
            for row, weight in ((r, 1.0 - (at - r)), (r + 1, at - r)):
                if 0 <= row < height:
                    ink[k, j] += weight * ((1.0 - part) * share[row, left] + part * share[row, right])
    return ink


@contextmanager
def recorded() -> Iterator[list[LineView]]:
    """Keep every view that is taken in the block, in the order of the page's places: what the refiner learns from.

    Yields
    ------
    list of LineView
        Fills while the block runs.
    """
    views: list[LineView] = []
    token = _VIEWS.set(views)
    try:
        yield views
    finally:
        _VIEWS.reset(token)


def recording() -> bool:
    """Whether views are kept: a line is then left as it was fitted, for that is what is learned from."""
    return _VIEWS.get() is not None
