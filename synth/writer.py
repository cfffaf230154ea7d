"""Sets of synthetic pages on disk: pictures, truth, records, masks and a manifest.

``pages/`` holds of each page ``NNNNNN.png`` or ``.jpg``, ``NNNNNN.json`` (the truth, schema in `synth.truth`),
``NNNNNN.hea/.dat`` (the signals as printed) and ``NNNNNN_mask.png`` (8 bits a pixel: 0, or 1 + the index of the trace);
``kit/`` and ``pdf/``, where asked for, the same pages in other forms.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError
from ecg.formats.atomic import replacing
from synth.jobs import run_jobs
from synth.kit import kit_page_files, write_kit_page
from synth.page import SynthPage
from synth.source import DEFAULT_FOLDS, RecordSource, draw_page, known_preset, open_source, page_look
from synth.truth import SCHEMA, program_version, record_truth, truth

__all__ = ["MANIFEST_COLUMNS", "write_set"]

MANIFEST_COLUMNS = (
    "index",
    "stem",
    "image",
    "source",
    "ecg_id",
    "patient_id",
    "fold",
    "labels",
    "preset",
    "layout",
    "dpi",
)

#: JPEG quality of damaged pages that no JPEG step went before: nothing visible is lost.
_QUALITY = 95

#: Temporary names of `ecg.formats.atomic.replacing` for files of a set: what a killed process leaves behind.
_LEFTOVER = re.compile(r"\.(\d{6}[-_a-z0-9]*|manifest)\.\d+-[0-9a-f]{8}\.[a-z]+")


@dataclass(frozen=True)
class _Plan:
    """What every page of a set has in common."""

    out: Path
    source: str
    folds: tuple[int, ...]
    identity: dict[str, Any]
    kit: bool
    pdf: bool

    @property
    def pages(self) -> Path:
        return self.out / "pages"


def write_set(
    out: str | Path,
    n: int,
    preset: str = "clean",
    seed: int = 0,
    jobs: int = 1,
    source: str = "physiology",
    folds: Sequence[int] = DEFAULT_FOLDS,
    progress: Callable[[int, int], None] | None = None,
    *,
    kit: bool = False,
    pdf: bool = False,
) -> Path:
    """Write a set of pages, or the rest of one that was cut off.

    Every page depends on ``seed`` and its number alone, so that the files are the same to the byte whatever ``jobs``
    is. Each file appears whole or not at all and the truth comes last: a page with a truth is complete, and skipped.
    One run at a time may write into a folder; what a killed one left half done is removed.

    Parameters
    ----------
    out : path-like
        Folder of the set; gets ``pages/`` and ``manifest.csv``.
    n : int
        Number of pages.
    preset : str
        One of `synth.PRESETS`. Undamaged pages are PNG, damaged ones JPEG.
    seed : int
    jobs : int
        Processes.
    source, folds : str, sequence of int
        As for `synth.open_source`.
    progress : callable or None
        Called with the number of pages there are and ``n`` after each.
    kit : bool
        Also write the pages into ``kit/`` as ecg-image-kit would have.
    pdf : bool
        Also write the pages into ``pdf/`` as vector PDFs, undamaged, each with its signals.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    OptionsError
        If an option is out of range, or the folder holds pages of another set.
    FormatError
        If a record of the source cannot be read.
    """
    known_preset(preset)
    for name, value, least in (("n", n, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise OptionsError(f"{name} must be at least {least}, got {value}")
    identity = {"seed": seed, "preset": preset, "source": source.partition(":")[0]}
    identity["folds"] = None if source == "physiology" else [int(fold) for fold in folds]
    plan = _Plan(Path(out), source, tuple(folds), identity, kit, pdf)
    _opened(plan.source, plan.folds)  # a wrong source is told before anything is written
    found = {index: _finished(plan, index) for index in range(n)}
    rows = {
        index: row
        for index, row in found.items()
        if row is not None and not any(map(_lacks, _extras(plan, row["stem"]).values()))
    }
    _sweep(plan.out)
    if progress is not None:
        progress(len(rows), n)
    todo = [index for index in range(n) if index not in rows]
    for row in run_jobs(functools.partial(_write_page, plan), todo, jobs):
        rows[row["index"]] = row
        if progress is not None:
            progress(len(rows), n)
    with replacing(plan.out / "manifest.csv") as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, MANIFEST_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[index] for index in range(n))
    return plan.out / "manifest.csv"


def _stem(index: int) -> str:
    return f"{index:06d}"


def _sweep(out: Path) -> None:
    """Remove the half-written files of a process that was killed."""
    for folder in (out, out / "pages", out / "kit", out / "pdf"):
        for path in folder.glob(".*") if folder.is_dir() else ():
            if _LEFTOVER.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _finished(plan: _Plan, index: int) -> dict[str, Any] | None:
    """Manifest row of a page that is there, None where it is not.

    Raises
    ------
    OptionsError
        If the page belongs to another set, or was written by another version of the program.
    """
    path = plan.pages / f"{_stem(index)}.json"
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        stem = told["record"]["file"]
        files = (told["image"]["file"], told["image"]["mask"], f"{stem}.hea", f"{stem}.dat")
        found = {key: told["set"][key] for key in ("index", *plan.identity)}
        row, same = _row(told), told["version"] == program_version() and found == {**plan.identity, "index": index}
    except (ValueError, KeyError, TypeError):
        return None  # no truth of ours: written anew
    if not same:
        raise OptionsError(
            f"{plan.out} holds page {_stem(index)} of another set (other seed, preset, source, folds or program "
            "version): name an empty folder, or repeat the first command"
        )
    return row if all((path.parent / name).is_file() for name in files) else None


def _extras(plan: _Plan, stem: str) -> dict[str, tuple[Path, ...]]:
    """Files of the page's other forms that were asked for, by form, the one that is written last at the end."""
    forms = {}
    if plan.kit:
        forms["kit"] = kit_page_files(plan.out / "kit", stem)
    if plan.pdf:
        forms["pdf"] = tuple(plan.out / "pdf" / f"{stem}{suffix}" for suffix in (".dat", ".hea", ".pdf"))
    return forms


def _lacks(files: Sequence[Path]) -> bool:
    return not all(path.is_file() for path in files)


@functools.lru_cache(maxsize=1)
def _opened(source: str, folds: tuple[int, ...]) -> RecordSource:
    """Source, opened once in each process: reading PTB-XL's tables takes seconds."""
    return open_source(source, folds)


def _write_page(plan: _Plan, index: int) -> dict[str, Any]:
    """Manifest row of a page, once all of its files are there."""
    row = _finished(plan, index)
    fresh = row is None
    if row is None:
        row = _draw(plan, index)
    for form, files in _extras(plan, row["stem"]).items():
        if fresh or _lacks(files):
            _FORMS[form](plan, index)
    return row


def _write_kit(plan: _Plan, index: int) -> None:
    write_kit_page(plan.pages, plan.out / "kit", _stem(index))


def _write_pdf(plan: _Plan, index: int) -> None:
    from ecg.formats.wfdb import write_wfdb
    from synth.render import render
    from synth.vector import write_pdf

    seed, preset = plan.identity["seed"], plan.identity["preset"]
    given = _opened(plan.source, plan.folds).get(seed, index)
    page = render(given.record, None, page_look(given.record, preset, seed, index)[0])
    write_wfdb(page.record, plan.out / "pdf", _stem(index))
    write_pdf(page, plan.out / "pdf" / f"{_stem(index)}.pdf")


#: How the other forms of a finished page are written.
_FORMS: dict[str, Callable[[_Plan, int], None]] = {"kit": _write_kit, "pdf": _write_pdf}


def _draw(plan: _Plan, index: int) -> dict[str, Any]:
    from ecg.formats.wfdb import write_wfdb

    identity, stem = plan.identity, _stem(index)
    given = _opened(plan.source, plan.folds).get(identity["seed"], index)
    page = draw_page(given.record, identity["preset"], identity["seed"], index)
    data, suffix, quality = _encode(page)
    told = {
        "schema": SCHEMA,
        "version": program_version(),
        "set": {**identity, "index": index, "member": page.record.meta["member"]},
        "image": {
            "file": stem + suffix,
            "mask": f"{stem}_mask.png",
            "width": page.page.width,
            "height": page.page.height,
            "dpi": page.page.dpi,
            "quality": quality,
        },
        "record": {"file": stem, **record_truth(given, page)},
        **truth(page),
    }
    for name, content in (
        (told["image"]["file"], data),
        (told["image"]["mask"], _png(page.masks, page.page.dpi)),
    ):
        with replacing(plan.pages / name) as temporary:
            temporary.write_bytes(content)
    write_wfdb(page.record, plan.pages, stem)
    with replacing(plan.pages / f"{stem}.json") as temporary:
        temporary.write_text(json.dumps(told, allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return _row(told)


def _row(told: dict[str, Any]) -> dict[str, Any]:
    record = told["record"]
    return {
        "index": told["set"]["index"],
        "stem": record["file"],
        "image": f"pages/{told['image']['file']}",
        "source": told["set"]["source"],
        "ecg_id": record["ecg_id"],
        "patient_id": record["patient_id"],
        "fold": record["fold"],
        "labels": "|".join(record["labels"]),
        "preset": told["set"]["preset"],
        "layout": told["layout"]["name"],
        "dpi": f"{told['image']['dpi']:g}",
    }


def _encode(page: SynthPage) -> tuple[bytes, str, int | None]:
    """File of the picture, its suffix, and the quality of a JPEG."""
    if not page.steps:
        return _png(page.page.image, page.page.dpi), ".png", None
    from PIL import Image

    last = page.steps[-1]
    # A second pass at the same quality changes next to nothing: the picture keeps the damage it was given.
    quality = int(last["quality"]) if last["name"] == "jpeg" else _QUALITY
    data = io.BytesIO()
    Image.fromarray(page.page.image).save(data, "JPEG", quality=quality, dpi=(page.page.dpi, page.page.dpi))
    return data.getvalue(), ".jpg", quality


def _png(image: NDArray[np.uint8], dpi: float | None) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG", compress_level=1, dpi=(dpi, dpi))
    return data.getvalue()
