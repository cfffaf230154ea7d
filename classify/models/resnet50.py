"""ResNet-50 with a dropout before its head: a baseline of the published image classifiers.

He et al., CVPR 2016, arXiv 1512.03385, from timm.
"""

from __future__ import annotations

from classify.images.backbones import PageNetwork

__all__ = ["ResNet50"]


class ResNet50(PageNetwork):
    """timm's `resnet50`.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        # timm would start every block's last normalisation at nought, which torchvision, so the publication, does not.
        super().__init__(n_labels, "resnet50", zero_init_last=False)
