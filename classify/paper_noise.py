"""Errors of pages really drawn and read, kept to be transplanted: ``python -m classify.paper_noise --pages N -o BANK``.

Each page is drawn by `synth` from a record and read by `digitize`; what the reading adds to the truth, lead by lead, is
a gain, an offset, a residual over time and gaps. `classify.augment.Bank` puts these onto other records, so that a
network learns with the noise that it will meet, in place of Gaussian noise. A bank of PTB-XL's pages is made of its
data and stays outside the project.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classify.inputs import INDEPENDENT_LEADS, InputSpec, to_input
from ecg.errors import DigitizationError, ECGError, ModelError, OptionsError
from ecg.formats.atomic import replacing
from ecg.record import LEADS, ECGRecord, resample, select

__all__ = ["PageError", "main", "make_bank", "page_error", "reading_error"]

#: What the default network takes in: the errors are kept in its terms.
_SPEC = InputSpec(kind="paper", leads=INDEPENDENT_LEADS, fs=100, seconds=10, normalise="median", presence=True)
#: Farthest that a lead is moved, in seconds: columns whose borders are not seen are read up to 0.12 s early or late.
_MOST_SHIFT_S = 0.2
#: Rate at which readings are shifted in Hz, and the step in samples: 4 ms is a tenth of a QRS.
_SHIFT_FS, _SHIFT_STEP = 500.0, 2
#: Fewer samples of a lead than this (0.5 s) fit no gain.
_LEAST_SAMPLES = 50
#: Gains outside this range are leads that were read wrong, not errors of scale.
_GAINS = (0.5, 2.0)


@dataclass(frozen=True, eq=False)
class PageError:
    """What reading a page did to its record.

    Parameters
    ----------
    gain, offset : float32 array [8]
        Of each independent lead; offset in mV.
    residual : float16 array [8, 1000]
        mV at 100 Hz; 0 where nothing was read.
    present : bool array [8, 1000]
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    residual: NDArray[np.float16]
    present: NDArray[np.bool_]


def reading_error(truth: ECGRecord, read: ECGRecord) -> PageError | None:
    """Take a reading apart into gain, offset, residual and gaps.

    A lead's constant shift in time is taken out first: it is no noise, and networks do not see it.

    Parameters
    ----------
    truth : ECGRecord
        What was drawn, NaN where it is not on the page.
    read : ECGRecord
        What was read, on the same clock.

    Returns
    -------
    PageError or None
        None where no lead can be compared.
    """
    try:
        aligned = _aligned(truth, read)
        x, y = to_input(truth, _SPEC), to_input(aligned, _SPEC)
    except ModelError:
        return None
    n = len(INDEPENDENT_LEADS)
    given, present = x[n:] > 0.5, y[n:] > 0.5
    gain, offset = np.ones(n, np.float32), np.zeros(n, np.float32)
    residual = np.zeros((n, _SPEC.n_samples), np.float16)
    for lead in range(n):
        both = given[lead] & present[lead]
        a, b = x[lead, both].astype(np.float64), y[lead, both].astype(np.float64)
        if both.sum() < _LEAST_SAMPLES or np.ptp(a) == 0:
            present[lead] = False
            continue
        slope = ((a - a.mean()) * (b - b.mean())).sum() / ((a - a.mean()) ** 2).sum()
        if not _GAINS[0] <= slope <= _GAINS[1]:
            present[lead] = False
            continue
        gain[lead], offset[lead] = slope, b.mean() - slope * a.mean()
        residual[lead, both] = b - slope * a - offset[lead]
    return PageError(gain, offset, residual, present) if present.any() else None


def _aligned(truth: ECGRecord, read: ECGRecord) -> ECGRecord:
    """Move each lead of a reading to where it fits the truth best."""
    records = [select(resample(record, _SHIFT_FS), LEADS) for record in (truth, read)]
    length = max(record.n_samples for record in records)
    signals = [np.pad(r.signal, ((0, 0), (0, length - r.n_samples)), constant_values=np.nan) for r in records]
    most = round(_MOST_SHIFT_S * _SHIFT_FS)
    moved = np.full_like(signals[1], np.nan)
    for lead, (x, y) in enumerate(zip(*signals, strict=True)):
        # The nearest of those that fit alike: a steady rhythm fits a beat away as well.
        shifts = sorted(range(-most, most + 1, _SHIFT_STEP), key=abs)
        moved[lead] = _moved(y, max(shifts, key=partial(_likeness, x, y)))
    return ECGRecord(moved, _SHIFT_FS, LEADS)


def _moved(y: NDArray[np.float32], shift: int) -> NDArray[np.float32]:
    out = np.full_like(y, np.nan)
    kept = y.size - abs(shift)
    out[max(0, shift) : max(0, shift) + kept] = y[max(0, -shift) : max(0, -shift) + kept]
    return out


def _likeness(x: NDArray[np.float32], y: NDArray[np.float32], shift: int) -> float:
    """Correlation of the truth with the moved reading where both are; -1 where they do not meet."""
    moved = _moved(y, shift)
    both = np.isfinite(x) & np.isfinite(moved)
    a, b = x[both].astype(np.float64), moved[both].astype(np.float64)
    if a.size < _LEAST_SAMPLES or np.ptp(a) == 0 or np.ptp(b) == 0:
        return -1.0
    return float(np.corrcoef(a, b)[0, 1])


def page_error(index: int, source: str, preset: str, seed: int) -> PageError | None:
    """Draw a page, read it, and take the reading apart.

    Parameters
    ----------
    index : int
        Number of the page in its set.
    source, preset : str
        As for ``einthoven synth``: ``"physiology"`` or ``"ptb-xl:DIR"``, and how pages look.
    seed : int

    Returns
    -------
    PageError or None
        None where the page was refused.
    """
    from digitize import digitize
    from synth import draw_page, open_source

    given = open_source(source)
    record = given.get(seed, index).record
    page = draw_page(record, preset, seed, index)
    try:
        reading = digitize(page.page)
    except DigitizationError:
        return None
    if reading.record is None or reading.status == "refused":
        return None
    return reading_error(page.record, reading.record)


def make_bank(
    path: Path,
    pages: int,
    source: str = "physiology",
    preset: str = "scan",
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Draw and read pages, and keep their errors.

    Parameters
    ----------
    path : Path
        A ``.npz`` file, 8 kB a page: ``gain``, ``offset``, ``residual`` (float16), ``present`` (bits), ``about``.
    pages : int
        Pages to draw; refused ones leave nothing.
    source, preset, seed
        As for `page_error`.
    jobs : int
        Processes; they do not change what is kept.
    progress : callable, optional
        Called with the number of pages done and of all.

    Returns
    -------
    int
        Pages kept.

    Raises
    ------
    OptionsError
        If a number is none, the source is unknown, or every page was refused.
    """
    from synth import PRESETS, open_source

    if pages < 1 or jobs < 1:
        raise OptionsError(f"pages and jobs must be 1 or more, got {pages} and {jobs}")
    if preset not in PRESETS:
        raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    open_source(source)  # a wrong source is told before any process starts
    make = partial(page_error, source=source, preset=preset, seed=seed)
    kept: list[PageError] = []
    if jobs == 1:
        _gather(map(make, range(pages)), kept, pages, progress)
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            _gather(pool.map(make, range(pages)), kept, pages, progress)
    if not kept:
        raise OptionsError(f"every one of {pages} pages of the preset {preset} was refused; draw another preset")
    about = {"source": source.partition(":")[0], "preset": preset, "seed": seed, "pages": pages, "kept": len(kept)}
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            gain=np.stack([page.gain for page in kept]),
            offset=np.stack([page.offset for page in kept]),
            residual=np.stack([page.residual for page in kept]),
            present=np.packbits(np.stack([page.present for page in kept]), axis=-1),
            about=np.array(json.dumps(about)),
        )
    return len(kept)


def _gather(
    found: Iterable[PageError | None],
    kept: list[PageError],
    pages: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    for number, page in enumerate(found, start=1):
        if page is not None:
            kept.append(page)
        if progress is not None:
            progress(number, pages)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m classify.paper_noise", description=__doc__.split("\n\n")[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="the bank, a .npz file outside the project")
    parser.add_argument("--pages", type=int, required=True, help="pages to draw and read")
    parser.add_argument("--from", dest="source", default="physiology", help="physiology or ptb-xl:DIR (folds 1 to 8)")
    parser.add_argument("--preset", default="scan", help="how the pages look (scan)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    chosen = parser.parse_args(arguments)
    try:
        kept = make_bank(chosen.out, chosen.pages, chosen.source, chosen.preset, chosen.seed, chosen.jobs, _tell)
    except ECGError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"errors of {kept} of {chosen.pages} pages are in {chosen.out}\n")
    return 0


def _tell(done: int, pages: int) -> None:
    """Say every fifty pages how far it is."""
    if done % 50 == 0:
        sys.stdout.write(f"{done} of {pages} pages\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
