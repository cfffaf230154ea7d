"""What a command tells while it works: a line a page, or a bar over many files on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import typer

from einthoven.outputs import one_line

__all__ = ["Report", "counting", "reporting"]


@dataclass(frozen=True)
class Report:
    """Where a command's words go.

    Parameters
    ----------
    advance : callable or None
        Moves the bar by one file; None where there is no bar.
    """

    advance: Callable[[], None] | None = None

    def line(self, text: str) -> None:
        """Tell what became of a page, unless a bar is shown instead."""
        if self.advance is None:
            typer.echo(one_line(text))

    def file_done(self) -> None:
        """Move the bar, where there is one."""
        if self.advance is not None:
            self.advance()

    def total(self, text: str) -> None:
        """Tell the outcome of the command."""
        typer.echo(one_line(text))

    def error(self, text: str) -> None:
        """Tell an error in one line on stderr."""
        typer.echo(f"einthoven: {one_line(text)}", err=True)

    def traceback(self, text: str) -> None:
        """Show a fault of the program in full on stderr."""
        typer.echo(text, err=True)


@contextmanager
def reporting(n_files: int) -> Iterator[Report]:
    """Bar for many files on a terminal, lines otherwise: a bar in a log file is noise."""
    if n_files < 2 or not sys.stdout.isatty():
        yield Report()
        return
    with _bar("files", n_files) as advance:
        yield Report(advance)


@contextmanager
def counting(what: str, every_s: float = 60.0) -> Iterator[Callable[[int, int], None]]:
    """Progress of a library function that calls ``progress(done, total)``, with rate and remaining time.

    A bar on a terminal; elsewhere a line each ``every_s`` seconds, so that the log of a long run shows that it lives.
    """
    pace = _Pace()
    if not sys.stdout.isatty():
        yield lambda done, total: pace.line(what, done, total, every_s)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")
        yield lambda done, total: bar.update(task, completed=done, total=total, rate=f"{pace.per_second(done):.1f}/s")


class _Pace:
    """How fast a count goes; what stood there at the first call was done by an earlier run."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._first: int | None = None

    def per_second(self, done: int) -> float:
        if self._first is None:
            self._first, self._began = done, time.monotonic()
        return (done - self._first) / max(time.monotonic() - self._began, 1e-9)

    def line(self, what: str, done: int, total: int, every_s: float) -> None:
        rate, now = self.per_second(done), time.monotonic()
        if now - self._told >= every_s and rate > 0:
            self._told = now
            left = timedelta(seconds=round((total - done) / rate))
            typer.echo(f"{done} of {total} {what}, {rate:.1f} a second, {left} left")


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
