"""What the shipped route says of another hospital's pages: members alone and together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import image_route, image_tables
from classify import runtime
from classify.inputs import InputSpec
from classify.models import MODELS
from classify.pages import synthetic_item

KINDS = ("norm", "ami_anterior", "hmi_inferior", "afib")


def items(n: int = 24) -> list[Any]:
    rows = [{"index": str(k), "patient_id": str(k), "fold": "9", "labels": KINDS[k % 4]} for k in range(n)]
    return [synthetic_item(row) for row in rows]


def told(spec: InputSpec, right: float) -> Any:
    """Model that knows the class of a share of the records, by their order."""

    def answer(x: np.ndarray, _task: str) -> np.ndarray:
        rng = np.random.default_rng(0)
        y = np.arange(len(x)) % 4
        return 0.05 + 0.8 * np.eye(4)[np.where(rng.random(len(x)) < right, y, rng.integers(0, 4, len(x)))]

    return SimpleNamespace(spec=spec, answer=answer)


def test_members_and_route_are_measured_on_the_pages_that_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(1, 32, 64))
    signal = MODELS["resnet1d_se"].spec
    models = {"signal": told(signal, 1.0), "picture": told(picture, 0.5), "default": told(signal, 0.2)}
    monkeypatch.setattr(runtime, "load_classifier", models.__getitem__)
    known = items()
    read = np.random.default_rng(1).normal(size=(24, 12, 1000)).astype(np.float16)
    read[20:] = np.nan  # four pages were refused
    shown = np.full((24, 32, 64), 255, np.uint8)
    like = np.arange(24) < 4
    found = image_route.measured(known, read, shown, {"signal": 0.9, "picture": 0.1}, like)
    assert (found["pages"], found["refused"]) == (24, 4)
    assert found["like"] == 4
    assert list(found["models"]) == ["signal", "picture", "default", "together", "answer"]
    assert found["models"]["answer"]["f1"]["value"] < found["models"]["together"]["f1"]["value"], "16 by the default"
    assert found["models"]["signal"]["auroc"]["value"] == 1
    assert found["models"]["picture"]["auroc"]["value"] < 1
    assert found["models"]["together"]["f1"]["value"] == 1
    assert found["models"]["signal"]["per_label"]["MI"]["n_positive"] == 5


def test_the_table_tells_weights_and_counts(tmp_path: Path) -> None:
    from einthoven.outputs import write_json

    assert "No results yet" in image_tables.render_route(tmp_path / "none.json")
    figure = {"value": 0.9, "lo": 0.8, "hi": 1.0}
    one = {"auroc": figure, "f1": figure, "per_label": {"NORM": {"n_positive": 7, "auroc": figure}}}
    content = {"fold": 9, "preset": "scan", "members": {"signal": 0.9}, "pages": 8, "refused": 1, "like": 2}
    write_json(tmp_path / "route.json", {**content, "models": {"signal": one, "together": one}})
    table = image_tables.render_route(tmp_path / "route.json")
    assert "| `signal`, weight 0.9 | 0.900 (0.800 to 1.000) | 0.900 | 0.900 |" in table
    assert "NORM (7)" in table
    others = {"pictures": 4, "commit": "a" * 40, "kinds": {"plot": {"accepted": 1, "review": 0, "refused": 3}}}
    shares = {"accepted_share": 0.25, "review_share": 0.0, "refused_share": 0.75}
    write_json(tmp_path / "others.json", {**others, **shares})
    assert "**25.0 %**" in image_tables.render_others(tmp_path / "others.json")


def test_what_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image_route.main(["--ptbxl", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "run python -m benchmarks.drawn_records" in capsys.readouterr().err
