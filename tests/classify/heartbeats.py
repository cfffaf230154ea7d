"""Drawn records whose waves are known: Gaussian bumps on each lead, limb leads tied by their algebra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg.record import LEADS, ECGRecord

#: Waves against the R peak: seconds, width in seconds, height in mV in lead II.
WAVES = {
    "p": (-0.16, 0.022, 0.15),
    "q": (-0.03, 0.008, -0.1),
    "r": (0.0, 0.011, 1.2),
    "s": (0.03, 0.008, -0.25),
    "t": (0.26, 0.045, 0.3),
}
#: Height of each lead against lead II; III, aVR, aVL and aVF follow from I and II.
GAINS = {"I": 0.7, "II": 1.0, "V1": -0.5, "V2": -0.3, "V3": 0.4, "V4": 1.3, "V5": 1.2, "V6": 0.9}


def drawn_record(
    fs: float = 500, seconds: float = 10, cycle_s: float = 0.8, noise_mv: float = 0.0, st_mv: float = 0.0
) -> ECGRecord:
    """Record of twelve leads in regular rhythm; `st_mv` is added from 50 ms to 200 ms after each R in V2."""
    t = np.arange(round(fs * seconds)) / fs
    r_s = np.arange(0.4, seconds, cycle_s)
    from_r = t - r_s[np.abs(t[:, None] - r_s).argmin(axis=1)]
    shape = sum(height * np.exp(-0.5 * ((from_r - at) / width) ** 2) for at, width, height in WAVES.values())
    rows = {lead: gain * shape for lead, gain in GAINS.items()}
    rows["V2"] = rows["V2"] + st_mv * ((from_r > 0.05) & (from_r < 0.2))
    one, two = rows["I"], rows["II"]
    rows |= {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    signal: NDArray[np.float64] = np.stack([rows[lead] for lead in LEADS])
    signal = signal + noise_mv * np.random.default_rng(0).normal(size=signal.shape)
    return ECGRecord(signal.astype(np.float32), fs, LEADS)
