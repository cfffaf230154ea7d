"""Myocardial infarction by territory: acute, with its ST vector, and old, with lost initial forces.

Directions are those of the injured wall in Frank's axes; which leads then rise, which sink (reciprocal change) and by
how much follows from the projection to the leads alone. Limits are those of the Fourth Universal Definition of
Myocardial Infarction (Thygesen et al., Circulation 2018;138:e618-e651, tables 2 and 3): its "UDMI" below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ecg import LEADS
from synth.physiology.dipole import edges, shapes, twelve_leads, vectors
from synth.physiology.shape import N_ST, N_STILL, BeatShape

__all__ = ["TERRITORIES", "Territory", "acute", "has_scar", "has_st_elevation", "j_levels_mv", "j_limits_mv", "old"]

_Array = NDArray[np.float64]

#: Neighbours on the heart, as UDMI means "contiguous": chest leads side by side, limb leads of one wall.
_CHEST = tuple(pairwise(LEADS[6:]))


@dataclass(frozen=True)
class Territory:
    """A wall of the left ventricle.

    Parameters
    ----------
    pairs : tuple of pairs of leads
        Contiguous leads of which at least one pair shows the infarction; for a posterior one they show it reversed.
    walls : mapping flavour -> (x, y, z)
        Direction of the injured wall; the flavour is the culprit artery where it matters.
    reversed : bool
        Whether the leads face the opposite wall.
    """

    pairs: tuple[tuple[str, str], ...]
    walls: Mapping[str, tuple[float, float, float]]
    reversed: bool = False


#: Walls after the lead patterns of UDMI and of the AHA/ACCF/HRS recommendations, part VI (Wagner et al., Circulation
#: 2009;119:e262-e270): right coronary artery, III above II and I depressed; circumflex, II at least III and V5, V6
#: raised; septal V1 to V3; anterior V2 to V5 and I, aVL; posterior V1 to V3 depressed.
TERRITORIES: dict[str, Territory] = {
    "anterior": Territory(_CHEST[1:4], {"LAD": (0.52, -0.14, -0.84)}),
    "septal": Territory(_CHEST[:2], {"LAD": (-0.30, -0.10, -0.95)}),
    "lateral": Territory((("I", "aVL"), _CHEST[4]), {"LCx": (0.90, -0.36, 0.18)}),
    "inferior": Territory((("II", "aVF"), ("III", "aVF")), {"RCA": (-0.44, 0.89, -0.02), "LCx": (0.43, 0.78, 0.42)}),
    "posterior": Territory(_CHEST[:2], {"LCx": (0.10, 0.12, 0.98)}, reversed=True),
}

#: Depression of the J point in V1 to V3 that stands for a posterior infarction, in mV (UDMI, section 28).
_POSTERIOR_MV = 0.05
#: A deflection below this many mV from the level before the QRS is a wave: half a small square.
_SEEN_MV = 0.03
#: Q waves of old infarction: at least so long (s) and so deep (mV) in two contiguous leads (UDMI, table 3).
_Q_S, _Q_MV = 0.030, 0.10
#: Old posterior infarction: R at least so long in V1, V2 (s), and R at least S (UDMI, table 3).
_R_S = 0.040

#: Course of the acute ST vector over the ST-T Gaussians, from the J point to the end of T: a plateau that leaves with
#: T, and the taller, broader T of the first hours.
_PLATEAU = np.array([1.0, 1.0, 1.0, 1.0, 0.95, 0.75, 0.40, 0.10])
_TALL_T = np.array([0.0, 0.05, 0.25, 0.65, 1.0, 0.90, 0.45, 0.10])
#: The same of T as it begins to invert while ST is still raised.
_LATE_T = np.array([0.0, 0.0, 0.05, 0.20, 0.55, 1.0, 0.90, 0.35])
#: Stages of the first day: how many hearts are in each, T against the ST elevation, share of the wall's forces that is
#: lost, and of the scar that is there. T waves, broad and up to three times as tall as ST, come first and pass; Q waves
#: come within hours, and T inverts (Wagner et al. 2009).
_STAGES = {
    "hyperacute": (0.25, (1.5, 3.0), (0.0, 0.1), (0.0, 0.0)),
    "acute": (0.35, (0.1, 1.2), (0.1, 0.5), (0.0, 0.7)),
    "evolving": (0.40, (-1.6, 0.2), (0.3, 0.6), (0.8, 1.2)),
}
#: Course of the lost forces over the QRS: its first 40 of some 90 ms.
_INITIAL = np.array([0.55, 1.0, 1.0, 0.75, 0.30, 0.05, 0.0, 0.0])


def j_limits_mv(age: float, sex: str) -> dict[str, float]:
    """Elevation of the J point from which each lead counts as ST elevation (UDMI, table 2).

    Parameters
    ----------
    age : float
        Years.
    sex : str
        ``"M"`` or ``"F"``.

    Returns
    -------
    dict lead -> float
        mV.

    Examples
    --------
    >>> j_limits_mv(35, "M")["V2"], j_limits_mv(60, "F")["V2"], j_limits_mv(60, "F")["II"]
    (0.25, 0.15, 0.1)
    """
    middle = 0.15 if sex == "F" else 0.20 if age >= 40 else 0.25
    return {lead: middle if lead in ("V2", "V3") else 0.1 for lead in LEADS}


def j_levels_mv(beat: BeatShape, matrix: _Array) -> dict[str, float]:
    """Level of each lead at the J point of a beat without noise."""
    found = beat.gaussians()
    at = np.array([edges(found)["QRS"][2]])
    return dict(zip(LEADS, twelve_leads(matrix @ vectors(found) @ shapes(found, at))[:, 0].tolist(), strict=True))


def has_st_elevation(levels: Mapping[str, float], age: float, sex: str, margin_mv: float = 0.0) -> bool:
    """Whether two contiguous leads pass their limits at the J point, less a margin."""
    limits = j_limits_mv(age, sex)
    every = {pair for territory in TERRITORIES.values() if not territory.reversed for pair in territory.pairs}
    return any(all(levels[lead] >= limits[lead] - margin_mv for lead in pair) for pair in every | set(_CHEST))


def acute(
    rng: np.random.Generator, beat: BeatShape, territory: str, matrix: _Array, age: float, sex: str
) -> tuple[BeatShape, str]:
    """Beat with an acute infarction.

    Parameters
    ----------
    rng : numpy.random.Generator
    beat : BeatShape
    territory : str
        One of `TERRITORIES`.
    matrix : float64 array [8, 3]
        The torso's lead matrix.
    age, sex : float, str
        The limits of V2 and V3 depend on them.

    Returns
    -------
    BeatShape
    str
        Which of the territory's walls it is, and the stage.
    """
    flavour, wall = _wall(rng, territory)
    facing = TERRITORIES[territory].reversed
    stage = str(rng.choice(list(_STAGES), p=[share for share, _, _, _ in _STAGES.values()]))
    _, t_range, loss_range, scar_range = _STAGES[stage]
    # In leads that face the opposite wall the segment is level and T stays upright.
    tall = -float(rng.uniform(0.4, 1.0)) if facing else float(rng.uniform(*t_range))
    course = np.maximum(_PLATEAU + tall * (_TALL_T if tall > 0 or facing else _LATE_T), -1.0)
    # Injury takes the place of whatever ST slope this heart had, and of forces of the injured wall.
    qrs = _weakened(beat.qrs, wall, float(rng.uniform(*loss_range)), 0.0)
    scar = float(rng.uniform(*scar_range))
    if scar > 0:
        qrs = _weakened(qrs, wall, 0.0, scar * _scar_mv(replace(beat, qrs=qrs), territory, wall, matrix))
    still = np.where(np.arange(N_ST) < N_STILL, 0.5, 1.0)
    injured = replace(beat, qrs=qrs, st=beat.st * still[:, None])
    unit = replace(injured, st=injured.st + np.outer(course, wall))
    before, after = j_levels_mv(injured, matrix), j_levels_mv(unit, matrix)
    sign = -1.0 if facing else 1.0
    limits = dict.fromkeys(LEADS, _POSTERIOR_MV) if facing else j_limits_mv(age, sex)
    # mV beyond the limit: the territory's leads reach 0.1 to 0.3 mV, opposite ones 0.07 to 0.25.
    over = float(rng.uniform(0.02, 0.20 if facing else 0.16))
    sizes = []
    for pair in TERRITORIES[territory].pairs:
        gain = [sign * (after[lead] - before[lead]) for lead in pair]
        need = [(limits[lead] + over - sign * before[lead]) / max(g, 0.05) for lead, g in zip(pair, gain, strict=True)]
        sizes.append(max(need))
    st = injured.st + max(0.0, min(sizes)) * np.outer(course, wall)
    return replace(injured, st=st), f"{flavour}, {stage}"


def old(rng: np.random.Generator, beat: BeatShape, territory: str, matrix: _Array) -> tuple[BeatShape, str]:
    """Beat with an old infarction: initial forces turned away from the wall, T inverted there, ST level.

    Parameters
    ----------
    rng : numpy.random.Generator
    beat : BeatShape
    territory : str
        One of `TERRITORIES`.
    matrix : float64 array [8, 3]
        The torso's lead matrix.

    Returns
    -------
    BeatShape
    str
        Which of the territory's walls it is.
    """
    flavour, wall = _wall(rng, territory)
    weak = _weakened(beat.qrs, wall, float(rng.uniform(0.2, 0.6)), 0.0)
    least = _scar_mv(replace(beat, qrs=weak), territory, wall, matrix)
    qrs = _weakened(weak, wall, 0.0, least + float(rng.uniform(0.0, 0.2)))
    # The T vector turns away from the wall, deep in most, shallow in the others; ST comes back to the level.
    depth = float(rng.uniform(0.15, 0.45) if rng.random() < 0.6 else rng.uniform(0.06, 0.15))
    along = beat.st @ wall
    still = np.arange(N_ST) < N_STILL
    rest = float(rng.uniform(0.0, 0.03))
    wanted = np.where(still, rest, -depth * _TALL_T)
    return replace(beat, qrs=qrs, st=beat.st + np.outer(wanted - along, wall)), flavour


def _wall(rng: np.random.Generator, territory: str) -> tuple[str, _Array]:
    walls = TERRITORIES[territory].walls
    flavour = str(rng.choice(list(walls)))
    wall = np.array(walls[flavour]) + rng.normal(0, 0.08, 3)  # no two infarctions lie in one place: about 8 degrees
    return flavour, np.asarray(wall / np.linalg.norm(wall))


def _weakened(qrs: _Array, wall: _Array, loss: float, turned_mv: float) -> _Array:
    """QRS with a share of its forces towards the wall lost, and initial forces away from it."""
    towards = np.maximum(qrs @ wall, 0.0)
    return np.asarray(qrs - np.outer(loss * towards + turned_mv * _INITIAL, wall))


def _scar_mv(beat: BeatShape, territory: str, wall: _Array, matrix: _Array) -> float:
    """Least initial force away from the wall, in steps of a twentieth mV, that makes the criterion of a scar."""
    steps = [round(0.05 * k, 2) for k in range(40)]
    turned = (replace(beat, qrs=_weakened(beat.qrs, wall, 0.0, size)) for size in steps)
    return next((size for size, b in zip(steps, turned, strict=True) if has_scar(b, territory, matrix)), steps[-1])


def has_scar(beat: BeatShape, territory: str, matrix: _Array) -> bool:
    """Whether two contiguous leads of the territory show a pathological Q wave (posterior: a broad, dominant R)."""
    found = beat.gaussians()
    onset, _, offset = edges(found)["QRS"]
    t = np.arange(onset, offset, 0.001)
    leads = dict(zip(LEADS, twelve_leads(matrix @ vectors(found) @ shapes(found, t)), strict=True))
    scarred = _broad_r if TERRITORIES[territory].reversed else _pathological_q
    # Of the pairs that face the posterior wall, only V1 and V2 count.
    pairs = TERRITORIES[territory].pairs[: 1 if TERRITORIES[territory].reversed else None]
    return any(all(scarred(leads[lead] - leads[lead][0]) for lead in pair) for pair in pairs)


def _pathological_q(x: _Array) -> bool:
    """Whether a QRS at 1 kHz starts with a wave that points down, long and deep enough."""
    length, depth = _first_wave(-x)
    return length >= _Q_S and depth >= _Q_MV


def _broad_r(x: _Array) -> bool:
    length, height = _first_wave(x)
    return length >= _R_S and height >= -float(x.min())


def _first_wave(x: _Array) -> tuple[float, float]:
    """Length in s and height in mV of the wave that a QRS at 1 kHz starts with, 0 where it points down."""
    seen = np.flatnonzero(np.abs(x) >= _SEEN_MV)
    if seen.size == 0 or x[seen[0]] < 0:
        return 0.0, 0.0
    ends = np.flatnonzero(x[seen[0] :] <= 0)
    last = seen[0] + int(ends[0]) if ends.size else x.size
    return 0.001 * (last - int(seen[0])), float(x[seen[0] : last].max())
