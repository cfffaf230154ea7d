"""Networks into arrays and ONNX files, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.inputs import InputSpec
from ecg.errors import ModelError

__all__ = ["export_onnx", "load_state", "network_state", "rounded"]


def network_state(network: Any) -> dict[str, NDArray[Any]]:
    """Weights and running statistics of a torch module by name, for `ecg.checkpoint.save`.

    The counters of batch normalisation are left out: no prediction reads them.
    """
    return {
        name: value.detach().cpu().numpy().copy()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def load_state(network: Any, tensors: Mapping[str, NDArray[Any]]) -> Any:
    """Give a module the arrays of a saved model.

    Parameters
    ----------
    network : torch module
        Changed in place; put into evaluation mode.
    tensors : mapping name -> array
        From `ecg.checkpoint.load`.

    Returns
    -------
    torch module
        The same.

    Raises
    ------
    ModelError
        If names or shapes are not those of the module.
    """
    import torch

    own = network.state_dict()
    wanted = {name: tuple(v.shape) for name, v in own.items() if not name.endswith("num_batches_tracked")}
    given = {name: tuple(v.shape) for name, v in tensors.items()}
    if odd := sorted(set(wanted.items()) ^ set(given.items())):
        raise ModelError(
            f"the weights do not fit this architecture (first at {odd[0][0]}); the card names other arguments than "
            f"they were trained with"
        )
    with torch.no_grad():
        for name in wanted:
            own[name].copy_(torch.from_numpy(np.asarray(tensors[name], dtype=np.float32)))
    return network.eval()


def rounded(network: Any) -> Any:
    """Round a module's weights to float16 in place, as they are on file, and put it into evaluation mode."""
    return load_state(network, {k: v.astype(np.float16) for k, v in network_state(network).items()})


def export_onnx(network: Any, spec: InputSpec, path: Path) -> None:
    """Write a network for onnxruntime: inputs ``x`` (and ``extra`` with demographics), output ``logits``; any batch.

    Weights that float16 holds exactly are stored so, with a cast behind each, which onnxruntime computes once when it
    loads the file: half the size and the same numbers. Normalisation is left unfolded for that; onnxruntime folds it.

    Parameters
    ----------
    network : torch module
        In evaluation mode, with the weights that are on file (see `rounded`).
    spec : InputSpec
    path : Path
    """
    import torch

    from digitize.fusing import save_plain

    # Two, because a batch of one would be taken for a constant.
    inputs = [torch.zeros(2, *spec.shape)]
    names = ["x"]
    if spec.demographics:
        inputs.append(torch.zeros(2, 4))
        names.append("extra")
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        network,
        tuple(inputs),
        input_names=names,
        output_names=["logits"],
        dynamic_shapes=({0: batch},) * len(inputs),
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    save_plain(program, path)
    _halve(path)


def _halve(path: Path) -> None:
    """Store the weights of an ONNX file as float16 where that loses nothing."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    graph = model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16) if tensor.data_type == TensorProto.FLOAT else values
        if tensor.data_type != TensorProto.FLOAT or not np.array_equal(half.astype(np.float32), values):
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(half, f"{tensor.name}_half"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*casts, *nodes])
    onnx.save_model(model, str(path))
