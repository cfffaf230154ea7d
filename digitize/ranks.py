"""Medians and percentiles of short series, equal to NumPy's at a fraction of the time.

NumPy takes 50 µs for the median of a thousand numbers and 100 µs for a percentile, most of it to look for cases that do
not arise here; sorting them takes 10 µs. A page asks for some hundreds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["median", "median_along", "percentile"]


def median(values: NDArray[Any]) -> float:
    """Median of a series.

    Parameters
    ----------
    values : array [n]
        Finite, at least one.

    Returns
    -------
    float

    Examples
    --------
    >>> median(np.array([3, 1, 2])), median(np.array([4.0, 1.0, 2.0, 3.0]))
    (2.0, 2.5)
    """
    return float(median_along(values, 0))


def median_along(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Medians along an axis.

    Parameters
    ----------
    values : array
        Finite, at least one along the axis.
    axis : int

    Returns
    -------
    array
        Without that axis.
    """
    ordered = np.sort(values, axis=axis)
    half = values.shape[axis] // 2
    upper = ordered.take(half, axis=axis)
    return np.asarray(upper if values.shape[axis] % 2 else (ordered.take(half - 1, axis=axis) + upper) / 2)


def percentile(values: NDArray[Any], q: float) -> float:
    """Percentile of a series, interpolated linearly.

    Parameters
    ----------
    values : float array [n]
        Finite, at least one.
    q : float
        0 to 100.

    Returns
    -------
    float

    Examples
    --------
    >>> percentile(np.array([1.0, 3.0, 2.0]), 75)
    2.5
    """
    ordered = np.sort(values)
    at = (values.size - 1) * (q / 100)
    below = int(at)
    low, high, part = ordered[below], ordered[min(below + 1, values.size - 1)], at - below
    # Measured from the nearer of both, as NumPy does, so that the last digit is the same.
    return float(high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part)
