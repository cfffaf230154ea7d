"""One beat as coefficients on a row of Gaussians: what populations are fitted with and findings are made by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.physiology.dipole import Gaussian

__all__ = ["N_P", "N_QRS", "N_ST", "N_STILL", "BeatShape", "rows_of"]

_Array = NDArray[np.float64]

#: Gaussians of P, of QRS, and of ST and T together; of these the first few stand for the ST segment.
N_P, N_QRS, N_ST, N_STILL = 4, 8, 8, 3
#: Width as a share of the spacing: with 0.62 a row of equal Gaussians ripples by 0.1 %, and each is as narrow as that
#: allows. At a QRS of 90 ms the row carries what lies below 35 Hz.
_WIDTH = 0.62
#: The reference time, close to the R peak, as a share of the QRS after its onset: its median in normal records.
_REFERENCE = 0.45


@dataclass(frozen=True, eq=False)
class BeatShape:
    """A beat before it is given to the dipole.

    Parameters
    ----------
    p : float64 array [4, 3] or None
        Peaks in mV on x, y, z of the Gaussians between onset and end of P; None without a P wave.
    qrs : float64 array [8, 3]
        The same between onset and end of the QRS.
    st : float64 array [8, 3]
        The same from the J point to the end of T.
    p_s, pr_s, qrs_s, jt_s : float
        Durations of P, PR, QRS and JT in s.
    """

    p: _Array | None
    qrs: _Array
    st: _Array
    p_s: float
    pr_s: float
    qrs_s: float
    jt_s: float

    @property
    def onset_s(self) -> float:
        """QRS onset after the reference time, in s (negative)."""
        return -_REFERENCE * self.qrs_s

    def gaussians(self) -> tuple[Gaussian, ...]:
        """Give the beat to the dipole model."""
        rows = {"P": self.p, "QRS": self.qrs, "ST": self.st}
        out = []
        for wave, (centres, width) in rows_of(self, self.onset_s).items():
            peaks = rows[wave]
            assert peaks is not None  # noqa: S101 - rows_of names only rows that are there
            for k, (centre, (x, y, z)) in enumerate(zip(centres, peaks, strict=True)):
                name = "T" if wave == "ST" and k >= N_STILL else wave
                v = (round(float(c), 4) for c in (x, y, z))
                out.append(Gaussian(name, round(float(centre), 5), round(float(width), 5), *v))
        return tuple(out)


def rows_of(beat: BeatShape, onset_s: float) -> dict[str, tuple[_Array, float]]:
    """Centres and common width of each row of Gaussians of a beat whose QRS starts at ``onset_s``, all in s."""
    rows = {}
    if beat.p is not None:
        first = onset_s - beat.pr_s
        rows["P"] = (first + beat.p_s * (np.arange(N_P) + 0.5) / N_P, _WIDTH * beat.p_s / N_P)
    rows["QRS"] = (onset_s + beat.qrs_s * (np.arange(N_QRS) + 0.5) / N_QRS, _WIDTH * beat.qrs_s / N_QRS)
    rows["ST"] = (onset_s + beat.qrs_s + beat.jt_s * np.arange(N_ST) / N_ST, _WIDTH * beat.jt_s / N_ST)
    return rows
