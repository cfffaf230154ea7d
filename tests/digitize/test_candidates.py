"""Layouts in question for a number of lines."""

from __future__ import annotations

import pytest

from digitize.candidates import candidates, single_leads
from ecg import LAYOUTS, LEADS
from ecg.paper import CABRERA, EXTRA_LAYOUTS


@pytest.mark.parametrize("n", range(1, 16))
def test_every_known_layout_of_so_many_lines_is_in_question(n: int) -> None:
    found = candidates(n)
    chest = set(LEADS[6:])
    plain = {c.layout for c in found if c.order == "standard" and {x for row in c.layout.rows for x in row} != chest}
    assert plain == {x for x in (*LAYOUTS.values(), *EXTRA_LAYOUTS.values()) if x.n_lines == n}
    assert all(c.rare == (c.layout.name not in LAYOUTS) for c in found)


def test_limb_leads_may_stand_in_cabrera_order_with_avr_either_way_up() -> None:
    orders = [c.layout.rows for c in candidates(6) if c.layout.name == "6x2" and c.order == "Cabrera"]
    downwards = tuple((limb, chest) for limb, chest in zip(CABRERA, LEADS[6:], strict=True))
    upright = tuple(tuple("aVR" if lead == "-aVR" else lead for lead in row) for row in downwards)
    assert orders == [downwards, upright]
    # Three strips hold too few limb leads for an order.
    assert all(c.order == "standard" for c in candidates(3) if c.layout.name == "3x1")


def test_a_sheet_of_six_leads_may_show_those_of_the_chest() -> None:
    sheets = [c.layout.rows for c in candidates(3) if c.layout.name == "3x2" and c.order == "standard"]
    assert sheets == [(("I", "aVR"), ("II", "aVL"), ("III", "aVF")), (("V1", "V4"), ("V2", "V5"), ("V3", "V6"))]


def test_a_layout_that_is_given_is_the_only_one_and_needs_no_proof() -> None:
    found = candidates(6, "6x1")
    assert {c.layout.name for c in found} == {"6x1"}
    assert not any(c.rare for c in found)
    assert candidates(5, "6x1") == []


@pytest.mark.parametrize("n", [1, 5, 14])
def test_single_leads_have_as_many_rows_as_lines(n: int) -> None:
    layout = single_leads(n).layout
    assert layout.shape == (n, 1)
    assert layout.rows[0] == ("I",)
