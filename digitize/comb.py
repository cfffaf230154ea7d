"""Columns of equal width, told by the names that stand at the start of each.

All columns of a layout show the same number of seconds, and names stand at one distance from the start of theirs.
The left edges of the names are therefore a comb whose pitch is the width of the columns. It holds where the ends of
the lines were missed, where the page is cropped, and where a beat was taken for a separator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.ranks import median
from digitize.text import NameHit

__all__ = ["NameComb", "name_comb"]

Double = NDArray[np.float64]

#: How far a name's left edge may be from the comb's tooth, in mm: names are found to a fifth of that.
_OFF_MM = 1.5
#: How much narrower or wider than a part of the lines a column may be: a fifth of a line was missed at most.
_NARROWER, _WIDER = 0.8, 1.25
#: Share of the last column that must be seen.
_SEEN = 0.25
#: Single strokes, which separators and pulses are as well, weigh less than other names.
_STROKE = 0.3
#: Columns that must show two names, and names in all.
_COLUMNS, _NAMES = 2, 4
#: Confidence from which a name counts.
_HEARD = 0.35
#: By how much, of all that the names weigh, a comb must do without the names on no tooth: letters read into a beat.
_ON_TEETH = 0.6


@dataclass(frozen=True)
class NameComb:
    """Where the names of the columns stand.

    Parameters
    ----------
    first_px : float
        Left edge of the names of the first column, or where it would be.
    width_px : float
        Width of a column.
    weight : float
        Confidence of the names on its teeth, summed.
    """

    first_px: float
    width_px: float
    weight: float


def name_comb(
    names: Sequence[NameHit], columns: int, start_px: float, stop_px: float, px_per_mm: float
) -> NameComb | None:
    """Find the comb of a page's names.

    Parameters
    ----------
    names : sequence of NameHit
    columns : int
        Columns of the layout.
    start_px, stop_px : float
        Where the lines seem to begin and end.
    px_per_mm : float

    Returns
    -------
    NameComb or None
        None where too few names stand on a comb of about the expected pitch.

    Examples
    --------
    >>> words = [NameHit("V1", (x, y, x + 9, y + 6), 0.9) for x in (10, 110, 210) for y in (0, 50)]
    >>> name_comb(words, 3, 8, 280, 4.0)
    NameComb(first_px=10.0, width_px=100.0, weight=5.4)
    """
    hits = [n for n in names if n.is_lead and n.confidence >= _HEARD]
    if columns < 2 or len(hits) < _NAMES:
        return None
    x = np.array([n.xyxy_px[0] for n in hits], dtype=np.float64)
    y = np.array([(n.xyxy_px[1] + n.xyxy_px[3]) / 2 for n in hits])
    sure = np.array([n.confidence * (_STROKE if n.text == "I" else 1.0) for n in hits])
    off, part = _OFF_MM * px_per_mm, (stop_px - start_px) / columns
    # The last column begins well before the lines end.
    latest = stop_px - _SEEN * part
    best: tuple[float, NDArray[np.int64]] | None = None
    for first, width in _trials(x, columns, part, start_px, px_per_mm):
        if first + (columns - 1) * width > latest:
            continue
        tooth = np.rint((x - first) / width).astype(np.int64)
        away = np.abs(x - first - tooth * width)
        tooth[(away > off) | (tooth < 0) | (tooth >= columns)] = -1
        total = float((sure * (1 - 0.5 * away / off))[tooth >= 0].sum()) - abs(first - start_px) / part
        if best is None or total > best[0]:
            best = total, tooth
    return None if best is None else _settled(x, y, sure, best[1])


def _trials(x: Double, columns: int, part: float, start_px: float, px_per_mm: float) -> list[tuple[float, float]]:
    """Combs through two names each: where their first tooth stands and how wide the columns are."""
    found = set()
    for k in range(1, columns):
        width = (x[None] - x[:, None]) / k
        for a, b in zip(*np.nonzero((width > _NARROWER * part) & (width < _WIDER * part)), strict=True):
            for before in range(columns - k):
                first = float(x[a] - before * width[a, b])
                if abs(first - start_px) < 0.5 * part:
                    # Names closer than a quarter of a millimetre make the same comb.
                    found.add((round(4 * first / px_per_mm), round(8 * width[a, b] / px_per_mm)))
    return [(f * px_per_mm / 4, w * px_per_mm / 8) for f, w in sorted(found)]


def _settled(x: Double, y: Double, sure: Double, tooth: NDArray[np.int64]) -> NameComb | None:
    """Comb of the names on teeth by least squares, if enough of them stand there in lines of their own."""
    on = tooth >= 0
    names = [(int(tooth[i]), round(float(y[i]))) for i in np.flatnonzero(on)]
    full = sum(len({row for column, row in names if column == k}) >= 2 for k in set(tooth[on].tolist()))
    if full < _COLUMNS or on.sum() < _NAMES or sure[on].sum() < _ON_TEETH * sure.sum():
        return None
    # The middle name of a column is its tooth: a letter read too wide moves no column.
    teeth = sorted(set(tooth[on].tolist()))
    middle = np.array([median(x[tooth == k]) for k in teeth])
    weight = np.array([sure[tooth == k].sum() for k in teeth])
    slope, level = np.polyfit(np.array(teeth, dtype=np.float64), middle, 1, w=np.sqrt(weight))
    return NameComb(round(float(level), 3), round(float(slope), 3), round(float(sure[on].sum()), 3))
