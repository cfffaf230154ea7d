"""The image networks beyond their contract: scales, attention, and what they start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecg.checkpoint import ModelCard
from ecg.errors import ModelError

torch = pytest.importorskip("torch")

from classify.export import export_network  # noqa: E402
from classify.images import backbones  # noqa: E402
from classify.images.backbones import load_start  # noqa: E402
from classify.models import MODELS  # noqa: E402
from classify.models.densenet121_se import Excitation  # noqa: E402
from classify.models.files import network_state  # noqa: E402

#: The smallest body of the family: as many blocks as EfficientNet-B0.
SMALL = {"body": "tinynet_e", "width": 16}


def msa(**arguments: Any) -> Any:
    torch.manual_seed(0)
    return MODELS["efficientnet_b0_msa"].build(4, **{**SMALL, **arguments})


def test_the_scales_are_the_published_ones_counted_from_one() -> None:
    network = MODELS["efficientnet_b0_msa"].build(4).eval()
    with torch.inference_mode():
        maps = network.scales(torch.zeros(1, 3, 224, 224))
    assert [layer.in_channels for layer in network.project] == [40, 80, 192]
    assert [tuple(m.shape[1:]) for m in maps] == [(128, 28, 28), (128, 14, 14), (128, 7, 7)]


def test_counted_from_nought_they_lie_a_block_deeper() -> None:
    network = MODELS["efficientnet_b0_msa"].build(4, first_block=0)
    assert [layer.in_channels for layer in network.project] == [80, 112, 320]


@pytest.mark.parametrize("arguments", [{"scales": (3, 3)}, {"scales": (3, 9)}, {"scales": (0, 1)}, {"first_block": 2}])
def test_scales_that_are_not_there_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="rising numbers of blocks"):
        msa(**arguments)


def test_every_scale_reaches_the_head() -> None:
    network = msa().train()
    x = torch.randn(4, 1, 64, 96)
    scales = network.scales(x)
    for maps in scales:
        maps.retain_grad()
    network.scales = lambda _x: scales
    network(x).pow(2).sum().backward()
    assert all(maps.grad.abs().sum() > 0 for maps in scales)
    assert all(layer.weight.grad.abs().sum() > 0 for layer in network.project)
    # Each weight counts by itself: the gate of no scale is dead.
    assert (network.weigh[2].weight.grad.abs().sum(dim=1) > 0).all()


def test_weights_of_scales_sum_to_one_and_the_fused_maps_are_their_mean() -> None:
    network = msa().eval()
    seen = []
    network.fused.register_forward_hook(lambda _m, _i, out: seen.append(out))
    x = torch.randn(3, 3, 64, 96)
    with torch.inference_mode():
        scales = network.scales(x)
        weights = network.weights(scales)
        network(x)
        expected = sum(weights[:, k, None] * maps.mean((2, 3)) for k, maps in enumerate(scales))
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
    # 64x96 halves evenly, so that averaging onto the coarsest grid keeps every scale's mean.
    torch.testing.assert_close(seen[0].mean((2, 3)), expected, rtol=1e-4, atol=1e-5)


def test_a_grey_picture_is_seen_as_three_equal_channels() -> None:
    network = msa().eval()
    grey = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))


def test_excitation_weighs_channels_between_nought_and_one() -> None:
    layer = Excitation(32)
    maps = torch.rand(2, 32, 3, 3) + 0.1
    share = (layer(maps) / maps).detach()
    assert ((share > 0) & (share < 1)).all()
    torch.testing.assert_close(share.amin((2, 3)), share.amax((2, 3)))


def card_of(labels: tuple[str, ...]) -> ModelCard:
    spec = MODELS["efficientnet_b0_msa"].spec.to_dict()
    plain: dict[str, Any] = {"data": {}, "folds": {}, "seed": 0, "commit": "", "metrics": {}, "limits": ()}
    return ModelCard(
        name="start",
        task="four_class",
        architecture="efficientnet_b0_msa",
        arguments=SMALL,
        input_spec=spec,
        labels=labels,
        thresholds={},
        temperature=1.0,
        intended_use="tests",
        **plain,
    )


def test_a_network_starts_from_a_model_of_ours_but_for_another_head(tmp_path: Path) -> None:
    torch.manual_seed(5)
    first = MODELS["efficientnet_b0_msa"].build(2, **SMALL)
    export_network(tmp_path / "start", first, card_of(("a", "b")), onnx=False)
    second = msa()
    assert load_start(second, str(tmp_path / "start")) == ("head.weight", "head.bias")
    mine, theirs = network_state(second), network_state(first)
    same = [name for name in mine if not name.startswith("head.")]
    assert all(np.array_equal(mine[name], theirs[name]) for name in same)


def test_weights_of_a_file_go_into_the_body(tmp_path: Path) -> None:
    body = backbones.backbone("tinynet_e")
    torch.save({**body.state_dict(), "classifier.weight": torch.zeros(3, 3)}, tmp_path / "body.pth")
    network = msa()
    kept = load_start(network, str(tmp_path / "body.pth"))
    assert torch.equal(network.body.conv_stem.weight, body.conv_stem.weight)
    assert {name.split(".")[0] for name in kept} == {"project", "weigh", "head"}


def test_scales_kept_apart_all_reach_the_head() -> None:
    torch.manual_seed(1)
    network = MODELS["efficientnet_b0_msa"].build(3, **SMALL, pool="scales").eval()
    maps: list[torch.Tensor] = []
    handle = network.fused.register_forward_hook(lambda _m, _x, y: maps.append(y))
    x = torch.randn(2, 1, 64, 96)
    logits = network(x)
    handle.remove()
    channels = maps[0].shape[1]
    assert network.head.in_features == 2 * channels
    # The head sees mean and maximum of every channel of the maps that are explained.
    pooled = torch.cat([maps[0].mean((2, 3)), maps[0].amax((2, 3))], dim=1)
    torch.testing.assert_close(network.head(pooled), logits)
    logits.square().sum().backward()
    assert all(project.weight.grad.abs().sum() > 0 for project in network.project)
    with pytest.raises(ModelError, match="attention or kept as scales"):
        MODELS["efficientnet_b0_msa"].build(3, **SMALL, pool="most")


def test_weights_under_other_names_are_taken_in_their_order(tmp_path: Path) -> None:
    whole = backbones._timm().create_model("tinynet_e", num_classes=3)
    named = {f"other{k}.{name.rsplit('.', 1)[1]}": value for k, (name, value) in enumerate(whole.state_dict().items())}
    torch.save(named, tmp_path / "three_classes.pth")
    with pytest.raises(ModelError, match="none of the weights"):
        load_start(msa(), str(tmp_path / "three_classes.pth"))  # its head is of another shape: not the same network
    whole = backbones._timm().create_model("tinynet_e")
    named = {f"other{k}.{name.rsplit('.', 1)[1]}": value for k, (name, value) in enumerate(whole.state_dict().items())}
    torch.save(named, tmp_path / "other.pth")
    network = msa()
    kept = load_start(network, str(tmp_path / "other.pth"))
    assert {name.split(".")[0] for name in kept} == {"project", "weigh", "head"}
    assert torch.equal(network.body.blocks[1][0].conv_dw.weight, whole.blocks[1][0].conv_dw.weight)


def test_imagenet_s_weights_are_fetched_by_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    whole = backbones._timm().create_model("tinynet_e")

    class Hub:
        @staticmethod
        def create_model(name: str, **arguments: Any) -> Any:
            asked.append((name, arguments))
            return whole

    network = msa()
    monkeypatch.setattr(backbones, "_timm", lambda: Hub)
    load_start(network, "imagenet")
    assert asked == [("tinynet_e", {"pretrained": True})]
    assert torch.equal(network.body.conv_stem.weight, whole.conv_stem.weight)


def test_weights_that_cannot_be_had_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Offline:
        @staticmethod
        def create_model(name: str, **_arguments: Any) -> Any:
            raise ConnectionError(f"{name}: no route\nto host")

    network = msa()
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    torch.save({"odd": torch.zeros(2, 2)}, tmp_path / "odd.pth")
    monkeypatch.setattr(backbones, "_timm", lambda: Offline)
    for start, told in (
        ("imagenet", "ImageNet's weights for tinynet_e cannot be fetched"),
        (str(tmp_path / "broken.safetensors"), "holds no weights that can be read"),
        (str(tmp_path / "odd.pth"), "none of the weights"),
    ):
        with pytest.raises(ModelError, match=told) as error:
            load_start(network, start)
        assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match="no weights of ImageNet for this network"):
        load_start(MODELS["baseline_cnn"].build(4), "imagenet")


def test_a_body_that_timm_does_not_know_is_refused() -> None:
    with pytest.raises(ModelError, match="timm knows no network"):
        msa(body="efficientnet_b00")
