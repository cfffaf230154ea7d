"""What scanner and camera do to the picture: uneven light, blur, noise, sharpening, JPEG."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import GRAIN, noise_tile
from synth.degrade.step import Step, photometric
from synth.page import SynthPage

__all__ = [
    "apply_blur",
    "apply_defocus",
    "apply_grain",
    "apply_illumination",
    "apply_jpeg",
    "apply_motion",
    "apply_noise",
    "apply_sharpen",
    "sample_blur",
    "sample_defocus",
    "sample_grain",
    "sample_illumination",
    "sample_jpeg",
    "sample_motion",
    "sample_noise",
    "sample_sharpen",
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


def sample_defocus(rng: np.random.Generator, high_px: float) -> Step:
    """Radius of the circle of confusion in pixels; small ones are likelier (the square of a uniform number)."""
    return {"name": "defocus", "radius_px": float(0.3 + (high_px - 0.3) * rng.uniform() ** 2)}


def apply_defocus(page: SynthPage, step: Step) -> SynthPage:
    """Page out of focus: each point becomes a disc of ``radius_px``, the image of a round aperture."""
    radius = float(step["radius_px"])
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    # A pixel counts by the share of it inside the disc, by its distance from the rim.
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return photometric(page, _filtered(page.page.image, disc), step)


def sample_motion(rng: np.random.Generator, high_px: float) -> Step:
    """Length in pixels and direction of the way that the picture moved while it was taken; short ones are likelier."""
    return {
        "name": "motion",
        "length_px": float(1 + (high_px - 1) * rng.uniform() ** 2),
        "angle_deg": float(rng.uniform(0, 180)),
    }


def apply_motion(page: SynthPage, step: Step) -> SynthPage:
    """Page smeared evenly over ``length_px`` along ``angle_deg`` (anticlockwise from the right)."""
    half = step["length_px"] / 2
    reach = int(np.ceil(half))
    turn = np.radians(step["angle_deg"])
    even = (np.arange(16 * reach) + 0.5) / (16 * reach)  # eight places a pixel or more
    places = (2 * even - 1) * half
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3))
    x, y = places * np.cos(turn) + reach + 1, -places * np.sin(turn) + reach + 1
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    for di in (0, 1):
        for dj in (0, 1):
            np.add.at(kernel, (i + di, j + dj), (1 - abs(y - i - di)) * (1 - abs(x - j - dj)))
    return photometric(page, _filtered(page.page.image, kernel), step)


def _filtered(image: NDArray[np.uint8], kernel: NDArray[np.float64]) -> NDArray[np.uint8]:
    import cv2

    even = (kernel / kernel.sum()).astype(np.float32)
    blurred = cv2.filter2D(image, -1, even, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)


def sample_sharpen(rng: np.random.Generator, high: float) -> Step:
    """Unsharp mask as cameras and scanners apply it, up to ``high`` times the difference from the blurred picture."""
    return {"name": "sharpen", "amount": float(rng.uniform(0.2, 1.0) * high), "sigma_px": float(rng.uniform(0.8, 2.0))}


def apply_sharpen(page: SynthPage, step: Step) -> SynthPage:
    """Page plus ``amount`` times its difference from itself blurred by ``sigma_px``: dark lines get light rims."""
    import cv2

    image = page.page.image
    blurred = cv2.GaussianBlur(image, (0, 0), step["sigma_px"])
    sharp = cv2.addWeighted(image, 1 + step["amount"], blurred, -step["amount"], 0)
    return photometric(page, sharp.astype(np.uint8, copy=False), step)


def sample_grain(rng: np.random.Generator, low: float, high: float) -> Step:
    """Noise of a sensor: ``low`` to ``high`` grey levels at middle grey, evenly in the logarithm."""
    return {
        "name": "grain",
        "sigma": float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        "read": float(rng.uniform(0.2, 0.7)),
        "grain_px": float(rng.choice([0.0, 0.6, 1.0])),
        "chroma": float(rng.choice([0.1, 0.4])),
        "offset": [int(rng.integers(size)) for size in GRAIN],
    }


def apply_grain(page: SynthPage, step: Step) -> SynthPage:
    """Page with a sensor's noise: ``sigma`` at middle grey, growing with brightness, patchy where it was filtered.

    Its variance is a part that does not depend on the light (``read``, a share) and the photons', in proportion to it
    (Foi et al., IEEE Trans Image Process 2008;17:1737-54); the camera's tone curve (slope 1/2.2 of the root) then
    flattens it towards the lights. One kept tile is laid at ``offset`` and repeated.
    """
    from synth.degrade.kernels import add_grain

    light = np.linspace(0.004, 1, 256) ** 2.2  # linear light of a stored value
    spread = np.sqrt(step["read"] ** 2 + (1 - step["read"] ** 2) * light / 0.22)  # 1 at middle grey: 0.5^2.2 = 0.22
    spread *= np.minimum((light / 0.22) ** (1 / 2.2 - 1), 2.0)
    gain = np.rint(step["sigma"] / 32 * spread * 1024).astype(np.int64)
    image = np.ascontiguousarray(page.page.image)
    out = np.empty_like(image)
    add_grain(image, noise_tile(step["grain_px"], step["chroma"]), gain, *(int(v) for v in step["offset"]), out)
    return photometric(page, out, step)
