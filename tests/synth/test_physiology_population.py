from dataclasses import replace

import numpy as np
import pytest

from ecg.datasets import data_root
from synth.physiology.dipole import DOWER, shapes, vectors
from synth.physiology.population import POPULATIONS, atrial_matrix, draw_beat, draw_torso, pack, quantities, unpack
from synth.physiology.train import MedianBeat, atria, fit_beat, population, to_dipole, torsos


def test_a_beat_survives_packing():
    rng = np.random.default_rng(0)
    beat = draw_beat(rng, "norm", 50, "F", 0.8)
    row = pack(beat, 0.8)
    back = unpack(row, 0.8)
    assert row.size == len(quantities())
    np.testing.assert_allclose(back.qrs, beat.qrs)
    np.testing.assert_allclose(back.st, beat.st)
    np.testing.assert_allclose(back.p, beat.p)
    assert (back.p_s, back.pr_s, back.qrs_s) == pytest.approx((beat.p_s, beat.pr_s, beat.qrs_s))
    assert unpack(row, 1.2).jt_s > back.jt_s  # QT grows with the interval
    with pytest.raises(ValueError, match="without P"):
        pack(replace(beat, p=None), 0.8)


@pytest.mark.parametrize("name", POPULATIONS)
def test_populations_are_of_hearts(name):
    for seed in range(20):
        beat = draw_beat(np.random.default_rng(seed), name, 60, "M", 0.85)
        assert 0.05 < beat.qrs_s < 0.24
        assert 0.15 < beat.jt_s < 0.45
        assert 0.2 < np.linalg.norm(beat.qrs, axis=1).max() < 6.0


def test_torsos_are_dowers_by_and_large():
    mean = np.mean([draw_torso(np.random.default_rng(seed)) for seed in range(200)], axis=0)
    for ours, dower in zip(mean, DOWER, strict=True):
        assert ours @ dower / np.linalg.norm(ours) / np.linalg.norm(dower) > 0.93
    # V4 to V6 see less of the atria than of the ventricles
    near = atrial_matrix(mean)
    assert (np.linalg.norm(near[5:], axis=1) < 0.65 * np.linalg.norm(mean[5:], axis=1)).all()


def drawn_beats(n):
    """Median beats of known dipoles."""
    beats = []
    for seed in range(n):
        shape = draw_beat(np.random.default_rng(seed), "norm", 60, "M", 0.9)
        shape = replace(shape, p_s=0.11, pr_s=0.16)
        t = np.arange(-200, 300) / 500
        found = shape.gaussians()
        eight = DOWER @ vectors(found) @ shapes(found, t)
        beats.append((shape, MedianBeat(eight, t, shape.onset_s, shape.onset_s + shape.qrs_s, 0.9, (1.0, 0.0, 0.5))))
    return beats


def test_the_fit_finds_the_beat_that_was_drawn():
    errors = []
    for shape, beat in drawn_beats(12):
        fit = fit_beat(beat)
        assert fit is not None
        v, w = (vectors(s.gaussians()) @ shapes(s.gaussians(), beat.t) for s in (shape, replace(fit)))
        # the fit counts time from its own reference, the same share of the QRS after the onset
        errors.append(np.sqrt(np.mean((v - w) ** 2) / np.mean(v**2)))
        assert fit.qrs_s == pytest.approx(shape.qrs_s)
    assert np.median(errors) < 0.12


def test_dipoles_torsos_and_atria_come_back():
    beats = [beat for _, beat in drawn_beats(8)]
    v = np.random.default_rng(0).normal(size=(3, 50))
    np.testing.assert_allclose(to_dipole(DOWER @ v), v, atol=1e-9)
    mean, spread = np.hsplit(torsos(beats), 2)
    np.testing.assert_allclose(mean, DOWER, atol=1e-9)
    np.testing.assert_allclose(spread, 0, atol=1e-9)
    np.testing.assert_allclose(atria(beats, DOWER), DOWER, atol=1e-9)


def test_a_population_is_its_regression_and_its_components():
    rng = np.random.default_rng(3)
    n, k = 400, len(quantities())
    people = np.column_stack([np.ones(n), rng.normal(size=n), rng.choice([-0.5, 0.5], n)])
    truth = rng.normal(size=(3, k))
    direction = rng.normal(size=k)
    rows = people @ truth + rng.normal(size=(n, 1)) * direction + 1e-3 * rng.normal(size=(n, k))
    table = population(rows, people, 2)
    np.testing.assert_allclose(table[:, :3].T, truth, atol=0.5)
    first = table[:, 3]
    assert abs(first @ direction) / np.linalg.norm(first) / np.linalg.norm(direction) > 0.999
    assert np.linalg.norm(first) == pytest.approx(np.linalg.norm(direction), rel=0.1)
    assert np.linalg.norm(table[:, 4]) < 0.01 * np.linalg.norm(first)


@pytest.mark.data
def test_normal_beats_are_as_tall_as_those_of_ptb_xl():
    import os

    from synth.physiology import sample_physiology, synthesize_record
    from synth.physiology.train import median_beats

    if not os.environ.get("EINTHOVEN_DATA"):
        pytest.skip("EINTHOVEN_DATA names no folder of real data")
    real = []
    for beat in median_beats(data_root() / "ptb-xl", "norm"):
        inside = beat.eight[:, beat.between(beat.onset_s, beat.offset_s)]
        real.append([inside.max(axis=1), inside.min(axis=1)])
        if len(real) == 80:
            break
    drawn = []
    for seed in range(80):
        record = synthesize_record(sample_physiology(np.random.default_rng(seed)))
        wave = record.meta["waves"][2]
        a, b = (round(wave[name] * record.fs) for name in ("qrs_onset_s", "qrs_offset_s"))
        eight = record.signal[[0, 1, 6, 7, 8, 9, 10, 11], a : b + 1]
        drawn.append([(eight - eight[:, :1]).max(axis=1), (eight - eight[:, :1]).min(axis=1)])
    a, b = np.median(real, axis=0), np.median(drawn, axis=0)
    np.testing.assert_allclose(a, b, atol=0.15, rtol=0.3)  # mV: two medians of 80 differ by about 0.08 by chance
