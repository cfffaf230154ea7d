"""Sheets that were crushed: crumpled paper all over, and single creases."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synth.degrade.geometry_surface import brightness, sample_lamp
from synth.degrade.geometry_warp import Coordinates, Frame, Warp
from synth.degrade.step import Step

__all__ = ["creases", "crumple", "sample_creases", "sample_crumple"]

#: Side of the kept reliefs and their pitch: half a millimetre shows a ridge, half a metre holds an A3 sheet.
_TILE_MM, _PITCH_MM = 512.0, 0.5

#: Reliefs that are kept: facets a square decimetre and their height in mm, from the large to the small. Hand-crushed
#: paper has facets of all sizes, the smaller the flatter (Blair & Kudrolli, Phys Rev Lett 2005;94:166107).
_KINDS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((4.0, 2.2), (16.0, 0.8), (70.0, 0.30)),
    ((8.0, 1.4), (40.0, 0.55), (160.0, 0.18)),
    ((1.5, 2.6), (7.0, 0.7), (30.0, 0.22)),
    ((12.0, 1.5), (100.0, 0.4)),
)


def sample_crumple(rng: np.random.Generator, low: float, high: float) -> Step:
    """Crumpled sheet; ``low`` to ``high`` is its strength, where 1 was crushed to a ball and smoothed out by hand."""
    return {
        "name": "crumple",
        "kind": int(rng.integers(len(_KINDS))),
        "strength": float(rng.uniform(low, high)),
        "at_mm": [float(rng.uniform(0, _TILE_MM)) for _ in range(2)],
        "turn_deg": float(rng.uniform(0, 360)),
        "size": float(np.exp(rng.uniform(np.log(0.7), np.log(1.8)))),
        # Strength at the corners, as a share: one side is mostly worse.
        "corners": [float(rng.uniform(0.25, 1.0)) for _ in range(4)],
        "view": [float(np.clip(rng.normal(0, 0.2), -0.45, 0.45)) for _ in range(2)],
        "lamp": sample_lamp(rng),
    }


def crumple(frame: Frame, step: Step) -> Warp:
    """Sheet with the relief ``kind`` from ``at_mm`` on, turned by ``turn_deg`` and its facets ``size`` times as large.

    Heights and slopes are those of the relief times ``strength`` and the share between the ``corners`` (clockwise from
    top left). What stands out is seen shifted by ``view`` times its height.
    """
    turned = np.radians(step["turn_deg"])
    cos, sin = float(np.cos(turned)), float(np.sin(turned))
    per_px = 1 / (frame.px_per_mm * step["size"] * _PITCH_MM)
    (middle_x, middle_y), (at_x, at_y) = frame.middle, (v / _PITCH_MM for v in step["at_mm"])

    def look(layer: int, x: Coordinates, y: Coordinates) -> Coordinates:
        import cv2

        a, b = (x - middle_x) * per_px, (y - middle_y) * per_px
        place_x, place_y = (a * cos - b * sin + at_x).astype(np.float32), (a * sin + b * cos + at_y).astype(np.float32)
        relief = _relief(step["kind"])[layer]
        seen = cv2.remap(relief, place_x, place_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(seen * _between(step["corners"], x, y, frame) * np.float32(step["strength"]))

    def back(x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        height = look(0, x, y) * (step["size"] * frame.px_per_mm)
        return x - height * step["view"][0], y - height * step["view"][1]

    def light(x: Coordinates, y: Coordinates) -> Coordinates:
        slope_a, slope_b = look(1, x, y), look(2, x, y)
        return brightness(slope_a * cos + slope_b * sin, slope_b * cos - slope_a * sin, step)

    return Warp(frame.size, np.eye(3), back, light)


def _between(corners: list[float], x: Coordinates, y: Coordinates, frame: Frame) -> Coordinates:
    """Bilinear share at points of the picture, clockwise from top left; the edge's beyond it."""
    across, down = (np.clip(v / side, 0, 1).astype(np.float32) for v, side in zip((x, y), frame.size, strict=True))
    tl, tr, br, bl = (np.float32(v) for v in corners)
    top, bottom = tl + (tr - tl) * across, bl + (br - bl) * across
    return np.asarray(top + (bottom - top) * down)


@lru_cache(maxsize=len(_KINDS))
def _relief(kind: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Height of a crumpled sheet in mm, and its slopes to the right and down; it repeats after `_TILE_MM`.

    Plane facets between points at random heights, in several sizes, their edges crooked, meet in sharp ridges as
    stretched paper does (Witten, Rev Mod Phys 2007;79:643).
    """
    import cv2

    # The seed names the relief, no page: pages differ by their place in it.
    rng = np.random.default_rng([20160718, kind])
    size = round(_TILE_MM / _PITCH_MM)
    height = np.zeros((size, size), np.float32)
    bent = _waves(rng, size), _waves(rng, size)
    for facets, rise_mm in _KINDS[kind]:
        height += np.float32(rise_mm) * _facets(rng, size, round(np.sqrt(facets) * _TILE_MM / 100), bent)
    # Paper is 0.1 mm thick: its ridges are round over about as much, and the camera sees no finer.
    height = cv2.GaussianBlur(np.pad(height, 8, mode="wrap"), (0, 0), 0.8)[8:-8, 8:-8]
    slopes = [np.roll(height, -1, axis) - np.roll(height, 1, axis) for axis in (1, 0)]
    slope_x, slope_y = (np.ascontiguousarray(slope / np.float32(2 * _PITCH_MM), np.float32) for slope in slopes)
    return np.ascontiguousarray(height, np.float32), slope_x, slope_y


def _facets(
    rng: np.random.Generator, size: int, n: int, bent: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Heights (standard deviation 1) of plane facets between n x n points, on a square that repeats."""
    import cv2
    from scipy.spatial import Delaunay

    # One point a cell and not too near its edge: two close points would make a cliff between them.
    cells = np.dstack(np.meshgrid(np.arange(n), np.arange(n))).reshape(-1, 2)
    points, heights = (cells + rng.uniform(0.05, 0.95, cells.shape)) * (size / n), rng.standard_normal(n * n)
    shifts = [np.array([x, y]) for y in (0, -size, size) for x in (0, -size, size)]
    around = np.concatenate([points + shift for shift in shifts])
    near = ((around > -0.3 * size) & (around < 1.3 * size)).all(axis=1)
    corners, tops = around[near], np.tile(heights, len(shifts))[near]
    triangles = Delaunay(corners).simplices
    which = np.zeros((size, size), np.int32)
    for k, triangle in enumerate(triangles):
        # cv2 paints the outline too, so that neighbours leave no gap; to 1/16 px.
        cv2.fillConvexPoly(which, np.rint(corners[triangle] * 16).astype(np.int32), k, cv2.LINE_8, 4)
    ones = np.concatenate([corners[triangles], np.ones((len(triangles), 3, 1))], axis=2)
    planes = np.linalg.solve(ones, tops[triangles][..., None])[..., 0].astype(np.float32)
    # Ridges are not ruled: the places are bent by a small share of a facet before they are looked up.
    axis = np.arange(size, dtype=np.float32)
    x, y = (line + np.float32(0.06 * size / n) * wave for line, wave in zip((axis, axis[:, None]), bent, strict=True))
    rows, columns = (np.rint(v).astype(np.intp) for v in (y, x))
    lap_x, lap_y = (size * (v // size) for v in (columns, rows))
    plane = planes[which[rows - lap_y, columns - lap_x]]
    return np.asarray(plane[..., 0] * (x - lap_x) + plane[..., 1] * (y - lap_y) + plane[..., 2], np.float32)


def _waves(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Smooth noise of standard deviation 1 that repeats: ten waves of up to 8 periods a side, in all directions."""
    at = np.arange(size) * (2 * np.pi / size)
    total = np.zeros((size, size))
    for across, down, phase in zip(*rng.integers(-8, 9, (2, 10)), rng.uniform(0, 2 * np.pi, 10), strict=True):
        # cos(a + b), by rows and columns
        a, b = across * at + phase, down * at
        total += np.outer(np.cos(b), np.cos(a)) - np.outer(np.sin(b), np.sin(a))
    return np.asarray(total / np.sqrt(5), np.float32)


def sample_creases(rng: np.random.Generator, most: int, high: float) -> Step:
    """One to ``most`` creases of a strength up to ``high``, where 1 is a sharp bend pressed flat again."""
    lines = []
    for _ in range(int(rng.integers(1, most + 1))):
        x, y = rng.uniform(-0.05, 1.05, 2)
        length, turned = 0.45 * rng.beta(1.2, 2.5) + 0.05, rng.uniform(0, 2 * np.pi)
        lines.append([float(v) for v in (x, y, x + length * np.cos(turned), y + length * np.sin(turned))])
    return {
        "name": "creases",
        "lines": lines,
        "height_mm": [float(rng.choice([-1.0, 1.0]) * high * rng.uniform(0.2, 1.0)) for _ in lines],
        "reach_mm": [float(rng.uniform(1.0, 4.0)) for _ in lines],
        "wobble_mm": [float(rng.uniform(0.2, 1.5)) for _ in lines],
        "view": [float(np.clip(rng.normal(0, 0.2), -0.45, 0.45)) for _ in range(2)],
        "lamp": sample_lamp(rng),
    }


def creases(frame: Frame, step: Step) -> Warp:
    """Sheet with single sharp ridges (valleys, where ``height_mm`` is negative) along ``lines``.

    A line's ends (x, y, x, y) are shares of the picture's width, y too; the ridge falls off by e within ``reach_mm``,
    runs out towards both ends, and strays from the straight by ``wobble_mm``. What stands out is seen shifted by
    ``view`` times its height.
    """
    height, slope_x, slope_y = _creased(frame, step)
    per_px = 1 / (frame.px_per_mm * _PITCH_MM)

    def look(layer: NDArray[np.float32], x: Coordinates, y: Coordinates) -> Coordinates:
        import cv2

        place_x, place_y = (np.asarray(v * per_px, np.float32) for v in (x, y))
        return np.asarray(cv2.remap(layer, place_x, place_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def back(x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        seen = look(height, x, y) * frame.px_per_mm
        return x - seen * step["view"][0], y - seen * step["view"][1]

    def light(x: Coordinates, y: Coordinates) -> Coordinates:
        return brightness(look(slope_x, x, y), look(slope_y, x, y), step)

    return Warp(frame.size, np.eye(3), back, light)


def _creased(frame: Frame, step: Step) -> tuple[NDArray[np.float32], ...]:
    """Height in mm and its slopes, every `_PITCH_MM` of the picture."""
    fine = frame.px_per_mm * _PITCH_MM
    rows, columns = (int(side / fine) + 2 for side in frame.size[::-1])
    height = np.zeros((rows, columns), np.float32)
    told = (np.array(step["lines"]) * (columns - 2), step["height_mm"], step["reach_mm"], step["wobble_mm"])
    for line, top_mm, reach_mm, wobble_mm in zip(*told, strict=True):
        _raise(height, line, top_mm, reach_mm / _PITCH_MM, wobble_mm / _PITCH_MM)
    slope_y, slope_x = np.gradient(height, np.float32(_PITCH_MM))
    return height, np.ascontiguousarray(slope_x), np.ascontiguousarray(slope_y)


def _raise(height: NDArray[np.float32], line: NDArray[np.float64], top: float, reach: float, wobble: float) -> None:
    """Add one ridge, in place; all lengths in its pixels."""
    (x0, y0), (x1, y1) = line[:2], line[2:]
    length = float(np.hypot(x1 - x0, y1 - y0))
    pad = 4 * reach + wobble
    left, right = (int(np.clip(v, 0, height.shape[1])) for v in (min(x0, x1) - pad, max(x0, x1) + pad))
    above, below = (int(np.clip(v, 0, height.shape[0])) for v in (min(y0, y1) - pad, max(y0, y1) + pad))
    x = np.arange(left, right, dtype=np.float32) - np.float32(x0)
    y = np.arange(above, below, dtype=np.float32)[:, None] - np.float32(y0)
    cos, sin = np.float32((x1 - x0) / length), np.float32((y1 - y0) / length)
    along = (x * cos + y * sin) / np.float32(length)
    stray = np.float32(wobble / 2) * (np.sin(9 * along + np.float32(x0)) + np.sin(23 * along + np.float32(y0)))
    off = np.abs(y * cos - x * sin - stray)
    # A ridge runs out at its ends as a wedge does, and its crest is as round as two pixels.
    faded = np.clip(1 - (2 * along - 1) ** 2, 0, None)
    height[above:below, left:right] += np.float32(top) * faded * np.exp(-np.sqrt(off**2 + 1) / np.float32(reach))
