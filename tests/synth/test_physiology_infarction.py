"""The published criteria, written anew here from the Fourth Universal Definition, applied to the records."""

from dataclasses import replace

import numpy as np
import pytest

from ecg import LEADS
from synth.physiology import TERRITORIES, j_limits_mv, sample_physiology, synthesize_record

SEEDS = range(24)
SILENT = {"resp_axis_deg": 0.0, "resp_gain": 0.0, "wander_mv": 0.0, "muscle_mv": 0.0, "mains_mv": 0.0, "episodes": ()}
CONTIGUOUS = {
    "anterior": [("V2", "V3"), ("V3", "V4"), ("V4", "V5")],
    "septal": [("V1", "V2"), ("V2", "V3")],
    "lateral": [("I", "aVL"), ("V5", "V6")],
    "inferior": [("II", "aVF"), ("III", "aVF"), ("II", "III")],
    "posterior": [("V1", "V2"), ("V2", "V3")],
}
NORMAL_PAIRS = [pair for wall in ("anterior", "septal", "lateral", "inferior") for pair in CONTIGUOUS[wall]]


def silent(seed, kind, fs=500.0):
    """Record without noise or breathing, and its parameters."""
    params = replace(sample_physiology(np.random.default_rng(seed), kind), **SILENT)
    return synthesize_record(params, fs), params


def levels(record):
    """Level of each lead at the J point of the third beat against that before its QRS, in mV."""
    wave = record.meta["waves"][2]
    j, before = (round(wave[name] * record.fs) for name in ("qrs_offset_s", "qrs_onset_s"))
    return {lead: float(record[lead][j] - record[lead][before - 2]) for lead in LEADS}


def limit(lead, age, sex):
    if lead not in ("V2", "V3"):
        return 0.10
    return 0.15 if sex == "F" else 0.20 if age >= 40 else 0.25


def raised(level, params, pairs):
    return any(all(level[lead] >= limit(lead, params.age, params.sex) for lead in pair) for pair in pairs)


def qrs(record, lead):
    wave = record.meta["waves"][2]
    a, b = (round(wave[name] * record.fs) for name in ("qrs_onset_s", "qrs_offset_s"))
    return record[lead][a : b + 1] - record[lead][a]


def pathological_q(x, fs):
    """Q of 30 ms and 0.1 mV, or QS."""
    first = np.flatnonzero(np.abs(x) > 0.03)[0]
    if x[first] > 0:
        return False
    back = np.flatnonzero(x[first:] >= 0)
    long = (back[0] if back.size else x.size - first) / fs
    return long >= 0.028 and x[first : first + round(long * fs)].min() <= -0.095  # half a sample and 5 µV for rounding


@pytest.mark.parametrize("territory", [t for t in TERRITORIES if t != "posterior"])
def test_acute_infarction_raises_two_contiguous_leads_of_its_territory(territory):
    highest = []
    for seed in SEEDS:
        record, params = silent(seed, f"ami_{territory}")
        level = levels(record)
        assert raised(level, params, CONTIGUOUS[territory]), (seed, level)
        highest.append(max(level[lead] for pair in CONTIGUOUS[territory] for lead in pair))
    assert 0.1 <= np.median(highest) <= 0.4
    assert max(highest) < 0.8


def test_posterior_infarction_depresses_v1_to_v3_and_keeps_t_upright():
    upright = 0
    for seed in SEEDS:
        record, _ = silent(seed, "ami_posterior")
        level = levels(record)
        assert any(all(level[lead] <= -0.05 for lead in pair) for pair in CONTIGUOUS["posterior"])
        wave = record.meta["waves"][2]
        j, end = (round(wave[name] * record.fs) for name in ("qrs_offset_s", "t_offset_s"))
        upright += record["V2"][j:end].max() > 0.05
    assert upright > 0.6 * len(SEEDS)


def test_inferior_infarction_shows_its_artery_and_is_answered_by_avl():
    seen = {}
    for seed in SEEDS:
        record, params = silent(seed, "ami_inferior")
        level = levels(record)
        flavour = params.details[0].split(": ")[1].split(",")[0]
        seen.setdefault(flavour, []).append((level["III"] - level["II"], level["I"], level["aVL"], level["V6"]))
    right, circumflex = (np.array(seen[name]) for name in ("RCA", "LCx"))
    assert (right[:, 0] > 0).all()  # III above II, I and aVL depressed
    assert (right[:, 1] < 0.01).all()
    assert (right[:, 2] < -0.04).all()
    assert np.median(circumflex[:, 0]) <= 0.01  # II at least as high
    assert np.median(circumflex[:, 3]) > 0.03


def test_anterior_infarction_is_answered_by_iii_and_some_t_waves_are_hyperacute():
    deep, t = [], []
    for seed in SEEDS:
        record, _ = silent(seed, "ami_anterior")
        level = levels(record)
        deep.append(level["III"])
        wave = record.meta["waves"][2]
        t.append(record["V3"][round(wave["t_peak_s"] * record.fs)] / level["V3"])
    assert np.median(deep) < -0.02
    assert 0.05 < np.mean(np.array(t) > 4.0) < 0.6


@pytest.mark.parametrize("kind", ["norm", "bradycardia", "tachycardia"])
def test_hearts_without_infarction_meet_no_criterion(kind):
    for seed in SEEDS:
        record, params = silent(seed, kind)
        level = levels(record)
        assert not raised(level, params, NORMAL_PAIRS)
        assert not all(level[lead] <= -0.05 for lead in ("V1", "V2", "V3"))
        for pair in [*CONTIGUOUS["lateral"], ("II", "aVF"), ("V4", "V5"), ("V5", "V6")]:
            assert not all(pathological_q(qrs(record, lead), record.fs) for lead in pair)


@pytest.mark.parametrize("territory", [t for t in TERRITORIES if t != "posterior"])
def test_old_infarction_has_q_waves_inverted_t_and_a_level_st(territory):
    inverted = 0
    for seed in SEEDS:
        record, params = silent(seed, f"hmi_{territory}", fs=1000.0)
        scarred = [
            pair for pair in CONTIGUOUS[territory] if all(pathological_q(qrs(record, ld), record.fs) for ld in pair)
        ]
        assert scarred, seed
        level = levels(record)
        assert not raised(level, params, NORMAL_PAIRS)
        assert max(abs(level[lead]) for pair in scarred for lead in pair) < 0.15
        wave = record.meta["waves"][2]
        on, off = (round(wave[name] * record.fs) for name in ("t_onset_s", "t_offset_s"))
        t = [record[lead][on:off] for lead in scarred[0]]
        inverted += all(-x.min() > x.max() for x in t)
    assert inverted > 0.5 * len(SEEDS)


def test_old_infarction_loses_r_waves():
    territory = {"anterior": ("V3", "V4"), "septal": ("V1", "V2"), "lateral": ("V5", "V6"), "inferior": ("II", "aVF")}
    normal = [silent(seed, "norm")[0] for seed in SEEDS]
    for name, leads in territory.items():
        before = [sum(qrs(record, lead).max() for lead in leads) for record in normal]
        old = [silent(seed, f"hmi_{name}")[0] for seed in SEEDS]
        after = [sum(qrs(record, lead).max() for lead in leads) for record in old]
        assert np.mean(after) < 0.8 * np.mean(before), name


def test_old_posterior_infarction_has_broad_r_waves_in_v1_and_v2():
    for seed in SEEDS:
        record, _ = silent(seed, "hmi_posterior", fs=1000.0)
        for lead in ("V1", "V2"):
            x = qrs(record, lead)
            assert x.max() >= -x.min()
            assert np.sum(x > 0) / record.fs >= 0.038
        assert record["V2"][round(record.meta["waves"][2]["t_peak_s"] * record.fs)] > 0


def test_acute_and_old_infarction_and_a_rhythm_go_together():
    record, params = silent(3, "hmi_inferior|ami_anterior|afib")
    assert raised(levels(record), params, CONTIGUOUS["anterior"])
    assert record.meta["waves"][2]["p_peak_s"] is None
    assert len(params.details) == 2


def test_limits_are_those_of_the_definition():
    for age in (25, 39, 40, 70):
        for sex in "MF":
            assert j_limits_mv(age, sex) == {lead: limit(lead, age, sex) for lead in LEADS}
