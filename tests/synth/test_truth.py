"""The truth's documented schema against what is written, and the truth against itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args, get_type_hints

import jsonschema
import numpy as np
import pytest

from ecg import ECGRecord
from synth.degrade.presets import MEMBERS, MIXTURE
from synth.page import TextBox, move_points
from synth.source import draw_page, iter_pages
from synth.style import PRESETS
from synth.truth import SCHEMA, plain, truth
from synth.writer import write_set

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schema():
    return json.loads((ROOT / "docs/schemas/synth-page.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Truth of a page of every preset, by preset."""
    found = {}
    for preset in PRESETS:
        out = tmp_path_factory.mktemp(preset)
        write_set(out, 1, preset, seed=8)
        found[preset] = json.loads((out / "pages/000000.json").read_text(encoding="utf-8"))
    return found


def test_the_schema_itself_is_sound(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    named = schema["properties"]["schema"]["properties"]
    assert {key: value["const"] for key, value in named.items()} == SCHEMA


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_written_follows_the_schema(schema, written, preset):
    faults = [
        f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:200]}"
        for fault in jsonschema.Draft202012Validator(schema).iter_errors(written[preset])
    ]
    assert faults == []


def test_the_schema_refuses_what_does_not_follow_it(schema, written):
    validator = jsonschema.Draft202012Validator(schema)
    told = written["clean"]
    for broken in (
        {**told, "surprise": 1},
        {key: value for key, value in told.items() if key != "traces"},
        {**told, "corners": told["corners"][:3]},
        {**told, "texts": [{"role": "poem", "text": "", "quad": told["corners"]}]},
    ):
        assert not validator.is_valid(broken)


def test_the_schema_knows_every_kind_of_print(schema):
    roles = get_args(get_type_hints(TextBox)["role"])
    assert set(schema["properties"]["texts"]["items"]["properties"]["role"]["enum"]) == set(roles)


def test_member_and_preset_are_told(written):
    for preset, told in written.items():
        assert told["set"]["preset"] == preset
        if preset == MIXTURE:
            assert told["set"]["member"] in MEMBERS
        else:
            assert told["set"]["member"] == preset


def test_the_mixture_draws_presets_and_is_none_of_them():
    assert set(PRESETS) - {MIXTURE} <= set(MEMBERS)
    assert MIXTURE not in MEMBERS
    assert sum(MEMBERS.values()) == pytest.approx(1)


def test_the_paper_map_leads_from_millimetres_to_the_corners(written):
    for told in written.values():
        sheet = told["paper_map"]
        points = np.array(sheet["points"])
        assert points.shape == (len(sheet["y_mm"]), len(sheet["x_mm"]), 2)
        assert (sheet["x_mm"][0], sheet["y_mm"][0]) == (0, 0)
        ends = points[[0, 0, -1, -1], [0, -1, -1, 0]]
        np.testing.assert_allclose(ends, told["corners"], atol=0.02)


def test_a_flat_page_s_map_is_its_homography():
    page = next(iter_pages(preset="published", seed=8))
    told = truth(page)
    x, y = np.meshgrid(told["paper_map"]["x_mm"], told["paper_map"]["y_mm"])
    scale = told["scale"]
    drawn = np.column_stack([x.ravel() * scale["px_per_mm_x"] - 0.5, y.ravel() * scale["px_per_mm_y"] - 0.5])
    moved = move_points(np.array(told["homography"]), drawn)
    np.testing.assert_allclose(moved, np.array(told["paper_map"]["points"]).reshape(-1, 2), atol=0.1)


def test_missing_samples_are_null_and_json_has_no_nan():
    signal = np.zeros((1, 5000), np.float32)
    signal[0, 100:200] = np.nan
    told = truth(draw_page(ECGRecord(signal, 500.0, ("I",)), "clean", 0))
    text = json.dumps(told, allow_nan=False)
    trace = next(trace for trace in json.loads(text)["traces"] if trace["lead"] == "I")
    assert trace["y"][100:200] == [None] * 100
    assert None not in trace["y"][:100]


def test_points_are_rounded_to_a_hundredth():
    assert plain(np.array([[1.006, -2.004]])) == [[1.01, -2.0]]
