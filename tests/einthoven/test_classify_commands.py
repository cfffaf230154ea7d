"""train, evaluate and classify on tiny sets: what they write, and what they refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from ecg.formats import write_wfdb
from ecg.record import LEADS, ECGRecord
from einthoven.cli import main

CONFIG = """
[train]
epochs = 3
batch = 8
precision = "32"
accelerator = "cpu"
ema = 0.8
crop_s = 5.0

[paper]
share = 0.3

[model]
widths = [8, 8]
depths = [1, 1]
kernel = 5
stem = 9
dropout = 0.0
"""


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(w) for w in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def heart(rng: np.random.Generator, sick: bool) -> np.ndarray:
    """Twelve leads in mV, ten seconds at 100 Hz; the sick one has broad waves in V1 to V4."""
    t = np.arange(1000) / 100
    since = (t - rng.random()) % 0.8
    qrs, late = (np.exp(-0.5 * ((since - at) / width) ** 2) for at, width in ((0.25, 0.015), (0.4, 0.06)))
    eight = rng.uniform(0.6, 1.4, (8, 1)) * qrs + 0.02 * rng.standard_normal((8, 1000))
    eight[2:6] += 0.5 * sick * late
    one, two = eight[:2]
    return np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *eight[2:]])


@pytest.fixture(scope="module")
def ptbxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty records in the layout of PTB-XL: folds 1, 2, 9 and 10."""
    root = tmp_path_factory.mktemp("ptb-xl")
    (root / "scp_statements.csv").write_text(
        ",description,diagnostic,diagnostic_class,diagnostic_subclass\n"
        "NORM,normal,1.0,NORM,NORM\nAMI,infarction,1.0,MI,AMI\nSR,sinus rhythm,,,\n"
    )
    lines = ["ecg_id,patient_id,age,sex,site,device,scp_codes,strat_fold,infarction_stadium1,filename_lr,filename_hr"]
    for number in range(40):
        sick = number % 2 == 0
        name = f"records100/00000/{number:05d}_lr"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        record = ECGRecord(heart(np.random.default_rng(number), sick), 100, LEADS)
        write_wfdb(record, (root / name).parent, f"{number:05d}_lr")
        codes = "{'AMI': 100.0}" if sick else "{'NORM': 100.0, 'SR': 0.0}"
        fold = (1, 2, 9, 10)[number // 2 % 4]
        stadium = "Stadium I" if sick else ""
        lines.append(f'{number},{number // 2},60,{number % 2},0,CS-12,"{codes}",{fold},{stadium},{name},{name}')
    (root / "ptbxl_database.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def model(ptbxl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "model"
    config = out.parent / "tiny.toml"
    config.write_text(CONFIG)
    words = ["train", "--task", "superclass,mi_sttc", "--model", "default", "--ptbxl", ptbxl, "--config", config]
    assert main([str(w) for w in (*words, "-o", out)]) == 0
    return out


def test_train_writes_the_model_folder(model) -> None:
    wanted = {"model.safetensors", "card.json", "model.onnx", "history.csv", "history.png", "last.ckpt"}
    assert wanted <= {path.name for path in model.iterdir()}
    card = json.loads((model / "card.json").read_text())
    assert card["folds"] == {"protocol": "official", "train": ["1", "2"], "validation": ["9"]}
    assert card["data"]["paper"]["share"] == 0.3
    assert card["commit"]
    with (model / "history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_the_same_command_finds_its_work_done(model, ptbxl, capsys) -> None:
    before = json.loads((model / "card.json").read_text())["sha256"]
    config = model.parent / "tiny.toml"
    words = ("train", "--task", "superclass,mi_sttc", "--ptbxl", ptbxl, "--config", config, "-o", model)
    status, told, errors = run(capsys, *words)
    assert (status, errors) == (0, "")
    assert "superclass: AUROC on validation" in told
    assert json.loads((model / "card.json").read_text())["sha256"] == before
    status, _, errors = run(capsys, *words, "--epochs", 9)
    assert status == 2
    assert "holds a run with other options" in errors


def test_evaluate_writes_metrics_predictions_and_pictures(model, ptbxl, tmp_path, capsys) -> None:
    words = ("evaluate", "--task", "mi_sttc", "--model", model, "--ptbxl", ptbxl, "--bootstrap", 50)
    status, told, errors = run(capsys, *words, "--fold", 9, "-o", tmp_path / "nine")
    assert (status, errors) == (0, "")
    assert "auroc" in told
    content = json.loads((tmp_path / "nine" / "metrics.json").read_text())
    assert content["schema"]["name"] == "einthoven.evaluation"
    assert (content["task"], content["fold"], content["n"], content["n_patients"]) == ("mi_sttc", 9, 10, 5)
    assert set(content["metrics"]["auroc"]) == {"value", "lo", "hi"}
    assert "mi_sttc" in content["per_label"]
    assert isinstance(content["threshold"], float)
    with (tmp_path / "nine" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "patient_id", "fold", "label", "y", "p"]
    assert len(rows) == 10
    assert {"roc.png", "reliability.png", "confusion.png"} <= {p.name for p in (tmp_path / "nine").iterdir()}
    assert run(capsys, *words, "--fold", 10, "-o", tmp_path / "ten")[0] == 0, "the test fold, where it is present"
    status, _, errors = run(capsys, *words, "--fold", 5, "-o", tmp_path / "five")
    assert (status, len(errors.splitlines())) == (2, 1)
    assert "no record of fold 5" in errors


def test_evaluate_needs_no_model_for_a_table(tmp_path, capsys) -> None:
    rng = np.random.default_rng(0)
    for name, skill in (("test", 2.0), ("val", 2.0), ("weak", 0.3)):
        y = np.arange(200) % 2
        p = 1 / (1 + np.exp(-(skill * (2 * y - 1) + rng.standard_normal(200))))
        rows = [f"{k},{k // 2},10,mi,{y[k]},{p[k]:.5f}" for k in range(200)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,patient_id,fold,label,y,p", *rows]) + "\n")
    words = ("evaluate", "--task", "mi", "--predictions", tmp_path / "test.csv", "--bootstrap", 50)
    more = ("--validation", tmp_path / "val.csv", "--threshold", "youden", "--compare", f"weak={tmp_path / 'weak.csv'}")
    status, told, errors = run(capsys, *words, *more, "-o", tmp_path / "out")
    assert (status, errors) == (0, "")
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (content["model"], content["fold"], content["n"], content["n_patients"]) == ("", 10, 200, 100)
    assert content["metrics"]["auroc"]["value"] > 0.95
    assert content["threshold"] not in (0.0, 0.5)
    difference = content["comparisons"]["weak"]["auroc_difference"]
    assert 0 < difference["lo"] < difference["value"]
    assert "AUROC minus that of weak: +" in told
    assert run(capsys, *words, "-o", tmp_path / "plain")[0] == 0
    assert json.loads((tmp_path / "plain" / "metrics.json").read_text())["threshold"] == 0.5
    status, _, errors = run(capsys, *words, "--threshold", "f1", "-o", tmp_path / "x")
    assert status == 2
    assert "--validation" in errors


def test_classify_writes_a_row_a_label(model, ptbxl, tmp_path, capsys) -> None:
    headers = sorted((ptbxl / "records100/00000").glob("0000[0-2]_lr.hea"))
    (tmp_path / "broken.hea").write_text("broken 12 100 1000\n")
    words = ("classify", *headers, tmp_path / "broken.hea", "--task", "superclass", "--model", model, "--age", 50)
    status, told, errors = run(capsys, *words, "-o", tmp_path / "out")
    assert status == 1
    assert len(errors.splitlines()) == 1
    assert "AUROC on validation" in told, "the card is told"
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = [
        "file",
        "stem",
        "route",
        "model",
        "task",
        "label",
        "probability",
        "threshold",
        "decision",
        "status",
        "reason",
    ]
    assert list(rows[0])[: len(first)] == first
    answered = [row for row in rows if row["status"] == "answered"]
    assert len(answered) == 15
    assert {row["label"] for row in answered} == {"NORM", "MI", "STTC", "CD", "HYP"}
    for row in answered:
        assert int(row["decision"]) == (float(row["probability"]) >= float(row["threshold"]))
        assert (row["age_from"], row["stem"]) == ("option", Path(row["file"]).stem)
    assert [row["status"] for row in rows if row["stem"] == "broken"] == ["failed"]


def test_classify_says_why_it_abstains(model, ptbxl, tmp_path, capsys) -> None:
    header = next((ptbxl / "records100/00000").glob("*.hea"))
    status, _, _ = run(capsys, "classify", header, "--task", "mi_sttc", "--model", model, "--age", 7, "-o", tmp_path)
    assert status == 0
    with (tmp_path / "predictions.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["status"], row["decision"]) == ("abstained", "")
    assert "7 years old" in row["reason"]
    assert float(row["probability"]) >= 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--task", "mi"), "--ptbxl DIR or --images DIR"),
        (("train", "--task", "mi,mi", "--ptbxl", "DATA"), "once"),
        (("train", "--task", "x", "--ptbxl", "DATA"), "there is no task 'x'"),
        (("train", "--task", "mi", "--model", "vgg", "--ptbxl", "DATA"), "there is no model 'vgg'"),
        (("train", "--task", "mi", "--ptbxl", "DATA", "--protocol", "loho"), "--protocol is"),
        (("train", "--task", "mi", "--ptbxl", "DATA", "--protocol", "without:moon"), "unknown hospital 'moon'"),
        (("train", "--task", "mi", "--ptbxl", "DATA", "--leads", "III"), "--leads restricts"),
        (("train", "--task", "mi", "--ptbxl", "DATA", "--epochs", 0), "epochs must be 1"),
        (("evaluate", "--task", "mi"), "--predictions FILE"),
        (("evaluate", "--task", "mi", "--model", "no_such", "--ptbxl", "DATA"), "no model 'no_such'"),
        (("classify",), "name at least one file"),
        (("classify", "DATA/ptbxl_database.csv", "--task", "x"), "there is no task"),
        (("classify", "DATA/records100/00000/00000_lr.hea", "--model", "no_such"), "no model 'no_such'"),
    ],
)
def test_what_cannot_start_is_one_line_and_status_2(ptbxl, tmp_path, capsys, words, message) -> None:
    given = [str(w).replace("DATA", str(ptbxl)) for w in words]
    status, _, errors = run(capsys, *given, "-o", tmp_path / "out")
    assert (status, len(errors.splitlines())) == (2, 1)
    assert message in errors


def test_a_network_of_one_lead_is_trained_and_measured(ptbxl, model, tmp_path, capsys) -> None:
    config = model.parent / "tiny.toml"
    words = ("train", "--task", "mi", "--ptbxl", ptbxl, "--config", config, "--leads", "II", "--epochs", 1)
    assert run(capsys, *words, "-o", tmp_path / "m")[0] == 0
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    assert card["input_spec"]["leads"] == ["II"]
    assert card["abstain"]["min_leads"] == 1


def test_pages_train_the_published_image_network_s_reader(tmp_path, capsys) -> None:
    """The strip of drawn pages goes into a network; here a small one, trained for one epoch."""
    assert run(capsys, "synth", "--n", 8, "--preset", "clean", "-o", tmp_path / "set", "--seed", 3)[0] == 0
    from classify.inputs import InputSpec
    from classify.pages import from_pages

    spec = InputSpec(kind="leads", leads=("II",), fs=500, seconds=10, normalise="zscore")
    known = from_pages(tmp_path / "set", ["superclass", "mi"], spec, "strip", tmp_path / "cache")
    assert len(known) == 8
    assert known.usable().any()
    x = known.inputs(np.flatnonzero(known.usable()))
    assert x.shape[1:] == (1, 5000)
    assert np.abs(x.mean(axis=2)).max() < 1e-3
    assert known.answers["mi"].shape == (8, 1)
    again = from_pages(tmp_path / "set", ["mi"], spec, "strip", tmp_path / "cache")
    assert again.signals is not None
    assert len(list((tmp_path / "cache").iterdir())) == 1
