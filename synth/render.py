"""From a record to a page: grid, traces, names, pulses, words, and the truth of where each of them stands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecg import ECGRecord, LeadBox, Page, PageLayout
from synth.blocks import draw_blocks
from synth.page import SynthPage, TextBox, TraceLine, lead_box, printed_record
from synth.render_furniture import Furniture, furniture, name_place, printed_name
from synth.render_grid import blank_page
from synth.render_place import Segment, place_leads, to_px
from synth.style import PageStyle

__all__ = ["render"]


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
        The default style where None. Where a layout is given, it replaces the style's.

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
    if isinstance(layout, PageLayout):
        style = replace(style, layout=layout.name, rows=layout.rows, rhythm=layout.rhythm)
    elif layout is not None:
        style = replace(style, layout=layout, rows=(), rhythm=())
    layout = style.page_layout
    record = _with_all_leads(record, layout)
    segments = place_leads(layout, style)
    image, origin = blank_page(style)
    masks = np.zeros(image.shape[:2], np.uint8)
    cover = np.zeros(image.shape[:2], np.uint8)
    traces = tuple(_trace(record, segment, style) for segment in segments)
    _draw_traces(image, masks, cover, traces, style)
    lines = furniture(segments, traces, style, len(layout.rows))
    _draw_furniture(image, cover, lines, style)
    texts = tuple(line.box for line in lines) + _draw_words(image, segments, style)
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


def _with_all_leads(record: ECGRecord, layout: PageLayout) -> ECGRecord:
    """Record that also has, all NaN, the layout's leads that it lacks: they are printed as a name without a trace."""
    printed = [lead.removeprefix("-") for row in (*layout.rows, layout.rhythm) for lead in row]
    missing = tuple(dict.fromkeys(lead for lead in printed if lead not in record.leads))
    if not missing:
        return record
    signal = np.vstack([record.signal, np.full((len(missing), record.n_samples), np.nan, np.float32)])
    return replace(record, signal=signal, leads=record.leads + missing)


def _trace(record: ECGRecord, segment: Segment, style: PageStyle) -> TraceLine:
    """Middle of one lead's ink, a point a sample."""
    first = round(segment.start_s * record.fs)
    last = min(round(segment.stop_s * record.fs), record.n_samples)
    sign = -1.0 if segment.lead.startswith("-") else 1.0
    mv = sign * record[segment.lead.removeprefix("-")][first:last].astype(np.float64)
    left, level = to_px(segment.x_mm, style), to_px(segment.baseline_mm, style)
    right = left + (segment.stop_s - segment.start_s) * style.scale.px_per_s
    height = mv * segment.gain_mm_per_mv * style.scale.px_per_mm_y
    clipped = np.zeros(0, bool)
    if style.clip_mm is not None:
        limit = style.clip_mm * style.scale.px_per_mm_y
        clipped = np.abs(height) > limit
        height = np.clip(height, -limit, limit)
    return TraceLine(
        lead=segment.lead,
        row=segment.row,
        column=segment.column,
        first=first,
        x=left + (np.arange(first, first + mv.size) / record.fs - segment.start_s) * style.scale.px_per_s,
        y=level - height,
        baseline=np.array([[left, level], [right, level]]),
        gain_mm_per_mv=segment.gain_mm_per_mv,
        clipped=clipped,
    )


def _box(trace: TraceLine, segment: Segment, style: PageStyle) -> LeadBox:
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
    if not style.pen_smooth:
        width_px = max(1.0, width_px)  # a pixel is the least that it can ink
    for index, trace in enumerate(traces, start=1):
        if np.isfinite(trace.y).any():
            # A pen loses half of its taper at 150 mm/s, between the speeds of a T wave and of a QRS complex.
            slow_px = 150.0 * style.scale.px_per_mm_y * _seconds_a_point(trace, style)
            x, y = (trace.x, trace.y) if style.pen_smooth else (np.rint(trace.x), np.rint(trace.y))
            stroke(cover, x, y, width_px, style.pen_taper, slow_px)
            left, top, right, bottom = box = _around(x, y, width_px, masks.shape)
            if not style.pen_smooth:
                inked = cover[top:bottom, left:right]
                inked[:] = np.where(inked > 127, 255, 0)
            blend(image, masks, cover, box, style.trace_rgb, index)


def _seconds_a_point(trace: TraceLine, style: PageStyle) -> float:
    if trace.x.size < 2:
        return 1.0
    return float(trace.x[-1] - trace.x[0]) / (trace.x.size - 1) / style.scale.px_per_s


def _around(
    x: NDArray[np.float64], y: NDArray[np.float64], width_px: float, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Whole pixels that a polyline's ink can reach, within the picture."""
    pad = width_px / 2 + 1
    left, right = np.clip([np.nanmin(x) - pad, np.nanmax(x) + pad + 1], 0, shape[1])
    top, bottom = np.clip([np.nanmin(y) - pad, np.nanmax(y) + pad + 1], 0, shape[0])
    return int(left), int(top), math.ceil(right), math.ceil(bottom)


def _draw_furniture(
    image: NDArray[np.uint8], cover: NDArray[np.uint8], lines: tuple[Furniture, ...], style: PageStyle
) -> None:
    from synth.stroke import blend, stroke

    for line in lines:
        x, y = line.points.T
        stroke(cover, x, y, line.width_px)
        blend(image, cover, cover, _around(x, y, line.width_px, cover.shape), style.trace_rgb)


def _draw_words(image: NDArray[np.uint8], segments: tuple[Segment, ...], style: PageStyle) -> tuple[TextBox, ...]:
    """Names and lines of text."""
    texts: list[TextBox] = []
    if style.names != "none":
        for segment in segments:
            name = printed_name(segment.lead, style.name_form)
            texts.append(replace(_draw_word(image, "lead", name, name_place(segment, style), style), text=segment.lead))
    if style.scale_text:
        # A third of the bottom margin up, clear of the last row.
        baseline_mm = style.paper_mm[1] - style.margin_bottom_mm / 3
        texts.append(_draw_word(image, "scale", _scale_words(style), (style.margin_left_mm + 12.0, baseline_mm), style))
    for line, words in enumerate(style.header):
        at = (style.margin_left_mm + 3.0, 9.0 + 1.5 * style.name_mm * line)
        texts.append(_draw_word(image, "header", words, at, style))
    return tuple(texts) + draw_blocks(image, style.blocks, style)


def _scale_words(style: PageStyle) -> str:
    words = f"{style.speed_mm_per_s:g} mm/s  {style.gain_mm_per_mv:g} mm/mV"
    chest = style.chest_gain_mm_per_mv
    return words if chest is None else f"{words}  V: {chest:g} mm/mV"


def _draw_word(
    image: NDArray[np.uint8], role: str, words: str, at_mm: tuple[float, float], style: PageStyle
) -> TextBox:
    """Word whose left edge and baseline stand at a point of the sheet."""
    from synth.text import draw_text, text_ink

    em_px = max(6, round(style.name_mm * style.scale.px_per_mm_y))
    ink, top = text_ink(words, em_px, font=style.name_font if role == "lead" else style.font)
    # DejaVu's ascender, from the top of the line to the baseline, is 0.928 em (its hhea table: 1901 of 2048 units).
    left_px = round(to_px(at_mm[0], style))
    top_px = round(to_px(at_mm[1], style) - 0.928 * em_px) + top
    return TextBox(role, words, draw_text(image, ink, left_px, top_px, style.text_rgb))  # type: ignore[arg-type]
