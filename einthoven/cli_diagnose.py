"""The command ``diagnose``. `register` hangs it below the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ecg.errors import OptionsError

__all__ = ["register"]

_HELP = (
    "Read, measure, classify and explain ECGs: records (WFDB, CSV, DICOM, EDF) and pages (pictures, PDF).\n\n"
    "Writes for each ECG STEM_diagnosis.json and STEM_report.pdf, for a page also all that digitize writes. An "
    "answer is withheld where page or model is not good enough for one; a page that needs review is answered and "
    "marked experimental; a refused page is not looked at unless --force says so, and every output says so then.\n\n"
    "Not a medical device: nothing it writes may guide the care of a patient."
)
_EXAMPLES = (
    "\b\nExamples:",
    "  einthoven diagnose scan.pdf -o out --age 61 --sex F",
    "  einthoven diagnose record.hea 'more/*.png' -o out",
    "  einthoven diagnose photo.jpg -o out --redact --layout 3x4+1",
    "  einthoven diagnose lead_ii.csv -o out --fs 500 --route published --model models/lead_ii_cnn",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command(help=_HELP, epilog="\n".join(_EXAMPLES))(diagnose)


def diagnose(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Folder for everything that is written.")],
    files: Annotated[list[str] | None, typer.Argument(metavar="FILES...", show_default=False)] = None,
    task: Annotated[
        str,
        typer.Option(
            metavar="TASK,...",
            help="Questions; the first gives the headline.  [default: superclass,mi_sttc, of a page also four_class]",
            show_default=False,
        ),
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model's name, a folder, a URL or hub:OWNER/NAME.")
    ] = "default",
    route: Annotated[
        Literal["best", "published"],
        typer.Option(help="best: the shipped model that won on validation. published: the published networks."),
    ] = "best",
    age: Annotated[float | None, typer.Option(metavar="YEARS", help="Else what the file says.")] = None,
    sex: Annotated[Literal["M", "F"] | None, typer.Option(help="Else what the file says.")] = None,
    threshold: Annotated[str, typer.Option(metavar="P", help="card, a number or a published point.")] = "card",
    fs: Annotated[
        float | None, typer.Option(metavar="HZ", help="Sampling rate of a CSV file without a time column.")
    ] = None,
    fmt: Annotated[
        Literal["wfdb", "csv", "dicom"], typer.Option("--format", help="How a page's signals are written.")
    ] = "wfdb",
    layout: Annotated[str | None, typer.Option(metavar="NAME", help="Layout of the page: 3x4+1.")] = None,
    scale: Annotated[str | None, typer.Option(metavar="SPEED,GAIN", help="Paper speed and gain: 25,10.")] = None,
    px_per_mm: Annotated[str | None, typer.Option(metavar="X,Y", help="Pixels per millimetre of paper.")] = None,
    corners: Annotated[
        str | None, typer.Option(metavar="x,y,x,y,x,y,x,y", help="Corners of the recording area in pixels.")
    ] = None,
    leads: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Names of the leads as they stand: row by row, then strips.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option("--from", metavar="STEM.json", help="Read a page again as corrected in its JSON.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Go on with refused pages; every output says so.")] = False,
    keep_text: Annotated[bool, typer.Option("--keep-text", help="Keep other text of the page in its JSON.")] = False,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Blank all outside the recording area in every picture; look before you share."),
    ] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the PDF.")] = True,
    explain: Annotated[bool, typer.Option("--explain/--no-explain", help="Explain the answer.")] = True,
    explain_method: Annotated[
        str, typer.Option(metavar="NAME", help="Attribution method, as for explain.", show_default=False)
    ] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Options in the tables [digitize] and [read]; flags win.")
    ] = None,
) -> None:
    """Read, measure, classify, explain."""
    from einthoven.cli import _corrections
    from einthoven.commands import diagnose as command
    from einthoven.commands import digitize as pages

    if not files and earlier is None:
        raise OptionsError("name at least one file, folder or pattern: einthoven diagnose FILES... -o OUT")
    flags = _corrections(layout, scale, px_per_mm, corners, leads)
    flags |= {name: True for name, on in (("force", force), ("keep_text", keep_text)) if on}
    asked: dict[str, Any] = {
        "tasks": tuple(part.strip() for part in task.split(",")) if task else (),
        "model": model,
        "route": route,
        "age": age,
        "sex": sex,
        "threshold": threshold,
        "explain": explain,
        "method": explain_method,
    }
    read = pages.Request(files=files or (), out=out, fmt=fmt, config=config, earlier=earlier, flags=flags)
    request = command.Request(pages=read, asked=asked, fs=fs, redact=redact, report=report)
    raise typer.Exit(command.run(command.plan(request)))
