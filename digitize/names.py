"""In which place of a layout each name stands, and which lead that makes it, by name and by custom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digitize.text import NameHit
from ecg import LEADS, PageLayout

__all__ = [
    "NamesRead",
    "Placed",
    "assign_rows",
    "column_of",
    "contradictions",
    "leads_by_name",
    "name_offset",
    "names_by_place",
]

Double = NDArray[np.float64]

#: A name and the line that it belongs to: line, left edge in pixels, name.
Placed = tuple[int, float, NameHit]

#: Names read in each place, (row, column), with their confidence; rhythm strips have column 0.
NamesRead = dict[tuple[int, int], dict[str, float]]

#: Names stand at most this far behind the start of their stretch, in mm, and never beyond this share of it.
_BEHIND_MM, _BEHIND_SHARE = 30.0, 0.45

#: Names that one offset must bring to their places beyond those that stand at the start already.
_MORE_NAMES = 3.0

#: Confidence of names, summed over a ring of leads that changed places, by which it must beat the standard order.
_PERMUTED = 1.0

#: Places from which leads have a customary order; a few strips show whatever leads were asked for.
_CUSTOM = 6

#: Confidence of a name that was read surely. Chosen on the four-class pages: of the 8 on which misread names had moved
#: leads, every ring held a name below this or none at all, though single misread names reached 0.98.
_SURE = 0.75


def assign_rows(names: Sequence[NameHit], levels: Double, px_per_mm: float) -> list[Placed]:
    """Give every name the line it belongs to.

    Names stand at one distance from their lines, above or below, the same all over a page. The distance is the one
    that gives each line its own name; where lines stand close, a name may be nearer to its neighbour's trace.

    Parameters
    ----------
    names : sequence of NameHit
        Words read; those that are no lead's are passed over.
    levels : float array [lines]
        Rows at which the lines run, in pixels, from top to bottom.
    px_per_mm : float

    Returns
    -------
    list of (int, float, NameHit)
        Line, left edge in pixels, and the name.
    """
    hits = [h for h in names if h.is_lead]
    if not hits or levels.size == 0:
        return []
    y = np.array([(h.xyxy_px[1] + h.xyxy_px[3]) / 2 for h in hits])
    x = np.array([h.xyxy_px[0] for h in hits])
    sure = np.array([h.confidence for h in hits])
    mm = px_per_mm
    # Two names of one line at one place in time cannot both be its own.
    time = np.rint(x / (12 * mm)).astype(int).tolist()
    best: tuple[float, NDArray[np.int64], NDArray[np.float64]] | None = None
    for offset in np.arange(-18, 18.25, 0.5) * mm:
        distance = np.abs(y[:, None] - (levels[None] + offset))
        row = distance.argmin(axis=1)
        off = distance.min(axis=1) / mm
        close = np.exp(-0.5 * (off / 2.0) ** 2) * sure  # 2 mm: how far a line's level wanders from its print
        closest: dict[tuple[int, int], float] = {}
        for place, value in zip(zip(row.tolist(), time, strict=True), close.tolist(), strict=True):
            closest[place] = max(closest.get(place, 0.0), value)
        total = sum(value for _, value in sorted(closest.items())) - 0.004 * abs(offset) / mm
        if best is None or total > best[0]:
            best = (total, row, off)
    assert best is not None  # noqa: S101 - the loop runs
    _, row, off = best
    return [(int(r), float(left), h) for r, left, h, d in zip(row, x, hits, off, strict=True) if d < 7]


def column_of(
    left: float, bounds: tuple[float, ...], px_per_mm: float, columns: int, behind: float = 0.0
) -> int | None:
    """Column at whose left edge a name stands: up to 6 mm before it, or within the first half of the column.

    Parameters
    ----------
    left : float
        Left edge of the name in pixels.
    bounds : tuple of float
        Left edges of the columns and the right edge of the last.
    px_per_mm : float
    columns : int
        Columns of this line: 1 for a strip, which runs through all bounds.
    behind : float
        How far behind the edge the page's names stand, in pixels; if they do, 6 mm about that count.

    Returns
    -------
    int or None
    """
    for k in range(columns):
        width = (bounds[-1] - bounds[0]) / columns if columns == 1 else bounds[k + 1] - bounds[k]
        after = left - bounds[k] - behind
        if -6 * px_per_mm <= after <= (6 * px_per_mm if behind else min(0.5 * width, 18 * px_per_mm)):
            return k
    return None


def name_offset(layout: PageLayout, bounds: tuple[float, ...], places: Sequence[Placed], px_per_mm: float) -> float:
    """How far behind the start of its stretch every name of the page stands, in pixels; 0 where they begin with it.

    Some devices centre names over their stretch or print them at a fixed distance; that distance is the page's, and
    names tell it together.

    Parameters
    ----------
    layout : PageLayout
    bounds : tuple of float
        Left edges of the columns and the right edge of the last.
    places : sequence of Placed
    px_per_mm : float

    Returns
    -------
    float
    """
    short, columns = layout.shape
    width = min(b - a for a, b in pairwise(bounds))

    def met(behind: float) -> float:
        surest: dict[tuple[int, int], float] = {}
        for row, left, hit in places:
            cell = column_of(left, bounds, px_per_mm, columns if row < short else 1, behind)
            if cell is not None:
                surest[(row, cell)] = max(surest.get((row, cell), 0.0), hit.confidence)
        return sum(surest.values())

    at_start = met(0.0)
    if sum(hit.confidence for _, _, hit in places) < at_start + _MORE_NAMES:
        return 0.0  # all names together are too few
    offsets = np.arange(8 * px_per_mm, min(_BEHIND_MM * px_per_mm, _BEHIND_SHARE * width), px_per_mm)
    found = [met(float(o)) for o in offsets]
    if not found or max(found) < at_start + _MORE_NAMES:
        return 0.0
    best = np.flatnonzero(np.array(found) > max(found) - 1e-9)
    return float(offsets[best].mean())


def names_by_place(
    layout: PageLayout, bounds: tuple[float, ...], places: Sequence[Placed], px_per_mm: float, behind: float
) -> NamesRead:
    """Gather the names by the place that they stand in.

    Parameters
    ----------
    layout : PageLayout
    bounds : tuple of float
        Left edges of the columns and the right edge of the last.
    places : sequence of Placed
    px_per_mm : float
    behind : float
        As `name_offset` has it.

    Returns
    -------
    NamesRead
    """
    short, columns = layout.shape
    upside_down = any("-aVR" in line for line in layout.rows)
    read: NamesRead = {}
    for row, left, hit in places:
        c = column_of(left, bounds, px_per_mm, columns if row < short else 1, behind)
        if c is not None:
            found = read.setdefault((row, c), {})
            # The sign before -aVR is short and faint: where the layout has it, a name without it is the same.
            name = "-aVR" if hit.text == "aVR" and upside_down else hit.text
            found[name] = max(found.get(name, 0.0), hit.confidence)
    return read


def contradictions(layout: PageLayout, read: NamesRead) -> tuple[str, ...]:
    """List the places where one name was read with certainty and another lead was taken.

    Parameters
    ----------
    layout : PageLayout
        With the leads as taken.
    read : NamesRead

    Returns
    -------
    tuple of str
        One sentence a place.
    """
    found = []
    for (r, c), names in read.items():
        if r >= len(layout.rows):
            continue  # a strip's lead is checked against the short leads
        taken, name = layout.rows[r][c], max(names, key=lambda n: names[n])
        if taken not in names and names[name] > 0.9:
            found.append(f"the name {name} stands where {taken} was taken")
    return tuple(found)


def leads_by_name(
    layout: PageLayout, read: NamesRead, order: str = "standard"
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...], int, tuple[str, ...]]:
    """Give every place its lead: by name where one was read, by standard order where that leaves no doubt.

    Parameters
    ----------
    layout : PageLayout
        In a customary order.
    read : NamesRead
    order : str
        What this order is called where it is assumed.

    Returns
    -------
    rows : tuple of tuple of str
    strips : tuple of str
    named : int
        Places whose lead was read.
    assumed : tuple of str
        What the page does not say.
    """
    short, columns = layout.shape
    chosen = _assigned(layout, read)
    missing = [lead for cell, lead in chosen.items() if lead not in read.get(cell, {})]
    strips, unnamed = [], []
    for k, lead in enumerate(layout.rhythm):
        seen = read.get((short + k, 0), {})
        strips.append(max(seen, key=lambda n: seen[n]) if seen else lead)
        unnamed += [] if seen else [lead]
    assumed = []
    if missing:
        assumed.append(
            f"{order} lead order" if len(missing) == len(chosen) else f"{order} place of {', '.join(missing)}"
        )
    if unnamed:
        assumed.append(f"rhythm strip {', '.join(unnamed)}")
    rows = tuple(tuple(chosen[(r, c)] for c in range(columns)) for r in range(short))
    named = len(chosen) - len(missing) + len(strips) - len(unnamed)
    return rows, tuple(strips), named, tuple(assumed)


def _assigned(layout: PageLayout, read: NamesRead) -> dict[tuple[int, int], str]:
    """Give each place its lead, each lead once: the assignment that agrees best with the names read."""
    from scipy.optimize import linear_sum_assignment

    short, columns = layout.shape
    cells = [(r, c) for r in range(short) for c in range(columns)]
    standard = [lead for row in layout.rows for lead in row]
    if len(cells) < _CUSTOM or (columns == 1 and _others(cells, standard, read)):
        return _free(cells, standard, read)
    # Extra leads are rare, and their long names hard to mistake: one is believed when it was read with certainty.
    extra = sorted({n for cell in cells for n, sure in read.get(cell, {}).items() if sure > 0.8} - set(standard))
    leads = standard + extra
    gain = np.zeros((len(cells), len(leads)))
    for i, cell in enumerate(cells):
        for j, lead in enumerate(leads):
            gain[i, j] = read.get(cell, {}).get(lead, 0.0) + (0.05 if standard[i] == lead else 0.0)
    _, order = linear_sum_assignment(-gain)
    for moved in _exchanges(order, len(cells)):
        # Leads change places in rings. A ring is believed where its names were read surely, all but a quarter of them,
        # and outweigh the standard order; otherwise its leads stay where they are by custom.
        sure = sum(gain[i, order[i]] >= _SURE for i in moved)
        better = sum(gain[i, order[i]] - gain[i, i] for i in moved)
        if better < _PERMUTED or sure < len(moved) - len(moved) // 4:
            order[moved] = moved
    return {cell: leads[j] for cell, j in zip(cells, order, strict=True)}


def _others(cells: Sequence[tuple[int, int]], standard: Sequence[str], read: NamesRead) -> bool:
    """Whether most names of a few single leads are not those of the customary order: then any may stand there."""
    kept = sum(lead in read.get(cell, {}) for cell, lead in zip(cells, standard, strict=True))
    return len(cells) < len(LEADS) and 2 * kept < sum(cell in read for cell in cells)


def _free(cells: Sequence[tuple[int, int]], standard: Sequence[str], read: NamesRead) -> dict[tuple[int, int], str]:
    """Give each place the lead that is printed there, and the others leads in their order that are printed nowhere."""
    chosen = {cell: max(read[cell], key=lambda n: read[cell][n]) for cell in cells if read.get(cell)}
    for cell, lead in zip(cells, standard, strict=True):
        if cell not in chosen:
            left = (name for name in (lead, *standard, *LEADS) if name not in chosen.values())
            chosen[cell] = next(left, lead)
    return {cell: chosen[cell] for cell in cells}


def _exchanges(order: NDArray[np.int64], n: int) -> list[list[int]]:
    """Rings in which leads change places: cells whose lead stands in the next one by custom."""
    rings, left = [], {i for i in range(n) if order[i] != i}
    while left:
        # Begin with a cell whose own lead stands nowhere, where an extra lead has taken a place; else anywhere.
        taken = {int(order[i]) for i in left}
        start = next((i for i in sorted(left) if i not in taken), min(left))
        ring = [start]
        left.discard(start)
        while int(order[ring[-1]]) in left:
            ring.append(int(order[ring[-1]]))
            left.discard(ring[-1])
        rings.append(ring)
    return rings
