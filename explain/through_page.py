"""An explanation drawn back on the photograph, over the ink that caused it.

The digitizer keeps where on the upright page each trace was read (`LeadTrace`), which seconds its box shows, and how
the upright page lies in the picture as it came (a homography, or the whole map of a curled sheet). The same way back,
each sample of attribution finds its pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from digitize.result import Digitization, LeadTrace
from ecg.errors import OptionsError
from explain.colours import normalised, tinted
from explain.result import Explanation

__all__ = ["draw_on_page", "on_picture", "page_heat"]

Float = NDArray[np.float64]

#: Width of the band around the trace in millimetres of paper: a small square and a half, so that its ink stays in
#: sight.
_BAND_MM = 3.0
#: The band is drawn at 1/16 px: 4 fractional bits of cv2.
_SHIFT = 4


def on_picture(reading: Digitization, points: Float) -> Float:
    """Where points of the upright page lie in the picture as it came.

    Parameters
    ----------
    reading : Digitization
    points : float array [n, 2]
        (x, y) in pixels of the upright page.

    Returns
    -------
    float array [n, 2]
    """
    if reading.flattening is not None:
        from digitize.dewarp import picture_points

        return picture_points(reading.flattening, points)
    if reading.homography is None:
        return points
    back = np.linalg.inv(reading.homography)
    moved = np.column_stack([points, np.ones(len(points))]) @ back.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def trace_values(reading: Digitization, trace: LeadTrace, explanation: Explanation) -> tuple[Float, Float]:
    """Points of a trace on the picture, and the attribution of each.

    Parameters
    ----------
    reading : Digitization
        With a scale.
    trace : LeadTrace
    explanation : Explanation

    Returns
    -------
    points : float array [n, 2]
    values : float array [n]
        NaN where the trace was not read.
    """
    if reading.scale is None:
        raise OptionsError("an explanation is drawn on a page that was read; this one has no scale")
    seconds = trace.box.start_s + (trace.x - trace.box.xyxy[0]) / reading.scale.px_per_s
    row = explanation.values[explanation.leads.index(trace.box.lead)]
    at = np.rint(seconds * explanation.fs).astype(int)
    inside = (at >= 0) & (at < row.size) & np.isfinite(trace.y)
    values = np.where(inside, row[at.clip(0, row.size - 1)], np.nan)
    # Where nothing was read the line is bridged for the geometry alone; its value stays NaN.
    y = np.where(np.isfinite(trace.y), trace.y, trace.baseline_px)
    return on_picture(reading, np.column_stack([trace.x, y])), values


def page_heat(reading: Digitization, explanation: Explanation) -> NDArray[np.float32]:
    """Attribution at every pixel of the picture as it came.

    Parameters
    ----------
    reading : Digitization
    explanation : Explanation
        Of the record that was read from it.

    Returns
    -------
    float32 array [height, width]
        −1 to 1, 0 away from the traces.
    """
    import cv2

    heat = np.zeros(reading.page.image.shape[:2], dtype=np.float32)
    traces = [trace for trace in reading.traces if trace.box.lead in explanation.leads]
    found = [trace_values(reading, trace, explanation) for trace in traces]
    if not found:
        return heat
    levels = normalised(np.concatenate([np.nan_to_num(values) for _, values in found]))
    start = 0
    for trace, (points, values) in zip(traces, found, strict=True):
        level = levels[start : start + len(values)]
        start += len(values)
        width = max(2, round(_BAND_MM * _px_per_mm(reading, trace, points)))
        for segment, value in _segments(points, np.where(np.isfinite(values), level, np.nan)):
            fixed = np.rint(segment * 2**_SHIFT).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(heat, [fixed], False, float(value), width, cv2.LINE_8, _SHIFT)
    return heat


def _px_per_mm(reading: Digitization, trace: LeadTrace, points: Float) -> float:
    """Pixels of the picture a millimetre of paper, along a trace."""
    if reading.scale is None or len(points) < 2:
        return 1.0
    upright = float(trace.x[-1] - trace.x[0])
    return reading.scale.px_per_mm_x * float(np.linalg.norm(points[-1] - points[0])) / max(upright, 1.0)


def _segments(points: Float, values: Float) -> Iterator[tuple[Float, float]]:
    """Short pieces of a line, faint ones first, so that what weighs most lies on top."""
    steps = np.flatnonzero(np.isfinite(values[:-1]) & np.isfinite(values[1:]))
    middle = 0.5 * (values[:-1] + values[1:])
    for k in steps[np.argsort(np.abs(middle[steps]), kind="stable")]:
        yield points[k : k + 2], float(middle[k])


def draw_on_page(reading: Digitization, explanation: Explanation) -> NDArray[np.uint8]:
    """Draw an explanation over the page as it came.

    Parameters
    ----------
    reading : Digitization
    explanation : Explanation

    Returns
    -------
    uint8 array [height, width, 3]
        RGB; orange speaks for the target, blue against it.
    """
    import cv2

    heat = page_heat(reading, explanation)
    # The band's edge is softened over its own width, so that it is not taken for ink.
    soft = cv2.GaussianBlur(heat, (0, 0), max(1.0, heat.shape[1] / 1500))
    return tinted(reading.page.image, soft)
