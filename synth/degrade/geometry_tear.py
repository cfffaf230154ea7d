"""Sheets with a piece missing: torn off, cut off askew, or folded over."""

from __future__ import annotations

import numpy as np

from synth.degrade.geometry_warp import Coordinates, Frame, Warp
from synth.degrade.step import Step, hide, photometric
from synth.page import SynthPage

__all__ = ["apply_flap", "sample_dog_ear", "sample_tear", "tear"]

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


def sample_dog_ear(rng: np.random.Generator, most: float) -> list[Step]:
    """Corner folded over to the front, up to the share ``most`` of the width: its back over the print, and the gap."""
    x, y = (float(v) for v in rng.integers(0, 2, 2))
    across = most * float(rng.uniform(0.3, 1.0))
    down = across * float(rng.uniform(0.8, 2.2))  # of the height, which is mostly less than the width
    ends = [[x, abs(y - down)], [abs(x - across), y]]
    grey = float(rng.uniform(0.93, 1.02))
    tint = [grey * float(rng.uniform(0.985, 1.0)) for _ in range(3)]
    flap = {"name": "flap", "ends": ends, "tint": tint, "depth": float(rng.uniform(0.15, 0.5))}
    return [flap, {"name": "tear", "ends": ends, "ragged": 0.0, "phase": 0.0}]


def apply_flap(page: SynthPage, step: Step) -> SynthPage:
    """Page with the corner beyond the line through ``ends`` folded over, its back up; a `tear` along it is to follow.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        ``ends`` (x, y) are shares of the picture's width and height, ``tint`` is the colour of its back as shares
        (red, green, blue) of the front's, and ``depth`` the light that its shadow takes from the sheet beside it.

    Returns
    -------
    SynthPage
        What lies under the flap can no longer be read.
    """
    import cv2

    size = np.array([page.page.width, page.page.height])
    start, end = (np.array(share) * size - 0.5 for share in step["ends"])
    line = (end - start) / np.hypot(*(end - start))
    outline = np.array([[0, 0], [size[0], 0], size, [0, size[1]]]) - 0.5
    sides = np.sign((outline - start) @ (-line[1], line[0]))
    lost = outline[sides != np.sign(sides.sum())]
    folded = start + 2 * ((lost - start) @ line)[:, None] * line - (lost - start)
    flap = cv2.convexHull(np.vstack([start, folded, end]).astype(np.float32))[:, 0]
    reach = 0.004 * float(np.hypot(*size))  # paper that is folded over stands up by a millimetre or so
    low = np.clip(np.floor(flap.min(axis=0) - 3 * reach), 0, size).astype(int)
    high = np.clip(np.ceil(flap.max(axis=0) + 3 * reach), 0, size).astype(int)
    cover = np.zeros((high - low)[::-1], np.uint8)
    cv2.fillPoly(cover, [np.rint((flap - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    share = cover[..., None].astype(np.float32) / 255
    shade = cv2.GaussianBlur(cover, (0, 0), reach).astype(np.float32)[..., None] * np.float32(step["depth"] / 255)
    image = page.page.image.copy()
    part = image[low[1] : high[1], low[0] : high[0]]
    back = np.quantile(part[::3, ::3], 0.9, axis=(0, 1)) * step["tint"]  # most of the front is bare paper
    part[:] = np.rint(part * (1 - shade) * (1 - share) + np.minimum(back, 255).astype(np.float32) * share)
    return photometric(hide(page, flap), image, step)
