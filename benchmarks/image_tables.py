"""Tables of the page classifiers, from ``results/image_*.json`` and ``published.json``, for `benchmarks.tables`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.kept import none_yet, read_result

__all__ = [
    "load_images",
    "render_classes",
    "render_confusion",
    "render_differences",
    "render_models",
    "render_others",
    "render_robustness",
    "render_route",
]

HERE = Path(__file__).resolve().parent
SCHEMA = "einthoven.images"
_NONE_YET = "_No results yet: run `python -m benchmarks.images cv NAME --images DIR --work DIR`._"
_HEAD = ("model", "parameters", "epochs", "pages", "macro F1 (95 %)", "accuracy", "precision", "recall", "AUROC", "ECE")
_SHOWN = ("accuracy", "precision", "sensitivity", "auroc", "ece")

Result = Mapping[str, Any]


def load_images(folder: Path = HERE / "results") -> dict[str, dict[str, Any]]:
    """Results by the name of their experiment, the highest macro F1 first.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to dict
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("image_*.json"))]
    found = [content for content in found if content.get("schema", {}).get("name") == SCHEMA]
    found.sort(key=lambda content: -(content["metrics"]["f1"]["value"] or 0))
    return {content["experiment"]["name"]: content for content in found}


def render_models(results: Mapping[str, Result], published: Mapping[str, Any] | None = None) -> str:
    """One row a model out of fold; under it, in italics, its figure with copies on both sides, here and as published.

    Parameters
    ----------
    results : mapping of str to mapping
    published : mapping, optional
        ``four_class_pages`` of ``published.json``; read by default.

    Returns
    -------
    str
        Markdown.
    """
    given = _published() if published is None else published
    honest = {name: content for name, content in results.items() if not name.startswith("leak_")}
    if not honest:
        return _NONE_YET
    lines = []
    for name, content in honest.items():
        lines.append(_line(f"**`{name}`**", content))
        if f"leak_{name}" in results:
            lines.append(_line("_copies on both sides, here_", results[f"leak_{name}"]))
        if name in given:
            p = given[name]
            told = [f"_{p[key]:.2f}_" for key in ("f1", "accuracy", "precision", "recall")]
            lines.append(_row(["_copies on both sides, as published_", "", "", "", *told, "", ""]))
    origin = ", ".join(sorted({f"`{str(content['commit'])[:10]}`" for content in honest.values()}))
    return "\n".join([_row(_HEAD), "|---|" + "---:|" * (len(_HEAD) - 1), *lines]) + f"\n\nCommits {origin}."


def render_classes(results: Mapping[str, Result]) -> str:
    """F1, precision, recall and AUROC of every class, of the best model.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        Markdown.
    """
    honest = [content for name, content in results.items() if not name.startswith("leak_")]
    if not honest:
        return _NONE_YET
    best = honest[0]
    names = ("f1", "precision", "sensitivity", "auroc")
    lines = [
        _row([label, each["n_positive"], *(_interval(each[name]) for name in names)])
        for label, each in best["per_label"].items()
    ]
    head = ("class", "pages", "F1", "precision", "recall", "AUROC")
    told = f"`{best['experiment']['name']}`, {best['n']} pages of {best['n_patients']} groups."
    return "\n".join([told, "", _row(head), "|---|" + "---:|" * (len(head) - 1), *lines])


def render_differences(results: Mapping[str, Result]) -> str:
    """Macro F1 of the best model minus that of each other, on the same resamples of groups.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        Markdown.
    """
    honest = [content for name, content in results.items() if not name.startswith("leak_")]
    if not honest or not honest[0]["differences"]:
        return _NONE_YET
    best = honest[0]
    rows = sorted(best["differences"].items(), key=lambda pair: pair[1]["value"])
    lines = [_row([f"`{best['experiment']['name']}` minus `{name}`", _interval(d, "+.3f")]) for name, d in rows]
    return "\n".join([_row(("models", "macro F1 (95 %)")), "|---|---:|", *lines])


def render_robustness(file: Path = HERE / "results" / "image_robustness.json") -> str:
    """AUROC of a model of pictures on the same records under every preset, task by task.

    Parameters
    ----------
    file : Path

    Returns
    -------
    str
        Markdown.
    """
    content = read_result(file)
    if content is None:
        return none_yet("python -m benchmarks.image_robustness MODEL --ptbxl DIR --work DIR")
    tasks = list(content["tasks"])
    presets = list(content["tasks"][tasks[0]])
    lines = [
        _row([f"`{preset}`", *(_interval(content["tasks"][task][preset]["auroc"]) for task in tasks)])
        for preset in presets
    ]
    head = _row(("preset", *(f"`{task}`" for task in tasks)))
    return "\n".join([f"AUROC of `{content['model']}`, fold 9.", "", head, "|---|" + "---:|" * len(tasks), *lines])


def render_confusion(results: Mapping[str, Result]) -> str:
    """Which class the best model takes for which.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        Markdown; rows are the truth.
    """
    honest = [content for name, content in results.items() if not name.startswith("leak_")]
    if not honest or "confusion" not in honest[0]:
        return _NONE_YET
    table = honest[0]["confusion"]
    lines = [_row([f"**{truth}**", *counts]) for truth, counts in zip(table["labels"], table["counts"], strict=True)]
    return "\n".join([_row(("truth", *table["labels"])), "|---|" + "---:|" * len(table["labels"]), *lines])


def render_route(file: Path = HERE / "results" / "image_route.json") -> str:
    """AUROC of the shipped route and its members on drawn and read pages of PTB-XL.

    Parameters
    ----------
    file : Path

    Returns
    -------
    str
        Markdown.
    """
    content = read_result(file)
    if content is None:
        return none_yet("python -m benchmarks.image_route --ptbxl DIR --work DIR")
    labels = list(next(iter(content["models"].values()))["per_label"])
    lines = []
    for name, found in content["models"].items():
        weight = content["members"].get(name)
        title = f"`{name}`, weight {weight:g}" if weight is not None else f"**{name}**"
        each = [_number(found["per_label"][label]["auroc"]["value"]) for label in labels]
        lines.append(_row([title, _interval(found["auroc"]), *each, _number(found["f1"]["value"])]))
    counts = [found["n_positive"] for found in next(iter(content["models"].values()))["per_label"].values()]
    named = [f"{label} ({n})" for label, n in zip(labels, counts, strict=True)]
    head = _row(("model", "macro AUROC (95 %)", *named, "macro F1"))
    told = f"{content['pages']} pages of fold {content['fold']}, preset `{content['preset']}`: "
    told += f"{content['refused']} refused, {content['like']} look like the pages that the route was fitted to."
    return "\n".join([told, "", head, "|---|" + "---:|" * (len(labels) + 2), *lines])


def render_others(file: Path = HERE / "results" / "other_pictures.json") -> str:
    """Count what the reader makes of pictures that are no ECG, kind by kind.

    Parameters
    ----------
    file : Path

    Returns
    -------
    str
        Markdown.
    """
    content = read_result(file)
    if content is None:
        return none_yet("python -m benchmarks.other_pictures")
    names = ("accepted", "review", "refused")
    lines = [_row([kind, *(count[name] for name in names)]) for kind, count in content["kinds"].items()]
    total = [f"**{100 * content[f'{name}_share']:.1f} %**" for name in names]
    head = _row(("pictures", "accepted (false)", "to be reviewed", "refused"))
    last = _row([f"**all {content['pictures']}**", *total])
    return "\n".join([head, "|---|" + "---:|" * len(names), *lines, last, "", f"Commit `{content['commit'][:10]}`."])


def _published() -> Mapping[str, Any]:
    content = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
    figures: Mapping[str, Any] = content["four_class_pages"]["models"]
    return figures


def _line(name: str, content: Result) -> str:
    metrics = content["metrics"]
    what = content["experiment"].get("what", "")
    numbers = [_number(metrics[key]["value"]) for key in _SHOWN]
    parameters = f"{content['parameters']:,}" if content["parameters"] else ""
    told = f"{name}, {what}" if what else name
    return _row([told, parameters, _epochs(content), content["n"], _interval(metrics["f1"]), *numbers])


def _epochs(content: Result) -> str:
    """At most so many; trees and joined models learn in none."""
    options = content["options"]
    return (
        str(options["epochs"])
        if options and content["parameters"] and content["experiment"]["recipe"] != "none"
        else ""
    )


def _row(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(figure: Mapping[str, float | None], form: str = ".3f") -> str:
    value, lo, hi = figure["value"], figure["lo"], figure["hi"]
    if value is None or lo is None or hi is None:
        return "" if value is None else f"{value:{form}}"
    return f"{value:{form}} ({lo:{form}} to {hi:{form}})"
