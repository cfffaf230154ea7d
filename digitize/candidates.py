"""Layouts that a page of so many lines may have: common, rare, with limb leads in Cabrera order, and single leads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ecg import LAYOUTS, LEADS, PageLayout
from ecg.paper import CABRERA, EXTRA_LAYOUTS

__all__ = ["Candidate", "candidates", "single_leads"]

#: Prior of each layout, as the page's own evidence is worth: 3x4+1 is by far the commonest print.
_PRIOR = {"3x4": 0.2, "3x4+1": 0.4, "3x4+2": 0.1, "3x4+3": 0.3, "6x2": 0.2, "6x2+1": 0.2, "12x1": 0.2, "12x1+1": 0.1}
#: Prior of rare layouts, of limb leads in Cabrera order, and of the same with aVR printed upright.
_RARE, _CABRERA, _UPRIGHT_AVR = -0.3, -0.6, -0.9


@dataclass(frozen=True)
class Candidate:
    """A layout that a page may have.

    Parameters
    ----------
    layout : PageLayout
    prior : float
        In units of one name that was surely read.
    order : str
        Name of the order of leads: ``"standard"`` or ``"Cabrera"``.
    rare : bool
        Whether names or the lines themselves must show it before it is believed.
    """

    layout: PageLayout
    prior: float
    order: str = "standard"
    rare: bool = False


def candidates(n_lines: int, given: str | None = None) -> list[Candidate]:
    """List the layouts of a number of lines.

    Parameters
    ----------
    n_lines : int
    given : str, optional
        Name of the only layout in question, if a person says so.

    Returns
    -------
    list of Candidate
        Empty where the given layout has another number of lines. Single leads are not among them.
    """
    found = []
    for layout in {**LAYOUTS, **EXTRA_LAYOUTS}.values():
        if layout.n_lines != n_lines or given not in (None, layout.name):
            continue
        rare = layout.name not in LAYOUTS and given is None
        plain = Candidate(layout, _PRIOR.get(layout.name, 0.0) + _RARE * rare, rare=rare)
        found.append(plain)
        leads = {lead for row in layout.rows for lead in row}
        if leads == set(LEADS[:6]) and layout.shape[1] > 1:
            # A recorder of few channels prints the chest leads on a sheet of their own.
            chest = dict(zip(LEADS[:6], LEADS[6:], strict=True))
            rows = tuple(tuple(chest[lead] for lead in row) for row in layout.rows)
            found.append(replace(plain, layout=PageLayout(layout.name, rows, layout.rhythm)))
        if leads >= set(LEADS[:6]):
            found += [
                replace(plain, layout=_in_cabrera_order(layout, avr), prior=plain.prior + prior, order="Cabrera")
                for avr, prior in (("-aVR", _CABRERA), ("aVR", _UPRIGHT_AVR))
            ]
    return found


def single_leads(n_lines: int) -> Candidate:
    """Layout of lines that show one lead each, whichever these are; standard leads keep their places.

    Parameters
    ----------
    n_lines : int

    Returns
    -------
    Candidate

    Examples
    --------
    >>> single_leads(4).layout.name
    '4x1'
    """
    leads = (LEADS * (n_lines // len(LEADS) + 1))[:n_lines]
    return Candidate(PageLayout(f"{n_lines}x1", tuple((lead,) for lead in leads)), _RARE, rare=True)


def _in_cabrera_order(layout: PageLayout, avr: str) -> PageLayout:
    """Layout with its limb leads in the order aVL, I, -aVR, II, aVF, III where the standard one has I to aVF."""
    place = dict(zip(LEADS[:6], CABRERA, strict=True))
    named = {lead: avr if place.get(lead) == "-aVR" else place.get(lead, lead) for lead in LEADS}
    rows = tuple(tuple(named.get(lead, lead) for lead in row) for row in layout.rows)
    return PageLayout(layout.name, rows, layout.rhythm)
