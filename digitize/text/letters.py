"""Fonts, and words lettered in them as devices print, for training the spotter of printed names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Look", "Typeface", "find_typefaces", "held_out", "letter"]

Ink = NDArray[np.float32]

#: A pixel that is covered by more than this part counts as inked when a text is cut to its ink.
_INKED = 0.3


#: Signs of formulas in Computer Modern: no letters stand where their codes are.
_SIGNS = ("cmsy10",)


@dataclass(frozen=True)
class Typeface:
    """A font that letters pieces: a file, or one of OpenCV's Hershey stroke fonts.

    Parameters
    ----------
    name : str
        Family as it is listed in the model's card.
    path : pathlib.Path or None
        TrueType or OpenType file; None for a Hershey font.
    hershey : int
        OpenCV's number of the Hershey font, when there is no file.
    """

    name: str
    path: Path | None
    hershey: int = 0


def find_typefaces(system: bool) -> tuple[Typeface, ...]:
    """List the fonts that can letter a lead name.

    Parameters
    ----------
    system : bool
        Also take the Latin text fonts installed on this machine; otherwise Hershey's and those that come with
        matplotlib only, which are the same everywhere: DejaVu, STIX (Times) and Computer Modern.
    """
    import matplotlib
    from matplotlib import font_manager

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    bundled = [p for kind in ("DejaVu*", "STIXGeneral*", "cm[brst]*10") for p in sorted(folder.glob(f"{kind}.ttf"))]
    paths = [p for p in bundled if "Display" not in p.name and p.stem not in _SIGNS]
    if system:
        paths += sorted(Path(p) for p in font_manager.findSystemFonts())
    # FONT_HERSHEY_SIMPLEX, PLAIN, DUPLEX, COMPLEX, TRIPLEX, COMPLEX_SMALL: the upright ones
    faces = [Typeface(f"Hershey {number}", None, number) for number in range(6)]
    seen: set[str] = set()
    for path in paths:
        if path.stem not in seen and _letters_latin(path):
            seen.add(path.stem)
            faces.append(Typeface(path.stem, path))
    return tuple(faces)


def _letters_latin(path: Path) -> bool:
    """Whether a font is an ordinary Latin text font by its name, and has the letters of lead names."""
    from matplotlib.ft2font import FT2Font

    # Noto comes as one family a script, each with the same Latin letters or none: one copy of them is enough.
    plain_noto = ("NotoSans-", "NotoSerif-", "NotoMono", "NotoSansMono", "NotoSansDisplay", "NotoSerifDisplay")
    if path.name.startswith("Noto") and not path.name.startswith(plain_noto):
        return False
    odd = (
        "symbol",
        "dingbat",
        "emoji",
        "standardsymbols",
        "d050000",
        "upper",
        "csur",
        "jp",
        "sample",
        "math",
        "hairline",
    )
    if any(word in path.name.lower() for word in odd):
        return False
    try:
        font = FT2Font(str(path))
    except (RuntimeError, OSError):
        return False
    return all(font.get_char_index(ord(letter)) for letter in "aVRLFI123456789ms/:.-")


def held_out(face: Typeface) -> bool:
    """Whether a font is kept for validation: whole families, chosen by name, so that no cut of one trains.

    Serif, sans, monospaced, engraved and stroke letters are all among them.
    """
    families = (
        "LiberationSerif",
        "Carlito",
        "Inconsolata",
        "B612-",
        "NimbusMonoPS",
        "Oxygen",
        "DejaVuSansMono-Bold",
        "Hershey 3",
    )
    return face.name.startswith(families)


@dataclass(frozen=True)
class Look:
    """How a text is lettered.

    Parameters
    ----------
    face : Typeface
    cap_px : float
        Height of the capitals in pixels.
    aspect : float
        Width over what the font would give.
    spacing_px, uneven_px : float
        Room added after each letter, and the standard deviation of its unevenness.
    bitmap : bool
        Drawn in few pixels, without grey, and enlarged, as the built-in fonts of older devices are.
    weight_px : int
        Strokes grow by one pixel less than this; 0 leaves them.
    """

    face: Typeface
    cap_px: float
    aspect: float = 1.0
    spacing_px: float = 0.0
    uneven_px: float = 0.0
    bitmap: bool = False
    weight_px: int = 0


@lru_cache(maxsize=4096)
def _font(path: Path, size: int) -> Any:
    """Open a font at a size in pixels."""
    from PIL import ImageFont

    return ImageFont.truetype(str(path), size)


@lru_cache(maxsize=512)
def _caps_per_em(path: Path) -> float:
    """Cap height as a part of the font's size."""
    box = _font(path, 200).getbbox("V")
    return max(0.3, float(box[3] - box[1]) / 200)


def letter(
    rng: np.random.Generator, look: Look, text: str, start: int = 0, stop: int | None = None
) -> tuple[Ink, NDArray[np.float64]] | None:
    """Letter a text.

    Parameters
    ----------
    rng : numpy.random.Generator
        For uneven spacing and the bitmap's size.
    look : Look
    text : str
    start, stop : int
        The letters whose box is wanted.

    Returns
    -------
    tuple or None
        The mask, a float32 array [height, width] of 0 to 1, cut to its ink, and left, top, right, bottom of the wanted
        letters on it; None where the font draws nothing.
    """
    # A bitmap font is a drawing of few pixels, enlarged: 7 to 14 pixels of cap height are what devices use.
    drawn_px = int(rng.integers(7, 15)) if look.bitmap else max(1, round(look.cap_px))
    mask, owner = _set_letters(rng, look, text, drawn_px)
    rows, columns = np.flatnonzero(mask.max(axis=1) > _INKED), np.flatnonzero(mask.max(axis=0) > _INKED)
    if not len(rows):
        return None
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    owner = owner[columns[0] : columns[-1] + 1]
    wanted = (owner >= start) & (owner < (len(text) if stop is None else stop))
    inner = np.flatnonzero(wanted & (mask.max(axis=0) > _INKED))
    if not len(inner):
        return None
    tall = np.flatnonzero(mask[:, inner[0] : inner[-1] + 1].max(axis=1) > _INKED)
    box = np.array([inner[0], tall[0], inner[-1] + 1, tall[-1] + 1], float)
    return _scaled(mask, look, look.cap_px / drawn_px, box)


def _scaled(mask: Ink, look: Look, factor: float, box: NDArray[np.float64]) -> tuple[Ink, NDArray[np.float64]]:
    """Bring a lettered text to its size and weight."""
    import cv2

    width = max(1, round(mask.shape[1] * factor * look.aspect))
    height = max(1, round(mask.shape[0] * factor))
    method = cv2.INTER_NEAREST if look.bitmap else cv2.INTER_AREA
    ratio = np.array([width / mask.shape[1], height / mask.shape[0]] * 2)
    mask = np.asarray(cv2.resize(mask, (width, height), interpolation=method), np.float32)
    if look.weight_px and min(mask.shape) > 8:
        mask = np.asarray(cv2.dilate(mask, np.ones((look.weight_px, look.weight_px), np.uint8)), np.float32)
    return mask, box * ratio


def _set_letters(rng: np.random.Generator, look: Look, text: str, cap_px: int) -> tuple[Ink, NDArray[np.int64]]:
    """Set a text letter by letter; return its mask and, for each column, the letter that owns it (-1: none)."""
    smaller = cap_px / look.cap_px
    glyphs = [_glyph(look.face, character, cap_px, look.bitmap) for character in text]
    uneven = rng.normal(0, look.uneven_px * smaller, size=len(text)) if look.uneven_px else np.zeros(len(text))
    steps = np.array([advance for _, advance in glyphs]) + look.spacing_px * smaller + uneven
    at = np.concatenate([[2.0], 2.0 + np.cumsum(np.maximum(steps, 1))])
    height = glyphs[0][0].shape[0]
    mask = np.zeros((height, int(at[-1]) + height + 2), np.float32)
    owner = np.full(mask.shape[1], -1, np.int64)
    for k, (glyph, _) in enumerate(glyphs):
        x = round(at[k])
        part = mask[:, x : x + glyph.shape[1]]
        np.maximum(part, glyph[:, : part.shape[1]] * np.float32(1 / 255), out=part)
        owner[x : round(at[k + 1])] = k
    return mask, owner


@lru_cache(maxsize=30000)
def _glyph(face: Typeface, character: str, cap_px: int, bitmap: bool) -> tuple[NDArray[np.uint8], float]:
    """Draw one letter on a strip as high as the font; return it and the advance to the next letter in pixels."""
    import cv2
    from PIL import Image, ImageDraw

    if face.path is None:
        # Hershey's capitals are about 21 units high at scale 1, whichever the font.
        scale, height = cap_px / 21, int(2.2 * cap_px) + 3
        (width, _), _ = cv2.getTextSize(character, face.hershey, scale, 1)
        strip = np.zeros((height, width + 4), np.uint8)
        thickness = max(1, round(cap_px / 12))
        cv2.putText(strip, character, (1, int(1.5 * cap_px)), face.hershey, scale, (255,), thickness, cv2.LINE_AA)
        return strip, float(width)
    size = max(6, round(cap_px / _caps_per_em(face.path)))
    font = _font(face.path, size)
    advance = float(font.getlength(character))
    image = Image.new("L", (int(advance) + size // 2 + 2, int(1.7 * size) + 2))
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1" if bitmap else "L"
    pen.text((1, size // 8), character, fill=255, font=font)
    return np.asarray(image, np.uint8), advance
