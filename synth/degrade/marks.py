"""What people write on a sheet: words, circles, arrows, ticks; with ballpoint, pencil, felt tip or highlighter."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import GRAIN, noise_tile, px_per_mm
from synth.degrade.pen import FIGURES, NOTES, Stroke, draw_note, draw_scribble
from synth.degrade.step import Step, photometric
from synth.page import SynthPage

__all__ = ["apply_handwriting", "sample_handwriting"]


class _Pen(NamedTuple):
    """What a pen leaves.

    Parameters
    ----------
    width_mm, ink : tuple of float
        Bounds of the line's width and of its opacity.
    rough : float
        How much the line breaks up on the paper's fibres.
    taper : float
        Share of the width lost where the hand is quick.
    often : float
        Share of all marks that are made with it.
    colours : tuple of RGB triples
    """

    width_mm: tuple[float, float]
    ink: tuple[float, float]
    rough: float
    taper: float
    often: float
    colours: tuple[tuple[int, int, int], ...]


#: Widths are those on the pens; inks, roughness and shares are set by eye beside scans of notes.
_PENS = {
    "ballpoint": _Pen(
        (0.3, 0.6), (0.7, 0.95), 0.55, 0.35, 0.55, ((25, 40, 130), (20, 20, 30), (15, 30, 90), (170, 25, 35))
    ),
    "fineliner": _Pen(
        (0.3, 0.6), (0.85, 1), 0.1, 0.15, 0.15, ((15, 15, 20), (20, 40, 140), (190, 20, 40), (10, 110, 70))
    ),
    "felt": _Pen((0.9, 2.2), (0.75, 0.95), 0.15, 0.2, 0.1, ((20, 20, 25), (200, 25, 40), (25, 50, 150), (20, 120, 60))),
    "pencil": _Pen((0.4, 0.7), (0.35, 0.7), 1.0, 0.25, 0.15, ((70, 70, 75), (80, 80, 82))),
    "highlighter": _Pen(
        (3, 5), (0.75, 1), 0.1, 0.0, 0.05, ((255, 245, 60), (255, 150, 190), (130, 250, 140), (255, 190, 70))
    ),
}


def sample_handwriting(rng: np.random.Generator, most: int) -> Step:
    """One to ``most`` marks by one or two hands, each anywhere on the sheet."""
    pens = [_sample_pen(rng) for _ in range(int(rng.integers(1, 3)))]
    marks = [_sample_mark(rng, pens[int(rng.integers(len(pens)))]) for _ in range(int(rng.integers(1, most + 1)))]
    return {"name": "handwriting", "marks": marks}


def _sample_pen(rng: np.random.Generator) -> dict[str, Any]:
    kind = str(rng.choice(list(_PENS), p=[pen.often for pen in _PENS.values()]))
    pen = _PENS[kind]
    return {
        "pen": kind,
        "width_mm": float(rng.uniform(*pen.width_mm)),
        "ink": float(rng.uniform(*pen.ink)),
        "rough": pen.rough,
        "taper": pen.taper,
        "rgb": list(pen.colours[int(rng.integers(len(pen.colours)))]),
    }


def _sample_mark(rng: np.random.Generator, pen: dict[str, Any]) -> dict[str, Any]:
    text, size = "", float(np.exp(rng.normal(np.log(16), 0.4)))
    if pen["pen"] == "highlighter":
        kind = "underline"
    else:
        kind = str(rng.choice(["note", "scribble", *FIGURES], p=(0.34, 0.16, 0.14, 0.1, 0.08, 0.06, 0.05, 0.03, 0.04)))
    strokes: list[Stroke]
    if kind == "note":
        text = " ".join(str(v) for v in rng.choice(NOTES, int(rng.integers(1, 3)), replace=False))
        strokes = draw_note(rng, text, float(np.exp(rng.normal(np.log(5.0), 0.3))))
    elif kind == "scribble":
        strokes = draw_scribble(rng, float(np.exp(rng.normal(np.log(6.0), 0.3))), float(rng.uniform(0.6, 2.2)))
    else:
        strokes = FIGURES[kind](rng, size)
    # Notes stand where paper is free, at the top mostly; figures stand on the leads.
    high = rng.beta(1.0, 3.0) if kind in ("note", "scribble") else rng.uniform(0.1, 0.95)
    return {
        **pen,
        "kind": kind,
        "text": text,
        "at": [float(rng.uniform(0.03, 0.85)), float(0.04 + 0.92 * high)],
        "strokes": [np.round(stroke, 2).tolist() for stroke in strokes],
        "grain": [int(rng.integers(size)) for size in GRAIN],
    }


def apply_handwriting(page: SynthPage, step: Step) -> SynthPage:
    """Page with ``marks`` on it; the truth is that of the print, which shows through.

    Parameters
    ----------
    page : SynthPage
        Flat: places are shares (``at``) of its picture, and ``strokes`` are in mm from there.
    step : mapping
        Each mark has a pen of ``width_mm`` and colour ``rgb`` whose ``ink`` is its greatest opacity; ``rough`` is how
        much the line breaks up, ``taper`` the share of its width that is lost where the hand is quick.

    Returns
    -------
    SynthPage
    """
    image = page.page.image.copy()
    for mark in step["marks"]:
        _write(image, mark, px_per_mm(page))
    return photometric(page, image, step)


def _write(image: NDArray[np.uint8], mark: Step, per_mm: float) -> None:
    from synth.stroke import stroke

    at = np.array(mark["at"]) * (image.shape[1], image.shape[0])
    ways = [_curve(np.array(points) * per_mm + at) for points in mark["strokes"]]
    width = max(0.8, mark["width_mm"] * per_mm)
    every = np.vstack(ways)
    left, top = (int(v) for v in np.maximum(np.floor(every.min(axis=0) - width - 1), 0))
    right, bottom = (
        int(v) for v in np.minimum(np.ceil(every.max(axis=0) + width + 2), (image.shape[1], image.shape[0]))
    )
    if right <= left or bottom <= top:
        return
    cover = np.zeros((bottom - top, right - left), np.uint8)
    for way in ways:
        # A hand writes some 30 mm/s; points stand about a quarter of a letter apart.
        stroke(cover, way[:, 0] - left, way[:, 1] - top, width, mark["taper"], 1.2 * per_mm / _FINER)
    tile = noise_tile(0.6, 0.1)[..., 0]
    rows = (np.arange(top, bottom) + mark["grain"][0]) % tile.shape[0]
    columns = (np.arange(left, right) + mark["grain"][1]) % tile.shape[1]
    grain = tile[np.ix_(rows, columns)].astype(np.float32) / 32
    share = cover / np.float32(255) * mark["ink"] * np.clip(1 - mark["rough"] * (0.25 + 0.45 * grain), 0, 1)
    part = image[top:bottom, left:right]
    # Ink lets through what its colour lets through: on black print it leaves black.
    colour = np.array(mark["rgb"], np.float32) / 255
    part[:] = np.rint(part * (1 - share[..., None] * (1 - colour)))


#: Points put between two of a stroke.
_FINER = 4


def _curve(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth way through points (Catmull & Rom, 1974: a cubic from each to the next)."""
    if len(points) < 3:
        return np.linspace(points[0], points[-1], _FINER + 1)
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = (np.arange(_FINER) / _FINER)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    way = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([way.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])
