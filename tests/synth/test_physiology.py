import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from ecg import LEADS, OptionsError, limb_residual
from synth.physiology import DOWER, KINDS, Gaussian, sample_physiology, synthesize_record

SEEDS = range(40)


def norm(seed, **changes):
    return replace(sample_physiology(np.random.default_rng(seed)), **changes)


def silent(seed):
    """Normal heart without noise or breathing."""
    return norm(seed, resp_axis_deg=0.0, resp_gain=0.0, wander_mv=0.0, muscle_mv=0.0, mains_mv=0.0)


def beat_of(record, waves):
    """Sample of each marked time of the third beat."""
    return {name: round(s * record.fs) for name, s in waves[2].items() if name != "beat"}


def test_one_gaussian_projects_to_dowers_coefficients():
    params = replace(
        silent(0),
        sdnn_s=1e-9,
        beat=(Gaussian("QRS", 0.0, 0.01, 1.0, -2.0, 0.5),),
        lead_matrix=tuple(map(tuple, DOWER)),
    )
    record = synthesize_record(params, fs=10_000)
    r = round(record.meta["waves"][1]["r_s"] * record.fs)
    want = DOWER @ [1.0, -2.0, 0.5]
    for lead, mv in zip(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), want, strict=True):
        assert record[lead][r - 3 : r + 4][np.abs(record[lead][r - 3 : r + 4]).argmax()] == pytest.approx(mv, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_limb_leads_keep_their_algebra(kind):
    record = synthesize_record(sample_physiology(np.random.default_rng(7), kind))
    residual = limb_residual(record)
    assert record.leads == LEADS
    assert residual.einthoven_mv < 1e-6
    assert residual.goldberger_mv < 1e-6


def test_normal_heart_looks_like_one():
    taller = 0
    for seed in SEEDS:
        record = synthesize_record(silent(seed))
        at = beat_of(record, record.meta["waves"])
        qrs = slice(at["qrs_onset_s"], at["qrs_offset_s"])
        high = {lead: record[lead][qrs].max() for lead in LEADS}
        low = {lead: record[lead][qrs].min() for lead in LEADS}
        # V1 is rS, V6 is R or qR, R grows from V1 to V4, aVR points down; P and T are upright in II and V5
        assert -low["V1"] > high["V1"]
        assert high["V6"] > -low["V6"]
        assert -low["aVR"] > high["aVR"]
        taller += high["V1"] < high["V4"] and high["V2"] < high["V4"]
        assert record["II"][at["p_peak_s"]] > 0.03
        assert record["II"][at["t_peak_s"]] > 0.05
        assert record["V5"][at["t_peak_s"]] > 0.05
        assert record["aVR"][at["t_peak_s"]] < -0.03
        assert 0.2 < high["II"] < 3.0
    assert taller >= 0.95 * len(SEEDS)


def test_intervals_are_those_of_healthy_adults():
    pr, qrs, qtc = [], [], []
    for seed in SEEDS:
        params = silent(seed)
        wave = synthesize_record(params).meta["waves"][2]
        pr.append(wave["qrs_onset_s"] - wave["p_onset_s"])
        qrs.append(wave["qrs_offset_s"] - wave["qrs_onset_s"])
        qtc.append((wave["t_offset_s"] - wave["qrs_onset_s"]) / (60 / params.rate_bpm) ** (1 / 3))
    assert 0.12 <= np.percentile(pr, 5) <= np.percentile(pr, 95) <= 0.20
    assert 0.07 <= np.percentile(qrs, 5) <= np.percentile(qrs, 95) <= 0.11
    assert 0.37 <= np.percentile(qtc, 5) <= np.percentile(qtc, 95) <= 0.46


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("norm", 55, 100), ("bradycardia", 0, 60), ("tachycardia", 100, 145)]
)
def test_rate_is_that_of_the_kind(kind, low, high):
    from scipy.signal import find_peaks

    for seed in range(8):
        record = synthesize_record(sample_physiology(np.random.default_rng(seed), kind))
        assert record.meta["labels"] == (kind,)
        x = np.abs(np.diff(record["V4"]))
        peaks, _ = find_peaks(x, height=0.5 * x.max(), distance=0.3 * record.fs)
        truth = [wave["r_s"] for wave in record.meta["waves"]]
        assert abs(len(peaks) - len(truth)) <= 1  # a beat may be cut by an end
        assert low < 60 / np.mean(np.diff(truth)) < high
        for peak in peaks[(peaks > 100) & (peaks < record.n_samples - 100)]:  # 0.2 s from either end
            assert np.abs(np.array(truth) - peak / record.fs).min() < 0.05


def test_waves_of_a_beat_follow_each_other():
    names = ("p_onset_s", "p_peak_s", "p_offset_s", "qrs_onset_s", "r_s", "qrs_offset_s", "t_peak_s", "t_offset_s")
    for wave in synthesize_record(norm(3)).meta["waves"]:
        assert wave["beat"] == "N"
        times = [wave[name] for name in names]
        assert times == sorted(times)
        assert wave["qrs_offset_s"] <= wave["t_onset_s"] + 0.02


def test_ectopic_beat_is_early_wide_and_without_p_and_its_pause_is_compensatory():
    for seed in range(10):
        params = replace(sample_physiology(np.random.default_rng(seed), "pvc"), sdnn_s=1e-9)
        waves = synthesize_record(params).meta["waves"]
        beats = [w["beat"] for w in waves]
        assert "V" in beats
        rr = 60 / params.rate_bpm
        for k in range(1, len(waves) - 1):
            if beats[k] == "V":
                assert waves[k]["p_onset_s"] is None
                assert 0.12 < waves[k]["qrs_offset_s"] - waves[k]["qrs_onset_s"] < 0.22
                assert waves[k]["r_s"] - waves[k - 1]["r_s"] < 0.8 * rr
                assert waves[k + 1]["r_s"] - waves[k - 1]["r_s"] == pytest.approx(2 * rr, abs=0.01)


def test_intervals_breathe_with_the_spread_that_was_asked_for():
    params = norm(5, sdnn_s=0.04, lf_hf=1.0)
    r = [wave["r_s"] for wave in synthesize_record(params, fs=100, duration_s=240).meta["waves"]]
    assert np.std(np.diff(r)) == pytest.approx(0.04, rel=0.25)
    assert 60 / np.mean(np.diff(r)) == pytest.approx(params.rate_bpm, rel=0.02)


def test_equal_parameters_give_equal_records_and_are_plain_data():
    params = norm(11)
    one, two = synthesize_record(params), synthesize_record(params)
    np.testing.assert_array_equal(one.signal, two.signal)
    assert json.loads(json.dumps(asdict(params)))["seed"] == params.seed
    assert one.meta["physiology"] == asdict(params)


def test_kinds_share_everything_but_their_finding():
    # same generator state: the two kinds differ in rate (and what follows from it), not in axis, torso or noise
    a = sample_physiology(np.random.default_rng(2), "norm", age=60, sex="F")
    b = sample_physiology(np.random.default_rng(2), "pvc", age=60, sex="F")
    assert a.lead_matrix == b.lead_matrix
    assert (a.wander_mv, a.muscle_mv, a.mains_mv, a.seed) == (b.wander_mv, b.muscle_mv, b.mains_mv, b.seed)
    assert a.ectopic_at_s == ()
    assert len(b.ectopic_at_s) > 0


def test_noise_has_the_size_that_was_asked_for():
    flat = tuple(replace(g, x=0.0, y=0.0, z=0.0) for g in norm(0).beat)
    quiet = norm(0, beat=flat, wander_mv=0.0, mains_mv=0.0, muscle_mv=0.01)
    x = synthesize_record(quiet).signal.astype(float)
    # lead I is the difference of two independent electrodes
    assert x[0].std() == pytest.approx(0.01 * np.sqrt(2), rel=0.1)
    hum = norm(0, beat=flat, wander_mv=0.0, muscle_mv=0.0, mains_mv=0.01, mains_hz=60.0)
    spectrum = np.abs(np.fft.rfft(synthesize_record(hum)["I"]))
    assert np.fft.rfftfreq(5000, 1 / 500)[spectrum.argmax()] == pytest.approx(60.0)


def test_unknown_kinds_and_empty_records_are_refused():
    with pytest.raises(OptionsError, match="norm, bradycardia"):
        sample_physiology(np.random.default_rng(0), "flutter?")
    with pytest.raises(OptionsError, match="positive"):
        synthesize_record(norm(0), fs=0)
