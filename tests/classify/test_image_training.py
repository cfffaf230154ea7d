"""Image networks trained, cross-validated and asked, on pictures that a line and a box tell apart."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny_sets import tiny_set  # noqa: E402

from classify.evaluate import Predictions, evaluate  # noqa: E402
from classify.images.crossval import (  # noqa: E402
    FOLDS,
    cross_fitted,
    cross_validate,
    f1_difference,
    grouped_folds,
    pooled,
    split_of_fold,
)
from classify.images.recipes import OURS, in_size, seeing  # noqa: E402
from classify.labels import find_task  # noqa: E402
from classify.models import MODELS  # noqa: E402
from classify.options import TrainOptions, recipe_values  # noqa: E402
from classify.protocols import Split  # noqa: E402
from classify.runtime import load_classifier  # noqa: E402
from classify.sets import LabelledSet  # noqa: E402
from classify.train import Run, train  # noqa: E402
from classify.training import Group, class_weights, group_loss  # noqa: E402
from ecg.checkpoint import load_card  # noqa: E402
from ecg.errors import OptionsError  # noqa: E402

TASK = find_task("four_class")
ENTRY = in_size(MODELS["baseline_cnn"], "32x32")
#: Classes as the four-class set has them: unequal.
SHARES = (6, 2, 3, 9)


def picture(label: int, rng: np.random.Generator) -> np.ndarray:
    """Grey paper with one bar: which quarter of the height it lies in is the class."""
    out = np.full((32, 32), 230, np.uint8)
    y = 8 * label + int(rng.integers(1, 4))
    cv2.rectangle(out, (2, y), (29, y + 3), 20, -1)
    return cv2.add(out, rng.integers(0, 12, out.shape, dtype=np.uint8))


def pages(n: int = 60, spec: object = ENTRY.spec) -> LabelledSet:
    """Pages in groups of two, classes as unequal as in the four-class set."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.repeat(np.arange(4), SHARES), 2 * n // 40)[:n]
    blank = tiny_set(n)
    return replace(
        blank,
        ids=tuple(f"page{k}" for k in range(n)),
        patients=tuple(f"group{k // 2}" for k in range(n)),
        folds=("",) * n,
        signals=None,
        ready=np.stack([picture(label, rng) for label in labels]),
        spec=spec,
        answers={"four_class": np.eye(4, dtype=np.float32)[labels]},
        items=(),
        readable=np.arange(n) != 5,
    )


def run_of(split: Split, **changes: object) -> Run:
    options = TrainOptions(**{**recipe_values(ENTRY), "epochs": 3, "lr": 3e-3, "precision": "32", **changes})
    return Run(entry=ENTRY, tasks=(TASK,), split=split, options=options)


def test_the_published_recipe_is_the_registry_s_and_ours_another() -> None:
    values = recipe_values(MODELS["efficientnet_b0_msa"])
    told = {"optimiser": "adam", "lr": 1e-4, "weight_decay": 1e-5, "batch": 32, "epochs": 50, "mixup": 0.0, "ema": 0.0}
    assert {name: values[name] for name in told} == told
    assert values["weigh_classes"]
    assert values["keep"] == "loss"
    assert values["stop_after"] == 10
    assert MODELS["efficientnet_b0_msa"].spec.shape == (3, 224, 224)
    assert TrainOptions(**{**values, **OURS}).vary == 1.0


def test_sizes_and_views_that_do_not_exist_are_refused() -> None:
    for size in ("200x448", "448", "axb", "0x32"):
        with pytest.raises(OptionsError, match="multiples of 32"):
            in_size(MODELS["mobilenet"], size)
    with pytest.raises(OptionsError, match="takes records"):
        in_size(MODELS["resnet1d_se"], "32x32")
    with pytest.raises(OptionsError, match="grid or whole"):
        seeing(MODELS["mobilenet"], "strip")
    assert seeing(MODELS["mobilenet"], "whole").spec.area == "whole"


def test_weighed_classes_count_by_their_weight() -> None:
    z = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]], requires_grad=True)
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    weights = class_weights(y.numpy())
    assert weights == (0.75, 1.5)
    mine = group_loss(z, y, [Group("one_of", (0, 1), 1.0, classes=weights)])
    oracle = torch.nn.functional.cross_entropy(z, y.argmax(dim=1), weight=torch.tensor(weights))
    torch.testing.assert_close(mine, oracle)
    equal = group_loss(z, y, [Group("one_of", (0, 1), 1.0)])
    torch.testing.assert_close(equal, torch.nn.functional.cross_entropy(z, y.argmax(dim=1)))
    assert group_loss(z, torch.full_like(y, np.nan), [Group("one_of", (0, 1), 1.0)]) == 0


def test_folds_keep_groups_whole_and_spread_the_classes() -> None:
    known = pages()
    classes = known.answers["four_class"].argmax(axis=1)
    folds = grouped_folds(classes, known.patients)
    assert all(len({folds[k] for k in (2 * g, 2 * g + 1)}) == 1 for g in range(30))
    counts = np.array([[((folds == f) & (classes == c)).sum() for c in range(4)] for f in range(FOLDS)])
    assert (np.ptp(counts, axis=0) <= 3).all()
    split = split_of_fold(np.where(known.readable, folds, -1), 2, classes, known.patients)
    parts = [set(np.array(known.patients)[rows]) for rows in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    assert 5 not in [*split.train, *split.validation, *split.test]
    assert 0.08 < split.validation.size / (split.train.size + split.validation.size) < 0.2
    with pytest.raises(OptionsError, match="5 folds need as many groups"):
        grouped_folds([0, 1, 0], ["a", "b", "c"])


def test_a_network_learns_pictures_and_is_kept_with_what_it_sees(tmp_path: Path) -> None:
    known = pages()
    rows = np.arange(60)
    split = Split("tiny", rows[rows // 2 % 4 != 3], rows[rows // 2 % 4 == 3], rows[:0])
    card = train(run_of(split, epochs=6, vary=0.2), known, tmp_path)
    assert card is not None
    assert load_card(tmp_path).input_spec["picture"] == (1, 32, 32)
    assert card.metrics["four_class auroc"]["value"] > 0.9
    model = load_classifier(tmp_path)
    p = model.answer(known.inputs(rows[:4]), TASK)
    assert p.shape == (4, 4)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    history = (tmp_path / "history.csv").read_text(encoding="utf-8").splitlines()
    assert len(history) == 7


def test_the_epoch_with_the_lowest_loss_is_kept_where_that_is_asked(tmp_path: Path) -> None:
    known = pages()
    rows = np.arange(60)
    split = Split("tiny", rows[:40], rows[40:], rows[:0])
    train(run_of(split, keep="loss", epochs=2), known, tmp_path)
    best = torch.load(tmp_path / "best.ckpt", map_location="cpu", weights_only=False)
    losses = [float(line.split(",")[2]) for line in (tmp_path / "history.csv").read_text().splitlines()[1:]]
    assert best["epoch"] == int(np.argmin(losses))


def test_a_start_is_gone_on_from_and_frozen_bodies_stay(tmp_path: Path) -> None:
    known = pages()
    rows = np.arange(60)
    split = Split("tiny", rows[:40], rows[40:], rows[:0])
    train(run_of(split, epochs=1), known, tmp_path / "first")
    train(run_of(split, epochs=1, start=str(tmp_path / "first"), freeze=True), known, tmp_path / "second")
    from ecg.checkpoint import load

    first, second = (load(tmp_path / name)[0] for name in ("first", "second"))
    assert all(np.array_equal(first[k], second[k]) for k in first if not k.startswith("head."))
    assert not np.array_equal(first["head.weight"], second["head.weight"])
    with pytest.raises(OptionsError, match="name a start"):
        TrainOptions(freeze=True)


def test_the_last_layer_alone_is_found_at_once(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    from classify.images.heads import _before_head
    from classify.runtime import load_network
    from ecg.checkpoint import load

    known = pages()
    rows = np.arange(60)
    split = Split("tiny", rows[:40], rows[40:], rows[:0])
    train(run_of(split, epochs=1), known, tmp_path / "first")
    options = {"start": str(tmp_path / "first"), "freeze": True, "penalty": 10.0, "weigh_classes": True}
    card = train(run_of(split, **options), known, tmp_path / "second")
    assert card is not None
    assert card.data["recipe"]["start"] == "first", "no folder of this machine"
    first, second = (load(tmp_path / name)[0] for name in ("first", "second"))
    assert all(np.array_equal(first[k], second[k]) for k in first if not k.startswith("head."))
    network = load_network(tmp_path / "second")
    counted = rows[:40][known.readable[:40]]
    x = _before_head(network, known, counted)
    z = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
    y = known.answers["four_class"][counted].argmax(axis=1)
    oracle = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000).fit(z, y)
    p = load_classifier(tmp_path / "second").logits(known.inputs(counted))
    p = np.exp(p - p.max(axis=1, keepdims=True))
    np.testing.assert_allclose(p / p.sum(axis=1, keepdims=True), oracle.predict_proba(z), atol=0.02)
    with pytest.raises(OptionsError, match="learnt alone"):
        TrainOptions(penalty=1.0)


def test_pages_are_predicted_by_models_that_never_saw_their_group(tmp_path: Path) -> None:
    known = pages()
    run = run_of(Split("unused", np.arange(0), np.arange(0), np.arange(0)), epochs=4)
    found = cross_validate(run, known, tmp_path)
    assert Counter(found.ids) == Counter(name for name, there in zip(known.ids, known.readable, strict=True) if there)
    assert set(found.folds) == {"1", "2", "3", "4", "5"}
    one_fold = {(group, fold) for group, fold in zip(found.patients, found.folds, strict=True)}
    assert len(one_fold) == 30
    figures = evaluate(found, TASK, {}, np.random.default_rng(0), 50)
    assert figures["metrics"]["auroc"]["value"] > 0.8
    before = (tmp_path / "fold_3" / "card.json").stat().st_mtime_ns
    again = cross_validate(run, known, tmp_path)
    assert (tmp_path / "fold_3" / "card.json").stat().st_mtime_ns == before
    np.testing.assert_allclose(again.p, found.p, atol=1e-6)
    assert json.loads((tmp_path / "fold_1" / "card.json").read_text())["folds"]["protocol"] == "fold 1"


def test_no_page_has_a_say_in_its_own_temperature() -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(0, 4, 100)
    p = rng.dirichlet(np.ones(4), 100) * 0.3 + 0.7 * np.eye(4)[np.where(rng.random(100) < 0.7, y, (y + 1) % 4)]
    folds = tuple(str(k % 5 + 1) for k in range(100))
    given = replace(table(p, y), folds=folds)
    found = cross_fitted([given])
    np.testing.assert_array_equal(found.p.argmax(axis=1), p.argmax(axis=1))
    first = np.array(folds) == "1"
    other = y.copy()
    other[first] = (y[first] + 2) % 4  # another truth of one fold moves what the other folds are told, not its own
    again = cross_fitted([replace(given, y=np.eye(4)[other])])
    np.testing.assert_allclose(again.p[first], found.p[first])
    assert not np.allclose(again.p[~first], found.p[~first])
    unknown = cross_fitted([replace(given, folds=("",) * 100)])
    np.testing.assert_allclose(unknown.p, p)


def table(p: np.ndarray, y: np.ndarray, start: int = 0) -> Predictions:
    n = len(y)
    names = tuple(f"{start + k}" for k in range(n))
    return Predictions(names, names, ("",) * n, TASK.labels, np.eye(4)[y], p)


def test_differences_of_macro_f1_are_paired() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(1)
    y = rng.integers(0, 4, 200)
    good = np.eye(4)[np.where(rng.random(200) < 0.9, y, rng.integers(0, 4, 200))]
    poor = np.eye(4)[np.where(rng.random(200) < 0.5, y, rng.integers(0, 4, 200))]
    found = f1_difference(table(good, y), table(poor, y), rng, 200)
    macro = [f1_score(y, p.argmax(axis=1), average="macro") for p in (good, poor)]
    assert found.value == pytest.approx(macro[0] - macro[1])
    assert found.lo is not None
    assert found.lo > 0
    same = f1_difference(table(good, y), table(good, y), rng, 50)
    assert (same.value, same.lo, same.hi) == (0.0, 0.0, 0.0)
    with pytest.raises(OptionsError, match="same pages"):
        f1_difference(table(good, y), table(poor, y, start=500), rng)
    with pytest.raises(OptionsError, match="each page once"):
        pooled([table(good, y), table(good, y)])
