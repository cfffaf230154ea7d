"""``einthoven explain``: what CONTRACT.md says it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("captum")

from classify.export import export_network
from classify.labels import TASKS
from classify.models import MODELS
from ecg import formats
from ecg.checkpoint import ModelCard
from ecg.record import LEADS
from einthoven.cli import main
from synth import demo_page
from synth.physiology import sample_physiology, synthesize_record

KEYS = {
    *("model", "task", "target", "probability", "decision", "method", "baseline", "delta", "leading_lead"),
    *("lead_share", "wave_share", "territory_share", "area_share", "faithfulness", "text"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small untrained network as a model folder, with the ONNX file that it answers through."""
    import torch

    folder = tmp_path_factory.mktemp("model") / "small"
    entry = MODELS["resnet1d_se"]
    arguments = {"widths": [8, 8], "depths": [1, 1], "kernel": 5, "stem": 9}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = entry.build(5, **arguments).eval()
    card = ModelCard(
        name="small",
        task="superclass",
        architecture=entry.name,
        arguments=arguments,
        input_spec=entry.spec.to_dict(),
        labels=TASKS["superclass"].labels,
        thresholds={"MI": 0.2},
        temperature=1.0,
        data={},
        folds={},
        seed=0,
        commit="",
        metrics={},
        intended_use="tests",
        limits=(),
        abstain={"min_leads": 8, "min_age": 18},
    )
    export_network(folder, network, card, onnx=True)
    return folder


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    from einthoven.outputs import write_signal

    write_signal(
        synthesize_record(sample_physiology(np.random.default_rng(0), "ami_inferior", age=60)), folder, "r", "wfdb"
    )
    return folder / "r.hea"


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def test_a_record_gets_all_that_the_contract_names(model: Path, record: Path, tmp_path: Path, capsys: Any) -> None:
    assert run("explain", record, "-o", tmp_path, "--model", model, "--target", "MI", "--style", "published") == 0
    content = json.loads((tmp_path / "r_explanation.json").read_text())
    assert set(content) >= KEYS
    assert content["schema"] == {"name": "einthoven.explanation", "version": 1}
    assert content["target"] == "MI"
    assert content["decision"] in (0, 1)
    assert content["method"] == "integrated_smooth"
    assert content["baseline"] == "zero"
    assert content["delta"] < 1
    assert content["leading_lead"] in LEADS
    assert sum(content["lead_share"].values()) == pytest.approx(1)
    assert set(content["lead_share"]) | set(content["wave_share"]) | set(content["territory_share"]) == set(
        content["area_share"]
    )
    assert {"deletion", "insertion", "better_than_random"} <= set(content["faithfulness"])
    assert set(content["text"]) == {"clinician", "patient", "published"}
    assert content["text"]["clinician"] in capsys.readouterr().out
    with np.load(tmp_path / "r_attribution.npz") as arrays:
        assert arrays["values"].shape == (12, 1000)
        assert arrays["leads"].tolist() == list(LEADS)
        assert float(arrays["fs"]) == 100
    names = {p.name for p in tmp_path.iterdir()}
    assert {"r_explanation.png", "r_heat_map.png", "r_lead_grid.png", "r_one_lead.png", "r_prediction.png"} <= names


def test_a_page_is_explained_on_its_own_picture(model: Path, tmp_path: Path) -> None:
    from PIL import Image

    page = demo_page().page
    Image.fromarray(page.image).save(tmp_path / "scan.png", dpi=(page.dpi or 200, page.dpi or 200))
    assert run("explain", tmp_path / "scan.png", "-o", tmp_path / "out", "--model", model, "--method", "gradcam") == 0
    drawn = np.asarray(Image.open(tmp_path / "out" / "scan_explanation_page.png"))
    assert drawn.shape == page.image.shape
    content = json.loads((tmp_path / "out" / "scan_explanation.json").read_text())
    assert content["delta"] is None
    assert "page" in content["text"]["clinician"]


def test_an_abstained_answer_is_told_as_one(model: Path, tmp_path: Path) -> None:
    from einthoven.outputs import write_signal

    child = synthesize_record(sample_physiology(np.random.default_rng(0), "norm", age=30))
    write_signal(child, tmp_path, "r", "wfdb")
    code = run(
        "explain", tmp_path / "r.hea", "-o", tmp_path / "out", "--model", model, "--age", 9, "--method", "saliency"
    )
    assert code == 0
    content = json.loads((tmp_path / "out" / "r_explanation.json").read_text())
    assert content["status"] == "abstained"
    assert "abstains" in content["text"]["clinician"]
    assert "9 years old" in content["text"]["clinician"]


def test_what_cannot_be_read_is_refused_and_the_rest_is_there(
    model: Path, record: Path, tmp_path: Path, capsys: Any
) -> None:
    from PIL import Image

    Image.new("RGB", (800, 600), "white").save(tmp_path / "blank.png")
    code = run(
        "explain", tmp_path / "blank.png", record, "-o", tmp_path / "out", "--model", model, "--method", "saliency"
    )
    assert code == 1
    content = json.loads((tmp_path / "out" / "blank_explanation.json").read_text())
    assert content["status"] == "refused"
    assert set(content) >= KEYS
    assert "No answer was given" in content["text"]["clinician"]
    assert (tmp_path / "out" / "r_explanation.json").is_file()
    assert "refused" in capsys.readouterr().err


def test_a_wrong_question_starts_nothing(model: Path, record: Path, tmp_path: Path, capsys: Any) -> None:
    assert run("explain", record, "-o", tmp_path / "o", "--model", model, "--method", "lime") == 2
    assert "no method 'lime'" in capsys.readouterr().err
    assert run("explain", record, "-o", tmp_path / "o", "--model", model, "--target", "AMI") == 2
    assert run("explain", "-o", tmp_path / "o") == 2
    assert run("explain", record, "-o", tmp_path / "o", "--model", "nowhere") == 2
    assert formats.identify(record) in formats.RECORD_KINDS


def test_an_image_model_is_explained_on_the_page_itself(tmp_path: Path) -> None:
    import torch
    from PIL import Image

    entry = MODELS["baseline_cnn"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = entry.build(4).eval()
    given: dict[str, Any] = {key: {} for key in ("arguments", "thresholds", "data", "folds", "metrics")}
    given |= {
        "name": "picture",
        "task": "four_class",
        "architecture": entry.name,
        "seed": 0,
        "commit": "",
        "limits": (),
    }
    given |= {"input_spec": entry.spec.to_dict(), "labels": TASKS["four_class"].labels, "temperature": 1.0}
    export_network(tmp_path / "picture", network, ModelCard(**given, intended_use="tests"), onnx=False)
    page = demo_page().page
    Image.fromarray(page.image).save(tmp_path / "scan.png", dpi=(page.dpi or 200, page.dpi or 200))
    command = ("explain", tmp_path / "scan.png", "-o", tmp_path / "out", "--model", tmp_path / "picture")
    assert run(*command, "--task", "four_class", "--style", "published") == 0
    content = json.loads((tmp_path / "out" / "scan_explanation.json").read_text())
    assert set(content) >= KEYS
    assert content["leading_lead"] is None
    assert "third of the page" in content["text"]["published"]
    assert (content["method"], content["baseline"]) == ("integrated_smooth", "paper")
    assert "have not been examined" in content["trusted"]
    assert "deletion" in content["faithfulness"]
    with np.load(tmp_path / "out" / "scan_attribution.npz") as arrays:
        assert arrays["values"].shape == page.image.shape[:2]
    drawn, cam = (np.asarray(Image.open(tmp_path / "out" / f"scan_{k}.png")) for k in ("explanation", "gradcam"))
    assert drawn.shape == cam.shape == page.image.shape
    assert not np.array_equal(drawn, cam)
