"""Rules, sheet edges and print are no leads; a flat lead among its like is one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from digitize.lookalike import only_traces
from digitize.owner import NOBODY
from digitize.trace import Row

MM = 8.0
WIDTH = 2000


def beats(level: int) -> NDArray[np.int64]:
    """A path with a beat of 10 mm every second of paper at 25 mm/s."""
    y = np.full(WIDTH, level)
    for x in range(100, WIDTH - 20, int(25 * MM)):
        y[x : x + 8] -= (np.array([1, 3, 6, 8, 8, 6, 3, 1]) * MM * 1.25).astype(int)
    return y


def page(paths: list[NDArray[np.int64]], pens: list[int], ends: list[tuple[int, int]]) -> tuple:
    """Rows, ink and owners of lines drawn by pens of some height in pixels."""
    share, line, rows = np.zeros((1400, WIDTH), np.float32), np.full((1400, WIDTH), NOBODY, np.uint8), []
    for k, (y, pen, (first, stop)) in enumerate(zip(paths, pens, ends, strict=True)):
        for x in range(first, stop):
            low, high = min(y[x], y[max(first, x - 1)]), max(y[x], y[max(first, x - 1)])
            share[low : high + pen, x] = 1
            line[low : high + pen, x] = k
        rows.append(Row(y, first, stop, float(np.median(y[first:stop])), 1.0))
    return tuple(rows), share, line


def test_a_rule_above_the_leads_is_left_out_and_its_ink_is_nobodys() -> None:
    rule = np.full(WIDTH, 90)
    paths = [rule, beats(400), beats(700), beats(1000)]
    rows, share, line = page(paths, [4] * 4, [(400, 1500), *[(50, 1950)] * 3])
    kept, owners = only_traces(rows, share, line, MM)
    assert kept == rows[1:]
    assert set(np.unique(owners)) == {0, 1, 2, NOBODY}
    assert (owners[90:94, 400:1500] == NOBODY).all()
    assert (owners[line == 2] == 1).all()


def test_a_double_rule_on_which_the_path_changes_lines_is_left_out() -> None:
    rule = np.full(WIDTH, 90)
    rule[900:] += 12
    rows, share, line = page([rule, beats(400), beats(700), beats(1000)], [4] * 4, [(400, 1500), *[(50, 1950)] * 3])
    assert only_traces(rows, share, line, MM)[0] == rows[1:]


def test_a_line_of_letters_is_left_out() -> None:
    rng = np.random.default_rng(1)
    letters = 1300 + rng.integers(-3, 4, WIDTH)
    rows, share, line = page([beats(400), beats(700), letters], [4, 4, 14], [(50, 1950)] * 3)
    assert only_traces(rows, share, line, MM)[0] == rows[:2]


@pytest.mark.parametrize(("level", "ends", "n"), [(1300, (50, 1950), 4), (1300, (400, 1500), 3), (1150, (50, 1950), 3)])
def test_a_flat_line_is_a_lead_only_where_the_page_s_next_line_would_be(
    level: int, ends: tuple[int, int], n: int
) -> None:
    paths = [beats(400), beats(700), beats(1000), np.full(WIDTH, level)]
    rows, share, line = page(paths, [4] * 4, [*[(50, 1950)] * 3, ends])
    assert len(only_traces(rows, share, line, MM)[0]) == n


def test_a_page_without_a_beat_is_left_as_it_is() -> None:
    rows, share, line = page([np.full(WIDTH, 400), np.full(WIDTH, 700)], [4, 4], [(50, 1950)] * 2)
    kept, owners = only_traces(rows, share, line, MM)
    assert kept == rows
    assert owners is line
