"""The network that says whose a pixel of ink is, its loss, and its way into files. Needs torch (the extra `learn`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitize.fusing import fuse, save_plain
from digitize.owner.owners import UNIT_MM

__all__ = ["ANSWERS", "INK", "OwnerNetwork", "Shape", "export_onnx", "owner_loss"]

#: Share of ink from which a pixel counts as inked: a pen of 0.3 mm over a quarter of a cell of 0.25 mm leaves as much.
INK = 0.12
#: What bare paper counts against ink in the losses: nothing is asked there, but the answers must stay finite.
_BARE = 0.02
#: Answers that the reader uses: trace, level and its error.
ANSWERS = (0, 3, 4)
#: Channels that onnxruntime's convolutions take together.
_BLOCK = 16
#: Resolutions coarser than the stem's, and whose channels stand first where two maps are joined.
_COARSER = ("one", "two", "four", "eight")
_BELOW = {"up_four.conv": "eight", "up_two.conv": "four", "up_one.conv": "two", "up_half.conv": "one"}
#: A level this far off, in mm, is still nearer to its own line than to the next: rows in use stand 8 mm or more apart.
_NEAR_MM = 4.0


@dataclass(frozen=True)
class Shape:
    """Channels of the network at each resolution.

    Parameters
    ----------
    half, one, two, four, eight : int
        Channels where a cell is 1/2, 1, 2, 4 and 8 mm wide. Pens are told from letters at the finest, rows from each
        other at the coarsest: three convolutions there see 80 mm up and down.
    """

    half: int = 16
    one: int = 24
    two: int = 40
    four: int = 64
    eight: int = 96

    def as_dict(self) -> dict[str, int]:
        """Return the fields by name, for the model's card."""
        return asdict(self)


class _Convolution(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Convolution, batch normalisation and ReLU; the normalisation goes when the network is fused."""

    def __init__(self, into: int, out: int, size: tuple[int, int] = (3, 3), stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, size, stride, (size[0] // 2, size[1] // 2), bias=False)
        self.norm: Any = nn.BatchNorm2d(out)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.norm(self.conv(x)))


class OwnerNetwork(nn.Module):  # type: ignore[misc]
    """Ink and light in, for every pixel five numbers out.

    An encoder and decoder with skipped connections (Ronneberger et al., MICCAI 2015, arXiv 1505.04597) that works at
    1/2 mm and coarser; the last step back to 1/4 mm rearranges channels (Shi et al., CVPR 2016, arXiv 1609.05158). At
    the coarse end its kernels are higher than wide, for lines lie one above the other.

    Parameters
    ----------
    shape : Shape
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        half, one, two, four, eight = shape.half, shape.one, shape.two, shape.four, shape.eight
        self.stem = _Convolution(2, half, (5, 5), 2)
        self.down_one = nn.Sequential(_Convolution(half, one, stride=2), _Convolution(one, one))
        self.down_two = nn.Sequential(_Convolution(one, two, stride=2), _Convolution(two, two))
        self.down_four = nn.Sequential(_Convolution(two, four, stride=2), _Convolution(four, four, (5, 3)))
        self.down_eight = nn.Sequential(
            _Convolution(four, eight, stride=2), *(_Convolution(eight, eight, (5, 3)) for _ in range(2))
        )
        self.up_four = _Convolution(eight + four, four)
        self.up_two = _Convolution(four + two, two)
        self.up_one = _Convolution(two + one, one)
        self.up_half = _Convolution(one + half, half)
        # Five answers for each of the four pixels of a cell.
        self.head = nn.Conv2d(half, 5 * 4, 3, 1, 1)

    def forward(self, page: Any) -> Any:
        """Answer for pages at 4 pixels per millimetre.

        Parameters
        ----------
        page : float tensor [n, 2, height, width]
            Share of ink, 0 to 1, and (200 - light) / 128; sides are multiples of 32.

        Returns
        -------
        float tensor [n, 5, height, width]
            Logits of trace, pulse and other print; rows down to the level of the lead that drew the pixel, and the
            logarithm of that distance's expected absolute error, both in units of 20 mm.
        """
        return nn.functional.pixel_shuffle(self.cells(page), 2)

    def cells(self, page: Any) -> Any:
        """Answer for cells of two by two pixels: four channels for each of the numbers, row by row."""
        half = self.stem(page)
        one = self.down_one(half)
        two = self.down_two(one)
        four = self.down_four(two)
        x = self.up_four(torch.cat([_doubled(self.down_eight(four)), four], 1))
        x = self.up_two(torch.cat([_doubled(x), two], 1))
        x = self.up_one(torch.cat([_doubled(x), one], 1))
        x = self.up_half(torch.cat([_doubled(x), half], 1))
        return self.head(x)


def _doubled(x: Any) -> Any:
    return nn.functional.interpolate(x, scale_factor=2.0)


def owner_loss(answer: Any, want: Any, ink: Any) -> tuple[Any, float, float]:
    """Loss over inked pixels, and how far off the levels are.

    The level's part is the negative logarithm of a Laplace likelihood whose width the network names itself (Kendall &
    Gal, NeurIPS 2017, arXiv 1703.04977), so that pixels that nobody could assign do not govern the rest.

    Parameters
    ----------
    answer : float tensor [n, 5, height, width]
        As from `OwnerNetwork`.
    want : float tensor [n, 4, height, width]
        Trace, pulse and other print, 0 or 1; rows down to the level of the pixel's own lead in units of 20 mm.
    ink : float tensor [n, height, width]
        Share of ink.

    Returns
    -------
    loss : float tensor []
    error_mm : float
        Mean absolute error of the levels of the traces' ink.
    near : float
        Share of that ink whose level is less than 4 mm off.
    """
    cross = nn.functional.binary_cross_entropy_with_logits
    weight = (ink > INK).float() + _BARE
    # Pulses and print are asked for to keep them apart from traces: they count a third.
    parts = [
        share * (cross(answer[:, k], want[:, k], reduction="none") * weight).sum() / weight.sum()
        for k, share in enumerate((1.0, 0.3, 0.3))
    ]
    traced = want[:, 0] * (ink > INK)
    n = traced.sum().clamp(min=1)
    # exp(-5) of 20 mm is 0.13 mm, half a pixel.
    width = answer[:, 4].clamp(-5, 2)
    off = (answer[:, 3] - want[:, 3]).abs()
    level = ((off * torch.exp(-width) + width) * traced).sum() / n
    off_mm = off.detach() * UNIT_MM
    error_mm = float((off_mm * traced).sum() / n)
    near = float(((off_mm < _NEAR_MM) * traced).sum() / n)
    return sum(parts) + level, error_mm, near


class _Shipped(OwnerNetwork):
    """The same answers, those that the reader uses only, in blocks of 16 channels: onnxruntime keeps these in place.

    The channels that fill the blocks hold zeros. Answers stay cell by cell: onnxruntime takes 10 ms a page to put them
    at their pixels.

    Parameters
    ----------
    network : OwnerNetwork
        Fused.
    """

    def __init__(self, network: OwnerNetwork) -> None:
        known = {name: part for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
        shape = Shape(known["stem.conv"].out_channels, *(known[f"down_{n}.0.conv"].out_channels for n in _COARSER))
        super().__init__(Shape(**{name: -(-n // _BLOCK) * _BLOCK for name, n in shape.as_dict().items()}))
        self.head = nn.Conv2d(self.head.in_channels, 4 * len(ANSWERS), 3, 1, 1)
        fuse(self)
        rows = torch.tensor([4 * answer + cell for answer in ANSWERS for cell in range(4)])
        for name, part in self.named_modules():
            if not isinstance(part, nn.Conv2d):
                continue
            weight, bias = known[name].weight.data, known[name].bias.data
            if name == "head":
                weight, bias = weight[rows], bias[rows]
            # What comes from below stands first where two maps are joined, and is as wide as the block there.
            below = getattr(shape, _BELOW.get(name, ""), weight.shape[1])
            skipped = weight.shape[1] - below
            for value in (part.weight.data, part.bias.data):
                value.zero_()
            part.weight.data[: weight.shape[0], :below] = weight[:, :below]
            second = -(-below // _BLOCK) * _BLOCK
            part.weight.data[: weight.shape[0], second : second + skipped] = weight[:, below:]
            part.bias.data[: bias.size(0)] = bias

    def forward(self, page: Any) -> Any:
        return self.cells(page)


def export_onnx(network: OwnerNetwork, path: Path) -> None:
    """Write a fused network for onnxruntime: input `page`, output `cells`, sides any multiples of 32 pixels.

    For each of `ANSWERS` there are four channels, those of the two by two pixels of a cell.
    """
    cells = [torch.export.Dim(name, min=1, max=1024) for name in ("rows", "columns")]
    program = torch.onnx.export(
        _Shipped(network).eval(),
        (torch.zeros(1, 2, 64, 96),),
        input_names=["page"],
        output_names=["cells"],
        dynamic_shapes={"page": {2: 32 * cells[0], 3: 32 * cells[1]}},
        dynamo=True,
        optimize=True,
        verbose=False,
    )
    save_plain(program, path)
