"""Columns and strips of a vector page's rows, told by names, breaks, the limb leads' algebra, or jumps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitize.vector.traces import Line, Row
from ecg import LAYOUTS, DigitizationError, PageLayout
from ecg.paper import EXTRA_LAYOUTS

__all__ = ["column_edges", "cut_row", "find_shape", "given_shape"]

Points = NDArray[np.float64]

#: Breaks of different rows nearer than this (mm) are one column edge; also the least part of a line beside an edge.
_EDGE_MM = 2.5
#: A break may stand off an equal share by this part of a column: columns of 2.4 and 2.6 s occur.
_EDGE_SHARE = 0.08
#: A gap in a lead wider than this (mm) is missing signal: 0.6 mm are 24 ms at 25 mm/s, three samples at 125 Hz.
_GAP_MM = 0.6
#: Limb leads in their places break their algebra by less than this share of their power; exact lines by 1e-4.
_ALGEBRA = 0.02
#: Sums of limb leads that are zero at every instant (Malmivuo & Plonsey, Bioelectromagnetism, 1995, chapter 15).
_ALGEBRA_TERMS = (
    {"I": 1.0, "II": -1.0, "III": 1.0},
    {"aVR": 1.0, "aVL": 1.0, "aVF": 1.0},
    {"aVR": 1.0, "I": 0.5, "II": 0.5},
)
#: Another layout must break it by this many times more.
_ALGEBRA_LEAD = 5.0


def given_shape(rows: Sequence[Row], layout: str) -> tuple[int, set[int], float]:
    """Columns, strips and certainty of a layout that a person gave.

    Parameters
    ----------
    rows : sequence of Row
    layout : str
        One of `ecg.LAYOUTS` or `ecg.paper.EXTRA_LAYOUTS`.

    Raises
    ------
    DigitizationError
        If the page has another number of lines.
    """
    given = {**LAYOUTS, **EXTRA_LAYOUTS}[layout]
    if given.n_lines != len(rows):
        raise DigitizationError(
            "layout",
            f"layout {layout} has {given.n_lines} lines of trace, the page has {len(rows)}",
            "give the layout that is printed, or none",
        )
    return given.shape[1], set(range(given.shape[0], given.n_lines)), 1.0


def find_shape(rows: Sequence[Row], by_row: Sequence[Sequence[str]], mm: float) -> tuple[int, set[int], float]:
    """Tell the columns and the strips of a page.

    Parameters
    ----------
    rows : sequence of Row
        From top to bottom.
    by_row : sequence of sequence of str
        Printed lead names of each row.
    mm : float
        Points per millimetre of paper.

    Returns
    -------
    n_columns : int
    strips : set of int
        Rows that hold one lead over the full width.
    margin : float
        How sure that is, 0 to 1.

    Raises
    ------
    DigitizationError
        If nothing tells, and no standard layout has this number of lines.
    """
    several = Counter(len(group) for group in by_row if len(group) > 1)
    if several:
        n_columns = max(several, key=lambda n: (several[n], n))
        # One name at most, and no breaks: a row with missing names still has its breaks or several names.
        strips = {r for r, g in enumerate(by_row) if len(g) <= 1 and not _breaks_at(rows[r], n_columns, mm)}
        return n_columns, strips, 1.0
    if any(by_row):
        broken = {r for r, row in enumerate(rows) if len(row.lines) > 1 and not by_row[r]}
        if not broken:
            return 1, _repeated(by_row), 1.0
    n_breaks = Counter(n for n in (2, 3, 4) for row in rows if len(row.lines) == n and _breaks_at(row, n, mm))
    if n_breaks and sum(n_breaks.values()) * 2 >= len(rows):
        n_columns = max(n_breaks, key=lambda n: (n_breaks[n], n))
        return n_columns, {r for r, row in enumerate(rows) if not _breaks_at(row, n_columns, mm)}, 1.0
    return _shape_of_standard(rows, mm)


def _repeated(by_row: Sequence[Sequence[str]]) -> set[int]:
    """Last rows of a page of single leads that repeat a lead from above: strips."""
    strips: set[int] = set()
    for r in range(len(by_row) - 1, 0, -1):
        above = {lead for group in by_row[:r] for lead in group}
        if not by_row[r] or by_row[r][0] not in above:
            break
        strips.add(r)
    return strips


def _breaks_at(row: Row, n_columns: int, mm: float) -> bool:
    """Whether new lines start where each column should; a line cut for other reasons breaks elsewhere."""
    width = (row.right - row.left) / n_columns
    reach = max(_EDGE_SHARE * width, _EDGE_MM * mm)
    starts = np.array([line.left for line in row.lines[1:]])
    return bool(all((np.abs(starts - row.left - k * width) <= reach).any() for k in range(1, n_columns)))


def _shape_of_standard(rows: Sequence[Row], mm: float) -> tuple[int, set[int], float]:
    """Find the standard layout with as many lines as the page that suits its unbroken, nameless lines best.

    Cut in the right places, the limb leads keep their algebra (II = I + III, aVR + aVL + aVF = 0, aVR = -(I + II) / 2).
    Where that tells nothing, as on a page of flat lines, the steps between one lead's level and the next's do.
    """
    fitting = [layout for layout in LAYOUTS.values() if layout.n_lines == len(rows)]
    if not fitting:
        raise DigitizationError(
            "layout",
            f"{len(rows)} unbroken lines of trace without lead names fit no layout",
            f"give one of {', '.join(LAYOUTS)}",
        )
    # A common clock for all rows, four points a millimetre: 10 ms at 25 mm/s.
    left, right = min(row.left for row in rows), max(row.right for row in rows)
    clock = np.linspace(left, right, max(16, round(4 * (right - left) / mm)))
    heights = np.array([np.interp(clock, *_vertices(row).T) for row in rows])
    broken = [_broken_algebra(heights, layout) for layout in fitting]
    order = np.argsort(broken)
    best = fitting[int(order[0])]
    margin = 1.0
    if len(fitting) > 1:
        second = float(broken[order[1]])
        if broken[order[0]] < _ALGEBRA and second > _ALGEBRA_LEAD * broken[order[0]]:
            margin = 1.0 - float(broken[order[0]]) / second
        else:
            best, margin = _by_jumps(rows, fitting, mm)
    return best.shape[1], set(range(best.shape[0], best.n_lines)), margin


def _vertices(row: Row) -> Points:
    points: Points = np.concatenate([line.points for line in row.lines])
    return points


def _broken_algebra(heights: Points, layout: PageLayout) -> float:
    """Share of the limb leads' power by which a layout's leads break their algebra; 1 where it has none together."""
    n_rows, n_columns = layout.shape
    error = power = 0.0
    for column, part in enumerate(np.array_split(heights[:n_rows], n_columns, axis=1)):
        # A twentieth off either end: edges may stand a few samples off an equal division.
        trim = part.shape[1] // 20
        part = part[:, trim : part.shape[1] - trim]
        wave = {layout.rows[r][column]: part[r] - part[r].mean() for r in range(n_rows)}
        for terms in _ALGEBRA_TERMS:
            if set(terms) <= set(wave):
                waves = [weight * wave[lead] for lead, weight in terms.items()]
                error += float(np.sum(np.sum(waves, axis=0) ** 2))
                power += float(np.sum(np.square(waves)))
    return error / power if power > 0 else 1.0


def _by_jumps(rows: Sequence[Row], fitting: Sequence[PageLayout], mm: float) -> tuple[PageLayout, float]:
    """Layout whose column edges fall on jumps of the lines, and its lead over the next."""
    scores = []
    for layout in fitting:
        n_rows, n_columns = layout.shape
        jumps = [
            _jump(row, row.left + (row.right - row.left) * k / n_columns, mm)
            for row in rows[:n_rows]
            for k in range(1, n_columns)
        ]
        scores.append(float(np.median(jumps)) if jumps else 1.0)
    order = np.argsort(scores)[::-1]
    margin = 1.0 - scores[order[1]] / max(scores[order[0]], 1e-9)
    return fitting[int(order[0])], float(np.clip(margin, 0.0, 1.0))


def _jump(row: Row, x: float, mm: float) -> float:
    """Step of a row's line at x, relative to its usual step within 5 mm either side (90th percentile)."""
    points = _vertices(row)
    step = np.abs(np.diff(points[:, 1]))
    middle = (points[:-1, 0] + points[1:, 0]) / 2
    near, around = np.abs(middle - x) <= 0.5 * mm, np.abs(middle - x) <= 5.0 * mm
    if not near.any() or not around.any():
        return 0.0
    return float(step[near].max() / (np.percentile(step[around], 90) + 0.02 * mm))


def column_edges(rows: Sequence[Row], n_columns: int, mm: float) -> tuple[float, ...]:
    """Edges of the columns from left to right. Breaks decide; an unbroken width is divided equally.

    Parameters
    ----------
    rows : sequence of Row
        Without strips.
    n_columns : int
    mm : float
        Points per millimetre of paper.
    """
    left = float(np.median([row.left for row in rows]))
    right = float(np.median([row.right for row in rows]))
    edges = [left]
    for k in range(1, n_columns):
        expected = left + (right - left) * k / n_columns
        reach = _EDGE_SHARE * (right - left) / n_columns
        starts = [
            line.left
            for row in rows
            for line in row.lines[1:]
            if abs(line.left - expected) <= max(reach, _EDGE_MM * mm)
        ]
        edges.append(float(np.median(starts)) if len(starts) * 2 > len(rows) else expected)
    return (*edges, right)


def cut_row(lines: Sequence[Line], edges: Sequence[float], mm: float) -> list[Points]:
    """Cut a row's lines at the column edges.

    Parameters
    ----------
    lines : sequence of Line
    edges : sequence of float
        From left to right, both ends included.
    mm : float
        Points per millimetre of paper.

    Returns
    -------
    list of float array [points, 2]
        Vertices of each column, x strictly increasing; a missing stretch is one vertex with y NaN.
    """
    columns: list[list[Points]] = [[] for _ in edges[1:]]
    for line in lines:
        x = line.points[:, 0]
        inner = [e for e in edges[1:-1] if line.left + _EDGE_MM * mm < e < line.right - _EDGE_MM * mm]
        # 0.01 pt: an edge that is a vertex's own x must not fall to the left of it by rounding.
        for part in np.split(line.points, np.searchsorted(x, np.array(inner) - 0.01)):
            if len(part):
                middle = (part[0, 0] + part[-1, 0]) / 2
                number = int(np.clip(np.searchsorted(edges, middle) - 1, 0, len(columns) - 1))
                columns[number].append(part)
    return [_joined(parts, mm) for parts in columns]


def _joined(parts: Sequence[Points], mm: float) -> Points:
    """Parts one after another, with strictly growing x.

    Of several vertices above each other the first and last stay: what lies between is an upright stroke (a separator
    drawn into the line), which has no duration. The last is moved by 1e-4 pt, 50 ns of signal.
    """
    joined: list[Points] = []
    for part in parts:
        if joined and part[0, 0] - joined[-1][-1, 0] > _GAP_MM * mm:
            joined.append(np.array([[(joined[-1][-1, 0] + part[0, 0]) / 2, np.nan]]))
        joined.append(part)
    if not joined:
        return np.empty((0, 2))
    points: Points = np.concatenate(joined)
    points = points[points[:, 0] >= np.maximum.accumulate(points[:, 0])]
    first = np.concatenate([[True], np.diff(points[:, 0]) > 1e-3])
    last = np.concatenate([first[1:], [True]])
    points = np.array(points[first | last], dtype=np.float64)
    behind = ~first[first | last]
    points[behind, 0] += 1e-4
    return points
