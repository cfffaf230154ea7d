"""Where each lead stands on the sheet."""

from __future__ import annotations

from dataclasses import dataclass

from ecg import OptionsError, PageLayout
from synth.style import PageStyle

__all__ = ["PULSE_MV", "PULSE_S", "Segment", "place_leads", "pulse_mm", "to_px"]

#: A calibration pulse is 1 mV high and 0.2 s wide: 10 by 5 mm at standard scale (Kligfield et al. 2007).
PULSE_MV = 1.0
PULSE_S = 0.2

#: Share of a row's band above the line of 0 mV: R waves rise higher than S waves fall.
_LEVEL = 0.56


@dataclass(frozen=True)
class Segment:
    """One lead's place on the sheet.

    Parameters
    ----------
    lead : str
        As the layout has it.
    row, column : int
    x_mm, baseline_mm : float
        Left end of the line of 0 mV, from the sheet's left and top edge.
    pitch_mm : float
        From row to row.
    start_s, stop_s : float
        Seconds of the record that stand there.
    gain_mm_per_mv : float
    """

    lead: str
    row: int
    column: int
    x_mm: float
    baseline_mm: float
    pitch_mm: float
    start_s: float
    stop_s: float
    gain_mm_per_mv: float


def to_px(mm: float, style: PageStyle) -> float:
    """Millimetres from the sheet's edge to pixels; whole pixels are centres, so the edge is at -0.5."""
    return mm * style.scale.px_per_mm_x - 0.5


def pulse_mm(style: PageStyle) -> float:
    """Width of a calibration pulse with its level ends."""
    return PULSE_S * style.speed_mm_per_s + 2 * style.pulse_gap_mm


def place_leads(layout: PageLayout, style: PageStyle) -> tuple[Segment, ...]:
    """Place the leads of a layout: rows share the height evenly or lie a fixed pitch apart, columns share the width.

    Parameters
    ----------
    layout : PageLayout
    style : PageStyle

    Returns
    -------
    tuple of Segment
        Row by row, strips last.

    Raises
    ------
    OptionsError
        If the rows do not fit on the sheet.
    """
    n_columns = max(1, layout.shape[1])
    left = style.margin_left_mm + (pulse_mm(style) if style.pulse == "left" else 0.0)
    right = left + style.seconds * style.speed_mm_per_s + (n_columns - 1) * style.column_gap_mm
    right += pulse_mm(style) if style.pulse == "right" else 0.0
    if right > style.paper_mm[0]:
        raise OptionsError(
            f"{style.seconds:g} s at {style.speed_mm_per_s:g} mm/s end {right:.0f} mm from the left edge, the sheet is "
            f"{style.paper_mm[0]:g} mm wide: take fewer seconds, a slower speed or a wider sheet"
        )
    pitch, each_s = _pitch(layout, style), style.seconds / n_columns
    segments = []
    for row, leads in enumerate(layout.rows + tuple((lead,) for lead in layout.rhythm)):
        baseline, strip = style.margin_top_mm + (row + _LEVEL) * pitch, row >= len(layout.rows)
        for column, lead in enumerate(leads):
            x = left + column * (each_s * style.speed_mm_per_s + style.column_gap_mm)
            start = 0.0 if strip or style.timing == "simultaneous" else column * each_s
            stop = style.seconds if strip else start + each_s
            gain = style.gain_of(lead)
            segments.append(Segment(lead, row, column, x, baseline, pitch, start, stop, gain))
    return tuple(segments)


def _pitch(layout: PageLayout, style: PageStyle) -> float:
    room = style.paper_mm[1] - style.margin_top_mm - style.margin_bottom_mm
    pitch = room / layout.n_lines if style.row_pitch_mm is None else style.row_pitch_mm
    if not (room > 0 and pitch * layout.n_lines <= room + 1e-6):
        raise OptionsError(
            f"the margins leave no height for {layout.n_lines} rows on {style.paper_mm[1]:g} mm: take smaller margins, "
            "a smaller row_pitch_mm or a higher sheet"
        )
    return pitch
