"""Which way up a page is, by the lead names that can be read on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from digitize.text import NameHit
from ecg.errors import DigitizationError

__all__ = ["find_turn", "turned"]

Float = NDArray[np.float32]
Matrix = NDArray[np.float64]

#: Names that read differently upside down; I, II and III do not.
_ONE_WAY_UP = frozenset({"aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"})

#: With three of the nine names read surely the page is upright. Another way up needs four, and twice as many: false
#: hits come by ones and twos.
_ENOUGH, _CONVINCING, _SURE = 3, 4, 0.8


def find_turn(ink: Float, read: Callable[[Float], tuple[NameHit, ...]]) -> tuple[int, tuple[NameHit, ...]]:
    """Find how far a page must be turned for its names to stand upright.

    Parameters
    ----------
    ink : float32 array [height, width]
        Ink of the page as it came.
    read : callable
        Finds names on ink, in its pixels.

    Returns
    -------
    quarters : int
        Quarter turns counter-clockwise, 0 to 3; 0 where no way up shows names.
    names : tuple of NameHit
        As read that way up, in its pixels.

    Raises
    ------
    DigitizationError
        If the names can be read in a mirror only.
    """
    names = read(ink)
    upright = _count(names)
    if upright >= _ENOUGH:
        return 0, names
    best, quarters, seen = upright, 0, names
    for k in (2, 1, 3):
        hits = read(np.ascontiguousarray(np.rot90(ink, k)))
        if _count(hits) > best:
            best, quarters, seen = _count(hits), k, hits
    if quarters and best >= _CONVINCING and best >= 2 * upright:
        return quarters, seen
    for mirrored in (ink[:, ::-1], ink[::-1]):  # as a slide, or as its own reflection below it
        if _count(read(np.ascontiguousarray(mirrored))) >= max(_CONVINCING, 2 * upright):
            raise DigitizationError(
                "orient", "the page is mirrored: its lead names read from right to left", "mirror it back"
            )
    return 0, names


def _count(names: tuple[NameHit, ...]) -> int:
    return len({n.text for n in names if n.text in _ONE_WAY_UP and n.confidence > _SURE})


def turned(homography: Matrix | None, quarters: int, width: int, height: int) -> Matrix | None:
    """Homography followed by quarter turns counter-clockwise.

    Parameters
    ----------
    homography : float array [3, 3] or None
        Page pixels to pixels of a picture.
    quarters : int
    width, height : int
        Size of that picture before it is turned.

    Returns
    -------
    float array [3, 3] or None

    Examples
    --------
    >>> (turned(None, 1, 200, 100) @ [199, 0, 1]).tolist()  # the top right corner becomes the top left one
    [0.0, 0.0, 1.0]
    """
    if quarters == 0:
        return homography
    turn = {
        1: [[0.0, 1.0, 0.0], [-1.0, 0.0, width - 1.0], [0.0, 0.0, 1.0]],
        2: [[-1.0, 0.0, width - 1.0], [0.0, -1.0, height - 1.0], [0.0, 0.0, 1.0]],
        3: [[0.0, -1.0, height - 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
    }[quarters]
    return np.array(turn) if homography is None else np.array(turn) @ homography
