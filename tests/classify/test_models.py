"""The contract that every architecture keeps, and what the publications say of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classify.models import MODELS, ModelEntry, find_model
from ecg.checkpoint import ModelCard, load, save
from ecg.errors import ModelError, OptionsError

torch = pytest.importorskip("torch")

from classify.models.files import export_onnx, load_state, network_state, rounded  # noqa: E402
from classify.models.random_forest import EXACT, RandomForest  # noqa: E402

NETWORKS = [m for m in MODELS.values() if m.kind == "network"]
each_network = pytest.mark.parametrize("entry", NETWORKS, ids=lambda m: m.name)


def card(entry: ModelEntry, labels: tuple[str, ...]) -> ModelCard:
    return ModelCard(
        name=entry.name,
        task="superclass",
        architecture=entry.name,
        arguments={},
        input_spec=entry.spec.to_dict(),
        labels=labels,
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


def batch(entry: ModelEntry, n: int, seed: int = 0, whole: bool = False) -> tuple[Any, Any]:
    """Random inputs; image networks take pictures of any size, here small ones unless asked for whole ones."""
    rng = np.random.default_rng(seed)
    shape = (3, 64, 64) if entry.spec.kind == "page" and not whole else entry.spec.shape
    x = torch.from_numpy(rng.normal(0, 1, (n, *shape)).astype(np.float32))
    extra = torch.from_numpy(rng.uniform(0, 1, (n, 4)).astype(np.float32)) if entry.spec.demographics else None
    return x, extra


def seeded(entry: ModelEntry, n_labels: int) -> Any:
    """Untrained network whose batch normalisation has seen a batch, without which deep ones answer in thousands."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        network = entry.build(n_labels)
        for module in network.modules():
            if hasattr(module, "running_var"):
                module.momentum = None  # a plain average
        network(*batch(entry, 8, seed=1))
        return network


@each_network
def test_a_network_turns_a_batch_into_logits_record_by_record(entry: ModelEntry) -> None:
    network = seeded(entry, 3).eval()
    x, extra = batch(entry, 3)
    with torch.inference_mode():
        together = network(x, extra)
        alone = torch.cat([network(x[i : i + 1], None if extra is None else extra[i : i + 1]) for i in range(3)])
        without = network(x)
    assert together.shape == (3, 3)
    # Another batch size takes other kernels; 101 layers add that up.
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-3)
    assert torch.isfinite(without).all()
    assert (extra is None) == bool(torch.equal(together, without))
    assert together.std(dim=0).min() > 0, "the input does not matter"


@each_network
def test_a_saved_network_answers_as_before_to_the_last_bit(entry: ModelEntry, tmp_path: Path) -> None:
    network = rounded(seeded(entry, 2))
    x, extra = batch(entry, 2)
    save(tmp_path, network_state(network), card(entry, ("a", "b")))
    tensors, read = load(tmp_path)
    again = load_state(find_model(read.architecture).build(len(read.labels), **read.arguments), tensors)
    with torch.inference_mode():
        assert torch.equal(network(x, extra), again(x, extra))


@each_network
def test_the_gradient_reaches_every_parameter(entry: ModelEntry) -> None:
    network = seeded(entry, 2)
    x, extra = batch(entry, 4)
    torch.manual_seed(0)
    for _ in range(2):  # what dropout or a skipped block hides once
        network(x, extra).pow(2).sum().backward()
    # The bias of a dense layer before batch normalisation is taken off again by it, up to rounding.
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


@each_network
def test_a_network_has_as_many_parameters_as_documented(entry: ModelEntry) -> None:
    assert sum(p.numel() for p in entry.build(1).parameters()) == entry.n_parameters


@each_network
def test_the_layer_to_explain_exists_and_knows_time(entry: ModelEntry) -> None:
    network = seeded(entry, 1).eval()
    seen = []
    network.get_submodule(entry.explains).register_forward_hook(lambda _m, _i, out: seen.append(out.shape))
    with torch.inference_mode():
        network(*batch(entry, 1, whole=True))
    assert seen[0][-1] >= 7


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "entry", [m if m.ships else pytest.param(m, marks=pytest.mark.slow) for m in NETWORKS], ids=lambda m: m.name
)
def test_the_onnx_file_answers_as_torch_does(entry: ModelEntry, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    network = rounded(seeded(entry, 2))
    export_onnx(network, entry.spec, tmp_path / "model.onnx")
    assert b"site-packages" not in (tmp_path / "model.onnx").read_bytes(), "no folders of the machine"
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for n in (1, 3):
        x, extra = batch(entry, n, whole=True)
        fed = {"x": x.numpy()} | ({} if extra is None else {"extra": extra.numpy()})
        with torch.inference_mode():
            expected = network(x, extra).numpy()
        np.testing.assert_allclose(session.run(None, fed)[0], expected, atol=1e-3)


def test_weights_of_another_shape_are_refused() -> None:
    tensors = network_state(MODELS["conv_bilstm_attn"].build(2))
    with pytest.raises(ModelError, match="do not fit this architecture"):
        load_state(MODELS["conv_bilstm_attn"].build(1), tensors)


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(OptionsError, match="xresnet1d101"):
        find_model("resnet")


def test_the_published_sizes_and_operating_points() -> None:
    published = {"lead_ii_cnn": (20_532_609, 0.48), "twelve_lead_cnn": (10_328_225, 0.43)}
    assert {n: (MODELS[n].n_parameters, MODELS[n].published_threshold) for n in published} == published
    assert MODELS["image_signal_cnn"].published_threshold == 0.91
    assert MODELS["resnet1d_se"].n_parameters <= 2_000_000


def test_resnet18_is_the_published_one_but_for_its_first_and_last_layer() -> None:
    from classify.vision import torchvision

    own = MODELS["resnet18"].build(1000)
    theirs = torchvision().models.resnet18(weights=None)
    shapes = {k.removeprefix("body."): tuple(v.shape) for k, v in own.state_dict().items()}
    other = {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    assert {k for k in shapes if shapes[k] != other[k]} == {"conv1.weight"}
    assert set(shapes) == set(other)


def test_a_lead_of_ecg_smart_net_sees_no_other_before_the_spatial_convolution() -> None:
    network = seeded(MODELS["ecg_smart_net"], 1).eval()
    x, _ = batch(MODELS["ecg_smart_net"], 1)
    changed = x.clone()
    changed[0, 0, 5] += 1
    with torch.inference_mode():
        difference = (network.temporal(network.stem(x)) - network.temporal(network.stem(changed))).abs()
    assert set(difference.sum((0, 1, 3)).nonzero().flatten().tolist()) == {5}
    assert network.temporal(network.stem(x)).shape == (1, 512, 12, 7)


def test_attention_weighs_every_step_and_unknown_age_is_no_age() -> None:
    network = seeded(MODELS["conv_bilstm_attn"], 1).eval()
    x, _ = batch(MODELS["conv_bilstm_attn"], 2)
    with torch.inference_mode():
        _, weight = network.attention(x)
        assert torch.equal(network(x), network(x, torch.zeros(2, 4)))
    assert weight.shape == (2, 125, 1)
    torch.testing.assert_close(weight.sum((1, 2)), torch.ones(2))


@pytest.mark.parametrize("name", ["xresnet1d101", "resnet1d_se"])
def test_networks_that_pool_over_time_take_any_length(name: str) -> None:
    entry = MODELS[name]
    with torch.inference_mode():
        assert seeded(entry, 5).eval()(torch.zeros(1, entry.spec.shape[0], 250)).shape == (1, 5)


def drawn(n: int, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (n, 6)).astype(np.float32)
    y = np.stack([x[:, k] + 0.3 * x[:, 5] > 0.2 * k for k in range(n_labels)], axis=1).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, y


@pytest.mark.parametrize("n_labels", [1, 3])
def test_the_forest_answers_as_scikit_learn_and_survives_its_file(n_labels: int, tmp_path: Path) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, y = drawn(300, n_labels)
    forest = MODELS["random_forest"].build(n_labels, n_trees=20).fit(x, y)
    filled = np.where(np.isfinite(x), x, np.nanmedian(x, axis=0)).astype(np.float32)
    oracle = ensemble.RandomForestClassifier(20, min_samples_leaf=5, random_state=0)
    oracle.fit(filled, y[:, 0] if n_labels == 1 else y)
    theirs = oracle.predict_proba(filled)
    theirs = theirs[:, 1:] if n_labels == 1 else np.stack([p[:, 1] for p in theirs], axis=1)
    # Shares in the leaves are kept as float16: 11 bits, averaged over the trees.
    np.testing.assert_allclose(forest.predict_proba(x), theirs, atol=5e-4)
    labels = tuple("abc"[:n_labels])
    save(tmp_path, forest.state(), card(MODELS["random_forest"], labels), exact=EXACT)
    again = RandomForest(n_labels).load_state(load(tmp_path)[0])
    assert np.array_equal(again.predict_proba(x), forest.predict_proba(x))
    single = np.concatenate([again.predict_proba(x[i : i + 1]) for i in range(3)])
    assert np.array_equal(single, again.predict_proba(x)[:3])


def test_a_forest_that_is_none_is_refused() -> None:
    pytest.importorskip("sklearn")
    x, y = drawn(100, 1)
    forest = RandomForest(1, n_trees=3).fit(x, y)
    circle = np.where(forest.state()["left"] >= 0, 0, -1).astype(np.int32)
    for name, wrong in (
        ("left", circle),
        ("right", forest.state()["right"] + 10_000),
        ("feature", forest.state()["feature"] + 6),
        ("roots", np.array([-1], np.int32)),
        ("threshold", np.zeros(3)),
    ):
        with pytest.raises(ModelError, match="do not form trees"):
            RandomForest(1).load_state(forest.state() | {name: wrong})
    with pytest.raises(ModelError, match="of a forest of 2 labels"):
        RandomForest(2).load_state(forest.state())
    with pytest.raises(ModelError, match="takes \\[records, 6\\] features"):
        forest.predict_proba(x[:, :4])
    with pytest.raises(ModelError, match="with and without each label"):
        RandomForest(1).fit(x, np.zeros_like(y))
    with pytest.raises(ModelError, match="no trees"):
        RandomForest(1).predict_proba(x)


def test_listing_the_models_loads_no_torch() -> None:
    import subprocess
    import sys

    code = "import classify.models, sys; sys.exit(any(m in sys.modules for m in ('torch', 'scipy', 'sklearn')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
