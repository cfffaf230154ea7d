"""What varies from beat to beat and from electrode to electrode: sinus intervals, wander, muscle, mains."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["electrode_noise", "sinus_intervals"]

_Array = NDArray[np.float64]


def sinus_intervals(
    rng: np.random.Generator, rr_s: float, sdnn_s: float, lf_hf: float, resp_hz: float, duration_s: float
) -> tuple[float, _Array]:
    """Length of the sinus interval over time.

    The spectrum has two Gaussian peaks, at 0.1 Hz and at the rate of breathing, 0.02 Hz wide, with random phases
    (McSharry et al., IEEE Trans Biomed Eng 2003;50:289-294, section II-B).

    Parameters
    ----------
    rng : numpy.random.Generator
    rr_s, sdnn_s : float
        Mean and standard deviation of the interval in s.
    lf_hf : float
        Power of the 0.1 Hz peak over that of the other.
    resp_hz : float
        Rate of breathing in Hz.
    duration_s : float
        Seconds that must be covered; the series is at least twice as long and may be repeated.

    Returns
    -------
    float
        Step of the series in s.
    float64 array [steps]
        Intervals in s, kept within 0.6 and 1.6 of their mean.
    """
    step = 0.25  # s: 4 Hz resolves intervals down to 0.5 s
    n = 4 * max(256, math.ceil(2 * duration_s / step))
    f = np.fft.rfftfreq(n, step)
    power = lf_hf * np.exp(-0.5 * ((f - 0.1) / 0.02) ** 2) + np.exp(-0.5 * ((f - resp_hz) / 0.02) ** 2)
    wave = np.fft.irfft(np.sqrt(power) * np.exp(2j * math.pi * rng.random(f.size)), n)
    return step, np.clip(rr_s + sdnn_s * wave / wave.std(), 0.6 * rr_s, 1.6 * rr_s)


def electrode_noise(
    rng: np.random.Generator,
    t: _Array,
    resp: _Array,
    *,
    wander_mv: float,
    muscle_mv: float,
    mains_mv: float,
    mains_hz: float,
) -> _Array:
    """Noise of the eight independent leads, made at the nine electrodes so that the leads share it as in life.

    Parameters
    ----------
    rng : numpy.random.Generator
    t, resp : float64 array [samples]
        Evenly spaced times in s, and the phase of breathing in radians.
    wander_mv, muscle_mv, mains_mv : float
        RMS at one electrode in mV; breathing adds a quarter of the wander's power again.
    mains_hz : float
        50 or 60 Hz.

    Returns
    -------
    float64 array [8, samples]
        I, II, V1 to V6 in mV.
    """
    fs = 1.0 / (t[1] - t[0]) if t.size > 1 else 1.0
    # Wander below 0.5 Hz falls with frequency; skin and surface muscle fill 20 to 150 Hz (Clifford et al., Advanced
    # Methods and Tools for ECG Data Analysis, 2006, section 3.2). Rows: RA, LA, LL, V1 to V6.
    wander = _shaped(rng, (9, t.size), fs, lambda f: np.where((f > 0) & (f < 0.5), 1 / np.maximum(f, 0.05), 0.0))
    wander += 0.7 * rng.normal(0, 1, (9, 1)) * np.sin(resp + rng.normal(0, 0.3))  # mean square 0.7² / 2 = 1/4
    muscle = _shaped(rng, (9, t.size), fs, lambda f: ((f > 20) & (f < 150)).astype(float))
    mains = rng.normal(0, 1, (9, 1)) * math.sqrt(2) * np.sin(2 * math.pi * (mains_hz * t + rng.random()))
    v = wander_mv * wander + muscle_mv * muscle + mains_mv * mains
    ra, la, ll = v[:3]
    return np.vstack([la - ra, ll - ra, v[3:] - (ra + la + ll) / 3])


def _shaped(
    rng: np.random.Generator, shape: tuple[int, int], fs: float, spectrum: Callable[[_Array], _Array]
) -> _Array:
    """Gaussian noise of unit RMS with the given amplitude spectrum over Hz."""
    f = np.fft.rfftfreq(shape[1], 1 / fs).astype(np.float64)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(shape)) * spectrum(f), shape[1])
    rms = np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    return np.asarray(noise / np.where(rms > 0, rms, 1.0))
