"""The share of ink: against the coverage of lines drawn in closed form, on paper, grids and shading."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import beats, draw_grid, draw_line

from digitize.grid import GridMeasure
from digitize.segment import bridged, ink_map, remove_rules
from ecg.errors import DigitizationError

WIDTH, HEIGHT, MM = 900, 400, 6.0
X = np.arange(-5.0, WIDTH + 5)
#: A line with beats whose level wanders by 2 mm, as every real one does a little.
Y = 220.0 - beats(X, MM) + 2 * MM * np.sin(2 * np.pi * X / (70 * MM))

GRID = GridMeasure(MM, MM, 0.0, 5.0, 1.0, 0.0)


def painted(share: np.ndarray, under: np.ndarray | int = 255, ink: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """Picture of ink on what lies under it."""
    if isinstance(under, int):
        under = np.full((*share.shape, 3), under, np.uint8)
    part = share[:, :, None]
    return np.rint(under * (1 - part) + np.array(ink) * part).astype(np.uint8)


def tinted(grey: np.ndarray, rgb: tuple[int, int, int]) -> np.ndarray:
    """Grey grid with its lines in a colour: white stays white."""
    depth = (255 - grey.astype(np.float64)) / 255
    return np.rint(255 - depth * (255 - np.array(rgb))).astype(np.uint8)


@pytest.mark.parametrize("width", [2.0, 3.0, 4.5])
def test_ink_on_white_paper_is_its_coverage(width: float) -> None:
    share = draw_line((HEIGHT, WIDTH), X, Y, width)
    ink = ink_map(painted(share), MM)
    np.testing.assert_allclose(ink.share, share, atol=0.03)
    assert ink.noise < 0.01
    assert ink.contrast == pytest.approx(1.0, abs=0.02)
    assert not ink.grid_visible


def test_paper_is_0_a_black_line_1_and_a_half_covered_pixel_a_half() -> None:
    # A level line 3 px wide about row 100.5 covers rows 100 and 101 fully, rows 99 and 102 by half.
    share = draw_line((HEIGHT, WIDTH), X, np.full(X.size, 100.5), 3.0)
    ink = ink_map(painted(share, 240, (30, 30, 40)), MM).share
    for row, wanted in ((90, 0.0), (98, 0.0), (99, 0.5), (100, 1.0), (101, 1.0), (102, 0.5), (103, 0.0)):
        np.testing.assert_allclose(ink[row, 50:-50], wanted, atol=0.05)


def test_blue_and_faint_ink_are_read_against_their_own_darkness() -> None:
    share = draw_line((HEIGHT, WIDTH), X, Y, 3.0)
    blue = ink_map(painted(share, 250, (30, 40, 120)), MM)
    faint = ink_map(painted(share, 250, (150, 150, 150)), MM)
    np.testing.assert_allclose(blue.share, share, atol=0.1)
    np.testing.assert_allclose(faint.share, share, atol=0.1)
    assert faint.contrast == pytest.approx(100 / 255, abs=0.05)
    assert blue.contrast > faint.contrast


@pytest.mark.parametrize("lines", [(235, 205), (215, 160), (190, 130)])
def test_a_grey_grid_is_taken_out(lines: tuple[int, int]) -> None:
    share = draw_line((HEIGHT, WIDTH), X, Y, 3.0)
    under = draw_grid((WIDTH, HEIGHT), (MM, MM), minor=lines[0], major=lines[1], width=1.2)
    ink = ink_map(painted(share, under), MM, GRID)
    # Nowhere on the paper does a grid line reach the half coverage that makes a trace.
    assert ink.share[share == 0].max() < 0.5
    assert np.percentile(ink.share[share == 0], 99) < 0.15
    assert np.percentile(ink.share[share == 1], 5) > 0.9
    # Where the line runs level, the ink across it is the pen's width.
    x = np.flatnonzero(np.abs(np.gradient(np.interp(np.arange(WIDTH), X, Y))) < 0.2)
    rows = np.rint(np.interp(x, X, Y)).astype(int)[:, None] + np.arange(-5, 6)
    assert np.median(ink.share[rows, x[:, None]].sum(axis=1)) == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("colour", [(240, 120, 130), (120, 200, 120), (120, 160, 240), (230, 160, 90)])
def test_a_coloured_grid_is_taken_out_whatever_its_colour(colour: tuple[int, int, int]) -> None:
    share = draw_line((HEIGHT, WIDTH), X, Y, 3.0)
    under = tinted(draw_grid((WIDTH, HEIGHT), (MM, MM), minor=170, major=90, width=1.2), colour)
    ink = ink_map(painted(share, under), MM, GRID)
    assert ink.share[share == 0].max() < 0.5
    assert np.percentile(ink.share[share == 0], 99) < 0.15
    assert np.percentile(ink.share[share == 1], 5) > 0.9


def test_shading_is_no_ink() -> None:
    share = draw_line((HEIGHT, WIDTH), X, Y, 3.0)
    light = np.linspace(0.55, 1.0, WIDTH)[None, :, None] * np.linspace(1.0, 0.8, HEIGHT)[:, None, None]
    under = draw_grid((WIDTH, HEIGHT), (MM, MM), minor=225, major=190)
    image = np.rint(painted(share, under) * light).astype(np.uint8)
    ink = ink_map(image, MM, GRID)
    assert np.percentile(ink.share[share == 0], 99) < 0.15
    # The dark end and the light end of the page are read alike.
    for part in (np.s_[:, 60:300], np.s_[:, -300:-60]):
        assert np.median(ink.share[part][share[part] == 1]) > 0.9


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_page_has_no_ink_and_is_refused_in_one_line(level: int) -> None:
    with pytest.raises(DigitizationError, match="grey levels") as caught:
        ink_map(np.full((HEIGHT, WIDTH, 3), level, np.uint8), MM)
    assert caught.value.stage == "segment"
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_page_with_a_pale_grid_only_is_refused() -> None:
    with pytest.raises(DigitizationError):
        ink_map(draw_grid((WIDTH, HEIGHT), (MM, MM), minor=245, major=238), MM, GRID)


def test_short_gaps_in_a_steep_stroke_are_bridged_and_long_ones_stay() -> None:
    share = np.zeros((200, 40), np.float32)
    share[20:180, 20] = 1
    share[60:63, 20] = 0  # 0.5 mm, a bold line's halo
    share[120:132, 20] = 0  # 2 mm
    closed = bridged(share, MM)
    assert (closed[20:120, 20] == 1).all()
    assert (closed[121:131, 20] == 0).all()
    assert (closed[:, :20] == 0).all()


def test_a_long_rule_is_taken_out_and_the_trace_across_it_stays_whole() -> None:
    trace = draw_line((HEIGHT, WIDTH), X, Y, 3.0)
    rule = draw_line((HEIGHT, WIDTH), np.array([450.0, 450.0]), np.array([80.0, 380.0]), 2.0)
    share, columns = remove_rules(np.maximum(trace, rule), MM)
    assert columns == pytest.approx((450.0,), abs=1.0)
    assert (share[100:180, 445:456] < 0.5).all(), "nothing of the rule is left beside the trace"
    row = round(float(np.interp(450, X, Y)))
    assert (share[row - 12 : row + 13, 440:461].max(axis=0) >= 0.5).all(), "the trace crosses without a gap"
    far = np.abs(np.arange(WIDTH) - 450) > 10
    np.testing.assert_array_equal(share[:, far], trace[:, far])


def test_separators_pulses_and_qrs_are_no_rules() -> None:
    share = draw_line((HEIGHT, WIDTH), X, Y, 3.0)
    for x, top, bottom in ((300.0, 200.0, 242.0), (600.0, 160.0, 220.0)):  # 7 and 10 mm
        share = np.maximum(share, draw_line(share.shape, np.array([x, x]), np.array([top, bottom]), 2.0))
    out, columns = remove_rules(share, MM)
    assert columns == ()
    np.testing.assert_array_equal(out, share)


def test_tall_beats_of_several_leads_one_below_the_other_are_no_rule() -> None:
    share = np.zeros((HEIGHT, WIDTH), np.float32)
    for level in (130.0, 240.0, 350.0):  # R waves of 25 mm on lines 18 mm apart, 8 pixels at the foot
        x = np.array([60.0, 451.0, 455.0, 459.0, 840.0])
        beat = np.array([level, level, max(8.0, level - 25 * MM), level, level])
        share = np.maximum(share, draw_line(share.shape, x, beat, 3.0))
    out, columns = remove_rules(share, MM)
    assert columns == ()
    np.testing.assert_array_equal(out, share)
