"""The stroke fit against lines drawn in closed form: below the pen's width, where column centres fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from drawings import SAMPLE_PX, draw_line

from digitize.stroke import UNKNOWN, Pen, StrokeOptions, first_guess, fit_stroke, measure_pen
from digitize.stroke_fit import _CHUNK, _lay, _nearest, _solve
from digitize.trace import attach_runs

#: Samples wanted, and points four times as dense that are drawn.
AT = np.arange(10, 790, SAMPLE_PX)
DRAWN = np.arange(-2, 802, SAMPLE_PX / 4)
INNER = np.s_[20:-20]

Curve = Callable[[np.ndarray], np.ndarray]


def spikes(sigma_px: float) -> Curve:
    """Spikes 70 px high every 97 px on a level line that lies between two pixel rows."""
    return lambda x: 150.3 - 70 * np.exp(-0.5 * (((x % 97) - 50) / sigma_px) ** 2)


def sine(x: np.ndarray) -> np.ndarray:
    return 100 + 30 * np.sin(x / 12)


def drawn(curve: Curve, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ink of a curve, and the runs along it."""
    share = draw_line((220, 800), DRAWN, curve(DRAWN), width)
    path = np.rint(curve(np.arange(800.0))).astype(np.int64)
    return (share, *attach_runs(share, path))


def fitted(share: np.ndarray, top: np.ndarray, bottom: np.ndarray, found: np.ndarray) -> np.ndarray:
    pen = measure_pen(share, top, bottom, found)
    guess = first_guess(share, top, bottom, found, pen, AT)
    low, high = np.maximum(top - 6, 0), np.minimum(bottom + 6, share.shape[0] - 1)
    return fit_stroke(share, AT, guess, low, high, found.astype(np.float32), pen)[0]


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def column_centres(share: np.ndarray) -> np.ndarray:
    """Row of each column's centre of gravity, as column readers take it."""
    rows = np.arange(share.shape[0])[:, None]
    return (share * rows).sum(axis=0) / share.sum(axis=0)


@pytest.mark.parametrize("width", [2.0, 2.5, 3.2, 4.0])
def test_a_sine_is_recovered_to_a_tenth_of_a_pixel(width: float) -> None:
    y = fitted(*drawn(sine, width))
    assert rms((y - sine(AT))[INNER]) < 0.1


@pytest.mark.parametrize("width", [2.0, 3.2, 4.0])
def test_spikes_are_recovered_where_column_centres_miss_them(width: float) -> None:
    # A standard deviation of 3 px is 15 ms at 200 dpi: a QRS.
    curve = spikes(3.0)
    share, top, bottom, found = drawn(curve, width)
    x = np.arange(20.0, 780.0)
    high = np.abs(curve(x) - 150.3) > 3
    missed = rms((column_centres(share)[20:780] - curve(x))[high])
    high = np.abs(curve(AT) - 150.3) > 3
    error = rms((fitted(share, top, bottom, found) - curve(AT))[high])
    assert missed > 1
    assert error < 0.1
    # Measured: 36 at a pen of 2 px, 100 at 4 px.
    assert missed / error > 20


@pytest.mark.parametrize(("curve", "most"), [(spikes(3.0), 0.07), (sine, 0.05)])
def test_the_fit_of_grainy_ink_comes_to_rest(curve: Curve, most: float) -> None:
    # Samples lie closer than pixels: plain Gauss-Newton steps go to and fro for ever, by 0.1 px (rms), and end up
    # 0.082 and 0.074 px off.
    share, top, bottom, found = drawn(curve, 3.2)
    share = (share + np.random.default_rng(1).normal(0, 0.03, share.shape).astype(np.float32)).clip(0, 1)
    pen = measure_pen(share, top, bottom, found)
    guess = first_guess(share, top, bottom, found, pen, AT)
    low, high = np.maximum(top - 6, 0), np.minimum(bottom + 6, share.shape[0] - 1)
    weight = found.astype(np.float32)
    late, later = (
        fit_stroke(share, AT, guess, low, high, weight, pen, StrokeOptions(steps=n))[0][INNER] for n in (20, 21)
    )
    assert rms(later - late) < 0.01
    assert rms(late - curve(AT)[INNER]) < most


def test_the_first_guess_alone_reaches_the_spike_s_tip_better_than_column_centres() -> None:
    curve = spikes(3.0)
    share, top, bottom, found = drawn(curve, 3.2)
    guess = first_guess(share, top, bottom, found, measure_pen(share, top, bottom, found), AT)
    tips = 50 + 97 * np.arange(8)
    by_guess = np.array([guess[np.abs(AT - t) < 3].min() for t in tips])
    by_centre = np.array([column_centres(share)[t - 3 : t + 4].min() for t in tips])
    assert np.abs(by_guess - 80.3).max() < 2.0
    assert np.abs(by_centre - 80.3).min() > 4


@pytest.mark.parametrize("width", [1.5, 2.0, 3.0, 4.5, 6.0])
def test_the_pen_s_width_is_measured_within_a_tenth(width: float) -> None:
    assert measure_pen(*drawn(spikes(3.0), width)).width_px == pytest.approx(width, rel=0.1)


def test_the_pen_s_softness_grows_with_blur() -> None:
    import cv2

    share, top, bottom, found = drawn(spikes(3.0), 4.0)
    sharp = measure_pen(share, top, bottom, found)
    soft = measure_pen(cv2.GaussianBlur(share, (0, 0), 1.2), top, bottom, found)
    assert soft.softness_px == pytest.approx(1.2, rel=0.25)
    assert soft.softness_px > sharp.softness_px
    assert soft.width_px == pytest.approx(4.0, rel=0.1)


def test_a_pen_is_assumed_where_there_is_no_ink() -> None:
    nothing = np.zeros(50, bool)
    pen = measure_pen(np.zeros((40, 50), np.float32), np.full(50, 20), np.full(50, 20), nothing)
    assert pen.width_px > 0
    assert pen.softness_px > 0


def test_a_gap_is_bridged_smoothly() -> None:
    share, top, bottom, found = drawn(lambda x: 100 + 0.15 * x, 3.0)
    share[:, 400:416] = 0
    found[400:416] = False
    y = fitted(share, top, bottom, found)
    assert np.isfinite(y).all()
    # A straight line bends nowhere, so the second-difference prior carries it over the gap exactly.
    np.testing.assert_allclose(y[INNER], (100 + 0.15 * AT)[INNER], atol=0.3)


def test_columns_without_trust_are_not_followed() -> None:
    share, top, bottom, found = drawn(lambda x: np.full(x.shape, 100.4), 3.0)
    # A letter's stem of 60 px on the line, not to be believed.
    share[60:120, 300:304] = 1
    pen = measure_pen(share, top, bottom, found)
    low, high = np.full(800, 50), np.full(800, 150)
    weight = np.ones(800, np.float32)
    weight[297:307] = 0
    y, _ = fit_stroke(share, AT, np.full(AT.shape, 100.0), low, high, weight, pen)
    # Untrusted columns keep about their first guess, 0.4 px away, and are not drawn 40 px off.
    np.testing.assert_allclose(y[INNER], 100.4, atol=0.5)


def test_a_guess_beside_the_line_is_pulled_onto_it_and_the_error_tells_how_well_it_fits() -> None:
    share, top, bottom, found = drawn(sine, 3.0)
    pen = Pen(3.0, 0.3)
    low, high = np.maximum(top - 6, 0), np.minimum(bottom + 6, 219)
    weight = found.astype(np.float32)
    start = sine(AT) + 1.2
    y, error = fit_stroke(share, AT, start, low, high, weight, pen)
    _, before = fit_stroke(share, AT, start, low, high, weight, pen, StrokeOptions(steps=0))
    assert rms((y - sine(AT))[INNER]) < 0.1
    assert error < 0.06 < 0.2 < before
    np.testing.assert_allclose(start, sine(AT) + 1.2)  # what is handed in stays as it was


def test_no_ink_gives_no_guess() -> None:
    nothing = np.zeros(50, bool)
    share = np.zeros((40, 50), np.float32)
    guess = first_guess(share, np.full(50, 20), np.full(50, 20), nothing, Pen(3, 0.3), np.arange(5.0))
    assert np.isnan(guess).all()


@pytest.mark.parametrize(("at", "low", "high"), [(20.3, 3, 9), (0.0, 0, 60), (38.6, 25, 25)])
def test_the_nearest_place_of_the_line_is_that_of_every_segment_tried_one_by_one(
    at: float, low: int, high: int
) -> None:
    rng = np.random.default_rng(0)
    dx, farthest, n = 0.39, 6.0, 100
    y = 12 + 3 * rng.standard_normal(n).cumsum()
    line, rows = np.zeros((4, n + 1), np.float32), np.zeros((2, n), np.int64)
    best = np.empty((2, high - low + 1 + _CHUNK), np.float32)
    start, stop = 0, n - 1
    _lay(y, dx, farthest, line, rows)
    _nearest(best, line, rows, at, low, high, start, stop, dx)
    xs = dx * np.arange(n)
    along = np.linspace(0, 1, 2001)
    for i, r in enumerate(range(low, high + 1)):
        px = at - (xs[:-1, None] + along * dx)
        py = r - (y[:-1, None] + along * np.diff(y)[:, None])
        least = (px**2 + py**2).min()
        if least > farthest**2:
            assert best[0, i] > farthest**2
            continue
        assert best[0, i] == pytest.approx(least, abs=1e-3)
        k, t = divmod(float(best[1, i]), 1)
        there = y[int(k)] + (t * (y[int(k) + 1] - y[int(k)]) if t > 0 else 0)
        assert (at - dx * best[1, i]) ** 2 + (r - there) ** 2 == pytest.approx(least, abs=1e-2)


@pytest.mark.parametrize("n", [2, 3, 4, 50])
def test_the_banded_system_is_solved(n: int) -> None:
    rng = np.random.default_rng(n)
    d, e, f, b = 3 + rng.random(n), rng.random(n), 0.3 * rng.random(n), rng.random(n)
    full = np.diag(d) + sum(np.diag(v[: n - k], s * k) for k, v in ((1, e), (2, f)) if n > k for s in (-1, 1))
    wanted = np.linalg.solve(full, b)
    _solve(d, e, f, b)
    np.testing.assert_allclose(b, wanted, atol=1e-12)


def test_what_is_unknown_counts_as_paper_in_the_first_guess() -> None:
    share, top, bottom, found = drawn(sine, 3.0)
    hidden = np.where(share > 0, share, np.float32(UNKNOWN))
    pen = Pen(3.0, 0.3)
    np.testing.assert_array_equal(
        first_guess(hidden, top, bottom, found, pen, AT), first_guess(share, top, bottom, found, pen, AT)
    )
