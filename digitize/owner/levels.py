"""Lines of trace found where many pixels name one level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from digitize.owner.owners import OwnerMap
from digitize.shrinking import resized
from digitize.trace import Row

__all__ = ["find_levels"]

Float = NDArray[np.float32]

#: Width of a bin of levels, and of the Gaussian over them, in mm: what baselines wander while the net calls them level.
_BIN_MM = 0.25
_SPREAD_MM = 1.0
#: Lines of one page stand at least this far apart, in mm: the closest in use are 12 rows on a page of 100 mm.
_APART_MM = 6.0
#: How far from its level a baseline may wander and be its line's still, in mm: a breath is 5 mm, a bad electrode 15.
_WANDER_MM = 20.0
#: Shortest stretch that a line is given for that, in mm: half a beat.
_STRETCH_MM = 10.0


def find_levels(owners: OwnerMap, share: Float, px_per_mm: float, *, most: int = 16) -> tuple[Row, ...]:
    """Lines of trace, by the levels that the ink names.

    Parameters
    ----------
    owners : OwnerMap
    share : float32 array [height, width]
        Ink of the page.
    px_per_mm : float
    most : int
        Most lines looked for.

    Returns
    -------
    tuple of Row
        From top to bottom; paths run along the levels and are yet to be searched.
    """
    from scipy.ndimage import gaussian_filter1d

    small = resized(share, owners.trace.shape)
    y, x = np.nonzero((owners.trace > 0.5) & (small > 0.3))
    if y.size == 0:
        return ()
    level_mm = owners.level_px[y, x] / px_per_mm
    # A QRS names the line as often as the level stretch beside it, column for column: each counts once.
    weight = np.exp(-owners.error_px[y, x] / (2 * px_per_mm))
    n = int(share.shape[0] / px_per_mm / _BIN_MM) + 1
    votes = np.bincount((level_mm / _BIN_MM).astype(int).clip(0, n - 1), weight, n)
    votes = gaussian_filter1d(votes, _SPREAD_MM / _BIN_MM)
    rows: list[Row] = []
    width = share.shape[1]
    for _ in range(most + 4):
        top = int(np.argmax(votes))
        if votes[top] <= 0:
            break
        level = (top + 0.5) * _BIN_MM
        votes[max(0, top - int(_APART_MM / _BIN_MM)) : top + int(_APART_MM / _BIN_MM) + 1] = 0
        row = _row(level * px_per_mm, x[np.abs(level_mm - level) < _APART_MM / 2], owners, width, px_per_mm)
        if row is not None:
            rows.append(row)
    longest = max((r.stop_px - r.start_px for r in rows), default=0)
    rows = sorted([r for r in rows if r.stop_px - r.start_px > 0.35 * longest][:most], key=lambda r: r.level_px)
    return tuple(_with_wanderings(rows, x, level_mm, owners, width, px_per_mm))


def _with_wanderings(
    rows: list[Row], x: NDArray[np.int64], level_mm: Float, owners: OwnerMap, width: int, px_per_mm: float
) -> list[Row]:
    """Lines with the stretches at their ends where the baseline has left the level, but is nearest to it still."""
    levels = np.array([r.level_px for r in rows]) / px_per_mm
    nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, level_mm)
    found = []
    for k, row in enumerate(rows):
        named = x[(nearest == k) & (np.abs(level_mm - levels[k]) < _WANDER_MM)]
        longer = _row(row.level_px, named, owners, width, px_per_mm) or row
        # Less than that is the edge of the paper, or a letter.
        least = _STRETCH_MM * px_per_mm
        start = longer.start_px if row.start_px - longer.start_px >= least else row.start_px
        stop = longer.stop_px if longer.stop_px - row.stop_px >= least else row.stop_px
        found.append(replace(row, start_px=start, stop_px=stop))
    return found


def _row(level_px: float, columns: NDArray[np.int64], owners: OwnerMap, width: int, px_per_mm: float) -> Row | None:
    """Line at a level, from the columns whose ink names it; None where they are too few or too scattered."""
    met = np.zeros(owners.trace.shape[1], bool)
    met[columns] = True
    # Longest stretch that is mostly met: the largest sum of +0.3 where it is, -0.7 where it is not.
    gain = np.concatenate([[0.0], np.cumsum(met - 0.7)])
    low = np.minimum.accumulate(gain)
    stop = int(np.argmax(gain - low))
    start = int(np.flatnonzero(gain[: stop + 1] == low[stop])[-1])
    if (stop - start) / owners.zoom < 30 * px_per_mm:
        return None
    first, last = round(start / owners.zoom), min(width, round(stop / owners.zoom))
    return Row(np.full(width, int(level_px), np.int64), first, last, level_px, 1.0)
