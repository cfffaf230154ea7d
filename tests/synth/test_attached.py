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
