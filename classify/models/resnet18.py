"""ResNet-18 as it is, on a picture of twelve rows and 200 columns: the control of ECG-SMART-NET's publication.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv 1512.03385; torchvision's own, with one
channel in. The publication starts from weights of ImageNet; none are fetched here, both networks start alike.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from classify.vision import torchvision

__all__ = ["ResNet18"]


class ResNet18(nn.Module):
    """torchvision's `resnet18` for one channel.

    Parameters
    ----------
    n_labels : int
        Logits.
    """

    def __init__(self, n_labels: int) -> None:
        super().__init__()
        self.body = torchvision().models.resnet18(weights=None, num_classes=n_labels)
        self.body.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels] of median beats [batch, 1, leads, samples]; `extra` is not used."""
        del extra
        return cast(Tensor, self.body(x))
