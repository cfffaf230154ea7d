"""The examinations run from the command, go on where they stopped, and fail a constant map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("captum")

from benchmarks import explanation_tables, explanations
from benchmarks.drawn_hearts import heart
from benchmarks.explained_pages import pages
from explain.examine import CONTROLS, EXAMINATIONS, Figure, maps_of, summarised
from explain.truth import inside_truth, truth_of


@pytest.fixture(scope="module")
def small() -> Any:
    """Networks that learn synthetic infarctions in seconds: two seeds, and one of shuffled labels."""
    return explanations._small_networks(hearts=160)


@pytest.fixture(scope="module")
def work(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    methods = ("saliency", "integrated_smooth")
    explanations._kept(folder / "infarctions.jsonl", explanations.infarctions(small[0], methods, 5, "ami"))
    return folder


def test_the_small_network_knows_its_infarctions(work: Path) -> None:
    rows = explanations._read(work / "infarctions.jsonl")
    assert [row["key"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert sum(row["positive"] for row in rows) >= 3
    assert all("figures" in row for row in rows if row["positive"])


def test_what_is_done_is_not_done_again(work: Path, small: Any) -> None:
    before = (work / "infarctions.jsonl").read_text()
    explanations._kept(work / "infarctions.jsonl", explanations.infarctions(small[0], ("saliency",), 5, "ami"))
    assert (work / "infarctions.jsonl").read_text() == before


def test_a_constant_map_fails_every_examination(work: Path) -> None:
    found = explanations.summary({"infarctions": explanations._read(work / "infarctions.jsonl")})
    told = found["examinations"]["infarctions"]
    assert set(told) >= {
        "deletion",
        "insertion",
        "infidelity",
        "fidelity",
        "sensitivity",
        "cascade",
        "territory",
        "st_t",
        "leading_lead",
    }
    assert all("constant" in by_method for by_method in told.values())
    assert found["constant_fails"]
    assert told["territory"]["constant"]["value"] == pytest.approx(1)
    assert told["cascade"]["constant"]["value"] == 1
    assert told["deletion"]["integrated_smooth"]["passed"]
    assert told["cascade"]["amplitude"]["value"] == pytest.approx(1), "the record's own size knows no network"


def test_dear_methods_examine_every_fourth_record() -> None:
    assert explanations._on(3, ("saliency", "scorecam")) == ("saliency",)
    assert explanations._on(4, ("saliency", "scorecam")) == ("saliency", "scorecam")
    assert set(explanations.DEAR) < set(explanations.METHODS_EXAMINED)


def test_networks_of_other_seeds_and_of_shuffled_labels_are_compared(small: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(explanations, "_small_networks", lambda: small)
    rows = [job() for _, job in explanations.networks(("integrated_smooth",), 2)]
    for row in rows:
        for name in ("seeds", "labels"):
            assert row["faithful"][name]["constant"] == 0
            assert set(row["faithful"][name]) == {"integrated_smooth", *CONTROLS}
            # Maps of noise agree with nothing; a rank correlation minus another lies within two of nought.
            assert abs(row["faithful"][name]["random"]) < 0.2
            assert 0 < abs(row["faithful"][name]["integrated_smooth"]) < 2


def test_the_truth_of_premature_beats_is_found_by_a_map_that_is_the_truth(small: Any) -> None:
    from dataclasses import replace

    from explain.methods import ExplainOptions

    record = heart(3, "pvc")
    maps = maps_of(small[0], record, ("saliency",), ExplainOptions(task="ami"))
    truth = truth_of(record, 100.0, 1000)
    assert 0 < truth.mean() < 0.5
    perfect = replace(maps["saliency"], values=truth.astype(np.float32))
    found = inside_truth(record, {"perfect": perfect, "constant": maps["constant"]})
    assert found["pointing_pvc"]["perfect"] == 1
    assert found["share_pvc"]["perfect"] == pytest.approx(1 / truth.mean())
    assert found["pointing_pvc"]["constant"] == pytest.approx(truth.mean())
    assert found["share_pvc"]["constant"] == pytest.approx(1)


def test_an_examination_is_passed_only_where_the_interval_keeps_off_the_level() -> None:
    rng = np.random.default_rng(0)
    assert summarised("deletion", [0.1, 0.2, 0.15, 0.12], rng).passed
    assert not summarised("deletion", [0.1, -0.2, 0.15, 0.12], rng).passed
    assert not summarised("deletion", [0.0] * 10, rng).passed
    assert summarised("cascade", [0.1, 0.2, 0.15], rng).passed
    assert not summarised("cascade", [0.9, 1.0], rng).passed
    assert summarised("deletion", [0.3, float("nan")], rng) == Figure(
        summarised("deletion", [0.3], rng).value, 1, False
    )
    assert set(EXAMINATIONS) >= {"labels", "seeds"}


def test_the_tables_say_what_the_results_say(work: Path) -> None:
    found = explanations.summary({"infarctions": explanations._read(work / "infarctions.jsonl"), "fold9": claims()})
    head = {"schema": {"name": explanations.SCHEMA, "version": 1}, "version": "1", "commit": "c" * 40}
    content = json.loads(json.dumps({**head, "model": "small", "sha256": "a" * 64, **found}))
    text = explanation_tables.render_examinations({"small": content})
    assert "Synthetic acute infarctions" in text
    assert "fails every examination" in text
    assert text.count("| constant |") == 1
    told = explanation_tables.render_claims({"small": content})
    assert "2 true positives" in told
    assert "| 2.00 |" in told
    assert "deletion" in explanation_tables.render_levels()
    assert "No results yet" in explanation_tables.render_examinations({})


def claims() -> list[dict[str, Any]]:
    leads = dict.fromkeys(("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"), 1.0)
    one = {"st_t": 2.0, "leading": "II", "leads": leads, "onsets": None}
    return [
        {"key": "a", "positive": True, "group": "inferior", "claims": {"saliency": one}},
        {"key": "b", "positive": True, "group": "anterior", "claims": {"saliency": {**one, "leading": "V1"}}},
        {"key": "c", "positive": False, "group": "anterior"},
    ]


def test_an_examination_that_chance_passes_too_counts_for_nobody() -> None:
    def told(value: float, lo: float, hi: float) -> dict[str, Any]:
        return {"value": value, "lo": lo, "hi": hi, "n": 9, "passed": lo > 1}

    lucky, worse, better = told(2.0, 1.5, 2.5), told(2.2, 1.6, 2.8), told(4.0, 3.0, 5.0)
    assert explanation_tables.void({"random": lucky, "saliency": worse, "amplitude": better})
    assert not explanation_tables.void({"random": lucky, "saliency": worse, "gradcam": better})
    assert not explanation_tables.void({"random": told(1.0, 0.9, 1.1), "saliency": worse})
    table = explanation_tables._table({"territory": {"random": lucky, "saliency": worse}}, {})
    assert "territory, n 9 (void)" in table
    assert "**" not in table


def test_image_networks_are_examined_on_drawn_pages() -> None:
    import torch

    from classify.models import MODELS
    from ecg.checkpoint import ModelCard
    from explain.subject import subject_of

    entry = MODELS["baseline_cnn"]
    given: dict[str, Any] = {key: {} for key in ("arguments", "thresholds", "data", "folds", "metrics")}
    given |= {"name": "picture", "task": "four_class", "architecture": entry.name, "seed": 0, "commit": ""}
    given |= {"input_spec": entry.spec.to_dict(), "labels": ("NORM", "MI", "HMI", "HB"), "temperature": 1.0}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = entry.build(4).eval()
    subject = subject_of(network, ModelCard(**given, intended_use="tests", limits=()), entry)
    ((key, job),) = pages(subject, ("saliency",), 1, "four_class")
    row = job()
    assert key == "0"
    assert row["kind"] == "norm"
    assert set(row["faithful"]) == {"deletion", "insertion", "cascade"}
    assert all(set(told) == {"saliency", "random", "constant"} for told in row["faithful"].values())
    assert row["faithful"]["deletion"]["constant"] <= 0
    found = explanations.summary({"pages": [row]})
    assert "Pages of synthetic hearts" in explanation_tables.render_examinations(
        {"picture": {**found, "sha256": "a" * 64, "version": "1", "commit": "c" * 40}}
    )


def test_a_wrong_part_starts_nothing(tmp_path: Path, capsys: Any) -> None:
    assert explanations.main(["nowhere", "--work", str(tmp_path)]) == 2
    assert "nowhere" in capsys.readouterr().err
