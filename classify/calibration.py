"""Whether a probability of 0.3 means three in ten: calibration measured, drawn and mended.

The error is taken over bins of equal mass, beside the error that chance alone leaves; slope and intercept say in which
direction a model errs; a temperature mends the slope without changing any ranking.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classify.bootstrap import Interval, percentiles

__all__ = [
    "N_BINS",
    "calibration_line",
    "ece",
    "ece_floor",
    "fit_line",
    "fit_temperature",
    "reliability",
    "softmax_temperature",
]

Float = NDArray[np.float64]

#: Bins of the expected calibration error; each holds as many records as any other.
N_BINS = 10


def ece(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None, n_bins: int = N_BINS) -> Float:
    """Return the expected calibration error over bins of equal mass.

    Records are sorted by probability and cut into bins of equal weight (Nixon et al., CVPR Workshops 2019, with equal
    mass in place of equal width, which leaves most bins empty where few records are positive). The error is the mean
    over bins, by weight, of |mean probability - share of positives|.

    Parameters
    ----------
    y, p : array [records]
    weights : array [resamples, records], optional
        All one by default.
    n_bins : int

    Returns
    -------
    float64 array [resamples]
        0 to 1.
    """
    truth, prob = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    w = np.ones((1, prob.size)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(prob, kind="stable")
    w, gap = w[:, order], w[:, order] * (prob - truth)[order]
    # Records of equal probability stay together, or their order in the file would count.
    if prob.size:
        starts = np.flatnonzero(np.r_[True, np.diff(prob[order]) > 0])
        w, gap = np.add.reduceat(w, starts, axis=1), np.add.reduceat(gap, starts, axis=1)
    total = w.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        # What has one probability lies in the bin that holds the middle of its weight.
        middle = np.nan_to_num((np.cumsum(w, axis=1) - w / 2) / total)
        at = np.minimum((n_bins * middle).astype(np.intp), n_bins - 1) + n_bins * np.arange(len(w))[:, None]
        gaps = np.bincount(at.ravel(), gap.ravel(), minlength=n_bins * len(w)).reshape(len(w), n_bins)
        found: Float = np.abs(gaps).sum(axis=1) / total[:, 0]
    return found


def ece_floor(p: ArrayLike, rng: np.random.Generator, n_draws: int = 400, n_bins: int = N_BINS) -> Interval:
    """Calibration error that a perfectly calibrated model would show on as many records.

    Labels are drawn from the model's own probabilities, so what is left is chance alone.

    Parameters
    ----------
    p : array [records]
    rng : numpy.random.Generator
    n_draws : int
    n_bins : int

    Returns
    -------
    Interval
        Mean of the draws, and the range that holds 95 % of them.
    """
    prob = np.asarray(p, dtype=np.float64)
    if not prob.size:
        return Interval(None)
    drawn = np.array([ece(rng.random(prob.size) < prob, prob, n_bins=n_bins)[0] for _ in range(n_draws)])
    return percentiles(float(drawn.mean()), drawn)


def calibration_line(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> tuple[Float, Float]:
    """Slope and intercept of the logistic regression of the truth on the logit of the probability.

    Cox, Biometrika 1958;45:562-565: slope 1 and intercept 0 mean calibrated, a slope below 1 overconfident. Fitted by
    Newton's method, for all resamples at once.

    Parameters
    ----------
    y, p : array [records]
    weights : array [resamples, records], optional

    Returns
    -------
    slope, intercept : float64 arrays [resamples]
        NaN where the truth has one class only or the fit does not settle (classes parted without overlap).
    """
    truth, prob = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    w = np.ones((1, prob.size)) if weights is None else np.asarray(weights, dtype=np.float64)
    # From (0, 0), where every record weighs alike, Newton's steps do not overshoot; from (1, 0) they do for
    # overconfident models, most of whose records then weigh nothing.
    slope, intercept = np.zeros(len(w)), np.zeros(len(w))
    # 1e-6 bounds the logits at 13.8: a probability of exactly 0 or 1 would have an infinite one.
    x = np.log(np.clip(prob, 1e-6, 1 - 1e-6))
    x -= np.log1p(-np.clip(prob, 1e-6, 1 - 1e-6))
    moments = np.stack([np.ones_like(x), x, x * x], axis=1)
    with np.errstate(all="ignore"):
        for _ in range(20):  # the digits double each time once near; large slopes take a few steps to come near
            eta = np.clip(intercept[:, None] + slope[:, None] * x, -30, 30)
            fitted = 1 / (1 + np.exp(-eta))
            g0, g1 = ((w * (truth - fitted)) @ moments[:, :2]).T
            h0, h1, h2 = ((w * fitted * (1 - fitted)) @ moments).T
            determinant = h0 * h2 - h1 * h1
            step0, step1 = (h2 * g0 - h1 * g1) / determinant, (h0 * g1 - h1 * g0) / determinant
            intercept, slope = intercept + step0, slope + step1
            if not np.nanmax(np.abs(np.r_[step0, step1, 0.0])) > 1e-9:
                break
        settled = (np.abs(step0) < 1e-3) & (np.abs(step1) < 1e-3) & (determinant > 0)
    return np.where(settled, slope, np.nan), np.where(settled, intercept, np.nan)


def reliability(y: ArrayLike, p: ArrayLike, n_bins: int = N_BINS) -> tuple[Float, Float, NDArray[np.int64]]:
    """Points of the reliability curve over bins of equal mass.

    Parameters
    ----------
    y, p : array [records]
    n_bins : int

    Returns
    -------
    predicted, observed : float64 arrays [bins]
        Mean probability and share of positives of each bin that holds a record.
    n : int64 array [bins]
        Records in it.
    """
    truth, prob = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    order = np.argsort(prob, kind="stable")
    at = np.minimum((n_bins * (np.arange(prob.size) + 0.5) / max(prob.size, 1)).astype(np.intp), n_bins - 1)
    n = np.bincount(at, minlength=n_bins)
    sums = [np.bincount(at, x[order], minlength=n_bins)[n > 0] / n[n > 0] for x in (prob, truth)]
    return sums[0], sums[1], n[n > 0]


def fit_temperature(logits: ArrayLike, y: ArrayLike) -> float:
    """Temperature of one label: what its logits are divided by so that the truth is likeliest.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2, for one sigmoid.

    Parameters
    ----------
    logits : array [records]
    y : array [records]
        0 or 1; records that are NaN do not count.

    Returns
    -------
    float
        0.05 to 20; 1 where the truth has one class only.

    Examples
    --------
    >>> z = np.array([-2.0, -2.0, -2.0, 2.0, 2.0, 2.0])
    >>> fit_temperature(z, [0, 0, 1, 0, 1, 1])  # the log odds of two in three are 0.69
    2.885
    """
    z, truth = np.asarray(logits, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = np.isfinite(truth)
    z, truth = z[keep], truth[keep]
    if not 0 < truth.sum() < truth.size:
        return 1.0
    sign = np.where(truth > 0.5, 1.0, -1.0)
    return _coolest(lambda t: float(np.logaddexp(0.0, -sign * z / t).mean()))


def fit_line(logits: ArrayLike, y: ArrayLike, least: int = 50) -> tuple[float, float]:
    """Temperature and offset of one label: the truth is likeliest for the logit divided by the one plus the other.

    Platt, Probabilistic outputs for support vector machines, 1999: a temperature mends what is said too surely, an
    offset what is said too often. Folds 9 and 10 of PTB-XL were read by people and name more abnormalities than the
    others, which a network that learns from the others understates.

    Parameters
    ----------
    logits : array [records]
    y : array [records]
        0 or 1; records that are NaN do not count.
    least : int
        Records of either class that two numbers need; with fewer the offset is 0 (`fit_temperature`).

    Returns
    -------
    temperature, offset : float
    """
    z, truth = np.asarray(logits, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = np.isfinite(truth)
    z, truth = z[keep], truth[keep]
    if min(truth.sum(), (1 - truth).sum()) >= least:
        slope, offset = (float(v[0]) for v in calibration_line(truth, 0.5 * (1 + np.tanh(z / 2))))
        # The bounds of `fit_temperature`; a slope that falls would turn the ranking round.
        if 0.05 <= slope <= 20:
            return round(1 / slope, 3), round(offset, 3)
    return fit_temperature(z, truth), 0.0


def softmax_temperature(logits: ArrayLike, y: ArrayLike) -> float:
    """Temperature of labels that exclude each other (Guo et al., as for `fit_temperature`).

    Parameters
    ----------
    logits : array [records, labels]
    y : array [records, labels]
        One 1 a row; rows with NaN do not count.

    Returns
    -------
    float
        0.05 to 20.
    """
    z, truth = np.asarray(logits, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = np.isfinite(truth).all(axis=1)
    z, truth = z[keep], truth[keep]
    if not len(z):
        return 1.0

    def loss(t: float) -> float:
        scaled = z / t
        top = scaled.max(axis=1, keepdims=True)
        normal = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        return float((normal - (scaled * truth).sum(axis=1)).mean())

    return _coolest(loss)


def _coolest(loss: Callable[[float], float]) -> float:
    """Temperature of least loss, searched on a log scale; three digits decide nothing further."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda log_t: loss(float(np.exp(log_t))), bounds=np.log([0.05, 20.0]), method="bounded")
    return round(float(np.exp(found.x)), 3)
