"""Growing the trees that predict the fidelity of a reading, and writing them as the reader loads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.features import SIGNS
from digitize.prediction import HIGHEST_DB, LOWEST_DB, WEIGHTS, Trees
from digitize.quality import PAGE_DB, POOR_DB
from ecg.checkpoint import ModelCard, save
from einthoven.provenance import commit

__all__ = ["grow", "mean_of", "restated", "saved", "trees_of"]

Double = NDArray[np.float64]

#: Shape of the trees: shallow ones, many, each on half of the cases. More or deeper ones fitted the pages that they saw
#: better and others no better.
_TREES, _DEPTH, _RATE, _PART, _LEAST = 300, 4, 0.04, 0.5, 20
#: The halves are drawn anew for each of several sets of trees, and their mean is what is predicted.
_SEED, _SETS = 7, 5


def grow(signs: Double, snr_db: Double, page: NDArray[np.int64]) -> Trees:
    """Grow trees on leads whose true fidelity is known.

    Parameters
    ----------
    signs : float array [cases, signs]
    snr_db : float array [cases]
        True.
    page : int array [cases]
        Which page a lead stands on: every page counts alike, however many leads it has.

    Returns
    -------
    Trees
    """
    from sklearn.ensemble import GradientBoostingRegressor

    leads, sets = np.bincount(page)[page], []
    for seed in range(_SEED, _SEED + _SETS):
        model = GradientBoostingRegressor(
            n_estimators=_TREES,
            max_depth=_DEPTH,
            learning_rate=_RATE,
            subsample=_PART,
            min_samples_leaf=_LEAST,
            max_features=0.3,
            random_state=seed,
        )
        model.fit(signs, snr_db.clip(LOWEST_DB, HIGHEST_DB), sample_weight=1 / leads)
        sets.append(trees_of(model))
    return mean_of(sets)


def mean_of(sets: Sequence[Trees]) -> Trees:
    """Put sets of trees of one depth together, so that they predict the mean of what each predicts.

    Parameters
    ----------
    sets : sequence of Trees

    Returns
    -------
    Trees
    """
    return Trees(
        np.concatenate([trees.sign for trees in sets]),
        np.concatenate([trees.bound for trees in sets]),
        np.concatenate([trees.leaf for trees in sets]) / len(sets),
        float(np.mean([trees.base for trees in sets])),
    )


#: How reasons begin that follow from predicted fidelity, and one that says that a person can mend the page.
_POOR, _EXPECTED, _MENDABLE = "poorly read: ", "the signals are expected at", "the beats would come"


def restated(row: Mapping[str, Any], snr_db: Mapping[str, float]) -> dict[str, Any]:
    """Row as trees other than those that it was read with have it: its other reasons stay, what they said goes.

    Parameters
    ----------
    row : mapping
    snr_db : mapping lead -> float
        Predicted, of each lead that has signs.

    Returns
    -------
    dict
        With status and reasons as `digitize.quality.judge_page` gives them. Pages that were refused stay so.
    """
    if row["status"] == "refused" or not snr_db:
        return dict(row)
    poor_before = [r.removeprefix(_POOR).split(", ") for r in row["reasons"] if r.startswith(_POOR)]
    unread = [lead for leads in poor_before for lead in leads if lead not in snr_db]
    gaps = SIGNS.index("gaps")
    poor = unread + [lead for lead, v in snr_db.items() if v < POOR_DB or row["signs"][lead][gaps] > 0.5]
    reasons = [r for r in row["reasons"] if not r.startswith((_POOR, _EXPECTED))]
    mendable = any(r.startswith(_MENDABLE) for r in reasons)
    reasons += [_POOR + ", ".join(poor)] if poor else []
    middle = float(np.median(list(snr_db.values())))
    reasons += [f"{_EXPECTED} {int(middle)} dB only, {PAGE_DB:.0f} are good"] if middle < PAGE_DB else []
    refused = not mendable and 2 * len(poor) > len(snr_db) + len(unread)
    return {**row, "status": "refused" if refused else "review" if reasons else "accepted", "reasons": reasons}


def trees_of(model: Any) -> Trees:
    """Trees of a fitted booster as arrays: branches that end early are drawn out to the full depth.

    Parameters
    ----------
    model : sklearn.ensemble.GradientBoostingRegressor

    Returns
    -------
    Trees
    """
    depth = model.max_depth
    n, nodes = len(model.estimators_), 2**depth - 1
    sign, bound = np.zeros((n, nodes), np.int64), np.zeros((n, nodes))
    leaf = np.zeros((n, nodes + 1))

    def lay(k: int, tree: Any, node: int, place: int) -> None:
        """Put a node of a tree at its place, and all that hangs from it."""
        ends = tree.children_left[node] < 0
        if place >= nodes:
            leaf[k, place - nodes] = model.learning_rate * tree.value[node, 0, 0]
            return
        if not ends:
            sign[k, place], bound[k, place] = tree.feature[node], tree.threshold[node]
        left, right = (node, node) if ends else (tree.children_left[node], tree.children_right[node])
        lay(k, tree, left, 2 * place + 1)
        lay(k, tree, right, 2 * place + 2)

    for k, estimator in enumerate(model.estimators_[:, 0]):
        lay(k, estimator.tree_, 0, 0)
    return Trees(sign, bound, leaf, float(np.ravel(model.init_.constant_)[0]))


def saved(
    trees: Trees, rows: Sequence[Mapping[str, Any]], metrics: Mapping[str, float], folder: Path = WEIGHTS
) -> ModelCard:
    """Write trees with their card.

    Parameters
    ----------
    trees : Trees
    rows : sequence of mapping
        Pages that they were grown on.
    metrics : mapping name -> float
    folder : Path

    Returns
    -------
    ModelCard
    """
    arrays: dict[str, NDArray[Any]] = {
        "sign": trees.sign.astype(np.int16),
        "bound": trees.bound.astype(np.float32),
        "leaf": trees.leaf.astype(np.float32),
        "base": np.array([trees.base], np.float32),
    }
    members = Counter(str(row["member"]) for row in rows if row["signs"])
    card = ModelCard(
        name="quality",
        task="reading_fidelity",
        architecture="BoostedTrees",
        arguments={"trees": int(trees.sign.shape[0]), "depth": int(np.log2(trees.leaf.shape[1]))},
        input_spec={"signs": list(SIGNS)},
        labels=("snr_db",),
        thresholds={},
        temperature=1.0,
        data={
            "pages": dict(sorted(members.items())),
            "signals": sorted({str(row["source"]) for row in rows}),
            "licence": "PTB-XL 1.0.3, CC BY 4.0",
        },
        folds={"train": [1, 2, 3, 4, 5, 6, 7, 8]},
        seed=_SEED,
        commit=commit() or "",
        metrics={name: {"value": round(value, 4), "lo": None, "hi": None} for name, value in metrics.items()},
        intended_use="to tell which readings of paper ECGs a person must look at",
        limits=(
            "fitted on drawn pages; on real scans the true fidelity is not known",
            "does not see a wrong gain or speed that the page does not tell",
        ),
        sha256="0" * 64,
    )
    return save(folder, arrays, card, exact=tuple(arrays))
