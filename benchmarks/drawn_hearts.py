"""Synthetic hearts that examine explanations: others than any that trains a network."""

from __future__ import annotations

import numpy as np

from ecg.record import ECGRecord

__all__ = ["heart"]

#: Seed of the examined records.
SEED = 20260814


def heart(number: int, kind: str, fs: float = 100.0) -> ECGRecord:
    """Draw a heart.

    Parameters
    ----------
    number : int
    kind : str
        As `synth.physiology.sample_physiology`.
    fs : float
        Rate in Hz.

    Returns
    -------
    ECGRecord
        Of ten seconds.
    """
    from synth.physiology import sample_physiology, synthesize_record

    return synthesize_record(sample_physiology(np.random.default_rng([SEED, number]), kind), fs)
