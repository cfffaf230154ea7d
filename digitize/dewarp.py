"""Photographed and curled sheets flattened by their own grid.

The grid is a ruler on every part of the page. First each tile of the picture tells how long a millimetre is there, and
in which direction it runs, and one projective map is fitted to all tiles. On the page so straightened the phase of the
grid's lines, block by block, is the displacement that is left over: curl, folds, a lens. Both become one map, and the
page is sampled once, from the picture as it came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.grid import GridMeasure, grid_picture
from digitize.phase import BLOCK_MM, WORK_PX_PER_MM, displacement
from digitize.tiles import comb_scores, whitened

__all__ = ["Flattening", "flatten", "picture_points", "resampled"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]

#: Side of a tile in millimetres, and how far one is from the next: four bold lines each way, so that a comb shows.
_TILE_MM, _HOP_MM = 36.0, 18.0
#: Tiles whose comb stands out less than this share of the best do not count.
_WEAK = 0.45
#: Finest flat page: a pen is 3 pixels wide there, and more only cost time; and how much coarser than the picture
#: it may be, in one step of interpolation, before lines between the samples would be lost.
_MOST_PX_PER_MM, _COARSER = 10.0, 1.6


@dataclass(frozen=True, eq=False)
class Flattening:
    """Map from the flat sheet to the picture.

    Parameters
    ----------
    homography : float array [3, 3]
        Picture pixels to flat pixels: the projective part.
    lattice : float array [rows, columns, 2]
        Where points of the flat page, ``step_px`` apart, lie in the picture (x, y).
    step_px : int
        Flat pixels between points of the lattice.
    size : tuple of int
        Width and height of the flat page in pixels.
    px_per_mm : float
        Of the flat page, both ways.
    residual_mm : float
        Root mean square displacement that was left after the projective part.
    quarters : int
        Quarter turns, counter-clockwise, from the flat page to the upright one.
    """

    homography: Double
    lattice: Double
    step_px: int
    size: tuple[int, int]
    px_per_mm: float
    residual_mm: float
    quarters: int = 0


def flatten(image: NDArray[np.uint8], grid: GridMeasure) -> Flattening | None:
    """Measure how a sheet lies in the picture.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    grid : GridMeasure
        Of the whole picture, good for some of it.

    Returns
    -------
    Flattening or None
        None where too little of the grid is seen to tell.
    """
    import cv2

    pitch = float(np.sqrt(grid.px_per_mm_x * grid.px_per_mm_y))
    zoom = min(1.0, WORK_PX_PER_MM / pitch)
    small = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    picture = grid_picture(small)
    tiles = _tiles(picture, pitch * zoom, grid.angle_deg)
    if tiles is None:
        return None
    to_mm = _projective(tiles, grid, pitch * zoom)
    if to_mm is None:
        return None
    to_mm = to_mm @ np.diag([zoom, zoom, 1.0])  # from pixels of the picture as it came
    frame = _frame(to_mm, image.shape[1], image.shape[0])
    if frame is None:
        return None
    left, top, right, bottom = frame
    fine = min(pitch, max(_MOST_PX_PER_MM, pitch / _COARSER))
    to_flat = np.array([[fine, 0, -left * fine], [0, fine, -top * fine], [0, 0, 1.0]]) @ to_mm
    size = (round((right - left) * fine), round((bottom - top) * fine))
    field, residual = displacement(picture, to_flat @ np.diag([1 / zoom, 1 / zoom, 1.0]), size, fine)
    step = max(4, round(2.0 * fine))
    lattice = _lattice(to_flat, field, size, fine, step)
    return Flattening(to_flat, lattice, step, size, fine, residual)


def resampled(image: NDArray[np.uint8], flat: Flattening) -> NDArray[np.uint8]:
    """Sample the picture once along the map; what lies outside is of the picture's usual colour.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    flat : Flattening

    Returns
    -------
    uint8 array [rows, columns, 3]
        Turned upright.
    """
    import cv2

    width, height = flat.size
    # Lattice points stand at whole multiples of the step: an affine enlargement keeps them there.
    grow = np.array([[flat.step_px, 0, 0], [0, flat.step_px, 0]], dtype=np.float64)
    maps = []
    for k in range(2):
        dense = cv2.warpAffine(
            flat.lattice[:, :, k].astype(np.float32),
            grow,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        maps.append(dense)
    # A repeated edge would draw streaks across the paper, which look like ink.
    usual = tuple(float(v) for v in np.median(image[::16, ::16].reshape(-1, image.shape[2]), axis=0))
    page: NDArray[np.uint8] = cv2.remap(
        image, maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=usual
    )
    return np.ascontiguousarray(np.rot90(page, flat.quarters)) if flat.quarters else page


def picture_points(flat: Flattening, points: Double) -> Double:
    """Where points of the upright page lie in the picture as it came.

    Parameters
    ----------
    flat : Flattening
    points : float array [n, 2]
        (x, y) in pixels of the upright page.

    Returns
    -------
    float array [n, 2]
    """
    from scipy.ndimage import map_coordinates

    from digitize.orient import turned

    turn = turned(None, flat.quarters, *flat.size)
    p = np.column_stack([points, np.ones(len(points))])
    p = p if turn is None else p @ np.linalg.inv(turn).T
    at = p[:, 1::-1].T / flat.step_px
    return np.stack([map_coordinates(flat.lattice[:, :, k], at, order=1, mode="nearest") for k in (0, 1)], axis=1)


@dataclass(frozen=True, eq=False)
class _Tiles:
    """What tiles say of the grid: centre (x, y), and per axis the frequency (cycles a pixel of 1 mm) and its trust."""

    centre: Double  # [n, 2]
    along: Double  # [n, 2]
    down: Double  # [n, 2]
    trust: Double  # [n, 2]


def _tiles(picture: Float, pitch: float, angle_deg: float) -> _Tiles | None:
    tile, hop = round(_TILE_MM * pitch), round(_HOP_MM * pitch)
    height, width = picture.shape
    if min(height, width) < tile:
        return None
    rows = np.unique(np.linspace(0, height - tile, max(1, round((height - tile) / hop) + 1)).astype(int))
    columns = np.unique(np.linspace(0, width - tile, max(1, round((width - tile) / hop) + 1)).astype(int))
    pitches = pitch * np.exp(np.arange(-0.40, 0.401, 0.01))
    tilts = angle_deg + np.arange(-14.0, 14.01, 0.5)
    centre, found, trust = [], [], []
    for y in rows:
        for x in columns:
            peak = whitened(picture[y : y + tile, x : x + tile])
            answers = [_comb(peak, pitches, tilts + 90 * axis) for axis in (0, 1)]
            centre.append((x + (tile - 1) / 2, y + (tile - 1) / 2))
            found.append([f for f, _ in answers])
            trust.append([s for _, s in answers])
    f, s = np.array(found), np.array(trust)
    return _Tiles(np.array(centre), f[:, 0], f[:, 1], s)


def _comb(peak: Float, pitches: Double, angles_deg: Double) -> tuple[Double, float]:
    """Frequency (x, y) of 1 mm, in cycles a pixel, whose comb stands out most along one axis, and how far it does."""
    score = comb_scores(peak, pitches, angles_deg)
    # Between equals the middle of the range: far from it there are other combs' teeth.
    away = np.abs(np.log(pitches / pitches[pitches.size // 2]))[:, None]
    turn = np.abs(angles_deg - angles_deg[angles_deg.size // 2])[None]
    best = np.unravel_index(int(np.argmax(score - 1.0 * away - 0.02 * turn)), score.shape)
    k, theta = 1 / pitches[best[0]], np.radians(angles_deg[best[1]])
    return np.array([k * np.cos(theta), k * np.sin(theta)]), float(score[best])


def _projective(tiles: _Tiles, grid: GridMeasure, pitch: float) -> Double | None:
    """Map from pixels to millimetres whose local scale and direction agree with the tiles."""
    from scipy.optimize import least_squares

    if not tiles.trust.max() > 0:
        return None
    weight = np.clip(tiles.trust / tiles.trust.max() - _WEAK, 0, None)
    weight /= max(float(weight.max()), 1e-9)
    if (weight > 0.1).all(axis=1).sum() < 6:
        return None
    size = tiles.centre.max(axis=0).max()
    middle = tiles.centre.mean(axis=0)
    at = (tiles.centre - middle) / size
    angle = np.radians(grid.angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * size / pitch
    start = np.array([*turn.ravel(), 0.0, 0.0])

    def jacobians(p: Double) -> Double:
        a = p[:4].reshape(2, 2)
        w = 1 + at @ p[4:]
        uv = at @ a.T
        # d(u/w)/dx = (a - (u/w) h) / w
        jac: Double = (a[None] - (uv / w[:, None])[:, :, None] * p[4:][None, None]) / w[:, None, None] / size
        return jac

    seen = np.stack([tiles.along, tiles.down], axis=1)

    def misfit(p: Double) -> Double:
        miss: Double = ((jacobians(p) - seen) * pitch * weight[:, :, None] ** 0.5).ravel()
        return miss

    # 0.01: a hundredth of a millimetre's length or direction, the step of the tiles' own search.
    fit = least_squares(misfit, start, loss="soft_l1", f_scale=0.01)
    p = fit.x
    if np.abs(p[4:]).sum() > 1.2:  # the sheet's horizon would lie within the picture
        return None
    centred = np.array([[p[0], p[1], 0], [p[2], p[3], 0], [p[4], p[5], 1.0]])
    bring = np.array([[1 / size, 0, -middle[0] / size], [0, 1 / size, -middle[1] / size], [0, 0, 1]])
    to_mm: Double = centred @ bring
    return to_mm


def _frame(to_mm: Double, width: int, height: int) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of the picture on the sheet, in mm."""
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]], np.float64)
    points = corners @ to_mm.T
    if (points[:, 2] <= 0.2).any():
        return None
    points = points[:, :2] / points[:, 2:]
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    # A sheet is 20 to 2000 mm long; more than that is a map gone wrong.
    if not (20 < right - left < 2000 and 20 < bottom - top < 2000):
        return None
    return float(left), float(top), float(right), float(bottom)


def _lattice(to_flat: Double, field: Double, size: tuple[int, int], pitch: float, step: int) -> Double:
    """Points of the flat page, a step apart, in the picture."""
    from scipy.interpolate import RectBivariateSpline

    block = round(BLOCK_MM * min(pitch, WORK_PX_PER_MM)) * max(1.0, pitch / WORK_PX_PER_MM)
    x = np.arange(0, size[0] + step, step, dtype=np.float64)
    y = np.arange(0, size[1] + step, step, dtype=np.float64)
    at_x = (np.arange(field.shape[1]) + 0.5) * block - 0.5
    at_y = (np.arange(field.shape[0]) + 0.5) * block - 0.5
    degree = (min(3, field.shape[0] - 1), min(3, field.shape[1] - 1))
    px, py = np.meshgrid(x, y)
    points = np.ones((y.size, x.size, 3))
    inside_x, inside_y = x.clip(at_x[0], at_x[-1]), y.clip(at_y[0], at_y[-1])
    for k, a in ((0, px), (1, py)):
        spline = RectBivariateSpline(at_y, at_x, field[:, :, k], kx=degree[0], ky=degree[1])
        points[:, :, k] = a - pitch * spline(inside_y, inside_x)
    back = points @ np.linalg.inv(to_flat).T
    lattice: Double = back[:, :, :2] / back[:, :, 2:]
    return lattice
