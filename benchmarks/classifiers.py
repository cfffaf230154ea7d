"""Every classifier under one protocol, and the ablations, one command each.

``python -m benchmarks.classifiers NAME --ptbxl DIR --work DIR`` trains what NAME says (or goes on), measures it on
validation and writes ``benchmarks/results/classifier_NAME.json``; ``--list`` tells the names. The tables of
``docs/classifiers.md`` are made from these files by ``python -m benchmarks.tables``.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecg.errors import ECGError, OptionsError
from ecg.options import nearest
from einthoven.outputs import write_json

__all__ = ["BUDGET", "EXPERIMENTS", "Experiment", "main", "perform"]

RESULTS = Path(__file__).resolve().parent / "results"
SCHEMA = "einthoven.classifier"


@dataclass(frozen=True)
class Experiment:
    """One training and its measurement.

    Parameters
    ----------
    name : str
    group : str
        Table in which it stands: ``"models"``, ``"ablation"``, ``"hospitals"``.
    task, model : str
    what : str
        What is special about it, for the table.
    published : str
        Name in ``published.json`` of the figures to stand beside it.
    protocol : str
        As for ``einthoven train``.
    fs : int
        Rate in Hz.
    leads : str
    pages : str
        ``"strip"`` or ``"digitize"`` where it is trained or measured on pages; empty for records.
    train : mapping
        Fields of `classify.options.TrainOptions`.
    shipped : str
        Shipped model that is measured as it is; nothing is trained then.
    network : str
        Name of one network that several experiments measure, each on one of the tasks it learns; empty for its own.
    trained : str
        Network of other experiments that is measured as it is, on other pages than it learnt from.
    """

    name: str
    group: str
    task: str
    model: str
    what: str = ""
    published: str = ""
    protocol: str = "official"
    fs: int = 100
    leads: str = ""
    pages: str = ""
    train: Mapping[str, Any] = field(default_factory=dict)
    shipped: str = ""
    network: str = ""
    trained: str = ""


#: Epochs of each model where its recipe has more: an epoch costs one to three minutes of a core, and the machine that
#: made the results has two. The tables tell the epochs of every row; ``--epochs`` tries another number.
BUDGET: Mapping[str, int] = MappingProxyType(
    {
        "xresnet1d101": 30,
        "conv_bilstm_attn": 12,
        "lead_ii_cnn": 4,
        "twelve_lead_cnn": 4,
        "image_signal_cnn": 15,
        "ecg_smart_net": 40,
        "resnet18": 40,
    }
)


#: Epochs of published networks on the official folds, where their ablations have to do with the budget.
_LONGER: Mapping[str, Mapping[str, int]] = {"lead_ii_cnn": {}, "twelve_lead_cnn": {"epochs": 12}}
#: What the forest learns from: its features cost a tenth of a second a record, an hour of a core for all of them.
_QUARTER = "learnt from a quarter of the patients"


def _models() -> list[Experiment]:
    """Every published model, the reference and ours, on the tasks of the published systems."""
    found = []
    for task in ("mi_sttc", "abnormal"):
        found.append(Experiment(f"random_forest_{task}", "models", task, "random_forest", _QUARTER))
        # Published with one logit. Its text and its figures disagree on which of the two tasks that is, and an epoch
        # costs three to five minutes: one network learns both, with 257 parameters more.
        for model, published in (("lead_ii_cnn", "ijraset_lead_ii"), ("twelve_lead_cnn", "ijraset_12_lead")):
            both: dict[str, Any] = {"published": published, "network": model, "what": "one network for two tasks"}
            found.append(Experiment(f"{model}_{task}", "models", task, model, train=_LONGER[model], **both))
        strip: dict[str, Any] = {"published": "ijraset_image", "pages": "strip"}
        net, name = "image_signal_cnn", f"image_signal_cnn_{task}"
        found.append(Experiment(name, "models", task, net, "strip of drawn pages", network=net, **strip))
        # The gap between the pages that it learnt from (preset published) and pages as they come (preset field).
        field_name, what = f"image_signal_cnn_field_{task}", "the same network, pages of every look"
        found.append(Experiment(field_name, "ablation", task, net, what, trained=net, **strip))
    found.append(Experiment("random_forest_ami", "models", "ami", "random_forest", _QUARTER))
    for model, published in (("ecg_smart_net", "riek"), ("resnet18", ""), ("conv_bilstm_attn", "gupta")):
        found.append(Experiment(f"{model}_ami", "models", "ami", model, published=published))
    # As in its benchmark, where one network learns all statements: one for all tasks.
    for task in ("superclass", "mi_sttc", "abnormal", "four_class", "ami"):
        found.append(Experiment(f"xresnet1d101_{task}", "models", task, "xresnet1d101", network="xresnet1d101"))
    return found + _ours()


def _ours() -> list[Experiment]:
    """List what ships, measured as it is: from records, from lead II alone and from pages."""
    found = []
    for task in ("mi_sttc", "abnormal", "superclass", "mi", "ami", "four_class"):
        found.append(Experiment(f"default_{task}", "models", task, "default", shipped="default"))
    for task in ("mi_sttc", "abnormal"):
        two: dict[str, Any] = {"what": "lead II alone", "leads": "II", "shipped": "default_lead_ii"}
        found.append(Experiment(f"default_lead_ii_{task}", "models", task, "default", **two))
        drawn: dict[str, Any] = {"what": "pages, digitized", "pages": "digitize", "shipped": "default"}
        found.append(Experiment(f"default_pages_{task}", "ablation", task, "default", **drawn))
    return found


def _ablations() -> list[Experiment]:
    """List the ablations of the published work; those of the rate use the records that are there at 500 Hz."""

    def flat(name: str, what: str, **more: Any) -> Experiment:
        return Experiment(name, "ablation", "mi_sttc", "twelve_lead_cnn", what, **more)

    return [
        flat("ablation_500_hz", "500 Hz", published="ijraset_500_hz", fs=500),
        flat("ablation_100_hz", "100 Hz, the same records", published="ijraset_100_hz"),
        flat("ablation_tenth", "10 % of the patients", published="ijraset_tenth", train={"share": 0.1}),
        flat("ablation_gpu", "on a GPU", train={"accelerator": "gpu"}),
        flat("ablation_cpu", "on a CPU", train={"accelerator": "cpu"}),
        flat("published_split", "70/15/15 by patient", published="ijraset_12_lead", protocol="published"),
        Experiment(
            "published_split_ii",
            "ablation",
            "mi_sttc",
            "lead_ii_cnn",
            "70/15/15 by patient",
            "ijraset_lead_ii",
            "published",
        ),
    ]


def _hospitals() -> list[Experiment]:
    """Cross-hospital validation: each site left out once, and all of them pooled."""
    found = []
    for model, published in (("conv_bilstm_attn", "gupta"), ("default", "")):
        for site in ("site 0", "site 1", "site 2", "other"):
            name = f"{model}_without_{site.replace(' ', '_')}"
            what = f"tested at {site}, trained at the others"
            found.append(Experiment(name, "hospitals", "ami", model, what, published, f"without:{site}"))
        name = f"{model}_pooled"
        found.append(Experiment(name, "hospitals", "ami", model, "all sites pooled", published, "pooled"))
    return found


#: Every experiment by its name.
EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {e.name: e for e in (*_models(), *_ablations(), *_hospitals())}
)


def perform(
    experiment: Experiment, ptbxl: Path, work: Path, images: Path | None = None, flags: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Train and measure.

    Parameters
    ----------
    experiment : Experiment
    ptbxl : Path
        PTB-XL as PhysioNet lays it out.
    work : Path
        Models go to ``work/NAME``, arrays of records to ``work/cache``.
    images : Path, optional
        Set of pages that ``einthoven synth --from ptb-xl:DIR --folds 1-9`` drew, for experiments on pages.
    flags : mapping, optional
        Fields of `classify.options.TrainOptions` that win over the experiment's, for a trial.

    Returns
    -------
    dict
        What ``metrics.json`` holds, the experiment, parameters and seconds an epoch.
    """
    if experiment.pages and images is None:
        raise OptionsError(f"{experiment.name} needs pages: give --images, a set of einthoven synth from PTB-XL")
    common: dict[str, Any] = {
        "ptbxl": ptbxl,
        "images": images if experiment.pages else None,
        "fs": experiment.fs,
        "reader": experiment.pages,
        "cache": work / "cache",
        "only": _only(experiment, ptbxl),
    }
    given = {**_short(experiment), **experiment.train, **(flags or {})}
    model = _model(experiment, work, common, given)
    content = _measured(experiment, model, work / experiment.name / "evaluation", common)
    told = {name: getattr(experiment, name) for name in ("name", "group", "what", "published", "leads", "pages")}
    return {
        **content,
        "schema": {"name": SCHEMA, "version": 1},
        "experiment": {**told, "model": experiment.model, "train": given},
        "parameters": _parameters(model),
        "epochs": _history(model, len),
        "seconds_per_epoch": _history(model, statistics.median),
        "source": "PTB-XL 1.0.3" if not experiment.pages else "pages drawn from PTB-XL 1.0.3",
    }


def _short(experiment: Experiment) -> dict[str, int]:
    """Epochs of the budget, where there is one for the model."""
    epochs = BUDGET.get(experiment.model)
    return {} if epochs is None else {"epochs": epochs}


def _model(experiment: Experiment, work: Path, common: Mapping[str, Any], given: Mapping[str, Any]) -> Path:
    """Folder of the trained model: trained now, gone on with, or shipped."""
    from classify.weights import model_folder
    from einthoven.commands import train

    if experiment.shipped:
        return model_folder(experiment.shipped)
    if experiment.trained:
        folder = work / experiment.trained
        if not (folder / "card.json").is_file():
            raise OptionsError(
                f"{experiment.name} measures {experiment.trained}: train that first, into the same --work"
            )
        return folder
    out = work / (experiment.network or experiment.name)
    asked = train.Request(
        tasks=",".join(_learnt(experiment)),
        model=experiment.model,
        protocol=experiment.protocol,
        leads=experiment.leads,
        flags=dict(given),
        **common,
    )
    train.run(out, asked)
    return out


def _learnt(experiment: Experiment) -> list[str]:
    """Tasks of the experiments that measure the same network; the experiment's own task where it has its own."""
    if not experiment.network:
        return [experiment.task]
    return [e.task for e in EXPERIMENTS.values() if e.network == experiment.network]


def _measured(experiment: Experiment, model: Path, out: Path, common: Mapping[str, Any]) -> dict[str, Any]:
    """Content of ``metrics.json`` of a model on validation."""
    from einthoven.commands import evaluate

    protocol = "validation" if experiment.pages else experiment.protocol
    evaluate.run(out, evaluate.Request(task=experiment.task, model=str(model), protocol=protocol, **common))
    content: dict[str, Any] = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return content


def _only(experiment: Experiment, ptbxl: Path) -> frozenset[int] | None:
    """List the records of a comparison that not all allow: those at both rates, those with age and sex, a quarter.

    What of PTB-XL is open to learn from tells age and sex of a third of the records, in which abnormalities are more
    frequent: a network that is told whether they are known would learn that.
    """
    from classify.models import find_model
    from ecg.datasets import ptb_xl

    if experiment.what == _QUARTER:
        return frozenset(item.ecg_id for item in ptb_xl(ptbxl) if item.fold == 9 or item.patient_id % 4 == 0)
    if experiment.name.endswith("_hz"):
        return frozenset(item.ecg_id for item in ptb_xl(ptbxl, 500))
    if experiment.model == "default" or not find_model(experiment.model).spec.demographics:
        return None
    return frozenset(item.ecg_id for item in ptb_xl(ptbxl) if item.age is not None and item.sex is not None)


def _parameters(folder: Path) -> int:
    """Numbers that training could change: running statistics are left out."""
    from ecg.checkpoint import load

    tensors, _ = load(folder)
    return sum(int(x.size) for name, x in tensors.items() if not name.endswith(("running_mean", "running_var")))


def _history(folder: Path, statistic: Callable[[list[float]], float]) -> float | None:
    """Return a statistic of the epochs' seconds; None for trees and for what ships."""
    path = folder / "history.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return statistic([float(row["seconds"]) for row in csv.DictReader(file)])


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifiers", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="experiments; --list tells them")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--ptbxl", type=Path, help="PTB-XL")
    parser.add_argument("--images", type=Path, help="pages drawn from it, for the experiments on pages")
    parser.add_argument("--work", type=Path, help="folder for models and arrays, outside the project")
    parser.add_argument("--epochs", type=int, help="for a trial: so many epochs, and no result is kept")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        sys.stdout.writelines(f"{e.name:<32}{e.task:<12}{e.model:<18}{e.what}\n" for e in EXPERIMENTS.values())
        return 0
    try:
        if not chosen.names or chosen.ptbxl is None or chosen.work is None:
            raise OptionsError("name experiments, --ptbxl and --work; --list tells the experiments")
        for name in chosen.names:
            if name not in EXPERIMENTS:
                raise OptionsError(f"there is no experiment {name!r}{nearest(name, EXPERIMENTS)}; --list tells them")
        for name in chosen.names:
            flags = {} if chosen.epochs is None else {"epochs": chosen.epochs}
            result = perform(EXPERIMENTS[name], chosen.ptbxl, chosen.work, chosen.images, flags)
            if chosen.epochs is None:
                write_json(RESULTS / f"classifier_{name}.json", result)
    except ECGError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
