"""Measurements on beats of known timing, on pages with gaps, and on signals that are no ECG."""

import math
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from ecg import LEADS, ECGRecord
from ecg.beats import find_beats, lead_groups
from ecg.measure import measure
from ecg.waves import delineate
from synth import sample_physiology, synthesize_record

FS = 500
#: A Gaussian begins and ends two standard deviations from its middle, where the tangent at its steepest point meets
#: the base line (Lepeschkin & Surawicz, Circulation 1952;6:378-388).
EDGE = 2
PR_MS, QRS_MS = 160, 84


def gauss(t, centre, width, height):
    return height * np.exp(-0.5 * ((t - centre) / width) ** 2)


def beat(t, at, rr=0.8, p=0.12, qrs=1.0, wave_t=0.3, st=0.0):
    """One beat: Q from -40 ms, S to +44 ms, PR 160 ms, QT = 390 ms RR^(1/3)."""
    qt = 0.39 * rr ** (1 / 3)
    width = 0.09 * qt
    x = gauss(t, at - 0.04 - 0.16 + EDGE * 0.018, 0.018, p)
    x += qrs * (gauss(t, at - 0.024, 0.008, -0.1) + gauss(t, at, 0.010, 1.0) + gauss(t, at + 0.026, 0.009, -0.2))
    x += gauss(t, at + qt - 0.04 - EDGE * width, width, wave_t)
    if st:  # a shelf from J to the T wave, with flanks of 4 ms
        x += st * 0.5 * (np.tanh((t - at - 0.044) / 0.004) - np.tanh((t - at - 0.16) / 0.02))
    return x


def lead(beats_s, seconds=10.0, rr=0.8, noise=0.0, seed=0, **shape):
    t = np.arange(round(seconds * FS)) / FS
    x = sum(beat(t, at, rr, **shape) for at in beats_s)
    return x + noise * np.random.default_rng(seed).standard_normal(t.size)


def regular(rr, seconds=10.0):
    return np.arange(0.45, seconds - 0.1, rr)


def record(rows, leads):
    return ECGRecord(np.stack(rows), FS, tuple(leads))


@pytest.fixture(autouse=True)
def silent(capfd):
    """Whatever is measured, nothing is printed and no warning comes out."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    out, err = capfd.readouterr()
    assert out == err == ""


@pytest.mark.parametrize("rr", [1.5, 1.0, 0.8, 0.7, 0.6, 0.52])
def test_intervals_of_beats_of_known_timing(rr):
    m = measure(record([lead(regular(rr), rr=rr)], ["II"]))
    qt = 390 * rr ** (1 / 3)
    assert m.rate.value == pytest.approx(60 / rr, rel=1e-3)
    assert m.pr.value == pytest.approx(PR_MS, abs=6)
    assert m.qrs.value == pytest.approx(QRS_MS, abs=10)
    assert m.qt.value == pytest.approx(qt, abs=10)
    assert m.qtc_bazett.value == pytest.approx(m.qt.value / math.sqrt(rr), rel=1e-3)
    assert m.qtc_fridericia.value == pytest.approx(m.qt.value / rr ** (1 / 3), rel=1e-3)
    assert m.qtc_fridericia.value == pytest.approx(390, abs=10)
    np.testing.assert_allclose(m.beats_s, regular(rr), atol=0.002)


@pytest.mark.parametrize("rr", [0.44, 0.4, 0.35, 0.3, 0.25])
def test_waves_that_run_into_each_other_have_no_end(rr):
    m = measure(record([lead(regular(rr), rr=rr)], ["II"]))
    assert m.rate.value == pytest.approx(60 / rr, rel=2e-3)
    assert m.qt.value is None
    assert m.pr.value is None or m.pr.value == pytest.approx(PR_MS, abs=20)


def test_bazett_is_doubted_away_from_usual_rates():
    slow = measure(record([lead(regular(1.5), rr=1.5)], ["II"]))
    assert slow.qtc_bazett.quality == "fair"
    assert "Bazett" in slow.qtc_bazett.reason


@pytest.mark.parametrize("shape", [{"p": -0.1}, {"wave_t": -0.3}, {"qrs": -1.0}, {"wave_t": 0.9}, {"p": 0.05}])
def test_waves_may_point_either_way(shape):
    m = measure(record([lead(regular(0.8), **shape)], ["V1"]))
    assert m.pr.value == pytest.approx(PR_MS, abs=10)
    assert m.qrs.value == pytest.approx(QRS_MS, abs=12)
    assert m.qt.value == pytest.approx(390 * 0.8 ** (1 / 3), abs=12)


def test_an_absent_wave_is_not_invented():
    no_p = measure(record([lead(regular(0.8), p=0.0, noise=0.01)], ["II"]))
    assert no_p.pr.value is None
    assert no_p.pr.quality == "not measurable"
    assert no_p.pr.reason == "0 of 1 leads show a P wave"
    assert no_p.qt.value is not None
    no_t = measure(record([lead(regular(0.8), wave_t=0.0, noise=0.01)], ["II"]))
    assert no_t.qt.value is None
    assert no_t.qtc_bazett.value is None
    assert no_t.qtc_bazett.reason == "0 of 1 leads show a T wave"
    assert no_t.pr.value == pytest.approx(PR_MS, abs=10)


def test_p_waves_that_keep_no_distance_are_no_pr():
    """Complete heart block: atria at their own rate."""
    t = np.arange(5000) / FS
    x = lead(regular(1.1), rr=1.1, p=0.0) + sum(gauss(t, c, 0.018, 0.12) for c in np.arange(0.2, 10, 0.73))
    assert measure(record([x], ["II"])).pr.value is None


def test_irregular_rhythm_has_a_rate_and_is_said_to_be_irregular():
    rng = np.random.default_rng(3)
    at = 0.4 + np.cumsum(rng.uniform(0.45, 1.1, 11))
    m = measure(record([lead(at[at < 9.8], p=0.0)], ["II"]))
    assert m.rate.value == pytest.approx(60 / np.diff(at[at < 9.8]).mean(), rel=5e-3)
    assert m.rate.quality == "fair"
    assert "irregular" in m.rate.reason


def test_variability_is_that_of_the_intervals():
    rng = np.random.default_rng(1)
    at = 0.45 + np.concatenate([[0], np.cumsum(0.8 + 0.05 * rng.standard_normal(11))])
    m = measure(record([lead(at)], ["II"]))
    intervals = 1000 * np.diff(at)
    assert m.sdnn.value == pytest.approx(intervals.std(ddof=1), abs=1)
    assert m.rmssd.value == pytest.approx(np.sqrt(np.mean(np.diff(intervals) ** 2)), abs=2)
    assert m.sdnn.quality == "fair"
    assert "5 minutes" in m.sdnn.reason


def test_ectopic_beats_are_counted_but_not_measured():
    t = np.arange(5000) / FS
    at = regular(0.8)
    x = lead(np.delete(at, 6))
    x += gauss(t, at[6] - 0.15, 0.022, -1.2) + gauss(t, at[6] - 0.08, 0.03, 0.6)
    rec = record([x], ["II"])
    beats = find_beats(rec, lead_groups(rec)[0])
    assert beats.peak_s.size == at.size
    assert np.flatnonzero(~beats.typical).tolist() == [6]
    waves = delineate(rec)["II"]
    assert math.isnan(waves[6].qrs_onset_s)
    m = measure(rec)
    assert m.qrs.value == pytest.approx(QRS_MS, abs=12)
    assert m.sdnn.value < 5


@pytest.mark.parametrize("axis", [-150, -90, -60, -30, 0, 15, 60, 90, 135, 179])
def test_axis_of_a_dipole(axis):
    a = math.radians(axis)
    rows = {"I": math.cos(a), "aVF": math.sqrt(3) / 2 * math.sin(a)}
    m = measure(record([lead(regular(0.8), qrs=k) for k in rows.values()], rows))
    assert m.axis.quality == "good"
    assert (m.axis.value - axis + 180) % 360 - 180 == pytest.approx(0, abs=1)


def test_axis_from_other_limb_leads_is_fair():
    a = math.radians(40)
    rows = {"II": math.cos(a - math.pi / 3), "III": math.cos(a - 2 * math.pi / 3)}
    m = measure(record([lead(regular(0.8), qrs=k) for k in rows.values()], rows))
    assert m.axis.value == pytest.approx(40, abs=1)
    assert m.axis.quality == "fair"
    assert measure(record([lead(regular(0.8))], ["I"])).axis.value is None


def test_axis_of_a_qrs_as_much_up_as_down_is_not_measurable():
    t = np.arange(5000) / FS
    x = sum(gauss(t, c - 0.02, 0.01, 1.0) + gauss(t, c + 0.02, 0.01, -1.0) for c in regular(0.8))
    m = measure(record([x, x], ["I", "aVF"]))
    assert m.axis.value is None
    assert "as much up as down" in m.axis.reason


@pytest.mark.parametrize("st", [-0.15, 0.0, 0.2, 0.4])
def test_st_level_at_the_j_point(st):
    m = measure(record([lead(regular(0.8), st=st), lead(regular(0.8))], ["V2", "V5"]))
    assert m.st["V2"].value == pytest.approx(st, abs=0.03)
    assert m.st["V5"].value == pytest.approx(0, abs=0.02)
    assert m.st["V2"].unit == "mV"


@pytest.mark.parametrize(("noise", "pr_ms", "qt_ms"), [(0.01, 8, 10), (0.03, 12, 30)])
def test_noise_as_a_good_reading_of_paper_has_it(noise, pr_ms, qt_ms):
    rows = [lead(regular(0.8), noise=noise, seed=k) for k in range(12)]
    m = measure(record(rows, LEADS))
    assert m.pr.value == pytest.approx(PR_MS, abs=pr_ms)
    assert m.qrs.value == pytest.approx(QRS_MS, abs=12)
    assert m.qt.value == pytest.approx(390 * 0.8 ** (1 / 3), abs=qt_ms)
    assert m.pr.quality == m.qt.quality == "good"


def page(strip=True, rr=0.8):
    """A 3x4 page with lead II below where ``strip`` is set."""
    signal = np.full((12, 5000), np.nan)
    x = lead(regular(rr), rr=rr)
    for k in range(12):
        column = slice(1250 * (k // 3), 1250 * (k // 3 + 1))
        signal[k, column] = (0.5 + 0.1 * k) * x[column]
    if strip:
        signal[1] = x
    return ECGRecord(signal, FS, LEADS)


def test_a_page_is_measured_with_the_rhythm_from_its_strip():
    m = measure(page())
    assert m.rhythm_leads == ("II",)
    assert m.beats_s.size == 12
    assert m.rate.value == pytest.approx(75, rel=1e-3)
    assert m.rate.quality == "good"
    assert m.pr.value == pytest.approx(PR_MS, abs=10)
    assert m.qt.value == pytest.approx(390 * 0.8 ** (1 / 3), abs=12)
    assert m.axis.value is not None
    assert set(m.st) == set(LEADS)
    assert all(v.value is not None for v in m.st.values())


def test_a_page_without_strip_pools_the_intervals_of_its_columns():
    m = measure(page(strip=False, rr=1.1))
    assert m.rate.value == pytest.approx(60 / 1.1, rel=5e-3)
    assert m.sdnn.value is None
    assert "are needed" in m.sdnn.reason


def test_groups_of_a_page_are_its_columns_and_its_strip():
    groups = lead_groups(page())
    assert [g.leads for g in groups] == [("II",), ("I", "III"), ("aVR", "aVL", "aVF"), LEADS[6:9], LEADS[9:]]
    assert [g.start_s for g in groups] == [0, 0, 2.5, 5, 7.5]


def test_waves_of_a_column_stand_on_the_clock_of_the_record():
    waves = delineate(page())
    assert list(waves) == list(LEADS)
    expected = [t for t in regular(0.8) if 5.05 < t < 7.45]
    np.testing.assert_allclose([w.peak_s for w in waves["V1"]], expected, atol=0.003)
    first = waves["V1"][0]
    order = [first.p_onset_s, first.p_peak_s, first.p_offset_s, first.qrs_onset_s, first.peak_s, first.qrs_offset_s]
    order += [first.t_onset_s, first.t_peak_s, first.t_offset_s]
    assert order == sorted(order)


def test_short_gaps_are_bridged_and_long_ones_end_a_run():
    x = lead(regular(0.8))
    x[1000:1015] = np.nan  # 30 ms
    assert lead_groups(record([x], ["II"]))[0].duration_s == 10
    x[3000:3050] = np.nan  # 100 ms
    (group,) = lead_groups(record([x], ["II"]))
    assert (group.start_s, group.stop_s) == (0, 6)
    assert measure(record([x], ["II"])).rate.value == pytest.approx(75, rel=2e-3)


def test_other_rates_are_measured_alike():
    t = np.arange(2570) / 257
    x = sum(beat(t, at) for at in regular(0.8))
    m = measure(ECGRecord(x[None], 257, ("II",)))
    assert m.rate.value == pytest.approx(75, rel=2e-3)
    assert m.pr.value == pytest.approx(PR_MS, abs=12)


T = np.arange(5000) / FS
NO_ECG = {
    "flat": np.zeros(5000),
    "noise": 0.3 * np.random.default_rng(0).standard_normal(5000),
    "walk": 0.02 * np.cumsum(np.random.default_rng(1).standard_normal(5000)),
    "sine": np.sin(2 * np.pi * 1.2 * T),
    "mains": np.sin(2 * np.pi * 50 * T),
    "step": (T > 5) * 1.0,
    "ramp": T,
    "faint": 1e-4 * lead(regular(0.8)),
    "missing": np.full(5000, np.nan),
    "one sample": np.where(np.arange(5000) == 7, 1.0, np.nan),
    "short": np.where(T < 1, 1.0, np.nan),
    "comb": np.where(np.arange(5000) % 2 == 0, np.nan, 1.0),
}


@pytest.mark.parametrize("name", NO_ECG)
def test_what_is_no_ecg_is_not_measurable_and_says_why(name):
    m = measure(record([NO_ECG[name]], ["II"]))
    for figure in (m.rate, m.sdnn, m.rmssd, m.pr, m.qrs, m.qt, m.qtc_bazett, m.qtc_fridericia, m.axis, m.st["II"]):
        assert figure.value is None
        assert figure.quality == "not measurable"
        assert figure.reason


@pytest.mark.parametrize(
    "odd",
    [
        ECGRecord(np.zeros((1, 1)), 500, ("II",)),
        ECGRecord(np.ones((2, 12)), 1, ("II", "V1")),
        ECGRecord(lead(regular(0.8))[None] * 1e6, 500, ("II",)),
        ECGRecord(np.random.default_rng(0).standard_normal((3, 700)), 500, ("a", "b", "c")),
        ECGRecord(lead([0.6], seconds=1.4)[None], 500, ("II",)),
        ECGRecord(lead([0.4, 1.2], seconds=1.6)[None], 500, ("II",)),
        ECGRecord(lead(regular(0.21), p=0, wave_t=0)[None], 500, ("II",)),
    ],
)
def test_odd_records_raise_nothing(odd):
    m = measure(odd)
    delineate(odd)
    assert m.rate.quality in ("good", "fair", "not measurable")


def test_one_beat_has_a_qrs_but_no_rate():
    m = measure(record([lead([0.7], seconds=1.5)], ["II"]))
    assert m.rate.value is None
    assert m.rate.reason == "no lead shows two beats"
    assert m.qrs.value == pytest.approx(QRS_MS, abs=12)
    assert m.st["II"].quality == "fair"


@pytest.mark.data
def test_real_records_are_measured_plausibly():
    """Five records without a disease of conduction: each figure is what the recommendations call normal or near it."""
    if not os.environ.get("EINTHOVEN_DATA"):
        pytest.skip("EINTHOVEN_DATA names no folder of real data")
    from ecg.formats import read_record

    folder = Path(os.environ["EINTHOVEN_DATA"]) / "ptb-xl" / "records100" / "00000"
    found = [measure(read_record(folder / f"{k:05d}_lr.hea")) for k in (1, 2, 3, 4, 5)]
    assert all(45 <= m.rate.value <= 110 for m in found)
    assert all(60 <= m.qrs.value <= 120 for m in found)
    pr = [m.pr.value for m in found if m.pr.value is not None]
    qtc = [m.qtc_fridericia.value for m in found if m.qtc_fridericia.value is not None]
    assert len(pr) >= 4
    assert all(100 <= v <= 220 for v in pr)
    assert len(qtc) >= 4
    assert all(320 <= v <= 460 for v in qtc)


def test_small_complexes_before_a_raised_st_in_one_lead_are_beats() -> None:
    """Of an inferior infarction lead II alone gave no heart beat: ST and T as large as the QRS hid it."""
    made = synthesize_record(sample_physiology(np.random.default_rng(2), "ami_inferior"))
    rates = [
        measure(ECGRecord(made.signal[rows], made.fs, made.leads[rows])).rate.value
        for rows in (slice(1, 2), slice(None))
    ]
    assert rates[0] == pytest.approx(rates[1], rel=0.01)


def test_hum_of_the_mains_is_no_beat() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(5000) / 500
    for _ in range(20):
        hum = 0.3 * np.sin(2 * np.pi * 50 * t + 0.1 * rng.standard_normal(5000))
        assert measure(ECGRecord(hum[None].astype(np.float32), 500, ("II",))).rate.value is None
