"""Lines searched and runs of ink taken within each line's own ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.overlap import OwnInk, grow
from digitize.owner.levels import find_levels
from digitize.owner.owners import NOBODY, line_of_each_pixel, owner_map
from digitize.segment import bridged
from digitize.trace import Row, attach_runs, heart, retrace

__all__ = ["own_ink", "owned_rows"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

#: Longest stretch of foreign ink that a stroke may pass under, in mm: a crossing line of trace at a slant.
_UNDER_MM = 1.6
#: How much of a line's first and last stretch may lack an owner, in mm, and how much taller its runs may be there than
#: the one that it goes on from: the network takes what hangs on a pulse for the pulse's own foot.
_LOOSE_MM, _TALLER_MM = 4.0, 2.0
#: Length in mm from which ink is an upright stroke, well over the width of any pen; the least that three of its columns
#: hold together, and the faintest of its pixels.
_UPRIGHT_MM, _ACROSS, _FAINTEST = 1.6, 0.35, 0.2


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
    scaled = np.minimum(share / first_level, 1).astype(np.float32)
    rows = tuple(_within(scaled, line, k, row, px_per_mm) for k, row in enumerate(levels))
    level = float(np.median([heart(share, r) for r in rows]))
    return rows, float(np.clip(level, 0.1, 1)), line


def _within(share: Float, line: NDArray[np.uint8], k: int, row: Row, px_per_mm: float) -> Row:
    """Path of a line through its own ink."""
    low, mine = _mine(share, line, k, row, px_per_mm)
    moved = replace(row, level_px=row.level_px - low)
    found = retrace(moved, mine, px_per_mm, row.start_px, row.stop_px)
    return replace(found, y=found.y + low, level_px=row.level_px)


def _mine(share: Float, line: NDArray[np.uint8], k: int, row: Row, px_per_mm: float) -> tuple[int, Float]:
    """Ink of one line, with the ink of others that lies between its own parts; the band of page that holds it.

    Returns the band's first row and the ink within it.
    """
    import cv2

    of_line = line == k
    held = np.flatnonzero(of_line.any(axis=1))
    margin = round(2 * px_per_mm)
    around = [round(row.level_px), *held[[0, -1]]] if held.size else [round(row.level_px)]
    low, high = max(0, int(min(around)) - margin), min(share.shape[0], int(max(around)) + margin + 1)
    band = np.ascontiguousarray(share[low:high])
    own = np.where(of_line[low:high], band, np.float32(0))
    size = round(_UNDER_MM * px_per_mm) | 1
    joined = cv2.morphologyEx(own, cv2.MORPH_CLOSE, np.ones((size, 1), np.uint8))
    mine = bridged(np.minimum(joined, band), px_per_mm)
    mine[_faint_strokes(own, px_per_mm)] = 0.5
    return low, mine


def _faint_strokes(own: Float, px_per_mm: float) -> Bool:
    """Ridges of upright strokes fainter than half of the pen: a fast one leaves little ink, and blur spreads that."""
    import cv2

    own = own.clip(0)
    across = cv2.boxFilter(own, -1, (3, 1), normalize=False) >= _ACROSS
    long = np.ones((round(_UPRIGHT_MM * px_per_mm) | 1, 1), np.uint8)
    upright = cv2.morphologyEx(across.astype(np.uint8), cv2.MORPH_OPEN, long) > 0
    ridge = own >= cv2.dilate(own, np.ones((1, 3), np.uint8))
    faint: Bool = upright & ridge & (own >= _FAINTEST) & (own < 0.5)
    return faint


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
    found = []
    nowhere = np.full(share.shape[1], 10**6, dtype=np.int64)
    for k, row in enumerate(rows):
        low, mine = _mine(share, line, k, row, px_per_mm)
        top, bottom, met = attach_runs(mine, (row.y - low).clip(0, mine.shape[0] - 1))
        met[: row.start_px], met[row.stop_px :] = False, False
        # Other lines' ink is gone already: none of them is in the way.
        grow(mine >= 0.5, top, bottom, met, -nowhere, nowhere, 0, row.start_px, row.stop_px)
        band = slice(low, low + mine.shape[0])
        touched = _touched((line[band] != k) & (share[band] > 0.5), top, bottom, met)
        found.append(OwnInk(top + low, bottom + low, met, touched))
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
def _touched(foreign: Bool, top: Int, bottom: Int, found: Bool) -> Bool:
    """Columns in which foreign ink covers a quarter of a run or more."""
    touched = np.zeros(found.size, np.bool_)
    for c in range(found.size):
        if not found[c]:
            continue
        n = 0
        for y in range(top[c], bottom[c] + 1):
            n += foreign[y, c]
        touched[c] = 4 * n >= bottom[c] + 1 - top[c] and n > 0
    return touched
