"""Peaks of a curve, without the half second that loading scipy.signal takes before the first page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_peaks"]


def find_peaks(curve: NDArray[np.float64], height: float, distance: int) -> NDArray[np.int64]:
    """Find local maxima of some height that lie some way apart, as `scipy.signal.find_peaks` does.

    Parameters
    ----------
    curve : float array [points]
    height : float
        Least value.
    distance : int
        Least number of points between two of them; the higher one stays.

    Returns
    -------
    int array [peaks]
        Indices; of level tops, the middle.

    Examples
    --------
    >>> find_peaks(np.array([0.0, 2, 0, 3, 3, 3, 1, 2.5, 0]), height=1, distance=3).tolist()
    [1, 4, 7]
    >>> find_peaks(np.array([0.0, 2, 0, 3, 3, 3, 1, 2.5, 0]), height=1, distance=4).tolist()
    [4]
    """
    if curve.size < 3:
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(curve) != 0]))
    stops = np.append(starts[1:], curve.size) - 1
    level = curve[starts]
    top = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:]) & (level[1:-1] >= height)) + 1
    peaks = (starts[top] + stops[top]) // 2
    kept = np.ones(peaks.size, dtype=bool)
    for k in np.argsort(curve[peaks])[::-1]:
        if kept[k]:
            kept &= np.abs(peaks - peaks[k]) >= distance
            kept[k] = True
    found: NDArray[np.int64] = peaks[kept].astype(np.int64)
    return found
