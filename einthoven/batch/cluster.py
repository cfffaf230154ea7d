"""The same work on the workers of a Dask scheduler (https://distributed.dask.org), where one machine is not enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

from ecg.errors import OptionsError
from einthoven.batch.pool import Outcome, Take
from einthoven.outputs import one_line

__all__ = ["run_cluster"]

#: Items in hand for each thread of the cluster: one at work, one waiting, so that no worker idles and nothing piles up.
_AHEAD = 2
#: Seconds in which a scheduler answers.
_CONNECT_S = 10


def run_cluster(
    function: Callable[..., Any], take: Take, _tick: Callable[[Any], None], *, scheduler: str
) -> Iterator[Outcome]:
    """Work on a cluster, as `einthoven.batch.pool.Runner` says.

    An item whose worker dies goes to another one; after as many deaths as the scheduler allows
    (``distributed.scheduler.allowed-failures``, 3) it is lost. There are no ticks: what a worker says reaches nobody
    before its item is done.

    Parameters
    ----------
    function : callable
        ``function(item, tick)``; can be pickled, and the workers can import it.
    take, _tick : callable
        As `einthoven.batch.pool.Runner` says.
    scheduler : str
        Address, ``"tcp://host:8786"``.

    Yields
    ------
    Outcome

    Raises
    ------
    OptionsError
        If Dask is not installed, the scheduler cannot be reached or has no worker.
    Exception
        Whatever the function raises.
    """
    try:
        from distributed import Client, KilledWorker, wait
    except ImportError as error:
        raise OptionsError("--scheduler needs Dask distributed: pip install 'einthoven[cluster]'") from error
    try:
        client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise OptionsError(f"no Dask scheduler answers at {one_line(scheduler)}: {one_line(error)}") from error
    with client:
        in_hand: dict[Any, Any] = {}
        while True:
            while len(in_hand) < _AHEAD * _threads(client, scheduler) and (item := take()) is not None:
                # Not pure: an item that comes again is to be done again.
                in_hand[client.submit(partial(_quietly, function), item, pure=False)] = item
            if not in_hand:
                return
            with client.as_current():
                done = wait(list(in_hand), return_when="FIRST_COMPLETED").done
            for future in done:
                item = in_hand.pop(future)
                try:
                    outcome = Outcome(item, future.result())
                except KilledWorker:
                    outcome = Outcome(item, lost=True)
                except CancelledError as error:
                    raise OptionsError(
                        f"the Dask scheduler at {one_line(scheduler)} is gone; what is finished is in place: start it "
                        "again, then the same command"
                    ) from error
                yield outcome


def _threads(client: Any, scheduler: str) -> int:
    """Threads of the cluster at present: workers may come and go."""
    threads = sum(client.nthreads().values())
    if not threads:
        raise OptionsError(
            f"the Dask scheduler at {one_line(scheduler)} has no worker; start some: dask worker {one_line(scheduler)} "
            "--nworkers 2 --nthreads 1"
        )
    return int(threads)


def _quietly(function: Callable[..., Any], item: Any) -> Any:
    """Call the function on a worker, with its libraries held to one thread."""
    import cv2

    cv2.setNumThreads(1)
    return function(item, lambda: None)
