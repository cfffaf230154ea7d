"""The heart as one moving dipole: Gaussians of a beat, what the leads see of them, where its waves begin and end.

The dipole (vectorcardiogram) is a sum of Gaussians on each axis, placed about every beat's reference time, after
McSharry et al. (IEEE Trans Biomed Eng 2003;50:289-294) and Sameni, Clifford, Jutten & Shamsollahi (EURASIP J Adv
Signal Process 2007:043407). Axes are Frank's: x to the patient's left, y to the feet, z to the back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["DOWER", "INDEPENDENT_LEADS", "Gaussian", "Placed", "dipole", "edges", "moved", "twelve_leads"]

_Array = NDArray[np.float64]

#: Rows of ``DOWER``: the leads that the eight electrodes measure independently.
INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

#: Lead = row · (x, y, z): Dower, Machado & Osborne, Clin Cardiol 1980;3:87-95 (doi 10.1002/clc.4960030206).
DOWER: _Array = np.array(
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

#: A wave begins and ends where its own dipole passes this share of its peak: 1.5 % of a 1.2 mV QRS is the 0.02 mV that
#: counts as a wave (IEC 60601-2-51, annex GG), and P and T, being smaller, need a larger share for the same reason.
_EDGE = {"P": 0.08, "QRS": 0.015, "T": 0.05}
#: Beyond so many widths a 1 mV Gaussian is below 0.3 µV, a third of the last bit on file.
_REACH = 5.5


@dataclass(frozen=True)
class Gaussian:
    """One Gaussian of the dipole.

    Parameters
    ----------
    wave : str
        ``"P"``, ``"QRS"``, ``"ST"``, ``"T"`` or ``"spike"`` (a pacemaker's).
    centre_s, width_s : float
        Centre after the beat's reference time and standard deviation, in seconds.
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
class Placed:
    """A beat at its place in the record.

    Parameters
    ----------
    at_s : float
        Reference time in s from the start of the record.
    code : str
        WFDB's annotation code: ``"N"`` conducted, ``"A"`` atrial premature, ``"V"`` ventricular premature, ``"/"``
        paced.
    t_later_s : float
        How much later than in the template its T wave comes, in s.
    """

    at_s: float
    code: str
    t_later_s: float = 0.0


def twelve_leads(eight: _Array) -> _Array:
    """All leads in standard order from I, II, V1 to V6 (Einthoven's and Goldberger's definitions).

    Parameters
    ----------
    eight : float64 array [8, samples]

    Returns
    -------
    float64 array [12, samples]
    """
    one, two = eight[0], eight[1]
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.vstack([limb, eight[2:]])


def moved(beat: Sequence[Gaussian], seconds: float, waves: Sequence[str]) -> tuple[Gaussian, ...]:
    """Beat whose named waves come later.

    Parameters
    ----------
    beat : sequence of Gaussian
    seconds : float
    waves : sequence of str
    """
    return tuple(replace(g, centre_s=g.centre_s + seconds) if g.wave in waves else g for g in beat)


def vectors(beat: Sequence[Gaussian]) -> _Array:
    """Peaks of the Gaussians on the three axes, float64 array [3, n], in mV."""
    return np.array([[g.x, g.y, g.z] for g in beat], dtype=np.float64).reshape(-1, 3).T


def shapes(beat: Sequence[Gaussian], t: _Array, t_later_s: float = 0.0) -> _Array:
    """Sample the unit Gaussians of a beat at times t after its reference, float64 array [n, samples]."""
    centre = np.array([g.centre_s + (t_later_s if g.wave == "T" else 0.0) for g in beat])
    width = np.array([g.width_s for g in beat])
    return np.asarray(np.exp(-0.5 * ((t - centre[:, None]) / width[:, None]) ** 2))


def dipole(beats: Sequence[Placed], templates: dict[str, tuple[Gaussian, ...]], t: _Array) -> _Array:
    """Sum of all beats over time.

    Parameters
    ----------
    beats : sequence of Placed
    templates : dict code -> tuple of Gaussian
        A beat whose template is empty adds nothing.
    t : float64 array [samples]
        Evenly spaced times in s.

    Returns
    -------
    float64 array [3, samples]
        x, y, z in mV.
    """
    vcg = np.zeros((3, t.size))
    step = t[1] - t[0] if t.size > 1 else 1.0
    spans = {code: _span(beat) for code, beat in templates.items() if beat}
    for placed in beats:
        if placed.code not in spans:
            continue
        low, high = spans[placed.code]
        first = max(0, int((placed.at_s + low - t[0]) / step))
        last = min(t.size, int((placed.at_s + high + abs(placed.t_later_s) - t[0]) / step) + 2)
        if first < last:
            beat = templates[placed.code]
            vcg[:, first:last] += vectors(beat) @ shapes(beat, t[first:last] - placed.at_s, placed.t_later_s)
    return vcg


def _span(beat: Sequence[Gaussian]) -> tuple[float, float]:
    return (
        min(g.centre_s - _REACH * g.width_s for g in beat),
        max(g.centre_s + _REACH * g.width_s for g in beat),
    )


def edges(beat: Sequence[Gaussian]) -> dict[str, tuple[float, float, float]]:
    """Onset, peak and offset of each wave of a beat, from the size of its own dipole.

    Parameters
    ----------
    beat : sequence of Gaussian

    Returns
    -------
    dict wave -> (onset, peak, offset)
        Seconds after the beat's reference time; only waves that the beat has, of P, QRS and T.
    """
    found = {}
    t = np.arange(-0.45, 0.75, 0.0005)  # half a millisecond: a quarter of a sample at 500 Hz
    for wave, share in _EDGE.items():
        parts = [g for g in beat if g.wave == wave]
        if not parts:
            continue
        size = np.linalg.norm(vectors(parts) @ shapes(parts, t), axis=0)
        peak = int(size.argmax())
        above = np.flatnonzero(size >= share * size[peak])
        found[wave] = (float(t[above[0]]), float(t[peak]), float(t[above[-1]]))
    return found
