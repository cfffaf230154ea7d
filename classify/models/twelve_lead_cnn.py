"""Twelve leads, 5000 samples at 500 Hz (IJRASET 2026): 10,328,225 parameters."""

from __future__ import annotations

from classify.models.flatten_cnn import FlattenCNN

__all__ = ["TwelveLeadCNN"]


class TwelveLeadCNN(FlattenCNN):
    """Four blocks of 32, 64, 128 and 128 filters with kernels 7, 5, 5 and 3.

    Parameters
    ----------
    n_labels : int
        Logits; one as published.
    samples : int
        Length of the input.
    """

    def __init__(self, n_labels: int, samples: int = 5000) -> None:
        super().__init__(n_labels, 12, samples, (32, 64, 128, 128), (7, 5, 5, 3))
