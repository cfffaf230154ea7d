"""The cheapest way through ink: as cheap as trying every way, and along the ink."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.cheapest_path import COVERED, cheapest_path


def column_costs(share: np.ndarray, stray: np.ndarray) -> np.ndarray:
    return ((COVERED - share) / 0.3).clip(0, 1) + stray


def moved(climb: np.ndarray, a: int, b: int) -> float:
    """Cost of going from one row of a column to another: that of every row gone into."""
    return float(climb[b:a].sum() if b < a else climb[a + 1 : b + 1].sum())


@pytest.mark.parametrize("seed", range(6))
def test_no_way_is_cheaper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = rng.random((14, 9)).astype(np.float32) * (rng.random((14, 9)) < 0.4)
    stray = rng.random(9).astype(np.float32) * 0.1
    in_ink, on_paper = 0.02, 0.3
    cost = column_costs(share, stray)
    climb = np.where(share >= COVERED, in_ink, on_paper)
    path = cheapest_path(np.ascontiguousarray(share, np.float32), stray, in_ink, on_paper)
    spent = cost[np.arange(14), path].sum()
    spent += sum(moved(climb[x], path[x], path[x + 1]) for x in range(13))
    best = cost[0]
    for x in range(1, 14):
        best = np.array([min(best[a] + moved(climb[x - 1], a, b) for a in range(9)) for b in range(9)]) + cost[x]
    assert spent == pytest.approx(best.min(), abs=1e-4)


def test_it_keeps_to_the_ink_up_a_flank_and_over_a_gap() -> None:
    share = np.zeros((40, 30), np.float32)
    share[:18, 20] = share[22:, 8] = 1
    share[20, 8:21] = 1  # an upright stroke between the levels, with a column of paper on either side
    path = cheapest_path(share, np.zeros(30, np.float32), 0.01, 1.0)
    assert (path[:18] == 20).all()
    assert (path[22:] == 8).all()
