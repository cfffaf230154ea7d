"""The network that refines a fitted line, its loss, and its way into files. Needs torch (the extra `learn`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitize.fusing import save_plain
from digitize.refiner.view import CHANNELS

__all__ = ["RefinerNetwork", "Shape", "export_onnx", "lead_loss_db"]

#: What the network's numbers are multiplied by, in units: moves of three are common at notches.
_UNITS = 3.0
#: Noise to signal ratio below which nothing more is to be won: 33 dB.
_ENOUGH = 5e-4


@dataclass(frozen=True)
class Shape:
    """Size of the network.

    Parameters
    ----------
    width : int
        Channels.
    dilations : tuple of int
        Of its residual blocks, in pairs of samples: together they see 160 ms to either side.
    """

    width: int = 48
    dilations: tuple[int, ...] = (1, 2, 4, 8, 2, 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, for the model's card."""
        return {**asdict(self), "dilations": list(self.dilations)}


class _Block(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Residual block: a dilated convolution over five pairs, then one over channels."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.along = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.across = nn.Conv1d(width, width, 1)

    def forward(self, x: Any) -> Any:
        return x + self.across(torch.relu(self.along(torch.relu(x))))


class RefinerNetwork(nn.Module):  # type: ignore[misc]
    """A line as `LineView.channels` shows it in, its moves out; it works on pairs of samples.

    Parameters
    ----------
    shape : Shape
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.first = nn.Conv1d(2 * CHANNELS, shape.width, 3, padding=1)
        self.blocks = nn.Sequential(*(_Block(shape.width, d) for d in shape.dilations))
        self.last = nn.Conv1d(shape.width, 2, 3, padding=1)
        # It begins as the fit left the line.
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, line: Any) -> Any:
        """Say the moves of lines.

        Parameters
        ----------
        line : float tensor [n, `CHANNELS`, samples]
            An even number of samples.

        Returns
        -------
        float tensor [n, samples]
            Units downwards.
        """
        pairs = torch.cat([line[:, :, 0::2], line[:, :, 1::2]], 1)
        x = self.last(torch.relu(self.blocks(self.first(pairs))))
        return _UNITS * x.transpose(1, 2).flatten(1)


def lead_loss_db(error: Any, spread: Any) -> Any:
    """Noise of lines in dB of their signal, each about its own mean.

    Parameters
    ----------
    error : float tensor [n, samples]
        Units; NaN where the truth is not known.
    spread : float tensor [n]
        Standard deviation of each lead's signal in units.

    Returns
    -------
    float tensor [n]
        The negative signal-to-noise ratio, levelling out at 33 dB.
    """
    known = torch.isfinite(error)
    n = known.sum(1).clamp(min=1)
    zero = torch.zeros((), device=error.device)
    value = torch.where(known, error, zero)
    away = torch.where(known, value - (value.sum(1) / n)[:, None], zero)
    return 10 * torch.log10((away**2).sum(1) / n / spread**2 + _ENOUGH)


def export_onnx(network: RefinerNetwork, path: Path) -> None:
    """Write a network for onnxruntime: input `line`, output `moves`, any even number of samples."""
    pairs = torch.export.Dim("pairs", min=8, max=100_000)
    program = torch.onnx.export(
        network,
        (torch.zeros(1, CHANNELS, 64),),
        input_names=["line"],
        output_names=["moves"],
        dynamic_shapes={"line": {2: 2 * pairs}},
        dynamo=True,
        optimize=True,
        verbose=False,
    )
    save_plain(program, path)
