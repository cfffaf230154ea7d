"""Which lead stands where: rows, columns, rhythm strips and names, decided by evidence.

Every known layout with as many lines as the page shows is scored by what is printed: names where it expects them,
names where it expects none, separators at its column boundaries, steps of the trace there. The best wins, and by how
much is told. Names then say which lead stands in each place; where they are missing, standard order fills the gaps, and
says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.columns import boundary, column_bounds, separator_reach, separators
from digitize.frame import Frame
from digitize.names import (
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

#: What a strip that repeats a short lead's line over the same stretch is worth.
_REPEAT = 0.5

#: Prior of each layout, as the page's own evidence is worth: 3x4+1 is by far the commonest print.
_PRIOR = {"3x4": 0.2, "3x4+1": 0.4, "3x4+2": 0.1, "3x4+3": 0.3, "6x2": 0.2, "6x2+1": 0.2, "12x1": 0.2, "12x1+1": 0.1}


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
        If no known layout has as many lines as the page.
    """
    places = assign_rows(frame.names, np.array([r.level_px for r in frame.rows]), frame.px_per_mm)
    candidates = _candidates(frame, places, given)
    scored = sorted(((_score(frame, x, places), x) for x in candidates), key=lambda item: -item[0])
    best, layout = scored[0]
    second = scored[1][0] if len(scored) > 1 else 0.0
    margin = float(np.clip((best - second) / max(abs(best), 1e-6), 0, 1)) if best > 0 else 0.0
    bounds = column_bounds(frame, layout)
    read = names_by_place(layout, bounds, places, frame.px_per_mm)
    rows, strips, named, assumed = leads_by_name(layout, read)
    bars = separators(frame, bounds, layout.shape[0])
    reach = None if frame.rules else separator_reach(frame, bars, layout.shape[0])
    found = PageLayout(layout.name, rows, strips)
    return LayoutMatch(found, bounds, bars, reach, margin, named, assumed, contradictions(found, read))


def _candidates(frame: Frame, places: Sequence[Placed], given: str | None) -> list[PageLayout]:
    """Layouts with as many lines as the page: the common ones, and rare ones whose names the page shows."""
    n = len(frame.rows)
    known = {**LAYOUTS, **EXTRA_LAYOUTS}
    if given is not None:
        found = [known[given]] if known[given].n_lines == n else []
        wanted = f"the {known[given].n_lines} lines of layout {given}"
    else:
        found = [x for x in LAYOUTS.values() if x.n_lines == n]
        found += [x for x in EXTRA_LAYOUTS.values() if x.n_lines == n and _is_named(frame, x, places)]
        wanted = "the lines of a known layout" + (", or one or two with their names" if n < 3 else "")
    if not found:
        raise DigitizationError(
            "layout",
            f"expected {wanted}, found {n} lines of trace",
            "crop the page to one recording, or say --layout and --corners",
        )
    return found


def _is_named(frame: Frame, layout: PageLayout, places: Sequence[Placed]) -> bool:
    """Whether surely read names show a rare layout: each in its place or another of its own, no other name astray."""
    bounds = column_bounds(frame, layout)
    own = {lead for row in layout.rows for lead in row} | set(layout.rhythm)
    if layout.shape[1] == 1:
        own |= set(LEADS)  # which leads a few strips show is free
    sure = [(row, left, hit) for row, left, hit in places if hit.confidence >= _SURE_NAME and hit.text in own]
    read = names_by_place(layout, bounds, sure, frame.px_per_mm)
    astray = len(sure) - sum(len(names) for names in read.values())
    cells = layout.shape[0] * layout.shape[1] + len(layout.rhythm)
    leads = {max(names, key=lambda n: names[n]) for names in read.values()}
    # Fewer than four strips must all be named, and every name be another: one letter read into a beat is no evidence.
    needed = cells if cells < 4 else 0.8 * cells
    return len(read) >= needed and len(leads) >= min(needed, len(own)) and astray == 0


def _score(frame: Frame, layout: PageLayout, places: Sequence[Placed]) -> float:
    """Evidence for a layout: names in and out of place, separators and steps at its boundaries."""
    short, columns = layout.shape
    bounds = column_bounds(frame, layout)
    total = _PRIOR.get(layout.name, 0.0) + _named_places(layout, bounds, places, frame.px_per_mm)
    total += _REPEAT * _repeats(frame, layout, bounds)
    for k in range(1, columns):
        marks, steps = boundary(frame, bounds[k], range(short))
        total += _SEPARATOR * marks * short + _STEP * steps * short
    for other in range(1, 12):  # boundaries of finer divisions that this layout does not have
        at = frame.start_px + other * (frame.stop_px - frame.start_px) / 12
        if columns > 1 and min(abs(at - b) for b in bounds) < 4 * frame.px_per_mm:
            continue
        if other in (3, 6, 9) or (other in (4, 8) and columns != 4):
            marks, _ = boundary(frame, at, range(short))
            total -= _SEPARATOR * marks * short
    return total


def _named_places(layout: PageLayout, bounds: tuple[float, ...], places: Sequence[Placed], px_per_mm: float) -> float:
    """Evidence of the names for a layout: in their places, astray, and missing."""
    short, columns = layout.shape
    behind = name_offset(layout, bounds, places, px_per_mm)
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
