"""Tables, cloths and hands under and over a sheet."""

from __future__ import annotations

import json

import numpy as np
import pytest

from synth.degrade.backgrounds import KINDS, background, draw_hand, sample_background, sample_hand

_CORNERS = np.array([[100.0, 80.0], [700.0, 60.0], [720.0, 480.0], [90.0, 500.0]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_background_is_its_colour_with_a_pattern_on_it(kind: str) -> None:
    step = {**sample_background(np.random.default_rng(3)), "kind": kind, "papers": []}
    picture = background(step, 601, 799)
    assert picture.shape == (601, 799, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.reshape(-1, 3).mean(0) - step["rgb"]).max() < 0.2 * max(step["rgb"]) + 8
    assert 1.5 < picture.std(axis=(0, 1)).mean() < 60


def test_a_background_is_drawn_from_plain_numbers_alone() -> None:
    rng = np.random.default_rng(4)
    for _ in range(5):
        step = sample_background(rng)
        again = json.loads(json.dumps(step))
        assert np.array_equal(background(step, 200, 300), background(again, 200, 300))


def test_other_sheets_lie_on_it_where_their_corners_say() -> None:
    step = sample_background(np.random.default_rng(5))
    square = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
    papers = [{"points": square, "grey": 230}]
    picture = background({**step, "kind": "mat", "rgb": [40, 40, 40], "papers": papers}, 400, 400)
    assert picture[200, 200].mean() == pytest.approx(230, abs=15)
    assert picture[20, 20].mean() < 90


def test_a_hand_covers_what_its_outline_says_and_nothing_else() -> None:
    page = np.full((560, 800, 3), 250, np.uint8)
    hand = sample_hand(np.random.default_rng(6), _CORNERS)
    picture, outlines = draw_hand(page, hand)
    assert len(outlines) == len(hand["thumbs"])
    tip, towards = np.array(hand["thumbs"][0]["tip"]), np.array(hand["thumbs"][0]["towards"])
    x, y = np.rint(tip + 0.6 * hand["thumbs"][0]["width"] * towards).astype(int)
    assert np.abs(picture[y, x].astype(int) - 250).max() > 20
    away = np.rint(tip - 1.5 * hand["thumbs"][0]["width"] * towards).astype(int)
    assert picture[away[1], away[0]].min() > 240
    assert page.min() == 250
