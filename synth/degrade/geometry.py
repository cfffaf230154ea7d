"""Damage that keeps straight lines straight: how a sheet lies on the scanner or before the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth.degrade.geometry_warp import Frame, Warp
from synth.degrade.step import Step
from synth.page import move_points

__all__ = [
    "crop",
    "mirror",
    "perspective",
    "rotation",
    "sample_crop",
    "sample_perspective",
    "sample_rotation",
    "sample_scale",
    "sample_turn",
    "scale",
    "turn",
]


def sample_rotation(rng: np.random.Generator, max_deg: float) -> Step:
    """Turn by up to ``max_deg`` degrees to either side, evenly spread."""
    return {"name": "rotation", "angle_deg": float(rng.uniform(-max_deg, max_deg))}


def rotation(frame: Frame, step: Step) -> Warp:
    """Turn about the middle by ``angle_deg``, anticlockwise where positive; the picture keeps its size."""
    import cv2

    turned = cv2.getRotationMatrix2D(frame.middle, step["angle_deg"], 1.0)
    return Warp(frame.size, np.vstack([turned, [0.0, 0.0, 1.0]]))


def sample_turn(rng: np.random.Generator) -> Step:
    """One, two or three quarter turns, each as likely."""
    return {"name": "turn", "quarters": int(rng.integers(1, 4))}


def turn(frame: Frame, step: Step) -> Warp:
    """Turn by ``quarters`` times 90°, anticlockwise; pixels move whole."""
    width, height = frame.size
    quarters = int(step["quarters"]) % 4
    matrix = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, 1, 0], [-1, 0, width - 1]],
        2: [[-1, 0, width - 1], [0, -1, height - 1]],
        3: [[0, -1, height - 1], [1, 0, 0]],
    }[quarters]
    size = (height, width) if quarters % 2 else (width, height)
    return Warp(size, np.array([*matrix, [0, 0, 1]], np.float64))


def mirror(frame: Frame, step: Step) -> Warp:  # noqa: ARG001 - it has no parameters
    """Left and right exchanged, as on a slide put in the wrong way round; pixels move whole."""
    return Warp(frame.size, np.array([[-1.0, 0.0, frame.size[0] - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))


def sample_crop(rng: np.random.Generator, most: float) -> Step:
    """Cut off up to the share ``most`` of the picture on each side, evenly spread."""
    return {"name": "crop", "cut": [float(rng.uniform(0, most)) for _ in range(4)]}


def crop(frame: Frame, step: Step) -> Warp:
    """Picture without the shares ``cut`` (left, top, right, bottom) of its width and height, in whole pixels."""
    width, height = frame.size
    left, top, right, bottom = (
        round(share * side) for share, side in zip(step["cut"], (width, height, width, height), strict=True)
    )
    size = (max(2, width - left - right), max(2, height - top - bottom))
    return Warp(size, np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]]))


def sample_scale(rng: np.random.Generator, low: float, high: float) -> Step:
    """Factor of the resolution, evenly spread in its logarithm."""
    return {"name": "scale", "factor": float(np.exp(rng.uniform(np.log(low), np.log(high))))}


def scale(frame: Frame, step: Step) -> Warp:
    """Picture at ``factor`` times its resolution."""
    width, height = (max(2, round(side * step["factor"])) for side in frame.size)
    return Warp((width, height), _fitted((width, height), frame.size))


def _fitted(size: tuple[int, int], before: tuple[int, int]) -> NDArray[np.float64]:
    """Homography that lays one upright picture over another, edge on edge."""
    a, b = size[0] / before[0], size[1] / before[1]
    return np.array([[a, 0.0, (a - 1) / 2], [0.0, b, (b - 1) / 2], [0.0, 0.0, 1.0]])


def sample_perspective(
    rng: np.random.Generator, max_tilt_deg: float, max_roll_deg: float, margin: tuple[float, float]
) -> Step:
    """Camera over a table.

    Parameters
    ----------
    rng : numpy.random.Generator
    max_tilt_deg : float
        Largest tilt of the sheet against the sensor, about either axis; small tilts are likelier (Gaussian of half
        that, cut off).
    max_roll_deg : float
        Likewise in the picture's plane.
    margin : tuple of float
        Least and greatest share of the sheet's extent that the picture shows beyond it on a side; negative shares
        cut the sheet off.
    """

    def angle(most: float) -> float:
        return float(np.clip(rng.normal(0, most / 2), -most, most))

    return {
        "name": "perspective",
        "tilt_deg": angle(max_tilt_deg),
        "pan_deg": angle(max_tilt_deg),
        "roll_deg": angle(max_roll_deg),
        # A telephone's main camera (26 mm equivalent) takes in a sheet from 0.8 to 1.5 of its diagonals away.
        "distance": float(rng.uniform(0.8, 1.5)),
        "margin": [float(rng.uniform(*margin)) for _ in range(4)],
        "shadow": {
            "x_mm": float(rng.uniform(-2.5, 2.5)),
            "y_mm": float(rng.uniform(-2.5, 2.5)),
            "reach_mm": float(rng.uniform(1.5, 8.0)),
            "depth": float(rng.uniform(0.2, 0.6)),
        },
    }


def perspective(frame: Frame, step: Step) -> Warp:
    """Sheet before a pinhole camera, the picture as large as the sheet in it and ``margin`` around.

    The camera stands ``distance`` diagonals over the sheet's middle; the sheet is turned by ``pan_deg`` about its
    upright axis, by ``tilt_deg`` about its level one and by ``roll_deg`` in the picture. The sheet keeps its area in
    pixels (Hartley & Zisserman, Multiple View Geometry, 2nd ed., section 8.1: a plane before a camera).
    """
    focus = step["distance"] * frame.diagonal
    turned = _turned(step["tilt_deg"], step["pan_deg"], step["roll_deg"])
    camera = np.diag([focus, focus, 1.0]) @ np.column_stack([turned[:, :2], (0.0, 0.0, focus)])
    centred = np.array([[1.0, 0.0, -frame.middle[0]], [0.0, 1.0, -frame.middle[1]], [0.0, 0.0, 1.0]])
    width, height = frame.size
    edges = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    quad = move_points(camera @ centred, edges)
    (x0, y0), (x1, y1) = quad[2] - quad[0], quad[3] - quad[1]
    zoom = np.sqrt(2 * width * height / abs(x0 * y1 - y0 * x1))
    low, high = zoom * quad.min(axis=0), zoom * quad.max(axis=0)
    left, top, right, bottom = step["margin"]
    start = low - (high - low) * (left, top)
    size = np.maximum(2, np.rint((high - low) * (1 + left + right, 1 + top + bottom))).astype(int)
    placed = np.array([[zoom, 0.0, -start[0] - 0.5], [0.0, zoom, -start[1] - 0.5], [0.0, 0.0, 1.0]])
    matrix = placed @ camera @ centred
    return Warp((int(size[0]), int(size[1])), matrix / matrix[2, 2])


def _turned(tilt_deg: float, pan_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Rotation: first pan about y, then tilt about x, then roll about z."""
    (ct, cp, cr), (st, sp, sr) = (f(np.radians([tilt_deg, pan_deg, roll_deg])) for f in (np.cos, np.sin))
    pan = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    tilt = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(roll @ tilt @ pan)
