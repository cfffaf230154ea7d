"""Work shared out to processes that die with the one that started them."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ecg import OptionsError

__all__ = ["run_jobs"]

T = TypeVar("T")

#: Tasks handed out ahead of each process: enough to keep it busy, few enough to stop quickly.
_AHEAD = 2


def run_jobs(work: Callable[[int], T], indices: Sequence[int], jobs: int) -> Iterator[T]:
    """Results of ``work`` in the order of ``indices``, here or in spawned processes.

    Parameters
    ----------
    work : callable
        Can be pickled where ``jobs`` is above 1.
    indices : sequence of int
    jobs : int
        Processes; 1 works in this one.

    Yields
    ------
    Whatever ``work`` returns.

    Raises
    ------
    OptionsError
        If a process was killed from outside, as the system does when memory runs out.
    """
    if jobs == 1 or len(indices) < 2:
        yield from map(work, indices)
        return
    from multiprocessing import get_context

    # Spawned, not forked: a fork inherits the locks of numba's and OpenCV's threads.
    jobs = min(jobs, len(indices))
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin)
    try:
        yield from _in_order(executor, work, indices, jobs * (1 + _AHEAD))
    except BrokenProcessPool as error:
        raise OptionsError(
            f"one of {jobs} processes was killed, perhaps for want of memory; what is finished is in place: run the "
            "same command again with fewer jobs"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _in_order(
    executor: ProcessPoolExecutor, work: Callable[[int], T], indices: Sequence[int], at_once: int
) -> Iterator[T]:
    waiting: deque[Future[T]] = deque()
    for index in indices:
        if len(waiting) >= at_once:
            yield waiting.popleft().result()
        waiting.append(executor.submit(work, index))
    while waiting:
        yield waiting.popleft().result()


def _begin() -> None:
    """Make a process ready: one thread, Ctrl-C left to the parent, and an end when the parent is gone."""
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        # The parent was killed: nobody takes the result, and a half-written file has a temporary name.
        os._exit(1)
