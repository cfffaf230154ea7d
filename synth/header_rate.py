"""The rate that a header prints, found within a millisecond."""

from __future__ import annotations

import numpy as np

from ecg import ECGRecord

__all__ = ["quick_rate"]

#: Rate in Hz at which beats are looked for: QRS complexes are wider than two of its samples.
_FS = 100.0
#: A QRS's slope is averaged over this many seconds, and is a beat where it passes so much of the steepest ones.
_WIDTH_S, _SHARE, _STEEPEST = 0.08, 0.35, 98.0
#: Two beats cannot be closer than this many seconds: 240 per minute.
_REFRACTORY_S = 0.25


def quick_rate(record: ECGRecord) -> float | None:
    """Heart rate from the joint slope of all leads; a rough twin of `ecg.measure.measure`, for print on drawn pages.

    Parameters
    ----------
    record : ECGRecord
        Missing samples count as level.

    Returns
    -------
    float or None
        Beats a minute; None where fewer than three beats are found.

    Examples
    --------
    >>> beats = np.zeros((1, 5000))
    >>> beats[0, 200::400] = 1.0
    >>> round(quick_rate(ECGRecord(beats, 500, ("II",))), 1)
    75.0
    """
    step = max(1, round(record.fs / _FS))
    n = record.n_samples // step
    if n < 2:
        return None
    coarse = np.nan_to_num(record.signal[:, : n * step]).reshape(len(record.leads), n, step).mean(axis=2)
    fs = record.fs / step
    slope = np.sqrt((np.diff(coarse, axis=1) ** 2).sum(axis=0))
    width = max(1, round(_WIDTH_S * fs))
    energy = np.convolve(slope, np.full(width, 1 / width), "same")
    beats: list[int] = []
    candidates = np.flatnonzero(energy > _SHARE * np.percentile(energy, _STEEPEST))
    for at in candidates[np.argsort(-energy[candidates], kind="stable")]:
        if all(abs(int(at) - beat) >= _REFRACTORY_S * fs for beat in beats):
            beats.append(int(at))
    if len(beats) < 3:
        return None
    return 60.0 * fs * (len(beats) - 1) / (max(beats) - min(beats))
