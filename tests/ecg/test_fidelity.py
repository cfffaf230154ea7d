"""Fidelity of leads and pages against closed forms and a direct search."""

import math
import subprocess
import sys

import numpy as np
import pytest

from ecg import ECGRecord, RecordError
from ecg.fidelity import SNR_CEILING_DB, lead_fidelity, page_fidelity

FS = 500


def beats(n=5000, period=0.83, seed=0):
    """A lead with one sharp and one broad wave a beat, jittered so that no two shifts fit equally well."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / FS
    at = np.cumsum(period + 0.05 * rng.standard_normal(int(n / FS / period) + 2)) - 0.4
    return sum(
        1.1 * np.exp(-0.5 * ((t - c) / 0.012) ** 2) + 0.3 * np.exp(-0.5 * ((t - c - 0.3) / 0.05) ** 2) for c in at
    )


def segment(signal, start, n=5000):
    out = np.full(n, np.nan)
    out[start : start + signal.size] = signal[: max(0, n - start)]
    return out


def orthogonal_noise(x, snr_db, seed=1):
    """Noise uncorrelated with x and of exactly the wanted power."""
    e = np.random.default_rng(seed).standard_normal(x.size)
    a = x - x.mean()
    e -= e.mean()
    e -= a * (a @ e) / (a @ a)
    return e * math.sqrt((a @ a) / (e @ e) / 10 ** (snr_db / 10))


def direct_search(x, y, reach):
    """Least noise power over all shifts, written out sample by sample."""
    on_page = np.isfinite(x)
    best = math.inf
    for lag in range(-reach, reach + 1):
        moved = np.full(x.size, np.nan)
        for i in range(y.size):
            if 0 <= i + lag < x.size:
                moved[i + lag] = y[i]
        both = on_page & np.isfinite(moved)
        lost = on_page & ~both
        noise = np.sum((x[lost] - x[on_page].mean()) ** 2)
        if both.any():
            d = x[both] - moved[both]
            noise += np.sum((d - d.mean()) ** 2)
        best = min(best, noise)
    return best, np.sum((x[on_page] - x[on_page].mean()) ** 2)


def test_perfect_lead_has_the_ceiling_and_every_other_figure_ideal():
    x = segment(beats(1250), 1250)
    f = lead_fidelity(x, x)
    assert f.snr_db == f.snr_placed_db == SNR_CEILING_DB
    assert f.r == pytest.approx(1)
    assert f.gain == pytest.approx(1)
    assert (f.rmse_uv, f.shift_s, f.start_error_s, f.coverage) == (0, 0, 0, 1)


@pytest.mark.parametrize("snr_db", [20.0, 6.0, 0.5, -8.0])
def test_noise_of_known_power_gives_its_ratio_and_negative_ratios_are_kept(snr_db):
    x = beats()
    noise = orthogonal_noise(x, snr_db)
    f = lead_fidelity(x, x + noise + 0.7)
    # another shift may fit pure noise a little better: never worse than the construction, nor much better
    assert snr_db - 1e-9 <= f.snr_db <= snr_db + 0.2
    if snr_db > 5:
        assert f.rmse_uv == pytest.approx(1000 * noise.std(), rel=1e-9)
        assert f.gain == pytest.approx(1, abs=1e-9)
        assert f.r == pytest.approx(1 / math.sqrt(1 + 10 ** (-snr_db / 10)), abs=1e-9)


def test_gain_error_is_its_own_figure_and_bounds_the_ratio():
    x = beats()
    f = lead_fidelity(x, 0.9 * x - 0.3)
    assert f.gain == pytest.approx(0.9)
    assert f.r == pytest.approx(1)
    assert f.snr_db == pytest.approx(20.0)  # the error is a tenth of the signal
    assert lead_fidelity(x, 1.1 * x).gain == pytest.approx(1.1)


@pytest.mark.parametrize("late", [-200, -37, 0, 37, 250])
def test_a_shift_within_half_a_second_costs_nothing_on_either_clock(late):
    x, y = segment(beats(1250), 1500), segment(beats(1250), 1500 + late)
    f = lead_fidelity(x, y)
    assert f.snr_db == f.snr_placed_db == SNR_CEILING_DB
    assert f.shift_s == f.start_error_s == pytest.approx(late / FS)


def test_a_column_put_seconds_late_is_right_once_its_start_is_moved():
    x, y = segment(beats(1250), 0), segment(beats(1250), 2500)
    f = lead_fidelity(x, y)
    assert f.snr_db == SNR_CEILING_DB
    assert f.snr_placed_db == pytest.approx(0)  # nothing in reach: all samples are missing
    assert f.start_error_s == f.shift_s == pytest.approx(5)


@pytest.mark.parametrize("late", [-20, 4])
def test_content_that_comes_late_within_its_place_is_a_positive_shift(late):
    whole = beats(6000)
    f = lead_fidelity(whole[500:5500], whole[500 - late : 5500 - late])
    assert f.start_error_s == 0
    assert f.shift_s == pytest.approx(late / FS)


def test_a_lost_beginning_is_a_start_error_but_no_shift():
    x = segment(beats(1250), 1000)
    y = x.copy()
    y[1000:1100] = np.nan
    f = lead_fidelity(x, y)
    assert f.start_error_s == pytest.approx(0.2)
    assert f.shift_s == pytest.approx(0)
    assert f.coverage == pytest.approx(0.92)


def test_missing_samples_are_charged_at_full_signal_power():
    x = beats()
    y = x.copy()
    y[2000:2600] = np.nan
    lost = np.sum((x[2000:2600] - x.mean()) ** 2)
    f = lead_fidelity(x, y)
    assert f.snr_db == pytest.approx(10 * math.log10(np.sum((x - x.mean()) ** 2) / lost))
    assert f.coverage == pytest.approx(0.88)
    assert f.rmse_uv == pytest.approx(0, abs=1e-9)


def test_nothing_read_scores_zero():
    x = beats()
    f = lead_fidelity(x, np.full(5000, np.nan))
    assert (f.snr_db, f.snr_placed_db, f.coverage) == (0, 0, 0)
    assert math.isnan(f.r)
    assert math.isnan(f.rmse_uv)
    assert math.isnan(f.shift_s)


def test_a_flat_line_scores_zero_too():
    f = lead_fidelity(beats(), np.zeros(5000))
    assert f.snr_db == pytest.approx(0, abs=0.01)  # an offset fitted to part of the lead gains a trace
    assert f.gain == pytest.approx(0)
    assert math.isnan(f.r)


def test_a_flat_truth_has_no_ratio():
    assert math.isnan(lead_fidelity(np.zeros(1000), np.ones(1000)).snr_db)


def test_a_shorter_estimate_is_padded_with_missing():
    x = beats()
    assert lead_fidelity(x, x[:2500]).coverage == 0.5


@pytest.mark.parametrize("seed", range(6))
def test_the_search_agrees_with_a_direct_one(seed):
    rng = np.random.default_rng(seed)
    x, y = np.cumsum(rng.standard_normal((2, 90)), axis=1)
    y = x + 0.5 * y
    x[: rng.integers(0, 20)] = np.nan
    y[rng.integers(0, 60) :][:15] = np.nan
    x[40:45] = np.nan
    noise, power = direct_search(x, y, 20)
    f = lead_fidelity(x, y, fs=40)  # half a second is 20 samples
    assert f.snr_placed_db == pytest.approx(10 * math.log10(power / noise), abs=1e-9)


@pytest.mark.parametrize("gain", [0.03, 1.0, 250.0])
def test_a_reading_without_unit_is_scored_after_its_best_gain(gain):
    x = beats()
    y = gain * (x + orthogonal_noise(x, 10)) - 4
    f = lead_fidelity(x, y, any_gain=True)
    # the share r² of the signal's power is explained, and 1 / (1 - r²) is 11 for a ratio of 10
    assert f.snr_db == pytest.approx(10 * math.log10(11), abs=1e-6)
    assert lead_fidelity(x, -y, any_gain=True).snr_db < 1  # turning a trace over is no gain


def test_the_search_with_free_gain_agrees_with_regression_at_each_shift():
    rng = np.random.default_rng(4)
    x, y = np.cumsum(rng.standard_normal((2, 120)), axis=1)
    y[:10] = np.nan
    noise = []
    for lag in range(-20, 21):
        a, b = x[max(0, lag) : 120 + min(0, lag)], y[max(0, -lag) : 120 - max(0, lag)]
        both = np.isfinite(b)
        covered = np.zeros(120, bool)
        covered[max(0, lag) : 120 + min(0, lag)] = both
        left = a[both] - np.polyval(np.polyfit(b[both], a[both], 1), b[both])
        if np.polyfit(b[both], a[both], 1)[0] < 0:
            left = a[both] - a[both].mean()
        noise.append(np.sum(left**2) + np.sum((x[~covered] - x.mean()) ** 2))
    f = lead_fidelity(x, y, fs=40, any_gain=True)
    assert f.snr_placed_db == pytest.approx(10 * math.log10(np.sum((x - x.mean()) ** 2) / min(noise)), abs=1e-9)


def test_refuses_what_is_no_lead():
    with pytest.raises(RecordError, match="one row of samples"):
        lead_fidelity(np.zeros((2, 5)), np.zeros(5))
    with pytest.raises(RecordError, match="at least one sample"):
        lead_fidelity(np.full(5, np.nan), np.zeros(5))


def two_lead_page(late=(0, 0), n=5000):
    return ECGRecord(np.stack([segment(beats(1250, seed=k), 1250 * k + late[k], n) for k in (0, 1)]), FS, ("I", "V1"))


def test_page_pools_its_leads_and_measures_the_spread_of_their_shifts():
    page = page_fidelity(two_lead_page(), two_lead_page(late=(0, 20)))
    assert set(page.leads) == {"I", "V1"}
    assert page.shift_spread_s == pytest.approx(0.04)
    assert page.median_snr_db == page.mean_snr_db == SNR_CEILING_DB
    assert not page.failed


def test_page_scores_a_missing_lead_zero_and_ignores_leads_that_are_not_printed():
    truth = two_lead_page()
    read = ECGRecord(np.stack([truth["I"], truth["I"]]), FS, ("I", "V6"))
    page = page_fidelity(truth, read)
    assert page.leads["V1"].snr_db == 0
    assert set(page.leads) == {"I", "V1"}
    assert page.mean_snr_db == pytest.approx(SNR_CEILING_DB / 2)
    assert math.isnan(page.shift_spread_s)


def test_failed_page_scores_zero_everywhere():
    page = page_fidelity(two_lead_page(), None)
    assert page.failed
    assert page.median_snr_db == 0
    assert page.kaggle_snr_db == 0
    assert page.moody_repaired_db == 0
    assert math.isnan(page.moody_db)  # the official program passes such leads over


def test_page_brings_other_rates_to_500_hz():
    t = np.arange(1000) / 100
    slow = ECGRecord(np.sin(2 * np.pi * 1.1 * t)[None], 100, ("II",))
    fast = ECGRecord(np.sin(2 * np.pi * 1.1 * np.arange(5000) / 500)[None], 500, ("II",))
    assert page_fidelity(fast, slow).median_snr_db > 40
    assert page_fidelity(slow, fast).median_snr_db > 40


def test_page_without_any_lead_is_refused():
    with pytest.raises(RecordError, match="at least one sample"):
        page_fidelity(ECGRecord(np.full((1, 10), np.nan), FS, ("I",)), None)


def test_page_without_the_slow_metric_says_nan():
    page = page_fidelity(two_lead_page(), two_lead_page(), moody=False)
    assert math.isnan(page.moody_db)
    assert math.isnan(page.moody_repaired_db)


def test_the_metrics_load_numpy_alone():
    code = "import sys, ecg.fidelity, ecg.summary; print(sorted({'scipy', 'cv2', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
