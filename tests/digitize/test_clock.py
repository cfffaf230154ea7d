"""Leads on the page's clock: columns in order or together, and paper that holds no time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitize.clock import _evenly, column_lag_s, columns_are_simultaneous, in_time, repeated_lag_s
from digitize.lines import LineReading, Place
from digitize.result import LeadTrace
from ecg import LAYOUTS, ECGRecord, LeadBox, PaperScale
from synth import sample_physiology, synthesize_record

SCALE = PaperScale.from_dpi(150)


@pytest.fixture(scope="module")
def irregular() -> ECGRecord:
    """A heart whose beats come unevenly, so that each second looks like no other."""
    return synthesize_record(sample_physiology(np.random.default_rng(12), "pvc"))


def column(record: ECGRecord, leads: tuple[str, ...], start: int, n: int) -> np.ndarray:
    return np.stack([record[lead][start : start + n] for lead in leads]).astype(np.float64)


@pytest.mark.parametrize(("columns", "simultaneous"), [(4, False), (4, True), (2, False), (2, True)])
def test_columns_are_placed_in_time_by_the_strip_s_beats(
    irregular: ECGRecord, columns: int, simultaneous: bool
) -> None:
    n = 5000 // columns
    offsets = [k * n for k in range(1, columns)]
    lines = [column(irregular, ("aVL", "V1", "V5"), 0 if simultaneous else at, n) for at in offsets]
    strip = irregular["II"].astype(np.float64)
    assert columns_are_simultaneous(lines, strip, offsets, 500) is simultaneous


def test_columns_of_another_heart_tell_nothing(irregular: ECGRecord) -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (3, 3, 1250))
    assert columns_are_simultaneous(list(noise), irregular["II"].astype(float), [1250, 2500, 3750], 500) is None


def test_a_perfectly_regular_rhythm_tells_nothing() -> None:
    # Ten beats a column of 2.5 s: every column looks like the first.
    beat = np.exp(-0.5 * (((np.arange(5000) % 125) - 60) / 6.0) ** 2)
    lines = [np.stack([beat[at : at + 1250]] * 3) for at in (1250, 2500, 3750)]
    assert columns_are_simultaneous(lines, beat, [1250, 2500, 3750], 500) is None


@pytest.mark.parametrize(("period_s", "told"), [(0.835, None), (0.86, False)])
def test_gaps_between_columns_do_not_make_them_simultaneous(period_s: float, told: bool | None) -> None:
    # Each gap is 40 ms of paper: no beat stands above its own in the strip, but by chance some stand as at its start.
    t = np.arange(5000) / 500
    beat = np.exp(-0.5 * (((t % period_s) - 0.2) / 0.012) ** 2)
    lines = [np.stack([beat[at : at + 1250]] * 3) for at in (1250, 2500, 3750)]
    assert columns_are_simultaneous(lines, beat, [1270, 2540, 3810], 500) is told


def test_simultaneous_columns_of_a_regular_heart_are_not_said_to_follow() -> None:
    found = []
    for period_s in np.arange(0.5, 1.2, 0.02):
        beat = np.exp(-0.5 * (((np.arange(5000) / 500) % period_s - 0.2) / 0.012) ** 2)
        lines = [np.stack([beat[:1250]] * 3)] * 3
        found.append(columns_are_simultaneous(lines, beat, [1250, 2500, 3750], 500))
    assert False not in found
    assert found.count(True) > len(found) / 2


@pytest.mark.parametrize("late_s", [0.0, 0.06, 0.14])
def test_a_column_behind_gaps_is_put_below_its_beats(late_s: float) -> None:
    t = np.arange(5000) / 500
    beats = sum(
        np.exp(-0.5 * ((t - at) / 0.012) ** 2) for at in (0.4, 1.3, 2.05, 3.0, 3.7, 4.8, 5.5, 6.1, 7.2, 8.0, 8.9)
    )
    column = np.stack([gain * beats[2500:3750] for gain in (1.0, -0.7, 0.4)])
    lag = column_lag_s(column, beats, 2500 + round(late_s * 500), 500.0)
    assert lag == pytest.approx(late_s, abs=0.004)
    assert column_lag_s(np.zeros((2, 1250)), beats, 2530, 500.0) is None, "no beats, no lag"


def test_leads_that_the_beat_reaches_late_are_not_printed_late(irregular: ECGRecord) -> None:
    """A column of leads 30 ms behind the strip's stands where it is printed."""
    lines = column(irregular, ("aVL", "V1", "V5"), 1250 - 15, 1250)
    assert column_lag_s(lines, irregular["II"].astype(float), 1250, 500.0) == 0.0
    moved = column_lag_s(lines, irregular["II"].astype(float), 1250 + 30, 500.0)
    assert moved == pytest.approx(0.09, abs=0.03)


@pytest.mark.parametrize("late_s", [0.0, 0.024, 0.06, -0.03])
def test_the_line_that_a_strip_repeats_tells_the_lag_to_the_sample(irregular: ECGRecord, late_s: float) -> None:
    lines = column(irregular, ("V1", "II", "aVF"), 2500, 1250)
    lines[1, :40] = np.nan
    lag = repeated_lag_s(lines, irregular["II"].astype(float), 2500 + round(late_s * 500), 500.0)
    assert lag == pytest.approx(late_s, abs=1e-9)
    other = repeated_lag_s(lines[:1], irregular["II"].astype(float), 2500, 500.0)
    assert other is None, "another lead is no repetition"


def heart_readings(
    record: ECGRecord, simultaneous: bool, strip: bool, gap_s: float = 0.0
) -> tuple[list[LineReading], list[Place]]:
    """Readings of a 3x4 page, exact, each box's times from its line's own start; paper stands between columns."""
    px_per_s = SCALE.px_per_s
    readings, places = [], []

    def add(lead: str, row: int, column: int, start: int, n: int, is_strip: bool) -> None:
        left = 100 + column * (2.5 + gap_s) * px_per_s
        x = left + np.arange(n) * px_per_s / 500
        y = 300 - SCALE.px_per_mv * record[lead][start : start + n].astype(np.float64)
        box = LeadBox(lead, (left, 0, left + n / 500 * px_per_s, 400), 0.0, n / 500)
        readings.append(LineReading(LeadTrace(box, x, y, 300.0), 1.0, 0.0, 0.05, np.ones(x.size), 0.1))
        places.append(Place(lead, row, column, is_strip, left, left + n / 500 * px_per_s, None, (), ()))

    for r, leads in enumerate(LAYOUTS["3x4"].rows):
        for c, lead in enumerate(leads):
            add(lead, r, c, 0 if simultaneous else c * 1250, 1250, False)
    if strip:
        add("II", 3, 0, 0, 5000, True)
    return readings, places


@pytest.mark.parametrize("simultaneous", [False, True])
def test_the_strip_tells_whether_columns_follow_each_other(irregular: ECGRecord, simultaneous: bool) -> None:
    placed, timing, assumed = in_time(*heart_readings(irregular, simultaneous, True), SCALE.px_per_s, 500.0)
    assert (timing, assumed) == ("measured", ())
    starts = [r.trace.box.start_s for r in placed]
    assert starts == pytest.approx([0.0] * 13 if simultaneous else [0.0, 2.5, 5.0, 7.5] * 3 + [0.0], abs=0.003)
    for r in placed:
        length = 10.0 if r is placed[-1] else 2.5
        assert r.trace.box.stop_s - r.trace.box.start_s == pytest.approx(length, abs=0.003)


def test_paper_between_columns_is_no_time(irregular: ECGRecord) -> None:
    # 40 ms are less than beats of other leads tell; aVF - aVR repeats the strip's lead II.
    placed, _, _ = in_time(*heart_readings(irregular, False, True, gap_s=0.04), SCALE.px_per_s, 500.0)
    starts = [r.trace.box.start_s for r in placed]
    # The first column holds II itself; the fourth is told by its beats alone, to the 40 ms that leads lie apart.
    assert starts[:3] == pytest.approx([0.0, 2.5, 5.0], abs=0.03)
    assert starts[1] == pytest.approx(2.5, abs=0.003)


def test_even_gaps_tell_of_the_column_whose_beats_do_not() -> None:
    assert _evenly({0: 0.0, 1: 0.0, 2: 0.082, 3: 0.12}) == {1: pytest.approx(0.0405)}
    assert _evenly({0: 0.0, 1: 0.0, 2: 0.082, 3: 0.06}) == {}, "they disagree"
    assert _evenly({0: 0.0, 1: 0.0, 2: 0.082, 3: None}) == {}, "one is no witness"
    assert _evenly({0: 0.0, 1: 0.06, 2: 0.082, 3: 0.12}) == {}, "it was told"


def test_without_a_strip_columns_are_taken_to_follow_each_other_and_that_is_said(irregular: ECGRecord) -> None:
    placed, timing, assumed = in_time(*heart_readings(irregular, True, False), SCALE.px_per_s, 500.0)
    assert timing == "assumed"
    assert assumed == ("columns follow each other in time",)
    assert [r.trace.box.start_s for r in placed[:4]] == pytest.approx([0.0, 2.5, 5.0, 7.5], abs=0.003)


def test_one_column_needs_no_assumption(irregular: ECGRecord) -> None:
    readings, places = heart_readings(irregular, False, False)
    first = [k for k, p in enumerate(places) if p.column == 0]
    placed, timing, assumed = in_time([readings[k] for k in first], [places[k] for k in first], SCALE.px_per_s, 500.0)
    assert (timing, assumed) == ("measured", ())
    assert {r.trace.box.start_s for r in placed} == {0.0}


def test_the_strip_that_repeats_a_line_is_believed_before_beats_of_another(irregular: ECGRecord) -> None:
    """A first strip whose beats come 56 ms late moves no column that another strip repeats."""
    readings, places = heart_readings(irregular, False, True)
    late = readings[-1].trace
    late = replace(late, y=np.roll(-0.4 * late.y, 28))
    readings.insert(-1, replace(readings[-1], trace=late))
    places.insert(-1, replace(places[-1], lead="V1"))
    placed, _, _ = in_time(readings, places, SCALE.px_per_s, 500.0)
    starts = {r.trace.box.lead: r.trace.box.start_s for r in placed}
    assert starts["I"] == starts["III"] == 0.0, "II is printed twice"
    assert starts["V1"] == pytest.approx(5.056, abs=0.01), "only beats tell of the others"
