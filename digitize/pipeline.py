"""The page reader: every stage in its order, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.algebra import reconciled
from digitize.calibrate import Calibration, calibrate, to_record
from digitize.clock import in_time, origin_px
from digitize.frame import Frame, find_frame, widened
from digitize.gains import odd_pulses, with_chest_gain
from digitize.given import as_given
from digitize.grid import GridMeasure
from digitize.layout import LayoutMatch, match_layout
from digitize.lines import LineReading, Place, name_strips, places_of, read_line
from digitize.lookalike import only_traces
from digitize.options import DigitizeOptions
from digitize.orient import find_turn
from digitize.overlap import OwnInk, share_out
from digitize.owner import own_ink, owned_rows
from digitize.pulse import Pulse, check_upright, find_pulses
from digitize.recordings import chosen, find_recordings, read_parts
from digitize.result import Digitization
from digitize.segment import InkMap, bridged, ink_map, remove_rules
from digitize.sheet import Sheet, upright
from digitize.shrinking import scaled
from digitize.simultaneous import aligned
from digitize.stroke import Pen, measure_pen
from digitize.text import PX_PER_MM, NameHit, find_names, look_again, printed_scale
from digitize.trace import Row, attach_runs, find_rows
from digitize.verdict import verdict
from ecg import ECGRecord, LeadBox, Page, PaperScale, limb_residual
from ecg.errors import DigitizationError
from ecg.formats import ReadOptions, identify, read_pages

__all__ = ["digitize", "digitize_all", "read_file"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]


def digitize(page: Page, options: DigitizeOptions | None = None) -> Digitization:
    """Read a page: picture in, calibrated signals out.

    Parameters
    ----------
    page : Page
    options : DigitizeOptions, optional
        What a person says about the page; the rest is measured.

    Returns
    -------
    Digitization
        Accepted or to be reviewed; refused pages come back only where ``options.force`` asks for their signals.

    Raises
    ------
    DigitizationError
        If the page cannot be read: no scale, no trace, no known layout, or a reading that cannot be trusted.

    Notes
    -----
    Of several ECGs on a page the first that can be read comes back, to be reviewed; `digitize_all` gives them all.
    """
    return chosen(digitize_all(page, options))


def digitize_all(page: Page, options: DigitizeOptions | None = None) -> tuple[Digitization, ...]:
    """Read every ECG on a page.

    Parameters
    ----------
    page : Page
    options : DigitizeOptions, optional
        What a person says about the page. Corners frame one ECG.

    Returns
    -------
    tuple of Digitization
        Most often one; of several, from left to right and from top to bottom, those that cannot be read are refused.

    Raises
    ------
    DigitizationError
        If a page of one ECG cannot be read.
    """
    options = options or DigitizeOptions()
    steps: list[Mapping[str, Any]] = []
    sheet = upright(page, options, steps)
    guess = _scale_guess(sheet.image, sheet.grid, options)
    ink = ink_map(sheet.image, guess, sheet.grid)
    ink, sheet, names = _way_up(ink, sheet, guess, options, steps)
    grid = sheet.grid
    share, rules = remove_rules(_without_rim(ink.share, guess), guess)
    share, rows, level, line = _lines(share, ink.light, guess, options)
    steps.append({"stage": "trace", "rows": len(rows), "rules": list(rules), "ink_level": round(level, 3)})
    if not rows:
        raise DigitizationError("trace", "nothing on the page runs like a trace from left to right", "is it an ECG?")
    parts = find_recordings(rows, share, names, guess) if options.corners is None else ()
    if len(parts) > 1:
        return read_parts(page, sheet, parts, lambda part: digitize_all(part, options))
    solid = bridged(share, guess)
    pulses = find_pulses(solid, rows, guess)
    if not options.force:
        check_upright(solid, rows, pulses, guess)
    names = look_again(ink.share, guess, names)
    words = [n for n in names if not n.is_lead]
    printed = printed_scale(words, [n for n in words if sheet.begins_at_rim(n.xyxy_px, *page.image.shape[:2])])
    calibration = calibrate(grid, pulses, printed, options, page.dpi)
    odd = odd_pulses(pulses, calibration.scale, gridless=calibration.evidence.px_per_mm_x == "pulse")
    calibration = replace(calibration, doubts=calibration.doubts + odd)
    steps.append(_scale_step(calibration, pulses))
    believed = tuple(n for n in names if n.is_lead or n.text in printed.texts)
    frame = find_frame(share, rows, pulses, believed, rules, calibration.scale.px_per_mm_x, line)
    match = match_layout(frame, options.layout)
    frame = widened(frame, match.bounds_px)
    steps.append({"stage": "layout", "name": match.layout.name, "margin": round(match.margin, 3), "named": match.named})
    return (_assemble(page, options, sheet, ink, frame, pulses, calibration, match, tuple(steps)),)


def read_file(
    path: str | Path, options: DigitizeOptions | None = None, reading: ReadOptions | None = None
) -> Iterator[Digitization]:
    """Read every page of a file, one by one, and every ECG on each.

    A vector PDF is read from its paths; every other page from its picture. A page that cannot be read comes back
    refused, with the reason, and the pages behind it are still read.

    Parameters
    ----------
    path : str or Path
        Picture, multi-page TIFF, PDF or DICOM secondary capture.
    options : DigitizeOptions, optional
    reading : ReadOptions, optional
        Bounds on files and pages, and how PDFs are drawn.

    Yields
    ------
    Digitization

    Raises
    ------
    FormatError
        If the file itself cannot be read.
    """
    from digitize.vector import read_vector

    options = options or DigitizeOptions()
    path = Path(path)
    is_pdf = identify(path) == "pdf"
    for index, page in enumerate(read_pages(path, reading)):
        vector = None
        if is_pdf:
            # Paths that fit no layout may still be a page that reads well as a picture.
            with suppress(DigitizationError):
                vector = read_vector(path, index, options, page)
        try:
            yield from digitize_all(page, options) if vector is None else (vector,)
        except DigitizationError as error:
            yield Digitization(None, page, "refused", (str(error),))


def _way_up(
    ink: InkMap, sheet: Sheet, guess: float, options: DigitizeOptions, steps: list[Mapping[str, Any]]
) -> tuple[InkMap, Sheet, tuple[NameHit, ...]]:
    """Turn the page so that its names stand upright; a person's corners say which way up it is."""

    def read(share: Float) -> tuple[NameHit, ...]:
        return _names(share, guess, options)

    try:
        quarters, names = (0, read(ink.share)) if options.corners is not None else find_turn(ink.share, read)
    except DigitizationError as error:
        if not options.force:
            raise
        quarters, names = 0, ()
        steps.append({"stage": "orient", "forced_past": str(error)})
    if options.keep_text:
        steps.append({"stage": "text", "words": [n.text for n in names]})
    if quarters == 0:
        return ink, sheet, names
    steps.append({"stage": "orient", "quarter_turns": quarters})
    share, light = np.rot90(ink.share, quarters), np.rot90(ink.light, quarters)
    ink = replace(ink, share=np.ascontiguousarray(share), light=np.ascontiguousarray(light))
    return ink, sheet.turned(quarters), names


def _lines(
    share: Float, light: NDArray[np.uint8], px_per_mm: float, options: DigitizeOptions
) -> tuple[Float, tuple[Row, ...], float, NDArray[np.uint8] | None]:
    """Ink, 1 at the heart of the traces (in place); their lines; ink there; whose ink each pixel is if that is told."""
    if options.method != "classical":
        rows, level, line = owned_rows(share, light, px_per_mm)
        if rows:
            share = _at_most_1(share, level)
            rows, line = only_traces(rows, share, line, px_per_mm)
            return share, rows, level, line
    rows, level = find_rows(bridged(share, px_per_mm), px_per_mm)
    return _at_most_1(share, level), rows, level, None


def _at_most_1(share: Float, level: float) -> Float:
    """Divide by a level, in place: a page's memory costs more than its arithmetic."""
    np.divide(share, np.float32(level), out=share)
    return np.minimum(share, np.float32(1), out=share)


def _without_rim(share: Float, px_per_mm: float) -> Float:
    """Ink map without its outermost millimetre, which scanners and programs leave black."""
    rim = max(1, round(px_per_mm))
    inner = share.copy()
    inner[:rim], inner[-rim:], inner[:, :rim], inner[:, -rim:] = 0, 0, 0, 0
    return inner


def _scale_guess(image: NDArray[np.uint8], grid: GridMeasure | None, options: DigitizeOptions) -> float:
    """Pixels per millimetre to within a factor of 1.5, before pulses were looked for."""
    if options.px_per_mm is not None:
        return options.px_per_mm[0]
    # A print of ten seconds with its margins is 280 mm wide.
    return grid.px_per_mm_x if grid is not None else max(max(image.shape[:2]) / 280, 2.2)


def _names(share: Float, px_per_mm: float, options: DigitizeOptions) -> tuple[NameHit, ...]:
    """Find the printed words, in pixels of the page."""
    if options.method == "classical":
        return ()
    zoom = PX_PER_MM / px_per_mm
    hits = find_names(scaled(share, zoom).clip(0, 1))
    found = []
    for h in hits:
        x0, y0, x1, y1 = (v / zoom for v in h.xyxy_px)
        found.append(replace(h, xyxy_px=(x0, y0, x1, y1)))
    return tuple(found)


def _scale_step(calibration: Calibration, pulses: Sequence[Pulse]) -> Mapping[str, Any]:
    heights = [round(p.height_px / calibration.scale.px_per_mm_y, 2) for p in pulses]
    return {"stage": "calibrate", "pulse_heights_mm": heights}


def _assemble(
    page: Page,
    options: DigitizeOptions,
    sheet: Sheet,
    ink: InkMap,
    frame: Frame,
    pulses: Sequence[Pulse],
    calibration: Calibration,
    match: LayoutMatch,
    steps: tuple[Mapping[str, Any], ...],
) -> Digitization:
    """Read every lead in its place and judge the whole."""
    scale = calibration.scale
    pen = _pen(frame)
    own = _own_ink(frame, pen, match)
    places, frame, match = as_given(places_of(match, frame, pulses), frame, match, options)
    readings, timing, assumed = _readings(frame, own, places, pen, scale, match.bounds_px[0], options)
    if not options.tells_leads:
        readings, match = name_strips(readings, places, match)
    readings = aligned(readings, places, scale.px_per_s)
    seen = to_record(tuple(r.trace for r in readings), scale, fs=options.fs)
    traces = tuple(r.trace for r in reconciled(readings, places))
    record = with_chest_gain(to_record(traces, scale, fs=options.fs), pulses)
    overruled = tuple(str(step["forced_past"]) for step in steps if "forced_past" in step)
    judged = verdict(seen, readings, frame, sheet, ink, pen, pulses, calibration, match, overruled)
    if judged.status == "refused" and not options.force:
        raise DigitizationError("quality", "; ".join(judged.reasons), "scan the page again, or --force it")
    boxes = tuple(t.box for t in traces)
    done = (*steps, _pen_step(pen), _algebra_step(seen))
    return Digitization(
        record,
        page,
        judged.status,
        judged.reasons,
        scale=scale,
        evidence=calibration.evidence,
        layout=match.layout,
        layout_margin=match.margin,
        timing=timing,
        boxes=boxes,
        traces=traces,
        quality=judged.quality,
        assumed=calibration.assumed + match.assumed + assumed,
        corners=sheet.corners(*_around(boxes)),
        homography=sheet.homography if sheet.homography is not None else np.eye(3),
        steps=done,
        forced=judged.status == "refused",
        flattening=sheet.flattening,
        signs=judged.signs,
    )


def _readings(
    frame: Frame,
    own: Sequence[OwnInk],
    places: Sequence[Place],
    pen: Pen,
    scale: PaperScale,
    start_px: float,
    options: DigitizeOptions,
) -> tuple[list[LineReading], str, tuple[str, ...]]:
    """Read the line of each place, mended where the method has a network for it, and put all on one clock."""
    fs, mend, origin = options.fs, options.mends_lines, origin_px(places, start_px)
    readings = [read_line(frame, own[p.row], p, pen, scale, fs, origin, refine=mend) for p in places]
    return in_time(readings, places, scale.px_per_s, fs, origin)


def _pen_step(pen: Pen) -> Mapping[str, Any]:
    return {"stage": "stroke", "pen_px": round(pen.width_px, 3), "softness_px": round(pen.softness_px, 3)}


def _algebra_step(seen: ECGRecord) -> Mapping[str, Any]:
    """How well the limb leads agreed before they were weighed against each other: afterwards they always do."""
    before = limb_residual(seen)
    values = {"einthoven_mv": before.einthoven_mv, "goldberger_mv": before.goldberger_mv, "r": before.r}
    return {"stage": "algebra", **{k: round(v, 4) if np.isfinite(v) else None for k, v in values.items()}}


def _around(boxes: Sequence[LeadBox]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of all boxes."""
    edges = np.array([b.xyxy for b in boxes])
    (left, top), (right, bottom) = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _own_ink(frame: Frame, pen: Pen, match: LayoutMatch) -> list[OwnInk]:
    """Ink of each line: by the owners of its pixels where they are known, by rules where not."""
    if frame.line is not None:
        return own_ink(frame.share, frame.line, frame.rows, frame.px_per_mm)
    return share_out(frame.share, frame.rows, pen.width_px, frame.px_per_mm, match.separators_px)


def _pen(frame: Frame) -> Pen:
    """Pen of the page: the median over its lines."""
    pens = []
    for row in frame.rows:
        top, bottom, found = attach_runs(frame.share, row.y)
        found[: round(frame.start_px)] = False
        found[round(frame.stop_px) :] = False
        pens.append(measure_pen(frame.share, top, bottom, found))
    return Pen(float(np.median([p.width_px for p in pens])), float(np.median([p.softness_px for p in pens])))
