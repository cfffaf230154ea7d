"""Signs of how well a page was read: numbers from which the fidelity of each lead is predicted.

None of them knows the truth. They are what a careful person would look at: how well the drawn line meets the ink, what
else touches it, whether beats of one lead repeat and those of all leads coincide, whether the limb leads keep their
law, how the scale is known, and how sharp and straight the picture is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.calibrate import Calibration
from digitize.dewarp import Flattening
from digitize.layout import LayoutMatch
from digitize.lines import LineReading
from digitize.pulse import Pulse
from digitize.sheet import Sheet
from digitize.stroke import Pen
from ecg import ECGRecord, PaperScale

__all__ = ["LineSigns", "PageSigns", "ink_beside", "line_signs", "page_signs", "ripple"]

Double = NDArray[np.float64]

#: Distances from the line, in mm, at which the paper should be bare: beyond the widest pen, and before the next line.
_BESIDE_MM = (-2.4, -1.2, 1.2, 2.4)


@dataclass(frozen=True, eq=False)
class LineSigns:
    """What is known of the line of one lead.

    Parameters
    ----------
    lead : str
    y : float array [points]
        Rows of the line in pixels, NaN where nothing was read; one a sample.
    start_s : float
        When the line begins on the page's clock.
    step_px : float
        Columns from point to point.
    weight : float array [points]
        Trust in each point, 0 to 1.
    coverage, overlap, error, moved_px, doubt_px : float
        As in `digitize.lines.LineReading`.
    on, beside : float array [points], [4, points]
        Share of ink under the line, and 1.2 and 2.4 mm above and below it.
    """

    lead: str
    y: Double
    start_s: float
    step_px: float
    weight: Double
    coverage: float
    overlap: float
    error: float
    moved_px: float
    doubt_px: float
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
    ripple : float or None
        How unevenly that sheet was bent back, as `ripple` has it.
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
    ripple: float | None
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
    return LineSigns(
        lead,
        trace.y,
        trace.box.start_s,
        step,
        reading.weight,
        reading.coverage,
        reading.overlap,
        reading.error,
        reading.moved_px,
        reading.doubt_px,
        on,
        beside,
    )


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

    offsets = np.array([0.0, *_BESIDE_MM])[:, None] * px_per_mm
    rows = np.rint(level + offsets).astype(np.int64).clip(0, share.shape[0] - 1)
    ink: Double = share[rows, columns].clip(0, 1).astype(np.float64)
    return ink[0], ink[1:]


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
        ripple=None if flat is None else ripple(flat),
        together=beats_together(seen),
        rate=beat_rate(seen),
    )


def ripple(flat: Flattening) -> float:
    """Measure how unevenly a sheet was bent back: paper bends smoothly, a grid that was misread jumps.

    Parameters
    ----------
    flat : Flattening

    Returns
    -------
    float
        Second differences of its lattice as a share of its steps: the 95th percentiles of both coordinates along both
        axes, squared and summed, and the root of that.

    Examples
    --------
    >>> x, y = np.meshgrid(np.arange(9.0), np.arange(7.0))
    >>> ripple(Flattening(np.eye(3), np.stack([x, y], axis=2), 1, (9, 7), 4.0, 0.0))
    0.0
    """
    lattice = np.asarray(flat.lattice, dtype=np.float64)
    step = float(np.linalg.norm(np.diff(lattice, axis=1), axis=2).mean())
    bends = [np.abs(np.diff(lattice, 2, axis=axis)) / step for axis in (0, 1)]
    high = [float(np.percentile(bend[..., k], 95)) for bend in bends for k in (0, 1)]
    return float(np.sqrt(np.sum(np.square(high))))
