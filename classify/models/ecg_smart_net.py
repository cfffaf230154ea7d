"""ECG-SMART-NET: ResNet-18 that looks along time first and across leads last.

Riek et al., "ECG-SMART-NET: A Deep Learning Architecture for Precise ECG Diagnosis of Occlusion Myocardial
Infarction", IEEE Trans Biomed Eng 2025, DOI 10.1109/TBME.2025.3573581, arXiv 2405.09567.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["ECGSmartNet"]


class _TemporalBlock(nn.Module):
    """Two convolutions of 1 x `kernel` over time, added to what came in; a lead never sees another."""

    def __init__(self, channels_in: int, channels: int, stride: int, kernel: int) -> None:
        super().__init__()
        pad = (0, kernel // 2)
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels, (1, kernel), (1, stride), pad, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, (1, kernel), 1, pad, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.skip = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, (1, stride), bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.skip(x))


class ECGSmartNet(nn.Module):
    """Temporal stem and stages, one convolution over all leads, a linear layer.

    Parameters
    ----------
    n_labels : int
        Logits. The publication has two and a softmax; one logit of a binary task says the same.
    leads : int
        Rows of the input.
    stem, kernel : int
        Samples of the first and of the blocks' convolutions.
    """

    def __init__(self, n_labels: int, leads: int = 12, stem: int = 7, kernel: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, (1, stem), (1, 2), (0, stem // 2), bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d((1, 3), (1, 2), (0, 1)),
        )
        blocks, before = [], 64
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [_TemporalBlock(before, width, stride, kernel), _TemporalBlock(width, width, 1, kernel)]
            before = width
        self.temporal = nn.Sequential(*blocks)
        self.spatial = nn.Sequential(nn.Conv2d(512, 512, (leads, 1), bias=False), nn.BatchNorm2d(512), nn.ReLU())
        self.head = nn.Linear(512, n_labels)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of median beats [batch, 1, leads, samples]; `extra` is not used."""
        del extra
        y = self.spatial(self.temporal(self.stem(x)))
        return cast(Tensor, self.head(y.mean((2, 3))))
