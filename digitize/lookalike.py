"""Lines that look like traces and are none: printed rules, sheet edges, what is left of a grid, and lines of words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.owner import NOBODY
from digitize.ranks import median, percentile
from digitize.trace import Row, attach_runs

__all__ = ["only_traces"]

Float = NDArray[np.float32]

#: A line is straight where, second by second, 98 % of it lies this near to a straight line, in mm: the median over
#: stretches of 25 mm. Measured on 280 lines of 70 pages, drawn, photographed and four-class: rules, sheet edges and
#: what is left of grids kept to 0.4 mm, the flattest trace to 0.6 mm.
_STRAIGHT_MM, _STRETCH_MM = 0.5, 25.0
#: A beat's ink stands this tall in a column, in mm; a rule with dirt on it stays below (1.25 mm on the same pages).
_BEAT_MM = 1.5
#: Runs of ink taller than any pen, in mm, and how far the tallest exceed them in a trace: letters have one height.
_LETTER_MM, _TALLEST = 0.9, 3.0
#: Ends of one page's lines agree to this, in mm; a rule across the sheet is longer or shorter than they are.
_SAME_END_MM = 6.0


@dataclass(frozen=True)
class _Look:
    """What a line looks like: whether it is straight without beats, and whether it is made of letters."""

    straight: bool
    letters: bool


def only_traces(
    rows: tuple[Row, ...], share: Float, line: NDArray[np.uint8], px_per_mm: float
) -> tuple[tuple[Row, ...], NDArray[np.uint8]]:
    """Leave out the lines that no lead drew.

    A straight line without a beat is a rule, a sheet's edge or a grid, unless it begins and ends with the page's other
    lines and stands in their even spacing: then it is a lead that shows nothing. A line whose ink has the height of
    letters throughout is print. Pages on which no line beats are left as they are.

    Parameters
    ----------
    rows : tuple of Row
        From top to bottom, each with the ends that its own ink has.
    share : float32 array [height, width]
        Ink, 1 at the heart of the pen.
    line : uint8 array [height, width]
        Index of the line that drew each pixel, or `digitize.owner.NOBODY`.
    px_per_mm : float

    Returns
    -------
    rows : tuple of Row
    line : uint8 array [height, width]
        With the indices of the lines that are left; ink of the others is nobody's.
    """
    looks = [_look(row, share, line, k, px_per_mm) for k, row in enumerate(rows)]
    beating = [r for r, look in zip(rows, looks, strict=True) if not look.straight and not look.letters]
    if not beating or len(beating) == len(rows):
        return rows, line
    kept = [
        k
        for k, look in enumerate(looks)
        if not look.letters and (not look.straight or _among(rows[k], beating, px_per_mm))
    ]
    number = np.full(256, NOBODY, np.uint8)
    number[kept] = np.arange(len(kept))
    return tuple(rows[k] for k in kept), number[line]


def _look(row: Row, share: Float, line: NDArray[np.uint8], number: int, px_per_mm: float) -> _Look:
    """Judge a line by its path and by the height of its own ink, column by column."""
    x = np.arange(row.start_px, row.stop_px)
    y = row.y[x]
    reach = round(2 * _LETTER_MM * _TALLEST * px_per_mm)  # taller runs than this need not be measured
    band = slice(max(0, int(y.min()) - reach), int(y.max()) + reach + 1)
    around = band, slice(x[0], x[-1] + 1)
    own = np.where(line[around] == number, share[around], np.float32(0))
    top, bottom, found = attach_runs(own, y - band.start)
    height = (bottom - top + 1)[found] / px_per_mm
    if height.size < 2:
        return _Look(straight=True, letters=False)
    tallest, typical = percentile(height, 98), median(height)
    straight = _unevenness(y, px_per_mm) < _STRAIGHT_MM and tallest < _BEAT_MM
    return _Look(straight, letters=typical > _LETTER_MM and tallest < _TALLEST * typical)


def _unevenness(y: NDArray[np.int64], px_per_mm: float) -> float:
    """Distance in mm that a path keeps to a straight line, as the typical stretch of it does."""
    n = max(2, min(y.size, round(_STRETCH_MM * px_per_mm)))
    x = np.arange(n) - (n - 1) / 2
    parts = y[: y.size // n * n].reshape(-1, n)
    parts = parts - parts.mean(axis=1, keepdims=True)
    away = np.abs(parts - (parts @ x / (x @ x))[:, None] * x)
    return median(np.array([percentile(part, 98) for part in away])) / px_per_mm


def _among(row: Row, others: list[Row], px_per_mm: float) -> bool:
    """Whether a line begins and ends with the others and stands in their even spacing, or just beyond it."""
    if len(others) < 3:
        return False
    ends = [
        np.median([r.start_px for r in others]) - row.start_px,
        np.median([r.stop_px for r in others]) - row.stop_px,
    ]
    if max(np.abs(ends)) > _SAME_END_MM * px_per_mm:
        return False
    levels = np.array(sorted(r.level_px for r in others))
    spacing = float(np.median(np.diff(levels)))
    away = np.abs(levels - row.level_px) / spacing
    # A tenth of a spacing is more than lines of one print are out of step.
    return bool(abs(away.min() - 1) < 0.1)
