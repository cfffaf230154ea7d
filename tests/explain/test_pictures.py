"""Explanations of image networks: the contract over methods and models, and where they lie on the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from classify.inputs import InputSpec
from classify.models import MODELS
from digitize import digitize
from ecg.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("captum")
from classify.vision import torchvision  # noqa: E402

torchvision()
pytest.importorskip("pytorch_grad_cam")
from subjects import card_of, heart  # noqa: E402

from explain.methods import METHODS, ExplainOptions, explain  # noqa: E402
from explain.picture_view import picture_view  # noqa: E402
from explain.pictures import PICTURE_METHODS, explain_page  # noqa: E402
from explain.subject import Subject, subject_of  # noqa: E402
from explain.trust import trust_page  # noqa: E402
from synth import demo_page  # noqa: E402

nn = torch.nn
SPEC = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(3, 64, 96))


@pytest.fixture(scope="module")
def reading() -> Any:
    return digitize(demo_page().page)


def opened(network: Any, explains: str, spec: InputSpec = SPEC) -> Subject:
    entry = replace(MODELS["baseline_cnn"], spec=spec, explains=explains)
    return subject_of(network.eval(), card_of(entry, arguments={}, input_spec=spec.to_dict()), entry)


class Left(nn.Module):  # type: ignore[misc]
    """Maps of the upper left quarter alone."""

    def forward(self, x: Any) -> Any:
        here = torch.zeros_like(x)
        here[:, :, : x.shape[2] // 2, : x.shape[3] // 2] = 1
        return x * here


class Corner(nn.Module):  # type: ignore[misc]
    """Ink in the upper left quarter of the picture: darker is more."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.AvgPool2d(8), Left())
        with torch.no_grad():
            self.features[0].weight.fill_(-1.0)
            self.features[0].bias.fill_(6.0)

    def forward(self, x: Any, extra: Any = None) -> Any:
        del extra
        return self.features(x).mean((2, 3))


@pytest.mark.parametrize("name", ["baseline_cnn", "mobilenet", "efficientnet_b0_msa", "densenet121_se"])
@pytest.mark.parametrize("method", ["gradcam", "guided_gradcam", "saliency"])
def test_methods_explain_image_networks_and_leave_them_as_they_were(name: str, method: str, reading: Any) -> None:
    entry = MODELS[name]
    spec = replace(entry.spec, picture=(3, 64, 96))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = entry.build(1)
    given = subject_of(network, card_of(entry, arguments={}, input_spec=spec.to_dict()), replace(entry, spec=spec))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    network.train()
    found = explain_page(given, reading, ExplainOptions(task="mi", method=method))
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in network.modules())
    assert found.values.shape == reading.page.image.shape[:2]
    assert found.leads == ()
    assert found.values.min() >= 0


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_finds_the_corner_that_decides(method: str, reading: Any) -> None:
    given = opened(Corner(), "features")
    found = explain_page(given, reading, ExplainOptions(task="mi", method=method))
    assert set(PICTURE_METHODS) == set(METHODS)
    assert found.on_input.shape == (64, 96)
    size = np.abs(found.on_input)
    share = size[:34, :50].sum() / size.sum()
    if method == "random":
        assert share < 0.5
    else:
        assert share > 0.9
    if found.delta is not None:  # eight steps are not refined
        assert found.delta <= (0.05 if method == "integrated_smooth" else 0.01)
    assert found.baseline == ("paper" if METHODS[method].baselines else "")


def test_a_map_lies_on_the_page_where_the_network_saw_it(reading: Any) -> None:
    """The picture itself, laid back on the page, is the page."""
    # Fine enough for lines of 1 mm: a coarser picture shows moiré, which a tenth of a pixel of the crop changes.
    for fit in ("letterbox", "stretch"):
        view = picture_view(reading, replace(SPEC, picture=(3, 960, 1280), fit=fit))
        back = view.on_page(view.x[0])
        seen = view.on_page(np.ones(view.x.shape[1:])) > 0.99
        page = reading.page.image[..., 0].astype(float)
        assert seen.mean() > 0.3
        assert np.corrcoef(back[seen], page[seen])[0, 1] > 0.9, fit
        moved = np.roll(back, 12, axis=1)
        assert np.corrcoef(back[seen], page[seen])[0, 1] > np.corrcoef(moved[seen], page[seen])[0, 1] + 0.2


def test_a_curled_sheet_is_followed(reading: Any) -> None:
    from digitize.dewarp import Flattening

    height, width = reading.page.image.shape[:2]
    # A flat page that lies in the picture upside down, 10 px to the right.
    step = 40
    ys, xs = np.mgrid[0 : height + step : step, 0 : width + step : step].astype(float)
    lattice = np.stack([xs + 10 + 6 * np.sin(ys / 150), ys], axis=-1)
    flat = Flattening(np.eye(3), lattice, step, (width, height), 1.0, 0.0)
    curled = replace(reading, flattening=flat)
    whole = replace(SPEC, picture=(3, 480, 640), area="grid")
    view = picture_view(curled, whole)
    back = view.on_page(view.x[0])
    seen = view.on_page(np.ones(view.x.shape[1:])) > 0.99
    page = curled.page.image[..., 0].astype(float)
    alike, moved = (np.corrcoef(b[seen], page[seen])[0, 1] for b in (back, np.roll(back, 6, axis=1)))
    assert alike > moved + 0.2, "to a few pixels of a page of 8 px a millimetre"


def test_the_test_beside_the_map_tells_right_from_random(reading: Any) -> None:
    given = opened(Corner(), "features")
    view = picture_view(reading, SPEC)
    found = explain_page(given, reading, ExplainOptions(task="mi", method="occlusion"))
    tested = trust_page(given, view, found)
    assert tested["deletion"] < tested["deletion_random"]
    assert tested["better_than_random"] == 1


def test_records_and_pages_are_not_mixed_up(reading: Any) -> None:
    with pytest.raises(ModelError, match="takes pictures of pages"):
        explain(opened(Corner(), "features"), heart(), task="mi")
    with pytest.raises(ModelError, match="takes records, got a page"):
        picture_view(reading, MODELS["resnet1d_se"].spec)
