"""Fit the populations of beats to PTB-XL: ``python -m synth.physiology.train PTBXL_FOLDER OUT.csv``.

Each record's representative beat (`ecg.beats`) is turned into a dipole by the weighted inverse of Dower's matrix and
fitted with the Gaussians of `synth.physiology.shape`; a population is the regression of the fits on age and sex, and
the principal components of what is left.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg import LEADS, ECGError, resample
from ecg.beats import WORK_RATE_HZ, find_beats, lead_groups, low_passed, representative_beat
from synth.physiology.dipole import DOWER, INDEPENDENT_LEADS
from synth.physiology.population import POPULATIONS, pack, quantities
from synth.physiology.shape import N_P, N_QRS, BeatShape, rows_of

if TYPE_CHECKING:
    from ecg.datasets import RecordItem

__all__ = ["fit_beat", "main", "population"]

_Array = NDArray[np.float64]

#: RMS of I, II, V1 to V6 in normal beats of PTB-XL, in mV: each lead weighs as much as another in the inverse.
_LEAD_RMS_MV = np.array([0.193, 0.221, 0.210, 0.377, 0.363, 0.369, 0.325, 0.260])
#: Ridge of the fits in samples: keeps neighbouring Gaussians from growing against each other.
_RIDGE = 0.05
#: P ends where its dipole falls under this share of its peak; a lower peak than so many mV is none.
_P_SHARE, _P_MV = 0.18, 0.03
#: T ends where the tangent of its steepest fall meets the level (Lepeschkin & Surawicz, Circulation 1952;6:378-388);
#: the Gaussians' own end comes so many s later.
_T_AFTER_S = 0.008
#: Bounds in s of what is taken for P, PR and JT.
_BOUNDS = {"p_s": (0.05, 0.16), "pr_s": (0.09, 0.28), "jt_s": (0.14, 0.42)}
#: Weights of log size, QRS, ST-T, P and durations before the components: about one over their standard deviations.
_WEIGHTS = np.concatenate([[2.0], np.full(24, 1.0), np.full(24, 4.0), np.full(12, 10.0), [54.0, 35.0, 78.0, 35.0]])
#: Components kept: 85 % of a normal beat's weighted variance, and of the others what fewer records bear.
_COMPONENTS = {"norm": 12}
_OTHER_COMPONENTS = 6
#: A row is an outlier with so many quantities beyond so many robust standard deviations.
_OUTLIER_QUANTITIES, _OUTLIER_SD = 4, 6.0


def to_dipole(leads: _Array) -> _Array:
    """Frank's x, y, z of the twelve leads, float64 array [3, samples]."""
    weight = 1 / _LEAD_RMS_MV[:, None]
    eight = leads[[LEADS.index(lead) for lead in INDEPENDENT_LEADS]]
    return np.asarray(np.linalg.pinv(DOWER * weight) @ (eight * weight))


def fit_beat(leads: _Array, peak: int, onset_s: float, offset_s: float, *, needs_p: bool = True) -> BeatShape | None:
    """Gaussians of one representative beat at 500 Hz.

    Parameters
    ----------
    leads : float64 array [12, samples]
        mV.
    peak : int
        Sample of the QRS peak.
    onset_s, offset_s : float
        QRS bounds after the peak in s.
    needs_p : bool
        Whether a beat without a P wave is left out; if not, its P is zero.

    Returns
    -------
    BeatShape or None
        None where P or T cannot be bounded.
    """
    v = to_dipole(low_passed(leads))
    t = (np.arange(v.shape[1]) - peak) / WORK_RATE_HZ
    v = v - v[:, (t >= onset_s - 0.016) & (t <= onset_s - 0.004)].mean(axis=1, keepdims=True)
    t_end = _end_of_t(np.linalg.norm(v, axis=0), t, offset_s)
    p = _bounds_of_p(v, t, onset_s)
    if t_end is None or (p is None and needs_p):
        return None
    p_on, p_off = p or (onset_s - 0.16, onset_s - 0.06)
    lengths = {"p_s": p_off - p_on, "pr_s": onset_s - p_on, "jt_s": t_end - offset_s}
    if any(not low <= lengths[name] <= high for name, (low, high) in _BOUNDS.items()):
        return None
    none = np.zeros((N_QRS, 3))
    empty = BeatShape(np.zeros((N_P, 3)), none, none, qrs_s=offset_s - onset_s, **lengths)
    rows = rows_of(empty, onset_s)
    inside = (t >= onset_s - 0.012) & (t <= t_end + 0.02)
    both = _solved([rows["QRS"], rows["ST"]], t[inside], v[:, inside])
    early = (t >= p_on - 0.01) & (t <= p_off + 0.01)
    p_rows = _solved([rows["P"]], t[early], _levelled(v[:, early])) if p else np.zeros((N_P, 3))
    return BeatShape(p_rows, both[:N_QRS], both[N_QRS:], qrs_s=offset_s - onset_s, **lengths)


def _solved(rows: list[tuple[_Array, float]], t: _Array, v: _Array) -> _Array:
    a = np.hstack([np.exp(-0.5 * ((t[:, None] - centres) / width) ** 2) for centres, width in rows])
    return np.asarray(np.linalg.solve(a.T @ a + _RIDGE * np.eye(a.shape[1]), a.T @ v.T))


def _levelled(v: _Array) -> _Array:
    """Stretch less the line between its ends (means of 10 ms)."""
    share = np.linspace(0, 1, v.shape[1])
    return np.asarray(v - v[:, :5].mean(axis=1)[:, None] * (1 - share) - v[:, -5:].mean(axis=1)[:, None] * share)


def _end_of_t(size: _Array, t: _Array, offset_s: float) -> float | None:
    window = np.flatnonzero((t > offset_s + 0.08) & (t < min(offset_s + 0.42, t[-1] - 0.02)))
    if window.size < 30:
        return None
    top = int(window[size[window].argmax()])
    if top in (window[0], window[-1]):
        return None
    slope = np.gradient(size)
    fall = top + int(slope[top : top + 75].argmin())
    if slope[fall] >= 0:
        return None
    level = float(size[fall : fall + 60].min())
    return float(t[fall] + (size[fall] - level) / -slope[fall] / WORK_RATE_HZ + _T_AFTER_S)


def _bounds_of_p(v: _Array, t: _Array, onset_s: float) -> tuple[float, float] | None:
    window = np.flatnonzero((t > max(t[0] + 0.01, onset_s - 0.26)) & (t < onset_s - 0.02))
    if window.size < 40:
        return None
    p = v[:, window]
    size = np.linalg.norm(p - p[:, :8].mean(axis=1)[:, None] * (1 - np.linspace(0, 1, window.size)), axis=0)
    top = int(size.argmax())
    if size[top] < _P_MV or not 10 <= top < window.size - 6:
        return None
    low = np.flatnonzero(size < _P_SHARE * size[top])
    before, after = low[low < top], low[low > top]
    first = int(before[-1]) if before.size else 0
    last = int(after[0]) if after.size else window.size - 1
    return float(t[window[first]]), float(t[window[last]])


def population(rows: _Array, people: _Array, components: int) -> _Array:
    """Table of a population.

    Parameters
    ----------
    rows : float64 array [records, quantities]
    people : float64 array [records, 3]
        One, years over 60 by 20, and sex as ±0.5.
    components : int

    Returns
    -------
    float64 array [quantities, 3 + components]
    """
    rest = rows - people @ np.linalg.lstsq(people, rows, rcond=None)[0]
    spread = 1.48 * np.median(np.abs(rest - np.median(rest, axis=0)), axis=0) + 1e-6
    kept = (np.abs(rest) > _OUTLIER_SD * spread).sum(axis=1) < _OUTLIER_QUANTITIES
    rows, people = rows[kept], people[kept]
    mean = np.linalg.lstsq(people, rows, rcond=None)[0]
    _, size, axes = np.linalg.svd((rows - people @ mean) * _WEIGHTS, full_matrices=False)
    directions = axes[:components] / _WEIGHTS * (size[:components, None] / np.sqrt(len(rows)))
    return np.vstack([mean, directions]).T


def _items(folder: Path, name: str) -> list[RecordItem]:
    from ecg.datasets import ptb_xl

    code = POPULATIONS[name]
    # At 100 Hz the QRS of a normal beat is smoothed; there are enough normal records at 500 Hz, and few of the others.
    items = ptb_xl(folder, 500 if name == "norm" else 100, range(1, 9))
    if name == "norm":
        items = tuple(item for item in items if item.labels == ("NORM",) and "SR" in item.statements)
    return [i for i in items if code in i.statements and "PACE" not in i.statements and i.age and i.sex]


def _fits(folder: Path, name: str) -> Iterator[tuple[_Array, tuple[float, float, float]]]:
    for item in _items(folder, name):
        work = resample(item.record(), WORK_RATE_HZ)
        beats = find_beats(work, lead_groups(work)[0])
        if beats.peak_s.size < 4 or not np.isfinite(beats.onset_s + beats.offset_s):
            continue
        found = representative_beat(work, beats)
        beat = fit_beat(found.signal, found.peak, beats.onset_s, beats.offset_s, needs_p=name == "norm")
        if beat is not None:
            person = (1.0, ((item.age or 60.0) - 60.0) / 20.0, 0.5 if item.sex == "M" else -0.5)
            yield pack(beat, float(np.diff(beats.peak_s).mean())), person


def main(folder: Path, out: Path) -> None:
    """Fit every population and write the table.

    Parameters
    ----------
    folder : Path
        PTB-XL as PhysioNet gives it out.
    out : Path
        CSV to write.
    """
    lines = ["# population,quantity,mean,per 20 years,male,components...; thousandths; PTB-XL folds 1-8, CC BY 4.0"]
    for name in POPULATIONS:
        rows, people = (np.array(v) for v in zip(*_fits(folder, name), strict=True))
        table = population(rows, people, _COMPONENTS.get(name, _OTHER_COMPONENTS))
        for quantity, numbers in zip(quantities(), table, strict=True):
            lines.append(",".join([name, quantity, *(f"{1000 * v:.0f}" for v in numbers)]))
        sys.stdout.write(f"{name}: {len(rows)} records\n")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except ECGError as error:
        sys.exit(str(error))
