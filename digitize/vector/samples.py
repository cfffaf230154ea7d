"""What a sampled signal does between the vertices that a vector page gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill_between"]

#: Vertices are samples when this share of their steps is alike within a tenth (files round coordinates).
_ALIKE = 0.98
#: Points a sample of the record: linear interpolation between them is then off by under 1/16 of the spline's own bend.
_POINTS_PER_SAMPLE = 4


def fill_between(points: NDArray[np.float64], seconds_per_x: float, fs: float) -> NDArray[np.float64]:
    """Put points between vertices that are samples of a coarser clock than the record's.

    A page drawn from 125 Hz joins its samples by straight lines, which cut off peaks: read so, six such pages with
    truth lose 5 % of gain and 3.5 dB. A cubic spline through the samples comes close to the band-limited signal
    (Unser, IEEE Signal Processing Magazine 1999;16(6):22-38). Vertices at uneven steps, as programs leave that drop
    what hardly bends the line, are no samples, and the line stays as drawn.

    Parameters
    ----------
    points : float array [points, 2]
        x strictly increasing; y NaN in gaps.
    seconds_per_x : float
        Seconds per unit of x.
    fs : float
        Rate of the record in Hz.

    Returns
    -------
    float array [points, 2]
        All given points and those between.

    Examples
    --------
    >>> square = np.array([[0, 0], [1, 1], [2, 4], [3, 9], [4, 16]], float)
    >>> fill_between(square, 1.0, 1.0)[:3].tolist()
    [[0.0, 0.0], [0.25, 0.0625], [0.5, 0.25]]
    """
    step = np.diff(points[:, 0])
    if len(step) < 4:
        return points
    usual = float(np.median(step))
    n = int(np.ceil(_POINTS_PER_SAMPLE * usual * seconds_per_x * fs))
    alike = np.abs(step / usual - 1) < 0.1
    # A page from a clock as fine as the record's needs nothing; 0.9 allows for the rounding of its steps.
    if usual * seconds_per_x * fs < 0.9 or np.mean(alike) < _ALIKE:
        return points
    from scipy.interpolate import CubicSpline

    parts = []
    solid = np.isfinite(points[:, 1])
    cuts = np.flatnonzero(~(alike & solid[1:] & solid[:-1])) + 1
    for run in np.split(points, cuts):
        if len(run) < 4 or not np.isfinite(run[:, 1]).all():
            parts.append(run)
            continue
        x = np.interp(np.arange((len(run) - 1) * n + 1) / n, np.arange(len(run)), run[:, 0])
        parts.append(np.column_stack([x, CubicSpline(run[:, 0], run[:, 1])(x)]))
    return np.concatenate(parts)
