"""The bodies of the image networks, from timm, and the weights that they may start from.

timm: Wightman, PyTorch Image Models, DOI 10.5281/zenodo.4414861, Apache-2.0. Its weights of ImageNet come from its hub
with licences of their own; nothing is fetched unless it is asked for.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from classify.vision import torchvision
from ecg.errors import ModelError

__all__ = ["IMAGENET", "PageNetwork", "backbone", "blended", "load_start", "started", "three_channels"]

#: Name by which ImageNet's weights are asked for as a start.
IMAGENET = "imagenet"


def _timm() -> Any:
    """Import timm behind torchvision's shim."""
    torchvision()
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise ModelError(f"image networks need timm ({error}); pip install 'einthoven[learn]'") from error


def backbone(name: str, **arguments: Any) -> Any:
    """Untrained network of timm without its head.

    Parameters
    ----------
    name : str
        As timm has it.
    **arguments
        Of timm's own for this network.

    Returns
    -------
    torch module
        ``forward_features`` gives maps [batch, channels, height / 32, width / 32], ``forward_head(maps,
        pre_logits=True)`` pools them, [batch, ``num_features``].

    Raises
    ------
    ModelError
        If timm is not installed or does not know the name.
    """
    try:
        return _timm().create_model(name, pretrained=False, num_classes=0, **arguments)
    except RuntimeError as error:
        raise ModelError(f"timm knows no network {name!r} ({error}); see timm.list_models()") from error


def three_channels(x: Tensor) -> Tensor:
    """Pictures [batch, 1 or 3, height, width] as three channels: a grey one is repeated, as ImageNet's weights need."""
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


class PageNetwork(nn.Module):
    """Body of timm, something after it, global pooling, dropout and one dense layer.

    Parameters
    ----------
    n_labels : int
        Logits.
    name : str
        Body, as timm names it.
    after : torch module, optional
        Acts on the last maps and keeps their number of channels.
    dropout : float
        Before the head.
    **arguments
        Of timm's own for the body.
    """

    def __init__(
        self, n_labels: int, name: str, after: nn.Module | None = None, dropout: float = 0.3, **arguments: Any
    ) -> None:
        super().__init__()
        self.body_name, self.body = name, backbone(name, **arguments)
        self.after = nn.Identity() if after is None else after
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.body.num_features, n_labels)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of pictures [batch, 1 or 3, height, width]; `extra` is not used."""
        del extra
        maps = self.after(self.body.forward_features(three_channels(x)))
        return cast(Tensor, self.head(self.dropout(self.body.forward_head(maps, pre_logits=True))))


def load_start(network: Any, start: str) -> tuple[str, ...]:
    """Give a network the weights that it starts from; what does not fit by name and shape stays as it is drawn.

    Parameters
    ----------
    network : torch module
        Changed in place.
    start : str
        ``"imagenet"``: timm's weights for the body, from its hub or the hub's cache. A file of such weights
        (``.safetensors``, or ``.pth`` of plain tensors), by timm's names or, under other names, in timm's order. Or a
        model of ours by folder, URL or name.

    Returns
    -------
    tuple of str
        Names of the parameters and statistics that were not found there: at least a head for other labels.

    Raises
    ------
    ModelError
        If there are no such weights, they cannot be fetched, or none of them fits.
    """
    import torch

    given = _given(network, start)
    own = network.state_dict()
    fits = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    if not any(own[name].ndim > 1 for name in fits):
        raise ModelError(f"none of the weights of {start} fits this network; start from one of the same architecture")
    with torch.no_grad():
        for name, value in fits.items():
            own[name].copy_(value)
    return tuple(name for name in own if name not in fits and not name.endswith("num_batches_tracked"))


def started(network: Any, start: str) -> Any:
    """Return a network with the weights that it starts from (`load_start`); as it is drawn where none are named."""
    if start:
        load_start(network, start)
    return network


def blended(network: Any, start: str, share: float) -> Any:
    """Mix a network's weights with those that it started from; share is its own part, 0 to 1."""
    first = copy.deepcopy(network)
    load_start(first, start)
    mixed = first.state_dict()
    for name, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            mixed[name] = mixed[name].to(value.device).lerp(value, share)
    network.load_state_dict(mixed)
    return network


def _given(network: Any, start: str) -> Mapping[str, Tensor]:
    """Tensors of a start, named as in the network."""
    import torch

    if start == IMAGENET:
        return {f"body.{name}": value for name, value in _fetched(network).items()}
    path = Path(start)
    if path.is_file():
        try:
            if path.suffix == ".safetensors":
                found = importlib.import_module("safetensors.torch").load_file(path)
            else:
                found = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # each format has exceptions of its own
            raise ModelError(f"{path} holds no weights that can be read: {error}".splitlines()[0]) from error
        return {f"body.{name}": value for name, value in _renamed(network, found).items()}
    from classify.weights import model_folder
    from ecg.checkpoint import load

    tensors, _ = load(model_folder(start))
    return {name: torch.from_numpy(value.astype("float32")) for name, value in tensors.items()}


def _renamed(network: Any, found: Mapping[str, Any]) -> dict[str, Tensor]:
    """Weights of a file by timm's names; by their order, where another program named the same tensors."""
    given = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    body = getattr(network, "body_name", "")
    mine = [name.removeprefix("body.") for name in network.state_dict() if name.startswith("body.")]
    if not body or set(given) & set(mine) or len(given) < len(mine):
        return given
    own, theirs = (
        {name: value for name, value in each.items() if not name.endswith("num_batches_tracked")}
        for each in (_timm().create_model(body).state_dict(), given)
    )
    if [tuple(v.shape) for v in own.values()] != [tuple(v.shape) for v in theirs.values()]:
        return given
    return dict(zip(own, theirs.values(), strict=True))


def _fetched(network: Any) -> Mapping[str, Tensor]:
    """Weights of ImageNet for the body of a network."""
    name = getattr(network, "body_name", "")
    if not name:
        raise ModelError("there are no weights of ImageNet for this network; start from a model folder, or from none")
    try:
        whole = _timm().create_model(name, pretrained=True)
    except ModelError:
        raise
    except Exception as error:  # whatever the hub's client raises where nothing can be reached
        raise ModelError(
            f"ImageNet's weights for {name} cannot be fetched ({type(error).__name__}): give a file of them, a model "
            f"folder, or leave the start out"
        ) from error
    return cast(Mapping[str, Tensor], whole.state_dict())
