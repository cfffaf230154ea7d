"""The contract that every method keeps on every architecture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from classify.models import MODELS
from ecg.errors import ModelError, OptionsError
from ecg.record import LEADS

torch = pytest.importorskip("torch")
pytest.importorskip("captum")

from subjects import SMALL, card_of, heart, subject  # noqa: E402

from explain.methods import (  # noqa: E402
    METHODS,
    ExplainOptions,
    default_method,
    explain,
    find_method,
    supported,
    view_for,
)
from explain.subject import Subject, subject_of  # noqa: E402
from explain.trust import trust  # noqa: E402

NETWORKS = [m.name for m in MODELS.values() if m.kind == "network" and m.spec.kind in ("leads", "paper", "beat")]
PAIRS = [(name, method) for name in NETWORKS for method in supported(MODELS[name])]


@pytest.fixture(scope="module")
def record() -> Any:
    return heart()


_opened: dict[str, Subject] = {}


def opened(name: str) -> Subject:
    if name not in _opened:
        _opened[name] = subject(name)
    return _opened[name]


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_every_method_explains_every_network_and_leaves_it_as_it_was(name: str, method: str, record: Any) -> None:
    given = opened(name)
    before = {k: v.clone() for k, v in given.network.state_dict().items()}
    given.network.train()  # whatever mode it is in, explanations see evaluation
    found = explain(given, record, task="mi", method=method)
    assert all(module.training for module in given.network.modules())
    given.network.eval()
    assert all(torch.equal(before[k], v) for k, v in given.network.state_dict().items())
    assert not any(module._forward_hooks or module._backward_hooks for module in given.network.modules())
    assert all(p.grad is None for p in given.network.parameters())
    assert found.values.shape[0] == len(LEADS) == len(found.leads)
    assert found.values.shape[1] == round(10 * found.fs)
    assert np.isfinite(found.values).all()
    assert not found.values.flags.writeable
    if not METHODS[method].signed:
        assert found.values.min() >= 0
    if method != "random" and "cam" not in method:  # a CAM is nought where nothing speaks for the target
        assert np.abs(found.values).max() > 0
    if method == "integrated_gradients":
        assert found.delta is not None
        assert found.delta <= 0.01 or any("off after" in note for note in found.notes)
    elif method != "scorecam":  # these two take seconds
        again = explain(given, record, task="mi", method=method)
        assert np.array_equal(found.values, again.values), "the same question, the same answer"


def test_a_forest_supports_occlusion_only(record: Any) -> None:
    from classify.models.random_forest import RandomForest
    from classify.morphology import FEATURES
    from classify.runtime import Classifier

    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, len(FEATURES))).astype(np.float32)
    place = FEATURES.index("V2_j40_mv")
    forest = RandomForest(1, n_trees=20).fit(x, (x[:, place] > 0).astype(float)[:, None])
    entry = MODELS["random_forest"]

    def forward(rows: Any, _extra: Any) -> Any:
        p = np.clip(forest.predict_proba(rows), 0.01, 0.99)
        return np.log(p) - np.log1p(-p)

    given = Subject(Classifier(card_of(entry), entry.spec, forward, "forest"), entry, None)
    assert supported(entry) == ("occlusion", "random")
    with pytest.raises(ModelError, match="does not support gradcam; choose one of occlusion, random"):
        explain(given, record, task="mi", method="gradcam")
    found = explain(given, record, task="mi", method="occlusion")
    lead, wave = np.unravel_index(np.abs(found.on_input).argmax(), found.on_input.shape)
    assert (LEADS[lead], int(wave)) == ("V2", 3), "the feature that decides is measured on ST of V2"
    tested = trust(given, view_for(given, record, ExplainOptions(task="mi")), found)
    assert tested["deletion"] < tested["deletion_random"] or not found.decision
    assert 0 <= tested["better_than_random"] <= 1
    where = np.abs(found.values) == np.abs(found.values).max()
    assert where[LEADS.index("V2")].any()
    assert explain(given, record, task="mi", method="random").values.shape == found.values.shape
    with pytest.raises(ModelError, match="has no gradients"):
        _ = given.network


def test_the_default_suits_model_and_label(record: Any, monkeypatch: Any) -> None:
    assert default_method(MODELS["random_forest"], "MI") == "occlusion"
    assert default_method(MODELS["resnet1d_se"], "MI") == "integrated_smooth"
    assert default_method(MODELS["resnet1d_se"], "HB") == "guided_input"
    assert default_method(MODELS["baseline_cnn"], "HB") in METHODS
    assert explain(opened("resnet1d_se"), record, task="mi").method == "integrated_smooth"
    monkeypatch.setattr("explain.methods.find_spec", lambda _: None)
    assert default_method(MODELS["resnet1d_se"], "MI") == "occlusion", "gradients need torch"


def test_wrong_questions_are_refused_with_the_right_ones(record: Any) -> None:
    with pytest.raises(OptionsError, match="no method 'gradcamm'"):
        find_method("gradcamm")
    with pytest.raises(OptionsError, match="no label 'AMI'"):
        ExplainOptions(task="mi", target="AMI")
    with pytest.raises(OptionsError, match="baseline must be one of zero, flat, paper"):
        ExplainOptions(baseline="noise")
    with pytest.raises(OptionsError, match="unknown option of explain"):
        explain(opened("resnet1d_se"), record, metod="x")
    with pytest.raises(ModelError, match="answers mi, not superclass"):
        explain(opened("resnet1d_se"), record, task="superclass")


def test_windows_are_explained_where_they_decide(record: Any) -> None:
    entry = MODELS["xresnet1d101"]
    card = card_of(entry, windows={"seconds": 2.5, "pooled": "max"})
    given = subject_of(opened("xresnet1d101").network, card, entry)
    windows = given.windows()
    assert windows[0] == (0, 250)
    assert windows[-1] == (750, 1000)
    logit = given.classifier.logits
    from explain.view import view_of

    view = view_of(record, entry.spec)
    score = given.scorer(0)
    with torch.no_grad():
        assert float(score(torch.from_numpy(view.x[None]))) == pytest.approx(float(logit(view.x[None])[0, 0]), abs=1e-4)
        each = [float(given.network(torch.from_numpy(view.x[None, :, a:b].copy()))[0, 0]) for a, b in windows]
    a, b = windows[int(np.argmax(each))]
    found = explain(given, record, task="mi", method="saliency")
    assert found.values[:, a:b].any()
    assert not found.values[:, :a].any()
    assert not found.values[:, b:].any()
    cam = explain(given, record, task="mi", method="gradcam")
    assert not cam.values[:, :a].any()
    mean = subject_of(given.network, replace(card, windows={"seconds": 2.5, "pooled": "mean"}), entry)
    assert explain(mean, record, task="mi", method="saliency").values[:, :240].any()


def test_small_networks_stand_for_their_architectures() -> None:
    assert set(SMALL) <= set(MODELS)
