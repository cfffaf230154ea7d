"""Examinations of methods on many records: each gives one figure a record and method, and the level that it must pass.

A constant map is examined with every method and must fail: an examination that it passes measures the record. So is the
size of the record's own deflections, which knows no network: what it passes is no proof of an explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classify.bootstrap import Interval, patient_weights, percentiles
from ecg.record import ECGRecord
from explain.faithfulness import curves, fidelity, infidelity, likeness, sensitivity
from explain.methods import METHODS, ExplainOptions, explain, view_for
from explain.randomise import cascade
from explain.result import Explanation, Map
from explain.subject import Subject
from explain.view import View

__all__ = [
    "AMPLITUDE",
    "CONSTANT",
    "CONTROLS",
    "EXAMINATIONS",
    "Examination",
    "Figure",
    "agreement",
    "amplitude",
    "cascaded",
    "constant",
    "deleted",
    "infidel",
    "maps_of",
    "nervous",
    "summarised",
]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

#: Name of the map that says the same everywhere.
CONSTANT = "constant"
#: Name of the map that is the size of the record's deflections.
AMPLITUDE = "amplitude"
#: Maps that explain no network.
CONTROLS = ("random", CONSTANT, AMPLITUDE)
#: Resamples of records.
_RESAMPLES = 1000
#: Records of which an interval is told: two drawn anew are one of them too often.
_LEAST_RECORDS = 3
#: Random orders of the cells that deletion and insertion are compared with.
_RANDOM_ORDERS = 3
#: Rounding that is no pass, where a constant map stands exactly on the level.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Examination:
    """What is asked of a method.

    Parameters
    ----------
    name : str
    what : str
        The figure, in words.
    level : float
        Which its 95 % interval must keep off.
    side : str
        ``"above"`` or ``"below"`` the level.
    """

    name: str
    what: str
    level: float
    side: Literal["above", "below"] = "above"


#: Every examination by its name, in the order of the tables.
EXAMINATIONS: Mapping[str, Examination] = {
    e.name: e
    for e in (
        Examination("deletion", "area under the deletion curve of chance minus this map's", 0.0),
        Examination("insertion", "area under this map's insertion curve minus that of chance", 0.0),
        Examination("fidelity", "correlation of what a map tells of holes with what the answer loses by them", 0.0),
        Examination("infidelity", "infidelity over a constant map's", 1.0, "below"),
        Examination("sensitivity", "change under noise over the difference between records", 0.5, "below"),
        Examination("cascade", "rank correlation with the map of the network with all weights shuffled", 0.5, "below"),
        Examination("labels", "rank correlation between seeds minus that with a network of shuffled labels", 0.0),
        Examination("seeds", "rank correlation between seeds minus that between records", 0.0),
        # The largest territory has 4 of 12 leads.
        Examination("leading_lead", "share of records whose leading lead faces the injured wall", 1 / 3),
        Examination("territory", "share on ST and T of the territory's leads over their area", 1.0),
        Examination("st_t", "share on ST and T of all leads over their area", 1.0),
        # Premature beats fill a tenth to a third of a record.
        Examination("pointing_pvc", "share of records whose highest value lies in a premature beat", 0.5),
        Examination("share_pvc", "share in the premature beats over their area", 1.0),
    )
}


@dataclass(frozen=True)
class Figure:
    """One method in one examination.

    Parameters
    ----------
    value : Interval
        Mean over the records, with the 95 % interval of 1000 resamples.
    n : int
        Records.
    passed : bool
        Whether the interval keeps off the level.
    """

    value: Interval
    n: int
    passed: bool


def summarised(name: str, values: Sequence[float], rng: np.random.Generator) -> Figure:
    """Sum up the figures of many records.

    Parameters
    ----------
    name : str
        One of `EXAMINATIONS`.
    values : sequence of float
        NaN where the figure does not exist.
    rng : numpy.random.Generator

    Returns
    -------
    Figure
        Not passed without an interval.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size < _LEAST_RECORDS:
        return Figure(Interval(float(x.mean()) if x.size else None), int(x.size), False)
    drawn = np.concatenate([w @ x / x.size for w in patient_weights(np.arange(x.size), _RESAMPLES, rng)])
    value, asked = percentiles(float(x.mean()), drawn), EXAMINATIONS[name]
    lo, hi = (value.value if v is None else v for v in (value.lo, value.hi))
    if lo is None or hi is None:
        return Figure(value, int(x.size), False)
    keeps = lo > asked.level + _ROUNDING if asked.side == "above" else hi < asked.level - _ROUNDING
    return Figure(value, int(x.size), keeps)


def constant(like: Explanation) -> Explanation:
    """Make the map that says the same everywhere, in the place of another."""
    return replace(
        like,
        values=np.ones_like(like.values),
        on_input=np.ones_like(like.on_input),
        method=CONSTANT,
        signed=False,
        delta=None,
    )


def amplitude(like: Explanation, view: View) -> Explanation:
    """Make the map that is the size of the record's deflections, in the place of another; ``view`` of the record."""
    size = np.abs(np.nan_to_num(view.signal))
    return replace(
        like, values=view.on_record(size), on_input=size, method=AMPLITUDE, baseline="", signed=False, delta=None
    )


def maps_of(
    subject: Subject, record: ECGRecord, methods: Iterable[str], options: ExplainOptions, seed: int = 0
) -> dict[str, Explanation]:
    """Explain one answer by several methods, and by the controls.

    Parameters
    ----------
    subject : Subject
    record : ECGRecord
    methods : iterable of str
    options : ExplainOptions
    seed : int
        Of the random map: one a record.

    Returns
    -------
    dict
        `CONTROLS` beside the methods; numbers that trees are given have no size that can be compared.
    """
    found = {name: explain(subject, record, options, method=name, seed=seed) for name in (*methods, "random")}
    found |= {CONSTANT: constant(found["random"])}
    view = view_for(subject, record, options)
    return found if view.of_features else {**found, AMPLITUDE: amplitude(found["random"], view)}


def deleted(
    subject: Subject, record: ECGRecord, maps: Mapping[str, Explanation], options: ExplainOptions, seed: int
) -> dict[str, dict[str, float]]:
    """Take away and give back what maps of one record point at, against chance.

    Parameters
    ----------
    subject : Subject
    record : ECGRecord
    maps : mapping
        From `maps_of`.
    options : ExplainOptions
    seed : int

    Returns
    -------
    dict examination -> method -> float
    """
    view = view_for(subject, record, options)
    target = _target(subject, maps)
    rng = np.random.default_rng(seed)
    # A constant map leaves the order to chance; a random map has stretches, which matter by themselves. Whichever of
    # the two does better is what a map has to beat.
    chance = [curves(subject, view, target, maps[CONSTANT].on_input, rng) for _ in range(_RANDOM_ORDERS)]
    found = {name: curves(subject, view, target, e.on_input, rng) for name, e in maps.items() if name != CONSTANT}
    lost = [float(np.mean([c.deletion_area for c in chance])), found["random"].deletion_area]
    gained = [float(np.mean([c.insertion_area for c in chance])), found["random"].insertion_area]
    deletion = {name: min(lost) - c.deletion_area for name, c in found.items()}
    insertion = {name: c.insertion_area - max(gained) for name, c in found.items()}
    return {
        "deletion": {**deletion, CONSTANT: min(lost) - lost[0]},
        "insertion": {**insertion, CONSTANT: gained[0] - max(gained)},
    }


def infidel(
    subject: Subject, record: ECGRecord, maps: Mapping[str, Explanation], options: ExplainOptions, seed: int
) -> dict[str, dict[str, float]]:
    """Fidelity of one record, and infidelity over that of the constant map; arguments as for `deleted`."""
    view = view_for(subject, record, options)
    given = {name: e.on_input for name, e in maps.items()}
    target = _target(subject, maps)
    found = infidelity(subject, view, target, given, np.random.default_rng(seed))
    return {
        "fidelity": fidelity(subject, view, target, given, np.random.default_rng(seed)),
        "infidelity": {name: value / found[CONSTANT] for name, value in found.items()},
    }


def nervous(
    subject: Subject,
    record: ECGRecord,
    maps: Mapping[str, Explanation],
    others: Mapping[str, Explanation],
    options: ExplainOptions,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Change of maps under small noise, over how far they are from the maps of another record.

    Parameters
    ----------
    subject, record, maps, options, seed
        As for `deleted`.
    others : mapping
        Maps of another record.

    Returns
    -------
    dict examination -> method -> float
        A map that never changes is steady, but tells records apart no better: 1.
    """
    view, target = view_for(subject, record, options), _target(subject, maps)
    out: dict[str, float] = {}
    for name, own in maps.items():
        if name == AMPLITUDE:
            continue
        size = max(float(np.linalg.norm(own.on_input)), 1e-12)
        apart = float(np.linalg.norm(own.on_input - others[name].on_input)) / size
        moved = (
            0.0 if name == CONSTANT else sensitivity(subject, view, _again(subject, target, own, options), _rng(seed))
        )
        out[name] = moved / apart if apart > 0 else 1.0
    return {"sensitivity": out}


def _again(subject: Subject, target: int, own: Explanation, options: ExplainOptions) -> Callable[[Any], Map]:
    if own.method == "random":
        # Another draw: what knows nothing does not keep to what it said.
        draws = iter(range(1, 1 << 30))
        return lambda view: METHODS["random"].run(subject, view, target, replace(options, seed=next(draws)))
    return lambda view: METHODS[own.method].run(subject, view, target, options)


def cascaded(
    subject: Subject, record: ECGRecord, maps: Mapping[str, Explanation], options: ExplainOptions, seed: int
) -> dict[str, list[float]]:
    """Likeness of maps to those of networks whose weights are shuffled from the top down.

    Parameters
    ----------
    subject, record, maps, options, seed
        As for `deleted`.

    Returns
    -------
    dict method -> list of float
        After each stage; the last one is the examination's figure.
    """
    shown = view_for(subject, record, options).shown
    asked = replace(options, target=maps["random"].target)
    out: dict[str, list[float]] = {name: [] for name in maps}
    for _, network in cascade(subject.network, np.random.default_rng(seed)):
        blind = subject.with_network(network)
        for name, own in maps.items():
            # Controls explain no network and stay the same, the random map by its seed.
            other = own if name in CONTROLS else explain(blind, record, asked, method=name)
            out[name].append(likeness(own.on_input, other.on_input, shown))
    return out


def agreement(
    first: Mapping[str, Explanation], second: Mapping[str, Explanation], other: Mapping[str, Explanation]
) -> dict[str, float]:
    """Likeness of two networks' maps of one record, minus the likeness to a third map.

    Parameters
    ----------
    first, second, other : mapping
        For ``seeds`` maps of one record by two networks, and of another record by the first; for ``labels`` of one
        record by two networks and by one that learnt shuffled labels.

    Returns
    -------
    dict method -> float
    """
    return {
        name: likeness(own.on_input, second[name].on_input) - likeness(own.on_input, other[name].on_input)
        for name, own in first.items()
    }


def _target(subject: Subject, maps: Mapping[str, Explanation]) -> int:
    from classify.labels import find_task

    return subject.target(find_task(maps["random"].task), maps["random"].target)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
