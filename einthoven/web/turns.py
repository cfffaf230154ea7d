"""One ECG after another, in the order in which they came, each waiting person told how many are ahead."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Queue"]

#: Seconds between two looks at the place in the queue.
_LOOK_S = 0.5


class Queue:
    """First come, first served, one at a time.

    A single reading already uses both cores (onnxruntime, OpenCV), PDFium serves one caller, and networks that are
    being explained carry hooks: more at once would only be slower, and wrong.

    Examples
    --------
    >>> queue = Queue()
    >>> with queue.turn(print):
    ...     queue.length
    0
    1
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @property
    def length(self) -> int:
        """People in the queue, the one being served counted."""
        with self._changed:
            return len(self._waiting)

    @contextmanager
    def turn(self, tell: Callable[[int], None] = lambda _ahead: None) -> Iterator[None]:
        """Wait for one's turn and hold it.

        Parameters
        ----------
        tell : callable
            Called with the number of people ahead again and again, with 0 at last. If it raises (the page was
            left), the place is given up.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        try:
            while ahead := self._place(ticket):
                # Told again and again: a page that was left raises here, and its place becomes free.
                tell(ahead)
                with self._changed:
                    self._changed.wait_for(lambda seen=ahead: self._waiting.index(ticket) != seen, timeout=_LOOK_S)  # type: ignore[misc]
            tell(0)
            yield
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _place(self, ticket: object) -> int:
        with self._changed:
            return self._waiting.index(ticket)
