"""Pages whose every pixel of ink has a known owner: drawn, damaged, and seen through the reader's own stages.

What the network learns from is not the drawn page but what the reader makes of it: the sheet brought upright or
flattened, the share of ink, rules taken out. The truth goes the same way, point by point: each line of 0 mV is
followed from the sheet to the picture by the page's paper map and from there to the upright page by the reader's map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.dewarp import Flattening, picture_points
from digitize.options import DigitizeOptions
from digitize.orient import turned
from digitize.owner.owners import PX_PER_MM
from digitize.segment import ink_map, remove_rules
from digitize.sheet import Sheet, upright
from digitize.shrinking import resized
from ecg.errors import DigitizationError
from ecg.formats.atomic import replacing
from synth.lattice import invert, look_up
from synth.page import PaperMap, SynthPage, move_points

__all__ = [
    "OTHER",
    "PULSE",
    "SEPARATOR",
    "OwnerPage",
    "flat_points",
    "levels_at",
    "load_page",
    "paper_points",
    "save_page",
    "seen_by_reader",
    "upright_points",
    "with_halo",
]

Points = NDArray[np.float64]

#: Kinds of print in `OwnerPage.print`: calibration pulses, letters and codes, bars between columns.
PULSE, OTHER, SEPARATOR = 1, 2, 3
#: Points of a line of 0 mV: one every 8 mm of a row of ten seconds, closer than paper bends.
_N_POINTS = 33
#: Share of ink, of 255, from which a cell beside a trace holds its edge: where the network is asked at all.
_HALO = 31
#: A scale that the reader measures this far off, as a logarithm, spoils all its later stages: such a page is left out.
_SCALE_OFF = 0.1
#: Likewise lines of 0 mV that still rise or fall this many mm: the reader follows level ones.
_SLANT_MM = 8.0


@dataclass(frozen=True, eq=False)
class OwnerPage:
    """A page as the network sees it, and whose its ink is; 4 pixels per millimetre.

    Parameters
    ----------
    share : uint8 array [height, width]
        Ink, 0 to 255.
    light : uint8 array [height, width]
        Brightness, evened out so that paper is 200.
    owner : uint8 array [height, width]
        0, or 1 + the index of the trace that drew here.
    baselines : float32 array [traces, points, 2]
        Line of 0 mV of each trace (x, y) in pixels, from left to right.
    print : float32 array [n, 5]
        Everything else that was printed: `PULSE`, `OTHER` or `SEPARATOR`, then left, top, right, bottom in pixels.
    """

    share: NDArray[np.uint8]
    light: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    baselines: NDArray[np.float32]
    print: NDArray[np.float32]


#: Names of the arrays in a file.
_KEYS = {"share": "s", "light": "l", "owner": "o", "baselines": "b", "print": "t"}


def save_page(path: Path, page: OwnerPage) -> None:
    """Write a page as a compressed npz file."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{key: getattr(page, name) for name, key in _KEYS.items()})


def load_page(path: Path) -> OwnerPage:
    """Read a page that `save_page` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return OwnerPage(**{name: arrays[key] for name, key in _KEYS.items()})


def seen_by_reader(
    page: SynthPage, undamaged: SynthPage, zoom_error: float = 0.0, steps: list[Mapping[str, Any]] | None = None
) -> OwnerPage:
    """Take a drawn page through the reader's stages up to the network, and its truth along.

    Parameters
    ----------
    page : SynthPage
    undamaged : SynthPage
        The same page before its first step of damage.
    zoom_error : float
        Logarithm of the factor by which the scale is to be taken wrong.
    steps : list of mapping, optional
        Takes what the reader measured.

    Returns
    -------
    OwnerPage

    Raises
    ------
    DigitizationError
        If the reader would refuse the page, or mistakes its scale.
    """
    sheet = upright(page.page, DigitizeOptions(), [] if steps is None else steps)
    lines_mm = _lines_on_sheet(undamaged)
    lines = upright_points(sheet, paper_points(page.paper_map, lines_mm.reshape(-1, 2))).reshape(lines_mm.shape)
    px_per_mm, quarters = _measured(lines, lines_mm), _quarters(lines)
    _check(sheet, lines, px_per_mm, quarters)
    guess = sheet.grid.px_per_mm_x if sheet.grid is not None else px_per_mm
    ink = ink_map(sheet.image, guess, sheet.grid)
    share, _ = remove_rules(_rimless(np.ascontiguousarray(np.rot90(ink.share, quarters)), guess), guess)
    light = np.ascontiguousarray(np.rot90(ink.light, quarters))
    height, width = sheet.image.shape[:2]
    turn = turned(None, quarters, width, height)
    lines = lines if turn is None else move_points(turn, lines.reshape(-1, 2)).reshape(lines.shape)
    zoom = PX_PER_MM / px_per_mm * float(np.exp(zoom_error))
    return _at_network_scale(page, sheet.turned(quarters), (share, light), lines, zoom)


def _at_network_scale(
    page: SynthPage,
    sheet: Sheet,
    seen: tuple[NDArray[np.float32], NDArray[np.uint8]],
    lines: Points,
    zoom: float,
) -> OwnerPage:
    height, width = seen[0].shape
    size = (round(width * zoom), round(height * zoom))
    ratio = np.array([size[0] / width, size[1] / height])
    share = resized(seen[0], size[::-1]).clip(0, 1)
    # Whole pixels are centres on both scales.
    baselines = (lines + 0.5) * ratio - 0.5
    printed = []
    for text in page.texts:
        quad = (upright_points(sheet, text.quad) + 0.5) * ratio - 0.5
        kind = {"pulse": PULSE, "separator": SEPARATOR}.get(text.role, OTHER)
        printed.append((kind, *quad.min(axis=0), *quad.max(axis=0)))
    drawn = OwnerPage(
        np.rint(share * 255).astype(np.uint8),
        resized(seen[1], size[::-1]),
        _owners(page, sheet, size, ratio),
        baselines.astype(np.float32),
        np.array(printed, np.float32).reshape(-1, 5),
    )
    traced = drawn.share[drawn.owner > 0]
    if not traced.size or np.median(traced) < _HALO:
        raise DigitizationError("segment", "the traces are no darker than what lies under them", "draw another page")
    return with_halo(drawn)


def with_halo(page: OwnerPage) -> OwnerPage:
    """Page on which the soft edge of a trace's ink is the trace's own as well.

    The mask of a drawn page ends where the pen covers half a pixel; blur and resampling carry ink a cell further: half
    of all the ink that would otherwise be nobody's. Print keeps its own edges.
    """
    import cv2

    near = cv2.dilate(page.owner, np.ones((3, 3), np.uint8))
    free = (page.owner == 0) & (page.share >= _HALO)
    for _, left, top, right, bottom in page.print:
        free[max(0, int(top)) : max(0, int(bottom) + 2), max(0, int(left)) : max(0, int(right) + 2)] = False
    return replace(page, owner=np.where(free, near, page.owner))


def _owners(page: SynthPage, sheet: Sheet, size: tuple[int, int], ratio: Points) -> NDArray[np.uint8]:
    """Owner of each cell of the upright page: looked up in the picture, where it is known to the pixel."""
    import cv2

    columns, rows = (np.arange(n, dtype=np.float64) for n in size)
    across, down = np.meshgrid((columns + 0.5) / ratio[0] - 0.5, (rows + 0.5) / ratio[1] - 0.5)
    at = _picture(sheet, np.column_stack([across.ravel(), down.ravel()]))
    # Any ink of a trace within the cell counts: look up the largest number within a cell's width.
    cell = float(np.median(np.hypot(*np.diff(at[: size[0]], axis=0).T)))
    reach = max(1, round(cell))
    masks = cv2.dilate(page.masks, np.ones((reach, reach), np.uint8))
    x, y = np.rint(at).astype(np.int64).T
    inside = (x >= 0) & (y >= 0) & (x < masks.shape[1]) & (y < masks.shape[0])
    owner = np.zeros(x.size, np.uint8)
    owner[inside] = masks[y[inside], x[inside]]
    return owner.reshape(size[1], size[0])


def _picture(sheet: Sheet, points: Points) -> Points:
    """Where points of the upright page lie in the picture."""
    if sheet.flattening is not None:
        return picture_points(sheet.flattening, points)
    if sheet.homography is None:
        return points
    back: Points = np.linalg.inv(sheet.homography).astype(np.float64)
    return move_points(back, points)


def upright_points(sheet: Sheet, points: Points) -> Points:
    """Where points of the picture lie on the upright page.

    Parameters
    ----------
    sheet : Sheet
    points : float array [n, 2]
        (x, y) in pixels of the picture as it came.

    Returns
    -------
    float array [n, 2]
    """
    if sheet.flattening is not None:
        return flat_points(sheet.flattening, points)
    return points if sheet.homography is None else move_points(sheet.homography, points)


def flat_points(flat: Flattening, points: Points) -> Points:
    """Where points of the picture lie on the flattened page: the inverse of `digitize.dewarp.picture_points`.

    Parameters
    ----------
    flat : Flattening
    points : float array [n, 2]
        (x, y) in pixels of the picture as it came.

    Returns
    -------
    float array [n, 2]
        In pixels of the upright page.
    """
    # The projective part is some millimetres off at most: a fine place to start from.
    found = invert(flat.lattice, points, move_points(flat.homography, points) / flat.step_px) * flat.step_px
    turn = turned(None, flat.quarters, *flat.size)
    return found if turn is None else move_points(turn, found)


def paper_points(paper: PaperMap, points_mm: Points) -> Points:
    """Where points of the sheet stand on the picture: the inverse of `synth.page.sheet_points`.

    Parameters
    ----------
    paper : PaperMap
    points_mm : float array [n, 2]
        Millimetres (x, y) from the sheet's top left corner.

    Returns
    -------
    float array [n, 2]
        In pixels of the picture.

    Examples
    --------
    >>> from synth.source import demo_page
    >>> from synth.page import sheet_points
    >>> page = demo_page()
    >>> there = paper_points(page.paper_map, np.array([[100.0, 50.0]]))
    >>> np.allclose(sheet_points(page, there), [[100.0, 50.0]], atol=0.01)
    True
    """
    index = [np.interp(points_mm[:, k], axis, np.arange(axis.size)) for k, axis in ((0, paper.x_mm), (1, paper.y_mm))]
    return look_up(paper.points, np.column_stack(index))


def _lines_on_sheet(undamaged: SynthPage) -> Points:
    """Points of each line of 0 mV in millimetres of the sheet [traces, points, 2]."""
    ends = np.array([trace.baseline for trace in undamaged.traces])
    scale = undamaged.scale
    ends = (ends - undamaged.paper_map.origin_px) / (scale.px_per_mm_x, scale.px_per_mm_y)
    part = np.linspace(0, 1, _N_POINTS)[None, :, None]
    lines: Points = ends[:, :1] * (1 - part) + ends[:, 1:] * part
    return lines


def _measured(lines: Points, lines_mm: Points) -> float:
    """Pixels per millimetre along the lines."""
    length, length_mm = (np.hypot(*np.moveaxis(np.diff(a, axis=1), 2, 0)).sum(axis=1) for a in (lines, lines_mm))
    return float(np.median(length / length_mm))


def _quarters(lines: Points) -> int:
    """Quarter turns, counter-clockwise, after which the lines run from left to right."""
    dx, dy = np.median(lines[:, -1] - lines[:, 0], axis=0)
    return int(np.rint(np.arctan2(dy, dx) / (np.pi / 2))) % 4


def _check(sheet: Sheet, lines: Points, px_per_mm: float, quarters: int) -> None:
    """Refuse a page that the reader did not bring upright, or whose scale it mistook."""
    if sheet.grid is not None:
        seen = sheet.grid.px_per_mm_y if quarters % 2 else sheet.grid.px_per_mm_x
        if abs(np.log(seen / px_per_mm)) > _SCALE_OFF:
            raise DigitizationError("grid", f"{seen:.2f} pixels per mm, in truth {px_per_mm:.2f}", "draw another page")
    slant_mm = float(np.median(np.ptp(lines[:, :, 0 if quarters % 2 else 1], axis=1))) / px_per_mm
    if slant_mm > _SLANT_MM:
        raise DigitizationError("rectify", f"the lines of trace fall by {slant_mm:.1f} mm", "draw another page")


def _rimless(share: NDArray[np.float32], px_per_mm: float) -> NDArray[np.float32]:
    """Ink map without its outermost millimetre, as the reader takes it."""
    rim = max(1, round(px_per_mm))
    inner = np.zeros_like(share)
    inner[rim:-rim, rim:-rim] = share[rim:-rim, rim:-rim]
    return inner


def levels_at(page: OwnerPage, first: int, stop: int) -> NDArray[np.float32]:
    """Rows of the lines of 0 mV in columns ``first`` to ``stop`` [1 + traces, columns]; index 0 is nobody's, 0."""
    columns = np.arange(first, stop, dtype=np.float32)
    levels = np.zeros((len(page.baselines) + 1, columns.size), np.float32)
    for index, line in enumerate(page.baselines, start=1):
        levels[index] = np.interp(columns, line[:, 0], line[:, 1])
    return levels
