"""Limb leads weighed against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitize.algebra import reconciled
from digitize.evidence import LIMB
from digitize.lines import LineReading, Place
from digitize.result import LeadTrace
from ecg import LeadBox

_RNG = np.random.default_rng(8)
_N = 1000


def _heart() -> dict[str, np.ndarray]:
    t = np.arange(_N) / 400
    one, two = np.sin(2 * np.pi * 1.3 * t) * 40, np.sin(2 * np.pi * 2.1 * t + 1) * 55
    return {lead: a * one + b * two for lead, (a, b) in LIMB.items()}


def _reading(lead: str, up: np.ndarray, noise: float, row: int, strip: bool = False, level: float = 100.0):
    y = level - up + noise * _RNG.standard_normal(_N)
    trace = LeadTrace(LeadBox(lead, (0.0, 0.0, 1000.0, 200.0), 0.0, 2.5), np.arange(_N, dtype=float), y, level)
    place = Place(lead, row, 0, strip, 0.0, 1000.0, None, (), ())
    return LineReading(trace, 1.0, 0.0, 0.1, np.ones(_N), 0.1), place


def _page(leads, noise: float = 1.0):
    heart = _heart()
    pairs = [_reading(lead, heart[lead], noise, row) for row, lead in enumerate(leads)]
    return [r for r, _ in pairs], [p for _, p in pairs], heart


def _error(reading: LineReading, up: np.ndarray) -> float:
    read = reading.trace.baseline_px - reading.trace.y
    return float(np.std(read - up))


def test_six_leads_in_one_column_lose_two_thirds_of_their_variance() -> None:
    readings, places, heart = _page(("I", "II", "III", "aVR", "aVL", "aVF"))
    agreed = reconciled(readings, places)
    before = np.mean([_error(r, heart[r.trace.box.lead]) ** 2 for r in readings])
    after = np.mean([_error(r, heart[r.trace.box.lead]) ** 2 for r in agreed])
    # Six lines, two unknowns: a third of the variance is left where all err alike, and a little of it is chance.
    assert after / before == pytest.approx(1 / 3, abs=0.12)


def test_a_strip_of_the_same_seconds_is_a_fourth_witness() -> None:
    readings, places, heart = _page(("I", "II", "III"))
    strip, place = _reading("II", heart["II"], 1.0, 3, strip=True)
    three = reconciled(readings, places)
    four = reconciled([*readings, strip], [*places, place])
    assert _error(four[1], heart["II"]) < 0.85 * _error(three[1], heart["II"])
    assert four[3].trace.y == pytest.approx(four[1].trace.y, abs=1.0)


def test_a_beat_that_went_wrong_in_one_lead_is_put_right_by_three_others() -> None:
    readings, places, heart = _page(("I", "II", "III", "aVR", "aVL"), noise=0.3)
    wrong = readings[2].trace.y.copy()
    wrong[300:340] -= 60
    weight = np.ones(_N)
    weight[300:340] = 0.1
    readings[2] = replace(readings[2], trace=replace(readings[2].trace, y=wrong), weight=weight)
    agreed = reconciled(readings, places)
    assert np.abs((100 - agreed[2].trace.y - heart["III"])[305:335]).max() < 6
    assert _error(agreed[0], heart["I"]) < 1.0


def test_levels_stay_as_they_were_read() -> None:
    heart = _heart()
    pairs = [_reading(lead, heart[lead] + 7 * k, 0.2, k) for k, lead in enumerate(("I", "II", "III"))]
    agreed = reconciled([r for r, _ in pairs], [p for _, p in pairs])
    for (before, _), after in zip(pairs, agreed, strict=True):
        assert np.median(after.trace.y - before.trace.y) == pytest.approx(0, abs=0.05)


def test_leads_that_do_not_belong_together_are_left_alone() -> None:
    heart = _heart()
    swapped = [
        _reading(lead, heart[other], 0.2, k)
        for k, (lead, other) in enumerate((("I", "aVF"), ("II", "aVR"), ("III", "I")))
    ]
    readings, places = [r for r, _ in swapped], [p for _, p in swapped]
    for before, after in zip(readings, reconciled(readings, places), strict=True):
        assert np.array_equal(before.trace.y, after.trace.y)


def test_a_gap_stays_a_gap() -> None:
    readings, places, _ = _page(("I", "II", "III"))
    y = readings[0].trace.y.copy()
    y[100:150] = np.nan
    readings[0] = replace(readings[0], trace=replace(readings[0].trace, y=y))
    agreed = reconciled(readings, places)
    assert np.isnan(agreed[0].trace.y[100:150]).all()
    assert np.isfinite(agreed[1].trace.y).all()


def test_two_leads_alone_say_nothing_of_each_other() -> None:
    readings, places, _ = _page(("I", "III"))
    agreed = reconciled(readings, places)
    assert all(np.array_equal(a.trace.y, b.trace.y) for a, b in zip(agreed, readings, strict=True))
