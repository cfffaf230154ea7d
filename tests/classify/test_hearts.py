"""Synthetic hearts to learn from: their answers are the generator's, and where they show is known."""

from __future__ import annotations

import numpy as np
import pytest

from classify.hearts import Hearts, drawn_hearts, where_it_shows
from classify.labels import find_task
from classify.models import MODELS
from ecg.errors import OptionsError
from ecg.record import LEADS
from ecg.territories import TERRITORY_LEADS
from explain.truth import truth_of
from synth.physiology import sample_physiology, synthesize_record

SPEC = MODELS["resnet1d_se"].spec
TASKS = tuple(find_task(name) for name in ("superclass", "mi", "four_class"))


@pytest.fixture(scope="module")
def hearts() -> Hearts:
    return drawn_hearts(TASKS, 12, SPEC, seed=4, n=60)


def heart(kind: str, number: int = 5):
    return synthesize_record(sample_physiology(np.random.default_rng(number), kind), 100.0)


@pytest.mark.parametrize("wall", sorted(TERRITORY_LEADS))
def test_an_infarction_shows_in_st_and_t_of_the_leads_that_face_it(wall) -> None:
    record = heart(f"ami_{wall}")
    truth = where_it_shows(record)
    facing = np.isin(LEADS, TERRITORY_LEADS[wall])
    assert truth[facing].any(axis=1).all()
    assert not truth[~facing].any()
    # The examination of maps has its own way to the same place; it takes the first samples of a span otherwise.
    assert np.mean(truth != truth_of(record, 100.0, truth.shape[1], wall)) < 0.02


def test_other_findings_show_nowhere() -> None:
    for kind in ("norm", "lbbb", "pvc", "hmi_inferior", "ami_inferior|pvc"):
        assert not where_it_shows(heart(kind)).any(), kind


def test_hearts_have_the_answers_of_their_kind_and_none_for_what_is_learnt_beside(hearts) -> None:
    assert hearts.targets.shape == (60, 12)
    assert np.isnan(hearts.targets[:, 10:]).all(), "five classes, one answer, four classes"
    infarction = hearts.truth.any(axis=(1, 2))
    assert 10 < infarction.sum() < 40
    assert (hearts.targets[infarction, 5] == 1).all()
    assert (hearts.targets[infarction][:, [0, 6]] == 0).all(), "not normal"
    again = drawn_hearts(TASKS, 12, SPEC, seed=4, n=3)
    assert np.array_equal(again.known.signals, hearts.known.signals[:3])


def test_a_lesson_cuts_the_truth_where_it_cuts_the_signal(hearts) -> None:
    x, y, extra, truth = hearts.lesson(8, 500, np.random.default_rng(1))
    assert (x.shape, y.shape, extra.shape, truth.shape) == ((8, 16, 500), (8, 12), (8, 4), (8, 12, 500))
    whole, _, _, all_of_it = hearts.lesson(8, None, np.random.default_rng(1))
    for short, long, told, known in zip(x, whole, truth, all_of_it, strict=True):
        at = next(s for s in range(501) if np.array_equal(long[:, s : s + 500], short))
        assert np.array_equal(known[:, at : at + 500], told)


def test_other_inputs_are_refused() -> None:
    with pytest.raises(OptionsError, match="independent leads"):
        drawn_hearts(TASKS, 12, MODELS["twelve_lead_cnn"].spec, seed=0, n=2)
