"""The benchmark of silent errors: what it calls wrong, and that its table follows from its result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import wrong_signals
from benchmarks.wrong_pages import WRONG, wrong_page
from benchmarks.wrong_signals import outcome, render_wrong_signals, summary, wrong_leads
from ecg import ECGRecord
from synth import sample_physiology, synthesize_record


@pytest.fixture(scope="module")
def truth() -> ECGRecord:
    return synthesize_record(sample_physiology(np.random.default_rng(4), "norm"))


def changed(record: ECGRecord, **leads: np.ndarray) -> ECGRecord:
    signal = np.array(record.signal)
    for lead, values in leads.items():
        signal[record.leads.index(lead)] = values
    return ECGRecord(signal, record.fs, record.leads)


def test_leads_are_wrong_by_their_shape_their_height_or_by_being_there(truth: ECGRecord) -> None:
    assert wrong_leads(truth, truth) == ()
    assert wrong_leads(truth, changed(truth, II=0.5 * truth["II"])) == ("II",)
    assert wrong_leads(truth, changed(truth, V1=truth["V5"], V5=truth["V1"])) == ("V1", "V5")
    assert wrong_leads(changed(truth, V6=np.full(truth["V6"].size, np.nan)), truth) == ("V6",)
    noise = np.random.default_rng(0).normal(0, 0.02, truth["II"].size)
    assert wrong_leads(truth, changed(truth, II=truth["II"] + noise.astype(np.float32))) == ()


def test_what_is_missing_in_the_reading_is_not_wrong(truth: ECGRecord) -> None:
    assert wrong_leads(truth, changed(truth, V6=np.full(truth["V6"].size, np.nan))) == ()


def test_a_gain_is_wrong_as_assumed_only_where_the_reading_says_so(truth: ECGRecord) -> None:
    half = ECGRecord(np.float32(0.5) * truth.signal, truth.fs, truth.leads)
    assert wrong_signals._as_assumed(truth, half, ("gain 10 mm/mV",))
    assert not wrong_signals._as_assumed(truth, half, ("paper speed 25 mm/s",))
    other = changed(half, II=half["V1"])
    assert not wrong_signals._as_assumed(truth, other, ("gain 10 mm/mV",))


def test_pages_of_a_kind_are_the_same_every_time() -> None:
    kind = "right eighth cut off"
    first, again = wrong_page(kind, 0), wrong_page(kind, 0)
    np.testing.assert_array_equal(first.page.image, again.page.image)
    assert not np.array_equal(first.truth.signal, wrong_page(kind, 1).truth.signal)


def test_every_kind_draws_a_page_with_its_truth() -> None:
    for kind in ("mirrored", "right half of another person", "pen stops at 8 mm", "V1 and V6 named for each other"):
        page = wrong_page(kind, 0)
        assert page.page.image.ndim == 3
        assert np.isfinite(page.truth.signal).any()
    assert len(WRONG) >= 40


def test_a_mirrored_page_is_refused() -> None:
    result, words = outcome(wrong_page("mirrored", 0))
    assert result == "refused"
    assert "mirrored" in words


def test_the_table_follows_from_the_result(tmp_path: Path) -> None:
    found = [("cut", "silent", "V1 wrong"), ("cut", "right", ""), ("cut", "right", ""), ("turned", "refused", "no")]
    path = tmp_path / "wrong_signals.json"
    path.write_text(json.dumps(summary(found)), encoding="utf-8")
    text = render_wrong_signals(path)
    assert "| cut | 2 | – | – | – | 1 |" in text
    assert "| **all 4** | **2** | **0** | **1** | **0** | **1** |" in text
    assert "run `python -m benchmarks.wrong_signals`" in render_wrong_signals(tmp_path / "none.json")
