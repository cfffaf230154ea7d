"""Trained networks made ready to ship: normalisation folded in, weights rounded. Needs torch (extra `learn`)."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import nn

__all__ = ["fuse"]

Network = TypeVar("Network", bound=Any)


def fuse(network: Network) -> Network:
    """Fold each batch normalisation into its convolution, in place, and round the weights to float16.

    What is left is what is saved and exported: both files hold the same numbers.

    Parameters
    ----------
    network : torch.nn.Module
        Whose parts keep a convolution as ``conv`` and its normalisation as ``norm``.

    Returns
    -------
    torch.nn.Module
        The same.
    """
    network.eval()
    for module in network.modules():
        if isinstance(getattr(module, "norm", None), nn.BatchNorm2d):
            module.conv = nn.utils.fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.half().float())
    return network
