"""From the page and from the record: the same records of a fold, classified digitally and after printing and reading.

``python -m benchmarks.drawn_records --ptbxl DIR --work DIR [--pages N]`` draws records of fold 9 as 3x4+1 at 200 dpi
with the damage of the preset ``scan``, digitizes the pages, classifies both, and writes
``benchmarks/results/drawn_records.json``. What was read is kept below ``--work`` and gone on with.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg.datasets import RecordItem
from ecg.errors import DigitizationError
from ecg.formats.atomic import replacing
from ecg.record import LEADS, ECGRecord, resample, select
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

if TYPE_CHECKING:
    from synth import SynthPage

__all__ = ["main", "measure", "printed_mask", "printed_page", "read_back"]

RESULT = Path(__file__).resolve().parent / "results" / "drawn_records.json"
SCHEMA = "einthoven.drawn_records"
TASKS = ("mi_sttc", "abnormal", "superclass", "mi")
_LAYOUT, _DPI, _PRESET, _SEED = "3x4+1", 200.0, "scan", 9
_FS, _SAMPLES = 100.0, 1000
#: Pages between two savings.
_SAVED = 50


def read_back(record: ECGRecord, index: int) -> NDArray[np.float16]:
    """Print a record, read the page, and give what was read.

    Parameters
    ----------
    record : ECGRecord
    index : int
        Names the page's look and damage.

    Returns
    -------
    float16 array [12, 1000]
        mV at 100 Hz on the page's clock; NaN where nothing was printed or read, throughout for a refused page.
    """
    from digitize import digitize

    out = np.full((len(LEADS), _SAMPLES), np.nan, dtype=np.float16)
    try:
        reading = digitize(printed_page(record, index).page)
    except DigitizationError:
        return out
    if reading.record is not None and reading.status != "refused":
        read = resample(select(reading.record, LEADS), _FS).signal[:, :_SAMPLES]
        out[:, : read.shape[1]] = read
    return out


def printed_page(record: ECGRecord, index: int) -> SynthPage:
    """Print a record as it is read here; the number names the page's look and damage."""
    from synth import draw_page, page_look

    style = replace(page_look(record, _PRESET, _SEED, index)[0], layout=_LAYOUT, dpi=_DPI, rows=(), rhythm=())
    return draw_page(record, _PRESET, _SEED, index, style)


def printed_mask() -> NDArray[np.bool_]:
    """Where a page in three rows and four columns with lead II below shows each lead, [12, 1000]."""
    mask = np.zeros((len(LEADS), _SAMPLES), dtype=bool)
    for column in range(4):
        mask[3 * column : 3 * column + 3, column * _SAMPLES // 4 : (column + 1) * _SAMPLES // 4] = True
    mask[LEADS.index("II")] = True
    return mask


def _signals(items: Sequence[RecordItem], work: Path) -> NDArray[np.float16]:
    """Read every page, gone on with where it was stopped."""
    kept = work / "drawn_records.npy"
    rows = list(np.load(kept)) if kept.is_file() else []
    for number in range(len(rows), len(items)):
        rows.append(read_back(items[number].record(), number))
        if (number + 1) % _SAVED == 0 or number + 1 == len(items):
            with replacing(kept) as temporary:
                np.save(temporary, np.stack(rows))
            sys.stdout.write(f"{number + 1} of {len(items)} pages\n")
            sys.stdout.flush()
    return np.stack(rows[: len(items)])


def measure(items: Sequence[RecordItem], read: NDArray[np.float16], work: Path, model: str) -> dict[str, Any]:
    """Classify records, their printed part, and what was read of their pages.

    Parameters
    ----------
    items : sequence of RecordItem
    read : float16 array [n, 12, 1000]
    work : Path
        Folder for arrays of records.
    model : str

    Returns
    -------
    dict
        Figures of each task: ``digital``, ``printed`` (only what the page shows, without reading it), ``page``, and the
        paired ``difference`` of the macro AUROC, page minus digital.
    """
    from classify.comparing import difference
    from classify.evaluate import evaluate
    from classify.export import predict_set, predictions_of
    from classify.labels import find_task
    from classify.runtime import load_classifier
    from classify.sets import from_items

    classifier = load_classifier(model)
    known = from_items(items, TASKS, classifier.spec, work / "cache")
    rows, legible = np.arange(len(items)), np.isfinite(read).any(axis=(1, 2))
    assert known.signals is not None  # noqa: S101 - records are given
    printed = np.where(printed_mask(), known.signals, np.float16(np.nan))
    seen = {"digital": known, "printed": replace(known, signals=printed)}
    seen["page"] = replace(known, signals=read, readable=np.asarray(legible))
    logits = {name: predict_set(classifier, each, rows) for name, each in seen.items()}
    found: dict[str, Any] = {"pages": len(items), "refused": int((~legible).sum()), "tasks": {}}
    for name in TASKS:
        task = find_task(name)
        tables = {
            way: predictions_of(z, classifier.card, task, classifier.outputs(task), seen[way], rows)
            for way, z in logits.items()
        }
        names = [classifier.card.labels[k] for k in classifier.outputs(task)]
        thresholds = {
            label: float(classifier.card.thresholds.get(own, 0.5))
            for label, own in zip(task.labels, names, strict=True)
        }
        figures: dict[str, Any] = {
            way: evaluate(table, task, thresholds, np.random.default_rng(0), 1000)["metrics"]
            for way, table in tables.items()
        }
        figures["difference"] = difference(tables["page"], tables["digital"], 0, 2000)["auroc_difference"]
        found["tasks"][name] = figures
    return found


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    from ecg.datasets import ptb_xl

    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawn_records", description=__doc__.split("\n\n")[0])
    parser.add_argument("--ptbxl", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for what was read, outside the project")
    parser.add_argument("--pages", type=int, default=1000, help="records of fold 9 (1000)")
    parser.add_argument("--model", default="default")
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    items = ptb_xl(chosen.ptbxl, folds=(9,))[: chosen.pages]
    found = measure(items, _signals(items, chosen.work), chosen.work, chosen.model)
    about = {"layout": _LAYOUT, "dpi": _DPI, "preset": _PRESET, "fold": 9, "model": chosen.model}
    write_json(
        RESULT, {"schema": {"name": SCHEMA, "version": 1}, "version": version(), "commit": commit(), **about, **found}
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
