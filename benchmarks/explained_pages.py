"""Examinations of image networks: deletion, insertion and shuffled weights, on pages drawn from synthetic hearts.

Pages of the four classes by turns, mildly scanned, read by the digitizer as any page is; and real pages of the
four-class set. The answer that is given is explained, right or wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawn_hearts import SEED, heart

__all__ = ["page_cost", "pages", "real_pages"]

_KINDS = ("norm", "ami_anterior", "hmi_inferior", "afib")
#: Random orders of the patches that deletion and insertion are compared with.
_RANDOM_ORDERS = 3

Row = Mapping[str, Any]


def pages(subject: Any, methods: Sequence[str], records: int, task: str) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Examine an image network on drawn pages.

    Parameters
    ----------
    subject : Subject
        Of an image network.
    methods : sequence of str
    records : int
        Pages.
    task : str

    Yields
    ------
    str
        Key of a row.
    callable
        Makes the row.
    """
    for number in range(records):
        kind = _KINDS[number % len(_KINDS)]
        yield f"{number}", partial(_page, subject, methods, number, task, kind, partial(_reading, number))


def real_pages(
    subject: Any, methods: Sequence[str], records: int, task: str, folder: Path
) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Examine an image network on pages of the four-class set, as many of each class, drawn by a fixed seed.

    Parameters
    ----------
    subject, methods, records, task
        As for `pages`.
    folder : Path
        Of the four-class set. Shipped networks may have been trained on its pages: a map tells what a network looks at
        there too.
    """
    from digitize import digitize
    from ecg.datasets import FOUR_CLASSES, four_class

    rng, items = np.random.default_rng(SEED), four_class(folder)
    drawn = [rng.permutation(np.array([k for k, i in enumerate(items) if i.label == c])) for c in FOUR_CLASSES]
    for number, places in zip(range(records), (p for turn in zip(*drawn, strict=False) for p in turn), strict=False):
        item = items[int(places)]
        read = partial(lambda item: digitize(next(item.pages())), item)
        yield item.id, partial(_page, subject, methods, number, task, str(item.label), read)


def page_cost(subject: Any, methods: Sequence[str], task: str) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Processor time of one thread that a map of a page takes, on two pages; arguments as for `pages`."""
    from explain.methods import ExplainOptions
    from explain.pictures import explain_page

    def job(number: int) -> Row:
        reading, options, taken = _reading(number), ExplainOptions(task=task), {}
        explain_page(subject, reading, _by(options, "saliency", number))  # loads the libraries
        for name in methods:
            began = time.process_time()
            explain_page(subject, reading, _by(options, name, number))
            taken[name] = time.process_time() - began
        return {"positive": True, "seconds_of": taken}

    for number in range(2):
        yield f"{number}", partial(job, number)


def _reading(number: int) -> Any:
    """Draw a page of this number, scan it mildly and read it."""
    from digitize import digitize
    from synth import PageStyle, apply_steps, render, sample_steps

    record = heart(number, _KINDS[number % len(_KINDS)], fs=500.0)
    drawn = apply_steps(render(record, None, PageStyle()), sample_steps(np.random.default_rng(number), "scan"))
    return digitize(drawn.page)


def _page(subject: Any, methods: Sequence[str], number: int, task: str, kind: str, read: Callable[[], Any]) -> Row:
    from explain.methods import ExplainOptions
    from explain.pictures import explain_page

    reading = read()
    if reading.status == "refused":
        return {"positive": False, "reasons": list(reading.reasons)}
    options = ExplainOptions(task=task)
    maps = {name: explain_page(subject, reading, _by(options, name, number)) for name in (*methods, "random")}
    faithful = _deleted(subject, reading, maps, number)
    if number % 4 == 0:
        faithful["cascade"] = _cascaded(subject, reading, maps, options, number)
    return {
        "positive": maps["random"].decision,
        "target": maps["random"].target,
        "kind": kind,
        "faithful": faithful,
    }


def _by(options: Any, method: str, seed: int, target: str = "") -> Any:
    from dataclasses import replace

    return replace(options, method=method, seed=seed, target=target)


def _deleted(subject: Any, reading: Any, maps: Mapping[str, Any], seed: int) -> dict[str, dict[str, float]]:
    """Areas by which maps do better than the better of random orders and a random map, as `examine.deleted`."""
    from classify.labels import find_task
    from explain.examine import CONSTANT
    from explain.picture_view import picture_view
    from explain.pictures import picture_curves

    view, rng = picture_view(reading, subject.classifier.spec), np.random.default_rng(seed)
    target = subject.target(find_task(maps["random"].task), maps["random"].target)
    flat = np.ones_like(maps["random"].on_input)
    chance = [picture_curves(subject, view, target, flat, rng) for _ in range(_RANDOM_ORDERS)]
    found = {name: picture_curves(subject, view, target, e.on_input, rng) for name, e in maps.items()}
    lost = [float(np.mean([c.deletion_area for c in chance])), found["random"].deletion_area]
    gained = [float(np.mean([c.insertion_area for c in chance])), found["random"].insertion_area]
    return {
        "deletion": {**{k: min(lost) - c.deletion_area for k, c in found.items()}, CONSTANT: min(lost) - lost[0]},
        "insertion": {
            **{k: c.insertion_area - max(gained) for k, c in found.items()},
            CONSTANT: gained[0] - max(gained),
        },
    }


def _cascaded(subject: Any, reading: Any, maps: Mapping[str, Any], options: Any, seed: int) -> dict[str, float]:
    """Likeness of maps to those of the network with all its weights shuffled."""
    from explain.examine import CONSTANT
    from explain.faithfulness import likeness
    from explain.pictures import explain_page
    from explain.randomise import cascade

    *_, (_, network) = cascade(subject.network, np.random.default_rng(seed))
    blind, out = subject.with_network(network), {"random": 1.0, CONSTANT: 1.0}
    for name, own in maps.items():
        if name != "random":
            other = explain_page(blind, reading, _by(options, name, seed, own.target))
            out[name] = likeness(own.on_input, other.on_input)
    return out
