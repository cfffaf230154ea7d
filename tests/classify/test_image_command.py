"""``einthoven train`` and ``evaluate`` on folders of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test_image_training import picture  # noqa: E402

from ecg.errors import OptionsError  # noqa: E402
from einthoven.commands import evaluate, train  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of every class."""
    root = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    for k, label in enumerate(("NORM", "MI", "HMI", "HB")):
        (root / label).mkdir()
        for number in range(12):
            large = cv2.resize(picture(k, rng), (96, 96), interpolation=cv2.INTER_LINEAR)
            cv2.imwrite(str(root / label / f"{label}_{number}.png"), large)
    return root


def request(folder: Path, **changes: object) -> train.Request:
    given = {"tasks": "four_class", "model": "baseline_cnn", "ptbxl": None, "images": folder, "reader": "whole"}
    flags = {"epochs": 4, "lr": 3e-3, "batch": 8, "precision": "32"}
    return train.Request(**{**given, "size": "32x32", "flags": flags, **changes})  # type: ignore[arg-type]


def test_a_network_is_trained_and_measured_on_a_folder_a_class(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "msa"
    assert train.run(model, request(folder)) == 0
    card = json.loads((model / "card.json").read_text(encoding="utf-8"))
    assert card["architecture"] == "baseline_cnn"
    assert card["input_spec"]["picture"] == [1, 32, 32]
    assert card["input_spec"]["area"] == "whole"
    assert card["data"]["recipe"]["weigh_classes"]
    assert {path.name for path in model.iterdir()} >= {"model.safetensors", "history.csv", "history.png", "last.ckpt"}
    out = tmp_path / "out"
    asked = evaluate.Request(task="four_class", model=str(model), images=folder, protocol="validation", bootstrap=50)
    assert evaluate.run(out, asked) == 0
    figures = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert figures["metrics"]["auroc"]["value"] > 0.8
    assert {path.name for path in out.iterdir()} >= {"predictions.csv", "confusion.png", "roc.png"}


def test_our_recipe_and_size_are_for_models_of_pictures(folder: Path, tmp_path: Path) -> None:
    entry, _, options, _ = train._settings(request(folder, recipe="ours", size="", flags={}))
    assert entry.spec.picture == (1, 256, 512)
    assert (options.optimiser, options.vary, options.keep) == ("adamw", 1.0, "best")
    entry, _, options, _ = train._settings(request(folder, size="", reader="", flags={"start": "imagenet"}))
    assert entry.spec.picture == (3, 224, 224)
    assert (entry.spec.area, entry.spec.fit, options.start) == ("grid", "stretch", "imagenet")
    for changes in ({"recipe": "ours"}, {"size": "32x32"}):
        with pytest.raises(OptionsError, match="models of pictures"):
            train.run(tmp_path / "x", request(folder, **{"model": "resnet1d_se", "reader": "", "size": "", **changes}))
    with pytest.raises(OptionsError, match="grid or whole"):
        train.run(tmp_path / "x", request(folder, reader="strip"))
