"""DenseNet-121 with a dropout before its head: a baseline of the published image classifiers.

Huang et al., CVPR 2017, arXiv 1608.06993, from timm.
"""

from __future__ import annotations

from classify.images.backbones import PageNetwork

__all__ = ["DenseNet121"]


class DenseNet121(PageNetwork):
    """timm's `densenet121`.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        super().__init__(n_labels, "densenet121")
