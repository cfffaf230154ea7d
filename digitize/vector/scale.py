"""Scale of a vector page: from its grid lines, calibration pulses and printed text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitize.options import DigitizeOptions
from digitize.result import ScaleEvidence
from digitize.vector.grid import POINTS_PER_MM, VectorGrid
from digitize.vector.traces import Row
from ecg import PaperScale
from ecg.formats.pdf_paths import Word
from ecg.paper import DEFAULT_GAIN_MM_PER_MV, DEFAULT_SPEED_MM_PER_S

__all__ = ["ScaleReading", "printed_scale", "read_scale"]

_SPEED = re.compile(r"(\d+(?:[.,]\d+)?)\s*mm\s*/\s*s(?:ec|ek)?\b", re.IGNORECASE)
_GAIN = re.compile(r"(\d+(?:[.,]\d+)?)\s*mm\s*/\s*mV\b", re.IGNORECASE)

#: Settings that carts offer (mm/s, mm/mV). A printed number outside 5 to 100 mm/s or 1 to 50 mm/mV is none.
_SPEEDS, _GAINS = (12.5, 25.0, 50.0, 100.0), (2.5, 5.0, 10.0, 20.0, 40.0)
_SPEED_RANGE, _GAIN_RANGE = (5.0, 100.0), (1.0, 50.0)

#: A pulse lasts 0.2 s where its width means time at all (as 5 mm at 25 mm/s).
_PULSE_S = 0.2
#: A pulse is as high or wide as a setting says if it differs by less than this: 2 % are a fifth of a millimetre of 10.
_SAME = 0.02
#: Rows of a page last from 2 to 60 s: under two seconds is no recording, a minute is a long rhythm page.
_ROW_S = (2.0, 60.0)


@dataclass(frozen=True)
class ScaleReading:
    """Scale in points per millimetre and how it was found.

    Parameters
    ----------
    scale : PaperScale or None
        None where nothing on the page gives the size of a millimetre.
    evidence : ScaleEvidence or None
    assumed, reasons : tuple of str
        What was taken for granted; what speaks against the reading.
    """

    scale: PaperScale | None
    evidence: ScaleEvidence | None
    assumed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def printed_scale(runs: Sequence[Word]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """All paper speeds (mm/s) and gains (mm/mV) that the text states.

    Examples
    --------
    >>> printed_scale([Word("25 mm/s 10 mm/mV 0.05-150 Hz", (0, 0, 1, 1))])
    ((25.0,), (10.0,))
    """
    text = " | ".join(run.text for run in runs)
    return _numbers(_SPEED, text, _SPEED_RANGE), _numbers(_GAIN, text, _GAIN_RANGE)


def _numbers(pattern: re.Pattern[str], text: str, limits: tuple[float, float]) -> tuple[float, ...]:
    values = {float(m[1].replace(",", ".")) for m in pattern.finditer(text)}
    return tuple(sorted(v for v in values if limits[0] <= v <= limits[1]))


def read_scale(
    grid: VectorGrid | None,
    drawn: tuple[float, float] | None,
    rows: Sequence[Row],
    runs: Sequence[Word],
    options: DigitizeOptions,
    px_per_pt: tuple[float, float],
) -> ScaleReading:
    """Put the scale together: a person's word, then the page's.

    The grid gives the millimetre, whatever size the page was printed to: its lines, or where they are a picture under
    the paths, the grid as the page's picture shows it. A pulse is 1 mV high: it gives the gain where
    there is a grid, and the millimetre where there is none. Speed and gain that nothing tells are 25 mm/s and
    10 mm/mV, and are listed as assumed.

    Parameters
    ----------
    grid : VectorGrid or None
    drawn : tuple of float or None
        Points per millimetre in x and y of a grid that only the page's picture shows.
    rows : sequence of Row
    runs : sequence of Word
        The page's writing, joined to runs.
    options : DigitizeOptions
    px_per_pt : tuple of float
        Pixels of the page's picture per point in x and y, the unit of ``options.px_per_mm``.
    """
    reasons: list[str] = []
    assumed: list[str] = []
    speeds, gains = printed_scale(runs)
    for what, values in (("speeds", speeds), ("gains", gains)):
        if len(values) > 1:
            reasons.append(f"two {what} are printed: {' and '.join(f'{v:g}' for v in values)}")
    pulses = [pulse for row in rows for pulse in row.pulses]
    high = _common([p.low - p.high for p in pulses], "heights", reasons)
    wide = _common([p.right - p.left for p in pulses], "widths", [])
    gain = options.gain_mm_per_mv or (gains[0] if gains else None)
    size, how_size = _millimetre(grid, drawn, high, gain, options, px_per_pt)
    if size is None:
        return ScaleReading(None, None, (), (*reasons, how_size))
    speed, how_speed = _speed(options, speeds, wide and wide / size[0], rows, size[0])
    measured = high / size[1] if high is not None and how_size != "pulse" else None
    gain, how_gain = _gain(options, gains, measured, reasons)
    if how_speed == "assumed":
        assumed.append(f"speed {speed:g} mm/s")
    if how_gain == "assumed":
        assumed.append(f"gain {gain:g} mm/mV")
    if how_size == "pulse":
        assumed.append("square millimetres")
    if how_size == "assumed":
        assumed.append("the sheet's own millimetres")
    scale = PaperScale(size[0], size[1], speed, gain)
    return ScaleReading(scale, ScaleEvidence(how_size, how_size, how_speed, how_gain), tuple(assumed), tuple(reasons))


def _common(values: Sequence[float], what: str, reasons: list[str]) -> float | None:
    if not values:
        return None
    middle = float(np.median(values))
    if max(values) > 1.03 * middle or min(values) < 0.97 * middle:
        reasons.append(f"the calibration pulses differ in their {what}")
    return middle


def _millimetre(
    grid: VectorGrid | None,
    drawn: tuple[float, float] | None,
    high: float | None,
    gain: float | None,
    options: DigitizeOptions,
    px_per_pt: tuple[float, float],
) -> tuple[tuple[float, float] | None, str]:
    """Points per millimetre in x and y and where they came from; else None and the reason."""
    if options.px_per_mm is not None:
        return (options.px_per_mm[0] / px_per_pt[0], options.px_per_mm[1] / px_per_pt[1]), "given"
    if grid is not None:
        return (grid.pt_per_mm_x, grid.pt_per_mm_y), "vector"
    if drawn is not None:
        return drawn, "grid"
    if high is not None:
        pt = high / (gain or DEFAULT_GAIN_MM_PER_MV)
        return (pt, pt), "pulse"
    if options.force:
        return (POINTS_PER_MM, POINTS_PER_MM), "assumed"
    return None, "expected a grid or a calibration pulse to measure the millimetre by, found neither; give px_per_mm"


def _speed(
    options: DigitizeOptions, printed: Sequence[float], width_mm: float | None, rows: Sequence[Row], pt_per_mm: float
) -> tuple[float, str]:
    if options.speed_mm_per_s is not None:
        return options.speed_mm_per_s, "given"
    if printed:
        return printed[0], "text"
    if width_mm is not None:
        length_mm = max(row.right - row.left for row in rows) / pt_per_mm
        for speed in _SPEEDS:
            # A pulse may be drawn over a sample or two more: 10 % of 5 mm are half a millimetre.
            fits = abs(width_mm / (_PULSE_S * speed) - 1) < 0.1 and _ROW_S[0] <= length_mm / speed <= _ROW_S[1]
            if fits:
                return speed, "pulse"
    return DEFAULT_SPEED_MM_PER_S, "assumed"


def _gain(
    options: DigitizeOptions, printed: Sequence[float], pulse_mm: float | None, reasons: list[str]
) -> tuple[float, str]:
    nominal = pulse_mm
    if pulse_mm is not None:
        nearest = min((*_GAINS, *printed), key=lambda g: abs(g - pulse_mm))
        nominal = nearest if abs(pulse_mm / nearest - 1) < _SAME else pulse_mm
    if options.gain_mm_per_mv is not None:
        return options.gain_mm_per_mv, "given"
    if printed:
        if nominal is not None and not any(abs(nominal / g - 1) < _SAME for g in printed):
            reasons.append(f"the text says {printed[0]:g} mm/mV, the calibration pulse is {pulse_mm:.2f} mm high")
        return printed[0], "text"
    if nominal is not None:
        return nominal, "pulse"
    return DEFAULT_GAIN_MM_PER_MV, "assumed"
