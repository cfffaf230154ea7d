"""The printed grid among a vector page's paths, and with it the size of a millimetre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.formats.pdf_paths import RGB, Stroke, VectorPage
from ecg.paper import MM_PER_INCH

__all__ = ["POINTS_PER_MM", "Style", "VectorGrid", "find_vector_grid", "style_of"]

#: 72 points to the inch (ISO 32000-1, section 8.3.2.3).
POINTS_PER_MM = 72.0 / MM_PER_INCH

#: Colour and width in hundredths of a point: lines of one kind are drawn alike.
Style = tuple[RGB, int]

#: Files round coordinates to a few decimals; lines nearer than this (pt, 0.007 mm) are one line drawn in parts.
_SAME_PT = 0.02

#: A grid line crosses much of the paper: positions with less than this share of the longest one's ink are other marks.
_LEAST_SHARE = 0.3

#: Least number of equally spaced lines that make a grid; a table or a frame has fewer.
_LEAST_LINES = 8

#: Grids count 1 mm or 5 mm squares; where only one kind is drawn the nearer one (in proportion) to the sheet's own
#: millimetres is meant, so a page may be scaled by up to the square root of 5 either way.
_SQUARES_MM = (1.0, 5.0)


@dataclass(frozen=True)
class VectorGrid:
    """The grid of a vector page.

    Parameters
    ----------
    pt_per_mm_x, pt_per_mm_y : float
        Points of the file per millimetre of ECG paper.
    xyxy : tuple of float
        Left, top, right, bottom of the grid in points.
    n_lines : tuple of int
        Lines found across x and across y.
    squares_mm : tuple of float
        Sizes of the squares that are drawn.
    styles : frozenset
        Colours and widths of its lines.
    """

    pt_per_mm_x: float
    pt_per_mm_y: float
    xyxy: tuple[float, float, float, float]
    n_lines: tuple[int, int]
    squares_mm: tuple[float, ...]
    styles: frozenset[Style]


@dataclass(frozen=True)
class _Comb:
    """Equally spaced lines of one style: position = first + pitch * k."""

    pitch: float
    first: float
    last: float
    n: int
    style: Style


def style_of(stroke: Stroke) -> Style:
    """Colour (of the line, else of the filling) and line width of a stroke."""
    return (stroke.stroke_rgb or stroke.fill_rgb or (0, 0, 0), round(100 * stroke.width_pt))


def find_vector_grid(page: VectorPage) -> VectorGrid | None:
    """Find the grid and measure its pitch by least squares over all its lines.

    Lines may be long, cut into squares, dashed, or drawn as thin filled boxes or dots. Squares of two sizes in the
    ratio 1 to 5 are 1 mm and 5 mm whatever the page's own scale; a single size is taken as 1 mm or 5 mm of paper,
    whichever is nearer in proportion to its size on the sheet.

    Parameters
    ----------
    page : VectorPage

    Returns
    -------
    VectorGrid or None
        None where there are no eight equally spaced lines in both directions.
    """
    segments, styles = _segments(page.strokes)
    if not styles:
        return None
    x_combs = _combs(segments, styles, axis=0)
    y_combs = _combs(segments, styles, axis=1)
    pairs = [
        (x, y)
        for x in x_combs
        for y in y_combs
        # Paper is stretched by a few per cent at most; 25 % still tells squares of 1 mm from those of 5 mm.
        if 0.8 < x.pitch / y.pitch < 1.25
    ]
    if not pairs:
        return None
    small_x, small_y = min(pairs, key=lambda pair: pair[0].pitch)
    pitches = {x.pitch / small_x.pitch for x, _ in pairs}
    square = _SQUARES_MM[0] if any(abs(p - 5) < 0.05 for p in pitches) else _nearest_square(small_x.pitch)
    ratios = tuple(sorted({round(p) * square for p in pitches}))
    drawn = [comb for pair in pairs for comb in pair]
    of_x, of_y = [x for x, _ in pairs], [y for _, y in pairs]
    return VectorGrid(
        small_x.pitch / square,
        small_y.pitch / square,
        (min(c.first for c in of_x), min(c.first for c in of_y), max(c.last for c in of_x), max(c.last for c in of_y)),
        (small_x.n, small_y.n),
        ratios,
        frozenset(c.style for c in drawn),
    )


def _nearest_square(pitch_pt: float) -> float:
    return min(_SQUARES_MM, key=lambda mm: abs(np.log(pitch_pt / (mm * POINTS_PER_MM))))


def _segments(strokes: Sequence[Stroke]) -> tuple[NDArray[np.float64], list[Style]]:
    """All straight pieces as rows x0, y0, x1, y1, style number; thin filled boxes as the line they stand for."""
    names: dict[Style, int] = {}
    parts: list[NDArray[np.float64]] = []
    for stroke in strokes:
        style = names.setdefault(style_of(stroke), len(names))
        points = stroke.points
        if stroke.closed:
            points = np.vstack([points, points[:1]])
        if stroke.stroke_rgb is None:
            points = _box_lines(points)
        if len(points) > 1:
            parts.append(np.column_stack([points[:-1], points[1:], np.full(len(points) - 1, style)]))
    return (np.concatenate(parts) if parts else np.empty((0, 5))), list(names)


def _box_lines(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre lines of a small filled box: one for a thin bar, a cross for a dot, nothing for an area."""
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    thin = 0.5 * POINTS_PER_MM  # half a millimetre: the widest major line in use is about 0.4 mm
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    if x1 - x0 <= thin and y1 - y0 <= thin:
        return np.array([[x0, cy], [x1, cy], [cx, cy], [cx, y0], [cx, y1]])
    if x1 - x0 <= thin:
        return np.array([[cx, y0], [cx, y1]])
    if y1 - y0 <= thin:
        return np.array([[x0, cy], [x1, cy]])
    return np.empty((0, 2))


def _combs(segments: NDArray[np.float64], styles: list[Style], axis: int) -> list[_Comb]:
    """Equally spaced lines across an axis (0: upright lines), style by style."""
    along = np.abs(segments[:, 3 - axis] - segments[:, 1 - axis])
    across = np.abs(segments[:, 2 + axis] - segments[:, axis])
    straight = (along > 0) & (across <= 0.01 + 1e-3 * along)  # 0.01 pt: rounding of the file's coordinates
    found = []
    for number, style in enumerate(styles):
        chosen = straight & (segments[:, 4] == number)
        if chosen.sum() < _LEAST_LINES:
            continue
        middle = (segments[chosen, axis] + segments[chosen, 2 + axis]) / 2
        comb = _fit_comb(middle, along[chosen], style)
        if comb is not None:
            found.append(comb)
    return found


def _fit_comb(position: NDArray[np.float64], length: NDArray[np.float64], style: Style) -> _Comb | None:
    order = np.argsort(position)
    position, length = position[order], length[order]
    group = np.concatenate([[0], np.cumsum(np.diff(position) > _SAME_PT)])
    ink = np.bincount(group, length)
    at = np.bincount(group, position * length) / ink
    at = at[ink >= _LEAST_SHARE * ink.max()]
    if at.size < _LEAST_LINES:
        return None
    gap = np.diff(at)
    pitch = float(np.median(gap))
    # A line off the comb (a frame, an axis) stands at no whole multiple from either neighbour: leave it out.
    whole = np.abs(gap / pitch - np.rint(gap / pitch)) < 0.05
    keep = np.concatenate([[False], whole]) | np.concatenate([whole, [False]])
    at = at[keep]
    if at.size < _LEAST_LINES or keep.mean() < 0.8:
        return None
    k = np.concatenate([[0.0], np.cumsum(np.rint(np.diff(at) / pitch))])
    slope, start = np.polyfit(k, at, 1)
    if np.max(np.abs(start + slope * k - at)) > 0.2 * slope:
        return None
    return _Comb(float(slope), float(at[0]), float(at[-1]), int(at.size), style)
