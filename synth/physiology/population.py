"""Beats of groups of people, as means and principal components fitted to PTB-XL, and draws from them.

``populations.csv`` holds, for each quantity of a beat, its mean at 60 years, what 20 years and the male sex add, and
its share in each principal component for one standard deviation, all in thousandths; and the lead matrix of the average
torso with its spread, and that of its atria. It is made by
`synth.physiology.train` from folds 1 to 8 of PTB-XL (Wagner et al., Sci Data 2020;7:154, CC BY 4.0).
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth.physiology.shape import N_P, N_QRS, N_ST, BeatShape

__all__ = ["POPULATIONS", "atrial_matrix", "draw_beat", "draw_torso", "pack", "quantities", "unpack"]

_Array = NDArray[np.float64]

#: Populations and the PTB-XL statement that each is fitted to: NORM as the only diagnosis, in sinus rhythm; a delay as
#: the only one, without infarction or hypertrophy. Of left posterior blocks there are eight: too few.
POPULATIONS = {"norm": "NORM", "lbbb": "CLBBB", "rbbb": "CRBBB", "irbbb": "IRBBB", "lafb": "LAFB"}

#: Draws of a component beyond so many standard deviations are pulled in: fits hold no better than that.
_LIMIT_SD = 2.5


def quantities() -> tuple[str, ...]:
    """Names of the numbers that make a beat: see `pack`."""
    rows = [
        f"{wave}{k}{axis}" for wave, n in (("qrs", N_QRS), ("st", N_ST), ("p", N_P)) for k in range(n) for axis in "xyz"
    ]
    return ("log_size", *rows, "p_s", "pr_s", "qrs_s", "qtc_s")


def pack(beat: BeatShape, rr_s: float) -> _Array:
    """Beat as one row of numbers.

    Parameters
    ----------
    beat : BeatShape
        With a P wave.
    rr_s : float
        Mean interval in s, for Fridericia's correction of QT.

    Returns
    -------
    float64 array [65]
        Logarithm of the QRS's size, QRS by that size, ST-T and P in mV, and durations in s.
    """
    if beat.p is None:
        raise ValueError("a beat without P has no row")
    size = float(np.sqrt(np.mean(beat.qrs**2)))
    qtc = (beat.qrs_s + beat.jt_s) / rr_s ** (1 / 3)
    parts = ([np.log(size)], (beat.qrs / size).ravel(), beat.st.ravel(), beat.p.ravel())
    return np.concatenate([*parts, [beat.p_s, beat.pr_s, beat.qrs_s, qtc]])


def unpack(row: _Array, rr_s: float) -> BeatShape:
    """Inverse of `pack`.

    Parameters
    ----------
    row : float64 array [65]
    rr_s : float
        Mean interval in s.
    """
    qrs, st, p = np.split(row[1:-4], np.cumsum([3 * N_QRS, 3 * N_ST]))
    p_s, pr_s, qrs_s, qtc = (float(v) for v in row[-4:])
    return BeatShape(
        p.reshape(N_P, 3),
        np.exp(row[0]) * qrs.reshape(N_QRS, 3),
        st.reshape(N_ST, 3),
        p_s,
        pr_s,
        qrs_s,
        qtc * rr_s ** (1 / 3) - qrs_s,
    )


@cache
def _tables() -> dict[str, _Array]:
    """Read population -> [quantities, columns]: mean, age, male, components."""
    found: dict[str, list[list[float]]] = {}
    with Path(__file__).with_name("populations.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(line for line in file if not line.startswith("#")):
            found.setdefault(row[0], []).append([float(v) / 1000 for v in row[2:]])
    return {name: np.array(rows) for name, rows in found.items()}


def draw_torso(rng: np.random.Generator) -> _Array:
    """Lead matrix of a random torso: Dower's, as PTB-XL's normal records change it on average and from one to another.

    Parameters
    ----------
    rng : numpy.random.Generator

    Returns
    -------
    float64 array [8, 3]
    """
    mean, spread = np.hsplit(_tables()["torso"], 2)
    return np.asarray(mean + spread * np.clip(rng.normal(size=mean.shape), -_LIMIT_SD, _LIMIT_SD))


def atrial_matrix(ventricular: _Array) -> _Array:
    """Lead matrix of the atria in a torso.

    Parameters
    ----------
    ventricular : float64 array [8, 3]
        As `draw_torso` gives it.

    Returns
    -------
    float64 array [8, 3]
        The average atrial one, changed by what sets this torso apart, as far as their sizes agree.
    """
    mean, atria = _tables()["torso"][:, :3], _tables()["atria"]
    share = np.linalg.norm(atria, axis=1) / np.linalg.norm(mean, axis=1)
    return np.asarray(atria + share[:, None] * (ventricular - mean))


def draw_beat(rng: np.random.Generator, population: str, age: float, sex: str, rr_s: float) -> BeatShape:
    """Beat of a random person of a population.

    Parameters
    ----------
    rng : numpy.random.Generator
    population : str
        One of `POPULATIONS`.
    age, sex : float, str
        Years and ``"M"`` or ``"F"``.
    rr_s : float
        Mean interval in s; QT follows by Fridericia's cube root (Acta Med Scand 1920;53:469-486).

    Returns
    -------
    BeatShape
    """
    table = _tables()[population]
    person = np.array([1.0, (age - 60.0) / 20.0, 0.5 if sex == "M" else -0.5])
    spread = np.clip(rng.normal(size=table.shape[1] - 3), -_LIMIT_SD, _LIMIT_SD)
    return unpack(table[:, :3] @ person + table[:, 3:] @ spread, rr_s)
