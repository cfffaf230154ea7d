"""How far a map can be trusted: what happens to the answer when what it points at is taken away.

Deletion and insertion: Petsiuk, Das & Saenko, BMVC 2018, arXiv 1806.07421. Infidelity and sensitivity: Yeh et al.,
NeurIPS 2019, arXiv 1901.09392. Faithfulness correlation: Bhatt, Weller & Moura, IJCAI 2020, arXiv 2005.00631. All of
them act on the leads that a reader sees, in cells of 40 ms of one lead; a cell that is taken away is bridged by a
straight line, because a step would be a signal of its own. Trees lose the numbers of one wave of one lead at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explain.features import without_features
from explain.result import Map
from explain.subject import Subject, undisturbed
from explain.view import View

__all__ = [
    "Curves",
    "cell_values",
    "cells_of",
    "curves",
    "fidelity",
    "infidelity",
    "likeness",
    "pointing",
    "probability_of",
    "removals",
    "sensitivity",
    "without",
]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

#: Length of a cell in seconds: one small square of the paper, half a narrow QRS complex.
CELL_S = 0.04
#: Shares of the cells taken away, and the points of a curve.
_POINTS = np.linspace(0, 1, 21)
#: Share of the cells that a perturbation of `infidelity` takes away.
_REMOVED = 0.1


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of the target while cells are taken away, or given back, in the order of a map.

    Parameters
    ----------
    deletion, insertion : float array [points]
        From nothing to everything in even steps.
    """

    deletion: Float
    insertion: Float

    @property
    def deletion_area(self) -> float:
        """Mean height of the curve: the lower, the better the map."""
        return float(np.trapezoid(self.deletion, np.linspace(0, 1, self.deletion.size)))

    @property
    def insertion_area(self) -> float:
        """Mean height of the curve: the higher, the better the map."""
        return float(np.trapezoid(self.insertion, np.linspace(0, 1, self.insertion.size)))


def cells_of(view: View) -> NDArray[np.intp]:
    """Cut a view into cells and number them.

    Parameters
    ----------
    view : View

    Returns
    -------
    int array [leads, samples]
        −1 where a lead is not shown.
    """
    n = view.signal.shape[1]
    across = np.arange(n) // max(1, round(CELL_S * view.fs))
    number = np.arange(len(view.leads))[:, None] * (int(across[-1]) + 1) + across
    shown = np.where(view.shown, number, -1)
    _, dense = np.unique(shown, return_inverse=True)
    return np.asarray(dense.reshape(shown.shape) - (1 if (shown < 0).any() else 0))


def cell_values(values: NDArray[np.floating], cells: NDArray[np.intp]) -> Float:
    """Sum of a map over each cell."""
    inside = cells >= 0
    weights = np.asarray(values, dtype=np.float64)[inside]
    return np.asarray(np.bincount(cells[inside], weights, int(cells.max()) + 1))


def without(view: View, cells: NDArray[np.intp], removed: NDArray[np.bool_]) -> Float32:
    """Change of the leads that takes cells away.

    Parameters
    ----------
    view : View
    cells : int array [leads, samples]
    removed : bool array [cells]

    Returns
    -------
    float32 array [leads, samples]
        To be added to the leads.
    """
    change = np.zeros(view.signal.shape, dtype=np.float32)
    gone = (cells >= 0) & removed[cells.clip(0)]
    for row in np.flatnonzero(gone.any(axis=1)):
        x, away = view.signal[row], np.flatnonzero(gone[row])
        rest = np.flatnonzero((cells[row] >= 0) & ~gone[row])
        # A lead of which nothing is left is flat at the zero of the input.
        change[row, away] = (np.interp(away, rest, x[rest]) if rest.size else 0.0) - x[away]
    return change


def curves(subject: Subject, view: View, target: int, values: Float32, rng: np.random.Generator) -> Curves:
    """Take away, and give back, what a map points at.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int
    values : float32 array [leads, samples]
        On the input.
    rng : numpy.random.Generator
        Orders cells of the same value, so that a map that says nothing is a random one.

    Returns
    -------
    Curves
    """
    if view.of_features:
        height = np.asarray(values, dtype=np.float64).ravel()
        x = without_features(view, removals(height, rng, _POINTS).reshape(-1, *values.shape))
    else:
        cells = cells_of(view)
        gone = removals(cell_values(values, cells), rng, _POINTS)
        x = view.changed(np.stack([without(view, cells, removed) for removed in gone]))
    p = probability_of(subject, x, target, view.extra)
    # What is left after the lowest cells are gone is the map's own top: insertion, read backwards.
    return Curves(p[: _POINTS.size], p[_POINTS.size :][::-1])


def removals(height: Float, rng: np.random.Generator, shares: Float) -> NDArray[np.bool_]:
    """Tell what is taken away for deletion, and then for insertion.

    Parameters
    ----------
    height : float array [cells]
        Of a map.
    rng : numpy.random.Generator
        Orders cells of the same height.
    shares : float array [points]

    Returns
    -------
    bool array [2 * points, cells]
        The highest shares of the cells, then the lowest.
    """
    order = np.lexsort((rng.random(height.size), -height))
    gone = np.zeros((2, shares.size, height.size), dtype=bool)
    for half, ranking in zip(gone, (order, order[::-1]), strict=True):
        for row, share in zip(half, shares, strict=True):
            row[ranking[: round(share * height.size)]] = True
    return gone.reshape(-1, height.size)


def probability_of(subject: Subject, x: Float32, target: int, extra: Float32 | None = None) -> Float:
    """Calibrated probability [n] of one output by itself for inputs [n, *shape] of one person."""
    card = subject.classifier.card
    z = subject.logits(x, target, extra)
    t = card.temperatures.get(card.labels[target], card.temperature)
    return np.asarray(0.5 * (1 + np.tanh(0.5 * (z / t + card.offsets.get(card.labels[target], 0.0)))))


def infidelity(
    subject: Subject, view: View, target: int, maps: Mapping[str, Float32], rng: np.random.Generator, n: int = 64
) -> dict[str, float]:
    """How badly maps predict what the answer loses when a tenth of the cells goes.

    Each map is scaled as suits it best, so that maps without unit can be compared; a constant map predicts the mean
    loss and is what others have to beat.

    Parameters
    ----------
    subject : Subject
    view : View
    target : int
    maps : mapping name -> float32 array [leads, samples]
    rng : numpy.random.Generator
    n : int
        Perturbations, the same for every map.

    Returns
    -------
    dict name -> float
        Mean squared error over the mean squared loss: 0 is perfect, 1 is no better than "nothing happens".
    """
    cells = cells_of(view)
    chosen = rng.random((n, int(cells.max()) + 1)) < _REMOVED
    changes = np.stack([without(view, cells, removed) for removed in chosen])
    before = subject.logits(view.x[None], target, view.extra)[0]
    lost = before - subject.logits(view.changed(changes), target, view.extra)
    size = max(float((lost**2).mean()), 1e-12)
    out = {}
    for name, values in maps.items():
        told = chosen @ cell_values(values, cells)
        scale = float(told @ lost) / max(float(told @ told), 1e-30)
        out[name] = float(((scale * told - lost) ** 2).mean()) / size
    return out


def fidelity(
    subject: Subject, view: View, target: int, maps: Mapping[str, Float32], rng: np.random.Generator, n: int = 64
) -> dict[str, float]:
    """How well maps tell what the answer loses when one or another tenth of the cells goes.

    Unlike `infidelity` it does not count the loss that any such hole brings.

    Parameters
    ----------
    subject, view, target, maps, rng, n
        As for `infidelity`.

    Returns
    -------
    dict name -> float
        Correlation between the sum of a map over the cells and the loss, over ``n`` choices of equally many cells; 0
        for a map that tells no choice from another.
    """
    cells = cells_of(view)
    count = int(cells.max()) + 1
    chosen = np.argsort(rng.random((n, count)), axis=1) < round(_REMOVED * count)
    changes = np.stack([without(view, cells, removed) for removed in chosen])
    lost = -subject.logits(view.changed(changes), target, view.extra)
    out = {}
    for name, values in maps.items():
        # The mean over a cell: cells at the end of a stretch are shorter.
        told = chosen @ (cell_values(values, cells) / cell_values(np.ones(cells.shape), cells))
        still = np.ptp(told) <= 1e-6 * max(float(np.abs(told).max()), 1e-30) or np.ptp(lost) == 0
        out[name] = 0.0 if still else float(np.corrcoef(told, lost)[0, 1])
    return out


def sensitivity(
    subject: Subject,
    view: View,
    run: Callable[[View], Map],
    rng: np.random.Generator,
    noise_mv: float = 0.02,
    n: int = 4,
) -> float:
    """Largest change of a map under noise that no reader would notice, over the size of the map.

    Parameters
    ----------
    subject : Subject
    view : View
    run : callable
        Makes the map of a view.
    rng : numpy.random.Generator
    noise_mv : float
        Standard deviation of the noise on the input's rows, in its own unit: a fifth of a small square where that is
        mV.
    n : int
        Noises.

    Returns
    -------
    float
        0: the same map; 1: as different as it is large.
    """
    before = run(view).values.astype(np.float64)
    size = max(float(np.linalg.norm(before)), 1e-12)
    worst = 0.0
    with undisturbed(subject.network):
        for _ in range(n):
            noise = rng.normal(0, noise_mv, view.rows(view.x).shape).astype(np.float32)
            x = view.x.copy()
            view.rows(x)[:] += np.where(view.carry.any(axis=1), noise, 0)
            moved = replace(view, x=x, signal=view.seen(x))
            worst = max(worst, float(np.linalg.norm(run(moved).values - before)) / size)
    return worst


def likeness(a: NDArray[np.floating], b: NDArray[np.floating], shown: NDArray[np.bool_] | None = None) -> float:
    """Rank correlation of two maps; 1 for two constant ones, 0 where one is constant.

    Parameters
    ----------
    a, b : float array
        Of one shape.
    shown : bool array, optional
        Where to compare.

    Returns
    -------
    float
        Spearman's.
    """
    from scipy.stats import rankdata

    x, y = (np.asarray(v, dtype=np.float64)[np.ones(v.shape, bool) if shown is None else shown] for v in (a, b))
    rank_x, rank_y = rankdata(x) - (x.size + 1) / 2, rankdata(y) - (y.size + 1) / 2
    norm = float(np.linalg.norm(rank_x) * np.linalg.norm(rank_y))
    if norm == 0:
        return float(not rank_x.any() and not rank_y.any())
    return float(rank_x @ rank_y) / norm


def pointing(values: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Whether the highest value lies in the truth: 1 or 0; of several highest ones the share that does.

    Zhang et al., Int J Comput Vis 2018;126:1084, DOI 10.1007/s11263-017-1059-x.

    Examples
    --------
    >>> pointing(np.array([0.0, 3.0, 1.0]), np.array([False, True, False]))
    1.0
    >>> pointing(np.ones(4), np.array([False, True, False, False]))
    0.25
    """
    top = values == np.max(values)
    return float((top & truth).sum() / top.sum())
