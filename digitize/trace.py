"""Lines of trace: found from left to right as cheapest paths through the ink, one row of the page after another.

Moving along ink is free, moving up or down inside ink nearly so, and crossing paper costs: so a path climbs a QRS,
jumps a broken stroke, and does not stray into the row above. Each path then takes the whole run of ink that it meets in
every column, which is what the pen covered there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.cheapest_path import COVERED, cheapest_path

__all__ = ["Row", "attach_runs", "background_level", "find_rows", "heart", "retrace", "retrace_all", "runs_at"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]

#: Cost of moving one pixel up or down in ink and on paper, one column of bare paper being 1. A 15 mm QRS is climbed and
#: descended for 0.3 mm of paper, so it is followed rather than skipped; a leap over paper to a row 30 mm away costs 75.
_CLIMB_IN_INK = 0.01
_CLIMB_ON_PAPER = 2.5

#: Beyond this distance from its row's level a path pays for every millimetre of time, by distance: beats leave the
#: level for a moment only, a path that has strayed into another row stays there. 8 mm is more than baselines wander.
_FREE_MM = 8.0
_STRAY_PER_MM = 0.004

#: Half the height of the band in which a row is searched: 4 mV at 10 mm/mV.
_REACH_MM = 40.0


@dataclass(frozen=True, eq=False)
class Row:
    """One line of trace across the page.

    Parameters
    ----------
    y : int array [width]
        Row of the path in every column.
    start_px, stop_px : int
        First column with ink and the column behind the last.
    level_px : float
        Median row of the path between them.
    darkness : float
        Median share of ink along it.
    """

    y: Int
    start_px: int
    stop_px: int
    level_px: float
    darkness: float


def find_rows(share: Float, px_per_mm: float, *, most: int = 16) -> tuple[tuple[Row, ...], float]:
    """Find the lines of trace on a page.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink from `digitize.segment.ink_map`.
    px_per_mm : float
        Scale, to within a factor of 1.5.
    most : int
        Most rows looked for; twelve leads one below the other and three strips are 15.

    Returns
    -------
    rows : tuple of Row
        From top to bottom; empty if nothing on the page runs like a trace.
    level : float
        Share of ink at the heart of the trace: 1 where the pen is wider than a pixel, less where it is finer than that
        or fainter than the page's text. Divide by it before asking what the trace covers.
    """
    # Text and separators set the ink's level; a finer or fainter pen runs further at a lower one.
    best: tuple[float, float, tuple[Row, ...]] = (0.0, 1.0, ())
    for level in (1.0, 0.6, 0.35):
        scaled = share if level == 1.0 else np.minimum(share / level, 1).astype(np.float32)
        rows = _search(scaled, px_per_mm, most)
        length = float(sum(r.stop_px - r.start_px for r in rows))
        if length > 1.2 * best[0]:
            best = (length, level, rows)
        if (
            len(rows) >= 3
            and length > 0.75 * len(rows) * max(r.stop_px - r.start_px for r in rows) > 0.5 * len(rows) * share.shape[1]
        ):
            break
    _, level, rows = best
    if not rows:
        return (), 1.0
    scaled = np.minimum(share / level, 1).astype(np.float32)
    at_heart = level * float(np.median([heart(scaled, r) for r in rows]))
    return rows, float(np.clip(at_heart, 0.1, 1))


def heart(share: Float, row: Row) -> float:
    """Median over columns of the darkest pixel within one of a row's path."""
    x = np.arange(row.start_px, row.stop_px)
    rows = (row.y[x][None] + np.array([-1, 0, 1])[:, None]).clip(0, share.shape[0] - 1)
    return float(np.median(share[rows, x[None]].max(axis=0)))


def _search(share: Float, px_per_mm: float, most: int) -> tuple[Row, ...]:
    import cv2

    # 4 px/mm are enough to tell rows apart and make the search four times cheaper at 200 dpi.
    step = max(1, int(px_per_mm / 3.5))
    h, w = (n // step for n in share.shape)
    small = share[: h * step, : w * step].reshape(h, step, w, step).max(axis=(1, 3)) if step > 1 else share
    small = np.array(small, dtype=np.float32, order="C")
    mm = px_per_mm / step
    cv2.rectangle(small, (0, 0), (w - 1, h - 1), 0, max(1, round(mm)))  # scanners leave a black rim
    rows: list[Row] = []
    failures = 0
    level = np.zeros(h, np.float32)
    for _ in range(most + 6):
        path = cheapest_path(np.ascontiguousarray(small.T), level, _CLIMB_IN_INK, _CLIMB_ON_PAPER)
        row = _as_row(path, small, mm)
        _erase(small, path, row, mm)
        if row is not None:
            rows.append(row)
        elif (failures := failures + 1) > 3:
            break
    longest = max((r.stop_px - r.start_px for r in rows), default=0)
    darkest = max((r.darkness for r in rows), default=0)
    # Rows left over from a grid are half as dark as the pen at most.
    rows = [r for r in rows if r.stop_px - r.start_px > 0.35 * longest and r.darkness > 0.6 * darkest]
    rows.sort(key=lambda r: r.level_px)
    rows = _of_one_length(rows[:most])
    found = [_at_full_size(r, share, step, px_per_mm) for r in rows]
    # Two paths of one line: searched again without the other's ink erased, both fall on it.
    found = [r for k, r in enumerate(found) if k == 0 or r.level_px - found[k - 1].level_px > 2 * px_per_mm]
    return tuple(sorted(found + _in_gaps(found, share, px_per_mm), key=lambda r: r.level_px))


def _in_gaps(rows: list[Row], share: Float, px_per_mm: float) -> list[Row]:
    """Lines that went with their neighbours' beats when those were taken away: sought where one is missing in a row."""
    levels = np.array([r.level_px for r in rows])
    if levels.size < 4:
        return []
    spacing = float(np.median(np.diff(levels)))
    found = []
    for k in np.flatnonzero(np.abs(np.diff(levels) / spacing - 2) < 0.3):
        guess = replace(rows[k], level_px=float(levels[k] + levels[k + 1]) / 2)
        # Half a spacing of room: far enough for its level to be off, too little to be a neighbour.
        low, high = round(guess.level_px - spacing / 2), round(guess.level_px + spacing / 2)
        alone = np.zeros_like(share)
        alone[low:high] = share[low:high]
        row = _as_row(retrace(guess, alone, px_per_mm, guess.start_px, guess.stop_px).y, alone, px_per_mm)
        found += [] if row is None else [replace(row, start_px=guess.start_px, stop_px=guess.stop_px)]
    return found


def _of_one_length(rows: list[Row]) -> list[Row]:
    """Lengthen lines that broke off early, at a beat over faint paper: where a third begin or end, all do."""
    if not rows:
        return rows
    third = (len(rows) - 1) // 3
    start = sorted(r.start_px for r in rows)[third]
    stop = sorted((r.stop_px for r in rows), reverse=True)[third]
    return [replace(r, start_px=min(r.start_px, start), stop_px=max(r.stop_px, stop)) for r in rows]


def _as_row(path: Int, share: Float, mm: float) -> Row | None:
    """Judge a path: a trace runs on ink for at least 30 mm, and is no ruled line."""
    on_ink = share[path, np.arange(path.size)] >= 0.8 * COVERED
    # Longest stretch that is mostly ink: the largest sum of +0.25 on ink, -0.75 beside it.
    gain = np.concatenate([[0.0], np.cumsum(on_ink - 0.75)])
    low = np.minimum.accumulate(gain)
    stop = int(np.argmax(gain - low))
    start = int(np.flatnonzero(gain[: stop + 1] == low[stop])[-1])
    if stop - start < 30 * mm or on_ink[start:stop].mean() < 0.85:
        return None
    y = path[start:stop]
    # A printed rule stays within 0.3 mm of a straight line; no trace with a heart beat does.
    slope = np.polyval(np.polyfit(np.arange(y.size), y, 1), np.arange(y.size))
    if np.percentile(np.abs(y - slope), 98) < 0.3 * mm + 0.5 and not _has_spikes(share, path, start, stop, mm):
        return None
    if _is_text(share, path, start, stop, mm):
        return None
    return Row(path, start, stop, float(np.median(y)), float(np.median(share[y, np.arange(start, stop)])))


def _is_text(share: Float, path: Int, start: int, stop: int, mm: float) -> bool:
    """Whether a path runs through letters: runs of ink taller than any pen, and all of one height."""
    top, bottom, found = attach_runs(share, path)
    height = (bottom - top + 1)[start:stop][found[start:stop]]
    typical = float(np.median(height))
    return typical > 0.9 * mm and float(np.percentile(height, 98)) < 3 * typical


def _has_spikes(share: Float, path: Int, start: int, stop: int, mm: float) -> bool:
    """Whether ink stands out from a path by 2 mm in at least three places: beats on a flat line."""
    ink = share >= COVERED
    reach = np.zeros(path.size, bool)
    for sign in (-1, 1):
        rows = (path[None] + sign * np.arange(1, max(2, round(2 * mm)))[:, None]).clip(0, share.shape[0] - 1)
        reach |= ink[rows, np.arange(path.size)[None]].mean(axis=0) > 0.9
    return int((np.diff(reach[start:stop].astype(int)) == 1).sum()) >= 3


def _erase(share: Float, path: Int, row: Row | None, mm: float) -> None:
    """Take a path's ink away: the runs that it meets and a millimetre around."""
    top, bottom, _ = attach_runs(share, path)
    margin = max(1, round(mm))
    first, last = (0, path.size) if row is None else (row.start_px, row.stop_px)
    for x in range(first, last):
        share[max(0, top[x] - margin) : bottom[x] + margin + 1, x] = 0
    if row is not None:  # what the path touches outside its stretch is text or a pulse's foot: only a thin line of it
        for x in (*range(first), *range(last, path.size)):
            share[max(0, path[x] - margin) : path[x] + margin + 1, x] = 0


def attach_runs(share: Float, path: Int) -> tuple[Int, Int, NDArray[np.bool_]]:
    """Run of ink that a path meets in each column.

    Parameters
    ----------
    share : float32 array [height, width]
    path : int array [width]

    Returns
    -------
    top, bottom : int array [width]
        First and last covered row; the path's own row twice where there is none.
    found : bool array [width]
        Whether ink was met within two pixels of the path.
    """
    if not share.flags.f_contiguous:  # laid out column by column it is read as fast as it comes
        share = np.ascontiguousarray(share)
    top, bottom, found = runs_at(share, path, np.float32(COVERED))
    return top, bottom, found


@njit(cache=True)  # type: ignore[untyped-decorator]
def runs_at(share: Float, path: Int, covered: float) -> tuple[Int, Int, NDArray[np.bool_]]:
    """Do what `attach_runs` does, for other compiled loops; ``covered`` is the share of ink that ends a run."""
    h, w = share.shape
    top = path.copy()
    bottom = path.copy()
    found = np.zeros(w, np.bool_)
    for x in range(w):
        y = path[x]
        best = -1
        level = 0.6 * covered
        for d in range(-2, 3):
            if 0 <= y + d < h and share[y + d, x] > level:
                level = share[y + d, x]
                best = y + d
        if best < 0:
            continue
        found[x] = True
        # A faint stroke never reaches half: its run ends at half its own darkest pixel.
        edge = min(covered, 0.5 * level) if level < covered else covered
        a = best
        while a > 0 and share[a - 1, x] >= edge:
            a -= 1
        b = best
        while b < h - 1 and share[b + 1, x] >= edge:
            b += 1
        top[x] = a
        bottom[x] = b
    return top, bottom, found


def _at_full_size(row: Row, share: Float, step: int, px_per_mm: float) -> Row:
    """Search again at full resolution, held to the level that the path found on the reduced page."""
    level = row.level_px * step + step // 2
    start, stop = row.start_px * step, min(share.shape[1], row.stop_px * step)
    return retrace(replace(row, start_px=start, stop_px=stop, level_px=level), share, px_per_mm, 0, share.shape[1])


def retrace(row: Row, share: Float, px_per_mm: float, first: int, stop: int) -> Row:
    """Search a row's path again between two columns, held to its level.

    Parameters
    ----------
    row : Row
    share : float32 array [height, width]
    px_per_mm : float
    first, stop : int
        First column and the one behind the last; outside, the path keeps the row's level.

    Returns
    -------
    Row
    """
    reach = round(_REACH_MM * px_per_mm)
    low, high = max(0, int(row.level_px) - reach), min(share.shape[0], int(row.level_px) + reach + 1)
    away = np.abs(np.arange(low, high) - row.level_px) / px_per_mm - _FREE_MM
    stray = (_STRAY_PER_MM * away.clip(0)).astype(np.float32)
    path = np.full(share.shape[1], int(row.level_px), dtype=np.int64)
    columns = np.ascontiguousarray(share[low:high, first:stop].T)
    # Held to its level, a path may climb at a twentieth of the cost: nothing it could climb to is worth staying at.
    path[first:stop] = low + cheapest_path(columns, stray, 0.05 * _CLIMB_IN_INK, _CLIMB_ON_PAPER)
    a, b = max(first, row.start_px), min(stop, row.stop_px)
    return replace(row, y=path, start_px=a, stop_px=b, level_px=float(np.median(path[a:b])))


def retrace_all(rows: Sequence[Row], share: Float, px_per_mm: float, first: int, stop: int) -> tuple[Row, ...]:
    """Search every path again between two columns, no two of them along the same ink.

    Where two paths run together for more than 2 mm, one has strayed: the one that is further from its level is searched
    once more with the other's ink taken away.

    Parameters
    ----------
    rows : sequence of Row
        From top to bottom.
    share : float32 array [height, width]
    px_per_mm : float
    first, stop : int
        First column and the one behind the last.

    Returns
    -------
    tuple of Row
    """
    found = [retrace(replace(r, start_px=first, stop_px=stop), share, px_per_mm, first, stop) for r in rows]
    for k in range(len(found) - 1):
        together = np.abs(found[k].y - found[k + 1].y) < px_per_mm
        together[:first], together[stop:] = False, False
        # A beat of one line crosses another's within 2 mm of paper.
        long = np.convolve(together, np.ones(max(1, round(2 * px_per_mm))), "same") >= 0.95 * round(2 * px_per_mm)
        if not long.any():
            continue
        away = [float(np.abs(found[i].y[long] - rows[i].level_px).mean()) for i in (k, k + 1)]
        guest, host = (k, k + 1) if away[0] > away[1] else (k + 1, k)
        without = share.copy()
        for x in np.flatnonzero(long):
            y = found[host].y[x]
            without[max(0, y - round(px_per_mm)) : y + round(px_per_mm) + 1, x] = 0
        found[guest] = retrace(replace(rows[guest], start_px=first, stop_px=stop), without, px_per_mm, first, stop)
    return tuple(found)


def background_level(rows: Sequence[Row], share: Float, px_per_mm: float, first: int, stop: int) -> float:
    """Share of ink that paper and grid still show beside the lines: the residue of dark grids, and noise.

    Parameters
    ----------
    rows : sequence of Row
    share : float32 array [height, width]
    px_per_mm : float
    first, stop : int
        Columns between which the lines run.

    Returns
    -------
    float
        90th percentile between 3 and 8 mm from the lines; beats and letters take less than a tenth of that.
    """
    near, far = round(3 * px_per_mm), round(8 * px_per_mm)
    offsets = np.concatenate([np.arange(-far, -near, 3), np.arange(near, far, 3)])
    columns = np.arange(first, stop, 3)
    values = []
    for row in rows:
        at = (row.y[columns][None] + offsets[:, None]).clip(0, share.shape[0] - 1)
        values.append(share[at, columns[None]].ravel())
    return float(np.percentile(np.concatenate(values), 90)) if values else 0.0
