"""A batch from end to end: list, look, plan, make, conclude."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ecg.errors import FormatError, OptionsError
from ecg.options import nearest
from einthoven.batch.index import Index
from einthoven.batch.make import Failure, Order, Part, PartReport, make_part
from einthoven.batch.options import BatchOptions
from einthoven.batch.pool import Runner, run_pool
from einthoven.batch.scan import Look, list_source, look
from einthoven.batch.shards import add_copies, drop_rows, part_keys
from einthoven.batch.store import Store, open_store, part_name
from einthoven.batch.works import find_work
from einthoven.outputs import output_folder, table_cell

__all__ = ["BatchReport", "run_batch"]

#: Files that a process looks at before it reports.
_LOOKS_AT_ONCE = 200
#: A part is to be a thirty-second of a process's share, within these bounds.
_SHARE, _LEAST_FILES, _MOST_FILES = 32, 8, 256
#: Deaths of its process after which a part is split, and a lone file is given up.
_SPLIT_AFTER, _GIVE_UP_AFTER = 2, 3
#: Seconds between two writings of errors.csv.
_ERRORS_EVERY_S = 60.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BatchReport:
    """What an archive holds now.

    Parameters
    ----------
    files : int
        Different contents that were to be read.
    statuses : mapping
        Rows by status.
    errors : int
        Files that gave an error, copies too.
    faults : tuple of str
        Tracebacks of faults of the program, some of them.
    first_errors : tuple of (str, str)
        Some of ``errors.csv``.
    peak_mb : float
        Largest resident memory of a worker of this run, MiB; 0 where nothing was left to do.
    """

    files: int
    statuses: Mapping[str, int]
    errors: int
    faults: tuple[str, ...] = ()
    first_errors: tuple[tuple[str, str], ...] = ()
    peak_mb: float = 0.0


def run_batch(
    source: str | Path,
    out: str | Path,
    options: BatchOptions | None = None,
    *,
    progress: Progress | None = None,
    runner: Runner | None = None,
) -> BatchReport:
    """Turn every file of a folder or manifest into rows of Parquet; the same call goes on where it was stopped.

    Parameters
    ----------
    source : path-like or str
        Folder, manifest, or URL of either.
    out : path-like or str
        Folder or URL for the results.
    options : BatchOptions, optional
    progress : callable, optional
        ``progress(what, done, total)``, called often.
    runner : Runner, optional
        Who does the work; processes of this machine, or the options' scheduler.

    Returns
    -------
    BatchReport

    Raises
    ------
    OptionsError
        If nothing can start: no such folder, another batch at work here, or one with other settings before.
    ModelError
        If the work needs a model that is not there.
    """
    options = options or BatchOptions()
    source, out = str(source), str(out)
    work = find_work(options.do)
    for table in options.settings:
        if table not in work.tables:
            raise OptionsError(f"{work.name} has no settings [{table}]{nearest(table, work.tables)}")
    work.check(options.settings)
    found, named = list_source(source, out)
    store = open_store(out)
    runner = runner or _runner(options)
    tell = progress or _silent
    _check_free(store)
    with Index(_index_path(store)) as index:
        index.agree({"do": options.do, "settings": {k: dict(v) for k, v in options.settings.items() if v}})
        store.sweep()
        index.list_files(found)
        if options.retry_errors:
            index.forget_failures()
        _look_at_files(index, runner, Look(work.records, named), tell)
        statuses = _learn(index, store)
        if not index.counts()[0] and next(index.errors(), None) is None:
            wanted = "page or record" if work.records else "page (image, PDF or DICOM picture)"
            raise OptionsError(f"no input: {source} holds no {wanted}")
        index.plan(options.part_files or part_files(index.n_pending(), options.processes))
        making = _Making(index, store, Order(out, options.do, options.settings), statuses, tell)
        try:
            making.run(runner)
        finally:
            # Also after Ctrl-C: what is known is listed, and what killed workers left is removed.
            making.write_errors()
            store.sweep()
        return making.report()


def _silent(*_: object) -> None:
    """Tell nobody."""


def _runner(options: BatchOptions) -> Runner:
    if options.scheduler is None:
        return partial(run_pool, jobs=options.processes)
    from einthoven.batch.cluster import run_cluster

    return partial(run_cluster, scheduler=options.scheduler)


def part_files(files: int, processes: int) -> int:
    """Files a part: a thirty-second of what a process gets, so that the last ones end together, within bounds.

    Examples
    --------
    >>> part_files(2000, 2), part_files(10, 2), part_files(10_000_000, 100)
    (31, 8, 256)
    """
    return min(max(files // (processes * _SHARE), _LEAST_FILES), _MOST_FILES)


def _check_free(store: Store) -> None:
    """Overwrite no stranger's list of errors: an archive of ours has an index beside it, or parts."""
    errors = None if store.local is None else store.local / "errors.csv"
    if errors is not None and errors.exists() and not _index_path(store).exists() and not store.numbers("results"):
        raise OptionsError(f"{errors} was not written by a batch; move it, or give another folder with -o")


def _index_path(store: Store) -> Path:
    """Place of the index: beside local results; for an object store in the cache of this machine."""
    if store.local is not None:
        return store.local / "index.sqlite"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "einthoven" / "batch"
    name = hashlib.sha256(store.root.rstrip("/").encode()).hexdigest()[:16]
    return output_folder(cache) / f"{name}.sqlite"


def _look_at_files(index: Index, runner: Runner, how: Look, tell: Progress) -> None:
    """Look at the files that are new or have changed."""
    waiting = index.unseen(_LOOKS_AT_ONCE)
    done, total = 0, index.n_unseen()
    lost: Counter[tuple[str, ...]] = Counter()
    again: deque[tuple[str, ...]] = deque()

    def take() -> tuple[str, ...] | None:
        return again.popleft() if again else next(waiting, None)

    for outcome in runner(partial(look, how=how), take, _silent):
        if not outcome.lost:
            index.looked(outcome.value)
            done += len(outcome.item)
            tell("files looked at", done, total)
            continue
        lost[outcome.item] += 1
        half = len(outcome.item) // 2
        if lost[outcome.item] < _SPLIT_AFTER:
            again.append(outcome.item)
        elif half:
            again.extend((outcome.item[:half], outcome.item[half:]))
        else:
            index.unreadable(outcome.item[0], _KILLED)


_KILLED = "every process that read this file was killed, perhaps for want of memory; read it elsewhere"


def _learn(index: Index, store: Store) -> Counter[str]:
    """Take what the parts say, and name copies in them that have turned up since."""
    statuses, doubles = index.load((number, part_keys(store, number)) for number in store.numbers("results"))
    for number, hashes in doubles.items():
        statuses -= drop_rows(store, number, hashes)
    for number, paths in index.newly_copied():
        add_copies(store, number, paths)
    return statuses


@dataclass
class _Making:
    """The parts that are being made."""

    index: Index
    store: Store
    order: Order
    statuses: Counter[str]
    tell: Progress
    lost: Counter[int] = field(default_factory=Counter)
    again: deque[Part] = field(default_factory=deque)
    ticks: Counter[int] = field(default_factory=Counter)
    parts: set[int] = field(default_factory=set)
    last: int = 0
    peak_mb: float = 0.0

    def run(self, runner: Runner) -> None:
        """Make all parts that are planned."""
        self.total, self.done = self.index.counts()
        self.tell("files", self.done, self.total)
        written = time.monotonic()
        for outcome in runner(partial(make_part, order=self.order), self._take, self._tick):
            self.ticks.pop(outcome.item.number, None)
            if outcome.lost:
                self._lost(outcome.item)
            else:
                self._made(outcome.item, outcome.value)
            if time.monotonic() - written > _ERRORS_EVERY_S:
                self.write_errors()
                written = time.monotonic()
        gone = self.parts - set(self.store.numbers("results"))
        if gone:
            raise FormatError(
                f"results/{part_name(min(gone))} was written and is not there, {len(gone)} parts in all; is the file "
                "system sound? the same command makes them again"
            )

    def _take(self) -> Part | None:
        if self.again:
            return self.again.popleft()
        part = self.index.next_part(self.last)
        if part is not None:
            self.last = part.number
        return part

    def _tick(self, part: Part) -> None:
        self.ticks[part.number] += 1
        self.tell("files", self.done + self.ticks.total(), self.total)

    def _made(self, part: Part, report: PartReport) -> None:
        self.index.made(report)
        self.parts.add(part.number)
        self.statuses.update(report.statuses)
        self.peak_mb = max(self.peak_mb, report.peak_mb)
        self.done += len(part.units)
        self.tell("files", self.done + self.ticks.total(), self.total)

    def _lost(self, part: Part) -> None:
        """Its process died: once may be chance, twice is one of its files."""
        if part.number in self.store.numbers("results"):
            self._adopt(part)
            return
        self.lost[part.number] += 1
        if len(part.units) > 1 and self.lost[part.number] >= _SPLIT_AFTER:
            self.index.split(part)
        elif self.lost[part.number] >= _GIVE_UP_AFTER:
            self.index.failed([Failure(unit.sha256, _KILLED) for unit in part.units])
            self.done += len(part.units)
        else:
            self.again.append(part)

    def _adopt(self, part: Part) -> None:
        """Take a part that was in place before its process died: only what it could not say is asked again."""
        keys = part_keys(self.store, part.number)
        rows = Counter(row["source_sha256"] for row in keys)
        self._made(part, PartReport(rows, Counter(row["status"] for row in keys), (), 0.0))
        self.done -= self.index.put_off(part.number)

    def write_errors(self) -> None:
        """Write ``errors.csv``."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(("file", "error"))
        for path, error in self.index.errors():
            writer.writerow((table_cell(path), table_cell(error)))
        self.store.write_text("errors.csv", buffer.getvalue())

    def report(self) -> BatchReport:
        """Tell what the archive holds now."""
        first = tuple(error for error, _ in zip(self.index.errors(), range(20), strict=False))
        return BatchReport(
            self.index.counts()[0],
            dict(self.statuses),
            self.index.n_errors(),
            tuple(self.index.faults(5)),
            first,
            self.peak_mb,
        )
