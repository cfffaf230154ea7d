"""The sheet brought upright: what is done to flat, tilted, bent and gridless pages, and where its corners were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawings import draw

from digitize.dewarp import picture_points
from digitize.options import DigitizeOptions
from digitize.sheet import Sheet, upright
from ecg import ECGRecord, Page
from ecg.errors import DigitizationError
from synth import SynthPage, apply_steps

CAMERA = {
    "name": "perspective",
    "tilt_deg": 10.0,
    "pan_deg": 7.0,
    "roll_deg": -2.0,
    "distance": 1.1,
    "margin": [0.03] * 4,
    "shadow": {"x_mm": 1.0, "y_mm": 1.0, "reach_mm": 3.0, "depth": 0.3},
}


@pytest.fixture(scope="module")
def flat_page(heart: ECGRecord) -> SynthPage:
    return draw(heart, "3x4+1")


@pytest.fixture(scope="module")
def photo(flat_page: SynthPage) -> SynthPage:
    return apply_steps(flat_page, [CAMERA])


def brought_up(page: Page, **options: Any) -> tuple[Sheet, list[Mapping[str, Any]]]:
    steps: list[Mapping[str, Any]] = []
    return upright(page, DigitizeOptions(**options), steps), steps


def test_a_flat_upright_page_is_left_alone(flat_page: SynthPage) -> None:
    sheet, steps = brought_up(flat_page.page)
    assert sheet.image is flat_page.page.image
    assert (sheet.homography, sheet.flattening) == (None, None)
    assert sheet.grid is not None
    assert [step["stage"] for step in steps] == ["grid"]
    assert sheet.corners(10, 20, 30, 40).tolist() == [[10, 20], [30, 20], [30, 40], [10, 40]]


def test_a_tilted_page_is_turned_by_its_grid(flat_page: SynthPage) -> None:
    page = apply_steps(flat_page, [{"name": "rotation", "angle_deg": 1.7}])
    sheet, _ = brought_up(page.page)
    assert sheet.flattening is None
    assert sheet.homography is not None
    # What the truth's own homography did is undone, up to a shift.
    both = sheet.homography @ page.homography
    np.testing.assert_allclose(both[:2, :2] / both[2, 2], np.eye(2), atol=1e-3)


def test_a_photo_is_flattened_and_says_so(photo: SynthPage) -> None:
    sheet, steps = brought_up(photo.page)
    assert sheet.flattening is not None
    assert sheet.grid is not None
    assert sheet.grid.coherence > 0.75
    assert sheet.image.shape[1::-1] == sheet.flattening.size
    assert [step["stage"] for step in steps] == ["grid", "flatten", "grid"]
    assert steps[2]["coherence"] > steps[0]["coherence"] + 0.1


def test_the_classical_way_flattens_nothing(photo: SynthPage) -> None:
    sheet, steps = brought_up(photo.page, method="classical")
    assert sheet.flattening is None
    assert [step["stage"] for step in steps] == ["grid"]


def test_a_page_without_a_grid_stays_as_it_came(heart: ECGRecord) -> None:
    page = draw(heart, "3x4", grid=False).page
    sheet, steps = brought_up(page)
    assert (sheet.homography, sheet.grid, sheet.flattening) == (None, None, None)
    assert sheet.image is page.image
    assert steps == []


def test_corners_by_hand_come_first_and_leave_one_map(photo: SynthPage) -> None:
    """Corners of the middle of a photographed sheet: its homography leads from the picture as it came."""
    paper = photo.paper_map
    rows, columns = np.array([2, 2, -3, -3]), np.array([2, -3, -3, 2])
    corners = tuple(float(v) for v in paper.points[rows, columns].ravel())
    sheet, _ = brought_up(photo.page, corners=corners)
    height, width = sheet.image.shape[:2]
    # Flattened or not, the whole page's corners are about those that were given: within a few mm of 200 to 300.
    back = sheet.corners(0, 0, width - 1, height - 1)
    np.testing.assert_allclose(back, np.reshape(corners, (4, 2)), atol=4 * photo.scale.px_per_mm_x)
    assert sheet.grid is not None
    assert sheet.grid.coherence > 0.75


def test_corners_off_the_page_are_refused(flat_page: SynthPage) -> None:
    corners = (-400.0, 0.0, 1000.0, 0.0, 1000.0, 800.0, 0.0, 800.0)
    with pytest.raises(DigitizationError, match="off the page"):
        brought_up(flat_page.page, corners=corners)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_sheet_knows_where_its_points_were(photo: SynthPage, quarters: int) -> None:
    sheet, _ = brought_up(photo.page)
    turned = sheet.turned(quarters)
    height, width = sheet.image.shape[:2]
    x, y = 0.3 * width, 0.6 * height
    # The same place after `numpy.rot90`: to the left goes what was on top.
    there = {0: (x, y), 1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}[quarters]
    assert sheet.flattening is not None
    assert turned.flattening is not None
    want = picture_points(sheet.flattening, np.array([[x, y]]))
    np.testing.assert_allclose(picture_points(turned.flattening, np.array([there])), want, atol=1e-6)
    np.testing.assert_allclose(turned.corners(*there, *there)[0], want[0], atol=1e-6)


def test_quarter_turns_exchange_the_scales_and_add_up(flat_page: SynthPage) -> None:
    sheet, _ = brought_up(flat_page.page)
    assert sheet.grid is not None
    uneven = replace(sheet, grid=replace(sheet.grid, px_per_mm_x=6.0, px_per_mm_y=5.0))
    once = uneven.turned(1)
    assert once.grid is not None
    assert (once.grid.px_per_mm_x, once.grid.px_per_mm_y) == (5.0, 6.0)
    assert uneven.turned(2).grid == uneven.grid
    height, width = sheet.image.shape[:2]
    assert once.corners(0, 0, height - 1, width - 1)[0].tolist() == [width - 1, 0]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_words_begin_at_the_rim_wherever_the_picture_s_is(quarters: int) -> None:
    image = np.full((300, 400, 3), 255, np.uint8)
    sheet = Sheet(image, None, None).turned(quarters)
    width = 400 if quarters % 2 == 0 else 300
    assert sheet.begins_at_rim((5.0, 100.0, 60.0, 110.0), 300, 400)
    assert not sheet.begins_at_rim((20.0, 100.0, 60.0, 110.0), 300, 400)
    assert not sheet.begins_at_rim((width - 60.0, 100.0, width - 5.0, 110.0), 300, 400), "it only ends there"
