"""Light on a page before a camera: soft shadows, uneven lamps, falling off at the corners, glare, and their colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import CLOUD, cloud, grid_xy, shade, tone_table
from synth.degrade.step import Step, photometric
from synth.page import SynthPage

__all__ = ["apply_glare", "apply_light", "apply_tone", "sample_glare", "sample_light", "sample_tone"]

Field = NDArray[np.float32]


def sample_light(rng: np.random.Generator, strength: float) -> Step:
    """Light of a room on the page; ``strength`` 1 is a ward at night with somebody leaning over it.

    A slope from side to side, clouds, the fall towards the corners (cosine to the fourth), and up to three shadows of a
    hand, a telephone or a frame.
    """
    shadows = [_sample_shadow(rng, strength) for _ in range(int(rng.choice(4, p=(0.25, 0.4, 0.25, 0.1))))]
    return {
        "name": "light",
        "slope": [float(v) for v in rng.normal(0, 0.22 * strength, 2)],
        "clouds": float(rng.uniform(0.0, 0.07) * strength),
        "at": [float(v) for v in rng.uniform(0, CLOUD, 2)],
        "vignette": float(rng.uniform(0.0, 0.35) * strength),
        # a lamp on one side and a window on the other: colour runs over the page
        "warmth": [float(v) for v in rng.normal(0, 0.05 * strength, 2)],
        "shadows": shadows,
    }


def _sample_shadow(rng: np.random.Generator, strength: float) -> dict[str, object]:
    kind = str(rng.choice(["phone", "hand", "edge"], p=(0.35, 0.35, 0.3)))
    side = float(rng.uniform(0, 2 * np.pi))
    out = float(rng.uniform(0.1, 0.5))
    middle = [out * float(np.cos(side)), 0.75 * out * float(np.sin(side))]
    if kind == "edge":  # a frame or an arm: all beyond a line
        shape = [[-0.2, -1.5], [1.5, -1.5], [1.5, 1.5], [-0.2, 1.5]]
        turn = side + float(rng.normal(0, 0.4))
    elif kind == "phone":
        wide, high = float(rng.uniform(0.12, 0.28)), float(rng.uniform(0.25, 0.5))
        shape, turn = [[-wide, -high], [wide, -high], [wide, high], [-wide, high]], float(rng.uniform(0, np.pi))
        shape += [[-0.3 * wide, high], [-0.6 * wide, 1.5], [-1.4 * wide, 1.5], [-wide, 0.5 * high]]
    else:  # fist and forearm, coming in from the side
        size = float(rng.uniform(0.08, 0.22))
        knuckles = [[size * (0.6 + 0.25 * float(rng.uniform(-1, 1))), size * (v - 0.5)] for v in (0, 0.3, 0.6, 1.0)]
        shape = [*[[-k, v] for k, v in knuckles], [1.5, 0.9 * size], [1.5, -0.7 * size]]
        turn = side
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    points = [[round(x * cos - y * sin + middle[0], 4), round(x * sin + y * cos + middle[1], 4)] for x, y in shape]
    return {
        "points": points,
        "soft": float(np.exp(rng.uniform(np.log(0.015), np.log(0.13)))),
        "depth": float(rng.uniform(0.1, 0.5) * min(1.0, strength)),
    }


def apply_light(page: SynthPage, step: Step) -> SynthPage:
    """Page under a room's light.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        Lengths are shares of the picture's longer side, places are from its middle. ``slope`` (x, y), the change of
        light; ``clouds``, standard deviation of its unevenness; ``vignette``, the light lost in the corners;
        ``warmth`` (x, y), red gained and blue lost; ``shadows``: ``points`` of an outline, ``soft`` (standard
        deviation of its blur) and ``depth`` (light lost).

    Returns
    -------
    SynthPage
        Its lightest part stays as light as the page was: cameras expose for it.
    """
    x, y = grid_xy(page.page.image)
    light = 1 + step["slope"][0] * x + step["slope"][1] * y + step["clouds"] * cloud(x, y, step["at"], 2.0)
    # Natural vignetting: cos^4 of the angle off the axis; ``vignette`` is what is lost at half the diagonal.
    reach = (1 - step["vignette"]) ** -0.5 - 1
    r2 = (x**2 + y**2) / (x[0, 0] ** 2 + y[0, 0] ** 2)
    light = np.maximum(light, 0.2) / (1 + reach * r2) ** 2
    for shadow in step["shadows"]:
        light = light * (1 - shadow["depth"] * _outline(x, y, shadow))
    light /= np.quantile(light, 0.97)
    warm = step["warmth"][0] * x + step["warmth"][1] * y
    # Shadows are lit by the sky or by the screen: a little bluer.
    blue = 0.06 * np.clip(1 - light, 0, 1)
    gain = np.stack([light * (1 + warm - blue), light, light * (1 - warm + blue)], axis=-1)
    return photometric(page, shade(page.page.image, np.maximum(gain, 0.03)), step)


def _outline(x: Field, y: Field, shadow: Step) -> Field:
    """Share of the light that an outline takes at each point, 0 to 1, its edge blurred."""
    import cv2

    pitch = float(x[0, 1] - x[0, 0])
    at = (np.array(shadow["points"], np.float64) - (x[0, 0], y[0, 0])) / pitch
    margin = int(3 * shadow["soft"] / pitch) + 2  # so that the blur does not see the picture's edge
    cover = np.zeros((x.shape[0] + 2 * margin, x.shape[1] + 2 * margin), np.uint8)
    cv2.fillPoly(cover, [np.rint((at + margin) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(cover, (0, 0), max(0.6, shadow["soft"] / pitch))
    return np.asarray(soft[margin:-margin, margin:-margin], np.float32) / np.float32(255)


def sample_glare(rng: np.random.Generator, strength: float) -> Step:
    """One or two lamps mirrored by glossy paper or glass."""
    lamps = [
        {
            "x": float(rng.uniform(-0.5, 0.5)),
            "y": float(rng.uniform(-0.35, 0.35)),
            "long": float(rng.uniform(0.05, 0.3)),
            "wide": float(rng.uniform(0.02, 0.1)),
            "turn_deg": float(rng.uniform(0, 180)),
            "grey": float(rng.uniform(20, 130) * strength),
        }
        for _ in range(int(rng.integers(1, 3)))
    ]
    return {"name": "glare", "lamps": lamps, "at": [float(v) for v in rng.uniform(0, CLOUD, 2)]}


def apply_glare(page: SynthPage, step: Step) -> SynthPage:
    """Page with ``lamps`` mirrored in it: ``grey`` levels added over an ellipse ``long`` by ``wide``, washed out."""
    x, y = grid_xy(page.page.image)
    uneven = np.exp(0.2 * cloud(x, y, step["at"], 1.2))  # above 0, or the light would grow without end
    add = np.zeros_like(x)
    for lamp in step["lamps"]:
        turn = np.radians(lamp["turn_deg"])
        dx, dy = x - lamp["x"], y - lamp["y"]
        a, b = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        add += np.float32(lamp["grey"]) * np.exp(-0.5 * ((a / lamp["long"]) ** 2 + (b / lamp["wide"]) ** 2) * uneven)
    return photometric(page, shade(page.page.image, add=np.minimum(add, 200)), step)


def sample_tone(rng: np.random.Generator, strength: float) -> Step:
    """White balance between candle and overcast sky, exposure, and the camera's contrast; 1 is a telephone's range."""
    kelvin = float(rng.normal(0.01, 0.075 * strength))
    green = float(rng.normal(0, 0.025 * strength))
    exposure = float(np.exp(rng.normal(-0.09 * strength, 0.12 * strength)))
    gain = [exposure * v for v in (1 + kelvin, 1 + green, 1 - 1.2 * kelvin)]
    return {
        "name": "tone",
        "gain": [round(float(np.clip(v, 0.35, 1.25)), 4) for v in gain],
        "gamma": float(np.exp(rng.normal(0.05 * strength, 0.18 * strength))),
        "contrast": float(np.clip(rng.normal(1 + 0.08 * strength, 0.15 * strength), 0.65, 1.45)),
    }


def apply_tone(page: SynthPage, step: Step) -> SynthPage:
    """Page after ``gain`` of red, green and blue, ``gamma`` and ``contrast`` (slope at middle grey)."""
    import cv2

    table = tone_table(step["gain"], step["gamma"], step["contrast"])
    image = cv2.LUT(page.page.image, np.ascontiguousarray(table.T)[None])
    return photometric(page, image.astype(np.uint8, copy=False), step)
