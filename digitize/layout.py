"""Which lead stands where: rows, columns, rhythm strips and names, decided by evidence.

Every known layout with as many lines as the page shows is scored by what is printed: names where it expects them,
names where it expects none, separators at its column boundaries, steps of the trace there. The best wins, and by how
much is told. Names then say which lead stands in each place; where they are missing, standard order fills the gaps, and
says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digitize.candidates import Candidate, candidates, single_leads
from digitize.columns import boundary, column_bounds, separated, separator_reach, separators
from digitize.evidence import LIMB, Drawn, drawn_lines
from digitize.frame import Frame
from digitize.names import (
    NamesRead,
    Placed,
    assign_rows,
    column_of,
    contradictions,
    leads_by_name,
    name_offset,
    names_by_place,
)
from ecg import LAYOUTS, LEADS, PageLayout
from ecg.errors import DigitizationError
from ecg.paper import EXTRA_LAYOUTS

__all__ = ["Frame", "LayoutMatch", "match_layout"]

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayoutMatch:
    """The layout of a page.

    Parameters
    ----------
    layout : PageLayout
        With the leads that the page shows in each place.
    bounds_px : tuple of float
        Left edges of the columns and the right edge of the last.
    separators_px : tuple of (float, float)
        First and last column of the separators printed at these bounds.
    separator_reach_px : tuple of float or None
        How far short separators reach above and below their line; None where there are none, or rules across the page.
    margin : float
        0 to 1: how much better than the next best layout.
    named : int
        Places whose lead was read from a printed name.
    assumed : tuple of str
        What the page does not say.
    doubts : tuple of str
        Names read with certainty in the place of another lead.
    """

    layout: PageLayout
    bounds_px: tuple[float, ...]
    separators_px: tuple[tuple[float, float], ...]
    separator_reach_px: tuple[float, float] | None
    margin: float
    named: int
    assumed: tuple[str, ...]
    doubts: tuple[str, ...] = ()


#: What a name read in its place, one read where none belongs, and a separator are worth, relative to each other. A
#: separator can be a QRS by chance, a name hardly.
_NAME, _STRAY_NAME, _SEPARATOR, _STEP = 1.0, 0.7, 0.6, 0.25

#: Confidence of a name that tells a rare layout.
_SURE_NAME = 0.6

#: What a name in its customary place is worth beyond being there: leads may change places, but seldom do.
_CUSTOMARY = 0.25

#: What a strip that repeats a short lead's line over the same stretch is worth.
_REPEAT = 0.5

#: What lines are worth that change their beats at a layout's bounds, that keep them within its columns and along its
#: strips, and whose limb leads obey their law. On 35 pages of another generator and 24 photographs lines changed by
#: 0.5 at bounds (-1 to 1), by -0.8 along strips and by -0.4 within columns, and kept their law by 0.7.
_CHANGE, _CONSTANT, _LAW = 2.0, 1.0, 2.0
#: How surely lines must show a rare layout, or Cabrera order, whose names were not read. The chest leads V1 to V6, one
#: below the other, turn so evenly that they keep the law of Cabrera's limb leads by 0.4.
_SHOWN_CHANGE, _SHOWN_LAW = 0.2, 0.6
#: Names in their places that show Cabrera order.
_SHOWN_NAMES = 3
#: Constancy of lines that show one lead throughout: drawn ones keep their beats by 0.9, short leads by less than 0.
_ONE_LEAD = 0.4
#: Change of the lines at bounds that speaks against a layout: none of the pages above reached it with its own.
_SAME_LEAD = -0.4


@dataclass(frozen=True, eq=False)
class _Case:
    """A layout held against the page."""

    candidate: Candidate
    bounds: tuple[float, ...]
    behind: float
    read: NamesRead
    found: PageLayout
    named: int
    assumed: tuple[str, ...]
    change: float
    constant: float
    law: float | None


def match_layout(frame: Frame, given: str | None = None) -> LayoutMatch:
    """Find the layout of a page.

    Parameters
    ----------
    frame : Frame
    given : str, optional
        Name of the layout, if a person says so; only the names within it are then read.

    Returns
    -------
    LayoutMatch

    Raises
    ------
    DigitizationError
        If no known layout has as many lines as the page, or the lines show single leads that nothing names.
    """
    places = assign_rows(frame.names, np.array([r.level_px for r in frame.rows]), frame.px_per_mm)
    drawn = drawn_lines(frame.rows, frame.start_px, frame.stop_px, frame.px_per_mm)
    cases = _cases(frame, drawn, places, given)
    scored = sorted(((_score(frame, case, places), case) for case in cases), key=lambda item: -item[0])
    best, case = scored[0]
    layout, bounds = case.candidate.layout, case.bounds
    if not _is_believable(frame, case, places):
        raise DigitizationError(
            "layout",
            f"each of the {len(frame.rows)} lines shows one lead throughout, and no names tell which",
            "scan the names with them, or say --layout",
        )
    # Another order of the limb leads is no other layout, and the law that they obey has told it apart.
    second = next((s for s, other in scored if other.candidate.layout.name != layout.name), 0.0)
    margin = float(np.clip((best - second) / max(abs(best), 1e-6), 0, 1)) if best > 0 else 0.0
    bars = separators(frame, bounds, layout.shape[0])
    reach = None if frame.rules else separator_reach(frame, bars, layout.shape[0])
    doubts = contradictions(case.found, case.read) + _doubts(case)
    return LayoutMatch(case.found, bounds, bars, reach, margin, case.named, case.assumed, doubts)


def _cases(frame: Frame, drawn: Drawn, places: Sequence[Placed], given: str | None) -> list[_Case]:
    """Layouts with as many lines as the page: the common ones, rare ones that it shows, and single leads."""
    n = len(frame.rows)
    found: list[_Case] = []
    columns: dict[tuple[int, int], tuple[tuple[float, ...], float]] = {}
    for candidate in candidates(n, given):
        shape = candidate.layout.shape
        if shape not in columns:  # the order of leads does not move them
            columns[shape] = _columns(frame, candidate.layout, places)
        case = _case(frame, drawn, places, candidate, *columns[shape])
        if _is_believable(frame, case, places):
            found.append(case)
    if given is None and n < 12 and not any(c.candidate.layout == single_leads(n).layout for c in found):
        lead = single_leads(n)
        single = _case(frame, drawn, places, lead, *_columns(frame, lead.layout, places))
        if _is_named(frame, single, places) or (found and single.constant > _ONE_LEAD):
            found.append(single)
    if not found:
        known = None if given is None else {**LAYOUTS, **EXTRA_LAYOUTS}[given]
        wanted = (
            "the lines of a known layout, or single leads with their names"
            if known is None
            else f"the {known.n_lines} {_lines(known.n_lines)} of layout {given}"
        )
        raise DigitizationError(
            "layout",
            f"expected {wanted}, found {n} {_lines(n)} of trace",
            "crop the page to one recording, or say --layout and --corners",
        )
    return found


def _lines(n: int) -> str:
    return "line" if n == 1 else "lines"


def _columns(frame: Frame, layout: PageLayout, places: Sequence[Placed]) -> tuple[tuple[float, ...], float]:
    """Bounds of a layout's columns, and how far behind them the names stand."""
    bounds = column_bounds(frame, layout)
    return bounds, name_offset(layout, bounds, places, frame.px_per_mm)


def _case(
    frame: Frame,
    drawn: Drawn,
    places: Sequence[Placed],
    candidate: Candidate,
    bounds: tuple[float, ...],
    behind: float,
) -> _Case:
    """Hold a layout against the page: the names in its places, and what the lines say."""
    layout = candidate.layout
    short, columns = layout.shape
    read = names_by_place(layout, bounds, places, frame.px_per_mm, behind)
    rows, strips, named, assumed = leads_by_name(layout, read, candidate.order)
    found = PageLayout(layout.name, rows, strips)
    spans = list(pairwise(bounds))
    changes = [drawn.change(range(short), a, b, c) for (a, b), (_, c) in pairwise(spans)]
    same = [drawn.change(range(short), a, a + part * (b - a), b) for a, b in spans for part in _within(columns)]
    if layout.rhythm and columns > 1:
        same += [drawn.change(range(short, len(frame.rows)), a, b, c) for (a, b), (_, c) in pairwise(spans)]
    # Single leads may be any: only what they obey counts, not what they break.
    least = 0.0 if candidate.rare and columns == 1 else -1.0
    laws = [drawn.lawful([row[k] for row in rows], a, b) for k, (a, b) in enumerate(spans)]
    heard = [law for law in laws if law is not None]
    return _Case(
        candidate,
        bounds,
        behind,
        read,
        found,
        named,
        assumed,
        change=float(np.mean(changes)) if changes else 0.0,
        constant=-float(np.mean(same)),
        law=max(least, float(np.mean(heard))) if heard else None,
    )


def _within(columns: int) -> tuple[float, ...]:
    """Places within a column where another layout would have a bound, as shares of its width."""
    return (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4) if columns == 1 else (1 / 2,)


def _is_believable(frame: Frame, case: _Case, places: Sequence[Placed]) -> bool:
    """Whether a layout is common, or shown by names or by the lines themselves."""
    layout = case.candidate.layout
    if case.candidate.order != "standard":
        limb = [(cell, lead) for cell, lead in _cells(layout) if lead in LIMB]
        named = sum(lead in case.read.get(cell, {}) for cell, lead in limb)
        if named < _SHOWN_NAMES and (case.law is None or case.law < _SHOWN_LAW):
            return False
    return not case.candidate.rare or _is_named(frame, case, places) or _is_shown(case)


def _cells(layout: PageLayout) -> list[tuple[tuple[int, int], str]]:
    """Places of a layout's short leads, (row, column), with their leads."""
    return [((r, c), lead) for r, row in enumerate(layout.rows) for c, lead in enumerate(row)]


def _is_named(frame: Frame, case: _Case, places: Sequence[Placed]) -> bool:
    """Whether surely read names show a rare layout: each in its place or another of its own, no other name astray."""
    layout, bounds, mm = case.candidate.layout, case.bounds, frame.px_per_mm
    own = {lead for row in layout.rows for lead in row} | set(layout.rhythm)
    if layout.shape[1] == 1:
        own |= set(LEADS)  # which leads a few strips show is free
    sure = [(row, left, hit) for row, left, hit in places if hit.confidence >= _SURE_NAME and hit.text in own]
    read = names_by_place(layout, bounds, sure, mm, name_offset(layout, bounds, sure, mm))
    astray = len(sure) - sum(len(names) for names in read.values())
    cells = layout.shape[0] * layout.shape[1] + len(layout.rhythm)
    leads = {max(names, key=lambda n: names[n]) for names in read.values()}
    # Fewer than four strips must all be named, and every name be another: one letter read into a beat is no evidence.
    needed = cells if cells < 4 else int(0.8 * cells)
    return len(read) >= needed and len(leads) >= min(needed, len(own)) and astray <= (0 if cells < 6 else 1)


def _is_shown(case: _Case) -> bool:
    """Whether the lines show a rare layout of standard leads though its names were not read."""
    layout = case.candidate.layout
    if case.law is None or case.law < _SHOWN_LAW or case.constant < 0:
        return False
    leads = {lead for row in case.found.rows for lead in row}
    if layout.shape[1] == 1:  # no law tells what stands beside the limb leads
        return leads <= set(LIMB)
    return leads <= {*LEADS, "-aVR"} and case.change >= _SHOWN_CHANGE


def _doubts(case: _Case) -> tuple[str, ...]:
    """Say what speaks against a layout that was taken all the same."""
    layout = case.candidate.layout
    cells = layout.shape[0] * layout.shape[1] + len(layout.rhythm)
    found = []
    if layout.shape[1] > 1 and case.change < _SAME_LEAD and case.named < 0.5 * cells:
        found.append(f"most lines show no other lead where layout {layout.name} begins new ones")
    if layout.name in LAYOUTS or layout.shape[1] > 1:
        return tuple(found)
    leads = [row[0] for row in case.found.rows]
    for k, lead in enumerate(leads):
        if not case.read.get((k, 0)) and not _is_shown(case):
            found.append(f"no name was read beside a line that was taken for {lead}")
    for lead, n in Counter(leads).items():
        if n > 1:
            found.append(f"the name {lead} stands beside {n} lines, which may follow each other in time")
    return tuple(found)


def _score(frame: Frame, case: _Case, places: Sequence[Placed]) -> float:
    """Evidence for a layout: names in and out of place, separators and steps at its bounds, and what the lines say."""
    layout, bounds = case.candidate.layout, case.bounds
    short, columns = layout.shape
    total = case.candidate.prior + _named_places(case, places, frame.px_per_mm)
    total += _CUSTOMARY * sum(case.read.get(cell, {}).get(lead, 0.0) for cell, lead in _cells(layout))
    total += _REPEAT * _repeats(frame, layout, bounds)
    total += _CHANGE * case.change + _CONSTANT * case.constant + _LAW * (case.law or 0.0)
    for k in range(1, columns):
        marks, steps = boundary(frame, bounds[k], range(short))
        total += _SEPARATOR * marks * short + _STEP * steps * short
    for other in range(1, 12):  # boundaries of finer divisions that this layout does not have
        at = frame.start_px + other * (frame.stop_px - frame.start_px) / 12
        if columns > 1 and min(abs(at - b) for b in bounds) < 4 * frame.px_per_mm:
            continue
        if other in (3, 6, 9) or (other in (4, 8) and columns != 4):
            total -= _SEPARATOR * separated(frame, at, range(short)) * short
    return total


def _named_places(case: _Case, places: Sequence[Placed], px_per_mm: float) -> float:
    """Evidence of the names for a layout: in their places, astray, and missing."""
    layout, bounds, behind = case.candidate.layout, case.bounds, case.behind
    short, columns = layout.shape
    total, taken = 0.0, set()
    for row, left, hit in places:
        cell = column_of(left, bounds, px_per_mm, columns if row < short else 1, behind)
        if cell is not None:
            total += _NAME * hit.confidence
            taken.add((row, cell))
        elif not behind or len(hit.text) > 1:  # a single stroke between names is a tick of a separator, not an I
            total -= _STRAY_NAME * hit.confidence
    expected = short * columns + len(layout.rhythm)
    if len(taken) >= 0.25 * expected:  # names are printed on this page: a place without one speaks against the layout
        total -= 0.5 * _NAME * (expected - len(taken))
    return total


def _repeats(frame: Frame, layout: PageLayout, bounds: tuple[float, ...]) -> int:
    """Count the strips that draw a short lead's line once more over the same stretch of paper."""
    short, columns = layout.shape
    count = 0
    for strip in frame.rows[short:]:
        misfit = []
        for row in frame.rows[:short]:
            for k in range(columns):
                first, last = round(bounds[k]), min(round(bounds[k + 1]), strip.y.size)
                a, b = strip.y[first:last], row.y[first:last]
                spread = float(np.std(b)) if b.size else 0.0
                misfit.append(float(np.std(a - b)) / spread if spread > 0 else np.inf)
        least, second = sorted(misfit)[:2] if len(misfit) > 1 else (np.inf, np.inf)
        # As `digitize.lines.name_strips` has it: half of its own spread is left where two leads only look alike.
        count += least < 0.5 and least < 0.67 * second
    return count
