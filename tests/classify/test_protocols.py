"""Splits by patient, hospitals, groups and the rules for thresholds."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from classify import protocols
from classify.protocols import (
    PUBLISHED_THRESHOLDS,
    choose_threshold,
    hospitals,
    leave_one_out,
    official_split,
    published_split,
    subgroups,
    subsample,
    train_elsewhere,
)
from ecg.datasets import RecordItem
from ecg.errors import OptionsError


def item(
    number: int, patient: int = 0, site: int | None = 0, age: float | None = 60, sex: str | None = "F"
) -> RecordItem:
    return RecordItem(
        ecg_id=number,
        patient_id=patient or number,
        fold=1,
        labels=(),
        subclasses=(),
        statements=MappingProxyType({}),
        age=age,
        sex=sex,
        site=site,
        device="CS-12",
        stadium=None,
        path=Path("x.hea"),
    )


def patients_of(split: protocols.Split, who: np.ndarray) -> list[set[int]]:
    return [set(who[rows].tolist()) for rows in (split.train, split.validation, split.test)]


def test_official_folds_make_the_official_split() -> None:
    folds = np.array([1, 2, 8, 9, 10, 9, 3])
    split = official_split(folds)
    assert split.train.tolist() == [0, 1, 2, 6]
    assert split.validation.tolist() == [3, 5]
    assert split.test.tolist() == [4]
    with pytest.raises(OptionsError, match="a fold may train, validate or test"):
        official_split(folds, validation=(8,))


def test_the_published_split_parts_patients_70_15_15() -> None:
    who = np.random.default_rng(0).integers(1000, size=3000)
    split = published_split(who, seed=3)
    train, validation, test = patients_of(split, who)
    n = np.unique(who).size
    assert (len(train), len(validation), len(test)) == pytest.approx((0.7 * n, 0.15 * n, 0.15 * n), abs=1)
    assert train.isdisjoint(validation | test)
    assert validation.isdisjoint(test)
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(3000))
    assert patients_of(published_split(who[::-1], seed=3), who[::-1]) == [train, validation, test]
    assert patients_of(published_split(who, seed=4), who) != [train, validation, test]
    with pytest.raises(OptionsError, match="sum is 1"):
        published_split(who, 0, (0.5, 0.1, 0.1))


def test_hospitals_are_sites_and_small_ones_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "_LEAST_HOSPITAL", 0.5)
    items = [item(k, site=site) for k, site in enumerate([0, 0, 0, 1, 2, None], start=1)]
    assert hospitals(items).tolist() == ["site 0"] * 3 + ["other", "other", ""]
    assert hospitals(items, "device").tolist() == ["CS-12"] * 6
    with pytest.raises(OptionsError, match="site or device"):
        hospitals(items, "country")  # type: ignore[arg-type]


def test_each_hospital_is_left_out_once_and_its_patients_never_train() -> None:
    rng = np.random.default_rng(1)
    who = rng.integers(400, size=1200)
    names = np.array(["a", "b", "c", ""])[rng.integers(4, size=1200)]
    splits = leave_one_out(names, who, seed=0)
    assert [s.name for s in splits] == ["without a", "without b", "without c"]
    for split, left in zip(splits, "abc", strict=True):
        assert np.array_equal(split.test, np.flatnonzero(names == left))
        assert left not in names[split.train]
        assert "" not in names[np.r_[split.train, split.validation]]
        train, validation, test = patients_of(split, who)
        assert train.isdisjoint(validation | test)
        assert validation.isdisjoint(test)
    one = train_elsewhere(names, who, ["a"], ["b", "c"], seed=0)
    assert set(names[one.train]) == {"a"}
    assert set(names[one.test]) == {"b", "c"}
    with pytest.raises(OptionsError, match="not both"):
        train_elsewhere(names, who, ["a"], ["a"], seed=0)
    with pytest.raises(OptionsError, match="unknown hospital 'd'"):
        train_elsewhere(names, who, ["a"], ["d"], seed=0)


def test_a_tenth_of_the_patients_is_part_of_a_half() -> None:
    who = np.random.default_rng(2).integers(500, size=1500)
    rows = np.arange(100, 1500)
    tenth, half = (subsample(rows, who, share, seed=5) for share in (0.1, 0.5))
    assert set(tenth) <= set(half) <= set(rows)
    assert len(set(who[tenth])) == pytest.approx(0.1 * len(set(who[rows])), abs=1)
    assert set(rows[np.isin(who[rows], who[tenth])]) == set(tenth), "whole patients"
    with pytest.raises(OptionsError, match="above 0"):
        subsample(rows, who, 0.0, 0)


def test_groups_by_age_and_sex() -> None:
    groups = subgroups([item(1, age=18), item(2, age=39.9, sex="M"), item(3, age=90), item(4, age=None, sex=None)])
    assert groups["age 18-39"].tolist() == [True, True, False, False]
    assert groups["age 85+"].tolist() == [False, False, True, False]
    assert groups["sex M"].tolist() == [False, True, False, False]


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    y = rng.random(400) < 0.3
    return y, np.round(1 / (1 + np.exp(-rng.normal(1.5 * y - 1, 1))), 2)


def figures(y: np.ndarray, p: np.ndarray, threshold: float) -> tuple[float, float, float]:
    """F1, sensitivity and specificity at a threshold, by counting."""
    called = p >= threshold
    tp, fp, fn, tn = (called & y).sum(), (called & ~y).sum(), (~called & y).sum(), (~called & ~y).sum()
    return 2 * tp / (2 * tp + fp + fn), tp / (tp + fn), tn / (tn + fp)


def test_the_rules_find_what_a_search_over_all_thresholds_finds(scores) -> None:
    y, p = scores
    everywhere = [figures(y, p, t) for t in np.unique(p)]
    f1 = figures(y, p, choose_threshold("f1", y, p))[0]
    assert f1 == max(f for f, _, _ in everywhere)
    _, sensitivity, specificity = figures(y, p, choose_threshold("youden", y, p))
    assert sensitivity + specificity == max(a + b for _, a, b in everywhere)
    for rule, least in (("sensitivity", 0.9), ("sensitivity=0.75", 0.75)):
        _, sensitivity, specificity = figures(y, p, choose_threshold(rule, y, p))
        assert sensitivity >= least
        assert specificity == max(b for _, a, b in everywhere if a >= least)


def test_records_that_do_not_count_do_not_choose(scores) -> None:
    y, p = scores
    more = np.r_[y.astype(float), np.full(50, np.nan)]
    assert choose_threshold("f1", more, np.r_[p, np.ones(50)]) == choose_threshold("f1", y, p)


@pytest.mark.parametrize("name", PUBLISHED_THRESHOLDS)
def test_published_operating_points_need_no_records(name) -> None:
    assert choose_threshold(name, [], []) == PUBLISHED_THRESHOLDS[name]
    assert choose_threshold(0.25, [], []) == choose_threshold("0.25", [], []) == 0.25


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("yuden", "did you mean 'youden'"),
        (1.2, "between 0 and 1"),
        ("sensitivity=2", "up to 1"),
        ("sensitivity=x", "up to 1"),
        ("f1", "with and without the label"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(rule, message) -> None:
    with pytest.raises(OptionsError, match=message):
        choose_threshold(rule, [1, 1], [0.2, 0.3])


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("EINTHOVEN_DATA"), reason="needs EINTHOVEN_DATA")
def test_the_sites_of_ptb_xl() -> None:
    from ecg.datasets import ptb_xl

    found, counts = np.unique(hospitals(ptb_xl(folds=range(1, 10))), return_counts=True)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == {
        "": 12498,
        "other": 444,
        "site 0": 2898,
        "site 1": 2026,
        "site 2": 1735,
    }
