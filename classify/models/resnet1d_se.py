"""Our default: a small residual network over time with channel attention, for records and for pages alike.

Residual blocks after He et al. (CVPR 2016, arXiv 1512.03385), squeeze-and-excitation after Hu et al. (CVPR 2018,
arXiv 1709.01507), as a one-dimensional network over leads as channels after Wang, Yan & Oates (IJCNN 2017,
arXiv 1611.06455), which led the PTB-XL benchmark (Strodthoff et al., IEEE J Biomed Health Inform 2021;25:1519-1528).

Age and sex are not asked for: in what of PTB-XL there is to learn from, they are known where abnormalities are frequent
(68 % of 7,075 records, else 50 %), so that a network would learn who was documented.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

__all__ = ["ResNet1dSE", "side_by_side"]


class _Attention(nn.Module):
    """Squeeze-and-excitation: each channel weighed by what all channels say on average over time."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * weight[:, :, None, None]


class _Block(nn.Module):
    """Two convolutions over time with attention, added to what came in."""

    def __init__(
        self, channels_in: int, channels: int, stride: int, kernel: int, drop_path: float, groups: int
    ) -> None:
        super().__init__()
        pad = (0, kernel // 2)
        self.conv1 = nn.Conv2d(channels_in, channels, (1, kernel), (1, stride), pad, bias=False, groups=groups)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, (1, kernel), 1, pad, bias=False, groups=groups)
        self.norm2 = nn.BatchNorm2d(channels)
        self.attention = _Attention(channels)
        self.drop_path = drop_path
        self.skip: nn.Module = nn.Identity()
        if channels_in != channels or stride != 1:
            self.skip = nn.Sequential(
                nn.AvgPool2d((1, stride), (1, stride), ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(channels_in, channels, 1, bias=False, groups=groups),
                nn.BatchNorm2d(channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.attention(self.norm2(self.conv2(y)))
        if self.training and self.drop_path > 0:
            keep = torch.rand(y.shape[0], 1, 1, 1, device=y.device) >= self.drop_path
            y = y * keep.to(y.dtype) / (1.0 - self.drop_path)
        return torch.relu(y + self.skip(x))


class ResNet1dSE(nn.Module):
    """Residual network over time.

    Convolutions are two-dimensional with one row: that way channels-last memory and bfloat16 are fast on a CPU
    (measured on one thread: a training step takes half the time of the plain one-dimensional form).

    Parameters
    ----------
    n_labels : int
        Logits.
    channels : int
        Rows of the input: leads and their presence.
    widths, depths : sequence of int
        Channels and blocks of each stage; each stage after the first halves the rate.
    kernel, stem : int
        Samples of the blocks' and the first convolution.
    dropout : float
        Before the last layer.
    drop_path : float
        Chance to leave a block out while training, growing evenly with depth up to this (Huang et al. 2016,
        arXiv 1603.09382).
    groups : int
        Networks that stand side by side, each on its own share of the channels (`side_by_side`).
    """

    def __init__(
        self,
        n_labels: int,
        channels: int = 16,
        widths: Sequence[int] = (48, 64, 96, 160),
        depths: Sequence[int] = (2, 2, 2, 2),
        kernel: int = 7,
        stem: int = 15,
        dropout: float = 0.3,
        drop_path: float = 0.1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.widths, self.groups = tuple(widths), groups
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], (1, stem), (1, 2), (0, stem // 2), bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        blocks: list[_Block] = []
        before, n = widths[0], sum(depths)
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for place in range(depth):
                drop = drop_path * len(blocks) / max(1, n - 1)
                blocks.append(_Block(before, width, 2 if place == 0 and stage > 0 else 1, kernel, drop, groups))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * before, n_labels)

    def features(self, x: Tensor) -> Tensor:
        """Compute the maps before pooling.

        Parameters
        ----------
        x : float tensor [batch, channels, samples]

        Returns
        -------
        float tensor [batch, widths[-1], 1, samples / 16]
        """
        # One row made a dimension of its own; the copy puts channels last.
        x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        return cast(Tensor, self.blocks(self.stem(x)))

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits.

        Parameters
        ----------
        x : float tensor [batch, channels, samples]
        extra : None
            Age and sex; not used.

        Returns
        -------
        float tensor [batch, n_labels]
        """
        del extra
        y = self.features(x)
        pooled = torch.cat([y.mean((2, 3)), y.amax((2, 3))], dim=1)
        return cast(Tensor, self.head(self.dropout(pooled)))

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments that make a network of several different from one of them."""
        return {"widths": list(self.widths), "groups": self.groups}


def side_by_side(networks: Sequence[ResNet1dSE], shares: Sequence[float], **arguments: Any) -> ResNet1dSE:
    """Make one network of several that says the weighed mean of their logits.

    Parameters
    ----------
    networks : sequence of ResNet1dSE
        Alike but for their weights.
    shares : sequence of float
        What each of them has in the answer; 1 together.
    **arguments
        What all of them were built with, other than ``widths`` and ``groups``.

    Returns
    -------
    ResNet1dSE
        Its convolutions in groups; channel attention and the last layer, which are dense, hold zeros between them.
    """
    widths = [sum(w) for w in zip(*(network.widths for network in networks), strict=True)]
    groups = sum(network.groups for network in networks)
    whole = ResNet1dSE(networks[0].head.out_features, widths=widths, groups=groups, **arguments)
    parts = [network.state_dict() for network in networks]
    state = {}
    for name, value in whole.state_dict().items():
        own = [part[name] for part in parts]
        if name == "head.weight":
            # Means over time stand before highest values, of each network.
            halves = [share * w.unflatten(1, (2, -1)) for share, w in zip(shares, own, strict=True)]
            state[name] = torch.cat(halves, dim=2).flatten(1)
        elif name == "head.bias":
            state[name] = torch.stack([share * b for share, b in zip(shares, own, strict=True)]).sum(dim=0)
        elif ".attention." in name and name.endswith("weight"):
            state[name] = torch.block_diag(*own)
        else:
            state[name] = torch.cat(own) if value.ndim else own[0]
    whole.load_state_dict(state)
    return whole
