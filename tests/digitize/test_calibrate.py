"""The scale and its evidence, the record on one clock, and the order of columns in time."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.calibrate import calibrate, to_record
from digitize.grid import GridMeasure
from digitize.options import DigitizeOptions
from digitize.pulse import Pulse
from digitize.result import LeadTrace
from digitize.text import PrintedScale
from ecg import LEADS, LeadBox, PaperScale
from ecg.errors import DigitizationError

GRID = GridMeasure(6.0, 6.06, 0.0, 5.0, 0.95, 1.0)
PLAIN = DigitizeOptions()
SILENT = PrintedScale()


def pulses(*heights_px: float) -> tuple[Pulse, ...]:
    return tuple(Pulse(k, 10.0, 40.0, 200.0 - h, 200.0) for k, h in enumerate(heights_px))


def test_the_grid_gives_both_pitches_and_what_is_not_printed_is_assumed() -> None:
    found = calibrate(GRID, (), SILENT, PLAIN)
    assert found.scale == PaperScale(6.0, 6.06, 25.0, 10.0)
    assert (found.evidence.px_per_mm_x, found.evidence.px_per_mm_y) == ("grid", "grid")
    assert (found.evidence.speed_mm_per_s, found.evidence.gain_mm_per_mv) == ("assumed", "assumed")
    assert found.assumed == ("paper speed 25 mm/s", "gain 10 mm/mV")
    assert found.doubts == ()


@pytest.mark.parametrize("gain", [2.5, 5.0, 10.0, 20.0])
@pytest.mark.parametrize("off", [0.95, 1.0, 1.05])
def test_the_pulse_tells_the_gain(gain: float, off: float) -> None:
    found = calibrate(GRID, pulses(*[gain * 6.06 * off] * 3), SILENT, PLAIN)
    assert found.scale.gain_mm_per_mv == gain
    assert found.evidence.gain_mm_per_mv == "pulse"
    assert found.assumed == ("paper speed 25 mm/s",)
    assert found.doubts == ()


def test_printed_text_tells_speed_and_gain() -> None:
    found = calibrate(GRID, (), PrintedScale(("50mm/s", "5mm/mV", "50mm/s")), PLAIN)
    assert (found.scale.speed_mm_per_s, found.scale.gain_mm_per_mv) == (50.0, 5.0)
    assert (found.evidence.speed_mm_per_s, found.evidence.gain_mm_per_mv) == ("text", "text")
    assert found.assumed == ()


@pytest.mark.parametrize(
    ("texts", "said"), [(("50mm/s", "25mm/s"), "25 and 50 mm/s"), (("5mm/mV", "10mm/mV"), "5 and 10 mm/mV")]
)
def test_two_texts_that_disagree_tell_nothing_and_are_a_doubt(texts: tuple[str, ...], said: str) -> None:
    found = calibrate(GRID, (), PrintedScale(texts), PLAIN)
    assert set(found.assumed) == {"paper speed 25 mm/s", "gain 10 mm/mV"}
    assert len(found.doubts) == 1
    assert said in found.doubts[0]


def test_an_unusual_scale_that_is_hard_to_read_is_a_doubt_unless_something_better_tells() -> None:
    may_be = PrintedScale((), ("50mm/s", "20mm/mV"))
    found = calibrate(GRID, (), may_be, PLAIN)
    assert (found.scale.speed_mm_per_s, found.scale.gain_mm_per_mv) == (25.0, 10.0)
    assert [d.split(",")[0] for d in found.doubts] == ["the page may print 50 mm/s", "the page may print 20 mm/mV"]
    told = calibrate(GRID, pulses(60.6), may_be, DigitizeOptions(speed_mm_per_s=25))
    assert told.doubts == ()


def test_what_a_person_gives_comes_first() -> None:
    given = DigitizeOptions(px_per_mm=(7.0, 7.1), speed_mm_per_s=50, gain_mm_per_mv=20)
    found = calibrate(GRID, (), PrintedScale(("25mm/s", "10mm/mV")), given)
    assert found.scale == PaperScale(7.0, 7.1, 50, 20)
    assert set(vars(found.evidence).values()) == {"given"}
    assert found.assumed == ()


def test_without_a_grid_the_pulse_gives_the_scale() -> None:
    found = calibrate(None, pulses(60.0, 60.4, 59.6), SILENT, PLAIN)
    assert (found.scale.px_per_mm_x, found.scale.px_per_mm_y) == pytest.approx((6.0, 6.0), rel=0.01)
    assert found.scale.px_per_mv == pytest.approx(60.0)
    assert found.evidence.px_per_mm_y == "pulse"
    assert "the same scale along time as along voltage" in found.assumed
    half = calibrate(None, pulses(30.0), PrintedScale(("5mm/mV",)), PLAIN)
    assert half.scale.px_per_mm_y == pytest.approx(6.0)


def test_without_grid_and_pulse_the_page_is_refused() -> None:
    with pytest.raises(DigitizationError, match="neither a grid nor a calibration pulse") as caught:
        calibrate(None, (), PrintedScale(("25mm/s", "10mm/mV")), PLAIN, dpi=200.0)
    assert caught.value.stage == "grid"
    assert "--px-per-mm" in caught.value.hint


@pytest.mark.parametrize(
    ("heights", "texts", "options", "dpi", "word"),
    [
        ((60.6, 121.2), (), PLAIN, None, "differ in height"),
        ((43.0,), (), PLAIN, None, "fits no gain"),
        ((60.6,), ("5mm/mV",), PLAIN, None, "implies 10"),
        ((60.6,), (), DigitizeOptions(gain_mm_per_mv=20), None, "given is 20"),
        ((), (), PLAIN, 30.0, "five times off"),
        ((), (), PLAIN, 770.0, "five times off"),
    ],
)
def test_evidence_that_disagrees_is_a_doubt(
    heights: tuple[float, ...], texts: tuple[str, ...], options: DigitizeOptions, dpi: float | None, word: str
) -> None:
    found = calibrate(GRID, pulses(*heights), PrintedScale(texts), options, dpi)
    assert len(found.doubts) == 1
    assert word in found.doubts[0]


def test_a_printed_gain_confirms_one_pulse() -> None:
    alone = calibrate(GRID, pulses(30.3), SILENT, PLAIN)
    assert len(alone.doubts) == 1
    assert "one calibration pulse alone" in alone.doubts[0]
    both = calibrate(GRID, pulses(30.3), PrintedScale(("5mm/mV",)), PLAIN)
    assert (both.scale.gain_mm_per_mv, both.evidence.gain_mm_per_mv, both.doubts) == (5.0, "pulse", ())


def test_of_a_pulse_and_a_printed_gain_the_pulse_is_believed_and_a_person_before_both() -> None:
    assert calibrate(GRID, pulses(60.6), PrintedScale(("5mm/mV",)), PLAIN).scale.gain_mm_per_mv == 10.0
    lone, several = (
        calibrate(GRID, given, PrintedScale(("10mm/mV",)), PLAIN) for given in (pulses(30.3), 2 * pulses(30.3))
    )
    assert lone.scale.gain_mm_per_mv == 10.0, "a single unusual pulse may be a step of the trace"
    assert several.scale.gain_mm_per_mv == 5.0
    assert "implies 5" in lone.doubts[0]
    assert "implies 5" in several.doubts[0]
    given = calibrate(GRID, pulses(60.6), PrintedScale(("5mm/mV",)), DigitizeOptions(gain_mm_per_mv=20))
    assert given.scale.gain_mm_per_mv == 20.0
    assert given.evidence.gain_mm_per_mv == "given"


@pytest.mark.parametrize("dpi", [None, 72.0, 96.0, 150.0, 153.0])
def test_the_file_s_resolution_is_a_check_and_never_the_scale(dpi: float | None) -> None:
    found = calibrate(GRID, (), SILENT, PLAIN, dpi)
    assert found.doubts == ()
    assert found.scale.px_per_mm_x == 6.0


def test_a_pitch_that_differs_between_the_axes_is_a_doubt() -> None:
    found = calibrate(GridMeasure(6.0, 7.0, 0.0, 5.0, 0.9, 1.0), (), SILENT, PLAIN)
    assert any("between time and voltage" in d for d in found.doubts)


#: 250 px a second and 100 px a millivolt.
SCALE = PaperScale(10.0, 10.0)


def line(lead: str, start_s: float, stop_s: float, mv: float | np.ndarray, left: float = 40.0) -> LeadTrace:
    """Trace at 500 Hz whose box begins at a column and a time."""
    n = round((stop_s - start_s) * 500)
    x = left + np.arange(n) * 0.5
    y = np.broadcast_to(300.0 - 100.0 * np.asarray(mv), (n,)).astype(float)
    return LeadTrace(LeadBox(lead, (left, 100, left + n * 0.5, 400), start_s, stop_s), x, y.copy(), 300.0)


def test_millivolts_and_seconds_follow_from_the_scale() -> None:
    wave = np.sin(np.arange(1250) / 30)
    record = to_record([line("I", 0.0, 2.5, wave), line("aVR", 2.5, 5.0, 0.5, left=700.0)], SCALE)
    assert (record.fs, record.leads, record.n_samples) == (500.0, LEADS, 2500)
    np.testing.assert_allclose(record["I"][:1250], wave, atol=1e-6)
    assert np.isnan(record["I"][1250:]).all()
    assert np.isnan(record["aVR"][:1250]).all()
    np.testing.assert_allclose(record["aVR"][1250:], 0.5, atol=1e-6)
    assert np.isnan(record["V6"]).all()


def test_what_was_not_read_is_missing_and_nothing_else() -> None:
    trace = line("II", 0.0, 2.0, 0.3)
    trace.y[400:500] = np.nan
    row = to_record([trace], SCALE)["II"]
    assert np.isnan(row[400:500]).all()
    assert np.isfinite(row[:399]).all()
    assert np.isfinite(row[501:]).all()
    empty = line("II", 0.0, 2.0, np.full(1000, np.nan))
    assert np.isnan(to_record([empty], SCALE)["II"]).all()


def test_avr_printed_upside_down_is_stored_with_its_sign() -> None:
    record = to_record([line("-aVR", 0.0, 1.0, 0.7)], SCALE)
    np.testing.assert_allclose(record["aVR"], -0.7, atol=1e-6)
    assert "-aVR" not in record.leads


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_lead_printed_twice_the_longer_is_kept(turned: bool) -> None:
    both = [line("II", 0.0, 2.5, 0.1), line("II", 0.0, 10.0, 0.2)]
    record = to_record(both[::-1] if turned else both, SCALE)
    np.testing.assert_allclose(record["II"], 0.2, atol=1e-6)


def test_extra_leads_stand_behind_the_twelve_under_their_own_names() -> None:
    record = to_record([line("V4R", 0.0, 1.0, 0.1), line("V4", 0.0, 1.0, 0.2)], SCALE)
    assert record.leads == (*LEADS, "V4R")
    np.testing.assert_allclose(record["V4R"], 0.1, atol=1e-6)
    np.testing.assert_allclose(record["V4"], 0.2, atol=1e-6)


def test_another_rate_is_interpolated_between_the_points() -> None:
    ramp = np.arange(500) / 500
    record = to_record([line("I", 0.0, 1.0, ramp)], SCALE, fs=250.0)
    assert record.n_samples == 250
    np.testing.assert_allclose(record["I"], np.arange(250) / 250, atol=2e-3)


def test_a_file_s_resolution_that_the_pulses_confirm_sharpens_their_scale() -> None:
    """Without a grid: 200 dpi are 7.874 px/mm; pulses drawn 0.4 % too tall are taken for that, 3 % too tall are not."""
    exact = 200 / 25.4
    close = calibrate(None, pulses(*[10.04 * exact] * 3), SILENT, PLAIN, 200.0)
    assert close.scale.px_per_mm_x == close.scale.px_per_mm_y == pytest.approx(exact)
    assert "the scale of 200 dpi that the file tells, which the pulse confirms" in close.assumed
    far = calibrate(None, pulses(*[10.3 * exact] * 3), SILENT, PLAIN, 200.0)
    assert far.scale.px_per_mm_x == pytest.approx(1.03 * exact)
    idle = calibrate(None, pulses(*[10.04 * 96 / 25.4] * 3), SILENT, PLAIN, 96.0)
    assert idle.scale.px_per_mm_x == pytest.approx(1.004 * 96 / 25.4)
