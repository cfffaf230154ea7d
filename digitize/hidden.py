"""What bars and words hide of a line of trace, and what of it shows around them.

Pixels under a bar say neither ink nor paper: the stroke may pass there. What stands out over a bar's ends is seen as
well as anywhere, and the paper beyond its ends says how far the stroke does not reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.frame import Frame
from digitize.overlap import OwnInk, grow
from digitize.ranks import median

__all__ = ["Box", "bar_boxes", "show_around", "word_boxes"]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

#: Share of ink of a pixel that is covered: half, by the definition of an edge.
_COVERED = 0.5
#: How far beyond a bar's end ink is sought that comes out of it, in pixels: its soft edge.
_SOFT = 2
#: How far from where the page's bars usually end one may end, in mm: its line's level is known to no better.
_OFF_MM = 1.5
#: How far a beat stands out over a bar's end, at least, in mm: more than the bar's own soft edge.
_OUT_MM = 0.6
#: How far a beat goes on beyond a word, at least, in mm: no letter's stroke reaches so far out of its word.
_BEAT_MM = 1.5
#: How far to both sides of a word a line's level is taken, in mm: more than the widths of a QRS and a name.
_AROUND_MM = 5.0


@dataclass(frozen=True)
class Box:
    """Pixels that a bar covers, its soft edges included.

    Parameters
    ----------
    left, top, right, bottom : int
        First and last column and row.
    """

    left: int
    top: int
    right: int
    bottom: int


def bar_boxes(
    frame: Frame, row: int, bars: tuple[tuple[float, float], ...], reach: tuple[float, float] | None
) -> tuple[Box, ...]:
    """Find the pixels that the bars across a line of trace cover.

    Parameters
    ----------
    frame : Frame
    row : int
        Line of the page.
    bars : tuple of (float, float)
        First and last column of each bar.
    reach : tuple of float or None
        How far bars reach above and below a line's level in pixels; None where they run across the whole page.

    Returns
    -------
    tuple of Box
    """
    height, width = frame.share.shape
    boxes = []
    for left, right in bars:
        first, last = max(0, int(left)), min(width - 1, int(np.ceil(right)))
        top, bottom = 0, height - 1
        if reach is not None:
            level = frame.rows[row].level_px
            top, bottom = _ends(frame, level, (level - reach[0], level + reach[1]), first, last)
        boxes.append(Box(max(0, first - 1), top, min(width - 1, last + 1), bottom))
    return tuple(boxes)


def _ends(frame: Frame, level: float, usual: tuple[float, float], first: int, last: int) -> tuple[int, int]:
    """First and last row of one bar: where ink stops covering its whole width, if that is near where bars usually end.

    A beat that runs on beyond the bar's end is narrower than the bar; where it is not, the usual place counts.
    """
    height, off = frame.share.shape[0], _OFF_MM * frame.px_per_mm
    start = min(max(round(level), 0), height - 1)
    # Where ink goes on beyond these rows, the usual place counts.
    low, high = max(0, min(start, int(usual[0] - off) - 1)), max(start + 1, int(usual[1] + off) + 3)
    full: Bool = np.asarray((frame.share[low:high, first : last + 1] >= _COVERED).all(axis=1))
    above, below = np.flatnonzero(~full[: start - low]), np.flatnonzero(~full[start - low :])
    top = float(low + above[-1] + 1) if above.size else 0.0
    bottom = float(start + below[0] - 1) if below.size else height - 1.0
    top = top if abs(top - usual[0]) <= off else usual[0]
    bottom = bottom if abs(bottom - usual[1]) <= off else usual[1]
    return max(0, int(top) - 1), min(height - 1, int(np.ceil(bottom)) + 1)


def word_boxes(frame: Frame, words: Sequence[tuple[float, float, float, float]], first: int, stop: int) -> list[Box]:
    """List the pixels of the words that reach into a stretch of the page, their soft edges included.

    Parameters
    ----------
    frame : Frame
    words : sequence of (left, top, right, bottom)
        In pixels.
    first, stop : int
        First column of the stretch and the one behind its last.

    Returns
    -------
    list of Box
    """
    last = frame.share.shape[0] - 1
    boxes = []
    for x0, y0, x1, y1 in words:
        left, right = max(first, int(x0) - 1), min(stop, int(np.ceil(x1)) + 2) - 1
        if right >= left:
            boxes.append(Box(left, max(0, int(y0) - _SOFT), right, min(last, int(np.ceil(y1)) + _SOFT)))
    return boxes


def show_around(
    frame: Frame, row: int, runs: OwnInk, bars: Sequence[Box], words: Sequence[Box], half: int, first: int, stop: int
) -> list[Box]:
    """Replace a line's runs where bars and words hide it by what shows of it around them.

    In a bar's columns that is ink which goes on from the runs beside it or comes out of its ends; beside letters it is
    the line's own path and a beat that comes out at the letters' other side. Changes the runs in place.

    Parameters
    ----------
    frame : Frame
    row : int
        Line of the page.
    runs : OwnInk
        Its runs; ``touched`` is set where a word stands on the line.
    bars, words : sequence of Box
    half : int
        Half the pen in pixels, and one.
    first, stop : int
        First column of the lead and the one behind its last.

    Returns
    -------
    list of Box
        Letters behind which the line may pass: their pixels say nothing of it.
    """
    bars = [b for b in bars if b.right >= first and b.left < stop]
    if not bars and not words:
        return []
    ink = np.zeros((frame.share.shape[0], stop - first), np.bool_)
    hidden = [*bars, *(box for box in words if _met(runs, box))]
    for a, b in _windows((*bars, *words), first, stop):
        if any(box.left < b and box.right >= a for box in hidden):  # nobody asks for the ink beside other words
            ink[:, a - first : b - first] = frame.share[:, a:b] >= _COVERED
            if frame.line is not None:
                ink[:, a - first : b - first] &= frame.line[:, a:b] == row
    for box in (*bars, *words):
        ink[box.top : box.bottom + 1, max(0, box.left - first) : box.right + 1 - first] = False
    hiding: list[Box] = []
    far = round(_OUT_MM * frame.px_per_mm)
    for box in words:
        hiding += _beside_word(frame, row, runs, box, half, ink, first)
    for box in bars:
        a, b = max(first, box.left), min(stop, box.right + 1)
        runs.found[a:b] = False
        for c, run in _coming_out(ink[:, a - first : b - first], box.top, box.bottom, far).items():
            _add(runs, a + c, run)
    for a, b in _windows((*bars, *hiding), first, stop):
        part = [v[a:b] for v in (runs.top, runs.bottom, runs.found)]
        nowhere = np.full(b - a, 10**6, dtype=np.int64)
        grow(np.ascontiguousarray(ink[:, a - first : b - first]), *part, -nowhere, nowhere, 0, 0, b - a)
    return hiding


def _windows(boxes: Sequence[Box], first: int, stop: int) -> list[tuple[int, int]]:
    """Columns of boxes, one more on either side, those that touch taken together: (first, behind the last)."""
    found: list[tuple[int, int]] = []
    for box in sorted(boxes, key=lambda b: b.left):
        a, b = max(first, box.left - 1), min(stop, box.right + 2)
        if found and a <= found[-1][1]:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        elif b > a:
            found.append((a, b))
    return found


def _met(runs: OwnInk, box: Box) -> list[int]:
    """Columns of a box in which a line's run meets it."""
    columns: list[int] = _meeting(runs.found, runs.top, runs.bottom, box.left, box.right, box.top, box.bottom).tolist()
    return columns


@njit(cache=True)  # type: ignore[untyped-decorator]
def _meeting(found: Bool, tops: Int, bottoms: Int, left: int, right: int, top: int, bottom: int) -> Int:
    columns = np.empty(max(0, right - left + 1), np.int64)
    n = 0
    for c in range(left, min(right + 1, found.size)):
        if found[c] and bottoms[c] >= top and tops[c] <= bottom:
            columns[n] = c
            n += 1
    return columns[:n]


def _beside_word(frame: Frame, row: int, runs: OwnInk, box: Box, half: int, ink: Bool, first: int) -> list[Box]:
    """Cut a word out of a line's runs, in place, and give back its columns behind which the line may pass."""
    columns = _met(runs, box)
    if not columns:
        return []
    path, long = frame.rows[row].y, round(_BEAT_MM * frame.px_per_mm)
    around = round(_AROUND_MM * frame.px_per_mm)
    level = median(path[max(first, box.left - around) : min(first + ink.shape[1], box.right + around)])
    hiding = []
    # Away from the line's level: from the top of the page, or from its foot.
    top, bottom = (-1, box.bottom) if level < box.top else (box.top, ink.shape[0])
    part = ink[:, box.left - first : box.right + 1 - first]
    far = {} if box.top <= level <= box.bottom else _coming_out(part, top, bottom, long)
    for c in columns:
        runs.touched[c] = True
        if runs.top[c] < box.top - long and runs.bottom[c] > box.bottom + long:
            hiding.append(Box(c, box.top, c, box.bottom))  # a beat that runs on at both sides of a word is no letter
        elif far:
            above = level < box.top
            here = (runs.top[c], box.top - 1) if above else (box.bottom + 1, runs.bottom[c])
            runs.found[c] = False
            _add(runs, c, _inked(ink[:, c - first], *here))
            _add(runs, c, far.get(c - box.left))
            hiding.append(Box(c, box.top, c, box.bottom))
        else:
            # Beside letters only the path is trusted, with the way that it climbs between neighbouring columns.
            near = path[max(0, c - 1) : c + 2]
            runs.top[c] = max(runs.top[c], int(near.min()) - half)
            runs.bottom[c] = min(runs.bottom[c], int(near.max()) + half)
            runs.found[c] = runs.bottom[c] >= runs.top[c]
    return hiding


def _coming_out(ink: Bool, top: int, bottom: int, long: int) -> dict[int, tuple[int, int]]:
    """Ink that comes out of a box's ends, by column of a window, where any of it goes on for long enough."""
    near = ink[max(0, top - _SOFT) : max(0, top)].any(axis=0) | ink[bottom + 1 : bottom + 1 + _SOFT].any(axis=0)
    runs = {int(k): _out_of(ink[:, k], top, bottom) for k in np.flatnonzero(near)}
    found = {c: run for c, run in runs.items() if run is not None}
    return found if any(top - a >= long or b - bottom >= long for a, b in found.values()) else {}


def _add(runs: OwnInk, c: int, run: tuple[int, int] | None) -> None:
    """Lengthen a column's run by another."""
    if run is None:
        return
    runs.top[c] = min(runs.top[c], run[0]) if runs.found[c] else run[0]
    runs.bottom[c] = max(runs.bottom[c], run[1]) if runs.found[c] else run[1]
    runs.found[c] = True


def _inked(ink: Bool, first: int, last: int) -> tuple[int, int] | None:
    """First and last row with ink between two rows, both included."""
    rows = first + np.flatnonzero(ink[first : last + 1])
    return (int(rows[0]), int(rows[-1])) if rows.size else None


def _out_of(ink: Bool, top: int, bottom: int) -> tuple[int, int] | None:
    """First and last row of the ink that comes out of a box's top and bottom in one column."""
    above, below = ink[: max(0, top)][::-1], ink[bottom + 1 :]
    rows = []
    if above[:_SOFT].any():
        start = int(above.argmax())
        bare = np.flatnonzero(~above[start:])
        length = int(bare[0]) if bare.size else above.size - start
        rows += [top - start - length, top - start - 1]
    if below[:_SOFT].any():
        start = int(below.argmax())
        bare = np.flatnonzero(~below[start:])
        length = int(bare[0]) if bare.size else below.size - start
        rows += [bottom + 1 + start, bottom + start + length]
    return (min(rows), max(rows)) if rows else None
