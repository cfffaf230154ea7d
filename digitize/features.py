"""The signs of a reading as numbers, lead by lead: what its fidelity is predicted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digitize.direction import beat_places, time_direction, whole_beats
from digitize.ranks import median, median_along, percentile
from digitize.signs import LineSigns, PageSigns
from ecg import ECGRecord, limb_residual

__all__ = ["SIGNS", "lead_signs"]

Double = NDArray[np.float64]

#: Half a beat, in s: mean beats are compared over the QRS complex and most of the T wave.
_BEAT_S = 0.25
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
#: Seconds that devices print in a line or column, and how far off a line's length is told.
_LENGTHS_S, _LENGTH_OFF = (2.5, 3.0, 5.0, 6.0, 10.0), 0.1
#: Farthest that two prints of the same seconds are moved against each other, in s: 1 mm.
_MOVE_S = 0.04


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
    common.update(_of_strips(lines, page.seen.fs))
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
        "moved_px": float(np.log(line.moved_px + 0.02)),
        "doubt_px": float(np.log(line.doubt_px + 0.02)),
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
        "steepest": float(np.log(percentile(steep, 99) + 0.1)) if steep.size else 0.0,
        "rough": float(np.log(median(np.abs(bend)) / max(line.step_px, 1e-6) + 1e-3)),
        "rough_share": float(np.log(np.mean(bend**2) / (spread**2 + 1e-3) + 1e-6)),
        "peaked": float(np.log(np.mean((y - y.mean()) ** 4) / (spread**4 + 1e-6) + 0.1)),
        # What the refiner mended tells how much it may have left, and it says so itself.
        "moved_share": float(np.log(line.moved_px / (spread + 0.05) + 0.003)),
        "doubt_share": float(np.log(line.doubt_px / (spread + 0.05) + 0.003)),
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
        # 0.0025: a sheet as smooth as the smoothest that were bent back.
        "ripple": -6.0 if page.ripple is None else float(np.log(page.ripple + 0.0025)),
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
        "length_off": _length_off((page.bounds_px[-1] - page.bounds_px[0]) / page.scale.px_per_s),
    }


def _length_off(seconds: float) -> float:
    """How far a line's length is from the nearest that devices print, as a share of it."""
    return min(_LENGTH_OFF, min(abs(float(np.log(max(seconds, 1e-3) / usual))) for usual in _LENGTHS_S))


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
        "moved_page": float(np.log(np.median([line.moved_px for line in lines]) + 0.02)),
        "doubt_page": float(np.log(np.median([line.doubt_px for line in lines]) + 0.02)),
        "gaps_page": float(np.median([1 - line.coverage for line in lines])),
        "overlap_page": float(np.median([line.overlap for line in lines])),
        "lines": float(np.log(len(lines))),
    }


def _of_strips(lines: Sequence[LineSigns], fs: float) -> dict[str, float]:
    """How well leads that are printed twice agree over the same seconds; what cannot be told is taken as usual."""
    left = []
    for k, short in enumerate(lines):
        for long in (*lines[:k], *lines[k + 1 :]):
            if long.lead == short.lead and long.y.size > 1.5 * short.y.size:
                left.append(
                    _difference(short.y, long.y, round((short.start_s - long.start_s) * fs), round(_MOVE_S * fs))
                )
    known = [v for v in left if np.isfinite(v)]
    return {
        "strip": float(np.log(np.median(known) + 0.01)) if known else -2.5,
        "has_strip": float(bool(known)),
    }


def _difference(short: Double, long: Double, at: int, most: int) -> float:
    """Variance of the difference of two lines as a share of the second's, at the best shift; NaN where they part."""
    best = np.nan
    for shift in range(-most, most + 1, 2):
        first = at + shift
        other = long[max(first, 0) : max(first + short.size, 0)]
        own = short[max(-first, 0) :][: other.size]
        both = np.isfinite(own) & np.isfinite(other)
        if both.sum() < 0.5 * short.size:
            continue
        power = float(np.var(other[both]))
        if power > 1e-6:
            best = np.fmin(best, float(np.var(own[both] - other[both])) / power)
    return float(best)


def _repeats(seen: ECGRecord) -> Mapping[str, float]:
    """How much beats of a lead differ from its median beat, as a share of its power; NaN where fewer than two show."""
    beats, half = beat_places(seen), round(_BEAT_S * seen.fs)
    found = {}
    for lead, line in zip(seen.leads, seen.signal.astype(np.float64), strict=True):
        whole = whole_beats(line, beats, half, half)
        if len(whole) < 2:
            found[lead] = np.nan
            continue
        whole -= whole.mean(axis=1, keepdims=True)
        usual = median_along(whole, 0)
        left = median(((whole - usual) ** 2).mean(axis=1))
        found[lead] = left / (float((usual**2).mean()) + 1e-6)
    return found


#: Names of the numbers, in their order.
SIGNS = (
    *("gaps", "overlap", "error", "untrusted", "ink_on", "ink_missing", "ink_beside"),
    *("spread_px", "spread_mm", "height_mm", "steep", "steepest", "rough", "rough_share", "peaked", "error_share"),
    *("seconds", "limb", "px_per_mm", "stretch", "pen_mm", "softness_mm", "contrast", "coherence", "strength"),
    *("bent", "bent_mm", "ripple", "uneven", "length_off", "strip", "has_strip", "margin", "named", "scale_doubts"),
    *("layout_doubts", "by_grid", "gain_by_pulse", "gain_assumed", "speed_assumed", "pulse_off", "einthoven"),
    *("goldberger", "law", "has_law", "together", "direction", "rate", "error_page", "gaps_page", "overlap_page"),
    *("lines", "repeat_page", "repeat", "moved_px", "moved_share", "moved_page"),
    *("doubt_px", "doubt_share", "doubt_page"),
)
