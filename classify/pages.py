"""Folders of pages as labelled sets: each page is read, by the digitizer or as the published strip, into a record."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classify.images.copies import find_copies, is_published, published_folders, validated, warn_of_copies
from classify.images.drawn import from_drawn, is_drawn
from classify.images.readings import kept_pictures, kept_reading, kept_vectors
from classify.inputs import InputSpec, to_extra
from classify.labels import find_task, target_table
from classify.sets import LabelledSet
from ecg.datasets import FOUR_CLASSES, SUPERCLASSES, PageItem, RecordItem, four_class, image_folder
from ecg.errors import ECGError, OptionsError
from ecg.formats.atomic import replacing
from ecg.record import LEADS, ECGRecord

__all__ = ["from_pages", "synthetic_item"]

Reader = Literal["digitize", "strip"]

#: Rate in Hz of what is kept of a page, and samples of a strip.
_KEPT_FS = {"digitize": 100.0, "strip": 500.0}
_STRIP_SAMPLES = 5000
#: What the kinds of synthetic hearts are in the words of PTB-XL: superclass and, where one is needed, a statement.
_SYNTHETIC = {"norm": ("NORM", "SR"), "lbbb": ("CD", "CLBBB"), "rbbb": ("CD", "CRBBB")}
_RHYTHMS = {"pvc": "PVC", "pac": "PAC", "afib": "AFIB", "aflt": "AFLT"}


def from_pages(
    folder: str | os.PathLike[str],
    tasks: Sequence[str],
    spec: InputSpec,
    reader: Reader,
    cache: str | os.PathLike[str],
    known: Mapping[int, RecordItem] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledSet:
    """Read the pages of a folder and find their answers.

    Parameters
    ----------
    folder : path-like
        Written by ``einthoven synth`` (labels from its manifest) or by `classify.images.drawn`, or the four-class page
        set, or one folder a class of the four-class task. Folders ``train`` and ``test`` of them are taken as
        published: a warning tells how many copies cross.
    tasks : sequence of str
    spec : InputSpec
    reader : str
        ``"digitize"`` or ``"strip"``; a model of pictures sees what its spec says, whatever is given here.
    cache : path-like
        Keeps what was read, by the names, sizes and times of the files.
    known : mapping ecg_id -> RecordItem, optional
        PTB-XL's records, for tasks that its superclasses alone do not answer.
    progress : callable, optional
        Called with the number of pages read and of all.

    Returns
    -------
    LabelledSet
        A refused page is missing throughout, so that it counts as unusable.

    Raises
    ------
    OptionsError
        If the folder holds no labelled page.
    """
    root = Path(folder)
    if is_drawn(root):
        return from_drawn(root, known or {}, tasks, spec, Path(cache))
    if is_published(root):
        pages, items, answers, folds = _published(root, tasks)
    else:
        pages, items, answers = _labelled(root, tasks, known or {})
        folds = tuple(str(item.fold) if item and item.fold else "" for item in items)
    if not pages:
        raise OptionsError(f"no page with a label in {root}: give a set of einthoven synth or a folder a class")
    paths = [page.path for page in pages]
    ready: NDArray[Any] | None = None
    signals: NDArray[np.float16] | None = None
    if spec.kind == "page":
        ready = kept_pictures(paths, spec, Path(cache), progress)
        readable = ready.reshape(len(paths), -1).any(axis=1)
    elif spec.kind in ("features", "patterns") and reader == "digitize":
        ready = kept_vectors(paths, spec, Path(cache), progress)
        readable = np.isfinite(ready).any(axis=1)
    else:
        signals = _kept_signals(paths, reader, Path(cache), progress)
        readable = np.isfinite(signals).any(axis=(1, 2))
    return LabelledSet(
        ids=tuple(page.id for page in pages),
        patients=tuple(page.group or page.id for page in pages),
        folds=folds,
        signals=signals,
        leads=("II",) if reader == "strip" else LEADS,
        fs=0.0 if signals is None else _KEPT_FS[reader],
        ready=ready,
        spec=spec,
        answers=answers,
        extra=np.stack([to_extra(None if x is None else x.age, None if x is None else x.sex) for x in items]),
        readable=np.asarray(readable),
    )


def _labelled(
    root: Path, tasks: Sequence[str], known: Mapping[int, RecordItem]
) -> tuple[list[PageItem], list[RecordItem | None], dict[str, NDArray[np.float32]]]:
    """Pages, the records that they show as far as known, and the answers of the tasks."""
    manifest = root / "manifest.csv"
    if manifest.is_file():
        with manifest.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and "image" in rows[0]:
            return _drawn(root, rows, tasks, known)
        pages = list(four_class(root))
    else:
        pages = [page for page in image_folder(root, labelled=True) if page.label in FOUR_CLASSES]
    return pages, [None] * len(pages), _four_classes(pages, tasks)


def _published(
    root: Path, tasks: Sequence[str]
) -> tuple[list[PageItem], list[RecordItem | None], dict[str, NDArray[np.float32]], tuple[str, ...]]:
    """List the published folders of the four-class set as they are, with a warning of copies that cross to the test."""
    found, parts, complaints = published_folders(root)
    warn_of_copies(find_copies([page.path for page in found]), parts, complaints)
    # Names come again in the folders of both parts.
    pages = [replace(page, id=f"{part}/{page.label}/{page.id}") for page, part in zip(found, parts, strict=True)]
    split = validated(np.array([FOUR_CLASSES.index(page.label or "") for page in pages]), parts)
    return pages, [None] * len(pages), _four_classes(pages, tasks), split


def _four_classes(pages: Sequence[PageItem], tasks: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Answers of pages that are labelled with the four classes."""
    unknown = [task for task in tasks if task != "four_class"]
    if unknown:
        raise OptionsError(f"these pages answer four_class alone, not {', '.join(unknown)}")
    y = np.array([[page.label == label for label in FOUR_CLASSES] for page in pages], dtype=np.float32)
    return {"four_class": y}


def _drawn(
    root: Path, rows: list[dict[str, str]], tasks: Sequence[str], known: Mapping[int, RecordItem]
) -> tuple[list[PageItem], list[RecordItem | None], dict[str, NDArray[np.float32]]]:
    """Pages of ``einthoven synth``."""
    pages, items = [], []
    for row in rows:
        path = root / row["image"]
        item = known.get(int(row["ecg_id"])) if row["ecg_id"] else None
        if item is None:
            item = synthetic_item(row)
        pages.append(PageItem(row["stem"], path, None, row["patient_id"] or row["stem"]))
        items.append(item)
    lacking = sorted({"ami", "four_class"} & set(tasks))
    if lacking and any(row["ecg_id"] and int(row["ecg_id"]) not in known for row in rows):
        names = ", ".join(lacking)
        raise OptionsError(f"the manifest's superclasses do not answer {names}; give --ptbxl beside --images")
    return pages, list(items), {task: target_table(tuple(items), find_task(task)) for task in tasks}


def synthetic_item(row: Mapping[str, str]) -> RecordItem:
    """Record of a manifest's line in the words of PTB-XL.

    Parameters
    ----------
    row : mapping
        ``index``, ``patient_id``, ``fold`` and ``labels``: superclasses of PTB-XL, or kinds of synthetic hearts.

    Returns
    -------
    RecordItem
        Without a path.

    Examples
    --------
    >>> item = synthetic_item({"index": "0", "patient_id": "", "fold": "", "labels": "ami_anterior|pvc"})
    >>> item.labels, item.stadium, sorted(item.statements)
    (('MI',), 'Stadium I', ['PVC'])
    """
    classes, statements, stadium = set(), {}, None
    for label in filter(None, row["labels"].split("|")):
        kind = label.partition("_")[0]
        if label in SUPERCLASSES:
            classes.add(label)
        elif kind in ("ami", "hmi"):
            classes.add("MI")
            stadium = "Stadium I" if kind == "ami" else "Stadium III"
        elif label in _SYNTHETIC:
            superclass, statement = _SYNTHETIC[label]
            classes.add(superclass)
            statements[statement] = 0.0
        else:
            statements[_RHYTHMS.get(label, label.upper())] = 0.0
    return RecordItem(
        ecg_id=int(row.get("ecg_id") or row["index"]),
        patient_id=int(row["patient_id"] or row["index"]),
        fold=int(row["fold"] or 0),
        labels=tuple(label for label in SUPERCLASSES if label in classes),
        subclasses=(),
        statements=MappingProxyType(statements),
        age=None,
        sex=None,
        site=None,
        device="",
        stadium=stadium,
        path=Path(),
    )


def _kept_signals(
    paths: Sequence[Path], reader: Reader, cache: Path, progress: Callable[[int, int], None] | None
) -> NDArray[np.float16]:
    """Signals of pages, [pages, leads, samples], from the cache where the files are the same."""
    digest = hashlib.sha256(reader.encode())
    for path in paths:
        stat = path.stat()
        digest.update(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    kept = cache / f"pages-{reader}-{digest.hexdigest()[:16]}.npy"
    if not kept.is_file():
        rows = []
        for number, path in enumerate(paths, start=1):
            rows.append(kept_reading(path, cache).signals if reader == "digitize" else _strip_signal(path))
            if progress is not None:
                progress(number, len(paths))
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary:
            np.save(temporary, np.stack(rows))
    out: NDArray[np.float16] = np.load(kept, mmap_mode="r")
    return out


def _strip_signal(path: Path) -> NDArray[np.float16]:
    """Read the published strip of a page, [1, 5000], without unit; NaN throughout where none is found."""
    out = np.full((1, _STRIP_SAMPLES), np.nan, dtype=np.float16)
    with suppress(ECGError):
        x = _strip(path).signal[:, :_STRIP_SAMPLES]
        out[:, : x.shape[1]] = x
    return out


def _strip(path: Path) -> ECGRecord:
    from digitize.rhythm_strip import load_page, rhythm_strip

    return ECGRecord(rhythm_strip(load_page(str(path))), _KEPT_FS["strip"], ("II",))
