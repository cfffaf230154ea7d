"""The overlay: what was read, drawn back over the page, the first thing a person checks.

Nothing on the page moves or is covered by text blocks: the legend stands in a strip of its own below the page. The
traces are thin, so that the ink under them stays visible, and in colours that people with colour-vision deficiency
can tell apart (Okabe & Ito, Color Universal Design, 2008, https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digitize.dewarp import resampled
from digitize.result import Digitization, LeadTrace
from ecg import LEADS, LeadBox, PaperScale

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["draw"]

_BLUE = (0, 114, 178)
_VERMILLION = (213, 94, 0)
_GREEN = (0, 158, 115)
_PURPLE = (204, 121, 167)
_BLACK = (0, 0, 0)
_WHITE = (255, 255, 255)

#: Neighbouring leads differ in hue and in lightness.
_TRACE_COLOURS = (_BLUE, _VERMILLION)
_STATUS_COLOURS = {"accepted": _GREEN, "review": _VERMILLION, "refused": _BLACK}
#: An upright page may grow by this factor over the page as it came (a page turned by 45 degrees grows by 2);
#: more means that the homography is not one of a sheet of paper.
_MAX_GROWTH = 4.0
#: cv2 draws at 1/16 px: 4 fractional bits.
_SHIFT = 4


def draw(digitization: Digitization) -> NDArray[np.uint8]:
    """Draw a reading over its page.

    Shown are the traces, each lead's box with its name, a tick at 0 mV on both ends of each trace, and below the page
    a legend: status and reasons, layout, scale with the origin of each part, a bar of 1 s by 1 mV, what was assumed,
    and one line of numbers a lead. A refused page shows the page and the reason.

    Parameters
    ----------
    digitization : Digitization

    Returns
    -------
    uint8 array [height, width, 3]
        RGB. The upper rows are the upright page, pixel for pixel; the legend stands below.
    """
    from PIL import Image, ImageDraw

    image, offset = _upright(digitization)
    for trace in digitization.traces:
        _draw_trace(image, trace, offset)
    width_px = image.shape[1]
    # A line of legend holds about 110 characters whatever the size of the page; 11 px is the least that reads well.
    text_px = max(11, round(width_px / 75))
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    for box in digitization.boxes:
        _draw_box(pen, box, digitization.boxes, offset, text_px)
    legend = _legend(digitization, width_px, text_px)
    return np.concatenate([np.asarray(picture), legend])


def _upright(d: Digitization) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Page warped by its homography, and the offset that brings upright coordinates onto this picture."""
    import cv2

    if d.flattening is not None:
        return resampled(d.page.image, d.flattening), (0.0, 0.0)
    h = d.homography
    if h is None or np.allclose(h, np.eye(3), atol=1e-9):
        return np.array(d.page.image), (0.0, 0.0)
    height, width = d.page.image.shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], dtype=np.float64)
    moved = cv2.perspectiveTransform(corners, np.asarray(h, dtype=np.float64))[0]
    low, high = np.floor(moved.min(axis=0)), np.ceil(moved.max(axis=0))
    size = high - low
    if not np.isfinite(size).all() or size.prod() > _MAX_GROWTH * width * height or size.min() < 1:
        low, size = _extent_of_boxes(d, (width, height))
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], dtype=np.float64)
    # Areas beyond the sheet are filled with white, as a scanner lid is.
    warped = cv2.warpPerspective(
        d.page.image, shift @ h, (int(size[0]), int(size[1])), flags=cv2.INTER_AREA, borderValue=_WHITE
    )
    return np.asarray(warped, dtype=np.uint8), (-float(low[0]), -float(low[1]))


def _extent_of_boxes(d: Digitization, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corner and size of the part of the upright plane that holds the boxes, at most ``_MAX_GROWTH`` pages."""
    if not d.boxes:
        return np.zeros(2), np.array(size, dtype=np.float64)
    xyxy = np.array([b.xyxy for b in d.boxes])
    low = np.floor(xyxy[:, :2].min(axis=0))
    longest = math.sqrt(_MAX_GROWTH) * np.array(size, dtype=np.float64)
    return low, np.clip(np.ceil(xyxy[:, 2:].max(axis=0)) - low, 1.0, longest)


def _draw_trace(image: NDArray[np.uint8], trace: LeadTrace, offset: tuple[float, float]) -> None:
    import cv2

    colour = _TRACE_COLOURS[_colour_index(trace.box)]
    # One pixel up to 300 dpi on A4 (3508 px), so that the ink under it shows on both sides.
    thickness = max(1, round(image.shape[1] / 3500))
    points = np.column_stack([np.asarray(trace.x) + offset[0], np.asarray(trace.y) + offset[1]])
    for run in _finite_runs(points):
        fixed = np.rint(run * 2**_SHIFT).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(image, [fixed], False, colour, thickness, cv2.LINE_AA, _SHIFT)
    if not (math.isfinite(trace.baseline_px) and len(points)):
        return
    # 0 mV: a tick of 1/60 of the trace's width at either end.
    x0, x1 = float(np.min(points[:, 0])), float(np.max(points[:, 0]))
    tick, y = max(4.0, (x1 - x0) / 60), trace.baseline_px + offset[1]
    for left, right in ((x0 - tick, x0), (x1, x1 + tick)):
        ends = [tuple(round(v * 2**_SHIFT) for v in p) for p in ((left, y), (right, y))]
        cv2.line(image, ends[0], ends[1], _PURPLE, thickness + 1, cv2.LINE_AA, _SHIFT)


def _finite_runs(points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Unbroken stretches of a line with gaps; a single point is drawn too (cv2 draws it as a dot)."""
    finite = np.isfinite(points).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [points[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _colour_index(box: LeadBox) -> int:
    """Neighbours in standard order, hence neighbours down a column, take different colours."""
    return LEADS.index(box.lead) % 2 if box.lead in LEADS else len(box.lead) % 2


def _font(size_px: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size_px)  # the font that Pillow carries, so that no system font is needed


def _draw_box(
    pen: ImageDraw, box: LeadBox, others: Sequence[LeadBox], offset: tuple[float, float], text_px: int
) -> None:
    x0, y0, x1, y1 = (v + offset[i % 2] for i, v in enumerate(box.xyxy))
    pen.rectangle((x0, y0, x1, y1), outline=_GREEN)
    label = f"{box.lead} {round(box.start_s, 1):g}-{round(box.stop_s, 1):g} s"
    font = _font(text_px)
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font, stroke_width=1)
    width, height = right - left + 4, bottom - top + 4
    # At the right, because printed names stand on the left; above the box, because a box may be as tight as its trace,
    # unless a neighbour's box begins there.
    upper = (x1 - width - offset[0], y0 - height - offset[1], x1 - offset[0], y0 - offset[1])
    free = y0 >= height and not any(o is not box and _overlap(upper, o.xyxy) for o in others)
    at = (x1 - 3 - right, (y0 - height if free else y0) + 2 - top)
    # A white rim instead of a white field, so that ink under it stays visible.
    pen.text(at, label, fill=_TRACE_COLOURS[_colour_index(box)], font=font, stroke_width=1, stroke_fill=_WHITE)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _legend(d: Digitization, width_px: int, text_px: int) -> NDArray[np.uint8]:
    """Strip below the page: the words on the left, the bar of 1 s by 1 mV on the right."""
    from PIL import Image, ImageDraw

    font, pad = _font(text_px), text_px
    bar = _bar_size(d.scale, width_px)
    text_width = width_px - 3 * pad - (math.ceil(bar[0]) if bar else 0)
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength
    lines = [
        (part, colour)
        for line, colour in _lines(d)
        for part in _wrapped(line, lambda s: float(measure(s, font=font)), text_width)
    ]
    pitch = round(1.35 * text_px)
    height = max(len(lines) * pitch, math.ceil(bar[1]) + 2 * pitch if bar else 0) + 2 * pad
    picture = Image.new("RGB", (width_px, height), _WHITE)
    pen = ImageDraw.Draw(picture)
    pen.line((0, 0, width_px, 0), fill=_BLACK)
    for row, (line, colour) in enumerate(lines):
        pen.text((pad, pad + row * pitch), line, fill=colour, font=font)
    if bar:
        x, y = width_px - pad - bar[0], pad + bar[1]
        pen.line((x, pad, x, y, x + bar[0], y), fill=_BLACK, width=2)
        pen.text((x, y + 4), _bar_text(d.scale, bar), fill=_BLACK, font=font)
    return np.asarray(picture)


def _bar_size(scale: PaperScale | None, width_px: int) -> tuple[float, float] | None:
    """Width and height in px of the scale bar: 1 s by 1 mV, halved until it takes at most a quarter of the width."""
    if scale is None:
        return None
    size, limit = (scale.px_per_s, scale.px_per_mv), width_px / 4
    halvings = max(0, math.ceil(math.log2(max(size) / limit)))
    return size[0] / 2**halvings, size[1] / 2**halvings


def _bar_text(scale: PaperScale | None, bar: tuple[float, float]) -> str:
    part = bar[0] / scale.px_per_s if scale else 1.0
    return f"{part:g} s x {part:g} mV"


def _lines(d: Digitization) -> list[tuple[str, tuple[int, int, int]]]:
    """Legend, line by line, each with its colour."""
    head = f"{d.status.upper()}{' (forced)' if d.forced else ''}"
    lines = [(f"{head}: {'; '.join(d.reasons)}" if d.reasons else head, _STATUS_COLOURS[d.status])]
    if d.layout is not None:
        lines.append((f"Layout {d.layout.name}, margin {d.layout_margin:.2f}, timing {d.timing}", _BLACK))
    if d.scale is not None:
        lines.append((_scale_line(d), _BLACK))
    if d.assumed:
        lines.append((f"Assumed: {'; '.join(d.assumed)}", _BLACK))
    marks = []
    for lead in sorted(d.quality, key=lambda name: LEADS.index(name) if name in LEADS else len(LEADS)):
        q = d.quality[lead]
        snr = "" if q.snr_pred_db is None else f" {q.snr_pred_db:.0f} dB"
        marks.append(f"{lead} {q.grade}{snr}")
    if marks:
        lines.append((f"Leads: {', '.join(marks)}", _BLACK))
    return lines


def _scale_line(d: Digitization) -> str:
    s, e = d.scale, d.evidence
    if s is None:
        return ""
    how = ("", "", "", "") if e is None else (e.px_per_mm_x, e.px_per_mm_y, e.speed_mm_per_s, e.gain_mm_per_mv)
    values = (
        f"{s.px_per_mm_x:.3f} px/mm across",
        f"{s.px_per_mm_y:.3f} px/mm down",
        f"{s.speed_mm_per_s:g} mm/s",
        f"{s.gain_mm_per_mv:g} mm/mV",
    )
    return "Scale " + ", ".join(f"{v} ({h})" if h else v for v, h in zip(values, how, strict=True))


def _wrapped(line: str, length: Any, width: float) -> list[str]:
    """Words of a line in rows of at most ``width`` px, as ``length`` measures them."""
    rows: list[str] = []
    for word in line.split():
        if rows and length(f"{rows[-1]} {word}") <= width:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return rows
