"""Training of the refiner: one call makes its folder. Needs torch (extra `learn`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from digitize.fusing import fuse
from digitize.refiner.lessons import Lesson, load_lessons
from digitize.refiner.network import RefinerNetwork, Shape, doubt_loss, export_onnx, lead_loss_db
from digitize.refiner.view import CHANNELS, REACH
from digitize.runs import LAST_FILE, keep_run, load_run, resume_run, set_rate, source_commit, write_model
from ecg.checkpoint import ModelCard
from ecg.errors import OptionsError

__all__ = ["RefinerTraining", "piece", "score", "train_refiner"]

Float = NDArray[np.float32]
Progress = Callable[[int, float], None]

#: Rows of `LineView.channels` that change their sign, and the two that change places, where a page is turned over.
_INK = slice(0, 2 * REACH + 1)
_LOW, _HIGH = 2 * REACH + 1, 2 * REACH + 2
_RUNS = slice(2 * REACH + 5, 2 * REACH + 8)
#: Leads of which a rank correlation says something.
_RANKED = 10


@dataclass(frozen=True)
class RefinerTraining:
    """How the refiner is trained.

    Parameters
    ----------
    steps : int
        Steps of the optimiser for the moves; a quarter as many follow for the doubts.
    batch : int
        Pieces of leads a step.
    samples : int
        Length of a piece, even: 1.5 s at 500 Hz hold a beat or two.
    rate : float
        Highest learning rate, of AdamW.
    start : pathlib.Path or None
        Model folder whose ``last.safetensors`` is trained further, from step 0.
    seed : int
    save_every : int
        Steps between checkpoints.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    steps: int = 16000
    batch: int = 32
    samples: int = 768
    rate: float = 3e-3
    start: Path | None = None
    seed: int = 20270
    save_every: int = 500
    device: str = "auto"

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.save_every) < 1 or self.samples < 16 or self.samples % 2:
            raise OptionsError("steps, batch and save_every must be 1 or more, samples even and 16 or more")
        if not 0 < self.rate < 1:
            raise OptionsError(f"the learning rate must lie between 0 and 1, got {self.rate}")

    @property
    def doubt_steps(self) -> int:
        """Steps for the doubts."""
        return max(1, self.steps // 4)

    @property
    def all_steps(self) -> int:
        """Steps for moves and doubts."""
        return self.steps + self.doubt_steps


def train_refiner(
    folder: Path,
    options: RefinerTraining,
    pages: Sequence[Path],
    unseen: Sequence[Path],
    source: str,
    progress: Progress | None = None,
) -> ModelCard:
    """Train, measure and save the refiner; a run that was cut off goes on where it was.

    Parameters
    ----------
    folder : pathlib.Path
        Where ``model.safetensors``, ``model.onnx``, ``card.json`` and ``last.safetensors`` go.
    options : RefinerTraining
    pages, unseen : sequence of pathlib.Path
        Pages that `digitize.refiner.lessons.drawn_lessons` wrote, to train on and to measure on.
    source : str
        Where the signals come from, for the card.
    progress : callable, optional
        Called after each step with its number and the decibels that the pieces gained.

    Returns
    -------
    ModelCard
    """
    lessons = [lesson for path in pages for lesson in load_lessons(path)]
    held_out = [lesson for path in unseen for lesson in load_lessons(path)]
    if not lessons or not held_out:
        raise OptionsError(f"expected leads to train and to measure on, got {len(lessons)} and {len(held_out)}")
    folder.mkdir(parents=True, exist_ok=True)
    network = fuse(_fit(folder, options, lessons, progress))
    card = _card(options, len(pages), len(lessons), source, score(network, held_out))
    return write_model(folder, network, card, export_onnx)


def _fit(
    folder: Path, options: RefinerTraining, lessons: Sequence[Lesson], progress: Progress | None
) -> RefinerNetwork:
    """Train the network to its last step; return it on the CPU."""
    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = RefinerNetwork(Shape())
    network = network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-3)
    step = resume_run(folder / LAST_FILE, network, optimiser, options.all_steps)
    if step == 0 and options.start is not None:
        load_run(options.start / LAST_FILE, network, None)
    while step < options.all_steps:
        rng = np.random.default_rng([options.seed, step])
        # Moves first, then doubts about what they leave: what a loss does not reach has no gradient, and stays.
        first, n = (0, options.steps) if step < options.steps else (options.steps, options.doubt_steps)
        set_rate(optimiser, options.rate, (step - first) / n)
        drawn = [piece(lessons[int(rng.integers(len(lessons)))], options.samples, rng) for _ in range(options.batch)]
        line = torch.from_numpy(np.stack([p[0] for p in drawn])).to(device)
        move = torch.from_numpy(np.stack([p[1] for p in drawn])).to(device)
        spread = torch.tensor([p[2] for p in drawn], device=device)
        with torch.autocast(device, torch.bfloat16, enabled=device != "cpu"):  # 1.3 times as slow as float32 there
            moves, doubts = (said.float() for said in network(line))
        gained = lead_loss_db(move, spread).mean() - (lost := lead_loss_db(move - moves, spread).mean()).detach()
        loss = lost if step < options.steps else doubt_loss(move - moves, doubts).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        if progress is not None:
            progress(step, float(gained))
        if step % options.save_every == 0 or step == options.all_steps:
            keep_run(folder / LAST_FILE, network, optimiser, step, options.all_steps)
    done: RefinerNetwork = network.cpu().eval()
    return done


def piece(lesson: Lesson, samples: int, rng: np.random.Generator) -> tuple[Float, Float, float]:
    """Cut a piece out of a lead, upside down half of the time.

    Parameters
    ----------
    lesson : Lesson
    samples : int
        Its length; a shorter lead is filled up with nothing.
    rng : numpy.random.Generator

    Returns
    -------
    line : float32 array [`CHANNELS`, samples]
    move : float32 array [samples]
    spread : float
    """
    n = lesson.move.size
    first = int(rng.integers(max(1, n - samples + 1)))
    line = np.zeros((CHANNELS, samples), np.float32)
    move = np.full(samples, np.nan, np.float32)
    part = lesson.view.channels()[:, first : first + samples]
    line[:, : part.shape[1]] = part
    move[: part.shape[1]] = lesson.move[first : first + samples]
    if rng.random() < 0.5:
        line[_INK] = line[_INK][::-1]
        line[_LOW], line[_HIGH] = -line[_HIGH], -line[_LOW]
        line[_RUNS] *= -1
        move = -move
    return line, move, lesson.spread


def score(network: RefinerNetwork, lessons: Sequence[Lesson]) -> dict[str, dict[str, float | None]]:
    """Measure the network on whole leads.

    Parameters
    ----------
    network : RefinerNetwork
    lessons : sequence of Lesson

    Returns
    -------
    dict name -> {value, lo, hi}
        ``fitted_snr_db`` and ``refined_snr_db``: median signal-to-noise ratio over leads, each at its best time and
        about its own mean; ``gain_db``: mean of what each lead gained; ``doubt_rank``: Spearman's correlation of the
        ratio that the doubts say with the true one, of ten leads or more. 95 % intervals by resampling leads (Efron
        1979, 2000 times).
    """
    from scipy.stats import spearmanr

    rows = []
    for lesson in lessons:
        line = lesson.view.channels()[:, : lesson.move.size // 2 * 2]
        with torch.no_grad():
            said, doubts = (out[0].numpy() for out in network(torch.from_numpy(line)[None]))
        move = lesson.move[: said.size]
        spreads = [max(float(np.nanstd(error)), 1e-6) for error in (move, move - said)]
        spreads.append(float(np.sqrt(np.mean(doubts**2))))
        rows.append([20 * np.log10(lesson.spread / s) for s in spreads])
    found = np.array(rows)
    draws = found[np.random.default_rng(0).integers(len(found), size=(2000, len(found)))]
    told = {
        "fitted_snr_db": (np.median(found[:, 0]), np.median(draws[:, :, 0], axis=1)),
        "refined_snr_db": (np.median(found[:, 1]), np.median(draws[:, :, 1], axis=1)),
        "gain_db": ((found[:, 1] - found[:, 0]).mean(), (draws[:, :, 1] - draws[:, :, 0]).mean(axis=1)),
    }
    if np.unique(found[:, 2]).size >= _RANKED:
        ranks = [spearmanr(draw[:, 2], draw[:, 1]).statistic for draw in (found, *draws)]
        told["doubt_rank"] = (ranks[0], np.array(ranks[1:]))
    return {
        name: {
            "value": round(float(value), 3),
            "lo": round(float(np.percentile(spread, 2.5)), 3),
            "hi": round(float(np.percentile(spread, 97.5)), 3),
        }
        for name, (value, spread) in told.items()
    }


def _card(
    options: RefinerTraining,
    n_pages: int,
    n_leads: int,
    source: str,
    metrics: Mapping[str, Mapping[str, float | None]],
) -> ModelCard:
    """Describe the model: what it takes, what it was trained on, what it is for."""
    return ModelCard(
        name="refiner",
        task="line_refiner",
        architecture="RefinerNetwork",
        arguments=Shape().as_dict(),
        input_spec={
            "line": f"float32 [1, {CHANNELS}, samples]: ink around a fitted line and how it runs; an even number",
            "unit_mm": 1 / 7.874,
            "output": "moves in units downwards, and the distances expected to be left [1, samples] each",
        },
        labels=("move", "doubt"),
        thresholds={},
        temperature=1.0,
        data={
            "pages": f"{n_pages} drawn pages as the reader reads them, {n_leads} leads",
            "signals": source,
            "steps": options.steps,
            "continued": options.start is not None,
            "batch": options.batch,
        },
        folds={"train": list(range(1, 9)), "validation": [9]} if "PTB-XL" in source else {"train": []},
        seed=options.seed,
        commit=source_commit(),
        metrics=metrics,
        intended_use="what a stroke fitted to the ink of an ECG page still gets wrong, below the pen's width",
        limits=(
            "500 Hz at 25 to 50 mm/s; other samples are left as they were fitted",
            "measured on drawn pages of records that did not train",
        ),
    )
