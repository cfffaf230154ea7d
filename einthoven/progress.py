"""What a command tells while it works: a line a page, or a bar over many files on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
def counting(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Bar for a library function that calls ``progress(done, total)``; None where stdout is no terminal."""
    if not sys.stdout.isatty():
        yield None
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
