"""Which lead stands in each place of a layout, by the names read there and by custom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg import PageLayout

__all__ = ["NamesRead", "contradictions", "leads_by_name"]

#: Names read in each place, (row, column), with their confidence; rhythm strips have column 0.
NamesRead = dict[tuple[int, int], dict[str, float]]

#: Confidence of names, summed over a ring of leads that changed places, by which it must beat the standard order.
_PERMUTED = 1.0

#: Confidence of a name that was read surely. Chosen on the four-class pages: of the 8 on which misread names had moved
#: leads, every ring held a name below this or none at all, though single misread names reached 0.98.
_SURE = 0.75


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
    layout: PageLayout, read: NamesRead
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...], int, tuple[str, ...]]:
    """Give every place its lead: by name where one was read, by standard order where that leaves no doubt.

    Parameters
    ----------
    layout : PageLayout
        In standard order.
    read : NamesRead

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
            "standard lead order" if len(missing) == len(chosen) else f"standard place of {', '.join(missing)}"
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
