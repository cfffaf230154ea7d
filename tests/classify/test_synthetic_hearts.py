"""The shipped default, which never saw a synthetic heart, tells infarction from normal in them."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from classify.inputs import to_input
from classify.runtime import load_classifier
from synth import sample_physiology, synthesize_record

TERRITORIES = ("anterior", "septal", "lateral", "inferior")


def test_the_default_tells_synthetic_infarction_from_normal() -> None:
    model = load_classifier("default")
    kinds = ["norm"] * 40 + [f"{age}_{place}" for age in ("ami", "hmi") for place in TERRITORIES for _ in range(5)]
    hearts = [
        synthesize_record(sample_physiology(np.random.default_rng(k), kind), fs=100) for k, kind in enumerate(kinds)
    ]
    p = model.answer(np.stack([to_input(heart, model.spec) for heart in hearts]), "mi")[:, 0]
    assert roc_auc_score([kind != "norm" for kind in kinds], p) >= 0.8
    assert np.median(p[:40]) < 0.5
