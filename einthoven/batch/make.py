"""What a worker does: look at files, and make the parts of an archive out of them."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecg.errors import ECGError, FormatError, ModelError, OptionsError
from einthoven.batch.shards import writing_part
from einthoven.batch.store import Store, local_copy
from einthoven.batch.works import Row, Work, find_work
from einthoven.contents import content_sha256
from einthoven.inputs import page_stem
from einthoven.outputs import one_line

__all__ = ["Failure", "Order", "Part", "PartReport", "Unit", "make_part"]

#: PDFium and OpenCV's settings belong to the process: a cluster's worker with several threads takes one part at a time.
_ONE_PART = threading.Lock()


@dataclass(frozen=True)
class Unit:
    """One file to read; what it holds is known by its hash.

    Parameters
    ----------
    sha256 : str
    path : str
    kind : str
        As `ecg.formats.identify` says.
    copies : tuple of str
        Other paths with the same content.
    """

    sha256: str
    path: str
    kind: str
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Files whose rows stand together.

    Parameters
    ----------
    number : int
    units : tuple of Unit
    """

    number: int
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Order:
    """What every worker has to know.

    Parameters
    ----------
    out : str
        Folder or URL.
    do : str
        Name of the work.
    settings : mapping
    """

    out: str
    do: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """A file that gave an error.

    Parameters
    ----------
    sha256 : str
    error : str
        One line.
    fault : str
        Traceback, where the program is to blame; else empty.
    """

    sha256: str
    error: str
    fault: str = ""


@dataclass(frozen=True)
class PartReport:
    """What became of a part.

    Parameters
    ----------
    rows : mapping
        Rows by the hash of their file.
    statuses : mapping
        Rows by status.
    failures : tuple of Failure
    peak_mb : float
        Largest resident memory of the worker so far, MiB.
    """

    rows: Mapping[str, int]
    statuses: Mapping[str, int]
    failures: tuple[Failure, ...]
    peak_mb: float


def make_part(part: Part, tick: Callable[[], None], order: Order) -> PartReport:
    """Read the files of a part and write its rows and signals.

    Parameters
    ----------
    part : Part
    tick : callable
        Called after each file.
    order : Order

    Returns
    -------
    PartReport

    Raises
    ------
    ModelError, OptionsError
        If no file at all can be read this way.
    OSError
        If the part cannot be written.
    """
    work = find_work(order.do)
    rows: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    failures: list[Failure] = []
    with _ONE_PART, writing_part(Store(order.out), part.number, work.name, work.columns) as writer:
        for unit in part.units:
            for values, record in _read(unit, work, order, failures):
                writer.add(values, record)
                rows[unit.sha256] += 1
                statuses[values["status"]] += 1
            tick()
    return PartReport(dict(rows), dict(statuses), tuple(failures), peak_mb())


def _read(unit: Unit, work: Work, order: Order, failures: list[Failure]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Rows of a file; whatever goes wrong in it becomes a failure, so that the other files are read all the same."""
    try:
        yield from _rows_of(unit, work, order)
    except (ModelError, OptionsError):
        raise  # no file's fault: without its model nothing can be read
    except Exception as error:
        failures.append(_failure(unit, error))


def _rows_of(unit: Unit, work: Work, order: Order) -> Iterator[tuple[dict[str, Any], Any]]:
    """Rows of a file with its key; each page's stem is that of ``digitize``."""
    from ecg.formats import safe_stem

    stem = safe_stem(unit.path.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    base = {
        "source_sha256": unit.sha256,
        "file": one_line(unit.path),
        "copies": [one_line(path) for path in unit.copies],
        "kind": unit.kind,
    }
    with local_copy(unit.path) as path:
        if content_sha256(path, unit.kind) != unit.sha256:
            raise FormatError("the file has changed since it was looked at; run the same command again")
        found = 0
        for row, clocks, several in _numbered(work.rows(path, order.settings)):
            found += 1
            key = {"page": row.page, "ecg": row.ecg, "stem": page_stem(stem, row.page, several, (row.ecg, row.ecgs))}
            yield {**base, **key, "seconds": clocks[0], "cpu_seconds": clocks[1], **row.values}, row.record
    if not found:
        raise FormatError("the file has no page")


def _numbered(rows: Iterator[Row]) -> Iterator[tuple[Row, tuple[float, float], bool]]:
    """Rows with their seconds, by the clock on the wall and of processor time, and whether the file has several pages.

    The rows of a page are held back to know whether another page follows; they are handed on even where reading that
    one fails.
    """
    held: list[tuple[Row, tuple[float, float]]] = []
    failure = None
    while True:
        began, worked = time.perf_counter(), time.process_time()
        try:
            row = next(rows, None)
        except Exception as error:
            row, failure = None, error
        if held and (row is None or row.page != held[0][0].page):
            several = held[0][0].page > 1 or row is not None or failure is not None
            for one, clocks in held:
                yield one, clocks, several
            held = []
        if row is None:
            break
        held.append((row, (time.perf_counter() - began, time.process_time() - worked)))
    if failure is not None:
        raise failure


def _failure(unit: Unit, error: Exception) -> Failure:
    if isinstance(error, ECGError):
        return Failure(unit.sha256, one_line(error))
    if isinstance(error, MemoryError):
        return Failure(unit.sha256, "the memory of this machine does not suffice for the file; read it elsewhere")
    if isinstance(error, OSError):
        return Failure(unit.sha256, one_line(error.strerror or error))
    told = f"a fault of the program, please report it: {type(error).__name__}: {error}"
    return Failure(unit.sha256, one_line(told), traceback.format_exc())


def peak_mb() -> float:
    """Largest resident memory of this process so far in MiB (getrusage(2): kilobytes, on macOS bytes); 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
