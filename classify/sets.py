"""Records with their answers, held so that a batch of inputs is made in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.arrays import load_arrays
from classify.inputs import InputSpec, from_pictures, from_signals, to_extra
from classify.labels import Task, find_task, target_table
from ecg.datasets import RecordItem
from ecg.record import LEADS

__all__ = ["LabelledSet", "auxiliary_targets", "from_items", "head_names"]

Rows = NDArray[np.intp]
Float32 = NDArray[np.float32]

#: Statements rarer than this among the training records are not learnt beside the tasks.
_LEAST_STATEMENTS = 20


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Records, in memory or mapped from disk, with what is known about them.

    Parameters
    ----------
    ids, patients, folds : tuple of str
        One a record.
    signals : float array [n, leads, samples], or None
        mV; NaN where missing.
    leads : tuple of str
    fs : float
        Hz.
    ready : float32 array [n, *spec.shape], or None
        Inputs made beforehand (median beats, features), where making them takes long; NaN where none can be made.
        Pictures are uint8 [n, height, width] or [n, height, width, 3], of any size.
    spec : InputSpec
    answers : mapping task -> float32 array [n, labels]
        NaN in rows that the task leaves out.
    extra : float32 array [n, 4]
        Age and sex.
    items : tuple of RecordItem
        The records of PTB-XL; empty for other sets.
    readable : bool array [n], or None
        Pages that were not refused; None where every record has a signal.
    """

    ids: tuple[str, ...]
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    signals: NDArray[np.floating] | None
    leads: tuple[str, ...]
    fs: float
    ready: NDArray[Any] | None
    spec: InputSpec
    answers: Mapping[str, Float32]
    extra: Float32
    items: tuple[RecordItem, ...] = ()
    readable: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.ids)

    def inputs(self, rows: Rows) -> Float32:
        """Make the inputs of some records, [rows, *spec.shape]."""
        if self.ready is not None and self.spec.kind == "page":
            return from_pictures(self.ready[rows], self.spec)
        if self.ready is not None:
            return np.asarray(self.ready[rows], dtype=np.float32)
        assert self.signals is not None  # noqa: S101 - one of the two is given
        return from_signals(np.asarray(self.signals[rows], dtype=np.float32), self.leads, self.fs, self.spec)

    def usable(self) -> NDArray[np.bool_]:
        """Tell of which records an input can be made."""
        if self.ready is not None and self.spec.kind == "beat":
            return np.asarray(np.isfinite(self.ready[:, 0, 0, 0]))
        if self.ready is not None and self.spec.kind in (
            "features",
            "patterns",
        ):  # they may be unknown one by one, not all
            return np.asarray(np.isfinite(self.ready).any(axis=1))
        return np.ones(len(self), dtype=bool) if self.readable is None else self.readable


def from_items(
    items: Sequence[RecordItem], tasks: Sequence[Task | str], spec: InputSpec, cache: str | os.PathLike[str]
) -> LabelledSet:
    """Hold records of PTB-XL with their answers.

    Parameters
    ----------
    items : sequence of RecordItem
        All at one rate.
    tasks : sequence of Task or str
    spec : InputSpec
    cache : path-like
        Folder in which `classify.arrays.load_arrays` keeps what it has read.

    Returns
    -------
    LabelledSet
    """
    items = tuple(items)
    made = spec.kind in ("beat", "features", "patterns")
    first = items[0].record()
    return LabelledSet(
        ids=tuple(str(item.ecg_id) for item in items),
        patients=tuple(str(item.patient_id) for item in items),
        folds=tuple(str(item.fold) for item in items),
        signals=None if made else load_arrays(items, cache),
        leads=LEADS,
        fs=first.fs,
        ready=load_arrays(items, cache, spec) if made else None,
        spec=spec,
        answers={task.name: target_table(items, task) for task in map(_task, tasks)},
        extra=np.stack([to_extra(item.age, item.sex) for item in items]),
        items=items,
    )


def _task(task: Task | str) -> Task:
    return find_task(task) if isinstance(task, str) else task


def head_names(tasks: Sequence[Task]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Names of the outputs of a network that answers these tasks.

    Parameters
    ----------
    tasks : sequence of Task

    Returns
    -------
    labels : tuple of str
        The task's labels; with several tasks ``superclass.NORM``, so that no two are alike.
    heads : dict task -> list of str
        Outputs of each task; empty for one task.

    Examples
    --------
    >>> head_names([find_task("mi"), find_task("ami")])[0]
    ('mi', 'ami')
    """
    if len(tasks) == 1:
        return tasks[0].labels, {}
    heads = {t.name: list(t.labels) if t.kind == "binary" else [f"{t.name}.{x}" for x in t.labels] for t in tasks}
    return tuple(name for names in heads.values() for name in names), heads


def auxiliary_targets(known: LabelledSet, train: Rows) -> tuple[tuple[str, ...], Float32]:
    """Answer what is learnt beside the tasks: frequent statements, sex, and age.

    Parameters
    ----------
    known : LabelledSet
        Of PTB-XL.
    train : integer array
        Training records, among which a statement must be frequent.

    Returns
    -------
    names : tuple of str
        Statements, then ``"sex"`` and ``"age"``.
    targets : float32 array [n, names]
        Statements and sex (male) 0 or 1, age in units of 20 years from 60; NaN where unknown.
    """
    every = sorted({name for item in known.items for name in item.statements})
    table = np.array([[name in item.statements for name in every] for item in known.items], dtype=np.float32)
    frequent = table[train].sum(axis=0) >= _LEAST_STATEMENTS if len(every) else np.zeros(0, dtype=bool)
    age, has_age, male, has_sex = known.extra.T
    # PTB-XL's ages have mean 60 and standard deviation 17.
    columns = [np.where(has_sex > 0, male, np.nan), np.where(has_age > 0, (100 * age - 60) / 20, np.nan)]
    names = tuple(name for name, kept in zip(every, frequent, strict=True) if kept)
    return (*names, "sex", "age"), np.column_stack([table[:, frequent], *columns]).astype(np.float32)
