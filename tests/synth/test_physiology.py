import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from ecg import LEADS, OptionsError, limb_residual
from synth.physiology import DOWER, KINDS, Gaussian, parse_kind, sample_kind, sample_physiology, synthesize_record
from synth.physiology.dipole import INDEPENDENT_LEADS

SEEDS = range(40)
SILENT = {"resp_axis_deg": 0.0, "resp_gain": 0.0, "wander_mv": 0.0, "muscle_mv": 0.0, "mains_mv": 0.0, "episodes": ()}


def norm(seed, **changes):
    return replace(sample_physiology(np.random.default_rng(seed)), **changes)


def silent(seed, kind="norm", **people):
    """Heart without noise or breathing."""
    return replace(sample_physiology(np.random.default_rng(seed), kind, **people), **SILENT)


def beat_of(record, k=2):
    """Sample of each marked time of the third beat."""
    wave = record.meta["waves"][k]
    return {name: round(s * record.fs) for name, s in wave.items() if isinstance(s, float)}


def frontal_axis(record):
    at = beat_of(record)
    net = {lead: record[lead][at["qrs_onset_s"] : at["qrs_offset_s"]].sum() for lead in ("I", "aVF")}
    return np.degrees(np.arctan2(net["aVF"] * 2 / np.sqrt(3), net["I"]))


def test_one_gaussian_projects_to_dowers_coefficients():
    params = replace(
        silent(0),
        sdnn_s=1e-9,
        beat=(Gaussian("QRS", 0.0, 0.01, 1.0, -2.0, 0.5),),
        lead_matrix=tuple(map(tuple, DOWER)),
    )
    record = synthesize_record(params, fs=10_000)
    r = round(record.meta["waves"][1]["r_s"] * record.fs)
    for lead, mv in zip(INDEPENDENT_LEADS, DOWER @ [1.0, -2.0, 0.5], strict=True):
        assert record[lead][r - 3 : r + 4][np.abs(record[lead][r - 3 : r + 4]).argmax()] == pytest.approx(mv, rel=1e-3)


@pytest.mark.parametrize("kind", [*KINDS, "ami_inferior|afib", "rbbb|hmi_anterior|pvc", "lbbb|aflutter", "paced|pvc"])
def test_every_kind_is_a_record_of_its_labels_that_keeps_the_limb_leads_algebra(kind):
    record = synthesize_record(sample_physiology(np.random.default_rng(7), kind))
    residual = limb_residual(record)
    assert record.leads == LEADS
    assert record.meta["labels"] == tuple(kind.split("|"))
    assert np.isfinite(record.signal).all()
    assert residual.einthoven_mv < 1e-6
    assert residual.goldberger_mv < 1e-6
    assert np.abs(record.signal).max() < 8.0  # mV: 16 squares at the usual gain
    assert json.loads(json.dumps(record.meta["waves"]))
    assert json.loads(json.dumps(record.meta["physiology"]))["kind"] == kind


def test_normal_heart_looks_like_one():
    for seed in SEEDS:
        record = synthesize_record(silent(seed))
        at = beat_of(record)
        qrs = slice(at["qrs_onset_s"], at["qrs_offset_s"])
        high = {lead: record[lead][qrs].max() for lead in LEADS}
        low = {lead: record[lead][qrs].min() for lead in LEADS}
        # V1 is rS, R grows from V1 to V4 or V5, aVR points down; P and T are upright where they must be
        assert -low["V1"] > high["V1"]
        assert high["V6"] > -low["V6"]
        assert -low["aVR"] > high["aVR"]
        assert high["V1"] < max(high["V4"], high["V5"])
        assert record["II"][at["p_peak_s"]] > 0.02
        assert record["aVR"][at["t_peak_s"]] < -0.03
        assert all(record[lead][at["t_peak_s"]] > 0.03 for lead in ("I", "II", "V4", "V5", "V6"))
        assert 0.2 < high["V5"] < 4.0
        assert -32 <= frontal_axis(record) <= 102


def test_intervals_are_those_of_healthy_adults():
    pr, qrs, qtc = [], [], []
    for seed in SEEDS:
        params = silent(seed)
        wave = synthesize_record(params).meta["waves"][2]
        pr.append(wave["qrs_onset_s"] - wave["p_onset_s"])
        qrs.append(wave["qrs_offset_s"] - wave["qrs_onset_s"])
        qtc.append((wave["t_offset_s"] - wave["qrs_onset_s"]) / (60 / params.rate_bpm) ** (1 / 3))
    assert 0.11 <= min(pr) <= max(pr) <= 0.215
    assert 0.07 <= min(qrs) <= max(qrs) <= 0.11
    assert 0.34 <= np.percentile(qtc, 5) <= np.percentile(qtc, 95) <= 0.45


def test_intervals_measured_are_those_of_the_truth():
    from ecg.measure import measure

    differences = {"pr": [], "qrs": [], "qt": []}
    for seed in range(4):
        record = synthesize_record(silent(seed))
        wave, found = record.meta["waves"][2], measure(record)
        truth = {
            "pr": wave["qrs_onset_s"] - wave["p_onset_s"],
            "qrs": wave["qrs_offset_s"] - wave["qrs_onset_s"],
            "qt": wave["t_offset_s"] - wave["qrs_onset_s"],
        }
        for name, seconds in truth.items():
            if getattr(found, name).value is not None:
                differences[name].append(getattr(found, name).value - 1000 * seconds)
    # ms; delineation by wavelets and edges by the dipole's size agree as two readers do
    assert np.abs(differences["qrs"]).mean() < 12
    assert np.abs(differences["pr"]).mean() < 30
    assert np.abs(differences["qt"]).mean() < 40


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("norm", 58, 101), ("bradycardia", 0, 60), ("tachycardia", 99, 155), ("pac", 58, 101)]
)
def test_rate_is_that_of_the_kind(kind, low, high):
    from scipy.signal import find_peaks

    for seed in range(8):
        params = replace(silent(seed, kind), events=())
        record = synthesize_record(params)
        x = np.abs(np.diff(record["V5"]))
        peaks, _ = find_peaks(x, height=0.5 * x.max(), distance=0.3 * record.fs)
        truth = [wave["r_s"] for wave in record.meta["waves"]]
        assert abs(len(peaks) - len(truth)) <= 1  # a beat may be cut by an end
        assert low < 60 / np.mean(np.diff(truth)) < high
        for peak in peaks[(peaks > 100) & (peaks < record.n_samples - 100)]:  # 0.2 s from either end
            assert np.abs(np.array(truth) - peak / record.fs).min() < 0.05


def test_waves_of_a_beat_follow_each_other_and_stand_where_the_signal_is():
    names = ("p_onset_s", "p_peak_s", "p_offset_s", "qrs_onset_s", "r_s", "qrs_offset_s", "t_peak_s", "t_offset_s")
    for seed in range(8):
        record = synthesize_record(silent(seed))
        for wave in record.meta["waves"]:
            assert wave["beat"] == "N"
            assert wave["spikes_s"] == ()
            times = [wave[name] for name in names]
            assert times == sorted(times)
        # the steepest 100 ms of each beat are its QRS: the dipole is nearly still before the onset and after the end
        speed = np.linalg.norm(np.diff(record.signal, axis=1), axis=0)
        at = beat_of(record)
        inside = speed[at["qrs_onset_s"] : at["qrs_offset_s"]].max()
        assert speed[at["p_offset_s"] : at["qrs_onset_s"] - 2].max(initial=0) < 0.1 * inside
        assert speed[at["qrs_offset_s"] + 2 : at["t_offset_s"]].max() < 0.2 * inside


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


@pytest.mark.parametrize("kind", ["pvc", "lbbb", "ami_anterior", "hmi_inferior", "pac", "afib"])
def test_kinds_share_everything_but_their_finding(kind):
    # same generator state: the two differ in what the finding changes, not in person, torso, noise or breathing
    a = sample_physiology(np.random.default_rng(2), "norm")
    b = sample_physiology(np.random.default_rng(2), kind)
    for name in ("age", "sex", "lead_matrix", "resp_hz", "resp_gain", "wander_mv", "muscle_mv", "episodes", "seed"):
        assert getattr(a, name) == getattr(b, name)
    if kind != "afib":
        assert (a.rate_bpm, a.sdnn_s) == (b.rate_bpm, b.sdnn_s)
    if kind in ("pvc", "pac"):
        assert a.beat == b.beat


def test_normal_and_infarcted_records_come_from_one_distribution_of_people_rates_axes_and_noise():
    from scipy.stats import ks_2samp

    kinds = [kind for kind in KINDS if kind.startswith(("ami", "hmi"))]
    normal = [sample_physiology(np.random.default_rng(k)) for k in range(120)]
    infarcted = [sample_physiology(np.random.default_rng(5000 + k), kinds[k % len(kinds)]) for k in range(120)]
    for name in ("age", "rate_bpm", "sdnn_s", "wander_mv", "muscle_mv", "mains_mv", "resp_gain"):
        a, b = ([getattr(p, name) for p in group] for group in (normal, infarcted))
        assert ks_2samp(a, b).pvalue > 0.01, name
    sexes = [np.mean([p.sex == "M" for p in group]) for group in (normal, infarcted)]
    assert abs(sexes[0] - sexes[1]) < 0.2
    # the axis of the P wave is untouched by an infarction; that of the QRS is part of it
    axes = [[np.arctan2(sum(g.y for g in p.beat if g.wave == "P"), sum(g.x for g in p.beat if g.wave == "P"))
             for p in group] for group in (normal, infarcted)]  # fmt: skip
    assert ks_2samp(*axes).pvalue > 0.01


def test_young_men_have_a_slightly_raised_j_point():
    def level(age, sex):
        values = []
        for seed in range(25):
            record = synthesize_record(silent(seed, age=age, sex=sex))
            values.append(record["V3"][beat_of(record)["qrs_offset_s"]])
        return np.median(values)

    young, old = level(25, "M"), level(80, "F")
    assert young > old + 0.02
    assert young < 0.2


def test_unknown_kinds_impossible_pairs_and_empty_records_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(OptionsError, match=r"norm, bradycardia.*'flutter\?'"):
        sample_physiology(rng, "flutter?")
    with pytest.raises(OptionsError, match="at most one conduction finding"):
        sample_physiology(rng, "lbbb|rbbb")
    with pytest.raises(OptionsError, match="norm goes with nothing else"):
        sample_physiology(rng, "norm|pvc")
    with pytest.raises(OptionsError, match="paced hides a finding of acute infarction"):
        sample_physiology(rng, "paced|ami_inferior")
    with pytest.raises(OptionsError, match="afib has no atrial premature beats"):
        sample_physiology(rng, "pac|afib")
    with pytest.raises(OptionsError, match="positive"):
        synthesize_record(norm(0), fs=0)
    assert parse_kind("hmi_septal|ami_lateral|pvc") == ("hmi_septal", "ami_lateral", "pvc")


def test_kinds_are_drawn_alone_and_in_pairs_that_go_together():
    rng = np.random.default_rng(0)
    drawn = [sample_kind(rng) for _ in range(2000)]
    pairs = [kind for kind in drawn if "|" in kind]
    assert set(drawn) - set(pairs) == set(KINDS)
    assert len(pairs) / len(drawn) == pytest.approx(0.25, abs=0.04)
    for kind in pairs:
        assert len(parse_kind(kind)) == 2
        assert "norm" not in kind
