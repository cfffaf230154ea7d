"""Training of the network that says whose ink is whose: one call makes its folder. Needs torch (extra `learn`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from digitize.fusing import fuse
from digitize.owner.crops import cut, inputs, labels
from digitize.owner.network import INK, OwnerNetwork, Shape, export_onnx, owner_loss
from digitize.owner.owners import PX_PER_MM, UNIT_MM
from digitize.owner.seen import OwnerPage, levels_at, load_page
from digitize.runs import LAST_FILE, keep_run, load_run, resume_run, set_rate, source_commit, write_model
from ecg.checkpoint import ModelCard
from ecg.errors import OptionsError

__all__ = ["OwnerTraining", "score", "train_owner"]

Progress = Callable[[int, float, float, float], None]


@dataclass(frozen=True)
class OwnerTraining:
    """How the network that shares out ink is trained.

    Parameters
    ----------
    steps : int
        Steps of the optimiser.
    batch : int
        Pieces a step.
    shape : tuple of int
        Height and width of a piece in pixels: 128 mm hold six to twelve lines, 64 mm two beats or more.
    rate : float
        Highest learning rate, of AdamW.
    start : pathlib.Path or None
        Model folder whose ``last.safetensors`` is trained further, from step 0; None begins anew.
    seed : int
        Seed of the first weights and of the pieces: step k of a run always sees the same pieces.
    save_every : int
        Steps between checkpoints.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"auto"``.
    in_memory : int
        Most pages kept unpacked, 3 MB each.
    """

    steps: int = 8000
    batch: int = 8
    shape: tuple[int, int] = (512, 256)
    rate: float = 3e-3
    start: Path | None = None
    seed: int = 20260
    save_every: int = 250
    device: str = "auto"
    in_memory: int = 400

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.save_every < 1 or self.in_memory < 1:
            raise OptionsError("steps, batch, save_every and in_memory must be 1 or more")
        if not 0 < self.rate < 1:
            raise OptionsError(f"the learning rate must lie between 0 and 1, got {self.rate}")
        if any(side < 32 or side % 32 for side in self.shape):
            raise OptionsError(f"the sides of a piece must be multiples of 32 pixels, got {self.shape}")


def train_owner(
    folder: Path,
    options: OwnerTraining,
    pages: Sequence[Path],
    unseen: Sequence[Path],
    source: str,
    progress: Progress | None = None,
) -> ModelCard:
    """Train, measure and save the network that shares out ink; a run that was cut off goes on where it was.

    Parameters
    ----------
    folder : pathlib.Path
        Where ``model.safetensors``, ``model.onnx``, ``card.json`` and ``last.safetensors`` go.
    options : OwnerTraining
    pages, unseen : sequence of pathlib.Path
        Pages that `digitize.owner.drawing.draw_pages` wrote, to train on and to measure on.
    source : str
        Where the signals come from, for the card.
    progress : callable, optional
        Called after each step with its number, the loss, the levels' mean error in mm and the share of them within
        4 mm.

    Returns
    -------
    ModelCard
    """
    if not pages or not unseen:
        raise OptionsError(f"expected pages to train and to measure on, got {len(pages)} and {len(unseen)}")
    folder.mkdir(parents=True, exist_ok=True)
    network = fuse(_fit(folder, options, pages, progress))
    metrics = score(network, [load_page(path) for path in unseen])
    return write_model(folder, network, _card(options, len(pages), source, metrics), export_onnx)


class _Pages:
    """Pages by file, the last ones unpacked kept in memory."""

    def __init__(self, files: Sequence[Path], most: int) -> None:
        self._files, self._most = files, most
        self._held: dict[Path, OwnerPage] = {}

    def draw(self, rng: np.random.Generator) -> OwnerPage:
        path = self._files[int(rng.integers(len(self._files)))]
        page = self._held.get(path)
        if page is None:
            page = load_page(path)
            if len(self._held) >= self._most:
                del self._held[next(iter(self._held))]
            self._held[path] = page
        return page


def _fit(folder: Path, options: OwnerTraining, files: Sequence[Path], progress: Progress | None) -> OwnerNetwork:
    """Train the network to its last step; return it on the CPU."""
    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = OwnerNetwork(Shape())
    network = network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-2)
    step = resume_run(folder / LAST_FILE, network, optimiser, options.steps)
    if step == 0 and options.start is not None:
        load_run(options.start / LAST_FILE, network, None)
    pages = _Pages(files, options.in_memory)
    while step < options.steps:
        rng = np.random.default_rng([options.seed, step])
        set_rate(optimiser, options.rate, step / options.steps)
        crops = [cut(pages.draw(rng), options.shape, rng) for _ in range(options.batch)]
        seen = torch.from_numpy(np.stack([c.page for c in crops])).to(device, memory_format=torch.channels_last)
        want = torch.from_numpy(np.stack([c.want for c in crops])).to(device)
        with torch.autocast(device, torch.bfloat16):
            answer = network(seen)
        loss, error_mm, near = owner_loss(answer.float(), want, seen[:, 0])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        if progress is not None:
            progress(step, loss.item(), error_mm, near)
        if step % options.save_every == 0 or step == options.steps:
            keep_run(folder / LAST_FILE, network, optimiser, step, options.steps)
    done: OwnerNetwork = network.cpu().eval()
    return done


def score(network: OwnerNetwork, pages: Sequence[OwnerPage]) -> dict[str, dict[str, float | None]]:
    """Measure a network on whole pages.

    Parameters
    ----------
    network : OwnerNetwork
    pages : sequence of OwnerPage

    Returns
    -------
    dict name -> {value, lo, hi}
        ``level_error_mm``: mean absolute error of the level of traces' ink. ``right_line``: share of that ink whose
        named level is nearest to its own line. ``trace_recall`` and ``trace_precision`` of inked pixels at a
        probability of 0.5. Means over pages, with 95 % intervals by resampling pages (Efron 1979, 2000 times).
    """
    rows = np.array([_page_score(network, page) for page in pages])
    rng = np.random.default_rng(0)
    draws = rows[rng.integers(len(rows), size=(2000, len(rows)))].mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    names = ("level_error_mm", "right_line", "trace_recall", "trace_precision")
    return {
        name: {
            "value": round(float(rows[:, k].mean()), 4),
            "lo": round(float(low[k]), 4),
            "hi": round(float(high[k]), 4),
        }
        for k, name in enumerate(names)
    }


def _page_score(network: OwnerNetwork, page: OwnerPage) -> tuple[float, float, float, float]:
    height, width = (n // 32 * 32 for n in page.share.shape)
    seen = inputs(page)[:, :height, :width]
    with torch.no_grad():
        answer = network(torch.from_numpy(seen)[None])[0].numpy()
    want = labels(page, slice(0, height), slice(0, width))
    inked, said = seen[0] > INK, answer[0] > 0
    traced = inked & (want[0] > 0)
    right = int((said & traced).sum())
    y, x = np.nonzero(traced)
    error = np.abs(answer[3] - want[3])[traced] * UNIT_MM
    named = y + answer[3][traced] * UNIT_MM * PX_PER_MM
    own = y + want[3][traced] * UNIT_MM * PX_PER_MM
    nearest = _nearest(levels_at(page, 0, width)[1:, x], named)
    # Leads side by side share a line: what counts is the line, a millimetre up or down.
    in_line = np.abs(nearest - own) < PX_PER_MM
    n = max(1, int(traced.sum()))
    return float(error.sum() / n), float(in_line.sum() / n), right / n, right / max(1, int((said & inked).sum()))


def _nearest(levels: NDArray[np.float32], named: NDArray[np.float32]) -> NDArray[np.float32]:
    """Level nearest to each named one, of those in its column [traces, n]."""
    best = np.abs(levels - named).argmin(axis=0)
    found: NDArray[np.float32] = levels[best, np.arange(named.size)]
    return found


def _card(
    options: OwnerTraining, n_pages: int, source: str, metrics: Mapping[str, Mapping[str, float | None]]
) -> ModelCard:
    """Describe the model: what it takes, what it was trained on, what it is for."""
    return ModelCard(
        name="owner",
        task="ink_owner",
        architecture="OwnerNetwork",
        arguments=Shape().as_dict(),
        input_spec={
            "page": "float32 [1, 2, height, width]: share of ink, 0 to 1; (200 - light) / 128",
            "px_per_mm": PX_PER_MM,
            "sides_multiple_of_px": 32,
            "output": "logits of trace, pulse, print; rows down to the own lead's 0 mV and log of its error, in 20 mm; "
            "model.onnx: trace and the last two, by cells of 2 x 2 px",
        },
        labels=("trace", "pulse", "print", "level", "level_error"),
        thresholds={},
        temperature=1.0,
        data={
            "pages": f"{n_pages} drawn pages seen through the reader's own stages, in crowded looks",
            "signals": source,
            "steps": options.steps,
            "continued": options.start is not None,
            "batch": options.batch,
        },
        folds={"train": list(range(1, 9)), "validation": [9]} if "PTB-XL" in source else {"train": []},
        seed=options.seed,
        commit=source_commit(),
        metrics=metrics,
        intended_use="sharing out ink among the lines of an ECG page whose scale is known to some per cent",
        limits=(
            "upright or flattened pages; lines that still fall by more than 8 mm were left out",
            "measured on drawn pages of records that did not train",
        ),
    )
