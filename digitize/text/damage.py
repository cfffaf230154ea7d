"""What printing, scanning and grid removal do to a drawn ink map, for training the spotter of printed names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitize.text.spotter import PX_PER_MM

__all__ = ["damage", "soften"]

Ink = NDArray[np.float32]


def damage(
    rng: np.random.Generator, canvas: Ink, boxes: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[Ink, NDArray[np.float64]]:
    """Turn, scale, blur and spoil a drawing.

    Parameters
    ----------
    rng : numpy.random.Generator
    canvas : float32 array [height, width]
        The drawing at twice the final resolution.
    boxes : float array [n, 4]
        Left, top, right, bottom of the words on it, in its pixels.
    shape : tuple of int
        Height and width of the result.

    Returns
    -------
    ink : float32 array of that shape, 0 to 1
    boxes : float array [n, 4]
        Upright boxes around the words where they now are, in pixels of the result; they may lie outside it.
    """
    if rng.random() < 0.3:
        _break_strokes(rng, canvas)
    ink, boxes = soften(rng, canvas, boxes, shape)
    if rng.random() < 0.7:  # the rest stays as clean as a screenshot of a page without a grid
        ink = np.maximum(ink, _residue(rng, shape)) if rng.random() < 0.6 else ink
        ink = _compress(rng, ink)
    return np.ascontiguousarray(np.clip(ink, 0, 1), np.float32), boxes


def soften(
    rng: np.random.Generator, canvas: Ink, boxes: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[Ink, NDArray[np.float64]]:
    """Only turn, scale and blur a drawing; parameters and result are those of `damage`."""
    import cv2

    matrix = _sample_placement(rng, canvas.shape, shape)
    # Twice averaged before it is sampled at half the resolution: linear interpolation alone would drop thin strokes.
    smooth = cv2.blur(canvas, (2, 2))
    ink = np.asarray(cv2.warpAffine(smooth, matrix, shape[::-1], flags=cv2.INTER_LINEAR), np.float32)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) @ matrix[:, :2].T + matrix[:, 2]
    moved = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return _blur(rng, ink), moved


def _sample_placement(
    rng: np.random.Generator, canvas_shape: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Choose the affine map from drawing to piece: tilt of up to 4 degrees, scale errors of up to 15 %."""
    tilt = np.deg2rad(rng.uniform(-4, 4)) if rng.random() < 0.5 else np.deg2rad(rng.normal(0, 0.3))
    scale = 0.5 * np.exp(rng.uniform(np.log(0.87), np.log(1.15)))
    stretch = np.exp(rng.normal(0, 0.03))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    linear = scale * turn @ np.diag([stretch, 1 / stretch])
    middle = linear @ (np.array(canvas_shape[::-1]) / 2)
    offset = np.array(shape[::-1]) / 2 - middle + rng.uniform(-4, 4, size=2)
    return np.column_stack([linear, offset])


def _break_strokes(rng: np.random.Generator, canvas: Ink) -> None:
    """Take ink away, in patches as a worn print head leaves them or along grid lines as grid removal does."""
    import cv2

    height, width = canvas.shape
    if rng.random() < 0.6:
        coarse = rng.random((height // int(rng.integers(4, 14)) + 2, width // int(rng.integers(4, 14)) + 2))
        field = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        canvas *= np.clip((field - rng.uniform(0, 0.3)) / 0.2, rng.uniform(0.2, 0.7), 1)
        return
    pitch, first = 2 * PX_PER_MM * float(rng.choice([1, 5])), rng.uniform(0, 8)
    keep = np.float32(rng.uniform(0.1, 0.7))
    canvas[np.arange(first, height, pitch).astype(int)] *= keep
    canvas[:, np.arange(first, width, pitch).astype(int)] *= keep


def _blur(rng: np.random.Generator, ink: Ink) -> Ink:
    """Blur, coarsen and change the contrast."""
    import cv2

    if rng.random() < 0.25:
        # A screenshot or photo of 2 to 3 pixels per millimetre, enlarged
        factor = rng.uniform(0.5, 0.9)
        small = cv2.resize(ink, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        ink = np.asarray(cv2.resize(small, ink.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    if rng.random() < 0.4:
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), float(rng.uniform(0.3, 1.0))), np.float32)
    # Thin strokes are grey after averaging: how far an ink map brings them back up to black varies.
    top = rng.uniform(0.35, 0.9)
    return np.asarray(np.clip((ink - rng.uniform(0, 0.06)) / top, 0, 1) ** rng.uniform(0.7, 1.4), np.float32)


def _residue(rng: np.random.Generator, shape: tuple[int, int]) -> Ink:
    """Draw what may be left of a grid: faint lines or dots, broken."""
    import cv2

    height, width = shape
    pitch = PX_PER_MM * rng.uniform(0.9, 1.1) * float(rng.choice([1, 5, 5]))
    thick = rng.uniform(0.5, 1.2)
    distance = [np.abs((np.arange(n) - rng.uniform(0, pitch) + pitch / 2) % pitch - pitch / 2) for n in (height, width)]
    rows, columns = (np.clip(thick - d, 0, 1).astype(np.float32) for d in distance)
    lines = np.minimum(rows[:, None], columns) if rng.random() < 0.3 else np.maximum(rows[:, None], columns)
    coarse = rng.random((height // 12 + 2, width // 12 + 2)).astype(np.float32)
    patches = np.clip(3 * cv2.resize(coarse, (width, height)) - rng.uniform(-1, 2), 0, 1)
    return np.asarray(lines * patches * rng.uniform(0.05, 0.5), np.float32)


def _compress(rng: np.random.Generator, ink: Ink) -> Ink:
    """Add JPEG marks, noise, specks and the cut of a threshold, each to some pieces."""
    import cv2

    if rng.random() < 0.25:
        _, code = cv2.imencode(
            ".jpg", (255 * ink).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        )
        ink = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
    if rng.random() < 0.35:
        ink = ink + rng.normal(0, rng.uniform(0.01, 0.08), ink.shape).astype(np.float32)
    if rng.random() < 0.2:
        specks = rng.random(ink.shape) < rng.uniform(0.0005, 0.01)
        ink = np.where(specks, rng.uniform(0.3, 1), ink)
    if rng.random() < 0.15:
        cut = rng.uniform(0.1, 0.4)
        ink = np.clip((ink - cut) / 0.15, 0, 1)
    return np.asarray(ink, np.float32)
