"""A synthetic page with its truth: what was drawn, where it stands now, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecg import ECGRecord, LeadBox, Page, PageLayout, PaperScale, RecordError
from ecg.paper import DEFAULT_GAIN_MM_PER_MV
from synth.style import PageStyle

__all__ = [
    "PaperMap",
    "SynthPage",
    "TextBox",
    "TraceLine",
    "lead_box",
    "move_points",
    "printed_record",
    "sheet_points",
    "warp_page",
]

#: Maps points [n, 2] to points [n, 2], in pixels.
PointMap = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: Pitch of the paper map in mm: a large square of the grid.
_MAP_PITCH_MM = 5.0


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
        Pixels on the page as it is now; ``y`` is NaN where the record is, or where the ink is covered or torn off.
    baseline : float64 array [2, 2]
        Ends (x, y) of this lead's line of 0 mV.
    gain_mm_per_mv : float
        Millimetres of the page as drawn a millivolt of this lead is high.
    clipped : bool array [points] or [0]
        Where the pen was held at the edge of its band: the line is where it was drawn, the sample was higher or lower.
        Empty where it was nowhere.
    """

    lead: str
    row: int
    column: int
    first: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    baseline: NDArray[np.float64]
    gain_mm_per_mv: float = DEFAULT_GAIN_MM_PER_MV
    clipped: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))


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
class PaperMap:
    """Where each point of the sheet stands on the picture: a lattice, straight between its points (bilinear).

    Parameters
    ----------
    x_mm : float64 array [columns]
        From the sheet's left edge, rising; every 5 mm, and the right edge.
    y_mm : float64 array [rows]
        From its top edge, down.
    points : float64 array [rows, columns, 2]
        Pixels (x, y) of the picture as it is now; they may lie outside it.
    origin_px : tuple of float
        The sheet's top left corner on the page as drawn.
    """

    x_mm: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    y_mm: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0, 2)))
    origin_px: tuple[float, float] = (-0.5, -0.5)


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
        Maps pixels of the page as drawn to pixels of the page as it is now; of a sheet that is not flat, the best
        such map (least squares over ``paper_map``).
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
    paper_map : PaperMap
        The whole map from sheet to picture. Where none is given, that of the page as drawn, by corners and scale.
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
    paper_map: PaperMap = field(default_factory=PaperMap)

    def __post_init__(self) -> None:
        if not self.paper_map.points.size:
            object.__setattr__(self, "paper_map", _flat_map(self.corners, self.scale))


def _flat_map(corners: NDArray[np.float64], scale: PaperScale) -> PaperMap:
    """Map of a sheet as drawn: upright, its top left corner at ``corners[0]``."""
    pitch = (scale.px_per_mm_x, scale.px_per_mm_y)
    sides = (corners[1, 0] - corners[0, 0]) / pitch[0], (corners[3, 1] - corners[0, 1]) / pitch[1]
    # An edge closer than a tenth of the pitch to the last line would make needless slivers: it replaces that line.
    axes = [np.append(np.arange(0.0, side - 0.1 * _MAP_PITCH_MM, _MAP_PITCH_MM), side) for side in sides]
    across, down = np.meshgrid(corners[0, 0] + axes[0] * pitch[0], corners[0, 1] + axes[1] * pitch[1])
    return PaperMap(axes[0], axes[1], np.dstack([across, down]), (float(corners[0, 0]), float(corners[0, 1])))


def sheet_points(page: SynthPage, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the sheet of points on the picture: the paper map, inverted.

    Parameters
    ----------
    page : SynthPage
    points_px : float array [n, 2]
        Pixels (x, y).

    Returns
    -------
    float64 array [n, 2]
        Millimetres (x, y) from the sheet's top left corner; NaN where the point is not on the sheet.

    Examples
    --------
    >>> from synth.source import demo_page
    >>> page = demo_page()
    >>> np.allclose(sheet_points(page, page.paper_map.points[3, 7:8]), [[35.0, 15.0]])
    True
    """
    from synth.lattice import invert

    paper, points = page.paper_map, np.asarray(points_px, np.float64)
    back: NDArray[np.float64] = np.linalg.inv(page.homography).astype(np.float64)
    drawn = move_points(back, points) - paper.origin_px
    index = invert(paper.points, points, drawn / (_MAP_PITCH_MM * page.scale.px_per_mm_x))
    found = np.empty_like(points)
    for k, axis in enumerate((paper.x_mm, paper.y_mm)):
        # A point on the very edge may come out a rounding error beyond it.
        near = np.clip(index[:, k], 0, axis.size - 1)
        found[:, k] = np.where(np.abs(near - index[:, k]) < 1e-6, np.interp(near, np.arange(axis.size), axis), np.nan)
    found[np.isnan(found).any(axis=1)] = np.nan
    return found


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
    """Blank out what the page does not show: NaN wherever no trace on the picture holds the sample, or it was clipped.

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
        inside &= ~trace.clipped if trace.clipped.size else True
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
    matrix: NDArray[np.float64] | None,
) -> SynthPage:
    """Page whose picture was warped, with every piece of truth moved along.

    Parameters
    ----------
    page : SynthPage
    image, masks : uint8 array
        The warped picture and mask.
    move : callable
        The same warp for points [n, 2].
    matrix : float array [3, 3] or None
        The warp where it is projective, multiplied into the page's homography; None for any other warp, after which
        the homography is fitted to the paper map.

    Returns
    -------
    SynthPage
        Samples whose ink left the picture are NaN in its record.

    Raises
    ------
    RecordError
        If picture and mask differ in size.
    """
    if image.shape[:2] != masks.shape:
        raise RecordError(f"picture and mask must have one size, got {image.shape[:2]} and {masks.shape}")
    traces, paper = _move_traces(page.traces, move), page.paper_map
    paper = replace(paper, points=move(paper.points.reshape(-1, 2)).reshape(paper.points.shape))
    corners = move(page.corners)
    width_px = page.style.trace_width_mm * page.scale.px_per_mm_y * np.sqrt(_area(corners) / _area(page.corners))
    times = [(box.start_s, box.stop_s) for box in page.boxes]
    return replace(
        page,
        page=replace(page.page, image=image),
        record=printed_record(page.record, traces, (image.shape[1], image.shape[0]), page.record.duration_s),
        boxes=tuple(lead_box(trace, s, width_px) for trace, s in zip(traces, times, strict=True)),
        masks=masks,
        homography=_best_homography(paper, page.scale) if matrix is None else matrix @ page.homography,
        traces=traces,
        texts=tuple(replace(text, quad=move(text.quad)) for text in page.texts),
        corners=corners,
        paper_map=paper,
    )


def _move_traces(traces: tuple[TraceLine, ...], move: PointMap) -> tuple[TraceLine, ...]:
    """All traces in one call: a warp has a price for each call, next to none for each point."""
    if not traces:
        return ()
    lines = [np.column_stack([trace.x, trace.y]) for trace in traces] + [trace.baseline for trace in traces]
    moved = np.split(move(np.concatenate(lines)), np.cumsum([len(line) for line in lines])[:-1])
    return tuple(
        replace(trace, x=line[:, 0].copy(), y=line[:, 1].copy(), baseline=base)
        for trace, line, base in zip(traces, moved[: len(traces)], moved[len(traces) :], strict=True)
    )


def _area(quad: NDArray[np.float64]) -> float:
    """Area of a quadrilateral by its diagonals."""
    (x0, y0), (x1, y1) = quad[2] - quad[0], quad[3] - quad[1]
    return abs(float(x0 * y1 - y0 * x1)) / 2


def _best_homography(paper: PaperMap, scale: PaperScale) -> NDArray[np.float64]:
    """Homography from the page as drawn nearest to a paper map: least squares over its points."""
    import cv2

    across, down = np.meshgrid(paper.x_mm * scale.px_per_mm_x, paper.y_mm * scale.px_per_mm_y)
    drawn = np.dstack([across, down]) + np.array(paper.origin_px)
    matrix, _ = cv2.findHomography(drawn.reshape(-1, 2), paper.points.reshape(-1, 2))
    return np.asarray(matrix, np.float64)
