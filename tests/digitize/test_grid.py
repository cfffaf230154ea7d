"""The grid's pitch and tilt on grids drawn in closed form and on drawn pages, and where there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawings import draw, draw_grid

from digitize.grid import GridOptions, find_grid, grid_picture
from ecg import ECGRecord
from ecg.errors import DigitizationError
from synth import SynthPage, apply_steps


@pytest.mark.parametrize("pitch", [3.0, 4.0, 150 / 25.4, 200 / 25.4, 8.0, 10.0, 300 / 25.4])
def test_the_pitch_of_lines_at_exact_places_is_measured(pitch: float) -> None:
    grid = find_grid(draw_grid((round(250 * pitch), round(110 * pitch)), (pitch, pitch)))
    assert grid is not None
    assert grid.px_per_mm_x == pytest.approx(pitch, rel=1e-3)
    assert grid.px_per_mm_y == pytest.approx(pitch, rel=1e-3)
    assert grid.strength > 3
    assert grid.coherence > 0.8


@pytest.mark.parametrize("angle", [-15.0, -6.0, -1.5, -0.3, 0.05, 2.0, 10.0])
def test_the_tilt_is_measured_and_positive_where_lines_fall_to_the_right(angle: float) -> None:
    grid = find_grid(draw_grid((1400, 800), (6.0, 6.0), angle))
    assert grid is not None
    assert grid.angle_deg == pytest.approx(angle, abs=0.02)
    assert grid.px_per_mm_x == pytest.approx(6.0, rel=1e-3)
    assert grid.px_per_mm_y == pytest.approx(6.0, rel=1e-3)


@pytest.mark.parametrize("stretch", [0.99, 1.01])
def test_x_and_y_have_each_their_own_pitch(stretch: float) -> None:
    grid = find_grid(draw_grid((1400, 800), (6.0 * stretch, 6.0)))
    assert grid is not None
    assert grid.px_per_mm_x / grid.px_per_mm_y == pytest.approx(stretch, rel=1e-3)


@pytest.mark.parametrize("width_mm", [100, 200, 300])
def test_a_grid_with_fine_and_bold_lines_tells_the_millimetre_whatever_the_page_s_width(width_mm: int) -> None:
    grid = find_grid(draw_grid((width_mm * 6, 600), (6.0, 6.0)))
    assert grid is not None
    assert grid.px_per_mm_x == pytest.approx(6.0, rel=1e-3)


@pytest.mark.parametrize("width_mm", [210, 270, 320])
@pytest.mark.parametrize("pitch", [4.0, 8.0])
@pytest.mark.parametrize("without", ["minor", "major"])
def test_one_line_spacing_is_read_as_1_or_5_mm_by_the_width_of_the_page(
    without: str, pitch: float, width_mm: int
) -> None:
    image = draw_grid((round(width_mm * pitch), round(120 * pitch)), (pitch, pitch), **{without: None})  # type: ignore[arg-type]
    grid = find_grid(image)
    assert grid is not None
    assert grid.px_per_mm_x == pytest.approx(pitch, rel=1e-3)
    assert grid.px_per_mm_y == pytest.approx(pitch, rel=1e-3)


@pytest.mark.parametrize(("dpi", "minor"), [(45.0, None), (50.0, None), (55.0, 215), (60.0, 215)])
def test_the_bold_lines_of_a_coarse_picture_are_not_taken_for_millimetres(dpi: float, minor: int | None) -> None:
    mm = dpi / 25.4  # below 54 dpi the 1 mm lines are a tint
    found = find_grid(draw_grid((round(297 * mm), round(210 * mm)), (mm, mm), minor=minor))
    assert found is not None
    assert found.px_per_mm_x == pytest.approx(mm, rel=0.01)


@pytest.mark.parametrize("grey", [(235, 205), (215, 160), (150, 80)])
def test_faint_and_strong_lines_are_measured_alike(grey: tuple[int, int]) -> None:
    grid = find_grid(draw_grid((1400, 700), (5.9, 5.9), minor=grey[0], major=grey[1]))
    assert grid is not None
    assert grid.px_per_mm_x == pytest.approx(5.9, rel=1e-3)


def test_traces_names_and_pulses_do_not_move_the_pitch(standard_page: SynthPage) -> None:
    grid = find_grid(standard_page.page.image)
    assert grid is not None
    assert grid.px_per_mm_x == pytest.approx(standard_page.scale.px_per_mm_x, rel=1e-3)
    assert grid.px_per_mm_y == pytest.approx(standard_page.scale.px_per_mm_y, rel=1e-3)
    assert abs(grid.angle_deg) < 0.02


@pytest.mark.parametrize("angle", [-1.5, 1.5])
def test_a_shaded_noisy_turned_scan_is_measured(standard_page: SynthPage, angle: float) -> None:
    steps = (
        {"name": "rotation", "angle_deg": angle},
        {"name": "illumination", "corner_gain": [1.0, 0.7, 0.6, 0.9]},
        {"name": "noise", "sigma": 6.0, "offset": [0, 0]},
        {"name": "jpeg", "quality": 70},
    )
    grid = find_grid(apply_steps(standard_page, steps).page.image)
    assert grid is not None
    # A page is turned anticlockwise for a positive angle, so its lines rise to the right.
    assert grid.angle_deg == pytest.approx(-angle, abs=0.02)
    assert grid.px_per_mm_x == pytest.approx(standard_page.scale.px_per_mm_x, rel=1e-3)
    assert grid.px_per_mm_y == pytest.approx(standard_page.scale.px_per_mm_y, rel=1e-3)


@pytest.mark.parametrize(
    "paper_and_lines",
    [((255, 253, 251), (250, 216, 216), (240, 160, 160)), ((240, 250, 240), (190, 225, 190), (120, 190, 120))],
)
def test_the_grid_s_colour_does_not_matter(heart: ECGRecord, paper_and_lines: tuple[tuple[int, ...], ...]) -> None:
    paper, minor, major = paper_and_lines
    page = draw(heart, "3x4", dpi=120, paper_rgb=paper, minor_rgb=minor, major_rgb=major)
    grid = find_grid(page.page.image)
    assert grid is not None
    assert grid.px_per_mm_x == pytest.approx(120 / 25.4, rel=1e-3)


def test_a_page_printed_without_a_grid_has_none(heart: ECGRecord) -> None:
    assert find_grid(draw(heart, "3x4+1", grid=False).page.image) is None


def test_noise_paper_and_a_black_picture_have_none() -> None:
    paper = np.random.default_rng(1).normal(245, 2, (500, 800, 1)).astype(np.uint8)
    assert find_grid(np.repeat(paper, 3, axis=2)) is None
    noise = np.random.default_rng(0).integers(0, 256, (500, 800, 3), dtype=np.uint8)
    assert find_grid(noise) is None
    assert find_grid(np.zeros((500, 800, 3), np.uint8)) is None


def test_a_grid_outside_the_range_asked_for_is_not_made_up() -> None:
    image = draw_grid((1200, 600), (6.0, 6.0))
    grid = find_grid(image, GridOptions(min_px_per_mm=7.0, max_px_per_mm=9.0))
    # The ends of the range are searched to a coarse bin, then refined.
    assert grid is None or 6.98 <= grid.px_per_mm_x <= 9.02


@pytest.mark.parametrize("shape", [(63, 500), (500, 63), (1, 1)])
def test_a_picture_too_small_for_an_ecg_is_refused_in_one_line(shape: tuple[int, int]) -> None:
    with pytest.raises(DigitizationError, match=rf"got {shape[1]} x {shape[0]}") as caught:
        find_grid(np.full((*shape, 3), 255, np.uint8))
    assert caught.value.stage == "grid"
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_the_grid_picture_evens_out_shading_and_clips_ink() -> None:
    flat = draw_grid((900, 600), (6.0, 6.0), noise=0)
    shade = np.linspace(0.5, 1.0, 900)[None, :, None]
    shaded = np.rint(flat * shade).astype(np.uint8)
    picture, other = grid_picture(flat), grid_picture(shaded)
    assert np.abs(picture).max() <= 2
    inner = np.s_[100:-100, 100:-100]
    assert np.corrcoef(picture[inner].ravel(), other[inner].ravel())[0, 1] > 0.97


@pytest.mark.parametrize(("width", "height"), [(240, 160), (165, 98), (67, 70), (66, 101)])
def test_the_grid_picture_is_that_of_its_definition(width: int, height: int) -> None:
    image = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    darkest = image.min(axis=2).astype(np.float32)

    def quarter(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), (0, 0), 4.0)

    flat = darkest - cv2.resize(quarter(darkest), (width, height))
    want = (flat * cv2.resize(1 / (np.sqrt(quarter(flat**2)) + 2), (width, height))).clip(-2, 2)
    np.testing.assert_allclose(grid_picture(image), want, atol=1e-5)
