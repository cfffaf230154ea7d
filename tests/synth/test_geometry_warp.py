import json
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from ecg import LEADS, ECGRecord
from synth.degrade import GEOMETRY, apply_steps
from synth.degrade.geometry import sample_crop, sample_perspective, sample_rotation, sample_scale, sample_turn
from synth.degrade.geometry_crumple import sample_creases, sample_crumple
from synth.degrade.geometry_device import sample_feed, sample_lens
from synth.degrade.geometry_surface import sample_curl, sample_folds
from synth.degrade.geometry_tear import sample_tear
from synth.lattice import look_up
from synth.page import move_points, sheet_points
from synth.render import render
from synth.style import PageStyle

#: Each kind of step alone, drawn as strong as any preset has it.
ALONE = {
    "rotation": lambda rng: [sample_rotation(rng, 3.0)],
    "perspective": lambda rng: [sample_perspective(rng, 25.0, 8.0, (-0.05, 0.15))],
    "crop": lambda rng: [sample_crop(rng, 0.2)],
    "scale": lambda rng: [sample_scale(rng, 0.45, 1.6)],
    "turn": lambda rng: [sample_turn(rng)],
    "mirror": lambda _: [{"name": "mirror"}],
    "curl": lambda rng: [sample_curl(rng, 30.0)],
    "folds": lambda rng: [sample_folds(rng, 15.0)],
    "creases": lambda rng: [sample_creases(rng, 10, 1.0)],
    "crumple": lambda rng: [sample_crumple(rng, 0.3, 1.0)],
    "tear": lambda rng: [sample_tear(rng, 0.3)],
    "lens": lambda rng: [sample_lens(rng, 0.06)],
    "feed": lambda rng: [sample_feed(rng, 0.8)],
}

#: And what follows each other on real pages.
CHAINS = {
    "handheld": ("creases", "crumple", "folds", "curl", "perspective", "lens"),
    "machine": ("folds", "feed", "rotation", "crop"),
    "wrecked": ("tear", "crumple", "curl", "perspective", "crop", "turn"),
    "copied": ("rotation", "mirror", "scale", "turn", "crop"),
}


def draw(name, seed):
    rng = np.random.default_rng(seed)
    return [step for kind in CHAINS.get(name, (name,)) for step in ALONE[kind](rng)]


@pytest.fixture(scope="module")
def page():
    """Thin black waves on white paper, two of the leads with tall beats, nothing else."""
    t = np.arange(5000) / 500
    waves = [0.2 * np.sin(2 * np.pi * (0.7 + 0.1 * k) * t + k) for k in range(12)]
    style = PageStyle(
        dpi=150.0, grid=False, separator="none", scale_text=False, pulse="none", names="none", paper_rgb=(255,) * 3
    )
    style = replace(style, trace_rgb=(0, 0, 0), trace_width_mm=0.25)
    return render(ECGRecord(np.array(waves), 500, LEADS), "3x4+1", style)


def ink_errors_px(page):
    """Distances from the true centre line to the middle of the ink, along the line's normals."""
    dark = 255.0 - page.page.image.min(axis=2)
    offsets = np.linspace(-6, 6, 49)
    found = []
    for trace in page.traces:
        points = np.column_stack([trace.x, trace.y])
        along = np.gradient(points, axis=0)
        normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
        size = np.array([page.page.width, page.page.height])
        fit = (np.isfinite(normal) & (points > 12) & (points < size - 13)).all(axis=1)
        at = points[fit][::9, None] + offsets[:, None] * normal[fit][::9, None]
        profile = map_coordinates(dark, [at[..., 1], at[..., 0]], order=1)
        profile = np.clip(profile - np.median(profile, axis=1, keepdims=True) - 12, 0, None)
        alone = (profile[:, :8].max(axis=1) < 8) & (profile[:, -8:].max(axis=1) < 8) & (profile.max(axis=1) > 40)
        found.append((profile[alone] * offsets).sum(axis=1) / profile[alone].sum(axis=1))
    return np.concatenate(found)


@pytest.mark.parametrize("name", [*ALONE, *CHAINS])
def test_truth_moves_with_the_ink(page, name):
    for seed in (1, 2):
        errors = ink_errors_px(apply_steps(page, draw(name, seed)))
        assert errors.size > 400
        assert np.median(np.abs(errors)) < 0.1  # drawn and measured without any step: 0.03
        assert np.quantile(np.abs(errors), 0.95) < 0.25
        assert abs(errors.mean()) < 0.02


@pytest.mark.parametrize("name", [*ALONE, *CHAINS])
def test_every_step_replays_to_the_byte_from_its_log(page, name):
    bent = apply_steps(page, draw(name, 5))
    again = apply_steps(page, json.loads(json.dumps(bent.steps)))
    assert bent.steps == again.steps
    np.testing.assert_array_equal(bent.page.image, again.page.image)
    np.testing.assert_array_equal(bent.masks, again.masks)
    np.testing.assert_array_equal(bent.record.signal, again.record.signal)
    for one, other in zip(bent.traces, again.traces, strict=True):
        np.testing.assert_array_equal(one.y, other.y)


def test_two_passes_stay_two_in_the_log(page):
    first = apply_steps(page, draw("curl", 1))
    both = apply_steps(first, draw("rotation", 1))
    assert both.steps[1]["new_pass"]
    again = apply_steps(page, both.steps)
    np.testing.assert_array_equal(both.page.image, again.page.image)
    assert not np.array_equal(both.page.image, apply_steps(page, [*draw("curl", 1), *draw("rotation", 1)]).page.image)


@pytest.mark.parametrize("name", [*ALONE, *CHAINS])
def test_the_paper_map_leads_there_and_back(page, name):
    bent = apply_steps(page, draw(name, 3))
    lattice, rng = bent.paper_map, np.random.default_rng(0)
    rows, columns = lattice.points.shape[:2]
    index = rng.uniform((0, 0), (columns - 1, rows - 1), (300, 2))
    want = np.column_stack(
        [
            np.interp(index[:, k], np.arange(n), mm)
            for k, (n, mm) in enumerate(((columns, lattice.x_mm), (rows, lattice.y_mm)))
        ]
    )
    found = sheet_points(bent, look_up(lattice.points, index))
    assert np.abs(found - want).max() * page.scale.px_per_mm_x < 0.1
    # The traces were moved by the exact map: between the lattice's points it strays from them by no more than this.
    trace, flat = bent.traces[-1], page.traces[-1]
    back = sheet_points(bent, np.column_stack([trace.x, trace.y]))
    stray = np.abs(back - (np.column_stack([flat.x, flat.y]) + 0.5) / page.scale.px_per_mm_x) * page.scale.px_per_mm_x
    assert np.nanquantile(stray, 0.95) < 0.3


def test_no_place_on_the_sheet_beside_it(page):
    bent = apply_steps(page, [{**draw("perspective", 1)[0], "margin": [0.2] * 4}])
    assert np.isnan(sheet_points(bent, np.array([[0.0, 0.0], [np.nan, 5.0]]))).all()
    assert np.isfinite(sheet_points(bent, bent.paper_map.points[20:21, 30])).all()


def test_the_mask_moves_with_the_lines(page):
    for name in ("handheld", "machine"):
        bent = apply_steps(page, draw(name, 4))
        for index, trace in enumerate(bent.traces, start=1):
            at = np.rint(np.column_stack([trace.y, trace.x]))
            inside = ((at >= 0) & (at < bent.masks.shape)).all(axis=1)
            rows, columns = at[inside].astype(int).T
            assert (bent.masks[rows, columns] == index).mean() > 0.9


def test_what_leaves_the_picture_is_nan_and_what_stays_is_not(page):
    cut = apply_steps(page, [{"name": "crop", "cut": [0.3, 0.0, 0.0, 0.0]}])
    left = round(0.3 * page.page.width)
    gone = page.traces[-1].x < left - 0.5
    np.testing.assert_array_equal(np.isnan(cut.record["II"]), gone)
    assert cut.page.width == page.page.width - left
    np.testing.assert_array_equal(cut.page.image, page.page.image[:, left:])
    np.testing.assert_array_equal(cut.masks, page.masks[:, left:])
    # Its place is known all the same, however bent.
    bent = apply_steps(page, [*draw("curl", 2), {"name": "crop", "cut": [0.3, 0.2, 0.1, 0.0]}])
    whole = apply_steps(page, draw("curl", 2))
    shift = (round(0.3 * page.page.width), round(0.2 * page.page.height))
    np.testing.assert_allclose(bent.traces[0].x, whole.traces[0].x - shift[0], atol=0.05)
    np.testing.assert_allclose(bent.corners, whole.corners - shift, atol=0.05)


def test_steps_that_undo_each_other_change_nothing(page):
    turns = [{"name": "turn", "quarters": 1}, {"name": "turn", "quarters": 3}, {"name": "mirror"}, {"name": "mirror"}]
    same = apply_steps(page, turns)
    np.testing.assert_array_equal(same.page.image, page.page.image)
    np.testing.assert_array_equal(same.masks, page.masks)
    np.testing.assert_array_equal(same.traces[3].y, page.traces[3].y)
    flat = {**draw("curl", 1)[0], "slope_deg": [0.0] * 9}
    same = apply_steps(page, [flat])
    np.testing.assert_array_equal(same.page.image, page.page.image)
    np.testing.assert_allclose(same.homography, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(same.traces[3].x, page.traces[3].x, atol=1e-4)


def test_a_flat_chain_is_its_homography(page):
    for name in ("perspective", "copied"):
        bent = apply_steps(page, draw(name, 2))
        for before, after in zip(page.traces, bent.traces, strict=True):
            want = move_points(bent.homography, np.column_stack([before.x, before.y]))
            np.testing.assert_allclose(np.column_stack([after.x, after.y]), want, atol=1e-6)
        np.testing.assert_allclose(bent.corners, move_points(bent.homography, page.corners), atol=1e-6)


def test_the_homography_of_a_bent_sheet_is_the_nearest(page):
    bent = apply_steps(page, draw("handheld", 1))
    points = bent.paper_map.points.reshape(-1, 2)
    across, down = np.meshgrid(bent.paper_map.x_mm, bent.paper_map.y_mm)
    drawn = np.column_stack([across.ravel(), down.ravel()]) * page.scale.px_per_mm_x - 0.5

    def misfit(matrix):
        return float(((move_points(matrix, drawn) - points) ** 2).sum())

    best = misfit(bent.homography)
    assert np.sqrt(best / len(points)) < 60  # px: it is near
    for row in range(2):
        for column, change in enumerate((1e-3, 1e-3, 1.0)):
            for sign in (-1, 1):
                other = bent.homography.copy()
                other[row, column] += sign * change
                assert misfit(other) > best


def test_bare_ground_is_filled_and_shaded(page):
    step = {**draw("perspective", 3)[0], "margin": [0.1] * 4, "fill_rgb": [100, 80, 60]}
    lit = apply_steps(page, [{k: v for k, v in step.items() if k != "shadow"}])
    assert lit.page.image[2, 2].tolist() == [100, 80, 60]
    shaded = apply_steps(page, [{**step, "shadow": {"x_mm": 0.0, "y_mm": 0.0, "reach_mm": 4.0, "depth": 0.5}}])
    beside = lit.corners.mean(axis=0) + (lit.corners[0] - lit.corners.mean(axis=0)) * 1.004
    x, y = np.rint(beside).astype(int)
    assert shaded.page.image[y, x].max() < 80
    assert shaded.page.image[2, 2].tolist() == [100, 80, 60]
    assert not shaded.masks[y, x]


def test_a_background_shows_where_the_sheet_does_not_reach(page, monkeypatch):
    def background(step, height, width):
        return np.full((height, width, 3), step["shade"], np.uint8)

    monkeypatch.setitem(sys.modules, "synth.degrade.backgrounds", SimpleNamespace(background=background))
    step = {**draw("perspective", 3)[0], "margin": [0.1] * 4, "background": {"shade": 77}}
    on_it = apply_steps(page, [{**step, "fill_rgb": [1, 2, 3]}])
    assert on_it.page.image[2, 2].tolist() == [77] * 3
    assert on_it.page.image[-3, -3].tolist() == [77] * 3
    later = apply_steps(page, [step, {**draw("rotation", 1)[0], "fill_rgb": [1, 2, 3]}])
    assert later.page.image[0, 0].tolist() == [1, 2, 3]


def test_shrinking_takes_the_mean_of_what_it_covers(page):
    chequered = np.zeros(page.page.image.shape, np.uint8)
    chequered[::2, ::2] = chequered[1::2, 1::2] = 255
    picture = replace(page, page=replace(page.page, image=chequered))
    for steps in ([{"name": "scale", "factor": 0.25}], [*draw("lens", 1), {"name": "scale", "factor": 0.25}]):
        small = apply_steps(picture, steps).page
        inner = small.image[20:-20, 20:-20].astype(float)
        assert inner.mean() == pytest.approx(127.5, abs=1)
        assert inner.std() < 12
        assert small.dpi == 37.5


def test_one_pass_costs_little(page):
    apply_steps(page, draw("handheld", 1))  # the kernels are compiled, the reliefs made
    apply_steps(page, draw("handheld", 2))
    began = time.process_time()
    apply_steps(page, draw("handheld", 1))
    assert time.process_time() - began < 0.35  # s; 0.09 when nothing else runs


def test_all_kinds_are_tested():
    assert set(ALONE) == set(GEOMETRY)


def test_a_dog_ear_covers_what_lies_under_it_and_leaves_a_gap(page):
    ends = [[0.8, 0.0], [1.0, 0.6]]  # the right end of the upper rows
    steps = [{"name": "flap", "ends": ends, "tint": [0.9] * 3, "depth": 0.3}]
    steps.append({"name": "tear", "ends": ends, "ragged": 0.0, "phase": 0.0})
    bent = apply_steps(page, [*steps, {**draw("perspective", 6)[0], "fill_rgb": [10, 20, 30]}])
    lost = bent.paper_map.points[2, -3]
    x, y = np.rint(lost).astype(int)
    assert bent.page.image[y, x].max() < 31  # the ground, perhaps in shadow
    trace, whole = bent.traces[3], page.traces[3]  # V4
    hidden = np.isnan(trace.y)
    assert 0.2 < hidden.mean() < 1
    np.testing.assert_array_equal(np.isnan(bent.record["V4"][trace.first : trace.first + hidden.size]), hidden)
    start, end = (np.array(share) * (page.page.width, page.page.height) for share in ends)
    (a, b), normal = end - start, np.array([whole.x - start[0], whole.y - start[1]])
    assert hidden[(a * normal[1] - b * normal[0]) < 0].all()  # all that is beyond the fold, and some before it
    under = np.flatnonzero(hidden & ((a * normal[1] - b * normal[0]) > 50 * np.hypot(a, b)))
    place = np.rint(move_points(bent.homography, np.column_stack([whole.x, whole.y])[under])).astype(int)
    assert under.size > 20
    assert (bent.page.image[place[:, 1], place[:, 0]] > 200).all()  # paper, no ink
    assert not bent.masks[place[:, 1], place[:, 0]].any()
