"""The experiments on pages are complete, their figures are measured as said, and the tables tell them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import image_tables, images
from benchmarks.image_joins import join, ship, weights_of
from benchmarks.images import EXPERIMENTS, content_of, main
from classify.evaluate import Predictions, read_predictions, write_predictions
from classify.labels import find_task
from classify.models import MODELS

LABELS = find_task("four_class").labels


def predicted(share: float, seed: int, n: int = 80) -> Predictions:
    """Predictions of which a share is right."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 4
    called = np.where(rng.random(n) < share, y, rng.integers(0, 4, n))
    ids = tuple(f"page{k}" for k in range(n))
    groups, folds = tuple(f"g{k // 2}" for k in range(n)), tuple(str(k // 2 % 5 + 1) for k in range(n))
    return Predictions(ids, groups, folds, LABELS, np.eye(4)[y], 0.1 + 0.6 * np.eye(4)[called])


def test_every_image_network_has_its_experiment_with_the_same_budget() -> None:
    networks = {name for name, entry in MODELS.items() if entry.spec.kind == "page"}
    published = [e for e in EXPERIMENTS.values() if e.name in networks]
    assert {e.model for e in published} == networks
    assert len({e.train["epochs"] for e in published}) == 1
    assert {e.recipe for e in published} == {"published"}
    given = json.loads((image_tables.HERE / "published.json").read_text())["four_class_pages"]["models"]
    assert set(given) == networks
    assert given["efficientnet_b0_msa"] == {"accuracy": 0.96, "precision": 0.94, "recall": 0.97, "f1": 0.95}


def test_experiments_build_the_training_that_they_name() -> None:
    from classify.models import find_model

    run = images.run_of(EXPERIMENTS["mobilenet"], "", {})
    assert (run.options.lr, run.options.optimiser, run.options.epochs) == (1e-4, "adam", 1)
    assert run.entry.spec == find_model("mobilenet").spec
    assert images.run_of(EXPERIMENTS["msa_from_nought"], "", {}).arguments == {"first_block": 0}
    run = images.run_of(EXPERIMENTS["forest"], "", {"seed": 3})
    assert run.options.seed == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cv", "oours", "--images", "x"], "ours"),
        (["cv", "ours"], "give one experiment"),
        (["cv", "ours", "--images", "x"], "name its folder with --start"),
    ],
)
def test_what_cannot_start_is_told(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_predictions_are_joined_on_the_pages_that_all_could_read(tmp_path: Path) -> None:
    first, second = predicted(0.9, 1), predicted(0.6, 2).rows(np.arange(80) != 7)
    for name, found in (("ours", first), ("forest", second)):
        (tmp_path / name).mkdir()
        write_predictions(tmp_path / name / "predictions.csv", found)
    both = join(["ours", "forest"], tmp_path)
    assert len(both.ids) == 79
    assert "page7" not in both.ids
    at = first.ids.index("page9")
    others = [k for k in range(80) if k not in (7,) and first.folds[k] != first.folds[at]]
    theirs = [k - (k > 7) for k in others]
    from classify.images.routes import fitted_weights

    weights = fitted_weights([first.p[others], second.p[theirs]], first.y[others])
    expected = np.prod([p**w for p, w in zip((first.p[at], second.p[at - 1]), weights, strict=True)], axis=0)
    np.testing.assert_allclose(both.p[at - 1], expected / expected.sum(), rtol=1e-4)
    assert weights_of(["ours", "forest"], tmp_path)["ours"] > weights_of(["ours", "forest"], tmp_path)["forest"]
    again = read_predictions(tmp_path / "ours+forest" / "predictions.csv")
    np.testing.assert_allclose(again.p, both.p, atol=1e-6)
    with (tmp_path / "ours+forest" / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4 * 79


def test_tables_tell_the_best_and_what_copies_are_worth() -> None:
    good, poor = predicted(0.9, 1), predicted(0.5, 2)
    results = {
        "mobilenet": content_of("mobilenet", good, None, {"resnet50": poor}),
        "resnet50": content_of("resnet50", poor, None, {}),
        "leak_mobilenet": content_of("leak_mobilenet", predicted(1.0, 3), None, {}),
    }
    published = {"mobilenet": {"accuracy": 0.48, "precision": 0.39, "recall": 0.43, "f1": 0.38}}
    table = image_tables.render_models(results, published).splitlines()
    assert [line.split("|")[1].strip()[:12] for line in table[2:6]] == [
        "**`mobilenet",
        "_copies on b",
        "_copies on b",
        "**`resnet50`",
    ]
    assert "| 1.000 (1.000 to 1.000) |" in table[3]
    assert "_0.38_" in table[4]
    assert "| NORM | 20 |" in image_tables.render_classes(results)
    difference = results["mobilenet"]["differences"]["resnet50"]
    assert f"{difference['value']:+.3f}" in image_tables.render_differences(results)
    assert "No results yet" in image_tables.render_models({}, published)


def test_what_ships_learns_from_every_page_and_tells_what_its_like_reached(tmp_path: Path) -> None:
    from tiny_pages import patterned

    from classify.images.crossval import cross_validate
    from classify.runtime import load_classifier
    from ecg.checkpoint import load_card

    known = patterned()
    run = images.run_of(EXPERIMENTS["trees"], "", {})
    found = cross_validate(run, known, tmp_path / "trees")
    write_predictions(tmp_path / "trees" / "predictions.csv", found)
    card = ship(run, known, tmp_path, tmp_path / "page_trees")
    assert card == load_card(tmp_path / "page_trees")
    assert card.metrics["four_class f1"]["value"] > 0.7
    assert card.data["train_records"] == len(known)
    assert len(set(card.temperatures.values())) == 1
    model = load_classifier(tmp_path / "page_trees")
    p = model.answer(known.inputs(np.arange(8)), "four_class")
    np.testing.assert_allclose(p.sum(axis=1), 1)
