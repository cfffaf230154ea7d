"""The signals on ECG paper, as SVG: sharp at any zoom, 1 mm squares, 25 mm/s and 10 mm/mV as in the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecg.paper import DEFAULT_GAIN_MM_PER_MV, DEFAULT_SPEED_MM_PER_S
from ecg.record import ECGRecord, select
from einthoven.report.chart import GRID_MM, Cell, Chart, plan_charts

__all__ = ["MOST_SAMPLES_PER_MM", "paper_svgs"]

#: A trace keeps the extremes of so many stretches a millimetre: finer than a pixel at six-fold zoom of a wide screen.
MOST_SAMPLES_PER_MM = 10
_PAPER, _MINOR, _MAJOR, _INK = "#FFF9F8", "#F6D6D2", "#E4A098", "#191919"
#: Millimetres of paper around the traces.
_MARGIN_MM = 2.0


def paper_svgs(record: ECGRecord, leads: Sequence[str] = ()) -> tuple[str, ...]:
    """Draw the leads of a record on ECG paper.

    Parameters
    ----------
    record : ECGRecord
    leads : sequence of str
        Only these; all without it.

    Returns
    -------
    tuple of str
        One SVG a sheet, in the arrangement of the report (`einthoven.report.chart.plan_charts`); empty where no lead
        has a sample. Each has a title for screen readers.
    """
    shown = select(record, leads) if leads else record
    return tuple(_sheet(shown, chart) for chart in plan_charts(shown))


def _sheet(record: ECGRecord, chart: Chart) -> str:
    left, top, right, bottom = GRID_MM
    if len(chart.rows_mm) <= 2:  # a lead or two alone need no whole sheet
        reach = 25.0
        top = max(top, min(chart.rows_mm) - reach)
        bottom = min(bottom, max(chart.rows_mm) + reach)
    x, y = left - _MARGIN_MM, top - _MARGIN_MM
    width, height = right - left + 2 * _MARGIN_MM, bottom - top + 2 * _MARGIN_MM
    leads = ", ".join(dict.fromkeys(cell.lead for cell in chart.cells))
    unit = "SD" if record.meta.get("units") == "NU" else "mV"
    told = f"{DEFAULT_SPEED_MM_PER_S:g} mm/s, {DEFAULT_GAIN_MM_PER_MV:g} mm/{unit}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:g} {y:g} {width:g} {height:g}" role="img">',
        f"<title>ECG paper, {told}; leads {_escaped(leads)}</title>",
        _grid((left, top, right, bottom)),
        f'<g fill="none" stroke="{_INK}" stroke-width="0.25" stroke-linejoin="round" stroke-linecap="round">',
        *(f'<path d="{_pulse(level)}"/>' for level in chart.rows_mm),
        *(f'<path d="{d}"/>' for cell in chart.cells if (d := _path(record, cell))),
        "</g>",
        f'<g font-family="sans-serif" font-size="3.6" font-weight="bold" fill="{_INK}">',
        *(f'<text x="{c.x_mm + 1:.2f}" y="{c.y_mm - 10.5:.2f}">{_escaped(c.lead)}</text>' for c in chart.cells),
        f'<text x="{left + 1:g}" y="{bottom - 1:g}" font-size="3" font-weight="normal">{told}</text>',
        "</g></svg>",
    ]
    return "".join(parts)


def _grid(box: tuple[float, float, float, float]) -> str:
    left, top, right, bottom = box
    drawn = [f'<rect x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" fill="{_PAPER}"/>']
    for step, width, colour in ((1.0, 0.08, _MINOR), (5.0, 0.18, _MAJOR)):
        down = "".join(f"M{v:g} {top:g}V{bottom:g}" for v in np.arange(left, right + 1e-6, step))
        across = "".join(f"M{left:g} {v:g}H{right:g}" for v in np.arange(top, bottom + 1e-6, step))
        drawn.append(f'<path d="{down}{across}" stroke="{colour}" stroke-width="{width}" fill="none"/>')
    return "".join(drawn)


def _pulse(level: float) -> str:
    """Calibration pulse of 1 mV and 0.2 s before a row, where the report has it."""
    x = GRID_MM[0] + 2.5
    return f"M{x:g} {level:g}h1.5v-{DEFAULT_GAIN_MM_PER_MV:g}h5v{DEFAULT_GAIN_MM_PER_MV:g}h1.5"


def _path(record: ECGRecord, cell: Cell) -> str:
    """Path of a cell in mm around its median level, one stroke a stretch without a gap."""
    first, last = round(cell.start_s * record.fs), round(cell.stop_s * record.fs)
    mv = record[cell.lead][first:last].astype(np.float64)
    there = np.flatnonzero(np.isfinite(mv))
    if there.size < 2:
        return ""
    x = cell.x_mm + np.arange(mv.size) / record.fs * DEFAULT_SPEED_MM_PER_S
    y = cell.y_mm - (mv - np.median(mv[there])) * DEFAULT_GAIN_MM_PER_MV
    step = max(1, int(record.fs / DEFAULT_SPEED_MM_PER_S / MOST_SAMPLES_PER_MM * 2))
    strokes = []
    for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
        kept = run if step == 1 else _extremes(run, y, step)
        points = " ".join(f"{x[k]:.2f} {y[k]:.2f}" for k in kept)
        strokes.append(f"M{points}")
    return "".join(strokes)


def _extremes(run: np.ndarray, y: np.ndarray, step: int) -> list[int]:
    """Keep the lowest and highest sample of every stretch, so that no peak is lost."""
    kept = {int(run[0]), int(run[-1])}
    for first in range(0, run.size, step):
        part = run[first : first + step]
        kept |= {int(part[np.argmin(y[part])]), int(part[np.argmax(y[part])])}
    return sorted(kept)


def _escaped(text: str) -> str:
    from html import escape

    return escape(text, quote=True)
