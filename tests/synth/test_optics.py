import json
from dataclasses import replace

import numpy as np
import pytest

from ecg import LEADS, ECGRecord
from synth.degrade import apply_steps
from synth.degrade import optics as steps_of
from synth.render import render
from synth.style import PageStyle


def plain(value, size=(60, 80)):
    """Page whose picture is one colour, or the given picture."""
    page = render(ECGRecord(np.full((12, 10), np.nan), 1, LEADS), "3x4", PageStyle(names="none", grid=False, dpi=60))
    image = np.full((*size, 3), value, np.uint8) if np.isscalar(value) else value
    height, width = image.shape[:2]
    return replace(page, page=replace(page.page, image=image), masks=np.zeros((height, width), np.uint8))


def point(size=41):
    """Page with a white square of 5 px in the middle: broad, so that rounding to 8 bits does not matter."""
    image = np.zeros((size, size, 3), np.uint8)
    image[18:23, 18:23] = 255
    return plain(image)


def moments(image):
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    total = weight.sum()
    mx, my = (weight * x).sum() / total, (weight * y).sum() / total
    return mx, my, (weight * (x - mx) ** 2).sum() / total, (weight * (y - my) ** 2).sum() / total


def test_a_point_out_of_focus_is_a_disc():
    page = point()
    for radius in (1.5, 4.0):
        after = apply_steps(page, [{"name": "defocus", "radius_px": radius}]).page.image
        mx, my, vx, vy = moments(after)
        assert (mx, my) == pytest.approx((20, 20), abs=0.05)
        # variance of a uniform disc along an axis is r²/4, that of the 5 px square (25 - 1) / 12
        assert vx == pytest.approx(radius**2 / 4 + 2, rel=0.12)
        assert vy == pytest.approx(vx, rel=0.02)
        assert after.sum() == pytest.approx(page.page.image.sum(), rel=0.03)


@pytest.mark.parametrize("angle", [0.0, 45.0, 90.0, 130.0])
def test_motion_smears_along_its_way_and_moves_nothing(angle):
    page = point()
    length = 9.0
    after = apply_steps(page, [{"name": "motion", "length_px": length, "angle_deg": angle}]).page.image
    mx, my, vx, vy = moments(after)
    assert (mx, my) == pytest.approx((20, 20), abs=0.05)
    # variance of an even way of length L is L²/12; bilinear shares add about a sixth of a pixel²
    assert vx + vy - 4 == pytest.approx(length**2 / 12, abs=0.6)
    assert vx - vy == pytest.approx(np.cos(2 * np.radians(angle)) * length**2 / 12, abs=0.5)


def test_sharpening_leaves_flat_paper_alone_and_rims_lines():
    flat = plain(200)
    step = {"name": "sharpen", "amount": 0.8, "sigma_px": 1.2}
    np.testing.assert_array_equal(apply_steps(flat, [step]).page.image, flat.page.image)
    image = np.full((40, 60, 3), 200, np.uint8)
    image[:, 30] = 60
    sharp = apply_steps(plain(image), [step]).page.image[20, :, 0].astype(int)
    assert sharp[30] < 60
    assert sharp[28:33].max() > 200
    assert sharp[10] == 200


def test_noise_of_a_sensor_has_its_size_and_grows_with_the_light():
    sigma = {}
    for level in (20, 128, 240):
        for grain, chroma in ((0.0, 0.1), (1.0, 0.4)):
            step = {"name": "grain", "sigma": 5.0, "read": 0.4, "grain_px": grain, "chroma": chroma, "offset": [3, 500]}
            noise = apply_steps(plain(level, (509, 521)), [step]).page.image.astype(float) - level
            assert noise.mean() == pytest.approx(0, abs=0.3)
            sigma[level, grain] = noise.std()
            neighbours = np.mean(noise[:, 1:, 1] * noise[:, :-1, 1]) / noise[..., 1].var()
            assert neighbours == pytest.approx(0.0, abs=0.1) if grain == 0 else neighbours > 0.5
    for grain in (0.0, 1.0):
        assert sigma[128, grain] == pytest.approx(5.0, rel=0.12)
        # photons: in linear light the variance is in proportion, the tone curve halves it again in the lights
        assert sigma[20, grain] < 1.8 * sigma[128, grain]
        assert sigma[240, grain] < sigma[128, grain] * 1.4


@pytest.mark.parametrize("name", ["defocus", "motion", "sharpen", "grain"])
def test_what_was_drawn_is_plain_data_and_replays(name):
    sampler = getattr(steps_of, f"sample_{name}")
    arguments = (1.0, 6.0) if name == "grain" else (4.0,)
    page = plain(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))
    for seed in range(5):
        step = sampler(np.random.default_rng(seed), *arguments)
        assert step == sampler(np.random.default_rng(seed), *arguments)
        once = apply_steps(page, [step])
        again = apply_steps(page, json.loads(json.dumps(once.steps)))
        np.testing.assert_array_equal(once.page.image, again.page.image)
        assert once.traces is page.traces
