"""The part of a page that holds ink: networks need not look at bare paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["inked"]

#: Fainter ink is no pen's: `digitize.owner` takes a page's pen to cover this share of its own heart at least.
_FAINTEST = 0.1


def inked(ink: NDArray[np.float32], margin: int, step: int) -> tuple[slice, slice]:
    """Find the rows and columns that hold all ink.

    Parameters
    ----------
    ink : float32 array [height, width]
        0 to 1.
    margin : int
        Pixels of paper on each side, as far as there are.
    step : int
        Both start at a multiple of so many pixels, and end there or with the page.

    Returns
    -------
    rows, columns : slice
        Of one step where there is no ink.
    """
    seen = ink >= _FAINTEST
    by_row, by_column = (np.asarray(seen.any(axis=axis)) for axis in (1, 0))
    return _around(by_row, margin, step), _around(by_column, margin, step)


def _around(seen: NDArray[np.bool_], margin: int, step: int) -> slice:
    if not seen.any():
        return slice(0, min(step, seen.size))
    first, last = int(seen.argmax()), seen.size - 1 - int(seen[::-1].argmax())
    start, stop = max(0, first - margin) // step * step, -(-(last + 1 + margin) // step) * step
    return slice(start, min(stop, seen.size))
