"""When each column of a vector page was recorded: told by the rhythm strip where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.vector.layout import Arrangement, Segment
from ecg import PaperScale

__all__ = ["ColumnTiming", "column_timing", "strip_lead"]

#: Clock on which columns are compared with the strip, in Hz: the project's rate for signals.
_FS = 500.0
#: The slope is smoothed over this long (s): half a QRS, so that leads whose peaks differ by some ms still agree.
_SMOOTH_S = 0.04
#: Consecutive and simultaneous must differ by this much in correlation for the strip to have told which is right;
#: a regular rhythm whose period divides the column's length suits both.
_LEAST_MARGIN = 0.1
#: Least correlation of the better one: activity of one heart in two leads agrees far better than this.
_LEAST_MATCH = 0.4
#: Two prints of one lead at one time are the same line.
_SAME_LEAD_R = 0.98


@dataclass(frozen=True)
class ColumnTiming:
    """Start of every column in seconds from the left edge of the first one.

    Parameters
    ----------
    start_s : tuple of float
    how : str
        ``"measured"`` on the strip or ``"assumed"`` consecutive.
    order : str
        ``"consecutive"`` or ``"simultaneous"``.
    match, other : float
        Correlation of the columns' activity with the strip's as taken, and in the other order; NaN without a strip.
    """

    start_s: tuple[float, ...]
    how: str
    order: str
    match: float = float("nan")
    other: float = float("nan")


def column_timing(arrangement: Arrangement, scale: PaperScale) -> ColumnTiming:
    """Decide whether columns follow each other, and when each starts.

    The activity of a column (mean absolute slope over its leads) is correlated with that of the strip at the place
    where the column stands on the paper, at its nominal start (a whole number of half seconds a column, as devices
    cut them), and at the strip's start, which is right if all columns show the same seconds. Devices may print a
    column a sample or two short, so that paper and clock drift apart by tens of ms; the strip then tells.

    Parameters
    ----------
    arrangement : Arrangement
        Segments in points.
    scale : PaperScale
        In points per millimetre.
    """
    columns = [
        [s for s in arrangement.segments if s.column == c and not s.strip] for c in range(_n_columns(arrangement))
    ]
    left = min((float(s.points[0, 0]) for s in arrangement.segments), default=0.0)
    printed = tuple(
        (min(float(s.points[0, 0]) for s in c) - left) / scale.px_per_s if c else float("nan") for c in columns
    )
    strips = [s for s in arrangement.segments if s.strip]
    if len(columns) < 2:
        return ColumnTiming(printed, "assumed" if not strips else "measured", "consecutive")
    nominal = _nominal(printed)
    if not strips:
        return ColumnTiming(printed, "assumed", "consecutive")
    strip = _activity(strips, scale)
    lead_in = (min(float(s.points[0, 0]) for s in strips) - left) / scale.px_per_s
    activity = [_activity(c, scale) for c in columns]
    scores = {
        name: _match(activity, strip, [start - lead_in for start in starts])
        for name, starts in (("printed", printed), ("nominal", nominal), ("simultaneous", (0.0,) * len(columns)))
    }
    follow = max(scores["printed"], scores["nominal"])
    if scores["simultaneous"] > follow + _LEAST_MARGIN and scores["simultaneous"] > _LEAST_MATCH:
        return ColumnTiming((0.0,) * len(columns), "measured", "simultaneous", scores["simultaneous"], follow)
    starts = nominal if scores["nominal"] > scores["printed"] else printed
    clear = follow > scores["simultaneous"] + _LEAST_MARGIN and follow > _LEAST_MATCH
    return ColumnTiming(starts, "measured" if clear else "assumed", "consecutive", follow, scores["simultaneous"])


def _n_columns(arrangement: Arrangement) -> int:
    return arrangement.layout.shape[1]


def _nominal(printed: Sequence[float]) -> tuple[float, ...]:
    """Put starts on whole half seconds a column where the printed ones are within 2 % of that."""
    steps = [start / number for number, start in enumerate(printed) if number and np.isfinite(start)]
    step = float(np.median(steps)) if steps else 0.0
    whole = round(2 * step) / 2
    if whole <= 0 or abs(step / whole - 1) > 0.02:
        return tuple(printed)
    return tuple(number * whole for number in range(len(printed)))


def _signal(segment: Segment, scale: PaperScale) -> NDArray[np.float64]:
    """Height in millimetres on the clock, from the segment's first vertex on; gaps bridged."""
    points = segment.points[np.isfinite(segment.points[:, 1])]
    t = (points[:, 0] - points[0, 0]) / scale.px_per_s
    clock = np.arange(0.0, t[-1] + 1e-9, 1.0 / _FS)
    return -np.interp(clock, t, points[:, 1]) / scale.px_per_mm_y


def _activity(segments: Sequence[Segment], scale: PaperScale) -> NDArray[np.float64]:
    signals = [_signal(s, scale) for s in segments]
    if not signals:
        return np.zeros(0)
    n = min(len(s) for s in signals)
    slope = np.mean([np.abs(np.gradient(s[:n])) for s in signals], axis=0) if n > 1 else np.zeros(n)
    width = round(_SMOOTH_S * _FS)
    smooth: NDArray[np.float64] = np.convolve(slope, np.ones(width) / width, mode="same")
    return smooth


def _match(activity: Sequence[NDArray[np.float64]], strip: NDArray[np.float64], starts: Sequence[float]) -> float:
    """Mean correlation of the columns after the first with the strip at their starts."""
    found = []
    for column, start in list(zip(activity, starts, strict=True))[1:]:
        if not np.isfinite(start):
            continue
        window = strip[max(0, round(start * _FS)) :][: len(column)]
        found.append(_correlation(column[: len(window)], window))
    return float(np.mean(found)) if found else 0.0


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    # Under half a second there is no beat to compare.
    if len(a) < 0.5 * _FS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def strip_lead(
    strip: Segment, arrangement: Arrangement, timing: ColumnTiming, scale: PaperScale
) -> tuple[str, float] | None:
    """Lead whose short segment is the same line as the strip at the same time, and its correlation.

    Parameters
    ----------
    strip : Segment
    arrangement : Arrangement
    timing : ColumnTiming
    scale : PaperScale
        In points per millimetre.

    Returns
    -------
    tuple or None
        None where no lead, or more than one, agrees.
    """
    whole = _signal(strip, scale)
    best: list[tuple[float, str]] = []
    for segment in arrangement.segments:
        start = timing.start_s[segment.column]
        if segment.strip or not np.isfinite(start):
            continue
        short = _signal(segment, scale)
        window = whole[round(start * _FS) :][: len(short)]
        r = _correlation(short[: len(window)], window)
        spread = np.std(short) / max(float(np.std(window)), 1e-9) if len(window) else 0.0
        if r >= _SAME_LEAD_R and 0.8 < spread < 1.25:  # same shape and same height
            best.append((r, segment.lead))
    best.sort(reverse=True)
    # Neighbouring chest leads may look alike: the strip's own lead is an order of magnitude nearer to 1.
    if not best or (len(best) > 1 and 1 - best[0][0] > 0.3 * (1 - best[1][0])):
        return None
    return best[0][1], best[0][0]
