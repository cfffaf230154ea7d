"""Tables of the classifiers, from ``results/classifier_*.json`` and ``published.json``, for `benchmarks.tables`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.kept import none_yet, read_result

__all__ = ["load_classifiers", "render_drawn", "render_group", "render_published", "render_subgroups"]

HERE = Path(__file__).resolve().parent
SCHEMA = "einthoven.classifier"
_NONE_YET = "_No results yet: run `python -m benchmarks.classifiers NAME --ptbxl DIR --work DIR`._"
_SHOWN = ("auroc", "auprc", "accuracy", "sensitivity", "specificity", "f1", "ece", "ece_floor")

Result = Mapping[str, Any]


def load_classifiers(folder: Path = HERE / "results") -> dict[str, dict[str, Any]]:
    """Results of classifiers by the name of their experiment.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to dict
        Sorted by task, then by AUROC, the best first.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("classifier_*.json"))]
    found = [content for content in found if content.get("schema", {}).get("name") == SCHEMA]
    found.sort(key=lambda c: (c["task"], -(c["metrics"]["auroc"]["value"] or 0)))
    return {content["experiment"]["name"]: content for content in found}


def render_group(group: str, results: Mapping[str, Result], published: Mapping[str, Any] | None = None) -> str:
    """One table a task: each model of a group, and under it what its publication says.

    Parameters
    ----------
    group : str
        ``"models"``, ``"ablation"`` or ``"hospitals"``.
    results : mapping of str to mapping
    published : mapping, optional
        Systems of ``published.json``; read by default.

    Returns
    -------
    str
        Markdown.
    """
    systems = _systems() if published is None else published
    chosen = [content for content in results.values() if content["experiment"]["group"] == group]
    parts = []
    for task in sorted({content["task"] for content in chosen}):
        rows = [content for content in chosen if content["task"] == task]
        lines = [line for content in rows for line in _lines(content, systems)]
        origin = ", ".join(sorted({f"`{str(content['commit'])[:10]}`" for content in rows}))
        parts.append(f"### `{task}`\n\n{_head()}\n" + "\n".join(lines) + f"\n\nCommits {origin}.")
    return "\n\n".join(parts) or _NONE_YET


def _head() -> str:
    names = (
        "model",
        "measured on",
        "parameters",
        "epochs",
        "AUROC (95 %)",
        *(name.replace("_", " ") for name in _SHOWN[1:]),
    )
    return f"| {' | '.join(names)} |\n|---|---|{'---:|' * (len(names) - 2)}"


def _lines(content: Result, systems: Mapping[str, Any]) -> list[str]:
    e, metrics = content["experiment"], content["metrics"]
    name = ", ".join(filter(None, (f"**`{e['model']}`**", e["what"])))
    fold = f"fold {content['fold']}" if content["fold"] else content["protocol"]
    where = f"{fold}, n = {content['n']}"
    cells = [name, where, f"{content['parameters']:,}", str(content.get("epochs") or "–"), _interval(metrics["auroc"])]
    lines = [_row([*cells, *(_number(metrics[k]["value"]) for k in _SHOWN[1:])])]
    if e["published"]:
        system = systems[e["published"]]
        given = [_told(system["metrics"].get(k)) for k in _SHOWN]
        lines.append(_row([f"_as published: {system['system']}_", f"_{system['data']}_", "", "", *given]))
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(figure: Mapping[str, float | None]) -> str:
    if figure["lo"] is None or figure["hi"] is None:
        return _number(figure["value"])
    return f"**{_number(figure['value'])}** ({_number(figure['lo'])}–{_number(figure['hi'])})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _told(value: float | Sequence[float] | None) -> str:
    """Tell a published figure: a number, a range, or none."""
    if isinstance(value, Sequence):
        return f"_{value[0]:.3f}–{value[1]:.3f}_"
    return "" if value is None else f"_{value:.4f}_".replace("0_", "_")  # as many digits as were given


def _systems() -> dict[str, Any]:
    content = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
    systems: dict[str, Any] = content["systems"]
    return systems


def render_published() -> str:
    """Describe the published figures.

    Returns
    -------
    str
        Markdown: the warning, and a table.
    """
    content = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
    names = ("auroc", "auprc", "accuracy", "sensitivity", "specificity", "f1")
    head = f"| system | source | data | threshold | {' | '.join(names)} |\n|---|---|---|{'---:|' * (len(names) + 1)}"
    rows = []
    for system in content["systems"].values():
        threshold = "" if system["threshold"] is None else f"{system['threshold']:g}"
        given = [_told(system["metrics"].get(name)).strip("_") for name in names]
        rows.append(_row([system["system"], system["source"], system["data"], threshold, *given]))
    return "\n".join([content["note"], "", head, *rows])


def render_drawn(path: Path = HERE / "results" / "drawn_records.json") -> str:
    """Describe what printing and reading costs.

    Parameters
    ----------
    path : Path
        What `benchmarks.drawn_records` wrote.

    Returns
    -------
    str
        A Markdown table.
    """
    content = read_result(path)
    if content is None:
        return none_yet("python -m benchmarks.drawn_records --ptbxl DIR --work DIR")
    ways = ("digital", "printed", "page")
    lines = [f"| task | {' | '.join(ways)} | page − digital |", f"|---|{'---:|' * (len(ways) + 1)}"]
    for task, figures in content["tasks"].items():
        cells = [_interval(figures[way]["auroc"]) for way in ways]
        lines.append(_row([f"`{task}`", *cells, _interval(figures["difference"])]))
    told = f"AUROC (95 %) on {content['pages']} records, of which {content['refused']} pages were refused"
    return "\n".join([*lines, "", f"{told}; commit `{content['commit'][:10]}`."])


def render_subgroups(results: Mapping[str, Result], name: str = "default_mi_sttc") -> str:
    """Describe one model by age band, sex and hospital.

    Parameters
    ----------
    results : mapping of str to mapping
    name : str
        Experiment.

    Returns
    -------
    str
        A Markdown table.
    """
    if name not in results or not results[name]["groups"]:
        return _NONE_YET
    shown = ("auroc", "sensitivity", "specificity", "ece")
    head = f"| group | n | {' | '.join(shown)} |\n|---|---:|{'---:|' * len(shown)}"
    rows = [
        _row([group, str(each["n"]), *(_interval(each["metrics"][k]) for k in shown)])
        for group, each in results[name]["groups"].items()
    ]
    return "\n".join([head, *rows])
