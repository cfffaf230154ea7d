"""Calibration pulses: one millivolt, printed as a rectangle before or behind a line of trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.trace import Row, runs_at
from ecg.errors import DigitizationError

__all__ = ["Pulse", "agreed_height", "check_upright", "find_pulses", "second_gain"]

Float = NDArray[np.float32]

#: Share of an edge's height by which it must go on beside its columns to be taken for leaning.
_LEANS = 0.05


@dataclass(frozen=True)
class Pulse:
    """One calibration pulse.

    Parameters
    ----------
    row : int
        Index of the line of trace that it belongs to.
    left_px, right_px : float
        Centre lines of its two edges.
    top_px, base_px : float
        Centre lines of its top and of its foot, which is the line's 0 mV. Of two steps the left one's top, as devices
        print the limb leads' millivolt before the chest leads'.
    second_px : float
        Height of the right one of two steps: the millivolt of leads with another gain; 0 where there is one step.
    """

    row: int
    left_px: float
    right_px: float
    top_px: float
    base_px: float
    second_px: float = 0.0

    @property
    def height_px(self) -> float:
        """Height of one millivolt in pixels."""
        return self.base_px - self.top_px


def find_pulses(share: Float, rows: Sequence[Row], px_per_mm: float) -> tuple[Pulse, ...]:
    """Find the pulses at the ends of the lines of trace.

    A pulse's top is level for 1.5 to 14 mm, and upright edges of the same length hang from both its ends. A T wave or
    a QRS has neither.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 1 at the heart of the trace.
    rows : sequence of Row
    px_per_mm : float
        Scale, to within a factor of 1.5.

    Returns
    -------
    tuple of Pulse
        At most one for each end of each row.
    """
    pulses = []
    for index, row in enumerate(rows):
        length = row.stop_px - row.start_px
        # A pulse and its gap take 15 mm; where the row was found late, its pulse lies before it.
        reach = round(min(25 * px_per_mm, 0.3 * length))
        ends = (
            (max(0, row.start_px - reach), min(row.y.size, row.start_px + reach)),
            (max(0, row.stop_px - reach), min(row.y.size, row.stop_px + reach)),
        )
        for first, last in ends:
            best: Pulse | None = None
            for a, b, level in _plateaus(share, row, first, last, px_per_mm):
                pulse = _with_edges(share, row, index, a, b, level, px_per_mm)
                if pulse is not None and (best is None or pulse.height_px > best.height_px):
                    best = pulse
            if best is not None:
                pulses.append(best)
    return tuple(pulses)


def check_upright(share: Float, rows: Sequence[Row], pulses: Sequence[Pulse], px_per_mm: float) -> None:
    """Refuse a page whose pulses hang from its lines: it stands upside down, and no name has told so.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 1 at the heart of the trace.
    rows : sequence of Row
    pulses : sequence of Pulse
        Those that stand on the lines; where there is one, the page is upright.
    px_per_mm : float
        Scale, to within a factor of 1.5.

    Raises
    ------
    DigitizationError
        If pulses hang from two lines, or from the only one.
    """
    if pulses:
        return
    last = share.shape[0] - 1
    turned = [replace(r, y=last - r.y, level_px=last - r.level_px) for r in reversed(rows)]
    hanging = find_pulses(np.ascontiguousarray(share[::-1]), turned, px_per_mm)
    if len(hanging) >= min(2, len(rows)):
        raise DigitizationError(
            "orient",
            "the page stands upside down: its calibration pulses hang from the lines",
            "turn it by 180 degrees",
        )


def _plateaus(share: Float, row: Row, first: int, last: int, px_per_mm: float) -> list[tuple[int, int, int]]:
    """Level stretches of ink 1.5 to 14 mm wide that lie at least 4 mm above a row's level."""
    low, high = 1.5 * px_per_mm, 14 * px_per_mm
    top = max(0, round(row.level_px - 30 * px_per_mm))
    bottom = max(top, round(row.level_px - 3 * px_per_mm))
    # Level ink is a run along a pixel row; a top one pen thick shows in two to five neighbouring pixel rows.
    return [(a, b, y) for y, a, b in _level_runs(share, top, bottom, first, last).tolist() if low <= b - a + 1 <= high]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _level_runs(share: Float, top: int, bottom: int, first: int, last: int) -> NDArray[np.int64]:
    """Row, first and last column of every run of ink along the pixel rows of a part of the page."""
    runs = np.empty(((bottom - top) * (last - first + 1) // 2, 3), np.int64)
    n = 0
    for y in range(top, bottom):
        start = -1
        for x in range(first, last + 1):
            inked = x < last and share[y, x] >= 0.5
            if inked and start < 0:
                start = x
            elif start >= 0 and not inked:
                runs[n] = (y, start, x - 1)
                n, start = n + 1, -1
    return runs[:n]


def _with_edges(share: Float, row: Row, index: int, a: int, b: int, level: int, px_per_mm: float) -> Pulse | None:
    """Pulse under a plateau, if upright edges hang from both of its ends and nothing from its middle."""
    h = share.shape[0]
    reach = max(2, round(0.6 * px_per_mm))
    left = _edge(share, a, a + reach, level)
    right = _edge(share, b - reach, b, level)
    if left is None or right is None:
        return None
    stepped = _two_steps(share, row, index, left, right, level, px_per_mm)
    if stepped is not None:
        return stepped
    (left_px, left_foot), (right_px, right_foot) = left, right
    if abs(left_foot - right_foot) > max(2.0, 0.12 * (left_foot - level)):
        # One edge may run into the trace: the foot is then the end that stands alone.
        right_foot = left_foot = min(left_foot, right_foot)
    centre = (a + b) // 2
    middle = share[min(h - 1, level + reach) : max(level + reach + 1, int(left_foot) - reach), centre]
    if (middle >= 0.5).mean() > 0.2 or right_px - left_px < 1.2 * px_per_mm:
        return None
    # On a coarse picture edges fill a narrow top: its middle column is always between them.
    inner = share[max(0, level - 4) : level + 5, min(a + reach, centre) : max(b - reach, centre) + 1]
    column = inner.astype(np.float64).mean(axis=1)
    if column.size < 9 or column.sum() <= 0:
        return None
    top_px = float((column * np.arange(column.size)).sum() / column.sum()) + max(0, level - 4)
    half_pen = float(min(column.sum(), 4.0)) / 2
    base_px = (left_foot + right_foot) / 2 - half_pen
    if base_px - top_px < 4 * px_per_mm or abs(base_px - row.level_px) > 12 * px_per_mm:
        return None
    return Pulse(index, left_px, right_px, top_px, base_px)


def _two_steps(
    share: Float,
    row: Row,
    index: int,
    left: tuple[float, float],
    right: tuple[float, float],
    level: int,
    px_per_mm: float,
) -> Pulse | None:
    """Pulse of two steps, given the edges of the taller: one of them ends on the lower, which leads to the foot."""
    (inner, step), (outer, foot) = sorted((left, right), key=lambda edge: edge[1])
    tall = foot - level
    if not 0.2 * tall < foot - step < 0.8 * tall:
        return None
    away = 1 if inner > outer else -1
    y, reach = round(step) - 1, max(2, round(0.6 * px_per_mm))
    run = share[max(0, y - 2) : y + 3].max(axis=0) >= 0.5
    x = round(inner)
    while 0 <= x + away < run.size and run[x + away] and abs(x - inner) < 14 * px_per_mm:
        x += away
    if abs(x - inner) < 1.0 * px_per_mm:
        return None
    edge = _edge(share, min(x, x - away * reach), max(x, x - away * reach), y)
    if edge is None or abs(edge[1] - foot) > max(2.0, 0.12 * tall) or abs(foot - row.level_px) > 12 * px_per_mm:
        return None
    # Tops and foot are half a pen off their middles alike, so heights are what their lower ends differ by.
    pen = float((share[max(0, level - 4) : level + 5, round((inner + outer) / 2)] >= 0.5).sum())
    heights = (tall - pen / 2, foot - step) if away > 0 else (foot - step, tall - pen / 2)
    base = foot - pen / 2
    return Pulse(index, min(outer, edge[0]), max(outer, edge[0]), base - heights[0], base, heights[1])


def second_gain(pulses: Sequence[Pulse]) -> float | None:
    """Gain of the chest leads as a multiple of the limb leads', where most pulses of a page have two steps.

    Parameters
    ----------
    pulses : sequence of Pulse

    Returns
    -------
    float or None
        0.5 or 2, the ratios that devices offer; None where pulses have one step or another ratio.
    """
    ratios = [p.second_px / p.height_px for p in pulses if p.second_px > 0 and p.height_px > 0]
    if not ratios or 2 * len(ratios) < len(pulses):
        return None
    ratio = float(np.median(ratios))
    # A quarter: pens blunt the steps of small pulses, and the next ratio is a factor of two away.
    return next((r for r in (0.5, 2.0) if abs(ratio / r - 1) < 0.25), None)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _depths(share: Float, left: int, right: int, level: int) -> Any:
    """How far ink goes down from a level in each column."""
    path = np.empty(right - left, np.int64)
    path[:] = level
    _, depth, found = runs_at(share[:, left:right], path, np.float32(0.5))
    for x in range(depth.size):
        depth[x] = depth[x] - level if found[x] else 0
    return depth


@njit(cache=True)  # type: ignore[untyped-decorator]
def _leaning_end(share: Float, left: int, right: int, level: int) -> tuple[int, int]:
    """Row and column in which ink ends that goes down from a level, straight or aslant by a column or two."""
    here = share[level, left:right] >= 0.5
    below = np.zeros_like(here)
    last = level
    while last + 1 < share.shape[0]:
        for x in range(right - left):
            beside = here[x] or (x > 0 and here[x - 1]) or (x + 1 < here.size and here[x + 1])
            below[x] = beside and share[last + 1, left + x] >= 0.5
        if not below.any():
            break
        here, below, last = below, here, last + 1
    return last, left + int(np.argmax(share[last, left:right]))


def _edge(share: Float, first: int, last: int, level: int) -> tuple[float, float] | None:
    """Column centre and lower end of the upright edge that hangs from a level between two columns."""
    left, right = max(0, first), min(share.shape[1], last + 1)
    found, centre, end = _hanging(share, left, right, level)
    return (centre, end) if found else None


@njit(cache=True)  # type: ignore[untyped-decorator]
def _hanging(share: Float, left: int, right: int, level: int) -> tuple[bool, float, float]:
    """Whether an edge hangs there, its centre and its lower end."""
    depth = _depths(share, left, right, level)
    longest = depth.max()
    if longest < 6:
        return False, 0.0, 0.0
    upright = depth >= 0.8 * longest
    weight = np.zeros(depth.size)
    for x in range(depth.size):
        if upright[x]:
            weight[x] = share[level + longest // 4 : level + 3 * longest // 4, left + x].mean()
    if weight.sum() <= 0:
        return False, 0.0, 0.0
    centre = (weight * np.arange(left, right)).sum() / weight.sum()
    k = left + int(np.argmax(weight))
    foot = level + np.median(depth[upright])
    ends_px, at = _leaning_end(share, max(0, left - 1), min(share.shape[1], right + 1), level)
    # An edge that leans leaves each of its columns before its foot.
    if ends_px - foot > _LEANS * (foot - level):
        foot, k = float(ends_px), at
    tail = share[min(share.shape[0] - 1, int(foot) + 1), k]
    return True, centre, foot + 0.5 + (tail if tail < 0.5 else 0.0)


def agreed_height(pulses: Sequence[Pulse]) -> float | None:
    """Height of one millivolt on which the pulses of a page agree.

    Parameters
    ----------
    pulses : sequence of Pulse

    Returns
    -------
    float or None
        Median height in pixels of the largest group within 6 %; None without pulses or without a majority.
    """
    heights = np.array([p.height_px for p in pulses])
    if heights.size == 0:
        return None
    groups = [np.abs(heights / h - 1) < 0.06 for h in heights]
    largest = max(groups, key=lambda g: int(g.sum()))
    if 2 * largest.sum() <= heights.size:
        return None
    return float(np.median(heights[largest]))
