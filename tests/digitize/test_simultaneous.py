"""Limb leads of a column moved to where their law holds."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.evidence import LIMB
from digitize.lines import LineReading, Place
from digitize.result import LeadTrace
from digitize.simultaneous import aligned
from ecg import LeadBox

_N, _PX_PER_S = 1000, 400.0
_X = np.arange(_N, dtype=float)


def _beats(x: np.ndarray, size: float, width: float) -> np.ndarray:
    return sum(size * np.exp(-(((x - at) / width) ** 2)) for at in (150.0, 480.0, 820.0)) + 4 * np.sin(x / 90)


def _heart(lead: str, late_px: float) -> np.ndarray:
    """A lead's height in pixels, printed some pixels too far right."""
    x = _X - late_px
    one, two = _beats(x, 60, 9) - _beats(x - 14, 25, 7), _beats(x - 5, 40, 11)
    a, b = LIMB[lead]
    return a * one + b * two


def _reading(lead: str, late_px: float, rng: np.random.Generator, *, strip: bool = False) -> tuple[LineReading, Place]:
    y = 100 - _heart(lead, late_px) + 0.3 * rng.standard_normal(_N)
    trace = LeadTrace(LeadBox(lead, (0.0, 0.0, _N, 200.0), 0.0, _N / _PX_PER_S), _X, y, 100.0)
    return LineReading(trace, 1.0, 0.0, 0.1, np.ones(_N), 0.1), Place(lead, 0, 0, strip, 0.0, _N, None, (), ())


def _column(late: dict[str, float], strip: str = "", seed: int = 3) -> tuple[list[LineReading], list[Place]]:
    rng = np.random.default_rng(seed)
    pairs = [_reading(lead, px, rng) for lead, px in late.items()]
    if strip:
        pairs.append(_reading(strip, 0.0, rng, strip=True))
    return [r for r, _ in pairs], [p for _, p in pairs]


def _misfit(readings: list[LineReading]) -> float:
    """What II = I + III leaves over, in pixels."""
    up = {r.trace.box.lead: 100 - r.trace.y for r in readings}
    return float(np.std((up["I"] + up["III"] - up["II"])[20:-20]))


def test_leads_out_of_step_are_brought_into_step() -> None:
    readings, places = _column({"I": 3.0, "II": -1.0, "III": -3.0})
    moved = aligned(readings, places, _PX_PER_S)
    assert _misfit(readings) > 5
    assert _misfit(moved) < 0.7, "what is left is the noise"


def test_a_strip_is_the_clock() -> None:
    readings, places = _column({"I": 4.0, "II": 4.0, "III": 4.0}, strip="II")
    moved = aligned(readings, places, _PX_PER_S)
    assert moved[3] is readings[3]
    for reading, lead in zip(moved[:3], ("I", "II", "III"), strict=True):
        away = (100 - reading.trace.y - _heart(lead, 0.0))[20:-20]
        assert np.std(away) < 1.0, "on the strip's clock, not only together"


def test_leads_in_step_and_leads_of_other_seconds_stay() -> None:
    readings, places = _column({"I": 0.0, "II": 0.0, "III": 0.0})
    assert all(a is b for a, b in zip(readings, aligned(readings, places, _PX_PER_S), strict=True))
    # 75 ms late: no paper explains that, and no move within reach mends it.
    late = [readings[0], readings[1], _reading("III", 30.0, np.random.default_rng(1))[0]]
    assert all(a is b for a, b in zip(late, aligned(late, places, _PX_PER_S), strict=True))


def test_gaps_stay_gaps() -> None:
    readings, places = _column({"aVR": 2.5, "aVL": 0.0, "aVF": -2.5})
    readings[0].trace.y[600:640] = np.nan
    moved = aligned(readings, places, _PX_PER_S)
    assert np.isnan(moved[0].trace.y[600:640]).all()
    assert np.isfinite(moved[0].trace.y[:600]).all()
    sums = sum(100 - r.trace.y for r in moved)
    assert np.nanstd(sums[20:-20]) == pytest.approx(0.5, abs=0.4)
