"""Traces and calibration pulses among a vector page's paths, put in rows.

Everything here is in points of the file, y downwards; ``mm`` is the number of points per millimetre of paper.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.vector.grid import Style, VectorGrid, style_of
from ecg.formats.pdf_paths import Stroke, VectorPage

__all__ = ["Line", "Pulse", "Row", "find_lines", "find_rows"]

Points = NDArray[np.float64]

#: A trace advances without turning back; rounding may still move a point this far to the left (mm).
_BACK_MM = 0.05
#: A single trace shorter than this (mm) is a fragment: 5 mm are 0.2 s at 25 mm/s, less than a beat.
_FRAGMENT_MM = 5.0
#: Shortest row (mm): 20 mm are 0.8 s at 25 mm/s, about one beat.
_ROW_MM = 20.0
#: Pieces of one lead may overlap or stand apart by this much (mm) where a device repeats or leaves out a sample.
_SEAM_MM = 2.0
#: Greatest distance (mm) between vertices of a sampled line: 2 mm are 80 ms at 25 mm/s. Rules have two vertices only.
_VERTEX_MM = 2.0
#: A piece continues another across (mm): 0.6 mm are 24 ms at 25 mm/s, 4 mm the steepest step of a QRS in that time.
_LINK_MM = (0.6, 4.0)
#: A pulse stands within this much (mm) of an end of the line it is drawn with.
_PULSE_REACH_MM = 20.0
#: Plateau of a pulse (mm): 0.2 s is 2.5 mm at 12.5 mm/s, 5 mm at 25 mm/s and 10 mm at 50 mm/s.
_PLATEAU_MM = (1.8, 12.0)
#: Height of a pulse (mm): 1 mV from 2.5 to 40 mm/mV.
_HEIGHT_MM = (2.0, 44.0)
#: Heights nearer than this (mm) are one level: 2 µV at 10 mm/mV, below what any cart prints in steps.
_LEVEL_MM = 0.02
#: Ramp of a pulse (mm): drawn upright or over one or two samples.
_RAMP_MM = 1.2


@dataclass(frozen=True, eq=False)
class Line:
    """A run of vertices with x not decreasing: a lead, a row of leads, or a part of one.

    Parameters
    ----------
    points : float array [points, 2]
    style : Style
    """

    points: Points
    style: Style

    @property
    def left(self) -> float:
        """First x."""
        return float(self.points[0, 0])

    @property
    def right(self) -> float:
        """Last x."""
        return float(self.points[-1, 0])

    @property
    def level(self) -> float:
        """Median y: where the lead's baseline runs, since an ECG is near it most of the time."""
        return float(np.median(self.points[:, 1]))


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse: 1 mV high.

    Parameters
    ----------
    left, right : float
        Middles of its rising and falling ramp.
    low, high : float
        y of 0 mV and of 1 mV.
    """

    left: float
    right: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Row:
    """One line of the recording from left to right.

    Parameters
    ----------
    level : float
        y about which it runs.
    lines : tuple of Line
        From left to right.
    pulses : tuple of Pulse
    """

    level: float
    lines: tuple[Line, ...]
    pulses: tuple[Pulse, ...] = ()

    @property
    def left(self) -> float:
        """First x of the traces."""
        return self.lines[0].left

    @property
    def right(self) -> float:
        """Last x of the traces."""
        return max(line.right for line in self.lines)


def find_lines(page: VectorPage, grid: VectorGrid | None, mm: float) -> tuple[list[Line], list[Pulse]]:
    """Traces and pulses of a page, not yet in rows.

    Subpaths that start where another ended are joined, whatever lies between them in the file: some programs write
    every step of a trace as a path of its own. What turns back, is closed or belongs to the grid is no trace.

    Parameters
    ----------
    page : VectorPage
    grid : VectorGrid or None
    mm : float
        Points per millimetre of paper.
    """
    lines: list[Line] = []
    pulses: list[Pulse] = []
    for chain in _chains(_candidates(page.strokes, grid, mm)):
        for piece in _forward(chain, mm):
            found, rest = _split_pulses(piece, mm)
            pulses.extend(found)
            lines.extend(rest)
    ink: defaultdict[Style, float] = defaultdict(float)
    lines = _linked(lines, mm)
    for line in lines:
        if _is_sampled(line, mm):
            ink[line.style] += line.right - line.left
    most = max(ink.values(), default=0.0)
    # A page may hold other curves (a trend, a template beat); the recording has by far the most line.
    return [line for line in lines if ink[line.style] >= 0.1 * most], pulses


def _linked(lines: Sequence[Line], mm: float) -> list[Line]:
    """Join short pieces to what they continue: the next piece starts a sample further on, at about the same height.

    Pieces as long as a lead may be are left alone, because leads follow each other like that too.
    """
    linked: list[Line] = []
    for line in sorted(lines, key=lambda c: c.left):
        best: tuple[float, int] | None = None
        for number in range(len(linked) - 1, -1, -1):
            before = linked[number]
            short = min(line.right - line.left, before.right - before.left) < _ROW_MM * mm
            gap, step = line.left - before.right, abs(float(line.points[0, 1] - before.points[-1, 1]))
            near = -0.1 * mm <= gap <= _LINK_MM[0] * mm and step <= _LINK_MM[1] * mm
            if short and near and line.style == before.style and (best is None or step < best[0]):
                best = (step, number)
        if best is None:
            linked.append(line)
        else:
            before = linked[best[1]]
            linked[best[1]] = Line(np.concatenate([before.points, line.points]), line.style)
    return linked


def _candidates(strokes: Iterable[Stroke], grid: VectorGrid | None, mm: float) -> Iterable[Stroke]:
    for stroke in strokes:
        if stroke.closed or stroke.stroke_rgb is None:
            continue
        points = stroke.points
        step = np.abs(np.diff(points, axis=0))
        straight = bool(np.all(step.min(axis=1) <= 0.01 + 1e-3 * step.max(axis=1)))
        # A pulse is straight too, but has more corners than a line of the grid.
        if (
            grid is not None
            and straight
            and len(points) < 4
            and style_of(stroke) in grid.styles
            and step.max() > 0.9 * mm
        ):
            continue
        if stroke.clip is not None:
            shown = (points[:, 0] >= stroke.clip[0] - 0.01) & (points[:, 0] <= stroke.clip[2] + 0.01)
            points = points[shown]
        if len(points) > 1:
            yield Stroke(points, False, stroke.stroke_rgb, None, stroke.width_pt)


def _chains(strokes: Iterable[Stroke]) -> list[Line]:
    """Join strokes end to start, exactly: both come from the same written coordinate."""
    parts: list[list[Points]] = []
    styles: list[Style] = []
    open_ends: dict[tuple[Style, float, float], int] = {}
    for stroke in strokes:
        style, points = style_of(stroke), stroke.points
        start = (style, round(float(points[0, 0]), 3), round(float(points[0, 1]), 3))
        end = (style, round(float(points[-1, 0]), 3), round(float(points[-1, 1]), 3))
        number = open_ends.pop(start, None)
        if number is None:
            number = len(parts)
            parts.append([points])
            styles.append(style)
        else:
            parts[number].append(points[1:])
        open_ends[end] = number
    return [Line(np.concatenate(chain), style) for chain, style in zip(parts, styles, strict=True)]


def _forward(chain: Line, mm: float) -> Iterable[Line]:
    """Parts of a chain in which x does not decrease; nothing where it turns back as letters and shapes do."""
    points = chain.points
    if points[-1, 0] < points[0, 0] and np.mean(np.diff(points[:, 0]) <= 0) > 0.5:
        points = points[::-1]
    # One path may hold several rows, drawn like a typewriter.
    returns = np.flatnonzero(np.diff(points[:, 0]) < -_ROW_MM * mm) + 1
    for part in np.split(points, returns):
        if len(part) > 1 and part[-1, 0] > part[0, 0] and np.diff(part[:, 0]).min() >= -_BACK_MM * mm:
            yield Line(part, chain.style)


def _split_pulses(line: Line, mm: float) -> tuple[list[Pulse], list[Line]]:
    """Cut pulses off the ends of a line."""
    pulses: list[Pulse] = []
    points = line.points
    while (hit := _first_pulse(points, mm)) is not None:
        pulse, points = hit
        pulses.append(pulse)
    # The line's end is its start in a mirror.
    points = _mirrored(points)
    while (hit := _first_pulse(points, mm)) is not None:
        pulse, points = hit
        pulses.append(Pulse(-pulse.right, -pulse.left, pulse.low, pulse.high))
    points = _mirrored(points)
    return pulses, [Line(points, line.style)] if len(points) > 1 and points[-1, 0] > points[0, 0] else []


def _mirrored(points: Points) -> Points:
    mirrored: Points = points[::-1] * np.array([-1.0, 1.0])
    return mirrored


def _first_pulse(points: Points, mm: float) -> tuple[Pulse, Points] | None:
    """Pulse at the start of a line, and the vertices behind it: a level plateau with equal ramps on both sides."""
    if len(points) < 4:
        return None
    x, y = points[:, 0], points[:, 1]
    flat = np.abs(np.diff(y)) <= _LEVEL_MM * mm
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):  # vertices first..last lie at one height
        if x[last] > x[0] + _PULSE_REACH_MM * mm:
            break
        before, after = _foot(points, first, -1, mm), _foot(points, last, 1, mm)
        if not _within((x[last] - x[first]) / mm, _PLATEAU_MM) or before is None or after is None:
            continue
        rise, fall = y[before] - y[first], y[after] - y[last]
        if not _within(rise / mm, _HEIGHT_MM) or abs(rise - fall) > 0.03 * rise:
            continue
        left, right = float(x[before] + x[first]) / 2, float(x[last] + x[after]) / 2
        pulse = Pulse(left, right, float(y[before] + y[after]) / 2, float(y[first]))
        return pulse, points[after + _past_foot(points[after:], pulse.low, mm) :]
    return None


def _past_foot(points: Points, low: float, mm: float) -> int:
    """Count the vertices behind a pulse's ramp that belong to its foot and to the stroke that ties it to the trace.

    Such strokes are far longer than a step of the signal. Without one, the foot is the stretch at the pulse's height.
    """
    step = np.abs(np.diff(points[:, 0]))
    near = np.cumsum(step) <= _PULSE_REACH_MM * mm
    strokes = np.flatnonzero(near & (step > 5 * np.median(step))) if len(step) else np.empty(0, dtype=int)
    if strokes.size:
        return int(strokes[-1]) + 1
    level = np.abs(points[:, 1] - low) <= _LEVEL_MM * mm
    return int(np.argmin(level)) if not level.all() else len(points)


def _foot(points: Points, at: int, step: int, mm: float) -> int | None:
    """Index at which the ramp beside a plateau ends: the lowest point within a ramp's width."""
    x, y = points[:, 0], points[:, 1]
    best = None
    index = at + step
    while 0 <= index < len(x) and abs(x[index] - x[at]) <= _RAMP_MM * mm:
        if best is not None and y[index] <= y[best] + _LEVEL_MM * mm:
            break
        best, index = index, index + step
    return best


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _is_sampled(line: Line, mm: float) -> bool:
    """Whether a line is long and has the vertices of a sampled signal."""
    width = line.right - line.left
    return width >= _FRAGMENT_MM * mm and width / (len(line.points) - 1) <= _VERTEX_MM * mm


def find_rows(lines: Sequence[Line], pulses: Sequence[Pulse], mm: float) -> list[Row]:
    """Put traces in rows from top to bottom.

    There are as many rows as traces above each other where most are; every trace joins the row that runs nearest to
    its median. Fragments join a row where they continue its traces.

    Parameters
    ----------
    lines : sequence of Line
    pulses : sequence of Pulse
    mm : float
        Points per millimetre of paper.
    """
    long = [line for line in lines if _is_sampled(line, mm)]
    if not long:
        return []
    at = np.arange(min(c.left for c in long), max(c.right for c in long), mm)
    # Ends are left out, so that two leads that overlap by a sample at their seam do not count as two rows.
    cover = np.array([[c.left + _SEAM_MM * mm <= x <= c.right - _SEAM_MM * mm for c in long] for x in at])
    fullest = cover[np.argmax(cover.sum(axis=1))]
    levels = _merged(np.array(sorted(c.level for c, member in zip(long, fullest, strict=True) if member)), mm)
    chosen: list[list[Line]] = [[] for _ in levels]
    for line in sorted(long, key=lambda c: c.left):
        chosen[int(np.argmin(np.abs(levels - line.level)))].append(line)
    rows = []
    for level, members_of_row in zip(levels, chosen, strict=True):
        row = _one_after_another(members_of_row, mm)
        if row and row[-1].right - row[0].left >= _ROW_MM * mm:
            rows.append(Row(float(level), tuple(row)))
    return _with_pulses(rows, pulses, mm)


def _merged(levels: Points, mm: float) -> Points:
    """Levels nearer than 2 mm are one row: two leads cannot be read that close."""
    group = np.concatenate([[0], np.cumsum(np.diff(levels) > 2.0 * mm)])
    return np.array([levels[group == g].mean() for g in range(group[-1] + 1)])


def _one_after_another(lines: Sequence[Line], mm: float) -> list[Line]:
    """Lines of a row without those that run beside a longer one (a line drawn twice, a curve of another kind)."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda c: c.left - c.right):
        if all(line.left >= k.right - _SEAM_MM * mm or line.right <= k.left + _SEAM_MM * mm for k in kept):
            kept.append(line)
    return sorted(kept, key=lambda c: c.left)


def _with_pulses(rows: list[Row], pulses: Sequence[Pulse], mm: float) -> list[Row]:
    """Rows with their pulses, at the pulses' feet; a pulse drawn twice counts once.

    As many pulses above each other as rows belong to them in order; otherwise each joins the nearest row.
    """
    found: list[list[Pulse]] = [[] for _ in rows]
    distinct: list[Pulse] = []
    for pulse in sorted(pulses, key=lambda p: p.low):
        same = any(abs(p.left - pulse.left) < 0.1 * mm and abs(p.low - pulse.low) < 0.1 * mm for p in distinct)
        beside = all(pulse.right <= row.left + mm or pulse.left >= row.right - mm for row in rows)
        if beside and not same:
            distinct.append(pulse)
    in_order = len(distinct) == len(rows) and len({round(p.low) for p in distinct}) == len(rows)
    for position, pulse in enumerate(distinct if rows else ()):
        nearest = int(np.argmin([abs(row.level - pulse.low) for row in rows]))
        found[position if in_order else nearest].append(pulse)
    # A row's median wanders from its zero line; the pulse's foot is that line.
    return [
        Row(float(np.median([p.low for p in own])) if own else row.level, row.lines, tuple(own))
        for row, own in zip(rows, found, strict=True)
    ]
