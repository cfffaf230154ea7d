"""The law of the limb leads on mean beats: it holds between leads that were not recorded at the same time, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitize.direction import beat_places, whole_beats
from digitize.evidence import LIMB
from digitize.ranks import median_along
from ecg import ECGRecord

__all__ = ["limb_misfit"]

Double = NDArray[np.float64]

#: Half a beat, and how far beats of two leads are moved against each other, in s.
_BEAT_S, _MOVE_S = 0.2, 0.04
_AUGMENTED = ("aVR", "aVL", "aVF")


def limb_misfit(record: ECGRecord) -> float | None:
    """Measure how far the mean beats of aVR, aVL and aVF are from what those of I and II make them (Goldberger 1942).

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    float or None
        Power of the difference as a share of the leads' own: 0 where they obey. None where a lead shows no whole beat.

    Examples
    --------
    >>> t = np.arange(2000) / 500 % 1.0
    >>> one, two = np.exp(-(((t - 0.4) / 0.02) ** 2)), np.exp(-(((t - 0.42) / 0.03) ** 2))
    >>> leads = np.stack([one, two, -(one + two) / 2, one - two / 2, two - one / 2])
    >>> round(limb_misfit(ECGRecord(leads, 500, ("I", "II", "aVR", "aVL", "aVF"))), 3)
    0.0
    """
    beats = _mean_beats(record)
    if not {"I", "II", *_AUGMENTED} <= set(beats):
        return None
    most = round(_MOVE_S * record.fs)
    left, power = 0.0, 0.0
    for lead in _AUGMENTED:
        first, second = LIMB[lead]
        expected = (first * beats["I"] + second * beats["II"])[most:-most]
        own = beats[lead]
        moved = [own[most + k : own.size - most + k] for k in range(-most, most + 1, 2)]
        left += min(float(((expected - m) ** 2).sum()) for m in moved)
        power += float((own**2).sum())
    return left / power if power > 0 else None


def _mean_beats(record: ECGRecord) -> dict[str, Double]:
    """Median beat of each lead about its own level."""
    half = round(_BEAT_S * record.fs)
    places = beat_places(record)
    places = places[places < record.n_samples - half]
    found = {}
    for lead, line in zip(record.leads, record.signal.astype(np.float64), strict=True):
        whole = whole_beats(line, places, half, half - 1)
        if whole.size:
            found[lead] = median_along(whole - median_along(whole, 1)[:, None], 0)
    return found
