"""A trained model at work: inputs in, calibrated probabilities out. onnxruntime runs it where it can, else torch.

torch takes seconds to load and a gigabyte of disk; the shipped models answer without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classify.inputs import InputSpec
from classify.labels import TASKS, Task, find_task
from classify.weights import ONNX_FILE, model_folder
from ecg.checkpoint import ModelCard, load, load_card
from ecg.errors import ModelError

__all__ = ["Classifier", "load_classifier", "load_network", "probabilities", "window_starts", "windows_of"]

Array = NDArray[np.floating]
Forward = Callable[[NDArray[np.float32], NDArray[np.float32] | None], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model that is ready to answer.

    Parameters
    ----------
    card : ModelCard
    spec : InputSpec
        What goes in.
    forward : callable
        Inputs [n, *spec.shape] and age and sex [n, 4] or None to logits [n, outputs].
    backend : str
        ``"onnx"``, ``"torch"`` or ``"forest"``.
    """

    card: ModelCard
    spec: InputSpec
    forward: Forward
    backend: str

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """Outputs of each task that the model answers."""
        return self.card.heads or {self.card.task: self.card.labels}

    def outputs(self, task: Task | str) -> list[int]:
        """Places of a task's outputs, in the order of its labels.

        Raises
        ------
        ModelError
            If the model does not answer the task.
        """
        task = find_task(task) if isinstance(task, str) else task
        names = self.heads.get(task.name)
        if names is None or len(names) != len(task.labels):
            raise ModelError(
                f"the model {self.card.name} answers {', '.join(self.heads)}, not {task.name}; choose another model"
            )
        return [self.card.labels.index(name) for name in names]

    def logits(
        self, x: NDArray[np.float32], extra: NDArray[np.float32] | None = None, batch: int = 64
    ) -> NDArray[np.float32]:
        """Run the model.

        Parameters
        ----------
        x : float32 array [n, *spec.shape]
            From `classify.inputs`.
        extra : float32 array [n, 4], optional
            Age and sex from `classify.inputs.to_extra`; unknown without it.
        batch : int
            Records at once: bounds the memory, changes nothing else.

        Returns
        -------
        float32 array [n, outputs]
            Windows of a record joined as the card says.
        """
        if x.shape[1:] != self.spec.shape:
            raise ModelError(f"the model {self.card.name} takes inputs [n, {self.spec.shape}], got {list(x.shape)}")
        parts = []
        for start in range(0, len(x), batch):
            rows = np.s_[start : start + batch]
            given = None if extra is None else extra[rows]
            parts.append(self._joined(np.asarray(x[rows], dtype=np.float32), given))
        return np.concatenate(parts) if parts else np.empty((0, len(self.card.labels)), np.float32)

    def _joined(self, x: NDArray[np.float32], extra: NDArray[np.float32] | None) -> NDArray[np.float32]:
        if not self.card.windows:
            return self.forward(x, extra)
        cut = windows_of(x, round(self.card.windows["seconds"] * self.spec.fs))
        found = np.stack([self.forward(window, extra) for window in cut])
        return np.asarray(found.max(axis=0) if self.card.windows["pooled"] == "max" else found.mean(axis=0))

    def answer(
        self, x: NDArray[np.float32], task: Task | str, extra: NDArray[np.float32] | None = None
    ) -> NDArray[np.float64]:
        """Calibrated probabilities of a task, [n, labels]."""
        return probabilities(self.logits(x, extra), self.card, task, self.outputs(task))


def windows_of(x: NDArray[np.float32], samples: int) -> list[NDArray[np.float32]]:
    """Windows of records, half of their length apart.

    Parameters
    ----------
    x : float32 array [n, rows, longer]
    samples : int

    Returns
    -------
    list of float32 array [n, rows, samples]

    Examples
    --------
    >>> [w[0, 0].tolist() for w in windows_of(np.arange(6, dtype=np.float32)[None, None], 4)]
    [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0]]
    """
    return [np.ascontiguousarray(x[..., start : start + samples]) for start in window_starts(x.shape[-1], samples)]


def window_starts(length: int, samples: int) -> list[int]:
    """First samples of a record's windows: half of a window apart, the last one at the record's end.

    Examples
    --------
    >>> window_starts(7, 4), window_starts(3, 4)
    ([0, 2, 3], [0])
    """
    last = max(0, length - samples)
    return sorted({*range(0, last + 1, max(1, samples // 2)), last})


def probabilities(logits: Array, card: ModelCard, task: Task | str, outputs: list[int]) -> NDArray[np.float64]:
    """Probabilities of a task from logits, with the card's temperatures and offsets.

    Parameters
    ----------
    logits : float array [n, all outputs]
    card : ModelCard
    task : Task or str
    outputs : list of int
        Places of the task's outputs.

    Returns
    -------
    float64 array [n, labels]
    """
    task = find_task(task) if isinstance(task, str) else task
    temperature = [card.temperatures.get(card.labels[k], card.temperature) for k in outputs]
    offset = [card.offsets.get(card.labels[k], 0.0) for k in outputs]
    z = np.asarray(logits, dtype=np.float64)[:, outputs] / temperature + offset
    if task.kind == "multiclass":
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))  # the logistic function without overflow


def load_classifier(
    name: str | Path, backend: Literal["auto", "onnx", "torch"] = "auto", threads: int = 0
) -> Classifier:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        As for `classify.weights.model_folder`.
    backend : str
        ``"auto"`` takes onnxruntime where the folder holds ``model.onnx``.
    threads : int
        Of onnxruntime; 0 lets it choose.

    Returns
    -------
    Classifier

    Raises
    ------
    ModelError
        If there is no such model, its files do not fit, or what runs it is not installed.
    """
    folder = model_folder(name)
    card = load_card(folder)
    unknown = sorted(set(card.heads or {card.task: ()}) - set(TASKS))
    if unknown:
        raise ModelError(f"the model {card.name} answers {unknown[0]}, which no classifier's task is; give another")
    spec = InputSpec.from_dict(dict(card.input_spec))
    from classify.models import find_model

    if find_model(card.architecture).kind == "forest":
        return Classifier(card, spec, _forest(folder, card), "forest")
    if backend == "onnx" or (backend == "auto" and (folder / ONNX_FILE).is_file()):
        return Classifier(card, spec, _onnx(folder, spec, threads), "onnx")
    return Classifier(card, spec, _network(folder, card), "torch")


def _onnx(folder: Path, spec: InputSpec, threads: int) -> Forward:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(folder / ONNX_FILE), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception type of its own for each fault of a file
        raise ModelError(f"{folder / ONNX_FILE} cannot be run: {error}".splitlines()[0]) from error

    def forward(x: NDArray[np.float32], extra: NDArray[np.float32] | None) -> NDArray[np.float32]:
        given = {"x": np.ascontiguousarray(x, dtype=np.float32)}
        if spec.demographics:
            given["extra"] = np.zeros((len(x), 4), np.float32) if extra is None else extra.astype(np.float32)
        return np.asarray(session.run(["logits"], given)[0])

    return forward


def _network(folder: Path, card: ModelCard) -> Forward:
    network = load_network(folder, card)
    import torch

    def forward(x: NDArray[np.float32], extra: NDArray[np.float32] | None) -> NDArray[np.float32]:
        with torch.inference_mode():
            given = None if extra is None else torch.from_numpy(np.asarray(extra, dtype=np.float32))
            return np.asarray(network(torch.from_numpy(np.ascontiguousarray(x)), given).float().numpy())

    return forward


def load_network(folder: Path, card: ModelCard | None = None) -> Any:
    """Torch module of a model folder, in evaluation mode.

    Raises
    ------
    ModelError
        If torch is not installed, or the weights do not fit the architecture of the card.
    """
    from classify.models import find_model
    from classify.models.files import load_state

    tensors, card = load(folder)
    try:
        import torch  # noqa: F401 - asked for here, so that its absence is told in one line
    except ImportError as error:
        raise ModelError(f"the model {card.name} needs torch; pip install 'einthoven[learn]'") from error
    return load_state(find_model(card.architecture).build(len(card.labels), **dict(card.arguments)), tensors)


def _forest(folder: Path, card: ModelCard) -> Forward:
    from classify.models import find_model

    tensors, _ = load(folder)
    forest = find_model(card.architecture).build(len(card.labels), **dict(card.arguments)).load_state(tensors)

    def forward(x: NDArray[np.float32], _extra: NDArray[np.float32] | None) -> NDArray[np.float32]:
        # A share of 0 or 1 among 300 trees is no certainty: half a tree's vote is left.
        p = np.clip(forest.predict_proba(x), 1 / 600, 1 - 1 / 600)
        return np.asarray(np.log(p) - np.log1p(-p))

    return forward
