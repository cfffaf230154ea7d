"""Leads on ECG paper at true scale: 25 mm a second, 10 mm a millivolt, on A4.

What goes where is planned apart from drawing it, so that the plan can be tested and every sample of a record is seen
to be on paper. The rows are those of recorders (AHA/ACCF/HRS part I, Kligfield et al., Circulation 2007;115:1306-1324).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.paper import DEFAULT_GAIN_MM_PER_MV, DEFAULT_SPEED_MM_PER_S, LAYOUTS
from ecg.record import LEADS, ECGRecord
from einthoven.report.paper import GREY, INK, small

__all__ = ["GRID_MM", "SHOWN_S", "Cell", "Chart", "draw_chart", "leaves_grid", "plan_charts"]

#: First and last second of each lead.
_Spans = Mapping[str, tuple[float, float]]

#: Left, top, right, bottom of the grid on A4 landscape in mm: 54 x 32 squares of 5 mm.
GRID_MM = (13.5, 28.0, 283.5, 188.0)
#: Where the traces begin: the pulse of 5 mm stands before them.
_START_MM = GRID_MM[0] + 15.0
#: Seconds that a sheet is long.
SHOWN_S = 10.0
#: Rows of the sheets on which every lead has its whole length.
_FULL_ROWS = 6
#: A lead that is this much longer than its column's share runs below as a strip.
_STRIP_RATIO = 1.5
_MINOR_RGB, _MAJOR_RGB = (246, 214, 210), (228, 160, 152)
#: Recorders' pens are 0.2 to 0.5 mm wide; the grid's lines are thinner.
_PEN_MM, _MINOR_MM, _MAJOR_MM = 0.25, 0.08, 0.18


@dataclass(frozen=True)
class Cell:
    """One stretch of one lead on a sheet.

    Parameters
    ----------
    lead : str
    start_s, stop_s : float
        What it shows of the record.
    x_mm, y_mm : float
        Where ``start_s`` and the lead's middle level are, from the sheet's top left corner.
    """

    lead: str
    start_s: float
    stop_s: float
    x_mm: float
    y_mm: float


@dataclass(frozen=True)
class Chart:
    """One sheet: its cells and the rows that begin with a calibration pulse."""

    cells: tuple[Cell, ...]
    rows_mm: tuple[float, ...]


def plan_charts(record: ECGRecord) -> tuple[Chart, ...]:
    """Place a record's leads on sheets.

    Leads of up to 2.5 s stand in four columns with the longer ones as strips below, up to 5 s in two columns; longer
    ones in rows of 10 s, six a sheet. A longer record shows its first 10 s of signal.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    tuple of Chart
        Empty where no lead has a sample.
    """
    spans = {lead: _span(record, lead) for lead in record.leads}
    there = {lead: span for lead, span in spans.items() if span is not None}
    usual = [lead for lead in LEADS if lead in there]
    if not there:
        return ()
    typical = float(np.median([there[lead][1] - there[lead][0] for lead in usual])) if usual else SHOWN_S
    for layout, column_s in (("3x4", 2.5), ("6x2", 5.0)):
        if len(usual) > 1 and typical <= column_s * 1.04:  # a column may be a few samples longer than its share
            rest = [lead for lead in there if lead not in usual]
            return (_columns(record, LAYOUTS[layout].rows, there, column_s), *_rows(record, rest, there))
    return _rows(record, [*usual, *(lead for lead in there if lead not in usual)], there)


def _span(record: ECGRecord, lead: str) -> tuple[float, float] | None:
    """First and last moment at which a lead is there, in seconds."""
    at = np.flatnonzero(np.isfinite(record[lead]))
    return None if at.size == 0 else (float(at[0]) / record.fs, float(at[-1] + 1) / record.fs)


def _columns(record: ECGRecord, rows: Sequence[Sequence[str]], spans: _Spans, column_s: float) -> Chart:
    """Columns of short leads with strips of the long ones below."""
    strips = [lead for lead, (a, b) in spans.items() if b - a > _STRIP_RATIO * column_s and lead in LEADS][:3]
    lines: list[list[Cell]] = []
    for row in rows:
        line = []
        for column, lead in enumerate(row):
            if lead in spans:
                start = _start(spans[lead], column * column_s, column_s)
                stop = min(start + column_s, spans[lead][1])
                x = _START_MM + column * column_s * DEFAULT_SPEED_MM_PER_S
                line.append(Cell(lead, start, stop, x, 0.0))
        lines.append(line)
    for lead in strips:
        start, stop = spans[lead]
        lines.append([Cell(lead, start, min(stop, start + SHOWN_S), _START_MM, 0.0)])
    return _levelled(record, lines)


def _start(span: tuple[float, float], wanted_s: float, length_s: float) -> float:
    """Start of what a column shows: its own time where the lead is there then, else where the lead begins."""
    inside = min(span[1], wanted_s + length_s) - max(span[0], wanted_s)
    return max(span[0], wanted_s) if inside >= 0.5 * length_s else span[0]


def _rows(record: ECGRecord, leads: Sequence[str], spans: _Spans) -> tuple[Chart, ...]:
    """Leads below each other, each with up to 10 s, all from the same moment."""
    begin = min((spans[lead][0] for lead in leads), default=0.0)
    charts = []
    for first in range(0, len(leads), _FULL_ROWS):
        lines = []
        for lead in leads[first : first + _FULL_ROWS]:
            start = spans[lead][0] if spans[lead][0] >= begin + SHOWN_S else begin
            stop = min(spans[lead][1], start + SHOWN_S)
            lines.append([Cell(lead, start, stop, _START_MM, 0.0)])
        charts.append(_levelled(record, lines))
    return tuple(charts)


def _levelled(record: ECGRecord, lines: Sequence[Sequence[Cell]]) -> Chart:
    """Give every row its level, so that tall leads get the room of small ones and none leaves the grid if it can."""
    up, down = np.array([_reach_mm(record, line) for line in lines]).T
    height = GRID_MM[3] - GRID_MM[1]
    needs = np.append(up, 0.0) + np.append(0.0, down)  # from the top edge to the first row, between rows, to the edge
    spare = height - needs.sum()
    gaps = needs + spare / needs.size if spare >= 0 else needs * height / needs.sum()
    # On lines of the grid, as recorders start.
    levels = tuple(float(GRID_MM[1] + round(v)) for v in np.cumsum(gaps)[:-1])
    cells = (replace(cell, y_mm=y) for y, line in zip(levels, lines, strict=True) for cell in line)
    return Chart(tuple(cells), levels)


def _reach_mm(record: ECGRecord, line: Sequence[Cell]) -> tuple[float, float]:
    """How far a row goes above and below its level, in mm; the pulse and the name need 13."""
    up, down = 13.0, 2.0
    for cell in line:
        for run in _runs(record, replace(cell, y_mm=0.0)):
            heights = [y for _, y in run]
            up, down = max(up, -min(heights) + 1.0), max(down, max(heights) + 1.0)
    return up, down


def leaves_grid(record: ECGRecord, chart: Chart) -> bool:
    """Whether a trace of a chart is cut off at the grid's edge.

    Parameters
    ----------
    record : ECGRecord
    chart : Chart

    Returns
    -------
    bool
    """
    heights = [y for cell in chart.cells for run in _runs(record, cell) for _, y in run]
    return bool(heights) and not GRID_MM[1] <= min(heights) <= max(heights) <= GRID_MM[3]


def draw_chart(document: Any, record: ECGRecord, chart: Chart, caption: str) -> None:
    """Draw a sheet on a new landscape page.

    Parameters
    ----------
    document : fpdf.FPDF
        From `einthoven.report.paper.new_document`.
    record : ECGRecord
    chart : Chart
    caption : str
        Above the grid: what is shown.
    """
    document.add_page(orientation="landscape")
    with small(document, 8.0):
        document.text(GRID_MM[0], GRID_MM[1] - 2.5, caption)
    _draw_grid(document)
    unit = "SD" if record.meta.get("units") == "NU" else "mV"
    left, top, right, bottom = GRID_MM
    with document.local_context(), document.rect_clip(left, top, right - left, bottom - top):
        document.set_draw_color(*INK)
        with document.local_context(line_width=_PEN_MM, stroke_join_style="round", stroke_cap_style="round"):
            for y in chart.rows_mm:
                document.polyline(_pulse(y))
            for cell in chart.cells:
                for run in _runs(record, cell):
                    document.polyline(run)
    with small(document, 8.0, bold=True):
        for cell in chart.cells:
            document.text(cell.x_mm + 1.0, cell.y_mm - 10.5, cell.lead)
    _scale_line(document, unit)


def _pulse(y_mm: float) -> list[tuple[float, float]]:
    """Calibration pulse of 1 mV and 0.2 s before a row."""
    x = _START_MM - 11.0
    top = y_mm - DEFAULT_GAIN_MM_PER_MV
    return [(x - 1.5, y_mm), (x, y_mm), (x, top), (x + 5.0, top), (x + 5.0, y_mm), (x + 6.5, y_mm)]


def _runs(record: ECGRecord, cell: Cell) -> list[list[tuple[float, float]]]:
    """Points of a cell's trace in mm, one list a stretch without a gap, around the stretch's median level."""
    first, last = round(cell.start_s * record.fs), round(cell.stop_s * record.fs)
    mv: NDArray[np.float64] = record[cell.lead][first:last].astype(np.float64)
    there = np.flatnonzero(np.isfinite(mv))
    if there.size == 0:
        return []
    x = cell.x_mm + np.arange(mv.size) / record.fs * DEFAULT_SPEED_MM_PER_S
    y = cell.y_mm - (mv - np.median(mv[there])) * DEFAULT_GAIN_MM_PER_MV
    points = np.column_stack([x, y]).round(4)  # a tenth of a micrometre
    parts = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    return [[(float(a), float(b)) for a, b in points[part]] for part in parts if part.size > 1]


def _draw_grid(document: Any) -> None:
    left, top, right, bottom = GRID_MM
    for step, width, colour in ((1.0, _MINOR_MM, _MINOR_RGB), (5.0, _MAJOR_MM, _MAJOR_RGB)):
        document.set_draw_color(*colour)
        document.set_line_width(width)
        for k in range(round((right - left) / step) + 1):
            document.line(left + k * step, top, left + k * step, bottom)
        for k in range(round((bottom - top) / step) + 1):
            document.line(left, top + k * step, right, top + k * step)


def _scale_line(document: Any, unit: str) -> None:
    """Say what the paper is worth, and draw a bar to check the printer by."""
    y = GRID_MM[3] + 4.0
    with small(document, 8.0):
        document.text(GRID_MM[0], y, f"{DEFAULT_SPEED_MM_PER_S:g} mm/s   {DEFAULT_GAIN_MM_PER_MV:g} mm/{unit}")
    with small(document, 7.0, colour=GREY):
        told = "Print at actual size: this bar is 50 mm long. Each lead stands around its own median level."
        document.text(GRID_MM[0] + 105.0, y, told)
    document.set_draw_color(*INK)
    document.set_line_width(0.3)
    bar = GRID_MM[0] + 50.0
    for a, b in (((bar, y - 1), (bar + 50, y - 1)), *(((x, y - 2), (x, y)) for x in (bar, bar + 50))):
        document.line(*a, *b)
