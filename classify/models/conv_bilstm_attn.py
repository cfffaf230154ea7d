"""Convolutions, a recurrent layer in both directions and attention over time, with age and sex joined in.

Gupta et al., "Multimodal deep learning for acute myocardial infarction detection from 12-lead electrocardiogram: a
multi-centre study with cross-hospital validation", Eur Heart J Digit Health 2025, DOI 10.1093/ehjdh/ztaf125
("Conv-BiLSTM-Attn"). The abstract names the parts: convolutions, BiLSTM, attention, raw twelve-lead signal, age and
sex. Everything else is chosen here and is an option: four convolutions that leave 12.5 steps a second, about ten a
beat, for the recurrent layer; additive attention (Bahdanau et al., ICLR 2015, arXiv 1409.0473) with one score a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["ConvBiLSTMAttention"]


class ConvBiLSTMAttention(nn.Module):
    """Convolutions, BiLSTM, attention over time, demographic branch.

    Parameters
    ----------
    n_labels : int
        Logits.
    channels : int
        Leads.
    filters, kernels : sequence of int
        Of each convolution; every one but the first is followed by max pooling by 2.
    recurrent : int
        Width of the recurrent layer, in each direction.
    extras : int
        Numbers from `classify.inputs.to_extra`.
    demographic : int
        Width of the branch for them.
    hidden : int
        Width of the dense layer.
    dropout : float
    """

    def __init__(
        self,
        n_labels: int,
        channels: int = 12,
        filters: Sequence[int] = (32, 64, 96, 128),
        kernels: Sequence[int] = (11, 7, 5, 5),
        recurrent: int = 64,
        extras: int = 4,
        demographic: int = 16,
        hidden: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for place, (width, kernel) in enumerate(zip(filters, kernels, strict=True)):
            layers += [nn.Conv1d(before, width, kernel, padding=kernel // 2, bias=False), nn.BatchNorm1d(width)]
            layers += [nn.ReLU()] if place == 0 else [nn.ReLU(), nn.MaxPool1d(2)]
            before = width
        self.features = nn.Sequential(*layers)
        self.recurrent = nn.LSTM(before, recurrent, batch_first=True, bidirectional=True)
        self.score = nn.Sequential(nn.Linear(2 * recurrent, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))
        self.demographics = nn.Sequential(nn.Linear(extras, demographic), nn.ReLU())
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(2 * recurrent + demographic, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_labels),
        )
        self.extras = extras

    def attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Recurrent states [batch, steps, 2 * recurrent] and each step's weight [batch, steps, 1], summing to 1."""
        states, _ = self.recurrent(self.features(x).transpose(1, 2))
        return states, torch.softmax(self.score(states), dim=1)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits [batch, n_labels].

        Parameters
        ----------
        x : float tensor [batch, channels, samples]
        extra : float tensor [batch, extras], optional
            Age and sex with their masks; taken as unknown (all 0) without it.
        """
        if extra is None:
            extra = x.new_zeros(x.shape[0], self.extras)
        states, weight = self.attention(x)
        joined = torch.cat([(states * weight).sum(1), self.demographics(extra)], dim=1)
        return cast(Tensor, self.head(joined))
