"""``einthoven evaluate``: a model and records, or a table of predictions, in; figures and pictures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from ecg.errors import OptionsError
from einthoven import outputs
from einthoven.commands.train import split_of
from einthoven.outputs import one_line
from einthoven.progress import counting
from einthoven.provenance import commit

if TYPE_CHECKING:
    from classify.evaluate import Predictions
    from classify.labels import Task
    from classify.runtime import Classifier
    from classify.sets import LabelledSet

__all__ = ["Request", "run"]

SCHEMA = "einthoven.evaluation"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line.

    Parameters
    ----------
    task, model : str
    ptbxl, images, predictions : Path or None
    fold : int
        Of PTB-XL.
    protocol : str
        ``"official"`` measures the fold, ``"validation"`` the pages that validated; else the test part of the split
        that the model was trained with.
    fs : int
        Rate in Hz of the records of PTB-XL.
    reader : str
        How pages are read; empty for what the model takes.
    threshold : str
        A number, a published operating point, a rule that chooses on ``validation``, or empty for the model's own.
    validation : Path or None
        Predictions of validation records.
    compare : sequence of str
        ``NAME=FILE``: predictions of other models on the same records.
    bootstrap, seed : int
    cache : Path or None
    only : frozenset of int or None
        Numbers of the records of PTB-XL to measure on; None for all.
    """

    task: str
    model: str = "default"
    ptbxl: Path | None = None
    images: Path | None = None
    predictions: Path | None = None
    fold: int = 9
    protocol: str = "official"
    fs: int = 100
    reader: str = ""
    threshold: str = ""
    validation: Path | None = None
    compare: Sequence[str] = ()
    bootstrap: int = 1000
    seed: int = 0
    cache: Path | None = None
    only: frozenset[int] | None = None


def run(out: Path, request: Request) -> int:
    """Measure and write below ``out``; exit status 0."""
    from classify.comparing import by_group, difference
    from classify.evaluate import evaluate, find_answers, write_predictions
    from classify.labels import find_task

    task = find_task(request.task)
    outputs.output_folder(out)
    model, known, rows, found = _predictions(request, task, out)
    found = find_answers(found, task)
    thresholds = _thresholds(request, task, model)
    rng = np.random.default_rng(request.seed)
    body = evaluate(found, task, thresholds, rng, request.bootstrap)
    others = _others(request, task)
    items = [] if known is None or not known.items else [known.items[k] for k in rows]
    content = {
        "task": task.name,
        "model": "" if model is None else model.card.name,
        "sha256": "" if model is None else model.card.sha256,
        "fold": _fold(request, found),
        "protocol": request.protocol,
        "source": one_line(request.ptbxl or request.images or request.predictions),
        "commit": commit(),
        **body,
        "n_skipped": len(found.ids) - body["n"],
        "groups": by_group(found, items, task, thresholds, request.seed, request.bootstrap) if items else {},
        "comparisons": {
            name: difference(found, other, request.seed, request.bootstrap) for name, other in others.items()
        },
    }
    write_predictions(out / "predictions.csv", found)
    outputs.write_json(out / "metrics.json", outputs.document(SCHEMA, 1, content))
    _draw(out, task, found, thresholds, others)
    _tell(content, out)
    return 0


def _predictions(
    request: Request, task: Task, out: Path
) -> tuple[Classifier | None, LabelledSet | None, Any, Predictions]:
    """Model, set and records where there are any, and the table of predictions."""
    from classify.evaluate import read_predictions

    given = [name for name in ("ptbxl", "images", "predictions") if getattr(request, name) is not None]
    if "predictions" in given:
        if len(given) > 1:
            raise OptionsError("--predictions needs neither records nor pages; leave --ptbxl and --images out")
        assert request.predictions is not None  # noqa: S101 - it is among the given
        return None, None, None, read_predictions(request.predictions)
    if not given:
        raise OptionsError("give what to measure on: --ptbxl DIR, --images DIR or --predictions FILE")
    from classify.export import predict_set, predictions_of
    from classify.predict import best_model
    from classify.runtime import load_classifier
    from ecg import LEADS

    model = load_classifier(best_model(task.name, LEADS) if request.model == "default" else request.model)
    outputs_of_task = model.outputs(task)
    with counting("pages") as progress:
        known = _set(request, task, model, request.cache or out / "cache", progress)
    rows = _rows(request, known, model)
    with counting("records") as progress:
        logits = predict_set(model, known, rows, progress)
    return model, known, rows, predictions_of(logits, model.card, task, outputs_of_task, known, rows)


def _set(request: Request, task: Task, model: Classifier, cache: Path, progress: Any) -> LabelledSet:
    from classify.pages import from_pages
    from classify.protocols import SEEN_FOLDS
    from classify.sets import from_items
    from ecg.datasets import ptb_xl

    if request.images is not None:
        known = {} if request.ptbxl is None else {item.ecg_id: item for item in ptb_xl(request.ptbxl)}
        strip = model.card.architecture == "image_signal_cnn"
        reader = request.reader or ("strip" if strip else "digitize")
        if model.spec.kind != "page" and reader not in ("strip", "digitize"):
            raise OptionsError(f"pages are read by digitize or strip, got {reader!r}")
        return from_pages(request.images, [task.name], model.spec, reader, cache, known, progress)  # type: ignore[arg-type]
    folds = (request.fold,) if request.protocol == "official" else SEEN_FOLDS
    items = ptb_xl(request.ptbxl, request.fs, folds)
    if request.only is not None:
        items = tuple(item for item in items if item.ecg_id in request.only)
    if not items:
        raise OptionsError(f"{one_line(request.ptbxl)} holds no record of fold {request.fold} at {request.fs} Hz")
    return from_items(items, [task], model.spec, cache)


def _rows(request: Request, known: LabelledSet, model: Classifier) -> Any:
    """Choose the records that are measured."""
    if request.images is not None and request.protocol == "validation":
        return split_of("official", known, model.card.seed).validation
    if request.protocol == "official" or request.images is not None:
        return np.arange(len(known))
    trained = model.card.folds.get("protocol")
    split = split_of(request.protocol, known, model.card.seed)
    if trained != split.name:
        raise OptionsError(
            f"the model was trained under the protocol {trained}, not {split.name}: it has seen the test"
        )
    return split.test


def _thresholds(request: Request, task: Task, model: Classifier | None) -> dict[str, float]:
    """Threshold of each label, never chosen on what is measured."""
    from classify.evaluate import choose_thresholds, read_predictions
    from classify.protocols import choose_threshold

    if task.kind == "multiclass":
        return {}
    if request.validation is not None:
        return choose_thresholds(request.threshold or "f1", read_predictions(request.validation), task)
    if request.threshold in ("f1", "youden") or request.threshold.startswith("sensitivity"):
        raise OptionsError(
            f"the rule {request.threshold} chooses on validation records: give them with --validation FILE"
        )
    if request.threshold:
        return dict.fromkeys(task.labels, choose_threshold(request.threshold, [], []))
    if model is None:
        return dict.fromkeys(task.labels, 0.5)
    names = [model.card.labels[k] for k in model.outputs(task)]
    return {label: float(model.card.thresholds.get(name, 0.5)) for label, name in zip(task.labels, names, strict=True)}


def _fold(request: Request, found: Predictions) -> int | str | None:
    """Fold that was measured; None where there is none or several."""
    if request.ptbxl is not None and request.images is None and request.protocol == "official":
        return request.fold
    folds = set(found.folds)
    only = folds.pop() if len(folds) == 1 else ""
    return int(only) if only.isdigit() else only or None


def _others(request: Request, task: Task) -> dict[str, Predictions]:
    """Predictions of the models to compare with."""
    from classify.evaluate import find_answers, read_predictions

    others = {}
    for text in request.compare:
        name, _, file = text.partition("=")
        if not name or not file:
            raise OptionsError(f"--compare takes NAME=FILE, got {one_line(text)!r}")
        others[name] = find_answers(read_predictions(Path(file)), task)
    return others


def _draw(
    out: Path, task: Task, found: Predictions, thresholds: Mapping[str, float], others: Mapping[str, Predictions]
) -> None:
    from classify.evaluate import decide
    from classify.figures import draw_confusion, draw_reliability, draw_roc

    curves = {label: (found.y[:, k], found.p[:, k]) for k, label in enumerate(task.labels)}
    draw_reliability(out / "reliability.png", curves, task.name)
    if others:
        # One label: every model is a curve. Several: every record and label is a point of its model's curve.
        curves = {"this model": (found.y.ravel(), found.p.ravel())}
        curves |= {name: (other.y.ravel(), other.p.ravel()) for name, other in others.items()}
    draw_roc(out / "roc.png", curves, task.name)
    calls = decide(found.p, task.labels, task.kind, thresholds)
    if task.kind == "multiclass":
        counted = np.isfinite(found.y).all(axis=1)
        pairs = found.y[counted].argmax(axis=1), calls[counted].argmax(axis=1)
        counts = np.bincount(len(task.labels) * pairs[0] + pairs[1], minlength=len(task.labels) ** 2)
        draw_confusion(out / "confusion.png", counts.reshape(len(task.labels), -1), task.labels, task.name)
        return
    for k, label in enumerate(task.labels):
        counted = np.isfinite(found.y[:, k])
        y, d = found.y[counted, k].astype(int), calls[counted, k].astype(int)
        counts = np.bincount(2 * y + d, minlength=4).reshape(2, 2)
        name = "confusion.png" if len(task.labels) == 1 else f"confusion_{label}.png"
        draw_confusion(out / name, counts, (f"not {label}", label), label)


def _tell(content: Mapping[str, Any], out: Path) -> None:
    typer.echo(f"{content['task']}: {content['n']} records of {content['n_patients']} patients")
    for name in ("auroc", "auprc", "sensitivity", "specificity", "f1", "ece"):
        figure = content["metrics"][name]
        if figure["value"] is not None:
            told = "" if figure["lo"] is None else f" ({figure['lo']:.3f} to {figure['hi']:.3f})"
            typer.echo(f"  {name:<12}{figure['value']:.3f}{told}")
    for name, each in content["comparisons"].items():
        d = each["auroc_difference"]
        typer.echo(one_line(f"  AUROC minus that of {name}: {d['value']:+.4f} ({d['lo']:+.4f} to {d['hi']:+.4f})"))
    typer.echo(one_line(f"metrics.json, predictions.csv and pictures are in {out}"))
