"""Trained networks made ready to ship: normalisation folded in, weights rounded, files plain.

Needs torch (extra `learn`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

__all__ = ["fuse", "save_plain"]

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


def save_plain(program: torch.onnx.ONNXProgram, path: Path) -> None:
    """Write an exported network without the notes of where it was exported.

    torch notes beside each node the lines of source that made it, with the folders of the machine.

    Parameters
    ----------
    program : torch.onnx.ONNXProgram
    path : Path
    """
    import onnx

    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
    onnx.save_model(model, str(path))
