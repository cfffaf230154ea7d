"""ConvNeXt-T with a dropout before its head: a baseline of the published image classifiers.

Liu et al., CVPR 2022, arXiv 2201.03545, from timm; the layer normalisation behind its pooling stays in front of the
dropout.
"""

from __future__ import annotations

from classify.images.backbones import PageNetwork

__all__ = ["ConvNeXtTiny"]


class ConvNeXtTiny(PageNetwork):
    """timm's `convnext_tiny`.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        super().__init__(n_labels, "convnext_tiny")
