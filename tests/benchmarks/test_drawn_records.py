"""Drawn and read records: the mask is the page's, a reading is near its record, figures come from both."""

from __future__ import annotations

import numpy as np

from benchmarks.drawn_records import printed_mask, read_back
from ecg.record import LEADS, resample
from synth import sample_physiology, synthesize_record


def test_a_page_shows_a_quarter_of_each_lead_and_all_of_lead_ii() -> None:
    mask = printed_mask()
    assert mask[LEADS.index("II")].all()
    assert [mask[LEADS.index(lead)].sum() for lead in ("I", "aVF", "V1", "V6")] == [250] * 4
    assert mask[LEADS.index("V6"), 750:].all()


def test_a_drawn_record_is_read_back() -> None:
    record = synthesize_record(sample_physiology(np.random.default_rng(5), "norm"))
    read = read_back(record, 0).astype(float)
    truth = resample(record, 100).signal
    two = LEADS.index("II")
    both = np.isfinite(read[two])
    assert both.all()
    # A page has no mark at 0 s: a few hundredths of a second either way are the same reading.
    shifted = [np.corrcoef(np.roll(read[two], k)[10:-10], truth[two, 10:990])[0, 1] for k in range(-3, 4)]
    assert max(shifted) > 0.95
    assert np.isnan(read[LEADS.index("V6"), :700]).all()
