import json
from dataclasses import replace

import numpy as np
import pytest

from ecg import LEADS, ECGRecord
from synth.degrade import apply_steps
from synth.degrade.field import CELL, CLOUD, cloud, noise_tile, px_per_mm, shade, tone_table
from synth.degrade.light import sample_glare, sample_light, sample_tone
from synth.render import render
from synth.style import PageStyle


def plain(value=200, size=(320, 480)):
    page = render(ECGRecord(np.full((12, 10), np.nan), 1, LEADS), "3x4", PageStyle(names="none", grid=False, dpi=60))
    image = np.full((*size, 3), value, np.uint8)
    return replace(page, page=replace(page.page, image=image), masks=np.zeros(size, np.uint8))


def still(**changes):
    """Light that changes nothing."""
    quiet = {"slope": [0.0, 0.0], "clouds": 0.0, "at": [0.0, 0.0], "vignette": 0.0, "warmth": [0.0, 0.0], "shadows": []}
    return {"name": "light", **quiet, **changes}


def test_fields_run_straight_between_their_points_in_every_colour():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    gain, add = rng.uniform(0.3, 1.1, (4, 5, 3)), rng.uniform(-20, 20, (4, 5))
    pivot = (250.0, 240.0, 230.0)
    out = shade(image, gain, add, pivot)

    def between(field):
        rows, columns = np.arange(40) / CELL, np.arange(50) / CELL
        r, c = rows.astype(int), columns.astype(int)
        b, a = (rows - r)[:, None], (columns - c)[None]
        one, two = field[r][:, c], field[r][:, c + 1]
        three, four = field[r + 1][:, c], field[r + 1][:, c + 1]
        return (one * (1 - a) + two * a) * (1 - b) + (three * (1 - a) + four * a) * b

    for k in range(3):
        want = pivot[k] + (image[..., k] - pivot[k]) * between(gain[..., k]) + between(add)
        assert np.abs(out[..., k] - np.clip(want, 0, 255)).max() < 1.0


def test_a_field_of_ones_changes_nothing_and_a_table_comes_last():
    image = np.random.default_rng(2).integers(0, 256, (17, 33, 3), dtype=np.uint8)
    np.testing.assert_array_equal(shade(image), image)
    np.testing.assert_array_equal(shade(image, table=tone_table((1, 1, 1))), image)
    negative = np.tile(np.arange(255, -1, -1, dtype=np.uint8), (3, 1))
    np.testing.assert_array_equal(shade(image, table=negative), 255 - image)


def test_kept_noise_has_mean_0_and_its_spread_and_joins_at_its_sides():
    x, y = np.meshgrid(np.arange(CLOUD, dtype=np.float32), np.arange(CLOUD, dtype=np.float32))
    tile = cloud(x, y, [0.0, 0.0], CLOUD)
    assert tile.mean() == pytest.approx(0, abs=1e-3)
    assert tile.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(cloud(x, y, [100.0, 7.0], CLOUD), np.roll(tile, (-7, -100), (0, 1)), atol=1e-3)
    grain = noise_tile(1.0, 0.4).astype(float)
    assert grain.std() == pytest.approx(32, rel=0.02)
    across = np.abs(grain[:, 0] - grain[:, -1]).mean()  # neighbours over the joint differ as neighbours do
    assert across == pytest.approx(np.abs(np.diff(grain, axis=1)).mean(), rel=0.1)


def test_quiet_light_is_none():
    page = plain()
    np.testing.assert_array_equal(apply_steps(page, [still()]).page.image, page.page.image)


def test_corners_lose_what_the_vignette_says():
    image = apply_steps(plain(), [still(vignette=0.4)]).page.image.astype(float)
    assert image[160, 240].max() == pytest.approx(200, abs=3)
    for corner in (image[0, 0], image[-1, 0], image[0, -1], image[-1, -1]):
        assert corner.mean() / image[160, 240].mean() == pytest.approx(0.6, abs=0.02)


def test_a_shadow_takes_its_depth_inside_and_nothing_far_away():
    square = [[-0.4, -0.2], [-0.1, -0.2], [-0.1, 0.2], [-0.4, 0.2]]
    shadow = {"points": square, "soft": 0.01, "depth": 0.5}
    image = apply_steps(plain(), [still(shadows=[shadow])]).page.image.astype(float)
    inside, outside = image[160, 240 - 120], image[160, 240 + 150]
    assert outside == pytest.approx([200] * 3, abs=2)
    assert inside.mean() == pytest.approx(100, abs=3)
    assert inside[2] > inside[0]  # bluer in the shade
    # its edge is soft: about halfway at the outline
    image = apply_steps(plain(), [still(shadows=[{**shadow, "soft": 0.06}])]).page.image.astype(float)
    assert image[160, round(240 - 0.1 * 480)].mean() == pytest.approx(150, abs=15)


def test_warmth_makes_one_side_redder_and_the_other_bluer():
    image = apply_steps(plain(), [still(warmth=[0.2, 0.0])]).page.image.astype(int)
    assert image[100, -1, 0] > image[100, -1, 2]
    assert image[100, 0, 0] < image[100, 0, 2]


def test_glare_adds_light_at_the_lamp_alone():
    lamp = {"x": 0.2, "y": 0.0, "long": 0.05, "wide": 0.03, "turn_deg": 30.0, "grey": 80.0}
    page = plain(100)
    image = apply_steps(page, [{"name": "glare", "lamps": [lamp], "at": [0.0, 0.0]}]).page.image.astype(int)
    assert image[160, 240 + 96].mean() == pytest.approx(180, abs=3)
    assert image[160, 20].mean() == 100
    assert (image >= 99).all()


def test_tone_is_one_curve_for_each_colour():
    table = tone_table((0.9, 1.0, 0.8), 1.2, 1.3)
    assert (np.diff(table.astype(int), axis=1) >= 0).all()
    assert (table[:, 0] == 0).all()
    page = plain(150)
    step = {"name": "tone", "gain": [0.9, 1.0, 0.8], "gamma": 1.2, "contrast": 1.3}
    assert apply_steps(page, [step]).page.image[5, 5].tolist() == table[:, 150].tolist()


@pytest.mark.parametrize("sampler", [sample_light, sample_glare, sample_tone])
def test_steps_of_light_are_plain_data_that_replays(sampler):
    page = plain()
    for seed in range(6):
        step = sampler(np.random.default_rng(seed), 1.0)
        once = apply_steps(page, [step])
        again = apply_steps(page, json.loads(json.dumps(once.steps)))
        np.testing.assert_array_equal(once.page.image, again.page.image)
        assert once.masks is page.masks


def test_pixels_to_a_millimetre_are_those_of_the_sheet():
    page = render(ECGRecord(np.zeros((12, 100)), 10, LEADS), "3x4", PageStyle(dpi=127.0))
    assert px_per_mm(page) == pytest.approx(5.0, rel=2e-3)
    half = apply_steps(page, [{"name": "scale", "factor": 0.5}])
    assert px_per_mm(half) == pytest.approx(2.5, rel=5e-3)
