"""Lead II alone, 5000 samples at 500 Hz (IJRASET 2026): 20,532,609 parameters, all but 51 thousand in one dense layer.

128 channels of 625 samples into 256 make 20,480,256 numbers of it.
"""

from __future__ import annotations

from classify.models.flatten_cnn import FlattenCNN

__all__ = ["LeadIICNN"]


class LeadIICNN(FlattenCNN):
    """Three blocks of 32, 64 and 128 filters with kernels 7, 5 and 5.

    Parameters
    ----------
    n_labels : int
        Logits; one as published.
    samples : int
        Length of the input.
    """

    def __init__(self, n_labels: int, samples: int = 5000) -> None:
        super().__init__(n_labels, 1, samples, (32, 64, 128), (7, 5, 5))
