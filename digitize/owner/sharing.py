"""Lines searched and runs of ink taken within each line's own ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.overlap import OwnInk, grow
from digitize.owner.levels import find_levels
from digitize.owner.line_ink import ink_of_line, lines_extent
from digitize.owner.owners import NOBODY, line_of_each_pixel, owner_map
from digitize.trace import Row, attach_runs, heart, retrace

__all__ = ["own_ink", "owned_rows"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

#: How much of a line's first and last stretch may lack an owner, in mm, and how much taller its runs may be there than
#: the one that it goes on from: the network takes what hangs on a pulse for the pulse's own foot.
_LOOSE_MM, _TALLER_MM = 4.0, 2.0


def owned_rows(
    share: Float, light: NDArray[np.uint8], px_per_mm: float
) -> tuple[tuple[Row, ...], float, NDArray[np.uint8]]:
    """Find the lines of trace, each within its own ink.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1.
    light : uint8 array [height, width]
        Brightness, paper evened out to 200.
    px_per_mm : float

    Returns
    -------
    rows : tuple of Row
        From top to bottom; empty where the ink names no line.
    level : float
        Share of ink at the heart of the traces, as `digitize.trace.find_rows` gives it.
    line : uint8 array [height, width]
        Index of the line that drew each pixel, or `NOBODY`.
    """
    owners = owner_map(share, light, px_per_mm)
    levels = find_levels(owners, share, px_per_mm)
    line = line_of_each_pixel(owners, levels, share.shape)
    if not levels:
        return (), 1.0, line
    # A faint or fine pen is searched at its own darkness.
    seen = share[:: max(1, round(1 / owners.zoom)), :: max(1, round(1 / owners.zoom))]
    seen = seen[: owners.trace.shape[0], : owners.trace.shape[1]]
    on_trace = seen[owners.trace[: seen.shape[0], : seen.shape[1]] > 0.7]
    first_level = float(np.clip(np.percentile(on_trace, 75), 0.2, 1)) if on_trace.size else 1.0
    extent = lines_extent(share, line, len(levels))
    rows = []
    for k, row in enumerate(levels):
        low, mine = ink_of_line(share, line, k, row.level_px, extent, px_per_mm, first_level)
        found = retrace(replace(row, level_px=row.level_px - low), mine, px_per_mm, row.start_px, row.stop_px)
        rows.append(replace(found, y=found.y + low, level_px=row.level_px))
    level = float(np.median([heart(share, r) for r in rows]))
    return tuple(rows), float(np.clip(level, 0.1, 1)), line


def own_ink(share: Float, line: NDArray[np.uint8], rows: Sequence[Row], px_per_mm: float) -> list[OwnInk]:
    """Take the runs of ink that each line covers, column by column.

    Parameters
    ----------
    share : float32 array [height, width]
    line : uint8 array [height, width]
        Index of the line that drew each pixel. Ink of nobody's by which a line goes on to its ends becomes its own, in
        place.
    rows : sequence of Row
    px_per_mm : float

    Returns
    -------
    list of OwnInk
        One a line.
    """
    _to_the_ends(share, line, rows, px_per_mm)
    extent = lines_extent(share, line, len(rows))
    found = []
    nowhere = np.full(share.shape[1], 10**6, dtype=np.int64)
    for k, row in enumerate(rows):
        low, mine = ink_of_line(share, line, k, row.level_px, extent, px_per_mm)
        top, bottom, met = attach_runs(mine, (row.y - low).clip(0, mine.shape[0] - 1))
        met[: row.start_px], met[row.stop_px :] = False, False
        # Other lines' ink is gone already: none of them is in the way.
        grow(mine >= 0.5, top, bottom, met, -nowhere, nowhere, 0, row.start_px, row.stop_px)
        top, bottom = top + low, bottom + low
        found.append(OwnInk(top, bottom, met, _touched(share, line, k, top, bottom, met)))
    return found


def _to_the_ends(share: Float, line: NDArray[np.uint8], rows: Sequence[Row], px_per_mm: float) -> None:
    """Give each line the ink without an owner by which it reaches its first and its last column, in place."""
    loose, taller = round(_LOOSE_MM * px_per_mm), round(_TALLER_MM * px_per_mm)
    for k, row in enumerate(rows):
        for end, step in ((row.start_px, 1), (row.stop_px - 1, -1)):
            columns = end + step * np.arange(max(0, min(loose, row.stop_px - row.start_px)))
            columns = columns[(columns >= 0) & (columns < line.shape[1])]
            mine = (line[:, columns] == k) & (share[:, columns] >= 0.5)
            met = np.flatnonzero(mine.any(axis=0))
            if met.size and met[0] > 0:
                _lead_on(share, line, k, columns[: met[0] + 1][::-1], taller)


def _lead_on(share: Float, line: NDArray[np.uint8], k: int, columns: Int, taller: int) -> None:
    """Follow a line's ink over columns where nobody owns it, from the first of them, and make it the line's own."""
    here = np.flatnonzero((line[:, columns[0]] == k) & (share[:, columns[0]] >= 0.5))
    top, bottom = int(here[0]), int(here[-1])
    for c in columns[1:]:
        free = (share[:, c] >= 0.5) & ((line[:, c] == NOBODY) | (line[:, c] == k))
        near = max(0, top - 1) + np.flatnonzero(free[max(0, top - 1) : bottom + 2])
        if near.size == 0:
            return
        above, below = np.flatnonzero(~free[: near[0]]), np.flatnonzero(~free[near[-1] :])
        a = int(above[-1]) + 1 if above.size else 0
        b = int(near[-1] + below[0]) - 1 if below.size else free.size - 1
        if b - a > bottom - top + taller:
            return
        # The soft edges of the run belong to it too.
        edge = line[max(0, a - 1) : b + 2, c]
        edge[edge == NOBODY] = k
        top, bottom = a, b


@njit(cache=True)  # type: ignore[untyped-decorator]
def _touched(share: Float, line: NDArray[np.uint8], k: int, top: Int, bottom: Int, found: Bool) -> Bool:
    """Columns in which other ink than line k's covers a quarter of a run or more."""
    touched = np.zeros(found.size, np.bool_)
    for c in range(found.size):
        if not found[c]:
            continue
        n = 0
        for y in range(top[c], bottom[c] + 1):
            n += line[y, c] != k and share[y, c] > 0.5
        touched[c] = 4 * n >= bottom[c] + 1 - top[c] and n > 0
    return touched
