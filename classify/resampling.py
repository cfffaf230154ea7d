"""Sampling rates for classifiers, so that a record at any rate looks like what they were trained on.

PTB-XL gives every record at 500 and at 100 Hz. How it got from one to the other is not written down, but can be
measured on the records that exist at both: up to 40 Hz nothing is lost, half is left at 44.6 Hz, nothing at 49 Hz, and
every 100 Hz file runs 1.25 ms ahead. The filter here has that response. What then remains between a resampled 500 Hz
record and PTB-XL's own 100 Hz file is 1.46 µV RMS, and rounding to the 5 µV steps of these files alone makes
5 / sqrt(12) = 1.44 µV.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["PTB_XL_FS", "resampled"]

#: Rate in Hz at which networks are trained.
PTB_XL_FS = 100.0
#: Measured over 40 records of PTB-XL: where its low-pass leaves half, the spread of its (Gaussian) flank, both in Hz,
#: and by how many seconds its 100 Hz files run ahead.
_HALF_HZ, _FLANK_HZ, _ADVANCE_S = 44.6, 1.93, 1.25e-3
#: Reach of the filter as a multiple of its time spread: beyond, less than 4e-4 of its middle is left.
_REACH = 4.0


def resampled(signal: NDArray[np.floating], fs: float, fs_out: float) -> NDArray[np.float32]:
    """Signals at another rate, free of aliases; missing stretches stay missing.

    To 100 Hz from above with PTB-XL's own low-pass, otherwise with `scipy.signal.resample_poly` as it is.

    Parameters
    ----------
    signal : float array [..., samples]
        NaN where missing.
    fs, fs_out : float
        Rates in Hz.

    Returns
    -------
    float32 array [..., samples * fs_out / fs, rounded]

    Examples
    --------
    >>> resampled(np.ones((2, 5000)), 500, 100).shape
    (2, 1000)
    """
    from scipy.signal import resample_poly

    signal = np.asarray(signal)
    if fs == fs_out:
        return signal.astype(np.float32)
    n_out = max(1, round(signal.shape[-1] * fs_out / fs))
    # 1e-4 relative is finer than any ECG clock, and keeps the filter short for odd rates such as 257 Hz.
    ratio = Fraction(fs_out / fs).limit_denominator(10_000)
    present = np.isfinite(signal)
    whole = bool(present.all())
    filled = signal if whole else _held(signal, present)
    window = _low_pass(fs * ratio.numerator) if fs > fs_out == PTB_XL_FS else ("kaiser", 5.0)
    y = resample_poly(
        filled.astype(np.float64), ratio.numerator, ratio.denominator, axis=-1, window=window, padtype="edge"
    )
    out = np.full((*signal.shape[:-1], n_out), np.nan, dtype=np.float32)
    n = min(n_out, y.shape[-1])
    out[..., :n] = y[..., :n]
    if not whole:
        source = np.rint(np.arange(n_out) * fs / fs_out).astype(int).clip(0, signal.shape[-1] - 1)
        out[~present[..., source]] = np.nan
    return out


def _low_pass(fs: float) -> NDArray[np.float64]:
    """Taps of PTB-XL's low-pass at a rate in Hz: a sinc under a Gaussian, whose spectrum is a step with that flank."""
    spread_s = 1 / (2 * np.pi * _FLANK_HZ)
    reach = int(np.ceil(_REACH * spread_s * fs))
    t = np.arange(-reach, reach + 1) / fs + _ADVANCE_S
    taps = np.sinc(2 * _HALF_HZ * t) * np.exp(-0.5 * (t / spread_s) ** 2)
    out: NDArray[np.float64] = taps / taps.sum()
    return out


def _held(signal: NDArray[np.floating], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Missing samples replaced by the nearest present one of their lead (no step to ring at a gap), or by 0."""
    rows = signal.reshape(-1, signal.shape[-1])
    out = np.zeros(rows.shape)
    at = np.arange(rows.shape[-1])
    for row, x, here in zip(out, rows, present.reshape(rows.shape), strict=True):
        index = np.flatnonzero(here)
        if index.size:
            after = np.searchsorted(index, at).clip(0, index.size - 1)
            before = (after - 1).clip(0)
            nearer = np.abs(index[before] - at) <= np.abs(index[after] - at)
            row[:] = x[np.where(nearer, index[before], index[after])]
    return out.reshape(signal.shape)
