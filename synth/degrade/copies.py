"""Machines that copy: photocopiers and faxes, which turn grey and colour into toner or none.

Blur plus noise is no photocopy. A copier's drum is discharged by the light that the sheet throws back and takes toner
where it is dark: a steep curve, blind to pale and reddish lines, that starves large dark areas, drags dirt along and
shows the lid beyond the sheet's edge. A fax sends black or white dots, coarser down than across, line by line.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.degrade.field import CLOUD, GRAIN, cloud, grid_xy, noise_tile, px_per_mm
from synth.degrade.step import Step, hide, hide_where, photometric
from synth.page import SynthPage, TextBox

__all__ = ["apply_fax", "apply_photocopy", "sample_fax", "sample_photocopy"]

Grey = NDArray[np.uint8]
Floats = NDArray[np.float64]

#: Grey levels of a lid's shade from which black print does not stand out by more than the paper's grain does (32).
_UNREADABLE = 200

#: Dots of a fax per millimetre across (1728 on 215 mm) and lines per millimetre down: ITU-T Recommendation T.4, table 1
#: (3.85 standard, 7.7 fine) and its optional 15.4.
_FAX_DOTS = 8.04
_FAX_LINES = {"standard": 3.85, "fine": 7.7, "superfine": 15.4}

#: Height of the sender's line and its letters' em: 32 and 27 dots, as the 16 by 24 characters of fax machines stand.
_HEAD_MM, _HEAD_EM_MM = 4.0, 3.4


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
        "across": bool(rng.random() < 0.35),
        "edges": [float(v) for v in np.where(rng.random(4) < 0.35, rng.uniform(0.5, 7.0, 4), 0.0)],
        "slant_mm": [float(v) for v in rng.normal(0, 1.2, 4)],
        "penumbra_mm": float(rng.uniform(0.3, 2.5)),
        # The dark of an open lid, or the grey of a soiled one.
        "lid": float(rng.uniform(215, 245) if rng.random() < 0.7 else rng.uniform(90, 150)),
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
        toner through a logistic curve about ``threshold`` (0: most of the traces, 1: the paper) of that ``slope``,
        shifted by ``uneven`` clouds and by a raster ``screen_mm`` wide. Toner is at most ``toner`` black, misses
        ``starved`` of large areas, and lies as ``pepper``, ``streaks`` down the sheet or ``across`` (share of the
        way, mm, darkness, negative: none sticks there) and the shade of the ``lid`` (in grey levels) at the ``edges``
        (mm), wider by ``slant_mm`` from one end of an edge to the other and fading over ``penumbra_mm``.

    Returns
    -------
    SynthPage
        Where the lid is so dark that no ink stands out, what is under it is hidden in the truth.
    """
    import cv2

    image = page.page.image
    grey = np.asarray(cv2.transform(image, np.array([step["sees"]], np.float32)), np.uint8).reshape(image.shape[:2])
    per_mm = px_per_mm(page)
    rims = _rims(grey.shape, step, per_mm)
    for generation in range(step["generations"]):
        grey = _copied(grey, page.masks[::3, ::3] > 0, step, rims, (per_mm, generation))
    if step["lid"] > _UNREADABLE:
        page = _under_the_lid(page, rims, step["penumbra_mm"] * per_mm / 2)
    toner = np.array(step["paper_rgb"], np.float32) / 255
    table = np.rint(np.arange(256)[:, None] * toner).astype(np.uint8)
    return photometric(page, np.ascontiguousarray(cv2.LUT(cv2.merge([grey] * 3), table[None])).astype(np.uint8), step)


def _copied(
    grey: Grey, traced: NDArray[np.bool_], step: Step, rims: tuple[Floats, ...], setting: tuple[float, int]
) -> Grey:
    """Grey picture after one pass through the machine, 255 where no toner is."""
    import cv2

    from synth.degrade.kernels import develop

    per_mm, generation = setting
    sigma = step["spread_mm"] * per_mm
    light = cv2.GaussianBlur(grey, (0, 0), sigma) if sigma > 0.25 else grey
    blank = np.zeros((*grey.shape, 3), np.uint8)
    x, y = grid_xy(blank)
    shift = 255 * step["uneven"] / (1 + generation) * cloud(x, y, [v + 97 * generation for v in step["at"]], 1.3, 1.6)
    # Whoever copies sets the machine so that the traces come out, however dark a stamp or the lid may be.
    seen = light[::3, ::3]
    white = float(np.percentile(seen, 90))
    ink = float(np.percentile(seen[traced], 70)) if traced.any() else white - 60  # a blank page stays white
    ink = min(ink, white - 30)
    level = (np.arange(256) - ink) / (white - ink)
    dark = step["toner"] / (1 + np.exp(np.clip((level - step["threshold"]) * 10 * step["slope"] / 2, -50, 50)))
    table = np.rint(255 * (1 - dark)).astype(np.uint8)
    streaks = [np.rint(255 * lines).astype(np.int64) for lines in _streaks(grey.shape, step, per_mm)]
    fall = round(step["lid"] / max(1.0, step["penumbra_mm"] * per_mm) * 256)
    shade = fall, round(step["lid"])
    tile = noise_tile(0.6, 0.1)[..., 0]
    pepper = 127 - round(18 * step["pepper"])  # spots where the kept noise (spread 32) passes this
    raster = np.zeros(0, np.int64)
    if step["screen_mm"]:
        raster = np.rint(14 * np.sin(2 * np.pi * np.arange(4096) / (step["screen_mm"] * per_mm * 2**0.5))).astype(
            np.int64
        )
    out = np.empty_like(grey)
    offset = [int(v) + 61 * generation for v in step["offset"]]
    edges = [np.rint(rim).astype(np.int64) for rim in rims]
    whole = np.rint(shift).astype(np.int64), *streaks, *edges, *shade
    develop(np.ascontiguousarray(light), *whole, table, tile, pepper, raster, np.array(offset), out)
    if step["starved"]:  # the field of a charged edge draws more toner than the middle of an area
        area = cv2.blur(light, (max(3, round(1.5 * per_mm)),) * 2)
        hollow = np.rint(step["starved"] * np.clip(1.5 * (150 - np.arange(256.0)), 0, 200)).astype(np.uint8)
        out = np.asarray(cv2.add(out, cv2.LUT(area, hollow)), np.uint8)
    return out


def _streaks(shape: tuple[int, ...], step: Step, per_mm: float) -> tuple[Floats, Floats]:
    """Darkness of each column and of each row."""
    lines = np.zeros(shape[1]), np.zeros(shape[0])
    dragged = lines[int(step["across"])]
    for share, width_mm, dark in step["streaks"]:
        off = (np.arange(dragged.size) - share * dragged.size) / max(0.6, width_mm * per_mm)
        dragged += dark * np.exp(-0.5 * off**2)
    np.clip(dragged, -1, 1, out=dragged)
    return lines


def _rims(shape: tuple[int, ...], step: Step, per_mm: float) -> tuple[Floats, ...]:
    """Width in pixels of the lid's shade along the left, top, right and bottom edge, far below 0 where it has none."""
    rims = []
    for size, wide_mm, slant_mm in zip(shape * 2, step["edges"], step["slant_mm"], strict=True):
        along = np.linspace(-0.5, 0.5, size)
        rims.append((wide_mm + slant_mm * along) * per_mm if wide_mm else np.full(size, -1e6))
    return tuple(rims)


def _under_the_lid(page: SynthPage, rims: tuple[Floats, ...], half_px: float) -> SynthPage:
    """Page on which nothing can be read where the shade is more than ``half_px`` deep."""
    left, top, right, bottom = rims
    height, width = page.masks.shape
    if max(float(rim.max()) for rim in rims) <= half_px:
        return page
    masks = page.masks.copy()
    sides = masks, masks.T, masks[:, ::-1], masks[::-1].T
    for view, rim in zip(sides, rims, strict=True):
        part = view[:, : max(0, int(np.ceil(rim.max())))]
        part[rim[:, None] - np.arange(part.shape[1]) > half_px] = 0

    def dark(x: Floats, y: Floats) -> NDArray[np.bool_]:
        column = np.clip(np.rint(np.nan_to_num(x)), 0, width - 1).astype(int)
        row = np.clip(np.rint(np.nan_to_num(y)), 0, height - 1).astype(int)
        depths = left[row] - x, top[column] - y, right[row] - (width - 1 - x), bottom[column] - (height - 1 - y)
        return np.asarray(np.max(depths, axis=0) > half_px)

    return hide_where(replace(page, masks=masks), dark)


def sample_fax(rng: np.random.Generator) -> Step:
    """Fax in one of T.4's resolutions, by threshold or by error diffusion, with lost lines and a header line.

    A level sheet too long for the machine goes in by its short edge: lines then run up the page, and the header along
    its side.
    """
    day, month = int(rng.integers(1, 29)), int(rng.integers(1, 13))
    hour, minute = int(rng.integers(0, 24)), int(rng.integers(0, 60))
    # 555-01xx numbers are kept free for invented subscribers.
    number = f"555 01{int(rng.integers(100)):02d}"
    header = f"{day:02d}/{month:02d}/{int(rng.integers(1998, 2024))} {hour:02d}:{minute:02d}   FAX {number}"
    return {
        "name": "fax",
        "quarters": int(rng.choice([0, 1, 3], p=(0.45, 0.3, 0.25))),
        "resolution": str(rng.choice(["standard", "fine", "superfine"], p=(0.25, 0.6, 0.15))),
        "diffused": bool(rng.random() < 0.4),
        "crisp": float(rng.uniform(0.5, 2.5)),
        "threshold": float(rng.uniform(0.55, 0.78)),
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
        "font": str(rng.choice(["mono", "mono-bold", "swiss", "matrix"], p=(0.4, 0.2, 0.2, 0.2))),
        "smooth": bool(rng.random() < 0.35),
    }


def apply_fax(page: SynthPage, step: Step) -> SynthPage:
    """Faxed page: black or white dots on T.4's raster, shown at the size that the picture had.

    Parameters
    ----------
    page : SynthPage
    step : mapping
        ``quarters`` that a level page is turned by, anticlockwise, before it goes in (and back afterwards);
        ``resolution`` (``"standard"``, ``"fine"`` or ``"superfine"`` lines), ``diffused`` (Floyd & Steinberg, 1976)
        or by ``threshold`` (a share of the paper's white), ``sees`` (weights of the colours), edges raised by
        ``crisp`` times what a blur over three dots takes from them, ``noise`` in grey levels,
        ``lines`` that suffered on the way, ``header`` printed in a ``font`` over the top; ``smooth`` where the
        receiver evened out the dots' corners.

    Returns
    -------
    SynthPage
        With the header among its texts, and what that covers hidden. Else the truth stays: a line that was shifted on
        the way carries less ink than one pixel in a thousand.
    """
    import cv2

    image = page.page.image
    grey = np.asarray(cv2.transform(image, np.array([step["sees"]], np.float32)), np.uint8).reshape(image.shape[:2])
    quarters = step["quarters"] if page.page.width > page.page.height else 0
    laid: Grey = np.ascontiguousarray(np.rot90(grey, quarters))
    height, width = laid.shape
    out = _sent(laid, step, px_per_mm(page))
    _spoil(out, step["lines"])
    band, words = _head(out, step)
    full = cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR if step["smooth"] else cv2.INTER_NEAREST)
    full = np.ascontiguousarray(np.rot90(full, -quarters))
    if words is not None:
        pitch = width / out.shape[1], height / out.shape[0]
        band = _turned_back(band * pitch - 0.5, quarters, (width, height))
        words = _turned_back(words * pitch - 0.5, quarters, (width, height))
        page = replace(hide(page, band), texts=(*page.texts, TextBox("header", step["header"], words)))
    return photometric(page, np.asarray(cv2.merge([full] * 3), np.uint8), step)


def _sent(grey: Grey, step: Step, per_mm: float) -> Grey:
    """Black and white dots of a grey picture, on T.4's raster."""
    import cv2

    from synth.degrade.kernels import bilevel

    columns = max(8, round(grey.shape[1] / per_mm * _FAX_DOTS))
    rows = max(8, round(grey.shape[0] / per_mm * _FAX_LINES[step["resolution"]]))
    dots = np.asarray(cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    # Machines raise edges before they choose, or thin lines would fall apart.
    dots = np.asarray(cv2.addWeighted(dots, 1 + step["crisp"], cv2.GaussianBlur(dots, (3, 3), 0.0), -step["crisp"], 0))
    white = float(np.percentile(dots[::4, ::4], 85))
    out = np.empty_like(dots)
    tile = noise_tile(0.0, 0.1)[..., 0]
    noise = round(step["noise"] * 32), np.array([int(v) for v in step["offset"]])
    bilevel(dots, round(step["threshold"] * white), int(white), bool(step["diffused"]), tile, *noise, out)
    return out


def _turned_back(points: Floats, quarters: int, size: tuple[int, int]) -> Floats:
    """Points (x, y) of a picture of a ``size`` that was turned by ``quarters``, before it was."""
    x, y = points.T
    if quarters == 1:  # its top was the right edge
        return np.column_stack([size[1] - 1 - y, x])
    if quarters == 3:  # its top was the left edge
        return np.column_stack([y, size[0] - 1 - x])
    return points


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


def _head(dots: Grey, step: Step) -> tuple[Floats, Floats | None]:
    """Print the sender's line over the top of a fax, in place.

    Returns
    -------
    float64 array [4, 2]
        Corners of the lines that it takes, on the dots' outer edges.
    float64 array [4, 2] or None
        Those of its letters; None without a header.
    """
    import cv2

    from synth.text import text_ink

    tall = _FAX_LINES[step["resolution"]] / _FAX_DOTS
    right, low = dots.shape[1], round(_HEAD_MM * _FAX_LINES[step["resolution"]])
    band = np.array([[0, 0], [right, 0], [right, low], [0, low]], float)
    if not step["header"]:
        return band, None
    ink, _ = text_ink(step["header"], round(_HEAD_EM_MM * _FAX_DOTS), font=step["font"])
    size = min(ink.shape[1], round(0.94 * right)), max(5, round(ink.shape[0] * tall))
    # Strokes thinner than a line must not fall between two.
    letters = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA)) > 110
    left, top = round(0.03 * right), round(0.15 * low)
    dots[:low] = 255
    part = dots[top : top + size[1], left : left + size[0]]
    part[letters[: part.shape[0], : part.shape[1]]] = 0
    x, y = left + size[0], top + size[1]
    return band, np.array([[left, top], [x, top], [x, y], [left, y]], float)
