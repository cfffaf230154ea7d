"""``einthoven diagnose``: records or pages in; readings, measurements, answers, reasons and reports out."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.errors import ECGError, FormatError, ModelError
from einthoven import outputs
from einthoven.commands import digitize as reading
from einthoven.inputs import Input, page_stem
from einthoven.outputs import one_line
from einthoven.progress import Report, reporting
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
    rows = [SummaryRow(m.argument, None, "", "failed", str(m.error), "", None, 0.0) for m in job.pages.missing]
    told: Counter[str] = Counter({"failed": len(rows)})
    bugs: list[str] = []
    try:
        with reporting(len(job.pages.inputs)) as report:
            for item in job.pages.inputs:
                rows += _one_file(item, job, report, told, bugs)
                report.file_done()
    finally:
        if rows:
            write_summary(out / "summary.csv", rows)
    _conclude(rows, told, out, report, bugs)
    if bugs:
        return 3
    return 1 if any(row.status in ("refused", "failed") for row in rows) else 0


def _one_file(item: Input, job: Job, report: Report, told: Counter[str], bugs: list[str]) -> list[SummaryRow]:
    """Diagnose one file; whatever goes wrong in it becomes a row, so that the other files are read all the same."""
    rows: list[SummaryRow] = []
    started = time.perf_counter()

    def failed(reason: str) -> None:
        seconds = time.perf_counter() - started
        rows.append(SummaryRow(str(item.path), None, item.stem, "failed", reason, "", None, seconds))
        told["failed"] += 1
        report.line(f"{item.path}: failed")

    try:
        for diagnosis, stem in _found(item, job):
            rows.append(_write(diagnosis, stem, item, job))
            told[diagnosis.status] += 1
            page = "" if stem == item.stem else f" page {diagnosis.origin.page}"
            page += f" ECG {diagnosis.origin.part[0]}" if diagnosis.origin.part[1] > 1 else ""
            warned = "".join(f"{w.split(':')[0]}: " for w in diagnosis.warnings)
            report.line(f"{item.path}{page}: {diagnosis.status}: {warned}{diagnosis.headline} -> {stem}")
    except ModelError:
        raise  # without its model no ECG can be diagnosed
    except ECGError as error:
        failed(str(error))
    except OSError as error:
        failed(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:
        bugs.append(f"{one_line(item.path)}:\n{traceback.format_exc()}")
        failed(f"a fault of the program, please report it: {type(error).__name__}: {error}")
    return rows


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


def _conclude(
    rows: Sequence[SummaryRow], told: Mapping[str, int], out: Path, report: Report, bugs: Sequence[str]
) -> None:
    """Totals to stdout; what was refused or failed to stderr, one line each."""
    rows_of = Counter(row.file for row in rows)
    for row in rows:
        if row.status in ("refused", "failed"):
            page = f" page {row.page}" if rows_of[row.file] > 1 and row.page is not None else ""
            report.error(f"{row.file}{page}: {row.status}: {row.reason}")
    for bug in bugs:
        report.traceback(bug)
    counts = ", ".join(f"{told[s]} {s}" for s in ("answered", "abstained", "refused", "failed") if told[s])
    written = any(row.status != "failed" for row in rows)
    report.total(f"{counts}; {'reports, readings and summary.csv are' if written else 'summary.csv is'} in {out}")
