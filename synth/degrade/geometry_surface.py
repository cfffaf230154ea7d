"""Sheets that bend one way: curl and folds, with the light that falls on them.

Paper bends but does not stretch, so a sheet that is bent along one axis is a ruled surface: its height and its place
follow from the slope along the arc alone (do Carmo, Differential Geometry of Curves and Surfaces, section 2-4). Seen
by a camera above it, both images have closed forms: across the axis one monotone table, along it a shift and a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.geometry_warp import Coordinates, Frame, Warp
from synth.degrade.step import Step

__all__ = ["curl", "folds", "lamp", "sample_curl", "sample_folds", "sample_lamp"]

#: Places of the slopes of a curl, evenly from one edge of the sheet to the other.
_NODES = 9

#: Darkest (light from everywhere else) and brightest that a slope makes the sheet.
_LIGHT_LIMITS = (0.3, 1.3)


def sample_lamp(rng: np.random.Generator) -> dict[str, float]:
    """Light from one side: where it comes from, how high it stands and how much of all light it is.

    Steps of one page should share a lamp: a room has one brightest window.
    """
    return {
        "from_deg": float(rng.uniform(0, 360)),
        "height_deg": float(rng.uniform(25, 60)),
        "share": float(rng.uniform(0.35, 0.9)),
    }


def lamp(step: Step) -> tuple[float, float, float]:
    """Light of a step: the change of brightness (x, y) for a slope of 1 towards it, and its share of all light.

    A matt sheet (Lambert's cosine law) of slope (p, q) is as bright as (1 - p lx/lz - q ly/lz) / sqrt(1 + p² + q²) of
    the sheet lying flat, where l is the direction of the light.
    """
    told = step["lamp"]
    flat = 1 / np.tan(np.radians(told["height_deg"]))
    turned = np.radians(told["from_deg"])
    return float(flat * np.cos(turned)), float(-flat * np.sin(turned)), float(told["share"])


def brightness(slope_x: Coordinates, slope_y: Coordinates, step: Step) -> Coordinates:
    """Brightness of paper that rises by the slopes (x to the right, y down), 1 where it lies flat."""
    x, y, share = lamp(step)
    lit = np.maximum(0, 1 - slope_x * x - slope_y * y) / np.sqrt(1 + slope_x**2 + slope_y**2)
    return np.clip(1 + share * (lit - 1), *_LIGHT_LIMITS)


def sample_curl(rng: np.random.Generator, most_deg: float, axis: str | None = None) -> Step:
    """Sheet that does not lie flat.

    Parameters
    ----------
    rng : numpy.random.Generator
    most_deg : float
        Steepest slope anywhere.
    axis : str or None
        ``"across"``: level lines stay level, upright ones bend, or ``"along"``; drawn where None, and turned a little.
    """
    t = np.linspace(-1, 1, _NODES)
    side = float(rng.choice([-1.0, 1.0]))
    shape = str(rng.choice(["bow", "end", "wave"], p=[0.35, 0.4, 0.25]))
    if shape == "bow":  # held at both ends, or fresh off the roll
        slope = t + float(rng.uniform(-0.3, 0.3))
    elif shape == "end":  # one end rolls up
        slope = np.exp((t - 1) * float(rng.uniform(1.5, 4.0)))
        slope = slope if side > 0 else -slope[::-1]
    else:
        slope = np.sin(np.pi * float(rng.uniform(0.7, 1.8)) * t + float(rng.uniform(0, 2 * np.pi)))
    slope = slope * side if shape != "end" else slope
    peak = most_deg * float(rng.uniform(0.3, 1.0))
    named = axis or str(rng.choice(["across", "along"], p=[0.3, 0.7]))
    return {
        "name": "curl",
        "axis_deg": (90.0 if named == "across" else 0.0) + float(rng.normal(0, 8)),
        "slope_deg": [round(float(v), 3) for v in peak * slope / np.abs(slope).max()],
        **_sample_view(rng),
        "lamp": sample_lamp(rng),
    }


def _sample_view(rng: np.random.Generator) -> dict[str, Any]:
    return {
        # Sideways shift of what stands out by 1 mm: tangent of the angle between the camera and the upright.
        "view": [float(np.clip(rng.normal(0, 0.18), -0.45, 0.45)) for _ in range(2)],
        "distance": float(rng.uniform(0.9, 1.6)),
    }


def curl(frame: Frame, step: Step) -> Warp:
    """Sheet bent about one axis, seen by a camera ``distance`` diagonals above it and off the upright by ``view``.

    ``slope_deg`` are the slopes at even places across the sheet along ``axis_deg`` (0: along x, anticlockwise).
    """
    nodes = np.radians(step["slope_deg"])

    def slope(across: NDArray[np.float64], half: float) -> NDArray[np.float64]:
        at = np.linspace(-half, half, nodes.size)
        return _smooth(across, at, nodes)

    return _ruled(frame, step, slope, None)


def _smooth(x: NDArray[np.float64], at: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cubic curve through points, level beyond the first and the last (Catmull & Rom 1974)."""
    pitch = at[1] - at[0]
    place = np.clip((x - at[0]) / pitch, 0, at.size - 1 - 1e-9)
    k = place.astype(int)
    t = place - k
    padded = np.concatenate([values[:1], values, values[-1:]])
    a, b, c, d = (padded[k + n] for n in range(4))
    return np.asarray(b + t * ((c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * ((d - a) / 2 + 1.5 * (b - c)))))


def sample_folds(rng: np.random.Generator, most_deg: float, axis: str | None = None) -> Step:
    """Sheet folded in parts and opened again.

    Parameters
    ----------
    rng : numpy.random.Generator
    most_deg : float
        Largest slope that is left at a fold.
    axis : str or None
        ``"across"``: level folds, ``"along"``: upright ones; drawn where None.
    """
    parts = int(rng.choice([2, 3, 4], p=[0.5, 0.3, 0.2]))
    named = axis or str(rng.choice(["across", "along"]))
    at = [k / parts + float(rng.normal(0, 0.008)) for k in range(1, parts)]
    # A letter is folded inwards twice, a fan to and fro.
    ways = np.where(np.arange(parts - 1) % 2 == 0, 1.0, -1.0) if rng.random() < 0.5 else np.ones(parts - 1)
    ways = ways * float(rng.choice([-1.0, 1.0]))
    return {
        "name": "folds",
        "axis_deg": (90.0 if named == "across" else 0.0) + float(rng.normal(0, 0.6)),
        "at": at,
        "slope_deg": [float(way * most_deg * rng.uniform(0.3, 1.0)) for way in ways],
        "reach_mm": float(rng.uniform(8.0, 45.0)),
        "mark": float(rng.uniform(0.15, 0.8)),
        "width_mm": float(rng.uniform(0.5, 1.1)),
        "phase": float(rng.uniform(0, 1000)),
        **_sample_view(rng),
        "lamp": sample_lamp(rng),
    }


def folds(frame: Frame, step: Step) -> Warp:
    """Sheet with straight folds at the shares ``at`` of its extent along ``axis_deg``.

    On both sides of a fold the paper rises (or, for a negative slope, sinks) towards it by ``slope_deg``, less and less
    with the distance (``reach_mm``). The broken fibres show as a line of ``width_mm``, lighter on the side of the
    light, darker on the other, uneven along its length; ``mark`` is its strength.
    """
    reach, width = (step[name] * frame.px_per_mm for name in ("reach_mm", "width_mm"))
    slopes = np.radians(step["slope_deg"])

    def slope(across: NDArray[np.float64], half: float) -> NDArray[np.float64]:
        total = np.zeros_like(across)
        for at, steep in zip(step["at"], slopes, strict=True):
            off = across - (2 * at - 1) * half
            # The kink is as wide as the paper's broken line, else no lattice could follow it.
            total -= steep * np.tanh(off / width) * np.exp(-np.abs(off) / reach)
        return total

    def line(across: Coordinates, along: Coordinates, half: float) -> Coordinates:
        towards = np.cos(np.radians(step["lamp"]["from_deg"] - step["axis_deg"]))
        shade = np.zeros(across.shape, np.float32)
        for k, at in enumerate(step["at"]):
            off = (across - np.float32((2 * at - 1) * half)) / np.float32(width)
            profile = np.where(np.abs(off) < 4, (0.22 + 0.5 * towards * off) * np.exp(-(off**2)), 0)
            shade += profile * _uneven(along / np.float32(frame.px_per_mm), step["phase"] + 37.0 * k)
        return 1 + np.float32(step["mark"]) * shade

    return _ruled(frame, step, slope, line)


def _uneven(along_mm: Coordinates, phase: float) -> Coordinates:
    """Strength along a fold, 0.2 to 1: three waves of lengths that have no common measure."""
    total = np.full(along_mm.shape, 0.6, np.float32)
    for length_mm in (61.7, 23.3, 7.1):
        total += np.float32(0.4 / 3) * np.sin(
            along_mm * np.float32(2 * np.pi / length_mm) + np.float32(phase + length_mm)
        )
    return total


@dataclass(frozen=True)
class _Table:
    """Profile of a ruled surface at even arc lengths, in pixels."""

    start: float
    step: float
    arc: NDArray[np.float64]
    seen: NDArray[np.float64]
    height: NDArray[np.float64]
    nearer: NDArray[np.float64]
    slope: NDArray[np.float64]


def _ruled(
    frame: Frame,
    step: Step,
    slope: Callable[[NDArray[np.float64], float], NDArray[np.float64]],
    line: Callable[[Coordinates, Coordinates, float], Coordinates] | None,
) -> Warp:
    """Warp of a sheet whose slope (radians) at each arc length across is given."""
    axis = np.radians(step["axis_deg"])
    cos, sin = float(np.cos(axis)), float(-np.sin(axis))  # rows run down
    half = (frame.size[0] * abs(cos) + frame.size[1] * abs(sin)) / 2
    table = _profile(frame, step, slope, half)
    middle, view = frame.middle, float(step["view"][1])

    def back(x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        across = (x - middle[0]) * cos + (y - middle[1]) * sin
        along = (y - middle[1]) * cos - (x - middle[0]) * sin
        arc = np.interp(across, table.seen, table.arc)
        place = (arc - table.start) / table.step
        along = along / _at(table.nearer, place) - view * _at(table.height, place)
        return middle[0] + arc * cos - along * sin, middle[1] + arc * sin + along * cos

    def light(x: Coordinates, y: Coordinates) -> Coordinates:
        across = (x - np.float32(middle[0])) * np.float32(cos) + (y - np.float32(middle[1])) * np.float32(sin)
        rise = _at(np.tan(table.slope).astype(np.float32), (across - np.float32(table.start)) / np.float32(table.step))
        lit = brightness(rise * np.float32(cos), rise * np.float32(sin), step)
        if line is None:
            return lit
        along = (y - np.float32(middle[1])) * np.float32(cos) - (x - np.float32(middle[0])) * np.float32(sin)
        return lit * line(across, along, half)

    ends = np.interp([-half, half], table.arc, table.seen)
    return Warp(frame.size, _squeezed(frame, (cos, sin), half, ends), back, light)


def _profile(
    frame: Frame, step: Step, slope: Callable[[NDArray[np.float64], float], NDArray[np.float64]], half: float
) -> _Table:
    fine = 0.25 * frame.px_per_mm  # a quarter of a millimetre: a fold's kink is twice as wide
    far = 2.0 * frame.diagonal
    arc: NDArray[np.float64] = fine * np.arange(-int(far / fine), int(far / fine) + 1, dtype=np.float64)
    angle = np.where(np.abs(arc) <= 1.1 * half, slope(arc, half), 0.0)
    place, height = (
        np.concatenate([[0.0], np.cumsum((v[1:] + v[:-1]) / 2)]) * fine for v in (np.cos(angle), np.sin(angle))
    )
    sheet = np.abs(arc) <= half
    middle = arc.size // 2
    place, height = place - place[middle], height - height[sheet].min()  # the lowest line rests on the table
    camera = step["distance"] * frame.diagonal
    nearer = camera / (camera - np.minimum(height, 0.5 * camera))
    seen = (place + step["view"][0] * height) * nearer
    # A slope that hides part of the sheet from the camera would turn back: it is held just short of that.
    seen = np.maximum.accumulate(seen - 0.05 * arc) + 0.05 * arc
    return _Table(float(arc[0]), fine, arc, seen, height, nearer, angle)


def _at(table: NDArray[Any], place: Coordinates) -> Coordinates:
    """Table at fractional places, straight between its entries."""
    place = np.clip(place, 0, table.size - 2)
    k = place.astype(np.intp)
    low = table[k]
    return np.asarray(low + (table[k + 1] - low) * (place - k).astype(table.dtype))


def _squeezed(frame: Frame, axis: tuple[float, float], half: float, ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Homography near a ruled surface: across its axis, the ends of the sheet where they are seen."""
    cos, sin = axis
    factor, shift = (ends[1] - ends[0]) / (2 * half), (ends[1] + ends[0]) / 2
    turned = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    squeezed = np.array([[factor, 0.0, shift], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    centred = np.array([[1.0, 0.0, -frame.middle[0]], [0.0, 1.0, -frame.middle[1]], [0.0, 0.0, 1.0]])
    return np.asarray(np.linalg.inv(centred) @ turned.T @ squeezed @ turned @ centred)
