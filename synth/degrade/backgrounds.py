"""What a photographed sheet lies on: a table, steel, cloth, a mat, a tray with other paper, a hand at its edge.

A background is drawn from its parameters alone, at a quarter of the size, and enlarged; a grain laid over it at full
size keeps it from looking smoother than the sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import CLOUD, GRAIN, cloud, noise_tile

__all__ = ["KINDS", "background", "draw_hand", "sample_background", "sample_hand"]

Float = NDArray[np.float32]
Grey = NDArray[np.uint8]

#: Pixels of the picture in one of the drawn field.
_STEP = 4

#: Base colours that such things have, dark to light.
_COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "wood": ((92, 62, 40), (134, 96, 62), (170, 128, 86), (196, 164, 124), (68, 48, 36)),
    "laminate": ((196, 194, 188), (160, 162, 164), (214, 208, 196), (120, 124, 130)),
    "steel": ((150, 154, 158), (176, 178, 180), (128, 132, 138)),
    "cloth": ((70, 104, 128), (206, 212, 216), (96, 122, 104), (140, 150, 168), (52, 56, 70)),
    "mat": ((40, 42, 46), (58, 64, 74), (30, 60, 74), (82, 44, 46)),
}
#: Kinds of background.
KINDS = tuple(_COLOURS)


def sample_background(rng: np.random.Generator) -> dict[str, Any]:
    """Draw what the sheet lies on, in plain numbers.

    Returns
    -------
    dict
        ``kind, rgb, at`` (place in the kept noise), ``angle`` of its grain in radians, ``size`` of the grain as a share
        of the longer side, ``contrast``, ``papers``: other sheets beneath, their corners in shares of the picture.
    """
    kind = str(rng.choice(KINDS, p=(0.34, 0.24, 0.1, 0.16, 0.16)))
    colours = _COLOURS[kind]
    base = np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, 12) + rng.normal(0, 3, 3)
    papers = []
    for _ in range(int(rng.choice(3, p=(0.65, 0.25, 0.1)))):
        middle, turn = rng.uniform(-0.1, 1.1, 2), float(rng.uniform(0, np.pi))
        half = np.array([0.35, 0.25]) * rng.uniform(0.6, 1.3)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shape = np.round(corners @ spin.T + middle, 4).tolist()
        papers.append({"points": shape, "grey": int(rng.integers(190, 246))})
    return {
        "kind": kind,
        "rgb": [int(v) for v in np.clip(base, 8, 247)],
        "at": [float(v) for v in rng.uniform(0, CLOUD, 2)],
        "angle": float(rng.uniform(0, np.pi)),
        "size": float(rng.uniform(0.4, 1.2)),
        "contrast": float(rng.uniform(0.5, 1.2)),
        "papers": papers,
    }


def background(step: Mapping[str, Any], height: int, width: int) -> Grey:
    """Draw a background.

    Parameters
    ----------
    step : mapping
        As `sample_background` gives it.
    height, width : int
        Pixels.

    Returns
    -------
    uint8 array [height, width, 3]
        RGB.
    """
    import cv2

    rows, columns = -(-height // _STEP), -(-width // _STEP)
    long = max(rows, columns)
    x, y = np.meshgrid(
        (np.arange(columns, dtype=np.float32) - columns / 2) / long,
        (np.arange(rows, dtype=np.float32) - rows / 2) / long,
    )
    cos, sin = float(np.cos(step["angle"])), float(np.sin(step["angle"]))
    along, across = (v.astype(np.float32) for v in (cos * x + sin * y, cos * y - sin * x))
    tint = _PATTERNS[step["kind"]](along, across, step)
    picture = np.asarray(step["rgb"], np.float32) * (1 + 0.16 * step["contrast"] * tint[..., None])
    small = np.clip(picture, 0, 255).astype(np.uint8)
    for paper in step["papers"]:
        _lay_paper(small, paper)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return _grained(large, step)


def _grained(image: Grey, step: Mapping[str, Any]) -> Grey:
    """Picture with the grain of its own matter, a few grey levels."""
    import cv2

    tile = noise_tile(0.7, 0.1)
    tile = np.roll(tile, [int(v) % n for v, n in zip(step["at"], GRAIN, strict=True)], axis=(0, 1)) // 12
    out = np.empty_like(image)
    for top in range(0, image.shape[0], tile.shape[0]):
        for left in range(0, image.shape[1], tile.shape[1]):
            part = image[top : top + tile.shape[0], left : left + tile.shape[1]]
            grain = np.ascontiguousarray(tile[: part.shape[0], : part.shape[1]])
            out[top : top + part.shape[0], left : left + part.shape[1]] = cv2.add(part, grain, dtype=cv2.CV_8U)
    return out


def _stretched(along: Float, times: float) -> Float:
    return np.asarray(along / times, np.float32)


def _wood(along: Float, across: Float, step: Mapping[str, Any]) -> Float:
    """Fibres drawn out twelvefold, and rings that bend around them."""
    at, size = step["at"], step["size"]
    fibre = cloud(_stretched(along, 12), across, at, 0.5 * size, 1.0)
    bend = cloud(_stretched(along, 4), across, [at[1], at[0]], 2.0 * size, 2.0)
    rings = np.sin((across / size * 60 + 5 * bend).astype(np.float32))
    return np.asarray(0.6 * fibre + 0.45 * rings + 0.35 * bend, np.float32)


def _laminate(along: Float, across: Float, step: Mapping[str, Any]) -> Float:
    return np.asarray(0.35 * cloud(along, across, step["at"], 1.5 * step["size"], 1.6), np.float32)


def _steel(along: Float, across: Float, step: Mapping[str, Any]) -> Float:
    """Brushed: scratches forty times as long as wide, and broad reflections."""
    brushed = cloud(_stretched(along, 40), across, step["at"], 0.3 * step["size"], 0.6)
    sheen = cloud(_stretched(along, 3), across, step["at"][::-1], 3.0 * step["size"], 2.2)
    return np.asarray(0.35 * brushed + 0.9 * sheen, np.float32)


def _cloth(along: Float, across: Float, step: Mapping[str, Any]) -> Float:
    """Draw a weave, and folds that catch the light."""
    weave = np.sin(along * 900 / step["size"]) * np.sin(across * 900 / step["size"])
    folds = cloud(_stretched(along, 2), across, step["at"], 1.6 * step["size"], 2.2)
    return np.asarray(0.25 * weave + 0.9 * folds, np.float32)


def _mat(along: Float, across: Float, step: Mapping[str, Any]) -> Float:
    return np.asarray(0.5 * cloud(along, across, step["at"], 0.25 * step["size"], 0.8), np.float32)


_PATTERNS: dict[str, Callable[[Float, Float, Mapping[str, Any]], Float]] = {
    "wood": _wood,
    "laminate": _laminate,
    "steel": _steel,
    "cloth": _cloth,
    "mat": _mat,
}


def _lay_paper(small: Grey, paper: Mapping[str, Any]) -> None:
    """Put another sheet, with its shadow, on a background."""
    import cv2

    size = np.array([small.shape[1], small.shape[0]], np.float64)
    corners = np.asarray(paper["points"]) * size
    cover = np.zeros(small.shape[:2], np.uint8)
    cv2.fillConvexPoly(cover, np.rint((corners + 0.004 * size.max()) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    shadow = cv2.GaussianBlur(cover, (0, 0), 0.006 * float(size.max()))
    small[:] = (small * (1 - 0.35 * shadow[..., None].astype(np.float32) / 255)).astype(np.uint8)
    cover[:] = 0
    cv2.fillConvexPoly(cover, np.rint(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    part = cover[..., None].astype(np.float32) / 255
    small[:] = (small * (1 - part) + paper["grey"] * part).astype(np.uint8)


def sample_hand(rng: np.random.Generator, corners: NDArray[np.float64]) -> dict[str, Any]:
    """Draw where thumbs hold a sheet: one or two of them, at its edges.

    Parameters
    ----------
    rng : numpy.random.Generator
    corners : float array [4, 2]
        Of the sheet on the picture, clockwise from the top left.
    """
    skins = ((224, 180, 152), (198, 146, 112), (150, 104, 76), (98, 66, 48), (236, 200, 178))
    long = float(np.hypot(*(corners[1] - corners[0])))
    thumbs = []
    for side in rng.choice(4, size=int(rng.integers(1, 3)), replace=False, p=(0.1, 0.3, 0.3, 0.3)):
        a, b = corners[int(side)], corners[(int(side) + 1) % 4]
        share = float(rng.uniform(0.15, 0.85))
        inward = np.array([-(b - a)[1], (b - a)[0]]) / max(float(np.hypot(*(b - a))), 1.0)
        lean = float(rng.normal(0, 0.5))
        turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
        tip = a + share * (b - a) + inward * long * float(rng.uniform(0.01, 0.05))
        thumbs.append(
            {
                "tip": [round(float(v), 1) for v in tip],
                "towards": [round(float(v), 4) for v in turn @ -inward],
                "width": round(long * float(rng.uniform(0.055, 0.085)), 1),
            }
        )
    return {"rgb": [int(v) for v in skins[int(rng.integers(len(skins)))]], "thumbs": thumbs}


def draw_hand(image: Grey, hand: Mapping[str, Any]) -> tuple[Grey, list[NDArray[np.float64]]]:
    """Lay thumbs over a picture.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    hand : mapping
        As `sample_hand` gives it.

    Returns
    -------
    image : uint8 array [height, width, 3]
    hidden : list of float array [n, 2]
        Outlines of what they cover.
    """
    import cv2

    out, hidden = image.copy(), []
    for thumb in hand["thumbs"]:
        tip, towards, width = np.array(thumb["tip"]), np.array(thumb["towards"]), float(thumb["width"])
        outline = _thumb(tip, towards, width)
        hidden.append(outline)
        left, top = np.maximum(np.floor(outline.min(0) - width).astype(int), 0)
        right, bottom = np.minimum(np.ceil(outline.max(0) + width).astype(int), (image.shape[1], image.shape[0]))
        if right <= left or bottom <= top:
            continue
        part = out[top:bottom, left:right]
        local = np.rint((outline - (left, top)) * 16).astype(np.int32)
        cover = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(cover, [local + round(0.1 * width * 16)], 255, cv2.LINE_AA, 4)
        shade = cv2.GaussianBlur(cover, (0, 0), max(1.0, 0.12 * width)).astype(np.float32)[..., None] / 255
        part[:] = (part * (1 - 0.45 * shade)).astype(np.uint8)
        cover[:] = 0
        cv2.fillPoly(cover, [local], 255, cv2.LINE_AA, 4)
        # Round: lightest along its middle, darker and redder towards its edges.
        depth = cv2.distanceTransform((cover > 127).astype(np.uint8), cv2.DIST_L2, 3) / (0.5 * width)
        light = (0.62 + 0.5 * np.sqrt(np.clip(depth, 0, 1)))[..., None]
        skin = np.asarray(hand["rgb"], np.float32) * light * np.array([1.0, 0.985, 0.97], np.float32)
        nail = _nail(tip, towards, width, (left, top), cover.shape)
        skin = skin * (1 - 0.25 * nail) + 235 * np.array([1.0, 0.87, 0.84], np.float32) * 0.25 * nail
        edge = cover[..., None].astype(np.float32) / 255
        part[:] = np.clip(part * (1 - edge) + skin * edge, 0, 255).astype(np.uint8)
    return out, hidden


def _thumb(tip: NDArray[np.float64], towards: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Outline of a thumb whose tip lies at a point and which comes from a direction."""
    side = np.array([-towards[1], towards[0]])
    angle = np.linspace(-np.pi / 2, np.pi / 2, 17)
    along = [*(0.5 * width * (1 - np.cos(angle)))]
    out = [*(0.5 * width * np.sin(angle))]
    # (along, aside) in widths: joint, ball of the thumb, hand, forearm until it has left every picture.
    shape = np.array([(1.6, 0.47), (3.2, 0.58), (4.6, 1.1), (6.5, 1.9), (9.0, 2.0), (12.0, 1.5), (60.0, 2.2)]) * width
    along, out = [*along, *shape[:, 0]], [*out, *shape[:, 1]]
    back = [(a, -0.75 * o) for a, o in shape[::-1]]
    points = [*zip(along, out, strict=True), *back]
    return np.array([tip + a * towards + o * side for a, o in points])


def _nail(
    tip: NDArray[np.float64],
    towards: NDArray[np.float64],
    width: float,
    corner: tuple[int, int],
    shape: tuple[int, ...],
) -> Float:
    import cv2

    centre = tip + 0.42 * width * towards - np.array(corner)
    nail = np.zeros(shape, np.uint8)
    degrees = float(np.degrees(np.arctan2(towards[1], towards[0])))
    box = (tuple(float(v) for v in centre), (0.62 * width, 0.52 * width), degrees)
    cv2.ellipse(nail, box, 255, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(nail, (0, 0), max(0.8, 0.02 * width)).astype(np.float32)[..., None] / 255)
