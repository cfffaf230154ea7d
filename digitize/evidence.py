"""What the lines themselves say of their leads: where a line changes from one lead to another, and which leads agree.

Two facts need no print. Beats of one lead look alike, beats of two leads do not, so a line that changes its beats at a
place has a boundary there, and one that does not has none. And the six limb leads are two voltages only (Einthoven
1912; Goldberger 1942): any three that stand one above the other obey one linear law, and other leads break it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.peaks import find_peaks
from digitize.ranks import median_along
from digitize.trace import Row

__all__ = ["LIMB", "Drawn", "drawn_lines", "least_unlike"]

Double = NDArray[np.float64]

#: Each limb lead as a sum of I and II.
LIMB: dict[str, tuple[float, float]] = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "-aVR": (0.5, 0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}

#: Points per millimetre at which lines are compared: a QRS is 2 mm wide.
_PER_MM = 4.0
#: Half the width of a beat that is compared, and how far two beats are moved against each other, in mm.
_BEAT_MM, _MOVE_MM = 3.0, 1.0
#: Closest beats in mm: 0.2 s at 25 mm/s, 300 beats a minute.
_APART_MM = 5.0
#: Lines move between their beats by less than this share of what they do in them; fibrillation moves without pause.
_RESTLESS = 0.5
#: Least spread of a line in mm that says anything: a pen's width.
_FLAT_MM = 0.35
#: Difference of two beats, as a share of the larger one's spread, at which nothing is said, and what makes it certain.
_ALIKE, _CERTAIN = 0.45, 0.3
#: The same of what is left over from the law of the limb leads.
_LAWFUL, _SURELY = 0.55, 0.35
#: Paper left out on both sides of a column's bound, in mm: separators, and how well bounds are known.
_EDGE_MM = 1.5


@dataclass(frozen=True, eq=False)
class Drawn:
    """Lines of a page, sampled alike.

    Parameters
    ----------
    heights : float array [lines, points]
        Millimetres above each line's own level.
    start_px, px_per_point : float
        Where the points lie on the page.
    beats : int array [beats]
        Points at which the lines beat together.
    """

    heights: Double
    start_px: float
    px_per_point: float
    beats: NDArray[np.int64]

    def point(self, at_px: float) -> int:
        """Point at a column of the page."""
        return int(min(max(round((at_px - self.start_px) / self.px_per_point), 0), self.heights.shape[1]))

    def change(self, rows: Sequence[int], left_px: float, at_px: float, right_px: float) -> float:
        """How surely lines show other leads behind a place than before it.

        Parameters
        ----------
        rows : sequence of int
        left_px, at_px, right_px : float
            Stretches of one lead each, if there is a boundary.

        Returns
        -------
        float
            -1: all beats look alike on both sides; 1: none do; 0: the lines cannot tell.
        """
        edge = _EDGE_MM * _PER_MM + _BEAT_MM * _PER_MM / 2
        left, at, right = self.point(left_px), self.point(at_px), self.point(right_px)
        before = self.beats[(self.beats >= left + edge) & (self.beats < at - edge)]
        behind = self.beats[(self.beats >= at + edge) & (self.beats < right - edge)]
        if before.size == 0 or behind.size == 0:
            return 0.0
        half, move = round(_BEAT_MM * _PER_MM), round(_MOVE_MM * _PER_MM)
        said = [least_unlike(self.heights[row], before, behind, half, move) for row in rows]
        heard = [min(max((least - _ALIKE) / _CERTAIN, -1.0), 1.0) for least, size in said if size > _FLAT_MM]
        return sum(heard) / len(heard) if heard else 0.0

    def lawful(self, leads: Sequence[str], left_px: float, right_px: float) -> float | None:
        """How well lines obey the law of the limb leads over a stretch of paper.

        Parameters
        ----------
        leads : sequence of str
            Lead of each line, from the top; those that are no limb leads are left out.
        left_px, right_px : float

        Returns
        -------
        float or None
            -1: not at all; 1: as well as lines on paper can; None where fewer than three of them are limb leads, or
            they hardly move.
        """
        rows = [k for k, lead in enumerate(leads) if lead in LIMB]
        edge = round(_EDGE_MM * _PER_MM)
        y = self.heights[rows, self.point(left_px) + edge : self.point(right_px) - edge]
        if len(rows) < 3 or y.shape[1] < 10 * _PER_MM:
            return None
        y = y - median_along(y, 1)[:, None]
        laws = _laws(tuple(leads[k] for k in rows))
        power = (y**2).mean(axis=1)
        expected = float((laws**2 @ power).sum())  # of lines that know nothing of each other
        if laws.shape[0] == 0 or np.sqrt(power.mean()) < _FLAT_MM:
            return None
        left_over = float(np.sqrt(((laws @ y) ** 2).mean(axis=1).sum() / max(expected, 1e-9)))
        return float(np.clip((_LAWFUL - left_over) / _SURELY, -1, 1))


def drawn_lines(rows: Sequence[Row], start_px: float, stop_px: float, px_per_mm: float) -> Drawn:
    """Sample the lines of a page alike, and find the beats that they share.

    Parameters
    ----------
    rows : sequence of Row
    start_px, stop_px : float
        Where the lines begin and end.
    px_per_mm : float

    Returns
    -------
    Drawn
    """
    step = px_per_mm / _PER_MM
    x = np.arange(start_px, max(stop_px, start_px + 2 * step), step)
    heights = np.stack([(r.level_px - np.interp(x, np.arange(r.y.size), r.y)) / px_per_mm for r in rows])
    return Drawn(heights, start_px, step, _beats(heights))


def _beats(heights: Double) -> NDArray[np.int64]:
    """Points where most lines move fast at once."""
    steep = np.abs(np.gradient(heights, axis=1))
    most = np.percentile(steep, 99, axis=1, keepdims=True)
    width = round(2 * _PER_MM)  # a QRS of 80 ms
    together = np.convolve((steep / np.maximum(most, 1e-9)).clip(0, 1).mean(axis=0), np.ones(width) / width, "same")
    highest = float(np.percentile(together, 99))
    if np.median(together) > _RESTLESS * highest:  # waves without beats: any two of them look alike somewhere
        return np.zeros(0, np.int64)
    return find_peaks(together, height=0.4 * highest, distance=round(_APART_MM * _PER_MM))


@cache
def _laws(leads: tuple[str, ...]) -> Double:
    """Laws that some limb leads obey, [laws, leads]: the vectors that their parts of I and II annul."""
    parts = np.array([LIMB[lead] for lead in leads])
    laws: Double = np.linalg.svd(parts.T)[2][np.linalg.matrix_rank(parts) :]
    return laws


@njit(cache=True)  # type: ignore[untyped-decorator]
def least_unlike(
    line: Double, before: NDArray[np.int64], behind: NDArray[np.int64], half: int, move: int
) -> tuple[float, float]:
    """Compare the beats of a line at two groups of places: an extrasystole is like no other.

    Parameters
    ----------
    line : float array [points]
        Beyond its ends it stays as it is there.
    before, behind : int array [beats]
        At least one each.
    half : int
        Half a beat in points.
    move : int
        How far beats are moved against each other, in points.

    Returns
    -------
    unlike : float
        Difference of the two beats, one of each group, that are most alike, as a share of the larger one's spread.
    size : float
        Spread of the largest beat, in units of the line.
    """
    start = np.empty(behind.size * (2 * move + 1), np.int64)  # of every beat in every place
    for k in range(start.size):
        start[k] = behind[k // (2 * move + 1)] - half - move + k % (2 * move + 1)
    first, power = _cut(line, before - half, 2 * half + 1)
    second, other_power = _cut(line, start, 2 * half + 1)
    least, largest = np.inf, 0.0
    for j in range(first.shape[0]):
        for k in range(second.shape[0]):
            product = 0.0
            for i in range(first.shape[1]):
                product += first[j, i] * second[k, i]
            apart = max(power[j] + other_power[k] - 2 * product / first.shape[1], 0.0)
            size = np.sqrt(max(power[j], other_power[k]))
            least = min(least, np.sqrt(apart) / max(size, 1e-9))
            largest = max(largest, size)
    return least, largest


@njit(cache=True)  # type: ignore[untyped-decorator]
def _cut(line: Double, start: NDArray[np.int64], n: int) -> tuple[Double, Double]:
    """Stretches of a line about their means, and the power of each."""
    stretch, power = np.empty((start.size, n)), np.empty(start.size)
    for k in range(start.size):
        for i in range(n):
            stretch[k, i] = line[min(max(start[k] + i, 0), line.size - 1)]
        stretch[k] -= stretch[k].mean()
        power[k] = (stretch[k] ** 2).mean()
    return stretch, power
