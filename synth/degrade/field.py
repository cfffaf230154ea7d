"""Pictures multiplied, faded or lit by something that changes slowly over them, in one pass over the pixels.

What light, age and a drying print head do to a page varies over centimetres. So it is worked out on a lattice of every
`CELL`-th pixel and carried to the pixels between by straight lines (bilinear). The noise that it is made of is kept:
a page differs from the next by the place in the tile, which its step holds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.page import SynthPage

__all__ = ["CELL", "CLOUD", "GRAIN", "cloud", "grid_xy", "noise_tile", "px_per_mm", "shade", "tone_table"]

#: Pixels between the points of a field.
CELL = 16

#: Points of the kept clouds each way; they join on at every side.
CLOUD = 512

#: Rows and columns of the kept grain: primes, so that no period of a grid or a picture divides them.
GRAIN = (509, 521)

_ONE = 16384.0  # the kernel carries gains as whole numbers of 2^-14


def shade(
    image: NDArray[np.uint8],
    gain: NDArray[Any] | None = None,
    add: NDArray[Any] | None = None,
    pivot: tuple[float, float, float] = (0.0, 0.0, 0.0),
    table: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Picture ``table[pivot + (value - pivot) * gain + add]``, each colour for itself.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    gain : float array [rows, columns] or [rows, columns, 3], or None
        At every `CELL`-th pixel, as `grid_xy` places them; 1 where None.
    add : float array [rows, columns] or None
        Grey levels added, 0 where None.
    pivot : tuple of float
        Colour that the gain leaves as it is: black for light, the paper's for ink that fades.
    table : uint8 array [3, 256] or None
        Tone curve of each colour afterwards.

    Returns
    -------
    uint8 array [height, width, 3]

    Examples
    --------
    >>> shade(np.full((1, 2, 3), 100, np.uint8), np.array([[0.5, 0.5], [0.5, 0.5]]))[0, 0].tolist()
    [50, 50, 50]
    >>> shade(np.full((1, 2, 3), 100, np.uint8), add=np.array([[20.0, 20.0], [20.0, 20.0]]))[0, 0].tolist()
    [120, 120, 120]
    """
    from synth.degrade.kernels import shade_pixels

    height, width = image.shape[:2]
    shape = (-(-height // CELL) + 1, -(-width // CELL) + 1)
    full = np.ones((*shape, 3)) if gain is None else np.asarray(gain, np.float64)
    if full.ndim == 2:
        full = np.repeat(full[..., None], 3, axis=2)
    plus = np.zeros(shape) if add is None else np.asarray(add, np.float64)
    curve = np.tile(np.arange(256, dtype=np.uint8), (3, 1)) if table is None else table
    out = np.empty_like(image)
    whole = np.rint(full * _ONE).astype(np.int64), np.rint(plus * 256).astype(np.int64)
    shade_pixels(np.ascontiguousarray(image), *whole, np.rint(np.array(pivot)).astype(np.int64), curve, out)
    return out


def grid_xy(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Place (x, y) of the field's points, as shares of the longer side from the picture's middle, -0.5 to 0.5."""
    height, width = image.shape[:2]
    long = max(height, width)
    x = (np.arange(-(-width // CELL) + 1) * CELL - width / 2) / long
    y = (np.arange(-(-height // CELL) + 1) * CELL - height / 2) / long
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return across, down


def px_per_mm(page: SynthPage) -> float:
    """Pixels to a millimetre of the sheet, over all of it: root of its area in pixels over that in millimetres."""
    (x0, y0), (x1, y1) = page.corners[2] - page.corners[0], page.corners[3] - page.corners[1]
    return float(np.sqrt(abs(x0 * y1 - y0 * x1) / 2 / (page.paper_map.x_mm[-1] * page.paper_map.y_mm[-1])))


@lru_cache(maxsize=4)
def _cloud_tile(power: float) -> NDArray[np.float32]:
    """Periodic noise of mean 0 and standard deviation 1 whose spectral amplitude falls as 1 / frequency^power."""
    # The seed names the tile, no page: pages differ by their place in it.
    rng = np.random.default_rng(19971107)
    spectrum = np.fft.rfft2(rng.standard_normal((CLOUD, CLOUD)))
    frequency = np.hypot(np.fft.fftfreq(CLOUD)[:, None], np.fft.rfftfreq(CLOUD)) * CLOUD
    spectrum *= np.where(frequency > 0, 1 / np.maximum(frequency, 1.0) ** power, 0)
    tile = np.fft.irfft2(spectrum, (CLOUD, CLOUD)).astype(np.float32)
    tile = (tile / tile.std()).astype(np.float32)
    tile.flags.writeable = False
    return np.asarray(tile)


def cloud(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    at: tuple[float, float] | list[float],
    size: float,
    power: float = 1.7,
) -> NDArray[np.float32]:
    """Smooth noise, mean 0 and standard deviation 1 over the whole tile.

    Parameters
    ----------
    x, y : float32 array
        Places, in any unit.
    at : pair of float
        Start in the tile, 0 to `CLOUD`.
    size : float
        The tile's side in that unit; its patches are of all sizes below.
    power : float
        The larger, the smoother.

    Returns
    -------
    float32 array
        Shaped as the places.
    """
    import cv2

    scale = CLOUD / size
    across, down = ((v * scale + start).astype(np.float32) for v, start in zip((x, y), at, strict=True))
    found = cv2.remap(_cloud_tile(power), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found, np.float32)


@lru_cache(maxsize=4)
def noise_tile(grain_px: float, chroma: float) -> NDArray[np.int8]:
    """Kept Gaussian noise [rows, columns, 3] of standard deviation 32, patchy over ``grain_px``.

    Parameters
    ----------
    grain_px : float
        Standard deviation of the blur that a camera's noise filter leaves on it.
    chroma : float
        Share of the noise that differs between the colours, in patches three times as large: cameras blur colour
        more than brightness.
    """
    import cv2

    rng = np.random.default_rng(20110612)

    def patchy(sigma: float, channels: int) -> NDArray[np.float32]:
        noise = rng.standard_normal((*GRAIN, channels), dtype=np.float32)
        if sigma > 0:
            reach = int(4 * sigma) + 1
            wide = np.pad(noise, ((reach, reach), (reach, reach), (0, 0)), mode="wrap")
            noise = cv2.GaussianBlur(wide, (0, 0), sigma).reshape(wide.shape)[reach:-reach, reach:-reach]
        return np.asarray(noise / noise.std(), np.float32)

    mixed = np.sqrt(1 - chroma) * patchy(grain_px, 1) + np.sqrt(chroma) * patchy(3 * grain_px, 3)
    tile: NDArray[np.int8] = np.clip(np.rint(32 * mixed / mixed.std()), -127, 127).astype(np.int8)
    tile.flags.writeable = False
    return tile


def tone_table(
    gain: tuple[float, float, float] | list[float] = (1.0, 1.0, 1.0), gamma: float = 1.0, contrast: float = 1.0
) -> NDArray[np.uint8]:
    """Tone curve of a camera: white balance, brightness of the middle greys, and an S about the middle.

    Parameters
    ----------
    gain : three float
        Of red, green and blue.
    gamma : float
        Below 1: lighter middle greys.
    contrast : float
        Slope at middle grey; the ends stay where they are.

    Returns
    -------
    uint8 array [3, 256]

    Examples
    --------
    >>> tone_table((1.0, 0.5, 1.0))[:, 200].tolist()
    [200, 100, 200]
    """
    level = np.clip(np.arange(256) / 255 * np.array(gain, np.float64)[:, None], 0, 1) ** gamma
    # a cubic with fixed ends and middle, its slope there ``contrast``: 1 + 4(c - 1) d² more would leave the ends
    d = level - 0.5
    level = 0.5 + d * (contrast - 4 * (contrast - 1) * d**2)
    return np.rint(np.clip(level, 0, 1) * 255).astype(np.uint8)
