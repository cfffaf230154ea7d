"""Patterns are relations: they follow from amplitudes, do not depend on gain, and see rhythm where there is some."""

from __future__ import annotations

import numpy as np
import pytest

from classify.inputs import InputSpec, to_input
from classify.models import MODELS
from classify.patterns import PATTERNS, pattern_vector
from ecg.errors import ModelError
from ecg.record import LEADS, ECGRecord

FS = 250.0


def heart(beats_s: np.ndarray, gain: float = 1.0, q: float = 0.0, st: float = 0.0) -> ECGRecord:
    """Ten seconds of beats made of Gauss bells: P, Q, R, S, T and a level ST segment, the same in every lead."""
    t = np.arange(2500) / FS
    x = np.zeros_like(t)
    for at in beats_s:
        bells = ((-0.16, 0.02, 0.1), (-0.03, 0.008, -q), (0.0, 0.01, 1.0), (0.03, 0.008, -0.2), (0.28, 0.05, 0.3))
        for shift, width, height in bells:
            x += height * np.exp(-0.5 * ((t - at - shift) / width) ** 2)
        x += st / 4 * (1 + np.tanh((t - at - 0.05) / 0.008)) * (1 - np.tanh((t - at - 0.2) / 0.04))
    # Tall enough in each lead; the rows differ so that the axis is defined.
    rows = np.outer(np.linspace(0.8, 1.2, len(LEADS)), x)
    return ECGRecord((gain * rows).astype(np.float32), FS, LEADS)


def told(record: ECGRecord) -> dict[str, float]:
    return dict(zip(PATTERNS, pattern_vector(record).tolist(), strict=True))


REGULAR = np.arange(0.5, 9.8, 0.8)


def test_names_are_unique_and_all_are_finite_on_a_clean_record() -> None:
    assert len(set(PATTERNS)) == len(PATTERNS)
    found = pattern_vector(heart(REGULAR))
    assert found.shape == (len(PATTERNS),)
    assert found.dtype == np.float32
    # A record of one group of leads has no columns beside its strip.
    unknown = [name for name, x in zip(PATTERNS, found, strict=True) if not np.isfinite(x)]
    assert set(unknown) <= {"rr_sd_of_columns"}


def test_relations_do_not_depend_on_gain() -> None:
    one, two = told(heart(REGULAR, q=0.3)), told(heart(REGULAR, gain=2.0, q=0.3))
    for name in ("V2_q_share", "II_t_share", "inferior_q_share", "rr_sd", "qrs_t_angle_degrees", "p_share"):
        assert two[name] == pytest.approx(one[name], abs=0.01), name
    assert two["sokolow_mv"] == pytest.approx(2 * one["sokolow_mv"], rel=0.02)
    # 0.3 mV of Q in a complex from -0.3 to 1 mV; neighbouring bells overlap a little.
    assert one["V2_q_share"] == pytest.approx(0.3 / 1.3, abs=0.04)
    assert one["leads_with_q"] == 11


def test_st_elevation_is_counted_in_its_leads() -> None:
    plain, raised = told(heart(REGULAR)), told(heart(REGULAR, st=0.2))
    assert plain["leads_with_st_elevation"] == 0
    assert raised["leads_with_st_elevation"] == 12
    assert raised["st_highest_mv"] - plain["st_highest_mv"] == pytest.approx(0.2 * 1.2, abs=0.06)
    assert raised["anterior_st_mean"] > plain["anterior_st_mean"] + 0.1


def test_an_irregular_heart_is_seen_on_the_strip() -> None:
    rng = np.random.default_rng(0)
    chaotic = np.cumsum(rng.uniform(0.5, 1.1, 11)) - 0.2
    regular, irregular = told(heart(REGULAR)), told(heart(chaotic))
    assert regular["rr_sd"] < 0.01
    assert irregular["rr_sd"] > 0.1
    assert irregular["rr_shortest"] < 0.9 < regular["rr_shortest"]
    assert regular["rr_s"] == pytest.approx(0.8, abs=0.002)


def test_what_has_no_beat_has_no_pattern() -> None:
    flat = ECGRecord(np.zeros((12, 2500), np.float32), FS, LEADS)
    assert np.isnan(pattern_vector(flat)).all()
    with pytest.raises(ModelError, match="needs heart beats"):
        to_input(flat, MODELS["page_trees"].spec)


def test_the_model_sees_the_rate_and_length_that_pages_were_kept_at() -> None:
    spec = MODELS["page_trees"].spec
    assert spec == InputSpec(kind="patterns", leads=LEADS, fs=100, seconds=10, normalise="none")
    record = heart(REGULAR)
    longer = ECGRecord(np.tile(record.signal, 2), FS, LEADS)
    a, b = to_input(record, spec), to_input(longer, spec)
    np.testing.assert_allclose(a, b, atol=2e-2)
