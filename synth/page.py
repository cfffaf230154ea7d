"""A synthetic page with its truth: what was drawn, where it stands now, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecg import ECGRecord, LeadBox, Page, PageLayout, PaperScale, RecordError
from synth.style import PageStyle

__all__ = ["SynthPage", "TextBox", "TraceLine", "move_points", "printed_record", "warp_page"]

#: Maps points [n, 2] to points [n, 2], in pixels.
PointMap = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class TraceLine:
    """The middle of one lead's ink.

    Parameters
    ----------
    lead : str
        Name as the layout has it; ``"-aVR"`` is aVR drawn upside down.
    row, column : int
        Place in the layout; strips follow the rows and have column 0.
    first : int
        Sample of the printed record at which the line starts; point ``k`` is sample ``first + k``.
    x, y : float64 array [points]
        Pixels on the page as it is now; NaN where the record is.
    baseline : float64 array [2, 2]
        Ends (x, y) of this lead's line of 0 mV.
    """

    lead: str
    row: int
    column: int
    first: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    baseline: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TextBox:
    """A printed word, a code, a calibration pulse or a separator.

    Parameters
    ----------
    role : str
        ``"lead"``, ``"pulse"``, ``"separator"`` (the line between two columns), ``"code"`` (QR or bar code), or for
        other lines of text ``"scale"``, ``"header"``, ``"footer"``, ``"measurement"``, ``"interpretation"``,
        ``"date"`` or ``"id"``.
    text : str
        What it says, for a code what a reader of codes finds; for a pulse its height, ``"1 mV"``; nothing for a
        separator.
    quad : float64 array [4, 2]
        Corners (x, y) of its ink in pixels: top left, top right, bottom right, bottom left as printed.
    """

    role: Literal[
        "lead", "scale", "header", "footer", "measurement", "interpretation", "date", "id", "code", "pulse", "separator"
    ]
    text: str
    quad: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SynthPage:
    """A page, and everything that is true of it.

    Parameters
    ----------
    page : Page
        The picture.
    record : ECGRecord
        What is on the paper, on the page's clock; NaN elsewhere.
    layout : PageLayout
    boxes : tuple of LeadBox
        One a trace, enclosing its ink upright.
    masks : uint8 array [height, width]
        0, or 1 + the index of the trace (and box) whose ink covers the pixel.
    homography : float64 array [3, 3]
        Maps pixels of the page as drawn to pixels of the page as it is now.
    steps : tuple of mapping
        The damage done, in order; `synth.degrade.apply_steps` replays it.
    traces : tuple of TraceLine
        Middle of each lead's ink, row by row.
    texts : tuple of TextBox
        Everything printed that is not a lead.
    corners : float64 array [4, 2]
        Corners of the sheet: top left, top right, bottom right, bottom left as drawn.
    scale : PaperScale
        Of the page as drawn: grid pitch is ``px_per_mm_x``, ``px_per_mm_y`` a millimetre.
    grid_origin : tuple of float
        A crossing of strong grid lines on the page as drawn, in pixels.
    timing : str
        ``"consecutive"`` or ``"simultaneous"`` columns.
    style : PageStyle
    """

    page: Page
    record: ECGRecord
    layout: PageLayout
    boxes: tuple[LeadBox, ...]
    masks: NDArray[np.uint8]
    homography: NDArray[np.float64]
    steps: tuple[Mapping[str, Any], ...]
    traces: tuple[TraceLine, ...]
    texts: tuple[TextBox, ...]
    corners: NDArray[np.float64]
    scale: PaperScale
    grid_origin: tuple[float, float]
    timing: str
    style: PageStyle


def move_points(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (x, y) after a homography.

    Parameters
    ----------
    matrix : float array [3, 3]
    points : float array [n, 2]

    Returns
    -------
    float64 array [n, 2]

    Examples
    --------
    >>> move_points(np.diag([2.0, 3.0, 1.0]), np.array([[1.0, 1.0]])).tolist()
    [[2.0, 3.0]]
    """
    projected = np.column_stack([points, np.ones(len(points))]) @ np.asarray(matrix, np.float64).T
    return np.asarray(projected[:, :2] / projected[:, 2:])


def lead_box(trace: TraceLine, times: tuple[float, float], width_px: float) -> LeadBox:
    """Upright box around a trace's ink.

    Parameters
    ----------
    trace : TraceLine
    times : tuple of float
        Seconds at its start and end.
    width_px : float
        Width of the pen in pixels.
    """
    x, y = trace.x[np.isfinite(trace.y)], trace.y[np.isfinite(trace.y)]
    if not y.size:  # nothing drawn: the place where it would stand
        x, y = trace.baseline[:, 0], trace.baseline[:, 1]
    half = width_px / 2
    xyxy = (x.min() - half, y.min() - half, x.max() + half, y.max() + half)
    return LeadBox(trace.lead, tuple(float(v) for v in xyxy), *times)  # type: ignore[arg-type]


def printed_record(
    record: ECGRecord, traces: tuple[TraceLine, ...], size: tuple[int, int], seconds: float
) -> ECGRecord:
    """Blank out what the page does not show: NaN wherever no trace on the picture holds the sample.

    Parameters
    ----------
    record : ECGRecord
        Starts where the page starts.
    traces : tuple of TraceLine
    size : tuple of int
        Width and height of the picture in pixels; ink outside is lost.
    seconds : float
        Length of the page.

    Returns
    -------
    ECGRecord
        Same leads and rate, ``seconds`` long. A lead that stands twice on the page shows wherever either does.
    """
    n = round(seconds * record.fs)
    shown = np.zeros((len(record.leads), n), bool)
    for trace in traces:
        inside = (trace.x >= -0.5) & (trace.x < size[0] - 0.5) & (trace.y >= -0.5) & (trace.y < size[1] - 0.5)
        lead = record.leads.index(trace.lead.removeprefix("-"))
        shown[lead, trace.first : trace.first + inside.size] |= inside
    signal = np.full(shown.shape, np.nan, np.float32)
    m = min(n, record.n_samples)
    signal[:, :m] = np.where(shown[:, :m], record.signal[:, :m], np.nan)
    return replace(record, signal=signal)


def warp_page(
    page: SynthPage,
    image: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    move: PointMap,
    matrix: NDArray[np.float64],
) -> SynthPage:
    """Page whose picture was warped, with every piece of truth moved along.

    Parameters
    ----------
    page : SynthPage
    image, masks : uint8 array
        The warped picture and mask.
    move : callable
        The same warp for points [n, 2].
    matrix : float array [3, 3]
        Its projective part, multiplied into the page's homography.

    Raises
    ------
    RecordError
        If picture and mask differ in size.
    """
    if image.shape[:2] != masks.shape:
        raise RecordError(f"picture and mask must have one size, got {image.shape[:2]} and {masks.shape}")
    traces = tuple(_move_trace(trace, move) for trace in page.traces)
    width_px = page.style.trace_width_mm * page.scale.px_per_mm_y
    boxes = tuple(
        lead_box(trace, (box.start_s, box.stop_s), width_px) for trace, box in zip(traces, page.boxes, strict=True)
    )
    size = (image.shape[1], image.shape[0])
    return replace(
        page,
        page=replace(page.page, image=image),
        record=printed_record(page.record, traces, size, page.record.duration_s),
        boxes=boxes,
        masks=masks,
        homography=matrix @ page.homography,
        traces=traces,
        texts=tuple(replace(text, quad=move(text.quad)) for text in page.texts),
        corners=move(page.corners),
    )


def _move_trace(trace: TraceLine, move: PointMap) -> TraceLine:
    points = move(np.column_stack([trace.x, trace.y]))
    return replace(trace, x=points[:, 0], y=points[:, 1], baseline=move(trace.baseline))
