"""A random forest over delineated features, kept as plain arrays.

Breiman, "Random Forests", Machine Learning 2001;45:5-32, DOI 10.1023/A:1010933404324, fitted by scikit-learn; on
features of the median beat it is the other strong approach to occlusion infarction (Al-Zaiti et al., Nat Med
2023;29:1804-1813, DOI 10.1038/s41591-023-02396-3). scikit-learn's own files are pickles, which run code when they are
read: here the trees are arrays, and prediction walks all records down all trees at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import ModelError

__all__ = ["EXACT", "RandomForest", "filled", "joined_trees", "medians"]

_Array = NDArray[np.floating]

#: Arrays that must keep their precision: rounding a split value moves records to the other side of it.
EXACT = ("threshold", "missing")
_NAMES = ("left", "right", "feature", "threshold", "share", "roots", "missing")
#: Records walked at once: 1000 records times 500 trees are 4 MB an index array.
_CHUNK = 1000


class RandomForest:
    """Trees that vote; each label has its share of positives in the leaf.

    Parameters
    ----------
    n_labels : int
        Labels, each a yes or no of its own.
    n_trees : int
        More only make it slower.
    least_leaf : int
        Records a leaf must hold: 5 keep shares from being 0 or 1.
    seed : int
        Of the fit.
    """

    def __init__(self, n_labels: int, n_trees: int = 300, least_leaf: int = 5, seed: int = 0) -> None:
        self.n_labels = n_labels
        self.n_trees = n_trees
        self.least_leaf = least_leaf
        self.seed = seed
        self.arrays: dict[str, NDArray[Any]] = {}

    def fit(self, x: _Array, y: _Array, jobs: int = 1) -> RandomForest:
        """Grow the trees.

        Parameters
        ----------
        x : float array [records, features]
            NaN where not measurable: replaced by the feature's median over these records.
        y : float array [records, labels] of 0 and 1
        jobs : int
            Processes of scikit-learn.

        Returns
        -------
        RandomForest
            This one.

        Raises ModelError if the shapes do not fit or a label has one value only.
        """
        from sklearn.ensemble import RandomForestClassifier

        if x.ndim != 2 or y.shape != (x.shape[0], self.n_labels):
            raise ModelError(
                f"a forest of {self.n_labels} labels needs x [records, features] and y [records, {self.n_labels}], "
                f"got {list(x.shape)} and {list(y.shape)}"
            )
        if (np.ptp(y, axis=0) == 0).any():
            raise ModelError("a forest needs records with and without each label; take more records")
        missing = medians(x)
        forest = RandomForestClassifier(
            self.n_trees, min_samples_leaf=self.least_leaf, n_jobs=jobs, random_state=self.seed
        )
        forest.fit(filled(x, missing), y[:, 0] if self.n_labels == 1 else y)
        self.arrays = {**joined_trees([tree.tree_ for tree in forest.estimators_], self.n_labels), "missing": missing}
        return self

    def predict_proba(self, x: _Array) -> NDArray[np.float32]:
        """Probability of each label: its mean share over the leaves that the record falls into.

        Parameters
        ----------
        x : float array [records, features]

        Returns
        -------
        float32 array [records, labels]

        Raises ModelError if the forest was not fitted, or on another number of features.
        """
        if not self.arrays:
            raise ModelError("this forest has no trees; fit it or load one")
        missing = self.arrays["missing"]
        if x.ndim != 2 or x.shape[1] != missing.size:
            raise ModelError(f"this forest takes [records, {missing.size}] features, got {list(x.shape)}")
        parts = [self._walk(filled(x[i : i + _CHUNK], missing)) for i in range(0, len(x), _CHUNK)]
        return np.concatenate(parts) if parts else np.empty((0, self.n_labels), np.float32)

    def _walk(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """All records down all trees, one level a turn."""
        left, right, feature = (self.arrays[name] for name in ("left", "right", "feature"))
        threshold = self.arrays["threshold"]
        row = np.arange(len(x))[:, None]
        node = np.broadcast_to(self.arrays["roots"], (len(x), self.arrays["roots"].size)).copy()
        while (inner := left[node] >= 0).any():
            # scikit-learn sends what is equal to the left.
            down = x[row, feature[node]] <= threshold[node]
            node = np.where(inner, np.where(down, left[node], right[node]), node)
        out: NDArray[np.float32] = self.arrays["share"][node].astype(np.float64).mean(axis=1).astype(np.float32)
        return out

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays for `ecg.checkpoint.save`, which must be given `EXACT`."""
        return dict(self.arrays)

    def load_state(self, arrays: Mapping[str, NDArray[Any]]) -> RandomForest:
        """Take the arrays of a saved forest; raises ModelError if they are not those of a forest of these labels."""
        if set(arrays) != set(_NAMES) or arrays["share"].shape[-1] != self.n_labels:
            raise ModelError(
                f"expected the arrays {', '.join(_NAMES)} of a forest of {self.n_labels} labels, got others"
            )
        if not _are_trees(arrays):
            raise ModelError("the forest's nodes do not form trees; fetch the model again")
        self.arrays = {name: np.asarray(arrays[name]) for name in _NAMES}
        return self


def _are_trees(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether prediction stays inside the arrays and ends: every child stands after its parent."""
    left, right, roots, feature = (arrays[name] for name in ("left", "right", "roots", "feature"))
    n = left.size
    if {arrays[name].shape for name in ("left", "right", "feature", "threshold")} != {(n,)}:
        return False
    if arrays["share"].shape[:1] != (n,) or roots.ndim != 1 or arrays["missing"].ndim != 1 or 0 in (n, roots.size):
        return False
    inner = left >= 0
    forward = np.minimum(left, right)[inner] > np.flatnonzero(inner)
    within = max(left.max(), right.max(), roots.max()) < n and roots.min() >= 0
    known = feature.min() >= 0 and feature.max() < arrays["missing"].size
    return bool(forward.all() and within and known)


def medians(x: _Array) -> NDArray[np.float32]:
    """Median of each feature [features] over the records that have it; 0 where none has."""
    with np.errstate(all="ignore"):
        known = np.isfinite(x).any(axis=0)
        return np.where(known, np.nanmedian(np.where(known, x, 0), axis=0), 0).astype(np.float32)


def filled(x: _Array, missing: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features with what is missing replaced."""
    out: NDArray[np.float32] = np.where(np.isfinite(x), x, missing).astype(np.float32)
    return out


def joined_trees(trees: list[Any], n_labels: int) -> dict[str, NDArray[Any]]:
    """Nodes of all trees in one array each; children by their place there, −1 at leaves.

    Parameters
    ----------
    trees : list of scikit-learn's trees
    n_labels : int
        Outputs of yes and no, of which the share of yes is kept; 1 output of more classes keeps the share of each.

    Returns
    -------
    dict of str to array
        What `RandomForest.state` gives, but for ``missing``.
    """
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def children(name: str) -> NDArray[np.int32]:
        per_tree = [getattr(tree, name) for tree in trees]
        moved = [np.where(c >= 0, c + root, -1) for c, root in zip(per_tree, roots, strict=True)]
        return np.concatenate(moved).astype(np.int32)

    # [nodes, labels, classes]: numbers or shares of records, by scikit-learn's version.
    values = np.concatenate([tree.value.reshape(tree.node_count, n_labels, -1) for tree in trees])
    shares = values / values.sum(axis=-1, keepdims=True)
    return {
        "left": children("children_left"),
        "right": children("children_right"),
        "feature": np.concatenate([tree.feature for tree in trees]).clip(0).astype(np.int16),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "share": (shares[:, 0] if values.shape[-1] > 2 else shares[..., 1]).astype(np.float16),
        "roots": roots.astype(np.int32),
    }
