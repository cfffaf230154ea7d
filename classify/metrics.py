"""Figures of merit of a classifier, each with a 95 % interval that knows that one patient gives several records.

scikit-learn computes the values; the intervals come from resamples of whole patients (`classify.bootstrap`), for which
the same figures are computed here for all resamples at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classify.bootstrap import Interval, patient_weights, percentiles
from classify.calibration import calibration_line, ece
from ecg.errors import OptionsError

__all__ = ["METRICS", "mean_interval", "measure", "measure_labels", "paired_difference"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

METRICS = (
    "auroc",
    "auprc",
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "npv",
    "f1",
    "brier",
    "ece",
    "calibration_slope",
    "calibration_intercept",
)


def measure(
    y: ArrayLike,
    p: ArrayLike,
    decision: ArrayLike,
    patients: ArrayLike,
    rng: np.random.Generator,
    n_bootstrap: int = 1000,
) -> dict[str, Interval]:
    """All figures of one label.

    Parameters
    ----------
    y : array [records]
        Truth, 0 or 1.
    p : array [records]
        Probability of 1.
    decision : array [records]
        What was answered, 0 or 1.
    patients : array [records]
    rng : numpy.random.Generator
    n_bootstrap : int
        Resamples of patients; 1000 give the ends of a 95 % interval to about 1/20 of its width.

    Returns
    -------
    dict name -> Interval
        The names of `METRICS`.

    Raises
    ------
    OptionsError
        If the arrays do not fit each other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = measure([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [0, 0, 0, 1], [1, 2, 3, 4], rng, 100)
    >>> found["auroc"].value, found["sensitivity"].value
    (0.75, 0.5)
    """
    truth, prob, called = (np.asarray(x, dtype=np.float64).reshape(-1, 1) for x in (y, p, decision))
    _, per_label = measure_labels(truth, prob, called, patients, ["it"], rng, n_bootstrap)
    return per_label["it"]


def measure_labels(
    y: ArrayLike,
    p: ArrayLike,
    decision: ArrayLike,
    patients: ArrayLike,
    labels: Sequence[str],
    rng: np.random.Generator,
    n_bootstrap: int = 1000,
) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
    """Figures of several labels and their plain mean (macro average), all on the same resamples of patients.

    Parameters
    ----------
    y, p, decision : array [records, labels]
        As for `measure`; NaN in ``y`` where a record does not count for a label.
    patients : array [records]
    labels : sequence of str
    rng : numpy.random.Generator
    n_bootstrap : int

    Returns
    -------
    macro : dict name -> Interval
    per_label : dict label -> dict name -> Interval
    """
    truth, prob, called = _checked(y, p, decision, patients, labels)
    kept = [np.isfinite(truth[:, k]) for k in range(len(labels))]
    parts = [_Label(truth[keep, k] > 0.5, prob[keep, k], called[keep, k] > 0.5) for k, keep in enumerate(kept)]
    values = np.array([part.point() for part in parts])
    samples = [
        np.stack([part.weighted(w[:, keep]) for part, keep in zip(parts, kept, strict=True)], axis=1)
        for w in patient_weights(patients, n_bootstrap, rng)
    ]
    drawn = np.concatenate(samples) if samples else np.empty((0, *values.shape))
    per_label = {
        label: {name: percentiles(values[k, m], drawn[:, k, m]) for m, name in enumerate(METRICS)}
        for k, label in enumerate(labels)
    }
    macro = {}
    for m, name in enumerate(METRICS):
        there = np.isfinite(values[:, m])
        mean = values[there, m].mean() if there.any() else np.nan
        macro[name] = percentiles(mean, drawn[:, there, m].mean(axis=1) if there.any() else np.empty(0))
    return macro, per_label


def _checked(
    y: ArrayLike, p: ArrayLike, decision: ArrayLike, patients: ArrayLike, labels: Sequence[str]
) -> tuple[Float, Float, Float]:
    truth, prob, called = (np.asarray(x, dtype=np.float64) for x in (y, p, decision))
    shape = (np.asarray(patients).size, len(labels))
    if not truth.shape == prob.shape == called.shape == shape or not shape[0]:
        raise OptionsError(
            f"expected truth, probabilities and decisions of one shape [records, labels] = {list(shape)} with at least "
            f"one record, got {list(truth.shape)}, {list(prob.shape)} and {list(called.shape)}"
        )
    if not ((prob >= 0) & (prob <= 1)).all():
        raise OptionsError("probabilities must lie between 0 and 1; calibrate the logits first")
    if not np.isin(truth[np.isfinite(truth)], (0, 1)).all():
        raise OptionsError("the truth must be 0, 1 or missing")
    return truth, prob, called


class _Label:
    """One label's records, sorted once for every resample."""

    def __init__(self, y: Bool, p: Float, decision: Bool) -> None:
        order = np.argsort(p, kind="stable")
        self.y, self.p, self.decision = y[order], p[order], decision[order]
        self.order = order
        # First record of each distinct probability: records that tie are one step of the curve.
        self.starts = np.flatnonzero(np.r_[True, np.diff(self.p) > 0]) if p.size else np.zeros(0, dtype=np.intp)

    def point(self) -> Float:
        """Figures on the records as they are, by scikit-learn where it has them."""
        from sklearn import metrics

        y, p, d = self.y, self.p, self.decision
        both = 0 < y.sum() < y.size
        tn, fp, fn, tp = (float(n) for n in metrics.confusion_matrix(y, d, labels=[False, True]).ravel())
        ones = np.ones((1, y.size))
        slope, intercept = calibration_line(y, p, ones)
        return np.array(
            [
                metrics.roc_auc_score(y, p) if both else np.nan,
                metrics.average_precision_score(y, p) if y.any() else np.nan,
                *_shares(*(np.array([n]) for n in (tp, fp, fn, tn)))[:, 0],
                metrics.brier_score_loss(y, p, pos_label=True) if y.size else np.nan,
                ece(y, p, ones)[0],
                slope[0],
                intercept[0],
            ]
        )

    def weighted(self, w: Float) -> Float:
        """Figures of each resample, [resamples, metrics]; `w` is in the order of the records."""
        w = w[:, self.order]
        y, d = self.y.astype(np.float64), self.decision.astype(np.float64)
        total, positive, called, hit = w.sum(axis=1), w @ y, w @ d, w @ (y * d)
        shares = _shares(hit, called - hit, positive - hit, total - called - positive + hit)
        slope, intercept = calibration_line(self.y, self.p, w)
        with np.errstate(invalid="ignore", divide="ignore"):
            brier = w @ (self.p - y) ** 2 / total
        ranks = _ranks(w * y, w * (1 - y), self.starts)
        return np.stack([*ranks, *shares, brier, ece(self.y, self.p, w), slope, intercept], axis=1)


def _shares(tp: Float, fp: Float, fn: Float, tn: Float) -> Float:
    """Accuracy, sensitivity, specificity, precision, NPV and F1 of confusion counts, [6, resamples]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack(
            [
                (tp + tn) / (tp + fp + fn + tn),
                tp / (tp + fn),
                tn / (tn + fp),
                tp / (tp + fp),
                tn / (tn + fn),
                2 * tp / (2 * tp + fp + fn),
            ]
        )


def _ranks(positive: Float, negative: Float, starts: NDArray[np.intp]) -> tuple[Float, Float]:
    """AUROC and average precision from weights sorted by probability, ties joined at `starts`.

    AUROC is the Mann–Whitney statistic (Hanley & McNeil, Radiology 1982;143:29-36): the weight of pairs ranked right,
    ties counting half. Average precision is the sum of precision over the steps of recall.
    """
    if not starts.size:
        return (np.full(len(positive), np.nan),) * 2
    p, n = (np.add.reduceat(x, starts, axis=1) for x in (positive, negative))
    n_below = np.cumsum(n, axis=1)
    total_p, total_n = p.sum(axis=1), n_below[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (p * (n_below - n / 2)).sum(axis=1) / (total_p * total_n)
        above_p = total_p[:, None] - np.cumsum(p, axis=1) + p
        above_n = total_n[:, None] - n_below + n
        precision = np.divide(above_p, above_p + above_n, out=np.zeros_like(p), where=p > 0)
        average = (p * precision).sum(axis=1) / total_p
    return area, average


def paired_difference(
    y: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    patients: ArrayLike,
    rng: np.random.Generator,
    n_bootstrap: int = 2000,
    metric: str = "auroc",
) -> Interval:
    """How much better the first of two models is on the same records: the difference of a rank metric.

    Both are measured on the same resamples of patients, so that what makes records hard cancels.

    Parameters
    ----------
    y : array [records] or [records, labels]
        Truth, 0, 1 or NaN; several labels give the macro average.
    first, second : array like ``y``
        Probabilities of the two models.
    patients : array [records]
    rng : numpy.random.Generator
    n_bootstrap : int
    metric : str
        ``"auroc"`` or ``"auprc"``.

    Returns
    -------
    Interval
        First minus second.

    Raises
    ------
    OptionsError
        If the metric is another or the arrays do not fit.
    """
    if metric not in METRICS[:2]:
        raise OptionsError(f"models are compared by {' or '.join(METRICS[:2])}, got {metric!r}")
    truth, a, b = (np.asarray(x, dtype=np.float64).reshape(np.asarray(patients).size, -1) for x in (y, first, second))
    if not truth.shape == a.shape == b.shape:
        raise OptionsError(f"expected probabilities of the truth's shape {truth.shape}, got {a.shape} and {b.shape}")
    which = METRICS.index(metric)

    def differences(w: Float) -> Float:
        found = []
        for k in range(truth.shape[1]):
            keep = np.isfinite(truth[:, k])
            parts = [_Label(truth[keep, k] > 0.5, p[keep, k], truth[keep, k] > 0.5) for p in (a, b)]
            ranks = [_sorted_ranks(part, w[:, keep])[which] for part in parts]
            found.append(ranks[0] - ranks[1])
        return np.asarray(np.mean(found, axis=0))

    value = differences(np.ones((1, len(truth))))[0]
    drawn = np.concatenate([differences(w) for w in patient_weights(patients, n_bootstrap, rng)])
    return percentiles(float(value), drawn)


def _sorted_ranks(part: _Label, w: Float) -> tuple[Float, Float]:
    w = w[:, part.order]
    return _ranks(w * part.y, w * ~part.y, part.starts)


def mean_interval(
    values: ArrayLike, patients: ArrayLike, rng: np.random.Generator, n_bootstrap: int = 1000
) -> Interval:
    """Mean over records, such as the share of right answers, with its patient-wise interval.

    Parameters
    ----------
    values : array [records]
    patients : array [records]
    rng : numpy.random.Generator
    n_bootstrap : int

    Returns
    -------
    Interval
    """
    x = np.asarray(values, dtype=np.float64)
    drawn = [w @ x / w.sum(axis=1) for w in patient_weights(patients, n_bootstrap, rng)]
    return percentiles(float(x.mean()), np.concatenate(drawn) if drawn else np.empty(0))
