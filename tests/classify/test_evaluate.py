"""Evaluation of a table of predictions, without any model."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from classify.evaluate import (
    Predictions,
    choose_thresholds,
    decide,
    evaluate,
    find_answers,
    read_predictions,
    write_predictions,
)
from classify.figures import draw_confusion, draw_history, draw_reliability, draw_roc
from classify.labels import find_task
from ecg.errors import FormatError, OptionsError


def made(n: int, labels: tuple[str, ...], seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    p = rng.random((n, len(labels)))
    y = (rng.random(p.shape) < p).astype(float)
    ids = tuple(str(k) for k in range(n))
    return Predictions(ids, tuple(str(k // 2) for k in range(n)), ("9",) * n, labels, y, p)


def test_a_table_comes_back_as_it_was_written(tmp_path) -> None:
    given = made(30, ("NORM", "MI"))
    given.y[3, 1] = given.p[3, 1] = np.nan
    write_predictions(tmp_path / "p.csv", given)
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "id,patient_id,fold,label,y,p"
    assert len(lines) == 1 + 59
    back = read_predictions(tmp_path / "p.csv")
    assert (back.ids, back.patients, back.folds, back.labels) == (given.ids, given.patients, given.folds, given.labels)
    assert np.array_equal(back.y, given.y, equal_nan=True)
    assert np.allclose(back.p, given.p, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label,y\n1,mi,1\n", "p is missing"),
        ("id,label,y,p\n", "no predictions"),
        ("id,label,y,p\n1,mi,2,0.5\n", "line 2: y must be 0 or 1"),
        ("id,label,y,p\n1,mi,1,0.5\n1,mi,1,\n", "line 3: a second row"),
        ("id,label,y,p\n1,mi,1,nan\n", "line 2"),
        ("id,label,y,p\n1,mi,1,3.2\n", "line 2"),
    ],
)
def test_tables_that_cannot_be_used_say_where(tmp_path, text, message) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_predictions(tmp_path / "p.csv")


def test_a_table_without_patients_counts_each_record_for_itself(tmp_path) -> None:
    (tmp_path / "p.csv").write_text("id,label,y,p\na,mi,1,0.9\nb,mi,0,0.2\n")
    assert set(read_predictions(tmp_path / "p.csv").of_patient) == {"record a", "record b"}


def test_a_binary_task_gives_the_figures_of_its_label() -> None:
    given = made(400, ("mi",))
    found = evaluate(given, "mi", {"mi": 0.5}, np.random.default_rng(0), 200)
    assert (found["n"], found["n_patients"], found["threshold"]) == (400, 200, 0.5)
    y, p = given.y[:, 0], given.p[:, 0]
    assert found["metrics"]["auroc"]["value"] == reference.roc_auc_score(y, p)
    assert found["metrics"]["f1"]["value"] == reference.f1_score(y, p >= 0.5)
    assert found["per_label"]["mi"]["auroc"] == found["metrics"]["auroc"]
    assert found["per_label"]["mi"]["n_positive"] == y.sum()
    assert {"ece", "ece_floor", "brier", "calibration_slope"} <= set(found["metrics"])
    assert found["metrics"]["ece"]["value"] < 2 * found["metrics"]["ece_floor"]["value"], "these are calibrated"


def test_several_labels_are_averaged_and_left_out_records_do_not_count() -> None:
    labels = find_task("superclass").labels
    given = made(300, labels)
    given.y[:50] = np.nan
    found = evaluate(given, "superclass", dict.fromkeys(labels, 0.4), np.random.default_rng(0), 20)
    assert found["n"] == 250
    areas = [reference.roc_auc_score(given.y[50:, k], given.p[50:, k]) for k in range(5)]
    assert found["metrics"]["auroc"]["value"] == pytest.approx(np.mean(areas))
    assert set(found["threshold"]) == set(labels)


def test_exclusive_labels_are_answered_by_the_likeliest() -> None:
    labels = find_task("four_class").labels
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), 200)
    y = np.eye(4)[(rng.random((200, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, 3)]
    names = tuple(map(str, range(200)))
    found = evaluate(Predictions(names, names, ("9",) * 200, labels, y, p), "four_class", {}, rng, 50)
    right = reference.accuracy_score(y.argmax(axis=1), p.argmax(axis=1))
    assert found["metrics"]["accuracy"]["value"] == right
    assert found["metrics"]["accuracy"]["lo"] < right < found["metrics"]["accuracy"]["hi"]
    assert found["threshold"] is None
    assert decide(p, labels, "multiclass", {}).sum(axis=1).tolist() == [1] * 200


def test_thresholds_come_from_the_records_that_are_given() -> None:
    given = made(500, ("other", "mi"))
    chosen = choose_thresholds("youden", given, find_task("mi"))
    assert set(chosen) == {"mi"}
    assert 0.3 < chosen["mi"] < 0.7
    assert find_answers(given, "mi").labels == ("mi",)
    assert choose_thresholds("f1", made(9, find_task("four_class").labels), find_task("four_class")) == {}


def test_what_is_missing_is_named() -> None:
    with pytest.raises(OptionsError, match="needs the labels"):
        evaluate(made(20, ("mi",)), "superclass", {}, np.random.default_rng(0))
    with pytest.raises(OptionsError, match="no threshold for mi"):
        evaluate(made(20, ("mi",)), "mi", {}, np.random.default_rng(0))
    empty = made(20, ("mi",))
    empty.y[:] = np.nan
    with pytest.raises(OptionsError, match="no record"):
        evaluate(empty, "mi", {"mi": 0.5}, np.random.default_rng(0))
    with pytest.raises(OptionsError, match="not logits"):
        Predictions(("a",), ("",), ("",), ("mi",), np.ones((1, 1)), np.full((1, 1), 2.0))


def test_the_pictures_are_drawn(tmp_path) -> None:
    from PIL import Image

    y, p = made(100, ("mi",)).y[:, 0], made(100, ("mi",)).p[:, 0]
    draw_roc(tmp_path / "roc.png", {"a": (y, p), "b": (y, 1 - p), "none": (np.zeros(100), p)}, "fold 9")
    draw_reliability(tmp_path / "reliability.png", {"a": (y, p)})
    draw_confusion(tmp_path / "confusion.png", np.array([[40, 2], [10, 48]]), ("no", "mi"))
    draw_history(
        tmp_path / "history.png",
        [{"epoch": e, "train_loss": 1 / e, "val_loss": 1.1 / e, "val_auroc": 0.8} for e in (1, 2)],
    )
    for name in ("roc", "reliability", "confusion", "history"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 300
