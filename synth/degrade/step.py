"""A step of damage, and how it enters a page's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synth.page import SynthPage, printed_record

__all__ = ["Step", "hide", "hide_where", "logged", "photometric"]

#: Name and parameters of one damage, plain numbers only.
Step = Mapping[str, Any]


def photometric(page: SynthPage, image: NDArray[np.uint8], step: Step) -> SynthPage:
    """Page with another picture of the same geometry, and the step in its log."""
    return logged(replace(page, page=replace(page.page, image=image)), step)


def logged(page: SynthPage, step: Step) -> SynthPage:
    """Page with one more step in its log."""
    return replace(page, steps=(*page.steps, dict(step)))


def hide(page: SynthPage, polygon: ArrayLike) -> SynthPage:
    """Page on which nothing can be read within a polygon: a hole, a label, a torn-off corner.

    Parameters
    ----------
    page : SynthPage
    polygon : array-like [n, 2]
        Corners (x, y) in pixels of the picture.

    Returns
    -------
    SynthPage
        The mask is 0 there and the traces' centre lines NaN (in y), and so is the record where no other trace shows
        it. Picture and log are left to the caller.
    """
    import cv2

    corners = np.asarray(polygon, np.float64)
    masks = page.masks.copy()
    # Corners to 1/16 px: cv2 takes whole numbers and a shift.
    cv2.fillPoly(masks, [np.rint(corners * 16).astype(np.int32)], 0, lineType=cv2.LINE_8, shift=4)
    return hide_where(replace(page, masks=masks), lambda x, y: _within(x, y, corners))


def hide_where(
    page: SynthPage, hidden: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
) -> SynthPage:
    """Page without the centre lines, and the record, of the samples whose place is hidden.

    Parameters
    ----------
    page : SynthPage
        Its mask and picture are left to the caller.
    hidden : callable
        Arrays x, y [points] in pixels of the picture to whether each is hidden.

    Returns
    -------
    SynthPage
    """
    traces = tuple(
        replace(trace, y=np.where(hidden(trace.x, trace.y), np.nan, trace.y)) if trace.x.size else trace
        for trace in page.traces
    )
    size = (page.page.width, page.page.height)
    return replace(page, traces=traces, record=printed_record(page.record, traces, size, page.record.duration_s))


def _within(x: NDArray[np.float64], y: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points lie in a polygon: a ray to the right crosses its sides an odd number of times."""
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside
