"""Extremely randomised trees over patterns, for classes that exclude each other and of which few examples are known.

Geurts, Ernst & Wehenkel, Machine Learning 2006;63:3-42, DOI 10.1007/s10994-006-6226-1, fitted by scikit-learn with
classes weighed by inverse frequency, and kept as plain arrays as the random forest is. Splits at random vary less from
sample to sample than best ones do, which is what counts where a class has two dozen pages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.models.random_forest import RandomForest, filled, joined_trees, medians
from ecg.errors import ModelError

__all__ = ["PageTrees"]


class PageTrees(RandomForest):
    """Trees whose leaves hold a share of each class.

    Parameters
    ----------
    n_labels : int
        Classes.
    n_trees, least_leaf, seed : int
        As for `RandomForest`.
    """

    def __init__(self, n_labels: int, n_trees: int = 300, least_leaf: int = 2, seed: int = 0) -> None:
        super().__init__(n_labels, n_trees, least_leaf, seed)

    def fit(self, x: NDArray[np.floating], y: NDArray[np.floating], jobs: int = 1) -> PageTrees:
        """Grow the trees.

        Parameters
        ----------
        x : float array [records, features]
            NaN where not measurable: replaced by the feature's median over these records.
        y : float array [records, classes]
            1 in one column, 0 in the others.
        jobs : int
            Processes of scikit-learn.

        Returns
        -------
        PageTrees
            This one.

        Raises ModelError if the shapes do not fit, a record is not of one class, or a class has none.
        """
        from sklearn.ensemble import ExtraTreesClassifier

        if x.ndim != 2 or y.shape != (x.shape[0], self.n_labels) or not (y.sum(axis=1) == 1).all():
            raise ModelError(
                f"trees for {self.n_labels} classes need x [records, features] and y [records, {self.n_labels}] with "
                f"one 1 a row, got {list(x.shape)} and {list(y.shape)}; a task whose labels exclude each other has them"
            )
        if not y.any(axis=0).all():
            raise ModelError("these trees need a record of each class; take more records")
        missing = medians(x)
        trees: Any = ExtraTreesClassifier(
            self.n_trees,
            min_samples_leaf=self.least_leaf,
            class_weight="balanced",
            n_jobs=jobs,
            random_state=self.seed,
        )
        trees.fit(filled(x, missing), y.argmax(axis=1))
        grown = joined_trees([tree.tree_ for tree in trees.estimators_], 1)
        self.arrays = {**grown, "missing": missing}
        return self
