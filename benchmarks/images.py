"""Every classifier of pages under the four-class protocol: out-of-fold predictions of pages that stand once each.

- ``python -m benchmarks.images cv NAME --images DIR --work DIR`` trains five models (or goes on) and measures their
  pooled predictions; ``list`` tells the names.
- ``python -m benchmarks.images join NAME NAME --work DIR`` measures models together, by predictions that are there.
- ``python -m benchmarks.images ship NAME --images DIR --work DIR -o DIR`` trains one on every page (`image_joins`).
- ``python -m benchmarks.images likeness --images DIR --work DIR`` measures how these pages look, so that the
  shipped route answers for such pages alone.
- ``python -m benchmarks.images leak NAME --images DIR --work DIR`` trains once under the published protocol, copies of
  pages spread at random over training and test, for the gap between that figure and the honest one.

Each writes ``benchmarks/results/image_NAME.json``; the tables of ``docs/images.md`` are made from these files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.image_joins import PREDICTIONS, confusion, join, ship, weights_of, write_likeness
from ecg.errors import ECGError, OptionsError
from ecg.options import nearest
from einthoven.outputs import write_json
from einthoven.provenance import commit

if TYPE_CHECKING:
    from classify.evaluate import Predictions
    from classify.sets import LabelledSet
    from classify.train import Run

__all__ = ["EXPERIMENTS", "ImageExperiment", "content_of", "cross_validated", "leak", "main", "run_of"]

RESULTS = Path(__file__).resolve().parent / "results"
SCHEMA = "einthoven.images"
TASK = "four_class"
#: Epochs of every published network, the same for all: two cores take a minute for one over 300 pages.
_EPOCHS = 1
#: Least records a leaf: of 1, 2 and 3 the best on 253 of the pages, read by an earlier reader, in folds of other seeds.
_TREES = {"least_leaf": 3}


@dataclass(frozen=True)
class ImageExperiment:
    """One architecture under the protocol.

    Parameters
    ----------
    name, model : str
    what : str
        What is special about it, for the table.
    recipe : str
        ``"published"``, ``"ours"``, or ``"none"``: the model that `start` names answers as it is.
    size : str
        As for ``einthoven train --size``; empty for the published one, ``"given"`` for that of the start.
    start : str
        Model that it starts from; ``"given"`` is named on the command line.
    train : mapping
        Fields of `classify.options.TrainOptions`.
    arguments : mapping
        Of the architecture.
    """

    name: str
    model: str
    what: str = ""
    recipe: str = "published"
    size: str = ""
    start: str = ""
    train: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)


def _experiments() -> list[ImageExperiment]:
    baselines = ("baseline_cnn", "mobilenet", "resnet50", "densenet121", "convnext_tiny")
    published = (*baselines, "densenet121_bottleneck", "densenet121_se", "efficientnet_b0_msa")
    found = [ImageExperiment(name, name, train={"epochs": _EPOCHS}) for name in published]
    msa = "efficientnet_b0_msa"
    other: dict[str, Any] = {"train": {"epochs": _EPOCHS}, "arguments": {"first_block": 0}}
    found.append(ImageExperiment("msa_from_nought", msa, "blocks counted from 0", **other))
    # A few hundred pages after pretraining: 100 steps, nothing chosen on pages that are held back.
    last: dict[str, Any] = {"keep": "last", "weigh_classes": True, "vary": 0.5, "precision": "32", "batch": 16}
    tuned = {**last, "epochs": 5, "lr": 8e-4, "ema": 0.95}
    ours: dict[str, Any] = {"recipe": "ours", "size": "given", "start": "given"}
    found.append(ImageExperiment("ours", msa, "pretrained on drawn pages", train=tuned, **ours))
    # Logistic regression: 100 times the squared weights for 768 inputs and some 300 pages.
    head: dict[str, Any] = {"train": {**last, "freeze": True, "penalty": 100.0}, "arguments": {"pool": "scales"}}
    found.append(ImageExperiment("ours_head", msa, "pretrained, the head alone learnt", **head, **ours))
    found.append(ImageExperiment("ours_as_is", msa, "pretrained, no page of the set seen", "none", start="given"))
    found.append(
        ImageExperiment("signal_as_is", "default", "digitized, no page of the set seen", "none", start="default")
    )
    signal: dict[str, Any] = {"weigh_classes": True, "schedule": "constant", "keep": "last", "batch": 16, "ema": 0.9}
    signal |= {"mixup": 0.0, "crop_s": None, "stop_after": 0, "threshold": "0.5"}
    both = {
        "signal_head": ("digitized, the head alone learnt", {"epochs": 40, "lr": 3e-3, "freeze": True}),
        "signal_tuned": ("digitized, all learnt", {"epochs": 15, "lr": 2e-4}),
    }
    for name, (what, more) in both.items():
        found.append(ImageExperiment(name, "resnet1d_se", what, start="default", train={**signal, **more}))
    found.append(ImageExperiment("forest", "random_forest", "digitized, rate, intervals and amplitudes"))
    found.append(ImageExperiment("trees", "page_trees", "digitized, amplitudes in relation, rhythm", arguments=_TREES))
    return found


#: Every experiment by its name.
EXPERIMENTS: Mapping[str, ImageExperiment] = MappingProxyType({e.name: e for e in _experiments()})


def run_of(experiment: ImageExperiment, start: str, flags: Mapping[str, Any]) -> Run:
    """Training that an experiment asks for, before its split is known.

    Parameters
    ----------
    experiment : ImageExperiment
    start : str
        Model in place of ``"given"``.
    flags : mapping
        Fields of `classify.options.TrainOptions` that win.

    Returns
    -------
    Run
    """
    from classify.images.recipes import OURS, in_size
    from classify.labels import find_task
    from classify.models import find_model
    from classify.options import TrainOptions, recipe_values
    from classify.protocols import Split
    from classify.train import Run

    entry = find_model(experiment.model)
    values = {**recipe_values(entry), **(OURS if experiment.recipe == "ours" else {})}
    values["start"] = _start(experiment, start)
    if experiment.size:
        given = experiment.size == "given"
        entry = in_size(entry, _size_of(values["start"]) if given else experiment.size)
    arguments = {**_arguments_of(values["start"], experiment.model), **experiment.arguments}
    nothing = np.arange(0)
    return Run(
        entry=entry,
        tasks=(find_task(TASK),),
        split=Split("none", nothing, nothing, nothing),
        options=TrainOptions(**{**values, **experiment.train, **flags}),
        arguments=arguments,
        name=experiment.name,
        data={"pages": {"set": "Khan & Hussain, CC BY 4.0"}},
        commit=commit(),
    )


def _start(experiment: ImageExperiment, given: str) -> str:
    if experiment.start == "given" and not given:
        raise OptionsError(f"{experiment.name} starts from a pretrained model: name its folder with --start")
    return given if experiment.start == "given" else experiment.start


def _size_of(start: str) -> str:
    """Height and width of the pictures that a model sees."""
    from classify.weights import model_folder
    from ecg.checkpoint import load_card

    spec = load_card(model_folder(start)).input_spec
    if spec["kind"] != "page":
        raise OptionsError(f"{start} takes no pictures; start from a model of pictures")
    return "x".join(str(side) for side in spec["picture"][1:])


def _arguments_of(start: str, model: str) -> dict[str, Any]:
    """Arguments of the architecture that a start was built with, so that its weights fit."""
    from classify.weights import model_folder
    from ecg.checkpoint import load_card

    if not start or start == "imagenet" or Path(start).is_file():
        return {}
    card = load_card(model_folder(start))
    return dict(card.arguments) if card.architecture == model else {}


def cross_validated(
    experiment: ImageExperiment, images: Path, work: Path, start: str = "", flags: Mapping[str, Any] | None = None
) -> tuple[Predictions, Run]:
    """Pooled predictions of an experiment.

    Parameters
    ----------
    experiment : ImageExperiment
    images : Path
        The four-class set.
    work : Path
        Models go to ``work/NAME``, readings of pages to ``work/cache``.
    start, flags
        As for `run_of`.

    Returns
    -------
    Predictions
        Written to ``work/NAME/predictions.csv`` too.
    Run
    """
    from classify.evaluate import write_predictions
    from classify.images.crossval import cross_validate

    out = work / experiment.name
    if experiment.recipe == "none":
        model = _start(experiment, start)
        found = _as_is(model, images, work)
        run = run_of(replace(experiment, model=_architecture(model)), start, flags or {})
    else:
        run = run_of(experiment, start, flags or {})
        found = cross_validate(run, _pages(images, run.entry.spec, work), out)
    out.mkdir(parents=True, exist_ok=True)
    write_predictions(out / PREDICTIONS, found)
    return found, run


def _architecture(model: str) -> str:
    from classify.weights import model_folder
    from ecg.checkpoint import load_card

    return load_card(model_folder(model)).architecture


def _pages(images: Path, spec: Any, work: Path) -> LabelledSet:
    from classify.pages import from_pages

    return from_pages(images, [TASK], spec, "digitize", work / "cache")


def _as_is(model: str, images: Path, work: Path) -> Predictions:
    """Predictions of a model that has seen no page of the set."""
    from classify.export import predict_set, predictions_of
    from classify.labels import find_task
    from classify.runtime import load_classifier

    classifier, task = load_classifier(model), find_task(TASK)
    known = _pages(images, classifier.spec, work)
    rows = np.flatnonzero(known.usable())
    logits = predict_set(classifier, known, rows)
    return predictions_of(logits, classifier.card, task, classifier.outputs(task), known, rows)


def leak(experiment: ImageExperiment, images: Path, work: Path, flags: Mapping[str, Any] | None = None) -> Predictions:
    """Train and test under the published protocol: every page as often as published, spread at random.

    Parameters
    ----------
    experiment : ImageExperiment
    images : Path
        The four-class set, whose manifest tells the copies.
    work : Path
    flags : mapping, optional

    Returns
    -------
    Predictions
        Of the fifth of the files that tests.
    """
    from classify.export import predict_set, predictions_of
    from classify.images.copies import published_split_of_copies, with_copies
    from classify.runtime import load_classifier
    from classify.train import train
    from ecg.datasets import four_class

    run = run_of(experiment, "", flags or {})
    copies = {item.id: item.copies for item in four_class(images)}
    known = with_copies(_pages(images, run.entry.spec, work), copies)
    split = published_split_of_copies(known.answers[TASK], known.usable(), run.options.seed)
    out = work / f"leak_{experiment.name}"
    train(replace(run, split=split), known, out)
    model, task = load_classifier(out), run.tasks[0]
    logits = predict_set(model, known, split.test)
    return predictions_of(logits, model.card, task, model.outputs(task), known, split.test)


def content_of(name: str, found: Predictions, run: Run | None, others: Mapping[str, Predictions]) -> dict[str, Any]:
    """Figures of pooled predictions, ready for JSON.

    Parameters
    ----------
    name : str
    found : Predictions
    run : Run or None
        None where predictions of several models were joined.
    others : mapping name -> Predictions
        To compare with, on the pages that both have.

    Returns
    -------
    dict
    """
    from classify.evaluate import evaluate
    from classify.images.crossval import f1_difference

    experiment = EXPERIMENTS.get(name)
    figures = evaluate(found, TASK, {}, np.random.default_rng(0))
    told = (
        {} if experiment is None else {k: v for k, v in asdict(experiment).items() if k not in ("train", "arguments")}
    )
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "commit": commit(),
        "experiment": {"name": name, **told},
        "options": {} if run is None else asdict(run.options),
        "parameters": 0 if run is None else _parameters(run),
        **figures,
        "confusion": confusion(found),
        "differences": {
            other: f1_difference(found, theirs, np.random.default_rng(0)).as_dict() for other, theirs in others.items()
        },
    }


def _parameters(run: Run) -> int:
    if run.entry.kind != "network":
        return 0
    network = run.entry.build(len(run.tasks[0].labels), **run.arguments)
    return sum(p.numel() for p in network.parameters())


def _chosen(name: str) -> ImageExperiment:
    if name not in EXPERIMENTS:
        raise OptionsError(f"there is no experiment {name!r}{nearest(name, EXPERIMENTS)}; --list tells them")
    return EXPERIMENTS[name]


def _done(work: Path, but: str) -> dict[str, Predictions]:
    """Predictions of other experiments that are there."""
    from classify.evaluate import read_predictions

    paths = {name: work / name / PREDICTIONS for name in EXPERIMENTS if name != but}
    return {name: read_predictions(path) for name, path in paths.items() if path.is_file()}


def main(arguments: Sequence[str]) -> int:
    """Run one command; 2 where nothing could start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("list", "cv", "join", "leak", "ship", "likeness"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--images", type=Path, help="the four-class set")
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--start", default="", help="pretrained model")
    parser.add_argument("-o", "--out", type=Path, help="folder of a model that ships")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args(arguments)
    if chosen.command == "list":
        sys.stdout.writelines(f"{e.name:24} {e.model:24} {e.what}\n" for e in EXPERIMENTS.values())
        return 0
    given = {"epochs": chosen.epochs, "seed": chosen.seed}
    flags = {name: value for name, value in given.items() if value is not None}
    try:
        _perform(chosen, flags)
    except ECGError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _perform(chosen: argparse.Namespace, flags: Mapping[str, Any]) -> None:
    run, weights = None, {}
    if chosen.command == "likeness":
        if chosen.images is None:
            raise OptionsError("give the four-class set: --images DIR")
        likeness = write_likeness(chosen.images, chosen.work)
        sys.stdout.write(f"pages up to {likeness.most:.2f} away look like them\n")
        return
    if chosen.command == "join":
        name, found = "+".join(chosen.names), join(chosen.names, chosen.work)
        weights = weights_of(chosen.names, chosen.work)
    else:
        if len(chosen.names) != 1 or chosen.images is None:
            raise OptionsError("give one experiment and the four-class set: NAME --images DIR")
        experiment, name = _chosen(chosen.names[0]), chosen.names[0]
        if chosen.command == "ship":
            _ship(experiment, chosen, flags)
            return
        if chosen.command == "leak":
            name, found = f"leak_{name}", leak(experiment, chosen.images, chosen.work, flags)
        else:
            found, run = cross_validated(experiment, chosen.images, chosen.work, chosen.start, flags)
    others = {} if chosen.command == "leak" else _done(chosen.work, name)
    content = content_of(name, found, run, others) | ({"weights": weights} if weights else {})
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / f"image_{name.replace('+', '_and_')}.json", content)
    f1 = content["metrics"]["f1"]
    sys.stdout.write(f"{name}: {content['n']} pages, macro F1 {f1['value']:.3f} ({f1['lo']:.3f} to {f1['hi']:.3f})\n")


def _ship(experiment: ImageExperiment, chosen: argparse.Namespace, flags: Mapping[str, Any]) -> None:
    if chosen.out is None:
        raise OptionsError("name the folder of the model that ships with -o")
    run = run_of(experiment, chosen.start, flags)
    card = ship(run, _pages(chosen.images, run.entry.spec, chosen.work), chosen.work, chosen.out)
    sys.stdout.write(f"{card.name}: temperature {next(iter(card.temperatures.values())):.2f}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
