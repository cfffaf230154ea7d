"""From a record to a page: grid, traces, names, pulses, words, and the truth of where each of them stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecg import LAYOUTS, ECGRecord, LeadBox, OptionsError, Page, PageLayout
from synth.page import SynthPage, TextBox, TraceLine, lead_box, printed_record
from synth.style import PageStyle

__all__ = ["render"]

#: A calibration pulse is 1 mV high and 0.2 s wide: 10 by 5 mm at standard scale (Kligfield et al. 2007).
PULSE_MV = 1.0
PULSE_S = 0.2
_PULSE_GAP_MM = 1.0  # level line before and after the pulse, as most devices print it


@dataclass(frozen=True)
class _Segment:
    """One lead's place on the sheet."""

    lead: str
    row: int
    column: int
    x_mm: float
    baseline_mm: float
    pitch_mm: float
    start_s: float
    stop_s: float


def render(record: ECGRecord, layout: PageLayout | str | None = None, style: PageStyle | None = None) -> SynthPage:
    """Draw a record on paper.

    Parameters
    ----------
    record : ECGRecord
        Starts where the page starts; leads that it lacks, missing samples and seconds past its end stay blank.
        Points are joined by straight lines, so resample to 500 Hz first for a smooth pen.
    layout : PageLayout, str or None
        A layout, its name, or the style's own. Rows may hold any leads of the record in any order.
    style : PageStyle or None
        The default style where None.

    Returns
    -------
    SynthPage
        Undamaged: homography the identity, no steps.

    Raises
    ------
    OptionsError
        If the layout is unknown, or its rows do not fit on the sheet.

    Examples
    --------
    >>> import numpy as np
    >>> from ecg import LEADS
    >>> page = render(ECGRecord(np.zeros((12, 5000)), 500, LEADS), "3x4+1")
    >>> page.page.image.shape, len(page.boxes), page.boxes[0].lead, page.boxes[0].stop_s
    ((1654, 2339, 3), 13, 'I', 2.5)
    """
    style = style or PageStyle()
    layout = _find_layout(layout if layout is not None else style.layout)
    style = replace(style, layout=layout.name)
    record = _with_all_leads(record, layout)
    segments = _place(layout, style)
    image, origin = _blank_page(style)
    masks = np.zeros(image.shape[:2], np.uint8)
    cover = np.zeros(image.shape[:2], np.uint8)
    traces = tuple(_trace(record, segment, style) for segment in segments)
    _draw_traces(image, masks, cover, traces, style)
    texts = _draw_furniture(image, cover, segments, style)
    width, height = style.size_px
    return SynthPage(
        page=Page(image, style.dpi, f"synthetic {layout.name}"),
        record=printed_record(record, traces, (width, height), style.seconds),
        layout=layout,
        boxes=tuple(_box(trace, segment, style) for trace, segment in zip(traces, segments, strict=True)),
        masks=masks,
        homography=np.eye(3),
        steps=(),
        traces=traces,
        texts=texts,
        corners=np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5,
        scale=style.scale,
        grid_origin=origin,
        timing=style.timing,
        style=style,
    )


def _find_layout(layout: PageLayout | str) -> PageLayout:
    if isinstance(layout, PageLayout):
        return layout
    if layout not in LAYOUTS:
        raise OptionsError(f"layout must be one of {', '.join(LAYOUTS)} or a PageLayout, got {layout!r}")
    return LAYOUTS[layout]


def _with_all_leads(record: ECGRecord, layout: PageLayout) -> ECGRecord:
    """Record that also has, all NaN, the layout's leads that it lacks: they are printed as a name without a trace."""
    printed = [lead.removeprefix("-") for row in (*layout.rows, layout.rhythm) for lead in row]
    missing = tuple(dict.fromkeys(lead for lead in printed if lead not in record.leads))
    if not missing:
        return record
    signal = np.vstack([record.signal, np.full((len(missing), record.n_samples), np.nan, np.float32)])
    return replace(record, signal=signal, leads=record.leads + missing)


def _place(layout: PageLayout, style: PageStyle) -> tuple[_Segment, ...]:
    """Where each lead stands: rows share the height evenly, columns the width."""
    n_columns = max(1, layout.shape[1])
    pulse_mm = _pulse_mm(style) if style.pulse == "left" else 0.0
    left = style.margin_left_mm + pulse_mm
    right = left + style.seconds * style.speed_mm_per_s + (n_columns - 1) * style.column_gap_mm
    if right > style.paper_mm[0]:
        raise OptionsError(
            f"{style.seconds:g} s at {style.speed_mm_per_s:g} mm/s end {right:.0f} mm from the left edge, the sheet is "
            f"{style.paper_mm[0]:g} mm wide: take fewer seconds, a slower speed or a wider sheet"
        )
    pitch = (style.paper_mm[1] - style.margin_top_mm - style.margin_bottom_mm) / layout.n_lines
    if not pitch > 0:
        raise OptionsError(f"the margins leave no height for {layout.n_lines} rows on {style.paper_mm[1]:g} mm")
    each_s = style.seconds / n_columns
    segments = []
    for row, leads in enumerate(layout.rows + tuple((lead,) for lead in layout.rhythm)):
        # R waves rise higher than S waves fall: the line of 0 mV lies a little below the middle of its band.
        baseline = style.margin_top_mm + (row + 0.56) * pitch
        for column, lead in enumerate(leads):
            x = left + column * (each_s * style.speed_mm_per_s + style.column_gap_mm)
            strip = row >= len(layout.rows)
            start = 0.0 if strip or style.timing == "simultaneous" else column * each_s
            stop = style.seconds if strip else start + each_s
            segments.append(_Segment(lead, row, column, x, baseline, pitch, start, stop))
    return tuple(segments)


def _pulse_mm(style: PageStyle) -> float:
    return PULSE_S * style.speed_mm_per_s + 2 * _PULSE_GAP_MM


def _blank_page(style: PageStyle) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Paper with its grid, and a crossing of strong lines in pixels."""
    from synth.stroke import line_coverage, paint_grid

    width, height = style.size_px
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.tile(np.array(style.paper_rgb, np.uint8), (width, 1))  # by rows: five times as fast as by pixels
    origin = _px(style.grid_phase_mm[0], style), _px(style.grid_phase_mm[1], style)
    if not style.grid:
        return image, origin
    k = style.scale.px_per_mm_x
    margin = round(style.grid_margin_mm * k)
    # The margin ends on whole pixels; lines outside it are cut off with it.
    inner = image[margin : height - margin, margin : width - margin]
    lines = []
    for step_mm, line_mm in ((1.0, style.minor_width_mm), (5.0, style.major_width_mm)):
        both = []
        for size, phase in zip((width, height), style.grid_phase_mm, strict=True):
            first = phase % step_mm - step_mm
            at = np.arange(first, size / k + step_mm, step_mm) * k - 0.5
            both.append(line_coverage(size, at, line_mm * k)[margin : size - margin])
        lines.append((both[0], both[1]))
    paint_grid(inner, lines[0], lines[1], (style.paper_rgb, style.minor_rgb, style.major_rgb))
    return image, origin


def _px(mm: float, style: PageStyle) -> float:
    """Millimetres from the sheet's edge to pixels; whole pixels are centres, so the edge is at -0.5."""
    return mm * style.scale.px_per_mm_x - 0.5


def _trace(record: ECGRecord, segment: _Segment, style: PageStyle) -> TraceLine:
    """Middle of one lead's ink, a point a sample."""
    first = round(segment.start_s * record.fs)
    last = min(round(segment.stop_s * record.fs), record.n_samples)
    sign = -1.0 if segment.lead.startswith("-") else 1.0
    mv = sign * record[segment.lead.removeprefix("-")][first:last].astype(np.float64)
    left, level = _px(segment.x_mm, style), _px(segment.baseline_mm, style)
    right = left + (segment.stop_s - segment.start_s) * style.scale.px_per_s
    return TraceLine(
        lead=segment.lead,
        row=segment.row,
        column=segment.column,
        first=first,
        x=left + (np.arange(first, first + mv.size) / record.fs - segment.start_s) * style.scale.px_per_s,
        y=level - mv * style.scale.px_per_mv,
        baseline=np.array([[left, level], [right, level]]),
    )


def _box(trace: TraceLine, segment: _Segment, style: PageStyle) -> LeadBox:
    return lead_box(trace, (segment.start_s, segment.stop_s), style.trace_width_mm * style.scale.px_per_mm_y)


def _draw_traces(
    image: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    cover: NDArray[np.uint8],
    traces: tuple[TraceLine, ...],
    style: PageStyle,
) -> None:
    from synth.stroke import blend, stroke

    width_px = style.trace_width_mm * style.scale.px_per_mm_y
    for index, trace in enumerate(traces, start=1):
        if np.isfinite(trace.y).any():
            stroke(cover, trace.x, trace.y, width_px)
            blend(image, masks, cover, _around(trace.x, trace.y, width_px, masks.shape), style.trace_rgb, index)


def _around(
    x: NDArray[np.float64], y: NDArray[np.float64], width_px: float, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Whole pixels that a polyline's ink can reach, within the picture."""
    pad = width_px / 2 + 1
    left, right = np.clip([np.nanmin(x) - pad, np.nanmax(x) + pad + 1], 0, shape[1])
    top, bottom = np.clip([np.nanmin(y) - pad, np.nanmax(y) + pad + 1], 0, shape[0])
    return int(left), int(top), math.ceil(right), math.ceil(bottom)


def _draw_furniture(
    image: NDArray[np.uint8], cover: NDArray[np.uint8], segments: tuple[_Segment, ...], style: PageStyle
) -> tuple[TextBox, ...]:
    """Pulses, separators, names and lines of text."""
    texts: list[TextBox] = []
    if style.pulse == "left":
        first_of_row = {segment.row: segment for segment in reversed(segments)}
        texts += [_draw_pulse(image, cover, first_of_row[row], style) for row in sorted(first_of_row)]
    if style.separator == "tick":
        texts += _draw_ticks(image, cover, segments, style)
    if style.names != "none":
        texts += [_draw_name(image, segment, style) for segment in segments]
    if style.scale_text:
        words = f"{style.speed_mm_per_s:g} mm/s  {style.gain_mm_per_mv:g} mm/mV"
        # A third of the bottom margin up, clear of the last row.
        baseline_mm = style.paper_mm[1] - style.margin_bottom_mm / 3
        texts.append(_draw_word(image, "scale", words, (style.margin_left_mm + 12.0, baseline_mm), style))
    for line, words in enumerate(style.header):
        at = (style.margin_left_mm + 3.0, 9.0 + 1.5 * style.name_mm * line)
        texts.append(_draw_word(image, "header", words, at, style))
    return tuple(texts)


def _draw_pulse(image: NDArray[np.uint8], cover: NDArray[np.uint8], segment: _Segment, style: PageStyle) -> TextBox:
    from synth.stroke import blend, stroke

    k, width_px = style.scale.px_per_mm_x, style.trace_width_mm * style.scale.px_per_mm_y
    left, level = _px(segment.x_mm - _pulse_mm(style), style), _px(segment.baseline_mm, style)
    up, down = left + _PULSE_GAP_MM * k, left + _PULSE_GAP_MM * k + PULSE_S * style.scale.px_per_s
    top = level - PULSE_MV * style.scale.px_per_mv
    x = np.array([left, up, up, down, down, _px(segment.x_mm, style)])
    y = np.array([level, level, top, top, level, level])
    stroke(cover, x, y, width_px)
    blend(image, cover, cover, _around(x, y, width_px, cover.shape), style.trace_rgb)
    h = width_px / 2
    return TextBox("pulse", f"{PULSE_MV:g} mV", _quad(up - h, top - h, down + h, level + h))


def _draw_ticks(
    image: NDArray[np.uint8], cover: NDArray[np.uint8], segments: tuple[_Segment, ...], style: PageStyle
) -> list[TextBox]:
    """Short upright lines, 7 mm high and twice the pen wide, where a column follows another."""
    from synth.stroke import blend, stroke

    width_px, ticks = 2 * style.trace_width_mm * style.scale.px_per_mm_x, []
    for segment in segments:
        if segment.column > 0:
            middle = _px(segment.x_mm - style.column_gap_mm / 2, style)
            top, bottom = _px(segment.baseline_mm - 3.5, style), _px(segment.baseline_mm + 3.5, style)
            x, y, h = np.full(2, middle), np.array([top, bottom]), width_px / 2
            stroke(cover, x, y, width_px)
            blend(image, cover, cover, _around(x, y, width_px, cover.shape), style.trace_rgb)
            ticks.append(TextBox("separator", "", _quad(middle - h, top - h, middle + h, bottom + h)))
    return ticks


def _quad(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _draw_name(image: NDArray[np.uint8], segment: _Segment, style: PageStyle) -> TextBox:
    # Below: the capitals' feet 7.5 mm under the line; above: 6.5 mm over it, where P waves do not reach; both nearer
    # where rows stand closer than 18 mm, so that a name is nearer to its own line than to the next. On: astride.
    near = min(1.0, segment.pitch_mm / 18.0)
    drop: Mapping[str, float] = {"below": 7.5 * near, "above": -6.5 * near, "on": 0.36 * style.name_mm}
    at = (segment.x_mm + 0.8, segment.baseline_mm + drop[style.names])
    name = segment.lead.replace("-", "\N{MINUS SIGN}")
    box = _draw_word(image, "lead", name, at, style)
    return replace(box, text=segment.lead)


def _draw_word(
    image: NDArray[np.uint8], role: str, words: str, at_mm: tuple[float, float], style: PageStyle
) -> TextBox:
    """Word whose left edge and baseline stand at a point of the sheet."""
    from synth.text import draw_text, text_ink

    em_px = max(6, round(style.name_mm * style.scale.px_per_mm_y))
    ink, top = text_ink(words, em_px, style.name_bold and role == "lead")
    # DejaVu's ascender, from the top of the line to the baseline, is 0.928 em (its hhea table: 1901 of 2048 units).
    left_px = round(_px(at_mm[0], style))
    top_px = round(_px(at_mm[1], style) - 0.928 * em_px) + top
    return TextBox(role, words, draw_text(image, ink, left_px, top_px, style.text_rgb))  # type: ignore[arg-type]
