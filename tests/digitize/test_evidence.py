"""What lines say of their leads: changes of beats, and the law of the limb leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawings import beats

from digitize.evidence import LIMB, Drawn, drawn_lines, least_unlike
from digitize.trace import Row
from ecg import LEADS
from ecg.paper import CABRERA

MM = 6.0
WIDTH = round(250 * MM)
X = np.arange(WIDTH, dtype=np.float64)


def row_of(heights_px: np.ndarray, level: float) -> Row:
    """Line whose heights above its level are given."""
    return Row(np.rint(level - heights_px).astype(np.int64), 0, WIDTH, level, 1.0)


def drawn(lines: list[np.ndarray]) -> Drawn:
    rows = [row_of(line, 200.0 + 150 * k) for k, line in enumerate(lines)]
    return drawn_lines(rows, 0.0, float(WIDTH), MM)


def voltages() -> tuple[np.ndarray, np.ndarray]:
    """Two lines that know little of each other: their QRS and T differ in height and in shape."""
    one, late = beats(X, MM, 10.0), beats(X - 1.2 * MM, MM, 6.0)
    return one - 0.4 * late, 0.7 * one + late


def limb(leads: tuple[str, ...]) -> list[np.ndarray]:
    one, two = voltages()
    return [LIMB[lead][0] * one + LIMB[lead][1] * two for lead in leads]


def test_beats_are_found_where_they_were_drawn() -> None:
    page = drawn([beats(X, MM), 0.5 * beats(X, MM)])
    # One every 20 mm from 10 mm on.
    np.testing.assert_allclose(page.beats * page.px_per_point / MM, 10 + 20 * np.arange(page.beats.size), atol=0.75)
    assert page.beats.size >= 12


def test_a_line_of_one_lead_does_not_change_and_one_of_two_does() -> None:
    one, two = voltages()
    half = np.where(X < WIDTH / 2, one, -two)
    page = drawn([one, half])
    for row, said in ((0, -1.0), (1, 1.0)):
        assert page.change([row], 0, WIDTH / 2, WIDTH) == pytest.approx(said, abs=0.15)
    assert page.change([0, 1], 0, WIDTH / 2, WIDTH) == pytest.approx(0, abs=0.15)
    # A quarter of the page on, the second line is itself on both sides.
    assert page.change([1], 0, WIDTH / 4, WIDTH / 2) < -0.8


def test_one_extrasystole_is_no_other_lead() -> None:
    line = beats(X, MM)
    page = drawn([np.where(abs(X - 110 * MM) < 8 * MM, -1.5 * line, line)] * 3)
    assert page.change([0, 1, 2], 0, WIDTH / 2, WIDTH) < -0.8


def test_lines_that_do_not_beat_say_nothing() -> None:
    flat = np.zeros(WIDTH)
    page = drawn([flat, flat, flat])
    assert page.change([0, 1, 2], 0, WIDTH / 2, WIDTH) == 0.0
    assert page.lawful(("I", "II", "III"), 0, WIDTH) is None
    # One beat to the left of the place, none to its right.
    single = np.where(X < 15 * MM, beats(X, MM), 0)
    assert drawn([single]).change([0], 0, WIDTH / 2, WIDTH) == 0.0


@pytest.mark.parametrize("order", [LEADS[:6], CABRERA, ("I", "II", "III"), ("II", "aVF", "III"), LEADS[1:5]])
def test_limb_leads_obey_their_law_in_their_own_places_only(order: tuple[str, ...]) -> None:
    page = drawn(limb(order))
    own = page.lawful(order, 0, WIDTH)
    assert own is not None
    assert own > 0.9
    turned = (*order[1:], order[0])
    other = page.lawful(turned, 0, WIDTH)
    assert other is not None
    assert other < own - 0.3


def test_the_sign_of_avr_is_told() -> None:
    page = drawn(limb(CABRERA))
    upright = page.lawful(tuple(lead.removeprefix("-") for lead in CABRERA), 0, WIDTH)
    assert upright is not None
    assert upright < 0.6


def test_chest_leads_take_no_part_and_two_limb_leads_have_no_law() -> None:
    lines = [*limb(("I", "II", "III")), beats(X - 7 * MM, MM)]
    page = drawn(lines)
    assert page.lawful(("I", "II", "III", "V1"), 0, WIDTH) == page.lawful(("I", "II", "III"), 0, WIDTH)
    assert page.lawful(("I", "II", "V1", "V2"), 0, WIDTH) is None


def test_levels_that_are_off_change_nothing() -> None:
    rows = [row_of(line, 200.0 + 150 * k) for k, line in enumerate(limb(("I", "II", "III")))]
    moved = [replace(r, level_px=r.level_px + 9.0) for r in rows]
    a = drawn_lines(rows, 0.0, float(WIDTH), MM).lawful(("I", "II", "III"), 0, WIDTH)
    b = drawn_lines(moved, 0.0, float(WIDTH), MM).lawful(("I", "II", "III"), 0, WIDTH)
    assert a == pytest.approx(b)


@pytest.mark.parametrize(("before", "behind"), [([50], [150]), ([3, 80], [120, 198]), ([0], [199])])
def test_beats_are_compared_in_every_place_at_the_ends_of_a_line_too(before: list[int], behind: list[int]) -> None:
    line = np.cumsum(np.random.default_rng(0).normal(size=200))
    half, move = 12, 4
    cut = [
        [line[np.clip(np.arange(at - half, at + half + 1), 0, 199)] for at in group]
        for group in (before, [at + k for at in behind for k in range(-move, move + 1)])
    ]
    apart = [np.std(a - b) / max(np.std(a), np.std(b)) for a in cut[0] for b in cut[1]]
    unlike, size = least_unlike(line, np.array(before), np.array(behind), half, move)
    assert unlike == pytest.approx(min(apart))
    assert size == pytest.approx(max(np.std(beat) for group in cut for beat in group))


def test_a_level_line_has_no_size() -> None:
    assert least_unlike(np.ones(100), np.array([30]), np.array([60]), 12, 4) == (0.0, 0.0)
