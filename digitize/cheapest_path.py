"""The cheapest way through ink from left to right."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["COVERED", "cheapest_path"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]

#: Share of ink, of the trace's own darkness, from which a pixel counts as covered: half, by the definition of an edge.
COVERED = 0.5


@njit(cache=True)  # type: ignore[untyped-decorator]
def cheapest_path(share: Float, stray: Float, in_ink: float, on_paper: float) -> Int:
    """Row by which the cheapest left-to-right path enters each column.

    A column costs 1 on paper and 0 on ink; faint residue of a grid, up to a fifth of the pen's darkness, is paper.

    Parameters
    ----------
    share : float32 array [width, height]
        Ink, column by column.
    stray : float32 array [height]
        What a column costs more in each row.
    in_ink, on_paper : float
        Cost of moving one row up or down.

    Returns
    -------
    int array [width]
    """
    w, h = share.shape
    below, above = np.zeros((w, h), np.bool_), np.zeros((w, h), np.bool_)
    cost, climb = np.zeros(h, np.float32), np.empty(h, np.float64)
    for x in range(w):
        for y in range(h):
            lack = np.float32(COVERED) - share[x, y]
            step = lack / np.float32(0.3)
            step = step if step > 0 else np.float32(0)
            cost[y] += (step if step < 1 else np.float32(1)) + stray[y]
            climb[y] = in_ink if lack <= 0 else on_paper
        # A row that its neighbour does not undercut now is undercut only where a sweep comes from further: few rows.
        for y in range(1, h):
            above[x, y] = cost[y - 1] + climb[y] < cost[y]
        for y in range(1, h):
            if above[x, y]:
                cost[y] = cost[y - 1] + climb[y]
                if y + 1 < h:
                    above[x, y + 1] = cost[y] + climb[y + 1] < cost[y + 1]
        for y in range(h - 1):
            below[x, y] = cost[y + 1] + climb[y] < cost[y]
        for y in range(h - 2, -1, -1):
            if below[x, y]:
                cost[y] = cost[y + 1] + climb[y]
                if y > 0:
                    below[x, y - 1] = cost[y] + climb[y - 1] < cost[y - 1]
    path = np.empty(w, np.int64)
    y = int(np.argmin(cost))
    for x in range(w - 1, -1, -1):
        while below[x, y]:
            y += 1
        while above[x, y]:
            y -= 1
        path[x] = y
    return path
