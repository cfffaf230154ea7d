"""Groups and paired differences, against hand-made predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_sets import items_of

from classify.comparing import by_group, difference
from classify.evaluate import Predictions
from classify.labels import find_task
from ecg.errors import OptionsError


def predictions(n: int, noise: float, first: int = 0) -> Predictions:
    rng = np.random.default_rng(3)
    y = (np.arange(n) // 2 % 2).astype(float)[:, None]
    p = np.clip(0.5 + 0.3 * (y - 0.5) + noise * rng.standard_normal((n, 1)), 0, 1)
    ids = tuple(str(first + k) for k in range(n))
    return Predictions(ids=ids, patients=ids, folds=("9",) * n, labels=("mi_sttc",), y=y, p=p)


def test_groups_are_those_with_fifty_records() -> None:
    items = [replace(item, age=40.0 if k < 70 else 80.0) for k, item in enumerate(items_of(["norm"] * 100))]
    groups = by_group(predictions(100, 0.2), items, find_task("mi_sttc"), {"mi_sttc": 0.5}, seed=1, resamples=50)
    assert {name: g["n"] for name, g in groups.items() if name.startswith("sex")} == {"sex F": 50, "sex M": 50}
    aged = [g["n"] for name, g in groups.items() if name.startswith("age")]
    assert aged == [70], "thirty old ones give no interval worth printing"
    assert 0.5 < groups["sex F"]["metrics"]["auroc"]["value"] <= 1


def test_the_better_of_two_models_is_told_and_only_common_records_count() -> None:
    good, poor = predictions(120, 0.05), predictions(100, 0.6)
    told = difference(good, poor, seed=0, resamples=200)
    assert told["n"] == 100
    assert told["auroc_difference"]["lo"] > 0
    back = difference(poor, good, seed=0, resamples=200)
    assert back["auroc_difference"]["value"] == pytest.approx(-told["auroc_difference"]["value"])
    same = difference(good, good, seed=0, resamples=200)["auroc_difference"]
    assert (same["value"], same["lo"], same["hi"]) == (0, 0, 0)
    with pytest.raises(OptionsError, match="other records"):
        difference(good, predictions(10, 0.1, first=500), seed=0, resamples=10)
