"""What pages carry beside plain rows: gains, clipped peaks, pulses, separators, dots, names in the margin."""

from dataclasses import replace

import numpy as np
import pytest

from ecg import LEADS, ECGRecord, OptionsError
from synth.page import SynthPage
from synth.render import render
from synth.stroke import line_coverage, paint_grid, stroke
from synth.style import PageStyle
from synth.truth import truth

#: Nothing but traces: ink is darkness.
BARE = PageStyle(
    grid=False, names="none", pulse="none", separator="none", scale_text=False, paper_rgb=(255,) * 3, trace_rgb=(0,) * 3
)


def waves(mv: float = 1.0, leads: tuple[str, ...] = LEADS) -> ECGRecord:
    t = np.arange(5000) / 500
    return ECGRecord(np.array([mv * np.sin(2 * np.pi * (t + k / 12)) for k in range(len(leads))]), 500, leads)


def dark(page: SynthPage, quad: np.ndarray) -> float:
    """Share of an upright line's length that carries ink, measured along its middle."""
    (x0, y0), (x1, y1) = quad[0], quad[2]
    columns = page.page.image[round(y0) : round(y1) + 1, int((x0 + x1) / 2) : int((x0 + x1) / 2) + 2, 0]
    return float((columns.min(axis=1) < 160).mean())


def test_chest_leads_have_a_gain_of_their_own():
    record = waves()
    page = render(record, "3x4+1", replace(BARE, chest_gain_mm_per_mv=5.0))
    for trace in page.traces:
        assert trace.gain_mm_per_mv == (5.0 if trace.lead.startswith("V") else 10.0)
        mv = (trace.baseline[0, 1] - trace.y) / page.scale.px_per_mm_y / trace.gain_mm_per_mv
        np.testing.assert_allclose(mv, record[trace.lead][trace.first : trace.first + mv.size], atol=1e-5)
    assert [told["gain_mm_per_mv"] for told in truth(page)["traces"][:4]] == [10.0, 10.0, 5.0, 5.0]


def test_clipped_peaks_are_drawn_at_the_edge_and_missing_in_the_record():
    record = waves(2.0)
    page = render(record, "12x1", replace(BARE, margin_top_mm=10.0, clip_mm=6.0))
    for trace in page.traces:
        beyond = np.abs(record[trace.lead]) > 0.6
        np.testing.assert_array_equal(trace.clipped, beyond)
        np.testing.assert_array_equal(np.isnan(page.record[trace.lead]), beyond)
        height = (trace.baseline[0, 1] - trace.y) / page.scale.px_per_mm_y
        assert np.abs(height).max() == pytest.approx(6.0)
        np.testing.assert_allclose(height[~beyond], 10 * record[trace.lead][~beyond], atol=1e-4)
    runs = truth(page)["traces"][0]["clipped"]
    assert sum(stop - start for start, stop in runs) == page.traces[0].clipped.sum()
    assert truth(render(record, "12x1", replace(BARE, margin_top_mm=10.0)))["traces"][0]["clipped"] == []


def test_a_clipped_sample_that_stands_whole_elsewhere_is_on_the_record():
    record = waves(2.0)
    style = replace(BARE, clip_mm=6.0)
    page = render(record, "3x4+1", style)
    strip = page.traces[-1]
    assert strip.lead == "II"
    np.testing.assert_array_equal(np.isnan(page.record["II"]), strip.clipped)


@pytest.mark.parametrize("speed", [12.5, 25.0])
def test_pulses_at_right_follow_the_last_lead(speed):
    page = render(waves(0.1), "3x4+1", replace(BARE, pulse="right", speed_mm_per_s=speed))
    pulses = [text for text in page.texts if text.role == "pulse"]
    assert len(pulses) == 4
    end = max(trace.x[-1] for trace in page.traces)
    for text in pulses:
        assert text.quad[0, 0] > end
        assert np.ptp(text.quad[:, 0]) == pytest.approx(0.2 * page.scale.px_per_s + 0.32 * page.scale.px_per_mm_x)
        assert np.ptp(text.quad[:, 1]) == pytest.approx(10.32 * page.scale.px_per_mm_y)
    once = render(waves(0.1), "3x4+1", replace(BARE, pulse="left", pulse_once=True))
    assert sum(text.role == "pulse" for text in once.texts) == 1


def test_a_row_of_two_gains_has_a_pulse_of_two_steps():
    style = replace(BARE, pulse="left", chest_gain_mm_per_mv=5.0)
    page = render(waves(0.0), "3x4+1", style)
    left, right = (page.texts[0].quad[corner, 0] for corner in (0, 1))
    level = page.texts[0].quad[2, 1]
    heights = []
    for share in (0.25, 0.75):
        column = page.page.image[:, round(left + share * (right - left)), 0]
        rows = np.flatnonzero(column[: int(level)] < 128)
        heights.append((level - rows.min()) / page.scale.px_per_mm_y)
    assert heights == pytest.approx([10.3, 5.3], abs=0.25)


@pytest.mark.parametrize(
    ("separator", "boxes", "share"),
    [("tick", 9, 1.0), ("bars", 18, 1.0), ("dashes", 9, 0.65), ("dots", 3, 0.6), ("line", 3, 1.0)],
)
def test_separators_fill_their_boxes(separator, boxes, share):
    page = render(ECGRecord(np.full((12, 5000), np.nan), 500, LEADS), "3x4+1", replace(BARE, separator=separator))
    found = [text for text in page.texts if text.role == "separator"]
    assert len(found) == boxes
    for text in found:
        # dots are a millimetre long and apart, and have round ends
        assert dark(page, text.quad) == pytest.approx(share, abs=0.12)


def test_a_joined_pen_goes_from_lead_to_lead():
    signal = np.zeros((12, 5000))
    signal[LEADS.index("aVR")] = 1.0
    page = render(ECGRecord(signal, 500, LEADS), "3x4", replace(BARE, joined=True))
    start = page.traces[1].x[0]
    middle = page.traces[0].baseline[0, 1] - 0.5 * page.scale.px_per_mv
    assert page.page.image[round(middle), round(start), 0] < 64
    apart = render(ECGRecord(signal, 500, LEADS), "3x4", BARE)
    assert apart.page.image[round(middle), round(start), 0] == 255


def test_names_in_the_margin_stand_before_the_pulse():
    style = replace(BARE, names="left", pulse="left", margin_left_mm=14.0, name_form="C")
    page = render(waves(0.0), "6x2", replace(style, margin_top_mm=12.0))
    names = [text for text in page.texts if text.role == "lead"]
    pulse = min(text.quad[:, 0].min() for text in page.texts if text.role == "pulse")
    assert [text.text for text in names[:2]] == ["I", "V1"]
    for text in names[::2]:
        assert text.quad[:, 0].max() < pulse
        assert text.quad[:, 0].min() > 0
    for text, trace in zip(names[1::2], page.traces[1::2], strict=True):
        assert text.quad[:, 0].min() > trace.x[0]


def test_dots_stand_where_lines_would_cross():
    size, pitch = 200, 10.0
    at = np.arange(0, size, pitch)
    fine = line_coverage(size, at, 2.0)
    strong = line_coverage(size, at[::5], 2.0)
    colours = ((255,) * 3, (128,) * 3, (0,) * 3)
    image = np.empty((size, size, 3), np.uint8)
    paint_grid(image, (fine, fine), (strong, strong), colours, (2, 1))
    assert image[20, 30, 0] == 128  # a fine dot
    assert image[20, 35, 0] == 255  # between two
    assert image[23, 50, 0] == 0  # a strong line
    paint_grid(image, (fine, fine), (strong, strong), colours, (0, 2))
    assert image[50, 60, 0] == 0  # a dot along a strong line
    assert image[50, 65, 0] == 255
    assert image[20, 30, 0] == 255  # none within the squares


def test_a_grid_keeps_to_its_area():
    style = replace(BARE, grid=True, grid_area_mm=(20.0, 30.0, 280.0, 190.0))
    page = render(ECGRecord(np.full((12, 500), np.nan), 50, LEADS), "3x4", style)
    rows, columns = np.nonzero((page.page.image < 250).any(axis=2))
    k = page.scale.px_per_mm_x
    assert columns.min() >= 20 * k - 1
    assert columns.max() <= 280 * k
    assert rows.min() >= 30 * k - 1
    assert rows.max() <= 190 * k
    tinted = render(ECGRecord(np.full((12, 500), np.nan), 50, LEADS), "3x4", replace(style, field_rgb=(255, 230, 230)))
    inside = tinted.page.image[round(33 * k) : round(187 * k), round(23 * k) : round(277 * k)]
    assert inside[..., 1].max() == 230
    assert (tinted.page.image[: int(29 * k)] == 255).all()


def test_a_fast_pen_draws_thinner():
    cover = np.zeros((60, 120), np.uint8)
    x, y = np.array([5.0, 50.0, 50.0, 100.0]), np.array([50.0, 50.0, 8.0, 8.0])
    slow = np.interp(np.linspace(0, 3, 400), np.arange(4), x), np.interp(np.linspace(0, 3, 400), np.arange(4), y)
    stroke(cover, *slow, 6.0, taper=0.8, slow_px=2.0)
    level = cover[:, 25].sum() / 255
    cover[:] = 0
    stroke(cover, x, y, 6.0, taper=0.8, slow_px=2.0)
    assert level > 4.5  # steps of a third of a pixel: nearly the whole width
    assert cover[:, 25].sum() / 255 == pytest.approx(6.0 * (1 - 0.8 * 45 / 47), abs=0.1)


def test_fixed_pitch_and_extra_leads():
    record = waves(0.2, (*LEADS, "V4R", "V8", "V9"))
    page = render(record, "3x5", replace(BARE, row_pitch_mm=25.0))
    assert [trace.lead for trace in page.traces if trace.column == 4] == ["V4R", "V8", "V9"]
    levels = [trace.baseline[0, 1] for trace in page.traces if trace.column == 0]
    np.testing.assert_allclose(np.diff(levels), 25.0 * page.scale.px_per_mm_y)
    with pytest.raises(OptionsError, match="row_pitch_mm"):
        render(record, "3x5", replace(BARE, row_pitch_mm=80.0))
    with pytest.raises(OptionsError, match="2x6"):
        render(record, "9x9")
