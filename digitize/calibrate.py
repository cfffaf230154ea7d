"""From pixels to millivolts and seconds: the scale, with its evidence, and the lines put on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.grid import GridMeasure
from digitize.options import DigitizeOptions
from digitize.pulse import Pulse, agreed_height
from digitize.result import LeadTrace, ScaleEvidence
from digitize.text import PrintedScale
from ecg import LEADS, ECGRecord, PaperScale
from ecg.errors import DigitizationError
from ecg.paper import DEFAULT_GAIN_MM_PER_MV, DEFAULT_SPEED_MM_PER_S, MM_PER_INCH

__all__ = ["Calibration", "calibrate", "to_record"]

#: Gains and speeds that devices print (mm/mV, mm/s).
_GAINS = (2.5, 5.0, 10.0, 20.0)

#: A pulse within 8 % of a gain's height means that gain: pens are 3 % of 10 mm, the next gain is a factor of 2 away.
_PULSE_TOLERANCE = 0.08

#: Resolutions that programs write when they do not know.
_IDLE_DPI = (72, 96)
#: How well the pulses must confirm a file's resolution before it is taken: pens are 3 % of 10 mm, and their middle is
#: found to a third of that.
_SAME_SCALE = 0.01


@dataclass(frozen=True)
class Calibration:
    """The scale of a page and how it is known.

    Parameters
    ----------
    scale : PaperScale
    evidence : ScaleEvidence
    assumed : tuple of str
        What the page does not say.
    doubts : tuple of str
        Where its evidence disagrees.
    """

    scale: PaperScale
    evidence: ScaleEvidence
    assumed: tuple[str, ...]
    doubts: tuple[str, ...]


def calibrate(
    grid: GridMeasure | None,
    pulses: Sequence[Pulse],
    printed: PrintedScale,
    options: DigitizeOptions,
    dpi: float | None = None,
) -> Calibration:
    """Find a page's scale from its grid, pulses and printed texts.

    Parameters
    ----------
    grid : GridMeasure or None
    pulses : sequence of Pulse
    printed : PrintedScale
        Speeds and gains that the page prints.
    options : DigitizeOptions
        What a person gave takes precedence.
    dpi : float, optional
        What the file states; only a check.

    Returns
    -------
    Calibration

    Raises
    ------
    DigitizationError
        If neither grid nor pulse nor a person gives pixels per millimetre.
    """
    doubts: list[str] = []
    assumed: list[str] = []
    height = agreed_height(pulses)
    if pulses and height is None:
        doubts.append("the calibration pulses differ in height")
    speed, speed_how = _printed(printed.texts, "mm/s", options.speed_mm_per_s, doubts)
    gain, gain_how = _printed(printed.texts, "mm/mV", options.gain_mm_per_mv, doubts)
    if options.px_per_mm is not None:
        (x, y), how = options.px_per_mm, "given"
    elif grid is not None:
        x, y, how = grid.px_per_mm_x, grid.px_per_mm_y, "grid"
    elif height is not None:
        x = y = _of_the_file(height / (gain or DEFAULT_GAIN_MM_PER_MV), dpi, assumed)
        how = "pulse"
    else:
        raise DigitizationError(
            "grid", "neither a grid nor a calibration pulse tells the scale", "say --px-per-mm X,Y if you know it"
        )
    if height is not None and how != "pulse":
        said = gain
        gain, gain_how = _gain_by_pulse(height / y, len(pulses), said, gain_how, doubts)
        if gain_how == "pulse" and gain not in (DEFAULT_GAIN_MM_PER_MV, said) and len(pulses) == 1:
            doubts.append(f"the gain of {gain:g} mm/mV rests on one calibration pulse alone")
    if speed is None:
        speed, speed_how = DEFAULT_SPEED_MM_PER_S, "assumed"
        assumed.append("paper speed 25 mm/s")
    if gain is None:
        gain, gain_how = DEFAULT_GAIN_MM_PER_MV, "assumed"
        assumed.append("gain 10 mm/mV")
    if how == "pulse":
        assumed.append("the same scale along time as along voltage")
    elif abs(x / y - 1) > 0.1:
        doubts.append(f"the scale differs by {abs(x / y - 1):.0%} between time and voltage")
    _check_unsure(printed.unsure, (speed, speed_how), (gain, gain_how), doubts)
    _check_dpi(dpi, y, how, doubts)
    return Calibration(
        PaperScale(x, y, speed, gain), ScaleEvidence(how, how, speed_how, gain_how), tuple(assumed), tuple(doubts)
    )


def _of_the_file(px_per_mm: float, dpi: float | None, assumed: list[str]) -> float:
    """Scale that the pulses tell, or that of the file's resolution where they agree: it is known better.

    A tenth of a percent of the scale moves the end of ten seconds by a pen's width.
    """
    if dpi is None or dpi in _IDLE_DPI or abs(px_per_mm * MM_PER_INCH / dpi - 1) > _SAME_SCALE:
        return px_per_mm
    assumed.append(f"the scale of {dpi:g} dpi that the file tells, which the pulse confirms")
    return dpi / MM_PER_INCH


def _printed(texts: Sequence[str], unit: str, given: float | None, doubts: list[str]) -> tuple[float | None, str]:
    """Value of the printed scale text of a unit, unless a person gave it; a doubt where two texts disagree."""
    if given is not None:
        return given, "given"
    values = sorted({float(t.removesuffix(unit)) for t in texts if t.endswith(unit)})
    if len(values) > 1:
        # One gain for the limb and another for the chest leads is common; one scale cannot be both.
        listed = " and ".join(f"{v:g}" for v in values)
        doubts.append(f"the page prints {listed} {unit}: say which leads have which scale")
    return (values[0], "text") if len(values) == 1 else (None, "assumed")


def _check_unsure(unsure: Sequence[str], speed: tuple[float, str], gain: tuple[float, str], doubts: list[str]) -> None:
    """Doubt a speed or gain that no pulse and no person confirms where the page may print another."""
    for unit, (value, how) in (("mm/s", speed), ("mm/mV", gain)):
        others = sorted({float(t.removesuffix(unit)) for t in unsure if t.endswith(unit)} - {value})
        if others and how in ("assumed", "text"):
            listed = " or ".join(f"{v:g}" for v in others)
            doubts.append(f"the page may print {listed} {unit}, hard to read; {value:g} was taken")


def _gain_by_pulse(
    height_mm: float, n_pulses: int, gain: float | None, how: str, doubts: list[str]
) -> tuple[float | None, str]:
    """Gain that the pulses imply; a contradiction is a doubt.

    A person's word wins over pulses, and these over text, unless a single one says what is unusual and the text does
    not: a step of the trace may look like a pulse.
    """
    nearest = min(_GAINS, key=lambda g: abs(np.log(height_mm / g)))
    if abs(height_mm / nearest - 1) > _PULSE_TOLERANCE:
        doubts.append(f"the calibration pulse is {height_mm:.1f} mm tall, which fits no gain")
        return gain, how
    if gain is None or how == "given":
        if gain is not None and gain != nearest:
            doubts.append(f"the calibration pulse implies {nearest:g} mm/mV, given is {gain:g}")
        return (nearest, "pulse") if gain is None else (gain, how)
    if gain != nearest:
        doubts.append(f"the printed gain is {gain:g} mm/mV, but the calibration pulse implies {nearest:g}")
        return (gain, how) if n_pulses == 1 and gain == DEFAULT_GAIN_MM_PER_MV else (nearest, "pulse")
    return nearest, "pulse"


def _check_dpi(dpi: float | None, px_per_mm: float, how: str, doubts: list[str]) -> None:
    # A 5x error is a 1 mm grid taken for 5 mm.
    if dpi is None or dpi in _IDLE_DPI or how == "given":
        return
    ratio = px_per_mm * MM_PER_INCH / dpi
    if 4 < ratio < 6 or 1 / 6 < ratio < 1 / 4:
        doubts.append(f"the file says {dpi:g} dpi, five times off the {how}'s {px_per_mm * MM_PER_INCH:.0f} dpi")


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
