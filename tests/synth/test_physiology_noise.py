from dataclasses import replace

import numpy as np
import pytest

from synth.physiology import sample_physiology, synthesize_record
from synth.variability import EPISODES, NoiseEpisode, electrode_noise, fallen_off, sample_episodes

T = np.arange(5000) / 500
QUIET = {"wander_mv": 0.0, "muscle_mv": 0.0, "mains_mv": 0.0, "mains_hz": 50.0}


def flat(**changes):
    params = sample_physiology(np.random.default_rng(0))
    none = tuple(replace(g, x=0.0, y=0.0, z=0.0) for g in params.beat)
    return replace(params, beat=none, **{"wander_mv": 0.0, "muscle_mv": 0.0, "mains_mv": 0.0, "episodes": ()} | changes)


def test_noise_has_the_size_that_was_asked_for():
    x = synthesize_record(flat(muscle_mv=0.01)).signal.astype(float)
    # lead I is the difference of two independent electrodes
    assert x[0].std() == pytest.approx(0.01 * np.sqrt(2), rel=0.1)
    spectrum = np.abs(np.fft.rfft(synthesize_record(flat(mains_mv=0.01, mains_hz=60.0))["I"]))
    assert np.fft.rfftfreq(5000, 1 / 500)[spectrum.argmax()] == pytest.approx(60.0)


def noise(*episodes):
    return electrode_noise(np.random.default_rng(1), T, T, **QUIET, episodes=episodes)


def test_a_burst_is_heard_at_one_electrode_for_its_time():
    burst = noise(NoiseEpisode("muscle", "V4", 3.0, 2.0, 0.05))
    inside = (T > 3.0) & (T < 5.0)
    assert burst[5, inside].std() == pytest.approx(
        0.05 * np.sqrt(4 / np.pi), rel=0.15
    )  # mean of 2 sin over half a turn
    assert np.abs(burst[5, ~inside]).max() < 1e-6
    assert not burst[:5].any()
    assert not burst[6:].any()


def test_a_pop_at_an_arm_is_shared_by_all_leads_that_it_makes():
    pop = noise(NoiseEpisode("pop", "LA", 2.0, 0.5, 0.9))
    after = round(2.0 * 500)
    assert not pop[:, : after - 1].any()
    assert pop[0, after] == pytest.approx(0.9)
    assert not pop[1].any()  # II has no left arm
    np.testing.assert_allclose(pop[2:, after], -0.3)  # the central terminal has a third of it
    np.testing.assert_allclose(pop[0, after + 250], 0.9 * np.exp(-1), rtol=1e-6)


def test_a_fallen_electrode_leaves_a_level_line():
    eight = np.random.default_rng(0).normal(size=(8, T.size))
    out = fallen_off(eight, T, (NoiseEpisode("lead_off", "V2", 4.0, 3.0, -0.2),))
    inside = (T >= 4.0) & (T < 7.0)
    assert (out[3, inside] == -0.2).all()
    np.testing.assert_array_equal(out[3, ~inside], eight[3, ~inside])
    np.testing.assert_array_equal(np.delete(out, 3, 0), np.delete(eight, 3, 0))


def test_episodes_are_as_frequent_as_stated_in_every_kind():
    drawn = [e for seed in range(3000) for e in sample_episodes(np.random.default_rng(seed))]
    for kind, share in EPISODES.items():
        assert sum(e.kind == kind for e in drawn) / 3000 == pytest.approx(share, rel=0.35)
    assert all(e.electrode.startswith("V") for e in drawn if e.kind == "lead_off")
    for seed in range(60):
        of = [sample_physiology(np.random.default_rng(seed), kind).episodes for kind in ("norm", "afib", "ami_septal")]
        assert of[0] == of[1] == of[2]
