"""Groups of records and other models on the same records: who is read worse, and which of two is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from classify.evaluate import Predictions, evaluate
from classify.labels import Task
from classify.metrics import paired_difference
from classify.protocols import hospitals, subgroups
from ecg.datasets import RecordItem
from ecg.errors import OptionsError

__all__ = ["by_group", "difference"]

#: A group with fewer records than this has no interval worth printing.
_LEAST_GROUP = 50
#: Least resamples of a difference: its ends are read, not its middle.
_LEAST_RESAMPLES = 2000


def by_group(
    found: Predictions,
    items: Sequence[RecordItem],
    task: Task,
    thresholds: Mapping[str, float],
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """Figures by age band, sex and hospital, where they are known.

    Parameters
    ----------
    found : Predictions
    items : sequence of RecordItem
        One a record.
    task : Task
    thresholds : mapping of str to float
        By label.
    seed : int
    resamples : int
        Of patients.

    Returns
    -------
    dict of str to dict
        ``n``, ``n_patients`` and ``metrics`` of each group of fifty records or more.
    """
    masks = dict(subgroups(items))
    places = hospitals(items)
    masks |= {f"hospital {name}": places == name for name in np.unique(places) if name}
    counts = np.isfinite(found.y).any(axis=1)
    figures = {}
    for name, mask in masks.items():
        if (mask & counts).sum() >= _LEAST_GROUP:
            each = evaluate(found.rows(mask), task, thresholds, np.random.default_rng(seed), resamples)
            figures[name] = {key: each[key] for key in ("n", "n_patients", "metrics")}
    return figures


def difference(found: Predictions, other: Predictions, seed: int, resamples: int) -> dict[str, Any]:
    """Paired bootstrap difference of the macro AUROC and AUPRC on the records that both have.

    Parameters
    ----------
    found, other : Predictions
        Of one task.
    seed : int
    resamples : int
        Of patients; at least 2000 are drawn.

    Returns
    -------
    dict
        ``n``, ``auroc_difference`` and ``auprc_difference``: above 0 where `found` is better.

    Raises
    ------
    OptionsError
        If no record is in both.
    """
    at = {name: k for k, name in enumerate(other.ids)}
    mine = [k for k, name in enumerate(found.ids) if name in at]
    theirs = [at[found.ids[k]] for k in mine]
    if not mine:
        raise OptionsError("the predictions to compare with are of other records; predict the same ones")
    y = np.where(np.isfinite(other.y[theirs]), found.y[mine], np.nan)
    p, q = np.nan_to_num(found.p[mine]), np.nan_to_num(other.p[theirs])
    rng = np.random.default_rng(seed)
    body: dict[str, Any] = {"n": len(mine)}
    for metric in ("auroc", "auprc"):
        drawn = paired_difference(y, p, q, found.of_patient[mine], rng, max(_LEAST_RESAMPLES, resamples), metric)
        body[f"{metric}_difference"] = drawn.as_dict()
    return body
