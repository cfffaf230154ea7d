"""Predictions of several models on the same pages, joined; and the models that then ship.

Weights of a join are fitted, in each fold on the pages of the others, so that no page has a say in its own answer. What
ships learns from every page; its temperature, and its weight beside others, are those that fit the out-of-fold
predictions of all pages, and its card carries their figures: no page is left to measure it on by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from classify.evaluate import Predictions
    from classify.images.likeness import Likeness
    from classify.sets import LabelledSet
    from classify.train import Run
    from ecg.checkpoint import ModelCard

#: What a card of these pages says beside what every card says.
LIMITS = (
    "learnt from 393 pages of one device and one country, 24 of them with an infarction; other pages may differ",
    "paced rhythms, children and fewer than eight leads are not answered",
)
PREDICTIONS = "predictions.csv"

__all__ = ["PREDICTIONS", "aligned", "confusion", "join", "ship", "weights_of", "write_likeness"]


def aligned(names: Sequence[str], work: Path) -> list[Predictions]:
    """Predictions of several experiments on the pages that all could read, in one order.

    Parameters
    ----------
    names : sequence of str
    work : Path
        Holds ``NAME/predictions.csv``.

    Returns
    -------
    list of Predictions
    """
    from classify.evaluate import Predictions, read_predictions

    found = [read_predictions(work / name / PREDICTIONS) for name in names]
    places = [{page: k for k, page in enumerate(one.ids)} for one in found]
    ids = tuple(page for page in found[0].ids if all(page in place for place in places))
    out = []
    for one, place in zip(found, places, strict=True):
        rows = [place[page] for page in ids]
        patients, folds = (tuple(values[k] for k in rows) for values in (one.patients, one.folds))
        out.append(Predictions(ids, patients, folds, one.labels, one.y[rows], one.p[rows]))
    return out


def join(names: Sequence[str], work: Path) -> Predictions:
    """Join the predictions of several experiments by weights that each fold takes from the others.

    Parameters
    ----------
    names : sequence of str
        The folds are those of the first.
    work : Path

    Returns
    -------
    Predictions
        Written to ``work/NAME+NAME/predictions.csv`` too.
    """
    from classify.evaluate import write_predictions
    from classify.images.crossval import cross_fitted

    found = cross_fitted(aligned(names, work))
    folder = work / "+".join(names)
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / PREDICTIONS, found)
    return found


def confusion(found: Predictions) -> dict[str, Any]:
    """Pages of each class by what they were called.

    Parameters
    ----------
    found : Predictions

    Returns
    -------
    dict
        ``labels``, and ``counts``: a row for each class, a column for each answer.
    """
    known = np.isfinite(found.y).all(axis=1)
    counts = np.zeros((len(found.labels), len(found.labels)), int)
    np.add.at(counts, (found.y[known].argmax(axis=1), found.p[known].argmax(axis=1)), 1)
    return {"labels": list(found.labels), "counts": counts.tolist()}


def weights_of(names: Sequence[str], work: Path) -> dict[str, float]:
    """Weights that fit all pages, for what ships.

    Parameters
    ----------
    names : sequence of str
    work : Path

    Returns
    -------
    dict of str to float
    """
    from classify.images.routes import fitted_weights

    found = aligned(names, work)
    weights = fitted_weights([one.p for one in found], found[0].y)
    return {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}


def write_likeness(images: Path, work: Path) -> Likeness:
    """Write into the shipped routes how the pages look that they were fitted to.

    Parameters
    ----------
    images : Path
        The four-class set.
    work : Path
        Holds the readings of its pages, or will.

    Returns
    -------
    Likeness
    """
    from classify.images.likeness import fitted_likeness, look_of
    from classify.images.readings import kept_reading
    from classify.images.routes import ROUTES_FILE
    from ecg.datasets import four_class
    from einthoven.outputs import write_json

    areas = (kept_reading(page.path, work / "cache").area for page in four_class(images))
    likeness = fitted_likeness([look_of(area) for area in areas if area is not None])
    routes = json.loads(ROUTES_FILE.read_text(encoding="utf-8"))
    routes["four_class"]["likeness"] = likeness.to_dict()
    write_json(ROUTES_FILE, routes)
    return likeness


def ship(run: Run, known: LabelledSet, work: Path, out: Path) -> ModelCard:
    """Train on every page that could be read, and tell on the card what its like reached out of fold.

    Parameters
    ----------
    run : Run
        Of the experiment; its split is not used, and the last epoch is kept.
    known : LabelledSet
    work : Path
        Holds the models of the experiment's folds and their predictions.
    out : Path
        The model's folder.

    Returns
    -------
    ModelCard
    """
    from classify.evaluate import evaluate, read_predictions
    from classify.images.crossval import FOLDS, pooled
    from classify.images.routes import fitted_weights
    from classify.protocols import Split
    from classify.train import train
    from ecg.checkpoint import load, save

    task = run.tasks[0]
    rows = np.flatnonzero(known.usable() & np.isfinite(known.answers[task.name]).all(axis=1))
    # An epoch is measured on something; nothing is chosen by it.
    split = Split("every page", rows, rows, rows[:0])
    train(replace(run, split=split, options=replace(run.options, keep="last", stop_after=0)), known, out)
    folder = work / run.name
    plain = pooled([read_predictions(folder / f"fold_{k + 1}" / PREDICTIONS) for k in range(FOLDS)])
    temperature = 1 / float(fitted_weights([plain.p], plain.y)[0])
    figures = evaluate(read_predictions(folder / PREDICTIONS), task, {}, np.random.default_rng(0))
    metrics = {f"{task.name} {name}": figure for name, figure in figures["metrics"].items()}
    metrics |= {f"{task.name} {label} auroc": each["auroc"] for label, each in figures["per_label"].items()}
    tensors, card = load(out)
    card = replace(
        card,
        name=out.name,
        temperatures=dict.fromkeys(card.labels, temperature),
        metrics=metrics,
        folds={"protocol": "learnt from every page; figures are those of five folds of groups, out of fold"},
        intended_use="research on reading ECGs; its figures are those of its like on pages that they never saw",
        limits=(*card.limits[:1], *LIMITS),
    )
    exact = [name for name, x in tensors.items() if x.dtype.kind == "f" and x.dtype != np.float16]
    return save(out, tensors, card, exact)
