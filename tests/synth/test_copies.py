import json
from dataclasses import replace

import numpy as np
import pytest

from synth.degrade import apply_steps
from synth.degrade.copies import sample_fax, sample_photocopy
from synth.physiology import sample_physiology, synthesize_record
from synth.render import render
from synth.style import PageStyle


@pytest.fixture(scope="module")
def page():
    record = synthesize_record(sample_physiology(np.random.default_rng(6)))
    return render(record, "3x4+1", PageStyle(dpi=120.0))


def photocopy(**changes):
    """A clean machine."""
    step = sample_photocopy(np.random.default_rng(0))
    clean = {
        "generations": 1,
        "sees": [0.25, 0.5, 0.25],
        "threshold": 0.6,
        "slope": 6.0,
        "spread_mm": 0.05,
        "toner": 0.95,
    }
    clean |= {"starved": 0.0, "uneven": 0.0, "pepper": 0.0, "streaks": [], "edges": [0.0] * 4, "screen_mm": 0.0}
    return {**step, **clean, **changes}


def fax(**changes):
    step = sample_fax(np.random.default_rng(0))
    clean = {"resolution": "fine", "diffused": False, "threshold": 0.7, "sees": [0.3, 0.4, 0.3], "noise": 0.0}
    return {**step, **clean, "lines": [], "header": "", "smooth": False, **changes}


def grey(page, step):
    image = apply_steps(page, [step]).page.image
    return image[..., 1].astype(float)


def of(page, image):
    return replace(page, page=replace(page.page, image=image))


@pytest.mark.parametrize("sampler", [sample_photocopy, sample_fax])
def test_copies_keep_the_truth_and_replay(page, sampler):
    for seed in range(6):
        once = apply_steps(page, [sampler(np.random.default_rng(seed))])
        again = apply_steps(page, json.loads(json.dumps(once.steps)))
        np.testing.assert_array_equal(once.page.image, again.page.image)
        assert once.traces is page.traces
        assert once.page.image.shape == page.page.image.shape


def test_a_photocopy_is_grey_and_nearly_two_valued(page):
    image = apply_steps(page, [photocopy(slope=12.0)]).page.image
    assert np.ptp(image.astype(int), axis=2).max() <= 6  # the copy's paper is a little off white, nothing is coloured
    level = image[..., 1]
    assert np.mean((level < 70) | (level > 200)) > 0.97


def test_the_curve_is_steep_and_ink_stays_where_it_was(page):
    copied = grey(page, photocopy())
    core = (page.page.image.max(axis=2) < 40) & (page.masks > 0)
    bare = page.page.image.min(axis=2) > 245
    assert copied[core].mean() < 60
    assert copied[bare].mean() > 235
    # the middle of the ink in each column, before and after
    trace = page.traces[-1]
    rows = np.arange(page.page.height)
    for column in range(300, 1000, 100):
        y = np.interp(column, trace.x, trace.y)
        near = np.abs(rows - y) < 6
        before = np.clip(200 - page.page.image[near, column, 1].astype(float), 0, None)
        after = np.clip(200 - copied[near, column], 0, None)
        middle = [(w * rows[near]).sum() / w.sum() for w in (before, after)]
        assert middle[1] == pytest.approx(middle[0], abs=0.6)


def test_pale_red_lines_are_lost_to_a_red_lamp_and_black_to_a_green_one(page):
    grid = (page.page.image[..., 0] > 235) & (page.page.image[..., 1] < 180)
    red = grey(page, photocopy(sees=[0.9, 0.05, 0.05], threshold=0.75))
    green = grey(page, photocopy(sees=[0.0, 0.9, 0.1], threshold=0.75))
    assert red[grid].mean() > green[grid].mean() + 40


def test_large_dark_areas_are_starved_of_toner(page):
    image = np.full(page.page.image.shape, 250, np.uint8)
    image[300:500, 300:600] = 10
    image[700, 300:600] = 10
    image[701, 300:600] = 10
    copied = grey(of(page, image), photocopy(starved=0.5))
    assert copied[400, 450] > copied[301, 301] + 40


def test_dirt_streaks_and_open_lid_lie_where_the_step_says(page):
    blank = of(page, np.full(page.page.image.shape, 250, np.uint8))
    plain = grey(blank, photocopy())
    step = photocopy(streaks=[[0.5, 0.3, 0.6], [0.25, 0.3, 0.0]], edges=[3.0, 0.0, 0.0, 2.0])
    image = grey(blank, step)
    width, height = page.page.width, page.page.height
    assert image[200, width // 2] < 150
    assert image[200, width // 4] == plain[200, width // 4]
    pitch = 120 / 25.4
    assert image[200, : round(3 * pitch) - 1].mean() < 140
    assert image[200, round(3 * pitch) + 2] > 230
    assert image[height - round(2 * pitch) + 2 :, 300].mean() < 140
    pepper = grey(blank, photocopy(pepper=1.0))
    assert 1e-5 < np.mean(pepper < 120) < 0.01


def test_copies_of_copies_get_worse(page):
    one, three = (grey(page, photocopy(generations=n, spread_mm=0.12)) for n in (1, 3))
    truth = page.page.image[..., 1].astype(float)
    assert np.abs(three - truth).mean() > np.abs(one - truth).mean()


@pytest.mark.parametrize("diffused", [False, True])
def test_a_fax_is_black_and_white_on_t4s_raster(page, diffused):
    image = grey(page, fax(diffused=diffused))
    assert set(np.unique(image)) == {0.0, 255.0}
    # as many changes down the page as lines of 1/7.7 mm at the most
    rows = np.flatnonzero((np.diff(image, axis=0) != 0).any(axis=1)).size
    assert rows <= round(page.page.height * 25.4 / 120 * 7.7)
    coarse = grey(page, fax(diffused=diffused, resolution="standard"))
    rows = np.flatnonzero((np.diff(coarse, axis=0) != 0).any(axis=1)).size
    assert rows <= round(page.page.height * 25.4 / 120 * 3.85)


def test_error_diffusion_keeps_the_mean_grey(page):
    for level in (90, 150, 220):
        image = np.full(page.page.image.shape, level, np.uint8)
        image[: len(image) // 3] = 250  # paper, by which the machine sets its white
        sent = grey(of(page, image), fax(diffused=True))
        assert sent[len(image) // 2 :].mean() == pytest.approx(255 * level / 250, abs=4)
        cut = grey(of(page, image), fax())
        assert set(np.unique(cut[len(image) // 2 :])) == ({0.0} if level < 0.7 * 250 else {255.0})


def test_lines_are_lost_repeated_and_shifted_as_the_step_says(page):
    base = grey(page, fax())
    lost = grey(page, fax(lines=[[0.5, 3, "lost", 0.0]]))
    changed = np.flatnonzero((base != lost).any(axis=1))
    pitch = 120 / 25.4 / 7.7
    assert changed.size <= 4 * pitch + 2
    assert abs(changed.mean() - 0.5 * page.page.height) < 5 * pitch + 2
    assert (lost[changed] == 255).all()
    shifted = grey(page, fax(lines=[[0.5, 2, "shifted", 10.0]]))
    assert (shifted != base).any()
    assert shifted.mean() == pytest.approx(base.mean(), abs=0.05)


def test_the_header_line_covers_the_top_alone(page):
    base, headed = grey(page, fax()), grey(page, fax(header="01/02/2003 04:05   FAX 555 0123"))
    changed = np.flatnonzero((base != headed).any(axis=1))
    assert changed.size > 5
    assert changed.max() < 0.06 * page.page.height


def test_invented_numbers_only():
    for seed in range(40):
        header = sample_fax(np.random.default_rng(seed))["header"]
        assert not header or "FAX 555 01" in header
