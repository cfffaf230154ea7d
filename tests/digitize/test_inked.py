"""The part of a page that holds ink."""

from __future__ import annotations

import numpy as np

from digitize.inked import inked


def page(*spots: tuple[int, int]) -> np.ndarray:
    ink = np.full((100, 240), 0.05, np.float32)
    for y, x in spots:
        ink[y, x] = 0.1
    return ink


def test_all_ink_lies_inside_with_its_margin_from_a_multiple_of_the_step() -> None:
    assert inked(page((40, 70), (55, 171)), 10, 8) == (slice(24, 72), slice(56, 184))
    assert inked(page((40, 70)), 0, 1) == (slice(40, 41), slice(70, 71))


def test_it_ends_with_the_page() -> None:
    assert inked(page((0, 0), (99, 239)), 10, 32) == (slice(0, 100), slice(0, 240))


def test_bare_paper_is_one_step() -> None:
    assert inked(page(), 10, 32) == (slice(0, 32), slice(0, 32))
    assert inked(np.zeros((5, 7), np.float32), 10, 32) == (slice(0, 5), slice(0, 7))
