"""Opening the reader's networks for onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecg.errors import ModelError

__all__ = ["open_network"]


def open_network(folder: Path, name: str) -> Any:
    """Open a network on one thread: many pages at once are the caller's affair.

    Parameters
    ----------
    folder : Path
        Model folder.
    name : str
        What it is called where it is missing.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    ModelError
        If the network is not there.
    """
    import onnxruntime

    path = folder / "model.onnx"
    if not path.is_file():
        raise ModelError(f"expected {name} at {path}, found none; reinstall or train it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
