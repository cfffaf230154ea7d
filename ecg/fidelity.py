"""How well a reading fits its truth: the metrics of single leads and of a page.

Everything here works on millivolts, on one clock shared by truth and estimate, at 500 Hz. Truth is NaN where the
lead is not on the page; only samples where it is finite count. Negative ratios are kept as they are: only what is
missing altogether scores 0 dB, which is what a flat line would get.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg.challenges import kaggle_ratio, kaggle_score_db, moody_snr
from ecg.errors import RecordError
from ecg.record import ECGRecord, resample

__all__ = [
    "FS_HZ",
    "MAX_SHIFT_S",
    "SNR_CEILING_DB",
    "LeadFidelity",
    "PageFidelity",
    "finite_mean",
    "finite_median",
    "lead_fidelity",
    "page_fidelity",
]

#: Rate at which leads are compared, in Hz: that of diagnostic devices (Kligfield et al. 2007, part I).
FS_HZ = 500.0

#: Farthest shift that is searched, in seconds.
MAX_SHIFT_S = 0.5

#: Ratios above are reported as this many dB, so that a perfect estimate has a finite figure. A file with 1 µV a step
#: cannot pass 60 dB for a 0.3 mV RMS signal (rounding noise 1/sqrt(12) µV), so no real reading comes near.
SNR_CEILING_DB = 100.0

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class LeadFidelity:
    """Fidelity of one lead.

    Parameters
    ----------
    snr_db : float
        Signal-to-noise ratio in dB with the estimate's first sample moved to the truth's first, then after the best
        constant offset and the best integer shift within ±0.5 s. 0 for a missing lead; NaN where the truth is flat.
    snr_placed_db : float
        The same on the page's clock: no moving of the start before the shift is searched.
    r : float
        Pearson correlation over the samples that both have, aligned as for `snr_db`; NaN where it has no meaning.
    rmse_uv : float
        Root mean square error in µV over the samples that both have, after offset and shift.
    gain : float
        Least-squares slope of the estimate on the truth: 1 is right, 0.9 is read 10 % too small.
    shift_s : float
        How late the estimate is on the page's clock, in seconds: the start error less what the search moved back.
    start_error_s : float
        First sample of the estimate against the truth's first, in seconds; positive is late.
    coverage : float
        Share of the truth's samples that have an estimate after alignment, 0 to 1.
    """

    snr_db: float
    snr_placed_db: float
    r: float
    rmse_uv: float
    gain: float
    shift_s: float
    start_error_s: float
    coverage: float


_NAN = float("nan")
#: A lead that was not read at all: the error is the whole signal.
_MISSING = LeadFidelity(0.0, 0.0, _NAN, _NAN, _NAN, _NAN, _NAN, 0.0)


@dataclass(frozen=True)
class _Match:
    """Sums over the samples that both have, at the best shift; centred powers in mV² summed over samples."""

    lag: int
    n: int
    power_truth: float
    power_estimate: float
    product: float
    error: float
    noise: float


def lead_fidelity(truth: ArrayLike, estimate: ArrayLike, fs: float = FS_HZ, any_gain: bool = False) -> LeadFidelity:
    """Compare one lead with its truth.

    With m the truth's mean over its finite samples, the signal power is the sum of (truth - m)². The noise power is
    the sum of (truth - estimate - offset)² over the samples that both have, plus (truth - m)² over those that the
    estimate lacks, with the offset and the shift within ±0.5 s that make this sum least.

    Parameters
    ----------
    truth : float array [samples]
        mV, NaN where the lead is not on the page.
    estimate : float array [samples]
        mV on the same clock, NaN where nothing was read; may be shorter or longer than `truth`.
    fs : float
        Sampling rate of both in Hz.
    any_gain : bool
        Also scale the estimate by the factor, not negative, that fits best: for readings without a unit.

    Returns
    -------
    LeadFidelity

    Raises
    ------
    RecordError
        If an array is not one-dimensional or the truth has no finite sample.

    Examples
    --------
    >>> t = np.arange(5000) / 500
    >>> truth = np.sin(2 * np.pi * 1.3 * t)
    >>> score = lead_fidelity(truth, 0.9 * truth + 0.2)
    >>> round(score.snr_db, 2), round(score.gain, 2)
    (20.0, 0.9)
    """
    x, y = _same_length(truth, estimate)
    on_page, read = np.flatnonzero(np.isfinite(x)), np.flatnonzero(np.isfinite(y))
    if on_page.size == 0:
        raise RecordError("the truth of a lead needs at least one sample that is not missing, got none")
    if read.size == 0:
        return _MISSING
    max_lag = round(MAX_SHIFT_S * fs)
    late = int(read[0] - on_page[0])
    moved = _best_match(x, _delayed(y, -late), max_lag, any_gain)
    placed = moved if late == 0 else _best_match(x, y, max_lag, any_gain)
    power = _centred_power(x[on_page])
    root = math.sqrt(moved.power_truth * moved.power_estimate)
    return LeadFidelity(
        snr_db=_ratio_db(power, moved.noise),
        snr_placed_db=_ratio_db(power, placed.noise),
        r=float(np.clip(moved.product / root, -1.0, 1.0)) if root > 0 else _NAN,
        rmse_uv=1000.0 * math.sqrt(moved.error / moved.n) if moved.n else _NAN,
        gain=moved.product / moved.power_truth if moved.power_truth > 0 else _NAN,
        shift_s=(late - moved.lag) / fs,
        start_error_s=late / fs,
        coverage=moved.n / on_page.size,
    )


def _same_length(truth: ArrayLike, estimate: ArrayLike) -> tuple[_Array, _Array]:
    """Both as float64 of equal length, NaN at the end of the shorter."""
    x, y = np.asarray(truth, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if x.ndim != 1 or y.ndim != 1:
        raise RecordError(f"a lead is compared as one row of samples, got shapes {x.shape} and {y.shape}")
    n = max(x.size, y.size)
    return tuple(np.pad(np.where(np.isfinite(a), a, np.nan), (0, n - a.size), constant_values=np.nan) for a in (x, y))  # type: ignore[return-value]


def _delayed(x: _Array, lag: int) -> _Array:
    """``x`` moved ``lag`` samples to the right (left if negative), same length, NaN where nothing comes in."""
    out = np.full(x.size, np.nan)
    if abs(lag) < x.size:
        out[max(lag, 0) : x.size + min(lag, 0)] = x[max(-lag, 0) : x.size - max(lag, 0)]
    return out


def _best_match(x: _Array, y: _Array, max_lag: int, any_gain: bool) -> _Match:
    """Shift of ``y`` within ``max_lag`` samples that leaves the least noise power."""
    noise = _noise_by_lag(x, y, max_lag, any_gain)
    lags = np.arange(-max_lag, max_lag + 1)
    # Among shifts that tie within rounding (a periodic signal, a flat one) the smallest wins.
    tied = lags[noise <= noise.min() + 1e-9 * max(noise.max(), 1e-30)]
    lag = int(tied[np.argmin(np.abs(tied))])
    return _match_at(x, y, lag, any_gain)


def _match_at(x: _Array, y: _Array, lag: int, any_gain: bool = False) -> _Match:
    """Exact sums at one shift: the search's own are good to rounding of the transform only."""
    moved = _delayed(y, lag)
    on_page = np.isfinite(x)
    both = on_page & np.isfinite(moved)
    lost = on_page & ~both
    n = int(both.sum())
    missing = float(np.sum((x[lost] - x[on_page].mean()) ** 2))
    if n == 0:
        return _Match(lag, 0, 0.0, 0.0, 0.0, 0.0, missing)
    a, b = x[both] - x[both].mean(), moved[both] - moved[both].mean()
    if any_gain:
        b = b * max(float(a @ b), 0.0) / max(float(b @ b), np.finfo(np.float64).tiny)
    error = float(np.sum((a - b) ** 2))
    return _Match(lag, n, float(a @ a), float(b @ b), float(a @ b), error, error + missing)


def _noise_by_lag(x: _Array, y: _Array, max_lag: int, any_gain: bool = False) -> _Array:
    """Noise power at each shift from ``-max_lag`` to ``max_lag`` samples, by six correlations.

    Over the n samples that both have at a shift, the centred powers and their product follow from the sums of x, y,
    x², y² and xy, which are correlations of the zero-filled signals with each other and with their masks.
    """
    has_x, has_y = np.isfinite(x), np.isfinite(y)
    # Centred first, so that the difference of large sums loses no digits.
    a = np.where(has_x, x - x[has_x].mean(), 0.0)
    b = np.where(has_y, y - y[has_y].mean(), 0.0)
    size = 1 << (x.size + max_lag).bit_length()  # room for the shift without wrap-around
    fx = [np.fft.rfft(v, size) for v in (has_x.astype(np.float64), a, a * a)]
    fy = [np.fft.rfft(v, size).conj() for v in (has_y.astype(np.float64), b, b * b)]

    def correlate(i: int, j: int) -> _Array:
        full = np.fft.irfft(fx[i] * fy[j], size)
        return np.concatenate([full[size - max_lag :], full[: max_lag + 1]])

    n = np.rint(correlate(0, 0))
    some = np.maximum(n, 1.0)
    sum_x, sum_y, sum_xx = correlate(1, 0), correlate(0, 1), correlate(2, 0)
    power_x = sum_xx - sum_x**2 / some
    power_y = correlate(0, 2) - sum_y**2 / some
    product = correlate(1, 1) - sum_x * sum_y / some
    error = _least_error(power_x, power_y, product, any_gain)
    return np.where(n > 0, error, 0.0) + np.where(n > 0, float(a @ a) - sum_xx, float(a @ a))


def _least_error(power_x: _Array, power_y: _Array, product: _Array, any_gain: bool) -> _Array:
    """Error power left after the best offset, and after the best gain that turns nothing over if it is free."""
    if not any_gain:
        return np.maximum(power_x + power_y - 2.0 * product, 0.0)
    explained = np.maximum(product, 0.0) ** 2 / np.maximum(power_y, np.finfo(np.float64).tiny)
    return np.maximum(power_x - explained, 0.0)


def _centred_power(x: _Array) -> float:
    return float(np.sum((x - x.mean()) ** 2))


def _ratio_db(signal: float, noise: float) -> float:
    """10 log10(signal / noise), at most the ceiling; NaN for a flat truth, which no ratio describes."""
    if signal <= 0:
        return _NAN
    if noise <= signal * 10 ** (-SNR_CEILING_DB / 10):
        return SNR_CEILING_DB
    return 10.0 * math.log10(signal / noise)


@dataclass(frozen=True)
class PageFidelity:
    """Fidelity of one page.

    Parameters
    ----------
    leads : mapping lead -> LeadFidelity
        Every lead of the truth that is on the page, whether it was read or not.
    median_snr_db, mean_snr_db : float
        Over the leads, dB; a missing lead counts 0.
    median_snr_placed_db : float
        Likewise on the page's clock.
    shift_spread_s : float
        Latest less earliest shift among the leads that were read, in seconds; NaN with fewer than two.
    kaggle_ratio : float
        Ratio of powers by `ecg.challenges.kaggle_ratio`.
    moody_db, moody_repaired_db : float
        Mean over the leads of `ecg.challenges.moody_snr`, verbatim and repaired; NaN where it was not asked for.
    failed : bool
        Nothing was read.
    """

    leads: Mapping[str, LeadFidelity]
    median_snr_db: float
    mean_snr_db: float
    median_snr_placed_db: float
    shift_spread_s: float
    kaggle_ratio: float
    moody_db: float
    moody_repaired_db: float
    failed: bool

    @property
    def kaggle_snr_db(self) -> float:
        """Kaggle's score of this page alone, in dB."""
        return kaggle_score_db(np.array([self.kaggle_ratio]))


def page_fidelity(truth: ECGRecord, estimate: ECGRecord | None, moody: bool = True) -> PageFidelity:
    """Compare a page's reading with its truth, lead by lead.

    Parameters
    ----------
    truth : ECGRecord
        NaN where a lead is not on the page; brought to 500 Hz if it has another rate.
    estimate : ECGRecord or None
        The reading on the same clock, likewise brought to 500 Hz; None for a page that failed.
    moody : bool
        Also compute the Moody Challenge's ratio, which takes about a second a page; the rest takes 20 ms.

    Returns
    -------
    PageFidelity

    Raises
    ------
    RecordError
        If no lead of the truth is on the page.
    """
    true = _present(resample(truth, FS_HZ))
    if not true:
        raise RecordError("the truth of a page needs a lead with at least one sample, got none")
    read = {} if estimate is None else _present(resample(estimate, FS_HZ))
    leads = {lead: lead_fidelity(x, read[lead]) if lead in read else _MISSING for lead, x in true.items()}
    official = [moody_snr(x, read.get(lead), FS_HZ) for lead, x in true.items()] if moody else []
    shifts = [f.shift_s for f in leads.values() if math.isfinite(f.shift_s)]
    return PageFidelity(
        leads=MappingProxyType(leads),
        median_snr_db=finite_median(np.array([f.snr_db for f in leads.values()])),
        mean_snr_db=finite_mean(np.array([f.snr_db for f in leads.values()])),
        median_snr_placed_db=finite_median(np.array([f.snr_placed_db for f in leads.values()])),
        shift_spread_s=max(shifts) - min(shifts) if len(shifts) > 1 else _NAN,
        kaggle_ratio=kaggle_ratio(true, read, FS_HZ),
        moody_db=finite_mean(np.array([m.verbatim_db for m in official])),
        moody_repaired_db=finite_mean(np.array([m.repaired_db for m in official])),
        failed=not any(lead in read for lead in true),
    )


def _present(record: ECGRecord) -> dict[str, _Array]:
    """Leads with at least one sample, as float64."""
    rows = {lead: record[lead].astype(np.float64) for lead in record.leads}
    return {lead: row for lead, row in rows.items() if np.isfinite(row).any()}


def finite_median(values: _Array) -> float:
    """Median of the values that are numbers; NaN if none is."""
    numbers = values[np.isfinite(values)]
    return float(np.median(numbers)) if numbers.size else _NAN


def finite_mean(values: _Array) -> float:
    """Mean of the values that are numbers; NaN if none is."""
    numbers = values[np.isfinite(values)]
    return float(np.mean(numbers)) if numbers.size else _NAN
