"""``einthoven diagnose``: records or pages in; readings, measurements, answers, reasons and reports out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.errors import FormatError
from einthoven import outputs
from einthoven.commands import digitize as reading
from einthoven.commands.each import conclude, exit_status, not_found, rows_of
from einthoven.inputs import Input, page_stem
from einthoven.outputs import one_line
from einthoven.progress import reporting
from einthoven.summary import SummaryRow, write_summary

if TYPE_CHECKING:
    from einthoven.diagnosis import DiagnoseOptions, Diagnosis

__all__ = ["Job", "Request", "plan", "run"]


@dataclass(frozen=True)
class Request:
    """What the user asked for, before anything is checked.

    Parameters
    ----------
    pages : einthoven.commands.digitize.Request
        Files, folder, and what is said about pages.
    asked : mapping
        Keys of `DiagnoseOptions` that were given as flags.
    fs : float or None
        Sampling rate in Hz of a CSV file without a time column.
    redact, report : bool
        As for `einthoven.diagnosis.files.write_diagnosis`.
    """

    pages: reading.Request
    asked: Mapping[str, Any] = field(default_factory=dict)
    fs: float | None = None
    redact: bool = False
    report: bool = True


@dataclass(frozen=True)
class Job:
    """A request that has been checked.

    Parameters
    ----------
    pages : einthoven.commands.digitize.Job
    options : DiagnoseOptions
    redact, report : bool
    """

    pages: reading.Job
    options: DiagnoseOptions
    redact: bool
    report: bool


def plan(request: Request) -> Job:
    """Check a request; nothing is read or written yet.

    Raises
    ------
    OptionsError
        As `einthoven.commands.digitize.plan`, or if a question is unknown.
    ModelError
        If the model that was named, or any for the first question, is missing.
    """
    from einthoven.diagnosis import DiagnoseOptions

    pages = reading.plan(request.pages)
    files = pages.reading if request.fs is None else replace(pages.reading, fs=request.fs)
    options = DiagnoseOptions(digitize=pages.options, reading=files, **request.asked)
    _check_model(options)
    return Job(pages, options, request.redact, request.report)


def _check_model(options: DiagnoseOptions) -> None:
    """Ask for the model before an hour of pages is read."""
    from classify.predict import best_model
    from classify.weights import model_folder
    from ecg.record import LEADS

    if options.model != "default":
        model_folder(options.model)
    elif options.route == "best":
        best_model(options.questions(page=False)[0], LEADS)


def run(job: Job) -> int:
    """Diagnose every ECG of every input and write what was found.

    Returns
    -------
    int
        0 where every ECG was answered or abstained from, 1 where a page was refused or a file failed, 3 where a bug
        showed.
    """
    from einthoven.diagnosis.files import check_free

    out = outputs.output_folder(job.pages.out)
    check_free(out, [item.stem for item in job.pages.inputs])
    rows = not_found(job.pages.missing)
    told: Counter[str] = Counter()
    bugs: list[str] = []
    try:
        with reporting(len(job.pages.inputs)) as report:
            for item in job.pages.inputs:
                rows += rows_of(item, _told(item, job, told), report, bugs)
                report.file_done()
    finally:
        if rows:
            write_summary(out / "summary.csv", rows)
    conclude(rows, report, bugs, _total(rows, told, out))
    return exit_status(rows, bugs)


def _told(item: Input, job: Job, told: Counter[str]) -> Iterator[tuple[SummaryRow, str]]:
    """Rows of a file, each with its line of progress; outcomes are counted."""
    for diagnosis, stem in _found(item, job):
        row = _write(diagnosis, stem, item, job)
        told[diagnosis.status] += 1
        page = "" if stem == item.stem else f" page {diagnosis.origin.page}"
        page += f" ECG {diagnosis.origin.part[0]}" if diagnosis.origin.part[1] > 1 else ""
        warned = "".join(f"{w.split(':')[0]}: " for w in diagnosis.warnings)
        yield row, f"{item.path}{page}: {diagnosis.status}: {warned}{diagnosis.headline} -> {stem}"


def _found(item: Input, job: Job) -> Iterator[tuple[Diagnosis, str]]:
    """Diagnoses of a file, each with the stem of its outputs.

    What belongs to the first page is held back to learn whether another follows; it is handed on even where reading
    the next one fails.
    """
    from einthoven.diagnosis import diagnose, diagnose_file

    if job.pages.page is not None:
        # --from names a page, and of several ECGs on it the one; corners frame the only one.
        yield diagnose(item.path, job.options, page=job.pages.page, ecg=job.pages.part), item.stem
        return
    pages = diagnose_file(item.path, job.options)
    held: list[Diagnosis] = []
    failure: Exception | None = None
    found: Diagnosis | None = None
    empty = True
    while True:
        try:
            found = next(pages, None)
        except Exception as error:
            found, failure = None, error
        if held and (found is None or found.origin.page != held[0].origin.page):
            several = held[0].origin.page > 1 or found is not None or failure is not None
            for one in held:
                yield one, page_stem(item.stem, one.origin.page, several, one.origin.part)
            held = []
        if found is None:
            break
        held, empty = [*held, found], False
    if failure is not None:
        raise failure
    if empty:
        raise FormatError(f"{one_line(item.path)} has no page")


def _write(diagnosis: Diagnosis, stem: str, item: Input, job: Job) -> SummaryRow:
    from einthoven.diagnosis.files import check_free, write_diagnosis

    started = time.perf_counter()
    if stem != item.stem:
        check_free(job.pages.out, [stem])
    write_diagnosis(
        diagnosis,
        job.pages.out,
        stem,
        fmt=job.pages.fmt,
        options=job.pages.options,
        redact=job.redact,
        report=job.report,
    )
    seconds = sum(diagnosis.seconds.values()) + time.perf_counter() - started
    d = diagnosis.digitization
    if d is None:
        return SummaryRow(str(item.path), None, stem, "accepted", "", "", None, seconds)
    layout = "" if d.layout is None else d.layout.name
    why = "; ".join(d.reasons)
    return SummaryRow(str(item.path), diagnosis.origin.page, stem, d.status, why, layout, d.snr_pred_db, seconds)


def _total(rows: Sequence[SummaryRow], told: Mapping[str, int], out: Path) -> str:
    failed = sum(row.status == "failed" for row in rows)
    counts = {**told, "failed": failed}
    listed = ", ".join(f"{counts[s]} {s}" for s in ("answered", "abstained", "refused", "failed") if counts.get(s))
    return f"{listed}; {'reports, readings and summary.csv are' if failed < len(rows) else 'summary.csv is'} in {out}"
