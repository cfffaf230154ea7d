"""Examinations of the explanations of a model, one command.

``python -m benchmarks.explanations MODEL --work DIR [--ptbxl DIR]`` examines every method and writes
``benchmarks/results/explanations_NAME.json``; the page ``docs/explanations.md`` is made from these files by
``python -m benchmarks.tables``. Each record is kept below ``--work`` as it is done, so that the same command goes on
where it was stopped. ``--only`` names parts: ``cost``, ``infarctions``, ``premature``, ``networks`` and, with
``--ptbxl``, ``fold9``; image networks have ``cost``, ``pages`` and, with ``--images``, ``real_pages``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawn_hearts import heart
from benchmarks.explained_pages import page_cost, pages, real_pages
from benchmarks.fold9_claims import claims, fold9
from classify.labels import find_task
from ecg.errors import ECGError, OptionsError
from ecg.record import ECGRecord
from einthoven.outputs import version, write_json
from einthoven.provenance import commit
from explain.examine import EXAMINATIONS

__all__ = ["METHODS_EXAMINED", "PARTS", "SCHEMA", "main"]

RESULTS = Path(__file__).resolve().parent / "results"
SCHEMA = "einthoven.explanations"
METHODS_EXAMINED = (
    *("integrated_smooth", "guided_input", "gradcam", "guided_gradcam", "saliency", "occlusion"),
    *("integrated_gradients", "scorecam"),
)
#: Methods that take hundreds of answers or gradients a map: on every fourth infarction, and not again under noise and
#: shuffled weights, which take nine maps a record.
DEAR = ("integrated_gradients", "scorecam")
_DEAR_EVERY = 4
PARTS: tuple[str, ...] = ("cost", "infarctions", "premature", "networks", "fold9")
#: Of image networks.
PICTURE_PARTS: tuple[str, ...] = ("cost", "pages", "real_pages")
_TERRITORIES = ("anterior", "septal", "lateral", "inferior", "posterior")

Row = Mapping[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Examine a model; 2 where nothing could start."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanations", description=__doc__)
    parser.add_argument("model", help="a shipped model's name or a model's folder")
    parser.add_argument("--work", type=Path, required=True, help="where each record's figures are kept")
    parser.add_argument("--ptbxl", type=Path, help="PTB-XL, for the records of fold 9")
    parser.add_argument("--images", type=Path, help="the four-class set, for real pages")
    parser.add_argument("--only", default="", help="parts, with commas")
    parser.add_argument("--methods", default=",".join(METHODS_EXAMINED), help="methods, with commas")
    parser.add_argument("--records", type=int, default=40, help="records of each part")
    parser.add_argument("--premature", type=int, default=0, help="records with premature beats, where others than that")
    parser.add_argument("--more", type=int, default=0, help="records more that are compared with the truth alone")
    parser.add_argument("--task", default="mi_sttc", help="task of infarctions and of fold 9")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    try:
        _examine(parser.parse_args(arguments))
    except ECGError as error:
        sys.stderr.write(f"benchmarks.explanations: {error}\n")
        return 2
    return 0


def _examine(asked: argparse.Namespace) -> None:
    from explain.methods import find_method, supported
    from explain.subject import open_subject

    subject = open_subject(asked.model)
    known_methods = supported(subject.entry)
    methods = tuple(m for m in (find_method(name).name for name in asked.methods.split(",")) if m in known_methods)
    quick = tuple(m for m in methods if m not in DEAR)
    known = PICTURE_PARTS if subject.classifier.spec.kind == "page" else PARTS
    if subject.entry.kind != "network":
        known = tuple(part for part in known if part != "networks")
    parts = tuple(asked.only.split(",")) if asked.only else known
    if odd := [part for part in parts if part not in known]:
        raise OptionsError(f"this model has no part {odd[0]!r}; choose of {', '.join(known)}")
    name = subject.classifier.card.name
    (asked.work / name).mkdir(parents=True, exist_ok=True)
    price = page_cost if known == PICTURE_PARTS else cost
    makers: dict[str, Callable[[], Iterator[tuple[str, Callable[[], Row]]]]] = {
        "cost": lambda: price(subject, methods if price is cost else quick, asked.task),
        "infarctions": lambda: infarctions(subject, methods, asked.records, asked.task, asked.more),
        "premature": lambda: premature(subject, methods, asked.premature or asked.records, asked.more // 2),
        "pages": lambda: pages(subject, quick, asked.records, asked.task),
        "real_pages": lambda: real_pages(subject, quick, asked.records, asked.task, asked.images),
        "networks": lambda: networks(quick, asked.records),
        "fold9": lambda: fold9(subject, quick, asked.records, asked.task, asked.ptbxl, _faithful),
    }
    for part in parts:
        if {"fold9": asked.ptbxl, "real_pages": asked.images}.get(part, asked.work) is not None:
            _kept(_rows(asked.work, name, part), makers[part]())
    rows = {part: _read(_rows(asked.work, name, part)) for part in known}
    content = {"model": name, "sha256": subject.classifier.card.sha256, **summary(rows)}
    head = {"schema": {"name": SCHEMA, "version": 1}, "version": version(), "commit": commit()}
    write_json(asked.out / f"explanations_{name}.json", {**head, **content})


def _rows(work: Path, name: str, part: str) -> Path:
    """File of a part's rows; the small networks are the same for every model."""
    return work / "networks.jsonl" if part == "networks" else work / name / f"{part}.jsonl"


def _on(number: int, methods: Sequence[str]) -> tuple[str, ...]:
    """Methods that examine a record of this number."""
    return tuple(m for m in methods if m not in DEAR or number % _DEAR_EVERY == 0)


def _kept(path: Path, jobs: Iterator[tuple[str, Callable[[], Row]]]) -> None:
    """Do what is not in the file yet, and add a line for each."""
    done = {row["key"] for row in _read(path)}
    for key, job in jobs:
        if key in done:
            continue
        began = time.process_time()
        row = {"key": key, **job(), "seconds": round(time.process_time() - began, 2)}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        sys.stdout.write(f"{path.stem} {key}: {row['seconds']:.1f} s\n")
        sys.stdout.flush()


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def cost(subject: Any, methods: Sequence[str], task: str) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Processor time of one thread that a map takes, on two hearts; the first map of a method is not counted."""
    from explain.methods import ExplainOptions, explain

    def job(number: int) -> Row:
        taken = {}
        for name in methods:
            options = ExplainOptions(task=task, method=name)
            if number == 0 and name not in DEAR:
                explain(subject, heart(0, "norm"), options)
            record, began = heart(number, "ami_anterior"), time.process_time()
            explain(subject, record, options)
            taken[name] = time.process_time() - began
        return {"positive": True, "seconds_of": taken}

    for number in range(2):
        yield f"{number}", partial(job, number)


def infarctions(
    subject: Any, methods: Sequence[str], records: int, task: str, more: int = 0
) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Synthetic acute infarctions: what the maps find of the territory, and how faithful they are.

    ``more`` records are asked for the territory alone, by the quick methods.
    """
    quick = tuple(m for m in methods if m not in DEAR)
    target = "MI" if "MI" in find_task(task).labels else ""
    for number in range(records + more):
        territory = _TERRITORIES[number % len(_TERRITORIES)]
        kind, whole = f"ami_{territory}", number < records
        given = methods if whole else quick
        yield f"{number}", partial(_synthetic, subject, given, number, kind, task, target, territory, whole)


def premature(
    subject: Any, methods: Sequence[str], records: int, more: int = 0
) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Synthetic ventricular premature beats; ``more`` as for `infarctions`."""
    task, target = ("four_class", "HB") if "four_class" in subject.classifier.heads else ("abnormal", "abnormal")
    quick = tuple(m for m in methods if m not in DEAR)
    for number in range(records + more):
        yield f"{number}", partial(_synthetic, subject, quick, number, "pvc", task, target, "", number < records)


def _synthetic(
    subject: Any,
    methods: Sequence[str],
    number: int,
    kind: str,
    task: str,
    target: str,
    territory: str,
    whole: bool,
) -> Row:
    from explain.examine import maps_of
    from explain.methods import ExplainOptions, explain
    from explain.truth import inside_truth

    record = heart(number, kind)
    options = ExplainOptions(task=task, target=target)
    answer = explain(subject, record, options, method="random", seed=number)
    row: dict[str, Any] = {"positive": answer.decision, "probability": answer.probability}
    if not row["positive"]:
        return row  # an answer that was not given has no reasons to be right about
    maps = maps_of(subject, record, _on(number, methods), options, number)
    row["figures"] = inside_truth(record, maps, territory)
    row["territory"] = territory
    if not whole:
        return row
    row["seconds_of"] = {name: e.seconds for name, e in maps.items()}
    row["delta"] = {name: e.delta for name, e in maps.items() if e.delta is not None}
    return row | _faithful(subject, record, maps, options, number)


def _faithful(subject: Any, record: ECGRecord, maps: Any, options: Any, number: int) -> dict[str, Any]:
    """Every examination that needs one record and its network."""
    from explain.examine import CONTROLS, cascaded, deleted, infidel, maps_of, nervous

    asked = replace(options, target=maps["random"].target)
    if subject.entry.kind != "network":
        return {"faithful": deleted(subject, record, maps, asked, number)}
    figures = deleted(subject, record, maps, asked, number) | infidel(subject, record, maps, asked, number)
    # Noise and shuffled weights take five and more maps of each method: every fourth record.
    if number % 4 == 0:
        quick = {name: own for name, own in maps.items() if name not in DEAR}
        names = [name for name in quick if name not in CONTROLS]
        other = maps_of(subject, heart(number + 10_000, "norm"), names, asked, number + 10_000)
        figures |= nervous(subject, record, quick, other, asked, number)
        stages = cascaded(subject, record, quick, asked, number)
        figures["cascade"] = {name: values[-1] for name, values in stages.items()}
        return {"faithful": figures, "stages": stages}
    return {"faithful": figures}


def networks(methods: Sequence[str], records: int) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Small networks of two seeds and one of shuffled labels, trained on synthetic hearts."""
    kept: list[Any] = []

    def job(number: int) -> Row:
        from explain.examine import agreement, maps_of
        from explain.methods import ExplainOptions

        if not kept:
            kept.extend(_small_networks())
        first, second, shuffled = kept
        options = ExplainOptions(task="ami", target="ami")
        record, other = heart(number, "ami_anterior"), heart(number + 10_000, "ami_inferior")
        own, twin, blind = (maps_of(s, record, methods, options, number) for s in (first, second, shuffled))
        elsewhere = maps_of(first, other, methods, options, number + 10_000)
        for maps in (twin, blind):
            # A random map of its own for each network; a constant one is the same.
            maps["random"] = maps_of(first, other, (), options, number + 20_000 + (maps is blind))["random"]
        figures = {"seeds": agreement(own, twin, elsewhere), "labels": agreement(own, twin, blind)}
        return {"positive": True, "faithful": figures}

    for number in range(min(records, 16)):
        yield f"{number}", partial(job, number)


def _small_networks(hearts: int = 480) -> list[Any]:
    import torch

    from classify.inputs import from_signals
    from classify.models import find_model
    from ecg.checkpoint import ModelCard
    from ecg.record import LEADS
    from explain.randomise import fitted
    from explain.subject import subject_of

    entry = find_model("resnet1d_se")
    arguments = {"widths": [16, 24, 32], "depths": [1, 1, 1], "kernel": 5, "stem": 9, "drop_path": 0.0}
    kinds = ["norm" if k % 2 else f"ami_{_TERRITORIES[k // 2 % len(_TERRITORIES)]}" for k in range(hearts)]
    signals = np.stack([heart(50_000 + k, kind).signal for k, kind in enumerate(kinds)])
    x = from_signals(signals, LEADS, 100.0, entry.spec)
    y = np.array([[kind != "norm"] for kind in kinds], dtype=np.float32)
    found = []
    for seed, answers in ((1, y), (2, y), (3, np.random.default_rng(3).permutation(y))):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = fitted(entry.build(1, **arguments), x, answers, np.random.default_rng(seed))
        given: dict[str, Any] = {key: {} for key in ("data", "folds", "metrics")}
        given |= {"name": f"small_{seed}", "task": "ami", "architecture": entry.name, "arguments": arguments}
        given |= {"input_spec": entry.spec.to_dict(), "labels": ("ami",), "thresholds": {"ami": 0.5}, "seed": seed}
        with torch.no_grad():
            z = network(torch.from_numpy(x))[:, 0].numpy()
        # So short a training leaves the logits off their zero: it is put between the two halves.
        given["offsets"] = {"ami": -float(np.median(z[y[:, 0] > 0]) + np.median(z[y[:, 0] == 0])) / 2}
        card = ModelCard(**given, temperature=1.0, commit="", intended_use="examination of maps", limits=())
        found.append(subject_of(network, card, entry))
    return found


def summary(rows: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """Sum up all rows.

    Parameters
    ----------
    rows : mapping part -> rows

    Returns
    -------
    dict
        ``examinations``: for each part, examination and method ``value, lo, hi, n, passed``; ``levels``; ``positives``;
        ``constant_fails``; ``seconds``; ``claims``.
    """
    from explain.examine import CONSTANT, summarised

    found: dict[str, dict[str, dict[str, Any]]] = {}
    for part, part_rows in rows.items():
        values: dict[str, dict[str, list[float]]] = {}
        for row in part_rows:
            for source in ("figures", "faithful"):
                for name, by_method in row.get(source, {}).items():
                    for method, value in by_method.items():
                        values.setdefault(name, {}).setdefault(method, []).append(
                            float("nan") if value is None else value
                        )
        for name, by_method in values.items():
            for method, listed in by_method.items():
                figure = summarised(name, listed, np.random.default_rng(0))
                told = {**figure.value.as_dict(), "n": figure.n, "passed": figure.passed}
                found.setdefault(part, {}).setdefault(name, {})[method] = told
    broken = [told[CONSTANT]["passed"] for part in found.values() for told in part.values() if CONSTANT in told]
    return {
        "levels": {name: asdict(e) for name, e in EXAMINATIONS.items()},
        "positives": {part: [sum(bool(r["positive"]) for r in listed), len(listed)] for part, listed in rows.items()},
        "examinations": found,
        "constant_fails": bool(broken) and not any(broken),
        "seconds": _seconds(rows),
        "claims": claims(rows.get("fold9", ())),
    }


def _seconds(rows: Mapping[str, Sequence[Row]]) -> dict[str, float]:
    """Median processor time of a map by method, of one thread."""
    taken: dict[str, list[float]] = {}
    for row in rows.get("cost", ()):
        for name, value in row.get("seconds_of", {}).items():
            taken.setdefault(name, []).append(value)
    return {name: round(float(np.median(values)), 3) for name, values in taken.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
