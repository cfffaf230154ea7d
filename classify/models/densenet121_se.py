"""DenseNet-121 whose last maps are weighed channel by channel: a published image classifier.

Squeeze and excitation: Hu et al., CVPR 2018, arXiv 1709.01507, with its reduction of 16. Body: Huang et al., CVPR 2017,
arXiv 1608.06993, from timm.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from classify.images.backbones import PageNetwork

__all__ = ["DenseNet121SE", "Excitation"]

#: Channels of DenseNet-121's last maps.
_CHANNELS = 1024


class Excitation(nn.Module):
    """Weight from 0 to 1 for every channel, by a sigmoid of two dense layers on the means of all channels.

    Parameters
    ----------
    channels : int
    reduction : int
        By how much narrower the hidden layer is.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        narrow = channels // reduction
        self.weigh = nn.Sequential(nn.Linear(channels, narrow), nn.ReLU(), nn.Linear(narrow, channels), nn.Sigmoid())

    def forward(self, maps: Tensor) -> Tensor:
        """Weighed maps of the same shape, [batch, channels, height, width]."""
        return cast(Tensor, maps * self.weigh(maps.mean((2, 3)))[:, :, None, None])


class DenseNet121SE(PageNetwork):
    """timm's `densenet121` and a squeeze and excitation.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        super().__init__(n_labels, "densenet121", Excitation(_CHANNELS))
