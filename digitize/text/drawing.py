"""Training pieces for the spotter of printed names: ink maps with names, traces and everything that looks like a name.

What is drawn is an ink map, not a page: colours and grids are gone by the time the spotter looks, what they leave
behind is not. Every piece is drawn at twice the final resolution and then turned, scaled, thinned out and blurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digitize.text.letters import Look, Typeface, letter
from digitize.text.spotter import GAINS, LEAD_NAMES, PX_PER_MM, SPEEDS, WORDS
from digitize.text.words import clutter_line, spell

__all__ = ["Piece", "draw_piece", "synthetic_signals"]

#: Drawn at twice the final resolution, so that thin strokes come out grey as they do on a page that is scaled down.
_DRAW_PX_PER_MM = 2 * PX_PER_MM

Ink = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of an ink map and the words on it.

    Parameters
    ----------
    ink : float32 array [height, width]
        0 is paper, 1 is ink; 4 pixels per millimetre.
    words : int array [n]
        Index of each word in `digitize.text.WORDS`.
    boxes : float array [n, 4]
        Left, top, right, bottom of each word's ink in pixels.
    """

    ink: Ink
    words: NDArray[np.int64]
    boxes: NDArray[np.float64]


@dataclass(frozen=True)
class _Style:
    """What one device keeps the same all over a page; lengths in millimetres, strokes in pixels of the drawing."""

    look: Look
    name_ink: float
    trace_ink: float
    trace_px: int
    dx_mm: float
    dy_mm: float
    row_mm: float
    column_mm: float
    separator: str
    separator_mm: float
    separator_px: int
    pulses: bool
    gain: float


@dataclass(frozen=True, eq=False)
class _Placed:
    """What has been printed: the words with their boxes, and the room that any text takes."""

    words: list[tuple[int, NDArray[np.float64]]]
    taken: list[NDArray[np.float64]]


def synthetic_signals(rng: np.random.Generator, n: int) -> list[NDArray[np.float32]]:
    """Make simple ECG-like leads: P, QRS and T as sums of Gaussians, in mV at 100 Hz.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Number of leads.

    Returns
    -------
    list of float32 array [1000]
    """
    t = np.arange(1000) / 100.0
    # Time from the R peak and width, both in s, of P, Q, R, S and T; the usual textbook intervals.
    centres = np.array([-0.17, -0.03, 0.0, 0.03, 0.28])
    widths = np.array([0.025, 0.010, 0.011, 0.012, 0.055])
    leads = []
    for _ in range(n):
        heights = rng.normal([0.1, -0.1, 0.6, -0.3, 0.25], [0.06, 0.1, 0.6, 0.4, 0.25])
        beats = np.cumsum(rng.normal(60 / rng.uniform(40, 150), 0.02, size=32).clip(0.3)) - 0.5
        phase = t[:, None, None] - beats[None, :, None] - centres
        lead = (heights * np.exp(-0.5 * (phase / widths) ** 2)).sum(axis=(1, 2))
        wander = rng.uniform(0, 0.1) * np.sin(2 * np.pi * (rng.uniform(0.1, 0.4) * t + rng.uniform()))
        leads.append((lead + wander + rng.normal(0, rng.choice([0.005, 0.02]), 1000)).astype(np.float32))
    return leads


def draw_piece(
    rng: np.random.Generator,
    faces: Sequence[Typeface],
    signals: Sequence[NDArray[np.float32]],
    shape: tuple[int, int] = (192, 256),
    ease: float = 0.0,
) -> Piece:
    """Draw one piece.

    Parameters
    ----------
    rng : numpy.random.Generator
    faces : sequence of Typeface
        Fonts to choose from.
    signals : sequence of float array [samples]
        Leads in mV at 100 Hz.
    shape : tuple of int
        Height and width in pixels at 4 pixels per millimetre.
    ease : float
        Probability of an easy piece: many names and no traces, hardly damaged. A network learns its letters on these
        several times faster than among traces.
    """
    from digitize.text.damage import damage, soften

    # 15 % larger than the piece on all sides together: turning and shrinking it leaves no empty corners.
    height, width = (int(1.15 * side * _DRAW_PX_PER_MM / PX_PER_MM) for side in shape)
    canvas = np.zeros((height, width), np.float32)
    style = _sample_style(rng, faces)
    placed = _Placed([], [])
    easy = bool(rng.random() < ease)
    if easy:
        _draw_primer(rng, canvas, style, faces, placed)
    elif rng.random() < 0.88:
        _draw_rows(rng, canvas, style, signals, placed)
    for _ in range(0 if easy else int(rng.choice([0, 0, 1, 2, 6], p=[0.4, 0.1, 0.2, 0.15, 0.15]))):
        _draw_clutter(rng, canvas, style, faces, placed)
    for _ in range(0 if easy else int(rng.choice([0, 1, 2], p=[0.25, 0.35, 0.4]))):
        at = (rng.uniform(0, width * 0.9), rng.uniform(0, height * 0.95))
        scale_style = replace(style, look=_other_look(rng, style.look, faces, 2.8))
        _place(rng, canvas, scale_style, str(rng.choice((*SPEEDS, *GAINS))), at, placed)
    boxes = np.array([box for _, box in placed.words]).reshape(-1, 4)
    ink, boxes = (soften if easy else damage)(rng, canvas, boxes, shape)
    return Piece(ink, np.array([w for w, _ in placed.words], np.int64), boxes)


def _sample_style(rng: np.random.Generator, faces: Sequence[Typeface]) -> _Style:
    """Choose one device's look."""
    kinds = ("none", "bar", "line", "dotted", "ticks")
    look = Look(
        face=faces[int(rng.integers(len(faces)))],
        # Most devices print capitals of 1.8 to 3 mm.
        cap_px=float(np.exp(rng.triangular(np.log(1.25), np.log(2.3), np.log(4.0)))) * _DRAW_PX_PER_MM,
        aspect=float(np.exp(rng.normal(0, 0.12))),
        spacing_px=float(rng.choice([0.0, rng.uniform(-0.15, 0.6)])) * _DRAW_PX_PER_MM,
        uneven_px=float(rng.choice([0.0, 0.0, 0.25])) * _DRAW_PX_PER_MM,
        bitmap=bool(rng.random() < 0.2),
        weight_px=int(rng.choice([0, 0, 0, 2, 3])),
    )
    return _Style(
        look=look,
        name_ink=float(rng.uniform(0.6, 1.0)),
        trace_ink=float(rng.uniform(0.5, 1.0)),
        trace_px=int(rng.choice([1, 1, 2, 2, 3, 4, 5])),
        dx_mm=float(rng.choice([rng.uniform(-0.5, 0.8), rng.uniform(-1.5, 5)])),
        # Above the baseline, on it (as many devices print) or below
        dy_mm=float(rng.choice([rng.uniform(-14, -2), rng.uniform(-3.5, 1), rng.uniform(2, 9)], p=[0.3, 0.45, 0.25])),
        row_mm=float(np.exp(rng.uniform(np.log(7), np.log(25)))),
        column_mm=float(np.exp(rng.uniform(np.log(12), np.log(45)))),
        separator=str(rng.choice(kinds, p=[0.3, 0.3, 0.15, 0.13, 0.12])),
        separator_mm=float(rng.uniform(2, 10)),
        separator_px=int(rng.integers(1, 7)),
        pulses=bool(rng.random() < 0.5),
        gain=float(rng.choice([0.5, 1, 1, 1, 1, 2])),
    )


def _draw_primer(
    rng: np.random.Generator, canvas: Ink, style: _Style, faces: Sequence[Typeface], placed: _Placed
) -> None:
    """Fill the canvas with words on a loose raster."""
    px = _DRAW_PX_PER_MM
    odds = np.array([1.0] * len(LEAD_NAMES) + [1.5] * (len(WORDS) - len(LEAD_NAMES)))
    height, width = canvas.shape
    for y in np.arange(rng.uniform(0, 3), height / px, rng.uniform(5, 8)):
        for x in np.arange(rng.uniform(0, 5), width / px, rng.uniform(8, 14)):
            look = replace(style, look=_other_look(rng, style.look, faces, 4.0))
            at = ((x + rng.uniform(0, 2)) * px, (y + rng.uniform(0, 1)) * px)
            _place(rng, canvas, look, str(rng.choice(WORDS, p=odds / odds.sum())), at, placed)


def _other_look(rng: np.random.Generator, look: Look, faces: Sequence[Typeface], most_mm: float) -> Look:
    """Letter in another font and size, of capitals 1.2 mm to `most_mm` high."""
    cap_px = float(rng.uniform(1.2, most_mm)) * _DRAW_PX_PER_MM
    return replace(look, face=faces[int(rng.integers(len(faces)))], cap_px=cap_px)


def _draw_rows(
    rng: np.random.Generator,
    canvas: Ink,
    style: _Style,
    signals: Sequence[NDArray[np.float32]],
    placed: _Placed,
) -> None:
    """Draw rows of leads: trace, name, separator at each lead's start and a pulse before some rows."""
    px = _DRAW_PX_PER_MM
    height, width = canvas.shape
    # Extra leads and -aVR are as often wanted as the others, so that no name is rare in training.
    starts = np.arange(rng.uniform(-style.column_mm, 14), width / px, style.column_mm)
    for baseline in np.arange(rng.uniform(-4, style.row_mm), height / px + 6, style.row_mm):
        for k, start in enumerate(starts):
            x, y = start * px, (baseline + rng.normal(0, 0.4)) * px
            _draw_trace(rng, canvas, style, signals, (x, y))
            if style.separator != "none" and (k or rng.random() < 0.5):
                _draw_separator(rng, canvas, style, (x, y))
            if style.pulses and (k == 0 or rng.random() < 0.1):
                _draw_pulse(rng, canvas, style, (x, y))
            if rng.random() < 0.9:
                at = (x + (style.dx_mm + rng.normal(0, 0.3)) * px, y + (style.dy_mm + rng.normal(0, 0.5)) * px)
                _place(rng, canvas, style, str(rng.choice(LEAD_NAMES, p=_NAME_ODDS)), at, placed)


#: I, II and III twice as often as the others: they are the hard ones, and every rhythm strip repeats one. -aVR and the
#: extra leads are rare on paper: taking a V3 with a trace through it for V3R would be worse than missing a V3R.
_NAME_ODDS = np.array([2.0] * 3 + [1.0] * 3 + [0.3] + [1.0] * 6 + [0.3] * 5)
_NAME_ODDS /= _NAME_ODDS.sum()


def _draw_trace(
    rng: np.random.Generator,
    canvas: Ink,
    style: _Style,
    signals: Sequence[NDArray[np.float32]],
    origin: tuple[float, float],
) -> None:
    """Draw one lead from `origin`, at 25 mm/s and 10 mm/mV times the style's gain."""
    signal = signals[int(rng.integers(len(signals)))]
    n = int(style.column_mm / 0.25) + 1  # 100 Hz at 25 mm/s: a sample every 0.25 mm
    first = int(rng.integers(0, max(1, len(signal) - n)))
    part = signal[first : first + n]
    x = origin[0] + np.arange(len(part)) * 0.25 * _DRAW_PX_PER_MM
    y = origin[1] - (part - np.median(part)) * 10 * style.gain * _DRAW_PX_PER_MM
    _stroke(canvas, np.stack([x, y], axis=1), style.trace_px, style.trace_ink)


def _draw_separator(rng: np.random.Generator, canvas: Ink, style: _Style, at: tuple[float, float]) -> None:
    """Draw the mark between two leads: a bar, two ticks, or a full or dotted line."""
    x = at[0] + rng.choice([0.0, rng.uniform(-1, 1) * _DRAW_PX_PER_MM])
    half = style.separator_mm * _DRAW_PX_PER_MM / 2
    if style.separator == "bar":
        spans = [(at[1] - half, at[1] + half)]
    elif style.separator == "ticks":
        gap = rng.uniform(1, 6) * _DRAW_PX_PER_MM
        spans = [(at[1] - gap - half, at[1] - gap), (at[1] + gap, at[1] + gap + half)]
    elif style.separator == "dotted":
        step = max(4.0, 2 * half / 6)
        spans = [(y, y + step / 2) for y in np.arange(0, canvas.shape[0], step)]
    else:
        spans = [(0.0, float(canvas.shape[0]))]
    # A bar between two leads may be thick, a line down the page never is.
    thickness = style.separator_px if style.separator in ("bar", "ticks") else min(style.separator_px, 3)
    for top, bottom in spans:
        _stroke(canvas, np.array([[x, top], [x, bottom]]), thickness, style.trace_ink)


def _draw_pulse(rng: np.random.Generator, canvas: Ink, style: _Style, at: tuple[float, float]) -> None:
    """Draw a calibration pulse of 1 mV that ends at `at` or shortly before."""
    px = _DRAW_PX_PER_MM
    width, height = rng.uniform(1.5, 5.5) * px, 10 * style.gain * px
    x1, y = at[0] - rng.uniform(0, 3) * px, at[1]
    x0 = x1 - width
    foot = rng.uniform(0, 2) * px
    outline = [[x0 - foot, y], [x0, y], [x0, y - height], [x1, y - height], [x1, y], [x1 + foot, y]]
    _stroke(canvas, np.array(outline), style.trace_px, style.trace_ink)


def _draw_clutter(
    rng: np.random.Generator,
    canvas: Ink,
    style: _Style,
    faces: Sequence[Typeface],
    placed: _Placed,
) -> None:
    """Draw a line of other text, a scribble or a block of modules like a printed code."""
    height, width = canvas.shape
    at = (rng.uniform(-0.1, 0.8) * width, rng.uniform(0, height))
    kind = rng.random()
    if kind < 0.8:
        glyphs = letter(rng, _other_look(rng, style.look, faces, 4.0), clutter_line(rng))
        if glyphs is not None:
            _paste(canvas, glyphs[0], at, style.name_ink, placed.taken)
    elif kind < 0.94:
        points = np.cumsum(rng.normal(0, 1.2 * _DRAW_PX_PER_MM, size=(int(rng.integers(4, 14)), 2)), axis=0) + at
        _stroke(canvas, _rounded(points), int(rng.integers(1, 5)), float(rng.uniform(0.3, 1)))
    else:
        size, module = int(rng.integers(10, 30)), int(rng.integers(2, 6))
        block = np.kron(rng.random((size, size)) < 0.5, np.ones((module, module))).astype(np.float32)
        _paste(canvas, block, at, style.name_ink, placed.taken)


def _rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round a polygon's corners by Chaikin's corner cutting (1974), twice."""
    for _ in range(2):
        a, b = points[:-1], points[1:]
        points = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
    return points


def _stroke(canvas: Ink, points: NDArray[np.float64], thickness: int, ink: float) -> None:
    """Draw a polyline into the canvas, never making it lighter."""
    import cv2

    height, width = canvas.shape
    reach = thickness + 2
    x0, y0 = np.clip(points.min(axis=0) - reach, 0, (width, height)).astype(int)
    x1, y1 = np.clip(points.max(axis=0) + reach, 0, (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    # Three fractional bits: line ends at an eighth of a pixel.
    fixed = np.round((points - (x0, y0)) * 8).astype(np.int32)
    layer = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.polylines(layer, [fixed[:, None]], False, (round(255 * ink),), thickness, cv2.LINE_AA, 3)
    part = canvas[y0:y1, x0:x1]
    np.maximum(part, layer * np.float32(1 / 255), out=part)


def _place(
    rng: np.random.Generator,
    canvas: Ink,
    style: _Style,
    word: str,
    at: tuple[float, float],
    placed: _Placed,
) -> None:
    """Print a word, unless it would touch another or leave the canvas, and note its box."""
    lettered = letter(rng, style.look, *spell(rng, word))
    if lettered is None:
        return
    glyphs, inner = lettered
    box = _paste(canvas, glyphs, at, style.name_ink, placed.taken)
    if box is not None:
        placed.words.append((WORDS.index(word), inner + np.array([box[0], box[1], box[0], box[1]])))


def _paste(
    canvas: Ink, glyphs: Ink, at: tuple[float, float], ink: float, taken: list[NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """Put a mask onto the canvas, take its room and return its box; None, and nothing done, where it does not fit."""
    x, y = round(at[0]), round(at[1])
    height, width = glyphs.shape
    box = np.array([x, y, x + width, y + height], float)
    margin = 0.6 * _DRAW_PX_PER_MM
    if any(
        box[0] < b[2] + margin and b[0] < box[2] + margin and box[1] < b[3] + margin and b[1] < box[3] + margin
        for b in taken
    ):
        return None
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, canvas.shape[1]), min(y + height, canvas.shape[0])
    if x1 <= x0 or y1 <= y0:
        return None
    part = canvas[y0:y1, x0:x1]
    np.maximum(part, ink * glyphs[y0 - y : y1 - y, x0 - x : x1 - x], out=part)
    taken.append(box)
    return box
