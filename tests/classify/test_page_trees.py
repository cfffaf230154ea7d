"""Trees for classes that exclude each other answer as scikit-learn's do, and survive their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classify.models import MODELS
from ecg.errors import ModelError

pytest.importorskip("sklearn")


def made(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Features of four classes, the last rare, some of them missing."""
    rng = np.random.default_rng(0)
    classes = np.where(np.arange(n) % 12 == 0, 3, np.arange(n) % 3)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    x[:, 0] += 2 * classes
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, np.eye(4, dtype=np.float32)[classes]


def test_they_answer_as_scikit_learn(tmp_path: Path) -> None:
    from sklearn.ensemble import ExtraTreesClassifier

    from classify.models.random_forest import EXACT, filled, medians
    from ecg.checkpoint import ModelCard, load, save

    x, y = made()
    entry = MODELS["page_trees"]
    trees = entry.build(4, n_trees=40).fit(x, y)
    theirs = ExtraTreesClassifier(40, min_samples_leaf=2, class_weight="balanced", random_state=0)
    whole = filled(x, medians(x))
    found = trees.predict_proba(x)
    # Shares are kept as float16, 11 bits.
    np.testing.assert_allclose(found, theirs.fit(whole, y.argmax(axis=1)).predict_proba(whole), atol=1e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-3)
    card = ModelCard(
        name="trees",
        task="four_class",
        architecture="page_trees",
        arguments={},
        input_spec=entry.spec.to_dict(),
        labels=("NORM", "MI", "HMI", "HB"),
        thresholds={},
        temperature=1.0,
        data={},
        folds={},
        seed=0,
        commit="",
        metrics={},
        intended_use="tests",
        limits=(),
    )
    save(tmp_path, trees.state(), card, EXACT)
    again = entry.build(4).load_state(load(tmp_path)[0])
    assert np.array_equal(again.predict_proba(x), found)


def test_rare_classes_weigh_as_much_as_frequent_ones() -> None:
    x, y = made()
    p = MODELS["page_trees"].build(4, least_leaf=len(x) // 2).fit(x * 0, y).predict_proba(x * 0)
    np.testing.assert_allclose(p, 0.25, atol=1e-3)


def test_what_cannot_be_learnt_is_told() -> None:
    x, y = made()
    build = MODELS["page_trees"].build
    with pytest.raises(ModelError, match="one 1 a row"):
        build(4).fit(x, y * 0)
    with pytest.raises(ModelError, match="a record of each class"):
        build(5).fit(x, np.pad(y, ((0, 0), (0, 1))))
