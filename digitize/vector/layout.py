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

from digitize.vector.shape import column_edges, cut_row, find_shape, given_shape
from digitize.vector.traces import Row
from ecg import LAYOUTS, LEADS, DigitizationError, PageLayout
from ecg.formats.pdf_paths import Word

__all__ = ["Arrangement", "Name", "Segment", "arrange", "lead_names", "text_runs"]

Points = NDArray[np.float64]

#: Names as carts print them, without regard to case: "aVR", "AVR", "-aVR", "Lead II", "V1:", "V4R".
_NAME = re.compile(r"(?:lead\s*|abl\.?\s*)?([-\u2212\u2013]?)(I{1,3}|aV[RLF]|V(?:[1-9]|[34]R))\s*:?", re.IGNORECASE)
_SPELLING = {lead.upper(): lead for lead in (*LEADS, "V3R", "V4R", "V7", "V8", "V9")}

#: Names are printed within this much (mm) left or right of the traces.
_NAME_REACH_MM = 25.0
#: Costs of pairing names with rows, in parts of the rows' distance by which a pair stands off: of leaving a line of
#: names without a row and each of its names (a stray one in a header is cheap, a row's four are dear), of names that do
#: not suit a row's breaks, and of the distance itself (of two equal pairings the nearer).
_STRAY_LINE, _STRAY_NAME, _UNSUITED, _DISTANCE = 0.2, 0.15, 0.5, 0.3


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
    by_row, stray = _names_by_row(rows, names, mm)
    printed_leads = [[name.lead for name in group] for group in by_row]
    n_columns, strips, margin = given_shape(rows, layout) if layout is not None else find_shape(rows, printed_leads, mm)
    short = [r for r in range(len(rows)) if r not in strips]
    edges = column_edges([rows[r] for r in short], n_columns, mm)
    leads, assumed, reasons = _name_rows(rows, by_row, short, sorted(strips), n_columns, layout)
    if len(stray) > 1:
        reasons.append(f"no row fits the printed names {', '.join(n.lead for n in stray)}")
    unnamed = tuple(r for r in sorted(strips) if not by_row[r])
    printed = sum(min(len(by_row[r]), 1 if r in strips else n_columns) for r in range(len(rows)))
    if printed:
        margin = min(1.0, printed / (len(short) * n_columns))
    segments = []
    for r, row in enumerate(rows):
        cuts = (row.left, row.right) if r in strips else edges
        for column, points in enumerate(cut_row(row.lines, cuts, mm)):
            if len(points) > 1:
                segments.append(Segment(leads[r][column], r, column, points, r in strips))
    n_strips = len(strips)
    name = f"{len(short)}x{n_columns}" + (f"+{n_strips}" if n_strips else "")
    found = PageLayout(name, tuple(leads[r] for r in short), tuple(leads[r][0] for r in sorted(strips)))
    return Arrangement(found, tuple(segments), margin, tuple(assumed), tuple(reasons), unnamed)


def _names_by_row(rows: Sequence[Row], names: Sequence[Name], mm: float) -> tuple[list[list[Name]], list[Name]]:
    """Names of each row from left to right, and names that suit no row.

    Lines of names follow each other as the rows do, all at about one distance above or below them. For every distance
    that some name and row suggest, the cheapest pairing in order is found (dynamic programming); a row may go without
    names, a stray name in a header without a row.
    """
    left = min(row.left for row in rows) - _NAME_REACH_MM * mm
    right = max(row.right for row in rows) + _NAME_REACH_MM * mm
    lines = _lines_of_names([n for n in names if left <= n.x <= right], mm)
    levels = np.array([row.level for row in rows])
    ys = np.array([np.mean([n.y for n in line]) for line in lines])
    pitch = float(np.median(np.diff(levels))) if len(levels) > 1 else 30.0 * mm
    offsets = np.unique(np.round((levels[:, None] - ys[None, :]).ravel(), 1))
    suits = np.array([[_suits(row, line, rows) for row in rows] for line in lines]).reshape(len(lines), len(rows))
    skip = np.array([_STRAY_LINE + _STRAY_NAME * len(line) for line in lines])
    best, pairs = np.inf, {}
    for offset in offsets[np.abs(offsets) <= pitch]:
        away = np.abs(levels[None, :] - ys[:, None] - offset) / pitch
        cost, found = _in_order(np.where(away > 0.6, np.inf, away) + _UNSUITED * ~suits, skip)
        cost += _DISTANCE * abs(float(offset)) / pitch
        if cost < best:
            best, pairs = cost, found
    by_row: list[list[Name]] = [[] for _ in rows]
    for line, row in pairs.items():
        by_row[row] = lines[line]
    return by_row, [n for number, line in enumerate(lines) if number not in pairs for n in line]


def _lines_of_names(names: Sequence[Name], mm: float) -> list[list[Name]]:
    """Names at one height, from left to right; the lines from top to bottom."""
    lines: list[list[Name]] = []
    for name in sorted(names, key=lambda n: n.y):
        # 2 mm: less than the height of a letter, more than the unevenness of one line.
        if lines and name.y - lines[-1][-1].y <= 2.0 * mm:
            lines[-1].append(name)
        else:
            lines.append([name])
    return [sorted(line, key=lambda n: n.x) for line in lines]


def _suits(row: Row, line: Sequence[Name], rows: Sequence[Row]) -> bool:
    """Whether a row can have this many leads, judged by its breaks where the page draws leads apart."""
    if all(len(other.lines) == 1 for other in rows):
        return True
    return (len(line) > 1) == (len(row.lines) > 1)


def _in_order(cost: Points, skip: Points) -> tuple[float, dict[int, int]]:
    """Cheapest pairing of lines (axis 0) with rows (axis 1) that keeps both in order; lines may be skipped."""
    n_lines, n_rows = cost.shape
    total = np.zeros((n_lines + 1, n_rows + 1))
    total[1:, 0] = np.cumsum(skip)
    for i in range(1, n_lines + 1):
        for j in range(1, n_rows + 1):
            total[i, j] = min(total[i, j - 1], total[i - 1, j] + skip[i - 1], total[i - 1, j - 1] + cost[i - 1, j - 1])
    pairs: dict[int, int] = {}
    i, j = n_lines, n_rows
    while i and j:
        if total[i, j] == total[i - 1, j - 1] + cost[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs[i] = j
        elif total[i, j] == total[i, j - 1]:
            j -= 1
        else:
            i -= 1
    return float(total[n_lines, n_rows]), pairs


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
