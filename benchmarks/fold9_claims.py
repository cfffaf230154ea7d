"""What was published of heat maps, on the validation fold of PTB-XL: inferior and anterior infarctions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawn_hearts import SEED

__all__ = ["claims", "fold9"]

Row = Mapping[str, Any]
Faithful = Callable[[Any, Any, Any, Any, int], dict[str, Any]]


def fold9(
    subject: Any, methods: Sequence[str], records: int, task: str, folder: Path, faithful: Faithful
) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Examine records of PTB-XL's fold 9, and what the publications claim of their maps.

    Parameters
    ----------
    subject : Subject
    methods : sequence of str
        Quick ones.
    records : int
    task : str
    folder : Path
        Of PTB-XL.
    faithful : callable
        Examinations of one record's maps: subject, record, maps, options and a number to what is added to its row.

    Yields
    ------
    str
        Key of a row.
    callable
        Makes the row.
    """
    from ecg.datasets import ptb_xl

    items = [item for item in ptb_xl(folder, folds=[9]) if "MI" in item.labels]
    rng, drawn = np.random.default_rng(SEED), {}
    for group, subclasses in (("inferior", {"IMI", "ILMI"}), ("anterior", {"AMI", "ASMI"})):
        chosen = [item for item in items if set(item.statements) & subclasses]
        drawn[group] = [chosen[int(place)] for place in rng.permutation(len(chosen))[: records // 2]]
    # By turns, so that a run that is stopped has both.
    for pair in zip(*drawn.values(), strict=False):
        for group, item in zip(drawn, pair, strict=True):
            yield f"{group} {item.ecg_id}", partial(_real, subject, methods, item, group, task, faithful)


def _real(subject: Any, methods: Sequence[str], item: Any, group: str, task: str, faithful: Faithful) -> Row:
    from explain.anatomy import anatomy, shown_on, wave_labels
    from explain.examine import maps_of
    from explain.methods import ExplainOptions, explain

    record, options = item.record(), ExplainOptions(task=task)
    answer = explain(subject, record, options, method="random")
    row: dict[str, Any] = {"positive": answer.decision, "group": group, "target": answer.target}
    if not row["positive"]:
        return row
    maps = maps_of(subject, record, methods, options, item.ecg_id)
    claims: dict[str, dict[str, Any]] = {}
    for name, own in maps.items():
        n = own.values.shape[1]
        labels = wave_labels(record, own.fs, n)
        found = anatomy(own, labels, shown_on(record, own.fs, n))
        claims[name] = {
            "st_t": found.ratio("ST", "T"),
            "leading": found.leading_lead,
            "leads": {lead: found.ratio(lead) for lead in own.leads},
            "onsets": _at_onsets(own, labels),
        }
    row["claims"] = claims
    return row | faithful(subject, record, maps, options, int(item.ecg_id))


def _at_onsets(own: Any, labels: Any) -> float | None:
    """Attribution within 40 ms of the onsets of QRS and ST over that by area; None where no wave is known."""
    from explain.anatomy import WAVES, evidence

    near = np.zeros(labels.shape, dtype=bool)
    reach = round(0.04 * own.fs)
    for wave in ("QRS", "ST"):
        here = labels == WAVES.index(wave)
        rows, starts = np.nonzero(here[:, 1:] & ~here[:, :-1])
        for row, start in zip(rows, starts + 1, strict=True):
            near[row, max(0, start - reach) : start + reach] = True
    size = evidence(own)
    return float(size[near].sum() / size.sum() / near.mean()) if near.any() and size.any() else None


def claims(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Sum up what was published, by method: share of true positives in which it holds, or a mean ratio.

    Parameters
    ----------
    rows : sequence of mapping

    Returns
    -------
    dict method -> claim -> float or None
    """
    out: dict[str, dict[str, Any]] = {}
    positive = [row for row in rows if row.get("claims")]
    for method in sorted({name for row in positive for name in row["claims"]}):
        told = [(row["group"], row["claims"][method]) for row in positive]
        groups = {g: [c for h, c in told if h == g] for g in ("inferior", "anterior")}
        out[method] = {
            "n": len(told),
            "st_t": _mean([c["st_t"] for _, c in told]),
            "ii_v4_v6": _mean([np.mean([c["leads"][k] for k in ("II", "V4", "V5", "V6")]) for _, c in told]),
            "inferior": _mean([np.mean([c["leads"][k] for k in ("II", "III", "aVF")]) for c in groups["inferior"]]),
            "anterior": _mean([np.mean([c["leads"][k] for k in ("V1", "V2", "V3")]) for c in groups["anterior"]]),
            "inferior_leading": _mean([c["leading"] in ("II", "III", "aVF") for c in groups["inferior"]]),
            "anterior_leading": _mean([c["leading"] in ("V1", "V2", "V3", "V4") for c in groups["anterior"]]),
            "onsets": _mean([c["onsets"] for _, c in told]),
        }
    return out


def _mean(values: Sequence[Any]) -> float | None:
    known = [float(v) for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(known)) if known else None
