"""Which way time runs along lines without names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitize import digitize
from digitize.direction import beat_places, time_direction, whole_beats
from digitize.quality import judge_page
from digitize.result import LeadQuality
from ecg import LEADS, ECGRecord, Page
from synth import PageStyle, render, sample_physiology, synthesize_record

GOOD = dict.fromkeys(LEADS, LeadQuality(1.0, 0.9, 0.0, 20.0, "good"))


def backwards(record: ECGRecord) -> ECGRecord:
    return ECGRecord(record.signal[:, ::-1], record.fs, record.leads)


@pytest.mark.parametrize("seed", range(6))
def test_hearts_run_forward_and_mirrored_ones_backwards(seed: int) -> None:
    record = synthesize_record(sample_physiology(np.random.default_rng(seed), "norm"))
    forward, backward = time_direction(record), time_direction(backwards(record))
    assert forward is not None
    assert backward is not None
    assert forward > 0 > backward
    assert backward == pytest.approx(-forward, abs=0.2)


def test_the_ratio_is_that_of_the_waves_variances() -> None:
    """Waves of 0.3 and 0.1 mV at the same distance behind and before: their variances are as 9 to 1."""
    t = np.arange(5000) / 500 % 1.0
    beat = np.exp(-(((t - 0.5) / 0.012) ** 2))
    for at, height in ((0.3, 0.1), (0.7, 0.3)):
        beat = beat + height * np.exp(-(((t - at) / 0.03) ** 2))
    found = time_direction(ECGRecord(np.stack([beat] * 6), 500, LEADS[:6]))
    assert found == pytest.approx(np.log(9), abs=0.05)


def test_beats_stand_where_the_leads_move_together() -> None:
    t = np.arange(5000) / 500
    beat = np.exp(-(((t % 0.8 - 0.4) / 0.012) ** 2))
    found = beat_places(ECGRecord(np.stack([beat, -beat, 2 * beat]), 500, LEADS[:3]))
    assert found.size == 13, "the last one begins as the record ends"
    np.testing.assert_allclose(found[:12] / 500, 0.4 + 0.8 * np.arange(12), atol=0.01)


def test_lines_without_beats_tell_no_direction() -> None:
    flat = ECGRecord(np.zeros((12, 5000)), 500, LEADS)
    assert time_direction(flat) is None
    assert time_direction(ECGRecord(np.full((12, 5000), np.nan), 500, LEADS)) is None


def test_only_pages_without_names_are_doubted(heart: ECGRecord) -> None:
    status, reasons = judge_page(backwards(heart), GOOD, (), 0.8, named=0)
    assert status == "review"
    assert any("mirrored" in r for r in reasons)
    assert judge_page(backwards(heart), GOOD, (), 0.8, named=12)[0] == "accepted"
    assert judge_page(heart, GOOD, (), 0.8, named=0)[0] == "accepted"


def test_a_mirrored_page_without_names_is_not_accepted(heart: ECGRecord) -> None:
    style = replace(PageStyle(dpi=100.0), names="none", pulse="none", scale_text=False)
    image = np.asarray(render(heart, None, style).page.image)
    reading = digitize(Page(np.ascontiguousarray(image[:, ::-1])))
    assert reading.status == "review"
    assert any("mirrored" in r for r in reading.reasons)
    assert not any("mirrored" in r for r in digitize(Page(image)).reasons)


def test_beats_are_whole_that_lie_inside_and_are_known_throughout() -> None:
    line = np.arange(20.0)
    line[9] = np.nan
    found = whole_beats(line, np.array([1, 2, 8, 14, 16, 17]), 2, 3)
    np.testing.assert_array_equal(found, [[0, 1, 2, 3, 4, 5], [12, 13, 14, 15, 16, 17], [14, 15, 16, 17, 18, 19]])
    assert whole_beats(line, np.zeros(0, np.int64), 2, 3).shape == (0, 6)
