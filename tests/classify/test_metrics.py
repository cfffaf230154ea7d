"""Figures against scikit-learn and closed forms; intervals against what theory expects."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from classify.bootstrap import patient_weights
from classify.calibration import (
    calibration_line,
    ece,
    ece_floor,
    fit_line,
    fit_temperature,
    reliability,
    softmax_temperature,
)
from classify.metrics import METRICS, measure, measure_labels, paired_difference
from ecg.errors import OptionsError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def sample(rng: np.random.Generator, n: int = 500, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Truth and calibrated probabilities with ties."""
    p = np.round(1 / (1 + np.exp(-rng.normal(-1, 1.5, n))), digits)
    return (rng.random(n) < p).astype(float), p


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def test_values_are_those_of_scikit_learn(rng) -> None:
    y, p = sample(rng)
    d = p >= 0.4
    found = {k: v.value for k, v in measure(y, p, d, np.arange(y.size), rng, 10).items()}
    assert set(found) == set(METRICS)
    assert found["auroc"] == reference.roc_auc_score(y, p)
    assert found["auprc"] == reference.average_precision_score(y, p)
    assert found["brier"] == reference.brier_score_loss(y, p)
    assert found["accuracy"] == reference.accuracy_score(y, d)
    assert found["sensitivity"] == reference.recall_score(y, d)
    assert found["specificity"] == reference.recall_score(1 - y, ~d)
    assert found["precision"] == reference.precision_score(y, d)
    assert found["npv"] == reference.precision_score(1 - y, ~d)
    assert found["f1"] == pytest.approx(reference.f1_score(y, d))


def test_a_resample_gives_what_copying_its_records_gives(rng) -> None:
    """The fast weighted figures against scikit-learn on records that really are repeated."""
    from classify.metrics import _Label

    y, p = sample(rng, 300, 1)
    d = p >= 0.5
    weights = next(patient_weights(rng.integers(120, size=300), 5, rng))
    fast = _Label(y > 0.5, p, d).weighted(weights)
    for row, w in zip(fast, weights, strict=True):
        copied = np.repeat(np.arange(300), w.astype(int))
        slow = measure(y[copied], p[copied], d[copied], copied, rng, 0)
        for value, name in zip(row, METRICS, strict=True):
            if name != "ece":  # copies of a record may stand astride two bins
                assert value == pytest.approx(slow[name].value, abs=1e-6), name


def test_weights_draw_whole_patients(rng) -> None:
    patients = np.array(["a", "b", "a", "c", "b", "a"])
    weights = np.concatenate(list(patient_weights(patients, 200, rng)))
    assert weights.shape == (200, 6)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all(), "as many patients as there are"


def test_the_interval_has_the_width_that_theory_gives(rng) -> None:
    """Hanley & McNeil 1982: the standard error of an AUROC of 0.5 is sqrt((P + N + 1) / (12 P N))."""
    y, p = (rng.random(1000) < 0.5).astype(float), rng.random(1000)
    found = measure(y, p, p > 0.5, np.arange(1000), rng, 1000)["auroc"]
    positive = y.sum()
    error = np.sqrt(1001 / (12 * positive * (1000 - positive)))
    assert found.hi - found.lo == pytest.approx(2 * 1.96 * error, rel=0.12)


def test_records_of_one_patient_widen_the_interval(rng) -> None:
    y, p = sample(rng, 200)
    four = [np.repeat(x, 4) for x in (y, p, p > 0.4)]
    apart = measure(*four, np.arange(800), rng, 500)["auroc"]
    joined = measure(*four, np.repeat(np.arange(200), 4), rng, 500)["auroc"]
    assert (joined.hi - joined.lo) / (apart.hi - apart.lo) == pytest.approx(2, rel=0.25)


def test_the_macro_average_is_the_mean_and_missing_truth_does_not_count(rng) -> None:
    y, p = sample(rng)
    other, q = sample(rng)
    other[:100] = np.nan
    macro, per_label = measure_labels(
        np.c_[y, other], np.c_[p, q], np.c_[p, q] > 0.5, np.arange(y.size), ["a", "b"], rng, 50
    )
    assert per_label["b"]["auroc"].value == reference.roc_auc_score(other[100:], q[100:])
    assert macro["auroc"].value == np.mean([per_label[k]["auroc"].value for k in "ab"])
    assert macro["auroc"].lo < macro["auroc"].value < macro["auroc"].hi


def test_what_does_not_exist_is_none_not_zero(rng) -> None:
    found = measure(np.zeros(20), np.linspace(0, 0.4, 20), np.zeros(20), np.arange(20), rng, 50)
    assert found["auroc"].value is None
    assert found["sensitivity"].value is None
    assert found["specificity"].value == 1
    assert found["precision"].as_dict() == {"value": None, "lo": None, "hi": None}


def test_arrays_that_do_not_fit_are_refused(rng) -> None:
    with pytest.raises(OptionsError, match="between 0 and 1"):
        measure([0, 1], [-0.1, 2], [0, 1], [1, 2], rng)
    with pytest.raises(OptionsError, match="one shape"):
        measure([0, 1], [0.1, 0.2], [0, 1], [1, 2, 3], rng)
    with pytest.raises(OptionsError, match="0, 1 or missing"):
        measure([0, 2], [0.1, 0.2], [0, 1], [1, 2], rng)


def test_ece_is_the_mean_gap_of_ten_equal_bins(rng) -> None:
    y, p = sample(rng, 1000, 6)
    order = np.argsort(p)
    gaps = [abs(p[part].mean() - y[part].mean()) for part in np.split(order, 10)]
    assert ece(y, p)[0] == pytest.approx(np.mean(gaps))
    predicted, observed, n = reliability(y, p)
    assert n.tolist() == [100] * 10
    assert np.abs(predicted - observed).mean() == pytest.approx(np.mean(gaps))
    assert ece(np.r_[np.zeros(50), np.ones(50)], np.full(100, 0.5))[0] == 0, "the order of equal records is no matter"


def test_the_floor_is_what_a_calibrated_model_shows(rng) -> None:
    y, p = sample(rng, 2000, 6)
    floor = ece_floor(p, rng)
    assert floor.lo < ece(y, p)[0] < floor.hi
    assert 0.005 < floor.value < 0.03
    assert ece(y, p**2)[0] > 3 * floor.hi, "a model that understates is far above it"


def test_the_calibration_line_undoes_a_known_distortion(rng) -> None:
    z = rng.normal(-0.5, 1.5, 20_000)
    y = rng.random(z.size) < sigmoid(0.5 * z + 0.3)
    slope, intercept = calibration_line(y, sigmoid(z))
    assert slope[0] == pytest.approx(0.5, abs=0.04)
    assert intercept[0] == pytest.approx(0.3, abs=0.04)
    for strength in (0.2, 3.0, 5.0):  # far under- and overconfident
        assert calibration_line(y, sigmoid(strength * z))[0][0] == pytest.approx(0.5 / strength, rel=0.08)
    assert np.isnan(calibration_line([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])[0][0]), "parted classes have no slope"


def test_temperature_restores_overconfident_logits(rng) -> None:
    z = rng.normal(-0.5, 1.5, 20_000)
    y = (rng.random(z.size) < sigmoid(z)).astype(float)
    assert fit_temperature(3 * z, y) == pytest.approx(3, rel=0.05)
    y[:10_000] = np.nan
    assert fit_temperature(0.5 * z, y) == pytest.approx(0.5, rel=0.06)
    assert fit_temperature(z, np.ones(z.size)) == 1


def test_temperature_and_offset_restore_shifted_logits(rng) -> None:
    z = rng.normal(-0.5, 1.5, 20_000)
    y = (rng.random(z.size) < sigmoid(z)).astype(float)
    temperature, offset = fit_line(2 * z - 1, y)
    assert temperature == pytest.approx(2, rel=0.05)
    assert offset == pytest.approx(0.5, abs=0.05)
    assert ece(y, sigmoid((2 * z - 1) / temperature + offset))[0] < 0.02 < ece(y, sigmoid(2 * z - 1))[0]
    few = np.r_[np.ones(20), np.zeros(500)]
    assert fit_line(rng.normal(few, 1), few)[1] == 0, "two numbers need more than 20 positives"


def test_softmax_temperature_restores_overconfident_logits(rng) -> None:
    z = rng.normal(0, 1.5, (20_000, 4))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = np.eye(4)[(rng.random((z.shape[0], 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, 3)]
    assert softmax_temperature(2 * z, y) == pytest.approx(2, rel=0.05)
    assert softmax_temperature(z, np.full_like(z, np.nan)) == 1


def test_models_are_compared_on_the_same_patients(rng) -> None:
    y, p = sample(rng, 800, 6)
    worse = np.clip(p + rng.normal(0, 0.15, p.size), 0, 1)
    found = paired_difference(y, p, worse, np.arange(800), rng, 500)
    expected = reference.roc_auc_score(y, p) - reference.roc_auc_score(y, worse)
    assert found.value == pytest.approx(expected)
    assert 0 < found.lo < found.value < found.hi
    own = measure(y, p, p > 0.5, np.arange(800), rng, 500)["auroc"]
    assert found.hi - found.lo < own.hi - own.lo, "what is hard for both cancels"
    same = paired_difference(np.c_[y, y], np.c_[p, p], np.c_[p, p], np.arange(800), rng, 20, "auprc")
    assert (same.value, same.lo, same.hi) == (0, 0, 0)
    with pytest.raises(OptionsError, match="auroc or auprc"):
        paired_difference(y, p, p, np.arange(800), rng, 10, "f1")


def test_a_thousand_resamples_of_a_fold_take_seconds(rng) -> None:
    import time

    y, p = sample(rng, 2183, 6)
    started = time.process_time()
    measure(y, p, p > 0.4, np.arange(y.size), rng, 1000)
    assert time.process_time() - started < 8
