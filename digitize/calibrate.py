"""From lines on a page to millivolts and seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitize.result import LeadTrace
from ecg import LEADS, ECGRecord, PaperScale

__all__ = ["to_record"]


def to_record(traces: Sequence[LeadTrace], scale: PaperScale, *, fs: float = 500.0) -> ECGRecord:
    """Put traced lines on one clock, in millivolts.

    Each line is interpolated linearly between its points; where a point is missing (NaN) or outside the lead's box, so
    are the samples beside it. A lead printed twice keeps the longer trace; ``-aVR`` is stored as aVR.

    Parameters
    ----------
    traces : sequence of LeadTrace
        Pixel positions; a box's left edge stands at its ``start_s``.
    scale : PaperScale
        Pixels per second and per millivolt.
    fs : float
        Sampling rate of the record in Hz.

    Returns
    -------
    ECGRecord
        I to V6 in standard order, then any extra leads; NaN where nothing was read.
    """
    stop_s = max((t.box.stop_s for t in traces), default=1.0 / fs)
    n = max(1, round(stop_s * fs))
    rows: dict[str, NDArray[np.float32]] = {}
    for trace in traces:
        lead, sign = (trace.box.lead[1:], -1.0) if trace.box.lead.startswith("-") else (trace.box.lead, 1.0)
        row = (sign * _on_clock(trace, scale, fs, n)).astype(np.float32)
        if lead not in rows or np.isfinite(row).sum() > np.isfinite(rows[lead]).sum():
            rows[lead] = row
    leads = LEADS + tuple(lead for lead in rows if lead not in LEADS)
    missing = np.full(n, np.nan, dtype=np.float32)
    return ECGRecord(np.stack([rows.get(lead, missing) for lead in leads]), fs, leads, {"units": "mV"})


def _on_clock(trace: LeadTrace, scale: PaperScale, fs: float, n: int) -> NDArray[np.float64]:
    out = np.full(n, np.nan)
    box = trace.box
    t = box.start_s + (trace.x - box.xyxy[0]) / scale.px_per_s
    mv = (trace.baseline_px - trace.y) / scale.px_per_mv
    present = np.isfinite(mv)
    if present.sum() < 2:
        return out
    # Half a sample of tolerance: a box's edges are seldom whole samples.
    first = max(0, int(np.ceil(box.start_s * fs - 0.5)))
    stop = min(n, int(np.ceil(box.stop_s * fs - 0.5)))
    at = np.arange(first, stop) / fs
    values = np.interp(at, t[present], mv[present], left=np.nan, right=np.nan)
    # A sample is present when both points around it are: interpolate presence and ask for all of it.
    solid = np.interp(at, t, present.astype(float), left=0.0, right=0.0) > 1 - 1e-9
    # Hold the end points half a pen step beyond the outermost points, where rounding would lose one sample.
    ends = (at >= t[present][0] - 0.5 / fs) & (at <= t[present][-1] + 0.5 / fs) & ~np.isfinite(values)
    values[ends] = np.where(at[ends] < t[present][0], mv[present][0], mv[present][-1])
    out[first:stop] = np.where(solid | ends, values, np.nan)
    return out
