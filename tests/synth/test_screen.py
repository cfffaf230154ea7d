import json
from dataclasses import replace

import numpy as np
import pytest

from synth.degrade import apply_steps
from synth.degrade.screen import sample_moire, sample_panel
from synth.physiology import sample_physiology, synthesize_record
from synth.render import render
from synth.style import PageStyle


@pytest.fixture(scope="module")
def page():
    record = synthesize_record(sample_physiology(np.random.default_rng(6)))
    return render(record, "3x4+1", PageStyle(dpi=100.0))


def flat(page, level=180):
    return replace(page, page=replace(page.page, image=np.full_like(page.page.image, level)))


def moire(**changes):
    wave = {"period_px": 20.0, "angle_deg": 0.0, "depth": 0.1, "colour": 0.0}
    return {"name": "moire", "waves": [wave], "bend": 0.0, "at": [0.0, 0.0], "bands": 0.0, "band_px": 100.0, **changes}


def panel(**changes):
    quiet = {"pixel_mm": 0.1, "black": 0.0, "bars": [0.0] * 4, "bar_rgb": [90, 90, 90]}
    return {"name": "panel", **quiet, **changes}


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0])
def test_a_beat_has_its_period_direction_and_depth(page, angle):
    wave = {"period_px": 20.0, "angle_deg": angle, "depth": 0.1, "colour": 0.0}
    image = apply_steps(flat(page), [moire(waves=[wave])]).page.image[:512, :512, 0].astype(float)
    assert image.mean() == pytest.approx(180, abs=1)
    assert np.abs(image - 180).max() == pytest.approx(18, abs=1.5)
    spectrum = np.abs(np.fft.fft2(image - image.mean()))
    fy, fx = (np.fft.fftfreq(512)[k] for k in np.unravel_index(spectrum.argmax(), spectrum.shape))
    assert np.hypot(fx, fy) == pytest.approx(1 / 20, abs=0.003)
    assert abs(fx * np.cos(np.radians(angle)) - fy * np.sin(np.radians(angle))) == pytest.approx(1 / 20, abs=0.003)


def test_colours_beat_a_third_of_a_period_apart(page):
    wave = {"period_px": 30.0, "angle_deg": 0.0, "depth": 0.1, "colour": 1.0}
    image = apply_steps(flat(page), [moire(waves=[wave])]).page.image[10, :600].astype(float)
    red, green = (np.fft.rfft(image[:, k] - image[:, k].mean())[20] for k in (0, 1))
    assert abs(np.degrees(np.angle(green / red))) == pytest.approx(120, abs=4)


def test_bands_are_level_and_take_their_depth(page):
    image = apply_steps(flat(page), [moire(waves=[], bands=0.2)]).page.image[..., 1].astype(float)
    assert np.ptp(image, axis=1).max() == 0
    assert image.max() == 180
    assert image.min() == pytest.approx(180 * 0.8, abs=1)


def test_black_is_lifted_and_white_stays(page):
    image = apply_steps(page, [panel(black=20.0)]).page.image
    assert image.min() >= 20
    assert image.max() == page.page.image.max()


def test_a_coarse_panel_shows_the_page_at_its_own_resolution(page):
    sharp = page.page.image.astype(float)
    coarse = apply_steps(page, [panel(pixel_mm=0.8)]).page.image.astype(float)
    assert coarse.mean() == pytest.approx(sharp.mean(), rel=0.01)
    assert np.abs(np.diff(coarse, axis=1)).max() < 0.7 * np.abs(np.diff(sharp, axis=1)).max()
    fine = apply_steps(page, [panel(pixel_mm=0.05)]).page.image
    np.testing.assert_array_equal(fine, page.page.image)


def test_bars_hide_what_they_cover(page):
    shown = apply_steps(page, [panel(bars=[40.0, 0.0, 0.0, 0.0])])
    width = round(40 * 100 / 25.4)
    assert (shown.page.image[:, : width - 1] == 90).all()
    assert not shown.masks[:, :width].any()
    for before, after in zip(page.traces, shown.traces, strict=True):
        covered = before.x < width - 1
        assert np.isnan(after.y[covered]).all()
        kept = before.x > width
        np.testing.assert_array_equal(after.y[kept], before.y[kept])
    assert np.isnan(shown.record["I"]).sum() > np.isnan(page.record["I"]).sum()


@pytest.mark.parametrize("sampler", [sample_panel, lambda rng: sample_moire(rng, 1.0)])
def test_screens_replay(page, sampler):
    for seed in range(6):
        once = apply_steps(page, [sampler(np.random.default_rng(seed))])
        again = apply_steps(page, json.loads(json.dumps(once.steps)))
        np.testing.assert_array_equal(once.page.image, again.page.image)
        np.testing.assert_array_equal(once.record.signal, again.record.signal)
