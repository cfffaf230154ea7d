import json
from dataclasses import replace

import numpy as np
import pytest

from synth.degrade import apply_steps, paper
from synth.degrade.marks import apply_handwriting, sample_handwriting
from synth.degrade.pen import FIGURES, NOTES, draw_note, draw_scribble
from synth.physiology import sample_physiology, synthesize_record
from synth.plotter import plotter_spelling
from synth.render import render
from synth.style import PageStyle

SAMPLERS = {
    "fade": lambda rng: paper.sample_fade(rng, 0.8),
    "low_ink": lambda rng: paper.sample_low_ink(rng, 0.5),
    "age": lambda rng: paper.sample_age(rng, 1.0),
    "bleed": lambda rng: paper.sample_bleed(rng, 0.3),
    "rollers": lambda rng: paper.sample_rollers(rng, 1.0),
    "mould": lambda rng: paper.sample_mould(rng, 1.0),
    "stains": lambda rng: paper.sample_stains(rng, 4),
    "handwriting": lambda rng: sample_handwriting(rng, 6),
}


@pytest.fixture(scope="module")
def page():
    record = synthesize_record(sample_physiology(np.random.default_rng(6)))
    return render(record, "3x4+1", PageStyle(dpi=100.0))


def ink(page):
    return page.masks > 0


@pytest.mark.parametrize("name", SAMPLERS)
def test_paper_damage_keeps_the_truth_and_replays(page, name):
    changed = False
    for seed in range(4):
        step = SAMPLERS[name](np.random.default_rng(seed))
        once = apply_steps(page, [step])
        again = apply_steps(page, json.loads(json.dumps(once.steps)))
        np.testing.assert_array_equal(once.page.image, again.page.image)
        assert once.traces is page.traces
        assert once.record is page.record
        assert once.masks is page.masks
        changed |= bool((once.page.image != page.page.image).any())
    assert changed


@pytest.mark.parametrize("name", ["age", "bleed", "rollers", "mould", "stains", "handwriting"])
def test_paper_only_takes_light_away(page, name):
    for seed in range(3):
        after = apply_steps(page, [SAMPLERS[name](np.random.default_rng(seed))]).page.image
        assert (after.astype(int) - page.page.image <= 1).all()


def test_fading_pales_the_print_and_leaves_the_grid(page):
    step = {**paper.sample_fade(np.random.default_rng(0), 0.8), "keep": 0.4, "clouds": 0.0, "edge": 0.0}
    after = apply_steps(page, [step]).page.image
    core = page.page.image.max(axis=2) < 40  # fully covered by ink
    paper_grey, before = 253.0, page.page.image[core].mean()
    assert after[core].mean() == pytest.approx(before + 0.6 * (paper_grey * 0.97 - before), rel=0.06)
    grid = (page.page.image[..., 0] > 235) & (page.page.image[..., 1] < 225)
    np.testing.assert_array_equal(after[grid], page.page.image[grid])


def test_dead_dots_of_the_head_are_rows_without_ink(page):
    quiet = {**paper.sample_low_ink(np.random.default_rng(0), 0.5), "keep": 1.0, "streaks": 0.0, "columns": []}
    row = round(float(np.nanmedian(page.traces[0].y)))
    share = (row - 1) / page.page.height
    after = apply_steps(page, [{**quiet, "rows": [[share, 0.8, 0.1]]}]).page.image
    inside = ink(page)[row] & (page.page.image[row].max(axis=1) < 60)
    assert inside.sum() > 20
    assert (after[row][inside].mean(axis=1) > page.page.image[row][inside].mean(axis=1) + 80).all()
    np.testing.assert_array_equal(after[: row - 2], page.page.image[: row - 2])


def test_age_takes_blue_before_red(page):
    for seed in range(5):
        after = apply_steps(page, [paper.sample_age(np.random.default_rng(seed), 1.0)]).page.image
        share = after.reshape(-1, 3).mean(axis=0) / page.page.image.reshape(-1, 3).mean(axis=0)
        assert share[0] > share[1] > share[2] > 0.4


def test_rollers_print_the_same_dirt_after_each_turn(page):
    blank = replace(page, page=replace(page.page, image=np.full_like(page.page.image, 255)))
    pitch = 100 / 25.4
    step = {**paper.sample_rollers(np.random.default_rng(1), 1.0), "period_mm": 160 / pitch, "bands": [], "dirt": 0.4}
    dirt = 255 - apply_steps(blank, [step]).page.image[..., 0].astype(float)
    one, two = dirt[:, 80:160].ravel(), dirt[:, 240:320].ravel()
    other = dirt[:, 130:210].ravel()
    assert dirt.max() > 20
    assert np.corrcoef(one, two)[0, 1] > 0.9
    assert np.corrcoef(one, other)[0, 1] < 0.6


def test_a_stain_is_darkest_at_its_rim_and_none_far_away(page):
    blank = replace(page, page=replace(page.page, image=np.full_like(page.page.image, 255)))
    stain = {"kind": "cup", "centre": [0.5, 0.5], "radius_mm": 40.0, "middle": 0.03, "rim": 0.4, "rim_mm": 1.6}
    stain |= {"ragged": 0.0, "colour": [0.45, 0.72, 1.0], "gap_deg": 0.0, "at": [0.0, 0.0]}
    image = apply_steps(blank, [{"name": "stains", "stains": [stain]}]).page.image
    x, y = page.page.width // 2, page.page.height // 2
    along = 255 - image[y, x:, 2].astype(float)
    rim = along.argmax() * 25.4 / 100
    assert rim == pytest.approx(40.0 - 1.6, abs=1.0)
    assert along[0] == pytest.approx(0.03 * 255, abs=4)
    assert along[round(50 * 100 / 25.4) :].max() == 0


def test_the_back_shows_mirrored_and_pale(page):
    step = {"name": "bleed", "share": 0.3, "blur_mm": 0.1, "shift": [0.0, 0.0], "upside_down": False}
    lost = page.page.image.astype(float) - apply_steps(page, [step]).page.image
    back = 255.0 - page.page.image[:, ::-1]
    blurred = lost.mean(axis=2)
    assert np.corrcoef(blurred.ravel(), back.mean(axis=2).ravel())[0, 1] > 0.5
    assert lost.max() < 0.35 * 255


def test_notes_are_in_letters_that_the_hand_has():
    assert all(plotter_spelling(note) is not None for note in NOTES)


@pytest.mark.parametrize("seed", range(4))
def test_a_hand_writes_at_its_size_and_slows_at_the_ends(seed):
    rng = np.random.default_rng(seed)
    strokes = draw_note(rng, "HILT", 5.0)
    every = np.vstack(strokes)
    assert 4.0 < np.ptp(every[:, 1]) < 8.0
    assert 8.0 < np.ptp(every[:, 0]) < 35.0
    longest = max(strokes, key=len)
    pace = np.hypot(*np.diff(longest, axis=0).T)
    assert pace[[0, -1]].max() < pace.max()
    scribble = np.vstack(draw_scribble(rng, 6.0, 1.5))
    assert np.isfinite(scribble).all()
    assert np.ptp(scribble[:, 0]) > np.ptp(scribble[:, 1]) * 0.5


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_have_their_size(figure):
    for seed in range(5):
        points = np.vstack(FIGURES[figure](np.random.default_rng(seed), 16.0))
        assert np.isfinite(points).all()
        assert 2.0 < np.ptp(points, axis=0).max() < 260.0


def test_black_print_shows_through_every_ink(page):
    step = sample_handwriting(np.random.default_rng(5), 8)
    marks = [{**mark, "at": [0.3, 0.45]} for mark in step["marks"]]
    after = apply_handwriting(page, {**step, "marks": marks}).page.image
    core = page.page.image.max(axis=2) < 40
    assert after[core].max() < 41
    assert (after != page.page.image).any()


def test_marks_beside_the_page_are_left_out(page):
    step = sample_handwriting(np.random.default_rng(5), 3)
    away = [{**mark, "at": [40.0, 40.0]} for mark in step["marks"]]
    np.testing.assert_array_equal(apply_handwriting(page, {**step, "marks": away}).page.image, page.page.image)
