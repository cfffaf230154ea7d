"""The fidelity that a reading probably has, from its signs, by boosted regression trees.

Friedman, Greedy function approximation: a gradient boosting machine (Annals of Statistics 2001;29:1189, DOI
10.1214/aos/1013203451). The trees were grown on drawn pages whose true signals are known
(``python -m benchmarks.predicted_snr``) and lie as arrays in ``digitize/weights/quality``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.features import SIGNS
from ecg.errors import ModelError

__all__ = ["HIGHEST_DB", "LOWEST_DB", "WEIGHTS", "Trees", "load_trees", "predict_snr"]

Double = NDArray[np.float64]

WEIGHTS = Path(__file__).resolve().parent / "weights" / "quality"
#: True ratios beyond these were cut before the fit: under -3 dB a lead is another signal, over 30 dB differences are
#: of no use.
LOWEST_DB, HIGHEST_DB = -3.0, 30.0


@dataclass(frozen=True, eq=False)
class Trees:
    """Binary trees of one depth, summed.

    Parameters
    ----------
    sign : int array [trees, 2**depth - 1]
        Index of the sign that a node asks for. Node 0 is the root, nodes 2n + 1 and 2n + 2 come below node n.
    bound : float array [trees, 2**depth - 1]
        A sign above it goes to the node at the right.
    leaf : float array [trees, 2**depth]
        dB.
    base : float
        dB, what holds for all.

    Examples
    --------
    >>> stump = Trees(np.array([[0]]), np.array([[0.5]]), np.array([[-1.0, 1.0]]), 10.0)
    >>> stump(np.array([[0.4], [0.6]])).tolist()
    [9.0, 11.0]
    """

    sign: NDArray[np.int64]
    bound: Double
    leaf: Double
    base: float

    def __call__(self, signs: Double) -> Double:
        """Sum the trees.

        Parameters
        ----------
        signs : float array [cases, signs]

        Returns
        -------
        float array [cases]
            dB.
        """
        trees = np.arange(self.sign.shape[0])[None]
        node = np.zeros((signs.shape[0], self.sign.shape[0]), np.int64)
        cases = np.arange(signs.shape[0])[:, None]
        for _ in range(int(np.log2(self.leaf.shape[1]))):
            right = signs[cases, self.sign[trees, node]] > self.bound[trees, node]
            node = 2 * node + 1 + right
        total: Double = self.base + self.leaf[trees, node - self.sign.shape[1]].sum(axis=1)
        return total


@cache
def load_trees(folder: Path = WEIGHTS) -> Trees:
    """Load the trees that are shipped.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Trees

    Raises
    ------
    ModelError
        If files are missing or damaged, or the trees ask for signs that are not gathered.
    """
    from ecg.checkpoint import load

    arrays, card = load(folder)
    names = tuple(card.input_spec.get("signs", ()))
    if not names or not set(names) <= set(SIGNS):
        raise ModelError(f"{folder} was fitted on other signs than this version gathers; fit it again")
    return _from_arrays(arrays, names)


def _from_arrays(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Trees:
    """Trees that ask for signs by their places in `SIGNS`: pages are read with older trees to grow new ones."""
    sign, bound, leaf = (arrays[name] for name in ("sign", "bound", "leaf"))
    places = np.array([SIGNS.index(name) for name in names])
    return Trees(places[sign], bound.astype(np.float64), leaf.astype(np.float64), float(arrays["base"][0]))


def predict_snr(signs: Mapping[str, Double], trees: Trees | None = None) -> dict[str, float]:
    """Predict how faithful each lead is.

    Parameters
    ----------
    signs : mapping lead -> float array [signs]
        Of `digitize.features.lead_signs`.
    trees : Trees, optional
        Other ones than those shipped.

    Returns
    -------
    dict lead -> float
        Expected signal-to-noise ratio in dB, from `LOWEST_DB` to `HIGHEST_DB`.

    Raises
    ------
    ModelError
        As for `load_trees`.
    """
    if not signs:
        return {}
    found = (trees or load_trees())(np.stack(list(signs.values())))
    return {lead: float(v) for lead, v in zip(signs, found.clip(LOWEST_DB, HIGHEST_DB), strict=True)}
