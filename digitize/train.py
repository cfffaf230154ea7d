"""Trains the learned parts of the page reader: ``python -m digitize.train --part text -o OUT``.

One command makes a whole model folder: the weights, the same network for onnxruntime, and the card. PTB-XL's signals
(folds 1 to 8) are drawn where the data is at hand, and synthetic ones where it is not. The part ``text`` draws as it
learns; the parts ``owner`` and ``refiner`` draw whole pages first, into a folder that a later run takes up again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitize.text.drawing import synthetic_signals
from digitize.text.letters import find_typefaces
from ecg.datasets import DATA_VARIABLE, ptb_xl
from ecg.errors import ECGError, OptionsError

__all__ = ["main", "training_signals"]


def training_signals(
    data: Path | None, rng: np.random.Generator, n_records: int = 300
) -> tuple[list[NDArray[np.float32]], str]:
    """Return leads to draw, and what they are.

    Parameters
    ----------
    data : pathlib.Path or None
        Folder that holds ``ptb-xl``; None for synthetic leads.
    rng : numpy.random.Generator
    n_records : int
        Records of twelve leads to take; 300 give 3600 leads, more than a training run repeats often.

    Returns
    -------
    signals : list of float32 array [1000]
        In mV at 100 Hz.
    source : str
        For the model's card.

    Raises
    ------
    FormatError
        If the folder holds no PTB-XL.
    """
    if data is None:
        return synthetic_signals(rng, 12 * n_records), "synthetic: sums of Gaussians"
    # Folds 9 and 10 are for choosing and for testing, never for training.
    items = ptb_xl(data / "ptb-xl", fs=100, folds=range(1, 9))
    chosen = rng.choice(len(items), size=min(n_records, len(items)), replace=False)
    signals = [np.nan_to_num(lead).astype(np.float32) for k in chosen for lead in items[int(k)].record().signal]
    return signals, f"PTB-XL 1.0.3, {len(chosen)} records"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m digitize.train", description=__doc__.split("\n\n")[0])
    parts = (
        "text: the spotter of printed lead names; owner: the network that shares out ink among lines; "
        "refiner: the network that mends fitted lines"
    )
    parser.add_argument("--part", choices=sorted(_PARTS), required=True, help=parts)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--steps", type=int, help="steps of the optimiser (text 12000, owner 8000, refiner 16000)")
    parser.add_argument("--minutes", type=float, help="text: stop by the clock if the steps take longer")
    parser.add_argument("--start", type=Path, help="model folder to train further")
    parser.add_argument("--seed", type=int, default=20240)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--validation", type=int, help="pieces or pages to measure on (text 600, others 24)")
    parser.add_argument("--pages", type=int, default=1500, help="owner, refiner: pages to draw and to train on (1500)")
    parser.add_argument("--rate", type=float, help="highest learning rate (text 0.005, others 0.003)")
    parser.add_argument("--cache", type=Path, help="owner, refiner: folder of drawn pages (OUT/pages)")
    parser.add_argument("--data", type=Path, default=os.environ.get(DATA_VARIABLE), help="folder with ptb-xl")
    parser.add_argument("--plain-fonts", action="store_true", help="only the fonts that come with the dependencies")
    chosen = parser.parse_args(arguments)
    try:
        _PARTS[chosen.part](chosen)
    except ECGError as error:
        print(error, file=sys.stderr)  # noqa: T201  # this is a command line
        return 2
    return 0


def _train_text(chosen: argparse.Namespace) -> None:
    """Train the spotter of printed names."""
    from digitize.text.training import TextTraining, train_text

    steps, validation = _or(chosen.steps, 12000), _or(chosen.validation, 600)
    if steps < 1 or validation < 4:
        raise OptionsError(f"steps must be 1 or more and validation 4 or more, got {steps} and {validation}")
    data = Path(chosen.data) if chosen.data else None
    signals, source = training_signals(data, np.random.default_rng(chosen.seed))
    options = TextTraining(
        steps=steps,
        minutes=chosen.minutes,
        start=chosen.start,
        seed=chosen.seed,
        validation=validation,
        device=chosen.device,
        rate=5e-3 if chosen.rate is None else chosen.rate,
    )
    faces = find_typefaces(system=not chosen.plain_fonts)
    card = train_text(chosen.out, options, faces, signals, source, _report)
    recall, precision = (card.metrics[name]["value"] for name in ("recall", "precision"))
    # Too short a run reports nothing, so that there is no precision.
    shares = ", ".join(
        f"{n} {'-' if v is None else f'{v:.3f}'}" for n, v in (("recall", recall), ("precision", precision))
    )
    _say(f"{shares} in unseen fonts: {chosen.out}")


def _train_owner(chosen: argparse.Namespace) -> None:
    """Draw pages, then train the network that shares out ink."""
    from digitize.owner.drawing import draw_pages
    from digitize.owner.training import OwnerTraining, train_owner
    from synth import open_source

    validation = _or(chosen.validation, 24)
    if chosen.pages < 1 or validation < 1:
        raise OptionsError(f"pages and validation must be 1 or more, got {chosen.pages} and {validation}")
    steps = _or(chosen.steps, 8000)
    rate = 3e-3 if chosen.rate is None else chosen.rate
    options = OwnerTraining(steps=steps, rate=rate, start=chosen.start, seed=chosen.seed, device=chosen.device)
    spec = f"ptb-xl:{Path(chosen.data) / 'ptb-xl'}" if chosen.data else "physiology"
    cache = chosen.cache or chosen.out / "pages"
    # What is measured on comes from the fold that thresholds are chosen on, or from other synthetic hearts.
    unseen = list(draw_pages(cache / "unseen", open_source(spec, [9]), validation, chosen.seed + 1, _drawn))
    pages = list(draw_pages(cache, open_source(spec), chosen.pages, chosen.seed, _drawn))
    source = "PTB-XL 1.0.3" if chosen.data else "synthetic hearts"
    card = train_owner(chosen.out, options, pages, unseen, source, _report_levels)
    error, right = (card.metrics[name]["value"] for name in ("level_error_mm", "right_line"))
    _say(f"levels {error:.2f} mm off, {right:.1%} of the ink on its own line: {chosen.out}")


def _train_refiner(chosen: argparse.Namespace) -> None:
    """Draw and read pages, then train the network that mends fitted lines."""
    from digitize.refiner.lessons import LessonSource, drawn_lessons
    from digitize.refiner.training import RefinerTraining, train_refiner

    validation = _or(chosen.validation, 24)
    if chosen.pages < 1 or validation < 1:
        raise OptionsError(f"pages and validation must be 1 or more, got {chosen.pages} and {validation}")
    options = RefinerTraining(
        steps=_or(chosen.steps, 16000),
        rate=3e-3 if chosen.rate is None else chosen.rate,
        start=chosen.start,
        seed=chosen.seed,
        device=chosen.device,
    )
    data = Path(chosen.data) if chosen.data else None
    cache = chosen.cache or chosen.out / "pages"
    source = LessonSource(data, range(1, 9))
    unseen = list(drawn_lessons(cache / "unseen", LessonSource(data, [9]), validation, chosen.seed + 1, _drawn))
    pages = list(drawn_lessons(cache, source, chosen.pages, chosen.seed, _drawn))
    card = train_refiner(chosen.out, options, pages, unseen, source.name, _report_gain)
    fitted, refined = (card.metrics[name]["value"] for name in ("fitted_snr_db", "refined_snr_db"))
    _say(f"median lead {fitted:.1f} dB as fitted, {refined:.1f} dB as refined: {chosen.out}")


#: What can be trained.
_PARTS = {"text": _train_text, "owner": _train_owner, "refiner": _train_refiner}


def _or(given: int | None, usual: int) -> int:
    return usual if given is None else given


def _drawn(n: int, wanted: int) -> None:
    """Say every hundred pages how many there are."""
    if n % 100 == 0 or n == wanted:
        _say(f"{n} of {wanted} pages")


def _report_levels(step: int, loss: float, error_mm: float, near: float) -> None:
    """Say every fifty steps how it goes."""
    if step % 50 == 0:
        _say(f"step {step}: loss {loss:.3f}, levels {error_mm:.2f} mm off, {near:.1%} within 4 mm")


def _report_gain(step: int, gain_db: float) -> None:
    """Say every two hundred steps how it goes."""
    if step % 200 == 0:
        _say(f"step {step}: {gain_db:.2f} dB gained")


def _report(step: int, loss: float) -> None:
    """Say every two hundred steps how it goes."""
    if step % 200 == 0:
        _say(f"step {step}: loss {loss:.3f}")


def _say(line: str) -> None:
    """Write a line to standard output at once."""
    print(line, flush=True)  # noqa: T201  # this is a command line


if __name__ == "__main__":
    sys.exit(main())
