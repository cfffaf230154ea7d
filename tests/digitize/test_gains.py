"""Two gains on one page, and pulses that tell of a stretched picture."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import draw

from digitize import DigitizeOptions, digitize
from digitize.gains import odd_pulses
from digitize.pulse import Pulse, second_gain
from ecg import ECGRecord, Page, PaperScale
from ecg.fidelity import page_fidelity

SCALE = PaperScale(10.0, 10.0)


def pulse(width_mm: float = 5.0, height_mm: float = 10.0, second_mm: float = 0.0) -> Pulse:
    return Pulse(0, 0.0, 10 * width_mm, 100.0, 100.0 + 10 * height_mm, 10 * second_mm)


@pytest.mark.parametrize(("limb", "chest"), [(10.0, 5.0), (10.0, 20.0), (20.0, 10.0)])
def test_chest_leads_have_their_own_gain_where_the_pulse_has_two_steps(
    heart: ECGRecord, limb: float, chest: float
) -> None:
    page = draw(heart, "6x2", gain_mm_per_mv=limb, chest_gain_mm_per_mv=chest, scale_text=False, margin_top_mm=15.0)
    reading = digitize(page.page)
    assert reading.record is not None
    gains = [f.gain for f in page_fidelity(page.record, reading.record, moody=False).leads.values()]
    # At 20 mm/mV beats run into their neighbours; a gain that is off is off by two.
    assert np.median(np.abs(np.log(gains))) < 0.03
    assert max(np.abs(np.log(gains))) < 0.35
    assert reading.status == "review"
    assert f"the calibration pulses have two steps: the chest leads were read at {chest:g} mm/mV" in reading.reasons


def test_pulses_of_one_step_or_of_no_known_ratio_have_no_second_gain() -> None:
    assert second_gain([pulse(), pulse()]) is None
    assert second_gain([pulse(second_mm=5.0), pulse(second_mm=4.9)]) == 0.5
    assert second_gain([pulse(second_mm=7.1)]) is None
    # One of three may be a beat that met the pulse.
    assert second_gain([pulse(), pulse(), pulse(second_mm=5.0)]) is None
    assert second_gain([]) is None


@pytest.mark.parametrize("method", ["auto", "classical"])
@pytest.mark.parametrize("stretch", [0.8, 1.25, 1.5])
def test_a_stretched_page_without_a_grid_is_doubted(heart: ECGRecord, stretch: float, method: str) -> None:
    import cv2

    image = draw(heart, "3x4+1", grid=False, dpi=120).page.image
    wide = cv2.resize(image, None, fx=stretch, fy=1.0, interpolation=cv2.INTER_AREA)
    reading = digitize(Page(wide), DigitizeOptions(method=method))  # type: ignore[arg-type]
    assert reading.status == "review"
    assert any("stretched in time" in r for r in reading.reasons)


@pytest.mark.parametrize(
    ("width", "gridless", "odd"),
    [
        (5.0, True, False),
        (5.0, False, False),
        (3.1, False, False),
        (3.1, True, True),
        (6.2, False, True),
        (4.0, False, True),
    ],
)
def test_widths_that_devices_print_are_no_doubt_where_a_grid_gives_the_scale(
    width: float, gridless: bool, odd: bool
) -> None:
    said = odd_pulses([pulse(width)], SCALE, gridless=gridless)
    assert bool(said) is odd
    assert odd_pulses([], SCALE, gridless=gridless) == ()
