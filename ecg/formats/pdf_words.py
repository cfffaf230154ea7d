"""Words of a PDF page, letter by letter from the file, with their places on the displayed page."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix", "Word", "moved_box", "moved_points", "read_words"]

Matrix = NDArray[np.float64]  # [3, 3], acts on column vectors (x, y, 1)

_Box = tuple[float, float, float, float]

#: Two letters belong to one word when their cells are no further apart than this share of the cell's height, which is
#: about 1.1 em; a word space is 0.25 em or more, letters set wide are 0.1 em apart.
_WORD_GAP = 0.15


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
        groups: list[list[_Letter]] = []
        broken = True  # a space ends a word even where the letters beside it stand close
        for index in range(min(count, max_chars)):
            if pdfium.FPDFText_IsGenerated(text, index) == 1:
                continue  # a space or line end that PDFium supposes; places decide here
            letter = _letter(pdfium, text, index, to_display)
            if letter is not None and not broken and _continues(groups[-1], letter):
                groups[-1].append(letter)
            elif letter is not None:
                groups.append([letter])
            broken = letter is None
        return tuple(_word(group) for group in groups), count > max_chars
    finally:
        text.close()


@dataclass(frozen=True)
class _Letter:
    """A letter: the box of its ink and that of its cell, which reaches from one letter to the next."""

    char: str
    ink: _Box
    cell: _Box
    angle_deg: float


def _letter(pdfium: Any, text: Any, index: int, to_display: Matrix) -> _Letter | None:
    char = chr(pdfium.FPDFText_GetUnicode(text, index))
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if char.isspace() or not char.isprintable():
        return None
    if not pdfium.FPDFText_GetCharBox(text, index, left, right, bottom, top):
        return None
    ink = moved_box(to_display, (left.value, bottom.value, right.value, top.value))
    loose = pdfium.FS_RECTF()
    cell = ink
    if pdfium.FPDFText_GetLooseCharBox(text, index, loose):
        cell = moved_box(to_display, (loose.left, loose.bottom, loose.right, loose.top))
    # The text matrix sends the direction of writing (1, 0) to (a, b) in the page's own coordinates.
    matrix = pdfium.FS_MATRIX(1, 0, 0, 1, 0, 0)
    pdfium.FPDFText_GetMatrix(text, index, matrix)
    along = to_display[:2, :2] @ np.array([matrix.a, matrix.b])
    degrees = float(np.degrees(np.arctan2(along[1], along[0]))) % 360.0
    return _Letter(char, ink, cell, round(degrees, 3) % 360.0)


def _continues(word: list[_Letter], letter: _Letter) -> bool:
    """Whether a letter stands right behind a word, on its line."""
    last = word[-1]
    turn = (letter.angle_deg - last.angle_deg + 180.0) % 360.0 - 180.0
    if abs(turn) > 5.0:  # degrees; letters of one word share their direction
        return False
    quarters = round(last.angle_deg / 90.0) % 4
    # Along and across the line of writing, both growing in its own directions.
    (a0, a1, c0, c1), (b0, b1, d0, d1) = _along(last.cell, quarters), _along(letter.cell, quarters)
    size = max(c1 - c0, d1 - d0, 1e-6)
    beside = min(c1, d1) - max(c0, d0) > 0.5 * size
    return beside and -0.5 * size < b0 - a1 < _WORD_GAP * size and b1 > a0


def _along(xyxy: _Box, quarters: int) -> _Box:
    x0, y0, x1, y1 = xyxy
    return ((x0, x1, y0, y1), (y0, y1, -x1, -x0), (-x1, -x0, -y1, -y0), (-y1, -y0, x0, x1))[quarters]


def _word(letters: list[_Letter]) -> Word:
    boxes = np.array([letter.ink for letter in letters])
    (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    text = "".join(letter.char for letter in letters)
    return Word(text, (float(x0), float(y0), float(x1), float(y1)), letters[0].angle_deg)
