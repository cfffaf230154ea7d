"""The command line: ``einthoven COMMAND ...``. It parses, calls public functions and maps errors to exit statuses.

Exit status: 0 every input gave a result, 1 an input was refused or failed, 2 nothing could start, 3 a fault of the
program (with traceback), 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal, NoReturn

import typer

from ecg.errors import ECGError, ModelError, OptionsError
from einthoven import cli_batch, cli_classifiers, cli_diagnose, cli_explain, cli_serve
from einthoven.commands.synth import PRESET_LINES
from einthoven.outputs import one_line, version

__all__ = ["app", "main"]

#: 128 + SIGINT, as shells have it.
_INTERRUPTED = 130

app = typer.Typer(
    name="einthoven",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
bench = typer.Typer(rich_markup_mode=None, help="Measure the programs against truth.")
app.add_typer(bench, name="bench")

_Out = Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Folder for everything that is written.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

# The options of `digitize`, in the order of its help page.
_Files = Annotated[list[str] | None, typer.Argument(metavar="FILES...", show_default=False, help="Pages to read.")]
_Format = Annotated[Literal["wfdb", "csv", "dicom"], typer.Option("--format", help="How the signals are written.")]
_Method = Annotated[
    Literal["auto", "classical", "strip"] | None,
    typer.Option(
        help="auto: all that the reader has. classical: without learned parts. strip: one lead without unit, the "
        "ten-step method of the literature.  [default: auto]"
    ),
]
_Lead = Annotated[
    str | None, typer.Option(metavar="LEAD", help="Name of the signal that --method strip writes.  [default: II]")
]
_Layout = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Layout as ROWSxCOLUMNS+STRIPS: 3x4, 3x4+1, 3x4+3, 6x2, 6x2+1, 12x1, ..."),
]
_Scale = Annotated[str | None, typer.Option(metavar="SPEED,GAIN", help="Paper speed in mm/s and gain in mm/mV: 25,10.")]
_PxPerMm = Annotated[
    str | None, typer.Option(metavar="X,Y", help="Pixels per millimetre of paper across and down: 7.87,7.87.")
]
_Corners = Annotated[
    str | None,
    typer.Option(
        metavar="x,y,x,y,x,y,x,y",
        help="Corners of the recording area in pixels: top left, top right, bottom right, bottom left.",
    ),
]
_Leads = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME,...", help="Names of the leads as they stand: row by row, then the strips."),
]
_From = Annotated[
    Path | None, typer.Option("--from", metavar="STEM.json", help="Read a page again with the corrections in its JSON.")
]
_Force = Annotated[bool, typer.Option("--force", help="Read pages that would be refused; every output says so.")]
_KeepText = Annotated[
    bool, typer.Option("--keep-text", help="Keep other text of the page in the JSON. It may name the patient.")
]
_Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help="Options in the tables [digitize], [strip] and [read]; flags win."),
]


def _examples(*lines: str) -> str:
    """Epilogue of a help page; the leading control character keeps the line breaks."""
    return "\b\n" + "\n".join(("Examples:", *(f"  {line}" for line in lines)))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"einthoven {version()}")
        raise typer.Exit


@app.callback(
    help="Read ECGs off paper: scans, photos and PDFs become calibrated 12-lead signals.\n\n"
    "Not a medical device: nothing it writes may guide the care of a patient.",
    epilog=_examples(
        "einthoven demo                      see it work on a page drawn for the purpose",
        "einthoven digitize scan.pdf -o out  read a page; look at out/scan_overlay.png first",
        "einthoven COMMAND --help            what a command does, with examples",
    ),
)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(
    help="Read pages (PNG, JPEG, TIFF, WebP, BMP, PDF, DICOM pictures) into calibrated signals.\n\n"
    "FILES are files, folders (the pages in them, told by content) or patterns. For each page STEM.hea/.dat hold the "
    "signals (500 Hz, mV), STEM_overlay.png shows them drawn back over the page, STEM.json says how the page was "
    "read, how well, and what was assumed; summary.csv lists all pages. Look at the overlay first. Where it is "
    "wrong, correct the reading by a flag, or edit STEM.json and give it back with --from.",
    epilog=_examples(
        "einthoven digitize scan.png -o out",
        "einthoven digitize archive/ 'more/*.pdf' -o out --format csv",
        "einthoven digitize fast.jpg -o out --scale 50,10 --layout 6x2",
        "einthoven digitize photo.jpg -o out --corners 80,60,1900,75,1890,1400,70,1390",
        "einthoven digitize --from out/scan.json -o out2      (after editing layout, scale, corners or boxes in it)",
        "einthoven digitize scan.png -o out --method strip --lead III",
    ),
)
def digitize(
    out: _Out,
    files: _Files = None,
    fmt: _Format = "wfdb",
    method: _Method = None,
    lead: _Lead = None,
    layout: _Layout = None,
    scale: _Scale = None,
    px_per_mm: _PxPerMm = None,
    corners: _Corners = None,
    leads: _Leads = None,
    earlier: _From = None,
    force: _Force = False,
    keep_text: _KeepText = False,
    config: _Config = None,
) -> None:
    """Read pages into signals."""
    from einthoven.commands import digitize as command

    flags = _corrections(layout, scale, px_per_mm, corners, leads)
    flags |= {name: True for name, on in (("force", force), ("keep_text", keep_text)) if on}
    if not files and earlier is None:
        raise OptionsError("name at least one file, folder or pattern: einthoven digitize FILES... -o OUT")
    request = command.Request(
        files=files or (),
        out=out,
        fmt=fmt,
        method=method,
        lead=lead,
        config=config,
        earlier=earlier,
        flags=flags,
    )
    raise typer.Exit(command.run(command.plan(request)))


def _corrections(
    layout: str | None, scale: str | None, px_per_mm: str | None, corners: str | None, leads: str | None
) -> dict[str, Any]:
    """Options of the reader that were given as flags."""
    from einthoven.inputs import lead_names, numbers

    flags: dict[str, Any] = {}
    if layout is not None:
        flags["layout"] = layout
    if scale is not None:
        flags["speed_mm_per_s"], flags["gain_mm_per_mv"] = numbers(scale, ("SPEED", "GAIN"), "--scale")
    if px_per_mm is not None:
        flags["px_per_mm"] = numbers(px_per_mm, ("X", "Y"), "--px-per-mm")
    if corners is not None:
        flags["corners"] = numbers(corners, ("x", "y") * 4, "--corners")
    if leads is not None:
        flags["leads"] = lead_names(leads)
    return flags


@app.command(
    help="Draw pages from synthetic or real records, with the truth beside each page.\n\n"
    "Writes pages/000000.png or .jpg, .json (what was drawn where), .hea/.dat (the signals), _mask.png (which pixel "
    "belongs to which lead) and manifest.csv. The same seed gives the same bytes, whatever the number of jobs; a set "
    "that was cut off is finished by the same command.\n\n"
    + "\b\nPresets:\n"
    + "\n".join(f"  {name:<10} {line}" for name, line in PRESET_LINES.items()),
    epilog=_examples(
        "einthoven synth --n 20 --preset field --contact-sheet -o pages",
        "einthoven synth --n 1000 --preset scan --seed 7 --jobs 2 -o pages",
        "einthoven synth --from ptb-xl:/data/ptb-xl --folds 1-8 --n 100 -o pages",
    ),
)
def synth(
    out: _Out,
    n: Annotated[int, typer.Option("--n", min=1, help="Number of pages.")],
    source: Annotated[
        str, typer.Option("--from", metavar="physiology|ptb-xl:DIR", help="Where the signals come from.")
    ] = "physiology",
    preset: Annotated[
        str, typer.Option(metavar="NAME", help=f"How the pages look, as listed below: {', '.join(PRESET_LINES)}.")
    ] = "clean",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is sampled.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that draw.")] = 1,
    folds: Annotated[str, typer.Option(metavar="1-8", help="Folds of PTB-XL to draw from: 1-8 or 1,2,5.")] = "1-8",
    kit: Annotated[bool, typer.Option("--kit", help="Also write the pages into kit/ as ecg-image-kit would.")] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also write the undamaged pages into pdf/ as vector PDFs.")
    ] = False,
    contact_sheet: Annotated[
        bool, typer.Option("--contact-sheet", help="Also write contact_sheet.jpg: the first 60 pages in one picture.")
    ] = False,
) -> None:
    """Draw pages with their truth."""
    from einthoven.commands import synth as command

    request = command.Request(n=n, source=source, preset=preset, seed=seed, jobs=jobs, folds=folds, kit=kit, pdf=pdf)
    raise typer.Exit(command.run(out, request, contact_sheet=contact_sheet))


@app.command(
    help="Say what a file is: kind, leads, sampling rate, duration and missing share of a record; pages, size and "
    "resolution of a picture or PDF. The content decides, not the suffix.",
    epilog=_examples(
        "einthoven info scan.pdf", "einthoven info record.hea --json", "einthoven info trace.csv --fs 500"
    ),
)
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file in question.")],
    as_json: _AsJson = False,
    fs: Annotated[
        float | None, typer.Option(metavar="HZ", help="Sampling rate of a CSV file without a time column.")
    ] = None,
) -> None:
    """Say what a file is."""
    from einthoven.commands import info as command

    raise typer.Exit(command.run(file, as_json=as_json, fs=fs))


@app.command(
    help="See it work: draw a page from a synthetic record, read it, and compare the reading with the truth.\n\n"
    "Writes the page, its true signals, the reading and its overlay. Opens nothing and needs no network.",
    epilog=_examples("einthoven demo", "einthoven demo -o somewhere --seed 3"),
)
def demo(
    out: _Out = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Which record and page to draw.")] = 0,
    as_json: _AsJson = False,
) -> None:
    """Draw a page, read it, compare."""
    from einthoven.commands import demo as command

    raise typer.Exit(command.run(out, seed=seed, as_json=as_json))


@bench.command(
    help="Read every page of a folder that has its true signals beside it, and measure how good the readings are.\n\n"
    "Takes folders that einthoven synth or ecg-image-kit wrote, and any picture or PDF with a .hea/.dat of its name. "
    "Writes fidelity.json (figures with 95 % intervals, by group and overall) and leads.csv.",
    epilog=_examples(
        "einthoven bench fidelity --pages pages -o results",
        "einthoven bench fidelity --pages pages -o results --method classical",
    ),
)
def fidelity(
    pages: Annotated[Path, typer.Option("--pages", metavar="DIR", help="Folder of pages with their truth.")],
    out: _Out,
    method: Annotated[
        Literal["auto", "classical"], typer.Option(help="The reader to measure; the strip method runs beside it.")
    ] = "auto",
) -> None:
    """Measure readings against truth."""
    from einthoven.commands import fidelity as command

    raise typer.Exit(command.run(pages, out, method=method))


cli_classifiers.register(app)
cli_explain.register(app)
cli_diagnose.register(app)
cli_batch.register(app)
cli_serve.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status, as the module's docstring lists.
    """
    usage_error = typer.BadParameter.__mro__[2]  # click's own base of errors on the command line, wherever it lives
    try:
        with _terminable():
            status = int(app(arguments, prog_name="einthoven", standalone_mode=False) or 0)
        if status == _INTERRUPTED:  # typer turns Ctrl-C into this status by itself
            raise KeyboardInterrupt
        return status
    except (typer.Abort, KeyboardInterrupt):
        return _told("interrupted; what had been finished is in place", _INTERRUPTED)
    except (OptionsError, ModelError) as error:
        return _told(error, 2)
    except ECGError as error:
        return _told(error, 1)
    except BrokenPipeError:
        # The reader of our output left (`| head`); Python would complain once more when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _told(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 2)
    except Exception as error:
        if isinstance(error, usage_error):
            message = error.format_message().replace("Value error, ", "").rstrip(".")  # type: ignore[attr-defined]
            return _told(f"{message}; einthoven --help shows the usage", 2)
        traceback.print_exc()
        return _told(f"a fault of the program, please report it with the lines above: {type(error).__name__}", 3)


def _told(what: object, status: int) -> int:
    typer.echo(f"einthoven: {one_line(what)}", err=True)
    return status


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the program through its ``finally`` blocks, so that no temporary file stays behind."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
