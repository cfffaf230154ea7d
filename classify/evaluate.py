"""How good a classifier is: probabilities in, figures with intervals out. It needs no model, only a table.

The table has one row a record and label, ``id,patient_id,fold,label,y,p``, so that models of any kind, ours or not, are
measured alike.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.bootstrap import as_dicts
from classify.calibration import ece_floor
from classify.labels import Task, find_task
from classify.metrics import mean_interval, measure_labels
from classify.protocols import choose_threshold
from ecg.errors import FormatError, OptionsError
from ecg.formats.atomic import replacing

__all__ = [
    "COLUMNS",
    "Predictions",
    "choose_thresholds",
    "decide",
    "evaluate",
    "find_answers",
    "read_predictions",
    "write_predictions",
]

#: Columns of a table of predictions.
COLUMNS = ("id", "patient_id", "fold", "label", "y", "p")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Truth and probabilities of many records.

    Parameters
    ----------
    ids, patients, folds : tuple of str
        One a record; a fold may be empty. A record without a patient is its own.
    labels : tuple of str
    y : float array [records, labels]
        0 or 1; NaN where the record does not count.
    p : float array [records, labels]
        Calibrated probabilities, 0 to 1; NaN where the record does not count.

    Raises
    ------
    OptionsError
        If the shapes do not fit or a probability is none.
    """

    ids: tuple[str, ...]
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    labels: tuple[str, ...]
    y: NDArray[np.float64]
    p: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(self.labels))
        if self.y.shape != shape or self.p.shape != shape or not len(self.patients) == len(self.folds) == shape[0]:
            raise OptionsError(
                f"expected truth and probabilities of shape [records, labels] = {list(shape)} and a patient and fold a "
                f"record, got {list(self.y.shape)}, {list(self.p.shape)}, {len(self.patients)} and {len(self.folds)}"
            )
        given = self.p[np.isfinite(self.y)]
        if not ((given >= 0) & (given <= 1)).all():
            raise OptionsError("probabilities must lie between 0 and 1; give probabilities, not logits")

    @property
    def of_patient(self) -> NDArray[np.str_]:
        """Patient of each record; the record's own id where none is given."""
        return np.array([patient or f"record {name}" for patient, name in zip(self.patients, self.ids, strict=True)])

    def rows(self, keep: NDArray[np.bool_]) -> Predictions:
        """Return some of the records."""
        at = np.flatnonzero(keep)
        ids, patients, folds = (tuple(x[k] for k in at) for x in (self.ids, self.patients, self.folds))
        return Predictions(ids, patients, folds, self.labels, self.y[at], self.p[at])


def find_answers(predictions: Predictions, task: Task | str) -> Predictions:
    """Predictions of a task's labels in its order.

    Raises
    ------
    OptionsError
        If a label is missing.
    """
    labels = (find_task(task) if isinstance(task, str) else task).labels
    missing = [label for label in labels if label not in predictions.labels]
    if missing:
        raise OptionsError(
            f"the task needs the labels {', '.join(labels)}; the predictions have {', '.join(predictions.labels)}"
        )
    at = [predictions.labels.index(label) for label in labels]
    p = predictions
    return Predictions(p.ids, p.patients, p.folds, tuple(labels), p.y[:, at], p.p[:, at])


def decide(
    p: NDArray[np.float64], labels: Sequence[str], kind: str, thresholds: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Answers of a task.

    Parameters
    ----------
    p : float array [records, labels]
    labels : sequence of str
    kind : str
        A task's kind. ``"multiclass"``: the likeliest label, the first of those that tie. Else each label by its
        threshold.
    thresholds : mapping label -> float

    Returns
    -------
    bool array [records, labels]

    Raises
    ------
    OptionsError
        If a threshold is missing.
    """
    if kind == "multiclass":
        return np.asarray(np.arange(p.shape[1]) == p.argmax(axis=1)[:, None])
    missing = [label for label in labels if label not in thresholds]
    if missing:
        raise OptionsError(f"no threshold for {', '.join(missing)}; name a rule and validation records, or a number")
    return np.asarray(p >= [thresholds[label] for label in labels])


def choose_thresholds(
    rule: str | float, predictions: Predictions, task: Task, otherwise: float | None = None
) -> dict[str, float]:
    """Threshold of each label by one rule (`classify.protocols.choose_threshold`), from validation records.

    Parameters
    ----------
    rule : str or float
    predictions : Predictions
        Of validation records.
    task : Task
    otherwise : float, optional
        Threshold of a label that no validation record, or each of them, has; without it that is an error.

    Returns
    -------
    dict label -> float
        Empty for a task whose labels exclude each other: the likeliest is the answer.
    """
    if task.kind == "multiclass":
        return {}
    given = find_answers(predictions, task)
    chosen = {}
    for k, label in enumerate(task.labels):
        y = given.y[:, k]
        one_sided = not (np.any(y == 0) and np.any(y == 1))
        rule_here = otherwise if one_sided and otherwise is not None else rule
        chosen[label] = choose_threshold(rule_here, y, given.p[:, k])
    return chosen


def evaluate(
    predictions: Predictions,
    task: Task | str,
    thresholds: Mapping[str, float],
    rng: np.random.Generator,
    n_bootstrap: int = 1000,
) -> dict[str, Any]:
    """Measure predictions.

    Parameters
    ----------
    predictions : Predictions
        With every label of the task; records whose truth is NaN do not count.
    task : Task or str
    thresholds : mapping label -> float
        Chosen on other records.
    rng : numpy.random.Generator
    n_bootstrap : int
        Resamples of patients for the 95 % intervals; 1000 or more for figures that are quoted.

    Returns
    -------
    dict
        ``n``, ``n_patients``, ``threshold`` (a number, or one a label), ``metrics`` (name -> value, lo, hi; macro
        averages where there are several labels) and ``per_label`` (the same figures of each label, with its ``n``,
        ``n_positive`` and ``threshold``).

    Raises
    ------
    OptionsError
        If labels or thresholds are missing or no record counts.
    """
    task = find_task(task) if isinstance(task, str) else task
    chosen = find_answers(predictions, task)
    chosen = chosen.rows(np.asarray(np.isfinite(chosen.y).any(axis=1)))
    if not chosen.ids:
        raise OptionsError(f"no record of the predictions counts for the task {task.name}")
    calls = decide(chosen.p, chosen.labels, task.kind, thresholds)
    who = chosen.of_patient
    macro, each = measure_labels(chosen.y, chosen.p, calls, who, chosen.labels, rng, n_bootstrap)
    if task.kind == "multiclass":
        right = (calls & (chosen.y > 0.5)).any(axis=1)
        macro["accuracy"] = mean_interval(right, who, rng, n_bootstrap)
    floors = [ece_floor(chosen.p[np.isfinite(chosen.y[:, k]), k], rng) for k in range(len(chosen.labels))]
    per_label = {}
    for k, label in enumerate(chosen.labels):
        per_label[label] = {
            **as_dicts(each[label]),
            "ece_floor": floors[k].as_dict(),
            "n": int(np.isfinite(chosen.y[:, k]).sum()),
            "n_positive": int(np.nansum(chosen.y[:, k])),
            "threshold": thresholds.get(label) if task.kind != "multiclass" else None,
        }
    values = [floor.value for floor in floors if floor.value is not None]
    mean_floor = {"value": float(np.mean(values)) if values else None, "lo": None, "hi": None}
    return {
        "n": len(chosen.ids),
        "n_patients": int(np.unique(who).size),
        "threshold": _threshold(task, thresholds),
        "metrics": {**as_dicts(macro), "ece_floor": floors[0].as_dict() if len(floors) == 1 else mean_floor},
        "per_label": per_label,
    }


def _threshold(task: Task, thresholds: Mapping[str, float]) -> float | dict[str, float] | None:
    if task.kind == "multiclass":
        return None
    if task.kind == "binary":
        return float(thresholds[task.labels[0]])
    return {label: float(thresholds[label]) for label in task.labels}


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions as CSV, whole or not at all; what does not count has no row.

    Parameters
    ----------
    path : Path
    predictions : Predictions
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in range(len(predictions.ids)):
        head = (predictions.ids[row], predictions.patients[row], predictions.folds[row])
        for k, label in enumerate(predictions.labels):
            y, p = predictions.y[row, k], predictions.p[row, k]
            if math.isfinite(y):
                # Seven digits: as many as a float32 has.
                writer.writerow((*head, label, int(y), f"{p:.7g}"))
    with replacing(path) as temporary:
        temporary.write_text(buffer.getvalue(), encoding="utf-8", newline="")


def read_predictions(path: Path) -> Predictions:
    """Read predictions, ours or of another program.

    Parameters
    ----------
    path : Path
        CSV with the columns of `COLUMNS`; ``patient_id`` and ``fold`` may be empty.

    Returns
    -------
    Predictions
        Records and labels in the order of their first row.

    Raises
    ------
    FormatError
        If a column is missing, a value is none, or a record has two rows for one label.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in ("id", "label", "y", "p") if name not in (reader.fieldnames or ())]
            if missing:
                raise FormatError(f"{path}: expected the columns {','.join(COLUMNS)}; {', '.join(missing)} is missing")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} cannot be read as a table of predictions: {error}") from error
    if not rows:
        raise FormatError(f"{path} holds no predictions; it needs a row a record and label")
    ids = {name: at for at, name in enumerate(dict.fromkeys(row["id"] for row in rows))}
    labels = {name: at for at, name in enumerate(dict.fromkeys(row["label"] for row in rows))}
    y, p = (np.full((len(ids), len(labels)), np.nan) for _ in range(2))
    patients, folds = [""] * len(ids), [""] * len(ids)
    for number, row in enumerate(rows, start=2):
        at = ids[row["id"]], labels[row["label"]]
        if np.isfinite(y[at]):
            raise FormatError(f"{path}, line {number}: a second row for {row['id']}, {row['label']}; keep one")
        y[at], p[at] = _numbers(row, path, number)
        patients[at[0]], folds[at[0]] = row.get("patient_id") or "", row.get("fold") or ""
    return Predictions(tuple(ids), tuple(patients), tuple(folds), tuple(labels), y, p)


def _numbers(row: Mapping[str, str], path: Path, line: int) -> tuple[float, float]:
    try:
        y, p = float(row["y"]), float(row["p"])
    except (TypeError, ValueError):
        y, p = math.nan, math.nan
    if y not in (0, 1) or not 0 <= p <= 1:
        raise FormatError(
            f"{path}, line {line}: y must be 0 or 1 and p a probability from 0 to 1, got {row['y']!r} and {row['p']!r}"
        )
    return y, p
