import json
from dataclasses import replace

import numpy as np
import pytest

from ecg import LEADS, ECGRecord, OptionsError
from synth.degrade import STEPS, apply_steps, sample_steps
from synth.page import move_points, warp_page
from synth.render import render
from synth.style import PRESETS, PageStyle


@pytest.fixture(scope="module")
def page():
    t = np.arange(5000) / 500
    beats = sum(np.exp(-(((t - at) / 0.012) ** 2)) for at in np.arange(0.4, 10, 0.8))
    waves = [0.15 * np.sin(2 * np.pi * (0.3 + 0.05 * k) * t) + 0.8 * beats for k in range(12)]
    record = ECGRecord(np.array(waves), 500, LEADS)
    style = PageStyle(
        grid=False, separator="none", scale_text=False, pulse="none", paper_rgb=(255,) * 3, trace_rgb=(0,) * 3
    )
    return render(record, "3x4+1", replace(style, text_rgb=(0, 0, 0)))


def ink_error_px(page):
    """Median distance in rows between the truth and the grey-weighted ink about it, on flat stretches."""
    ink = 255.0 - page.page.image.mean(axis=2)
    errors = []
    for trace in page.traces:
        flat = np.flatnonzero(np.abs(np.gradient(trace.y) / np.gradient(trace.x)) < 0.1)[10:-10:7]
        for k in flat:
            column, y = round(trace.x[k]), trace.y[k]
            rows = np.arange(round(y) - 5, round(y) + 6)
            weight = np.clip(ink[rows, column] - 30, 0, None)
            if weight.sum() > 0:
                errors.append((rows * weight).sum() / weight.sum() - np.interp(column, trace.x, trace.y))
    assert len(errors) > 300
    return np.median(np.abs(errors)), abs(np.mean(errors))


@pytest.mark.parametrize("angle", [-2.0, 0.7, 2.0])
def test_truth_turns_with_the_ink(page, angle):
    turned = apply_steps(page, [{"name": "rotation", "angle_deg": angle}])
    median, bias = ink_error_px(turned)
    assert median < 0.3
    assert bias < 0.1
    # closed form: a turn about the middle, anticlockwise with y pointing down
    middle = np.array([(page.page.width - 1) / 2, (page.page.height - 1) / 2])
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    want = (page.corners - middle) @ np.array([[c, -s], [s, c]]) + middle
    np.testing.assert_allclose(turned.corners, want, atol=1e-6)
    np.testing.assert_allclose(move_points(turned.homography, page.corners), want, atol=1e-6)


def test_everything_moves_with_a_turn(page):
    turned = apply_steps(page, [{"name": "rotation", "angle_deg": 1.5}])
    for before, after, box in zip(page.traces, turned.traces, turned.boxes, strict=True):
        points = move_points(turned.homography, np.column_stack([before.x, before.y]))
        np.testing.assert_allclose(np.column_stack([after.x, after.y]), points)
        assert box.xyxy[0] <= after.x.min()
        assert box.xyxy[3] >= after.y.max()
        index = turned.traces.index(after) + 1
        at = np.rint(np.column_stack([after.y, after.x])).astype(int)
        assert (turned.masks[at[:, 0], at[:, 1]] == index).mean() > 0.95
    for before, after in zip(page.texts, turned.texts, strict=True):
        np.testing.assert_allclose(after.quad, move_points(turned.homography, before.quad))
        x0, y0 = np.floor(after.quad.min(axis=0)).astype(int)
        x1, y1 = np.ceil(after.quad.max(axis=0)).astype(int)
        assert turned.page.image[y0:y1, x0:x1].min() < 100
    np.testing.assert_array_equal(turned.record.signal, page.record.signal)


def test_two_turns_undo_each_other(page):
    back = apply_steps(page, [{"name": "rotation", "angle_deg": a} for a in (1.2, -1.2)])
    np.testing.assert_allclose(back.homography, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(back.traces[3].y, page.traces[3].y, atol=1e-8)


def test_ink_that_leaves_the_picture_leaves_the_record(page):
    def shift(points):
        return points + np.array([-500.0, 0.0])

    matrix = np.array([[1.0, 0, -500], [0, 1, 0], [0, 0, 1]])
    moved = warp_page(page, page.page.image.copy(), page.masks.copy(), shift, matrix)
    gone = round((499.5 - page.traces[0].x[0]) / page.scale.px_per_s * 500)
    assert np.isnan(moved.record["I"][: gone - 1]).all()
    assert np.isfinite(moved.record["I"][gone + 1 : 1250]).all()
    assert np.isfinite(moved.record["V6"][3750:]).all()


def test_photometric_steps_leave_the_truth_alone(page):
    for name in ("blur", "noise", "illumination", "jpeg"):
        step = next(s for s in sample_steps(np.random.default_rng(1), "scan") if s["name"] == name)
        changed = apply_steps(page, [step])
        assert (changed.page.image != page.page.image).any()
        assert changed.traces is page.traces
        assert changed.masks is page.masks
        assert changed.steps == (step,)
        assert ink_error_px(changed)[0] < 0.3


def test_noise_is_gaussian_of_its_size_and_white():
    grey = render(ECGRecord(np.full((12, 10), np.nan), 1, LEADS), "3x4", PageStyle(names="none", grid=False))
    grey = replace(grey, page=replace(grey.page, image=np.full(grey.page.image.shape, 128, np.uint8)))
    noisy = apply_steps(grey, [{"name": "noise", "sigma": 8.0, "offset": [17, 940]}]).page.image.astype(float) - 128
    assert noisy.mean() == pytest.approx(0.0, abs=0.02)
    assert noisy.std() == pytest.approx(np.sqrt(8.0**2 + 1 / 12), rel=0.005)  # rounding adds a twelfth
    assert (noisy**4).mean() / noisy.var() ** 2 == pytest.approx(3.0, abs=0.02)
    assert np.mean(noisy[:, 1:] * noisy[:, :-1]) / noisy.var() == pytest.approx(0.0, abs=0.005)
    assert np.mean(noisy[..., 0] * noisy[..., 1]) / noisy.var() == pytest.approx(0.0, abs=0.005)


def test_light_runs_evenly_between_the_corners():
    white = render(
        ECGRecord(np.full((12, 10), np.nan), 1, LEADS),
        "3x4",
        PageStyle(names="none", grid=False, paper_rgb=(200,) * 3, pulse="none", separator="none", scale_text=False),
    )
    step = {"name": "illumination", "corner_gain": [1.0, 0.5, 0.75, 0.9]}
    image = apply_steps(white, [step]).page.image[..., 0].astype(float)
    assert [image[0, 0], image[0, -1], image[-1, -1], image[-1, 0]] == pytest.approx([200, 100, 150, 180], abs=1)
    assert image[image.shape[0] // 2, image.shape[1] // 2] == pytest.approx(200 * (1 + 0.5 + 0.75 + 0.9) / 4, abs=1)


def test_blur_spreads_by_its_width(page):
    step = {"name": "blur", "sigma_px": 2.0}
    dot = np.full(page.page.image.shape, 255, np.uint8)
    dot[800, 1000:1200] = 0
    line = apply_steps(replace(page, page=replace(page.page, image=dot)), [step]).page.image[780:821, 1100, 0]
    weight = 255.0 - line
    at = np.arange(-20, 21)
    assert np.sqrt((weight * at**2).sum() / weight.sum()) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("preset", PRESETS)
def test_logged_steps_replay_to_the_byte(page, preset):
    damaged = apply_steps(page, sample_steps(np.random.default_rng(3), preset))
    again = apply_steps(page, json.loads(json.dumps(damaged.steps)))
    np.testing.assert_array_equal(damaged.page.image, again.page.image)
    np.testing.assert_array_equal(damaged.masks, again.masks)
    assert damaged.steps == again.steps


def test_presets_stay_within_their_limits():
    assert sample_steps(np.random.default_rng(0), "clean") == ()
    for seed in range(200):
        for preset, limit in (("published", 1.0), ("scan", 2.0)):
            steps = {s["name"]: s for s in sample_steps(np.random.default_rng(seed), preset)}
            assert set(steps) <= set(STEPS)
            assert abs(steps["rotation"]["angle_deg"]) <= limit
    assert set(steps) == {"rotation", "illumination", "blur", "noise", "jpeg"}
    names = [s["name"] for s in sample_steps(np.random.default_rng(0), "published")]
    assert sorted(names) == ["blur", "noise", "rotation"]


def test_unknown_steps_and_presets_are_refused(page):
    with pytest.raises(OptionsError, match="rotation"):
        apply_steps(page, [{"name": "burn"}])
    with pytest.raises(OptionsError, match="published"):
        sample_steps(np.random.default_rng(0), "burnt")
