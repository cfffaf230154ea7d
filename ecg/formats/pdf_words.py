"""Words of a PDF page, letter by letter from the file, with their places on the displayed page."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix", "Word", "moved_box", "moved_points", "read_words"]

Matrix = NDArray[np.float64]  # [3, 3], acts on column vectors (x, y, 1)

#: Two letters belong to one word when the gap between them is under this share of their height; a word space is
#: about 0.25 em wide and a letter's height about 0.7 em.
_WORD_GAP = 0.25


@dataclass(frozen=True)
class Word:
    """One printed word.

    Parameters
    ----------
    text : str
    xyxy : tuple of float
        Left, top, right, bottom in points on the displayed page.
    angle_deg : float
        Direction of writing on the displayed page, clockwise from left to right, 0 to 360 degrees.
    """

    text: str
    xyxy: tuple[float, float, float, float]
    angle_deg: float = 0.0


def moved_points(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [n, 2] moved by an affine matrix [3, 3]."""
    moved: NDArray[np.float64] = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def moved_box(matrix: Matrix, xyxy: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Bounding box of a box that was moved."""
    x0, y0, x1, y1 = xyxy
    corners = moved_points(matrix, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def read_words(page: Any, to_display: Matrix, max_chars: int) -> tuple[tuple[Word, ...], bool]:
    """Words of a page in the file's order, and whether the limit cut any off.

    Letters are joined by their places on the page; spaces in the file are often missing or made up.

    Parameters
    ----------
    page : pypdfium2.PdfPage
    to_display : float array [3, 3]
        From the page's own coordinates to the displayed page.
    max_chars : int
        Most characters read.
    """
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    try:
        count = pdfium.FPDFText_CountChars(text)
        words: list[Word] = []
        word: Word | None = None
        for index in range(min(count, max_chars)):
            letter = _letter(pdfium, text, index, to_display)
            if letter is not None and word is not None and _continues(word, letter):
                word = _joined(word, letter)
                continue
            if word is not None:
                words.append(word)
            word = letter
        if word is not None:
            words.append(word)
        return tuple(words), count > max_chars
    finally:
        text.close()


def _letter(pdfium: Any, text: Any, index: int, to_display: Matrix) -> Word | None:
    char = chr(pdfium.FPDFText_GetUnicode(text, index))
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if char.isspace() or not char.isprintable():
        return None
    if not pdfium.FPDFText_GetCharBox(text, index, left, right, bottom, top):
        return None
    box = moved_box(to_display, (left.value, bottom.value, right.value, top.value))
    # PDFium gives the direction of writing in the page's own coordinates, anticlockwise, in radians.
    angle = pdfium.FPDFText_GetCharAngle(text, index)
    along = to_display[:2, :2] @ np.array([np.cos(angle), np.sin(angle)])
    degrees = float(np.degrees(np.arctan2(along[1], along[0]))) % 360.0
    return Word(char, box, round(degrees, 3) % 360.0)


def _continues(word: Word, letter: Word) -> bool:
    """Whether a letter stands right behind a word, on its line."""
    turn = (letter.angle_deg - word.angle_deg + 180.0) % 360.0 - 180.0
    if abs(turn) > 5.0:  # degrees; letters of one word share their direction
        return False
    quarters = round(word.angle_deg / 90.0) % 4
    # Along and across the line of writing, both growing in its own directions.
    (a0, a1, c0, c1), (b0, b1, d0, d1) = _along(word.xyxy, quarters), _along(letter.xyxy, quarters)
    size = max(c1 - c0, d1 - d0, 1e-6)
    return -0.5 * size < b0 - a1 < _WORD_GAP * size and min(c1, d1) > max(c0, d0) - 0.3 * size and b1 > a0


def _along(xyxy: tuple[float, float, float, float], quarters: int) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = xyxy
    return ((x0, x1, y0, y1), (y0, y1, -x1, -x0), (-x1, -x0, -y1, -y0), (-y1, -y0, x0, x1))[quarters]


def _joined(word: Word, letter: Word) -> Word:
    (x0, y0, x1, y1), (u0, v0, u1, v1) = word.xyxy, letter.xyxy
    return Word(word.text + letter.text, (min(x0, u0), min(y0, v0), max(x1, u1), max(y1, v1)), word.angle_deg)
