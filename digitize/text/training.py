"""Training of the spotter of printed names: one call makes its model folder. Needs torch (the extra `learn`)."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from digitize.fusing import fuse
from digitize.runs import source_commit
from digitize.text.drawing import Piece, draw_piece
from digitize.text.letters import Typeface, held_out
from digitize.text.network import NameNetwork, Shape, Targets, centre_loss, export_onnx, set_calibration, targets
from digitize.text.spotter import GAINS, PX_PER_MM, SPEEDS, STRIDE_PX, WORDS, NameHit, TextOptions, find_names
from ecg.checkpoint import ModelCard, save

__all__ = ["LAST_FILE", "TextTraining", "score_hits", "train_text"]

#: The network as it was trained, normalisation and float32 weights: what a later run goes on from. It need not ship.
LAST_FILE = "last.safetensors"

Signals = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class TextTraining:
    """How the spotter of printed names is trained.

    Parameters
    ----------
    steps : int
        Steps of the optimiser.
    minutes : float or None
        Stop after this many minutes if the steps take longer; the learning rate then falls by the clock. A run that is
        stopped by the clock cannot be repeated exactly.
    batch : int
        Pieces a step.
    shape : tuple of int
        Height and width of a piece in pixels. Few words a step and many steps learn fastest: 80 words a step instead of
        1000 reached the same accuracy after as many steps, in a seventh of the time.
    rate : float
        Highest learning rate, of AdamW; 3e-3 to 1e-2 learnt alike.
    start : pathlib.Path or None
        Model folder whose ``last.safetensors`` is trained further; None begins anew.
    seed : int
        Seed of the drawn pieces and of the first weights.
    validation : int
        Pieces drawn in held-out fonts: half to calibrate the confidence, half to measure.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    steps: int = 12000
    minutes: float | None = None
    batch: int = 4
    shape: tuple[int, int] = (96, 256)
    rate: float = 5e-3
    start: Path | None = None
    seed: int = 20240
    validation: int = 600
    device: str = "auto"


def train_text(
    folder: Path,
    options: TextTraining,
    faces: Sequence[Typeface],
    signals: Signals,
    source: str,
    progress: Callable[[int, float], None] | None = None,
) -> ModelCard:
    """Train, calibrate, measure and save the spotter of printed names.

    Parameters
    ----------
    folder : pathlib.Path
        Where ``model.safetensors``, ``model.onnx``, ``card.json`` and ``last.safetensors`` go.
    options : TextTraining
    faces : sequence of Typeface
        Fonts; those that `held_out` names do not train.
    signals : sequence of float32 array [samples]
        Leads in mV at 100 Hz.
    source : str
        Where the signals come from, for the card.
    progress : callable, optional
        Called with the step and the mean loss of late.

    Returns
    -------
    ModelCard
    """
    from safetensors.torch import save_file

    training = [face for face in faces if not held_out(face)]
    unseen = [face for face in faces if held_out(face)]
    network, steps = _fit(options, training, signals, progress)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / LAST_FILE)
    rng = np.random.default_rng(options.seed + 1)
    pieces = [draw_piece(rng, unseen, signals) for _ in range(options.validation)]
    set_calibration(network, *_calibrate(network, pieces[::2]))
    fuse(network)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    card = save(folder, weights, _card(options, steps, training, unseen, source))
    export_onnx(network, folder / "model.onnx")
    # Measured as it will be used: the written folder, read by the reader.
    reading = TextOptions(min_confidence=0.5, min_scale_confidence=0.5, weights=folder)
    metrics = score_hits(pieces[1::2], [find_names(piece.ink, reading) for piece in pieces[1::2]])
    return save(folder, weights, replace(card, metrics=metrics))


def _fit(
    options: TextTraining, faces: Sequence[Typeface], signals: Signals, progress: Callable[[int, float], None] | None
) -> tuple[NameNetwork, int]:
    """Train the network; return its averaged weights on the CPU, and the steps taken."""
    from safetensors.torch import load_file

    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = NameNetwork(Shape())
    if options.start is not None:
        network.load_state_dict(load_file(options.start / LAST_FILE))
    network.to(device).train()
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    rng = np.random.default_rng(options.seed)
    started, recent, step = time.monotonic(), 0.0, 0
    while step < options.steps:
        spent = (time.monotonic() - started) / 60 / options.minutes if options.minutes else 0.0
        done = max(step / options.steps, spent)
        if done >= 1:
            break
        _set_rate(optimiser, options.rate, done)
        # Letters first, then letters among traces; some easy pieces stay, for their many words.
        ease = max(1 - 3 * done, 0.15) if options.start is None else 0.15
        pieces = [draw_piece(rng, faces, signals, options.shape, ease) for _ in range(options.batch)]
        ink, want = _batch(pieces, device)
        at_centre, of_word, of_box = network.parts(ink)
        centre, word, box = centre_loss(at_centre, of_word, of_box, want)
        optimiser.zero_grad()
        # 0.3: the box matters less than the word.
        (centre + word + 0.3 * box).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        # The mean of the last few hundred steps' weights (Polyak); a shorter memory while they still change fast.
        _follow(average, network, min(0.998, step / (step + 10)))
        recent += (centre.item() + word.item() - recent) / min(step, 200)
        if progress is not None:
            progress(step, recent)
    return average.cpu().eval(), step


def _set_rate(optimiser: Any, most: float, done: float) -> None:
    """Set the learning rate: up over the first 3 % of the steps, then down along a cosine to zero."""
    for group in optimiser.param_groups:
        group["lr"] = most * min(done / 0.03 + 0.01, 0.5 + 0.5 * np.cos(np.pi * done))


def _batch(pieces: Sequence[Piece], device: str) -> tuple[Any, list[Any]]:
    """Stack pieces and their targets as tensors."""
    wanted = [targets(piece) for piece in pieces]
    names = [field.name for field in fields(Targets)]
    ink = torch.from_numpy(np.stack([piece.ink for piece in pieces])[:, None]).to(device)
    return ink, [torch.from_numpy(np.stack([getattr(w, name) for w in wanted])).to(device) for name in names]


def _follow(average: NameNetwork, network: NameNetwork, keep: float) -> None:
    """Move the averaged weights and normalisation statistics towards the present ones."""
    with torch.no_grad():
        now = network.state_dict()
        for name, value in average.state_dict().items():
            if value.dtype.is_floating_point:
                value.mul_(keep).add_(now[name], alpha=1 - keep)
            else:
                value.copy_(now[name])


def _calibrate(network: NameNetwork, pieces: Sequence[Piece]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit slope and offset of each word's logit, so that confidence is the share of right hits.

    Words share one fit within the groups I, II, III, other leads and scales: of these five kinds each looks alike.
    """
    logits: list[list[float]] = [[] for _ in range(5)]
    truths: list[list[float]] = [[] for _ in range(5)]
    for piece in pieces:
        with torch.no_grad():
            heat = network.logits(torch.from_numpy(piece.ink)[None, None])[0][0]
        highest = torch.nn.functional.max_pool2d(heat, 3, stride=1, padding=1)
        want = targets(piece)
        # Down to a probability of 2 % before calibration: below that nothing is ever reported.
        for word, row, column in torch.nonzero((heat == highest) & (heat > -4)).tolist():
            around = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            near = want.centre[around] * (want.word[around] == word)
            if want.counted[row, column] or near.max() > 0.999:
                logits[_kind(word)].append(float(heat[word, row, column]))
                truths[_kind(word)].append(float(near.max() > 0.999))
    fits = [_fit_logistic(np.array(z), np.array(t)) for z, t in zip(logits, truths, strict=True)]
    return np.array([fits[_kind(w)][0] for w in range(len(WORDS))]), np.array(
        [fits[_kind(w)][1] for w in range(len(WORDS))]
    )


def _kind(word: int) -> int:
    """Group of words that share a calibration: I, II, III, other leads, scales."""
    if word < 3:
        return word
    return 4 if WORDS[word] in (*SPEEDS, *GAINS) else 3


def _fit_logistic(z: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float]:
    """Fit slope and offset by Newton's method on the logistic likelihood, held near (1, 0) where little is known."""
    weights, start = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    design = np.column_stack([z, np.ones(len(z))])
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        # The prior weighs as much as about one observation.
        gradient = design.T @ (truth - p) - (weights - start)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.eye(2)
        weights = weights + np.linalg.solve(curvature, gradient)
    # A confidence must rise with the logit, whatever a tiny sample says.
    return float(max(weights[0], 0.2)), float(weights[1])


def score_hits(pieces: Sequence[Piece], found: Sequence[Sequence[NameHit]]) -> dict[str, dict[str, float | None]]:
    """Compare hits with the words that were drawn.

    A hit is right where the same word's centre lies within 2 mm of its own. Words cut by the border count neither way.

    Parameters
    ----------
    pieces : sequence of Piece
    found : sequence of sequences of NameHit
        The hits on each piece.

    Returns
    -------
    dict name -> {value, lo, hi}
        ``recall`` and ``precision`` over all words, and of each word as ``recall aVR``, with 95 % intervals; None where
        a word was not shown or not reported.
    """
    counts = {word: {"shown": 0, "found": 0, "wrong": 0} for word in WORDS}
    for piece, hits in zip(pieces, found, strict=True):
        height, width = piece.ink.shape
        middle = (piece.boxes[:, :2] + piece.boxes[:, 2:]) / 2
        cut = (piece.boxes[:, :2] < 0).any(axis=1) | (piece.boxes[:, 2:] > (width, height)).any(axis=1)
        open_ = np.asarray(~cut)
        for index in np.flatnonzero(open_):
            counts[WORDS[piece.words[index]]]["shown"] += 1
        for hit in sorted(hits, key=lambda h: -h.confidence):
            at = np.array([hit.xyxy_px[0] + hit.xyxy_px[2], hit.xyxy_px[1] + hit.xyxy_px[3]]) / 2
            near = np.hypot(*(middle - at).T) <= 2 * PX_PER_MM
            same = near & open_ & (piece.words == WORDS.index(hit.text))
            if same.any():
                open_[np.flatnonzero(same)[0]] = False
                counts[hit.text]["found"] += 1
            elif not _over_cut(hit, piece.boxes[cut]):
                counts[hit.text]["wrong"] += 1
    total = {key: sum(count[key] for count in counts.values()) for key in ("shown", "found", "wrong")}
    metrics = {}
    for suffix, count in [("", total), *((f" {word}", count) for word, count in counts.items())]:
        metrics["recall" + suffix] = _share(count["found"], count["shown"])
        metrics["precision" + suffix] = _share(count["found"], count["found"] + count["wrong"])
    return metrics


def _share(part: int, whole: int) -> dict[str, float | None]:
    """Return a share with its 95 % interval by Wilson's score (J Am Stat Assoc 1927;22:209-212)."""
    if whole == 0:
        return {"value": None, "lo": None, "hi": None}
    z, p = 1.96, part / whole
    middle, half = p + z * z / (2 * whole), z * np.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    lo, hi = ((middle + sign * half) / (1 + z * z / whole) for sign in (-1, 1))
    return {"value": round(p, 4), "lo": round(float(max(lo, 0)), 4), "hi": round(float(min(hi, 1)), 4)}


def _over_cut(hit: NameHit, boxes: NDArray[np.float64]) -> bool:
    """Whether a hit lies on a word that the border cuts."""
    x0, y0, x1, y1 = hit.xyxy_px
    return bool(((boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)).any())


def _card(
    options: TextTraining, steps: int, training: Sequence[Typeface], unseen: Sequence[Typeface], source: str
) -> ModelCard:
    """Describe the model: what it takes, what it was trained on, what it is for."""
    return ModelCard(
        name="text",
        task="lead_names",
        architecture="NameNetwork",
        arguments=Shape().as_dict(),
        input_spec={
            "ink": "float32 [1, 1, height, width], 0 paper to 1 ink",
            "px_per_mm": PX_PER_MM,
            "sides_multiple_of_px": STRIDE_PX,
            "output": "heat: probability of each label's centre in a cell; box: dx, dy, log width, log height in cells",
        },
        labels=WORDS,
        thresholds={},
        # Each kind of word has a slope and an offset of its own, among the weights (Platt).
        temperature=1.0,
        data={
            "pieces": "drawn on the fly: names among traces, separators, pulses, other text and grid residue",
            "signals": source,
            "fonts": [face.name for face in training],
            "held_out_fonts": [face.name for face in unseen],
            "steps": steps,
            "continued": options.start is not None,
            "batch": options.batch,
        },
        folds={"train": list(range(1, 9)) if "PTB-XL" in source else []},
        seed=options.seed,
        commit=source_commit(),
        metrics={},
        intended_use="finding printed lead names, paper speeds and gains on ECG pages whose scale is known",
        limits=(
            "no handwriting",
            "tilt up to 4 degrees, scale error up to 15 %",
            "a lone I beside a bar or a beat is the least certain name",
            "measured on drawn pieces in unseen fonts; confidence is calibrated on such",
        ),
    )
