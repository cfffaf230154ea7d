"""Machines that copy: photocopiers and faxes, which turn grey and colour into toner or none.

Blur plus noise is no photocopy. A copier's drum is discharged by the light that the sheet throws back and takes toner
where it is dark: a steep curve, blind to pale and reddish lines, that starves large dark areas, drags dirt along and
shows the lid beyond the sheet's edge. A fax sends black or white dots, coarser down than across, line by line.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import CLOUD, GRAIN, cloud, grid_xy, noise_tile, px_per_mm
from synth.degrade.step import Step, photometric
from synth.page import SynthPage

__all__ = ["apply_fax", "apply_photocopy", "sample_fax", "sample_photocopy"]

Grey = NDArray[np.uint8]

#: Dots of a fax per millimetre across (1728 on 215 mm) and lines per millimetre down: ITU-T Recommendation T.4, table 1
#: (3.85 standard, 7.7 fine) and its optional 15.4.
_FAX_DOTS = 8.04
_FAX_LINES = {"standard": 3.85, "fine": 7.7, "superfine": 15.4}


def sample_photocopy(rng: np.random.Generator) -> Step:
    """Copy of the first to third generation on a machine that was cleaned long ago or yesterday."""
    worn = float(rng.uniform(0, 1)) ** 1.5
    return {
        "name": "photocopy",
        "generations": int(rng.choice([1, 2, 3], p=(0.65, 0.25, 0.1))),
        # What the drum sees: green lamps make red lines dark, others pale.
        "sees": [float(v) for v in (rng.dirichlet((2, 4, 2)) if rng.random() < 0.7 else rng.dirichlet((6, 2, 1)))],
        "threshold": float(rng.uniform(0.35, 0.72)),
        "slope": float(np.exp(rng.uniform(np.log(2.0), np.log(12.0)))),
        "spread_mm": float(rng.uniform(0.04, 0.13)),
        "toner": float(rng.uniform(0.75, 0.98)),
        "starved": float(rng.uniform(0, 0.5) * worn),
        "uneven": float(rng.uniform(0.005, 0.045)),
        "at": [float(v) for v in rng.uniform(0, CLOUD, 2)],
        "pepper": float(rng.uniform(0, 1) * worn),
        "streaks": [
            [float(rng.uniform(0, 1)), float(rng.uniform(0.08, 0.4)), float(rng.uniform(-0.5, 0.5))]
            for _ in range(int(rng.poisson(3 * worn)))
        ],
        "edges": [float(v) for v in np.where(rng.random(4) < 0.35, rng.uniform(0.5, 7.0, 4), 0.0)],
        "screen_mm": float(rng.uniform(0.17, 0.3)) if rng.random() < 0.25 else 0.0,
        "paper_rgb": [int(v) for v in (252 - rng.integers(0, 6)) - rng.integers(0, 5, 3)],
        "offset": [int(rng.integers(size)) for size in GRAIN],
    }


def apply_photocopy(page: SynthPage, step: Step) -> SynthPage:
    """Photocopied page.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        In each of ``generations`` the light, weighed by ``sees`` (red, green, blue) and spread by ``spread_mm``, makes
        toner through a logistic curve about ``threshold`` (0: the darkest print, 1: the paper) of that ``slope``,
        shifted by ``uneven`` clouds and by a raster ``screen_mm`` wide. Toner is at most ``toner`` black, misses
        ``starved`` of large areas, and lies as ``pepper``, ``streaks`` down the sheet (share of the width, mm,
        darkness, negative: none sticks there) and the dark of an open lid at the ``edges`` (mm).

    Returns
    -------
    SynthPage
    """
    import cv2

    image = page.page.image
    grey = np.asarray(cv2.transform(image, np.array([step["sees"]], np.float32)), np.uint8).reshape(image.shape[:2])
    for generation in range(step["generations"]):
        grey = _copied(grey, step, px_per_mm(page), generation)
    toner = np.array(step["paper_rgb"], np.float32) / 255
    table = np.rint(np.arange(256)[:, None] * toner).astype(np.uint8)
    return photometric(page, np.ascontiguousarray(cv2.LUT(cv2.merge([grey] * 3), table[None])).astype(np.uint8), step)


def _copied(grey: Grey, step: Step, per_mm: float, generation: int) -> Grey:
    """Grey picture after one pass through the machine, 255 where no toner is."""
    import cv2

    from synth.degrade.kernels import develop

    sigma = step["spread_mm"] * per_mm
    light = cv2.GaussianBlur(grey, (0, 0), sigma) if sigma > 0.25 else grey
    blank = np.zeros((*grey.shape, 3), np.uint8)
    x, y = grid_xy(blank)
    shift = 255 * step["uneven"] / (1 + generation) * cloud(x, y, [v + 97 * generation for v in step["at"]], 1.3, 1.6)
    # Whoever copies sets the machine so that the print comes out: between the paper and the darkest hundredth.
    ink, white = (float(v) for v in np.percentile(light[::3, ::3], (1, 90)))
    ink = min(ink, white - 60)  # a page without print stays white
    level = (np.arange(256) - ink) / (white - ink)
    dark = step["toner"] / (1 + np.exp(np.clip((level - step["threshold"]) * 10 * step["slope"] / 2, -50, 50)))
    table = np.rint(255 * (1 - dark)).astype(np.uint8)
    lines, edges = _streaks(grey.shape, step, per_mm)
    tile = noise_tile(0.6, 0.1)[..., 0]
    pepper = 127 - round(18 * step["pepper"])  # spots where the kept noise (spread 32) passes this
    raster = np.zeros(0, np.int64)
    if step["screen_mm"]:
        raster = np.rint(14 * np.sin(2 * np.pi * np.arange(4096) / (step["screen_mm"] * per_mm * 2**0.5))).astype(
            np.int64
        )
    out = np.empty_like(grey)
    offset = [int(v) + 61 * generation for v in step["offset"]]
    whole = np.rint(shift).astype(np.int64), np.rint(255 * lines).astype(np.int64), edges
    develop(np.ascontiguousarray(light), *whole, table, tile, pepper, raster, np.array(offset), out)
    if step["starved"]:  # the field of a charged edge draws more toner than the middle of an area
        area = cv2.blur(light, (max(3, round(1.5 * per_mm)),) * 2)
        hollow = np.rint(step["starved"] * np.clip(1.5 * (150 - np.arange(256.0)), 0, 200)).astype(np.uint8)
        out = np.asarray(cv2.add(out, cv2.LUT(area, hollow)), np.uint8)
    return out


def _streaks(shape: tuple[int, ...], step: Step, per_mm: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Darkness of each column, and the dark edges in pixels: left, top, right, bottom."""
    lines = np.zeros(shape[1])
    for share, width_mm, dark in step["streaks"]:
        off = (np.arange(shape[1]) - share * shape[1]) / max(0.6, width_mm * per_mm)
        lines += dark * np.exp(-0.5 * off**2)
    return np.clip(lines, -1, 1), np.rint(np.array(step["edges"]) * per_mm).astype(np.int64)


def sample_fax(rng: np.random.Generator) -> Step:
    """Fax in one of T.4's resolutions, by threshold or by error diffusion, with lost lines and a header line."""
    day, month = int(rng.integers(1, 29)), int(rng.integers(1, 13))
    hour, minute = int(rng.integers(0, 24)), int(rng.integers(0, 60))
    # 555-01xx numbers are kept free for invented subscribers.
    number = f"555 01{int(rng.integers(100)):02d}"
    header = f"{day:02d}/{month:02d}/{int(rng.integers(1998, 2024))} {hour:02d}:{minute:02d}   FAX {number}"
    return {
        "name": "fax",
        "resolution": str(rng.choice(["standard", "fine", "superfine"], p=(0.25, 0.6, 0.15))),
        "diffused": bool(rng.random() < 0.4),
        "threshold": float(rng.uniform(0.62, 0.85)),
        "sees": [float(v) for v in rng.dirichlet((2, 4, 2))],
        "noise": float(rng.uniform(1.0, 7.0)),
        "offset": [int(rng.integers(size)) for size in GRAIN],
        # place, number of lines, what became of them: repeated, lost (white) or shifted by mm
        "lines": [
            [
                float(rng.uniform(0, 1)),
                int(rng.integers(1, 5)),
                str(rng.choice(["repeated", "lost", "shifted"])),
                float(rng.normal(0, 8)),
            ]
            for _ in range(int(rng.poisson(float(rng.choice([0.5, 6.0], p=(0.7, 0.3))))))
        ],
        "header": f"{header}   P.{int(rng.integers(1, 9)):02d}/{int(rng.integers(9, 12)):02d}"
        if rng.random() < 0.8
        else "",
        "smooth": bool(rng.random() < 0.35),
    }


def apply_fax(page: SynthPage, step: Step) -> SynthPage:
    """Faxed page: black or white dots on T.4's raster, shown at the size that the picture had.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        ``resolution`` (``"standard"``, ``"fine"`` or ``"superfine"`` lines), ``diffused`` (Floyd & Steinberg, 1976)
        or by ``threshold`` (a share of the paper's white), ``sees`` (weights of the colours), ``noise`` in grey levels,
        ``lines`` that suffered on the way, ``header`` printed over the sheet's top; ``smooth`` where the receiver
        evened out the dots' corners.

    Returns
    -------
    SynthPage
        The truth stays: a line that was shifted on the way carries less ink than one pixel in a thousand.
    """
    import cv2

    from synth.degrade.kernels import bilevel

    image = page.page.image
    height, width = image.shape[:2]
    per_mm = px_per_mm(page)
    grey = np.asarray(cv2.transform(image, np.array([step["sees"]], np.float32)), np.uint8).reshape(height, width)
    columns = max(8, round(width / per_mm * _FAX_DOTS))
    rows = max(8, round(height / per_mm * _FAX_LINES[step["resolution"]]))
    dots = np.asarray(cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    white = float(np.percentile(dots[::4, ::4], 85))
    out = np.empty_like(dots)
    tile = noise_tile(0.0, 0.1)[..., 0]
    noise = round(step["noise"] * 32), np.array([int(v) for v in step["offset"]])
    bilevel(dots, round(step["threshold"] * white), int(white), bool(step["diffused"]), tile, *noise, out)
    _spoil(out, step["lines"])
    _head(out, step["header"])
    full = cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR if step["smooth"] else cv2.INTER_NEAREST)
    return photometric(page, np.asarray(cv2.merge([full] * 3), np.uint8), step)


def _spoil(dots: Grey, lines: list[list[Any]]) -> None:
    """Do to lines of a fax, in place, what noise on the telephone did."""
    for place, count, what, shift_mm in lines:
        row = min(max(1, int(place * dots.shape[0])), dots.shape[0] - 1)
        part = dots[row : row + count]
        if what == "lost":
            part[:] = 255
        elif what == "repeated":
            part[:] = dots[row - 1]
        else:
            part[:] = np.roll(part, round(shift_mm * _FAX_DOTS), axis=1)


def _head(dots: Grey, header: str) -> None:
    """Print the sender's line over the top of a fax, in place."""
    import cv2

    from synth.plotter import plotter_strokes

    if not header:
        return
    size = 0.018 * dots.shape[0] * np.array([dots.shape[1] / 297 / (dots.shape[0] / 210), 1.0])
    dots[: round(1.7 * size[1])] = 255
    for stroke in plotter_strokes(header.replace(" ", "  ")):
        points = stroke * size + (0.04 * dots.shape[1], 1.35 * size[1])
        cv2.polylines(dots, [np.rint(points).astype(np.int32)], False, 0, 1 + (dots.shape[0] > 1200))
