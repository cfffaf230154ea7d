"""The PTB-XL benchmark's xresnet1d101, the reference to beat.

Strodthoff, Wagner, Schaeffter & Samek, "Deep Learning for ECG Analysis: Benchmarking and Interpretability for PTB-XL",
IEEE J Biomed Health Inform 2021;25:1519-1528, DOI 10.1109/JBHI.2020.3022989; architecture after He et al., "Bag of
Tricks for Image Classification with Convolutional Neural Networks", CVPR 2019, arXiv 1812.01187.

What the publication leaves to its code, and what is done here: every stage is 64 wide inside (256 outside), kernels
are 5 in stem and blocks, weights of convolutions and dense layers start from He's normal distribution and biases at
nought, batch normalisation at one and nought (so that the last one of a block does not start at nought, as the bag of
tricks has it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["XResNet1d101"]


def _convolution(before: int, width: int, kernel: int, stride: int = 1, active: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv1d(before, width, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm1d(width),
    ]
    return nn.Sequential(*layers, nn.ReLU()) if active else nn.Sequential(*layers)


class _Bottleneck(nn.Module):
    """1, `kernel` and 1 samples wide; where the rate is halved, the skip averages pairs before its convolution."""

    def __init__(self, before: int, inside: int, outside: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(before, inside, 1),
            _convolution(inside, inside, kernel, stride),
            _convolution(inside, outside, 1, active=False),
        )
        skip: list[nn.Module] = [nn.AvgPool1d(2, ceil_mode=True)] if stride > 1 else []
        if before != outside:
            skip.append(_convolution(before, outside, 1, active=False))
        self.skip = nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.skip(x))


class XResNet1d101(nn.Module):
    """Three convolutions, max pooling, 33 bottleneck blocks, mean and maximum over time, two dense layers.

    Parameters
    ----------
    n_labels : int
        Logits.
    channels : int
        Leads.
    depths : sequence of int
        Blocks of each stage; each stage after the first halves the rate.
    kernel : int
        Samples of the stem's and the blocks' middle convolutions.
    hidden : int
        Width of the first dense layer.
    dropout : float
        Before the last dense layer; half of it before the first.
    """

    def __init__(
        self,
        n_labels: int,
        channels: int = 12,
        depths: Sequence[int] = (3, 4, 23, 3),
        kernel: int = 5,
        hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        inside, outside = 64, 256
        self.stem = nn.Sequential(
            _convolution(channels, 32, kernel, 2),
            _convolution(32, 32, kernel),
            _convolution(32, 64, kernel),
            nn.MaxPool1d(3, 2, 1),
        )
        blocks, before = [], 64
        for stage, depth in enumerate(depths):
            for place in range(depth):
                blocks.append(_Bottleneck(before, inside, outside, kernel, 2 if stage > 0 and place == 0 else 1))
                before = outside
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.BatchNorm1d(2 * outside),
            nn.Dropout(dropout / 2),
            nn.Linear(2 * outside, hidden),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_labels),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of inputs [batch, channels, samples] of any length; `extra` is not used."""
        del extra
        y = self.blocks(self.stem(x))
        return cast(Tensor, self.head(torch.cat([y.amax(2), y.mean(2)], dim=1)))
