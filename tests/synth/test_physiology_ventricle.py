from dataclasses import replace

import numpy as np
import pytest

from synth.physiology import sample_physiology, synthesize_record
from synth.physiology.dipole import edges
from synth.physiology.shape import BeatShape
from synth.physiology.ventricle import axis_deg, timed, turned

SEEDS = range(24)
SILENT = {"resp_axis_deg": 0.0, "resp_gain": 0.0, "wander_mv": 0.0, "muscle_mv": 0.0, "mains_mv": 0.0, "episodes": ()}


def third_beat(seed, kind):
    """QRS duration in s, its leads as a mapping, and the record."""
    record = synthesize_record(replace(sample_physiology(np.random.default_rng(seed), kind), **SILENT))
    wave = record.meta["waves"][2]
    a, b = (round(wave[name] * record.fs) for name in ("qrs_onset_s", "qrs_offset_s"))
    qrs = {lead: record[lead][a : b + 1] - record[lead][a] for lead in record.leads}
    return wave["qrs_offset_s"] - wave["qrs_onset_s"], qrs, record


def axis(qrs):
    return np.degrees(np.arctan2(qrs["aVF"].sum() * 2 / np.sqrt(3), qrs["I"].sum()))


@pytest.mark.parametrize(
    ("kind", "shortest", "longest"),
    [("norm", 0.07, 0.11), ("irbbb", 0.098, 0.12), ("rbbb", 0.12, 0.172), ("lbbb", 0.12, 0.182), ("lafb", 0.07, 0.12)],
)
def test_duration_of_the_qrs_is_that_of_the_finding(kind, shortest, longest):
    found = [third_beat(seed, kind)[0] for seed in SEEDS]
    assert shortest <= min(found)
    assert max(found) <= longest


def test_left_bundle_branch_block_is_negative_in_v1_and_broad_in_v6_with_t_against_it():
    against = 0
    for seed in SEEDS:
        _, qrs, record = third_beat(seed, "lbbb")
        assert qrs["V1"].max() < 0.4 * -qrs["V1"].min()
        assert qrs["V6"].max() > 0.25
        assert qrs["V6"].max() > 1.5 * -qrs["V6"].min()
        t = round(record.meta["waves"][2]["t_peak_s"] * record.fs)
        against += record["V1"][t] > 0
    assert against > 0.8 * len(SEEDS)


def test_right_bundle_branch_block_ends_to_the_right_and_front():
    for seed in SEEDS:
        _, qrs, _ = third_beat(seed, "rbbb")
        late = slice(qrs["V1"].size // 2, None)
        assert qrs["V1"][late].max() > 0.15
        assert qrs["V1"].argmax() >= 0.4 * qrs["V1"].size
        assert qrs["V6"][late].min() < -0.08


def test_incomplete_right_bundle_branch_block_has_a_second_r_in_v1():
    for seed in SEEDS:
        _, qrs, _ = third_beat(seed, "irbbb")
        assert qrs["V1"][qrs["V1"].size // 2 :].max() > 0.04


@pytest.mark.parametrize(("kind", "low", "high"), [("lafb", -92, -43), ("lpfb", 90, 155)])
def test_fascicular_blocks_have_their_axis(kind, low, high):
    for seed in SEEDS:
        _, qrs, _ = third_beat(seed, kind)
        assert low <= axis(qrs) <= high


def test_bundle_branch_block_joins_with_infarction_and_rhythm():
    duration, _, record = third_beat(3, "rbbb|hmi_anterior|afib")
    assert duration >= 0.118
    assert record.meta["labels"] == ("rbbb", "hmi_anterior", "afib")


def shape(qrs):
    return BeatShape(None, np.array(qrs, float), np.zeros((8, 3)), 0.1, 0.16, 0.09, 0.3)


def test_timed_stretches_the_qrs_and_leaves_qt():
    rows = np.outer(np.hanning(10)[1:-1], [1.0, 0.5, 0.2])
    long = timed(shape(rows), 0.14, 0.16)
    onset, _, offset = edges(long.gaussians())["QRS"]
    assert offset - onset == pytest.approx(0.14, abs=0.0011)
    assert long.qrs_s + long.jt_s == pytest.approx(0.39)
    assert timed(long, 0.10, 0.20).qrs_s == pytest.approx(long.qrs_s)


def test_axis_turns_with_the_vectors():
    # Einthoven's triangle: I along x, aVF along y with 2 / sqrt(3) of a bipolar lead's gain
    matrix = np.zeros((8, 3))
    matrix[0] = [1, 0, 0]
    matrix[1] = [0.5, np.sqrt(3) / 2, 0]
    rows = np.outer(np.hanning(10)[1:-1], [1.0, 0.0, 0.0])
    for degrees in (-60.0, 0.0, 45.0, 120.0):
        assert axis_deg(shape(turned(rows, degrees)), matrix) == pytest.approx(degrees, abs=0.5)
