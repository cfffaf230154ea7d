"""What shows of a line around bars and words: beats beyond a bar's ends, and at a word's other side."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import draw_line

from digitize.frame import Frame
from digitize.hidden import Box, bar_boxes, show_around, word_boxes
from digitize.overlap import OwnInk
from digitize.stroke import Pen
from digitize.trace import Row, attach_runs

SHAPE, MM, LEVEL = (300, 400), 6.0, 150
PEN = Pen(2.0, 0.3)


def spiked(at: float, tip: float) -> np.ndarray:
    """Line at the level with one spike of 8 pixels' foot."""
    x = np.array([20.0, at - 4, at, at + 4, 380.0])
    return draw_line(SHAPE, x, np.array([LEVEL, LEVEL, tip, LEVEL, LEVEL], float), 2.0)


def frame(share: np.ndarray) -> Frame:
    row = Row(np.full(SHAPE[1], LEVEL), 20, 380, float(LEVEL), 1.0)
    return Frame(share, (row,), 20.0, 380.0, MM, (), ())


def own(share: np.ndarray, path: np.ndarray) -> OwnInk:
    top, bottom, found = attach_runs(share, path)
    return OwnInk(top, bottom, found, np.zeros(found.size, bool))


def barred(share: np.ndarray, left: int, right: int, reach: int) -> np.ndarray:
    share = share.copy()
    share[LEVEL - reach : LEVEL + reach + 1, left : right + 1] = 1
    return share


def test_a_bar_s_box_ends_where_its_whole_width_ends() -> None:
    page = frame(barred(spiked(202, 60), 198, 205, 25))
    (box,) = bar_boxes(page, 0, ((198.0, 205.0),), (24.0, 27.0))
    assert (box.left, box.right) == (197, 206)
    assert (box.top, box.bottom) == (LEVEL - 26, LEVEL + 26)


def test_a_rule_hides_its_columns_from_top_to_bottom() -> None:
    (box,) = bar_boxes(frame(spiked(202, 60)), 0, ((200.0, 201.0),), None)
    assert (box.top, box.bottom) == (0, SHAPE[0] - 1)


@pytest.mark.parametrize("tip", [60, 240])
def test_a_beat_under_a_bar_is_seen_beyond_its_end_and_the_bar_is_not(tip: int) -> None:
    share = barred(spiked(202, tip), 198, 205, 25)
    page = frame(share)
    boxes = bar_boxes(page, 0, ((198.0, 205.0),), (25.0, 25.0))
    runs = own(share, page.rows[0].y)
    assert show_around(page, 0, runs, boxes, [], 2, 20, 380) == []
    columns = np.arange(boxes[0].left, boxes[0].right + 1)
    seen = columns[runs.found[columns]]
    assert seen.size >= 2
    # The pen's own half stands out over the tip.
    if tip < LEVEL:
        assert abs(runs.top[seen].min() - (tip - 1)) <= 2
        assert runs.bottom[seen].max() < boxes[0].top
    else:
        assert abs(runs.bottom[seen].max() - (tip + 1)) <= 2
        assert runs.top[seen].min() > boxes[0].bottom


def test_under_a_bar_over_a_level_line_nothing_shows() -> None:
    share = barred(draw_line(SHAPE, np.array([20.0, 380.0]), np.array([LEVEL, LEVEL], float), 2.0), 198, 205, 25)
    page = frame(share)
    boxes = bar_boxes(page, 0, ((198.0, 205.0),), (25.0, 25.0))
    runs = own(share, page.rows[0].y)
    show_around(page, 0, runs, boxes, [], 2, 20, 380)
    assert not runs.found[boxes[0].left : boxes[0].right + 1].any()
    assert runs.found[[boxes[0].left - 1, boxes[0].right + 1]].all()


def test_a_beat_is_followed_through_a_word_and_letters_beside_it_are_not() -> None:
    share = spiked(202, 260)
    for x in (196.0, 210.0):  # letters' stems right and left of the beat, joined to it by a bar across
        share = np.maximum(share, draw_line(SHAPE, np.array([x, x]), np.array([190.0, 215.0]), 3.0))
    share = np.maximum(share, draw_line(SHAPE, np.array([196.0, 210.0]), np.array([203.0, 203.0]), 3.0))
    page = frame(share)
    words = word_boxes(page, [(194.0, 188.0, 212.0, 217.0)], 20, 380)
    path = np.interp(np.arange(SHAPE[1]), [198, 202, 206], [LEVEL, 250, LEVEL]).astype(np.int64)
    runs = own(share, path)
    hiding = show_around(page, 0, runs, [], words, 2, 20, 380)
    assert hiding
    assert abs(runs.bottom[200:205].max() - 261) <= 2
    beside = [*range(193, 197), *range(208, 213)]
    assert runs.bottom[beside].max() < LEVEL + 5
    assert not runs.touched[100:180].any()


def test_words_that_the_stretch_does_not_reach_are_left_out() -> None:
    page = frame(spiked(202, 60))
    words = [(10.0, 100.0, 30.0, 120.0), (380.0, 100.0, 395.0, 120.0)]
    assert word_boxes(page, words, 50, 300) == []
    assert word_boxes(page, words, 25, 300) == [Box(25, 98, 31, 122)]
