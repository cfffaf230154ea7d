"""The law of the limb leads between columns, on mean beats."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.mean_beats import limb_misfit
from digitize.quality import judge_page
from digitize.result import LeadQuality
from ecg import LEADS, ECGRecord
from synth import sample_physiology, synthesize_record

GOOD = dict.fromkeys(LEADS, LeadQuality(1.0, 0.9, 0.0, 20.0, "good"))


def in_columns(record: ECGRecord) -> ECGRecord:
    """What a page of three rows and four columns shows of ten seconds."""
    signal = np.full(record.signal.shape, np.nan, np.float32)
    for k, lead in enumerate(LEADS):
        span = slice(1250 * (k // 3), 1250 * (k // 3 + 1))
        signal[k, span] = record[lead][span]
    return ECGRecord(signal, record.fs, LEADS)


def exchanged(record: ECGRecord, a: str, b: str) -> ECGRecord:
    signal = np.array(record.signal)
    i, j = LEADS.index(a), LEADS.index(b)
    signal[[i, j]] = signal[[j, i]]
    return ECGRecord(signal, record.fs, LEADS)


@pytest.mark.parametrize("seed", range(4))
def test_leads_of_other_seconds_obey_and_exchanged_ones_do_not(seed: int) -> None:
    page = synthesize_record(sample_physiology(np.random.default_rng(seed), "norm"))
    right = limb_misfit(page)
    wrong = limb_misfit(exchanged(page, "aVR", "aVL"))
    assert right is not None
    assert wrong is not None
    assert right < 0.2 < 0.5 < wrong


def test_exchanged_augmented_leads_ask_for_review(heart: ECGRecord) -> None:
    status, reasons = judge_page(exchanged(heart, "aVR", "aVL"), GOOD, (), 0.8)
    assert status == "review"
    assert any("aVR, aVL and aVF" in r for r in reasons)
    assert judge_page(heart, GOOD, (), 0.8) == ("accepted", ())


def test_columns_are_enough(heart: ECGRecord) -> None:
    page = in_columns(heart)
    found = limb_misfit(page)
    assert found is None or found < 0.5


def test_without_whole_beats_nothing_is_said() -> None:
    assert limb_misfit(ECGRecord(np.full((12, 5000), np.nan), 500, LEADS)) is None
    assert limb_misfit(ECGRecord(np.zeros((12, 5000)), 500, LEADS)) is None
