"""A classifier opened for explanation: its answers as they are given, and its network with gradients.

The shipped models answer through onnxruntime, which has no gradients: their networks are built a second time from the
same float16 weights. What needs answers only (occlusion, deletion) asks the quick one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.inputs import InputSpec
from classify.labels import Task
from classify.models import ModelEntry, find_model
from classify.predict import Prediction
from classify.runtime import Classifier, load_classifier, load_network
from classify.weights import model_folder, shipped
from ecg.checkpoint import ModelCard, load_card
from ecg.errors import ModelError, OptionsError
from ecg.options import nearest

__all__ = ["Subject", "open_subject", "subject_of", "subject_of_answer", "undisturbed"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is explained.

    Parameters
    ----------
    classifier : Classifier
        Gives the answers.
    entry : ModelEntry
        Its architecture; `ModelEntry.explains` names the layer that Grad-CAM reads.
    build : callable or None
        Gives its torch module; None for trees.
    """

    classifier: Classifier
    entry: ModelEntry
    build: Callable[[], Any] | None

    @property
    def network(self) -> Any:
        """Torch module; raises ModelError for trees and where torch is not installed."""
        if self.build is None:
            raise ModelError(f"the model {self.classifier.card.name} has no gradients; explain it by occlusion")
        return self.build()

    def target(self, task: Task, label: str) -> int:
        """Place among the model's outputs of a label of a task.

        Raises
        ------
        OptionsError
            If the task has no such label.
        ModelError
            If the model does not answer the task.
        """
        if label not in task.labels:
            raise OptionsError(
                f"the task {task.name} has no label {label!r}{nearest(label, task.labels)}; choose one of "
                f"{', '.join(task.labels)}"
            )
        return self.classifier.outputs(task)[task.labels.index(label)]

    def logits(self, x: Float32, target: int, extra: Float32 | None = None) -> NDArray[np.float64]:
        """Logits [n] of one output for inputs [n, *shape] of one person, age and sex [4] or None."""
        person = None if extra is None else np.tile(extra, (len(x), 1))
        return np.asarray(self.classifier.logits(x, person)[:, target], dtype=np.float64)

    def scorer(self, target: int, extra: Float32 | None = None) -> Callable[[Any], Any]:
        """Differentiable logit: tensors [n, *shape] to [n], windows joined as the card says.

        Parameters
        ----------
        target : int
        extra : float32 array [4], optional

        Returns
        -------
        callable
        """
        network, card = self.network, self.classifier.card

        def score(x: Any) -> Any:
            import torch

            person = None if extra is None else torch.from_numpy(extra).to(x.dtype).expand(len(x), -1)
            cut = [x[..., a:b] for a, b in self.windows()]
            found = torch.stack([network(part, person)[:, target] for part in cut])
            return found.amax(0) if card.windows and card.windows["pooled"] == "max" else found.mean(0)

        return score

    def windows(self) -> list[tuple[int, int]]:
        """First sample and end of each window that the network sees one at a time; one for the whole input."""
        n = self.classifier.spec.shape[-1]
        if not self.classifier.card.windows:
            return [(0, n)]
        size = round(self.classifier.card.windows["seconds"] * self.classifier.spec.fs)
        last = max(0, n - size)
        starts = sorted({*range(0, last + 1, max(1, size // 2)), last})
        return [(start, min(n, start + size)) for start in starts]

    def with_network(self, network: Any) -> Subject:
        """Subject of the same card with another module: for tests that change the weights."""
        return subject_of(network, self.classifier.card, self.entry)


def open_subject(name: str | Path) -> Subject:
    """Open a model.

    Parameters
    ----------
    name : str or Path
        As for `classify.weights.model_folder`.

    Returns
    -------
    Subject
        Kept, so that the next record does not load it again.

    Raises
    ------
    ModelError
        If there is no such model or its files do not fit.
    """
    folder = model_folder(name, check=False)
    return _opened(folder, load_card(folder).sha256)


@lru_cache(maxsize=4)
def _opened(folder: Path, _sha256: str) -> Subject:
    classifier = load_classifier(folder)
    # Of the model itself: the same architecture is shipped for twelve leads and for one.
    entry = replace(find_model(classifier.card.architecture), spec=classifier.spec)
    build = lru_cache(maxsize=1)(lambda: load_network(folder)) if entry.kind == "network" else None
    return Subject(classifier, entry, build)


def subject_of_answer(prediction: Prediction, model: str | Path = "default") -> Subject:
    """Open the very model that answered: a shipped one by the digest of its weights, else by its name.

    Parameters
    ----------
    prediction : Prediction
    model : str or Path
        As it was asked for.

    Returns
    -------
    Subject

    Raises
    ------
    ModelError
        As `open_subject`.
    """
    digest = "" if prediction.card is None else prediction.card.sha256
    same = [folder for folder in shipped().values() if load_card(folder).sha256 == digest]
    return open_subject(same[0] if same else prediction.model if model == "default" else model)


def subject_of(network: Any, card: ModelCard, entry: ModelEntry | None = None) -> Subject:
    """Subject of a module that is in memory.

    Parameters
    ----------
    network : torch module
    card : ModelCard
    entry : ModelEntry, optional
        Found by the card's architecture without it.

    Returns
    -------
    Subject
    """

    def forward(x: Float32, extra: Float32 | None) -> Float32:
        import torch

        with undisturbed(network), torch.inference_mode():
            person = None if extra is None else torch.from_numpy(extra)
            return np.asarray(network(torch.from_numpy(np.ascontiguousarray(x)), person).float().numpy())

    spec = InputSpec.from_dict(dict(card.input_spec))
    classifier = Classifier(card, spec, forward, "torch")
    found = entry or replace(find_model(card.architecture), spec=spec)
    return Subject(classifier, found, lambda: network)


@contextmanager
def undisturbed(network: Any) -> Iterator[Any]:
    """Run a module in evaluation mode and leave the mode of each of its parts as it was.

    Parameters
    ----------
    network : torch module
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield network
    finally:
        for module, training in modes:
            module.training = training
