"""Damage that moves ink, and the truth with it."""

from __future__ import annotations

import numpy as np

from synth.degrade.step import Step, logged
from synth.page import SynthPage, move_points, warp_page

__all__ = ["apply_rotation", "sample_rotation"]


def sample_rotation(rng: np.random.Generator, max_deg: float) -> Step:
    """Turn by up to ``max_deg`` degrees to either side, evenly spread."""
    return {"name": "rotation", "angle_deg": float(rng.uniform(-max_deg, max_deg))}


def apply_rotation(page: SynthPage, step: Step) -> SynthPage:
    """Page turned about its middle, anticlockwise for a positive angle; the picture keeps its size.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        ``angle_deg``; ``fill_rgb`` (the paper's colour where absent) fills what the sheet leaves bare.

    Returns
    -------
    SynthPage
    """
    import cv2

    height, width = page.masks.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), step["angle_deg"], 1.0)
    fill = tuple(int(v) for v in step.get("fill_rgb", page.style.paper_rgb))
    image = cv2.warpAffine(page.page.image, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=fill)
    masks = cv2.warpAffine(page.masks, turn, (width, height), flags=cv2.INTER_NEAREST, borderValue=0)
    matrix = np.vstack([turn, [0.0, 0.0, 1.0]])
    return logged(warp_page(page, image, masks, lambda points: move_points(matrix, points), matrix), step)
