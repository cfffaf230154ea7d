"""Ink apart from paper: how much of each pixel the pen covers.

A pixel of a printed page is a mixture of ink and of what lies under it: paper, shading and grid. What lies under is
estimated from the same phase of the grid a few periods away, diagonally, where the same lines cross but the trace does
not run; the ink's own level from the darkest thin strokes. The mixture is then solved for the ink's share. Coloured
grids vanish already in the brightest channel, in which ink alone is dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digitize.grid import GridMeasure
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

    light = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    paper = _paper(light, px_per_mm)
    under, visible = paper, False
    # Even out the shading first: lines are compared over up to 120 mm.
    flat = cv2.divide(light, paper, scale=_FLAT)
    if grid is not None:
        lines = _lines(flat, px_per_mm, grid)
        # 20 grey levels: below that a line is fainter than half-covered ink by far.
        low, high = np.percentile(lines[::3, ::3], [2, 95])
        visible = bool(high - low > 20)
        if visible:
            under = cv2.multiply(lines, paper.astype(np.float32), scale=1 / _FLAT)
    ink = _ink_level(light, under, px_per_mm)
    under = under.astype(np.float32)
    share = np.clip((under - light) / np.maximum(under - ink, 16), 0, 1).astype(np.float32)
    if visible:
        share = _filled(share, (under - ink) / np.maximum(paper.astype(np.float32) - ink, 16))
    if not visible:
        # A grid of pale dots has no lines to find, but a colour: in the brightest channel there is ink alone.
        bright = image.max(axis=2)
        deep = np.maximum(_paper(bright, px_per_mm).astype(np.float32) - ink, 16)
        nearby = cv2.dilate((paper.astype(np.float32) - bright) / deep, np.ones((3, 3), np.uint8))
        share *= np.clip((nearby - 0.35) / 0.2, 0, 1)
    contrast = float(np.median(paper) - ink) / 255
    bare = share[::5, ::5][share[::5, ::5] < 0.3]
    noise = float(1.4826 * np.median(np.abs(bare - np.median(bare)))) if bare.size else 0.0
    return InkMap(share, noise, contrast, visible, flat)


def _filled(share: Float, room: Float) -> Float:
    """Ink on lines that are nearly as dark as the pen, where a pixel tells little: what its neighbours say.

    Room is how much darker than what lies under it a pixel can get, as a share of paper's. Below a quarter the pixel's
    own word counts ever less against the mean of its neighbours, weighted by their room (normalized convolution,
    Knutsson & Westin 1993).
    """
    import cv2

    trust = np.clip(room / 0.25, 0, 1).astype(np.float32) ** 2
    if float((trust < 1).mean()) < 0.001:
        return share
    mean = cv2.GaussianBlur(trust * share, (5, 5), 1.0) / np.maximum(cv2.GaussianBlur(trust, (5, 5), 1.0), 1e-3)
    mixed: Float = (trust * share + (1 - trust) * mean).astype(np.float32)
    return mixed


#: Grey level of paper once its shading is divided out.
_FLAT = 200


def _lines(flat: Grey, px_per_mm: float, grid: GridMeasure) -> Float:
    """Brightness of paper with its grid lines: medians along the columns and along the rows of pixels, multiplied.

    A line keeps its own place and strength, however a program rounded it to pixels. Rows over 120 mm, columns over
    250 mm, most often the whole page: the R waves of three leads, one above the other, fill a good part of 120 mm. What
    is dark all along and has no like 5 mm beside it is no line of the grid but a level trace, or a column of pulses.
    """
    import cv2

    def level_along(a: Grey, length_mm: float, period_px: float) -> Float:  # down the first axis, in windows
        window = min(a.shape[0], round(length_mm * px_per_mm))
        n = max(1, round(2 * a.shape[0] / window) - 1)
        starts = np.linspace(0, a.shape[0] - window, n).astype(int)
        found = np.stack([np.median(a[s : s + window : 3], axis=0) for s in starts]).astype(np.float32)
        found = _periodic_only(found, period_px)
        at = (np.arange(a.shape[0]) - starts[0] - window / 2) / max(1, starts[-1] - starts[0]) * (n - 1)
        low = np.clip(np.floor(at), 0, max(0, n - 2)).astype(int)
        part = np.clip(at - low, 0, 1)[:, None].astype(np.float32) if n > 1 else np.float32(0)
        mixed: Float = found[low] * (1 - part) + found[np.minimum(low + 1, n - 1)] * part
        return mixed

    columns = level_along(flat, 250, 5 * grid.px_per_mm_x)
    rows = level_along(np.ascontiguousarray(flat.T), 120, 5 * grid.px_per_mm_y).T.copy()
    # Where neither has a line, both say paper: that level divides out of their product.
    level = np.sqrt(np.percentile(columns[::50], 80) * np.percentile(rows[:, ::50], 80))
    lines: Float = cv2.multiply(columns, rows, scale=1 / max(float(level), 1.0))
    return lines


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
    small = cv2.resize(brightest, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    smooth = cv2.GaussianBlur(closed, (0, 0), 2)
    paper: Grey = cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR).clip(1)
    return paper


def _ink_level(brightest: Grey, under: NDArray[np.generic], px_per_mm: float) -> float:
    """Brightness of the pen: the dark end of what is thin and darker than its surroundings."""
    import cv2

    size = max(3, int(1.6 * px_per_mm) | 1)  # wider than any pen, so that solid black areas do not count
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
    thin = cv2.min(
        cv2.subtract(under.clip(0, 255).astype(np.uint8), brightest),
        cv2.morphologyEx(brightest, cv2.MORPH_BLACKHAT, kernel),
    )
    # The level below which 99.7 % lie, by counting grey levels: sorting millions of pixels takes ten times as long.
    counts = cv2.calcHist([thin], [0], None, [256], [0, 256]).ravel()
    deep = int(np.searchsorted(np.cumsum(counts), 0.997 * thin.size))
    if deep < 25:
        raise DigitizationError(
            "segment",
            f"the darkest strokes are only {deep:.0f} of 255 grey levels darker than the paper",
            "scan it darker",
        )
    return float(np.percentile(brightest[thin > 0.6 * deep], 20))


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
    tall = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((max(3, round(45 * px_per_mm)), 1), np.uint8))
    if not tall.any():
        return share, ()
    n, _, stats, _ = cv2.connectedComponentsWithStats(tall, connectivity=8)
    out = share.copy()
    columns = []
    for k in range(1, n):
        x, y, w, h, _ = (int(v) for v in stats[k])
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
