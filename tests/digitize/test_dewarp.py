"""Sheets flattened by their own grid: arched, folded and tilted pages against the map that bent them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from drawings import draw, draw_grid

from digitize.dewarp import Flattening, flatten, picture_points, resampled
from digitize.grid import GridMeasure, find_grid
from digitize.owner.seen import flat_points, paper_points
from ecg import ECGRecord
from synth import SynthPage, apply_steps

LAMP = {"from_deg": 60.0, "height_deg": 50.0, "share": 0.3}
CAMERA = {
    "name": "perspective",
    "tilt_deg": 9.0,
    "pan_deg": -8.0,
    "roll_deg": 2.0,
    "distance": 1.0,
    "margin": [0.02] * 4,
    "shadow": {"x_mm": 1.0, "y_mm": 1.0, "reach_mm": 3.0, "depth": 0.3},
}
CURL = {
    "name": "curl",
    "axis_deg": 4.0,
    "slope_deg": [14.0 * t for t in (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)],
    "view": [0.15, -0.1],
    "distance": 1.2,
    "lamp": LAMP,
}
FOLDS = {
    "name": "folds",
    "axis_deg": 0.5,
    "at": [1 / 3, 2 / 3],
    "slope_deg": [7.0, 7.0],
    "reach_mm": 25.0,
    "mark": 0.4,
    "width_mm": 0.8,
    "phase": 3.0,
    "view": [0.1, 0.1],
    "distance": 1.2,
    "lamp": LAMP,
}

BENT = {"perspective": (CAMERA,), "curl": (CURL, CAMERA), "folds": (FOLDS, CAMERA)}


def measured(page: SynthPage) -> GridMeasure:
    grid = find_grid(page.page.image)
    assert grid is not None
    return grid


@pytest.fixture(scope="module")
def sheet(heart: ECGRecord) -> SynthPage:
    return draw(heart, "3x4+1", dpi=200)


@pytest.fixture(scope="module", params=BENT)
def bent(request: pytest.FixtureRequest, sheet: SynthPage) -> tuple[SynthPage, Flattening]:
    page = apply_steps(sheet, BENT[request.param])
    flat = flatten(page.page.image, measured(page))
    assert flat is not None
    return page, flat


def displaced_mm(page: SynthPage, flat: Flattening) -> np.ndarray:
    """How far points of the flat page lie from where the paper has them in the picture, in mm.

    Points of the sheet, 10 mm apart, are sent to the picture by the truth. On the flat page they must form a square
    lattice, up to one shift and turn, of which the reader knows nothing and needs none: the best is taken (Kabsch,
    Acta Cryst 1976;A32:922-923).
    """
    paper = page.paper_map
    x, y = np.meshgrid(np.arange(20.0, 275.0, 10.0), np.arange(20.0, 190.0, 10.0))
    mm = np.column_stack([x.ravel(), y.ravel()])
    there = paper_points(paper, mm)
    seen = ((there > 0) & (there < (page.page.width - 1, page.page.height - 1))).all(axis=1)
    mm, found = mm[seen], flat_points(flat, there[seen]) / flat.px_per_mm
    a, b = mm - mm.mean(axis=0), found - found.mean(axis=0)
    u, _, v = np.linalg.svd(a.T @ b)
    return np.hypot(*(a @ u @ v - b).T)


def test_bent_sheets_come_back_flat(bent: tuple[SynthPage, Flattening]) -> None:
    page, flat = bent
    before, after = measured(page), find_grid(resampled(page.page.image, flat))
    assert after is not None
    assert before.coherence < 0.5
    assert after.coherence > 0.78
    assert after.px_per_mm_x == pytest.approx(flat.px_per_mm, rel=0.01)
    assert after.px_per_mm_y == pytest.approx(flat.px_per_mm, rel=0.01)
    assert abs(after.angle_deg) < 0.1


def test_points_lie_where_the_paper_has_them(bent: tuple[SynthPage, Flattening]) -> None:
    off = displaced_mm(*bent)
    assert off.size > 300
    assert np.percentile(off, 99) < 0.5
    assert np.median(off) < 0.1


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_picture_points_and_flat_points_invert_each_other(bent: tuple[SynthPage, Flattening], quarters: int) -> None:
    _, flat = bent
    flat = replace(flat, quarters=quarters)
    width, height = flat.size if quarters % 2 == 0 else flat.size[::-1]
    points = np.random.default_rng(0).uniform((0.1 * width, 0.1 * height), (0.9 * width, 0.9 * height), (200, 2))
    np.testing.assert_allclose(flat_points(flat, picture_points(flat, points)), points, atol=0.02)


def test_the_picture_is_sampled_where_the_points_say(bent: tuple[SynthPage, Flattening]) -> None:
    """A picture whose colours are its own coordinates comes back as the map itself."""
    page, flat = bent
    height, width = page.page.image.shape[:2]
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[:, :, 0] = np.linspace(0, 250, width)[None]
    ramp[:, :, 1] = np.linspace(0, 250, height)[:, None]
    straight = resampled(ramp, flat)
    points = np.random.default_rng(1).uniform((0, 0), (flat.size[0] - 1, flat.size[1] - 1), (500, 2)).round()
    there = picture_points(flat, points)
    inside = ((there > 3) & (there < (width - 4, height - 4))).all(axis=1)
    x, y = points[inside].astype(int).T
    want = there[inside] * 250 / (width - 1, height - 1)
    np.testing.assert_allclose(straight[y, x, :2], want, atol=1.5)


def test_quarter_turns_turn_the_picture(bent: tuple[SynthPage, Flattening]) -> None:
    page, flat = bent
    upright = resampled(page.page.image, flat)
    assert upright.shape[1::-1] == flat.size
    np.testing.assert_array_equal(resampled(page.page.image, replace(flat, quarters=1)), np.rot90(upright))


def test_a_flat_grid_has_nothing_to_flatten() -> None:
    image = draw_grid((1600, 1100), (8.0, 8.0))
    grid = find_grid(image)
    assert grid is not None
    flat = flatten(image, grid)
    assert flat is not None
    assert flat.px_per_mm == pytest.approx(8.0, rel=2e-3)
    # Distances stay what they were, all over the page.
    points = np.array([[100.0, 100.0], [1500.0, 100.0], [1500.0, 1000.0], [100.0, 1000.0]])
    there = picture_points(flat, points)
    sides = np.hypot(*(np.roll(there, -1, axis=0) - there).T)
    np.testing.assert_allclose(sides, [1400, 900, 1400, 900], atol=2.0)


@pytest.mark.parametrize("what", ["blank", "tiny"])
def test_too_little_of_a_grid_says_nothing(what: str) -> None:
    grid = GridMeasure(**grid_fields())
    size = (900, 700) if what == "blank" else (120, 90)
    image = np.full((size[1], size[0], 3), 250, np.uint8)
    assert flatten(image, grid) is None


def grid_fields() -> Mapping[str, Any]:
    """Fields of the measure of a good grid of 8 pixels a millimetre."""
    grid = find_grid(draw_grid((1000, 800), (8.0, 8.0)))
    assert grid is not None
    return asdict(grid)
