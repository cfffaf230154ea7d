"""``summary.csv``: one row a page, for people with a spreadsheet and for scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from einthoven.outputs import table_cell, write_text

__all__ = ["SUMMARY_COLUMNS", "SummaryRow", "write_summary"]

SUMMARY_COLUMNS = ("file", "page", "stem", "status", "reason", "layout", "snr_pred_db", "seconds")


@dataclass(frozen=True)
class SummaryRow:
    """One line of ``summary.csv``.

    Parameters
    ----------
    file : str
        The input as it was named.
    page : int or None
        Number of the page, from 1; None where the file failed before a page came.
    stem : str
    status : str
        ``"accepted"``, ``"review"``, ``"refused"``, or ``"failed"`` where there is no reading at all.
    reason : str
        Why the status is not ``"accepted"``.
    layout : str
    snr_pred_db : float or None
        Median predicted SNR of the leads in dB.
    seconds : float
        Wall time of reading and writing the page, in seconds.
    """

    file: str
    page: int | None
    stem: str
    status: Literal["accepted", "review", "refused", "failed"]
    reason: str
    layout: str
    snr_pred_db: float | None
    seconds: float


def write_summary(path: Path, rows: Iterable[SummaryRow]) -> None:
    """Write ``summary.csv`` whole or not at all: RFC 4180, but lines end in a line feed; one header line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(SUMMARY_COLUMNS)
    for row in rows:
        snr = None if row.snr_pred_db is None else round(row.snr_pred_db, 2)
        cells = {**asdict(row), "snr_pred_db": snr, "seconds": round(row.seconds, 3)}
        writer.writerow([table_cell(cells[name]) for name in SUMMARY_COLUMNS])
    write_text(path, buffer.getvalue())
