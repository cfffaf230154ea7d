"""Signs of how well a page was read: numbers from which the fidelity of each lead is predicted.

None of them knows the truth. They are what a careful person would look at: how well the drawn line meets the ink, what
else touches it, whether beats of one lead repeat and those of all leads coincide, whether the limb leads keep their
law, how the scale is known, and how sharp and straight the picture is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.calibrate import Calibration
from digitize.direction import beat_places, time_direction
from digitize.layout import LayoutMatch
from digitize.lines import LineReading
from digitize.pulse import Pulse
from digitize.sheet import Sheet
from digitize.stroke import Pen
from ecg import ECGRecord, PaperScale, limb_residual

__all__ = ["SIGNS", "LineSigns", "PageSigns", "ink_beside", "lead_signs", "line_signs", "page_signs"]

Double = NDArray[np.float64]

#: Distances from the line, in mm, at which the paper should be bare: beyond the widest pen, and before the next line.
_BESIDE_MM = (-2.4, -1.2, 1.2, 2.4)
#: Half a beat, in s: mean beats are compared over the QRS complex and most of the T wave.
_BEAT_S = 0.25
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")


@dataclass(frozen=True, eq=False)
class LineSigns:
    """What is known of the line of one lead.

    Parameters
    ----------
    lead : str
    y : float array [points]
        Rows of the line in pixels, NaN where nothing was read.
    step_px : float
        Columns from point to point.
    weight : float array [points]
        Trust in each point, 0 to 1.
    coverage, overlap, error : float
        As in `digitize.lines.LineReading`.
    on, beside : float array [points], [4, points]
        Share of ink under the line, and 1.2 and 2.4 mm above and below it.
    """

    lead: str
    y: Double
    step_px: float
    weight: Double
    coverage: float
    overlap: float
    error: float
    on: Double
    beside: Double


@dataclass(frozen=True, eq=False)
class PageSigns:
    """What is known of a page.

    Parameters
    ----------
    seen : ECGRecord
        Leads as read, before the limb leads were weighed against each other.
    scale : PaperScale
    pen_px, softness_px : float
    contrast : float
        Ink against paper, 0 to 1.
    bounds_px : tuple of float
        Bounds of the columns.
    places, named : int
        Places of the layout, and those whose names were read.
    margin : float
        Of the layout, 0 to 1.
    scale_doubts, layout_doubts : int
        Doubts of the stages before.
    grid, gain_by_pulse, gain_assumed, speed_assumed : bool
        How the scale is known.
    pulses_px : tuple of float
        Heights of the calibration pulses.
    coherence, strength : float
        Of the grid, 0 where there is none.
    residual_mm : float or None
        What was left of a bent sheet after its projective part; None where the sheet lies flat.
    together : float or None
        As in `digitize.quality.beats_together`.
    rate : float or None
        As in `digitize.quality.beat_rate`.
    """

    seen: ECGRecord
    scale: PaperScale
    pen_px: float
    softness_px: float
    contrast: float
    bounds_px: tuple[float, ...]
    places: int
    named: int
    margin: float
    scale_doubts: int
    layout_doubts: int
    grid: bool
    gain_by_pulse: bool
    gain_assumed: bool
    speed_assumed: bool
    pulses_px: tuple[float, ...]
    coherence: float
    strength: float
    residual_mm: float | None
    together: float | None
    rate: float | None


def line_signs(reading: LineReading, share: NDArray[np.float32], px_per_mm: float) -> LineSigns:
    """Gather the signs of a line.

    Parameters
    ----------
    reading : LineReading
    share : float32 array [height, width]
        Ink of the page.
    px_per_mm : float
        Along voltage.

    Returns
    -------
    LineSigns
    """
    trace = reading.trace
    on, beside = ink_beside(share, trace.x, trace.y, px_per_mm)
    step = float(trace.x[1] - trace.x[0]) if trace.x.size > 1 else 1.0
    lead = trace.box.lead.removeprefix("-")
    return LineSigns(lead, trace.y, step, reading.weight, reading.coverage, reading.overlap, reading.error, on, beside)


def ink_beside(share: NDArray[np.float32], x: Double, y: Double, px_per_mm: float) -> tuple[Double, Double]:
    """Ink under a line, and above and below it.

    Parameters
    ----------
    share : float32 array [height, width]
    x, y : float array [points]
        Pixels; where ``y`` is NaN, what is told means nothing.
    px_per_mm : float

    Returns
    -------
    on : float array [points]
        0 to 1.
    beside : float array [4, points]
    """
    columns = np.rint(x).astype(np.int64).clip(0, share.shape[1] - 1)
    level = np.where(np.isfinite(y), y, 0.0)

    def at(offset_mm: float) -> Double:
        rows = np.rint(level + offset_mm * px_per_mm).astype(np.int64).clip(0, share.shape[0] - 1)
        ink: Double = share[rows, columns].clip(0, 1).astype(np.float64)
        return ink

    return at(0.0), np.stack([at(offset) for offset in _BESIDE_MM])


def page_signs(
    seen: ECGRecord,
    sheet: Sheet,
    pen: Pen,
    contrast: float,
    pulses: Sequence[Pulse],
    calibration: Calibration,
    match: LayoutMatch,
) -> PageSigns:
    """Gather the signs of a page from what its stages found.

    Parameters
    ----------
    seen : ECGRecord
    sheet : Sheet
    pen : Pen
    contrast : float
    pulses : sequence of Pulse
    calibration : Calibration
    match : LayoutMatch

    Returns
    -------
    PageSigns
    """
    from digitize.quality import beat_rate, beats_together

    how, flat = calibration.evidence, sheet.flattening
    return PageSigns(
        seen=seen,
        scale=calibration.scale,
        pen_px=pen.width_px,
        softness_px=pen.softness_px,
        contrast=contrast,
        bounds_px=match.bounds_px,
        places=sum(map(len, match.layout.rows)) + len(match.layout.rhythm),
        named=match.named,
        margin=match.margin,
        scale_doubts=len(calibration.doubts),
        layout_doubts=len(match.doubts),
        grid=how.px_per_mm_y == "grid",
        gain_by_pulse=how.gain_mm_per_mv == "pulse",
        gain_assumed=how.gain_mm_per_mv == "assumed",
        speed_assumed=how.speed_mm_per_s == "assumed",
        pulses_px=tuple(p.height_px for p in pulses),
        coherence=0.0 if sheet.grid is None else sheet.grid.coherence,
        strength=0.0 if sheet.grid is None else sheet.grid.strength,
        residual_mm=None if flat is None else flat.residual_mm,
        together=beats_together(seen),
        rate=beat_rate(seen),
    )


def lead_signs(lines: Sequence[LineSigns], page: PageSigns) -> dict[str, Double]:
    """Numbers of each lead, in the order of `SIGNS`; of a lead that stands twice those of the longer line.

    Parameters
    ----------
    lines : sequence of LineSigns
    page : PageSigns

    Returns
    -------
    dict lead -> float array [signs]
        Leads with fewer than ten points are left out.
    """
    chosen: dict[str, LineSigns] = {}
    for line in lines:
        if np.isfinite(line.y).sum() >= 10 and (line.lead not in chosen or line.y.size > chosen[line.lead].y.size):
            chosen[line.lead] = line
    if not chosen:
        return {}
    repeats = _repeats(page.seen)
    known = [v for v in repeats.values() if np.isfinite(v)]
    usual = float(np.median(known)) if known else 0.3
    common = {**_of_picture(page), **_of_scale(page), **_of_beats(page), **_of_all(list(chosen.values()))}
    common["repeat_page"] = np.log(usual + 0.01)
    found = {}
    for lead, line in chosen.items():
        own = repeats.get(lead, usual)
        signs = {**_of_ink(line), **_of_shape(line, page), **common}
        signs["repeat"] = np.log((own if np.isfinite(own) else usual) + 0.01)
        found[lead] = np.array([signs[name] for name in SIGNS])
    return found


def _of_ink(line: LineSigns) -> dict[str, float]:
    """How well the line meets the ink."""
    present = np.isfinite(line.y)
    return {
        "gaps": 1 - line.coverage,
        "overlap": line.overlap,
        "error": float(np.log(line.error + 0.01)),
        "untrusted": float(np.mean(line.weight < 0.5)),
        "ink_on": float(line.on[present].mean()),
        "ink_missing": float((line.on[present] < 0.5).mean()),
        "ink_beside": float(line.beside[:, present].mean()),
    }


def _of_shape(line: LineSigns, page: PageSigns) -> dict[str, float]:
    """How tall, steep, rough and peaked the line is; all are logarithms."""
    y = line.y[np.isfinite(line.y)]
    spread = float(np.std(y))
    steps = np.abs(np.diff(line.y))
    steep = steps[np.isfinite(steps)] / max(line.step_px, 1e-6)
    bend = np.diff(y, 2)
    mm = page.scale.px_per_mm_y
    return {
        "spread_px": float(np.log(spread + 0.05)),
        "spread_mm": float(np.log(spread / mm + 0.01)),
        "height_mm": float(np.log(np.ptp(y) / mm + 0.1)),
        # 20: steeper than that, a pen's width covers the whole stroke.
        "steep": float(np.log(np.mean(np.minimum(steep, 20)) + 0.01)) if steep.size else 0.0,
        "steepest": float(np.log(np.percentile(steep, 99) + 0.1)) if steep.size else 0.0,
        "rough": float(np.log(np.median(np.abs(bend)) / max(line.step_px, 1e-6) + 1e-3)),
        "rough_share": float(np.log(np.mean(bend**2) / (spread**2 + 1e-3) + 1e-6)),
        "peaked": float(np.log(np.mean((y - y.mean()) ** 4) / (spread**4 + 1e-6) + 0.1)),
        "error_share": float(np.log(line.error / (spread / max(page.pen_px, 0.5) + 0.02) + 1e-3)),
        "seconds": float(np.log(line.y.size / page.seen.fs)),
        "limb": float(line.lead in _LIMB),
    }


def _of_picture(page: PageSigns) -> dict[str, float]:
    """How sharp, dark and straight the picture is."""
    widths = np.diff(np.asarray(page.bounds_px, dtype=np.float64))
    uneven = float(np.abs(widths / np.median(widths) - 1).max()) if widths.size > 1 else 0.0
    mm = page.scale.px_per_mm_y
    return {
        "px_per_mm": float(np.log(mm)),
        "stretch": abs(float(np.log(page.scale.px_per_mm_x / mm))),
        "pen_mm": page.pen_px / mm,
        "softness_mm": page.softness_px / mm,
        "contrast": page.contrast,
        "coherence": page.coherence,
        "strength": page.strength,
        "bent": float(page.residual_mm is not None),
        # 50 µm: a third of a pixel at 200 dpi, as good as flat.
        "bent_mm": -3.0 if page.residual_mm is None else float(np.log(page.residual_mm + 0.05)),
        "uneven": uneven,
    }


def _of_scale(page: PageSigns) -> dict[str, float]:
    """How scale and layout are known."""
    pulse = 0.05  # what is believed of a pulse that is not there: as far off as a bad one
    if page.pulses_px:
        height = float(np.median(page.pulses_px)) / page.scale.px_per_mm_y
        pulse = min(0.3, abs(float(np.log(height / page.scale.gain_mm_per_mv))))
    return {
        "margin": page.margin,
        "named": page.named / max(page.places, 1),
        "scale_doubts": float(min(page.scale_doubts, 4)),
        "layout_doubts": float(min(page.layout_doubts, 4)),
        "by_grid": float(page.grid),
        "gain_by_pulse": float(page.gain_by_pulse),
        "gain_assumed": float(page.gain_assumed),
        "speed_assumed": float(page.speed_assumed),
        "pulse_off": pulse,
    }


def _of_beats(page: PageSigns) -> dict[str, float]:
    """Whether the leads agree with each other. What cannot be told is taken as usual."""
    law = limb_residual(page.seen)
    two = page.seen["II"] if "II" in page.seen.leads else np.zeros(1)
    spread = float(np.std(two[np.isfinite(two)])) if np.isfinite(two).any() else 0.0
    einthoven, goldberger = (v / spread if spread > 0 else np.nan for v in (law.einthoven_mv, law.goldberger_mv))
    direction = time_direction(page.seen)
    return {
        "einthoven": float(np.log((einthoven if np.isfinite(einthoven) else 0.3) + 0.01)),
        "goldberger": float(np.log((goldberger if np.isfinite(goldberger) else 0.3) + 0.01)),
        "law": float(law.r) if np.isfinite(law.r) else 0.8,
        "has_law": float(np.isfinite(law.r)),
        "together": 0.7 if page.together is None else page.together,
        "direction": 0.0 if direction is None else float(np.clip(direction, -3, 3)),
        "rate": 0.0 if page.rate is None else float(np.log(page.rate / 75)),
    }


def _of_all(lines: Sequence[LineSigns]) -> dict[str, float]:
    """Medians over the leads of the page, which is seldom good in one alone."""
    return {
        "error_page": float(np.log(np.median([line.error for line in lines]) + 0.01)),
        "gaps_page": float(np.median([1 - line.coverage for line in lines])),
        "overlap_page": float(np.median([line.overlap for line in lines])),
        "lines": float(np.log(len(lines))),
    }


def _repeats(seen: ECGRecord) -> Mapping[str, float]:
    """How much beats of a lead differ from its median beat, as a share of its power; NaN where fewer than two show."""
    beats, half = beat_places(seen), round(_BEAT_S * seen.fs)
    found = {}
    for lead, line in zip(seen.leads, seen.signal.astype(np.float64), strict=True):
        cut = [line[b - half : b + half + 1] for b in beats if half <= b < line.size - half]
        whole = np.array([c - c.mean() for c in cut if np.isfinite(c).all()])
        if len(whole) < 2:
            found[lead] = np.nan
            continue
        usual = np.median(whole, axis=0)
        left = float(np.median(((whole - usual) ** 2).mean(axis=1)))
        found[lead] = left / (float((usual**2).mean()) + 1e-6)
    return found


#: Names of the numbers, in their order.
SIGNS = (
    *("gaps", "overlap", "error", "untrusted", "ink_on", "ink_missing", "ink_beside"),
    *("spread_px", "spread_mm", "height_mm", "steep", "steepest", "rough", "rough_share", "peaked", "error_share"),
    *("seconds", "limb", "px_per_mm", "stretch", "pen_mm", "softness_mm", "contrast", "coherence", "strength"),
    *("bent", "bent_mm", "uneven", "margin", "named", "scale_doubts", "layout_doubts", "by_grid", "gain_by_pulse"),
    *("gain_assumed", "speed_assumed", "pulse_off", "einthoven", "goldberger", "law", "has_law", "together"),
    *("direction", "rate", "error_page", "gaps_page", "overlap_page", "lines", "repeat_page", "repeat"),
)
