"""Fit the populations of beats to PTB-XL: ``python -m synth.physiology.train PTBXL_FOLDER OUT.csv``.

Each record's representative beat (`ecg.beats`) is turned into a dipole by the weighted inverse of Dower's matrix and
fitted with the Gaussians of `synth.physiology.shape`; a population is the regression of the fits on age and sex, and
the principal components of what is left.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg import ECGError, resample
from ecg.beats import WORK_RATE_HZ, find_beats, lead_groups, low_passed, representative_beat
from synth.physiology.dipole import DOWER, INDEPENDENT_LEADS
from synth.physiology.population import POPULATIONS, pack, quantities
from synth.physiology.shape import N_P, N_QRS, BeatShape, rows_of

if TYPE_CHECKING:
    from ecg.datasets import RecordItem

__all__ = ["MedianBeat", "atria", "fit_beat", "main", "median_beats", "population", "torsos"]

_Array = NDArray[np.float64]

#: RMS of I, II, V1 to V6 in normal beats of PTB-XL, in mV: each lead weighs as much as another in the inverse. In
#: their P waves I, II and V1, where P is read, weigh three times as much.
_LEAD_RMS_MV = np.array([0.193, 0.221, 0.210, 0.377, 0.363, 0.369, 0.325, 0.260])
_P_RMS_MV = np.array([0.046, 0.050, 0.034, 0.120, 0.140, 0.140, 0.140, 0.130])
#: Ridge that holds the torso fitted to one record to the average one, as a share of the dipole's power; and how long
#: after the QRS the ventricles are at work, in s.
_TORSO_RIDGE, _VENTRICLE_S = 0.3, 0.30
#: Ridge of the fits in samples: keeps neighbouring Gaussians from growing against each other.
_RIDGE = 0.02
#: P ends where its dipole falls under this share of its peak; a lower peak than so many mV is none.
_P_SHARE, _P_MV = 0.10, 0.03
#: T ends where the tangent of its steepest fall meets the level (Lepeschkin & Surawicz, Circulation 1952;6:378-388);
#: the Gaussians' own end comes so many s later.
_T_AFTER_S = 0.008
#: Bounds in s of what is taken for P, PR and JT.
_BOUNDS = {"p_s": (0.05, 0.20), "pr_s": (0.09, 0.30), "jt_s": (0.14, 0.42)}
#: Weights of log size, QRS, ST-T, P and durations before the components: about one over their standard deviations.
_WEIGHTS = np.concatenate([[2.0], np.full(24, 1.0), np.full(24, 4.0), np.full(12, 10.0), [54.0, 35.0, 78.0, 35.0]])
#: Statements of PTB-XL that a record of another of them must not carry.
_DELAYS = {"CLBBB", "CRBBB", "ILBBB", "IRBBB", "LAFB", "LPFB", "IVCD", "WPW", "PACE"}
#: Components kept: 95 % of a normal beat's weighted variance, and of the others what fewer records bear.
_COMPONENTS = {"norm": 20}
_OTHER_COMPONENTS = 6
#: A row is an outlier with so many quantities beyond so many robust standard deviations.
_OUTLIER_QUANTITIES, _OUTLIER_SD = 4, 6.0


@dataclass(frozen=True, eq=False)
class MedianBeat:
    """Representative beat of a record at 500 Hz, and whose it is.

    Parameters
    ----------
    eight : float64 array [8, samples]
        I, II, V1 to V6 in mV, over the level before the QRS.
    t : float64 array [samples]
        Seconds after the QRS peak.
    onset_s, offset_s : float
        QRS bounds after the peak in s.
    cycle_s : float
        Mean interval in s.
    person : tuple of float
        One, years over 60 by 20, and sex as ±0.5.
    """

    eight: _Array
    t: _Array
    onset_s: float
    offset_s: float
    cycle_s: float
    person: tuple[float, float, float]

    def between(self, start_s: float, stop_s: float) -> NDArray[np.bool_]:
        """Mark the samples from one time to another."""
        return np.asarray((self.t >= start_s) & (self.t <= stop_s))


def to_dipole(eight: _Array, matrix: _Array = DOWER, rms_mv: _Array = _LEAD_RMS_MV) -> _Array:
    """Give Frank's x, y, z of leads I, II, V1 to V6, float64 array [3, samples]."""
    weight = 1 / rms_mv[:, None]
    return np.asarray(np.linalg.pinv(matrix * weight) @ (eight * weight))


def fit_beat(beat: MedianBeat, torso: _Array = DOWER, *, needs_p: bool = True) -> BeatShape | None:
    """Fit the Gaussians to one representative beat.

    Parameters
    ----------
    beat : MedianBeat
    torso : float64 array [8, 3]
        Lead matrix that the P wave, smaller and nearer to the limb leads' middle, is taken through.
    needs_p : bool
        Whether a beat without a P wave is left out; if not, its P is zero.

    Returns
    -------
    BeatShape or None
        None where P or T cannot be bounded.
    """
    t, onset_s, offset_s = beat.t, beat.onset_s, beat.offset_s
    smooth = to_dipole(low_passed(beat.eight))
    t_end = _end_of_t(np.linalg.norm(smooth, axis=0), t, offset_s)
    p = _bounds_of_p(smooth, t, onset_s)
    if t_end is None or (p is None and needs_p):
        return None
    p_on, p_off = p or (onset_s - 0.16, onset_s - 0.06)
    lengths = {"p_s": p_off - p_on, "pr_s": onset_s - p_on, "jt_s": t_end - offset_s}
    if any(not low <= lengths[name] <= high for name, (low, high) in _BOUNDS.items()):
        return None
    none = np.zeros((N_QRS, 3))
    rows = rows_of(BeatShape(np.zeros((N_P, 3)), none, none, qrs_s=offset_s - onset_s, **lengths), onset_s)
    inside = beat.between(onset_s - 0.012, t_end + 0.02)
    both = _solved([rows["QRS"], rows["ST"]], t[inside], to_dipole(beat.eight)[:, inside])
    early = beat.between(p_on - 0.02, p_off + 0.02)
    atria = _levelled(to_dipole(beat.eight[:, early], torso, _P_RMS_MV))
    p_rows = _solved([rows["P"]], t[early], atria) if p else np.zeros((N_P, 3))
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


def torsos(beats: Sequence[MedianBeat]) -> _Array:
    """Fit the lead matrix of the average torso, and its spread.

    Parameters
    ----------
    beats : sequence of MedianBeat

    Returns
    -------
    float64 array [8, 6]
        Mean of the coefficients on x, y, z, then their standard deviations: least squares of the leads over the
        dipole from QRS to T, over all records and record by record.
    """
    leads = [beat.eight[:, beat.between(beat.onset_s, beat.offset_s + _VENTRICLE_S)] for beat in beats]
    dipoles = [to_dipole(eight) for eight in leads]
    power = sum((v @ v.T for v in dipoles), np.zeros((3, 3)))
    mean = sum((e @ v.T for e, v in zip(leads, dipoles, strict=True)), np.zeros((8, 3))) @ np.linalg.inv(power)
    single = []
    for eight, v in zip(leads, dipoles, strict=True):
        ridge = _TORSO_RIDGE * np.trace(v @ v.T) / 3 * np.eye(3)
        single.append((eight @ v.T + mean @ ridge) @ np.linalg.inv(v @ v.T + ridge))
    return np.hstack([mean, np.std(single, axis=0)])


def atria(beats: Sequence[MedianBeat], torso: _Array) -> _Array:
    """Fit the lead matrix of the atria: they lie nearer to the base, so V4 to V6 see half as much of them.

    Parameters
    ----------
    beats : sequence of MedianBeat
    torso : float64 array [8, 3]

    Returns
    -------
    float64 array [8, 3]
        Least squares of the leads over the dipole from 160 to 40 ms before the QRS.
    """
    leads = [_levelled(beat.eight[:, beat.between(beat.onset_s - 0.16, beat.onset_s - 0.04)]) for beat in beats]
    dipoles = [to_dipole(eight, torso, _P_RMS_MV) for eight in leads]
    power = sum((v @ v.T for v in dipoles), np.zeros((3, 3)))
    return sum((e @ v.T for e, v in zip(leads, dipoles, strict=True)), np.zeros((8, 3))) @ np.linalg.inv(power)


def _items(folder: Path, name: str) -> list[RecordItem]:
    from ecg.datasets import ptb_xl

    code = POPULATIONS[name]
    others = _DELAYS - {code}
    # At 100 Hz the QRS of a normal beat is smoothed; there are enough normal records at 500 Hz, and few of the others.
    items = ptb_xl(folder, 500 if name == "norm" else 100, range(1, 9))
    if name == "norm":
        items = tuple(item for item in items if item.labels == ("NORM",) and "SR" in item.statements)
    known = [i for i in items if code in i.statements and i.age and i.sex]
    return [i for i in known if not others & set(i.statements) and not {"MI", "HYP"} & set(i.labels)]


def median_beats(folder: Path, name: str) -> Iterator[MedianBeat]:
    """Give the representative beat of each record of a population.

    Parameters
    ----------
    folder : Path
        PTB-XL as PhysioNet gives it out.
    name : str
        One of `synth.physiology.population.POPULATIONS`.
    """
    for item in _items(folder, name):
        work = resample(item.record(), WORK_RATE_HZ)
        beats = find_beats(work, lead_groups(work)[0])
        if beats.peak_s.size < 4 or not np.isfinite(beats.onset_s + beats.offset_s):
            continue
        found = representative_beat(work, beats)
        t = (np.arange(found.signal.shape[1]) - found.peak) / WORK_RATE_HZ
        eight = found.signal[[found.leads.index(lead) for lead in INDEPENDENT_LEADS]]
        # 16 to 4 ms before the QRS the heart is at rest between its chambers
        level = eight[:, (t >= beats.onset_s - 0.016) & (t <= beats.onset_s - 0.004)].mean(axis=1, keepdims=True)
        person = (1.0, ((item.age or 60.0) - 60.0) / 20.0, 0.5 if item.sex == "M" else -0.5)
        cycle_s = float(np.diff(beats.peak_s).mean())
        yield MedianBeat(eight - level, t, beats.onset_s, beats.offset_s, cycle_s, person)


def _line(name: str, quantity: str, numbers: _Array) -> str:
    return ",".join([name, quantity, *(f"{1000 * v:.0f}" for v in numbers)])


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
    torso = np.empty((8, 6))
    for name in POPULATIONS:
        beats = list(median_beats(folder, name))
        if name == "norm":
            torso = torsos(beats)
            lines += [_line("torso", lead, row) for lead, row in zip(INDEPENDENT_LEADS, torso, strict=True)]
            near = atria(beats, torso[:, :3])
            lines += [_line("atria", lead, row) for lead, row in zip(INDEPENDENT_LEADS, near, strict=True)]
        fits = [(fit_beat(beat, torso[:, :3], needs_p=name == "norm"), beat) for beat in beats]
        rows = np.array([pack(fit, beat.cycle_s) for fit, beat in fits if fit is not None])
        people = np.array([beat.person for fit, beat in fits if fit is not None])
        table = population(rows, people, _COMPONENTS.get(name, _OTHER_COMPONENTS))
        lines += [_line(name, quantity, row) for quantity, row in zip(quantities(), table, strict=True)]
        sys.stdout.write(f"{name}: {len(rows)} records\n")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except ECGError as error:
        sys.exit(str(error))
