"""Pieces of pages as the network learns from them: cut out at random, made paler, noisier and scribbled over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.owner.owners import PX_PER_MM, UNIT_MM
from digitize.owner.seen import PULSE, OwnerPage, levels_at

__all__ = ["Crop", "cut", "inputs", "labels"]

Float = NDArray[np.float32]

#: How far a piece may reach over the page's edge, rows and columns: 15 and 7.5 mm.
_OVER = (60, 30)
#: Brightness of paper in `OwnerPage.light`, and what one unit of the network's second channel is in grey levels.
_PAPER, _GREY = 200.0, 128.0


@dataclass(frozen=True, eq=False)
class Crop:
    """What the network sees and what it should say.

    Parameters
    ----------
    page : float32 array [2, height, width]
        Share of ink, and darkness.
    want : float32 array [4, height, width]
        Trace, pulse and other print, 0 or 1; rows down to the own lead's 0 mV in units of 20 mm.
    """

    page: Float
    want: Float


def inputs(page: OwnerPage, rows: slice = slice(None), columns: slice = slice(None)) -> Float:
    """Channels of the network [2, height, width] for a page or a part of it."""
    darkness = (_PAPER - page.light[rows, columns].astype(np.float32)) / _GREY
    return np.stack([page.share[rows, columns] / np.float32(255), darkness]).astype(np.float32)


def labels(page: OwnerPage, rows: slice, columns: slice) -> Float:
    """Write out what the network should say of a part of a page.

    Parameters
    ----------
    page : OwnerPage
    rows, columns : slice
        With start and stop, within the page.

    Returns
    -------
    float32 array [4, height, width]
        As `Crop.want`.
    """
    owner = page.owner[rows, columns]
    height, width = owner.shape
    levels = levels_at(page, columns.start, columns.stop)
    here = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    down = (levels[owner, np.arange(width)[None]] - here) / (PX_PER_MM * UNIT_MM)
    trace = (owner > 0).astype(np.float32)
    printed = np.zeros((2, height, width), np.float32)
    for kind, *box in page.print:
        left, top = (max(0, int(v) - first) for v, first in zip(box[:2], (columns.start, rows.start), strict=True))
        right, bottom = (
            int(np.ceil(v)) + 1 - first for v, first in zip(box[2:], (columns.start, rows.start), strict=True)
        )
        if right > 0 and bottom > 0:
            printed[0 if kind == PULSE else 1, top:bottom, left:right] = 1
    printed *= 1 - trace
    return np.stack([trace, *printed, down * trace]).astype(np.float32)


def cut(page: OwnerPage, shape: tuple[int, int], rng: np.random.Generator) -> Crop:
    """Cut a piece out at a random place and wear it.

    Parameters
    ----------
    page : OwnerPage
    shape : tuple of int
        Height and width in pixels; what lies off the page is paper.
    rng : numpy.random.Generator

    Returns
    -------
    Crop
    """
    seen, want = np.zeros((2, *shape), np.float32), np.zeros((4, *shape), np.float32)
    here, there = [], []
    for size, whole, over in zip(shape, page.share.shape, _OVER, strict=True):
        first = int(rng.integers(-over, max(1, whole - size + over)))
        start, stop = max(0, first), min(whole, first + size)
        there.append(slice(start, stop))
        here.append(slice(start - first, stop - first))
    part = (slice(None), *here)
    seen[part] = inputs(page, there[0], there[1])
    want[part] = labels(page, there[0], there[1])
    _wear(seen, rng)
    if rng.random() < 0.5:  # time may run backwards: whose ink it is stays the same
        seen, want = seen[:, :, ::-1], want[:, :, ::-1]
    return Crop(np.ascontiguousarray(seen), np.ascontiguousarray(want))


def _wear(seen: Float, rng: np.random.Generator) -> None:
    """Change how a piece looks, in place."""
    import cv2

    # The reader scales the ink by the traces' own darkness, not always exactly.
    seen[0] = np.clip(seen[0] * rng.uniform(0.6, 1.3), 0, 1)
    if rng.random() < 0.3:
        seen[0] = cv2.GaussianBlur(seen[0], (0, 0), float(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            _scribble(seen, rng)
    if rng.random() < 0.2:
        seen[0] = np.clip(seen[0] + rng.normal(0, 0.05, seen[0].shape), 0, 1)
    if rng.random() < 0.15:  # nothing but ink is dark on a page without a grid
        seen[1] = seen[0]


def _scribble(seen: Float, rng: np.random.Generator) -> None:
    """Draw a stroke of handwriting or a crease, which nobody owns: up to 13 points, 1 to 5 mm apart."""
    import cv2

    height, width = seen.shape[1:]
    steps = rng.normal(0, rng.uniform(4, 20), (int(rng.integers(3, 14)), 2))
    line = np.cumsum(np.vstack([rng.uniform([0, 0], [width, height]), steps]), axis=0).astype(np.int32)
    mark = np.zeros((height, width), np.uint8)
    cv2.polylines(mark, [line], False, 255, int(rng.integers(1, 4)), cv2.LINE_AA)
    np.maximum(seen, mark / np.float32(255) * np.float32(rng.uniform(0.5, 1)), out=seen)
