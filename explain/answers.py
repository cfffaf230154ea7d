"""The answer that is explained: which label, how probable, and whether it was given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.evaluate import decide
from classify.labels import Task
from classify.predict import Prediction
from explain.result import Explanation, Map
from explain.subject import Subject

__all__ = ["Answer", "answer_to", "explanation_of"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model said of one label.

    Parameters
    ----------
    task, target : str
        The question, and the label of it that is explained.
    output : int
        Place of the label among the model's outputs.
    probability : float
        Calibrated.
    threshold : float or None
        None for classes that exclude each other.
    decision : bool
        Whether the model gives the label.
    abstained : bool
        Whether the model's card says not to decide.
    reasons : tuple of str
        What was told with the answer.
    """

    task: str
    target: str
    output: int
    probability: float
    threshold: float | None
    decision: bool
    abstained: bool = False
    reasons: tuple[str, ...] = ()


def answer_to(
    subject: Subject,
    x: Float32,
    extra: Float32 | None,
    task: Task,
    target: str = "",
    prediction: Prediction | None = None,
) -> Answer:
    """Find the answer of a model to one input.

    Parameters
    ----------
    subject : Subject
    x : float32 array
        One input, of the model's shape.
    extra : float32 array [4] or None
        Age and sex.
    task : Task
    target : str
        Label; empty for the one that stands highest over its threshold, given ones first.
    prediction : Prediction, optional
        The answer as it was given; asked for anew without it.

    Returns
    -------
    Answer

    Raises
    ------
    ModelError
        If the model does not answer the task.
    OptionsError
        If the task has no such label.
    """
    if prediction is not None and prediction.probabilities:
        probability, thresholds, decision = prediction.probabilities, prediction.thresholds, prediction.decision
    else:
        probability, thresholds, decision = _asked(subject, x, extra, task)
    over = [p - (t or 0.0) for p, t in zip(probability, thresholds, strict=True)]
    label = target or task.labels[max(range(len(over)), key=lambda k: (decision[k], over[k]))]
    output = subject.target(task, label)
    place = task.labels.index(label)
    return Answer(
        task=task.name,
        target=label,
        output=output,
        probability=probability[place],
        threshold=thresholds[place],
        decision=decision[place],
        abstained=prediction is not None and prediction.status == "abstained",
        reasons=prediction.reasons if prediction is not None else (),
    )


def _asked(
    subject: Subject, x: Float32, extra: Float32 | None, task: Task
) -> tuple[tuple[float, ...], tuple[float | None, ...], tuple[bool, ...]]:
    card = subject.classifier.card
    p = subject.classifier.answer(x[None], task, None if extra is None else extra[None])
    names = [card.labels[k] for k in subject.classifier.outputs(task)]
    thresholds: tuple[float | None, ...] = (None,) * len(names)
    if task.kind != "multiclass":
        # 0.5 where a card has none: the likelier of yes and no.
        thresholds = tuple(float(card.thresholds.get(name, 0.5)) for name in names)
    known = {label: t for label, t in zip(task.labels, thresholds, strict=True) if t is not None}
    decision = decide(p, task.labels, task.kind, known)[0]
    return tuple(float(v) for v in p[0]), thresholds, tuple(bool(v) for v in decision)


def explanation_of(
    subject: Subject,
    answer: Answer,
    found: Map,
    values: Float32,
    *,
    method: str,
    baseline: str,
    signed: bool,
    seconds: float,
    leads: tuple[str, ...] = (),
    fs: float = 0.0,
) -> Explanation:
    """Put an answer and the map that a method found of it together.

    Parameters
    ----------
    subject : Subject
    answer : Answer
    found : Map
        On the input.
    values : float32 array [leads, samples] or [height, width]
        The same on the record or page.
    method, baseline : str
    signed : bool
        Whether negative values speak against the target.
    seconds : float
        Wall time of the method.
    leads : tuple of str
        Empty for a page.
    fs : float
        Rate of `values` in Hz; 0 for a page.

    Returns
    -------
    Explanation
    """
    return Explanation(
        values=values,
        leads=leads,
        fs=fs,
        on_input=found.values,
        task=answer.task,
        target=answer.target,
        probability=answer.probability,
        threshold=answer.threshold,
        decision=answer.decision,
        model=subject.classifier.card.name,
        method=method,
        baseline=baseline,
        signed=signed,
        delta=found.delta,
        steps=found.steps,
        seconds=seconds,
        status="abstained" if answer.abstained else "answered",
        notes=(*found.notes, *answer.reasons),
    )
