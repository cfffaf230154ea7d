"""The benchmark of drawing: that it measures what it says, and that its table follows from its result."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import synth_speed, synth_tables


def test_pages_are_pinned_to_the_sheet_that_is_named() -> None:
    draw, heart = next(synth_speed.pinned_pages("scan", 1))
    page = draw()
    assert page.style.paper_mm == (297.0, 210.0)
    assert page.style.dpi == 200.0
    assert heart > 0
    assert [step["name"] for step in page.steps]  # damaged as the preset says
    np.testing.assert_array_equal(draw().page.image, page.page.image)


def test_the_summary_is_that_of_the_figures() -> None:
    seconds = {"page": [0.01, 0.02, 0.06], "heart": [0.005] * 3, "json": [0.001] * 3}
    told = synth_speed.summary({"clean": seconds, "field": {**seconds, "page": [0.2, 0.2, 0.5]}})
    assert told["presets"]["clean"] == {
        "n": 3,
        "median_ms": pytest.approx(20),
        "p90_ms": pytest.approx(52),
        "max_ms": pytest.approx(60),
    }
    assert told["heart_median_ms"] == pytest.approx(5)
    assert told["schema"]["name"] == "einthoven.synth_speed"


def test_measuring_gives_a_figure_a_page(monkeypatch) -> None:
    monkeypatch.setattr(synth_speed, "WARM_UP", 1)
    found = synth_speed.measure("clean", 2)
    assert [len(values) for values in found.values()] == [2, 2, 2]
    assert min(found["page"]) > 0


def test_the_table_names_every_preset_and_the_kit(tmp_path) -> None:
    from einthoven.outputs import write_json

    assert "python -m benchmarks.synth_speed" in synth_tables.render_speed(tmp_path)
    seconds = {"page": [0.02], "heart": [0.005], "json": [0.001]}
    write_json(tmp_path / "synth_speed.json", synth_speed.summary({"clean": seconds, "phone": seconds}))
    table = synth_tables.render_speed(tmp_path)
    assert "| `clean` | 1 | **20** | 20 |" in table
    assert "`phone`" in table
    assert "ecg-image-kit" in table
