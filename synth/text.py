"""Printed words: letters that matplotlib and Pillow ship, and those of plotters and dot-matrix printers, drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecg import ModelError, OptionsError
from synth.plotter import PLOTTER_PEN_EM, plotter_spelling, plotter_strokes, plotter_width_em

__all__ = [
    "ASCENDER_EM",
    "FONTS",
    "Typeface",
    "draw_text",
    "face_for",
    "font_file",
    "letters_for",
    "text_ink",
    "text_width_em",
]

#: From the top of a line to its baseline in em: DejaVu's ascender (its hhea table: 1901 of 2048 units).
ASCENDER_EM = 0.928


@dataclass(frozen=True)
class Typeface:
    """How a font draws.

    Parameters
    ----------
    file : str
        Name of the font file, without suffix; ``"Aileron"`` is the one inside Pillow.
    how : str
        ``"outline"``, ``"plotter"`` (strokes of a pen; no file) or ``"matrix"`` (dots on a coarse grid).
    stretch : float
        Width of the letters against the file's.
    bolder : float
        Width in em by which the letters' edges are pushed out.
    ascii_only : bool
        Whether only ASCII letters stand at their usual codes.
    lacks : str
        ASCII signs that stand elsewhere in the file.
    instead : str
        Font for texts that this one cannot draw.
    """

    file: str
    how: Literal["outline", "plotter", "matrix"] = "outline"
    stretch: float = 1.0
    bolder: float = 0.0
    ascii_only: bool = False
    lacks: str = ""
    instead: str = "sans"


# TeX's old text encoding (OT1) has other signs at these codes, and nothing beyond ASCII.
_OT1 = {"ascii_only": True, "lacks": '"<>\\^_`{|}~', "instead": "stix"}

#: Fonts by name. Most carts print in Helvetica or Times, whose like here are Aileron and STIX; DejaVu Sans squeezed to
#: 0.86 is about as wide.
FONTS: dict[str, Typeface] = {
    "swiss": Typeface("Aileron", ascii_only=True, instead="narrow"),
    "swiss-bold": Typeface("Aileron", bolder=0.025, ascii_only=True, instead="narrow-bold"),
    "sans": Typeface("DejaVuSans"),
    "sans-bold": Typeface("DejaVuSans-Bold"),
    "narrow": Typeface("DejaVuSans", stretch=0.86),
    "narrow-bold": Typeface("DejaVuSans-Bold", stretch=0.82),
    "serif": Typeface("DejaVuSerif"),
    "serif-bold": Typeface("DejaVuSerif-Bold"),
    "mono": Typeface("DejaVuSansMono"),
    "mono-bold": Typeface("DejaVuSansMono-Bold"),
    "mono-narrow": Typeface("DejaVuSansMono", stretch=0.8),
    "stix": Typeface("STIXGeneral"),
    "stix-bold": Typeface("STIXGeneralBol"),
    "stix-italic": Typeface("STIXGeneralItalic"),
    "cm": Typeface("cmr10", **_OT1),  # type: ignore[arg-type]
    "cm-bold": Typeface("cmb10", **_OT1),  # type: ignore[arg-type]
    "cm-sans": Typeface("cmss10", **_OT1),  # type: ignore[arg-type]
    "cm-mono": Typeface("cmtt10", ascii_only=True, instead="mono"),
    "plotter": Typeface("", "plotter", instead="narrow"),
    "matrix": Typeface("DejaVuSansMono", "matrix", stretch=0.92, instead="mono"),
}

#: Rows of pins per em of the dot-matrix look: small letters are then 5 and capitals 7 dots high, as on 9-pin heads.
_PINS_EM = 10


@lru_cache(maxsize=64)
def font_file(bold: bool = False, name: str = "") -> Path:
    """Font file as matplotlib ships it, found without importing matplotlib.

    Parameters
    ----------
    bold : bool
        Whether DejaVu Sans is wanted bold, where no name is given.
    name : str
        File without suffix.

    Raises
    ------
    ModelError
        If matplotlib is not installed or lacks its fonts.
    """
    name = name or ("DejaVuSans-Bold" if bold else "DejaVuSans")
    spec = find_spec("matplotlib")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"
        if path.is_file():
            return path
    raise ModelError(f"lettering needs matplotlib's font {name}, which is not there; run `pip install matplotlib`")


@lru_cache(maxsize=4096)
def face_for(text: str, font: str) -> Typeface:
    """Typeface that a text is drawn in: the font's own, or its stand-in where that lacks a letter.

    Raises
    ------
    OptionsError
        If the font is unknown.

    Examples
    --------
    >>> face_for("Befund", "cm").file, face_for("Müller", "cm").file
    ('cmr10', 'STIXGeneral')
    """
    if font not in FONTS:
        raise OptionsError(f"a font must be one of {', '.join(FONTS)}, got {font!r}")
    face = FONTS[font]
    if face.how == "plotter":
        fits = plotter_spelling(text) is not None
    else:
        fits = not face.ascii_only or (_ascii_minus(text).isascii() and not set(text) & set(face.lacks))
    return face if fits else FONTS[face.instead]


def _ascii_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def letters_for(text: str, face: Typeface) -> str:
    """Text in the letters that a face has; only the minus sign before aVR ever changes."""
    return _ascii_minus(text) if face.ascii_only else text


def text_width_em(text: str, font: str = "sans") -> float:
    """Length of a printed text in em.

    Examples
    --------
    >>> round(text_width_em("aVR"), 2)
    1.99
    """
    face = face_for(text, font)
    if face.how == "plotter":
        return plotter_width_em(str(plotter_spelling(text))) + PLOTTER_PEN_EM
    return float(_font(face.file, 100).getlength(letters_for(text, face))) / 100 * face.stretch


@lru_cache(maxsize=256)
def _font(file: str, em_px: int) -> Any:
    from PIL import ImageFont

    if file == "Aileron":
        return ImageFont.load_default(em_px)
    return ImageFont.truetype(str(font_file(name=file)), em_px)


@lru_cache(maxsize=2048)
def text_ink(text: str, em_px: int, bold: bool = False, font: str = "sans") -> tuple[NDArray[np.uint8], int]:
    """Coverage of a word, cut to its ink.

    Parameters
    ----------
    text : str
    em_px : int
        Size of the font in pixels.
    bold : bool
        DejaVu Sans bold in place of ``font``.
    font : str
        One of `FONTS`.

    Returns
    -------
    uint8 array [height, width]
        0 to 255; read-only, because it is kept.
    int
        Row of the ink's top below the top of the font's line, `ASCENDER_EM` above the baseline, so that words of one
        size share a baseline.
    """
    face = FONTS["sans-bold"] if bold else face_for(text, font)
    if not text.strip():
        return np.zeros((1, 1), np.uint8), 0
    if face.how == "plotter":
        ink, above = _plotter_ink(text, em_px)
    elif face.how == "matrix":
        ink, above = _matrix_ink(text, em_px, face)
    else:
        ink, above = _outline_ink(text, em_px, face)
    ink.flags.writeable = False
    return ink, int(_font("DejaVuSans", em_px).getmetrics()[0]) - above


def _outline_ink(text: str, em_px: int, face: Typeface) -> tuple[NDArray[np.uint8], int]:
    """Ink, and how many rows of it stand above the baseline."""
    from PIL import Image, ImageDraw

    font, text, pen = _font(face.file, em_px), letters_for(text, face), face.bolder * em_px
    left, top, right, bottom = (int(v) for v in font.getbbox(text, anchor="ls", stroke_width=pen))
    picture = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=font, anchor="ls", stroke_width=pen)
    if face.stretch != 1.0:
        size = (max(1, round(picture.width * face.stretch)), picture.height)
        picture = picture.resize(size, Image.Resampling.BOX)
    return np.array(picture), -top


def _matrix_ink(text: str, em_px: int, face: Typeface) -> tuple[NDArray[np.uint8], int]:
    """Letters of a coarse grid, each of its cells struck as a round dot."""
    from PIL import Image, ImageDraw

    from synth.stroke import stroke

    font = _font(face.file, _PINS_EM)
    left, top, right, bottom = (int(v) for v in font.getbbox(text, mode="1", anchor="ls"))
    coarse = Image.new("1", (max(1, right - left), max(1, bottom - top)))
    draw = ImageDraw.Draw(coarse)
    draw.fontmode = "1"
    draw.text((-left, -top), text, fill=1, font=font, anchor="ls")
    rows, columns = np.nonzero(np.asarray(coarse))
    pitch_y, pitch_x = em_px / _PINS_EM, em_px / _PINS_EM * face.stretch
    cover = np.zeros((max(1, round(coarse.height * pitch_y)), max(1, round(coarse.width * pitch_x))), np.uint8)
    # Points parted by NaN: each is a dot of the pen, about as wide as the pitch.
    x, y = np.repeat((columns + 0.5) * pitch_x - 0.5, 3), np.repeat((rows + 0.5) * pitch_y - 0.5, 3)
    y[2::3] = np.nan
    stroke(cover, x, y, 0.95 * pitch_y)
    return cover, round(-top * pitch_y)


def _plotter_ink(text: str, em_px: int) -> tuple[NDArray[np.uint8], int]:
    from synth.stroke import stroke

    lines = [points * em_px for points in plotter_strokes(str(plotter_spelling(text)))]
    pen = max(1.0, PLOTTER_PEN_EM * em_px)
    points = np.concatenate(lines)
    (left, top), (right, bottom) = np.floor(points.min(axis=0) - pen), np.ceil(points.max(axis=0) + pen)
    cover = np.zeros((int(bottom - top) + 1, int(right - left) + 1), np.uint8)
    for line in lines:
        x, y = (line - (left, top)).T
        stroke(cover, x, y, pen)
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    return cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy(), round(-top) - int(rows[0])


def draw_text(
    image: NDArray[np.uint8], ink: NDArray[np.uint8], left: int, top: int, colour: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Put a word's ink on a picture, in place.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    ink : uint8 array [rows, columns]
        As from `text_ink`.
    left, top : int
        Pixel of its upper left corner; what falls off the picture is lost.
    colour : tuple of int
        RGB.

    Returns
    -------
    float64 array [4, 2]
        Corners (x, y) of the ink: top left, top right, bottom right, bottom left, on the outer edges of its pixels.
    """
    height, width = ink.shape
    y0, y1 = max(0, top), min(image.shape[0], top + height)
    x0, x1 = max(0, left), min(image.shape[1], left + width)
    if y1 > y0 and x1 > x0:
        cover = ink[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.int32)
        under = image[y0:y1, x0:x1]
        under[:] = (under * (255 - cover) + np.array(colour) * cover + 127) // 255
    x, y = left - 0.5, top - 0.5
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
