"""What light and camera do to the picture: uneven light, blur, noise, JPEG."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synth.degrade.step import Step, photometric
from synth.page import SynthPage

__all__ = [
    "apply_blur",
    "apply_illumination",
    "apply_jpeg",
    "apply_noise",
    "sample_blur",
    "sample_illumination",
    "sample_jpeg",
    "sample_noise",
]

#: Rows and columns of the kept noise: primes, so that no period of a grid or a picture divides them.
_TILE = (1021, 1031)


def sample_blur(rng: np.random.Generator, low_px: float, high_px: float) -> Step:
    """Gaussian blur of a standard deviation in pixels, evenly spread."""
    return {"name": "blur", "sigma_px": float(rng.uniform(low_px, high_px))}


def apply_blur(page: SynthPage, step: Step) -> SynthPage:
    """Page after a Gaussian blur of ``sigma_px``."""
    import cv2

    return photometric(page, cv2.GaussianBlur(page.page.image, (0, 0), step["sigma_px"]), step)


def sample_noise(rng: np.random.Generator, low: float, high: float) -> Step:
    """Gaussian noise of a standard deviation in grey levels (of 255), evenly spread, and its place in the kept tile."""
    offset = [int(rng.integers(size)) for size in _TILE]
    return {"name": "noise", "sigma": float(rng.uniform(low, high)), "offset": offset}


def apply_noise(page: SynthPage, step: Step) -> SynthPage:
    """Page with Gaussian noise of ``sigma``, independent in each pixel and colour.

    The noise is one kept tile, laid at ``offset`` and repeated: fresh normal numbers cost ten times as much.
    """
    import cv2

    noise = np.clip(np.rint(_noise_tile() * np.float32(step["sigma"])), -127, 127).astype(np.int8)
    noise = np.roll(noise, (-step["offset"][0], -step["offset"][1]), axis=(0, 1))
    image = np.empty_like(page.page.image)
    for top in range(0, page.page.height, _TILE[0]):
        for left in range(0, page.page.width, _TILE[1]):
            part = page.page.image[top : top + _TILE[0], left : left + _TILE[1]]
            tile = noise[: part.shape[0], : part.shape[1]]
            image[top : top + _TILE[0], left : left + _TILE[1]] = cv2.add(part, tile, dtype=cv2.CV_8U)
    return photometric(page, image, step)


@lru_cache(maxsize=1)
def _noise_tile() -> NDArray[np.float32]:
    # The seed names the tile, no page: pages differ by their offset in it.
    tile = np.random.default_rng(20070115).standard_normal((*_TILE, 3), dtype=np.float32)
    tile.flags.writeable = False
    return tile


def sample_illumination(rng: np.random.Generator, depth: float) -> Step:
    """Brightness at the four corners, between ``1 - depth`` and 1."""
    return {"name": "illumination", "corner_gain": [float(rng.uniform(1 - depth, 1)) for _ in range(4)]}


def apply_illumination(page: SynthPage, step: Step) -> SynthPage:
    """Page under uneven light: brightness runs evenly between ``corner_gain`` (clockwise from top left)."""
    tl, tr, br, bl = step["corner_gain"]
    height, width = page.masks.shape
    across, down = np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32)[:, None]
    gain = (tl + (tr - tl) * across) * (1 - down) + (bl + (br - bl) * across) * down
    # 8-bit gain is exact enough for light (0.4 %) and keeps the product in integers.
    factor = np.rint(gain * 255).astype(np.uint8)
    import cv2

    image = cv2.multiply(page.page.image, cv2.merge([factor] * 3), scale=1 / 255)
    return photometric(page, image, step)


def sample_jpeg(rng: np.random.Generator, low: int, high: int) -> Step:
    """JPEG quality, 1 to 100, evenly spread, both ends included."""
    return {"name": "jpeg", "quality": int(rng.integers(low, high + 1))}


def apply_jpeg(page: SynthPage, step: Step) -> SynthPage:
    """Page after one JPEG round trip at ``quality``."""
    import cv2

    bgr = cv2.cvtColor(page.page.image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(step["quality"])])
    return photometric(page, cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), step)
