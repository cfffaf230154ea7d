"""What a page shows of its structure: its lines of trace, where they begin and end, and the words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digitize.pulse import Pulse
from digitize.segment import bridged
from digitize.text import NameHit
from digitize.trace import Row, background_level, retrace_all
from ecg.errors import DigitizationError

__all__ = ["Frame", "find_frame", "widened"]

Float = NDArray[np.float32]

#: Share of ink that a dark grid may leave beside the lines: above the first its level is taken off, above the second
#: nothing of the pen stands out from it.
_RESIDUE, _HOPELESS = 0.15, 0.9
#: Longest gap between the dashes of a separator, in mm.
_DASH_GAP_MM = 1.1


@dataclass(frozen=True, eq=False)
class Frame:
    """What a page shows of its structure, in pixels.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink.
    rows : tuple of Row
        Lines of trace from top to bottom.
    start_px, stop_px : float
        Where the traces begin and end.
    px_per_mm : float
    names : tuple of NameHit
        Printed lead names, in page pixels.
    rules : tuple of float
        Columns of long vertical rules.
    edge_px : float or None
        Column of the pulses' right edge where the traces hang on it.
    line : uint8 array [height, width] or None
        Index of the line that drew each pixel, `digitize.owner.NOBODY` for letters and scribbles; None where that is
        not known.
    """

    share: Float
    rows: tuple[Row, ...]
    start_px: float
    stop_px: float
    px_per_mm: float
    names: tuple[NameHit, ...]
    rules: tuple[float, ...]
    edge_px: float | None = None
    line: NDArray[np.uint8] | None = None

    @cached_property
    def bars(self) -> NDArray[np.bool_]:
        """Columns in which lines carry an upright bar, [lines, width]: ink above and below their level alike."""
        width = self.share.shape[1]
        beside = [self.beside(index, 0, width) for index in range(len(self.rows))]
        full = np.array([[(part >= 0.5).mean(axis=0) > 0.9 for part in parts] for parts in beside])
        return np.asarray(full.all(axis=1))

    def beside(self, index: int, first: int, last: int) -> tuple[Float, Float]:
        """Ink 1 to 2.8 mm above and below the level of a line, dashes joined.

        Parameters
        ----------
        index : int
            Line.
        first, last : int
            First column and the one behind the last.

        Returns
        -------
        above, below : float32 array [rows, columns]
        """
        import cv2

        mm, height = self.px_per_mm, self.share.shape[0]
        level = int(self.rows[index].level_px)  # separators are centred on it, not on the beat that passes there
        gap = np.ones((round(_DASH_GAP_MM * mm) + 1, 1), np.uint8)
        parts = []
        for low, high in ((level - round(2.8 * mm), level - round(mm)), (level + round(mm), level + round(2.8 * mm))):
            low, high = min(max(0, low), height - 1), max(1, min(height, high))
            wide = self.share[max(0, low - gap.size) : high + gap.size, first:last]
            joined = cv2.morphologyEx(np.ascontiguousarray(wide), cv2.MORPH_CLOSE, gap) if wide.size else wide
            parts.append(joined[low - max(0, low - gap.size) :][: high - low])
        return parts[0], parts[1]


def find_frame(
    share: Float,
    rows: tuple[Row, ...],
    pulses: Sequence[Pulse],
    names: tuple[NameHit, ...],
    rules: tuple[float, ...],
    px_per_mm: float,
    line: NDArray[np.uint8] | None,
) -> Frame:
    """Find where traces begin and end: behind the pulses at the left, before those at the right.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 1 at the heart of the pen.
    rows : tuple of Row
        Lines of trace from top to bottom, at least one.
    pulses : sequence of Pulse
    names : tuple of NameHit
        Printed words, in page pixels.
    rules : tuple of float
        Columns of long vertical rules.
    px_per_mm : float
        Along time.
    line : uint8 array [height, width] or None
        Index of the line that drew each pixel; None where that is not known.

    Returns
    -------
    Frame

    Raises
    ------
    DigitizationError
        If the paper beside the lines is as dark as they are.
    """
    start_px, stop_px, edge_px = _ends(share, rows, pulses, px_per_mm)
    first, last = round(start_px), min(share.shape[1], round(stop_px) + 1)
    residue = background_level(rows, share, px_per_mm, first, last)
    if residue > _HOPELESS:
        raise DigitizationError(
            "trace", "the paper beside the lines is as dark as they are", "scan it with more light or in colour"
        )
    if residue > _RESIDUE:
        # What a dark grid leaves is no ink: the pen's own share starts above it.
        share = np.clip((share - residue) / (1 - residue), 0, 1).astype(np.float32)
    if line is None:
        # With the ends known, each path is searched once more between them: a pulse may have led it astray.
        rows = retrace_all(rows, bridged(share, px_per_mm), px_per_mm, first, last)
    else:
        rows = tuple(replace(r, start_px=first, stop_px=last) for r in rows)
    return Frame(share, rows, start_px, stop_px, px_per_mm, names, rules, edge_px, line)


def widened(frame: Frame, bounds_px: Sequence[float]) -> Frame:
    """Frame whose lines reach as far as the columns of the layout do.

    Parameters
    ----------
    frame : Frame
    bounds_px : sequence of float
        Left edges of the columns and the right edge of the last; on a cropped page they may lie off it.

    Returns
    -------
    Frame
    """
    start_px = min(frame.start_px, max(0.0, bounds_px[0]))
    stop_px = max(frame.stop_px, min(float(frame.share.shape[1]), bounds_px[-1]))
    if (start_px, stop_px) == (frame.start_px, frame.stop_px):
        return frame
    first, last = round(start_px), min(frame.share.shape[1], round(stop_px) + 1)
    rows = tuple(replace(r, start_px=min(r.start_px, first), stop_px=max(r.stop_px, last)) for r in frame.rows)
    return replace(frame, rows=rows, start_px=start_px, stop_px=stop_px)


def _ends(
    share: Float, rows: tuple[Row, ...], pulses: Sequence[Pulse], px_per_mm: float
) -> tuple[float, float, float | None]:
    """Columns where the lines start and stop, and that of the pulses' edge where they hang on it."""
    middle = np.median([(r.start_px + r.stop_px) / 2 for r in rows])
    left = [p.right_px for p in pulses if p.right_px < middle]
    right = [p.left_px for p in pulses if p.left_px > middle]
    starts, stops = [], []
    for row in rows:
        start, stop = row.start_px, row.stop_px
        on_ink = share[row.y, np.arange(row.y.size)] >= 0.4
        if left:
            edge = np.median(left) + _foot(share, pulses, middle, px_per_mm)
            start = _behind_pulse(on_ink, round(edge), px_per_mm) or start
        if right:
            before = np.flatnonzero(on_ink[: round(np.median(right) - px_per_mm)])
            stop = min(stop, int(before[-1]) + 1) if before.size else stop
        starts.append(float(start))
        stops.append(float(stop))
    # A line that broke off early, at a beat over faint paper, is still as long as the others: a third of them decide.
    third = (len(rows) - 1) // 3
    start_px = sorted(starts)[third]
    edge_px = None
    if left and abs(start_px - np.median(left)) < px_per_mm:
        start_px = edge_px = float(np.median(left))  # the trace hangs on the pulse's edge
    stop_px = sorted(stops, reverse=True)[third]
    return start_px, stop_px, edge_px


def _foot(share: Float, pulses: Sequence[Pulse], middle: float, px_per_mm: float) -> float:
    """Length of the level foot before a page's pulses, in pixels; a pulse has the same behind it."""
    lengths = []
    for p in pulses:
        if p.right_px > middle:
            continue
        y, x = round(p.base_px), round(p.left_px)
        first = max(0, x - round(6 * px_per_mm))
        bare = np.asarray((share[max(0, y - 1) : y + 2, first:x] < 0.5).all(axis=0))
        # The edge itself is half a pen; a foot is longer than that.
        lengths.append(float(bare[::-1].argmax()) if bare.any() else 0.0)
    foot = float(np.median(lengths)) if lengths else 0.0
    return foot if 0.6 * px_per_mm < foot < 5 * px_per_mm else 0.0


def _behind_pulse(on_ink: NDArray[np.bool_], edge: int, px_per_mm: float) -> int | None:
    """First column of trace behind a pulse's right edge; a foot of the pulse, cut off by a gap, does not count."""
    columns = edge + np.flatnonzero(on_ink[edge : edge + round(20 * px_per_mm)])
    if columns.size == 0:
        return None
    gaps = np.flatnonzero(np.diff(columns) > 1.0 * px_per_mm)
    # A foot is up to 4 mm long and starts at the edge.
    if gaps.size and columns[gaps[0]] - edge < 4 * px_per_mm:
        return int(columns[gaps[0] + 1])
    return int(columns[0])
