"""Which lead is which among the rows of a vector page.

Evidence in this order: printed names (from left to right within a row; they need not stand at a lead's start), breaks
between the lines of a row, and, where neither is there, the number of rows and the jumps inside unbroken lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.vector_traces import Line, Row
from ecg import LAYOUTS, LEADS, DigitizationError, PageLayout
from ecg.formats.pdf_paths import Word

__all__ = ["Arrangement", "Name", "Segment", "arrange", "lead_names", "text_runs"]

Points = NDArray[np.float64]

#: Names as carts print them, without regard to case: "aVR", "AVR", "-aVR", "Lead II", "V1:", "V4R".
_NAME = re.compile(r"(?:lead\s*|abl\.?\s*)?([-\u2212\u2013]?)(I{1,3}|aV[RLF]|V(?:[1-9]|[34]R))\s*:?", re.IGNORECASE)
_SPELLING = {lead.upper(): lead for lead in (*LEADS, "V3R", "V4R", "V7", "V8", "V9")}

#: Names are printed within this much (mm) left or right of the traces.
_NAME_REACH_MM = 25.0
#: Breaks of different rows nearer than this (mm) are one column edge; also the least part of a line beside an edge.
_EDGE_MM = 2.5
#: A break may stand off an equal share by this part of a column: columns of 2.4 and 2.6 s occur.
_EDGE_SHARE = 0.08
#: A gap in a lead wider than this (mm) is missing signal: 0.6 mm are 24 ms at 25 mm/s, three samples at 125 Hz.
_GAP_MM = 0.6


@dataclass(frozen=True)
class Name:
    """A printed lead name and the middle of its box, in points."""

    lead: str
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Segment:
    """The line of one lead: vertices x, y in points, y NaN in gaps."""

    lead: str
    row: int
    column: int
    points: Points
    strip: bool = False


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Leads of a page and how they were told.

    Parameters
    ----------
    layout : PageLayout
    segments : tuple of Segment
        Row by row from left to right, strips where they stand.
    margin : float
        0 to 1: share of the names that were printed, or lead of the best layout over the next.
    assumed, reasons : tuple of str
        What was taken for granted; what speaks against the reading.
    unnamed_strips : tuple of int
        Rows of strips whose lead is not printed and was taken from the layout.
    """

    layout: PageLayout
    segments: tuple[Segment, ...]
    margin: float
    assumed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    unnamed_strips: tuple[int, ...] = ()


def text_runs(words: Sequence[Word]) -> list[Word]:
    """Words joined to runs of writing: neighbours on a line with no more than a letter's height between them."""
    runs: list[Word] = []
    for word in sorted(words, key=lambda w: (round(w.xyxy[3]), w.xyxy[0])):
        for number, run in enumerate(runs):
            height = max(run.xyxy[3] - run.xyxy[1], word.xyxy[3] - word.xyxy[1])
            level = min(run.xyxy[3], word.xyxy[3]) - max(run.xyxy[1], word.xyxy[1]) > 0.4 * height
            if level and -0.2 * height <= word.xyxy[0] - run.xyxy[2] <= height:
                (x0, y0, x1, y1), (u0, v0, u1, v1) = run.xyxy, word.xyxy
                box = (min(x0, u0), min(y0, v0), max(x1, u1), max(y1, v1))
                runs[number] = Word(f"{run.text} {word.text}", box, run.angle_deg)
                break
        else:
            runs.append(word)
    return runs


def lead_names(runs: Sequence[Word]) -> list[Name]:
    """Lead names among runs of writing; a run that says anything else besides is none.

    Examples
    --------
    >>> [n.lead for n in lead_names([Word("AVR", (0, 0, 9, 5)), Word("Mr V1", (20, 0, 40, 5))])]
    ['aVR']
    """
    names = []
    for run in runs:
        match = _NAME.fullmatch(run.text.strip())
        if match is not None:
            lead = ("-" if match[1] else "") + _SPELLING[match[2].upper()]
            names.append(Name(lead, (run.xyxy[0] + run.xyxy[2]) / 2, (run.xyxy[1] + run.xyxy[3]) / 2))
    return names


def arrange(rows: Sequence[Row], names: Sequence[Name], mm: float, layout: str | None = None) -> Arrangement:
    """Cut rows into leads and name them.

    Parameters
    ----------
    rows : sequence of Row
        From top to bottom.
    names : sequence of Name
    mm : float
        Points per millimetre of paper.
    layout : str or None
        Name of the layout where a person gave it.

    Raises
    ------
    DigitizationError
        If the rows fit no layout, or not the one that was given.
    """
    by_row = _names_by_row(rows, names, mm)
    shape = _given_shape(rows, layout) if layout is not None else _shape(rows, by_row, mm)
    n_columns, strips, margin = shape
    short = [r for r in range(len(rows)) if r not in strips]
    edges = _column_edges([rows[r] for r in short], n_columns, mm)
    leads, assumed, reasons = _name_rows(rows, by_row, short, sorted(strips), n_columns, layout)
    unnamed = tuple(r for r in sorted(strips) if not by_row[r])
    printed = sum(min(len(by_row[r]), 1 if r in strips else n_columns) for r in range(len(rows)))
    if printed:
        margin = min(1.0, printed / (len(short) * n_columns))
    segments = []
    for r, row in enumerate(rows):
        cuts = (row.left, row.right) if r in strips else edges
        for column, points in enumerate(_cut(row.lines, cuts, mm)):
            if len(points) > 1:
                segments.append(Segment(leads[r][column], r, column, points, r in strips))
    n_strips = len(strips)
    name = f"{len(short)}x{n_columns}" + (f"+{n_strips}" if n_strips else "")
    found = PageLayout(name, tuple(leads[r] for r in short), tuple(leads[r][0] for r in sorted(strips)))
    return Arrangement(found, tuple(segments), margin, tuple(assumed), tuple(reasons), unnamed)


def _names_by_row(rows: Sequence[Row], names: Sequence[Name], mm: float) -> list[list[Name]]:
    """Names of each row from left to right. All names stand at about one height above or below their rows."""
    by_row: list[list[Name]] = [[] for _ in rows]
    levels = np.array([row.level for row in rows])
    left = min(row.left for row in rows) - _NAME_REACH_MM * mm
    right = max(row.right for row in rows) + _NAME_REACH_MM * mm
    names = [n for n in names if left <= n.x <= right]
    if not names:
        return by_row
    pitch = float(np.median(np.diff(levels))) if len(levels) > 1 else 30.0 * mm
    ys = np.array([n.y for n in names])
    best: tuple[float, ...] = ()
    for offset in np.unique(np.round((levels[:, None] - ys[None, :]).ravel(), 1)):
        if abs(offset) > pitch:
            continue
        away = np.abs(levels[:, None] - (ys + offset)[None, :])
        row_of = np.where(away.min(axis=0) <= 0.35 * pitch, away.argmin(axis=0), -1)
        groups = [[n for n, r in zip(names, row_of, strict=True) if r == number] for number in range(len(rows))]
        score = (*_fit_of_names(rows, groups, mm), -abs(float(offset)))
        if not best or score > best:
            best, by_row = score, [sorted(group, key=lambda n: n.x) for group in groups]
    return by_row


def _fit_of_names(rows: Sequence[Row], groups: Sequence[Sequence[Name]], mm: float) -> tuple[float, float]:
    """Names that found a row of their own place, and rows whose number of names suits their number of lines."""
    placed = sum(len(group) for group in groups)
    clashes = sum(abs(a.x - b.x) < 5.0 * mm for group in groups for i, a in enumerate(group) for b in group[i + 1 :])
    suits = sum(
        len(group) == len(row.lines) or (len(row.lines) == 1 and not group)
        for row, group in zip(rows, groups, strict=True)
    )
    return placed - clashes, suits


def _given_shape(rows: Sequence[Row], layout: str | None) -> tuple[int, set[int], float]:
    given = LAYOUTS[str(layout)]
    if given.n_lines != len(rows):
        raise DigitizationError(
            "layout",
            f"layout {layout} has {given.n_lines} lines of trace, the page has {len(rows)}",
            "give the layout that is printed, or none",
        )
    return given.shape[1], set(range(given.shape[0], given.n_lines)), 1.0


def _shape(rows: Sequence[Row], by_row: Sequence[Sequence[Name]], mm: float) -> tuple[int, set[int], float]:
    """Columns, rows that are strips, and how sure that is."""
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
    return _shape_by_jumps(rows, mm)


def _repeated(by_row: Sequence[Sequence[Name]]) -> set[int]:
    """Last rows of a page of single leads that repeat a lead from above: strips."""
    strips: set[int] = set()
    for r in range(len(by_row) - 1, 0, -1):
        above = {name.lead for group in by_row[:r] for name in group}
        if not by_row[r] or by_row[r][0].lead not in above:
            break
        strips.add(r)
    return strips


def _breaks_at(row: Row, n_columns: int, mm: float) -> bool:
    """Whether new lines start where each column should; a line cut for other reasons breaks elsewhere."""
    width = (row.right - row.left) / n_columns
    reach = max(_EDGE_SHARE * width, _EDGE_MM * mm)
    starts = np.array([line.left for line in row.lines[1:]])
    return bool(all((np.abs(starts - row.left - k * width) <= reach).any() for k in range(1, n_columns)))


def _shape_by_jumps(rows: Sequence[Row], mm: float) -> tuple[int, set[int], float]:
    """Layout with as many lines as the page, whose column edges fall on jumps of the unbroken lines.

    Where one lead ends and the next begins the line steps to another level; elsewhere neighbouring vertices lie close.
    """
    fitting = [layout for layout in LAYOUTS.values() if layout.n_lines == len(rows)]
    if not fitting:
        raise DigitizationError(
            "layout",
            f"{len(rows)} unbroken lines of trace without lead names fit no layout",
            f"give one of {', '.join(LAYOUTS)}",
        )
    scores = []
    for layout in fitting:
        n_rows, n_columns = layout.shape
        at = [row.left + (row.right - row.left) * k / n_columns for row in rows[:n_rows] for k in range(1, n_columns)]
        jumps = [_jump(rows[i // max(1, n_columns - 1)], x, mm) for i, x in enumerate(at)]
        scores.append(float(np.median(jumps)) if jumps else 1.0)
    order = np.argsort(scores)[::-1]
    best = fitting[int(order[0])]
    second = scores[order[1]] if len(order) > 1 else 0.0
    margin = 1.0 - second / max(scores[order[0]], 1e-9)
    return best.shape[1], set(range(best.shape[0], best.n_lines)), float(np.clip(margin, 0.0, 1.0))


def _jump(row: Row, x: float, mm: float) -> float:
    """Step of a row's line at x, relative to its usual step within 5 mm either side (90th percentile)."""
    points = row.lines[0].points
    step = np.abs(np.diff(points[:, 1]))
    middle = (points[:-1, 0] + points[1:, 0]) / 2
    near, around = np.abs(middle - x) <= 0.5 * mm, np.abs(middle - x) <= 5.0 * mm
    if not near.any() or not around.any():
        return 0.0
    return float(step[near].max() / (np.percentile(step[around], 90) + 0.02 * mm))


def _column_edges(rows: Sequence[Row], n_columns: int, mm: float) -> tuple[float, ...]:
    """Edges of the columns from left to right. Breaks decide; an unbroken width is divided equally."""
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


def _cut(lines: Sequence[Line], edges: Sequence[float], mm: float) -> list[Points]:
    """Vertices of each column of a row; a missing stretch is one vertex with y NaN."""
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


def _name_rows(
    rows: Sequence[Row],
    by_row: Sequence[Sequence[Name]],
    short: Sequence[int],
    strips: Sequence[int],
    n_columns: int,
    layout: str | None,
) -> tuple[dict[int, tuple[str, ...]], list[str], list[str]]:
    """Lead names of every row, what was assumed and what is wrong."""
    n_strips = len(strips)
    name = layout or f"{len(short)}x{n_columns}" + (f"+{n_strips}" if n_strips else "")
    standard = LAYOUTS.get(name) or LAYOUTS.get(f"{len(short)}x{n_columns}")
    leads: dict[int, tuple[str, ...]] = {}
    assumed: list[str] = []
    reasons: list[str] = []
    for position, r in enumerate(short):
        group = by_row[r]
        if len(group) == n_columns:
            leads[r] = tuple(n.lead for n in group)
            continue
        if standard is None:
            raise DigitizationError(
                "layout",
                f"{len(rows)} rows in {n_columns} columns need {n_columns} lead names in each row, found {len(group)}",
                f"give one of {', '.join(LAYOUTS)}",
            )
        leads[r] = standard.rows[position]
        if {n.lead for n in group} - set(leads[r]):
            reasons.append(f"row {r + 1} prints {', '.join(n.lead for n in group)}, not {', '.join(leads[r])}")
        if "standard lead order" not in assumed:
            assumed.append("standard lead order")
    for position, r in enumerate(strips):
        if by_row[r]:
            leads[r] = (by_row[r][0].lead,)
            continue
        usual = standard.rhythm if standard is not None and len(standard.rhythm) == n_strips else ()
        leads[r] = (usual[position] if usual else "II",)
    twice = [lead for lead, n in Counter(lead for r in short for lead in leads[r]).items() if n > 1]
    if twice:
        reasons.append(f"lead {', '.join(twice)} is printed twice among the short leads")
    return leads, assumed, reasons
