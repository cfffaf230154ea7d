"""The competitions' metrics against their own worked examples and the definition computed the slow way."""

import math

import numpy as np
import pytest

from ecg.challenges import _fast_size, _moody_offsets, kaggle_ratio, kaggle_score_db, moody_snr

#: The worked example in the published program of the Kaggle competition: three samples a lead, twelve of II.
EXAMPLE = {
    "I": [0.1, 0.3, 0.4],
    "III": [0.6, 0.6, 0.4],
    "aVR": [0.2, 0.3, 0.4],
    "aVL": [0.5, 0.2, 0.7],
    "aVF": [0.2, 0.3, 0.4],
    "V1": [0.8, 0.6, 0.7],
    "V2": [0.2, 0.3, -0.1],
    "V3": [0.5, 0.6, 0.7],
    "V4": [0.2, 0.9, 0.4],
    "V5": [0.5, 0.6, 0.7],
    "V6": [0.1, 0.3, 0.4],
    "II": [0.6, 0.6, 0.4, 0.2, 0.3, 0.4, 0.5, 0.2, 0.7, 0.2, 0.3, 0.4],
}


def example():
    return {lead: np.array(values) for lead, values in EXAMPLE.items()}


def test_kaggle_reproduces_the_worked_example():
    truth, read = example(), example()
    assert kaggle_ratio(truth, read, fs=1, cap=384) == 384  # 25.84 dB
    read["I"][0] = 0.9
    assert kaggle_score_db(np.array([kaggle_ratio(truth, read, fs=1)])) == pytest.approx(13.6291, abs=5e-5)
    read["III"][1] = 0.3
    assert kaggle_score_db(np.array([kaggle_ratio(truth, read, fs=1)])) == pytest.approx(13.0576, abs=5e-5)


def wave(n=5000, seed=0):
    return np.cumsum(np.random.default_rng(seed).standard_normal(n)) * 0.02


def test_kaggle_forgives_an_offset_and_a_shift_within_a_fifth_of_a_second():
    x = wave()
    y = np.roll(x, 80) + 0.4  # 160 ms late; the samples that wrap around are the only error
    ratio = kaggle_ratio({"II": x}, {"II": y}, fs=500)
    lost = x[-80:]
    assert ratio == pytest.approx((x @ x) / (lost @ lost), rel=1e-6)
    assert kaggle_ratio({"II": x}, {"II": np.roll(x, 150)}, fs=500) < 50 < ratio


def test_kaggle_sums_powers_over_leads_before_it_divides():
    a, b = wave(seed=1), 10 * wave(seed=2)
    ratio = kaggle_ratio({"I": a, "II": b}, {"I": a, "II": 0.9 * b}, fs=500)
    power = np.sum((b - b.mean()) ** 2)
    assert ratio == pytest.approx((a @ a + b @ b) / (0.01 * power), rel=1e-9)


def test_kaggle_counts_missing_samples_and_leads_as_zero_millivolts():
    x = wave()
    y = x.copy()
    y[1000:1500] = np.nan
    assert kaggle_ratio({"I": x}, {"I": y}, fs=500) == pytest.approx((x @ x) / np.sum(x[1000:1500] ** 2))
    assert kaggle_ratio({"I": x}, {}, fs=500) == pytest.approx(1)
    assert kaggle_ratio({"I": x, "II": x}, {"I": x}, fs=500) == pytest.approx(2)


def test_kaggle_takes_the_first_sample_read_as_the_start_of_the_lead():
    x = np.full(5000, np.nan)
    x[2500:3750] = wave(1250)
    y = np.full(5000, np.nan)
    y[0:1250] = x[2500:3750]
    assert kaggle_ratio({"V1": x}, {"V1": y}, fs=500) == 1e6


def test_kaggle_mean_is_of_ratios_not_of_decibels():
    assert kaggle_score_db(np.array([10.0, 1000.0])) == pytest.approx(10 * math.log10(505))
    assert kaggle_score_db(np.array([0.0])) == -60


def slow_offsets(x, y):
    """The Challenge's alignment, from its definition, with scipy's filters."""
    from scipy.ndimage import gaussian_filter
    from scipy.signal import fftconvolve

    low, high = min(np.nanmin(x), np.nanmin(y)), max(np.nanmax(x), np.nanmax(y))

    def picture(v):
        out = np.zeros((256, v.size))
        at = np.flatnonzero(np.isfinite(v))
        out[np.round(255 * (v[at] - low) / (high - low)).astype(int), at] = 1
        return gaussian_filter(out, 0.5)

    c = fftconvolve(picture(x), picture(y)[::-1, ::-1])
    row, column = np.unravel_index(c.argmax(), c.shape)
    return column - (x.size - 1), -(row - 255) / 255 * (high - low)


@pytest.mark.parametrize(("start", "late"), [(0, -20), (0, 15), (100, -33), (100, 40), (600, 25), (700, 12)])
def test_moody_alignment_equals_the_definition(start, late):
    s = wave(300, seed=start)
    x, y = np.full((2, 1000), np.nan)
    x[start : start + 300] = s
    at = np.arange(start, start + 300) + late
    inside = (at >= 0) & (at < 1000)
    y[at[inside]] = s[inside] + 0.1 + 0.01 * wave(300, seed=9)[inside]
    lag, offset = _moody_offsets(x, y)
    expected = slow_offsets(x, y)
    assert lag == expected[0] == -late
    assert offset == pytest.approx(expected[1])


def test_moody_fault_keeps_only_the_first_samples_of_an_early_estimate():
    x = wave()
    early = np.full(5000, np.nan)
    early[:-50] = x[50:]
    snr = moody_snr(x, early, 500)
    assert snr.repaired_db == pytest.approx(100 * 4950 / 5000)  # ceiling times share
    assert snr.verbatim_db == pytest.approx(100 * 50 / 5000)
    late = np.full(5000, np.nan)
    late[50:] = x[:-50]
    snr = moody_snr(x, late, 500)
    assert snr.verbatim_db == snr.repaired_db == pytest.approx(100 * 4950 / 5000)


def test_moody_passes_over_a_lead_that_its_fault_empties():
    x = np.full(5000, np.nan)
    x[2500:3750] = wave(1250)
    y = np.full(5000, np.nan)
    y[2490:3740] = wave(1250)
    snr = moody_snr(x, y, 500)
    assert math.isnan(snr.verbatim_db)
    assert snr.repaired_db == pytest.approx(100)
    missing = moody_snr(x, None, 500)
    assert math.isnan(missing.verbatim_db)
    assert missing.repaired_db == 0


def test_moody_takes_off_no_mean_and_leaves_alignments_beyond_its_bounds():
    x = wave() + 5
    noise = 0.05 * np.sign(np.sin(np.arange(5000)))
    lag, offset = _moody_offsets(x, x + noise)
    assert lag == 0
    expected = 10 * math.log10(np.mean(x**2) / np.mean((noise - offset) ** 2))
    assert moody_snr(x, x + noise, 500).repaired_db == pytest.approx(expected)
    # 2 mV of offset is more than the 1 mV that may be taken off
    assert moody_snr(x, x + 2, 500).repaired_db == pytest.approx(10 * math.log10(np.mean(x**2) / 4))


def test_fast_sizes_are_smooth_and_minimal():
    def smooth(n):
        for p in (2, 3, 5):
            while n % p == 0:
                n //= p
        return n == 1

    for n in range(1, 400):
        assert _fast_size(n) == next(k for k in range(n, 1000) if smooth(k))
