"""How machines bend a picture: lenses and rollers."""

from __future__ import annotations

import numpy as np

from synth.degrade.geometry_warp import Coordinates, Frame, Warp
from synth.degrade.step import Step

__all__ = ["feed", "lens", "sample_feed", "sample_lens"]


def sample_lens(rng: np.random.Generator, most: float) -> Step:
    """Radial distortion up to ``most`` of the half diagonal at the picture's corners; barrels are likelier."""
    return {"name": "lens", "k1": float(rng.uniform(-0.4, 1.0) * most)}


def lens(frame: Frame, step: Step) -> Warp:
    """Picture through a lens that bends straight lines, outwards for ``k1`` > 0 (barrel).

    A point at the radius r after, in half diagonals, comes from r (1 + k1 r²): the first term of the usual model
    (Brown, Photogrammetric Engineering 1971;37:855), from distorted to straight.
    """
    x0, y0 = frame.middle
    squared = (frame.diagonal / 2) ** 2

    def back(x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        dx, dy = x - x0, y - y0
        factor = 1 + step["k1"] * np.minimum((dx**2 + dy**2) / squared, 4.0)  # past two radii nothing is seen
        return x0 + dx * factor, y0 + dy * factor

    return Warp(frame.size, np.eye(3), back)


def sample_feed(rng: np.random.Generator, most_mm: float) -> Step:
    """Sheet drawn in unevenly: up to ``most_mm`` to and fro, 0.5 % too long or short, 0.2° askew."""
    return {
        "name": "feed",
        "along": str(rng.choice(["x", "y"])),
        "waves": [
            [float(rng.uniform(0, most_mm / n)), float(rng.uniform(40, 160) / n), float(rng.uniform(0, 2 * np.pi))]
            for n in (1, 2, 4)
        ],
        "stretch": float(1 + rng.uniform(-0.005, 0.005)),
        "shear": float(np.tan(np.radians(rng.uniform(-0.2, 0.2)))),
    }


def feed(frame: Frame, step: Step) -> Warp:
    """Picture of a sheet that rollers drew past the sensor, ``along`` x or y.

    It comes out ``stretch`` times as long, moves sideways by ``shear`` a pixel, and runs ahead and behind by ``waves``:
    each a height in mm, a length in mm and a phase; a height is held below 4 % of its length, so that four waves
    together never run backwards.
    """
    x0, y0 = frame.middle
    waves = [
        (min(height, 0.04 * length) * frame.px_per_mm, 2 * np.pi / (length * frame.px_per_mm), phase)
        for height, length, phase in step["waves"]
    ]

    def back(x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        a, b = (x - x0, y - y0) if step["along"] == "x" else (y - y0, x - x0)
        a, b = a / step["stretch"], b - step["shear"] * a
        a = a + sum(height * np.sin(rate * a + phase) for height, rate, phase in waves)
        return (x0 + a, y0 + b) if step["along"] == "x" else (x0 + b, y0 + a)

    return Warp(frame.size, np.eye(3), back)
