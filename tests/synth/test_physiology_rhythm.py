from dataclasses import replace

import numpy as np
import pytest

from synth.physiology import AtrialWaves, Event, sample_physiology, synthesize_record
from synth.physiology.rhythm import atrial_dipole

SILENT = {"resp_axis_deg": 0.0, "resp_gain": 0.0, "wander_mv": 0.0, "muscle_mv": 0.0, "mains_mv": 0.0, "episodes": ()}
REGULAR = {**SILENT, "sdnn_s": 1e-9}


def drawn(seed, kind, **changes):
    return replace(sample_physiology(np.random.default_rng(seed), kind), **changes)


def waves_of(params, **length):
    return synthesize_record(params, **length).meta["waves"]


def times(waves):
    return np.array([w["r_s"] for w in waves])


def test_fibrillation_is_irregular_without_p_but_with_f_waves():
    spread, size = [], []
    for seed in range(12):
        params = drawn(seed, "afib", **SILENT)
        record = synthesize_record(params, duration_s=30.0)
        waves = record.meta["waves"]
        intervals = np.diff(times(waves))
        assert all(w["p_onset_s"] is w["p_peak_s"] is w["p_offset_s"] is None for w in waves)
        assert intervals.min() > 0.299
        spread.append(intervals.std() / intervals.mean())
        # no rhythm in it: one interval says nothing of the next
        assert abs(np.corrcoef(intervals[:-1], intervals[1:])[0, 1]) < 0.5
        assert params.atrial is not None
        # f waves alone, in V1: most power between 4 and 12 Hz
        still = synthesize_record(replace(params, beat=tuple(replace(g, x=0.0, y=0.0, z=0.0) for g in params.beat)))
        power = np.abs(np.fft.rfft(still["V1"] - still["V1"].mean())) ** 2
        f = np.fft.rfftfreq(5000, 1 / 500)
        assert power[(f > 4) & (f < 12)].sum() > 0.7 * power.sum()
        size.append(np.ptp(still["V1"]))
    assert 0.1 < np.median(spread) < 0.3
    assert 0.03 < min(size) < max(size) < 0.6


def test_flutter_is_a_sawtooth_that_beats_at_whole_ratios():
    for seed in range(12):
        params = drawn(seed, "aflutter", **SILENT)
        f = params.atrial.frequency_hz
        assert 240 <= 60 * f <= 330
        waves = waves_of(params)
        assert all(w["p_peak_s"] is None for w in waves)
        ratios = np.diff(times(waves)) * f
        np.testing.assert_allclose(ratios, np.rint(ratios), atol=1e-3)
        assert {int(r) for r in np.rint(ratios)} <= set(params.flutter_ratios)


def test_unmodulated_atrial_waves_repeat_and_are_the_sum_of_their_sines():
    waves = AtrialWaves(5.0, 0.0, 0.2, 0.0, (1.0, 0.5), (0.1, 0.0, 0.0), (0.0, 0.2, 0.0))
    t = np.arange(1000) / 500
    x, y, z = atrial_dipole(np.random.default_rng(0), waves, t)
    a = 2 * np.pi * 5 * t
    np.testing.assert_allclose(x, 0.1 * (np.sin(a) + 0.5 * np.sin(2 * a)), atol=1e-12)
    np.testing.assert_allclose(y, 0.2 * (np.cos(a) + 0.5 * np.cos(2 * a)), atol=1e-12)
    assert not z.any()
    np.testing.assert_allclose(x[:900], x[100:], atol=1e-9)


def test_single_ventricular_beat_is_early_wide_and_without_p_and_its_pause_is_compensatory():
    widths, seen = [], 0
    for seed in range(30):
        params = drawn(seed, "pvc", **REGULAR)
        if not params.details[0].startswith("pvc: single"):
            continue
        seen += 1
        waves = waves_of(params)
        beats = [w["beat"] for w in waves]
        assert "V" in beats
        rr = 60 / params.rate_bpm
        for k in range(1, len(waves) - 1):
            if beats[k] == "V":
                assert waves[k]["p_onset_s"] is None
                widths.append(waves[k]["qrs_offset_s"] - waves[k]["qrs_onset_s"])
                assert waves[k]["r_s"] - waves[k - 1]["r_s"] < 0.85 * rr
                assert waves[k + 1]["r_s"] - waves[k - 1]["r_s"] == pytest.approx(2 * rr, abs=0.01)
    assert seen > 8
    assert 0.12 < min(widths) < max(widths) < 0.20


@pytest.mark.parametrize(("every", "pattern"), [(2, "NV"), (3, "NNV")])
def test_bigeminy_and_trigeminy_keep_their_pattern(every, pattern):
    params = drawn(1, "pvc", **REGULAR)
    params = replace(params, events=(Event(1.0, "V", 0.6, every=every),))
    beats = "".join(w["beat"] for w in waves_of(params, duration_s=20.0))
    first = beats.index("V")
    assert beats[first + 1 :].startswith(pattern * 4)


def test_a_run_is_fast_and_the_rhythm_comes_back_on_time():
    params = drawn(1, "pvc", **REGULAR)
    params = replace(params, events=(Event(4.0, "V", 0.6, count=5, interval_s=0.4),))
    waves = waves_of(params)
    v = np.array([w["r_s"] for w in waves if w["beat"] == "V"])
    np.testing.assert_allclose(np.diff(v), 0.4, atol=1e-9)
    assert v.size == 5
    normal = np.array([w["r_s"] for w in waves if w["beat"] == "N"])
    rr = 60 / params.rate_bpm
    phase = (normal - normal[0]) / rr
    np.testing.assert_allclose(phase, np.rint(phase), atol=1e-3)  # the sinus node was not disturbed


def test_all_patterns_of_ventricular_beats_are_drawn():
    patterns = {drawn(seed, "pvc").details[0].split(",")[0] for seed in range(60)}
    assert patterns == {f"pvc: {p}" for p in ("single", "bigeminy", "trigeminy", "couplet", "run")}


def test_atrial_premature_beat_is_early_narrow_with_another_p_and_resets_the_node():
    found = 0
    for seed in range(12):
        params = drawn(seed, "pac", **REGULAR)
        waves = waves_of(params)
        rr = 60 / params.rate_bpm
        normal = next(w for w in waves if w["beat"] == "N")
        p = {tuple(round(v, 3) for v in (g.x, g.y, g.z)) for g in params.beat if g.wave == "P"}
        other = {tuple(round(v, 3) for v in (g.x, g.y, g.z)) for g in params.premature if g.wave == "P"}
        assert p.isdisjoint(other)
        for before, beat, after in zip(waves[:-2], waves[1:-1], waves[2:], strict=True):
            if beat["beat"] == "A":
                found += 1
                early, late = beat["r_s"] - before["r_s"], after["r_s"] - beat["r_s"]
                assert early < 0.82 * rr
                assert early + late < 1.95 * rr  # less than compensatory
                width = beat["qrs_offset_s"] - beat["qrs_onset_s"]
                assert width == pytest.approx(normal["qrs_offset_s"] - normal["qrs_onset_s"], abs=0.001)
                assert beat["p_peak_s"] < beat["qrs_onset_s"]
    assert found >= 12


def test_a_pause_lasts_two_seconds_or_more_and_the_rhythm_goes_on():
    for seed in range(12):
        params = drawn(seed, "pause", **REGULAR)
        gaps = np.diff(times(waves_of(params)))
        rr = 60 / params.rate_bpm
        assert 2.0 <= gaps.max() <= 3.6
        np.testing.assert_allclose(np.delete(gaps, gaps.argmax()), rr, atol=0.002)
        assert (gaps > 1.5 * rr).sum() == 1


def test_paced_beats_follow_their_spikes():
    modes = set()
    for seed in range(20):
        params = drawn(seed, "paced", **SILENT)
        record = synthesize_record(params)
        mode = params.details[0].split(": ")[1]
        modes.add(mode)
        for w in record.meta["waves"]:
            assert w["beat"] == "/"
            assert len(w["spikes_s"]) == (2 if mode == "DDD" else 1)
            assert 0 < w["qrs_onset_s"] - w["spikes_s"][-1] < 0.02
            assert 0.12 <= w["qrs_offset_s"] - w["qrs_onset_s"] <= 0.20
            assert (w["p_peak_s"] is None) == (mode == "VVI")
            if mode == "DDD":
                assert 0 < w["p_onset_s"] - w["spikes_s"][0] < 0.02
        if mode != "VAT":
            assert np.diff(times(record.meta["waves"])).std() < 0.01
        # the spike is there: faster than anything the heart does
        at = round(record.meta["waves"][2]["spikes_s"][-1] * record.fs)
        assert np.abs(np.diff(record.signal[:, at - 3 : at + 4], axis=1)).max() > 0.02
    assert modes == {"VVI", "VAT", "DDD"}


def test_t_follows_a_long_interval_a_little_later():
    params = drawn(3, "afib", **SILENT)
    waves = waves_of(params, duration_s=60.0)
    before = np.diff(times(waves))
    rt = np.array([w["t_peak_s"] - w["r_s"] for w in waves[1:]])
    assert np.corrcoef(before, rt)[0, 1] > 0.8
    assert np.ptp(rt) <= 0.061
