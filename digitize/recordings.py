"""Several ECGs on one page: told apart by gaps, by names that stand twice, and by beats that do not meet.

All lines of one recording beat at the same places of the paper. Two recordings, one above the other, do not; two that
stand side by side are parted by a gutter that no line crosses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digitize.result import Digitization
from digitize.sheet import Sheet
from digitize.text import NameHit
from digitize.trace import Row
from ecg import LAYOUTS, Page
from ecg.errors import DigitizationError
from ecg.paper import EXTRA_LAYOUTS

__all__ = ["Part", "chosen", "find_recordings", "read_parts"]

Float = NDArray[np.float32]

#: Left, top, right and bottom of a part of the upright page, in pixels; right and bottom lie outside.
Part = tuple[int, int, int, int]

#: Names that a strip seldom repeats; II, V1 and V5 are printed twice on many a page.
_ONCE = frozenset({"III", "aVR", "aVL", "aVF", "-aVR", "V2", "V3", "V4", "V6"})
#: So many of them on both sides, each read at least so surely, are two recordings.
_TWICE, _SURE = 3, 0.6
#: Narrowest gutter in mm: columns of one recording stand up to 5 mm apart.
_GUTTER_MM = 8.0
#: Shortest line in mm, and width from which a recording stands for itself: 7 s, more than a column shows.
_SHORT_MM, _WIDE_MM = 50.0, 175.0
#: Lines of one recording agree in their beats by an r of 0.35 at least, those of two by chance: less than half of that.
_MEET, _APART = 0.35, 0.5
#: Width of a QRS on paper: 120 ms at 25 mm/s.
_QRS_MM = 3.0
#: A gap between recordings, in gaps between lines.
_WIDER = 1.5
#: Lines that a recording has at least, so that a strip is none of its own.
_FEWEST = 3
#: Strips below a recording at most.
_MOST_STRIPS = 3


def find_recordings(rows: Sequence[Row], share: Float, names: Sequence[NameHit], px_per_mm: float) -> tuple[Part, ...]:
    """Find the recordings of a page.

    Parameters
    ----------
    rows : sequence of Row
        Lines of trace from top to bottom.
    share : float32 array [height, width]
        Ink, 1 at the heart of the pen.
    names : sequence of NameHit
        Printed words in pixels of the page.
    px_per_mm : float
        Scale, to within a factor of 1.5.

    Returns
    -------
    tuple of Part
        From left to right or from top to bottom; one, the whole page, where nothing tells of several. A part may hold
        several itself.
    """
    height, width = share.shape
    at = _gutter(rows, share, names, px_per_mm)
    if at is not None:
        return (0, 0, at, height), (at, 0, width, height)
    cuts = [0, *_between(rows, share, names, px_per_mm), height]
    return tuple((0, top, width, bottom) for top, bottom in pairwise(cuts))


def read_parts(
    page: Page, sheet: Sheet, parts: Sequence[Part], read: Callable[[Page], tuple[Digitization, ...]]
) -> tuple[Digitization, ...]:
    """Read each part of an upright page as a page of its own.

    Parameters
    ----------
    page : Page
        As it came.
    sheet : Sheet
        The same, upright.
    parts : sequence of Part
    read : callable
        Reads one page; may find several recordings on it.

    Returns
    -------
    tuple of Digitization
        In pixels of the page as it came; what cannot be read is refused, with its reason.
    """
    found: list[Digitization] = []
    for left, top, right, bottom in parts:
        piece = Page(np.ascontiguousarray(sheet.image[top:bottom, left:right]), page.dpi, page.source)
        try:
            readings = read(piece)
        except DigitizationError as error:
            readings = (Digitization(None, piece, "refused", (str(error),)),)
        found += [_placed(reading, page, sheet, left, top) for reading in readings]
    # What holds no line at all is margin.
    kept = [d for d in found if d.record is not None or not d.reasons[0].startswith("trace:")] or found
    return tuple(replace(d, part=(k, len(kept))) for k, d in enumerate(kept, start=1))


def chosen(found: Sequence[Digitization]) -> Digitization:
    """Pick the first recording that could be read, to be reviewed where there are others.

    Parameters
    ----------
    found : sequence of Digitization

    Returns
    -------
    Digitization

    Raises
    ------
    DigitizationError
        If none of several could be read.
    """
    if len(found) == 1:
        return found[0]
    read = [d for d in found if d.record is not None]
    if not read:
        told = "; ".join(dict.fromkeys(reason for d in found for reason in d.reasons))
        raise DigitizationError("layout", f"none of the {len(found)} ECGs on the page could be read: {told}", "crop it")
    first = read[0]
    more = f"the page holds {len(found)} ECGs, this is number {first.part[0]}"
    status = first.status if first.status == "refused" else "review"
    return replace(first, status=status, reasons=(more, *first.reasons))


def _placed(reading: Digitization, page: Page, sheet: Sheet, left: int, top: int) -> Digitization:
    """Tell the reading of a part in pixels of the page as it came."""
    move = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    upright = np.eye(3) if sheet.homography is None else sheet.homography
    corners = homography = flat = None
    if reading.homography is not None:
        homography = reading.homography @ move @ upright
    if reading.corners is not None:
        corners = np.stack([sheet.corners(x + left, y + top, x + left, y + top)[0] for x, y in reading.corners])
    if reading.flattening is not None and sheet.homography is None and homography is not None:
        lattice = reading.flattening.lattice + np.array([left, top], dtype=np.float64)
        flat = replace(reading.flattening, lattice=lattice, homography=reading.flattening.homography @ move)
    return replace(reading, page=page, corners=corners, homography=homography, flattening=flat)


def _gutter(rows: Sequence[Row], share: Float, names: Sequence[NameHit], px_per_mm: float) -> int | None:
    """Middle of the widest empty strip that parts two recordings side by side."""
    ink = np.zeros(share.shape[1], bool)
    for row in rows:
        low, high = (round(row.level_px + side * 3 * px_per_mm) for side in (-1, 1))
        ink |= (share[max(0, low) : max(1, high)] >= 0.5).any(axis=0)
    on = np.flatnonzero(ink)
    if on.size == 0:
        return None
    gaps = np.diff(on)
    for k in np.argsort(-gaps):
        if gaps[k] < _GUTTER_MM * px_per_mm:
            break
        at = int(on[k] + on[k + 1]) // 2
        if _are_two(rows, names, at, on, px_per_mm):
            return at
    return None


def _are_two(rows: Sequence[Row], names: Sequence[NameHit], at: int, on: NDArray[np.int64], px_per_mm: float) -> bool:
    """Whether lines on both sides of a column are recordings of their own, not columns of one."""
    left, right = at - on[0], on[-1] - at
    if min(left, right) < _SHORT_MM * px_per_mm:
        return False
    if _named_twice(names, lambda n: n.xyxy_px[0] < at):
        return True
    sides = [[r for r in rows if (r.start_px + r.stop_px) / 2 < at], [r for r in rows if r.start_px >= at]]
    own = all(len(side) >= _FEWEST for side in sides)
    if own and not any(r.start_px < at < r.stop_px for r in rows):
        return True  # no line of the one side goes on at the other
    known = {n.text for n in names if n.is_lead and n.confidence > _SURE}
    return not known and bool(min(left, right) >= _WIDE_MM * px_per_mm)


def _named_twice(names: Sequence[NameHit], before: Callable[[NameHit], bool]) -> bool:
    """Whether leads that no strip repeats are named on both sides."""
    sure = [n for n in names if n.text in _ONCE and n.confidence > _SURE]
    return len({n.text for n in sure if before(n)} & {n.text for n in sure if not before(n)}) >= _TWICE


def _between(rows: Sequence[Row], share: Float, names: Sequence[NameHit], px_per_mm: float) -> list[int]:
    """Pixel rows that part recordings one above the other."""
    if len(rows) < 2 * _FEWEST:
        return []
    levels = np.array([r.level_px for r in rows])
    gaps = np.diff(levels)
    counts = {layout.n_lines for layout in (*LAYOUTS.values(), *EXTRA_LAYOUTS.values())}
    cuts: list[int] = []
    first = 0
    meet = _meetings(rows, share, px_per_mm)
    for k in range(_FEWEST, len(rows) - _FEWEST + 1):
        if k - first < _FEWEST:
            continue
        above, below = slice(first, k), slice(k, len(rows))
        at = _emptiest(share, levels[k - 1], levels[k])
        left = [n for n in names if not cuts or n.xyxy_px[1] > cuts[-1]]
        wider = gaps[k - 1] > _WIDER * float(np.median(np.delete(gaps, k - 1)))
        whole = k - first in counts
        twice = _named_twice(left, lambda n, at=at: n.xyxy_px[3] < at) and _starts_anew(left, at, levels[k:])  # type: ignore[misc]
        strips = len(rows) - first in counts and _are_strips(left, levels[below])
        strange = _strange(meet, above, below) and not strips
        if twice or (strange and whole) or (wider and whole and len(rows) - first not in counts):
            cuts.append(at)
            first = k
    return cuts


def _are_strips(names: Sequence[NameHit], levels: NDArray[np.float64]) -> bool:
    """Whether the lines at some heights may be strips below a recording: few, and none with names of two leads.

    Where columns show the same seconds, strips of ten do not beat with the lines above them.
    """
    if levels.size > _MOST_STRIPS:
        return False
    bounds = [-np.inf, *((levels[1:] + levels[:-1]) / 2), np.inf]
    top = levels[0] - (np.median(np.diff(levels)) / 2 if levels.size > 1 else 0)
    named = [n for n in names if n.is_lead and n.confidence > _SURE and n.xyxy_px[3] > top]
    for low, high in pairwise(bounds):
        line = {n.text for n in named if low <= (n.xyxy_px[1] + n.xyxy_px[3]) / 2 < high}
        if len(line) > 1:
            return False
    return True


def _starts_anew(names: Sequence[NameHit], at: int, below: NDArray[np.float64]) -> bool:
    """Whether the first line below a cut is named as a first line is: the cut lies between recordings, not in one."""
    pitch = float(np.median(np.diff(below))) if below.size > 1 else np.inf
    top = [
        n.text for n in names if n.confidence > _SURE and abs((n.xyxy_px[1] + n.xyxy_px[3]) / 2 - below[0]) < pitch / 2
    ]
    above = [n.text for n in names if n.confidence > _SURE and n.xyxy_px[3] < at]
    return bool(set(top) & {"I", "aVR", "aVL", "V1", "V4"}) and "V6" in above


def _meetings(rows: Sequence[Row], share: Float, px_per_mm: float) -> NDArray[np.float64]:
    """How well the beats of each two lines stand above each other: correlation of their ink, smoothed over a QRS.

    Ink, not the line through its middle: of a QRS that is one column wide the middle stays where it was.
    """
    first, last = round(max(r.start_px for r in rows)), round(min(r.stop_px for r in rows))
    if last - first < _SHORT_MM * px_per_mm:
        return np.ones((len(rows), len(rows)))
    levels = np.array([r.level_px for r in rows])
    reach = float(np.median(np.diff(levels))) / 2
    ink = share[:, first:last] >= 0.5
    bands = [ink[max(0, round(y - reach)) : max(1, round(y + reach))].sum(axis=0) for y in levels]
    tall = np.stack([band - np.median(band) for band in bands]).clip(0)
    tall = (tall / np.maximum(np.percentile(tall, 99, axis=1, keepdims=True), 1e-9)).clip(0, 1)
    width = max(1, round(_QRS_MM * px_per_mm))
    smooth = np.stack([np.convolve(line, np.ones(width) / width, "same") for line in tall])
    meet: NDArray[np.float64] = np.nan_to_num(np.corrcoef(smooth + 1e-9 * np.arange(smooth.shape[1])), nan=0.0)
    return meet


def _strange(meet: NDArray[np.float64], above: slice, below: slice) -> bool:
    """Whether lines agree among themselves on both sides of a gap, and not across it."""

    def within(part: slice) -> float:
        own = meet[part, part]
        return float(np.median(own[~np.eye(len(own), dtype=bool)]))

    least = min(within(above), within(slice(below.start, min(below.stop, below.start + _FEWEST))))
    return least > _MEET and float(np.median(meet[above, below])) < _APART * least


def _emptiest(share: Float, above: float, below: float) -> int:
    """Middle of the emptiest pixel rows between two lines."""
    low, high = round(above), max(round(above) + 1, round(below))
    ink = (share[low:high] >= 0.5).sum(axis=1)
    empty = np.flatnonzero(ink <= ink.min())
    runs = np.split(empty, np.flatnonzero(np.diff(empty) > 1) + 1)
    longest = max(runs, key=len)
    return low + int(longest[longest.size // 2])
