"""What a record answers to each task."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from classify.labels import TASKS, find_task, target_table, targets
from ecg.datasets import SUPERCLASSES, RecordItem, ptb_xl
from ecg.errors import OptionsError


def item(labels: str = "", statements: str = "SR", stadium: str | None = None) -> RecordItem:
    return RecordItem(
        ecg_id=1,
        patient_id=1,
        fold=1,
        labels=tuple(labels.split()),
        subclasses=(),
        statements=dict.fromkeys(statements.split(), 0.0),
        age=None,
        sex=None,
        site=None,
        device="",
        stadium=stadium,
        path=Path("1.hea"),
    )


def answer(task: str, *args: str | None) -> list[float] | None:
    found = targets(item(*args), task)
    return None if found is None else found.tolist()


def test_the_tasks_and_their_labels_are_those_of_the_contract() -> None:
    assert {name: task.labels for name, task in TASKS.items()} == {
        "superclass": ("NORM", "MI", "STTC", "CD", "HYP"),
        "mi": ("mi",),
        "mi_sttc": ("mi_sttc",),
        "abnormal": ("abnormal",),
        "ami": ("ami",),
        "four_class": ("NORM", "MI", "HMI", "HB"),
    }
    assert [TASKS[name].kind for name in ("superclass", "mi", "four_class")] == ["multilabel", "binary", "multiclass"]


def test_superclasses_stand_together_and_records_without_one_are_left_out() -> None:
    assert answer("superclass", "MI CD") == [0, 1, 0, 1, 0]
    assert answer("superclass", "", "AFIB") is None


@pytest.mark.parametrize(
    ("labels", "mi", "mi_sttc", "abnormal"),
    [("NORM", 0, 0, 0), ("MI", 1, 1, 1), ("STTC HYP", 0, 1, 1), ("CD", 0, 0, 1), ("NORM CD", 0, 0, 0), ("", 0, 0, 1)],
)
def test_binary_tasks(labels: str, mi: int, mi_sttc: int, abnormal: int) -> None:
    assert [answer(task, labels) for task in ("mi", "mi_sttc", "abnormal")] == [[mi], [mi_sttc], [abnormal]]


@pytest.mark.parametrize(
    ("labels", "stadium", "expected"),
    [
        ("MI", "Stadium I", [1]),
        ("MI STTC", "Stadium I-II", [1]),
        ("MI", "Stadium II", [0]),
        ("MI", "Stadium II-III", None),
        ("MI", "Stadium III", None),
        ("MI", "unknown", None),
        ("MI", None, None),
        ("NORM", None, [0]),
        ("STTC", None, [0]),
        ("CD", "Stadium I", None),
        ("CD", "unknown", None),
    ],
)
def test_acute_infarctions_are_those_of_a_fresh_stadium(
    labels: str, stadium: str | None, expected: list[float] | None
) -> None:
    assert answer("ami", labels, "SR", stadium) == expected


@pytest.mark.parametrize(
    ("labels", "statements", "stadium", "expected"),
    [
        ("MI", "SR", "Stadium I", "MI"),
        ("MI", "AFIB", "Stadium II", "MI"),
        ("MI", "SR", "Stadium II-III", "HMI"),
        ("MI CD", "PVC", "Stadium III", "HMI"),
        ("MI", "PVC", "unknown", None),
        ("MI", "SR", None, None),
        ("NORM", "SR", None, "NORM"),
        ("NORM", "PVC SR", None, "HB"),
        ("STTC", "AFLT", None, "HB"),
        ("", "TRIGU", None, "HB"),
        ("NORM CD", "SR", None, None),
        ("STTC", "SR", None, None),
        ("NORM", "SARRH", None, None),
        ("NORM", "SBRAD", None, None),
        ("NORM", "STACH", None, None),
        ("", "PACE", None, None),
    ],
)
def test_four_classes(labels: str, statements: str, stadium: str | None, expected: str | None) -> None:
    found = answer("four_class", labels, statements, stadium)
    assert found == (None if expected is None else [float(label == expected) for label in TASKS["four_class"].labels])


def test_a_table_has_nan_where_a_record_is_left_out() -> None:
    table = target_table((item("MI"), item("", "PACE")), "superclass")
    assert table.dtype == np.float32
    assert table[0].tolist() == [0, 1, 0, 0, 0]
    assert np.isnan(table[1]).all()


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(OptionsError, match="four_class"):
        find_task("infarct")
    with pytest.raises(OptionsError, match="no task 'infarct'"):
        targets(item("MI"), "infarct")


@pytest.mark.data
@pytest.mark.skipif("EINTHOVEN_DATA" not in os.environ, reason="EINTHOVEN_DATA names no folder of real data")
def test_the_counts_on_ptb_xl_are_those_of_its_description() -> None:
    items = ptb_xl(folds=range(1, 10))
    tables = {name: target_table(items, name) for name in TASKS}
    found = {name: (int(np.isfinite(y[:, 0]).sum()), np.nansum(y, axis=0).tolist()) for name, y in tables.items()}
    # Folds 1 to 9: 4919 records with infarction, of these 78 fresh, 33 healing, 688 old, 1219 unknown, 2901 without.
    assert len(items) == 19_601
    assert found["mi"] == (19_601, [4919])
    assert found["ami"][1] == [78]
    assert found["four_class"][1][1:3] == [78 + 33, 688]
    assert found["superclass"] == (19_601 - 371, [sum(label in i.labels for i in items) for label in SUPERCLASSES])
    # Every record of a class is in it once, and the fresh ones of one task are infarctions of the other.
    four, acute = tables["four_class"], tables["ami"][:, 0]
    assert (np.nansum(four, axis=1)[np.isfinite(four[:, 0])] == 1).all()
    assert (four[acute == 1][:, 1] == 1).all()
