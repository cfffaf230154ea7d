"""Where the print of a page stands: header, figures, statements, scale line, footer and codes, in its free margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ecg import OptionsError
from synth.blocks import LINE_PITCH_EM, Area, Block, Code, extent_mm, overlap
from synth.codes import code_modules, quiet_modules
from synth.header_content import sample_sheet
from synth.header_forms import DRAW, Print
from synth.header_words import LANGUAGES
from synth.text import FONTS, face_for

if TYPE_CHECKING:
    from synth.style import PageStyle

__all__ = ["FORMS", "BlockHints", "sample_blocks"]

#: Arrangements of a page's print, and how often each is drawn where the look fixes none.
FORMS = tuple(DRAW)
_FORM_SHARES = (0.40, 0.16, 0.14, 0.06, 0.08, 0.11, 0.05)

_LEAST_EM_MM, _MOST_EM_MM = 1.8, 3.7  # about 5 to 10.5 points: what carts print
_BELOW = 0.44  # share of a row's band below its line of 0 mV
_EDGE_MM = 3.0  # print keeps this far from the sheet's edge
#: Side of a QR code, height of a bar code and width of its finest bar: about 10 mil, as labels have it.
_QR_MM, _BAR_MM, _BAR_MODULE_MM = (9.0, 17.0), 5.0, 0.27


@dataclass(frozen=True)
class BlockHints:
    """What a look fixes of a page's print; the rest is drawn.

    Parameters
    ----------
    form : str or None
        One of `FORMS`.
    font : str or None
        One of `synth.text.FONTS`.
    em_mm : float or None
        Size of the font; smaller where the room is narrow.
    language : str or None
        Key of `synth.header_words.LANGUAGES`.
    interpretation : float
        How often statements are printed: the same whatever the label.
    codes : float
        How often a QR or bar code is printed, where there is room.
    scale : bool
        Whether speed, gain and filter are printed; set the style's own ``scale_text`` to False then.
    areas : mapping of str to tuple of float
        Free areas ``"top"``, ``"bottom"``, ``"left"``, ``"right"`` in mm (left, top, right, bottom), where they are
        not the style's margins. An area without height or width is not used.

    Raises
    ------
    OptionsError
        If form, font or language is unknown.
    """

    form: str | None = None
    font: str | None = None
    em_mm: float | None = None
    language: str | None = None
    interpretation: float = 0.6
    codes: float = 0.12
    scale: bool = True
    areas: Mapping[str, Area] | None = None

    def __post_init__(self) -> None:
        for name, known in (("form", FORMS), ("font", tuple(FONTS)), ("language", tuple(LANGUAGES))):
            given = getattr(self, name)
            if given is not None and given not in known:
                raise OptionsError(f"a look's {name} must be one of {', '.join(known)}, got {given!r}")


def sample_blocks(
    rng: np.random.Generator, look_hints: BlockHints | None, record_meta: Mapping[str, Any], style: PageStyle
) -> tuple[Block, ...]:
    """Draw the print of one page.

    Parameters
    ----------
    rng : numpy.random.Generator
    look_hints : BlockHints or None
        What the look fixes.
    record_meta : mapping
        ``age``, ``sex``, ``labels`` and ``rate_per_min`` of the record are printed where they are there; all else is
        invented, and drawn alike for every label.
    style : PageStyle
        Gives the sheet, the place of its traces, speed and gains.

    Returns
    -------
    tuple of TextBlock or Code
        In the free areas, no two of them over each other; empty for the form ``"none"``.

    Raises
    ------
    OptionsError
        If the style's traces do not fit on its sheet.

    Examples
    --------
    >>> from synth.style import PageStyle
    >>> hints = BlockHints(form="footer", language="en", codes=0)
    >>> sorted({block.role for block in sample_blocks(np.random.default_rng(1), hints, {}, PageStyle())})
    ['footer', 'scale']
    """
    hints = look_hints or BlockHints()
    form = hints.form or str(rng.choice(FORMS, p=_FORM_SHARES))
    language = hints.language or _sample_language(rng)
    font = hints.font or _sample_font(rng)
    sheet = sample_sheet(rng, language, record_meta, style, hints.interpretation)
    if any(face_for(words, font) != FONTS[font] for words in sheet.texts()):
        font = FONTS[font].instead  # for the whole page: a machine has one font, not two
    areas = {**_margins(style), **(hints.areas or {})}
    em_mm = hints.em_mm or float(rng.uniform(2.2, 3.6))
    print_ = Print(sheet, font, _fitting_em(em_mm, areas["top"]), areas, hints.scale)
    blocks = list(DRAW[form](rng, print_))
    if form != "none" and rng.random() < hints.codes:
        blocks += _codes(rng, print_, blocks)
    return tuple(blocks)


def _sample_language(rng: np.random.Generator) -> str:
    codes = tuple(LANGUAGES)
    shares = np.array([9.0] + [1.0] * (len(codes) - 1))  # most recorders, and most open pages, are in English
    return str(rng.choice(codes, p=shares / shares.sum()))


def _sample_font(rng: np.random.Generator) -> str:
    fonts = ("swiss", "stix", "narrow", "sans", "mono", "mono-narrow", "matrix", "cm-sans", "serif", "swiss-bold")
    return str(rng.choice(fonts, p=(0.30, 0.22, 0.10, 0.09, 0.07, 0.05, 0.06, 0.04, 0.03, 0.04)))


def _margins(style: PageStyle) -> dict[str, Area]:
    """Free paper around the traces."""
    from synth.render_place import place_leads, pulse_mm

    width, height = style.paper_mm
    edge = max(_EDGE_MM, min(style.grid_margin_mm, 8.0))
    places = place_leads(style.page_layout, style)
    right = max(place.x_mm + (place.stop_s - place.start_s) * style.speed_mm_per_s for place in places)
    right += pulse_mm(style) if style.pulse == "right" else 0.0
    last = max(places, key=lambda place: place.baseline_mm)
    bottom = last.baseline_mm + _BELOW * last.pitch_mm + 2.0
    left = style.margin_left_mm - (2.6 * style.name_mm if style.names == "left" else 0.0)
    return {
        "top": (edge, _EDGE_MM, width - edge, style.margin_top_mm - 1.0),
        "bottom": (edge, bottom, width - edge, height - 2.0),
        "left": (edge, style.margin_top_mm + 2.0, left - 2.0, bottom - 4.0),
        "right": (right + 2.0, style.margin_top_mm + 2.0, width - edge, bottom - 4.0),
    }


def _fitting_em(em_mm: float, top: Area) -> float:
    """Size at which five lines fit above the traces, as far as that can still be read."""
    fitting = (top[3] - top[1]) / (5 * LINE_PITCH_EM)
    return float(np.clip(min(em_mm, fitting), _LEAST_EM_MM, _MOST_EM_MM))


def _codes(rng: np.random.Generator, print_: Print, blocks: Sequence[Block]) -> list[Block]:
    """Put a code into a corner that is still free, or none."""
    kind: Literal["qr", "code128"] = "qr" if rng.random() < 0.6 else "code128"
    long = rng.random() < 0.5 and kind == "qr"
    content = _plain(f"{print_.sheet.number};{print_.sheet.when}" if long else print_.sheet.number)
    n_modules = code_modules(kind, content).shape[1]
    side = float(rng.uniform(*_QR_MM))
    module_mm = side / n_modules if kind == "qr" else _BAR_MODULE_MM
    size = (side, side) if kind == "qr" else (n_modules * module_mm, _BAR_MM)
    quiet = quiet_modules(kind) * module_mm
    taken = [extent_mm(block) for block in blocks]
    corners = [(area, right) for area in print_.areas.values() for right in (True, False)]
    for number in rng.permutation(len(corners)):
        area, right = corners[int(number)]
        left = area[2] - quiet - size[0] if right else area[0] + quiet
        place = (left - quiet, area[1], left + size[0] + quiet, area[1] + size[1] + 2 * quiet)
        fits = area[0] <= place[0] and place[2] <= area[2] and place[3] <= area[3]
        if fits and not any(overlap(place, other) for other in taken):
            return [Code(kind, content, (left, area[1] + quiet), size)]
    return []


def _plain(text: str) -> str:
    """ASCII of a text, as scanners of bar codes expect it."""
    return "".join(letter for letter in text if " " <= letter < "\x7f")
