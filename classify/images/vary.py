"""Pictures varied while they are learnt: shifted, scaled, turned a little, darker or paler."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["varied"]

Float32 = NDArray[np.float32]

#: Largest changes at full strength. A grid box is found to within a few millimetres of 250, so 3 % of the side; pages
#: are levelled to a degree; paper and ink differ by about a third of the range in contrast and a quarter in level.
_SHIFT, _SCALE, _TURN_DEG, _CONTRAST, _LEVEL = 0.03, 0.05, 1.0, 0.3, 0.25
#: Standard deviation of noise at full strength, a tenth of ImageNet's deviation: what a sensor or JPEG leaves.
_NOISE = 0.1


def varied(x: Float32, strength: float, rng: np.random.Generator) -> Float32:
    """Vary pictures, each by itself.

    Parameters
    ----------
    x : float32 array [n, channels, height, width]
        Normalised, see `classify.inputs.from_pictures`.
    strength : float
        0 to 1.
    rng : numpy.random.Generator

    Returns
    -------
    float32 array of the same shape
        What comes in at the edges repeats them.
    """
    import cv2

    n, channels, height, width = x.shape
    out = np.empty_like(x)
    draws = strength * rng.uniform(-1, 1, (n, 6))
    for row, picture, (dx, dy, scale, turn, contrast, level) in zip(out, x, draws, strict=True):
        move = cv2.getRotationMatrix2D((width / 2, height / 2), _TURN_DEG * turn, 1 + _SCALE * scale)
        move[:, 2] += _SHIFT * width * dx, _SHIFT * height * dy
        for k in range(channels):
            row[k] = cv2.warpAffine(
                picture[k], move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        row *= 1 + _CONTRAST * contrast
        row += _LEVEL * level
    amount = (strength * _NOISE * rng.random((n, 1, 1, 1))).astype(np.float32)
    return out + amount * rng.standard_normal((n, 1, height, width), dtype=np.float32)
