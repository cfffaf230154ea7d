"""Damage to a page: each kind is drawn at random in one function and done in another.

A step is a mapping with its ``name`` and its parameters, plain numbers only: it is printed in the truth, and
`apply_steps` on the clean page repeats it to the byte. Geometric steps move every piece of truth along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError
from synth.page import SynthPage, move_points, warp_page
from synth.style import PRESETS

__all__ = [
    "STEPS",
    "Step",
    "apply_blur",
    "apply_illumination",
    "apply_jpeg",
    "apply_noise",
    "apply_rotation",
    "apply_steps",
    "sample_blur",
    "sample_illumination",
    "sample_jpeg",
    "sample_noise",
    "sample_rotation",
    "sample_steps",
]

Step = Mapping[str, Any]

#: Rows and columns of the kept noise: primes, so that no period of a grid or a picture divides them.
_TILE = (1021, 1031)


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
    return _logged(warp_page(page, image, masks, lambda points: move_points(matrix, points), matrix), step)


def sample_blur(rng: np.random.Generator, low_px: float, high_px: float) -> Step:
    """Gaussian blur of a standard deviation in pixels, evenly spread."""
    return {"name": "blur", "sigma_px": float(rng.uniform(low_px, high_px))}


def apply_blur(page: SynthPage, step: Step) -> SynthPage:
    """Page after a Gaussian blur of ``sigma_px``."""
    import cv2

    return _photometric(page, cv2.GaussianBlur(page.page.image, (0, 0), step["sigma_px"]), step)


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
    return _photometric(page, image, step)


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
    return _photometric(page, image, step)


def sample_jpeg(rng: np.random.Generator, low: int, high: int) -> Step:
    """JPEG quality, 1 to 100, evenly spread, both ends included."""
    return {"name": "jpeg", "quality": int(rng.integers(low, high + 1))}


def apply_jpeg(page: SynthPage, step: Step) -> SynthPage:
    """Page after one JPEG round trip at ``quality``."""
    import cv2

    bgr = cv2.cvtColor(page.page.image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(step["quality"])])
    return _photometric(page, cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), step)


#: Every kind of damage: name -> how it is done.
STEPS: dict[str, Callable[[SynthPage, Step], SynthPage]] = {
    "rotation": apply_rotation,
    "blur": apply_blur,
    "noise": apply_noise,
    "illumination": apply_illumination,
    "jpeg": apply_jpeg,
}


def sample_steps(rng: np.random.Generator, preset: str) -> tuple[Step, ...]:
    """Damage of one page.

    Parameters
    ----------
    rng : numpy.random.Generator
    preset : str
        ``"clean"``: none. ``"published"``: Gaussian noise, rotation within ±1°, Gaussian blur, as the training pages
        of the published image model are described; their strengths are not given there, ours are. ``"scan"``:
        rotation within ±2°, uneven light, slight blur and noise, JPEG.

    Returns
    -------
    tuple of mapping

    Raises
    ------
    OptionsError
        If the preset is unknown.

    Examples
    --------
    >>> [step["name"] for step in sample_steps(np.random.default_rng(0), "published")]
    ['noise', 'rotation', 'blur']
    """
    if preset == "clean":
        return ()
    if preset == "published":
        return sample_noise(rng, 2.0, 12.0), sample_rotation(rng, 1.0), sample_blur(rng, 0.3, 1.0)
    if preset == "scan":
        return (
            sample_rotation(rng, 2.0),
            sample_illumination(rng, 0.06),
            sample_blur(rng, 0.3, 0.7),
            sample_noise(rng, 0.5, 3.5),
            sample_jpeg(rng, 75, 95),
        )
    raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")


def apply_steps(page: SynthPage, steps: Iterable[Step]) -> SynthPage:
    """Do each step in order.

    Parameters
    ----------
    page : SynthPage
    steps : iterable of mapping
        Each with a ``name`` out of `STEPS`.

    Returns
    -------
    SynthPage
        With the steps added to its own.

    Raises
    ------
    OptionsError
        If a step is unknown.
    """
    for step in steps:
        if step.get("name") not in STEPS:
            raise OptionsError(f"a step's name must be one of {', '.join(STEPS)}, got {step.get('name')!r}")
        page = STEPS[step["name"]](page, step)
    return page


def _photometric(page: SynthPage, image: NDArray[np.uint8], step: Step) -> SynthPage:
    return _logged(replace(page, page=replace(page.page, image=image)), step)


def _logged(page: SynthPage, step: Step) -> SynthPage:
    return replace(page, steps=(*page.steps, dict(step)))
