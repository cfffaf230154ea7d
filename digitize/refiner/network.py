"""The network that refines a fitted line, its loss, and its way into files. Needs torch (the extra `learn`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitize.fusing import save_plain
from digitize.refiner.view import CHANNELS

__all__ = ["RefinerNetwork", "Shape", "doubt_loss", "export_onnx", "lead_loss_db"]

#: What the network's numbers are multiplied by, in units: moves of three are common at notches.
_UNITS = 3.0
#: Noise to signal ratio below which nothing more is to be won: 33 dB.
_ENOUGH = 5e-4
#: Channels of the part that says the doubts.
_DOUBT_WIDTH = 24
#: Least and largest doubt in units that are told, as logarithms: 0.02 and 55.
_LEAST_DOUBT, _MOST_DOUBT = -4.0, 4.0


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
    """A line as `LineView.channels` shows it in, its moves and its doubts out; it works on pairs of samples.

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
        self.doubt = nn.Sequential(
            nn.Conv1d(shape.width, _DOUBT_WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(_DOUBT_WIDTH, _DOUBT_WIDTH, 5, padding=8, dilation=4),
            nn.ReLU(),
            nn.Conv1d(_DOUBT_WIDTH, 2, 3, padding=1),
        )

    def forward(self, line: Any) -> Any:
        """Say the moves of lines, and how far off they then still are.

        Parameters
        ----------
        line : float tensor [n, `CHANNELS`, samples]
            An even number of samples.

        Returns
        -------
        moves : float tensor [n, samples]
            Units downwards.
        doubts : float tensor [n, samples]
            Expected distance from the truth after the move, in units.
        """
        pairs = torch.cat([line[:, :, 0::2], line[:, :, 1::2]], 1)
        seen = torch.relu(self.blocks(self.first(pairs)))
        # Doubts learn from what the moves are made of, and change nothing of it.
        moves, doubts = (x.transpose(1, 2).flatten(1) for x in (self.last(seen), self.doubt(seen.detach())))
        return _UNITS * moves, doubts.clamp(_LEAST_DOUBT, _MOST_DOUBT).exp()


def _away(error: Any) -> tuple[Any, Any]:
    """Errors about their mean over the samples that are known, 0 elsewhere; and which are known."""
    known = torch.isfinite(error)
    zero = torch.zeros((), device=error.device)
    value = torch.where(known, error, zero)
    mean = value.sum(1) / known.sum(1).clamp(min=1)
    return torch.where(known, value - mean[:, None], zero), known


def doubt_loss(error: Any, doubts: Any) -> Any:
    """Log-likelihood lost by doubts, as the scale of Laplace's distribution.

    Parameters
    ----------
    error : float tensor [n, samples]
        Units, about its own mean; NaN where the truth is not known. It learns nothing from this loss.
    doubts : float tensor [n, samples]
        Expected distances in units.

    Returns
    -------
    float tensor [n]
        Its mean over the known samples; least where each doubt is the mean distance of samples like it.
    """
    away, known = _away(error.detach())
    lost = torch.where(known, doubts.log() + away.abs() / doubts, torch.zeros((), device=error.device))
    return lost.sum(1) / known.sum(1).clamp(min=1)


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
    away, known = _away(error)
    return 10 * torch.log10((away**2).sum(1) / known.sum(1).clamp(min=1) / spread**2 + _ENOUGH)


def export_onnx(network: RefinerNetwork, path: Path) -> None:
    """Write a network for onnxruntime: input `line`, outputs `moves` and `doubts`, any even number of samples."""
    pairs = torch.export.Dim("pairs", min=8, max=100_000)
    program = torch.onnx.export(
        network,
        (torch.zeros(1, CHANNELS, 64),),
        input_names=["line"],
        output_names=["moves", "doubts"],
        dynamic_shapes={"line": {2: 2 * pairs}},
        dynamo=True,
        optimize=True,
        verbose=False,
    )
    save_plain(program, path)
