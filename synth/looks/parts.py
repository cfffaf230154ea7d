"""What looks are put together from: papers, inks, leads in their rows, gains, resolutions, and room for print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecg import LAYOUTS, LEADS, PageLayout
from ecg.paper import CABRERA, EXTRA_LAYOUTS
from synth.header import BlockHints, sample_blocks
from synth.style import Colour, PageStyle

__all__ = [
    "GRIDS",
    "chance",
    "grid_of",
    "ink_of",
    "leads_of",
    "pick",
    "sample_dpi",
    "sample_gain",
    "tinted",
    "uniform",
    "white_around",
    "with_print",
]

#: Paper, fine and strong lines by colour, read off scans and photographs of public-domain pages; each page's own are
#: drawn around these.
GRIDS: Mapping[str, Sequence[tuple[Colour, Colour, Colour]]] = {
    "pink": (
        ((255, 250, 250), (250, 214, 216), (238, 160, 166)),
        ((255, 246, 247), (247, 200, 208), (232, 140, 156)),
        ((254, 240, 242), (246, 190, 202), (230, 128, 150)),
    ),
    "red": (
        ((255, 250, 246), (250, 190, 184), (228, 104, 98)),
        ((255, 240, 234), (252, 196, 186), (240, 118, 104)),
        ((250, 236, 234), (240, 168, 168), (214, 90, 92)),
    ),
    "magenta": (
        ((255, 226, 232), (250, 170, 190), (236, 92, 126)),
        ((250, 218, 234), (240, 170, 206), (224, 110, 170)),
    ),
    "orange": (((255, 249, 238), (250, 208, 170), (236, 150, 92)), ((253, 243, 228), (248, 200, 160), (230, 140, 90))),
    "brown": (((246, 238, 222), (222, 196, 164), (186, 146, 110)), ((240, 230, 212), (212, 186, 158), (170, 132, 104))),
    "green": (((248, 252, 246), (196, 226, 198), (128, 186, 140)), ((240, 247, 236), (180, 214, 184), (110, 168, 124))),
    "blue": (((250, 252, 255), (206, 220, 240), (150, 176, 216)), ((244, 247, 252), (190, 206, 232), (130, 156, 206))),
    "grey": (((253, 253, 253), (222, 222, 224), (178, 178, 182)), ((248, 248, 247), (206, 206, 208), (150, 150, 154))),
    "black": (((252, 252, 251), (170, 170, 172), (104, 104, 108)), ((246, 246, 244), (150, 150, 152), (84, 84, 88))),
}

#: Pens by name; each page's own is drawn around it.
_INKS: Mapping[str, Colour] = {
    "black": (22, 22, 26),
    "thermal": (52, 48, 56),
    "faint": (92, 90, 98),
    "blue-black": (28, 34, 74),
    "blue": (36, 56, 140),
    "dark red": (120, 28, 32),
    "brown": (70, 50, 40),
}

_RHYTHM = ("II", "V1", "V5", "III", "I", "aVF", "V2")
_RHYTHM_SHARES = (0.66, 0.15, 0.07, 0.04, 0.04, 0.02, 0.02)


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly spread number."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, share: float) -> bool:
    """Draw True with a probability of ``share``."""
    return bool(rng.random() < share)


def pick(rng: np.random.Generator, shares: Mapping[Any, float]) -> Any:
    """One key of a mapping, each as often as its value says.

    Examples
    --------
    >>> pick(np.random.default_rng(0), {"only": 3.0})
    'only'
    """
    weights = np.array(list(shares.values()), float)
    return list(shares)[int(rng.choice(weights.size, p=weights / weights.sum()))]


def tinted(rng: np.random.Generator, colour: Colour, spread: float = 4.0) -> Colour:
    """Colour near another: no two batches of paper or ink are the same."""
    lightness = rng.normal(0.0, spread)
    red, green, blue = (
        np.clip(np.array(colour) + lightness + rng.normal(0.0, spread / 2, 3), 0, 255).astype(int).tolist()
    )
    return red, green, blue


def grid_of(rng: np.random.Generator, colours: Mapping[str, float], strength: float = 1.0) -> dict[str, Any]:
    """Fields of a style for paper and grid of one of some colours.

    Parameters
    ----------
    rng : numpy.random.Generator
    colours : mapping of str to float
        Keys of `GRIDS` and how often each is drawn.
    strength : float
        Contrast of the lines, on average; that of a page lies within a factor of 0.6 to 1.3 of it.

    Returns
    -------
    dict
    """
    choices = GRIDS[pick(rng, colours)]
    paper, minor, major = choices[int(rng.integers(len(choices)))]
    contrast = strength * uniform(rng, 0.6, 1.3)
    lines = [np.array(paper) + contrast * (np.array(line) - np.array(paper)) for line in (minor, major)]
    fine, strong = (tuple(int(v) for v in np.clip(line, 0, 255)) for line in lines)
    return {
        "paper_rgb": tinted(rng, paper, 2.0),
        "minor_rgb": tinted(rng, fine, 3.0),  # type: ignore[arg-type]
        "major_rgb": tinted(rng, strong, 3.0),  # type: ignore[arg-type]
        "minor_width_mm": uniform(rng, 0.09, 0.17),
        "major_width_mm": uniform(rng, 0.16, 0.32),
        "grid_phase_mm": (uniform(rng, 0, 5), uniform(rng, 0, 5)),
    }


def white_around(rng: np.random.Generator, style: PageStyle) -> PageStyle:
    """Style whose sheet is white around a tinted grid, as laser printers and archives print it."""
    white = tinted(rng, (252, 252, 252), 1.5)
    return replace(style, paper_rgb=white, field_rgb=style.paper_rgb)


def ink_of(rng: np.random.Generator, inks: Mapping[str, float]) -> Colour:
    """Colour of a pen, near one of some named inks."""
    return tinted(rng, _INKS[pick(rng, inks)], 8.0)


def leads_of(rng: np.random.Generator, layout: str, cabrera: float = 0.0) -> dict[str, Any]:
    """Fields of a style for a layout, with its limb leads in Cabrera order and its strips of other leads now and then.

    Parameters
    ----------
    rng : numpy.random.Generator
    layout : str
        A name of `ecg.LAYOUTS` or `ecg.paper.EXTRA_LAYOUTS`; ``"3x5"`` repeats II, V1 and V5 in its last column, for
        no record of twelve leads has others.
    cabrera : float
        How often the limb leads run from aVL to III.

    Returns
    -------
    dict
        ``layout``, ``rows`` and ``rhythm``.
    """
    plan: PageLayout = {**LAYOUTS, **EXTRA_LAYOUTS}[layout]
    if layout == "3x5":
        rows = tuple((*row[:4], extra) for row, extra in zip(plan.rows, ("II", "V1", "V5"), strict=True))
    else:
        rows = plan.rows
    if chance(rng, cabrera):
        order = dict(zip(LEADS[:6], CABRERA, strict=True))
        rows = tuple(tuple(order.get(lead, lead) for lead in row) for row in rows)
    rhythm = plan.rhythm
    if len(rhythm) == 1:
        rhythm = (str(rng.choice(_RHYTHM, p=_RHYTHM_SHARES)),)
    elif len(rhythm) > 1 and chance(rng, 0.4):
        rhythm = tuple(str(lead) for lead in rng.choice(_RHYTHM, len(rhythm), replace=False))
    return {"layout": layout, "rows": rows, "rhythm": rhythm}


def sample_gain(rng: np.random.Generator, chest: float = 0.05) -> dict[str, Any]:
    """Gain, and now and then another one for the chest leads, half as a rule.

    Examples
    --------
    >>> sample_gain(np.random.default_rng(0))
    {'gain_mm_per_mv': 10.0, 'chest_gain_mm_per_mv': None}
    """
    gain = float(pick(rng, {10.0: 0.9, 5.0: 0.055, 20.0: 0.035, 2.5: 0.01}))
    halved = chance(rng, chest) and gain >= 5.0
    return {"gain_mm_per_mv": gain, "chest_gain_mm_per_mv": gain / 2 if halved else None}


def sample_dpi(rng: np.random.Generator, paper_mm: tuple[float, float]) -> float:
    """Resolution of a picture of a sheet: mostly 150 to 300 dpi, at most 16 megapixels."""
    dpi = float(
        pick(rng, {72: 0.02, 100: 0.06, 120: 0.08, 150: 0.22, 200: 0.4, 250: 0.08, 300: 0.11, 400: 0.02, 600: 0.01})
    )
    megapixels = paper_mm[0] * paper_mm[1] * (dpi / 25.4) ** 2 / 1e6
    return dpi if megapixels <= 16.0 else 300.0


def with_print(rng: np.random.Generator, style: PageStyle, meta: Mapping[str, Any], hints: BlockHints) -> PageStyle:
    """Style with the print of a page in what room its traces leave.

    Parameters
    ----------
    rng : numpy.random.Generator
    style : PageStyle
    meta : mapping
        Of the record.
    hints : BlockHints

    Returns
    -------
    PageStyle
    """
    # Speed and gain stand in the blocks.
    style = replace(style, scale_text=False)
    return replace(style, blocks=sample_blocks(rng, hints, meta, style))
