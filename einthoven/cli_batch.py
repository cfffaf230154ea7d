"""The command of the archives: ``batch``. `register` hangs it below the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the program.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command(
        help="Read an archive: every page of a folder and its sub-folders (records too, unless --do digitize), told by "
        "content, or the files that a manifest names.\n\n"
        "Writes results/part-*.parquet, a row an ECG; signals/part-*.parquet; errors.csv. The same command goes on "
        "where it was stopped, also after a kill or a power cut: nothing is lost, nothing stands twice. A file that "
        "lies there several times is read once, its other paths stand in the column copies.",
        epilog="\b\n"
        "Examples:\n"
        "  einthoven batch scans/ -o archive --do digitize --jobs 8\n"
        "  einthoven batch list.csv -o archive --do classify --task mi_sttc\n"
        "  einthoven batch s3://bucket/scans -o s3://bucket/archive --do digitize --scheduler tcp://head:8786",
    )(batch)


def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|MANIFEST",
            show_default=False,
            help="Folder, list of files (.csv, .tsv, .txt, .parquet), or URL of either.",
        ),
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="Folder or URL for everything written.")],
    do: Annotated[str, typer.Option("--do", metavar="digitize|classify|diagnose", help="What to do with each file.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Processes.  [default: one a core]")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:8786", help="Work on this Dask scheduler's workers, not in processes here."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            show_default=False,
            help="Of --do classify and diagnose: superclass, mi, mi_sttc, abnormal, ami or four_class.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Of --do classify and diagnose: a shipped model's name, a folder or a URL."),
    ] = None,
    route: Annotated[
        Literal["best", "published"] | None, typer.Option(help="Of --do classify and diagnose, as there.")
    ] = None,
    part_files: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=False,
            help="Files a part: what a kill can cost.  [default: 8 to 256, by the size of the archive]",
        ),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Try files again that failed in an earlier run.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="Options in the tables [digitize], [read], and [classify] or [diagnose]; flags win.",
        ),
    ] = None,
) -> None:
    """Read an archive."""
    from einthoven.batch.options import BatchOptions
    from einthoven.commands import batch as command

    options = BatchOptions(do=do, jobs=jobs, scheduler=scheduler, part_files=part_files, retry_errors=retry_errors)
    asked = {"model": model, "route": route, **({"tasks": task and [task]} if do == "diagnose" else {"task": task})}
    chosen: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    flags = {"diagnose" if do == "diagnose" else "classify": chosen} if chosen else {}
    raise typer.Exit(command.run(command.Request(source, out, options, config, flags)))
