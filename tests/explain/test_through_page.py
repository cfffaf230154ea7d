"""An explanation of a page lies on the ink that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from subjects import heart
from test_anatomy import explanation

from digitize import digitize
from ecg.record import LEADS
from explain.colours import normalised, tinted
from explain.figures import (
    draw_heat_map,
    draw_lead_grid,
    draw_leading_lead,
    draw_one_lead,
    draw_prediction,
    draw_summary,
)
from explain.through_page import draw_on_page, page_heat
from synth import demo_page


@pytest.fixture(scope="module")
def scanned() -> tuple[Any, Any]:
    """Page whose truth is known, turned by a few degrees, and its reading."""
    page = demo_page()
    return page, digitize(page.page)


def bump(lead: str, at_s: float, fs: float = 100.0) -> np.ndarray:
    values = np.zeros((12, 1000))
    values[LEADS.index(lead), round((at_s - 0.05) * fs) : round((at_s + 0.05) * fs)] = 1.0
    return values


@pytest.mark.parametrize("lead", ["II", "aVL", "V1", "V6"])
def test_the_heat_of_a_moment_lies_on_the_ink_of_that_moment(scanned: Any, lead: str) -> None:
    truth, reading = scanned
    assert reading.record is not None
    box, trace = next((b, t) for b, t in zip(truth.boxes, truth.traces, strict=True) if b.lead == lead)
    at_s = 0.5 * (box.start_s + box.stop_s)
    heat = page_heat(reading, explanation(bump(lead, at_s)))
    assert heat.shape == reading.page.image.shape[:2]
    sample = round(at_s * truth.record.fs) - trace.first
    x, y = float(trace.x[sample]), float(trace.y[sample])
    assert heat[round(y), round(x)] == 1, "on the true ink"
    rows, columns = np.nonzero(heat)
    mm = reading.scale.px_per_mm_x
    copies = 2 if lead == "II" else 1  # its strip shows the same moment
    near = np.hypot(columns - x, rows - y) < 8 * mm
    assert near.mean() >= 0.95 / copies, "0.1 s is 2.5 mm wide"


def test_ink_stays_ink_and_paper_takes_the_colour(scanned: Any) -> None:
    _, reading = scanned
    drawn = draw_on_page(reading, explanation(bump("V1", 6.2)))
    assert drawn.shape == reading.page.image.shape
    changed = (drawn != reading.page.image).any(axis=2)
    assert 0 < changed.mean() < 0.05
    assert (drawn.astype(int) <= reading.page.image.astype(int) + 1).all(), "only darker, never lighter"
    tint = tinted(np.full((1, 2, 3), 255, np.uint8), np.array([[1.0, -1.0]]))
    assert tint[0, 0, 0] > tint[0, 0, 2], "orange speaks for"
    assert tint[0, 1, 2] > tint[0, 1, 0], "blue against"
    black = tinted(np.zeros((1, 1, 3), np.uint8), np.ones((1, 1)))
    assert not black.any()


def test_one_spike_does_not_bleach_the_rest() -> None:
    values = np.ones(1000)
    values[0] = 1000.0
    assert normalised(values)[1:].min() == 1
    assert not normalised(np.zeros(3)).any()


def test_every_figure_is_written_without_a_global_figure(tmp_path: Path) -> None:
    import sys

    from explain.anatomy import anatomy, shown_on, wave_labels

    record = heart("ami_anterior")
    values = np.random.default_rng(0).normal(size=(12, 1000))
    signed, plain = explanation(values, signed=True), explanation(np.abs(values))
    parts = anatomy(signed, wave_labels(record, 100, 1000), shown_on(record, 100, 1000))
    draw_summary(tmp_path / "a.png", signed, record, parts, "A text.")
    draw_heat_map(tmp_path / "b.png", plain, published=True)
    draw_heat_map(tmp_path / "c.png", signed)
    draw_lead_grid(tmp_path / "d.png", plain, record)
    draw_leading_lead(tmp_path / "e.png", plain, record, "V2")
    draw_one_lead(tmp_path / "f.png", plain, plain, record, "V2")
    draw_prediction(tmp_path / "g.png", plain, record, "V2")
    files = sorted(tmp_path.glob("*.png"))
    assert len(files) == 7
    assert all(file.stat().st_size > 10_000 for file in files)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
    draw_heat_map(tmp_path / "h.png", plain, published=True)
    assert (tmp_path / "h.png").read_bytes() == (tmp_path / "b.png").read_bytes()
