"""Three blocks of convolution, normalisation, ReLU and pooling, then dense: the simplest published image classifier.

Widths and the dense layer's size are not told; 32, 64 and 128 channels and a grid of 7x7 before one dense layer are
chosen here, so that pictures of any size are taken.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from classify.images.backbones import three_channels

__all__ = ["BaselineCNN"]

#: Cells a side that the last maps are averaged into: what 32-fold reduction leaves of 224 pixels.
_GRID = 7


class BaselineCNN(nn.Module):
    """Three blocks and a dense layer.

    Parameters
    ----------
    n_labels : int
        Logits.
    widths : tuple of int
        Channels of the blocks.
    dropout : float
        Before the head.
    """

    def __init__(self, n_labels: int, widths: tuple[int, ...] = (32, 64, 128), dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
            before = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(_GRID)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(before * _GRID * _GRID, n_labels)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of pictures [batch, 1 or 3, height, width]; `extra` is not used."""
        del extra
        maps = self.pool(self.features(three_channels(x)))
        return cast(Tensor, self.head(self.dropout(maps.flatten(1))))
