"""Calibration pulses on drawn pages: height, edges and foot, and none where none was printed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawings import BARE, draw, ink_of

from digitize.pulse import Pulse, agreed_height, find_pulses
from digitize.segment import bridged
from digitize.trace import Row, find_rows
from ecg import LAYOUTS, LEADS, ECGRecord
from synth import SynthPage, render


def pulses_on(page: SynthPage) -> tuple[Pulse, ...]:
    mm = page.scale.px_per_mm_x
    ink = bridged(ink_of(page), mm)
    return find_pulses(ink, find_rows(ink, mm)[0], mm)


@pytest.mark.parametrize("gain", [5.0, 10.0, 20.0])
@pytest.mark.parametrize(("layout", "grid"), [("3x4+1", True), ("3x4", False)])
def test_every_row_s_pulse_is_measured(heart: ECGRecord, layout: str, grid: bool, gain: float) -> None:
    page = draw(heart, layout, gain_mm_per_mv=gain, grid=grid)
    pulses = pulses_on(page)
    assert [p.row for p in pulses] == list(range(LAYOUTS[layout].n_lines))
    half = page.style.trace_width_mm * page.scale.px_per_mm_x / 2
    quads = [t.quad for t in page.texts if t.role == "pulse"]
    for pulse, quad in zip(pulses, quads, strict=True):
        # The truth's corners are those of the ink, half a pen outside the centre lines.
        assert pulse.left_px == pytest.approx(quad[0, 0] + half, abs=0.6)
        assert pulse.right_px == pytest.approx(quad[1, 0] - half, abs=0.6)
        assert pulse.top_px == pytest.approx(quad[0, 1] + half, abs=0.5)
        assert pulse.base_px == pytest.approx(quad[2, 1] - half, abs=0.5)
        assert pulse.height_px == pytest.approx(gain * page.scale.px_per_mm_y, rel=0.02)
    height = agreed_height(pulses)
    assert height is not None
    assert height == pytest.approx(page.scale.px_per_mv, rel=0.01)


@pytest.mark.parametrize("lean", [-0.02, 0.02])
def test_edges_that_lean_are_followed_to_their_foot(heart: ECGRecord, lean: float) -> None:
    """Two pixels in a hundred, as paper lies under a camera: each column of an edge ends before its foot."""
    page = draw(heart, "3x4+1")
    mm = page.scale.px_per_mm_x
    ink = bridged(ink_of(page), mm)
    shear = np.array([[1, lean, -lean * ink.shape[0] / 2], [0, 1, 0]])
    ink = cv2.warpAffine(ink, shear, ink.shape[::-1])
    pulses = find_pulses(ink, find_rows(ink, mm)[0], mm)
    assert len(pulses) == 4
    for pulse in pulses:
        assert pulse.height_px == pytest.approx(10 * page.scale.px_per_mm_y, rel=0.02)


@pytest.mark.parametrize("layout", ["3x4+1", "6x2", "12x1"])
def test_a_page_without_pulses_has_none(heart: ECGRecord, layout: str) -> None:
    assert pulses_on(draw(heart, layout, pulse="none", margin_top_mm=20.0)) == ()


def test_square_separators_and_tall_t_waves_are_no_pulses() -> None:
    # A signal of level tops without upright edges: humps 0.2 s wide with slopes of 0.1 s.
    t = np.arange(5000) / 500
    phase = t % 1.0
    hump = np.interp(phase, [0.2, 0.3, 0.5, 0.6], [0, 1, 1, 0]) + 0.02 * np.sin(2 * np.pi * 0.3 * t)
    record = ECGRecord(np.tile(hump, (12, 1)), 500, LEADS)
    assert pulses_on(render(record, "3x4", BARE)) == ()


def pulse_of(height: float) -> Pulse:
    return Pulse(0, 10.0, 40.0, 100.0 - height, 100.0)


def test_a_pulse_s_height_is_from_its_foot_to_its_top() -> None:
    assert pulse_of(59.0).height_px == 59.0


@pytest.mark.parametrize(
    ("heights", "agreed"),
    [
        ([], None),
        ([59.0], 59.0),
        ([58.0, 59.0, 60.0], 59.0),
        ([58.0, 59.0, 60.0, 118.0], 59.0),
        ([59.0, 118.0], None),
        ([59.0, 59.0, 118.0, 118.0], None),
        ([59.0, 90.0, 118.0], None),
    ],
)
def test_most_pulses_must_agree_within_6_percent(heights: list[float], agreed: float | None) -> None:
    assert agreed_height([pulse_of(h) for h in heights]) == agreed


def test_a_pulse_three_pixels_wide_is_measured_or_left_but_never_nan() -> None:
    """At 2 px/mm the edges of a top of 1.5 mm touch each other, and nothing lies between them."""
    mm = 2.0
    share = np.zeros((80, 240), np.float32)
    share[50, 10:230] = 1
    for width in (3, 4, 5):
        page = share.copy()
        page[30, 20 : 20 + width] = 1
        page[30:51, [20, 19 + width]] = 1
        rows = (Row(np.full(240, 50), 10, 230, 50.0, 1.0),)
        for pulse in find_pulses(page, rows, mm):
            assert np.isfinite([pulse.base_px, pulse.height_px]).all()
