"""Walls and the leads that face them."""

from __future__ import annotations

from ecg.record import LEADS
from ecg.territories import TERRITORY_LEADS
from synth.physiology import TERRITORIES


def test_every_wall_that_is_drawn_is_faced_by_standard_leads() -> None:
    assert set(TERRITORY_LEADS) == set(TERRITORIES)
    assert all(set(leads) <= set(LEADS) for leads in TERRITORY_LEADS.values())


def test_the_leads_that_show_an_infarction_of_a_wall_face_it() -> None:
    for wall, leads in TERRITORY_LEADS.items():
        shown = {lead for pair in TERRITORIES[wall].pairs for lead in pair}
        assert shown & set(leads), wall
