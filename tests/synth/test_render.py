from dataclasses import replace

import numpy as np
import pytest

from ecg import LAYOUTS, LEADS, ECGRecord, OptionsError, PageLayout
from synth.looks import sample_look
from synth.page import move_points
from synth.physiology import sample_physiology, synthesize_record
from synth.render import render
from synth.style import PRESETS, PageStyle, sample_style

#: Nothing but traces: ink is darkness.
BARE = PageStyle(
    grid=False, names="none", pulse="none", separator="none", scale_text=False, paper_rgb=(255,) * 3, trace_rgb=(0,) * 3
)


@pytest.fixture(scope="module")
def heart():
    return synthesize_record(sample_physiology(np.random.default_rng(4)))


def column_centres(image, trace, reach=6):
    """Grey-weighted row of the ink in each pixel column about the truth, and the truth there."""
    ink = 255.0 - image[..., 0]
    columns = np.arange(int(np.ceil(trace.x[0])) + 2, int(trace.x[-1]) - 2)
    want = np.interp(columns, trace.x, trace.y)
    got = np.empty(columns.size)
    for k, (column, y) in enumerate(zip(columns, want, strict=True)):
        rows = np.arange(max(0, int(y) - reach), min(ink.shape[0], int(y) + reach + 2))
        weight = ink[rows, column]
        got[k] = (rows * weight).sum() / weight.sum()
    return got, want


@pytest.mark.parametrize("level_mv", [0.0, 0.0031, 0.0077, -0.0123])
@pytest.mark.parametrize("width_mm", [0.2, 0.32, 0.45])
def test_ink_of_a_level_line_is_centred_on_the_truth(level_mv, width_mm):
    record = ECGRecord(np.full((12, 5000), level_mv), 500, LEADS)
    page = render(record, "3x4+1", replace(BARE, trace_width_mm=width_mm))
    for trace in page.traces:
        got, want = column_centres(page.page.image, trace)
        assert np.abs(got - want).max() < 0.1


def test_ink_of_a_real_trace_is_centred_on_the_truth(heart):
    # The mean over 20 ms: muscle noise would move the line within a column, so that its ends do not tell its middle.
    kernel = np.full(11, 1 / 11)
    quiet = np.array([np.convolve(np.pad(lead, 5, mode="edge"), kernel, "valid") for lead in heart.signal])
    page = render(replace(heart, signal=quiet), "3x4+1", replace(BARE, trace_width_mm=0.25))
    errors, flat = [], []
    for trace in page.traces:
        got, want = column_centres(page.page.image, trace, reach=12)
        errors.append(np.abs(got - want))
        flat.append(errors[-1][np.abs(np.gradient(want)) < 0.2])
    assert np.median(np.concatenate(errors)) < 0.25
    assert np.median(np.concatenate(flat)) < 0.1


def test_a_slanting_line_has_its_width_in_ink():
    # a line of slope 1 and width w covers w * sqrt(2) of each column
    from synth.stroke import stroke

    cover = np.zeros((100, 100), np.uint8)
    stroke(cover, np.array([5.3, 90.3]), np.array([7.9, 92.9]), 3.0)
    assert cover[:, 30:70].sum(axis=0) / 255 == pytest.approx(np.full(40, 3 * np.sqrt(2)), rel=0.03)


@pytest.mark.parametrize("name", ["3x4", "3x4+1", "3x4+3", "6x2", "6x2+1", "12x1"])
def test_layouts_print_every_lead_at_its_time(heart, name):
    page = render(heart, name, replace(BARE, margin_top_mm=10))
    layout = LAYOUTS[name]
    columns = layout.shape[1]
    assert len(page.traces) == len(page.boxes) == 12 + len(layout.rhythm)
    for trace, box in zip(page.traces, page.boxes, strict=True):
        strip = trace.row >= len(layout.rows)
        assert box.lead == (
            layout.rhythm[trace.row - len(layout.rows)] if strip else layout.rows[trace.row][trace.column]
        )
        assert box.start_s == (0 if strip else trace.column * 10 / columns)
        assert box.stop_s - box.start_s == pytest.approx(10 if strip else 10 / columns)
        assert trace.first == round(box.start_s * 500)
        # the truth, calibrated back, is the record
        mv = (trace.baseline[0, 1] - trace.y) / page.scale.px_per_mv
        np.testing.assert_allclose(mv, heart[box.lead][trace.first : trace.first + mv.size], atol=1e-5)
    for lead in LEADS:
        shown = np.isfinite(page.record[lead])
        assert shown.sum() == (5000 if lead in layout.rhythm else 5000 // columns)
        np.testing.assert_array_equal(page.record[lead][shown], heart[lead][shown])


def test_simultaneous_columns_show_the_same_seconds(heart):
    page = render(heart, "6x2", replace(BARE, timing="simultaneous"))
    assert {(box.start_s, box.stop_s) for box in page.boxes} == {(0.0, 5.0)}
    assert np.isfinite(page.record.signal[:, :2500]).all()
    assert np.isnan(page.record.signal[:, 2500:]).all()


def test_rows_may_hold_any_leads_and_turned_ones(heart):
    layout = PageLayout("2x2+1", (("V6", "-aVR"), ("III", "V1")), ("aVL",))
    page = render(heart, layout, BARE)
    assert [box.lead for box in page.boxes] == ["V6", "-aVR", "III", "V1", "aVL"]
    turned = page.traces[1]
    mv = (turned.baseline[0, 1] - turned.y) / page.scale.px_per_mv
    np.testing.assert_allclose(mv, -heart["aVR"][2500:], atol=1e-5)
    np.testing.assert_array_equal(page.record["aVR"][2500:], heart["aVR"][2500:])
    assert np.isnan(page.record["II"]).all()


def test_what_is_missing_leaves_no_ink():
    signal = np.zeros((2, 5000))
    signal[0, 1000:2000] = np.nan
    page = render(ECGRecord(signal, 500, ("I", "II")), "12x1", replace(BARE, margin_top_mm=10))
    gap = page.traces[0].x[[1010, 1990]].astype(int)
    row = round(page.traces[0].baseline[0, 1])
    assert (page.page.image[row - 3 : row + 4, gap[0] : gap[1]] == 255).all()
    assert (page.masks == 3).sum() == 0
    assert page.boxes[2].lead == "III"
    assert np.isnan(page.record["III"]).all()
    assert np.isnan(page.record["I"][1000:2000]).all()


def test_a_record_that_ends_early_leaves_the_rest_blank(heart):
    short = ECGRecord(heart.signal[:, :2000], 500, LEADS)
    page = render(short, "3x4+1", BARE)
    assert page.record.duration_s == 10
    assert np.isfinite(page.record["II"][:2000]).all()
    assert np.isnan(page.record.signal[:, 2000:]).all()
    assert [trace.y.size for trace in page.traces[:4]] == [1250, 750, 0, 0]
    assert page.boxes[3].xyxy[2] > page.boxes[3].xyxy[0]


def test_separators_stand_between_the_columns(heart):
    page = render(heart, "3x4+1", replace(BARE, separator="tick", column_gap_mm=2.0))
    ticks = [text.quad for text in page.texts if text.role == "separator"]
    assert len(ticks) == 9
    for quad in ticks:
        x, y = quad.mean(axis=0)
        assert page.page.image[round(y), round(x), 0] < 50
        # in the middle of the gap: 1 mm before a box of the same row begins, give or take the pen
        assert min(abs(box.xyxy[0] - x - page.scale.px_per_mm_x) for box in page.boxes) < 3


def test_ink_off_the_sheet_is_not_on_the_record():
    signal = np.zeros((12, 5000))
    signal[0, 100:200] = 8.0  # 80 mm up from a row 50 mm from the edge
    page = render(ECGRecord(signal, 500, LEADS), "3x4+1", BARE)
    assert np.isnan(page.record["I"][100:200]).all()
    assert np.isfinite(page.record["I"][200:1250]).all()


def test_mask_marks_the_ink_of_each_trace(heart):
    page = render(heart, "3x4+1", BARE)
    assert set(np.unique(page.masks)) == set(range(14))
    dark = page.page.image[..., 0] < 127
    assert (dark == (page.masks > 0)).mean() > 0.9999
    for index, (trace, box) in enumerate(zip(page.traces, page.boxes, strict=True), start=1):
        assert (page.masks[np.rint(trace.y).astype(int), np.rint(trace.x).astype(int)] == index).mean() > 0.97
        rows, columns = np.nonzero(page.masks == index)
        x0, y0, x1, y1 = box.xyxy
        assert columns.min() >= x0 - 1
        assert columns.max() <= x1 + 1
        assert rows.min() >= y0 - 1
        assert rows.max() <= y1 + 1


def test_words_and_pulses_stand_in_their_boxes():
    blank = ECGRecord(np.full((12, 5000), np.nan), 500, LEADS)
    style = replace(BARE, names="below", pulse="left", scale_text=True, header=("Sampleton, Hazel",))
    page = render(blank, "3x4+1", replace(style, text_rgb=(0, 0, 0)))
    left = page.page.image[..., 0].copy()
    for text in page.texts:
        x0, y0, x1, y1 = [int(v) for v in (*np.floor(text.quad.min(axis=0)), *np.ceil(text.quad.max(axis=0)))]
        assert left[y0 : y1 + 1, x0 : x1 + 1].min() < 100
        left[y0 : y1 + 1, (0 if text.role == "pulse" else x0) : x1 + 1 + 12 * (text.role == "pulse")] = 255
    assert (left == 255).all()
    assert [t.text for t in page.texts if t.role == "lead"][:2] == ["I", "aVR"]
    assert [t.text for t in page.texts if t.role == "scale"] == ["25 mm/s  10 mm/mV"]
    pulse = next(t for t in page.texts if t.role == "pulse")
    width_px = style.trace_width_mm * page.scale.px_per_mm_x
    assert np.ptp(pulse.quad[:, 1]) - width_px == pytest.approx(page.scale.px_per_mv)
    assert np.ptp(pulse.quad[:, 0]) - width_px == pytest.approx(0.2 * page.scale.px_per_s)


@pytest.mark.parametrize("dpi", [100.0, 200.0, 300.0])
def test_grid_lines_lie_a_millimetre_apart(dpi):
    blank = ECGRecord(np.full((12, 500), np.nan), 50, LEADS)
    style = replace(BARE, grid=True, dpi=dpi, grid_phase_mm=(2.3, 4.1))
    page = render(blank, "3x4", style)
    ink = 255.0 - page.page.image[..., 1]
    pitch = dpi / 25.4
    for profile, origin in ((ink.mean(axis=0), page.grid_origin[0]), (ink.mean(axis=1), page.grid_origin[1])):
        at = np.arange(profile.size)
        for period in (pitch, 5 * pitch):
            wave = np.exp(-2j * np.pi * (at - origin) / period)
            power = (profile - profile.mean()) @ wave
            assert np.angle(power) == pytest.approx(0.0, abs=0.1)  # a line stands at the origin
            beside = (profile - profile.mean()) @ np.exp(-2j * np.pi * (at - origin) / (period * 1.05))
            assert abs(power) > 3 * abs(beside)


def test_homography_of_a_fresh_page_is_the_identity(heart):
    page = render(heart)
    assert page.steps == ()
    assert (page.homography == np.eye(3)).all()
    np.testing.assert_allclose(page.corners[2] - page.corners[0], page.style.size_px)
    np.testing.assert_allclose(move_points(page.homography, page.corners), page.corners)


def test_what_does_not_fit_is_refused(heart):
    with pytest.raises(OptionsError, match="297 mm wide"):
        render(heart, "3x4", PageStyle(speed_mm_per_s=50))
    with pytest.raises(OptionsError, match="no height"):
        render(heart, "3x4", PageStyle(margin_top_mm=250))
    with pytest.raises(OptionsError, match="3x4\\+1"):
        render(heart, "5x5")
    with pytest.raises(OptionsError, match="names"):
        PageStyle(names="beside")  # type: ignore[arg-type]
    with pytest.raises(OptionsError, match="preset"):
        sample_style(np.random.default_rng(0), "perfect")


@pytest.mark.parametrize("preset", PRESETS)
def test_sampled_styles_fit_on_their_sheets(preset):
    record = ECGRecord(np.zeros((12, 500)), 50, LEADS)
    seen = set()
    for seed in range(25):
        style = sample_style(np.random.default_rng(seed), preset, {"age": 50.0, "sex": "F"})
        assert sample_style(np.random.default_rng(seed), preset, {"age": 50.0, "sex": "F"}) == style
        page = render(record, None, replace(style, dpi=60.0))
        # every row shows one lead or another at any time; a monitor's few rows, or columns at one time, show less
        rows = len(page.layout.rows)
        assert np.isfinite(page.record.signal).sum() >= rows * min(500, 50 * style.seconds / len(page.layout.rows[0]))
        seen.add(style.layout)
    assert len(seen) >= 4, "layouts"


@pytest.mark.parametrize("width_mm", [0.05, 0.25, 0.4])
def test_a_pen_without_smoothing_inks_whole_pixels_and_leaves_no_gap(heart, width_mm):
    style = replace(BARE, trace_width_mm=width_mm, pen_smooth=False)
    page = render(heart, "3x4+1", style)
    assert set(np.unique(page.page.image)) == {0, 255}
    for trace in page.traces:
        columns = np.arange(int(np.ceil(trace.x[0])) + 2, int(trace.x[-1]) - 2)
        assert (page.page.image[:, columns, 0] == 0).any(axis=0).all()
    smooth = render(heart, "3x4+1", replace(style, pen_smooth=True))
    assert np.array_equal(page.traces[0].y, smooth.traces[0].y), "the truth stays where the line belongs"


def test_devices_that_draw_their_own_grid_are_at_times_unsmoothed_and_else_unchanged():
    drawn = [sample_look(np.random.default_rng(k), look="dotgrid") for k in range(60)]
    assert 10 < sum(not style.pen_smooth for style in drawn) < 40
    assert all(sample_look(np.random.default_rng(k), look="cart").pen_smooth for k in range(20))
