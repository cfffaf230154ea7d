"""Distillation: a network learns from others, which answer each record once or whatever their student is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.export import predict_set
from classify.labels import Task
from classify.runtime import Classifier, load_classifier, load_network, probabilities, window_starts
from classify.sets import LabelledSet
from classify.weights import model_folder
from ecg.errors import OptionsError

__all__ = ["Teacher", "hired", "lessons_of", "taught"]

Rows = NDArray[np.intp]
Float32 = NDArray[np.float32]


def _fitting(name: str, known: LabelledSet, tasks: Sequence[Task]) -> tuple[Classifier, LabelledSet]:
    """Load a teacher, and cut the records into whatever it takes: it may see more leads than its student."""
    teacher = load_classifier(name)
    seen = known if known.signals is None else replace(known, spec=teacher.spec, ready=None)
    if teacher.heads.keys().isdisjoint(task.name for task in tasks):
        raise OptionsError(f"the teacher {name} answers none of what is to be learnt; choose another")
    if teacher.spec != seen.spec:
        raise OptionsError(f"the teacher {name} takes other inputs than the model that it teaches; choose another")
    return teacher, seen


def lessons_of(
    names: Sequence[str], tasks: Sequence[Task], known: LabelledSet, rows: Rows
) -> list[tuple[Classifier, Float32]]:
    """Let teachers answer whole records once.

    Parameters
    ----------
    names : sequence of str
        Models.
    tasks : sequence of Task
        What is to be learnt.
    known : LabelledSet
    rows : integer array
        Records to be answered.

    Returns
    -------
    list of (Classifier, float32 array [rows, outputs of the teacher])
        Each teacher with its logits.

    Raises
    ------
    OptionsError
        If a teacher answers none of the tasks, or cannot take these records.
    """
    return [
        (teacher, predict_set(teacher, seen, rows))
        for teacher, seen in (_fitting(name, known, tasks) for name in names)
    ]


def taught(lessons: Sequence[tuple[Classifier, Float32]], task: Task, y: Float32, rows: Rows, distil: float) -> Float32:
    """Answers of a task, those of the training records drawn towards the mean of the teachers that answer it.

    Parameters
    ----------
    lessons : sequence of (Classifier, float32 array [rows, outputs])
        From `lessons_of`.
    task : Task
    y : float32 array [n, labels]
        The truth about all records.
    rows : integer array
        The records that the teachers answered.
    distil : float
        Weight of the teachers, 0 to 1.

    Returns
    -------
    float32 array [n, labels]
    """
    fit = [(teacher, logits) for teacher, logits in lessons if task.name in teacher.heads]
    if not fit:
        return y
    told = [probabilities(logits, teacher.card, task, teacher.outputs(task)) for teacher, logits in fit]
    drawn = y.copy()
    drawn[rows] = (1 - distil) * y[rows] + distil * np.mean(told, axis=0)
    return drawn


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network that answers what its student is shown: mixed and cut alike, before anything is hidden as on paper.

    Networks know the records that they were trained on by heart, and tell little about them that the truth does not;
    of mixtures they have to tell what they see (Beyer et al., CVPR 2022, arXiv 2106.05237).

    Parameters
    ----------
    network : torch module
        In evaluation mode.
    known : LabelledSet
        The student's records as this network takes them.
    window : int
        Samples of the windows that it reads; 0 for all at once.
    pooled : str
        How answers of windows are joined, ``"max"`` or ``"mean"``.
    places : tuple of (one_of, student, teacher)
        Of each task that both answer: whether its labels exclude each other, and the places of its outputs.
    """

    network: Any
    known: LabelledSet
    window: int
    pooled: str
    places: tuple[tuple[bool, tuple[int, ...], tuple[int, ...]], ...]

    def answers(self, x: Any, outputs: int) -> Any:
        """Answer a batch.

        Parameters
        ----------
        x : float tensor [batch, *shape of the teacher's input]
        outputs : int
            Of the student.

        Returns
        -------
        float tensor [batch, outputs]
            Probabilities, NaN where this network answers nothing.
        """
        import torch

        window = self.window or x.shape[-1]
        with torch.no_grad():
            cut = [x[..., start : start + window].contiguous() for start in window_starts(x.shape[-1], window)]
            found = torch.stack([self.network(part, None).float() for part in cut])
        z = found.amax(dim=0) if self.pooled == "max" else found.mean(dim=0)
        told = z.new_full((len(z), outputs), float("nan"))
        for one_of, student, teacher in self.places:
            asked = z[:, list(teacher)]
            told[:, list(student)] = torch.softmax(asked, dim=1) if one_of else torch.sigmoid(asked)
        return told


def hired(names: Sequence[str], tasks: Sequence[Task], known: LabelledSet) -> tuple[Teacher, ...]:
    """Teachers that answer batches.

    Parameters
    ----------
    names : sequence of str
        Models.
    tasks : sequence of Task
        What is to be learnt, in the order of the student's outputs.
    known : LabelledSet
        Records with signals.

    Returns
    -------
    tuple of Teacher

    Raises
    ------
    OptionsError
        If a teacher answers none of the tasks, is no network, asks for age and sex, or its inputs are not mixed and cut
        like signals.
    """
    found = []
    for name in names:
        teacher, seen = _fitting(name, known, tasks)
        if known.signals is None or teacher.spec.kind not in ("leads", "paper") or teacher.spec.demographics:
            raise OptionsError(
                f"the teacher {name} cannot answer batches: that takes networks that read leads and nothing else; "
                f"choose another, or lessons of whole records"
            )
        places, at = [], 0
        for task in tasks:
            if task.name in teacher.heads:
                own = tuple(range(at, at + len(task.labels)))
                places.append((task.kind == "multiclass", own, tuple(teacher.outputs(task))))
            at += len(task.labels)
        windows = teacher.card.windows
        window = round(windows["seconds"] * teacher.spec.fs) if windows else 0
        network = load_network(model_folder(name)).requires_grad_(False)
        found.append(Teacher(network, seen, window, str(windows["pooled"]) if windows else "mean", tuple(places)))
    return tuple(found)
