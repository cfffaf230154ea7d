"""Pages for the network that shares out ink: every label against the truth it was made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawings import draw

from digitize.dewarp import picture_points
from digitize.options import DigitizeOptions
from digitize.owner.crops import cut, inputs, labels
from digitize.owner.drawing import clutter, draw_owner_page, draw_pages
from digitize.owner.owners import PX_PER_MM, UNIT_MM
from digitize.owner.seen import (
    PULSE,
    SEPARATOR,
    OwnerPage,
    levels_at,
    load_page,
    paper_points,
    save_page,
    seen_by_reader,
    with_halo,
)
from digitize.sheet import upright
from ecg import ECGRecord
from ecg.errors import DigitizationError
from synth import SynthPage, apply_steps, open_source
from synth.page import move_points, sheet_points

TURN = {"name": "turn", "quarters": 1}
TILT = {"name": "rotation", "angle_deg": 1.3}
#: A camera a little off the middle, and a sheet that arches by up to 12 degrees from left to right.
BENT = (
    {
        "name": "curl",
        "axis_deg": 0.0,
        "slope_deg": [12.0 * t for t in np.linspace(-1, 1, 9)],
        "view": [0.2, 0.1],
        "distance": 3.0,
        "lamp": {"from_deg": 60.0, "height_deg": 50.0, "share": 0.3},
    },
    {
        "name": "perspective",
        "tilt_deg": 6.0,
        "pan_deg": -5.0,
        "roll_deg": 1.0,
        "distance": 1.2,
        "margin": [0.02, 0.02, 0.02, 0.02],
        "shadow": {"x_mm": 1.0, "y_mm": 1.0, "reach_mm": 3.0, "depth": 0.3},
    },
)


@pytest.fixture(scope="module")
def page(heart: ECGRecord) -> SynthPage:
    return draw(heart, "6x2", dpi=200, names="on")


def level_errors_mm(seen: OwnerPage, damaged: SynthPage, undamaged: SynthPage) -> np.ndarray:
    """How far each inked pixel's level lies from its own trace's line of 0 mV, on the sheet of paper.

    The way back, by other functions than those that made the label: from the network's page to the upright one, to the
    picture, to millimetres of the sheet, where the line is level.
    """
    want = labels(seen, slice(0, seen.owner.shape[0]), slice(0, seen.owner.shape[1]))
    y, x = (a[::7] for a in np.nonzero((seen.owner > 0) & (seen.share > 100)))
    named = np.column_stack([x, y + want[3][y, x] * UNIT_MM * PX_PER_MM])
    sheet = upright(damaged.page, DigitizeOptions(), [])
    quarters = sum(step["quarters"] for step in damaged.steps if step["name"] == "turn")
    sheet = sheet.turned(-quarters % 4)
    height, width = np.rot90(sheet.image, -quarters % 4).shape[:2]
    ratio = np.array([seen.owner.shape[1] / width, seen.owner.shape[0] / height])
    points = (named + 0.5) / ratio - 0.5
    if sheet.flattening is not None:
        points = picture_points(sheet.flattening, points)
    elif sheet.homography is not None:
        points = move_points(np.linalg.inv(sheet.homography), points)
    lines_mm = np.array([trace.baseline[0, 1] for trace in undamaged.traces]) + 0.5  # the sheet's edge is at -0.5 px
    return sheet_points(damaged, points)[:, 1] - lines_mm[seen.owner[y, x] - 1] / undamaged.scale.px_per_mm_y


def trace_errors_mm(seen: OwnerPage, undamaged: SynthPage) -> np.ndarray:
    """Height above the labelled line of 0 mV of each column of a lone trace, against its signal in mm."""
    errors = []
    for k, drawn in enumerate(undamaged.traces):
        mm = (drawn.baseline[0, 1] - drawn.y) / undamaged.scale.px_per_mm_y
        y, x = np.nonzero((seen.owner == k + 1) & (seen.share > 150))
        line = seen.baselines[k]
        part = (x - line[0, 0]) / (line[-1, 0] - line[0, 0])
        inside = (part > 0.02) & (part < 0.98)
        sample = np.rint(part * (mm.size - 1)).astype(int).clip(0, mm.size - 1)
        # Where the signal is level for 40 ms about a sample, ink stands at one height.
        level = np.array([np.ptp(mm[max(0, s - 10) : s + 11]) < 0.4 for s in sample])
        height = (np.interp(x, line[:, 0], line[:, 1]) - y) / PX_PER_MM
        good = inside & level
        errors.append(np.abs(height - mm[sample])[good])
    return np.concatenate(errors)


@pytest.mark.parametrize("steps", [(), (TILT,), (TURN,), BENT], ids=["flat", "tilted", "turned", "bent"])
def test_every_pixel_of_ink_points_to_its_own_line(page: SynthPage, steps: tuple[dict[str, object], ...]) -> None:
    damaged = apply_steps(page, steps)
    seen = seen_by_reader(damaged, page)
    assert set(np.unique(seen.owner)) == set(range(13))
    assert np.abs(level_errors_mm(seen, damaged, page)).max() < 0.3
    # Ink of a level stretch lies as far above the line as its signal says: half a pen, half a cell, and the tilt that a
    # bent page keeps, are 0.5 mm at most.
    errors = trace_errors_mm(seen, page)
    assert errors.size > 3000
    assert np.median(errors) < 0.2
    assert np.percentile(errors, 95) < 0.5


@pytest.mark.parametrize("steps", [(), (TILT,), BENT], ids=["flat", "tilted", "bent"])
def test_lines_of_0_mv_lie_where_the_paper_has_them(page: SynthPage, steps: tuple[dict[str, object], ...]) -> None:
    """A page that shows its lines of 0 mV as ink: the labels run along that ink."""
    zero = replace(page.record, signal=np.zeros_like(page.record.signal))
    drawn = draw(zero, "6x2", dpi=200, names="none", pulse="none", separator="none")
    seen = seen_by_reader(apply_steps(drawn, steps), drawn)
    errors = []
    for k in range(len(page.traces)):
        y, x = np.nonzero((seen.owner == k + 1) & (seen.share > 120))
        rows = np.array([y[x == c].mean() for c in np.unique(x)])
        errors.append(np.abs(rows - levels_at(seen, 0, seen.owner.shape[1])[k + 1, np.unique(x)]))
    assert np.percentile(np.concatenate(errors), 99) / PX_PER_MM < 0.3


def test_the_owner_of_ink_is_the_trace_that_drew_it(page: SynthPage) -> None:
    seen = seen_by_reader(page, page)
    # At 200 dpi, flat, a cell is two pixels wide: the mask of the page, thinned out and a cell wider, is the map.
    zoom = PX_PER_MM / page.scale.px_per_mm_x
    y, x = np.nonzero(seen.owner)
    for j, i in zip(y[::5], x[::5], strict=True):
        b, a = (round((k + 0.5) / zoom - 0.5) for k in (j, i))
        assert (page.masks[max(0, b - 4) : b + 5, max(0, a - 4) : a + 5] == seen.owner[j, i]).any()
    # Ink without an owner is print: names, pulses, bars, words of the margin.
    lone = (seen.owner == 0) & (seen.share > 150)
    boxed = np.zeros(lone.shape, bool)
    for _, *box in seen.print:
        left, top, right, bottom = (int(v) for v in box)
        boxed[max(0, top - 2) : bottom + 4, max(0, left - 6) : right + 10] = True
    assert (lone & ~boxed).sum() < 0.02 * (seen.owner > 0).sum()


def test_soft_edges_belong_to_the_trace_and_letters_to_nobody() -> None:
    share, owner = np.zeros((9, 12), np.uint8), np.zeros((9, 12), np.uint8)
    share[3:6, :8], owner[4, :8] = np.array([[100], [255], [100]]), 7
    share[3:6, 8:] = 255
    share[2, :8] = 20  # less ink than the network is asked about
    letters = np.array([[2, 8, 3, 11, 5]], np.float32)
    got = with_halo(OwnerPage(share, share, owner, np.zeros((7, 2, 2), np.float32), letters)).owner
    assert (got[3:6, :8] == 7).all()
    assert not got[:3].any()
    assert not got[:, 8:].any()


def test_a_wrong_scale_is_taken_along(page: SynthPage) -> None:
    plain, larger = seen_by_reader(page, page), seen_by_reader(page, page, zoom_error=0.05)
    ratio = larger.share.shape[1] / plain.share.shape[1]
    assert ratio == pytest.approx(np.exp(0.05), rel=2e-3)
    np.testing.assert_allclose((larger.baselines + 0.5) / (plain.baselines + 0.5), ratio, rtol=5e-3)


def test_a_page_whose_lines_still_slant_is_left_out(heart: ECGRecord) -> None:
    bare = draw(heart, "3x4", grid=False)
    with pytest.raises(DigitizationError, match="fall by"):
        seen_by_reader(apply_steps(bare, [{"name": "rotation", "angle_deg": 9.0}]), bare)


def test_a_page_whose_traces_leave_no_ink_is_left_out(heart: ECGRecord) -> None:
    white_on_black = draw(heart, "3x4", grid=False, paper_rgb=(5, 5, 5), trace_rgb=(240, 240, 90))
    with pytest.raises(DigitizationError):
        seen_by_reader(white_on_black, white_on_black)


def test_paper_points_invert_sheet_points(page: SynthPage) -> None:
    damaged = apply_steps(page, BENT)
    rng = np.random.default_rng(0)
    points = rng.uniform((20, 20), (270, 190), (50, 2))
    np.testing.assert_allclose(sheet_points(damaged, paper_points(damaged.paper_map, points)), points, atol=1e-3)


def test_labels_say_pulse_print_or_trace(page: SynthPage) -> None:
    seen = seen_by_reader(page, page)
    trace, pulse, other, down = labels(seen, slice(0, seen.owner.shape[0]), slice(0, seen.owner.shape[1]))
    assert not (trace * pulse).any()
    assert not (trace * other).any()
    assert not down[trace == 0].any()
    kinds = seen.print[:, 0].tolist()
    assert (kinds.count(PULSE), kinds.count(SEPARATOR)) == (6, 6)
    for kind, left, top, right, bottom in seen.print:
        inside = (slice(int(top) + 1, int(bottom)), slice(int(left) + 1, int(right)))
        free = trace[inside] == 0
        assert (pulse if kind == PULSE else other)[inside][free].all()


def test_a_part_s_labels_are_those_of_the_whole(page: SynthPage) -> None:
    seen = seen_by_reader(page, page)
    whole = labels(seen, slice(0, seen.owner.shape[0]), slice(0, seen.owner.shape[1]))
    part = labels(seen, slice(200, 330), slice(100, 260))
    np.testing.assert_allclose(part, whole[:, 200:330, 100:260], atol=1e-5)


def test_crops_are_pages_with_paper_around(page: SynthPage) -> None:
    seen = seen_by_reader(page, page)
    rng = np.random.default_rng(3)
    for _ in range(12):
        crop = cut(seen, (256, 128), rng)
        assert crop.page.shape == (2, 256, 128)
        assert crop.want.shape == (4, 256, 128)
        assert crop.page[0].min() >= 0
        assert crop.page[0].max() <= 1
        assert set(np.unique(crop.want[:3])) <= {0, 1}
    assert inputs(seen).shape == (2, *seen.share.shape)


def test_clutter_covers_traces_and_is_known(page: SynthPage) -> None:
    added = [clutter(page, np.random.default_rng(seed)) for seed in range(6)]
    changed = [(a.page.image != page.page.image).any(axis=2) for a in added]
    assert sum(c.any() for c in changed) >= 3
    for a, c in zip(added, changed, strict=True):
        assert c.any() == (len(a.texts) > len(page.texts))
        np.testing.assert_array_equal(a.masks, page.masks)
        known = np.zeros_like(c)
        for text in a.texts[len(page.texts) :]:
            left, top = np.floor(text.quad.min(axis=0)).astype(int).clip(0)
            right, bottom = np.ceil(text.quad.max(axis=0)).astype(int) + 1
            known[top:bottom, left:right] = True
        assert not (c & ~known).any()


def test_the_same_number_gives_the_same_page(heart: ECGRecord) -> None:
    a, b = (draw_owner_page(heart, np.random.default_rng(2), "scan") for _ in range(2))
    np.testing.assert_array_equal(a.share, b.share)
    np.testing.assert_array_equal(a.baselines, b.baselines)


def test_pages_are_written_once_and_read_back(tmp_path: Path) -> None:
    source = open_source("physiology")
    first = list(draw_pages(tmp_path, source, 1, seed=4))
    times = [path.stat().st_mtime_ns for path in first]
    again = list(draw_pages(tmp_path, source, 1, seed=4))
    assert again == first
    assert [path.stat().st_mtime_ns for path in again] == times
    page = load_page(first[0])
    copy = tmp_path / "copy.npz"
    save_page(copy, page)
    for name in ("share", "light", "owner", "baselines", "print"):
        np.testing.assert_array_equal(getattr(load_page(copy), name), getattr(page, name))
