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
    clean |= {"across": False, "slant_mm": [0.0] * 4, "penumbra_mm": 0.3, "lid": 240.0}
    return {**step, **clean, **changes}


def fax(**changes):
    step = sample_fax(np.random.default_rng(0))
    clean = {"resolution": "fine", "diffused": False, "threshold": 0.7, "sees": [0.3, 0.4, 0.3], "noise": 0.0}
    quiet = {"lines": [], "header": "", "smooth": False, "quarters": 0, "crisp": 0.0}
    return {**step, **clean, **quiet, **changes}


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
        assert once.page.image.shape == page.page.image.shape
        for before, after in zip(page.traces, once.traces, strict=True):
            kept = np.isfinite(after.y)
            np.testing.assert_array_equal(after.y[kept], before.y[kept])
            np.testing.assert_array_equal(after.x, before.x)


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
    blank = replace(of(page, np.full(page.page.image.shape, 250, np.uint8)), masks=np.zeros_like(page.masks))
    plain = grey(blank, photocopy())
    step = photocopy(streaks=[[0.5, 0.3, 0.6], [0.25, 0.3, 0.0]], edges=[3.0, 0.0, 0.0, 2.0])
    image = grey(blank, step)
    width, height = page.page.width, page.page.height
    assert image[200:220, width // 2].mean() < 150
    assert image[200, width // 4] == plain[200, width // 4]
    pitch = 120 / 25.4
    assert image[200, : round(3 * pitch) - 1].mean() < 140
    assert image[200, round(3 * pitch) + 2] > 230
    assert image[height - round(2 * pitch) + 2 :, 300].mean() < 140
    pepper = grey(blank, photocopy(pepper=1.0))
    assert 1e-5 < np.mean(pepper < 120) < 0.01
    level = grey(blank, photocopy(streaks=[[0.5, 0.3, 0.6]], across=True))
    assert level[height // 2].mean() < 150
    assert level[height // 2 + 10].mean() > 230


def test_a_lid_copes_with_points_that_lie_nowhere(page):
    # a bent page has centre lines whose ends no point of the picture shows
    def without_end(values):
        return np.r_[values[:-1], np.nan]

    step = photocopy(edges=[30.0, 0.0, 0.0, 20.0])
    bent = replace(page, traces=tuple(replace(t, x=without_end(t.x), y=without_end(t.y)) for t in page.traces))
    for whole, odd in zip(apply_steps(page, [step]).traces, apply_steps(bent, [step]).traces, strict=True):
        np.testing.assert_array_equal(odd.y, without_end(whole.y))


def test_a_dark_lid_hides_and_a_grey_one_does_not(page):
    edges = [30.0, 0.0, 0.0, 20.0]
    covered = apply_steps(page, [photocopy(edges=edges)])
    pitch = 120 / 25.4
    dark = np.zeros(page.masks.shape, bool)
    dark[:, : round(29 * pitch)] = True
    dark[page.page.height - round(19 * pitch) :] = True
    assert covered.page.image[dark].mean() < 40
    assert not covered.masks[dark].any()
    bare = np.ones_like(dark)
    bare[:, : round(31 * pitch)] = False
    bare[page.page.height - round(21 * pitch) :] = False
    np.testing.assert_array_equal(covered.masks[bare], page.masks[bare])
    hidden = 0
    for before, after in zip(page.traces, covered.traces, strict=True):
        assert np.isnan(after.y[before.x < 29 * pitch]).all()
        clear = (before.x > 31 * pitch) & (before.y < page.page.height - 21 * pitch)
        np.testing.assert_array_equal(after.y[clear], before.y[clear])
        hidden += np.isnan(after.y).sum()
    assert hidden > 100
    grey_lid = apply_steps(page, [photocopy(edges=edges, lid=120.0)])
    assert grey_lid.traces is page.traces
    print_under = (page.page.image.max(axis=2) < 40) & (page.masks > 0) & dark
    assert grey_lid.page.image[print_under].mean() + 60 < grey_lid.page.image[dark].mean()


def test_traces_outlast_black_areas_and_a_third_generation(page):
    image = page.page.image.copy()
    image[:80] = 0  # a tenth of the sheet blacked out, and traces printed in grey
    image[80:][image[80:].max(axis=2) < 60] = 110
    step = photocopy(generations=3, threshold=0.36, edges=[0.0, 6.0, 0.0, 6.0], spread_mm=0.08)
    copied = grey(of(page, image), step)
    core = (page.page.image.max(axis=2) < 40) & (page.masks > 0)
    core[:100] = core[-40:] = False
    assert np.mean(copied[core] < 128) > 0.9


def test_a_slanting_lid_is_wider_at_one_end(page):
    blank = replace(of(page, np.full(page.page.image.shape, 250, np.uint8)), masks=np.zeros_like(page.masks))
    image = grey(blank, photocopy(edges=[5.0, 0.0, 0.0, 0.0], slant_mm=[4.0, 0.0, 0.0, 0.0]))
    wide = [(image[rows].mean(axis=0) < 128).sum() * 25.4 / 120 for rows in (slice(0, 20), slice(-20, None))]
    assert wide == pytest.approx([3.0, 7.0], abs=0.35)


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


@pytest.mark.parametrize("quarters", [0, 1, 3])
def test_the_header_stands_in_the_truth_and_hides_what_it_covers(page, quarters):
    words = "01/02/2003 04:05   FAX 555 0123"
    base = grey(page, fax(quarters=quarters))
    sent = apply_steps(page, [fax(quarters=quarters, header=words)])
    changed = np.argwhere(base != sent.page.image[..., 1])
    band = 4.0 * 120 / 25.4 + 2
    width = base.shape[1]
    # on top, or along the edge that went in first
    depth = {0: changed[:, 0], 1: width - 1 - changed[:, 1], 3: changed[:, 1]}[quarters]
    assert changed.shape[0] > 100
    assert depth.max() < band
    box = sent.texts[-1]
    assert (box.role, box.text) == ("header", words)
    assert sent.texts[:-1] == page.texts
    x, y = box.quad.T
    inside = sent.page.image[int(y.min()) + 1 : int(y.max()) + 1, int(x.min()) + 1 : int(x.max()) + 1, 1]
    assert 0.05 < np.mean(inside == 0) < 0.5
    # read from the first corner to the second: rightwards, downwards or upwards
    along = box.quad[1] - box.quad[0]
    np.testing.assert_allclose(along / np.hypot(*along), {0: (1, 0), 1: (0, 1), 3: (0, -1)}[quarters], atol=1e-9)
    pitch = 120 / 25.4  # letters are as wide as at the sheet's own scale, whatever its shape
    assert 40 * pitch < np.hypot(*along) < 75 * pitch


def test_ink_under_the_header_is_hidden(page):
    left = page.traces[0].x.min()
    shifted = apply_steps(page, [{"name": "crop", "cut": [(left + 5) / page.page.width, 0.0, 0.0, 0.0]}])
    sent = apply_steps(shifted, [fax(quarters=3, header="01/02/2003 04:05   FAX 555 0123")])
    pitch = 120 / 25.4
    for before, after in zip(shifted.traces, sent.traces, strict=True):
        covered = (before.x > 0) & (before.x < 3.8 * pitch)
        assert np.isnan(after.y[covered]).all()
        np.testing.assert_array_equal(after.y[before.x > 4.2 * pitch], before.y[before.x > 4.2 * pitch])
    assert not sent.masks[:, : int(3.8 * pitch)].any()


def test_a_level_sheet_fed_by_its_short_edge_has_upright_lines(page):
    image = grey(page, fax(quarters=1, resolution="standard"))
    columns = np.flatnonzero((np.diff(image, axis=1) != 0).any(axis=0)).size
    assert columns <= round(page.page.width * 25.4 / 120 * 3.85)
    # the print stays where it was
    core = (page.page.image.max(axis=2) < 40) & (page.masks > 0)
    assert image[core].mean() < 60


def test_crisp_edges_keep_thin_lines(page):
    image = np.full(page.page.image.shape, 240, np.uint8)
    image[::40] = 150
    whole, apart = (np.mean(grey(of(page, image), fax(crisp=c))[::40] == 0) for c in (2.0, 0.0))
    assert whole > apart + 0.15


def test_invented_numbers_only():
    for seed in range(40):
        header = sample_fax(np.random.default_rng(seed))["header"]
        assert not header or "FAX 555 01" in header
