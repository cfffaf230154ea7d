"""A trained network becomes a model: its folder, its calibration, its thresholds and what it reached on validation.

Everything is measured on the folder as written, with rounded weights, run as it will be run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.calibration import fit_line, softmax_temperature
from classify.evaluate import Predictions, choose_thresholds, evaluate
from classify.labels import Task, find_task
from classify.runtime import Classifier, load_classifier, probabilities
from classify.sets import LabelledSet
from classify.weights import ONNX_FILE
from ecg.checkpoint import ModelCard, load, save
from ecg.formats.atomic import replacing

__all__ = ["ABSTAIN", "LIMITS", "calibrate", "export_forest", "export_network", "predict_set", "without_outputs"]

#: When our models do not answer, as their cards say: too few leads to know, a heart that a pacemaker drives (its beats
#: look like infarctions), and children, of whom PTB-XL has next to none.
ABSTAIN = {"min_leads": 8, "min_age": 18, "pacemaker": True}
LIMITS = (
    "not a medical device; no answer may guide the care of a patient",
    "trained on adults of one German institute (PTB-XL, 1989 to 1996); other populations and recorders may differ",
    "labels are written reports, not angiography or troponin; ami is a proxy by the stated age of an infarction",
    "paced rhythms, children and fewer than eight leads are not answered",
)
#: Records predicted at once, 2 MB of inputs each hundred.
_CHUNK = 512


def export_network(folder: Path, network: Any, card: ModelCard, onnx: bool) -> ModelCard:
    """Write a network as a model folder.

    Parameters
    ----------
    folder : Path
    network : torch module
        On the CPU; rounded to float16 in place.
    card : ModelCard
    onnx : bool
        Whether ``model.onnx`` is written beside the weights.

    Returns
    -------
    ModelCard
        With the SHA-256 of what was written.
    """
    from classify.inputs import InputSpec
    from classify.models.files import export_onnx, network_state, rounded

    network = rounded(network)
    digest = ""
    if onnx:
        with replacing(folder / ONNX_FILE) as temporary:
            export_onnx(network, InputSpec.from_dict(dict(card.input_spec)), temporary)
            digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    else:
        (folder / ONNX_FILE).unlink(missing_ok=True)
    return save(folder, network_state(network), replace(card, sha256_onnx=digest))


def export_forest(folder: Path, forest: Any, card: ModelCard) -> ModelCard:
    """Write a fitted forest as a model folder."""
    from classify.models.random_forest import EXACT

    return save(folder, forest.state(), card, EXACT)


def without_outputs(network: Any, n: int) -> Any:
    """Cut all outputs of a network behind the first off its last linear layer.

    Parameters
    ----------
    network : torch module
        Changed in place.
    n : int
        Outputs that stay.

    Returns
    -------
    torch module
        The same.
    """
    import torch

    last = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    if last.out_features > n:
        with torch.no_grad():
            last.weight = torch.nn.Parameter(last.weight[:n].clone())
            last.bias = torch.nn.Parameter(last.bias[:n].clone())
        last.out_features = n
    return network


def predict_set(
    classifier: Classifier, known: LabelledSet, rows: NDArray[np.intp], progress: Any = None
) -> NDArray[np.float32]:
    """Logits of some records of a set.

    Parameters
    ----------
    classifier : Classifier
    known : LabelledSet
    rows : integer array
    progress : callable, optional
        Called with the number of records done and of all.

    Returns
    -------
    float32 array [rows, outputs]
        NaN where no input can be made.
    """
    out = np.full((len(rows), len(classifier.card.labels)), np.nan, dtype=np.float32)
    usable = known.usable()[rows]
    places = np.flatnonzero(usable)
    for start in range(0, places.size, _CHUNK):
        at = places[start : start + _CHUNK]
        extra = known.extra[rows[at]] if classifier.spec.demographics else None
        out[at] = classifier.logits(known.inputs(rows[at]), extra)
        if progress is not None:
            progress(min(start + _CHUNK, places.size), places.size)
    return out


def predictions_of(
    logits: NDArray[np.floating], card: ModelCard, task: Task, outputs: list[int], known: LabelledSet, rows: Any
) -> Predictions:
    """Table of a task's predictions; records without an input do not count."""
    p = probabilities(np.nan_to_num(logits), card, task, outputs)
    y = known.answers[task.name][rows].astype(np.float64)
    y[~np.isfinite(logits).all(axis=1)] = np.nan
    ids, patients, folds = (tuple(x[k] for k in rows) for x in (known.ids, known.patients, known.folds))
    return Predictions(ids, patients, folds, task.labels, y, p)


def calibrate(
    folder: Path,
    known: LabelledSet,
    rows: NDArray[np.intp],
    rule: str | float,
    rng: np.random.Generator,
    n_bootstrap: int = 1000,
) -> ModelCard:
    """Calibrate, choose thresholds and measure a model on validation records; rewrite its card.

    Temperature, offset and threshold, three numbers a label, are chosen on the records on which the card's figures are
    then measured: AUROC and AUPRC do not depend on them, the others are slightly favourable, and the card says so.

    Parameters
    ----------
    folder : Path
        A model folder.
    known : LabelledSet
    rows : integer array
        Validation records.
    rule : str or float
        For the thresholds (`classify.protocols.choose_threshold`).
    rng : numpy.random.Generator
    n_bootstrap : int

    Returns
    -------
    ModelCard
    """
    classifier = load_classifier(folder)
    logits = predict_set(classifier, known, rows)
    tensors, card = load(folder)
    tasks = [find_task(name) for name in classifier.heads if name in known.answers]
    temperatures, offsets = _calibration(classifier, tasks, logits, known, rows)
    card = replace(card, temperature=1.0, temperatures=temperatures, offsets=offsets)
    thresholds: dict[str, float] = {}
    metrics: dict[str, dict[str, float | None]] = {}
    for task in tasks:
        outputs = classifier.outputs(task)
        predictions = predictions_of(logits, card, task, outputs, known, rows)
        # A label that no validation record has leaves nothing to choose by.
        chosen = choose_thresholds(rule, predictions, task, otherwise=0.5)
        thresholds |= {card.labels[k]: chosen[name] for k, name in zip(outputs, task.labels, strict=True) if chosen}
        found = evaluate(predictions, task, chosen, rng, n_bootstrap)
        metrics |= {f"{task.name} {name}": figure for name, figure in found["metrics"].items()}
        if len(task.labels) > 1:
            metrics |= {f"{task.name} {label} auroc": each["auroc"] for label, each in found["per_label"].items()}
    exact = [name for name, x in tensors.items() if x.dtype.kind == "f" and x.dtype != np.float16]
    return save(folder, tensors, replace(card, thresholds=thresholds, metrics=metrics), exact)


def _calibration(
    classifier: Classifier,
    tasks: Sequence[Task],
    logits: NDArray[np.float32],
    known: LabelledSet,
    rows: NDArray[np.intp],
) -> tuple[dict[str, float], dict[str, float]]:
    """Temperature and offset of each output that answers a task, by the first task that it answers."""
    temperatures: dict[str, float] = {}
    offsets: dict[str, float] = {}
    usable = np.isfinite(logits).all(axis=1)
    for task in tasks:
        outputs, y = classifier.outputs(task), known.answers[task.name][rows][usable]
        z = logits[usable][:, outputs]
        for i, k in enumerate(outputs):
            label = classifier.card.labels[k]
            if label in temperatures:
                continue
            if task.kind == "multiclass":
                temperatures[label] = softmax_temperature(z, y)
            else:
                temperatures[label], offset = fit_line(z[:, i], y[:, i])
                offsets |= {label: offset} if offset else {}
    return temperatures, offsets
