"""The protocol of the four-class pages: five folds of groups, every page predicted by a model that never saw its group.

The set as published holds most pages several times, and a printed number that several pages share; both must stay in
one fold, or a network is asked what it was told. Classes are spread evenly over the folds as far as groups allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classify.bootstrap import Interval, patient_weights, percentiles
from classify.evaluate import Predictions, decide, read_predictions, write_predictions
from classify.images.routes import fitted_weights, joined
from classify.protocols import Split
from classify.sets import LabelledSet
from classify.train import Run, train
from ecg.errors import ModelError, OptionsError

__all__ = ["FOLDS", "cross_fitted", "cross_validate", "f1_difference", "grouped_folds", "pooled", "split_of_fold"]

FOLDS = 5
#: Validation takes one in eight of the training pages, 12.5 %: the published 10 to 15 %.
_VALIDATION_PARTS = 8

Index = NDArray[np.intp]


def grouped_folds(classes: ArrayLike, groups: ArrayLike, n: int = FOLDS, seed: int = 0) -> Index:
    """Fold of each page: groups stay whole, classes are spread evenly (scikit-learn's StratifiedGroupKFold).

    Parameters
    ----------
    classes, groups : array [pages]
    n : int
    seed : int

    Returns
    -------
    integer array [pages]
        0 to n - 1.

    Raises
    ------
    OptionsError
        If there are fewer groups than folds.
    ModelError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError as error:
        raise ModelError(f"folds need scikit-learn ({error}); pip install 'einthoven[learn]'") from error
    given, names = np.asarray(classes), np.asarray(groups)
    if np.unique(names).size < n:
        raise OptionsError(f"{n} folds need as many groups of pages, got {np.unique(names).size}")
    out = np.empty(given.size, np.intp)
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    for fold, (_, tested) in enumerate(splitter.split(given, given, names)):
        out[tested] = fold
    return out


def split_of_fold(folds: ArrayLike, fold: int, classes: ArrayLike, groups: ArrayLike, seed: int = 0) -> Split:
    """Split that tests one fold and validates on one in eight of the other pages.

    Parameters
    ----------
    folds : integer array [pages]
        From `grouped_folds`; negative for pages that take no part.
    fold : int
    classes, groups : array [pages]
    seed : int

    Returns
    -------
    Split
    """
    number, given, names = np.asarray(folds), np.asarray(classes), np.asarray(groups)
    rest = np.flatnonzero((number != fold) & (number >= 0))
    inner = grouped_folds(given[rest], names[rest], _VALIDATION_PARTS, seed)
    return Split(f"fold {fold + 1}", rest[inner != 0], rest[inner == 0], np.flatnonzero(number == fold))


def cross_validate(
    run: Run,
    known: LabelledSet,
    out: Path,
    progress: Callable[[Mapping[str, float], int], None] | None = None,
) -> Predictions:
    """Train a model a fold and predict what it did not see; go on where an earlier call was stopped.

    Parameters
    ----------
    run : Run
        One task whose labels exclude each other; its split is not used. The options' seed draws the folds too.
    known : LabelledSet
        ``patients`` are the groups.
    out : Path
        Gets ``fold_1`` to ``fold_5``, each a model folder with its ``predictions.csv``.
    progress : callable, optional
        As for `classify.train.train`.

    Returns
    -------
    Predictions
        Of all pages that could be read; ``folds`` say which model predicted them. Each fold has the temperature that
        fits the pages of the others.
    """
    task = run.tasks[0]
    y = known.answers[task.name]
    counted = known.usable() & np.isfinite(y).all(axis=1)
    classes, groups = np.nan_to_num(y).argmax(axis=1), np.array(known.patients)
    # Folds are drawn over all pages, read or not, so that every model and reader has the same.
    folds = grouped_folds(classes, groups, FOLDS, run.options.seed)
    parts = []
    for fold in range(FOLDS):
        folder = out / f"fold_{fold + 1}"
        split = split_of_fold(np.where(counted, folds, -1), fold, classes, groups, run.options.seed)
        if run.entry.kind == "forest" or (run.options.keep == "last" and not run.options.stop_after):
            # Nothing is chosen by validation: its pages may teach.
            split = replace(split, train=np.concatenate([split.train, split.validation]))
        parts.append(_one_fold(replace(run, split=split), known, folder, str(fold + 1), progress))
    return cross_fitted([pooled(parts)])


def cross_fitted(members: Sequence[Predictions]) -> Predictions:
    """Join predictions by weights, or give one model a temperature, that each fold takes from the other folds.

    Parameters
    ----------
    members : sequence of Predictions
        Of the same pages in the same order; ``folds`` say which model predicted them. The folds of the first count.

    Returns
    -------
    Predictions
        Pages whose truth or fold is unknown keep equal weights.
    """
    first, n = members[0], len(members)
    folds, known = np.array(first.folds), np.isfinite(first.y).all(axis=1)
    p = joined([one.p for one in members], [1.0 / n] * n)
    for fold in np.unique(folds[known]):
        here, others = folds == fold, known & (folds != fold) & (folds != "")
        if fold and others.any():
            weights = fitted_weights([one.p[others] for one in members], first.y[others])
            p[here] = joined([one.p[here] for one in members], list(weights))
    return replace(first, p=p)


def _one_fold(
    run: Run,
    known: LabelledSet,
    folder: Path,
    name: str,
    progress: Callable[[Mapping[str, float], int], None] | None,
) -> Predictions:
    from classify.export import predict_set, predictions_of
    from classify.runtime import load_classifier

    done = folder / "predictions.csv"
    if done.is_file():
        return read_predictions(done)
    train(run, known, folder, progress)
    model, task, rows = load_classifier(folder), run.tasks[0], run.split.test
    logits = predict_set(model, known, rows)
    # Temperatures come from the other folds, not from a tenth of the training pages.
    card = replace(model.card, temperature=1.0, temperatures={}, offsets={})
    found = predictions_of(logits, card, task, model.outputs(task), known, rows)
    found = replace(found, folds=(name,) * len(found.ids))
    write_predictions(done, found)
    return found


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """Put the predictions of several models for different pages together.

    Parameters
    ----------
    parts : sequence of Predictions
        Of the same labels.

    Returns
    -------
    Predictions

    Raises
    ------
    OptionsError
        If labels differ or a page stands in two parts.
    """
    labels = parts[0].labels
    ids = tuple(name for part in parts for name in part.ids)
    if any(part.labels != labels for part in parts) or len(set(ids)) != len(ids):
        raise OptionsError("predictions to be pooled must have the same labels, and each page once")
    patients, folds = (tuple(v for part in parts for v in getattr(part, name)) for name in ("patients", "folds"))
    y, p = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "p"))
    return Predictions(ids, patients, folds, labels, y, p)


def f1_difference(
    first: Predictions, second: Predictions, rng: np.random.Generator, n_bootstrap: int = 2000
) -> Interval:
    """Macro F1 of one model minus that of another on the pages that both predicted, on the same resamples of groups.

    Parameters
    ----------
    first, second : Predictions
        Of a task whose labels exclude each other, with the same labels.
    rng : numpy.random.Generator
    n_bootstrap : int

    Returns
    -------
    Interval
    """
    at = {name: k for k, name in enumerate(second.ids)}
    mine = [k for k, name in enumerate(first.ids) if name in at]
    theirs = [at[first.ids[k]] for k in mine]
    if not mine or first.labels != second.labels:
        raise OptionsError("two models are compared on the same pages and labels; predict the same ones")
    truth = first.y[mine] > 0.5
    who = first.of_patient[mine]
    calls = [decide(p, first.labels, "multiclass", {}) for p in (first.p[mine], second.p[theirs])]
    value = np.subtract(*(_macro_f1(np.ones((1, len(mine))), truth, called)[0] for called in calls))
    drawn = [
        np.subtract(*(_macro_f1(w, truth, called) for called in calls)) for w in patient_weights(who, n_bootstrap, rng)
    ]
    return percentiles(float(value), np.concatenate(drawn))


def _macro_f1(w: NDArray[np.float64], truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Plain mean of the labels' F1 under weights [resamples, records]; NaN where a label is neither true nor called."""
    hit, all_true, all_called = w @ (truth & called), w @ truth, w @ called
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((2 * hit / (all_true + all_called)).mean(axis=1))
