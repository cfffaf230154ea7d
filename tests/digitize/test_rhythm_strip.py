"""The ten published steps: each alone on hand-made arrays, then all on a drawn wave, then the refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from digitize.rhythm_strip import (
    StripOptions,
    blurred_grey,
    centre_of_gravity,
    cut_strip,
    filter_band,
    landscape,
    load_page,
    remove_horizontal_lines,
    resample_to,
    rhythm_strip,
    threshold_ink,
    z_score,
)
from ecg import DigitizationError, OptionsError, Page


def drawn_page(wave: np.ndarray, height: int = 1200, middle: float = 0.655) -> Page:
    """A white page with a black line of 3 px, whose column c is ``wave[c]`` px above the strip's middle."""
    image = np.full((height, len(wave), 3), 255, np.uint8)
    points = np.stack([np.arange(len(wave)), middle * height - wave], axis=1)
    cv2.polylines(image, [np.round(points * 16).astype(np.int32)], False, (0, 0, 0), 3, cv2.LINE_AA, 4)
    return Page(image)


@pytest.mark.parametrize("hz", [1.2, 5.0])
def test_a_drawn_sine_is_recovered(hz: float) -> None:
    t = (np.arange(2000) + 0.5) / 200.0  # 2000 columns over 10 s
    out = rhythm_strip(drawn_page(60 * np.sin(2 * np.pi * hz * t)))
    truth = np.sin(2 * np.pi * hz * (np.arange(5000) + 0.5) / 500.0)
    assert out.shape == (1, 5000)
    assert out.dtype == np.float32
    # The filter's ends ring for a part of a second; what is asked for is the whole strip all the same.
    assert np.corrcoef(out[0], truth)[0, 1] > 0.95
    assert np.corrcoef(out[0, 500:-500], truth[500:-500])[0, 1] > 0.99
    assert abs(out.mean()) < 1e-5
    assert out.std() == pytest.approx(1, abs=1e-5)


def test_a_portrait_page_is_turned_first() -> None:
    t = (np.arange(2000) + 0.5) / 200.0
    page = drawn_page(60 * np.sin(2 * np.pi * t))
    sideways = Page(np.ascontiguousarray(np.rot90(page.image, -1)))
    np.testing.assert_array_equal(rhythm_strip(sideways), rhythm_strip(page))


def test_step_1_loads_a_picture_and_says_when_the_page_is_not_there(tmp_path) -> None:
    page = drawn_page(np.zeros(64), height=48)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), page.image)
    np.testing.assert_array_equal(load_page(path).image, page.image)
    with pytest.raises(DigitizationError, match="page 3"):
        load_page(path, 2)


def test_step_2_turns_portrait_only() -> None:
    wide = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert landscape(wide) is wide
    tall = np.rot90(wide, -1)
    np.testing.assert_array_equal(landscape(tall), wide)


def test_step_3_weighs_colours_and_blurs_with_unit_sum() -> None:
    image = np.full((21, 21, 3), 200, np.uint8)
    assert (blurred_grey(image, 5) == 200).all()
    image[:] = (255, 0, 0)
    assert blurred_grey(image, 1)[0, 0] == round(0.299 * 255)  # luma weight of red, ITU-R BT.601
    image[:] = 255
    image[10, 10] = 0
    grey = blurred_grey(image, 5)
    assert grey[10, 10] == grey.min() > 0
    assert (grey[:8] == 255).all()


def test_step_4_marks_what_is_darker_than_its_neighbourhood() -> None:
    grey = np.tile(np.linspace(120, 250, 200).astype(np.uint8), (100, 1))  # uneven light
    grey[50] -= 60
    grey[20] -= 5
    ink = threshold_ink(grey, 51, 15.0)
    assert (ink[50] == 255).all()
    assert not ink[20].any()
    assert not ink[70].any()


def test_step_5_removes_runs_of_forty_pixels_and_nothing_shorter() -> None:
    ink = np.zeros((30, 100), np.uint8)
    ink[5] = 255  # a grid line
    ink[10, 20:60] = 255  # 40 px
    ink[15, 20:59] = 255  # 39 px
    ink[:, 80] = 255  # an upright stroke
    rest = remove_horizontal_lines(ink)
    assert not rest[5].any()
    assert not rest[10, :80].any()
    assert (rest[15, 20:59] == 255).all()
    assert (np.delete(rest[:, 80], 5) == 255).all()


def test_step_6_keeps_rows_55_to_76_percent() -> None:
    rows = cut_strip(np.arange(100, dtype=np.uint8)[:, None])
    assert rows[:, 0].tolist() == list(range(55, 76))


def test_step_7_weighs_ink_and_bridges_gaps() -> None:
    strip = np.zeros((11, 4), np.uint8)
    strip[[2, 4], 0] = 100  # centre row 3 = 7 px above the lowest row
    strip[0, 1], strip[8, 1] = 50, 150  # centre row 6 = 4 px
    strip[10, 3] = 255  # lowest row = 0 px
    np.testing.assert_allclose(centre_of_gravity(strip), [7, 4, 2, 0])


def test_step_8_passes_the_band_without_delay_and_stops_the_rest() -> None:
    rate = 250.0
    t = np.arange(5000) / rate
    inside = np.sin(2 * np.pi * 8 * t)
    out = filter_band(inside + 3.0 + 0.5 * np.sin(2 * np.pi * 100 * t), rate)
    np.testing.assert_allclose(out[1000:-1000], inside[1000:-1000], atol=0.01)
    # Both ways, the gain at a band edge is one half instead of one over the root of two.
    edge = np.sin(2 * np.pi * 40 * t)
    assert np.abs(filter_band(edge, rate)[1000:-1000]).max() == pytest.approx(0.5, abs=0.02)


def test_step_9_keeps_a_polynomial_and_the_middle() -> None:
    wave = (np.arange(200) - 99.5) ** 3 / 1e5
    out = resample_to(wave, 1000)
    at = (np.arange(1000) + 0.5) / 5 - 0.5
    np.testing.assert_allclose(out[5:-5], ((at - 99.5) ** 3 / 1e5)[5:-5], atol=1e-9)
    assert len(resample_to(wave)) == 5000


def test_step_10_standardises() -> None:
    out = z_score(np.array([1.0, 2.0, 3.0, 6.0]))
    assert out.dtype == np.float32
    assert out.mean() == pytest.approx(0, abs=1e-7)
    assert out.std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (Page(np.full((600, 1700, 3), 255, np.uint8)), "expected a trace"),
        (drawn_page(np.zeros(1700)), "expected a trace"),  # a ruled line goes with the horizontal lines
        (drawn_page(np.zeros(1700), middle=0.2), "expected a trace"),
        (drawn_page(40 * np.sin(np.arange(800) / 20.0), height=600), "at least 801 columns, the page has 800"),
    ],
)
def test_pages_without_a_strip_are_refused(page: Page, reason: str) -> None:
    with pytest.raises(DigitizationError, match=reason):
        rhythm_strip(page)


def test_a_constant_wave_is_refused() -> None:
    with pytest.raises(DigitizationError, match="constant"):
        z_score(np.full(5000, 7.0))
    ticks = np.full((1200, 1700, 3), 255, np.uint8)
    ticks[780:790, ::20] = 0  # a dotted rule: ink in every neighbourhood, always at one height
    with pytest.raises(DigitizationError, match="constant"):
        rhythm_strip(Page(ticks))


def test_the_filter_refuses_a_rate_that_cannot_hold_its_band() -> None:
    with pytest.raises(DigitizationError, match="more than 80 columns a second, got 80"):
        filter_band(np.zeros(800), 80.0)


def test_the_strip_s_length_is_an_option() -> None:
    t = (np.arange(800) + 0.5) / 800.0
    page = drawn_page(40 * np.sin(2 * np.pi * 8 * t), height=600)
    out = rhythm_strip(page, StripOptions(duration_s=5.0))
    truth = np.sin(2 * np.pi * 8 * (np.arange(5000) + 0.5) / 5000.0)
    assert np.corrcoef(out[0], truth)[0, 1] > 0.95


@pytest.mark.parametrize(
    "bad",
    [{"duration_s": 0.0}, {"blur_px": 4}, {"threshold_block_px": 1}, {"threshold_offset": -1.0}, {"blur_px": 2.5}],
)
def test_options_outside_their_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OptionsError, match=next(iter(bad))):
        StripOptions(**bad)
