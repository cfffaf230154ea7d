"""The lead in each place: read at its own samples, cut from what is no trace, and put on the page's clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawings import beats, draw_line

from digitize.layout import Frame, LayoutMatch
from digitize.lines import LineReading, Place, least_difference, places_of, read_line
from digitize.overlap import share_out
from digitize.pulse import Pulse
from digitize.stroke import Pen
from digitize.text import NameHit
from digitize.trace import find_rows
from ecg import LAYOUTS, PaperScale

MM = 150 / 25.4
SCALE = PaperScale.from_dpi(150)
PEN = Pen(2.0, 0.3)
X = np.arange(100.0, 1400.0, 0.1)


def level(x: np.ndarray) -> np.ndarray:
    return 200.3 + MM * np.sin(x / 170) - beats(x, MM, 9.0)


def frame(share: np.ndarray, names: tuple[NameHit, ...] = ()) -> Frame:
    rows, _ = find_rows(share, MM)
    rows = tuple(replace(r, start_px=100, stop_px=1400) for r in rows)
    return Frame(share, rows, 100.0, 1400.0, MM, names, ())


def place(start: float = 100.0, stop: float = 1400.0, **more: object) -> Place:
    given: dict[str, object] = {"baseline_px": None, "separators_px": (), "words_px": (), **more}
    return Place("V2", 0, 0, False, start, stop, **given)  # type: ignore[arg-type]


def reading(share: np.ndarray, where: Place, origin_px: float = 100.0) -> LineReading:
    page = frame(share)
    own = share_out(share, page.rows, PEN.width_px, MM)
    return read_line(page, own[0], where, PEN, SCALE, 500.0, origin_px)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return draw_line((400, 1500), X, level(X), 2.0)


@pytest.mark.parametrize("start", [468.9, 469.1, 469.25])
def test_a_later_column_is_read_at_the_page_s_own_samples(drawn: np.ndarray, start: float) -> None:
    """Bounds are known to a fraction of a pixel, in which a QRS moves by as much as the pen is wide."""
    found = reading(drawn, place(start=start), 100.0)
    x = found.trace.x
    samples = (x - 100.0) / SCALE.px_per_s * 500
    np.testing.assert_allclose(samples, np.rint(samples), atol=1e-6)
    assert abs(x[0] - start) <= SCALE.px_per_s / 500 / 2 + 1e-9
    assert found.trace.box.xyxy[0] == x[0], "its box begins with its first sample"


def test_a_line_is_read_at_its_samples_below_a_fifth_of_a_pixel(drawn: np.ndarray) -> None:
    found = reading(drawn, place())
    x, y = found.trace.x, found.trace.y
    assert x[0] == 100.0
    np.testing.assert_allclose(np.diff(x), SCALE.px_per_s / 500)
    assert np.isfinite(y).mean() > 0.99
    error = (y - level(x))[20:-20]
    assert np.sqrt(np.nanmean(error**2)) < 0.2
    assert found.coverage > 0.99
    assert found.overlap < 0.01
    assert found.error < 0.1
    assert found.trace.box.lead == "V2"
    assert found.trace.box.stop_s - found.trace.box.start_s == pytest.approx(1300 / SCALE.px_per_s, abs=0.003)


def test_the_pulse_s_foot_is_0_mv(drawn: np.ndarray) -> None:
    assert reading(drawn, place(baseline_px=207.25)).trace.baseline_px == 207.25
    # Without a pulse the line's own level is the best that is known.
    assert abs(reading(drawn, place()).trace.baseline_px - 200.3) < 2 * MM


def test_a_part_of_the_line_is_read_from_its_own_start(drawn: np.ndarray) -> None:
    found = reading(drawn, place(500.0, 800.0), 500.0)
    assert found.trace.x[0] == 500.0
    assert found.trace.x[-1] < 800.0
    inner = (found.trace.y - level(found.trace.x))[10:-10]
    assert np.sqrt(np.nanmean(inner**2)) < 0.2


def test_a_stretch_without_ink_is_missing_and_counts_as_not_covered(drawn: np.ndarray) -> None:
    share = drawn.copy()
    share[:, 600:760] = 0
    found = reading(share, place())
    inside = (found.trace.x > 620) & (found.trace.x < 740)
    assert np.isnan(found.trace.y[inside]).all()
    outside = (found.trace.x < 590) | (found.trace.x > 770)
    assert np.isfinite(found.trace.y[outside]).all()
    assert found.coverage == pytest.approx(1 - 160 / 1300, abs=0.02)


def test_a_place_without_any_ink_gives_nans_and_no_coverage(drawn: np.ndarray) -> None:
    share = drawn.copy()
    share[:, 900:] = 0
    found = reading(share, place(1000.0, 1300.0))
    assert np.isnan(found.trace.y).all()
    assert found.coverage == 0.0


def test_a_separator_is_cut_out_and_bridged(drawn: np.ndarray) -> None:
    bar = draw_line(drawn.shape, np.array([480.0, 480.0]), np.array([180.0, 221.0]), 3.0)
    found = reading(np.maximum(drawn, bar), place(separators_px=((478.0, 482.0),)))
    near = np.abs(found.trace.x - 480) < 12
    assert np.abs(found.trace.y - level(found.trace.x))[near].max() < 1.0


def test_a_printed_word_on_the_line_is_not_read_as_signal(drawn: np.ndarray) -> None:
    share = drawn.copy()
    word = (530.0, 202.0, 545.0, 217.0)
    for x in (532.0, 538.0, 543.0):  # letters' stems that touch the line from below
        share = np.maximum(share, draw_line(share.shape, np.array([x, x]), np.array([203.0, 217.0]), 2.0))
    found = reading(share, place(words_px=(word,)))
    near = (found.trace.x > 528) & (found.trace.x < 547)
    assert np.abs(found.trace.y - level(found.trace.x))[near].max() < 2.5
    assert found.overlap > 0


def match(layout: str, bounds: tuple[float, ...]) -> LayoutMatch:
    return LayoutMatch(LAYOUTS[layout], bounds, (), None, margin=0.8, named=0, assumed=())


def test_places_come_row_by_row_then_strips_with_their_columns_and_zero_lines() -> None:
    share = np.maximum.reduce([draw_line((900, 1500), X, level(X) + 200 * k, 2.0) for k in range(4)])
    page = frame(share)
    pulses = (Pulse(1, 60.0, 90.0, 341.0, 400.0), Pulse(3, 60.0, 90.0, 741.0, 800.0))
    places = places_of(match("3x4+1", (100.0, 425.0, 750.0, 1075.0, 1400.0)), page, pulses)
    assert [p.lead for p in places] == [*(x for row in LAYOUTS["3x4+1"].rows for x in row), "II"]
    assert [(p.row, p.column) for p in places[:5]] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert (places[1].start_px, places[1].stop_px) == (425.0, 750.0)
    assert [p.baseline_px for p in places[::4]] == [None, 400.0, None, 800.0]
    strip = places[-1]
    assert strip.is_strip
    assert (strip.row, strip.column, strip.start_px, strip.stop_px) == (3, 0, 100.0, 1400.0)
    assert not any(p.is_strip for p in places[:-1])


def test_the_least_difference_is_that_of_the_best_shift() -> None:
    rng = np.random.default_rng(2)
    b = np.cumsum(rng.normal(size=400))
    a = np.roll(b, 4) + rng.normal(0, 0.05, 400)
    a[100:140], b[300:310] = np.nan, np.nan

    def plain(shift: int) -> float:
        x, y = (a[shift:], b[: 400 - shift]) if shift >= 0 else (a[: 400 + shift], b[-shift:])
        return float(np.nanstd(x - y) / np.nanstd(b))

    want = [plain(shift) for shift in range(-6, 7)]
    assert int(np.argmin(want)) - 6 == 4
    assert least_difference(a, b, 6) == pytest.approx(min(want), rel=1e-9)
    assert least_difference(a, b, 2) == pytest.approx(min(want[4:9]), rel=1e-9)


def test_lines_that_share_ten_points_and_level_lines_cannot_be_compared() -> None:
    line = np.sin(np.arange(60.0))
    few = np.where(np.arange(60) < 10, line, np.nan)
    assert least_difference(few, line, 3) == np.inf
    assert least_difference(line, np.zeros(60), 3) == np.inf
    assert least_difference(line, np.full(60, np.nan), 3) == np.inf
