"""What the registry says of an architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from classify.inputs import InputSpec

__all__ = ["ModelEntry", "Recipe", "builder"]


def builder(module: str, name: str) -> Callable[..., Any]:
    """Class of a module of this package, imported when it is called.

    Parameters
    ----------
    module, name : str
        Of this package, and of the class in it.

    Returns
    -------
    callable
        As `ModelEntry.build`.
    """

    def build(n_labels: int, **arguments: Any) -> Any:
        return getattr(import_module(f"classify.models.{module}"), name)(n_labels, **arguments)

    return build


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained, as published or as chosen for ours.

    Parameters
    ----------
    optimiser : str
        ``"adam"`` (weight decay added to the gradient) or ``"adamw"`` (taken off the weights).
    lr : float
        Learning rate; the largest one of a one-cycle schedule.
    weight_decay : float
    schedule : str
        ``"plateau"``: halved when the validation loss has not fallen for `patience` epochs; ``"one_cycle"``;
        ``"constant"``.
    epochs, batch : int
    patience : int
        Epochs without a lower validation loss: before the rate is halved (``"plateau"``), or before training stops.
    warm_lr : float or None
        Rate of the first epoch, where it differs.
    balanced : bool
        Batches of as many positives as negatives, the surplus left out (binary tasks).
    crop_s : float or None
        Random stretch of so many seconds for each record of a training batch, all leads together.
    pooled : str
        Prediction: ``"whole"`` records, or the ``"mean"`` or ``"max"`` probability over windows of `crop_s`, half a
        window apart.
    mixup : float
        Parameter of the Beta distribution; 0 for none (Zhang et al., ICLR 2018, arXiv 1710.09412).
    ema : float
        Decay a step of the averaged weights; 0 for none.
    weigh_classes : bool
        Classes that exclude each other weighed by the inverse of their frequency.
    keep : str
        Weights of the epoch with the highest AUROC (``"best"``) or the lowest loss (``"loss"``) on validation, or of
        the ``"last"``.
    """

    optimiser: Literal["adam", "adamw"]
    lr: float
    weight_decay: float
    schedule: Literal["plateau", "one_cycle", "constant"]
    epochs: int
    batch: int
    patience: int = 10
    warm_lr: float | None = None
    balanced: bool = False
    crop_s: float | None = None
    pooled: Literal["whole", "mean", "max"] = "whole"
    mixup: float = 0.0
    ema: float = 0.0
    weigh_classes: bool = False
    keep: Literal["best", "loss", "last"] = "best"


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """An architecture.

    Parameters
    ----------
    name : str
    build : callable
        ``build(n_labels, **arguments)`` gives an untrained model: a torch module whose ``forward(x, extra=None)`` turns
        inputs [batch, *spec.shape] into logits [batch, n_labels], or a `RandomForest`. Torch loads here, not before.
    spec : InputSpec
        What goes in.
    n_parameters : int
        Trainable numbers with one label; 0 for trees.
    source : str
        Where the architecture comes from.
    explains : str
        Dotted name of the layer whose maps Grad-CAM reads: the last one that still knows time (of a picture, the
        place); empty where there is none.
    published_threshold : float or None
        Operating point of the publication, a probability.
    recipe : Recipe or None
        How it is trained; None for trees.
    kind : str
        ``"network"`` or ``"forest"``.
    ships : bool
        Whether weights of it come with the package, and so an ONNX file.
    """

    name: str
    build: Callable[..., Any]
    spec: InputSpec
    n_parameters: int
    source: str
    explains: str
    published_threshold: float | None = None
    recipe: Recipe | None = None
    kind: Literal["network", "forest"] = "network"
    ships: bool = False
