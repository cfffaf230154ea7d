"""Two lines of trace that touch: each keeps its own ink."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import draw_line

from digitize.overlap import OwnInk, share_out
from digitize.trace import Row, find_rows

MM = 150 / 25.4
PEN = 2.0
X = np.arange(-2.0, 1502.0, 0.1)
GAP_MM = 20.0
INNER = np.arange(20, 1480)


def bump(at_mm: float, height_mm: float, sigma_mm: float) -> np.ndarray:
    """Gaussian beats every 40 mm, in pixels."""
    return height_mm * MM * np.exp(-0.5 * (((X / MM) % 40 - at_mm) / sigma_mm) ** 2)


def two_lines(up_mm: float = 0.0, down_mm: float = 0.0, sigma_mm: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower line 20 mm apart, both with beats of 6 mm, wandering by 1 mm.

    ``up_mm`` is the height of spikes of the lower line, ``down_mm`` the depth of spikes of the upper one.
    """
    upper = 200 + MM * np.sin(X / 180) - bump(5, 6, 0.6) + bump(20, down_mm, sigma_mm)
    lower = 200 + GAP_MM * MM + MM * np.sin(X / 180 + 2) - bump(5, 6, 0.6) - bump(20, up_mm, sigma_mm)
    return upper, lower


def settled(*lines: np.ndarray) -> tuple[list[OwnInk], list[np.ndarray], tuple[Row, ...]]:
    """Own ink of each line, each line's true ink alone, and the rows."""
    alone = [draw_line((700, 1500), X, y, PEN) for y in lines]
    share = np.maximum.reduce(alone)
    rows, _ = find_rows(share, MM)
    assert len(rows) == len(lines)
    return share_out(share, rows, PEN, MM), alone, rows


def true_runs(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ink = share >= 0.5
    return ink.argmax(axis=0), ink.shape[0] - 1 - ink[::-1].argmax(axis=0)


def lost_px(own: OwnInk, alone: np.ndarray) -> np.ndarray:
    """How much of a line's true ink lies outside what it was given, per column."""
    top, bottom = true_runs(alone)
    return np.maximum(np.maximum(own.top - top, bottom - own.bottom), 0)[INNER]


def foreign_px(own: OwnInk, alone: np.ndarray) -> np.ndarray:
    """How far what a line was given reaches beyond its true ink, per column."""
    top, bottom = true_runs(alone)
    return np.maximum(np.maximum(top - own.top, own.bottom - bottom), 0)[INNER]


def test_lines_apart_keep_all_their_ink_untouched() -> None:
    own, alone, _ = settled(*two_lines(up_mm=12, down_mm=0))
    for k in range(2):
        assert own[k].found[INNER].all()
        assert not own[k].touched.any()
        assert lost_px(own[k], alone[k]).max() <= 1
        assert foreign_px(own[k], alone[k]).max() <= 1


@pytest.mark.parametrize("sigma_mm", [0.5, 1.0])
@pytest.mark.parametrize("spike_mm", [22.0, 26.0, 30.0])
@pytest.mark.parametrize("side", ["up", "down"])
def test_a_spike_across_the_neighbour_stays_with_the_line_that_it_rises_from(
    side: str, spike_mm: float, sigma_mm: float
) -> None:
    up, down = (spike_mm, 0.0) if side == "up" else (0.0, spike_mm)
    own, alone, _ = settled(*two_lines(up, down, sigma_mm))
    owner, guest = (1, 0) if side == "up" else (0, 1)
    # The neighbour passes straight through: nothing of the spike is taken for its own, nothing of its own is lost.
    assert foreign_px(own[guest], alone[guest]).max() <= 0.6 * MM
    assert lost_px(own[guest], alone[guest]).max() <= 1
    # The spike keeps its ink to the tip.
    assert lost_px(own[owner], alone[owner]).max() <= 1
    top, bottom = true_runs(alone[owner])
    tip = np.round(np.arange(20, 250, 40) * MM).astype(int)
    if side == "up":
        np.testing.assert_allclose(own[1].top[tip], top[tip], atol=2)
        assert (own[1].top[tip] < 200 - MM).all()
    else:
        np.testing.assert_allclose(own[0].bottom[tip], bottom[tip], atol=2)
        assert (own[0].bottom[tip] > 200 + (GAP_MM + 1) * MM).all()
    # Both know that they touch there, and only there.
    for line in own:
        assert line.touched[tip].all()
        assert line.touched[INNER].mean() < 0.2


def test_ink_before_and_behind_a_row_is_nobody_s() -> None:
    from dataclasses import replace

    share = draw_line((700, 1500), X, two_lines()[0], PEN)
    rows, _ = find_rows(share, MM)
    (own,) = share_out(share, [replace(rows[0], start_px=300, stop_px=900)], PEN, MM)
    assert not own.found[:300].any()
    assert not own.found[900:].any()
    assert own.found[300:900].all()


def test_a_peak_that_the_path_cut_short_is_followed_to_its_tip() -> None:
    upper, _ = two_lines()
    share = draw_line((700, 1500), X, upper - bump(20, 25, 0.4), PEN)
    level = np.rint(np.interp(np.arange(1500), X, upper)).astype(np.int64)
    (own,) = share_out(share, [Row(level, 0, 1500, 200.0, 1.0)], PEN, MM)
    top, _ = true_runs(share)
    tip = np.round(np.arange(20, 250, 40) * MM).astype(int)
    np.testing.assert_allclose(own.top[tip], top[tip], atol=1)


def test_a_separator_is_not_climbed() -> None:
    upper, _ = two_lines()
    bar = draw_line((700, 1500), np.array([700.0, 700.0]), np.array([150.0, 250.0]), 3.0)
    share = np.maximum(draw_line((700, 1500), X, upper, PEN), bar)
    rows, _ = find_rows(share, MM)
    (own,) = share_out(share, rows, PEN, MM, [(698.0, 702.0)])
    beside = np.r_[680:694, 707:720]
    assert (own.bottom[beside] - own.top[beside] < 3 * MM).all()
