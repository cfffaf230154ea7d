"""The experiments are complete, and the tables say what the results say."""

from __future__ import annotations

import json

import pytest

from benchmarks import classifier_tables, classifiers
from benchmarks.classifiers import EXPERIMENTS, main
from classify.labels import TASKS
from classify.models import MODELS


def test_every_model_and_ablation_of_the_literature_has_its_experiment() -> None:
    trained = {e.model for e in EXPERIMENTS.values()}
    signal = {name for name, entry in MODELS.items() if entry.spec.kind not in ("page", "patterns")}
    assert signal - {"resnet1d_se"} <= trained, "ours goes by the name default"
    assert {e.task for e in EXPERIMENTS.values()} == set(TASKS)
    for name in ("ablation_500_hz", "ablation_100_hz", "ablation_tenth", "ablation_gpu", "ablation_cpu"):
        assert EXPERIMENTS[name].group == "ablation"
    systems = json.loads((classifier_tables.HERE / "published.json").read_text())["systems"]
    for experiment in EXPERIMENTS.values():
        assert not experiment.published or experiment.published in systems
    assert {e.published for e in EXPERIMENTS.values()} >= {n for n, s in systems.items() if s["model"]}


def test_published_figures_are_those_of_the_publications() -> None:
    systems = json.loads((classifier_tables.HERE / "published.json").read_text())["systems"]
    twelve = systems["ijraset_12_lead"]
    assert (twelve["metrics"]["auroc"], twelve["metrics"]["f1"], twelve["threshold"]) == (0.8991, 0.8436, 0.43)
    assert systems["gupta"]["metrics"]["sensitivity"] == [0.671, 0.776]
    for system in systems.values():
        assert system["data"] in ("other data", "PTB-XL, fold 10")


def result(name: str, auroc: float) -> dict:
    figure = {"value": auroc, "lo": auroc - 0.01, "hi": auroc + 0.01}
    experiment = EXPERIMENTS[name]
    return {
        "schema": {"name": classifiers.SCHEMA, "version": 1},
        "experiment": {k: getattr(experiment, k) for k in ("name", "group", "what", "published", "model")},
        "task": experiment.task,
        "protocol": "official",
        "fold": 9,
        "n": 2183,
        "commit": "0123456789abcdef",
        "parameters": 10_328_225,
        "epochs": 8,
        "metrics": dict.fromkeys(classifier_tables._SHOWN, figure),
        "groups": {
            "sex F": {"n": 60, "metrics": dict.fromkeys(("auroc", "sensitivity", "specificity", "ece"), figure)}
        },
    }


def test_tables_show_ours_with_intervals_and_theirs_as_other_data(tmp_path) -> None:
    for name, auroc in (("twelve_lead_cnn_mi_sttc", 0.912), ("xresnet1d101_mi_sttc", 0.94)):
        (tmp_path / f"classifier_{name}.json").write_text(json.dumps(result(name, auroc)))
    (tmp_path / "classifier_other.json").write_text('{"schema": {"name": "x"}}')
    results = classifier_tables.load_classifiers(tmp_path)
    assert list(results) == ["xresnet1d101_mi_sttc", "twelve_lead_cnn_mi_sttc"], "the best first"
    text = classifier_tables.render_group("models", results)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1, "as many cells in each row"
    name = "**`twelve_lead_cnn`**, one network for two tasks"
    assert f"| {name} | fold 9, n = 2183 | 10,328,225 | 8 | **0.912** (0.902–0.922) |" in text
    assert "_as published: 12-lead CNN_ | _other data_ |  |  | _0.8991_ |" in text
    assert "No results yet" in classifier_tables.render_group("hospitals", results)
    assert "| sex F | 60 | **0.912**" in classifier_tables.render_subgroups(results, "twelve_lead_cnn_mi_sttc")
    assert "0.671–0.776" in classifier_tables.render_published()


def test_the_cost_of_printing_and_reading_is_told_by_task(tmp_path) -> None:
    def figure(value: float) -> dict:
        return {"value": value, "lo": value - 0.01, "hi": value + 0.01}

    ways = {way: {"auroc": figure(0.9)} for way in ("digital", "printed", "page")}
    content = {
        "pages": 7,
        "refused": 1,
        "commit": "0123456789abc",
        "tasks": {"mi": {**ways, "difference": figure(-0.02)}},
    }
    (tmp_path / "drawn.json").write_text(json.dumps(content))
    text = classifier_tables.render_drawn(tmp_path / "drawn.json")
    assert "| `mi` | **0.900** (0.890–0.910) |" in text
    assert "**-0.020** (-0.030–-0.010) |" in text
    assert "7 records, of which 1 pages were refused" in text
    assert "No results yet" in classifier_tables.render_drawn(tmp_path / "none.json")


def test_the_command_lists_experiments_and_refuses_unknown_ones(capsys) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(EXPERIMENTS)
    assert main(["no_such", "--ptbxl", "x", "--work", "y"]) == 2
    assert "there is no experiment 'no_such'" in capsys.readouterr().err
    assert main([]) == 2


@pytest.mark.parametrize("name", ["image_signal_cnn_mi_sttc", "default_pages_mi_sttc"])
def test_experiments_on_pages_ask_for_pages(tmp_path, capsys, name) -> None:
    assert main([name, "--ptbxl", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "--images" in capsys.readouterr().err
