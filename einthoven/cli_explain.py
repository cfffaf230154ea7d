"""The command ``explain``. `register` hangs it below the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecg.errors import OptionsError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the program.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command(
        help="Explain a classifier's answer for records and pages: which leads, which waves, how far to trust it.\n\n"
        "Writes for each ECG STEM_explanation.json (shares by lead, wave and territory, a test of the map, a text for "
        "clinician and patient), STEM_attribution.npz and STEM_explanation.png; for pages STEM_explanation_page.png "
        "too, the attribution drawn on the photograph.",
        epilog="\b\nExamples:\n"
        "  einthoven explain record.hea -o out --task mi_sttc\n"
        "  einthoven explain photo.jpg -o out --target MI --method gradcam\n"
        "  einthoven explain 'pages/*.png' -o out --task mi_sttc --style published",
    )(explain)


def explain(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Folder for everything that is written.")],
    files: Annotated[list[str] | None, typer.Argument(metavar="FILES...", show_default=False)] = None,
    task: Annotated[
        str, typer.Option(metavar="TASK", help="superclass, mi, mi_sttc, abnormal, ami or four_class.")
    ] = "superclass",
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model's name, a folder, a URL or hub:OWNER/NAME.")
    ] = "default",
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="gradcam, guided_gradcam, saliency, integrated_gradients, integrated_smooth, guided_input, scorecam, "
            "occlusion or random.  [default: what did best for the label]",
        ),
    ] = "",
    target: Annotated[
        str, typer.Option(metavar="LABEL", help="Label to explain; else the one highest over its threshold.")
    ] = "",
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What methods start from: zero, flat (each lead at its median) or paper (of a picture).  [default: "
            "zero for leads, paper for pictures]",
        ),
    ] = "",
    age: Annotated[float | None, typer.Option(metavar="YEARS", help="Else what the file says.")] = None,
    sex: Annotated[Literal["M", "F"] | None, typer.Option(help="Else what the file says.")] = None,
    style: Annotated[
        Literal["ours", "published"],
        typer.Option(help="published: the pictures in the form of the published systems, beside ours."),
    ] = "ours",
) -> None:
    """Explain answers."""
    from einthoven.commands import explain as command
    from explain.methods import ExplainOptions

    if not files:
        raise OptionsError("name at least one file, folder or pattern: einthoven explain FILES... -o OUT")
    options = ExplainOptions(task=task, target=target, method=method, baseline=baseline, age=age, sex=sex)
    raise typer.Exit(command.run(files, out, command.Request(options, model, style == "published")))
