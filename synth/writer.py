"""Sets of synthetic pages on disk: pictures, truth, records, masks and a manifest.

Truth of one page, ``pages/NNNNNN.json``, schema `SCHEMA`; pixels are (x, y), whole numbers are centres of pixels:

- ``set``: ``seed, index, preset, source, folds``; what names the page.
- ``image``: ``file, mask, width, height, dpi, quality`` (of JPEG; null for PNG).
- ``record``: ``file, fs, n_samples, leads, labels, ecg_id, patient_id, fold, age, sex``, and for synthetic hearts
  ``waves`` (seconds of every P, QRS and T) and ``physiology`` (all parameters). The ``.hea/.dat`` pair holds the
  signals as printed, the format's missing value where not on the page.
- ``layout``: ``name, rows, rhythm, timing``.
- ``scale``: ``px_per_mm_x, px_per_mm_y, speed_mm_per_s, gain_mm_per_mv`` of the page as drawn, and ``grid_origin``, a
  crossing of strong lines there.
- ``homography``: 3x3, pixels as drawn to pixels of the picture; ``corners``: the sheet's, clockwise from top left.
- ``style``, ``steps``: the look, and the damage in order.
- ``traces``: one a printed segment: ``lead, row, column, mask_index, start_s, stop_s, first_sample, box``
  (left, top, right, bottom of the ink), ``baseline`` (ends of the line of 0 mV), ``x, y`` (middle of the ink at each
  sample from ``first_sample`` on, null where missing, to 0.01 px). ``mask_index`` is its value in the mask.
- ``texts``: ``role`` (``lead, scale, header, pulse, separator``), ``text, quad`` (four corners of its ink).
"""

from __future__ import annotations

import csv
import functools
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError
from ecg.formats.atomic import replacing
from synth.kit import write_kit_page
from synth.page import SynthPage
from synth.source import DEFAULT_FOLDS, RecordSource, SourceRecord, draw_page, open_source
from synth.style import PRESETS

__all__ = ["MANIFEST_COLUMNS", "SCHEMA", "truth", "write_set"]

#: Name and version of the truth's schema.
SCHEMA = {"name": "einthoven.synth.page", "version": 1}

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
) -> Path:
    """Write a set of pages, or the rest of one that was cut off.

    Every page depends on ``seed`` and its number alone, so that the files are the same to the byte whatever ``jobs``
    is. Each file appears whole or not at all and the truth comes last: a page with a truth is complete, and skipped.

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
    if preset not in PRESETS:
        raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    for name, value, least in (("n", n, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise OptionsError(f"{name} must be at least {least}, got {value}")
    out = Path(out)
    identity = {"seed": seed, "preset": preset, "source": source.partition(":")[0]}
    identity["folds"] = None if source == "physiology" else [int(fold) for fold in folds]
    _opened(source, tuple(folds))  # a wrong source is told before anything is written
    rows = {i: row for i in range(n) if (row := _finished(out, i, identity)) is not None}
    missing = [index for index in range(n) if index not in rows]
    if progress is not None:
        progress(len(rows), n)
    write = functools.partial(_write_page, out, source, tuple(folds), identity)
    for index, row in _run(write, missing, jobs):
        rows[index] = row
        if progress is not None:
            progress(len(rows), n)
    for index in range(n) if kit else ():
        write_kit_page(out / "pages", out / "kit", _stem(index))
    with replacing(out / "manifest.csv") as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, MANIFEST_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[index] for index in range(n))
    return out / "manifest.csv"


def _run(write: Callable[[int], dict[str, Any]], indices: list[int], jobs: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of the pages as they are done, here or in spawned processes."""
    if jobs == 1 or len(indices) < 2:
        for index in indices:
            yield index, write(index)
        return
    from multiprocessing import get_context

    # Spawned, not forked: a fork inherits the locks of numba's and OpenCV's threads.
    with get_context("spawn").Pool(min(jobs, len(indices)), initializer=_one_thread) as pool:
        for row in pool.imap_unordered(write, indices):
            yield int(row["index"]), row


def _one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def _stem(index: int) -> str:
    return f"{index:06d}"


def _finished(out: Path, index: int, identity: dict[str, Any]) -> dict[str, Any] | None:
    """Manifest row of a page that is there, None where it is not.

    Raises
    ------
    OptionsError
        If the page belongs to another set, or was written by another version of the program.
    """
    path = out / "pages" / f"{_stem(index)}.json"
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        stem = told["record"]["file"]
        files = (told["image"]["file"], told["image"]["mask"], f"{stem}.hea", f"{stem}.dat")
        row, same = _row(told), told["version"] == _version() and told["set"] == {**identity, "index": index}
    except (ValueError, KeyError, TypeError):
        return None  # no truth of ours: written anew
    if not same:
        raise OptionsError(
            f"{out} holds page {_stem(index)} of another set (other seed, preset, source, folds or program version): "
            "name an empty folder, or repeat the first command"
        )
    return row if all((path.parent / name).is_file() for name in files) else None


@functools.lru_cache(maxsize=1)
def _opened(source: str, folds: tuple[int, ...]) -> RecordSource:
    """Source, opened once in each process: reading PTB-XL's tables takes seconds."""
    return open_source(source, folds)


def _write_page(out: Path, source: str, folds: tuple[int, ...], identity: dict[str, Any], index: int) -> dict[str, Any]:
    from ecg.formats.wfdb import write_wfdb

    given = _opened(source, folds).get(identity["seed"], index)
    page = draw_page(given.record, identity["preset"], identity["seed"], index)
    stem, folder = _stem(index), out / "pages"
    data, suffix, quality = _encode(page)
    told = {
        "schema": SCHEMA,
        "version": _version(),
        "set": {**identity, "index": index},
        "image": {
            "file": stem + suffix,
            "mask": f"{stem}_mask.png",
            "width": page.page.width,
            "height": page.page.height,
            "dpi": page.page.dpi,
            "quality": quality,
        },
        "record": {"file": stem, **_record_truth(given, page)},
        **truth(page),
    }
    for name, content in (
        (told["image"]["file"], data),
        (told["image"]["mask"], _png(page.masks, page.page.dpi)),
    ):
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    write_wfdb(page.record, folder, stem)
    with replacing(folder / f"{stem}.json") as temporary:
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


def _record_truth(given: SourceRecord, page: SynthPage) -> dict[str, Any]:
    meta = given.record.meta
    return {
        "fs": page.record.fs,
        "n_samples": page.record.n_samples,
        "leads": list(page.record.leads),
        "labels": list(given.labels),
        "ecg_id": given.ecg_id,
        "patient_id": given.patient_id,
        "fold": given.fold,
        "age": meta.get("age"),
        "sex": meta.get("sex"),
        "waves": meta.get("waves"),
        "physiology": meta.get("physiology"),
    }


def truth(page: SynthPage) -> dict[str, Any]:
    """Geometry and history of a page, ready for JSON: the keys from ``layout`` on of this module's schema.

    Parameters
    ----------
    page : SynthPage

    Returns
    -------
    dict
    """
    layout, scale = page.layout, asdict(page.scale)
    traces = [
        {
            "lead": trace.lead,
            "row": trace.row,
            "column": trace.column,
            "mask_index": k,
            "start_s": box.start_s,
            "stop_s": box.stop_s,
            "first_sample": trace.first,
            "box": _plain(np.array(box.xyxy)),
            "baseline": _plain(trace.baseline),
            "x": _plain(trace.x),
            "y": _plain(trace.y),
        }
        for k, (trace, box) in enumerate(zip(page.traces, page.boxes, strict=True), start=1)
    ]
    return {
        "layout": {"name": layout.name, "rows": layout.rows, "rhythm": layout.rhythm, "timing": page.timing},
        "scale": {**scale, "grid_origin": list(page.grid_origin)},
        "homography": page.homography.tolist(),
        "corners": _plain(page.corners),
        "style": asdict(page.style),
        "steps": [dict(step) for step in page.steps],
        "traces": traces,
        "texts": [{"role": text.role, "text": text.text, "quad": _plain(text.quad)} for text in page.texts],
    }


def _plain(pixels: NDArray[np.float64]) -> Any:
    """Pixels to 0.01, as lists; null for NaN."""
    values = np.round(pixels, 2).tolist()
    if np.isfinite(pixels).all():
        return values
    return [None if isinstance(v, float) and math.isnan(v) else v for v in values]


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


def _version() -> str:
    try:
        return version("einthoven")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
