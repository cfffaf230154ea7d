"""``einthoven digitize``: pages in; signals, overlays, JSON and a summary out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ecg.errors import FormatError, OptionsError
from ecg.options import options_from, read_toml
from einthoven import outputs
from einthoven.commands.each import conclude, exit_status, not_found, rows_of
from einthoven.inputs import Corrections, Input, Missing, corrections, find_inputs, page_stem
from einthoven.outputs import SignalFormat, one_line
from einthoven.progress import reporting
from einthoven.summary import SummaryRow, write_summary

if TYPE_CHECKING:
    from digitize.options import DigitizeOptions
    from digitize.result import Digitization
    from digitize.rhythm_strip import StripOptions
    from ecg.formats import ReadOptions

__all__ = ["METHODS", "Job", "Request", "plan", "run"]

Method = Literal["auto", "classical", "strip"]
METHODS = ("auto", "classical", "strip")


@dataclass(frozen=True)
class Request:
    """What the user asked for, before anything is checked.

    Parameters
    ----------
    files : sequence of str
        Files, folders and patterns; may be empty where ``earlier`` names the source.
    out : Path
    fmt : str
        Format of the signals: ``"wfdb"``, ``"csv"`` or ``"dicom"``.
    method : str or None
    lead : str or None
        Lead that the strip method reads.
    config : Path or None
        TOML file with the tables ``[digitize]``, ``[strip]`` and ``[read]``.
    earlier : Path or None
        ``STEM.json`` of an earlier run (``--from``).
    flags : mapping
        Keys of `DigitizeOptions` that were given as flags.
    """

    files: Sequence[str]
    out: Path
    fmt: SignalFormat = "wfdb"
    method: Method | None = None
    lead: str | None = None
    config: Path | None = None
    earlier: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A request that has been checked: everything that can be said before a page is read.

    Parameters
    ----------
    inputs : tuple of Input
    missing : tuple of Missing
    out : Path
    fmt : str
    method : str
    lead : str
        Only the strip method uses it.
    options : DigitizeOptions
    strip : StripOptions
    reading : ReadOptions
        Bounds on files and pages, and how PDFs are drawn.
    page : int or None
        The only page to read, from 1; None for all. With a page, the input's stem is the page's stem.
    part : int or None
        The only ECG of that page, from 1; None for all.
    """

    inputs: tuple[Input, ...]
    missing: tuple[Missing, ...]
    out: Path
    fmt: SignalFormat
    method: Method
    lead: str
    options: DigitizeOptions
    strip: StripOptions
    reading: ReadOptions
    page: int | None = None
    part: int | None = None


def plan(request: Request) -> Job:
    """Check a request; nothing is read or written yet.

    Options are taken from the configuration file, then from ``--from``, then from the flags; the later wins.

    Raises
    ------
    OptionsError
        If an option is wrong, no input is found, inputs collide, or an output would overwrite a stranger's file.
    """
    from digitize.options import DigitizeOptions
    from digitize.rhythm_strip import StripOptions
    from ecg.formats import ReadOptions

    tables: dict[str, dict[str, Any]] = {"digitize": {}, "strip": {}, "read": {}}
    if request.config is not None:
        tables = read_toml(request.config, tables)
    fixed = None if request.earlier is None else corrections(request.earlier)
    values: dict[str, Any] = {**tables["digitize"]}
    if fixed is not None:
        values |= {**fixed.options, "method": fixed.method}
    method = _method(request.method or values.pop("method", "auto"))
    _check_method(method, request)
    # The strip method is none of the page reader's: its options keep their default there and are not used.
    values |= {**request.flags, "method": "auto" if method == "strip" else method}
    inputs, missing = _inputs(request, fixed)
    return Job(
        inputs=inputs,
        missing=missing,
        out=request.out,
        fmt=request.fmt,
        method=method,
        lead=_lead(request.lead or (fixed.lead if fixed is not None and method == "strip" else None)),
        options=options_from(DigitizeOptions, values, "" if request.config is None else f"{request.config} and flags"),
        strip=options_from(StripOptions, tables["strip"], str(request.config or "")),
        reading=options_from(ReadOptions, tables["read"], str(request.config or "")),
        page=None if fixed is None else fixed.page,
        # Corners frame one ECG: it is then the only one.
        part=None if fixed is None or "corners" in values else fixed.part,
    )


def _check_method(method: Method, request: Request) -> None:
    """Refuse flags that the method would ignore."""
    if method != "strip":
        if request.lead is not None:
            raise OptionsError(
                "--lead names the signal of --method strip; the other methods read the names of all leads"
            )
        return
    if request.flags:
        names = ", ".join(sorted(request.flags))
        raise OptionsError(f"--method strip measures neither scale nor layout and takes no corrections, got {names}")
    if request.fmt == "dicom":
        raise OptionsError("--method strip gives a signal without a unit, and DICOM holds millivolts; take wfdb or csv")


def _inputs(request: Request, fixed: Corrections | None) -> tuple[tuple[Input, ...], tuple[Missing, ...]]:
    """List inputs with their stems; under ``--from`` the one page's file, with the page's stem."""
    if fixed is None:
        inputs, missing = find_inputs(request.files)
    else:
        inputs, missing = find_inputs(request.files or [fixed.source])
        if len(inputs) != 1:
            raise OptionsError(f"--from corrects one page of one file, got {len(inputs)} files")
        inputs = (Input(inputs[0].path, fixed.stem),)
    if request.fmt == "csv" and any(item.stem == "summary" for item in inputs):
        raise OptionsError("an input called summary would write summary.csv, which lists the pages; rename it")
    return inputs, missing


def _method(name: object) -> Method:
    for method in METHODS:
        if name == method:
            return method  # type: ignore[return-value]  # METHODS spells the Literal out
    raise OptionsError(f"method must be one of {', '.join(METHODS)}, got {name!r}")


def _lead(name: str | None) -> str:
    from ecg.formats import lead_name

    return "II" if name is None else lead_name(name)


def run(job: Job) -> int:
    """Read every page of every input and write what was read.

    Returns
    -------
    int
        0 where every page gave a result, 1 where a page was refused or a file failed, 3 where a bug showed.
    """
    out = outputs.output_folder(job.out)
    stems = [item.stem for item in job.inputs]
    outputs.check_free(out, stems)
    rows = not_found(job.missing)
    bugs: list[str] = []
    try:
        with reporting(len(job.inputs)) as report:
            for item in job.inputs:
                rows += rows_of(item, _told(item, job), report, bugs)
                report.file_done()
    finally:
        # Also after Ctrl-C: what is there is listed.
        if rows:
            write_summary(out / "summary.csv", rows)
    conclude(rows, report, bugs, _total(rows, out))
    return exit_status(rows, bugs)


def _told(item: Input, job: Job) -> Iterator[tuple[SummaryRow, str]]:
    """Rows of a file, each with its line of progress."""
    for row in _pages(item, job):
        page = "" if row.page is None or row.stem == item.stem else f" page {row.page}"
        yield row, f"{item.path}{page}: {row.status}{f', {row.layout}' if row.layout else ''} -> {row.stem}"


def _pages(item: Input, job: Job) -> Iterator[SummaryRow]:
    """Write the pages of a file one by one as they come."""
    found = 0
    for number, d, seconds, several in _numbered(_reader(job)(item.path)):
        if job.page in (None, number) and job.part in (None, d.part[0]):
            found += 1
            stem = item.stem if job.page is not None else page_stem(item.stem, number, several, d.part)
            yield _write(d, job, item, number, stem, seconds)
    if not found:
        wanted = "" if job.page is None else f" {job.page}, which --from asks for"
        raise FormatError(f"{one_line(item.path)} has no page{wanted}")


def _numbered(pages: Iterator[Digitization]) -> Iterator[tuple[int, Digitization, float, bool]]:
    """ECGs with their page's number, the seconds that each took, and whether the file holds several pages.

    What belongs to the first page is held back to learn whether another follows; it is handed on even where reading
    the next one fails.
    """
    held: list[tuple[int, Digitization, float]] = []
    number = 0
    failure: Exception | None = None
    while True:
        started = time.perf_counter()
        try:
            page = next(pages, None)
        except Exception as error:
            page, failure = None, error
        another = page is None or page.part[0] == 1
        if held and another:
            several = held[0][0] > 1 or page is not None or failure is not None
            for one in held:
                yield *one, several
            held = []
        if page is None:
            break
        number += another
        held.append((number, page, time.perf_counter() - started))
    if failure is not None:
        raise failure


def _write(d: Digitization, job: Job, item: Input, page: int, stem: str, seconds: float) -> SummaryRow:
    started = time.perf_counter()
    if stem != item.stem:
        outputs.check_free(job.out, [stem])
    source = str(item.path)
    outputs.write_digitization(
        d, job.out, stem, source=source, page=page, method=job.method, fmt=job.fmt, options=job.options
    )
    seconds += time.perf_counter() - started
    layout = "" if d.layout is None else d.layout.name
    return SummaryRow(source, page, stem, d.status, "; ".join(d.reasons), layout, d.snr_pred_db, seconds)


def _reader(job: Job) -> Callable[[Path], Iterator[Digitization]]:
    if job.method == "strip":
        from einthoven.strips import read_strips

        return lambda path: read_strips(path, job.lead, job.strip, job.reading)
    from digitize import read_file

    return lambda path: iter(read_file(path, job.options, job.reading))


def _total(rows: Sequence[SummaryRow], out: Path) -> str:
    counts = [(s, sum(row.status == s for row in rows)) for s in ("accepted", "review", "refused", "failed")]
    told = ", ".join(f"{n} {status}" for status, n in counts if n)
    what = "signals, overlays and summary.csv are" if any(row.stem and row.page for row in rows) else "summary.csv is"
    return f"{told}; {what} in {out}"
