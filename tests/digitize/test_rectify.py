"""Homographies in closed form, and the picture and corners that they move."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.rectify import corners_of, from_corners, from_tilt, warp
from ecg.errors import DigitizationError


def moved(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """Point after a homography."""
    p = matrix @ [x, y, 1.0]
    return p[:2] / p[2]


@pytest.mark.parametrize("angle", [-7.0, -0.5, 0.04, 1.5, 12.0])
def test_a_line_that_falls_at_the_tilt_becomes_level(angle: float) -> None:
    turn = from_tilt(1000, 600, angle)
    assert turn is not None
    a = np.radians(angle)
    # The middle of the pixels stays; a step along the tilted rows is a step to the right, down the columns a step down.
    centre = np.array([499.5, 299.5])
    np.testing.assert_allclose(moved(turn, *centre), centre, atol=1e-9)
    np.testing.assert_allclose(moved(turn, *(centre + 100 * np.array([np.cos(a), np.sin(a)]))), [599.5, 299.5])
    np.testing.assert_allclose(moved(turn, *(centre + 100 * np.array([-np.sin(a), np.cos(a)]))), [499.5, 399.5])


@pytest.mark.parametrize("angle", [0.0, 0.02, -0.029])
def test_a_tilt_of_less_than_a_pixel_over_the_page_is_left(angle: float) -> None:
    assert from_tilt(2000, 1500, angle) is None


def test_four_corners_become_a_rectangle_of_their_own_size() -> None:
    corners = (100.0, 50.0, 899.0, 50.0, 899.0, 449.0, 100.0, 449.0)
    matrix, size = from_corners(corners)
    assert size == (799, 399)
    for (x, y), wanted in zip(np.reshape(corners, (4, 2)), [(0, 0), (798, 0), (798, 398), (0, 398)], strict=True):
        np.testing.assert_allclose(moved(matrix, x, y), wanted, atol=1e-3)


def test_corners_under_perspective_are_mapped_exactly_and_lines_stay_lines() -> None:
    corners = (120.0, 80.0, 880.0, 40.0, 930.0, 560.0, 70.0, 520.0)
    matrix, (width, height) = from_corners(corners)
    p = np.reshape(corners, (4, 2))
    for at, wanted in zip(p, [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], strict=True):
        np.testing.assert_allclose(moved(matrix, *at), wanted, atol=1e-2)
    # The diagonals cross where they cross.
    a, b = p[2] - p[0], p[3] - p[1]
    t = np.linalg.solve(np.column_stack([a, -b]), p[1] - p[0])[0]
    np.testing.assert_allclose(moved(matrix, *(p[0] + t * a)), ((width - 1) / 2, (height - 1) / 2), atol=1e-2)
    # Sides are averaged: top 761 and bottom 861 px; right 522 and left 443 px.
    top, right = np.hypot(*(p[1] - p[0])), np.hypot(*(p[2] - p[1]))
    bottom, left = np.hypot(*(p[3] - p[2])), np.hypot(*(p[0] - p[3]))
    assert (width, height) == (round((top + bottom) / 2), round((left + right) / 2))


@pytest.mark.parametrize(
    "corners",
    [
        (0, 0, 0, 300, 500, 300, 500, 0),  # the wrong way round
        (0, 0, 500, 300, 500, 0, 0, 300),  # crossed
        (0, 0, 100, 100, 200, 200, 300, 300),  # on one line
        (0, 0, 0, 0, 500, 300, 0, 300),  # twice the same
        (0, 0, 500, 0, 100, 50, 0, 300),  # dented
        (0, 0, 40, 0, 40, 300, 0, 300),  # too narrow
        (0, 0, 30000, 0, 30000, 300, 0, 300),  # too wide
    ],
)
def test_corners_that_make_no_page_are_refused_in_one_line(corners: tuple[float, ...]) -> None:
    with pytest.raises(DigitizationError, match="corners") as caught:
        from_corners(corners)
    assert caught.value.stage == "rectify"
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_picture_follows_its_homography_and_repeats_its_edge() -> None:
    image = np.full((200, 300, 3), 250, np.uint8)
    image[100, 150] = 0
    shift = np.array([[1.0, 0, 40], [0, 1, -30], [0, 0, 1]])
    upright = warp(image, shift, (300, 200))
    assert upright.shape == (200, 300, 3)
    assert (upright[70, 190] == 0).all()
    assert upright[100, 150].min() > 240
    # Left of the old left edge and below the old bottom, the edge's own colour.
    assert (upright[:, :39] == 250).all()
    assert (image[100, 150] == 0).all()


def test_warping_there_and_back_gives_the_picture_again() -> None:
    y, x = np.mgrid[:240, :320]
    smooth = (128 + 60 * np.sin(x / 23) * np.cos(y / 17)).astype(np.uint8)
    image = np.repeat(smooth[:, :, None], 3, axis=2)
    turn = from_tilt(320, 240, 3.0)
    assert turn is not None
    back = warp(warp(image, turn, (320, 240)), np.linalg.inv(turn), (320, 240))
    inner = np.s_[40:-40, 40:-40]
    assert np.abs(back[inner].astype(int) - image[inner].astype(int)).max() <= 3


def test_corners_come_back_to_the_page_as_it_came() -> None:
    upright = np.array([[10, 20], [300, 20], [300, 200], [10, 200]], float)
    np.testing.assert_array_equal(corners_of(None, 10, 20, 300, 200), upright)
    matrix, _ = from_corners((120.0, 80.0, 880.0, 40.0, 930.0, 560.0, 70.0, 520.0))
    found = corners_of(matrix, 10, 20, 300, 200)
    for at, wanted in zip(found, upright, strict=True):
        np.testing.assert_allclose(moved(matrix, *at), wanted, atol=1e-6)
