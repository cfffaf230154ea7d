"""Read an ECG from a PDF's paths: exact, and in milliseconds.

Nothing is rasterised to read it; the page is drawn once at 200 dpi so that the reading can be laid over it. Traces and
boxes are given in that picture's pixels, whose centres have whole coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.calibrate import to_record
from digitize.grid import find_grid
from digitize.options import DigitizeOptions
from digitize.plausibility import stopped_pen, unknown_gain
from digitize.quality import judge_page, missing_lead
from digitize.result import Digitization, LeadQuality, LeadTrace
from digitize.vector.grid import POINTS_PER_MM, VectorGrid, find_vector_grid
from digitize.vector.layout import Arrangement, Segment, arrange, lead_names, text_runs
from digitize.vector.samples import fill_between
from digitize.vector.scale import ScaleReading, read_scale
from digitize.vector.timing import ColumnTiming, column_timing, strip_lead
from digitize.vector.traces import Row, find_lines, find_rows
from ecg import ECGRecord, LeadBox, Page, PageLayout, PaperScale, limb_residual
from ecg.formats.pdf_paths import VectorPage, read_vector_page, turned
from ecg.formats.pdfium import LOCK, POINTS_PER_INCH, load_page, open_document, render

__all__ = ["read_vector"]

#: Resolution of the page's picture, the project's default for PDF pages.
_DPI = 200.0
#: II against I + III in mV RMS: on exact lines the algebra holds to rounding (under 20 µV); another order breaks it.
_LIMB_MV = 0.06
#: Greatest tilt (degrees) at which a grid found in the picture is the paper under paths that run straight.
_LEVEL_DEG = 0.5


@dataclass(frozen=True, eq=False)
class _Found:
    """The upright page in points with what was recognised on it."""

    page: VectorPage
    quarters: int
    grid: VectorGrid | None
    rows: tuple[Row, ...]


def read_vector(
    path: str | Path, page_index: int = 0, options: DigitizeOptions | None = None, picture: Page | None = None
) -> Digitization | None:
    """Read one page of a PDF from its paths.

    Parameters
    ----------
    path : str or Path
    page_index : int
        Page number, counted from 0.
    options : DigitizeOptions or None
    picture : Page or None
        The page as drawn, where the caller has it already, at any resolution; drawn at 200 dpi otherwise.

    Returns
    -------
    Digitization or None
        None where the page holds no traces as paths (a scan, or text), where it has more paths than are read, or
        where corners were given, which belong to a picture: read it as a picture then.

    Raises
    ------
    FormatError
        If the file or the page cannot be read.
    DigitizationError
        If there are traces, but no layout fits them.
    """
    options = options or DigitizeOptions()
    if options.corners is not None:
        return None
    vector = read_vector_page(path, page_index)
    if vector.truncated:
        return None
    found = _find(vector)
    if found is None:
        return None
    if picture is None:
        picture = _picture(path, page_index)
    runs = text_runs(found.page.words)
    px_per_pt = _px_per_pt(picture, found)
    drawn = None if found.grid is not None or options.px_per_mm is not None else _grid_in_picture(picture, found)
    reading = read_scale(found.grid, drawn, found.rows, runs, options, px_per_pt)
    mm = reading.scale.px_per_mm_x if reading.scale is not None else POINTS_PER_MM
    arrangement = arrange(found.rows, lead_names(runs), mm, options.layout)
    if reading.scale is None:
        return _refused(picture, found, arrangement, reading)
    return _digitization(picture, found, arrangement, reading, reading.scale, options)


def _find(vector: VectorPage) -> _Found | None:
    """Turn the page until its writing is upright and its traces run from left to right; None where no turn shows any.

    Without writing, pulses tell up from down, since they point up; without either the page is left as it shows.
    """
    upright = _turn_of_words(vector)
    if upright is not None:
        found = _look(vector, upright)
        if found is not None:
            return found
    for quarters in (0, 1):  # traces along the page as it shows, then across
        found = _look(vector, quarters)
        if found is None:
            continue
        if any(row.pulses for row in found.rows):
            return found
        other = _look(vector, quarters + 2)
        return other if other is not None and any(row.pulses for row in other.rows) else found
    return None


def _look(vector: VectorPage, quarters: int) -> _Found | None:
    page = turned(vector, quarters)
    grid = find_vector_grid(page)
    mm = grid.pt_per_mm_x if grid is not None else POINTS_PER_MM
    rows = tuple(find_rows(*find_lines(page, grid, mm), mm))
    return _Found(page, quarters, grid, rows) if rows else None


def _turn_of_words(vector: VectorPage) -> int | None:
    """Quarter turns that make most of the writing upright; None where nothing is written."""
    votes = np.zeros(4)
    for word in vector.words:
        votes[-round(word.angle_deg / 90.0) % 4] += len(word.text)
    return int(np.argmax(votes)) if votes.any() else None


def _picture(path: str | Path, page_index: int) -> Page:
    with LOCK:
        document = open_document(path)
        try:
            page = load_page(document, page_index, path)
            image = render(page, _DPI, path)
            page.close()
            source = Path(path).name + (f"#page={page_index + 1}" if len(document) > 1 else "")
        finally:
            document.close()
    return Page(image, _DPI, source)


def _px_per_pt(picture: Page, found: _Found) -> tuple[float, float]:
    """Pixels of the upright picture per point in x and y; not quite dpi/72, since pictures have whole pixels."""
    width, height = found.page.size_pt
    upright = (picture.width, picture.height) if found.quarters % 2 == 0 else (picture.height, picture.width)
    return upright[0] / width, upright[1] / height


def _grid_in_picture(picture: Page, found: _Found) -> tuple[float, float] | None:
    """Points per millimetre in x and y of a grid that is a picture under the paths.

    Only where the page holds pictures: PDFium draws the cells of a tiling pattern a whole number of pixels wide, which
    misplaced a pattern grid by 1.6 %.
    """
    if not found.page.n_images:
        return None
    measure = find_grid(np.rot90(picture.image, -found.quarters))
    if measure is None or abs(measure.angle_deg) > _LEVEL_DEG:
        return None
    sx, sy = _px_per_pt(picture, found)
    return measure.px_per_mm_x / sx, measure.px_per_mm_y / sy


def _turn_matrix(picture: Page, quarters: int) -> NDArray[np.float64]:
    """From pixels of the page as it came to pixels of the upright page."""
    matrix = np.eye(3)
    height, width = picture.height, picture.width
    for _ in range(quarters):
        matrix = np.array([[0.0, -1.0, height - 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) @ matrix
        height, width = width, height
    return matrix


def _digitization(
    picture: Page,
    found: _Found,
    arrangement: Arrangement,
    reading: ScaleReading,
    in_points: PaperScale,
    options: DigitizeOptions,
) -> Digitization:
    timing = column_timing(arrangement, in_points)
    arrangement, assumed = _name_strips(arrangement, timing, in_points)
    sx, sy = _px_per_pt(picture, found)
    scale = replace(in_points, px_per_mm_x=in_points.px_per_mm_x * sx, px_per_mm_y=in_points.px_per_mm_y * sy)
    traces = _traces(arrangement, timing, found, in_points, (sx, sy), options.fs)
    record = to_record(traces, scale, fs=options.fs)
    assumed = (*reading.assumed, *arrangement.assumed, *assumed)
    if timing.how == "assumed" and arrangement.layout.shape[1] > 1:
        assumed = (*assumed, "consecutive columns")
    quality = _quality(traces, arrangement.layout, found)
    doubts = (*reading.reasons, *arrangement.reasons, *_doubts(record, reading))
    status, reasons = judge_page(record, quality, doubts, arrangement.margin)
    forced = reading.evidence is not None and reading.evidence.px_per_mm_x == "assumed"
    return Digitization(
        record=record,
        page=picture,
        status="refused" if forced else status,
        reasons=reasons,
        scale=scale,
        evidence=reading.evidence,
        layout=arrangement.layout,
        layout_margin=arrangement.margin,
        timing=timing.how,
        boxes=tuple(trace.box for trace in traces),
        traces=traces,
        quality=quality,
        assumed=assumed,
        corners=_corners(picture, found),
        homography=_turn_matrix(picture, found.quarters),
        steps=_steps(found, arrangement, timing, in_points),
        forced=forced,
    )


def _refused(picture: Page, found: _Found, arrangement: Arrangement, reading: ScaleReading) -> Digitization:
    return Digitization(
        record=None,
        page=picture,
        status="refused",
        reasons=reading.reasons,
        layout=arrangement.layout,
        layout_margin=arrangement.margin,
        assumed=arrangement.assumed,
        corners=_corners(picture, found),
        homography=_turn_matrix(picture, found.quarters),
    )


def _name_strips(
    arrangement: Arrangement, timing: ColumnTiming, scale: PaperScale
) -> tuple[Arrangement, tuple[str, ...]]:
    """Name strips that print no name by the short lead that shows the same line, else as usual."""
    names = dict(zip(_strip_rows(arrangement), arrangement.layout.rhythm, strict=True))
    assumed: tuple[str, ...] = ()
    for strip in arrangement.segments:
        if strip.row not in arrangement.unnamed_strips:
            continue
        known = strip_lead(strip, arrangement, timing, scale)
        if known is not None:
            names[strip.row] = known[0]
        else:
            assumed = (*assumed, f"rhythm strip is lead {names[strip.row]}")
    segments = tuple(replace(s, lead=names[s.row]) if s.strip else s for s in arrangement.segments)
    layout = replace(arrangement.layout, rhythm=tuple(names.values()))
    return replace(arrangement, segments=segments, layout=layout), assumed


def _strip_rows(arrangement: Arrangement) -> list[int]:
    return sorted({s.row for s in arrangement.segments if s.strip})


def _traces(
    arrangement: Arrangement,
    timing: ColumnTiming,
    found: _Found,
    scale: PaperScale,
    px_per_pt: tuple[float, float],
    fs: float,
) -> tuple[LeadTrace, ...]:
    left = min(float(s.points[0, 0]) for s in arrangement.segments)
    column_left = {
        c: min(float(s.points[0, 0]) for s in arrangement.segments if s.column == c and not s.strip)
        for c in {s.column for s in arrangement.segments if not s.strip}
    }
    traces = []
    for segment in arrangement.segments:
        x0 = float(segment.points[0, 0])
        if segment.strip:
            start = (x0 - left) / scale.px_per_s
        else:
            start = timing.start_s[segment.column] + (x0 - column_left[segment.column]) / scale.px_per_s
        traces.append(_trace(segment, start, found, scale, px_per_pt, fs))
    return tuple(traces)


def _trace(
    segment: Segment, start_s: float, found: _Found, scale: PaperScale, px_per_pt: tuple[float, float], fs: float
) -> LeadTrace:
    # The last sample lasts one more vertex step, so that N samples span N steps.
    stop = float(segment.points[-1, 0] + np.median(np.diff(segment.points[:, 0]))) * px_per_pt[0] - 0.5
    # A point at x * dpi / 72 lies half a pixel to the right of the pixel centre with that number.
    x, y = (fill_between(segment.points, 1.0 / scale.px_per_s, fs) * px_per_pt - 0.5).T
    mm = scale.px_per_mm_y * px_per_pt[1]
    pulses = found.rows[segment.row].pulses
    # The pulse's foot is 0 mV; without one, paper has no zero line, and an ECG is at its baseline most of the time.
    baseline = float(np.median([p.low for p in pulses])) * px_per_pt[1] - 0.5 if pulses else float(np.nanmedian(y))
    box = LeadBox(
        segment.lead,
        (float(x[0]), float(np.nanmin(y)) - mm, float(stop), float(np.nanmax(y)) + mm),
        start_s,
        start_s + (stop - float(x[0])) / (scale.px_per_s * px_per_pt[0]),
    )
    return LeadTrace(box, x, y, baseline)


def _quality(traces: Sequence[LeadTrace], layout: PageLayout, found: _Found) -> Mapping[str, LeadQuality]:
    red, green, blue = found.rows[0].lines[0].style[0]
    contrast = 1.0 - (0.299 * red + 0.587 * green + 0.114 * blue) / 255.0  # luma, ITU-R BT.601
    quality: dict[str, LeadQuality] = {}
    for trace in sorted(traces, key=lambda t: t.box.stop_s - t.box.start_s):  # a lead printed twice: the longer one
        solid = np.isfinite(trace.y[:-1]) & np.isfinite(trace.y[1:])
        coverage = float(np.diff(trace.x)[solid].sum() / (trace.x[-1] - trace.x[0]))
        reasons = () if coverage >= 0.95 else (f"the line is missing for {1 - coverage:.0%} of its width",)
        grade = "good" if coverage >= 0.95 else "fair" if coverage >= 0.8 else "poor"
        quality[trace.box.lead.lstrip("-")] = LeadQuality(coverage, contrast, 0.0, None, grade, reasons)  # type: ignore[arg-type]
    for lead in (lead.lstrip("-") for row in layout.rows for lead in row):
        if lead not in quality:
            quality[lead] = missing_lead("no line where the lead should stand")
    return quality


def _doubts(record: ECGRecord, reading: ScaleReading) -> tuple[str, ...]:
    """List what contradicts the reading."""
    doubts = []
    limb = limb_residual(record)
    if limb.einthoven_mv > _LIMB_MV:
        doubts.append(f"lead II differs from I + III by {1000 * limb.einthoven_mv:.0f} µV RMS")
    if reading.evidence is not None and reading.evidence.px_per_mm_x == "assumed":
        doubts.append("expected a grid or a calibration pulse to measure the millimetre by, found neither")
    if reading.evidence is not None and reading.evidence.gain_mm_per_mv == "assumed":
        doubts += unknown_gain(record, reading.scale.gain_mm_per_mv) if reading.scale is not None else ()
    doubts += stopped_pen(record)
    return tuple(doubts)


def _corners(picture: Page, found: _Found) -> NDArray[np.float64]:
    """Corners of the grid (else of the traces) on the page as it came."""
    if found.grid is not None:
        x0, y0, x1, y1 = found.grid.xyxy
    else:
        points = np.concatenate([line.points for row in found.rows for line in row.lines])
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    sx, sy = _px_per_pt(picture, found)
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) * (sx, sy) - 0.5
    back = np.linalg.inv(_turn_matrix(picture, found.quarters))
    moved: NDArray[np.float64] = corners @ back[:2, :2].T + back[:2, 2]
    return moved


def _steps(
    found: _Found, arrangement: Arrangement, timing: ColumnTiming, scale: PaperScale
) -> tuple[Mapping[str, Any], ...]:
    grid = found.grid
    return (
        {
            "stage": "vector",
            "strokes": len(found.page.strokes),
            "quarter_turns": found.quarters,
            "points_per_inch": POINTS_PER_INCH,
        },
        {
            "stage": "grid",
            "pt_per_mm": [scale.px_per_mm_x, scale.px_per_mm_y],
            "lines": None if grid is None else list(grid.n_lines),
            "squares_mm": None if grid is None else list(grid.squares_mm),
        },
        {
            "stage": "layout",
            "rows": [list(row) for row in arrangement.layout.rows],
            "rhythm": list(arrangement.layout.rhythm),
            "pulses": sum(len(row.pulses) for row in found.rows),
        },
        {
            "stage": "timing",
            "order": timing.order,
            "starts_s": [None if not np.isfinite(s) else s for s in timing.start_s],
            "match": None if not np.isfinite(timing.match) else timing.match,
            "other": None if not np.isfinite(timing.other) else timing.other,
        },
    )
