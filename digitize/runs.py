"""Runs of training that can be cut off and gone on with, and the files of what they made. Needs torch (`learn`)."""

from __future__ import annotations

import hashlib
import math
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecg.checkpoint import ModelCard, save
from ecg.errors import ModelError, OptionsError
from ecg.formats.atomic import replacing

__all__ = ["LAST_FILE", "keep_run", "load_run", "resume_run", "set_rate", "source_commit", "write_model"]

#: Network and optimiser in the middle of a run, float32 and unfused: what the run, or a later one, goes on from.
LAST_FILE = "last.safetensors"


def set_rate(optimiser: Any, most: float, done: float) -> None:
    """Set the learning rate: up over the first 5 % of the steps, then down along a cosine to nothing.

    Parameters
    ----------
    optimiser : torch.optim.Optimizer
    most : float
        Highest rate.
    done : float
        Share of the steps that are done.
    """
    rate = most * (done / 0.05 if done < 0.05 else 0.5 + 0.5 * math.cos(math.pi * (done - 0.05) / 0.95))
    for group in optimiser.param_groups:
        group["lr"] = rate + 1e-6


def keep_run(path: Path, network: Any, optimiser: Any, step: int, steps: int) -> None:
    """Write network, optimiser and step.

    Parameters
    ----------
    path : Path
    network : torch.nn.Module
    optimiser : torch.optim.Optimizer
    step, steps : int
        Steps that are done, and all of them.
    """
    from safetensors.torch import save_file

    tensors = {f"network/{name}": value.contiguous() for name, value in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value.contiguous() for name, value in state.items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"step": str(step), "steps": str(steps)})


def resume_run(path: Path, network: Any, optimiser: Any, steps: int) -> int:
    """Go on from a checkpoint of a run as long as this one.

    Parameters
    ----------
    path : Path
    network : torch.nn.Module
    optimiser : torch.optim.Optimizer
    steps : int

    Returns
    -------
    int
        Steps that are done; 0 where there is no checkpoint.

    Raises
    ------
    OptionsError
        If the checkpoint is of a run of another length.
    """
    if not path.is_file():
        return 0
    kept = load_run(path, network, optimiser)
    if int(kept["steps"]) != steps:
        raise OptionsError(
            f"{path.parent} holds a run of {kept['steps']} steps, not {steps}: "
            "take another folder, and that one as start"
        )
    return int(kept["step"])


def load_run(path: Path, network: Any, optimiser: Any) -> Mapping[str, str]:
    """Read a checkpoint into a network and, unless None, an optimiser.

    Parameters
    ----------
    path : Path
    network : torch.nn.Module
    optimiser : torch.optim.Optimizer or None

    Returns
    -------
    mapping
        What was noted beside the tensors.

    Raises
    ------
    ModelError
        If there is no checkpoint.
    """
    from safetensors import safe_open

    if not path.is_file():
        raise ModelError(f"expected a checkpoint at {path}, found none: name the folder of an earlier run")
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
        told: Mapping[str, str] = file.metadata()
    network.load_state_dict({n.removeprefix("network/"): t for n, t in tensors.items() if n.startswith("network/")})
    if optimiser is not None:
        state: dict[int, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser/"):
                _, index, field = name.split("/")
                state.setdefault(int(index), {})[field] = tensor
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return told


def write_model(folder: Path, network: Any, card: ModelCard, export: Callable[[Any, Path], None]) -> ModelCard:
    """Write a fused network in both forms, and its card.

    Parameters
    ----------
    folder : Path
    network : torch.nn.Module
    card : ModelCard
    export : callable
        Writes the network for onnxruntime.

    Returns
    -------
    ModelCard
        With the digests of both files.
    """
    with replacing(folder / "model.onnx") as temporary:
        export(network, temporary)
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    return save(folder, weights, replace(card, sha256_onnx=digest))


def source_commit() -> str:
    """Commit of the source that trains.

    Returns
    -------
    str
        "unknown" outside a repository.
    """
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
