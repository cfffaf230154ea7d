"""What varies from beat to beat and from electrode to electrode: sinus intervals, wander, muscle, mains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPISODES", "NoiseEpisode", "electrode_noise", "fallen_off", "sample_episodes", "sinus_intervals"]

_Array = NDArray[np.float64]

#: What may happen for a while at one electrode, and how many records of 10 s have it. Of PTB-XL's 7,109 records with
#: full notes, 3.4 % have bursts of noise and 0.2 % trouble with electrodes, but they were kept for their quality
#: (Wagner et al., Sci Data 2020;7:154); everyday recordings, which this set is to resemble, are worse.
EPISODES = {"muscle": 0.06, "pop": 0.04, "lead_off": 0.008}

#: Electrodes in the order of the rows of noise; the first three make the limb leads and the central terminal.
_ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")


@dataclass(frozen=True)
class NoiseEpisode:
    """Trouble at one electrode.

    Parameters
    ----------
    kind : str
        ``"muscle"``: a burst of muscle noise. ``"pop"``: the contact jumps and creeps back. ``"lead_off"``: a chest
        electrode falls off, and its lead is a level line until the end of the episode.
    electrode : str
        ``"RA"``, ``"LA"``, ``"LL"`` or ``"V1"`` to ``"V6"``.
    start_s, duration_s : float
        When and for how long; for a pop, the time constant of the way back.
    size_mv : float
        RMS of the burst, height of the jump, or level of the line.
    """

    kind: str
    electrode: str
    start_s: float
    duration_s: float
    size_mv: float


def sample_episodes(rng: np.random.Generator, duration_s: float = 10.0) -> tuple[NoiseEpisode, ...]:
    """Draw the episodes of a record; most have none.

    Parameters
    ----------
    rng : numpy.random.Generator
    duration_s : float
        Length of the record in seconds.
    """
    ranges = {  # seconds, and size in mV: what these artefacts measure on paper is 1 to 10 mm
        "muscle": ((0.5, 4.0), (0.015, 0.06)),
        "pop": ((0.1, 0.7), (0.2, 1.2)),
        "lead_off": ((1.0, duration_s), (-0.3, 0.3)),
    }
    found = []
    for kind, share in EPISODES.items():
        there, at, where, long, size, sign = rng.random(6)
        if there >= share:
            continue
        first = 3 if kind == "lead_off" else 0
        (shortest, longest), (least, most) = ranges[kind]
        found.append(
            NoiseEpisode(
                kind,
                _ELECTRODES[first + int(where * (len(_ELECTRODES) - first))],
                round(float(at) * duration_s, 3),
                round(float(shortest + (longest - shortest) * long), 3),
                round(float(least + (most - least) * size) * (-1 if kind == "pop" and sign < 0.5 else 1), 4),
            )
        )
    return tuple(found)


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
    episodes: Sequence[NoiseEpisode] = (),
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
    episodes : sequence of NoiseEpisode
        Bursts and pops; fallen electrodes are no noise, but `fallen_off`.

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
    v = wander_mv * wander + mains_mv * mains
    level = np.full((9, t.size if episodes else 1), muscle_mv)
    for episode in episodes:
        row = _ELECTRODES.index(episode.electrode)
        if episode.kind == "muscle":
            # A burst swells and dies away: half a sine, to the root, so that its power is even.
            share = np.clip((t - episode.start_s) / episode.duration_s, 0, 1)
            level[row] = np.hypot(level[row], episode.size_mv * np.sqrt(2 * np.sin(math.pi * share)))
        elif episode.kind == "pop":
            after = t - episode.start_s
            v[row] += np.where(after < 0, 0.0, episode.size_mv * np.exp(-np.maximum(after, 0) / episode.duration_s))
    v += level * muscle
    ra, la, ll = v[:3]
    return np.vstack([la - ra, ll - ra, v[3:] - (ra + la + ll) / 3])


def fallen_off(eight: _Array, t: _Array, episodes: Sequence[NoiseEpisode]) -> _Array:
    """Leads with the chest electrodes that fall off: a level line while they are off.

    Parameters
    ----------
    eight : float64 array [8, samples]
        I, II, V1 to V6 in mV.
    t : float64 array [samples]
    episodes : sequence of NoiseEpisode

    Returns
    -------
    float64 array [8, samples]
    """
    off = [e for e in episodes if e.kind == "lead_off"]
    out = eight.copy() if off else eight
    for e in off:
        # V1 stands in row 3 of the electrodes and in row 2 of the leads
        out[_ELECTRODES.index(e.electrode) - 1, (t >= e.start_s) & (t < e.start_s + e.duration_s)] = e.size_mv
    return out


def _shaped(
    rng: np.random.Generator, shape: tuple[int, int], fs: float, spectrum: Callable[[_Array], _Array]
) -> _Array:
    """Gaussian noise of unit RMS with the given amplitude spectrum over Hz."""
    f = np.fft.rfftfreq(shape[1], 1 / fs).astype(np.float64)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(shape)) * spectrum(f), shape[1])
    rms = np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    return np.asarray(noise / np.where(rms > 0, rms, 1.0))
