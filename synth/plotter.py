"""A pen plotter's letters: straight strokes on a coarse grid, as recorders with a heated or ink pen wrote them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["PLOTTER_PEN_EM", "plotter_spelling", "plotter_strokes", "plotter_width_em"]

#: Strokes of each letter, parted by blanks; a stroke is a run of points, each two digits: x and y on the grid. The
#: baseline is y = 2, small letters reach 6, capitals 8. Drawn for this package.
_GLYPHS = {
    "A": "022842 1434", "B": "02083847463505 3544433202", "C": "4738180703123243", "D": "02082846442202",
    "E": "48080242 0535", "F": "480802 0535", "G": "47381807031232434525", "H": "0802 4842 0545", "I": "0802",
    "J": "4843321203", "K": "0802 4804 1542", "L": "080242", "M": "0208254842", "N": "02084248",
    "O": "180703123243473818", "P": "02083847463505", "Q": "180703123243473818 2442", "R": "02083847463505 2542",
    "S": "473818070615354443321203", "T": "0848 2822", "U": "080312324348", "V": "082248", "W": "0812263248",
    "X": "0842 4802", "Y": "082548 2522", "Z": "08480242",
    "0": "180703123243473818", "1": "072822", "2": "07183847460242", "3": "07183847463515 354443321203",
    "4": "32380444", "5": "480805354443321203", "6": "473818070312324344351504", "7": "084812",
    "8": "15060718384746351504031232434435", "9": "031232434738180706153546",
    "a": "3632 3526160503122233", "b": "0802 0516263533221203", "c": "3526160503122233", "d": "3832 3526160503122233",
    "e": "04343526160503122233", "f": "281712 0626", "g": "3631201001 3526160503122233", "h": "0802 0516263532",
    "i": "0602 0808", "j": "161100 1818", "k": "0802 3603 1432", "l": "0802", "m": "0602 05162522 25364542",
    "n": "0602 0516263532", "o": "160503122233352616", "p": "0600 0516263533221203", "q": "3630 3526160503122233",
    "r": "0602 051626", "s": "35261605142433221203", "t": "181322 0626", "u": "0603122233 3632", "v": "062246",
    "w": "0612253246", "x": "0632 3602", "y": "0622 4610", "z": "06360232",
    ".": "0202", ",": "1201", ":": "0202 0505", ";": "1201 1515", "-": "0535", "+": "0545 2327", "=": "0434 0636",
    "/": "0238", "(": "19070311", ")": "09171301", "[": "19090111", "]": "09191101", "'": "0807", '"': "0807 1817",
    "!": "0804 0202", "?": "07182837362524 2222", "%": "0248 0818170708 3343423233", "*": "2327 0644 0446",
    "#": "1218 3238 0444 0646", "_": "0141", "<": "370533", ">": "073503", "|": "0901", "~": "04152435",
    "°": "0718271607", "µ": "0600 03122233 3632", "±": "0646 2428 0242", "&": "42061718271603122243",
}  # fmt: skip
#: What the plotter writes for letters that it lacks and that hold no accent to drop.
_INSTEAD = {
    "ß": "ss",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "æ": "ae",
    "Æ": "AE",
    "ı": "i",
    "−": "-",
    "–": "-",
    "μ": "µ",
}
#: Em of a grid step: capitals are 6 steps and, as in DejaVu Sans, 0.729 em high.
_STEP_EM = 0.729 / 6
_GAP, _BLANK = 1.6, 3.0  # grid steps between letters and for a blank
#: Width of the pen in em.
PLOTTER_PEN_EM = 0.085


@lru_cache(maxsize=2048)
def plotter_spelling(text: str) -> str | None:
    """Text in letters that the plotter has, accents dropped; None where it has no letter for something."""
    swapped = "".join(_INSTEAD.get(letter, letter) for letter in text)
    kept = "".join(k for k in unicodedata.normalize("NFD", swapped) if not unicodedata.combining(k))
    return kept if all(letter == " " or letter in _GLYPHS for letter in kept) else None


def plotter_strokes(text: str) -> list[NDArray[np.float64]]:
    """Strokes of a text in em, from its left end on the baseline; x to the right, y down.

    Parameters
    ----------
    text : str
        As from `plotter_spelling`.

    Returns
    -------
    list of float64 array [points, 2]

    Examples
    --------
    >>> [stroke.shape for stroke in plotter_strokes("aV")]
    [(2, 2), (8, 2), (3, 2)]
    """
    strokes, at = [], 0.0
    for letter in text:
        if letter == " ":
            at += _BLANK
            continue
        glyph = [_points(run) for run in _GLYPHS[letter].split()]
        strokes += [(points + np.array([at, 0.0])) * np.array([_STEP_EM, -_STEP_EM]) for points in glyph]
        at += max(float(points[:, 0].max()) for points in glyph) + _GAP
    return strokes


def plotter_width_em(text: str) -> float:
    """Length of a text in em, from the middle of its first stroke to the middle of its last."""
    return max((float(stroke[:, 0].max()) for stroke in plotter_strokes(text)), default=0.0)


def _points(run: str) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.array([int(digit) for digit in run], np.float64).reshape(-1, 2)
    points[:, 1] -= 2.0
    return points
