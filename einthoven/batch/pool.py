"""Processes that work through a stream of items, and whose death costs no more than the item in hand."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

from ecg.errors import ECGError, OptionsError

__all__ = ["Outcome", "Runner", "run_here", "run_pool"]

#: A process that says nothing for this long hangs: the slowest page that was measured took 20 s on a busy core.
_SILENT_S = 900.0
#: A process is replaced after this many items' files, so that what its libraries leak stays bounded.
_FILES_A_PROCESS = 2000
#: Processes that may die one after another before they are ready.
_FALSE_STARTS = 5
#: Libraries that start a thread a core unless they are told; two cores' work on one core is slower, not faster.
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)

Item = TypeVar("Item")
Take = Callable[[], Any]


@dataclass(frozen=True)
class Outcome:
    """What became of an item.

    Parameters
    ----------
    item : object
    value : object
        What the function gave; None where `lost`.
    lost : bool
        The process died over it, or hung and was ended.
    """

    item: Any
    value: Any = None
    lost: bool = False


class Runner(Protocol):
    """Works through items, at most a few at a time, in any order.

    ``take()`` gives the next item, or None where there is none at present; the runner asks again after each outcome and
    ends when nothing is in hand and there is nothing to take. ``tick(item)`` is called as an item goes on.
    """

    def __call__(self, function: Callable[..., Any], take: Take, tick: Callable[[Any], None], /) -> Iterator[Outcome]:
        """Yield what became of each item."""
        ...


def run_here(function: Callable[..., Any], take: Take, tick: Callable[[Any], None]) -> Iterator[Outcome]:
    """Work in this process, one item after another: for notebooks, and for stores in this process's memory."""
    while (item := take()) is not None:
        yield Outcome(item, function(item, lambda item=item: tick(item)))


@dataclass
class _Process:
    """A worker process, and what it has in hand."""

    process: Any
    pipe: Connection
    item: Any = None
    heard: float = field(default_factory=time.monotonic)
    files: int = 0
    useful: bool = False

    def give(self, item: Any) -> None:
        self.item, self.heard = item, time.monotonic()
        try:
            self.pipe.send(item)
        except OSError:
            self.process.kill()  # its end of the pipe is gone; the loop finds it dead with the item in hand

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run_pool(function: Callable[..., Any], take: Take, tick: Callable[[Any], None], *, jobs: int) -> Iterator[Outcome]:
    """Work in spawned processes, as `Runner` says.

    Each process has one item in hand and gets the next when its result has been taken: nothing piles up.

    Parameters
    ----------
    function : callable
        ``function(item, tick)``; can be pickled.
    take, tick : callable
        As `Runner` says.
    jobs : int
        Processes.

    Yields
    ------
    Outcome

    Raises
    ------
    OptionsError
        If processes cannot even start.
    Exception
        Whatever the function raises.
    """
    team: list[_Process] = []
    false_starts = 0
    try:
        while True:
            _hand_out(team, function, take, jobs)
            if not any(p.item is not None for p in team):
                return
            for worker in _stirring(team):
                outcome = _hear(worker, tick)
                if outcome is None:
                    continue
                false_starts = 0 if worker.useful else false_starts + 1
                if outcome.lost or worker.files >= _FILES_A_PROCESS:
                    team.remove(worker)
                    worker.end()
                if false_starts >= _FALSE_STARTS:
                    raise OptionsError(
                        f"{_FALSE_STARTS} processes died one after another as they started: is memory "
                        "short? try fewer --jobs"
                    )
                yield outcome
    finally:
        for worker in team:
            worker.end()


def _hand_out(team: list[_Process], function: Callable[..., Any], take: Take, jobs: int) -> None:
    """Give each idle process an item, and start processes for further items up to the number asked."""
    while True:
        for gone in [p for p in team if p.item is None and not p.process.is_alive()]:
            team.remove(gone)
            gone.end()
        idle = next((p for p in team if p.item is None), None)
        if idle is None and len(team) >= jobs:
            return
        item = take()
        if item is None:
            return
        if idle is None:
            idle = _start(function)
            team.append(idle)
        idle.give(item)


def _start(function: Callable[..., Any]) -> _Process:
    from multiprocessing import get_context

    # Spawned, not forked: a fork inherits the locks of numba's and OpenCV's threads.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, function), daemon=True)
    process.start()
    theirs.close()
    return _Process(process, ours)


def _stirring(team: list[_Process]) -> list[_Process]:
    """Wait for processes that have said something or died; those that hang are ended."""
    from multiprocessing.connection import wait

    busy = [p for p in team if p.item is not None]
    ready = set(wait([p.pipe for p in busy] + [p.process.sentinel for p in busy], timeout=1.0))
    for p in busy:
        if time.monotonic() - p.heard > _SILENT_S:
            p.process.kill()
            p.process.join()
            ready.add(p.process.sentinel)
    return [p for p in busy if p.pipe in ready or p.process.sentinel in ready]


def _hear(worker: _Process, tick: Callable[[Any], None]) -> Outcome | None:
    """Take what a process has said; None where its item goes on."""
    # Asked before the pipe is emptied: what a process said before it died is still in the pipe.
    dead, item = not worker.process.is_alive(), worker.item
    while True:
        try:
            if not worker.pipe.poll():
                break
            what, value = worker.pipe.recv()
        except (EOFError, OSError):  # killed while it spoke
            dead = True
            break
        worker.heard, worker.useful = time.monotonic(), True
        if what == "failed":
            raise value
        if what == "done":
            worker.item = None
            return Outcome(item, value)
        if what == "tick":
            worker.files += 1
            tick(item)
    return Outcome(item, lost=True) if dead else None


def _serve(pipe: Connection, function: Callable[..., Any]) -> None:
    """Life of a process: one item after another, until the parent is gone."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")  # this process's own, and before a library reads it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe.send(("ready", None))
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(("done", function(item, lambda: pipe.send(("tick", None)))))
        except (BrokenPipeError, ConnectionResetError):
            return
        except (ECGError, OSError) as error:
            pipe.send(("failed", error))
        except Exception:
            import traceback

            pipe.send(("failed", RuntimeError(f"in a worker process:\n{traceback.format_exc()}")))


def _end_with_parent() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        # The parent was killed: nobody takes the result, and a half-written part has a temporary name.
        os._exit(1)
