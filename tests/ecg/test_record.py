import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from ecg import LEADS, ECGRecord, RecordError, complete_limb_leads, crop, limb_residual, resample, select

FS = 500.0


def limb_record(n=1000, seed=0):
    """Six limb leads that keep Einthoven's and Goldberger's laws exactly."""
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=(2, n))
    signal = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    return ECGRecord(signal, FS, LEADS[:6])


def test_a_record_is_read_only_and_keeps_its_own_copy():
    given = np.ones((1, 4), np.float32)
    record = ECGRecord(given, FS, ("I",), {"age": 50})
    given[0, 0] = 9
    assert record["I"].tolist() == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        record.signal[0, 0] = 2
    with pytest.raises(TypeError):
        record.meta["age"] = 51
    assert (record.n_samples, record.duration_s) == (4, 4 / FS)


@pytest.mark.parametrize(
    ("signal", "fs", "leads", "message"),
    [
        (np.zeros(5), 500, ("I",), "leads, samples"),
        (np.zeros((2, 5)), 500, ("I",), "one row a lead"),
        (np.zeros((1, 0)), 500, ("I",), "at least one"),
        (np.zeros((2, 5)), 500, ("I", "I"), "differ"),
        (np.zeros((1, 5)), 0, ("I",), "sampling rate"),
        (np.zeros((1, 5)), float("nan"), ("I",), "sampling rate"),
        (np.full((1, 5), np.inf), 500, ("I",), "finite"),
    ],
)
def test_what_breaks_the_rules_of_a_record_is_refused(signal, fs, leads, message):
    with pytest.raises(RecordError, match=message):
        ECGRecord(signal, fs, leads)


def test_an_absent_lead_is_an_error_that_lists_the_others():
    with pytest.raises(RecordError, match=r"no lead 'V1'; it has I, II, III"):
        limb_record()["V1"]


def test_a_record_survives_pickling():
    record = ECGRecord(np.array([[1.0, np.nan]]), 360, ("MLII",), {"sex": "F"})
    back = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(back.signal, record.signal)
    assert (back.fs, back.leads, dict(back.meta)) == (360.0, ("MLII",), {"sex": "F"})


def test_select_orders_leads_and_leaves_absent_ones_missing():
    record = limb_record()
    chosen = select(record, ["aVF", "V1", "I"])
    assert chosen.leads == ("aVF", "V1", "I")
    np.testing.assert_array_equal(chosen["aVF"], record["aVF"])
    assert np.isnan(chosen["V1"]).all()


def test_crop_takes_whole_samples_and_refuses_what_is_outside():
    record = limb_record()
    part = crop(record, 0.5, 1.5)
    np.testing.assert_array_equal(part.signal, record.signal[:, 250:750])
    for start, stop in [(-0.1, 1), (1, 1), (1.5, 1), (0, 2.1)]:
        with pytest.raises(RecordError, match="crop"):
            crop(record, start, stop)


def test_resampling_without_gaps_is_scipys_polyphase_filter():
    x = np.random.default_rng(1).normal(size=1000).cumsum().astype(np.float32)
    got = resample(ECGRecord(x[None], 500, ("I",)), 100)
    oracle = resample_poly(x.astype(float), 1, 5, padtype="line")
    np.testing.assert_allclose(got["I"], oracle, rtol=1e-6, atol=1e-6)
    assert got.fs == 100.0


@pytest.mark.parametrize("fs", [100, 250, 257, 360, 1000])
def test_a_sine_keeps_its_place_in_time_at_any_rate(fs):
    t = np.arange(5000) / 500
    sine = np.sin(2 * np.pi * 5 * t)
    got = resample(ECGRecord(sine[None], 500, ("I",)), fs)
    oracle = np.sin(2 * np.pi * 5 * np.arange(got.n_samples) / fs)
    inner = slice(fs // 2, -fs // 2)  # the filter's half length, at either end
    assert np.abs(got["I"][inner] - oracle[inner]).max() < 2e-3


def test_frequencies_above_the_new_half_rate_are_removed_not_folded():
    t = np.arange(5000) / 500
    got = resample(ECGRecord(np.sin(2 * np.pi * 130 * t)[None], 500, ("I",)), 100)
    assert np.abs(got["I"][50:-50]).max() < 0.01


def test_missing_stretches_stay_missing_and_leak_nothing():
    x = np.full(2000, 0.5)
    x[600:1200] = np.nan
    got = resample(ECGRecord(np.stack([x, np.full(2000, np.nan)]), 500, ("I", "II")), 250)
    expected = np.repeat([0.5, np.nan, 0.5], [300, 300, 400])
    np.testing.assert_allclose(got["I"], expected, atol=1e-3)
    assert np.isnan(got["II"]).all()


def test_the_same_rate_changes_nothing_and_no_rate_is_refused():
    record = limb_record()
    assert resample(record, 500) is record
    for fs in (0, -1, float("nan")):
        with pytest.raises(RecordError, match="sampling rate"):
            resample(record, fs)


@given(st.permutations(range(6)))
def test_any_two_limb_leads_give_the_other_four(order):
    full = limb_record(50)
    kept = [full.leads[i] for i in order[:2]]
    got = complete_limb_leads(select(full, kept))
    assert got.leads == LEADS[:6]
    np.testing.assert_allclose(got.signal, full.signal, atol=1e-5)


def test_completion_keeps_what_is_present_and_fills_only_where_two_coincide():
    full = limb_record(100)
    signal = np.array(full.signal)
    signal[2:] = np.nan
    signal[1, 50:] = np.nan
    signal[2, 0] = 9.0  # contradicts II - I, and stays
    got = complete_limb_leads(ECGRecord(np.vstack([signal, np.ones((1, 100))]), FS, (*full.leads, "V1")))
    assert got.leads == (*LEADS[:6], "V1")
    assert got["III"][0] == 9.0
    np.testing.assert_allclose(got["aVF"][1:50], full["aVF"][1:50], atol=1e-5)
    assert np.isnan(got["aVF"][50:]).all()
    assert (got["V1"] == 1).all()


def test_the_laws_hold_on_true_leads_and_offsets_do_not_count():
    record = limb_record()
    shifted = ECGRecord(record.signal + np.arange(6)[:, None], FS, record.leads)
    residual = limb_residual(shifted)
    assert residual.einthoven_mv < 1e-6
    assert residual.goldberger_mv < 1e-6
    assert residual.r == pytest.approx(1.0, abs=1e-6)


def test_a_gain_error_of_one_lead_shows_in_millivolts():
    record = limb_record()
    signal = np.array(record.signal)
    signal[1] *= 1.1
    residual = limb_residual(ECGRecord(signal, FS, record.leads))
    assert residual.einthoven_mv == pytest.approx(0.1 * np.std(record["II"]), rel=1e-4)


def test_leads_that_never_coincide_have_no_residual():
    record = limb_record()
    signal = np.array(record.signal)
    signal[1, :600] = np.nan
    signal[0, 400:] = np.nan
    residual = limb_residual(ECGRecord(signal, FS, record.leads))
    assert np.isnan([residual.einthoven_mv, residual.r]).all()
    assert residual.goldberger_mv < 1e-6
    flat = ECGRecord(np.zeros((6, 1000)), FS, LEADS[:6])
    assert np.isnan(limb_residual(flat).r)
