"""MobileNetV2 with a dropout before its head: a baseline of the published image classifiers.

Sandler et al., CVPR 2018, arXiv 1801.04381, from timm. The publication says MobileNet and no more; version 2 is the one
that torchvision and Keras give under this name.
"""

from __future__ import annotations

from classify.images.backbones import PageNetwork

__all__ = ["MobileNet"]


class MobileNet(PageNetwork):
    """timm's `mobilenetv2_100`.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        super().__init__(n_labels, "mobilenetv2_100")
