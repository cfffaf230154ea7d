"""Ink apart from paper: how much of each pixel the pen covers.

A pixel of a printed page is a mixture of ink and of what lies under it: paper, shading and grid. What lies under is
estimated from the same phase of the grid a few periods away, diagonally, where the same lines cross but the trace does
not run; the ink's own level from the darkest thin strokes. The mixture is then solved for the ink's share. Coloured
grids vanish already in the brightest channel, in which ink alone is dark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digitize.grid import GridMeasure
from digitize.mixture import brightest, crossed, filled, ink_counts, longest_runs, medians, solved, without_colour
from digitize.shrinking import scaled
from ecg.errors import DigitizationError

__all__ = ["InkMap", "bridged", "ink_map", "remove_rules"]

Float = NDArray[np.float32]
Grey = NDArray[np.uint8]
_Map = TypeVar("_Map", Float, Grey)


@dataclass(frozen=True, eq=False)
class InkMap:
    """Ink of a page.

    Parameters
    ----------
    share : float32 array [height, width]
        0 = paper or grid, 1 = fully covered by ink.
    noise : float
        Standard deviation of ``share`` on bare paper.
    contrast : float
        Ink against paper, 0 to 1, in the channel used.
    grid_visible : bool
        Whether a grid had to be taken out of that channel.
    light : uint8 array [height, width]
        Brightness with the paper evened out to 200.
    """

    share: Float
    noise: float
    contrast: float
    grid_visible: bool
    light: Grey


def ink_map(image: NDArray[np.uint8], px_per_mm: float, grid: GridMeasure | None = None) -> InkMap:
    """Estimate the share of ink in every pixel.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
        RGB, upright, the grid's lines along the pixel axes.
    px_per_mm : float
        Scale, known or guessed to within a factor of 1.5.
    grid : GridMeasure, optional
        Its pitch; without it nothing periodic is taken out.

    Returns
    -------
    InkMap

    Raises
    ------
    DigitizationError
        If nothing on the page is darker than its surroundings.
    """
    import cv2

    image = np.ascontiguousarray(image)
    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    paper = _paper(light, px_per_mm)
    # Even out the shading first: lines are compared over up to 120 mm.
    flat = cv2.divide(light, paper, scale=_FLAT)
    lines = None if grid is None else _under_lines(flat, paper, px_per_mm, grid)
    under = paper.astype(np.float32) if lines is None else lines
    ink = _ink_level(light, under, px_per_mm)
    share, cramped = solved(light, under, paper, ink, _LEAST_ROOM)
    if lines is None:
        # A grid of pale dots has no lines to find, but a colour: in the brightest channel there is ink alone.
        bright = brightest(image)
        share = without_colour(share, bright, paper, _paper(bright, px_per_mm), ink)
    elif cramped >= 0.001 * share.size:
        share = filled(share, under, paper, ink, _LEAST_ROOM, cv2.getGaussianKernel(5, 1.0, cv2.CV_32F).ravel())
    # Paper is smooth over 2 mm: a sixteenth of its pixels tell its median.
    contrast = float(np.median(paper[::4, ::4]) - ink) / 255
    bare = share[::5, ::5]
    bare = bare[bare < 0.3]
    noise = float(1.4826 * np.median(np.abs(bare - np.median(bare)))) if bare.size else 0.0
    return InkMap(share, noise, contrast, lines is not None, flat)


#: Ink on lines that are nearly as dark as the pen: a pixel that can get darker than they are by less than this share of
#: what ink is darker than paper tells little, and the less the more its neighbours' mean counts, weighted by their own
#: room (normalized convolution, Knutsson & Westin 1993).
_LEAST_ROOM = 0.25
#: Grey level of paper once its shading is divided out.
_FLAT = 200


def _under_lines(flat: Grey, paper: Grey, px_per_mm: float, grid: GridMeasure) -> Float | None:
    """Brightness of paper with its grid lines: medians along the columns and along the rows of pixels, multiplied.

    A line keeps its own place and strength, however a program rounded it to pixels. Rows over 120 mm, columns over
    250 mm, most often the whole page: the R waves of three leads, one above the other, fill a good part of 120 mm. What
    is dark all along and has no like 5 mm beside it is no line of the grid but a level trace, or a column of pulses.
    None where no lines stand out.
    """
    import cv2

    columns, low_y, part_y = _levels_along(cv2.transpose(flat), 250 * px_per_mm, 5 * grid.px_per_mm_x)
    rows, low_x, part_x = _levels_along(flat, 120 * px_per_mm, 5 * grid.px_per_mm_y)
    # Where neither has a line, both say paper: that level divides out of their product.
    every = slice(None, None, 50)
    level = np.sqrt(
        np.percentile(_between(columns, low_y[every], part_y[every]), 80)
        * np.percentile(_between(rows, low_x[every], part_x[every]), 80)
    )
    scales = np.array([1 / max(float(level), 1.0), 1], np.float32)
    third = slice(None, None, 3)
    seen = crossed(
        columns[:, third].copy(),
        low_y[third].copy(),
        part_y[third].copy(),
        rows[:, third].copy(),
        low_x[third].copy(),
        part_x[third].copy(),
        np.ones_like(paper[third, third]),
        scales,
    )
    # 20 grey levels: below that a line is fainter than half-covered ink by far.
    low, high = np.percentile(seen, [2, 95])
    if high - low <= 20:
        return None
    scales[1] /= _FLAT
    under: Float = crossed(columns, low_y, part_y, rows, low_x, part_x, paper, scales)
    return under


def _levels_along(a: Grey, length_px: float, period_px: float) -> tuple[Float, NDArray[np.int64], Float]:
    """Level of each row of pixels in windows along it, and between which two windows each column stands, how far."""
    width = a.shape[1]
    window = min(width, round(length_px))
    n = max(1, round(2 * width / window) - 1)
    starts = np.linspace(0, width - window, n).astype(np.int64)
    found = _periodic_only(medians(a, starts, window, 3), period_px)
    at = (np.arange(width) - starts[0] - window / 2) / max(1, starts[-1] - starts[0]) * (n - 1)
    low = np.clip(np.floor(at), 0, max(0, n - 2)).astype(np.int64)
    return found, low, np.clip(at - low, 0, 1 if n > 1 else 0).astype(np.float32)


def _between(found: Float, low: NDArray[np.int64], part: Float) -> Float:
    """Levels between two windows."""
    mixed: Float = found[low] * (1 - part[:, None]) + found[np.minimum(low + 1, len(found) - 1)] * part[:, None]
    return mixed


def _periodic_only(levels: Float, period_px: float) -> Float:
    """Raise each level to that of its likes a period away on both sides, or twice on one side at the grid's edge."""
    from scipy.ndimage import minimum_filter1d

    # Lines stand up to two pixels off their phase where a program rounded them.
    near: Float = minimum_filter1d(levels, 5, axis=1, mode="nearest")
    edge: Float = np.full_like(near, 255)

    def beside(k: int) -> Float:
        shift = round(k * period_px)
        if abs(shift) >= near.shape[1]:
            return edge
        moved: Float = edge.copy()
        if shift > 0:
            moved[:, :-shift] = near[:, shift:]
        else:
            moved[:, -shift:] = near[:, :shift]
        return moved

    before, behind = beside(-1), beside(1)
    likes = np.minimum(np.maximum(before, behind), np.maximum(before, beside(-2)))
    likes = np.minimum(likes, np.maximum(behind, beside(2)))
    kept: Float = np.maximum(levels, likes)
    return kept


def _paper(brightest: Grey, px_per_mm: float) -> Grey:
    """Brightness of paper with strokes and lines closed over: a closing of 3.5 mm on a 0.5 mm raster, smoothed.

    Wider than any pen, letter's stroke or separator, so that these go; finer than the shading of creases and crumples,
    so that it stays.
    """
    import cv2

    size = (brightest.shape[1], brightest.shape[0])
    zoom = 2 / px_per_mm
    small = scaled(brightest, zoom)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    smooth = cv2.GaussianBlur(closed, (0, 0), 2)
    paper: Grey = cv2.resize(smooth.clip(1), size, interpolation=cv2.INTER_LINEAR)
    return paper


#: Grey levels by which the darkest strokes must be darker than the paper.
_LEAST_DEEP = 25


def _ink_level(brightest: Grey, under: Float, px_per_mm: float) -> float:
    """Brightness of the pen: the dark end of what is thin and darker than its surroundings."""
    import cv2

    size = max(3, int(1.6 * px_per_mm) | 1)  # wider than any pen, so that solid black areas do not count
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
    hat = cv2.morphologyEx(brightest, cv2.MORPH_BLACKHAT, kernel)
    thin = ink_counts(brightest, under, hat, int(0.6 * _LEAST_DEEP))
    deep = _deepest(thin, brightest.size)
    if deep < _LEAST_DEEP:
        deep = _deepest(ink_counts(brightest, under, hat, 1), brightest.size)
        raise DigitizationError(
            "segment",
            f"the darkest strokes are only {deep:.0f} of 255 grey levels darker than the paper",
            "scan it darker",
        )
    values = np.repeat(np.arange(256), thin[int(0.6 * deep) + 1 :].sum(axis=0))
    return float(np.percentile(values, 20))


def _deepest(thin: NDArray[np.int64], n: int) -> int:
    """Level below which 99.7 % of n pixels lie; those that were not counted are the lowest."""
    above = np.cumsum(thin.sum(axis=1)[::-1])[::-1]
    return int(np.searchsorted(n - above[1:], 0.997 * n))


def bridged(share: _Map, px_per_mm: float) -> _Map:
    """Ink with the gaps closed that grid lines cut into steep strokes.

    Parameters
    ----------
    share : float32 or uint8 array [height, width]
    px_per_mm : float

    Returns
    -------
    array [height, width] of the same kind
        Closed over 0.6 mm from top to bottom, a bold line and its halo; for following a stroke, not for measuring it.
    """
    import cv2

    closed: _Map = cv2.morphologyEx(share, cv2.MORPH_CLOSE, np.ones((max(3, round(0.6 * px_per_mm)) | 1, 1), np.uint8))
    return closed


def remove_rules(share: Float, px_per_mm: float) -> tuple[Float, tuple[float, ...]]:
    """Take out long vertical rules, which some devices print between the columns of leads.

    No trace stays in one or two pixel columns for 45 mm: a QRS of 4.5 mV would have to rise within 10 ms.

    Parameters
    ----------
    share : float32 array [height, width]
    px_per_mm : float

    Returns
    -------
    share : float32 array [height, width]
        With the rules' columns bridged from left to right, so that traces crossing them stay whole.
    columns : tuple of float
        Where the rules stood, in pixels.
    """
    import cv2

    ink = bridged((share >= 0.5).view(np.uint8), px_per_mm)  # as closing what is known to a fraction, and faster
    # A tilt of a tenth of a degree moves a rule by a pixel over 70 mm: close across one column first.
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    least = max(3, round(45 * px_per_mm))
    tall = np.flatnonzero(longest_runs(closed) >= least)
    out = share if not tall.size else share.copy()
    columns = []
    for x, y, w, h in _rules(closed, tall, least):
        if w > max(3, 1.2 * px_per_mm) or x == 0 or x + w >= share.shape[1]:
            continue  # the edge of a photograph or a black area, not a rule
        if not _is_straight(ink[y : y + h], x + w // 2, round(2 * px_per_mm)):
            continue  # QRS complexes of several leads, one below the other
        left, right = max(0, x - 2), min(share.shape[1] - 1, x + w + 1)
        # One share for the whole gap: what both sides have, or a trace that ends on one of them.
        bridge = np.maximum(share[y : y + h, left], share[y : y + h, right])
        out[y : y + h, left + 1 : right] = bridge[:, None]
        columns.append(x + (w - 1) / 2)
    return out, tuple(sorted(columns))


def _rules(ink: Grey, tall: NDArray[np.int64], least: int) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, width and height of what runs down for a length, given the columns that hold such runs."""
    import cv2

    for group in np.split(tall, np.flatnonzero(np.diff(tall) > 1) + 1):
        if not group.size:
            return
        first = int(group[0])
        part = np.ascontiguousarray(ink[:, first : int(group[-1]) + 1])
        runs = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((least, 1), np.uint8))
        n, _, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
        for x, y, w, h, _ in stats[1:n].tolist():
            yield first + x, y, w, h


def _is_straight(ink: Grey, column: int, reach: int) -> bool:
    """Whether the ink along a column keeps its edges, to a pixel, in three quarters of the rows.

    Traces that cross a rule take a few rows each; the flanks of beats lean, and are broader the nearer to their line.
    """
    beside = [ink[:, column : column + reach], ink[:, max(0, column - reach) : column + 1][:, ::-1]]
    kept = np.ones(ink.shape[0], bool)
    for side in beside:
        bare = side == 0
        edge = np.where(bare.any(axis=1), bare.argmax(axis=1), side.shape[1])
        kept &= np.abs(edge - np.median(edge)) <= 1
    return bool(kept.mean() >= 0.75)
