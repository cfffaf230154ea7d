"""``einthoven train``: records or pages and a recipe in, a model folder out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from ecg.errors import OptionsError
from ecg.options import options_from, read_toml
from einthoven import outputs
from einthoven.outputs import one_line
from einthoven.progress import counting
from einthoven.provenance import commit

if TYPE_CHECKING:
    from classify.models import ModelEntry
    from classify.options import PaperOptions, TrainOptions
    from classify.protocols import Split
    from classify.sets import LabelledSet
    from classify.train import Run

__all__ = ["Request", "choose_model", "run", "split_of"]

#: Architecture of ``--model default``.
DEFAULT_ARCHITECTURE = "resnet1d_se"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line.

    Parameters
    ----------
    tasks : str
        One task, or several with commas between.
    model : str
    ptbxl, images : Path or None
    protocol : str
        As for `split_of`.
    fs : int
        Rate in Hz of the records of PTB-XL.
    leads : str
        Leads that a network of ours is restricted to, with commas between; empty for all of its own.
    reader : str
        How pages are read; empty for what the model takes.
    size : str
        Of the pictures that a model of pictures sees, see `classify.images.recipes.in_size`; empty for its own.
    recipe : str
        ``"published"`` or ``"ours"``, for models of pictures.
    config : Path or None
        TOML file with the tables ``[train]``, ``[paper]`` and ``[model]``.
    flags : mapping
        Fields of `classify.options.TrainOptions` that were given as flags.
    cache : Path or None
        Where arrays of records are kept; below the model's folder by default.
    only : frozenset of int or None
        Numbers of the records of PTB-XL to use; None for all.
    """

    tasks: str
    model: str
    ptbxl: Path | None
    images: Path | None
    protocol: str = "official"
    fs: int = 100
    leads: str = ""
    reader: str = ""
    size: str = ""
    recipe: str = "published"
    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    cache: Path | None = None
    only: frozenset[int] | None = None


def run(out: Path, request: Request) -> int:
    """Train below ``out``; exit status 0."""
    from classify.train import train

    if request.ptbxl is None and request.images is None:
        raise OptionsError("give the records or the pages to train on: --ptbxl DIR or --images DIR")
    entry, arguments, options, paper = _settings(request)
    outputs.output_folder(out)
    with counting("pages") as progress:
        known = load_set(request, entry, out, progress)
    asked = _run(request, entry, arguments, options, paper, known)
    # A network is named after its folder: one architecture gives many models.
    asked = replace(asked, name=out.resolve().name)
    if os.environ.get("LOCAL_RANK", "0") == "0":  # lightning's helper processes run this command once more
        counts = f"{len(asked.split.train)} records train, {len(asked.split.validation)} validate"
        typer.echo(one_line(f"{entry.name}, {request.tasks}: {counts} ({asked.split.name})"))
    card = train(asked, known, out, _tell)
    if card is not None:
        for task in asked.tasks:
            area = card.metrics[f"{task.name} auroc"]
            typer.echo(f"{task.name}: AUROC on validation {_interval(area)}")
        typer.echo(one_line(f"the model is in {out}"))
    return 0


def choose_model(name: str, leads: str = "") -> tuple[ModelEntry, dict[str, Any]]:
    """Architecture of a name and its arguments, restricted to some leads.

    Raises
    ------
    OptionsError
        If there is none of this name, or it cannot be restricted.
    """
    from classify.models import find_model
    from ecg.formats import lead_name

    entry = find_model(DEFAULT_ARCHITECTURE if name == "default" else name)
    if not leads:
        return entry, {}
    chosen = tuple(lead_name(part.strip()) for part in leads.split(","))
    if entry.spec.kind != "paper" or not set(chosen) <= set(entry.spec.leads):
        raise OptionsError(
            f"--leads restricts {DEFAULT_ARCHITECTURE} to some of I, II, V1 to V6; got {leads} for {entry.name}"
        )
    spec = replace(entry.spec, leads=chosen)
    return replace(entry, spec=spec), {"channels": spec.shape[0]}


def _settings(request: Request) -> tuple[ModelEntry, dict[str, Any], TrainOptions, PaperOptions]:
    """Model, its arguments and options: the recipe, then the configuration file, then the flags; the later wins."""
    from classify.options import PaperOptions, TrainOptions, check_bank, recipe_values

    tables: dict[str, dict[str, Any]] = {"train": {}, "paper": {}, "model": {}}
    if request.config is not None:
        tables = read_toml(request.config, tables)
    entry, arguments = choose_model(request.model, request.leads)
    entry, ours = _picture_settings(request, entry)
    where = "" if request.config is None else f"{request.config} and flags"
    values = {**recipe_values(entry), **ours, **tables["train"], **request.flags}
    paper = options_from(PaperOptions, tables["paper"], where)
    check_bank(paper)
    return entry, {**arguments, **tables["model"]}, options_from(TrainOptions, values, where), paper


def _picture_settings(request: Request, entry: ModelEntry) -> tuple[ModelEntry, dict[str, Any]]:
    """Architecture with what it sees of a page, and the options of our recipe where that is asked for."""
    from classify.images.recipes import OUR_SIZE, OURS, RECIPES, in_size, seeing

    if request.recipe not in RECIPES:
        raise OptionsError(f"--recipe is {' or '.join(RECIPES)}, got {request.recipe!r}")
    ours = request.recipe == "ours"
    if entry.spec.kind != "page":
        if ours or request.size:
            raise OptionsError(f"--recipe ours and --size are for models of pictures; {entry.name} takes records")
        return entry, {}
    entry = seeing(entry, request.reader)
    if size := request.size or (OUR_SIZE if ours else ""):
        entry = in_size(entry, size)
    return entry, dict(OURS) if ours else {}


def load_set(request: Request, entry: ModelEntry, out: Path, progress: Any) -> LabelledSet:
    """Hold the records or pages of a request with their answers."""
    from classify.pages import from_pages
    from classify.sets import from_items
    from ecg.datasets import ptb_xl

    tasks = tasks_of(request.tasks)
    cache = request.cache or out / "cache"
    if request.images is not None:
        reader = request.reader or ("strip" if entry.name == "image_signal_cnn" else "digitize")
        if entry.spec.kind != "page" and reader not in ("strip", "digitize"):
            raise OptionsError(f"pages are read by digitize or strip, got {reader!r}")
        known = {} if request.ptbxl is None else {item.ecg_id: item for item in ptb_xl(request.ptbxl)}
        return from_pages(request.images, tasks, entry.spec, reader, cache, known, progress)  # type: ignore[arg-type]
    from classify.protocols import SEEN_FOLDS

    items = ptb_xl(request.ptbxl, request.fs, SEEN_FOLDS)
    if request.only is not None:
        items = tuple(item for item in items if item.ecg_id in request.only)
    if not items:
        raise OptionsError(f"{one_line(request.ptbxl)} holds no record of folds 1 to 9 at {request.fs} Hz")
    return from_items(items, tasks, entry.spec, cache)


def tasks_of(text: str) -> tuple[str, ...]:
    """Names of tasks between commas; raises OptionsError if one is unknown or stands twice."""
    from classify.labels import find_task

    names = tuple(find_task(part.strip()).name for part in text.split(","))
    if len(set(names)) != len(names):
        raise OptionsError(f"--task names each task once, got {text}")
    return names


def split_of(protocol: str, known: LabelledSet, seed: int) -> Split:
    """Split of a set by the name of a protocol.

    Parameters
    ----------
    protocol : str
        ``"official"``: folds 1 to 8 and 9; pages without folds are split as published. ``"published"``: 70/15/15 by
        patient. ``"pooled"``: the same among the records whose hospital is known. ``"without:HOSPITAL"``: trained on
        all hospitals but one, which tests.
    known : LabelledSet
    seed : int

    Returns
    -------
    Split

    Raises
    ------
    OptionsError
        If the protocol or hospital is unknown.
    """
    from classify.protocols import hospitals, official_split, published_split, train_elsewhere

    if protocol == "official" and any(known.folds):
        return official_split([int(fold or 0) for fold in known.folds])
    if protocol in ("official", "published"):
        return published_split(known.patients, seed)
    kind, _, name = protocol.partition(":")
    if protocol != "pooled" and (kind != "without" or not name):
        raise OptionsError(f"--protocol is official, published, pooled or without:HOSPITAL, got {one_line(protocol)!r}")
    if not known.items:
        raise OptionsError("hospitals are known of PTB-XL's records alone; give --ptbxl")
    found = hospitals(known.items)
    if protocol == "pooled":
        pooled = published_split(known.patients, seed, among=np.flatnonzero(found != ""))
        return replace(pooled, name="pooled")
    others = sorted(set(found.tolist()) - {"", name})
    return train_elsewhere(found, known.patients, others, [name], seed)


def _run(
    request: Request,
    entry: ModelEntry,
    arguments: dict[str, Any],
    options: TrainOptions,
    paper: PaperOptions,
    known: LabelledSet,
) -> Run:
    from classify.labels import find_task
    from classify.train import Run

    source = {"ptb-xl": {"version": "1.0.3", "licence": "CC BY 4.0", "fs_hz": request.fs}}
    pages = {"pages": {"folder": "" if request.images is None else request.images.name}}
    return Run(
        entry=entry,
        tasks=tuple(find_task(name) for name in tasks_of(request.tasks)),
        split=split_of(request.protocol, known, options.seed),
        options=options,
        paper=paper,
        arguments=arguments,
        data=source if request.images is None else pages,
        commit=commit(),
    )


def _tell(row: Mapping[str, float], epochs: int) -> None:
    """Tell an epoch in one line."""
    typer.echo(
        f"epoch {row['epoch']:.0f} of {epochs}: training loss {row['train_loss']:.4f}, validation "
        f"{row['val_loss']:.4f}, AUROC {row['val_auroc']:.4f}, {row['seconds']:.0f} s"
    )


def _interval(figure: Mapping[str, float | None]) -> str:
    value, lo, hi = (figure[name] for name in ("value", "lo", "hi"))
    if value is None:
        return "unknown"
    return f"{value:.3f}" if lo is None or hi is None else f"{value:.3f} ({lo:.3f} to {hi:.3f})"
