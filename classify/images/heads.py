"""The last dense layer of a frozen network, found at once.

What a frozen body says of a few hundred pages does not change from epoch to epoch: the best head over it is a logistic
regression, convex, with one number to choose (scikit-learn's, by L-BFGS).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.options import TrainOptions
from classify.sets import LabelledSet
from ecg.errors import OptionsError

__all__ = ["solved_head"]

#: Pages that pass the body at once: 60 MB of maps at 192x384 pixels.
_BATCH = 16


def solved_head(
    network: Any, known: LabelledSet, rows: NDArray[np.intp], y: NDArray[np.floating], options: TrainOptions
) -> Any:
    """Give a network the head that logistic regression finds.

    Parameters
    ----------
    network : torch module
        With a dense layer ``head`` that comes last; changed in place.
    known : LabelledSet
    rows : integer array
        What is learnt from.
    y : float array [rows, classes]
        One 1 a row.
    options : TrainOptions
        ``penalty``: half of it times the squared weights, over standardised inputs, is added to the summed loss;
        ``weigh_classes``.

    Returns
    -------
    torch module
        The same, in evaluation mode.

    Raises
    ------
    OptionsError
        If the network has no such layer, or a row is not of one class.
    """
    import torch
    from sklearn.linear_model import LogisticRegression

    head = getattr(network, "head", None)
    if not isinstance(head, torch.nn.Linear) or y.shape[1] != head.out_features or not (y.sum(axis=1) == 1).all():
        raise OptionsError("a penalty is for a network with a dense head and one task whose labels exclude each other")
    x = _before_head(network, known, rows)
    mean, sd = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    weights = "balanced" if options.weigh_classes else None
    found = LogisticRegression(C=1 / options.penalty, class_weight=weights, max_iter=2000)
    found.fit((x - mean) / sd, y.argmax(axis=1))
    if len(found.classes_) != y.shape[1] or y.shape[1] < 3:
        raise OptionsError(f"each of {y.shape[1]} classes, three or more, needs a page to learn from; take more pages")
    weight = found.coef_ / sd
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(found.intercept_ - weight @ mean))
    return network


def _before_head(network: Any, known: LabelledSet, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Run the body over some pages: what goes into the head, [rows, inputs]."""
    import torch

    seen: list[NDArray[np.float32]] = []
    network.eval()
    handle = network.head.register_forward_pre_hook(lambda _, given: seen.append(given[0].float().numpy().copy()))
    try:
        with torch.inference_mode():
            for start in range(0, len(rows), _BATCH):
                at = rows[start : start + _BATCH]
                network(torch.from_numpy(known.inputs(at)), torch.from_numpy(known.extra[at]))
    finally:
        handle.remove()
    return np.concatenate(seen).astype(np.float64)
