"""Predictions in words: findings one by one, and the headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from einthoven.diagnosis.result import Finding

if TYPE_CHECKING:
    from classify.predict import Prediction
    from ecg.checkpoint import ModelCard

__all__ = ["NORMAL", "QUESTIONS", "contradictions", "findings_of", "headline", "label_words", "leading"]

#: What is asked, in words.
QUESTIONS = {
    "superclass": "Five diagnostic groups",
    "mi_sttc": "Infarction or a change of ST or T",
    "abnormal": "Anything but a normal ECG",
    "mi": "Myocardial infarction, of any age",
    "ami": "Acute infarction (a proxy by the stated stage)",
    "four_class": "Four classes of the page set",
}
#: Labels in a clinician's words, by task; a binary task's label has the task's name.
_WORDS = {
    ("superclass", "NORM"): "normal ECG",
    ("superclass", "MI"): "myocardial infarction, of any age",
    ("superclass", "STTC"): "change of ST segment or T wave",
    ("superclass", "CD"): "conduction disturbance",
    ("superclass", "HYP"): "hypertrophy",
    ("four_class", "NORM"): "normal ECG",
    ("four_class", "MI"): "myocardial infarction, fresh or healing",
    ("four_class", "HMI"): "history of myocardial infarction",
    ("four_class", "HB"): "abnormal heartbeat",
    ("mi_sttc", "mi_sttc"): "infarction or a change of ST or T",
    ("abnormal", "abnormal"): "an abnormal ECG",
    ("mi", "mi"): "myocardial infarction, of any age",
    ("ami", "ami"): "acute infarction, by a proxy",
}
#: The label that says that nothing is wrong.
NORMAL = "NORM"
#: Figures of a card that a finding carries, in this order.
_FIGURES = ("auroc", "sensitivity", "specificity", "precision", "npv", "ece")


def label_words(task: str, label: str) -> str:
    """Label in a clinician's words; the label itself where it is of a task from elsewhere.

    Examples
    --------
    >>> label_words("superclass", "CD")
    'conduction disturbance'
    """
    return _WORDS.get((task, label), label)


def findings_of(prediction: Prediction) -> tuple[Finding, ...]:
    """List the findings of one question, one a label.

    Parameters
    ----------
    prediction : Prediction

    Returns
    -------
    tuple of Finding
        Without decisions where the model abstained, without probabilities where it was not asked.
    """
    there = bool(prediction.probabilities)
    decided = there and prediction.status == "answered"
    return tuple(
        Finding(
            task=prediction.task,
            label=label,
            words=label_words(prediction.task, label),
            probability=prediction.probabilities[k] if there else None,
            threshold=prediction.thresholds[k] if there else None,
            decision=prediction.decision[k] if decided else None,
            status=prediction.status,
            model=prediction.model,
            validation={} if prediction.card is None else _validation(prediction.card, prediction.task, label),
            reasons=prediction.reasons,
        )
        for k, label in enumerate(prediction.labels)
    )


def _validation(card: ModelCard, task: str, label: str) -> dict[str, Mapping[str, float | None]]:
    """Figures of a label where the card has them, else of the whole task."""
    found = {}
    for name in _FIGURES:
        for key in (f"{task} {label} {name}", f"{task} {name}"):
            if key in card.metrics:
                found[key] = card.metrics[key]
                break
    return found


def leading(findings: Sequence[Finding]) -> Finding | None:
    """Choose the finding that is to be explained: the one furthest over its threshold, else the likeliest.

    A normal ECG leads only where nothing else was found.

    Parameters
    ----------
    findings : sequence of Finding
        Of one question.

    Returns
    -------
    Finding or None
        None without probabilities.
    """
    known = [f for f in findings if f.probability is not None]
    given = [f for f in known if f.decision] or known
    others = [f for f in given if f.label != NORMAL] if any(f.decision for f in known) else given
    return max(others or given, key=lambda f: f.margin, default=None)


def contradictions(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Where answers contradict each other: a normal ECG with a finding, or two questions that disagree.

    Parameters
    ----------
    findings : sequence of Finding
        Of all questions.

    Returns
    -------
    tuple of str
    """
    told = []
    yes = {(f.task, f.label) for f in findings if f.decision}
    asked = {f.task for f in findings if f.decision is not None}
    groups = {label for task, label in yes if task == "superclass"}
    if NORMAL in groups and len(groups) > 1:
        told.append("the model gives a normal ECG and a finding at once: neither is to be relied on")
    if {"superclass", "mi_sttc"} <= asked and (("mi_sttc", "mi_sttc") in yes) != bool(groups & {"MI", "STTC"}):
        told.append("two questions disagree on infarction or a change of ST or T: it lies near the thresholds")
    if {"superclass", "four_class"} <= asked:
        normal = ("four_class", NORMAL) in yes
        if normal != (groups == {NORMAL}):
            told.append("the four classes and the five groups disagree on whether the ECG is normal")
    return tuple(told)


def headline(findings: Sequence[Finding], status: str, reasons: Sequence[str]) -> str:
    """Answer in a sentence.

    Parameters
    ----------
    findings : sequence of Finding
        Of the first question.
    status : str
        Of the diagnosis.
    reasons : sequence of str

    Returns
    -------
    str

    Examples
    --------
    >>> headline((), "refused", ("grid: no grid was found",))
    'Not read: grid: no grid was found.'
    """
    if status == "refused" and not findings:
        return f"Not read: {_first(reasons)}."
    if status == "abstained" or not any(f.decision is not None for f in findings):
        return f"No answer: {_first(reasons)}."
    given = sorted((f for f in findings if f.decision), key=lambda f: -f.margin)
    other = [f for f in given if f.label != NORMAL]
    if other:
        return f"The model finds {_listed(other)}."
    if given:
        return f"The model finds a {_listed(given)}."
    nearest = max(findings, key=lambda f: f.margin)
    if len(findings) == 1:
        return f"The model does not find {_told(nearest)}."
    return f"The model finds none of the {len(findings)}; nearest is {_told(nearest)}."


def _first(reasons: Sequence[str]) -> str:
    return reasons[0] if reasons else "no reason was given"


def _told(finding: Finding) -> str:
    bar = "" if finding.threshold is None else f"; threshold {finding.threshold:.2f}"
    return f"{finding.words} (probability {finding.probability:.2f}{bar})"


def _listed(findings: Sequence[Finding]) -> str:
    return " and ".join(_told(f) for f in findings)
