"""Which models answer for a page where several could: what won on the pages' own protocol, kept as data.

``routes.json`` names for a task the shipped models and their weights, and how the pages look that these learnt from: a
page that looks otherwise is digitized, and its record classified. One member is an answer by itself; several are
joined by the weighted mean of their logarithms of probability, the geometric mean of experts (Hinton, Neural Comput
2002;14:1771). Figures of page models and of record models are measured on different sets, so the route that won cannot
be told from the cards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classify.evaluate import decide
from classify.images.area import recording_area
from classify.images.likeness import Likeness, look_of
from ecg.errors import ModelError

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize.result import Digitization

__all__ = ["ROUTES_FILE", "fitted_weights", "joined", "joined_answer", "page_likeness", "page_route", "route_for"]

ROUTES_FILE = Path(__file__).resolve().parent / "routes.json"
#: Least probability whose logarithm is taken: a network that is sure of a wrong class may be outvoted.
_LEAST = 1e-6
#: Largest weight that is fitted, where a model is never wrong; and the least that is worth asking a model for.
_MOST_WEIGHT, _LEAST_WEIGHT = 20.0, 0.02


def page_route(task: str, file: Path = ROUTES_FILE) -> Mapping[str, float]:
    """Shipped models that answer a task for a page, with their weights.

    Parameters
    ----------
    task : str
    file : Path

    Returns
    -------
    mapping name -> weight
        Empty where nothing was measured: the page is digitized and its record classified.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    return _members(_told(task, file), file)


def _told(task: str, file: Path) -> Mapping[str, Any]:
    """Read what the file says of a task; nothing where there is no file."""
    if not file.is_file():
        return {}
    try:
        told = json.loads(file.read_text(encoding="utf-8")).get(task, {})
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{file} is damaged ({error}); install the package again") from error
    if not isinstance(told, dict):
        raise ModelError(f"{file} is damaged ({task} is no object); install the package again")
    return told


def _members(told: Mapping[str, Any], file: Path) -> Mapping[str, float]:
    try:
        members = {str(name): float(weight) for name, weight in told.get("members", {}).items()}
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{file} is damaged ({error}); install the package again") from error
    if members and not (min(members.values()) > 0 and np.isfinite(sum(members.values()))):
        raise ModelError(f"{file}: weights of models are positive numbers, got {members}")
    return members


def page_likeness(task: str, file: Path = ROUTES_FILE) -> Likeness | None:
    """How pages look for which a task's route was fitted.

    Parameters
    ----------
    task : str
    file : Path

    Returns
    -------
    Likeness or None
        None where the route is for any page.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    given = _told(task, file).get("likeness")
    return None if given is None else Likeness.from_dict(given)


def route_for(reading: Digitization, task: str, file: Path = ROUTES_FILE) -> Mapping[str, float]:
    """Models that answer a task for one page, with their weights.

    Parameters
    ----------
    reading : Digitization
        With a record.
    task : str
    file : Path

    Returns
    -------
    mapping name -> weight
        Empty where the record is to be classified: there is no route, or the page looks unlike those it was fitted to.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    likeness = page_likeness(task, file)
    if likeness is not None and not likeness.holds(look_of(recording_area(reading))):
        return {}
    return page_route(task, file)


def joined(probabilities: Sequence[ArrayLike], weights: Sequence[float]) -> NDArray[np.float64]:
    """Join the answers of several models to a task whose labels exclude each other.

    Parameters
    ----------
    probabilities : sequence of array [..., labels]
        One array a model.
    weights : sequence of float
        One a model, its exponent: a sum below 1 flattens the answer, one above 1 sharpens it. A single model with
        weight w has the temperature 1/w.

    Returns
    -------
    float64 array [..., labels]
        Their sum over labels is 1.

    Examples
    --------
    >>> joined([[0.9, 0.1], [0.5, 0.5]], [0.5, 0.5]).round(3).tolist()
    [0.75, 0.25]
    """
    logs = sum(w * log for w, log in zip(weights, map(_log, probabilities), strict=True))
    e = np.exp(logs - np.max(logs, axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _log(p: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(np.asarray(p, np.float64), _LEAST)))


def fitted_weights(probabilities: Sequence[ArrayLike], y: ArrayLike) -> NDArray[np.float64]:
    """Weights under which the joined answer is the likeliest to be true, none below 0.

    The loss is convex in the weights, so that they do not depend on where the search starts. Classes weigh the same,
    however many pages each has: the members were trained so.

    Parameters
    ----------
    probabilities : sequence of array [pages, labels]
        One array a model, of pages that it did not learn from.
    y : array [pages, labels]
        One 1 a row.

    Returns
    -------
    float64 array [models]
        0 for a model that adds nothing.
    """
    from scipy.optimize import minimize

    truth = np.asarray(y, np.float64)
    each = truth / np.maximum(truth.sum(axis=0), 1) / max(int(truth.any(axis=0).sum()), 1)
    logs = np.stack([_log(p) for p in probabilities])

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        p = joined(probabilities, list(w))
        # What a class weighs times (expected minus told) logarithm: the slope of the mean of -log p.
        slope = np.einsum("nk,mnk->m", p * each.sum(axis=1, keepdims=True) - each, logs)
        return -float((each * np.log(np.maximum(p, 1e-300))).sum()), slope

    n = len(probabilities)
    found = minimize(loss, np.full(n, 1.0 / n), jac=True, method="L-BFGS-B", bounds=[(0.0, _MOST_WEIGHT)] * n)
    return np.asarray(np.where(found.x < _LEAST_WEIGHT, 0.0, found.x))


def joined_answer(answers: Sequence[Prediction], weights: Sequence[float]) -> Prediction:
    """Answer of several models for one page.

    Parameters
    ----------
    answers : sequence of Prediction
        Of the same task, whose labels exclude each other.
    weights : sequence of float

    Returns
    -------
    Prediction
        The first that has no answer, where one has none; abstained where one abstained.
    """
    unanswered = [answer for answer in answers if not answer.probabilities]
    if unanswered:
        return unanswered[0]
    if len(answers) == 1 and weights[0] == 1:
        return answers[0]
    p = joined([answer.probabilities for answer in answers], weights)
    decision = decide(p[None], answers[0].labels, "multiclass", {})[0]
    return replace(
        next((answer for answer in answers if answer.status == "abstained"), answers[0]),
        probabilities=tuple(float(v) for v in p),
        decision=tuple(bool(v) for v in decision),
        model=" + ".join(answer.model for answer in answers),
        reasons=tuple(dict.fromkeys(reason for answer in answers for reason in answer.reasons)),
    )
