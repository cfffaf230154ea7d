"""Printed words: DejaVu letters that matplotlib ships, drawn once and kept."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg import ModelError

__all__ = ["draw_text", "font_file", "text_ink"]


@lru_cache(maxsize=8)
def font_file(bold: bool = False) -> Path:
    """DejaVu Sans as matplotlib ships it, found without importing matplotlib.

    Raises
    ------
    ModelError
        If matplotlib is not installed or lacks its fonts.
    """
    spec = find_spec("matplotlib")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        if path.is_file():
            return path
    raise ModelError("lettering needs matplotlib's DejaVu fonts, which are not there; run `pip install matplotlib`")


@lru_cache(maxsize=2048)
def text_ink(text: str, em_px: int, bold: bool = False) -> tuple[NDArray[np.uint8], int]:
    """Coverage of a word, cut to its ink.

    Parameters
    ----------
    text : str
    em_px : int
        Size of the font in pixels.
    bold : bool

    Returns
    -------
    uint8 array [height, width]
        0 to 255; read-only, because it is kept.
    int
        Row of the ink's top below the top of the font's line, so that words of one size share a baseline.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(str(font_file(bold)), em_px)
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    if right <= left or bottom <= top:  # nothing but spaces
        return np.zeros((1, 1), np.uint8), 0
    picture = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=font)
    ink = np.asarray(picture)
    ink.flags.writeable = False
    return ink, top


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
