"""The questions that classifiers answer, and what a record of PTB-XL answers to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecg.datasets import FOUR_CLASSES, SUPERCLASSES, RecordItem
from ecg.errors import OptionsError

__all__ = ["TASKS", "Task", "find_task", "target_table", "targets"]

#: PTB-XL's stages of an infarction: fresh, healing, old. "unknown" is a stage of its own there.
_ACUTE = ("Stadium I", "Stadium I-II")
_HEALING = ("Stadium II",)
_OLD = ("Stadium II-III", "Stadium III")
#: Rhythms and beats that the four-class page set calls abnormal heartbeats: atrial fibrillation and flutter,
#: supraventricular tachycardias and arrhythmia, premature beats, bigeminy, trigeminy.
_ABNORMAL_BEATS = frozenset(("AFIB", "AFLT", "PSVT", "SVTAC", "SVARR", "PVC", "PAC", "BIGU", "TRIGU"))


@dataclass(frozen=True)
class Task:
    """A question to a record.

    Parameters
    ----------
    name : str
    labels : tuple of str
        Answers in the order of a model's outputs.
    kind : str
        ``"multilabel"`` (each label true or not), ``"binary"`` (one label), or ``"multiclass"`` (exactly one label).
    """

    name: str
    labels: tuple[str, ...]
    kind: Literal["multilabel", "binary", "multiclass"]


#: Every task by its name.
#:
#: - ``superclass``: the five diagnostic superclasses, several at once.
#: - ``mi``: infarction, of any age. ``mi_sttc``: infarction or a change of ST or T. ``abnormal``: not NORM.
#: - ``ami``: infarction in stadium I or I-II against the rest. A proxy for an acute infarction: no open set has
#:   troponin or angiography, so its figures compare with none that are published for acute or occlusion infarction.
#: - ``four_class``: the classes of the four-class page set, NORM, MI (stadium I to II), HMI (II-III, III) and HB.
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task("superclass", SUPERCLASSES, "multilabel"),
            Task("mi", ("mi",), "binary"),
            Task("mi_sttc", ("mi_sttc",), "binary"),
            Task("abnormal", ("abnormal",), "binary"),
            Task("ami", ("ami",), "binary"),
            Task("four_class", FOUR_CLASSES, "multiclass"),
        )
    }
)


def find_task(name: str) -> Task:
    """Task of a name; raises OptionsError with the known names if there is none."""
    if name not in TASKS:
        raise OptionsError(f"there is no task {name!r}; choose one of {', '.join(TASKS)}")
    return TASKS[name]


def targets(item: RecordItem, task: Task | str) -> NDArray[np.float32] | None:
    """Answer a task for a record of PTB-XL.

    ``superclass`` leaves out records without any diagnostic statement, as the benchmark does (Strodthoff et al., IEEE J
    Biomed Health Inform 2021;25:1519-1528); the binary tasks count them with "the rest", so as abnormal, because what
    is said about them is a rhythm or a form other than the normal one.

    ``ami`` leaves out infarctions that are known to be old or whose stadium is unknown or not given, and the few
    records that carry a stadium, but no infarction among their statements. Healing infarctions (stadium II) count as
    not acute. ``four_class`` leaves out infarctions without a known stadium, and whatever is none of its classes:
    NORM must stand alone and in sinus rhythm (SR).

    Parameters
    ----------
    item : RecordItem
    task : Task or str

    Returns
    -------
    float32 array [labels] of 0 and 1, or None where the record is left out.

    Raises OptionsError if the task is unknown.

    Examples
    --------
    >>> from pathlib import Path
    >>> item = RecordItem(1, 1, 1, ("NORM",), (), {"NORM": 100.0, "SR": 0.0}, 40.0, "F", 0, "", None, Path("1.hea"))
    >>> targets(item, "superclass").tolist(), targets(item, "abnormal").tolist(), targets(item, "four_class").tolist()
    ([1.0, 0.0, 0.0, 0.0, 0.0], [0.0], [1.0, 0.0, 0.0, 0.0])
    """
    task = find_task(task) if isinstance(task, str) else task
    shown: tuple[bool, ...] | None
    if task.name == "superclass":
        shown = tuple(label in item.labels for label in SUPERCLASSES) if item.labels else None
    elif task.name == "four_class":
        found = _four_class(item)
        shown = None if found is None else tuple(label == found for label in FOUR_CLASSES)
    else:
        answer = _binary(item, find_task(task.name).name)
        shown = None if answer is None else (answer,)
    return None if shown is None else np.array(shown, dtype=np.float32)


def _binary(item: RecordItem, name: str) -> bool | None:
    infarction = "MI" in item.labels
    if name == "ami":
        return _acute(item, infarction)
    answers = {
        "mi": infarction,
        "mi_sttc": infarction or "STTC" in item.labels,
        "abnormal": "NORM" not in item.labels,
    }
    return answers[name]


def _acute(item: RecordItem, infarction: bool) -> bool | None:
    if infarction:
        return {**dict.fromkeys(_ACUTE, True), **dict.fromkeys(_HEALING, False)}.get(item.stadium or "")
    return False if item.stadium is None else None


def _four_class(item: RecordItem) -> str | None:
    if "MI" in item.labels:
        stages = {**dict.fromkeys(_ACUTE + _HEALING, "MI"), **dict.fromkeys(_OLD, "HMI")}
        return stages.get(item.stadium or "")
    if _ABNORMAL_BEATS & set(item.statements):
        return "HB"
    return "NORM" if item.labels == ("NORM",) and "SR" in item.statements else None


def target_table(items: tuple[RecordItem, ...], task: Task | str) -> NDArray[np.float32]:
    """Answers of many records.

    Parameters
    ----------
    items : tuple of RecordItem
    task : Task or str

    Returns
    -------
    float32 array [records, labels]
        NaN throughout in the rows that the task leaves out.
    """
    task = find_task(task) if isinstance(task, str) else task
    out = np.full((len(items), len(task.labels)), np.nan, dtype=np.float32)
    for row, item in zip(out, items, strict=True):
        answer = targets(item, task)
        if answer is not None:
            row[:] = answer
    return out
