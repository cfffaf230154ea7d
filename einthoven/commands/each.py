"""One file after the other: whatever goes wrong in one becomes a row of the summary, and the others are read."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence

from ecg.errors import ECGError, ModelError
from einthoven.inputs import Input, Missing
from einthoven.outputs import one_line
from einthoven.progress import Report
from einthoven.summary import SummaryRow

__all__ = ["conclude", "exit_status", "not_found", "rows_of"]

#: Rows that are no result.
_BAD = ("refused", "failed")


def not_found(missing: Sequence[Missing]) -> list[SummaryRow]:
    """Rows of the inputs that are not there."""
    return [SummaryRow(m.argument, None, "", "failed", str(m.error), "", None, 0.0) for m in missing]


def rows_of(item: Input, made: Iterable[tuple[SummaryRow, str]], report: Report, bugs: list[str]) -> list[SummaryRow]:
    """Take the rows of one file as they are made, and tell each.

    Parameters
    ----------
    item : Input
    made : iterable of (SummaryRow, str)
        Each row with the line that tells it; reading and writing happen as it is stepped through.
    report : Report
    bugs : list of str
        Tracebacks are added.

    Returns
    -------
    list of SummaryRow
        What was made before a fault, and the fault.

    Raises
    ------
    ModelError
        Without its model no file can be read.
    """
    rows: list[SummaryRow] = []
    started = time.perf_counter()

    def failed(reason: str) -> None:
        seconds = time.perf_counter() - started
        rows.append(SummaryRow(str(item.path), None, item.stem, "failed", reason, "", None, seconds))
        report.line(f"{item.path}: failed")

    try:
        for row, line in made:
            rows.append(row)
            report.line(line)
    except ModelError:
        raise
    except ECGError as error:
        failed(str(error))
    except OSError as error:
        failed(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:
        bugs.append(f"{one_line(item.path)}:\n{traceback.format_exc()}")
        failed(f"a fault of the program, please report it: {type(error).__name__}: {error}")
    return rows


def conclude(rows: Sequence[SummaryRow], report: Report, bugs: Sequence[str], total: str) -> None:
    """Tell the total to stdout; what was refused or failed to stderr, one line each.

    Parameters
    ----------
    rows : sequence of SummaryRow
    report : Report
    bugs : sequence of str
    total : str
    """
    rows_of_file = Counter(row.file for row in rows)
    for row in rows:
        if row.status in _BAD:
            page = f" page {row.page}" if rows_of_file[row.file] > 1 and row.page is not None else ""
            report.error(f"{row.file}{page}: {row.status}: {row.reason}")
    for bug in bugs:
        report.traceback(bug)
    report.total(total)


def exit_status(rows: Sequence[SummaryRow], bugs: Sequence[str]) -> int:
    """Give 0 where every row is a result, 1 where one was refused or failed, 3 where a bug showed."""
    if bugs:
        return 3
    return 1 if any(row.status in _BAD for row in rows) else 0
