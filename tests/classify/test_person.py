"""Age and sex, and where they are known from."""

from __future__ import annotations

import numpy as np
import pytest

from classify.person import known_person
from ecg import ECGRecord


def record(**meta: object) -> ECGRecord:
    return ECGRecord(np.zeros((1, 500)), 500, ("II",), {"units": "mV", **meta})


def test_what_a_person_says_comes_before_the_file() -> None:
    told = record(age=61, sex="F")
    assert known_person(told) == (61, "F", {"age": "file", "sex": "file"})
    assert known_person(told, 40, "M") == (40, "M", {"age": "option", "sex": "option"})
    assert known_person(record()) == (None, None, {"age": "unknown", "sex": "unknown"})


@pytest.mark.parametrize("meta", [{"age": 300}, {"age": "old"}, {"age": -1}, {"sex": "unknown"}])
def test_what_makes_no_sense_is_unknown(meta: dict[str, object]) -> None:
    age, sex, known_from = known_person(record(**meta))
    assert (age, sex) == (None, None)
    assert set(known_from.values()) == {"unknown"}
