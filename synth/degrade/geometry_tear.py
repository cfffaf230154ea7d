"""Sheets with a piece missing: torn off, or cut off askew."""

from __future__ import annotations

import numpy as np

from synth.degrade.geometry_warp import Coordinates, Frame, Warp
from synth.degrade.step import Step

__all__ = ["sample_tear", "tear"]

#: Wavelengths of a torn edge in mm; their heights grow with the square root of the length (the roughness exponent of
#: cracks in paper is about 0.6: Salminen et al., Eur Phys J B 2003;32:369).
_LENGTHS_MM = (83.0, 37.0, 17.0, 7.3, 3.1, 1.3)


def sample_tear(rng: np.random.Generator, most: float) -> Step:
    """Corner or side torn or cut off: up to the share ``most`` of the width and the height.

    Two of three lose a corner, half of the edges are ragged.
    """
    ragged = float(rng.uniform(0.4, 1.6)) if rng.random() < 0.5 else 0.0
    x, y = (float(v) for v in rng.integers(0, 2, 2))  # the corner
    a, b = (float(v) for v in rng.uniform(0.1, 1.0, 2) * most)
    if rng.random() < 2 / 3:
        ends = [[x, abs(y - b)], [abs(x - a), y]]
    else:  # along a side, a little askew
        b = a + float(rng.normal(0, 0.1)) * most
        ends = [[abs(x - a), 0.0], [abs(x - b), 1.0]] if rng.random() < 0.5 else [[0.0, abs(y - a)], [1.0, abs(y - b)]]
    return {
        "name": "tear",
        "ends": ends,
        "ragged": ragged,
        "phase": float(rng.uniform(0, 1000)),
    }


def tear(frame: Frame, step: Step) -> Warp:
    """Sheet that ends at the line through ``ends``, the side without the picture's middle being gone.

    The ends (x, y) are shares of the picture's width and height. ``ragged`` is the root mean square of the edge's way
    off that line in mm, 0 for a cut.
    """
    (x0, y0), (x1, y1) = (np.array(end) * frame.size for end in step["ends"])
    length = float(np.hypot(x1 - x0, y1 - y0))
    cos, sin = (x1 - x0) / length, (y1 - y0) / length
    side = float(np.sign((frame.middle[1] - y0) * cos - (frame.middle[0] - x0) * sin)) or 1.0
    heights = np.sqrt(_LENGTHS_MM)
    heights = heights * (np.sqrt(2) * step["ragged"] * frame.px_per_mm / np.hypot.reduce(heights))

    def edge(x: Coordinates, y: Coordinates) -> Coordinates:
        off = np.float32(side) * ((y - np.float32(y0)) * np.float32(cos) - (x - np.float32(x0)) * np.float32(sin))
        if step["ragged"] == 0:
            return off
        along = (x - np.float32(x0)) * np.float32(cos) + (y - np.float32(y0)) * np.float32(sin)
        for length_mm, height in zip(_LENGTHS_MM, heights, strict=True):
            turns = along * np.float32(2 * np.pi / (length_mm * frame.px_per_mm)) + np.float32(
                step["phase"] * length_mm
            )
            off = off + np.float32(height) * np.sin(turns)
        return np.asarray(off)

    return Warp(frame.size, np.eye(3), edge=edge)
