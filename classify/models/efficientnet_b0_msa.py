"""EfficientNet-B0 whose three scales are weighed against each other: the published image classifier.

Gandham et al., four-class classification of ECG images by EfficientNet-B0 with multi-scale attention; the body: Tan &
Le, ICML 2019, arXiv 1905.11946, from timm. The publication takes the maps "after blocks 3, 4 and 6", fuses them by a
softmax weight a scale, and closes with global pooling, dropout 0.3 and a dense layer. What it leaves open is chosen
here: blocks are counted from 1 (40, 80 and 192 channels at 28, 14 and 7 pixels of 224; ``first_block=0`` is the other
reading), each scale comes to 128 channels by a 1x1 convolution, finer maps are averaged onto the coarsest grid before
they are summed (global pooling sees no difference, and there is one map to explain), and the network that weighs the
scales has one hidden layer as wide as a scale. Blocks behind the last scale are not built: nothing would reach them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from classify.images.backbones import backbone, three_channels
from ecg.errors import ModelError

__all__ = ["EfficientNetB0MSA"]


class EfficientNetB0MSA(nn.Module):
    """EfficientNet with attention over scales.

    Parameters
    ----------
    n_labels : int
        Logits.
    body : str
        Of timm's EfficientNet family; ``"tinynet_c"`` is one of a third of the size.
    scales : sequence of int
        Blocks whose maps are taken, in rising order.
    first_block : int
        Number of the first block: 1 or 0.
    width : int
        Channels of every scale after its projection.
    dropout : float
        Before the head.
    pool : str
        ``"attention"``, as published, or ``"scales"``: the head sees the mean and the largest value of every channel of
        every scale, so that a linear head over a frozen body has all of them to choose from.
    """

    def __init__(
        self,
        n_labels: int,
        body: str = "efficientnet_b0",
        scales: Sequence[int] = (3, 4, 6),
        first_block: int = 1,
        width: int = 128,
        dropout: float = 0.3,
        pool: str = "attention",
    ) -> None:
        super().__init__()
        if pool not in ("attention", "scales"):
            raise ModelError(f"scales are joined by attention or kept as scales, got pool {pool!r}")
        self.pool = pool
        self.body_name, self.body = body, backbone(body)
        at = tuple(int(scale) - first_block for scale in scales)
        n_blocks = len(getattr(self.body, "blocks", ()))
        if first_block not in (0, 1) or not at or list(at) != sorted(set(at)) or at[0] < 0 or at[-1] >= n_blocks:
            raise ModelError(
                f"scales are rising numbers of blocks, counted from 0 or 1; {body} has {n_blocks}, got {tuple(scales)} "
                f"counted from {first_block}"
            )
        self.taken = at
        self.body.blocks = self.body.blocks[: at[-1] + 1]
        for name in ("conv_head", "bn2", "norm_head"):
            if hasattr(self.body, name):
                setattr(self.body, name, nn.Identity())
        self.project = nn.ModuleList(nn.Conv2d(_channels(self.body.blocks[k]), width, 1) for k in at)
        if pool == "attention":
            self.weigh = nn.Sequential(nn.Linear(width * len(at), width), nn.ReLU(), nn.Linear(width, len(at)))
        self.fused = nn.Identity()  # a name for the maps that are explained
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width if pool == "attention" else 2 * width * len(at), n_labels)

    def scales(self, x: Tensor) -> list[Tensor]:
        """Projected maps of every scale, finest first, each [batch, width, h, w], of pictures [batch, 1 or 3, h, w]."""
        found: list[Tensor] = []
        maps = self.body.bn1(self.body.conv_stem(three_channels(x)))
        for k, block in enumerate(self.body.blocks):
            maps = block(maps)
            if k in self.taken:
                found.append(self.project[len(found)](maps))
        return found

    def weights(self, scales: Sequence[Tensor]) -> Tensor:
        """Weight of every scale [batch, scales], their sum 1."""
        pooled = torch.cat([maps.mean((2, 3)) for maps in scales], dim=1)
        return torch.softmax(self.weigh(pooled), dim=1)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of pictures [batch, 1 or 3, height, width]; `extra` is not used."""
        del extra
        scales = self.scales(x)
        grid = scales[-1].shape[2:]
        level = [functional.adaptive_avg_pool2d(maps, grid) for maps in scales]
        if self.pool == "scales":
            every = self.fused(torch.cat(level, dim=1))
            return cast(Tensor, self.head(self.dropout(torch.cat([every.mean((2, 3)), every.amax((2, 3))], dim=1))))
        weights = self.weights(scales)
        mixed = sum(weights[:, k, None, None, None] * maps for k, maps in enumerate(level))
        fused = self.fused(mixed)
        return cast(Tensor, self.head(self.dropout(fused.mean((2, 3)))))


def _channels(stage: Any) -> int:
    """Channels that a stage of blocks gives: its last parameter is the bias of its last normalisation."""
    return int(list(stage.parameters())[-1].shape[0])
