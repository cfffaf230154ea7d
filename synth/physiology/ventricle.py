"""Beats that reach the ventricles in an unusual way: bundle branch blocks, premature and paced beats.

Limits of duration and axis are those of the AHA/ACCF/HRS recommendations, part III (Surawicz et al., Circulation
2009;119:e235-e240).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecg import LEADS
from synth.physiology.dipole import Gaussian, edges, shapes, twelve_leads, vectors
from synth.physiology.population import draw_beat
from synth.physiology.shape import N_QRS, N_ST, N_STILL, BeatShape

__all__ = ["CONDUCTION", "axis_deg", "blocked_beat", "paced_beat", "premature_atrial", "timed", "ventricular_beat"]

_Array = NDArray[np.float64]

#: Delays of the ventricles -> QRS duration in s, and frontal axis in degrees where it is part of the finding.
CONDUCTION: dict[str, tuple[tuple[float, float], tuple[float, float] | None]] = {
    "lbbb": ((0.124, 0.180), None),
    "rbbb": ((0.122, 0.170), None),
    "irbbb": ((0.100, 0.118), None),
    "lafb": ((0.078, 0.116), (-86.0, -52.0)),
    "lpfb": ((0.078, 0.116), (97.0, 148.0)),
}

#: Origin of a ventricular beat -> main direction of its front, in Frank's axes: away from where it starts
#: (Surawicz & Knilans, Chou's Electrocardiography, 6th ed., chapter 17: outflow tracts point down, the apex up).
_ORIGINS = {
    "RVOT": (0.35, 0.80, 0.50),
    "RV apex": (0.55, -0.65, 0.50),
    "LV lateral": (-0.75, 0.10, -0.60),
    "LV inferior": (-0.30, -0.75, -0.55),
}
#: How often each is drawn: outflow tracts are the commonest source.
_SHARES = (0.45, 0.15, 0.25, 0.15)
#: Standard deviation in s of a pacemaker's spike after a recorder's low-pass, 3 dB down at 150 Hz.
_SPIKE_S = round(math.sqrt(math.log(2)) / (2 * math.pi * 150.0), 5)
#: A spike comes this many s before the front that it starts.
_SPIKE_EARLIER_S = 0.006


def axis_deg(beat: BeatShape, matrix: _Array) -> float:
    """Frontal axis in degrees, from the net areas of the QRS in I and aVF."""
    found = beat.gaussians()
    onset, _, offset = edges(found)["QRS"]
    t = np.arange(onset, offset, 0.002)
    qrs = [g for g in found if g.wave == "QRS"]
    net = dict(zip(LEADS, twelve_leads(matrix @ vectors(qrs) @ shapes(qrs, t)).sum(axis=1), strict=True))
    return math.degrees(math.atan2(net["aVF"] * 2 / math.sqrt(3), net["I"]))


def timed(beat: BeatShape, shortest_s: float, longest_s: float) -> BeatShape:
    """Beat whose QRS, by the edges of its dipole, is at least and at most so long; QT stays."""
    onset, _, offset = edges(beat.gaussians())["QRS"]
    length = offset - onset
    qrs_s = beat.qrs_s * min(max(length, shortest_s), longest_s) / length
    return replace(beat, qrs_s=qrs_s, jt_s=beat.jt_s + beat.qrs_s - qrs_s)


def turned(rows: _Array, degrees: float) -> _Array:
    """Rows of vectors turned in the frontal plane, clockwise as the axis is counted (left 0°, feet 90°)."""
    a = math.radians(degrees)
    x, y, z = rows.T
    return np.stack([x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a), z], axis=1)


def blocked_beat(
    rng: np.random.Generator, kind: str, normal: BeatShape, matrix: _Array, age: float, sex: str, rr_s: float
) -> BeatShape:
    """Beat with a delay of the ventricles and the P wave and PR of a normal one.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        One of `CONDUCTION`.
    normal : BeatShape
        Gives P, and size and axis to the draw.
    matrix : float64 array [8, 3]
    age, sex, rr_s : float, str, float
        As for `synth.physiology.population.draw_beat`.
    """
    (shortest, longest), axes = CONDUCTION[kind]
    for _ in range(20):
        drawn = _posterior_delay(rng, normal) if kind == "lpfb" else draw_beat(rng, kind, age, sex, rr_s)
        beat = replace(drawn, p=normal.p, p_s=normal.p_s, pr_s=normal.pr_s)
        if axes is not None:
            low, high = axes[0] + 8.0 * float(rng.random()), axes[1] - 8.0 * float(rng.random())
            beat = _with_axis(beat, low, high, matrix)
        beat = timed(beat, shortest, longest)
        if _typical(kind, beat, matrix):
            break
    return beat


def _with_axis(beat: BeatShape, low: float, high: float, matrix: _Array) -> BeatShape:
    """Beat whose frontal axis lies between two angles in degrees: its QRS is turned to the nearer of them.

    A torso does not see a turned front turned by as much, so that this takes a few steps.
    """
    middle = (low + high) / 2
    for _ in range(8):
        now = (axis_deg(beat, matrix) - middle + 180) % 360 - 180 + middle
        if low - 1 <= now <= high + 1:
            break
        beat = replace(beat, qrs=turned(beat.qrs, min(max(now, low), high) - now))
    return beat


def _posterior_delay(rng: np.random.Generator, normal: BeatShape) -> BeatShape:
    """Left posterior fascicular block: the front starts upwards and to the left, and turns to the right and down."""
    k = np.arange(N_QRS)
    early = k < 2.5
    first = turned(normal.qrs, -float(rng.uniform(50, 90))) * 1.5
    rest = turned(normal.qrs, float(rng.uniform(60, 85)))
    qrs = np.where(early[:, None], first, rest)
    return replace(normal, qrs=qrs, qrs_s=normal.qrs_s * float(rng.uniform(1.05, 1.2)))


def _typical(kind: str, beat: BeatShape, matrix: _Array) -> bool:
    """Whether a delay shows in its leads what its definition asks for."""
    found = beat.gaussians()
    onset, _, offset = edges(found)["QRS"]
    t = np.arange(onset, offset, 0.002)
    v1, v6 = (matrix @ vectors(found) @ shapes(found, t))[[2, 7]]
    if kind == "lbbb":  # QS or a small r in V1, broad R without S in V6
        return bool(v1.max() < 0.3 * -v1.min() and v6.max() > 2 * -v6.min() and v6.max() > 0.3)
    if kind == "rbbb":  # R' in V1 that ends the QRS, S in V6
        late = t > onset + 0.55 * (offset - onset)
        return bool(v1[late].max() > 0.2 and v1[late].max() > v1[~late].max() and v6[late].min() < -0.1)
    if kind == "irbbb":  # the same, small
        late = t > onset + 0.55 * (offset - onset)
        return bool(v1[late].max() > 0.08 and v6[late].min() < -0.03)
    # A fascicular block's axis is clear: more than a fifth of the frontal QRS is not taken back by the rest of it.
    frontal = twelve_leads(matrix @ vectors(found) @ shapes(found, t))[[0, 5]]
    axes = CONDUCTION[kind][1]
    clear = np.hypot(*frontal.sum(axis=1)) > 0.2 * np.hypot(*np.abs(frontal).sum(axis=1))
    return bool(clear and axes is not None and axes[0] - 2 <= axis_deg(beat, matrix) <= axes[1] + 2)


def premature_atrial(rng: np.random.Generator, beat: BeatShape) -> BeatShape:
    """Sinus beat with the P wave of another atrial site, and a PR of its own."""
    if beat.p is None:
        return beat
    turn = float(rng.uniform(60, 180) * rng.choice([-1, 1]))
    p = turned(beat.p * [1.0, 1.0, float(rng.choice([-1, 1]))], turn) * float(rng.uniform(0.9, 1.4))
    pr = beat.pr_s * float(rng.uniform(0.9, 1.2))
    return replace(beat, p=p, pr_s=pr, p_s=min(beat.p_s, pr - 0.018))


def ventricular_beat(rng: np.random.Generator) -> tuple[BeatShape, str]:
    """Beat that starts in a ventricle: one broad, slow front, T against it, no P.

    Returns
    -------
    BeatShape
    str
        Where it starts.
    """
    site = str(rng.choice(list(_ORIGINS), p=_SHARES))
    main = np.array(_ORIGINS[site]) + rng.normal(0, 0.15, 3)
    main *= float(rng.uniform(1.1, 2.1)) / np.linalg.norm(main)
    late = turned(main[None], float(rng.normal(0, 25)))[0] * [1.0, 1.0, float(rng.uniform(0.5, 1.2))]
    k = np.arange(N_QRS)
    first = np.exp(-0.5 * ((k - rng.uniform(2.4, 3.2)) / 1.2) ** 2)
    second = rng.uniform(0.3, 0.8) * np.exp(-0.5 * ((k - rng.uniform(4.8, 5.6)) / 0.9) ** 2)
    beat = BeatShape(
        None,
        np.outer(first, main) + np.outer(second, late),
        _discordant(rng, main, late),
        0.1,
        0.16,
        0.16,
        float(rng.uniform(0.25, 0.32)),
    )
    return timed(beat, float(rng.uniform(0.125, 0.15)), float(rng.uniform(0.155, 0.19))), site


def _discordant(rng: np.random.Generator, main: _Array, late: _Array) -> _Array:
    """ST-T against the QRS, as where the ventricles recover in the order in which they were excited."""
    k = np.arange(N_ST)
    still = np.where(k < N_STILL, 0.08, 0.0)
    hump = np.exp(-0.5 * ((k - rng.uniform(4.2, 5.2)) / 1.4) ** 2)
    return -(np.outer(still, main) + float(rng.uniform(0.2, 0.35)) * np.outer(hump, 0.6 * main + 0.4 * late))


def paced_beat(
    rng: np.random.Generator, normal: BeatShape, mode: str, age: float, sex: str, rr_s: float
) -> tuple[Gaussian, ...]:
    """Beat of a ventricle paced from its right apex, with its spikes.

    It is a left bundle branch block whose front runs upwards.

    Parameters
    ----------
    rng : numpy.random.Generator
    normal : BeatShape
        Gives P.
    mode : str
        ``"VVI"`` (no P), ``"VAT"`` (P, then a paced ventricle) or ``"DDD"`` (atrium and ventricle paced).
    age, sex, rr_s : float, str, float
        As for `synth.physiology.population.draw_beat`.

    Returns
    -------
    tuple of Gaussian
    """
    drawn = draw_beat(rng, "lbbb", age, sex, rr_s)
    up = -float(rng.uniform(65, 115))
    p = None if mode == "VVI" else normal.p
    beat = replace(drawn, qrs=turned(drawn.qrs, up), st=turned(drawn.st, up), p=p, p_s=normal.p_s)
    beat = timed(replace(beat, pr_s=max(float(rng.uniform(0.14, 0.20)), beat.p_s + 0.018)), 0.135, 0.185)
    found = beat.gaussians()
    starts = [edges(found)["QRS"][0]] + ([edges(found)["P"][0]] if mode == "DDD" else [])
    # Unipolar leads give spikes of millivolts, bipolar ones of a tenth of that.
    size = float(rng.uniform(0.6, 2.5) if rng.random() < 0.4 else rng.uniform(0.12, 0.5))
    way = rng.normal(0, 1, 3) * [0.5, 1.0, 0.5]
    x, y, z = (round(float(v), 4) for v in size * way / np.linalg.norm(way))
    return (*found, *(Gaussian("spike", round(s - _SPIKE_EARLIER_S, 5), _SPIKE_S, x, y, z) for s in starts))
