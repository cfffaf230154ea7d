"""Limb leads: any two or more of them tell I and II, the better the more there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ecg.limb import LIMB_FROM_I_II, limb_estimate
from ecg.record import LEADS, ECGRecord, complete_limb_leads


def test_the_limb_leads_are_those_of_the_record() -> None:
    two = np.random.default_rng(3).normal(size=(2, 50))
    record = ECGRecord(two.astype(np.float32), 100.0, ("I", "II"))
    assert np.allclose(LIMB_FROM_I_II @ two, complete_limb_leads(record).signal, atol=1e-5)
    assert len(LIMB_FROM_I_II) == LEADS.index("V1")


@pytest.mark.parametrize("shown", [c for n in (2, 3, 6) for c in combinations(range(6), n)])
def test_leads_that_keep_their_algebra_tell_i_and_ii_exactly(shown) -> None:
    there = np.isin(np.arange(6), shown)
    estimate = limb_estimate(there)
    assert np.allclose(estimate @ LIMB_FROM_I_II, np.eye(2))
    assert not estimate[:, ~there].any()


def test_of_six_leads_each_has_the_squared_cosine_of_its_angle() -> None:
    estimate = limb_estimate(np.ones(6, bool))
    # Along II, at 60 degrees: leads at 0, 60, 120, -150, -30 and 90 degrees; the shares sum to 1.
    direction = np.array([0.5, 1.0])
    share = (LIMB_FROM_I_II @ direction) * (np.array([0.0, 1.0]) @ estimate)
    angles = np.deg2rad(np.array([0, 60, 120, -150, -30, 90]) - 60)
    assert share == pytest.approx(np.cos(angles) ** 2 / 3)
