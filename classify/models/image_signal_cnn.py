"""The strip that a page gives, 5000 samples (IJRASET 2026): the network of Lead II, trained on strips.

The publication says "the same architecture" and gives its file as 41 MB, which fits no such network: as float32 it has
82 MB, and half as float16. It is built as stated.
"""

from __future__ import annotations

from classify.models.lead_ii_cnn import LeadIICNN

__all__ = ["ImageSignalCNN"]


class ImageSignalCNN(LeadIICNN):
    """`LeadIICNN` for the z-scored strip of `digitize.rhythm_strip`."""
