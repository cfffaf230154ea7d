"""The commands of the classifiers: ``train``, ``evaluate``, ``classify``. `register` hangs them below the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ecg.errors import OptionsError

__all__ = ["register"]

_Out = Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Folder for everything that is written.")]
_Task = Annotated[str, typer.Option(metavar="TASK", help="superclass, mi, mi_sttc, abnormal, ami or four_class.")]
_Tasks = Annotated[
    str,
    typer.Option(
        "--task",
        metavar="TASK,...",
        help="superclass, mi, mi_sttc, abnormal, ami, four_class; several with commas make one network.",
    ),
]
_PtbXl = Annotated[Path | None, typer.Option(metavar="DIR", help="PTB-XL as PhysioNet lays it out.")]
_Images = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Pages of einthoven synth or of classify.images.drawn, the four-class set, or a folder a class.",
    ),
]
_Reader = Annotated[
    str,
    typer.Option(
        metavar="digitize|strip|grid|whole",
        help="How pages are read; for models of pictures, whether they see the recording alone or the whole page.  "
        "[default: what the model takes]",
    ),
]
_Protocol = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="official: folds 1-8, 9 and 10. published: 70/15/15 by patient. pooled: the same, of the records whose "
        "hospital is known. without:HOSPITAL: leave one out.",
    ),
]
_Fs = Annotated[int, typer.Option(metavar="HZ", help="Take PTB-XL's records at 100 or at 500 Hz.")]
_Cache = Annotated[Path | None, typer.Option(metavar="DIR", help="Where read records are kept.  [default: OUT/cache]")]
_Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help="Options in the tables [train], [paper] and [model]; flags win."),
]


def _examples(*lines: str) -> str:
    """Epilogue of a help page; the leading control character keeps the line breaks."""
    return "\b\n" + "\n".join(("Examples:", *(f"  {line}" for line in lines)))


def register(app: typer.Typer) -> None:
    """Add the commands to the program.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command(
        help="Classify records (WFDB, CSV, DICOM, EDF) and pages (pictures, PDF), which are digitized first.\n\n"
        "Writes predictions.csv, a row a file and label: probability, threshold and decision, or why there is none. "
        "A model abstains where its card says so: too few leads, a pacemaker, age under 18.",
        epilog=_examples(
            "einthoven classify record.hea -o out",
            "einthoven classify scan.pdf 'more/*.png' -o out --task mi_sttc --age 61 --sex F",
            "einthoven classify record.hea -o out --route published --model models/twelve_lead_cnn",
        ),
    )(classify)
    app.command(
        help="Train a classifier on PTB-XL or on labelled pages.\n\n"
        "Writes a model folder (model.safetensors, card.json, model.onnx where the model ships), history.csv, its "
        "curves and last.ckpt. The same command goes on where it was stopped. Thresholds and calibration are fitted "
        "on validation records; fold 10 is never touched.",
        epilog=_examples(
            "einthoven train --task superclass,mi_sttc,abnormal --model default --ptbxl ptb-xl -o models/mine",
            "einthoven train --task mi_sttc --model twelve_lead_cnn --ptbxl ptb-xl -o models/twelve_lead_cnn",
            "einthoven train --task mi_sttc --model image_signal_cnn --images pages -o models/image_signal_cnn",
            "einthoven train --task four_class --model efficientnet_b0_msa --images khan -o models/msa",
        ),
    )(train)
    app.command(
        help="Measure a classifier, or predictions that any program made.\n\n"
        "Writes metrics.json (each figure with a 95 % interval from 1000 resamples of patients), predictions.csv and "
        "pictures. Thresholds are the model's own, or chosen on validation records, never on what is measured.",
        epilog=_examples(
            "einthoven evaluate --task mi_sttc --model models/mine --ptbxl ptb-xl --fold 9 -o out",
            "einthoven evaluate --task mi_sttc --predictions test.csv --validation val.csv --threshold youden -o out",
            "einthoven evaluate --task mi --model models/a --ptbxl ptb-xl -o a --compare b=b/predictions.csv",
        ),
    )(evaluate)


def classify(
    out: _Out,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILES...", show_default=False)] = None,
    task: _Task = "superclass",
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model's name, a folder, a URL or hub:OWNER/NAME.")
    ] = "default",
    route: Annotated[
        Literal["best", "published"],
        typer.Option(help="best: the shipped model that won on validation. published: the published networks."),
    ] = "best",
    age: Annotated[float | None, typer.Option(metavar="YEARS", help="Else what the file says.")] = None,
    sex: Annotated[Literal["M", "F"] | None, typer.Option(help="Else what the file says.")] = None,
    threshold: Annotated[
        str,
        typer.Option(
            metavar="P",
            help="card, a number, or published_lead_ii (0.48), published_12_lead (0.43), published_image (0.91).",
        ),
    ] = "card",
) -> None:
    """Classify records and pages."""
    from classify.predict import ClassifyOptions
    from einthoven.commands import classify as command

    if not files:
        raise OptionsError("name at least one file, folder or pattern: einthoven classify FILES... -o OUT")
    options = ClassifyOptions(task=task, model=model, route=route, age=age, sex=sex, threshold=threshold)
    raise typer.Exit(command.run(files, out, options))


def train(
    out: _Out,
    task: _Tasks,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="An architecture; default is ours.", show_default=True)
    ] = "default",
    ptbxl: _PtbXl = None,
    images: _Images = None,
    protocol: _Protocol = "official",
    fs: _Fs = 100,
    leads: Annotated[
        str, typer.Option(metavar="LEAD,...", help="Restrict our network to these leads: II.", show_default=False)
    ] = "",
    reader: _Reader = "",
    size: Annotated[
        str, typer.Option(metavar="HxW", help="Grey pictures of this size for models of pictures.", show_default=False)
    ] = "",
    recipe: Annotated[
        Literal["published", "ours"] | None, typer.Option(help="For models of pictures.  [default: published]")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Weights to start from: imagenet, a file, or a model.")
    ] = None,
    config: _Config = None,
    epochs: Annotated[int | None, typer.Option(help="Else the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn.")] = None,
    share: Annotated[float | None, typer.Option(help="Share of the training patients to use, up to 1.")] = None,
    threshold: Annotated[
        str | None, typer.Option(metavar="RULE", help="f1, youden, sensitivity=0.9 or a number.  [default: f1]")
    ] = None,
    accelerator: Annotated[Literal["auto", "cpu", "gpu"] | None, typer.Option(help="What computes.")] = None,
    devices: Annotated[int | None, typer.Option(help="GPUs; 0 takes all.")] = None,
    precision: Annotated[
        Literal["auto", "32", "bf16", "16"] | None, typer.Option(help="Numbers of the computation.")
    ] = None,
    cache: _Cache = None,
) -> None:
    """Train a classifier."""
    from einthoven.commands import train as command

    given: dict[str, Any] = {
        "epochs": epochs,
        "seed": seed,
        "share": share,
        "threshold": threshold,
        "accelerator": accelerator,
        "devices": devices,
        "precision": precision,
        "start": start,
    }
    request = command.Request(
        tasks=task,
        model=model,
        ptbxl=ptbxl,
        images=images,
        protocol=protocol,
        fs=fs,
        leads=leads,
        reader=reader,
        size=size,
        recipe=recipe or "published",
        config=config,
        flags={name: value for name, value in given.items() if value is not None},
        cache=cache,
    )
    raise typer.Exit(command.run(out, request))


def evaluate(
    out: _Out,
    task: _Task,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model's name, a folder, a URL or hub:OWNER/NAME.")
    ] = "default",
    ptbxl: _PtbXl = None,
    fold: Annotated[int, typer.Option(min=1, max=10, help="Fold of PTB-XL to measure on.")] = 9,
    images: _Images = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table id,patient_id,fold,label,y,p in place of a model.")
    ] = None,
    protocol: _Protocol = "official",
    fs: _Fs = 100,
    reader: _Reader = "",
    threshold: Annotated[
        str,
        typer.Option(metavar="RULE", help="A number or published operating point; a rule with --validation."),
    ] = "",
    validation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Predictions of validation records to choose thresholds on.")
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Predictions of another model on the same records; may be repeated."),
    ] = None,
    bootstrap: Annotated[int, typer.Option(min=1, help="Resamples of patients.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    cache: _Cache = None,
) -> None:
    """Measure a classifier."""
    from einthoven.commands import evaluate as command

    request = command.Request(
        task=task,
        model=model,
        ptbxl=ptbxl,
        images=images,
        predictions=predictions,
        fold=fold,
        protocol=protocol,
        fs=fs,
        reader=reader,
        threshold=threshold,
        validation=validation,
        compare=tuple(compare or ()),
        bootstrap=bootstrap,
        seed=seed,
        cache=cache,
    )
    raise typer.Exit(command.run(out, request))
