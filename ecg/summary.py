"""Fidelity over many pages, each figure with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.challenges import kaggle_score_db
from ecg.errors import RecordError
from ecg.fidelity import PageFidelity, finite_mean, finite_median

__all__ = ["USABLE_SNR_DB", "Interval", "bootstrap_median", "summarize"]

#: A page whose median lead is worse than this many dB is called unusable: noise is then half the signal's amplitude.
USABLE_SNR_DB = 6.0

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap interval.

    Parameters
    ----------
    value : float
        The figure over all pages; NaN where no page gives one.
    lo, hi : float
        2.5th and 97.5th percentile over resampled sets of pages.
    """

    value: float
    lo: float
    hi: float


def summarize(pages: Sequence[PageFidelity], rng: np.random.Generator, draws: int = 1000) -> dict[str, Interval]:
    """Figures over many pages, each with a 95 % interval.

    Whole pages are drawn with replacement (percentile bootstrap; Efron & Tibshirani, 1993, chapter 13), because the
    leads of a page share its faults. Figures of leads pool the leads of all pages; medians of r, RMSE, gain and times
    are over the leads that were read, those of SNR over all of them.

    Parameters
    ----------
    pages : sequence of PageFidelity
    rng : numpy.random.Generator
    draws : int
        Number of resampled sets.

    Returns
    -------
    dict of str to Interval
        ``median_snr_db``, ``mean_snr_db``, ``median_snr_placed_db``, ``median_r``, ``median_rmse_uv``,
        ``median_gain``, ``median_abs_shift_s``, ``median_abs_start_error_s``, ``mean_coverage``,
        ``median_shift_spread_s``, ``failed_share``, ``unusable_share`` (median lead SNR under 6 dB),
        ``kaggle_snr_db``, ``moody_snr_db``, ``moody_repaired_snr_db``.

    Raises
    ------
    RecordError
        If there is no page.
    """
    if not pages:
        raise RecordError("a summary needs at least one page, got none")
    figures = _figures(pages)
    draw = rng.integers(0, len(pages), size=(draws, len(pages)))
    return {name: _interval(statistic, values, draw) for name, (statistic, values) in figures.items()}


def bootstrap_median(values: _Array, rng: np.random.Generator, draws: int = 1000) -> Interval:
    """Median of one value a page with its 95 % interval, as in `summarize`; NaN is passed over.

    Parameters
    ----------
    values : float array [pages]
    rng : numpy.random.Generator
    draws : int
        Number of resampled sets.

    Examples
    --------
    >>> bootstrap_median(np.full(5, 2.0), np.random.default_rng(0))
    Interval(value=2.0, lo=2.0, hi=2.0)
    """
    draw = rng.integers(0, len(values), size=(draws, len(values)))
    return _interval(finite_median, values, draw)


def _interval(statistic: Callable[[_Array], float], values: _Array, draw: NDArray[np.int64]) -> Interval:
    resampled = np.array([statistic(values[rows]) for rows in draw])
    known = resampled[np.isfinite(resampled)]
    lo, hi = np.percentile(known, [2.5, 97.5]) if known.size else (float("nan"), float("nan"))
    return Interval(statistic(values), float(lo), float(hi))


def _figures(pages: Sequence[PageFidelity]) -> dict[str, tuple[Callable[[_Array], float], _Array]]:
    """Each figure's name, how it is taken, and what it is taken of: one row a page."""
    width = max(len(p.leads) for p in pages)

    def of_leads(name: str) -> _Array:
        out = np.full((len(pages), width), np.nan)
        for row, page in zip(out, pages, strict=True):
            row[: len(page.leads)] = [getattr(f, name) for f in page.leads.values()]
        return out

    def of_pages(values: Iterable[float]) -> _Array:
        return np.array(list(values), dtype=np.float64)

    snr = of_leads("snr_db")
    unusable = (p.failed or p.median_snr_db < USABLE_SNR_DB for p in pages)
    return {
        "median_snr_db": (finite_median, snr),
        "mean_snr_db": (finite_mean, snr),
        "median_snr_placed_db": (finite_median, of_leads("snr_placed_db")),
        "median_r": (finite_median, of_leads("r")),
        "median_rmse_uv": (finite_median, of_leads("rmse_uv")),
        "median_gain": (finite_median, of_leads("gain")),
        "median_abs_shift_s": (finite_median, np.abs(of_leads("shift_s"))),
        "median_abs_start_error_s": (finite_median, np.abs(of_leads("start_error_s"))),
        "mean_coverage": (finite_mean, of_leads("coverage")),
        "median_shift_spread_s": (finite_median, of_pages(p.shift_spread_s for p in pages)),
        "failed_share": (finite_mean, of_pages(p.failed for p in pages)),
        "unusable_share": (finite_mean, of_pages(unusable)),
        "kaggle_snr_db": (kaggle_score_db, of_pages(p.kaggle_ratio for p in pages)),
        "moody_snr_db": (finite_mean, of_pages(p.moody_db for p in pages)),
        "moody_repaired_snr_db": (finite_mean, of_pages(p.moody_repaired_db for p in pages)),
    }
