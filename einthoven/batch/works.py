"""What a batch can do with a file: one pure function each, from a path to the rows of its ECGs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.errors import OptionsError
from ecg.options import nearest, options_from

if TYPE_CHECKING:
    from classify.predict import ClassifyOptions, Prediction
    from digitize.result import Digitization
    from ecg import ECGRecord

__all__ = ["CLASSIFY", "DIGITIZE", "WORKS", "Row", "Settings", "Work", "find_work", "page_values"]

Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Row:
    """What became of one ECG.

    Parameters
    ----------
    page : int
        Number of the page in its file, from 1; 0 for a record.
    values : mapping
        Columns: ``status``, ``reason``, ``layout``, ``snr_pred_db``, and those of the work.
    record : ECGRecord or None
        The signals that were read off a page.
    ecg, ecgs : int
        Number of the ECG on its page, from 1, and how many the page holds.
    """

    page: int
    values: Mapping[str, Any]
    record: ECGRecord | None = None
    ecg: int = 1
    ecgs: int = 1


@dataclass(frozen=True)
class Work:
    """One thing that a batch can do.

    Parameters
    ----------
    name : str
    rows : callable
        ``rows(path, settings)`` yields a `Row` an ECG and raises an `ECGError` where the file cannot be read. Depends
        on nothing but the file and the settings, because a file may be read twice.
    columns : mapping
        Its own columns by name: ``"text"``, ``"texts"``, ``"number"``, ``"numbers"``, ``"flag"`` or ``"flags"``.
    tables : tuple of str
        Tables of settings that it knows.
    check : callable
        ``check(settings)`` raises `OptionsError` or `ModelError` before the first file is read.
    records : bool
        Whether it takes records beside pages.
    """

    name: str
    rows: Callable[[Path, Settings], Iterator[Row]]
    columns: Mapping[str, str]
    tables: tuple[str, ...] = ()
    check: Callable[[Settings], Any] = field(default=lambda settings: settings)
    records: bool = True


#: What ``--do`` may name, and where it stands; a work joins in one line.
WORKS = {
    "digitize": "einthoven.batch.works:DIGITIZE",
    "classify": "einthoven.batch.works:CLASSIFY",
    "diagnose": "einthoven.batch.diagnosing:DIAGNOSE",
}


def find_work(name: str) -> Work:
    """Find a work by its name in `WORKS`, or by ``"package.module:NAME"``.

    Raises
    ------
    OptionsError
        If there is none.

    Examples
    --------
    >>> find_work("digitize").records
    False
    """
    module, _, attribute = WORKS.get(name, name).partition(":")
    if not attribute:
        raise OptionsError(f"--do knows {', '.join(WORKS)}, got {name!r}{nearest(name, WORKS)}")
    try:
        work = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise OptionsError(f"the work {name!r} cannot be imported: {error}") from error
    if not isinstance(work, Work):
        raise OptionsError(f"{name!r} must be an einthoven.batch.works.Work, got {type(work).__name__}")
    return work


def _digitize_options(settings: Settings) -> tuple[Any, Any]:
    from digitize.options import DigitizeOptions
    from ecg.formats import ReadOptions

    return (
        options_from(DigitizeOptions, settings.get("digitize", {}), "[digitize]"),
        options_from(ReadOptions, settings.get("read", {}), "[read]"),
    )


def digitize_rows(path: Path, settings: Settings) -> Iterator[Row]:
    """Rows of the pages of a file, as ``einthoven digitize`` reads them."""
    from digitize import read_file

    options, reading = _digitize_options(settings)
    for number, d in paged(read_file(path, options, reading)):
        yield Row(number, {**page_values(d), **_reading_values(d, path, number, options)}, d.record, *d.part)


def paged(readings: Iterable[Digitization]) -> Iterator[tuple[int, Digitization]]:
    """Give readings with the number of their page: those of one page follow each other, its first ECG ahead."""
    number = 0
    for d in readings:
        number += d.part[0] == 1
        yield number, d


def page_values(d: Digitization) -> dict[str, Any]:
    """Columns that every work fills for a page."""
    return {
        "status": d.status,
        "reason": "; ".join(d.reasons),
        "layout": "" if d.layout is None else d.layout.name,
        "snr_pred_db": d.snr_pred_db,
    }


def _reading_values(d: Digitization, path: Path, number: int, options: Any) -> dict[str, Any]:
    import json

    from ecg.formats import safe_stem
    from einthoven.outputs import digitization_document

    # As STEM.json of `digitize`, so that a page can be corrected later; the archive's own columns say which file.
    stem = safe_stem(path.stem)
    content = digitization_document(
        d, source=path.name, page=number, stem=stem, method=options.method, files=(), options=options
    )
    scale = content["scale"]
    return {
        "forced": d.forced,
        "assumed": list(d.assumed),
        "timing": d.timing if d.layout is not None else None,
        "margin": d.layout_margin if d.layout is not None else None,
        **{name: scale[name] for name in ("px_per_mm_x", "px_per_mm_y", "speed_mm_per_s", "gain_mm_per_mv")},
        "document": json.dumps(content, ensure_ascii=False, allow_nan=False),
    }


DIGITIZE = Work(
    name="digitize",
    rows=digitize_rows,
    columns={
        "forced": "flag",
        "assumed": "texts",
        "timing": "text",
        "margin": "number",
        "px_per_mm_x": "number",
        "px_per_mm_y": "number",
        "speed_mm_per_s": "number",
        "gain_mm_per_mv": "number",
        "document": "text",
    },
    tables=("digitize", "read"),
    check=_digitize_options,
    records=False,
)


def _classify_options(settings: Settings) -> ClassifyOptions:
    from classify.predict import ClassifyOptions

    _digitize_options(settings)
    return options_from(ClassifyOptions, settings.get("classify", {}), "[classify]")


def classify_rows(path: Path, settings: Settings) -> Iterator[Row]:
    """Rows of the record in a file or of its pages, as ``einthoven classify`` answers them."""
    from classify.predict import classify, classify_record
    from digitize import read_file
    from ecg import formats

    asked = _classify_options(settings)
    options, reading = _digitize_options(settings)
    kind = formats.identify(path, reading)
    if kind in formats.RECORD_KINDS:
        answer = classify_record(formats.read_record(path, reading), asked)
        yield Row(0, _answer_values(answer))
        return
    if asked.route == "published":  # reads the strip of the page by its own method
        for answer in classify(path, asked):
            yield Row(answer.page, _answer_values(answer))
        return
    for number, d in paged(read_file(path, options, reading)):
        page = {**page_values(d), "page_status": d.status}
        if d.record is None or d.status == "refused":
            refused = {"task": asked.task, "route": asked.route, "status": "refused"}
            yield Row(number, {**page, **refused}, None, *d.part)
            continue
        answer = classify_record(d.record, asked)
        doubts = tuple(f"the page needs review: {reason}" for reason in d.reasons)
        yield Row(number, {**page, **_answer_values(answer, doubts)}, d.record, *d.part)


def _answer_values(answer: Prediction, doubts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Columns of an answer: what was refused has no probability, what was abstained from no decision."""
    there, decided = bool(answer.probabilities), answer.status == "answered"
    return {
        "status": answer.status,
        "reason": "; ".join((*answer.reasons, *doubts)),
        "route": answer.route,
        "model": answer.model,
        "model_sha256": None if answer.card is None else answer.card.sha256,
        "task": answer.task,
        "labels": list(answer.labels),
        "probabilities": list(answer.probabilities) if there else None,
        "thresholds": list(answer.thresholds) if there else None,
        "decisions": list(answer.decision) if there and decided else None,
        "age_from": answer.known_from.get("age"),
        "sex_from": answer.known_from.get("sex"),
    }


def _check_classify(settings: Settings) -> None:
    """Options and, where one is named, the model: an archive must not end as a list of one error a file."""
    from classify.predict import best_model
    from classify.weights import model_folder
    from ecg.record import LEADS

    asked = _classify_options(settings)
    if asked.model != "default":
        model_folder(asked.model)
    elif asked.route == "best":
        model_folder(best_model(asked.task, LEADS), check=False)


CLASSIFY = Work(
    name="classify",
    rows=classify_rows,
    columns={
        "route": "text",
        "model": "text",
        "model_sha256": "text",
        "task": "text",
        "labels": "texts",
        "probabilities": "numbers",
        "thresholds": "numbers",
        "decisions": "flags",
        "age_from": "text",
        "sex_from": "text",
        "page_status": "text",
    },
    tables=("classify", "digitize", "read"),
    check=_check_classify,
)
