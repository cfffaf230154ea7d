"""What is printed beside the traces: pulses, separators, the pen's way from lead to lead, and names.

Everything that is a line is given as polylines in pixels with its box, for the picture and for the vector PDF alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synth.page import TextBox, TraceLine
from synth.render_place import PULSE_MV, PULSE_S, Segment, pulse_mm, to_px
from synth.style import PageStyle

__all__ = ["Furniture", "furniture", "name_place", "printed_name"]

#: Dots of a dotted separator: a millimetre of line, a millimetre of paper.
_DOT_MM = 1.0


@dataclass(frozen=True, eq=False)
class Furniture:
    """A printed line that is no lead.

    Parameters
    ----------
    box : TextBox
        Its truth.
    points : float64 array [n, 2]
        Polyline (x, y) in pixels; NaN in y lifts the pen.
    width_px : float
        Width of the pen.
    """

    box: TextBox
    points: NDArray[np.float64]
    width_px: float


def furniture(
    segments: Sequence[Segment], traces: Sequence[TraceLine], style: PageStyle, n_rows: int
) -> tuple[Furniture, ...]:
    """Lines of a page that are no leads: pulses, then separators.

    Parameters
    ----------
    segments : sequence of Segment
    traces : sequence of TraceLine
        One a segment; they tell where a joined pen goes.
    style : PageStyle
    n_rows : int
        Rows of columns; strips, which follow them, have no separators.

    Returns
    -------
    tuple of Furniture
    """
    lines: list[Furniture] = []
    if style.pulse != "none":
        ends: dict[int, list[Segment]] = {}
        for segment in segments:
            ends.setdefault(segment.row, []).append(segment)
        lines += [_pulse(ends[row], style) for row in sorted(ends)[: 1 if style.pulse_once else None]]
    further = [segment for segment in segments if segment.column > 0]
    if style.separator in ("tick", "bars", "dashes"):
        lines += [line for segment in further for line in _marks(segment, style)]
    elif style.separator != "none":
        columns = {segment.column: segment for segment in reversed(further)}
        lines += [_upright(columns[column], style, n_rows) for column in sorted(columns)]
    if style.joined:
        pairs = zip(zip(segments, traces, strict=True), zip(segments[1:], traces[1:], strict=True), strict=False)
        lines += [
            _joint(before, after, style)
            for (_, before), (segment, after) in pairs
            if segment.column > 0 and before.y.size and after.y.size and np.isfinite([before.y[-1], after.y[0]]).all()
        ]
    return tuple(lines)


def _pulse(row: Sequence[Segment], style: PageStyle) -> Furniture:
    """Pulse of a row; where its leads have two gains, the limb's and the chest's millivolt share it as two steps."""
    right = style.pulse == "right"
    end_mm = row[-1].x_mm + (row[-1].stop_s - row[-1].start_s) * style.speed_mm_per_s
    left_mm = end_mm if right else row[0].x_mm - pulse_mm(style)
    left, level = to_px(left_mm, style), to_px(row[0].baseline_mm, style)
    up = left + style.pulse_gap_mm * style.scale.px_per_mm_x
    down = up + PULSE_S * style.scale.px_per_s
    gains = list(dict.fromkeys(segment.gain_mm_per_mv for segment in row))
    tops = [level - PULSE_MV * gain * style.scale.px_per_mm_y for gain in gains]
    edges = np.linspace(up, down, len(gains) + 1)
    last = down + style.pulse_gap_mm * style.scale.px_per_mm_x if right else to_px(row[0].x_mm, style)
    x = np.concatenate([[left], [up], np.repeat(edges, 2)[1:-1], [down, last]])
    y = np.concatenate([[level, level], np.repeat(tops, 2), [level, level]])
    width_px = style.trace_width_mm * style.scale.px_per_mm_y
    h = width_px / 2
    box = TextBox("pulse", f"{PULSE_MV:g} mV", _quad(up - h, min(tops) - h, down + h, level + h))
    return Furniture(box, np.column_stack([x, y]), width_px)


def _marks(segment: Segment, style: PageStyle) -> list[Furniture]:
    """Where a column follows another: a line 7 mm high, two of 3 mm that leave the trace free, or dashes over 16 mm."""
    middle = to_px(segment.x_mm - style.column_gap_mm / 2, style)
    if style.separator == "dashes":
        first, last = (to_px(segment.baseline_mm + mm, style) for mm in (-8.0, 8.0))
        return [_dotted(_line(middle, first, last, 1.2 * style.trace_width_mm, style), style)]
    spans = ((-3.5, 3.5),) if style.separator == "tick" else ((-5.5, -2.5), (2.5, 5.5))
    ends = [[to_px(segment.baseline_mm + mm, style) for mm in span] for span in spans]
    # Twice the pen, as devices print them, so that they stand out from an R wave.
    return [_line(middle, top, bottom, 2 * style.trace_width_mm, style) for top, bottom in ends]


def _upright(segment: Segment, style: PageStyle, n_rows: int) -> Furniture:
    """Line over all rows of columns, whole or dotted."""
    middle = to_px(segment.x_mm - style.column_gap_mm / 2, style)
    first_mm = segment.baseline_mm - (segment.row + 0.56) * segment.pitch_mm
    top, bottom = to_px(first_mm + 2.0, style), to_px(first_mm + n_rows * segment.pitch_mm - 2.0, style)
    line = _line(middle, top, bottom, 0.8 * style.trace_width_mm, style)
    return line if style.separator == "line" else _dotted(line, style)


def _dotted(line: Furniture, style: PageStyle) -> Furniture:
    """Upright line as a row of dots."""
    (middle, top), (_, bottom) = line.points
    starts = np.arange(top, bottom, 2 * _DOT_MM * style.scale.px_per_mm_y)
    stops = np.minimum(starts + _DOT_MM * style.scale.px_per_mm_y, bottom)
    y = np.column_stack([starts, stops, np.full(starts.size, np.nan)]).ravel()
    return Furniture(line.box, np.column_stack([np.full(y.size, middle), y]), line.width_px)


def _line(x: float, top: float, bottom: float, width_mm: float, style: PageStyle) -> Furniture:
    width_px = width_mm * style.scale.px_per_mm_x
    h = width_px / 2
    box = TextBox("separator", "", _quad(x - h, top - h, x + h, bottom + h))
    return Furniture(box, np.array([[x, top], [x, bottom]]), width_px)


def _joint(before: TraceLine, after: TraceLine, style: PageStyle) -> Furniture:
    """Way of the pen from one lead's last point to the next one's first."""
    points = np.array([[before.x[-1], before.y[-1]], [after.x[0], after.y[0]]])
    width_px = style.trace_width_mm * style.scale.px_per_mm_y
    (left, top), (right, bottom), h = points.min(axis=0), points.max(axis=0), width_px / 2
    return Furniture(TextBox("separator", "", _quad(left - h, top - h, right + h, bottom + h)), points, width_px)


def _quad(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def printed_name(lead: str, form: Literal["usual", "caps", "D", "C"]) -> str:
    """How a lead is spelled on paper.

    Examples
    --------
    >>> printed_name("II", "D"), printed_name("V3R", "C"), printed_name("-aVR", "caps")
    ('DII', 'C3R', '−AVR')
    """
    name = lead.replace("-", "\N{MINUS SIGN}")
    if form == "D" and set(name) == {"I"}:
        return f"D{name}"
    if form == "C" and name.startswith("V"):
        return f"C{name[1:]}"
    return name.upper() if form == "caps" else name


def name_place(segment: Segment, style: PageStyle) -> tuple[float, float]:
    """Left end of a lead name's baseline, in mm from the sheet's top left corner."""
    # Below: the capitals' feet 7.5 mm under the line; above: 6.5 mm over it, where P waves do not reach; both nearer
    # where rows stand closer than 18 mm, so that a name is nearer to its own line than to the next. On: astride.
    near = min(1.0, segment.pitch_mm / 18.0)
    drop: Mapping[str, float] = {"below": 7.5 * near, "above": -6.5 * near, "on": 0.36 * style.name_mm}
    if style.names == "left" and segment.column == 0:
        pulse = pulse_mm(style) if style.pulse == "left" else 0.0
        # 2.6 em hold the longest name, -aVR.
        return segment.x_mm - pulse - 2.6 * style.name_mm, segment.baseline_mm + drop["on"]
    where = "above" if style.names == "left" else style.names
    return segment.x_mm + style.name_dx_mm, segment.baseline_mm + drop[where]
