"""What is put on a sheet or taken out of it: stamps, labels, tape, staples, holes, blacked-out lines, and hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.backgrounds import draw_hand, sample_hand
from synth.degrade.field import CLOUD, cloud, px_per_mm
from synth.degrade.step import Step, hide, photometric
from synth.page import SynthPage, move_points
from synth.plotter import plotter_strokes

__all__ = [
    "apply_attached",
    "apply_hand",
    "apply_holes",
    "apply_redaction",
    "apply_stamp",
    "sample_attached",
    "sample_held",
    "sample_holes",
    "sample_redaction",
    "sample_stamp",
]

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

#: Holes on one side: diameter, distance from the edge to their middles, and their places from the side's middle, in mm.
#: ISO 838 with two and with four (its "888" extension), and the three of North American binders.
_HOLES: dict[str, tuple[float, float, tuple[float, ...]]] = {
    "iso": (6.0, 12.0, (-40.0, 40.0)),
    "iso4": (6.0, 12.0, (-120.0, -40.0, 40.0, 120.0)),
    "three": (8.0, 12.7, (-108.0, 0.0, 108.0)),
}

_WORDS = (
    "RECEIVED",
    "COPY",
    "SEEN",
    "FILED",
    "URGENT",
    "CARDIOLOGY",
    "CHECKED",
    "WARD 3",
    "ARCHIVE",
    "SCANNED",
    "VOID",
)
_INKS = ((170, 30, 45), (40, 50, 150), (95, 45, 130), (30, 30, 35), (20, 110, 80))
_LABELS = ((252, 252, 250), (250, 238, 140), (255, 200, 210), (190, 225, 250), (205, 240, 195))


def sample_holes(rng: np.random.Generator) -> Step:
    """Punched holes along one side, over what shows through them; sometimes torn out to the edge."""
    return {
        "name": "holes",
        "kind": str(rng.choice(list(_HOLES), p=(0.6, 0.15, 0.25))),
        "side": int(rng.choice(4, p=(0.45, 0.3, 0.1, 0.15))),
        "off_mm": float(rng.normal(0, 3)),
        "rgb": [int(v) for v in rng.integers(15, 90, 3)] if rng.random() < 0.6 else [int(rng.integers(215, 250))] * 3,
        "torn": bool(rng.random() < 0.12),
    }


def apply_holes(page: SynthPage, step: Step) -> SynthPage:
    """Page with holes along ``side`` (0 left, 1 top, 2 right, 3 bottom), shifted by ``off_mm``; ``rgb`` shows through.

    What stood there can no longer be read.
    """
    per_mm = px_per_mm(page)
    image = page.page.image.copy()
    width, height = page.page.width, page.page.height
    upright = step["side"] % 2 == 0
    wide, inset, places = _punch(step["kind"], (height if upright else width) / per_mm)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    for place in places:
        along = (height if upright else width) / 2 + (place + step["off_mm"]) * per_mm
        across = inset * per_mm if step["side"] < 2 else (width if upright else height) - inset * per_mm
        middle = np.array([across, along] if upright else [along, across])
        ring = middle + 0.5 * wide * per_mm * np.column_stack([np.cos(angle), np.sin(angle)])
        if step["torn"]:
            outwards = np.array([[-1, 0], [0, -1], [1, 0], [0, 1]][step["side"]]) * (inset + 2) * per_mm
            ring = _hull(np.vstack([ring, ring[::4] + outwards]))
        if not _on(middle, image):
            continue
        _fill(image, ring, np.array(step["rgb"], np.float64), shadow_px=0.35 * per_mm, inner=True)
        page = hide(page, ring)
    return photometric(page, image, step)


def _punch(kind: str, side_mm: float) -> tuple[float, float, tuple[float, ...]]:
    """Measures of a punch; that of two holes where the side is too short for the outer ones."""
    wide, _, places = _HOLES[kind]
    return _HOLES[kind if 2 * max(places) + wide < side_mm else "iso"]


def _on(point: Floats, image: Picture) -> bool:
    return bool((point >= 0).all() and (point < (image.shape[1], image.shape[0])).all())


def _hull(points: Floats) -> Floats:
    import cv2

    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def _window(image: Picture, points: Floats, margin: float) -> tuple[Picture, Floats] | None:
    """Part of a picture around points, and its corner; None where they lie beside it."""
    low = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + margin) + 1, (image.shape[1], image.shape[0])).astype(int)
    if (high <= low).any():
        return None
    return image[low[1] : high[1], low[0] : high[0]], low.astype(np.float64)


def _fill(
    image: Picture, outline: Floats, rgb: Floats, shadow_px: float, *, inner: bool = False, opacity: float = 1.0
) -> None:
    """Fill an outline in place; it throws a shadow around it, or into itself where it is a hole."""
    import cv2

    found = _window(image, outline, 4 * shadow_px + 2)
    if found is None:
        return
    part, corner = found
    cover = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(cover, [np.rint((outline - corner) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    share = cover[..., None].astype(np.float32) / 255
    soft = cv2.GaussianBlur(cover, (0, 0), max(0.6, shadow_px))[..., None].astype(np.float32) / 255
    inside = rgb.astype(np.float32) * (0.55 + 0.45 * soft if inner else np.float32(1))
    around = part * (1 - (0.0 if inner else 0.35) * soft * (1 - share))
    part[:] = np.rint(np.clip(around * (1 - opacity * share) + opacity * inside * share, 0, 255))


def sample_stamp(rng: np.random.Generator) -> Step:
    """Rubber stamp with invented words, in a frame or a ring, unevenly inked."""
    lines = [str(rng.choice(_WORDS))]
    if rng.random() < 0.6:
        lines.append(f"{int(rng.integers(1, 29)):02d}.{int(rng.integers(1, 13)):02d}.{int(rng.integers(1988, 2024))}")
    return {
        "name": "stamp",
        "lines": lines,
        "at": [float(v) for v in rng.uniform(0.08, 0.85, 2)],
        "height_mm": float(rng.uniform(3.0, 6.5)),
        "angle_deg": float(rng.normal(0, 12)),
        "frame": str(rng.choice(["box", "round", "none"], p=(0.5, 0.2, 0.3))),
        "rgb": list(_INKS[int(rng.integers(len(_INKS)))]),
        "ink": float(rng.uniform(0.45, 0.95)),
        "uneven": float(rng.uniform(0.2, 0.7)),
        "place": [float(v) for v in rng.uniform(0, CLOUD, 2)],
    }


def apply_stamp(page: SynthPage, step: Step) -> SynthPage:
    """Page with a stamp of ``lines`` around ``at`` (shares of the picture), letters ``height_mm`` high."""
    from synth.stroke import stroke

    per_mm = px_per_mm(page)
    image = page.page.image.copy()
    strokes = _stamp_strokes(step)
    turn = np.radians(step["angle_deg"])
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    at = np.array(step["at"]) * (image.shape[1], image.shape[0])
    ways = [points @ turned.T * per_mm + at for points in strokes]
    found = _window(image, np.vstack(ways), per_mm)
    if found is None:
        return photometric(page, image, step)
    part, corner = found
    cover = np.zeros(part.shape[:2], np.uint8)
    for way in ways:
        stroke(cover, way[:, 0] - corner[0], way[:, 1] - corner[1], 0.16 * step["height_mm"] * per_mm)
    across, down = (np.arange(cover.shape[k]).astype(np.float32) / np.float32(per_mm) for k in (1, 0))
    x, y = np.meshgrid(across, down)
    dry = cloud(x, y, step["place"], 60.0, 1.0)  # the pad and the paper are uneven over centimetres and fibres alike
    share = cover / np.float32(255) * step["ink"] * np.clip(1 - step["uneven"] * np.maximum(dry + 0.3, 0), 0, 1)
    part[:] = np.rint(part * (1 - share[..., None] * (1 - np.array(step["rgb"], np.float32) / 255)))
    return photometric(page, image, step)


def _stamp_strokes(step: Step) -> list[Floats]:
    """Letters and frame in mm around the stamp's middle."""
    size = step["height_mm"] / 0.7  # a plotter's capital is 0.7 em high
    strokes: list[Floats] = []
    for row, line in enumerate(step["lines"]):
        letters = [points * size for points in plotter_strokes(line)]
        width = max(float(points[:, 0].max()) for points in letters)
        down = (row - (len(step["lines"]) - 1) / 2) * 1.1 * size + 0.35 * size
        strokes += [points + np.array([-width / 2, down]) for points in letters]
    every = np.vstack(strokes)
    half = np.abs(every).max(axis=0) + 0.45 * size
    if step["frame"] == "box":
        strokes.append(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * half)
    elif step["frame"] == "round":
        a = np.linspace(0, 2 * np.pi, 49)
        strokes.append(np.column_stack([np.cos(a), np.sin(a)]) * (half * (1.2, 1.5)))
    return strokes


def sample_attached(rng: np.random.Generator) -> Step:
    """Label, strip of tape or staple."""
    kind = str(rng.choice(["label", "tape", "staple"], p=(0.35, 0.35, 0.3)))
    return {"name": "attached", "kind": kind, **_KINDS[kind](rng), "angle_deg": float(rng.normal(0, 5))}


def _label(rng: np.random.Generator) -> dict[str, Any]:
    lines = [f"NO {int(rng.integers(10**5)):05d}", *(str(v) for v in rng.choice(_WORDS, int(rng.integers(0, 3))))]
    return {
        "at": [float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.03, 0.2 if rng.random() < 0.75 else 0.9))],
        "size_mm": [float(rng.uniform(25, 60)), float(rng.uniform(12, 30))],
        "rgb": list(_LABELS[int(rng.integers(len(_LABELS)))]),
        "lines": lines,
        "opacity": 1.0,
    }


def _tape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "at": [float(v) for v in rng.uniform(0.0, 1.0, 2)],
        "size_mm": [float(rng.uniform(30, 120)), float(rng.choice([12.0, 15.0, 19.0]))],
        "rgb": [int(v) for v in (245, 238 - rng.integers(0, 25), 205 - rng.integers(0, 60))],
        "lines": [],
        "opacity": float(rng.uniform(0.08, 0.3)),
    }


def _staple(rng: np.random.Generator) -> dict[str, Any]:
    corner = rng.integers(0, 2, 2)
    grey = int(rng.integers(110, 190))
    return {
        "at": [float(abs(c - v)) for c, v in zip(corner, rng.uniform(0.015, 0.06, 2), strict=True)],
        "size_mm": [12.0, 0.55],  # a 24/6 staple: 12 mm between its legs
        "rgb": [grey, grey, grey + 4],
        "lines": [],
        "opacity": 1.0,
    }


_KINDS: dict[str, Callable[[np.random.Generator], dict[str, Any]]] = {"label": _label, "tape": _tape, "staple": _staple}


def apply_attached(page: SynthPage, step: Step) -> SynthPage:
    """Page with something stuck to it.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        A rectangle of ``size_mm`` about ``at`` (shares of the picture), turned by ``angle_deg``, of the colour ``rgb``,
        with ``lines`` printed on it. Below an ``opacity`` of 1 the print shows through and the truth stays; else what
        is covered can no longer be read.

    Returns
    -------
    SynthPage
    """
    per_mm = px_per_mm(page)
    image = page.page.image.copy()
    turn = np.radians(step["angle_deg"] + (_across_corner(step["at"]) if step["kind"] == "staple" else 0.0))
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    at = np.array(step["at"]) * (image.shape[1], image.shape[0])
    half = np.array(step["size_mm"]) / 2 * per_mm
    outline = at + (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half) @ turned.T
    _fill(image, outline, np.array(step["rgb"], np.float64), 0.25 * per_mm, opacity=step["opacity"])
    for row, line in enumerate(step["lines"]):
        size = min(4.0, step["size_mm"][1] / (1.4 * len(step["lines"]) + 0.6)) * per_mm
        for points in plotter_strokes(line):
            place = points * size + (-half[0] + 0.6 * size, -half[1] + (1.25 + 1.4 * row) * size)
            _line(image, at + place @ turned.T, 0.1 * size)
    if step["opacity"] >= 1:
        page = hide(page, outline)
    return photometric(page, image, step)


def _across_corner(at: list[float]) -> float:
    """Degrees, anticlockwise, of a line that cuts off the corner nearest to a place (shares of the picture)."""
    return 45.0 if (at[0] < 0.5) == (at[1] < 0.5) else -45.0


def _line(image: Picture, way: Floats, width: float) -> None:
    import cv2

    points = np.rint(way * 16).astype(np.int32)
    cv2.polylines(image, [points], False, (35, 35, 40), max(1, round(width)), cv2.LINE_AA, 4)


#: How far a bar is moved to cover print, in mm: about a quarter of a sheet's width.
_REACH_MM = 80.0


def sample_redaction(rng: np.random.Generator) -> Step:
    """One to three lines of the header made illegible: felt tip, a viewer's brush, correction tape."""
    kind = str(rng.choice(["felt", "brush", "bar", "white"], p=(0.3, 0.3, 0.2, 0.2)))
    rgb = {"felt": (14, 12, 18), "brush": (224, 221, 216), "bar": (0, 0, 0), "white": (250, 250, 248)}[kind]
    bars = []
    y = float(rng.uniform(0.01, 0.06))
    for _ in range(int(rng.integers(1, 4))):
        x, length = float(rng.uniform(0.01, 0.7)), float(rng.uniform(18, 75))
        bars.append([x, y, length, float(rng.uniform(3.5, 8)), float(rng.normal(0, 0.02))])
        y += float(rng.uniform(0.02, 0.05))
    return {
        "name": "redaction",
        "kind": kind,
        "rgb": list(rgb),
        "bars": bars,
        "place": [float(v) for v in rng.uniform(0, CLOUD, 2)],
    }


def apply_redaction(page: SynthPage, step: Step) -> SynthPage:
    """Page with ``bars`` (x and y as shares, length and height in mm, slope) over what nobody is to read.

    Each bar goes over the name, number or date nearest to it, along that line of print; where none is near, it stays
    where it is.
    """
    per_mm = px_per_mm(page)
    image = page.page.image.copy()
    s = np.linspace(0, 1, 40)[:, None]
    freehand = step["kind"] != "bar"
    ends = (1 - (2 * s - 1) ** 8) ** 0.5 if freehand else np.ones((40, 1))  # a tip is round
    for start, end, height in _bars(page, step, per_mm):
        way = start + s * (end - start)
        aside = np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start))
        above, below = (
            0.5 * height * ends * (1 + 0.14 * freehand * _rough(way / per_mm, step["place"], 100.0 * k)[:, None])
            for k in (0, 1)
        )
        outline = np.vstack([way - above * aside, (way + below * aside)[::-1]])
        _fill(image, outline, np.array(step["rgb"], np.float64), 0.12 * per_mm if step["kind"] == "white" else 0.01)
        page = hide(page, outline)
    return photometric(page, image, step)


def _bars(page: SynthPage, step: Step, per_mm: float) -> list[tuple[Floats, Floats, float]]:
    """Start, end and height of each bar in pixels."""
    prints = [text.quad for text in page.texts if text.role in ("header", "id", "date")]
    found = []
    for x, y, length, height, slope in step["bars"]:
        start = np.array([x * page.page.width, y * page.page.height])
        end, high = start + np.array([1.0, slope]) * length * per_mm, height * per_mm
        away = [float(np.hypot(*(quad.mean(axis=0) - (start + end) / 2))) for quad in prints]
        if away and min(away) < _REACH_MM * per_mm:
            quad = prints.pop(int(np.argmin(away)))
            start, end = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
            # A pen starts before the first letter, ends after the last and is wider than they are high.
            beyond = (end - start) / max(float(np.hypot(*(end - start))), 1e-9) * 1.5 * per_mm
            start, end = start - beyond, end + beyond
            high = max(high, float(np.hypot(*(quad[3] - quad[0]))) * 1.3)
        found.append((start, end, high))
    return found


def _rough(way_mm: Floats, place: list[float], off_mm: float) -> Floats:
    """Unrest of a stroke's edge along its way."""
    x, y = (v.astype(np.float32)[None] for v in (way_mm[:, 0], way_mm[:, 1] + off_mm))
    return np.asarray(cloud(x, y, place, 90.0, 0.9)[0], np.float64)


#: The sheet on which a hand is drawn at random; it is then moved to where the sheet lies.
_SHEET = np.array([[0.0, 0.0], [297.0, 0.0], [297.0, 210.0], [0.0, 210.0]])


def sample_held(rng: np.random.Generator) -> Step:
    """Thumbs at the sheet's sides, as of somebody who holds it before the camera."""
    return {"name": "hand", **sample_hand(rng, _SHEET)}


def apply_hand(page: SynthPage, step: Step) -> SynthPage:
    """Picture with ``thumbs`` on the sheet: places and widths as on a sheet of 297 by 210 mm.

    To be done when the sheet lies where it is photographed; what they cover can no longer be read.
    """
    import cv2

    matrix = cv2.getPerspectiveTransform(_SHEET.astype(np.float32), page.corners.astype(np.float32)).astype(np.float64)
    thumbs = []
    for thumb in step["thumbs"]:
        tip, towards = np.array(thumb["tip"]), np.array(thumb["towards"])
        moved = move_points(matrix, np.array([tip, tip + towards]))
        way = moved[1] - moved[0]
        grown = float(np.hypot(*way))
        thumbs.append({"tip": moved[0], "towards": way / max(grown, 1e-9), "width": thumb["width"] * grown})
    image, hidden = draw_hand(page.page.image, {**step, "thumbs": thumbs})
    for outline in hidden:
        page = hide(page, outline)
    return photometric(page, image, step)
