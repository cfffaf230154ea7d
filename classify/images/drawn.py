"""Pages of PTB-XL drawn once and kept small, for networks to learn from.

``python -m classify.images.drawn --from ptb-xl:DIR -o FOLDER`` draws up to `variants` pages of each record, cuts out
the recording and keeps it as a grey picture: 130 kB a page at 256x512, two pixels a millimetre of ten seconds. A run
that was stopped goes on where it was; pages come in a shuffled order, so that a part of them is a sample of all. Drawn
at 100 dpi a page costs about a third of what it costs at 200 dpi, and the network sees 50 dpi or less.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.images.area import as_grey, drawn_area, fitted
from classify.inputs import InputSpec
from classify.sets import LabelledSet, from_items
from ecg.datasets import RecordItem, ptb_xl
from ecg.errors import OptionsError
from ecg.formats.atomic import replacing
from ecg.record import ECGRecord, resample

__all__ = ["DrawOptions", "draw_pages", "draw_picture", "from_drawn", "is_drawn", "main"]

_PLAN, _PICTURES, _DONE = "plan.json", "pictures.npy", "done.npy"
#: Rate at which traces are drawn, as `synth` draws them.
_DRAW_FS = 500.0
#: Streams of random numbers beside those of `synth.source`: order of the pages, and how the cut misses.
_ORDER, _CUT = 20, 21


@dataclass(frozen=True, kw_only=True)
class DrawOptions:
    """How pages are drawn.

    Parameters
    ----------
    height, width : int
        Of the kept picture in pixels.
    variants : int
        Pages a record: another layout, look and damage each.
    preset : str
        One of `synth.PRESETS`.
    dpi : float
        At which pages are drawn; 0 leaves it to the preset.
    seed : int
    folds : tuple of int
        Of PTB-XL.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    height: int = 256
    width: int = 512
    variants: int = 2
    preset: str = "field"
    dpi: float = 100.0
    seed: int = 0
    folds: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folds", tuple(int(fold) for fold in self.folds))
        for name, least in (("height", 32), ("width", 32), ("variants", 1), ("dpi", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise OptionsError(f"{name} must be {least} or more, got {getattr(self, name)}")


def draw_picture(record: ECGRecord, options: DrawOptions, number: int) -> NDArray[np.uint8]:
    """Draw one page and keep the recording on it.

    Parameters
    ----------
    record : ECGRecord
    options : DrawOptions
    number : int
        Of the page; with the seed it names look and damage.

    Returns
    -------
    uint8 array [height, width]
        Grey.
    """
    from synth import draw_page, page_look

    record = resample(record, _DRAW_FS)
    style, _ = page_look(record, options.preset, options.seed, number)
    try:
        small = replace(style, dpi=options.dpi) if options.dpi else style
        page = draw_page(record, options.preset, options.seed, number, small)
    except OptionsError:  # a look that does not fit on its sheet at this resolution
        page = draw_page(record, options.preset, options.seed, number, style)
    rng = np.random.default_rng([options.seed, number, _CUT])
    return fitted(as_grey(drawn_area(page, rng)), options.height, options.width)


def draw_pages(
    items: Sequence[RecordItem],
    folder: Path,
    options: DrawOptions,
    progress: Callable[[int, int], None] | None = None,
    most: int | None = None,
) -> int:
    """Draw the pages of records into a folder, or the rest of them.

    Parameters
    ----------
    items : sequence of RecordItem
    folder : Path
    options : DrawOptions
    progress : callable, optional
        Called with the number of pages that are there and of all.
    most : int, optional
        Pages to draw in this run.

    Returns
    -------
    int
        Pages that are there now.

    Raises
    ------
    OptionsError
        If the folder holds pages of other records or options.
    """
    n = len(items) * options.variants
    pictures, done = _opened(items, folder, options, n)
    todo = np.random.default_rng([options.seed, _ORDER]).permutation(n)
    # Every record comes once before any comes twice.
    todo = todo[np.argsort(todo // len(items), kind="stable")]
    todo = todo[~done[todo]][:most]
    for number in todo:
        item = items[number % len(items)]
        record = replace(item.record(), meta={"age": item.age, "sex": item.sex})
        pictures[number] = draw_picture(record, options, int(number))
        done[number] = True
        if progress is not None:
            progress(int(done.sum()), n)
    pictures.flush()
    done.flush()
    return int(done.sum())


def _opened(
    items: Sequence[RecordItem], folder: Path, options: DrawOptions, n: int
) -> tuple[np.memmap[Any, Any], np.memmap[Any, Any]]:
    """Arrays of a folder, made where they are missing."""
    plan = {**asdict(options), "folds": list(options.folds), "records": [item.ecg_id for item in items]}
    path = folder / _PLAN
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != plan:
            raise OptionsError(f"{folder} holds pages of other records or options; give another -o, or repeat them")
        pictures, done = (np.lib.format.open_memmap(folder / name, mode="r+") for name in (_PICTURES, _DONE))
        return pictures, done
    folder.mkdir(parents=True, exist_ok=True)
    shape = (n, options.height, options.width)
    pictures = np.lib.format.open_memmap(folder / _PICTURES, mode="w+", dtype=np.uint8, shape=shape)
    done = np.lib.format.open_memmap(folder / _DONE, mode="w+", dtype=np.bool_, shape=(n,))
    with replacing(path) as temporary:  # last: a folder with a plan has its arrays
        temporary.write_text(json.dumps(plan) + "\n", encoding="utf-8")
    return pictures, done


def is_drawn(folder: Path) -> bool:
    """Tell whether a folder is one of `draw_pages`."""
    return (folder / _PLAN).is_file() and (folder / _PICTURES).is_file()


def from_drawn(
    folder: Path, known: Mapping[int, RecordItem], tasks: Sequence[str], spec: InputSpec, cache: Path
) -> LabelledSet:
    """Hold drawn pages with the answers and signals of their records.

    Parameters
    ----------
    folder : Path
        Of `draw_pages`; pages that are not there yet do not count.
    known : mapping ecg_id -> RecordItem
        PTB-XL's records.
    tasks : sequence of str
    spec : InputSpec
        Of kind ``"page"``, grey.
    cache : Path
        Keeps the signals, by which a signal model may teach.

    Returns
    -------
    LabelledSet
        Of the validation fold 9 one page a record counts.

    Raises
    ------
    OptionsError
        If the folder holds no drawn pages, a record is not among the known ones, or the model takes colours.
    """
    if not is_drawn(folder):
        raise OptionsError(f"{folder} holds no drawn pages; make them: python -m classify.images.drawn")
    if spec.kind != "page" or spec.picture[0] != 1:
        raise OptionsError("drawn pages are kept in grey: the model must take pictures of one channel; give --size HxW")
    plan = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
    lost = [number for number in plan["records"] if number not in known]
    if lost:
        raise OptionsError(f"{folder} shows {len(lost)} records that PTB-XL's folder lacks, the first is {lost[0]}")
    items = tuple(known[number] for number in plan["records"]) * plan["variants"]
    signals = InputSpec(kind="leads", fs=100, seconds=10, normalise="zscore")
    given = from_items(items, tasks, signals, cache)
    done = np.load(folder / _DONE, mmap_mode="r")
    first = np.arange(len(items)) < len(plan["records"])
    counted = np.asarray(done) & (first | np.array([item.fold != 9 for item in items]))
    return replace(given, ready=np.load(folder / _PICTURES, mmap_mode="r"), spec=spec, readable=counted)


def main(arguments: list[str]) -> int:
    """Draw pages; tells how many a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", required=True, help="ptb-xl:DIR")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="256x512", help="HEIGHTxWIDTH of the kept pictures")
    parser.add_argument("--variants", type=int, default=2)
    parser.add_argument("--preset", default="field")
    parser.add_argument("--dpi", type=float, default=100.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", default="1-9", help="FIRST-LAST")
    parser.add_argument("--most", type=int, default=None, help="pages to draw in this run")
    chosen = parser.parse_args(arguments)
    height, width = (int(part) for part in chosen.size.split("x"))
    low, _, high = chosen.folds.partition("-")
    options = DrawOptions(
        height=height,
        width=width,
        variants=chosen.variants,
        preset=chosen.preset,
        dpi=chosen.dpi,
        seed=chosen.seed,
        folds=tuple(range(int(low), int(high or low) + 1)),
    )
    items = ptb_xl(chosen.source.removeprefix("ptb-xl:"), 100, options.folds)
    began, cpu = time.monotonic(), time.process_time()
    drawn = 0

    def tell(there: int, n: int) -> None:
        nonlocal drawn
        drawn += 1
        if drawn % 500 == 0 or there == n:
            each = (time.process_time() - cpu) / drawn
            cost = f"{1000 * each:.0f} ms of processor time a page, {time.monotonic() - began:.0f} s"
            sys.stdout.write(f"{there} of {n} pages, {cost}\n")
            sys.stdout.flush()

    draw_pages(items, chosen.out, options, tell, chosen.most)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
