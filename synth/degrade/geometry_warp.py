"""Consecutive geometric steps, done as one.

Each step is a `Warp`: where a pixel of the picture after comes from. The backward maps of a chain are composed on a
lattice, the picture is sampled once through it, and every point of the truth is moved by inverting that same lattice,
so that truth and ink agree whatever the steps are. A chain of homographies alone is one homography, exact for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.step import Step, hide_where, logged
from synth.page import SynthPage, move_points, warp_page

if TYPE_CHECKING:
    from synth.degrade.geometry_remap import Shadow

__all__ = ["Coordinates", "Frame", "Warp", "bend"]

Image = NDArray[np.uint8]
Coordinates = NDArray[np.floating[Any]]

#: Below this many pixels after for one before, the picture is shrunk first, each pixel the mean of those it covers;
#: above it, sampling between four neighbours skips none.
_SHRINK = 0.75


@dataclass(frozen=True)
class Frame:
    """The picture that a step finds.

    Parameters
    ----------
    size : tuple of int
        Width and height in pixels.
    px_per_mm : float
        Pixels for a millimetre of the sheet, on average.
    """

    size: tuple[int, int]
    px_per_mm: float

    @property
    def middle(self) -> tuple[float, float]:
        """Middle of the picture in pixels."""
        return (self.size[0] - 1) / 2, (self.size[1] - 1) / 2

    @property
    def diagonal(self) -> float:
        """Length of its diagonal in pixels."""
        return float(np.hypot(*self.size))


@dataclass(frozen=True)
class Warp:
    """What a geometric step does to a picture.

    Parameters
    ----------
    size : tuple of int
        Width and height after.
    matrix : float64 array [3, 3]
        Homography from pixels before to pixels after; where there is ``back``, one that is near it.
    back : callable or None
        Pixels (x, y) after to pixels before; None where the step is the homography.
    light : callable or None
        Pixels (x, y) before to the brightness of the sheet there, 1 where it lies flat.
    edge : callable or None
        Pixels (x, y) before to the distance from a torn edge in pixels, negative where the sheet is gone.
    """

    size: tuple[int, int]
    matrix: NDArray[np.float64]
    back: Callable[[Coordinates, Coordinates], tuple[Coordinates, Coordinates]] | None = None
    light: Callable[[Coordinates, Coordinates], Coordinates] | None = None
    edge: Callable[[Coordinates, Coordinates], Coordinates] | None = None


#: From the picture as found and the step's parameters to the warp.
WarpOf = Callable[[Frame, Step], Warp]


def bend(page: SynthPage, steps: Sequence[Step], warps: Sequence[WarpOf]) -> SynthPage:
    """Do geometric steps in one pass.

    Parameters
    ----------
    page : SynthPage
    steps : sequence of mapping
        At least one. What the sheet leaves bare is filled as the last step says that has a ``background``
        (parameters of `synth.degrade.backgrounds.background`) or ``fill_rgb``; with the paper's colour where none
        has. ``shadow`` (``x_mm, y_mm, reach_mm, depth``) is thrown on it by the sheet.
    warps : sequence of callable
        How each is done.

    Returns
    -------
    SynthPage
        With the steps in its log.
    """
    chain = _chain(page, steps, warps)
    matrix: NDArray[np.float64] = reduce(lambda done, warp: warp.matrix @ done, chain, np.eye(3))
    size, flat = chain[-1].size, all(warp.back is None for warp in chain)
    plain = flat and not any(warp.edge for warp in chain)
    if plain and _whole_pixels(matrix, page.masks.shape, size):
        image, masks = (_rearranged(layer, matrix, size) for layer in (page.page.image, page.masks))
        bent = warp_page(page, image, masks, _by_matrix(matrix), matrix)
    elif plain and not any("background" in step or "shadow" in step for step in steps):
        image, masks = _project(page, matrix, size, _fill_rgb(page, steps))
        bent = warp_page(page, image, masks, _by_matrix(matrix), matrix)
    else:
        sampling = _compose(chain, matrix, (page.page.width, page.page.height))
        image, masks = _sample(page, sampling, _ground(page, steps, size), _shadow(page, steps))
        bent = warp_page(page, image, masks, _by_matrix(matrix) if flat else sampling.move, matrix if flat else None)
        bent = _torn(bent, sampling)
    dpi = page.page.dpi and page.page.dpi * float(np.prod([step.get("factor", 1.0) for step in steps]))
    return reduce(logged, steps, replace(bent, page=replace(bent.page, dpi=dpi)))


def _chain(page: SynthPage, steps: Sequence[Step], warps: Sequence[WarpOf]) -> list[Warp]:
    """Each step's warp, from the picture that the one before leaves."""
    frame = Frame((page.page.width, page.page.height), _px_per_mm(page))
    chain: list[Warp] = []
    for step, warp_of in zip(steps, warps, strict=True):
        chain.append(warp_of(frame, step))
        frame = Frame(chain[-1].size, frame.px_per_mm * _zoom(chain[-1].matrix, frame.middle))
    return chain


def _by_matrix(matrix: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda points: move_points(matrix, points)


def _px_per_mm(page: SynthPage) -> float:
    """Square root of the sheet's area in pixels over that in millimetres."""
    (x0, y0), (x1, y1) = page.corners[2] - page.corners[0], page.corners[3] - page.corners[1]
    return float(np.sqrt(abs(x0 * y1 - y0 * x1) / 2 / (page.paper_map.x_mm[-1] * page.paper_map.y_mm[-1])))


def _zoom(matrix: NDArray[np.float64], middle: tuple[float, float]) -> float:
    """Pixels after for each pixel before, at the middle of the picture."""
    x, y = middle
    three = move_points(matrix, np.array([[x, y], [x + 1, y], [x, y + 1]]))
    across, down = three[1] - three[0], three[2] - three[0]
    return float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))


def _fill_rgb(page: SynthPage, steps: Sequence[Step]) -> tuple[int, ...]:
    named = [step["fill_rgb"] for step in steps if "fill_rgb" in step]
    return tuple(int(v) for v in (named[-1] if named else page.style.paper_rgb))


def _whole_pixels(matrix: NDArray[np.float64], before: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a map only turns by quarters, mirrors and cuts off, so that pixels move whole."""
    if not (np.isin(matrix[:2, :2], (-1, 0, 1)).all() and (matrix == np.rint(matrix)).all()):
        return False
    if abs(np.linalg.det(matrix)) != 1 or (matrix[2] != (0, 0, 1)).any():
        return False
    low = _lowest(matrix, before)
    sides = np.abs(matrix[:2, :2]) @ (before[1], before[0])
    return bool((low <= 0).all() and (low + sides >= size).all())


def _lowest(matrix: NDArray[np.float64], before: tuple[int, ...]) -> NDArray[np.float64]:
    """Least x and y of the moved picture's pixels."""
    ends = np.array([[0.0, 0.0], [before[1] - 1.0, before[0] - 1.0]])
    return np.asarray(move_points(matrix, ends).min(axis=0))


def _rearranged(layer: Image, matrix: NDArray[np.float64], size: tuple[int, int]) -> Image:
    import cv2

    left, top = np.rint(-_lowest(matrix, layer.shape)).astype(int)
    turned = int(matrix[0, 0] == 0)
    if turned:
        layer = cv2.transpose(layer).astype(np.uint8, copy=False)
    across, down = matrix[0, turned] < 0, matrix[1, 1 - turned] < 0
    if across or down:
        way = -1 if across and down else int(across)  # cv2: 1 exchanges left and right, 0 top and bottom
        layer = cv2.flip(layer, way).astype(np.uint8, copy=False)
    return np.ascontiguousarray(layer[top : top + size[1], left : left + size[0]])


def _project(
    page: SynthPage, matrix: NDArray[np.float64], size: tuple[int, int], fill: tuple[int, ...]
) -> tuple[Image, Image]:
    """Picture and mask after a homography."""
    import cv2

    zoom = _zoom(matrix, ((page.page.width - 1) / 2, (page.page.height - 1) / 2))
    source, shrunk = _shrink(page.page.image, zoom)
    from_source = matrix @ np.linalg.inv(shrunk)
    if (matrix[2] == (0, 0, 1)).all():
        image = cv2.warpAffine(source, from_source[:2], size, flags=cv2.INTER_LINEAR, borderValue=fill)
        masks = cv2.warpAffine(page.masks, matrix[:2], size, flags=cv2.INTER_NEAREST, borderValue=0)
    else:
        image = cv2.warpPerspective(source, from_source, size, flags=cv2.INTER_LINEAR, borderValue=fill)
        masks = cv2.warpPerspective(page.masks, matrix, size, flags=cv2.INTER_NEAREST, borderValue=0)
    return image.astype(np.uint8, copy=False), masks.astype(np.uint8, copy=False)


def _shrink(image: Image, zoom: float) -> tuple[Image, NDArray[np.float64]]:
    """Picture small enough to be sampled without skipping pixels, and the homography to its pixels."""
    import cv2

    if zoom >= _SHRINK:
        return image, np.eye(3)
    height, width = (max(2, round(side * zoom)) for side in image.shape[:2])
    a, b = width / image.shape[1], height / image.shape[0]
    # Whole numbers are centres of pixels, so the corner at -1/2 stays at -1/2.
    matrix = np.array([[a, 0.0, (a - 1) / 2], [0.0, b, (b - 1) / 2], [0.0, 0.0, 1.0]])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False), matrix


@dataclass(frozen=True)
class _Sampling:
    """Where a picture after a chain of warps comes from.

    Parameters
    ----------
    matrix : float64 array [3, 3]
        The chain's homography, or one near it.
    first : int array [2]
        Column and row of the picture's pixel (0, 0) in the lattice, negative: the lattice starts before it.
    lattice : float64 array [rows, columns, 2]
        Pixels before the chain at every `CELL`-th pixel.
    shown : float64 array [rows, columns, 2]
        The part that the picture needs.
    light, edge : float32 array [rows, columns] or None
        Brightness, and pixels (before) to the sheet's torn edge, at every `LIGHT_CELL`-th pixel of the picture.
    """

    matrix: NDArray[np.float64]
    first: NDArray[np.intp]
    lattice: NDArray[np.float64]
    shown: NDArray[np.float64]
    light: NDArray[np.float32] | None
    edge: NDArray[np.float32] | None

    def move(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels before to pixels after: the lattice inverted."""
        from synth.degrade.geometry_remap import CELL
        from synth.lattice import invert

        guess = move_points(self.matrix, points) / CELL - self.first
        return (invert(self.lattice, points, guess) + self.first) * CELL


def _compose(chain: Sequence[Warp], matrix: NDArray[np.float64], before: tuple[int, int]) -> _Sampling:
    from synth.degrade.geometry_remap import CELL

    size = chain[-1].size
    first, last = _reach(matrix, before, size)
    axes = (np.arange(a, b + 1) * float(CELL) for a, b in zip(first, last, strict=True))
    x: Coordinates
    y: Coordinates
    x, y = np.meshgrid(*axes)
    shown = tuple(slice(-a, -a + -(-side // CELL) + 1) for a, side in zip(first[::-1], size[::-1], strict=True))
    lights, edges = [], []
    for warp in reversed(chain):
        x, y = _back(warp, x, y)
        if warp.light is not None or warp.edge is not None:
            fine = _refined(x[shown]), _refined(y[shown])
            lights += [warp.light(*fine)] if warp.light is not None else []
            edges += [warp.edge(*fine)] if warp.edge is not None else []
    lattice = np.ascontiguousarray(np.dstack([x, y]), np.float64)
    light = _exposed(np.prod(lights, axis=0)) if lights else None
    edge = np.asarray(np.min(edges, axis=0), np.float32) if edges else None
    return _Sampling(matrix, first, lattice, np.ascontiguousarray(lattice[shown]), light, edge)


def _exposed(light: Coordinates) -> NDArray[np.float32]:
    """Light as a camera exposes for it: what is lightest stays as light as flat paper was, the rest is darker."""
    brightest = float(np.quantile(light[::4, ::4], 0.98))
    return np.asarray(light / max(1.0, brightest), np.float32)


def _sample(page: SynthPage, sampling: _Sampling, ground: Image, shadow: Shadow | None) -> tuple[Image, Image]:
    """Picture and mask through the composed lattice."""
    from synth.degrade.geometry_remap import CELL, remap

    source, shrunk = _shrink(page.page.image, CELL / _stretch(sampling.shown))
    scaled = sampling.shown * shrunk[[0, 1], [0, 1]] + shrunk[:2, 2]
    edge = None if sampling.edge is None else sampling.edge * np.float32(shrunk[0, 0])
    if shadow is not None:
        lengths = {name: getattr(shadow, name) * shrunk[0, 0] for name in ("x_px", "y_px", "reach_px")}
        shadow = replace(shadow, **lengths)
    return remap(source, page.masks, scaled, ground, sampling.light, shadow, edge)


def _torn(page: SynthPage, sampling: _Sampling) -> SynthPage:
    """Page whose truth ends at the sheet's torn edge."""
    from synth.degrade.geometry_remap import LIGHT_CELL
    from synth.lattice import look_up

    if sampling.edge is None:
        return page
    edge = np.dstack([sampling.edge, sampling.edge]).astype(np.float64)
    return hide_where(page, lambda x, y: look_up(edge, np.column_stack([x, y]) / LIGHT_CELL)[:, 0] < 0)


def _reach(
    matrix: NDArray[np.float64], before: tuple[int, int], size: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last lattice points (x, y): the picture and the sheet, where it stands out by a picture at most."""
    from synth.degrade.geometry_remap import CELL

    (width, height), limit = before, np.array(size)
    sheet = move_points(matrix, np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]))
    # The homography is near the map, not the map: a tenth of the picture is added on each side that it overshoots.
    low, high = sheet.min(axis=0) - 0.1 * limit, sheet.max(axis=0) + 0.1 * limit
    first = np.floor(np.clip(low, -limit, 0) / CELL).astype(np.intp)
    last = np.ceil(np.clip(high, limit, 2 * limit) / CELL).astype(np.intp) + 1
    return first, last


def _back(warp: Warp, x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
    if warp.back is not None:
        return warp.back(x, y)
    m = np.linalg.inv(warp.matrix)
    if (warp.matrix[2] == (0, 0, 1)).all():
        return m[0, 0] * x + m[0, 1] * y + m[0, 2], m[1, 0] * x + m[1, 1] * y + m[1, 2]
    # Past the horizon the sign turns; nothing of the sheet lies there.
    w = np.maximum(m[2, 0] * x + m[2, 1] * y + m[2, 2], 1e-3)
    return (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / w, (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / w


def _refined(values: Coordinates) -> NDArray[np.float32]:
    """Twice as many points each way, the new ones halfway: the same bilinear map."""
    rows, columns = values.shape
    fine = np.empty((2 * rows - 1, 2 * columns - 1), np.float32)
    fine[::2, ::2] = values
    fine[::2, 1::2] = (fine[::2, :-1:2] + fine[::2, 2::2]) / 2
    fine[1::2] = (fine[:-1:2] + fine[2::2]) / 2
    return fine


def _stretch(lattice: NDArray[np.float64]) -> float:
    """Mean length of the lattice's longer cell sides, in pixels before."""
    across, down = np.diff(lattice, axis=1), np.diff(lattice, axis=0)
    return float(max(np.mean(np.hypot(*np.moveaxis(side, -1, 0))) for side in (across, down)))


def _ground(page: SynthPage, steps: Sequence[Step], size: tuple[int, int]) -> Image:
    """Draw what the sheet lies on: as the last step says that names a background or a colour."""
    told = [step for step in steps if "background" in step or "fill_rgb" in step]
    if told and "background" in told[-1]:
        drawer = import_module("synth.degrade.backgrounds")  # its kernels and tiles load with it
        return np.asarray(drawer.background(told[-1]["background"], size[1], size[0]), np.uint8)
    ground = np.empty((size[1], size[0], 3), np.uint8)
    ground[:] = np.tile(np.array(_fill_rgb(page, steps), np.uint8), (size[0], 1))
    return ground


def _shadow(page: SynthPage, steps: Sequence[Step]) -> Shadow | None:
    """Shadow of the sheet as the last step has it that has one."""
    from synth.degrade.geometry_remap import Shadow

    thrown = [step["shadow"] for step in steps if "shadow" in step]
    if not thrown:
        return None
    px, last = _px_per_mm(page), thrown[-1]
    return Shadow(last["x_mm"] * px, last["y_mm"] * px, last["reach_mm"] * px, last["depth"])
