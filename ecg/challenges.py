"""The signal-to-noise ratios of the two public competitions in reading paper ECGs, as their own programs compute them.

Both are written anew from the definitions. Where a program has a fault, the figure with the fault stands beside the
mended one, so that published scores can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["KAGGLE_RATIO_CAP", "MoodySnr", "kaggle_ratio", "kaggle_score_db", "moody_snr"]

_Array = NDArray[np.float64]

#: Largest ratio that a page may score: the competition's 60 dB for a perfect page. An earlier version of its program
#: had 384 (25.84 dB); pass it as `cap` to compare with scores of that time.
KAGGLE_RATIO_CAP = 1e6

_KAGGLE_MAX_SHIFT_S = 0.2
_MOODY_MAX_SHIFT_S = 0.5
_MOODY_MAX_OFFSET_MV = 1.0
_MOODY_LEVELS = 256
#: Weights of a Gaussian of 0.5 cells, cut at four deviations (two cells).
_BLUR = np.exp(-0.5 * (np.arange(-2, 3) / 0.5) ** 2)
#: A perfect lead's ratio is infinite; it is reported as this many dB.
_CEILING_DB = 100.0
_NAN = float("nan")


def kaggle_ratio(
    truth: Mapping[str, _Array], estimate: Mapping[str, _Array], fs: float, cap: float = KAGGLE_RATIO_CAP
) -> float:
    """Signal over noise power of one page by the rules of "PhysioNet - Digitization of ECG Images" (Kaggle, 2025).

    Lead by lead the estimate is shifted, within ±0.2 s, to where its cross-correlation with the truth (both centred)
    is largest, and moved by the offset of least squares. What is then missing counts as 0 mV. The powers, of the
    truth as it is and of the difference, are summed over the leads before they are divided.

    Parameters
    ----------
    truth : mapping lead -> float array [samples]
        mV, NaN off the page.
    estimate : mapping lead -> float array [samples]
        mV. Its first finite sample is taken as the lead's start, because the competition's answers have no clock but
        begin where the lead begins. A lead that is missing counts as 0 mV throughout.
    fs : float
        Sampling rate in Hz.
    cap : float
        Largest ratio.

    Returns
    -------
    float
        Ratio of powers, 0 to `cap`.

    Examples
    --------
    >>> t = np.arange(5000) / 500
    >>> x = np.sin(2 * np.pi * 1.3 * t)
    >>> round(kaggle_ratio({"II": x}, {"II": 0.9 * x + 0.2}, fs=500), 6)
    100.0
    """
    signal = noise = 0.0
    for lead, x in truth.items():
        on_page = np.flatnonzero(np.isfinite(x))
        if on_page.size == 0:
            continue
        label = np.asarray(x, dtype=np.float64)[on_page]
        signal += float(label @ label)
        y = _from_start(estimate.get(lead), on_page)
        aligned = _kaggle_align(label, y, int(fs * _KAGGLE_MAX_SHIFT_S)) if np.isfinite(y).any() else y
        noise += float(np.sum((label - np.nan_to_num(aligned, nan=0.0)) ** 2))
    if noise == 0:
        return cap
    return min(signal / noise, cap)


def kaggle_score_db(ratios: _Array, floor_db: float = -60.0) -> float:
    """Score of many pages: 10 log10 of the mean of their ratios, not less than ``floor_db``.

    Parameters
    ----------
    ratios : float array [pages]
        From `kaggle_ratio`.
    floor_db : float
        What a mean of 0 scores.

    Examples
    --------
    >>> kaggle_score_db(np.array([1.0, 199.0]))
    20.0
    """
    mean = float(np.mean(ratios))
    return max(10.0 * math.log10(mean), floor_db) if mean > 0 else floor_db


def _from_start(y: _Array | None, on_page: NDArray[np.intp]) -> _Array:
    """Take the estimate at the truth's places, once its first sample stands on the truth's first."""
    out = np.full(on_page.size, np.nan)
    if y is None or not np.isfinite(y).any():
        return out
    y = np.asarray(y, dtype=np.float64)
    source = on_page - on_page[0] + np.flatnonzero(np.isfinite(y))[0]
    inside = source < y.size
    out[inside] = y[source[inside]]
    return out


def _kaggle_align(label: _Array, y: _Array, max_lag: int) -> _Array:
    """Estimate at the lag of the largest cross-correlation, with the offset of least squares taken off."""
    n = label.size
    a = label - label.mean()
    b = np.nan_to_num(y - np.nanmean(y), nan=0.0)
    size = _fast_size(2 * n)
    full = np.fft.irfft(np.fft.rfft(a, size) * np.fft.rfft(b, size).conj(), size)
    reach = min(max_lag, n - 1)
    lags = np.arange(-reach, reach + 1)
    values = full[lags % size]
    # Equal within rounding: the shortest shift wins, as in the competition.
    best = lags[values >= values.max() - 1e-12 * max(float(np.abs(values).max()), 1e-30)]
    aligned = _moved(y, int(best[np.argmin(np.abs(best))]))
    if np.isfinite(aligned).any():
        aligned -= np.nanmean(aligned - label)
    return aligned


def _moved(x: _Array, lag: int) -> _Array:
    """``x`` moved ``lag`` samples to the right (left if negative), NaN where nothing comes in."""
    out = np.full(x.size, np.nan)
    if abs(lag) < x.size:
        out[max(lag, 0) : x.size + min(lag, 0)] = x[max(-lag, 0) : x.size - max(lag, 0)]
    return out


@dataclass(frozen=True)
class MoodySnr:
    """SNR of one lead as the George B. Moody Challenge 2024 defines it.

    Parameters
    ----------
    verbatim_db : float
        With the faults of the official program: where the estimate has to move to later times by k samples, only
        its first k samples are kept, and a lead with no sample to compare is NaN, which its mean passes over.
    repaired_db : float
        With all samples kept, and 0 dB for a lead with none.
    """

    verbatim_db: float
    repaired_db: float


def moody_snr(truth: _Array, estimate: _Array | None, fs: float) -> MoodySnr:
    """SNR by the scoring program of the George B. Moody PhysioNet Challenge 2024 (Reyna et al., CinC 2024).

    Both signals become pictures of 256 levels between their common extremes, blurred by half a cell; the largest
    value of the pictures' cross-correlation gives shift and offset together, which are applied if they are within
    0.5 s and 1 mV. The ratio is that of the mean squares, without taking off any mean, over the samples that both
    have, in dB, times the share of the truth's samples that have an estimate.

    Parameters
    ----------
    truth : float array [samples]
        mV, NaN off the page.
    estimate : float array [samples] or None
        mV on the same clock; None for a lead that was not read.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    MoodySnr
    """
    x = np.asarray(truth, dtype=np.float64)
    y = np.full(x.size, np.nan) if estimate is None else np.asarray(estimate, dtype=np.float64)
    n = max(x.size, y.size)
    x, y = (np.pad(v, (0, n - v.size), constant_values=np.nan) for v in (x, y))
    if not np.isfinite(x).any() or not np.isfinite(y).any():
        return MoodySnr(_NAN, 0.0)
    lag, offset_mv = _moody_offsets(x, y)
    if abs(lag) > round(_MOODY_MAX_SHIFT_S * fs) or abs(offset_mv) > _MOODY_MAX_OFFSET_MV:
        lag, offset_mv = 0, 0.0
    whole = _moody_ratio_db(x, _moved(y, lag) - offset_mv)
    kept = whole
    if lag > 0:
        cut = y.copy()
        cut[lag:] = np.nan
        kept = _moody_ratio_db(x, _moved(cut, lag) - offset_mv)
    return MoodySnr(kept, 0.0 if math.isnan(whole) else whole)


def _moody_ratio_db(x: _Array, y: _Array) -> float:
    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        return _NAN
    signal, noise = float(np.mean(x[both] ** 2)), float(np.mean((x[both] - y[both]) ** 2))
    if signal <= 0:
        return _NAN
    ratio_db = _CEILING_DB if noise <= signal * 10 ** (-_CEILING_DB / 10) else 10.0 * math.log10(signal / noise)
    return ratio_db * float(both.sum() / np.isfinite(x).sum())


def _moody_offsets(x: _Array, y: _Array) -> tuple[int, float]:
    """Shift in samples that brings ``y`` onto ``x``, and how much higher ``y`` stands, in mV."""
    low = min(float(np.nanmin(x)), float(np.nanmin(y)))
    span = max(float(np.nanmax(x)), float(np.nanmax(y))) - low
    if span <= 0:
        return 0, 0.0
    (a, start_a), (b, start_b) = _picture(x, low, span), _picture(y, low, span)
    # The autocorrelation of the truth, which the program also computes, is largest at no shift, always.
    columns, rows = _fast_size(a.shape[1] + b.shape[1] - 1), 2 * _MOODY_LEVELS
    spectrum = np.fft.rfft2(a, (rows, columns)) * np.fft.rfft2(b, (rows, columns)).conj()
    peak = int(np.argmax(np.fft.irfft2(spectrum, (rows, columns))))
    row, column = divmod(peak, columns)
    lag = column if column < a.shape[1] else column - columns
    rise = row if row < _MOODY_LEVELS else row - rows
    return lag + start_a - start_b, -rise / (_MOODY_LEVELS - 1) * span


def _picture(x: _Array, low: float, span: float) -> tuple[_Array, int]:
    """Blurred picture [256, columns] of a signal, and the sample at its first column: empty margins are left out."""
    present = np.flatnonzero(np.isfinite(x))
    reach = _BLUR.size // 2
    start, stop = max(0, int(present[0]) - reach), min(x.size, int(present[-1]) + 1 + reach)
    level = np.rint((_MOODY_LEVELS - 1) * (x[present] - low) / span).astype(int).clip(0, _MOODY_LEVELS - 1)
    picture = np.zeros((_MOODY_LEVELS, stop - start))
    picture[level, present - start] = 1.0
    weights = _BLUR / _BLUR.sum()
    for axis in (0, 1):
        width = [(reach, reach) if k == axis else (0, 0) for k in (0, 1)]
        padded = np.pad(picture, width, mode="symmetric")
        n = picture.shape[axis]
        picture = sum(w * padded.take(range(k, k + n), axis=axis) for k, w in enumerate(weights))
    return picture, start


def _fast_size(n: int) -> int:
    """Smallest number of at least ``n`` whose only prime factors are 2, 3 and 5: the transform is fast there."""
    best = 1 << (n - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            rest = max(1, -(-n // three))
            best = min(best, three * (1 << (rest - 1).bit_length()))
            three *= 3
        five *= 5
    return best
