"""DenseNet-121 with one more bottleneck behind its last dense layer: a published image classifier.

The publication says Conv–BN–ReLU–Conv after the last dense layer. The sizes are chosen here as in DenseNet's own
layers: 1x1 to a quarter of the channels, then 3x3 back. Body: Huang et al., CVPR 2017, arXiv 1608.06993, from timm.
"""

from __future__ import annotations

from torch import nn

from classify.images.backbones import PageNetwork

__all__ = ["DenseNet121Bottleneck"]

#: Channels of DenseNet-121's last maps.
_CHANNELS = 1024


class DenseNet121Bottleneck(PageNetwork):
    """timm's `densenet121` and a bottleneck.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        narrow = _CHANNELS // 4
        after = nn.Sequential(
            nn.Conv2d(_CHANNELS, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, _CHANNELS, 3, padding=1),
        )
        super().__init__(n_labels, "densenet121", after)
