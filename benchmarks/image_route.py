"""The four-class answer for pages of another set: what ships for pages, on drawn and read pages of PTB-XL.

``python -m benchmarks.image_route --ptbxl DIR --work DIR`` takes the readings that ``benchmarks.drawn_records`` kept
(records of fold 9 printed as 3x4+1, damaged as by a scanner, and read) and measures every member of the shipped route
alone, all of them together, and what answers (``"answer"``: a page that looks unlike those that the route was fitted to
is left to the network of records), into ``benchmarks/results/image_route.json``. The route was fitted on
another hospital's pages, whose classes were given by other people; this tells how far it carries. Members that see
pictures are shown the same pages, cut out by their truth: the readings keep no picture.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.datasets import RecordItem, ptb_xl
from ecg.errors import ECGError, OptionsError
from ecg.formats.atomic import replacing
from ecg.record import LEADS
from einthoven.outputs import write_json
from einthoven.provenance import commit

__all__ = ["answers", "main", "measured", "pictures"]

RESULT = Path(__file__).resolve().parent / "results" / "image_route.json"
SCHEMA = "einthoven.image_route"
TASK = "four_class"
#: Rate in Hz at which the readings were kept.
_FS = 100.0
#: Height and width of the pictures in pixels.
_PICTURE = (256, 512)


def pictures(items: Sequence[RecordItem]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Draw the pages that ``benchmarks.drawn_records`` read, cut the recording out, and measure how it looks.

    Parameters
    ----------
    items : sequence of RecordItem
        In the order of that benchmark: a page's number names its look.

    Returns
    -------
    shown : uint8 array [pages, 256, 512]
        Grey.
    looks : float64 array [pages, 12]
        As `classify.images.likeness.look_of` gives them.
    """
    from benchmarks.drawn_records import printed_page
    from classify.images.area import as_grey, drawn_area, fitted
    from classify.images.likeness import look_of

    shown, looks = [], []
    for k, item in enumerate(items):
        area = drawn_area(printed_page(item.record(), k), np.random.default_rng([k]))
        shown.append(fitted(as_grey(area), *_PICTURE))
        looks.append(look_of(area))
    return np.stack(shown), np.stack(looks)


def answers(
    signals: NDArray[np.floating], shown: NDArray[np.uint8], members: Mapping[str, float], like: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Ask each member about pages that were read, and all of them together.

    Parameters
    ----------
    signals : float array [pages, 12, samples]
        mV at 100 Hz, NaN where missing.
    shown : uint8 array [pages, height, width]
        For members that take pictures.
    members : mapping name -> weight
    like : bool array [pages]
        Whether a page looks like those that the route was fitted to.

    Returns
    -------
    dict of str to float64 array [pages, 4]
        By the names of the members, the default network of records, ``"together"`` (the members, whatever a page looks
        like), and ``"answer"`` (these for pages that look like theirs, the default network for others).
    """
    from classify.images.routes import joined
    from classify.inputs import from_pictures, from_signals
    from classify.runtime import load_classifier

    found = {}
    for name in (*members, *({"default"} - set(members))):
        model = load_classifier(name)
        if model.spec.kind == "page":
            found[name] = model.answer(from_pictures(shown, model.spec), TASK)
            continue
        parts = [from_signals(one[None].astype(np.float32), LEADS, _FS, model.spec) for one in signals]
        found[name] = model.answer(np.concatenate(parts), TASK)
    together = joined([found[name] for name in members], list(members.values()))
    return {**found, "together": together, "answer": np.where(like[:, None], together, found["default"])}


def measured(
    items: Sequence[RecordItem],
    read: NDArray[np.floating],
    shown: NDArray[np.uint8],
    members: Mapping[str, float],
    like: NDArray[np.bool_],
) -> dict[str, Any]:
    """Figures of every member and of the route.

    Parameters
    ----------
    items : sequence of RecordItem
    read : float array [records, 12, samples]
        NaN throughout where the page was refused.
    shown : uint8 array [records, height, width]
    members : mapping name -> weight
    like : bool array [records]
        Whether a page looks like those that the route was fitted to.

    Returns
    -------
    dict
        By name; ``pages``, ``refused`` and ``like`` beside them.
    """
    from classify.evaluate import Predictions, evaluate
    from classify.labels import find_task, target_table

    task = find_task(TASK)
    y = target_table(tuple(items), task)
    asked = np.isfinite(y).all(axis=1)
    legible = asked & np.isfinite(read).any(axis=(1, 2))
    rows = np.flatnonzero(legible)
    there = [item for item, kept in zip(items, legible, strict=True) if kept]
    ids, patients = (tuple(str(getattr(item, name)) for item in there) for name in ("ecg_id", "patient_id"))
    out: dict[str, Any] = {"pages": int(asked.sum()), "refused": int((asked & ~legible).sum())}
    out |= {"like": int(like[rows].sum()), "models": {}}
    for name, p in answers(read[rows], shown[rows], members, like[rows]).items():
        table = Predictions(ids, patients, ("9",) * len(rows), task.labels, y[rows].astype(np.float64), p)
        figures = evaluate(table, task, {}, np.random.default_rng(0), 1000)
        each = {label: {k: found[k] for k in ("n_positive", "auroc")} for label, found in figures["per_label"].items()}
        out["models"][name] = {**{k: figures["metrics"][k] for k in ("auroc", "f1", "accuracy")}, "per_label": each}
    return out


def _kept_pictures(items: Sequence[RecordItem], work: Path) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    kept = work / "drawn_pictures.npz"
    if not kept.is_file() or len(np.load(kept)["looks"]) != len(items):
        shown, looks = pictures(items)
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.savez(file, shown=shown, looks=looks)
    found = np.load(kept)
    return found["shown"], found["looks"]


def main(arguments: Sequence[str]) -> int:
    """Measure and write; 2 where nothing could start."""
    from classify.images.routes import page_likeness, page_route

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ptbxl", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="that of benchmarks.drawn_records")
    chosen = parser.parse_args(arguments)
    try:
        kept = chosen.work / "drawn_records.npy"
        if not kept.is_file():
            raise OptionsError(f"no readings at {kept}; run python -m benchmarks.drawn_records with this --work first")
        read = np.load(kept)
        items = ptb_xl(chosen.ptbxl, folds=(9,))[: len(read)]
        members = page_route(TASK) or {"default": 1.0}
        shown, looks = _kept_pictures(items, chosen.work)
        likeness = page_likeness(TASK)
        like = np.array([likeness is None or likeness.holds(look) for look in looks])
        found = measured(items, read, shown, members, like)
    except ECGError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    schema = {"schema": {"name": SCHEMA, "version": 1}, "commit": commit()}
    write_json(RESULT, {**schema, "fold": 9, "preset": "scan", "members": dict(members), **found})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
