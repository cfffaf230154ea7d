"""Monitors: pages shown on a panel of red, green and blue stripes and sampled by a camera's own grid.

Two grids of nearly the same pitch beat: the moiré of a photographed monitor. Neither grid is drawn at its full
fineness, for a page's picture is coarser than both. Sampling folds the panel's frequency down, and what is left is a
wave of the difference of the two frequencies (Amidror, The Theory of the Moiré Phenomenon, 2nd ed. 2009, chapter 2),
one for each colour, a third of a pixel apart. That wave is drawn, slowly bent as the lens bends the panel's grid.
"""

from __future__ import annotations

import numpy as np

from synth.degrade.field import CLOUD, cloud, px_per_mm
from synth.degrade.step import Step, hide, photometric
from synth.page import SynthPage

__all__ = ["apply_moire", "apply_panel", "sample_moire", "sample_panel"]


def sample_panel(rng: np.random.Generator) -> Step:
    """Panel that shows the page: its pitch as on the sheet, its black, and the frame of a viewer around."""
    grey = int(rng.integers(20, 235))
    return {
        "name": "panel",
        # A sheet 297 mm wide shown 900 to 2400 panel pixels wide.
        "pixel_mm": float(np.exp(rng.uniform(np.log(0.12), np.log(0.33)))),
        "black": float(rng.uniform(4, 28)),
        "bars": [float(v) for v in np.where(rng.random(4) < 0.4, rng.uniform(2, 14, 4), 0.0)],
        "bar_rgb": [grey, min(255, grey + int(rng.integers(0, 12))), min(255, grey + int(rng.integers(0, 25)))],
    }


def apply_panel(page: SynthPage, step: Step) -> SynthPage:
    """Page as a panel shows it.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        ``pixel_mm``, a panel's pixel measured on the sheet; ``black``, the light that its black lets through, in grey
        levels; ``bars`` of a viewer's frame over the edges (left, top, right, bottom, in mm), coloured ``bar_rgb``,
        which hide what is under them.

    Returns
    -------
    SynthPage
    """
    import cv2

    per_mm = px_per_mm(page)
    image = page.page.image
    height, width = image.shape[:2]
    pitch = step["pixel_mm"] * per_mm
    if pitch > 1.2:  # panel pixels larger than the picture's: what is shown is the page at the panel's resolution
        small = cv2.resize(
            image, (max(2, round(width / pitch)), max(2, round(height / pitch))), interpolation=cv2.INTER_AREA
        )
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    lift = np.rint(step["black"] + np.arange(256) * (255 - step["black"]) / 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, lift), np.uint8)
    left, top, right, bottom = (round(v * per_mm) for v in step["bars"])
    edges = (
        (0, 0, width, top),
        (0, height - bottom, width, height),
        (0, 0, left, height),
        (width - right, 0, width, height),
    )
    for x0, y0, x1, y1 in edges:
        if x1 > x0 and y1 > y0:
            image[y0:y1, x0:x1] = step["bar_rgb"]
            page = hide(page, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) - 0.5)
    return photometric(page, image, step)


def sample_moire(rng: np.random.Generator, strength: float) -> Step:
    """Beat of a panel and a sensor: one or two waves, some 4 to 80 px long, coarse ones fainter."""
    waves = []
    for _ in range(int(rng.integers(1, 4))):
        period = float(np.exp(rng.uniform(np.log(4), np.log(80))))
        waves.append(
            {
                "period_px": period,
                "angle_deg": float(rng.uniform(0, 180)),
                "depth": float(rng.uniform(0.015, 0.09) * strength),
                "colour": float(rng.uniform(0.0, 1.0)),
            }
        )
    return {
        "name": "moire",
        "waves": waves,
        "bend": float(rng.uniform(0.0, 2.5)),
        "at": [float(v) for v in rng.uniform(0, CLOUD, 2)],
        "bands": float(rng.uniform(0.01, 0.08) * strength) if rng.random() < 0.3 else 0.0,
        "band_px": float(rng.uniform(90, 700)),
    }


def apply_moire(page: SynthPage, step: Step) -> SynthPage:
    """Photographed panel with its beats.

    Parameters
    ----------
    page : SynthPage
        As the camera sees it.
    step : mapping
        ``waves``: ``period_px`` and ``angle_deg`` of a beat, ``depth`` (a share of the light) and how far its phase
        differs between the colours (``colour``, 1 being a third of a period); ``bend``, standard deviation in periods
        of the lens's and the panel's unevenness; ``bands`` ``band_px`` high, of a panel that is lit in pulses under a
        rolling shutter.

    Returns
    -------
    SynthPage
    """
    from synth.degrade.kernels import beat

    image = np.ascontiguousarray(page.page.image)
    height, width = image.shape[:2]
    x, y = (np.arange(-(-n // 16) + 1, dtype=np.float32) * 16 for n in (width, height))
    across, down = np.meshgrid(x, y)
    bend = step["bend"] * cloud(across, down, step["at"], 2.0 * max(height, width), 2.6)
    phases, tables = [], []
    for k, wave in enumerate(step["waves"]):
        turn = np.radians(wave["angle_deg"])
        # in 2^-20 of a turn: whole numbers run on evenly from point to point
        way = (across * np.cos(turn) - down * np.sin(turn)) / wave["period_px"] + (1 if k % 2 == 0 else -0.6) * bend
        phases.append(np.rint(way.astype(np.float64) * 2**20).astype(np.int64))
        angle = np.arange(256) * (2 * np.pi / 256)
        shift = np.arange(3) * (2 * np.pi / 3) * wave["colour"]
        tables.append(np.rint(wave["depth"] * 4096 * np.sin(angle[:, None] + shift)).astype(np.int64))
    rows = 1 - step["bands"] * (0.5 + 0.5 * np.sin(2 * np.pi * np.arange(height) / step["band_px"]))
    out = np.empty_like(image)
    shaped = np.array(phases, np.int64).reshape(-1, *across.shape), np.array(tables, np.int64).reshape(-1, 256, 3)
    beat(image, *shaped, np.rint(rows * 4096).astype(np.int64), out)
    return photometric(page, out, step)
