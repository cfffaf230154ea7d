"""The test beside every map: what the answer loses in the order of the map, and in orders left to chance.

Deletion and insertion as in `explain.faithfulness`, made quick enough for every answer: eleven points a curve, whose
two ends all orders share, and of an order left to chance deletion alone. What is left of such an order is one left to
chance too, so its insertion curve is a deletion curve read backwards, of the same mean area.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from classify.labels import find_task
from explain.faithfulness import (
    Curves,
    cell_values,
    cells_of,
    probability_of,
    removals,
    without,
)
from explain.features import without_features
from explain.picture_view import PictureView, patches
from explain.picture_view import without as without_patches
from explain.result import Explanation
from explain.subject import Subject
from explain.view import View

__all__ = ["trust", "trust_page"]

Float = NDArray[np.float64]
Gone = NDArray[np.bool_]

#: Shares of the cells taken away.
_POINTS = np.linspace(0, 1, 11)
#: Inputs answered at once: bounds the memory that pictures take.
_BATCH = 16


def trust(subject: Subject, view: View, found: Explanation, seed: int = 0, controls: int = 5) -> dict[str, float]:
    """Tell of one explanation how it fares against orders of the same cells that are left to chance.

    Parameters
    ----------
    subject : Subject
    view : View
        Of the record that was explained.
    found : Explanation
    seed : int
    controls : int
        Orders left to chance; each takes nine answers of the model, the map itself eighteen.

    Returns
    -------
    dict
        ``deletion``, ``insertion``: areas under the curves of this map, of the probability of the target, or, for a
        signed map of an answer that was not given, of its absence; ``deletion_random``, ``insertion_random``: what
        orders left to chance give on average; ``better_than_random``: share of them that fall more slowly.
    """
    target = subject.target(find_task(found.task), found.target)
    if view.of_features:
        shape = found.on_input.shape
        return _tested(
            found,
            np.asarray(found.on_input, dtype=np.float64).ravel(),
            lambda gone: probability_of(subject, without_features(view, gone.reshape(-1, *shape)), target, view.extra),
            np.random.default_rng(seed),
            controls,
        )
    cells = cells_of(view)

    def answers(gone: Gone) -> Float:
        changes = np.stack([without(view, cells, removed) for removed in gone])
        return probability_of(subject, view.changed(changes), target, view.extra)

    return _tested(found, cell_values(found.on_input, cells), answers, np.random.default_rng(seed), controls)


def trust_page(
    subject: Subject, view: PictureView, found: Explanation, seed: int = 0, controls: int = 3
) -> dict[str, float]:
    """Tell how an explanation of a page fares against random orders of its squares.

    Parameters
    ----------
    subject : Subject
        Of an image network.
    view : PictureView
    found : Explanation
        From `explain.pictures.explain_page`.
    seed, controls
        As for `trust`.

    Returns
    -------
    dict
        As `trust`.
    """
    target = subject.target(find_task(found.task), found.target)
    height = np.bincount(patches(view).ravel(), np.asarray(found.on_input, dtype=np.float64).ravel())
    return _tested(
        found,
        height.astype(np.float64),
        lambda gone: probability_of(subject, without_patches(view, gone), target),
        np.random.default_rng(seed),
        controls,
    )


def _tested(
    found: Explanation, height: Float, answers: Callable[[Gone], Float], rng: np.random.Generator, controls: int
) -> dict[str, float]:
    """Compare the order of a map with orders left to chance.

    Parameters
    ----------
    found : Explanation
    height : float array [cells]
        Of the map.
    answers : callable
        Probabilities [n] of the target without cells [n, cells].
    rng : numpy.random.Generator
    controls : int
    """
    # A signed map of an answer that was not given is tested as what it is told as: reasons against the target.
    against = found.signed and not found.decision
    n = _POINTS.size
    own = removals(-height if against else height, rng, _POINTS)
    chance = [removals(np.zeros_like(height), rng, _POINTS)[1 : n - 1] for _ in range(controls)]
    # Nothing and everything taken away are the same for all.
    asked = np.concatenate([own[:n], own[n + 1 : -1], *chance])
    p = np.concatenate([answers(part) for part in np.array_split(asked, -(-len(asked) // _BATCH))])
    insertion = np.concatenate([p[n - 1 : n], p[n : 2 * n - 2][::-1], p[:1]])
    curves = Curves(p[:n], insertion)
    areas = [Curves(_closed(p, part), insertion).deletion_area for part in p[2 * n - 2 :].reshape(controls, n - 2)]
    told = np.array([curves.deletion_area, curves.insertion_area, *areas])
    told = 1 - told if against else told
    return {
        "deletion": float(told[0]),
        "insertion": float(told[1]),
        "deletion_random": float(told[2:].mean()),
        "insertion_random": float(told[2:].mean()),
        "better_than_random": float((told[0] < told[2:]).mean()),
    }


def _closed(p: Float, inner: Float) -> Float:
    """Curve of an order left to chance between the two ends that all orders share."""
    return np.concatenate([p[:1], inner, p[_POINTS.size - 1 : _POINTS.size]])
