"""Ink apart from paper: how much of each pixel the pen covers.

A pixel of a printed page is a mixture of ink and of what lies under it: paper, shading and grid. What lies under is
estimated from the same phase of the grid a few periods away, diagonally, where the same lines cross but the trace does
not run; the ink's own level from the darkest thin strokes. The mixture is then solved for the ink's share. Coloured
grids vanish already in the brightest channel, in which ink alone is dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.grid import GridMeasure
from ecg.errors import DigitizationError

__all__ = ["InkMap", "ink_map", "remove_rules"]

Float = NDArray[np.float32]
Grey = NDArray[np.uint8]


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
    """

    share: Float
    noise: float
    contrast: float
    grid_visible: bool


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

    brightest = image.max(axis=2)
    paper = _paper(brightest, px_per_mm)
    under = paper
    visible = False
    if grid is not None:
        # Even out the shading first: the samples come from up to 30 mm away.
        flat = cv2.divide(brightest, paper, scale=200)
        periodic = cv2.multiply(_periodic(flat, grid), paper, scale=1 / 200)
        lines = np.percentile(cv2.subtract(paper, periodic)[::3, ::3], 98)
        # 20 grey levels: JPEG halos of a coloured grid reach 12, grey grids start at 40.
        visible = bool(lines > 20)
        if visible:
            under = np.minimum(paper, periodic)
    ink = _ink_level(brightest, under, px_per_mm)
    reach = under.astype(np.float32) - ink
    share = (under.astype(np.float32) - brightest) / np.maximum(reach, 16)
    contrast = float(np.median(paper) - ink) / 255
    bare = share[::5, ::5][np.abs(share[::5, ::5]) < 0.3]
    share = _without_residue(np.clip(share, 0, 1).astype(np.float32), px_per_mm) if visible else share
    noise = float(1.4826 * np.median(np.abs(bare - np.median(bare)))) if bare.size else 0.0
    return InkMap(np.clip(share, 0, 1).astype(np.float32), noise, contrast, visible)


def _paper(brightest: Grey, px_per_mm: float) -> Grey:
    """Brightness of paper with strokes and lines closed over: a closing of 7 mm on a 1 mm raster, smoothed."""
    import cv2

    size = (brightest.shape[1], brightest.shape[0])
    small = cv2.resize(brightest, None, fx=1 / px_per_mm, fy=1 / px_per_mm, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    smooth = cv2.GaussianBlur(closed, (0, 0), 3)
    paper: Grey = cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR).clip(1)
    return paper


def _periodic(flat: Grey, grid: GridMeasure) -> Grey:
    """Median of five diagonal neighbours at the same phase of the 5 mm grid."""
    kx, ky = _good_periods(5 * grid.px_per_mm_x), _good_periods(5 * grid.px_per_mm_y)
    shifts = [(kx[0], ky[0]), (-kx[0], ky[0]), (kx[0], -ky[0]), (-kx[0], -ky[0]), (kx[1], ky[1])]
    a, b, c, d, e = (_shifted(flat, dx, dy) for dx, dy in shifts)
    # Median of five by seven exchanges (Paeth, Graphics Gems, 1990): min and max of bytes are vectorised.
    a, b = np.minimum(a, b), np.maximum(a, b)
    c, d = np.minimum(c, d), np.maximum(c, d)
    low, a = np.maximum(a, c), None
    high = np.minimum(b, d)
    low, high = np.minimum(low, high), np.maximum(low, high)
    median: Grey = np.maximum(low, np.minimum(high, e))
    return median


def _good_periods(period_px: float) -> tuple[int, int]:
    """Two multiples of the period, at most six, that lie closest to whole pixels."""
    k = np.arange(1, 7)
    off = np.abs(k * period_px - np.rint(k * period_px)) + 0.02 * k  # nearer is better where equally whole
    first, second = np.argsort(off)[:2]
    return round(k[first] * period_px), round(k[second] * period_px)


def _shifted(a: Grey, dx: int, dy: int) -> Grey:
    """Copy moved by whole pixels, mirrored about the edge where it runs out."""
    h, w = a.shape
    rows = np.arange(h) + dy
    columns = np.arange(w) + dx
    rows = np.where((rows < 0) | (rows >= h), np.arange(h) - dy, rows).clip(0, h - 1)
    columns = np.where((columns < 0) | (columns >= w), np.arange(w) - dx, columns).clip(0, w - 1)
    moved: Grey = a[rows][:, columns]
    return moved


def _without_residue(share: Float, px_per_mm: float) -> Float:
    """Take out what is left of grid lines: the median share along 60 mm of a pixel row or column.

    No trace stays in one row of pixels for half of 60 mm; a grid line that the printer put a pixel off does.
    """
    length = max(8, round(60 * px_per_mm))
    for axis in (0, 1):
        lines = share if axis == 1 else share.T  # the second time along the columns
        for start in range(0, lines.shape[1], length):
            part = lines[:, start : start + length]
            residue = np.median(part[:, ::3], axis=1)[:, None]
            if part.shape[1] > length // 2:
                part -= residue
                part /= np.maximum(1 - residue, 0.2)
    return np.clip(share, 0, 1)


def _ink_level(brightest: Grey, under: Grey, px_per_mm: float) -> float:
    """Brightness of the pen: the dark end of what is thin and darker than its surroundings."""
    import cv2

    size = max(3, int(1.6 * px_per_mm) | 1)  # wider than any pen, so that solid black areas do not count
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
    thin = cv2.min(cv2.subtract(under, brightest), cv2.morphologyEx(brightest, cv2.MORPH_BLACKHAT, kernel))
    deep = np.percentile(thin, 99.7)
    if deep < 25:
        raise DigitizationError(
            "segment",
            f"the darkest strokes are only {deep:.0f} of 255 grey levels darker than the paper",
            "scan it darker",
        )
    return float(np.percentile(brightest[thin > 0.6 * deep], 20))


def remove_rules(share: Float, px_per_mm: float) -> tuple[Float, tuple[float, ...]]:
    """Take out long vertical rules, which some devices print between the columns of leads.

    No trace stays in one pixel column for 25 mm: a QRS of 2.5 mV would have to rise within 5 ms.

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

    ink = (share >= 0.5).astype(np.uint8)
    # A tilt of a tenth of a degree moves a rule by a pixel over 70 mm: close across one column first.
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    tall = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((max(3, round(25 * px_per_mm)), 1), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(tall, connectivity=8)
    out = share.copy()
    columns = []
    for k in range(1, n):
        x, y, w, h, _ = (int(v) for v in stats[k])
        if w > max(3, 1.2 * px_per_mm) or x == 0 or x + w >= share.shape[1]:
            continue  # the edge of a photograph or a black area, not a rule
        left, right = max(0, x - 2), min(share.shape[1] - 1, x + w + 1)
        # One share for the whole gap: what both sides have, or a trace that ends on one of them.
        bridge = np.maximum(share[y : y + h, left], share[y : y + h, right])
        out[y : y + h, left + 1 : right] = bridge[:, None]
        columns.append(x + (w - 1) / 2)
    return out, tuple(sorted(columns))
