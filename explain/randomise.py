"""Networks that know nothing, for the tests of Adebayo et al. (NeurIPS 2018, arXiv 1810.03292).

Weights are drawn anew from the top down, or the network learns labels that were shuffled. A map that stays the same
under either explains the record, not the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cascade", "fitted", "stages"]

Float32 = NDArray[np.float32]


def stages(network: Any, n: int = 5) -> list[list[str]]:
    """Part a network's weights into stages, the last layers first.

    Parameters
    ----------
    network : torch module
    n : int
        Stages, about as many layers in each; the first is the last linear layer alone.

    Returns
    -------
    list of list of str
        Names of the modules that hold weights of their own.
    """
    own = [name for name, module in network.named_modules() if list(module.parameters(recurse=False))]
    *others, last = own
    parts = [[str(name) for name in part] for part in np.array_split(np.array(others[::-1]), n - 1)]
    return [[last], *[part for part in parts if part]]


def cascade(network: Any, rng: np.random.Generator, n: int = 5) -> Iterator[tuple[str, Any]]:
    """Randomise a network from the top down.

    Each array of weights is replaced by a draw of its own values in another order: the network stays as loud as it was,
    and only what it has learnt is gone.

    Parameters
    ----------
    network : torch module
        Stays as it is.
    rng : numpy.random.Generator
    n : int
        Stages.

    Yields
    ------
    str
        Name of the last module that was randomised.
    torch module
        With everything from the output down to it randomised.
    """
    import torch

    copy = deepcopy(network)
    for stage in stages(network, n):
        for name in stage:
            for weight in copy.get_submodule(name).parameters(recurse=False):
                order = torch.from_numpy(rng.permutation(weight.numel()))
                with torch.no_grad():
                    weight.copy_(weight.reshape(-1)[order].reshape(weight.shape))
        yield stage[-1], deepcopy(copy)


def fitted(
    network: Any,
    x: Float32,
    y: Float32,
    rng: np.random.Generator,
    epochs: int = 12,
    lr: float = 3e-3,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Train a small network quickly: Adam, batches of 16.

    Parameters
    ----------
    network : torch module
        Changed in place; in evaluation mode afterwards.
    x : float32 array [n, *shape]
    y : float32 array [n, labels] of 0 and 1
    rng : numpy.random.Generator
        Orders the records.
    epochs : int
    lr : float
    progress : callable, optional
        Called with the epochs done and all.

    Returns
    -------
    torch module
        The same.
    """
    import torch

    optimiser = torch.optim.Adam(network.parameters(), lr)
    loss = torch.nn.BCEWithLogitsLoss()
    network.train()
    for epoch in range(epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(1, len(x) // 16)):
            optimiser.zero_grad()
            loss(network(torch.from_numpy(x[rows])), torch.from_numpy(y[rows])).backward()
            optimiser.step()
        if progress is not None:
            progress(epoch + 1, epochs)
    return network.eval()
