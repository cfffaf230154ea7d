"""Strokes of a hand: words, scribbles, circles, arrows and ticks as lists of points in millimetres.

A hand does not draw letters as a plotter does: it leans, rounds corners, drifts off the line, and is quick in the
middle of a stroke and slow at its ends. Points are set evenly in time, so that their distance is the speed and a pen
can thin the line where it runs. Illegible words are two oscillations, one of which carries the hand to the right
(Hollerbach, Biol Cybern 1981;39:139-56).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synth.plotter import plotter_strokes

__all__ = ["FIGURES", "NOTES", "draw_note", "draw_scribble"]

#: One pen-down movement: points (x, y) in mm, y down.
Stroke = NDArray[np.float64]

#: What is written on ECGs, invented and without names.
NOTES = (
    "NSR", "AF", "STEMI?", "ok", "old MI?", "72/min", "SR 84", "pre", "post", "seen", "no change", "RBBB", "LBBB",
    "LVH", "rpt 1h", "trop +", "angina", "D3", "PVC", "?", "!!", "V4R", "14:30", "9.20", "inf.", "QT 420", "w/o pain",
    "bed 4", "Dr. X", "EKG 2", "VES", "SVES", "ST", "T inv", "normal", "Sinus", "to file", "copy", "120/80",
    "see prev.",
)  # fmt: skip


def draw_note(rng: np.random.Generator, text: str, height_mm: float) -> list[Stroke]:
    """Words in block or rounded letters, from their left end on the line.

    Parameters
    ----------
    rng : numpy.random.Generator
    text : str
        In letters of `synth.plotter`.
    height_mm : float
        Of a capital letter.

    Returns
    -------
    list of float64 array [points, 2]
    """
    slant, narrow = float(rng.normal(0.22, 0.16)), float(rng.uniform(0.75, 1.1))
    rise, shake = float(rng.normal(0, 0.06)), float(rng.uniform(0.02, 0.06)) * height_mm
    size = height_mm / 0.7  # a plotter's capital is 0.7 em high
    strokes = []
    for stroke in plotter_strokes(text.replace(" ", "  ")):
        points = stroke * size * (narrow, 1.0)
        points = points + rng.normal(0, shake, points.shape) + rng.normal(0, shake, 2)
        x, y = points[:, 0], points[:, 1]
        points = np.column_stack([x - slant * y, y - rise * x + 0.5 * shake * np.sin(0.7 * x)])
        strokes.append(_rounded(points, 0.22 * height_mm))
    return strokes


def draw_scribble(rng: np.random.Generator, height_mm: float, seconds: float) -> list[Stroke]:
    """Word or signature that nobody can read, written in ``seconds``."""
    t = np.arange(0, seconds, 0.02)
    swings, across = float(rng.uniform(4, 6)), float(rng.uniform(0.8, 1.6)) * height_mm
    # Sizes of the swings change from letter to letter; ascenders are rare and large.
    knots = np.arange(0, seconds + 1, 1 / swings)
    size = np.interp(
        t, knots, np.exp(rng.normal(-0.7, 0.45, knots.size)) * np.where(rng.random(knots.size) < 0.15, 2.4, 1)
    )
    phase = np.interp(t, knots, rng.normal(1.2, 0.5, knots.size))
    turn = 2 * np.pi * swings * t
    y = -0.5 * height_mm * size * (1 + np.sin(turn))
    x = across * swings * 0.6 * t + 0.3 * height_mm * size * np.sin(turn + phase)
    first = int(rng.integers(0, 8))
    y[:first] *= 2.2
    points = np.column_stack([x - float(rng.uniform(0, 0.5)) * y, y + float(rng.normal(0, 0.08)) * x])
    if rng.random() < 0.4 and t.size > 20:  # the flourish underneath
        end, length = points[-1], float(x[-1])
        sweep = np.linspace(0, 1, 9)[:, None]
        tail = end + sweep * (-length * float(rng.uniform(0.4, 0.9)), 0.4 * height_mm)
        return [points, tail + np.sin(np.pi * sweep) * (0, 0.25 * height_mm)]
    return [points]


def _rounded(points: Stroke, step_mm: float) -> Stroke:
    """Cut the corners of a way twice (Chaikin), and set its points as a hand does that is slow at the ends."""
    if len(points) > 2:
        for _ in range(2):
            cut = np.concatenate(
                [0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], axis=1
            )
            points = np.vstack([points[:1], cut.reshape(-1, 2), points[-1:]])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    n = int(np.clip(np.ceil(way[-1] / step_mm), 2, 40))
    # minimum jerk: 10 s^3 - 15 s^4 + 6 s^5 (Flash & Hogan, J Neurosci 1985;5:1688-703), mixed with an even pace
    s = np.linspace(0, 1, n + 1)
    pace = way[-1] * (0.4 * s + 0.6 * s**3 * (10 - 15 * s + 6 * s**2))
    return np.column_stack([np.interp(pace, way, points[:, k]) for k in (0, 1)])


def _circle(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    """Ring around something, closed a little beside where it began."""
    turns = float(rng.uniform(0.95, 1.35))
    a = np.linspace(0, 2 * np.pi * turns, 36) * float(rng.choice([-1, 1])) + float(rng.uniform(0, 2 * np.pi))
    wide, high = size_mm * float(rng.uniform(0.7, 1.6)), size_mm * float(rng.uniform(0.5, 1.0))
    grow = 1 + np.linspace(0, float(rng.normal(0, 0.12)), a.size) + 0.05 * np.sin(2 * a + float(rng.uniform(0, 6)))
    turned = float(rng.normal(0, 0.25))
    x, y = 0.5 * wide * grow * np.cos(a), 0.5 * high * grow * np.sin(a)
    return [np.column_stack([x * np.cos(turned) - y * np.sin(turned), x * np.sin(turned) + y * np.cos(turned)])]


def _arrow(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    angle, length = float(rng.uniform(0, 2 * np.pi)), size_mm * float(rng.uniform(0.6, 1.5))
    s = np.linspace(0, 1, 10)
    shaft = np.column_stack([length * s, float(rng.normal(0, 0.1)) * length * np.sin(np.pi * s)])
    barbs = [
        np.array([[length, 0.0], [length - b, side * b * float(rng.uniform(0.4, 0.9))]])
        for side in (-1, 1)
        for b in [length * float(rng.uniform(0.15, 0.3))]
    ]
    head = np.vstack([barbs[0][::-1], barbs[1]])
    cos, sin = np.cos(angle), np.sin(angle)
    return [part @ np.array([[cos, sin], [-sin, cos]]) for part in (shaft, _rounded(head, 0.1 * length))]


def _tick(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    size = 0.6 * size_mm
    corners = np.array([[0, -0.35], [0.25, 0.0], [1.0, -1.0 - 0.4 * float(rng.random())]]) * size
    return [_rounded(corners, 0.15 * size)]


def _underline(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    length = size_mm * float(rng.uniform(1.0, 3.0))
    x = np.linspace(0, length, 14)
    rows = int(rng.integers(1, 3))
    return [
        np.column_stack([x, 1.6 * row + 0.02 * length * np.sin(x * 2 / size_mm + row) + float(rng.normal(0, 0.02)) * x])
        for row in range(rows)
    ]


def _calipers(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    """Set marks at even distances over a row of beats, as to measure a rhythm."""
    pitch, n = float(rng.uniform(10, 30)), int(rng.integers(2, 8))
    high = 0.25 * size_mm
    ends = rng.normal(0, 0.3, (n, 2, 2))
    return [np.array([[k * pitch, 0.0], [k * pitch, -high]]) + ends[k] for k in range(n)]


def _bracket(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    high = size_mm * float(rng.uniform(0.8, 2.0))
    return [_rounded(np.array([[0.12, 0], [0, 0.05], [0, 0.95], [0.14, 1]]) * high, 0.1 * high)]


def _cross_out(rng: np.random.Generator, size_mm: float) -> list[Stroke]:
    n = int(rng.integers(3, 9))
    zig = np.column_stack([np.linspace(0, size_mm, 2 * n), np.resize([0.0, -0.3 * size_mm], 2 * n)])
    return [_rounded(zig + rng.normal(0, 0.06 * size_mm, zig.shape), 0.12 * size_mm)]


#: Figures that are no words: name -> how it is drawn, of a size in mm.
FIGURES: dict[str, Callable[[np.random.Generator, float], list[Stroke]]] = {
    "circle": _circle,
    "arrow": _arrow,
    "tick": _tick,
    "underline": _underline,
    "calipers": _calipers,
    "bracket": _bracket,
    "crossing-out": _cross_out,
}
