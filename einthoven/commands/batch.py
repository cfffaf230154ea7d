"""``einthoven batch``: an archive of files in; Parquet, signals and a list of errors out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecg.options import read_toml
from einthoven.batch.options import BatchOptions
from einthoven.batch.works import find_work
from einthoven.progress import Report, counting

__all__ = ["Request", "run"]

#: Errors that are told on stderr; all of them stand in errors.csv.
_TOLD = 20
#: Seconds between two lines of progress where there is no terminal.
_LINE_EVERY_S = 15.0


@dataclass(frozen=True)
class Request:
    """What the user asked for, before anything is checked.

    Parameters
    ----------
    source : str
        Folder, manifest or URL.
    out : str
        Folder or URL.
    options : BatchOptions
        Without settings.
    config : Path or None
        TOML file with the work's tables.
    flags : mapping
        Settings that were given as flags, by table; they win.
    """

    source: str
    out: str
    options: BatchOptions
    config: Path | None = None
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)


def run(request: Request) -> int:
    """Make the archive, or go on with it.

    Parameters
    ----------
    request : Request

    Returns
    -------
    int
        0 where every file gave a result, 1 where a page was refused or a file failed, in this run or an earlier one, 3
        where a bug showed.
    """
    from dataclasses import replace

    from einthoven.batch.archive import run_batch

    work = find_work(request.options.do)
    settings: dict[str, dict[str, Any]] = {table: {} for table in work.tables}
    if request.config is not None:
        settings = read_toml(request.config, settings)
    for table, values in request.flags.items():
        settings[table] = {**settings.get(table, {}), **values}
    options = replace(request.options, settings={table: values for table, values in settings.items() if values})
    report = Report()
    with ExitStack() as stack:
        found = run_batch(request.source, request.out, options, progress=_progress(stack))
    for path, error in found.first_errors[:_TOLD]:
        report.error(f"{path}: {error}")
    if found.errors > _TOLD:
        report.error(f"{found.errors - _TOLD} more are in errors.csv")
    for fault in found.faults:
        report.traceback(fault)
    told = [f"{n} {status}" for status, n in sorted(found.statuses.items())]
    told += [f"{found.errors} failed"] if found.errors else []
    report.total(f"{', '.join(told) or 'nothing'}; results, signals and errors.csv are in {request.out}")
    if found.faults:
        return 3
    return 1 if found.errors or found.statuses.get("refused") else 0


def _progress(stack: ExitStack) -> Callable[[str, int, int], None]:
    """One count after another: the files that are looked at, then those that are read."""
    shown: dict[str, Callable[[int, int], None]] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in shown:
            stack.close()  # the bar of the count before
            shown[what] = stack.enter_context(counting(what, _LINE_EVERY_S))
        shown[what](done, total)

    return tell
