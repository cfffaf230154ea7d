"""Names and boxes that a person gives are taken as they are."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import SynthPage

from digitize import DigitizeOptions, digitize
from ecg.errors import OptionsError


def names_of(page: SynthPage) -> list[str]:
    return [box.lead for box in digitize(page.page).boxes]


def test_names_that_are_given_overrule_those_that_are_printed(standard_page: SynthPage) -> None:
    plain = digitize(standard_page.page)
    names = [box.lead for box in plain.boxes]
    first, second = names.index("V1"), names.index("V4")
    names[first], names[second] = "V4", "V1"
    told = digitize(standard_page.page, DigitizeOptions(leads=tuple(names)))
    assert [box.lead for box in told.boxes] == names
    mine, theirs = told.record, plain.record
    assert mine is not None
    assert theirs is not None
    v1, v4 = mine.leads.index("V1"), mine.leads.index("V4")
    np.testing.assert_array_equal(mine.signal[v1], theirs.signal[v4])
    np.testing.assert_array_equal(mine.signal[v4], theirs.signal[v1])
    assert told.status == plain.status
    assert not any("V1" in reason for reason in told.reasons)


def test_a_strip_is_named_by_a_person(standard_page: SynthPage) -> None:
    names = names_of(standard_page)
    told = digitize(standard_page.page, DigitizeOptions(leads=(*names[:-1], "V5")))
    assert told.layout is not None
    assert told.layout.rhythm == ("V5",)


def test_a_box_that_is_narrowed_is_read_so_far_and_no_further(standard_page: SynthPage) -> None:
    plain = digitize(standard_page.page)
    boxes = [(box.lead, *map(float, box.xyxy)) for box in plain.boxes]
    lead, left, top, right, bottom = boxes[0]
    cut = left + 0.6 * (right - left)
    told = digitize(standard_page.page, DigitizeOptions(boxes=((lead, left, top, cut, bottom), *boxes[1:])))
    assert told.record is not None
    assert plain.record is not None
    row = plain.record.leads.index(lead)
    before, after = (np.isfinite(r.signal[row]).sum() for r in (plain.record, told.record))
    assert after == pytest.approx(0.6 * before, rel=0.05)


def test_names_for_another_number_of_places_are_refused(standard_page: SynthPage) -> None:
    with pytest.raises(OptionsError, match=r"has 13 places, .* but 2 names were given"):
        digitize(standard_page.page, DigitizeOptions(leads=("I", "II")))


@pytest.mark.parametrize("leads", [("I", "VI"), ("I", "<b>"), ("", "II")])
def test_names_that_no_lead_has_are_refused(leads: tuple[str, ...]) -> None:
    with pytest.raises(OptionsError, match="a lead is named like I"):
        DigitizeOptions(leads=leads)


def test_a_box_inside_out_is_refused() -> None:
    with pytest.raises(OptionsError, match="the box of II must be left, top, right, bottom"):
        DigitizeOptions(boxes=(("II", 200.0, 10.0, 100.0, 50.0),))
