"""Figures over many pages and their intervals."""

import math

import numpy as np
import pytest

from ecg import ECGRecord, RecordError
from ecg.fidelity import page_fidelity
from ecg.summary import summarize

FS = 500


def page(gain, n_leads=2, read=True):
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.standard_normal((n_leads, 2000)), axis=1) * 0.02
    leads = ("I", "II", "III")[:n_leads]
    truth = ECGRecord(x, FS, leads)
    return page_fidelity(truth, ECGRecord(gain * x, FS, leads) if read else None, moody=False)


def test_figures_of_equal_pages_are_exact_and_have_no_width():
    figures = summarize([page(0.9)] * 5, np.random.default_rng(0), draws=50)
    for name in ("median_snr_db", "mean_snr_db", "median_snr_placed_db"):
        assert figures[name].value == pytest.approx(20, abs=1e-4)
        assert figures[name].lo == pytest.approx(figures[name].hi)
    assert figures["median_gain"].value == pytest.approx(0.9, abs=1e-6)
    assert figures["failed_share"].value == figures["unusable_share"].value == 0
    assert math.isnan(figures["moody_snr_db"].value)


def test_a_failed_page_counts_zero_and_is_unusable_too():
    figures = summarize([page(0.9), page(0.9, read=False)], np.random.default_rng(0), draws=200)
    assert figures["mean_snr_db"].value == pytest.approx(10, abs=1e-4)
    assert figures["failed_share"].value == figures["unusable_share"].value == 0.5
    assert figures["failed_share"].lo == 0
    assert figures["failed_share"].hi == 1
    assert figures["median_gain"].value == pytest.approx(0.9, abs=1e-6)  # of what was read


def test_leads_are_pooled_so_that_pages_weigh_by_what_they_print():
    figures = summarize([page(0.9, 3), page(0.5, 1)], np.random.default_rng(0), draws=10)
    assert figures["mean_snr_db"].value == pytest.approx((3 * 20 + 10 * math.log10(4)) / 4, abs=1e-3)


def test_a_page_with_half_amplitude_noise_is_just_unusable():
    assert summarize([page(0.45)], np.random.default_rng(0), 10)["unusable_share"].value == 1  # 5.2 dB
    assert summarize([page(0.55)], np.random.default_rng(0), 10)["unusable_share"].value == 0  # 6.9 dB


def test_the_interval_of_a_share_matches_the_binomial():
    pages = [page(0.9, 1)] * 60 + [page(0.9, 1, read=False)] * 40
    share = summarize(pages, np.random.default_rng(5), draws=2000)["failed_share"]
    half = 1.96 * math.sqrt(0.4 * 0.6 / 100)
    assert share.lo == pytest.approx(0.4 - half, abs=0.015)
    assert share.hi == pytest.approx(0.4 + half, abs=0.015)


def test_the_same_generator_gives_the_same_interval():
    pages = [page(0.9), page(0.8), page(0.7)]
    a, b = (summarize(pages, np.random.default_rng(7), 100) for _ in range(2))
    assert {k: (v.lo, v.hi) for k, v in a.items() if v.lo == v.lo} == {
        k: (v.lo, v.hi) for k, v in b.items() if v.lo == v.lo
    }


def test_no_pages_no_summary():
    with pytest.raises(RecordError, match="at least one page"):
        summarize([], np.random.default_rng(0))
