"""What a synthetic record is made of."""

from __future__ import annotations

from dataclasses import dataclass

from synth.physiology.dipole import Gaussian
from synth.physiology.rhythm import AtrialWaves, Event
from synth.variability import NoiseEpisode

__all__ = ["PhysiologyParams"]


@dataclass(frozen=True)
class PhysiologyParams:
    """Everything that one synthetic record is made of; equal parameters give equal records.

    Parameters
    ----------
    kind : str
        One of `synth.physiology.KINDS`, or several joined by ``|``.
    age : float
        Years.
    sex : str
        ``"M"`` or ``"F"``.
    rate_bpm : float
        Mean ventricular rate in beats a minute, premature beats and pauses aside.
    sdnn_s, lf_hf, resp_hz : float
        Spread of the intervals in s, ratio of their low- to high-frequency power, rate of breathing in Hz.
    beat, premature, ectopic : tuple of Gaussian
        Dipole of a beat of the rhythm, of an atrial premature one and of a ventricular one; the last two empty where
        there is none.
    lead_matrix, atrial_matrix : tuple of eight (x, y, z)
        `synth.physiology.DOWER` as this torso changes it, for the ventricles and for the atria.
    rhythm : str
        ``"sinus"``, ``"afib"``, ``"aflutter"`` or ``"paced"``.
    details : tuple of str
        What the label leaves open, such as ``"inferior: RCA"`` or ``"pvc: bigeminy"``.
    events : tuple of Event
        Premature beats and pauses.
    atrial : AtrialWaves or None
        Waves of fibrillation or flutter.
    flutter_ratios : tuple of int
        Flutter waves a beat.
    resp_axis_deg, resp_gain : float
        Swing of the frontal axis in degrees and of the amplitude (share) with breathing.
    wander_mv, muscle_mv, mains_mv : float
        RMS of baseline wander, muscle noise and mains hum at one electrode, in mV.
    mains_hz : float
        50 or 60 Hz.
    episodes : tuple of NoiseEpisode
        Bursts of noise, contact pops, fallen electrodes.
    seed : int
        Seed of all phases and noise.
    """

    kind: str
    age: float
    sex: str
    rate_bpm: float
    sdnn_s: float
    lf_hf: float
    resp_hz: float
    beat: tuple[Gaussian, ...]
    lead_matrix: tuple[tuple[float, float, float], ...]
    atrial_matrix: tuple[tuple[float, float, float], ...]
    premature: tuple[Gaussian, ...] = ()
    ectopic: tuple[Gaussian, ...] = ()
    rhythm: str = "sinus"
    details: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    atrial: AtrialWaves | None = None
    flutter_ratios: tuple[int, ...] = ()
    resp_axis_deg: float = 0.0
    resp_gain: float = 0.0
    wander_mv: float = 0.0
    muscle_mv: float = 0.0
    mains_mv: float = 0.0
    mains_hz: float = 50.0
    episodes: tuple[NoiseEpisode, ...] = ()
    seed: int = 0
