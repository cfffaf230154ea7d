"""Training of a classifier: records and a recipe in, a model folder out.

The folder holds ``model.safetensors``, ``card.json`` and, where the model ships, ``model.onnx``; beside them the
``history.csv`` of the epochs, its curves, ``train.json`` with what was asked for, and ``last.ckpt``, from which the
same call goes on. The checkpoints are torch's own format, for going on here; only the model folder is meant to travel.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.beside import check_beside, with_beside
from classify.export import ABSTAIN, LIMITS, calibrate, export_forest, export_network, without_outputs
from classify.hearts import drawn_hearts
from classify.labels import Task
from classify.models import ModelEntry
from classify.options import PaperOptions, TrainOptions, check_bank
from classify.protocols import Split, subsample
from classify.sets import LabelledSet, auxiliary_targets, head_names
from classify.teaching import Teacher, hired, lessons_of, taught
from ecg.checkpoint import ModelCard
from ecg.errors import ModelError, OptionsError
from ecg.formats.atomic import replacing

if TYPE_CHECKING:
    from classify.training import Group

__all__ = ["LAST_FILE", "Run", "train"]

LAST_FILE = "last.ckpt"
_BEST_FILE = "best.ckpt"
_RUN_FILE = "train.json"

Rows = NDArray[np.intp]
Float32 = NDArray[np.float32]

#: Weight of a task beside others where few records answer it: an epoch would otherwise be led by their noise.
_RARE = {"ami": 0.2, "four_class": 0.2}
#: Weights of what is learnt beside the tasks: some fifty statements, which share one mean, and age and sex as a hint.
_STATEMENTS, _PERSON = 2.4, 0.05


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is trained.

    Parameters
    ----------
    entry : ModelEntry
        The architecture.
    tasks : tuple of Task
        Several make one network with a head each.
    split : Split
    options : TrainOptions
    paper : PaperOptions
    arguments : mapping
        What the architecture is built with, beside the number of labels.
    name : str
        Of the model, for its card.
    data : mapping
        Names, versions and licences of the data, for the card.
    commit : str
        Of the program, for the card.
    """

    entry: ModelEntry
    tasks: tuple[Task, ...]
    split: Split
    options: TrainOptions = field(default_factory=TrainOptions)
    paper: PaperOptions = field(default_factory=PaperOptions)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""


def train(
    run: Run,
    known: LabelledSet,
    out: Path,
    progress: Callable[[Mapping[str, float], int], None] | None = None,
) -> ModelCard | None:
    """Train, calibrate, measure on validation and save; or go on where ``out`` holds the begun run.

    Parameters
    ----------
    run : Run
    known : LabelledSet
        The records that the split counts.
    out : Path
        The model's folder.
    progress : callable, optional
        Called after each epoch with the line of ``history.csv`` and the number of epochs.

    Returns
    -------
    ModelCard or None
        None in the helper processes of a run over several devices.

    Raises
    ------
    OptionsError
        If ``out`` holds another run, no records are left, or the options do not fit the model.
    ModelError
        If torch or lightning is not installed.
    """
    rows = _rows(run, known)
    out.mkdir(parents=True, exist_ok=True)
    _check_same(run, out)
    labels, heads = head_names(run.tasks)
    card = _card(run, known, rows, labels, heads)
    check_beside(run.options.beside, run.entry.name, run.arguments, labels)
    if run.entry.kind == "forest":
        forest = run.entry.build(len(labels), **{"seed": run.options.seed, **run.arguments})
        answers = np.concatenate([known.answers[task.name] for task in run.tasks], axis=1)
        asked = rows[0][np.isfinite(answers[rows[0]]).all(axis=1)]
        forest.fit(known.inputs(asked), answers[asked])
        export_forest(out, forest, card)
    else:
        network = _fitted(run, known, rows, out, progress)
        if network is None:
            return None
        network = without_outputs(network, len(labels))
        network, card = with_beside(network, run.options.beside, run.options.beside_share, card)
        export_network(out, network, card, run.entry.ships)
    rng = np.random.default_rng([run.options.seed, 1])
    return calibrate(out, known, rows[1], run.options.threshold, rng)


def _rows(run: Run, known: LabelledSet) -> tuple[Rows, Rows]:
    """Training and validation records that have an input and an answer to some task."""
    answers = [known.answers[task.name] for task in run.tasks]
    counts = known.usable() & np.isfinite(np.concatenate(answers, axis=1)).any(axis=1)
    train_rows, validation = (rows[counts[rows]] for rows in (run.split.train, run.split.validation))
    if run.options.share < 1:
        train_rows = subsample(train_rows, known.patients, run.options.share, run.options.seed)
    for what, rows in (("training", train_rows), ("validation", validation)):
        if not rows.size:
            raise OptionsError(f"the split {run.split.name} leaves no {what} record with an answer; take other folds")
    return train_rows, validation


def _check_same(run: Run, out: Path) -> None:
    """Note what was asked for; refuse a folder in which another run was begun."""
    asked = {
        "model": run.entry.name,
        "tasks": [task.name for task in run.tasks],
        "split": run.split.name,
        "records": [len(run.split.train), len(run.split.validation)],
        # How it is computed may change between two sittings; what is computed may not.
        "options": {k: v for k, v in asdict(run.options).items() if k not in ("accelerator", "devices", "workers")},
        "paper": asdict(run.paper),
        "arguments": dict(run.arguments),
    }
    asked = json.loads(json.dumps(asked))
    path = out / _RUN_FILE
    if path.is_file():
        begun = json.loads(path.read_text(encoding="utf-8"))
        # A run that an earlier version began knows nothing of newer options: it did without, as their defaults do.
        for name, least in (("options", TrainOptions()), ("paper", PaperOptions())):
            begun[name] = {**json.loads(json.dumps(asdict(least))), **begun.get(name, {})}
            begun[name] = {k: v for k, v in begun[name].items() if k in asked[name]}
        if odd := sorted(name for name in asked if asked[name] != begun.get(name)):
            raise OptionsError(f"{out} holds a run with other {', '.join(odd)}; repeat its options or give another -o")
        return
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def _targets(run: Run, known: LabelledSet, train_rows: Rows) -> tuple[Float32, list[Group]]:
    """Targets of all outputs, and how each is learnt."""
    from classify.training import Group, class_weights

    columns, groups, at = [], [], 0
    once = run.options.teachers if run.options.lessons == "records" else ()
    lessons = lessons_of(once, run.tasks, known, train_rows)
    plain: list[int] = []
    for task in run.tasks:
        y = known.answers[task.name]
        places = tuple(range(at, at + y.shape[1]))
        at += y.shape[1]
        columns.append(taught(lessons, task, y, train_rows, run.options.distil))
        weight = _RARE.get(task.name, 1.0) if len(run.tasks) > 1 else 1.0
        if task.kind == "multiclass":
            classes = class_weights(y[train_rows]) if run.options.weigh_classes else ()
            groups.append(Group("one_of", places, weight, classes=classes))
        elif weight != 1:
            groups.append(Group("yes_no", places, weight))
        else:
            plain += places
    if plain:
        groups.insert(0, Group("yes_no", tuple(plain), 1.0))
    if run.options.auxiliary:
        names, extra = auxiliary_targets(known, train_rows)
        statements = tuple(range(at, at + len(names) - 2))
        if statements:
            groups.append(Group("yes_no", statements, _STATEMENTS, counts=False))
        groups.append(Group("yes_no", (at + len(names) - 2,), _PERSON, counts=False))
        groups.append(Group("number", (at + len(names) - 1,), _PERSON, counts=False))
        columns.append(extra)
    return np.concatenate(columns, axis=1).astype(np.float32), groups


def _fitted(
    run: Run,
    known: LabelledSet,
    rows: tuple[Rows, Rows],
    out: Path,
    progress: Callable[[Mapping[str, float], int], None] | None,
) -> Any:
    """Trained network on the CPU; None in a helper process."""
    try:
        import torch

        from classify.figures import draw_history
        from classify.images.backbones import blended, started
        from classify.images.heads import solved_head
        from classify.training import Learner, Recorder
    except ImportError as error:
        raise ModelError(f"training needs torch and lightning ({error}); pip install 'einthoven[learn]'") from error
    targets, groups = _targets(run, known, rows[0])
    recorder = Recorder(out / "history.csv", run.options.epochs, progress)
    with _quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.options.seed)
        network = started(run.entry.build(targets.shape[1], **run.arguments), run.options.start)
        if run.options.penalty:
            return solved_head(network, known, rows[0], targets[rows[0]], run.options)
        window = round((run.options.window_s or 0) * known.spec.fs)
        # Rows of two dimensions compute faster with channels last; other arrays do not change.
        teachers = hired(run.options.teachers, run.tasks, known) if run.options.lessons == "batches" else ()
        learner = Learner(network.to(memory_format=torch.channels_last), groups, run.options, window, teachers)
        trainer = _trainer(run.options, out, recorder)
        last = out / LAST_FILE
        loaders = _loaders(run, known, rows, targets, teachers)
        trainer.fit(learner, *loaders, ckpt_path=str(last) if last.is_file() else None)
    if not trainer.is_global_zero:
        return None
    if recorder.rows:
        draw_history(out / "history.png", recorder.rows)
    kept = learner.kept
    if run.options.keep != "last" and (out / _BEST_FILE).is_file():
        state = torch.load(out / _BEST_FILE, map_location="cpu", weights_only=True)["state_dict"]
        prefix = "network." if learner.average is None else "average."
        kept.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    if run.options.blend < 1:
        kept = blended(kept, run.options.start, run.options.blend)
    return kept.cpu().float().to(memory_format=torch.contiguous_format)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep lightning's advice off the terminal: it prints what it runs on, and warns of choices made on purpose."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _loaders(
    run: Run, known: LabelledSet, rows: tuple[Rows, Rows], targets: Float32, teachers: Sequence[Teacher]
) -> tuple[Any, Any]:
    from classify.augment import read_bank
    from classify.batches import Batches, loader

    options, paper = run.options, run.paper
    check_bank(paper)
    varies = paper.acts or options.crop_s or (options.mixup and known.spec.kind != "page")
    if paper.acts and known.spec.kind != "paper":
        raise OptionsError(
            f"{run.entry.name} takes whole leads: it cannot be shown as paper; leave the table paper out"
        )
    if varies and known.ready is not None:
        raise OptionsError(f"{run.entry.name} takes beats or features: leave out mixup, crops and paper")
    bank = read_bank(paper.bank) if paper.bank else None
    positive = None
    if options.balanced and len(run.tasks) == 1 and run.tasks[0].kind == "binary":
        positive = targets[rows[0], 0] > 0.5
    views = [teacher.known for teacher in teachers]
    hearts = drawn_hearts(run.tasks, targets.shape[1], known.spec, options.seed) if options.hearts else None
    learning = Batches(known, rows[0], targets, options, paper, bank, learns=True, views=views, hearts=hearts)
    return loader(learning, positive), loader(Batches(known, rows[1], targets, options, paper, None, learns=False))


def _trainer(options: TrainOptions, out: Path, recorder: Any) -> Any:
    import lightning
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

    every: dict[str, Any] = {"dirpath": out, "save_on_train_epoch_end": True, "enable_version_counter": False}
    watched = (
        {"monitor": "val_loss", "mode": "min"} if options.keep == "loss" else {"monitor": "val_auroc", "mode": "max"}
    )
    best = ModelCheckpoint(filename=Path(_BEST_FILE).stem, **watched, **every)
    # Without a figure to watch it keeps each epoch's, so that a run goes on where it was stopped, not at its best.
    last = ModelCheckpoint(filename=Path(LAST_FILE).stem, **every)
    callbacks = [recorder, best, last]
    if options.stop_after:
        callbacks.append(EarlyStopping("val_loss", patience=options.stop_after, check_on_train_epoch_end=True))
    return lightning.Trainer(
        max_epochs=options.epochs,
        accelerator=options.accelerator,
        devices=options.devices or "auto",
        precision=_precision(options),
        gradient_clip_val=options.clip or None,
        callbacks=callbacks,
        default_root_dir=out,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def _precision(options: TrainOptions) -> str:
    """Name of the precision for lightning."""
    import torch

    names = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
    if options.precision != "auto":
        return names[options.precision]
    if options.accelerator != "cpu" and torch.cuda.is_available():
        return names["bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "16"]
    # Without instructions of its own bfloat16 is slower on a CPU than float32.
    return names["bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "32"]


def _card(
    run: Run, known: LabelledSet, rows: tuple[Rows, Rows], labels: Sequence[str], heads: Mapping[str, Sequence[str]]
) -> ModelCard:
    """Card of the run, before calibration."""
    options = run.options
    folds = {what: sorted({known.folds[k] for k in rows[i]}) for i, what in enumerate(("train", "validation"))}
    windows = {"seconds": options.window_s, "pooled": options.pooled} if options.window_s else {}
    recipe = {k: v for k, v in asdict(options).items() if k not in ("accelerator", "devices", "workers")}
    # What travels names no folder of this machine.
    recipe |= {"teachers": [Path(name).name for name in options.teachers]}
    recipe |= {what: Path(recipe[what]).name for what in ("start", "beside")}
    return ModelCard(
        name=run.name or run.entry.name,
        task=run.tasks[0].name if len(run.tasks) == 1 else "several",
        architecture=run.entry.name,
        arguments=run.arguments,
        input_spec=known.spec.to_dict(),
        labels=tuple(labels),
        thresholds={},
        temperature=1.0,
        data={
            **run.data,
            "train_records": len(rows[0]),
            "validation_records": len(rows[1]),
            "recipe": recipe,
            "paper": asdict(replace(run.paper, bank=Path(run.paper.bank).name)),
            "threshold_rule": options.threshold,
            "source_of_the_architecture": run.entry.source,
        },
        folds={"protocol": run.split.name, **folds},
        seed=options.seed,
        commit=run.commit,
        metrics={},
        intended_use="research on reading ECGs; its figures are of the validation records that set its thresholds",
        limits=LIMITS,
        heads=heads,
        abstain=ABSTAIN if len(known.spec.leads) >= ABSTAIN["min_leads"] else {**ABSTAIN, "min_leads": 1},
        windows=windows,
    )
