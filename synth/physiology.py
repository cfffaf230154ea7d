"""Labelled 12-lead ECGs from a model of the heart as one moving dipole.

The dipole (vectorcardiogram) is a sum of Gaussians on each axis, placed about every beat's R wave, after McSharry et
al. (IEEE Trans Biomed Eng 2003;50:289-294) and Sameni, Clifford, Jutten & Shamsollahi (EURASIP J Adv Signal Process
2007:043407). Eight leads are its projections by Dower's coefficients; the other four follow from leads I and II, so
that the algebra of the limb leads holds exactly.

Axes are Frank's: x to the patient's left, y to the feet, z to the back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import LEADS, ECGRecord, OptionsError
from synth.variability import electrode_noise, sinus_intervals

__all__ = ["DOWER", "KINDS", "Gaussian", "PhysiologyParams", "sample_physiology", "synthesize_record"]

#: Kinds of record that can be sampled, each also its label.
KINDS = ("norm", "bradycardia", "tachycardia", "pvc")

#: Rows of ``DOWER``: the leads that the eight electrodes measure independently.
INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

#: Lead = row · (x, y, z): Dower, Machado & Osborne, Clin Cardiol 1980;3:87-95 (doi 10.1002/clc.4960030206).
DOWER: NDArray[np.float64] = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)

#: Resting rates in 1/min: adults' 2nd to 98th percentile is about 48 to 98 (Mason et al., J Electrocardiol
#: 2007;40:228-234); the two outer ranges are those that the word means (below 60, above 100).
_RATES = {"norm": (60.0, 98.0), "pvc": (60.0, 95.0), "bradycardia": (42.0, 58.0), "tachycardia": (102.0, 140.0)}

#: A wave begins and ends where its own dipole passes this share of its peak; 3 % of a 1.2 mV QRS is the 0.04 mV
#: that a reader sees on paper, and P and T, being smaller, need a larger share for the same reason.
_EDGE = {"P": 0.05, "QRS": 0.03, "T": 0.05}

#: Gaussians of a normal beat: wave, centre (s after R, T: s before its peak), width (s), x, y, z (mV). The
#: directions are the textbook order of activation (Malmivuo & Plonsey, Bioelectromagnetism, 1995, section 7.2 and
#: 15.5): right then left atrium; septum to right and front; apex to left and feet; left wall to the back; base up.
_NORMAL = (
    ("P", -0.172, 0.0155, 0.050, 0.085, -0.045),
    ("P", -0.144, 0.0170, 0.062, 0.060, 0.050),
    ("QRS", -0.0215, 0.0058, -0.130, -0.060, -0.230),
    ("QRS", -0.0030, 0.0078, 1.150, 0.860, -0.060),
    ("QRS", 0.0085, 0.0082, 0.330, 0.280, 0.900),
    ("QRS", 0.0270, 0.0072, -0.210, -0.130, 0.330),
    ("T", -0.050, 0.0420, 0.130, 0.098, -0.062),
    ("T", 0.000, 0.0330, 0.225, 0.165, -0.085),
    ("T", -0.150, 0.0500, 0.022, 0.016, -0.020),
)

#: Distance of the J-side Gaussian tail: R to T offset = QT - (R - QRS onset); T peak stands 2.4 widths before it.
_R_AFTER_ONSET_S = 0.036
_T_TAIL_WIDTHS = 2.4


@dataclass(frozen=True)
class Gaussian:
    """One Gaussian of the dipole.

    Parameters
    ----------
    wave : str
        ``"P"``, ``"QRS"`` or ``"T"``.
    centre_s, width_s : float
        Centre after the beat's R wave and standard deviation, in seconds.
    x, y, z : float
        Peak on each axis in mV.
    """

    wave: str
    centre_s: float
    width_s: float
    x: float
    y: float
    z: float


@dataclass(frozen=True)
class PhysiologyParams:
    """Everything that one synthetic record is made of; equal parameters give equal records.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    age : float
        Years.
    sex : str
        ``"M"`` or ``"F"``.
    rate_bpm : float
        Mean sinus rate in beats a minute.
    sdnn_s, lf_hf, resp_hz : float
        Spread of the sinus intervals in s, ratio of their low- to high-frequency power, rate of breathing in Hz.
    beat, ectopic : tuple of Gaussian
        Dipole of a sinus beat and of an ectopic one.
    lead_matrix : tuple of eight (x, y, z)
        `DOWER` as this torso changes it.
    ectopic_at_s : tuple of float
        Times in s; the sinus beat before each is followed by an ectopic one.
    coupling : float
        Ectopic beat after its sinus beat, as a share of the mean interval.
    resp_axis_deg, resp_gain : float
        Swing of the frontal axis in degrees and of the amplitude (share) with breathing.
    wander_mv, muscle_mv, mains_mv : float
        RMS of baseline wander, muscle noise and mains hum at one electrode, in mV.
    mains_hz : float
        50 or 60 Hz.
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
    ectopic: tuple[Gaussian, ...]
    lead_matrix: tuple[tuple[float, float, float], ...]
    ectopic_at_s: tuple[float, ...] = ()
    coupling: float = 0.6
    resp_axis_deg: float = 0.0
    resp_gain: float = 0.0
    wander_mv: float = 0.0
    muscle_mv: float = 0.0
    mains_mv: float = 0.0
    mains_hz: float = 50.0
    seed: int = 0


def sample_physiology(
    rng: np.random.Generator,
    kind: str = "norm",
    *,
    age: float | None = None,
    sex: str | None = None,
    duration_s: float = 10.0,
) -> PhysiologyParams:
    """Draw the parameters of one record.

    The rate is drawn from the kind's own range; axis, amplitudes, noise and breathing from the same distribution
    for every kind, so that nothing but the named finding tells the kinds apart.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        One of `KINDS`.
    age, sex : float, str or None
        Years and ``"M"`` or ``"F"``; drawn where None.
    duration_s : float
        Length in seconds over which ectopic beats are spread.

    Returns
    -------
    PhysiologyParams

    Raises
    ------
    OptionsError
        If the kind is unknown.

    Examples
    --------
    >>> sample_physiology(np.random.default_rng(0), "tachycardia").rate_bpm > 100
    True
    """
    if kind not in KINDS:
        raise OptionsError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    age = float(rng.uniform(20, 88)) if age is None else float(age)
    sex = str(rng.choice(["F", "M"])) if sex is None else sex
    low, high = _RATES[kind]
    rate = float(low + (high - low) * rng.beta(2.0, 2.0))
    # SDNN of short records falls from about 45 ms at 20 to 20 ms at 80 years and with the rate (Umetani et al.,
    # J Am Coll Cardiol 1998;31:593-601, gives the fall; the level here is for 10 s, not 24 h).
    sdnn = float((0.053 - 0.0004 * age) * rng.lognormal(0.0, 0.3) * (65.0 / rate))
    params = PhysiologyParams(
        kind=kind,
        age=round(age, 1),
        sex=sex,
        rate_bpm=rate,
        sdnn_s=sdnn,
        lf_hf=float(rng.uniform(0.5, 2.0)),
        resp_hz=float(rng.uniform(0.18, 0.33)),
        beat=_sample_beat(rng, age, sex, rate),
        ectopic=_sample_ectopic(rng),
        # No two torsos conduct alike: 6 % is about the spread of lead gains that still keeps the R progression.
        lead_matrix=tuple((float(a), float(b), float(c)) for a, b, c in DOWER * rng.normal(1.0, 0.06, DOWER.shape)),
        coupling=float(rng.uniform(0.52, 0.68)),
        resp_axis_deg=float(rng.uniform(1.0, 5.0)),
        resp_gain=float(rng.uniform(0.01, 0.06)),
        wander_mv=float(rng.uniform(0.005, 0.045)),
        muscle_mv=float(rng.lognormal(math.log(0.005), 0.5)),
        mains_mv=float(rng.choice([0.0, rng.uniform(0.0, 0.006)])),
        mains_hz=float(rng.choice([50.0, 60.0])),
        seed=int(rng.integers(2**31)),
    )
    if kind != "pvc":
        return params
    n = int(rng.integers(1, 4))
    # One stretch each, its outer eighths free: never two ectopic beats after the same sinus beat.
    at = (np.arange(n) + rng.uniform(0.125, 0.875, n)) * duration_s / n
    return replace(params, ectopic_at_s=tuple(float(t) for t in at))


def _sample_beat(rng: np.random.Generator, age: float, sex: str, rate: float) -> tuple[Gaussian, ...]:
    rr = 60.0 / rate
    # QTc by Fridericia's cube root: 405 ms in men, 415 ms in women, SD 14 ms (Mason et al. 2007).
    qt = float(rng.normal(0.405 if sex == "M" else 0.415, 0.014)) * rr ** (1 / 3)
    stretch = rr**0.35 * float(rng.uniform(0.9, 1.12))  # T narrows as the beat gets shorter
    t_peak = qt - _R_AFTER_ONSET_S - _T_TAIL_WIDTHS * 0.033 * stretch
    # PR grows with age and shrinks with the rate (Mason et al. 2007: median 155 ms, 98th percentile 208 ms).
    p_earlier = float(rng.normal(-0.018, 0.012)) + 0.00025 * (age - 50) - 0.03 * max(0.0, 1 - rr)
    # The axis turns left with age, by 0.4° a year here; the limits keep it between about -10° and 95° (Mason et al.
    # 2007 give -30° to 90° as the range of the healthy). 42° is the turn at which the drawn angle is the one measured.
    turn = {"P": rng.normal(0, 6), "QRS": np.clip(rng.normal(58 - 0.4 * age, 15), 2, 80) - 42, "T": rng.normal(0, 9)}
    yaw = {"P": rng.normal(0, 8), "QRS": rng.normal(0, 10), "T": rng.normal(0, 8)}
    young = max(0.0, 45.0 - age) / 45.0
    size = {
        "P": rng.lognormal(0.0, 0.18),
        "QRS": (1.0 if sex == "M" else 0.88) * (1 + 0.25 * young) * rng.lognormal(0.0, 0.16),
        "T": (1.05 if sex == "M" else 0.8) * (1 + 0.3 * young) * rng.lognormal(0.0, 0.22),
    }
    wide = {"P": rng.normal(1, 0.06), "QRS": rng.normal(1.18 if sex == "M" else 1.10, 0.08), "T": stretch}
    beat = []
    for wave, centre, width, *vector in _NORMAL:
        v = _rotate(np.array(vector) * rng.normal(1.0, 0.10), float(turn[wave]), float(yaw[wave])) * size[wave]
        moved = t_peak + centre * stretch if wave == "T" else centre * (wide["QRS"] if wave == "QRS" else 1.0)
        shift = p_earlier if wave == "P" else 0.0
        beat.append(Gaussian(wave, float(moved - shift), float(width * wide[wave]), *map(float, v)))
    return tuple(beat)


def _sample_ectopic(rng: np.random.Generator) -> tuple[Gaussian, ...]:
    """Ventricular beat: wide QRS of one slow front from a random wall, T against it (discordant), no P."""
    size = float(rng.uniform(1.1, 1.8))
    outflow = rng.random() < 0.6  # most come from the right outflow tract: downwards and to the back
    main = np.array([0.35, 0.80, 0.60] if outflow else [-0.55, -0.35, -0.70]) + rng.normal(0, 0.15, 3)
    main *= size / np.linalg.norm(main)
    late = _rotate(main, float(rng.normal(25, 10)), float(rng.normal(20, 10)))
    width = float(rng.uniform(0.95, 1.2))
    parts = (
        ("QRS", -0.012, 0.021 * width, main),
        ("QRS", 0.045, 0.024 * width, 0.45 * late),
        ("T", 0.225, 0.070, -0.22 * main),
        ("T", 0.290, 0.048, -0.26 * late),
    )
    return tuple(Gaussian(wave, centre, sigma, *map(float, v)) for wave, centre, sigma, v in parts)


def _rotate(v: NDArray[np.float64], frontal_deg: float, horizontal_deg: float) -> NDArray[np.float64]:
    """Turn a vector clockwise in the frontal plane (x to y) and then from front to back (x to z)."""
    a, b = math.radians(frontal_deg), math.radians(horizontal_deg)
    x, y, z = v
    x, y = x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a)
    x, z = x * math.cos(b) - z * math.sin(b), x * math.sin(b) + z * math.cos(b)
    return np.array([x, y, z])


def synthesize_record(params: PhysiologyParams, fs: float = 500.0, duration_s: float = 10.0) -> ECGRecord:
    """Twelve-lead record of the parameters.

    Parameters
    ----------
    params : PhysiologyParams
    fs : float
        Sampling rate in Hz.
    duration_s : float
        Length in seconds.

    Returns
    -------
    ECGRecord
        Leads in standard order, mV. ``meta``: ``labels``, ``age``, ``sex``, ``waves`` (one mapping a beat whose R lies
        in the record: ``beat`` ``"N"`` or ``"V"``, ``p_onset_s``, ``p_peak_s``, ``p_offset_s``, ``qrs_onset_s``,
        ``r_s``, ``qrs_offset_s``, ``t_onset_s``, ``t_peak_s``, ``t_offset_s``; None where the beat has no such
        wave), ``physiology`` (the parameters).

    Raises
    ------
    OptionsError
        If rate or length is not positive.
    """
    if not (fs > 0 and duration_s > 0):
        raise OptionsError(f"sampling rate and length must be positive, got {fs!r} Hz and {duration_s!r} s")
    rng = np.random.default_rng(params.seed)
    t = np.arange(round(duration_s * fs)) / fs
    beats = _beat_times(rng, params, duration_s)
    resp = 2 * math.pi * (params.resp_hz * t + rng.random())
    vcg = _breathe(_dipole(beats, params, t), params, np.sin(resp))
    levels = {name: getattr(params, name) for name in ("wander_mv", "muscle_mv", "mains_mv", "mains_hz")}
    eight = np.array(params.lead_matrix) @ vcg + electrode_noise(rng, t, resp, **levels)
    meta = {
        "labels": (params.kind,),
        "age": params.age,
        "sex": params.sex,
        "waves": _wave_truth(beats, params, duration_s),
        "physiology": asdict(params),
    }
    return ECGRecord(_twelve(eight).astype(np.float32), fs, LEADS, meta)


def _twelve(eight: NDArray[np.float64]) -> NDArray[np.float64]:
    one, two = eight[0], eight[1]
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.vstack([limb, eight[2:]])


def _beat_times(rng: np.random.Generator, params: PhysiologyParams, duration_s: float) -> list[tuple[float, str]]:
    """R times (s) and types of the beats, from before the record to after it."""
    rr = 60.0 / params.rate_bpm
    step_s, intervals = sinus_intervals(rng, rr, params.sdnn_s, params.lf_hf, params.resp_hz, duration_s)
    beats, now = [], -2.0 * rr + rr * rng.random()
    while now < duration_s + 2 * rr:
        beats.append((now, "N"))
        now += float(intervals[int((now + 3 * rr) / step_s) % intervals.size])
    for at in params.ectopic_at_s:
        before = max((k for k, (r, kind) in enumerate(beats) if kind == "N" and r <= at), default=None)
        if before is not None and before + 1 < len(beats) and beats[before + 1][1] == "N":
            # The sinus beat that follows finds the ventricle refractory: the pause is compensatory.
            beats[before + 1] = (beats[before][0] + params.coupling * rr, "V")
    return beats


def _dipole(beats: list[tuple[float, str]], params: PhysiologyParams, t: NDArray[np.float64]) -> NDArray[np.float64]:
    vcg = np.zeros((3, t.size))
    fs = 1.0 / (t[1] - t[0]) if t.size > 1 else 1.0
    for r, kind in beats:
        for g in params.beat if kind == "N" else params.ectopic:
            middle = r + g.centre_s
            # Beyond 5.5 widths a 1 mV Gaussian is below 0.3 µV, a third of the last bit on file.
            first, last = np.clip(np.rint((middle + np.array([-5.5, 5.5]) * g.width_s) * fs), 0, t.size).astype(int)
            shape = np.exp(-0.5 * ((t[first:last] - middle) / g.width_s) ** 2)
            vcg[:, first:last] += np.array([[g.x], [g.y], [g.z]]) * shape
    return vcg


def _breathe(vcg: NDArray[np.float64], params: PhysiologyParams, resp: NDArray[np.float64]) -> NDArray[np.float64]:
    """Swing the frontal axis and the size with the lungs' filling."""
    angle = np.radians(params.resp_axis_deg) * resp
    x, y, z = vcg * (1 + params.resp_gain * resp)
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z])


def _wave_truth(
    beats: list[tuple[float, str]], params: PhysiologyParams, duration_s: float
) -> tuple[Mapping[str, Any], ...]:
    edges = {"N": _wave_edges(params.beat), "V": _wave_edges(params.ectopic)}
    truth = []
    for r, kind in beats:
        marks: dict[str, Any] = {"beat": kind}
        for wave, names in (
            ("P", ("p_onset_s", "p_peak_s", "p_offset_s")),
            ("QRS", ("qrs_onset_s", "r_s", "qrs_offset_s")),
            ("T", ("t_onset_s", "t_peak_s", "t_offset_s")),
        ):
            at = edges[kind].get(wave)
            marks |= {name: None if at is None else round(r + at[k], 5) for k, name in enumerate(names)}
        if 0 <= marks["r_s"] < duration_s:
            truth.append(marks)
    return tuple(truth)


def _wave_edges(beat: tuple[Gaussian, ...]) -> dict[str, tuple[float, float, float]]:
    """Onset, peak and offset of each wave in s after the beat's reference, from the size of its own dipole."""
    edges = {}
    t = np.arange(-0.5, 0.9, 0.0005)
    for wave in {g.wave for g in beat}:
        parts = [g for g in beat if g.wave == wave]
        v = sum(np.outer([g.x, g.y, g.z], np.exp(-0.5 * ((t - g.centre_s) / g.width_s) ** 2)) for g in parts)
        size = np.linalg.norm(v, axis=0)
        above = np.flatnonzero(size >= _EDGE[wave] * size.max())
        edges[wave] = (float(t[above[0]]), float(t[size.argmax()]), float(t[above[-1]]))
    return edges
