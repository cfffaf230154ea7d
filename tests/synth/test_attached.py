import json
from dataclasses import replace

import numpy as np
import pytest

from synth.degrade import apply_steps
from synth.degrade.attached import sample_attached, sample_held, sample_holes, sample_redaction, sample_stamp
from synth.physiology import sample_physiology, synthesize_record
from synth.render import render
from synth.style import PageStyle

PX = 100 / 25.4
SAMPLERS = (sample_attached, sample_held, sample_holes, sample_redaction, sample_stamp)


@pytest.fixture(scope="module")
def page():
    record = synthesize_record(sample_physiology(np.random.default_rng(6)))
    return render(record, "3x4+1", PageStyle(dpi=100.0))


def covered(page, after):
    """Points of all leads that can no longer be read."""
    lost = [np.isnan(b.y) & ~np.isnan(a.y) for a, b in zip(page.traces, after.traces, strict=True)]
    return [(t.x[k], t.y[k]) for t, gone in zip(page.traces, lost, strict=True) for k in np.flatnonzero(gone)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_attached_replays_and_hides_only_where_it_is(page, sampler):
    for seed in range(8):
        once = apply_steps(page, [sampler(np.random.default_rng(seed))])
        again = apply_steps(page, json.loads(json.dumps(once.steps)))
        np.testing.assert_array_equal(once.page.image, again.page.image)
        np.testing.assert_array_equal(once.masks, again.masks)
        np.testing.assert_array_equal(once.record.signal, again.record.signal)
        changed = (once.page.image != page.page.image).any(axis=2)
        # the truth is lost only under what was put there
        gone = (once.masks == 0) & (page.masks > 0)
        assert not (gone & ~changed).sum() > 0.02 * gone.sum() + 3
        for x, y in covered(page, once):
            near = changed[max(0, round(y) - 2) : round(y) + 3, max(0, round(x) - 2) : round(x) + 3]
            assert near.any()


def test_holes_have_the_standards_measures(page):
    step = {"name": "holes", "kind": "iso", "side": 0, "off_mm": 0.0, "rgb": [30, 30, 30], "torn": False}
    image = apply_steps(page, [step]).page.image
    dark = (image.max(axis=2) < 31) & (page.page.image.max(axis=2) > 120)
    y, x = np.nonzero(dark)
    upper = y < page.page.height / 2
    assert abs(y[~upper].mean() - y[upper].mean()) == pytest.approx(80 * PX, abs=1.5)
    assert x.mean() == pytest.approx(12 * PX, abs=1.0)
    assert dark.sum() == pytest.approx(2 * np.pi * (3 * PX) ** 2, rel=0.15)
    for side in (1, 2, 3):
        other = apply_steps(page, [{**step, "side": side}]).page.image
        y, x = np.nonzero((other.max(axis=2) < 31) & (page.page.image.max(axis=2) > 120))
        edge = {1: y.mean(), 2: page.page.width - x.mean(), 3: page.page.height - y.mean()}[side]
        assert edge == pytest.approx(12 * PX, abs=1.5)


def test_a_label_over_a_lead_takes_its_samples_and_tape_does_not(page):
    x, y = float(page.traces[0].x[300]), float(page.traces[0].y[300])
    at = [x / page.page.width, y / page.page.height]
    label = {"name": "attached", "kind": "label", "at": at, "size_mm": [30.0, 14.0], "rgb": [250, 250, 250]}
    label |= {"lines": ["NO 1"], "opacity": 1.0, "angle_deg": 0.0}
    after = apply_steps(page, [label])
    lost = np.isnan(after.record["I"]) & ~np.isnan(page.record["I"])
    # 30 mm at 25 mm/s and the record's rate
    assert lost.sum() == pytest.approx(30 / 25 * page.record.fs, abs=0.02 * page.record.fs)
    assert lost[300]
    assert (after.page.image[round(y - 3 * PX) : round(y - 2 * PX), round(x)] > 200).all()
    tape = apply_steps(page, [{**label, "kind": "tape", "opacity": 0.2, "lines": []}])
    np.testing.assert_array_equal(tape.record.signal, page.record.signal)
    np.testing.assert_array_equal(tape.masks, page.masks)


def test_stamps_let_the_print_through(page):
    for seed in range(4):
        step = {**sample_stamp(np.random.default_rng(seed)), "at": [0.4, 0.45]}
        after = apply_steps(page, [step])
        assert (after.page.image <= page.page.image).all()
        assert (after.page.image < page.page.image).any()
        assert after.record is page.record


def test_redactions_are_opaque_and_stand_at_the_top(page):
    for seed in range(10):
        step = sample_redaction(np.random.default_rng(seed))
        image = apply_steps(page, [step]).page.image
        rows = np.flatnonzero((image != page.page.image).any(axis=(1, 2)))
        assert rows.max() < 0.25 * page.page.height
        x, y, length, _, slope = step["bars"][0]
        middle = x * page.page.width + 0.5 * length * PX, y * page.page.height + 0.5 * slope * length * PX
        if middle[0] < page.page.width - 2:
            assert np.abs(image[round(middle[1]), round(middle[0])].astype(int) - step["rgb"]).max() <= 2


def test_a_hand_holds_the_sheet_where_it_lies(page):
    step = sample_held(np.random.default_rng(2))
    flat = apply_steps(page, [step])
    turned = apply_steps(page, [{"name": "turn", "quarters": 2}, step])
    # on a sheet that lies upside down, the hand comes from the other side
    one = (flat.page.image != page.page.image).any(axis=2)
    back = np.rot90(page.page.image, 2)
    two = (turned.page.image != back).any(axis=2)
    assert one.sum() > 100
    overlap = (one & np.rot90(two, 2)).sum() / (one | np.rot90(two, 2)).sum()
    assert overlap > 0.6  # its shadow falls to the lower right either way
    small = replace(page, page=replace(page.page, image=page.page.image))
    half = apply_steps(small, [{"name": "scale", "factor": 0.5}, step])
    shrunk = apply_steps(small, [{"name": "scale", "factor": 0.5}])
    assert (half.page.image != shrunk.page.image).any(axis=2).sum() == pytest.approx(one.sum() / 4, rel=0.1)


@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_a_punch_that_is_too_wide_for_a_side_leaves_two_holes(page, side):
    step = {"name": "holes", "side": side, "off_mm": 0.0, "rgb": [30, 30, 30], "torn": False}
    two, three = (apply_steps(page, [{**step, "kind": kind}]).page.image for kind in ("iso", "three"))
    # three holes need 224 mm; the sheet is 297 by 210
    assert (three == two).all() == (side in (0, 2))


@pytest.mark.parametrize("at", [(0.03, 0.04), (0.97, 0.04), (0.97, 0.96), (0.03, 0.96)])
def test_a_staple_cuts_across_the_corner_where_it_sits(page, at):
    step = {"name": "attached", "kind": "staple", "at": list(at), "size_mm": [12.0, 0.55], "rgb": [0, 0, 0]}
    after = apply_steps(page, [{**step, "lines": [], "opacity": 1.0, "angle_deg": 0.0}])
    y, x = np.nonzero((after.page.image != page.page.image).any(axis=2))
    slope = np.polyfit(x, y, 1)[0]
    assert slope == pytest.approx(-1.0 if (at[0] < 0.5) == (at[1] < 0.5) else 1.0, abs=0.15)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize(("kind", "dark"), [("bar", 1.0), ("felt", 0.97)])
def test_bars_go_over_the_names_that_are_near_them(page, kind, dark, quarters):
    named = render(page.record, "3x4+1", PageStyle(dpi=100.0, header=("Sampleton, Hazel", "ID X000007")))
    named = apply_steps(named, [{"name": "turn", "quarters": quarters}])
    size = (named.page.width, named.page.height)
    lines = [text.quad for text in named.texts if text.role in ("header", "id")]
    assert len(lines) == 2
    bars = [[*(quad.mean(axis=0) / size), 20.0, 4.0, 0.02] for quad in lines]
    redaction = {"name": "redaction", "kind": kind, "rgb": [0, 0, 0], "bars": bars, "place": [5.0, 9.0]}
    image = apply_steps(named, [redaction]).page.image
    for quad in lines:
        (x0, y0), (x1, y1) = np.ceil(quad.min(axis=0)).astype(int), np.floor(quad.max(axis=0)).astype(int)
        # a freehand stroke is round at its ends, and its edge unsteady
        assert (image[y0 : y1 + 1, x0 : x1 + 1].max(axis=2) <= 40).mean() >= dark
    far = apply_steps(named, [{**redaction, "bars": [[0.6, 0.5, 20.0, 4.0, 0.0]]}]).page.image
    assert far[round(0.5 * size[1]), round(0.6 * size[0] + 10 * PX)].max() <= 2
