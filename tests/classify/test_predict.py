"""Answers for one ECG: routes, thresholds, what is known of the patient, and abstaining."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_sets import SMALL, heart

import classify.predict as predict
from classify.export import ABSTAIN, export_network
from classify.labels import find_task
from classify.models import MODELS
from classify.pacing import pacemaker_reason, pacing_spikes
from classify.predict import ClassifyOptions, best_model, classify, classify_record
from classify.runtime import load_classifier
from classify.sets import head_names
from ecg.checkpoint import ModelCard, load_card
from ecg.errors import ModelError, OptionsError
from ecg.formats import write_wfdb
from ecg.record import LEADS, ECGRecord

TASKS = ("superclass", "mi_sttc", "four_class")


def write_model(folder: Path, name: str, leads: tuple[str, ...] | None = None, auroc: float = 0.9) -> ModelCard:
    """A small untrained network with a complete card."""
    entry = MODELS["resnet1d_se"]
    spec = entry.spec if leads is None else replace(entry.spec, leads=leads)
    labels, heads = head_names([find_task(task) for task in TASKS])
    torch.manual_seed(len(labels) + len(spec.leads))
    arguments = {**SMALL, "channels": spec.shape[0]}
    card = ModelCard(
        name=name,
        task="several",
        architecture="resnet1d_se",
        arguments=arguments,
        input_spec=spec.to_dict(),
        labels=labels,
        thresholds={label: 0.25 for label in labels if not label.startswith("four_class")},
        temperature=1.0,
        data={},
        folds={},
        seed=0,
        commit="",
        metrics={f"{task} auroc": {"value": auroc, "lo": None, "hi": None} for task in TASKS},
        intended_use="tests",
        limits=("untrained",),
        heads=heads,
        temperatures={"mi_sttc": 2.0},
        abstain=ABSTAIN if leads is None else {**ABSTAIN, "min_leads": 1},
    )
    return export_network(folder, entry.build(len(labels), **arguments), card, onnx=leads is None)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    write_model(root / "twelve", "twelve")
    write_model(root / "lead_ii", "lead_ii", ("II",), auroc=0.8)
    return {"twelve": root / "twelve", "lead_ii": root / "lead_ii"}


@pytest.fixture
def _shipped(models, monkeypatch) -> None:
    monkeypatch.setattr(predict, "shipped", lambda: models)
    monkeypatch.setattr("classify.weights.shipped", lambda: models)


def record(leads: tuple[str, ...] = LEADS, fs: float = 100.0, **meta: object) -> ECGRecord:
    whole = ECGRecord(heart(np.random.default_rng(0), True), fs, LEADS, meta)
    return replace(whole, signal=whole.signal[[LEADS.index(lead) for lead in leads]], leads=leads)


@pytest.mark.usefixtures("_shipped")
def test_a_record_gets_probabilities_thresholds_and_decisions() -> None:
    (found,) = classify(record(age=61.0), task="superclass", sex="F")
    assert found.labels == ("NORM", "MI", "STTC", "CD", "HYP")
    assert (found.status, found.model, found.page) == ("answered", "twelve", 0)
    assert all(0 < p < 1 for p in found.probabilities)
    assert found.decision == tuple(p >= 0.25 for p in found.probabilities)
    assert (found.age, found.sex) == (61.0, "F")
    assert found.known_from == {"age": "file", "sex": "option"}


@pytest.mark.usefixtures("_shipped")
def test_the_temperature_of_the_label_is_used(models) -> None:
    given = classify_record(record(), ClassifyOptions(task="mi_sttc")).probabilities[0]
    model = load_classifier(models["twelve"], "torch")
    from classify.inputs import to_input

    logit = model.logits(to_input(record(), model.spec)[None])[0, model.card.labels.index("mi_sttc")]
    assert given == pytest.approx(1 / (1 + np.exp(-logit / 2)), abs=1e-3)


@pytest.mark.usefixtures("_shipped")
def test_exclusive_labels_have_one_answer_and_no_threshold() -> None:
    found = classify_record(record(), ClassifyOptions(task="four_class"))
    assert sum(found.probabilities) == pytest.approx(1)
    assert sum(found.decision) == 1
    assert found.decision[int(np.argmax(found.probabilities))]
    assert found.thresholds == (None,) * 4


@pytest.mark.usefixtures("_shipped")
def test_a_published_operating_point_can_be_asked_for() -> None:
    found = classify_record(record(), ClassifyOptions(task="mi_sttc", threshold="published_12_lead"))
    assert found.thresholds == (0.43,)
    assert found.decision == (found.probabilities[0] >= 0.43,)


@pytest.mark.usefixtures("_shipped")
def test_the_best_route_takes_the_model_that_the_leads_allow() -> None:
    assert best_model("mi_sttc", LEADS) == "twelve"
    assert best_model("mi_sttc", ("II",)) == "lead_ii"
    assert classify(record(("II",)), task="mi_sttc")[0].model == "lead_ii"
    assert classify(record(("II",)), task="mi_sttc")[0].status == "answered"
    with pytest.raises(ModelError, match="no shipped model answers ami"):
        best_model("ami", LEADS)


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (record(("I", "II", "V1")), "3 of the standard leads"),
        (record(age=12), "12 years old"),
        (record(comments=("ventricular paced rhythm",)), "pacemaker"),
    ],
)
def test_the_card_says_when_not_to_decide(models, given, reason) -> None:
    found = classify_record(given, ClassifyOptions(task="mi_sttc", model=str(models["twelve"])))
    assert found.status == "abstained"
    assert reason in found.reasons[0]
    assert len(found.probabilities) == 1, "what was abstained from is told"


@pytest.mark.usefixtures("_shipped")
def test_what_the_model_cannot_take_is_refused_with_its_reason(models) -> None:
    for given, why in (
        (replace(record(), fs=50.0), "at least 100 Hz"),
        (record(units="NU"), "needs millivolts"),
        (record(("V1", "V2")), "none of them"),
    ):
        found = classify_record(given, ClassifyOptions(task="mi_sttc", model=str(models["lead_ii"])))
        assert (found.status, found.probabilities) == ("refused", ())
        assert why in found.reasons[0]


@pytest.mark.usefixtures("_shipped")
def test_a_model_that_does_not_answer_the_task_is_an_error() -> None:
    with pytest.raises(ModelError, match="answers superclass, mi_sttc, four_class, not ami"):
        classify(record(), task="ami", model="twelve")


@pytest.mark.parametrize(
    "changes",
    [{"task": "x"}, {"age": -1.0}, {"sex": "x"}, {"route": "x"}, {"threshold": "f1"}, {"threshold": "2"}, {"hue": 1}],
)
def test_wrong_options_are_refused(changes) -> None:
    with pytest.raises(OptionsError):
        classify(record(), **changes)


@pytest.mark.usefixtures("_shipped")
def test_files_of_records_and_pages_are_classified(tmp_path, monkeypatch) -> None:
    header = write_wfdb(record(), tmp_path, "r")
    assert classify(header, task="mi_sttc")[0].status == "answered"

    from PIL import Image

    import digitize
    from digitize.result import Digitization
    from ecg.page import Page

    page = Page(np.full((40, 60, 3), 255, np.uint8))
    readings = [
        Digitization(record(), page, "review", ("a lead is poor",)),
        Digitization(None, page, "refused", ("grid: no grid was found",)),
    ]
    monkeypatch.setattr(digitize, "read_file", lambda _path: iter(readings), raising=False)
    Image.fromarray(page.image).save(tmp_path / "p.png")
    first, second = classify(tmp_path / "p.png", task="mi_sttc")
    assert (first.page, first.status) == (1, "answered")
    assert first.reasons == ("the page needs review: a lead is poor",)
    assert (second.page, second.status, second.reasons) == (2, "refused", ("grid: no grid was found",))


@pytest.mark.usefixtures("_shipped")
def test_the_published_route_names_its_networks_and_where_to_get_them(tmp_path, monkeypatch, models) -> None:
    monkeypatch.setenv("EINTHOVEN_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="twelve_lead_cnn does not ship"):
        classify(record(), route="published")
    with pytest.raises(ModelError, match="lead_ii_cnn does not ship"):
        classify(record(("V5",)), route="published")
    (tmp_path / "lead_ii_cnn").symlink_to(models["lead_ii"])
    (found,) = classify(record(("V5",)), task="mi_sttc", route="published")
    assert found.status == "answered"
    assert found.reasons == ("the only lead, V5, is taken for II",)


@pytest.mark.usefixtures("_shipped")
def test_the_published_route_reads_the_strip_of_a_page(tmp_path, monkeypatch, models) -> None:
    from PIL import Image

    from digitize import rhythm_strip

    monkeypatch.setattr(rhythm_strip, "rhythm_strip", lambda _page: np.sin(np.arange(5000.0) / 80)[None])
    Image.fromarray(np.full((40, 60, 3), 255, np.uint8)).save(tmp_path / "p.png")
    options = ClassifyOptions(task="mi_sttc", route="published", model=str(models["lead_ii"]))
    (found,) = classify(tmp_path / "p.png", options)
    assert found.status == "refused", "a signal without unit into a network in millivolts"
    assert found.reasons[0].startswith("experimental")


def test_answering_by_onnx_needs_no_torch(models) -> None:
    code = (
        "import sys, numpy as np\n"
        "from classify.predict import classify\n"
        "from ecg import LEADS, ECGRecord\n"
        "rng = np.random.default_rng(0)\n"
        "record = ECGRecord(rng.standard_normal((12, 1000)) / 5, 100, LEADS)\n"
        f"found = classify(record, task='mi_sttc', model={str(models['twelve'])!r})\n"
        "print(found[0].status, 'torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "answered False False\n"


def test_a_damaged_onnx_file_is_one_clear_line(models, tmp_path) -> None:
    import hashlib
    import json
    import shutil

    shutil.copytree(models["twelve"], tmp_path / "m")
    (tmp_path / "m" / "model.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match="damaged or of another model"):
        load_classifier(tmp_path / "m")
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    card["sha256_onnx"] = hashlib.sha256(b"no network").hexdigest()
    (tmp_path / "m" / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="cannot be run"):
        load_classifier(tmp_path / "m")
    assert load_card(tmp_path / "m").name == "twelve"


def paced(leads: int = 12, fs: float = 500.0, mv: float = 0.8) -> ECGRecord:
    """A wide rhythm with a spike of one sample ahead of each beat."""
    t = np.arange(round(10 * fs)) / fs
    beats = np.arange(0.5, 10, 0.9)
    x = sum(np.exp(-0.5 * ((t - beat - 0.12) / 0.03) ** 2) for beat in beats)
    signal = np.tile(x, (leads, 1))
    signal[:, (beats * fs).astype(int)] += mv
    return ECGRecord(signal, fs, LEADS[:leads])


def test_pacing_spikes_are_found_where_the_rate_shows_them() -> None:
    times = pacing_spikes(paced())
    assert times == pytest.approx(np.arange(0.5, 10, 0.9), abs=0.005)
    assert pacemaker_reason(paced()) == "11 pacing spikes were found"
    assert pacemaker_reason(paced(leads=1)) == "11 pacing spikes were found"
    assert pacing_spikes(paced(fs=100.0)).size == 0
    assert pacing_spikes(paced(mv=0.0)).size == 0
    one = np.array(paced(mv=0.0).signal)
    one[3, 250::450] += 1
    assert pacing_spikes(ECGRecord(one, 500, LEADS)).size == 0, "an artefact in one lead"


@pytest.mark.parametrize(
    ("text", "is_paced"),
    [
        ("Pacemaker rhythm", True),
        ("atrial-paced", True),
        ("no pacemaker", False),
        ("not paced", False),
        ("space heater", False),
    ],
)
def test_statements_about_pacemakers_are_read(text, is_paced) -> None:
    assert bool(pacemaker_reason(ECGRecord(np.zeros((1, 100)), 100, ("II",), {"comments": (text,)}))) is is_paced
