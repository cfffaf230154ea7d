"""From record to input: rate, order, scale, presence, beats and features."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from heartbeats import GAINS, WAVES, drawn_record

from classify.inputs import INDEPENDENT_LEADS, InputSpec, from_signals, to_extra, to_input
from classify.models import MODELS
from classify.morphology import FEATURES, feature_vector, median_beat
from classify.resampling import resampled
from ecg.datasets import ptb_xl
from ecg.errors import ModelError
from ecg.record import LEADS, ECGRecord, crop, resample, select

#: Models of signals; those of pictures have tests of their own.
SIGNALS = [name for name, entry in MODELS.items() if entry.spec.kind != "page"]
PAPER = MODELS["resnet1d_se"].spec
TWELVE = MODELS["twelve_lead_cnn"].spec
BEAT = MODELS["ecg_smart_net"].spec


@pytest.mark.parametrize("name", SIGNALS)
def test_every_model_gets_an_input_of_its_shape(name: str) -> None:
    spec = MODELS[name].spec
    for fs in (100, 257, 500, 1000):
        x = to_input(drawn_record(fs), spec)
        assert x.shape == spec.shape
        assert x.dtype == np.float32
        assert spec.kind in ("features", "patterns") or np.isfinite(x).all()


@pytest.mark.parametrize("name", SIGNALS)
def test_many_records_give_what_each_gives_alone(name: str) -> None:
    spec = MODELS[name].spec
    records = [drawn_record(100, cycle_s=cycle_s, noise_mv=0.01) for cycle_s in (0.7, 0.9)]
    together = from_signals(np.stack([r.signal for r in records]), LEADS, 100, spec)
    np.testing.assert_allclose(together, np.stack([to_input(r, spec) for r in records]), atol=1e-6)


def test_signals_kept_as_float16_lose_no_more_than_that() -> None:
    signal = np.array(drawn_record(100).signal)
    signal[0, :200] = np.nan
    exact, kept = (from_signals(signal[None].astype(kind), LEADS, 100, PAPER) for kind in (np.float32, np.float16))
    np.testing.assert_allclose(kept, exact, atol=2e-3)


def test_leads_are_taken_by_name_not_by_place() -> None:
    record = drawn_record(100)
    shuffled = select(record, LEADS[::-1])
    for name in SIGNALS:
        np.testing.assert_array_equal(to_input(record, MODELS[name].spec), to_input(shuffled, MODELS[name].spec))


def test_a_spec_survives_its_card() -> None:
    for entry in MODELS.values():
        assert InputSpec.from_dict(json.loads(json.dumps(entry.spec.to_dict()))) == entry.spec
    with pytest.raises(ModelError, match="unknown field colour"):
        InputSpec.from_dict({**PAPER.to_dict(), "colour": 1})
    with pytest.raises(ModelError, match="value of the wrong type"):
        InputSpec.from_dict({**PAPER.to_dict(), "fs": "fast"})
    with pytest.raises(ModelError, match="lacks the field fs"):
        InputSpec.from_dict({k: v for k, v in PAPER.to_dict().items() if k != "fs"})


@pytest.mark.parametrize("change", [{"kind": "video"}, {"normalise": "zscore"}, {"fs": 0}, {"leads": ()}])
def test_a_spec_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="card is damaged"):
        replace(PAPER, **change)


# Rates


@pytest.mark.parametrize("fs", [250, 257, 500, 1000])
def test_tones_that_ptb_xl_keeps_are_kept_and_higher_ones_do_not_come_back_as_aliases(fs: float) -> None:
    t, to = np.arange(round(10 * fs)) / fs, np.arange(1000) / 100
    inner = slice(50, -50)
    for hertz in (1.0, 10.0, 38.0):
        # PTB-XL's 100 Hz files run 1.25 ms ahead.
        expected = np.sin(2 * np.pi * hertz * (to + 1.25e-3))
        np.testing.assert_allclose(resampled(np.sin(2 * np.pi * hertz * t), fs, 100)[inner], expected[inner], atol=5e-3)
    for hertz in (50.0, 60.0, 95.0):
        # 50 Hz: the mains of Europe, exactly at the new Nyquist frequency.
        assert np.abs(resampled(np.sin(2 * np.pi * hertz * t + 0.3), fs, 100)[inner]).max() < 5e-3


def test_a_level_stays_and_a_gap_leaks_nothing() -> None:
    x = np.full((2, 5000), 3.0)
    x[0, 2000:3000] = np.nan
    y = resampled(x, 500, 100)
    np.testing.assert_allclose(y[np.isfinite(y)], 3.0, atol=1e-6)
    assert np.array_equal(np.isnan(y[0]), (np.arange(1000) >= 400) & (np.arange(1000) < 600))
    assert np.isfinite(y[1]).all()
    assert np.isnan(resampled(np.full((1, 500), np.nan), 500, 100)).all()


@pytest.mark.data
@pytest.mark.skipif("EINTHOVEN_DATA" not in os.environ, reason="EINTHOVEN_DATA names no folder of real data")
@pytest.mark.parametrize("step", [26, pytest.param(1, marks=pytest.mark.slow)])
def test_records_at_500_hz_become_ptb_xl_s_own_100_hz_files(step: int) -> None:
    slow = {item.ecg_id: item for item in ptb_xl(folds=range(1, 10))}
    rms_uv = []
    for item in ptb_xl(fs=500, folds=range(1, 10))[::step]:
        difference = resampled(item.record().signal, 500, 100) - slow[item.ecg_id].record().signal
        # Away from the ends: 500 Hz files hold their last 20 ms or more, from which the 100 Hz files were not made.
        rms_uv.append(1000 * np.sqrt((difference[:, 40:-40] ** 2).mean()))
    # Rounding to 5 µV alone makes 5 / sqrt(12) = 1.44 µV.
    assert np.median(rms_uv) < 1.5
    # What differs more holds loose electrodes: 10 mV at 500 Hz, cut off at 5 mV at 100 Hz.
    assert np.percentile(rms_uv, 99) < 10


# Leads


def test_leads_are_z_scored_one_by_one_at_500_hz() -> None:
    record = drawn_record(500)
    x = to_input(record, TWELVE)
    np.testing.assert_allclose(x.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(x[1], (record["II"] - record["II"].mean()) / record["II"].std(), atol=1e-4)
    np.testing.assert_array_equal(to_input(record, MODELS["lead_ii_cnn"].spec)[0], x[1])


def test_what_exists_at_100_hz_only_is_upsampled_fivefold() -> None:
    x = to_input(drawn_record(100), TWELVE)
    assert x.shape == (12, 5000)
    expected = resample(drawn_record(100), 500).signal
    expected = (expected - expected.mean(axis=1, keepdims=True)) / expected.std(axis=1, keepdims=True)
    np.testing.assert_allclose(x, expected, atol=0.02)


def test_a_lead_without_any_deflection_is_zero() -> None:
    record = drawn_record(500)
    flat = np.array(record.signal)
    flat[6] = 0.2
    x = to_input(ECGRecord(flat, 500, LEADS), TWELVE)
    np.testing.assert_allclose(x[6], 0, atol=0.05)


def test_one_scale_for_all_leads_keeps_millivolts() -> None:
    spec = MODELS["xresnet1d101"].spec
    record = drawn_record(100)
    np.testing.assert_allclose(to_input(record, spec), record.signal / spec.scale_mv, rtol=1e-5)


@pytest.mark.data
@pytest.mark.skipif("EINTHOVEN_DATA" not in os.environ, reason="EINTHOVEN_DATA names no folder of real data")
def test_the_scale_of_the_benchmark_s_model_is_that_of_its_training_folds() -> None:
    x = np.stack([item.record().signal for item in ptb_xl(folds=range(1, 9))[::40]]).astype(np.float64)
    # A fortieth of the records: their deviations spread by about a third, so that of 436 is known to 3 %.
    assert x.std() == pytest.approx(MODELS["xresnet1d101"].spec.scale_mv, rel=0.06)
    assert abs(x.mean()) < 0.003


def test_missing_limb_leads_follow_from_others_and_missing_chest_leads_are_refused() -> None:
    record = drawn_record(500)
    fewer = select(record, [lead for lead in LEADS if lead not in ("I", "II", "aVR")])
    np.testing.assert_allclose(to_input(fewer, TWELVE), to_input(record, TWELVE), atol=1e-3)
    with pytest.raises(ModelError, match=r"lacks V3$"):
        to_input(select(record, [lead for lead in LEADS if lead != "V3"]), TWELVE)


def test_missing_samples_stand_at_the_mean() -> None:
    signal = np.array(drawn_record(500).signal)
    signal[:, 2500:] = np.nan
    x = to_input(ECGRecord(signal, 500, LEADS), TWELVE)
    assert np.all(x[:, 2500:] == 0)
    np.testing.assert_allclose(x[:, :2500].std(axis=1), 1, atol=1e-4)


def test_slow_records_are_refused() -> None:
    with pytest.raises(ModelError, match="at least 100 Hz, got 50 Hz"):
        to_input(drawn_record(50), PAPER)


def test_longer_records_are_cut_and_shorter_ones_leave_the_rest_absent() -> None:
    record = drawn_record(100, seconds=12, cycle_s=0.75)  # so that no QRS is cut at 10 s
    np.testing.assert_array_equal(to_input(record, PAPER)[8:], 1)
    first = to_input(crop(record, 0, 10), TWELVE)
    # The filter of a shorter record knows nothing of what follows, so its last tenth of a second differs.
    np.testing.assert_allclose(to_input(record, TWELVE)[:, :4950], first[:, :4950], atol=1e-2)
    x = to_input(crop(record, 0, 4), PAPER)
    assert np.all(x[8:, :400] == 1)
    assert np.all(x[:, 400:] == 0)


# Paper


def test_a_page_gives_each_lead_from_its_own_level_and_says_where_it_is() -> None:
    record = drawn_record(100)
    rng = np.random.default_rng(1)
    signal = np.array(record.signal) + rng.normal(0, 0.5, (12, 1)).astype(np.float32)
    shown = np.zeros((12, 1000), bool)
    for column in range(4):
        shown[3 * column : 3 * column + 3, 250 * column : 250 * column + 250] = True
    shown[1] = True
    signal[~shown] = np.nan
    x = to_input(ECGRecord(signal, 100, LEADS), PAPER)
    values, presence = x[:8], x[8:].astype(bool)
    # II runs through, so I also follows from aVR, aVL or aVF where these stand.
    assert presence[1].all()
    assert np.array_equal(presence[0], np.arange(1000) < 500)
    for row, column in ((2, 2), (3, 2), (4, 2), (5, 3), (6, 3), (7, 3)):
        assert np.array_equal(presence[row], np.arange(1000) // 250 == column)
    assert np.all(values[~presence] == 0)
    for row in range(8):
        lead = INDEPENDENT_LEADS[row]
        part = values[row][presence[row]]
        assert abs(np.median(part)) < 1e-6
        assert np.ptp(part) == pytest.approx(np.ptp(record[lead]), rel=0.25 if lead == "I" else 0.05)


def test_the_level_of_paper_does_not_matter_and_stray_deflections_are_cut_off() -> None:
    record = drawn_record(100)
    moved = np.array(record.signal) + np.linspace(-2, 2, 12, dtype=np.float32)[:, None]
    np.testing.assert_allclose(to_input(ECGRecord(moved, 100, LEADS), PAPER), to_input(record, PAPER), atol=1e-5)
    spiked = np.array(record.signal)
    spiked[6, 500] = 40
    assert to_input(ECGRecord(spiked, 100, LEADS), PAPER).max() == 5


def test_a_record_with_none_of_the_leads_is_refused() -> None:
    with pytest.raises(ModelError, match="has none of them"):
        to_input(ECGRecord(np.zeros((1, 1000)), 100, ("V7",)), PAPER)


def test_one_lead_is_enough_for_the_default() -> None:
    x = to_input(select(drawn_record(100), ("II",)), PAPER)
    assert x[8:].sum(axis=1).tolist() == [0, 1000, 0, 0, 0, 0, 0, 0]


# Beats and features


def test_the_median_beat_is_the_drawn_one() -> None:
    record = drawn_record(500, noise_mv=0.02)
    beat = median_beat(record)
    assert beat is not None
    peak = int(np.argmax(beat[1]))
    assert abs(peak - 150) <= 3, "the middle of this QRS is its R peak but for the noise"
    t = (np.arange(400) - peak) / 500
    shape = sum(h * np.exp(-0.5 * ((t - at) / width) ** 2) for at, width, h in WAVES.values())
    expected = GAINS["V4"] * (shape - np.median(shape))
    assert np.abs(beat[LEADS.index("V4")] - expected).max() < 0.05


def test_a_beat_is_scaled_to_one_lead_by_lead_and_absent_leads_are_zero() -> None:
    x = to_input(drawn_record(500), BEAT)
    assert x.shape == (1, 12, 200)
    np.testing.assert_allclose(np.abs(x[0]).max(axis=1), 1, atol=1e-6)
    assert abs(int(np.argmax(x[0, 1])) - 75) <= 2
    less = to_input(select(drawn_record(500), [lead for lead in LEADS if lead != "V1"]), BEAT)
    assert np.all(less[0, 6] == 0)
    with pytest.raises(ModelError, match="no heart beat"):
        to_input(ECGRecord(np.zeros((12, 5000)), 500, LEADS), BEAT)


def test_a_page_of_four_columns_gives_a_beat_of_every_lead() -> None:
    signal = np.array(drawn_record(500).signal)
    for column in range(4):
        rows = slice(3 * column, 3 * column + 3)
        signal[rows, : 1250 * column] = np.nan
        signal[rows, 1250 * (column + 1) :] = np.nan
    whole = to_input(drawn_record(500), BEAT)[0]
    strip = signal.copy()
    strip[1] = drawn_record(500).signal[1]
    for page in (signal, strip):
        found = to_input(ECGRecord(page, 500, LEADS), BEAT)[0]
        # One sample of 4 ms beside the drawn place costs a narrow QRS 0.1 of its correlation.
        assert [np.corrcoef(a, b)[0, 1] > 0.9 for a, b in zip(whole, found, strict=True)] == [True] * 12


def test_a_lead_too_short_to_show_beats_of_its_own_takes_those_of_the_rhythm_strip() -> None:
    signal = np.array(drawn_record(500).signal)
    signal[10, 500:] = np.nan  # V5: one second with one beat
    found, whole = to_input(ECGRecord(signal, 500, LEADS), BEAT)[0], to_input(drawn_record(500), BEAT)[0]
    assert np.corrcoef(found[10], whole[10])[0, 1] > 0.99


def test_features_are_the_drawn_ones() -> None:
    found = dict(zip(FEATURES, feature_vector(drawn_record(500, cycle_s=0.75, noise_mv=0.005)), strict=True))
    assert found["rate_per_min"] == pytest.approx(80, abs=0.5)
    assert found["rr_variation"] < 0.01
    assert found["typical_share"] == 1
    assert found["II_r_mv"] == pytest.approx(1.2, rel=0.1)
    assert found["V1_s_mv"] == pytest.approx(-0.6, rel=0.1)
    assert found["II_t_high_mv"] == pytest.approx(0.3, rel=0.15)
    assert found["II_p_mv"] == pytest.approx(0.15, rel=0.25)
    assert 60 < found["qrs_ms"] < 120
    # I and II at 0.7 and 1: aVF is 0.65 of II; the axis is atan2(2 / sqrt(3) * 0.65, 0.7).
    assert found["axis_degrees"] == pytest.approx(np.degrees(np.arctan2(2 / np.sqrt(3) * 0.65, 0.7)), abs=3)
    raised = dict(zip(FEATURES, feature_vector(drawn_record(500, st_mv=0.3)), strict=True))
    level = dict(zip(FEATURES, feature_vector(drawn_record(500)), strict=True))
    assert raised["V2_j80_mv"] - level["V2_j80_mv"] == pytest.approx(0.3, abs=0.03)


def test_without_a_beat_no_feature_is_made_up() -> None:
    assert np.isnan(feature_vector(ECGRecord(np.zeros((12, 5000)), 500, LEADS))).all()
    lead_ii = dict(zip(FEATURES, feature_vector(select(drawn_record(500), ("II",))), strict=True))
    assert np.isnan(lead_ii["axis_degrees"])
    assert np.isnan(lead_ii["V3_r_mv"])
    assert np.isfinite(lead_ii["II_r_mv"])


def test_unknown_age_and_sex_are_masked() -> None:
    np.testing.assert_allclose(to_extra(45, "F"), [0.45, 1, 0, 1])
    np.testing.assert_allclose(to_extra(0, None), [0, 1, 0, 0])
    with pytest.raises(ModelError, match="between 0 and 130 years"):
        to_extra(300, None)
    with pytest.raises(ModelError, match="M or F, got 'male'"):
        to_extra(None, "male")
