"""Leads by name: whole orders, single exchanges, misread names."""

from __future__ import annotations

from digitize.names import NamesRead, contradictions, leads_by_name
from ecg import LAYOUTS

LAYOUT = LAYOUTS["3x4+1"]


def standard(confidence: float = 0.9) -> NamesRead:
    read: NamesRead = {(r, c): {lead: confidence} for r, row in enumerate(LAYOUT.rows) for c, lead in enumerate(row)}
    read[(3, 0)] = {"II": confidence}
    return read


def test_names_in_standard_order_leave_nothing_assumed() -> None:
    rows, strips, named, assumed = leads_by_name(LAYOUT, standard())
    assert (rows, strips, named, assumed) == (LAYOUT.rows, ("II",), 13, ())


def test_no_names_are_said() -> None:
    rows, _, named, assumed = leads_by_name(LAYOUT, {})
    assert rows == LAYOUT.rows
    assert named == 0
    assert assumed == ("standard lead order", "rhythm strip II")


def test_two_leads_that_changed_places_are_followed() -> None:
    read = standard()
    read[(0, 2)], read[(1, 2)] = {"V2": 0.9}, {"V1": 0.9}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert (rows[0][2], rows[1][2]) == ("V2", "V1")


def test_a_ring_of_four_may_lack_a_name_and_one_of_three_may_not() -> None:
    read = standard()
    read[(0, 0)], read[(0, 1)], read[(0, 2)], read[(0, 3)] = {"aVR": 0.9}, {"V1": 0.9}, {"V4": 0.9}, {}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert rows[0] == ("aVR", "V1", "V4", "I")
    read = standard()
    read[(0, 0)], read[(0, 1)], read[(0, 2)] = {"aVR": 0.9}, {"V1": 0.9}, {}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert rows[0] == LAYOUT.rows[0]


def test_a_ring_of_half_sure_names_moves_nothing() -> None:
    read = standard()
    read[(1, 2)], read[(2, 2)] = {"V3": 0.65}, {"V2": 0.87}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert rows == LAYOUT.rows


def test_names_misread_here_and_there_move_nothing() -> None:
    read: NamesRead = {
        (0, 1): {"aVF": 0.7},
        (0, 3): {"aVR": 0.7},
        (1, 0): {"I": 0.86},
        (1, 1): {"aVL": 0.7},
        (1, 3): {"V5": 0.85},
        (2, 0): {"III": 0.9},
    }
    rows, *_ = leads_by_name(LAYOUT, read)
    assert rows == LAYOUT.rows


def test_one_extra_name_alone_is_a_doubt_not_a_lead() -> None:
    read = standard()
    read[(2, 3)] = {"V7": 0.95}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert rows[2][3] == "V6"
    assert contradictions(LAYOUT, read) == ("the name V7 stands where V6 was taken",)


def test_extra_leads_that_several_names_show_are_taken() -> None:
    read = standard()
    read[(0, 3)], read[(1, 3)], read[(2, 3)] = {"V7": 0.95}, {"V4": 0.95}, {"V5": 0.95}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert [row[3] for row in rows] == ["V7", "V4", "V5"]


def test_a_sure_name_in_anothers_place_is_a_contradiction() -> None:
    read = standard()
    read[(1, 0)] = {"I": 0.95}
    rows, *_ = leads_by_name(LAYOUT, read)
    assert rows[1][0] == "II"
    assert contradictions(LAYOUT, read) == ("the name I stands where II was taken",)
