"""What a sheet suffers before anybody writes on it: weak print, age, stains, mould, dirty rollers, print of its back.

All of it lies on the sheet, so it is done before the sheet is bent. Paper only takes light away: stains, mould and
tanned edges multiply the picture; print that fades returns to the colour of the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import CLOUD, cloud, grid_xy, px_per_mm, shade
from synth.degrade.step import Step, photometric
from synth.page import SynthPage

__all__ = [
    "apply_age",
    "apply_bleed",
    "apply_fade",
    "apply_mould",
    "apply_rollers",
    "apply_stains",
    "sample_age",
    "sample_bleed",
    "sample_fade",
    "sample_low_ink",
    "sample_mould",
    "sample_rollers",
    "sample_stains",
]

Field = NDArray[np.float32]

#: Pixels between the points at which stains are worked out: their rims are sharper than light is.
_FINE = 4


def _place(rng: np.random.Generator) -> list[float]:
    return [float(v) for v in rng.uniform(0, CLOUD, 2)]


def sample_fade(rng: np.random.Generator, most: float) -> Step:
    """Thermal print that lost up to ``most`` of its blackness to light, heat and plasticisers, unevenly."""
    lost = most * float(rng.uniform(0.25, 1.0))
    return {
        "name": "fade",
        "keep": 1 - lost,
        "clouds": float(rng.uniform(0.05, 0.3) * lost),
        "edge": float(rng.uniform(-0.2, 0.6) * lost),
        "at": _place(rng),
        "streaks": 0.0,
        "rows": [],
        "columns": [],
    }


def sample_low_ink(rng: np.random.Generator, most: float) -> Step:
    """Print of a worn head: up to ``most`` of the ink missing in streaks, and dots that print no more."""
    along = "rows" if rng.random() < 0.75 else "columns"  # sheets come out lengthwise mostly
    dead = [
        [float(rng.uniform(0, 1)), float(rng.choice([0.125, 0.25, 0.5])), float(rng.uniform(0, 0.5))]
        for _ in range(int(rng.integers(0, 7)))
    ]
    return {
        "name": "fade",
        "keep": float(rng.uniform(1 - most, 1.0)),
        "clouds": 0.0,
        "edge": 0.0,
        "at": _place(rng),
        "streaks": float(rng.uniform(0.0, 0.35) * most),
        "rows": dead if along == "rows" else [],
        "columns": dead if along == "columns" else [],
    }


def apply_fade(page: SynthPage, step: Step) -> SynthPage:
    """Page whose dark print went pale; the coloured grid, printed in another ink, stays.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        ``keep``, the share of the blackness that is left, of a standard deviation ``clouds``, less by ``edge`` at the
        sheet's sides; ``streaks``, standard deviation of it from row to row; ``rows`` and ``columns``: place (share of
        the height or width), width in mm and share kept of single dead dots of the head.

    Returns
    -------
    SynthPage
    """
    from synth.degrade.kernels import fade_pixels

    image = np.ascontiguousarray(page.page.image)
    x, y = grid_xy(image)
    outwards = np.maximum(np.abs(x / x[0, 0]), np.abs(y / y[0, 0])) ** 4
    keep = step["keep"] + step["clouds"] * cloud(x, y, step["at"], 1.0) - step["edge"] * outwards
    height, width = image.shape[:2]
    lines = [_dead(size, dots, px_per_mm(page)) for size, dots in ((height, step["rows"]), (width, step["columns"]))]
    if step["streaks"]:
        places = np.arange(height, dtype=np.float32)[:, None] / height
        streak = cloud(np.zeros_like(places), places, step["at"], 1.5, 0.9)[:, 0]
        lines[0] = lines[0] * np.clip(1 - step["streaks"] * np.abs(streak), 0.1, 1)
    whole = [np.rint(np.clip(v, 0.08, 1) * 4096).astype(np.int64) for v in (keep, *lines)]
    # Faded print is brown: its red returns first, and none of it comes back to the white of the paper.
    paper = np.rint(np.array(page.style.paper_rgb) * (1.0, 0.97, 0.94)).astype(np.int64)
    out = np.empty_like(image)
    fade_pixels(image, *whole, paper, out)
    return photometric(page, out, step)


def _dead(size: int, dots: list[list[float]], per_mm: float) -> NDArray[np.float64]:
    line = np.ones(size)
    for share, width_mm, keep in dots:
        at = round(share * size)
        line[at : at + max(1, round(width_mm * per_mm))] = keep
    return line


#: Light lost in red, green and blue, least and most, by the oldest paper.
_TANNING = ((0.03, 0.12), (0.07, 0.2), (0.15, 0.38))


def sample_age(rng: np.random.Generator, strength: float) -> Step:
    """Yellowing of paper; ``strength`` 1 is decades in a warm store. The sides, where air comes, are browner."""
    depth = strength * float(rng.uniform(0.3, 1.0))
    return {
        "name": "age",
        # Lignin's oxidation takes blue first, then green: tea, straw or grey.
        "tint": [1 - depth * loss for loss in sorted(float(rng.uniform(*span)) for span in _TANNING)],
        "clouds": float(rng.uniform(0.03, 0.16)),
        "edge": float(rng.uniform(0.0, 0.8)),
        "edge_mm": float(rng.uniform(4, 25)),
        "at": _place(rng),
    }


def apply_age(page: SynthPage, step: Step) -> SynthPage:
    """Page of yellowed paper.

    ``tint`` is the light that is left of red, green and blue; the loss is uneven by a standard deviation of ``clouds``
    (a share of it) and greater by ``edge`` at the sheet's sides, falling off over ``edge_mm``.
    """
    image = page.page.image
    x, y = grid_xy(image)
    long = max(image.shape[:2])
    inwards = np.minimum(np.abs(x[0, 0]) - np.abs(x), np.abs(y[0, 0]) - np.abs(y)) * (long / px_per_mm(page))
    uneven = cloud(x, y, step["at"], 0.9, 1.4)
    rim = np.exp(-np.maximum(inwards * (1 + 0.3 * uneven), 0) / step["edge_mm"])
    loss = np.clip(1 + step["clouds"] * uneven + step["edge"] * rim, 0, 3)
    gain = 1 - loss[..., None] * (1 - np.array(step["tint"], np.float32))
    return photometric(page, shade(image, np.maximum(gain, 0.2)), step)


def sample_bleed(rng: np.random.Generator, most: float) -> Step:
    """Print of the back showing through, up to ``most`` of its blackness."""
    return {
        "name": "bleed",
        "share": float(rng.uniform(0.3, 1.0) * most),
        "blur_mm": float(rng.uniform(0.15, 0.5)),
        "shift": [float(rng.uniform(-0.3, 0.3)) for _ in range(2)],
        "upside_down": bool(rng.random() < 0.5),
    }


def apply_bleed(page: SynthPage, step: Step) -> SynthPage:
    """Page through which a page like itself shows from behind.

    ``share`` is the light that its black takes, spread by ``blur_mm`` in the paper; it is mirrored, shifted around by
    ``shift`` (shares of width and height) and ``upside_down`` where the sheet was turned over its long side.
    """
    import cv2

    image = page.page.image
    height, width = image.shape[:2]
    # Half the resolution is enough for what the paper blurs anyway.
    small = cv2.resize(image[..., 1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    back = cv2.flip(small, -1 if step["upside_down"] else 1)
    back = np.roll(
        back, [round(s * n) for s, n in zip(step["shift"], (width // 2, height // 2), strict=True)][::-1], (0, 1)
    )
    back = cv2.GaussianBlur(back, (0, 0), max(0.5, step["blur_mm"] * px_per_mm(page) / 2))
    light = np.rint(255 - step["share"] * np.maximum(0, 225 - np.arange(256.0))).astype(np.uint8)
    through = cv2.resize(cv2.LUT(back, light), (width, height), interpolation=cv2.INTER_LINEAR)
    image = cv2.multiply(image, cv2.merge([through] * 3), scale=1 / 255)
    return photometric(page, image.astype(np.uint8, copy=False), step)


def sample_rollers(rng: np.random.Generator, strength: float) -> Step:
    """Dirt that a printer's rollers leave again and again along the feed; ``strength`` 1 is years of it."""
    return {
        "name": "rollers",
        "period_mm": float(rng.uniform(25, 70)),  # circumference of a roller 8 to 22 mm thick
        "dirt": float(rng.uniform(0.05, 0.3) * strength),
        "bands": [
            [float(rng.uniform(0, 1)), float(rng.uniform(3, 12)), float(rng.uniform(0.02, 0.12) * strength)]
            for _ in range(int(rng.integers(1, 5)))
        ],
        "at": _place(rng),
    }


def apply_rollers(page: SynthPage, step: Step) -> SynthPage:
    """Page with the same smudges every ``period_mm`` along x, and grey ``bands`` (share of the height, mm, depth)."""
    x, y = _fine_mm(page)
    period = step["period_mm"]
    smudge = np.clip(cloud(x % period, y, step["at"], 90.0, 1.1) - 1.0, 0, 2)
    loss = step["dirt"] * smudge
    sheet_mm = float(y[-1, 0])
    rough = np.clip(0.6 + 0.4 * cloud(x % period, y, step["at"], 40.0, 0.9), 0, 2)
    for share, width_mm, depth in step["bands"]:
        off = (y[:, :1] - share * sheet_mm) / width_mm
        loss = loss + depth * np.exp(-(off**4)) * rough
    return photometric(page, _darken(page.page.image, loss[..., None] * np.array([1.0, 1.0, 0.97], np.float32)), step)


def _fine_mm(page: SynthPage) -> tuple[Field, Field]:
    """Places in mm of every `_FINE`-th pixel."""
    pitch = _FINE / px_per_mm(page)
    x = np.arange(-(-page.page.width // _FINE), dtype=np.float32) * np.float32(pitch)
    y = np.arange(-(-page.page.height // _FINE), dtype=np.float32) * np.float32(pitch)
    across, down = np.meshgrid(x, y)
    return across, down


def _darken(image: NDArray[np.uint8], loss: Field) -> NDArray[np.uint8]:
    """Picture less the share ``loss`` [rows, columns, 3], which is given at every `_FINE`-th pixel."""
    import cv2

    light = np.rint(255 * np.clip(1 - loss, 0, 1)).astype(np.uint8)
    full = cv2.resize(light, (light.shape[1] * _FINE, light.shape[0] * _FINE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, full[: image.shape[0], : image.shape[1]], scale=1 / 255), np.uint8)


def sample_mould(rng: np.random.Generator, strength: float) -> Step:
    """Foxing and mould in patches; at ``strength`` 1 a fifth of the sheet has some."""
    return {
        "name": "mould",
        "at": _place(rng),
        "spot_mm": float(rng.uniform(0.5, 2.5)),
        "level": float(rng.uniform(1.7, 2.6) - 0.4 * strength),
        "loss": [float(v) for v in (_FOXING, _MOULD)[int(rng.integers(2))] * rng.uniform(0.4, 1.0)],
    }


#: Light lost in red, green and blue: rusty foxing, and grey-green mould.
_FOXING = np.array([0.25, 0.5, 0.75])
_MOULD = np.array([0.55, 0.5, 0.55])


def apply_mould(page: SynthPage, step: Step) -> SynthPage:
    """Page with spots about ``spot_mm`` wide where two kinds of noise together pass ``level``; they take ``loss``."""
    x, y = _fine_mm(page)
    patch = cloud(x, y, step["at"], 420.0, 1.8)
    spots = cloud(x, y, step["at"][::-1], 40 * step["spot_mm"], 0.75)
    density = np.clip(spots + patch - step["level"], 0, 1)
    return photometric(page, _darken(page.page.image, density[..., None] * np.array(step["loss"], np.float32)), step)


def sample_stains(rng: np.random.Generator, most: int) -> Step:
    """One to ``most`` stains: rings of cups, blots, tide marks of water, grease, splashes."""
    return {"name": "stains", "stains": [_sample_stain(rng) for _ in range(int(rng.integers(1, most + 1)))]}


#: Kind -> radius in mm, light lost in the middle, at the rim, width of the rim in mm; red, green and blue of the loss.
_STAINS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float], float, tuple[float, ...]]] = {
    "cup": ((32, 45), (0.0, 0.05), (0.15, 0.45), 1.6, (0.45, 0.72, 1.0)),  # a mug's foot
    "coffee": ((6, 35), (0.12, 0.35), (0.15, 0.4), 1.2, (0.45, 0.7, 1.0)),
    "water": ((15, 80), (0.0, 0.04), (0.05, 0.18), 1.5, (0.5, 0.65, 1.0)),
    "ink": ((1.5, 7), (0.4, 0.85), (0.05, 0.1), 0.8, (1.0, 0.9, 0.45)),
    "grease": ((4, 25), (0.06, 0.16), (0.0, 0.05), 2.5, (0.8, 0.85, 1.0)),
    "blood": ((1, 6), (0.4, 0.7), (0.1, 0.2), 0.5, (0.35, 1.0, 1.0)),
}


def _sample_stain(rng: np.random.Generator) -> dict[str, Any]:
    kind = str(rng.choice(list(_STAINS), p=(0.25, 0.25, 0.2, 0.08, 0.15, 0.07)))
    radius, middle, rim, rim_mm, colour = _STAINS[kind]
    return {
        "kind": kind,
        "centre": [float(v) for v in rng.uniform(-0.02, 1.02, 2)],
        "radius_mm": float(rng.uniform(*radius)),
        "middle": float(rng.uniform(*middle)),
        "rim": float(rng.uniform(*rim)),
        "rim_mm": rim_mm * float(rng.uniform(0.6, 1.5)),
        "ragged": 0.02 if kind == "cup" else float(rng.uniform(0.1, 0.3)),
        "colour": [float(c * rng.uniform(0.85, 1.0)) for c in colour],
        "gap_deg": float(rng.uniform(0, 360)),
        "at": _place(rng),
    }


def apply_stains(page: SynthPage, step: Step) -> SynthPage:
    """Page with ``stains``: ``centre`` as shares of width and height, ``radius_mm``, ``ragged`` (a share of it).

    Drops dry from their rim, where the solids gather (Deegan et al., Nature 1997;389:827-9): light lost is ``middle``
    within, and ``rim`` over ``rim_mm`` at the edge, in the shares ``colour`` of red, green and blue.
    """
    image = page.page.image.copy()
    for stain in step["stains"]:
        _stain(image, stain, px_per_mm(page))
    return photometric(page, image, step)


def _stain(image: NDArray[np.uint8], stain: Step, per_mm: float) -> None:
    centre = np.array(stain["centre"]) * (image.shape[1], image.shape[0])
    reach = (1 + 3 * stain["ragged"]) * stain["radius_mm"] * per_mm + 4 * stain["rim_mm"] * per_mm
    left, top = (int(v) // _FINE * _FINE for v in np.maximum(centre - reach, 0))
    right, bottom = (int(v) for v in np.minimum(centre + reach, (image.shape[1], image.shape[0])))
    if right - left < 2 or bottom - top < 2:
        return
    x, y = np.meshgrid(*(np.arange(a, b, _FINE).astype(np.float32) for a, b in ((left, right), (top, bottom))))
    x, y = (x - np.float32(centre[0])) / np.float32(per_mm), (y - np.float32(centre[1])) / np.float32(per_mm)
    rough = cloud(x, y, stain["at"], 2.5 * stain["radius_mm"], 1.8)
    inside = stain["radius_mm"] * (1 + stain["ragged"] * rough) - np.hypot(x, y)
    body = 1 / (1 + np.exp(-np.clip(inside / (0.3 * stain["rim_mm"]), -20, 20)))
    rim = np.exp(-0.5 * (np.abs(inside - stain["rim_mm"]) / stain["rim_mm"]) ** 2)
    # A ring is never even: paler on one side, broken where the cup stood hollow.
    turn = np.arctan2(y, x) - np.radians(stain["gap_deg"])
    rim = rim * np.clip(0.7 + 0.45 * np.cos(turn) + 0.3 * rough, 0, 1.3)
    loss = body * stain["middle"] * (1 + 0.25 * rough) + rim * stain["rim"]
    part = image[top:bottom, left:right]
    part[:] = _darken(part, np.maximum(loss, 0)[..., None] * np.array(stain["colour"], np.float32))
