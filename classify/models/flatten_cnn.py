"""Convolutions, then everything flattened into one dense layer: the body of the three published signal CNNs.

"ECG myocardial infarction detection" system of IJRASET 2026: blocks of convolution, batch normalisation, ReLU, max
pooling by 2 and dropout 0.3, then a dense layer of 256, ReLU, dropout and one logit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

__all__ = ["FlattenCNN"]


class FlattenCNN(nn.Module):
    """Blocks of convolutions and a dense head.

    Parameters
    ----------
    n_labels : int
        Logits.
    channels : int
        Leads.
    samples : int
        Length of the input; the dense layer is made for it.
    filters, kernels : sequence of int
        Of each block; kernels odd, so that the length stays.
    hidden : int
        Width of the dense layer.
    dropout : float
    """

    def __init__(
        self,
        n_labels: int,
        channels: int,
        samples: int,
        filters: Sequence[int],
        kernels: Sequence[int],
        hidden: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width, kernel in zip(filters, kernels, strict=True):
            layers += [
                nn.Conv1d(before, width, kernel, padding=kernel // 2),
                nn.BatchNorm1d(width),
                nn.ReLU(),
                nn.MaxPool1d(2),
                nn.Dropout(dropout),
            ]
            before = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(before * (samples >> len(filters)), hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_labels),
        )

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of inputs [batch, channels, samples]; `extra` is not used."""
        del extra
        return cast(Tensor, self.head(self.features(x)))
