"""Doubts about where the columns of a page were placed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitize.layout import LayoutMatch
from digitize.plausibility import (
    coarse_picture,
    named_doubts,
    odd_height,
    odd_length,
    placed_doubts,
    short_columns,
    stopped_pen,
    strayed_names,
    uneven_columns,
    unknown_gain,
)
from digitize.text import NameHit
from ecg import LAYOUTS, LEADS, ECGRecord, PageLayout
from synth import sample_physiology, synthesize_record

PX = 8.0


def match(bounds: tuple[float, ...], name: str = "3x4+1") -> LayoutMatch:
    return LayoutMatch(LAYOUTS[name], bounds, (), None, 0.9, 12, ())


def printed(offsets_mm: tuple[float, ...], width_px: float = 500.0) -> tuple[NameHit, ...]:
    """Names of a 3x4+1 page, each column's at its own distance from where the column truly starts."""
    found = []
    for r, row in enumerate(LAYOUTS["3x4+1"].rows):
        for c, lead in enumerate(row):
            left = 100 + c * width_px + offsets_mm[c] * PX
            found.append(NameHit(lead, (left, 100.0 * r, left + 20, 100.0 * r + 12), 0.95))
    return tuple(found)


RIGHT = (100.0, 600.0, 1100.0, 1600.0, 2100.0)


def test_columns_of_unequal_width_are_doubted() -> None:
    assert uneven_columns((0.0, 250.0, 500.0, 752.0, 1000.0)) == ()
    assert uneven_columns((0.0, 900.0)) == (), "one column has nothing to differ from"
    (doubt,) = uneven_columns((0.0, 250.0, 527.0, 752.0, 1000.0))
    assert "225 to 277" in doubt


def test_names_at_one_distance_are_as_they_should_be() -> None:
    assert strayed_names(match(RIGHT), printed((1.0, 1.0, 1.5, 0.8)), PX) == ()


def test_names_in_the_margin_of_the_first_column_are_usual() -> None:
    assert strayed_names(match(RIGHT), printed((-12.0, 1.0, 1.0, 1.0)), PX) == ()


def test_lines_whose_end_was_missed_leave_their_names_behind() -> None:
    """The lines were taken to end at 86 %: bounds lag behind the names more from column to column."""
    short = tuple(100 + 0.86 * (b - 100) for b in RIGHT)
    (doubt,) = placed_doubts(match(short), printed((1.0, 1.0, 1.0, 1.0)), PX)
    assert doubt.startswith("names stand 18 mm nearer")


def test_one_misread_name_is_no_evidence() -> None:
    names = printed((1.0, 1.0, 1.0, 1.0))
    far = [n if n.text != "V5" else NameHit("V5", (900.0, 200.0, 920.0, 212.0), 0.7) for n in names]
    assert strayed_names(match(RIGHT), far, PX) == ()


def test_names_that_stand_twice_count_where_they_are_nearest() -> None:
    strip = NameHit("V1", (60.0, 400.0, 80.0, 412.0), 0.9)
    assert strayed_names(match(RIGHT), (*printed((1.0, 1.0, 1.0, 1.0)), strip), PX) == ()


def test_two_columns_are_too_few_to_compare() -> None:
    assert strayed_names(match((0.0, 700.0, 1400.0), "6x2"), printed((1.0, 1.0, 1.0, 1.0)), PX) == ()


def test_a_length_just_off_the_usual_is_doubted_and_another_length_is_not() -> None:
    assert odd_length((0.0, 2500.0), 250.0) == ()
    assert odd_length((0.0, 2050.0), 250.0) == (), "a strip may be 8.2 s long"
    (doubt,) = odd_length((100.0, 725.0, 1412.5), 256.25)
    assert doubt.startswith("the lines would be 5.1 s long, 2% off 5 s")


def single(*leads: str) -> LayoutMatch:
    layout = PageLayout(f"{len(leads)}x1", tuple((lead,) for lead in leads), ())
    return LayoutMatch(layout, (0.0, 1500.0), (), None, 0.9, len(leads), ())


def hits(**confidence: float) -> tuple[NameHit, ...]:
    return tuple(NameHit(lead, (10.0, 10.0, 30.0, 22.0), c) for lead, c in confidence.items())


def test_names_of_leads_that_were_not_read_are_doubted() -> None:
    (doubt,) = named_doubts(single("II"), hits(II=0.95, V4=0.6, V5=0.55, aVR=0.72, I=0.4))
    assert doubt.endswith("not read: aVR, V4, V5")
    assert named_doubts(single("II"), hits(II=0.95, I=0.6)) == (), "one may be a stroke of the trace"


def test_a_single_line_needs_a_sure_name() -> None:
    assert named_doubts(single("V1", "II"), hits(V1=0.9, II=0.66)) == ("the name II beside a line is hard to read",)
    assert named_doubts(single("V1", "II"), hits(V1=0.9, II=0.9)) == ()
    assert named_doubts(match(RIGHT), hits(I=0.6, II=0.6)) == (), "columns have other evidence"


def test_coarse_pictures_are_doubted() -> None:
    assert coarse_picture(100 / 25.4) == ()
    assert "2.2 pixels" in coarse_picture(55 / 25.4)[0]


@pytest.mark.parametrize(("height_mv", "odd"), [(0.25, True), (0.6, True), (1.1, False), (2.0, False), (2.4, True)])
def test_leads_too_small_or_tall_for_the_gain_that_was_taken_are_doubted(height_mv: float, odd: bool) -> None:
    beat = np.exp(-0.5 * ((np.arange(1250) % 400 - 200) / 8.0) ** 2)
    signal = height_mv * np.repeat(beat[None], 12, axis=0)
    signal[3, :600] = np.nan
    signal[11] = np.nan  # a lead that was not read
    assert bool(odd_height(ECGRecord(signal, 500, LEADS))) is odd
    assert odd_height(ECGRecord(signal[:5], 500, LEADS[:5])) == (), "five leads may all be small ones"


def test_a_gain_that_nothing_tells_is_never_taken_in_silence() -> None:
    beat = np.exp(-0.5 * ((np.arange(1250) % 400 - 200) / 8.0) ** 2)
    usual, small = (ECGRecord(h * np.repeat(beat[None], 12, axis=0), 500, LEADS) for h in (1.1, 0.5))
    assert unknown_gain(usual, 10.0) == ("neither a pulse nor print tells the gain: 10 mm/mV is assumed",)
    assert unknown_gain(small, 10.0) == odd_height(small) != ()


@pytest.mark.parametrize(("seconds", "named", "doubted"), [(1.5, 0, True), (1.5, 12, False), (2.5, 0, False)])
def test_columns_too_short_for_a_layout_are_doubted_unless_names_confirm_it(
    seconds: float, named: int, doubted: bool
) -> None:
    bounds = tuple(100.0 + 200 * seconds * k for k in range(5))
    found = short_columns(replace(match(bounds, "3x4"), named=named), 200.0)
    assert bool(found) is doubted
    assert not doubted or found == ("each column would show 1.5 s: there may be fewer columns",)


@pytest.mark.parametrize("kind", ["norm", "lbbb", "ami_anterior", "pvc"])
def test_a_pen_that_stops_is_doubted_and_round_peaks_are_not(kind: str) -> None:
    heart = synthesize_record(sample_physiology(np.random.default_rng(3), kind))
    signal = np.asarray(heart.signal, np.float64) + np.random.default_rng(0).normal(0, 0.004, heart.signal.shape)
    assert stopped_pen(ECGRecord(signal, heart.fs, heart.leads)) == ()
    middle = np.median(signal, axis=1, keepdims=True)
    cut = middle + np.clip(2 * (signal - middle), -0.8, 0.8)
    (doubt,) = stopped_pen(ECGRecord(cut, heart.fs, heart.leads))
    assert doubt.endswith("end flat at 0.8 mV: the pen may have stopped there")


def test_one_lead_with_flat_peaks_and_leads_that_were_not_read_are_no_stopped_pen() -> None:
    signal = np.tile(2 * np.maximum(0, np.sin(np.arange(5000) / 40)) ** 8, (12, 1))
    signal[4] = np.minimum(signal[4], 0.8)
    signal[7] = np.nan
    assert stopped_pen(ECGRecord(signal, 500, LEADS)) == ()
