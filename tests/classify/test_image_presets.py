"""A model of pictures is measured on the same records under every preset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_image_drawn import made_items
from test_image_routes import classifier

from benchmarks import image_tables
from benchmarks.image_robustness import robust
from classify import runtime
from ecg import datasets


def test_a_model_of_pictures_is_measured_under_every_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    items = made_items(tmp_path)
    monkeypatch.setattr(runtime, "load_classifier", lambda _: classifier(seen))
    monkeypatch.setattr(datasets, "ptb_xl", lambda *_, **__: items)
    monkeypatch.setattr("synth.PRESETS", ("clean", "scan"))
    content = robust("page_msa", tmp_path, tmp_path / "work")
    assert set(content["tasks"]["four_class"]) == {"clean", "scan"}
    assert content["tasks"]["four_class"]["clean"]["n"] == 4
    file = tmp_path / "image_robustness.json"
    file.write_text(json.dumps(content))
    assert "| `scan` | 0.500" in image_tables.render_robustness(file)
    assert "No results yet" in image_tables.render_robustness(tmp_path / "none.json")
