"""The ECG record: leads in millivolts on one clock, and the algebra that ties the limb leads together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg.errors import RecordError

__all__ = ["LEADS", "ECGRecord", "LimbResidual", "complete_limb_leads", "crop", "limb_residual", "resample", "select"]

#: The twelve standard leads in the order in which every file of this project stores them.
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

#: Each limb lead as (weight of I, weight of II): Einthoven's and Goldberger's definitions
#: (Malmivuo & Plonsey, Bioelectromagnetism, 1995, sections 15.2 and 15.4).
_LIMB_WEIGHTS: dict[str, tuple[float, float]] = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


@dataclass(frozen=True, eq=False)
class ECGRecord:
    """An ECG of any number of leads.

    Parameters
    ----------
    signal : float32 array [leads, samples]
        Millivolts; NaN where the lead was not recorded or is not on the paper. Read-only after construction.
    fs : float
        Sampling rate in Hz. Has no default, because guessing it is the worst error of all.
    leads : tuple of str
        Lead names, no two alike.
    meta : mapping
        Whatever else is known: ``age`` (years), ``sex`` (``"M"`` or ``"F"``), ``units``, ``comments``, ...

    Raises
    ------
    RecordError
        If shape, names or rate do not fit.

    Examples
    --------
    >>> record = ECGRecord(np.zeros((2, 1000)), 500, ("I", "II"))
    >>> record.duration_s, record["II"].shape
    (2.0, (1000,))
    """

    signal: NDArray[np.float32]
    fs: float
    leads: tuple[str, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        signal = np.array(self.signal, dtype=np.float32)
        leads = tuple(self.leads)
        if signal.ndim != 2 or signal.shape[0] != len(leads) or signal.shape[1] == 0:
            raise RecordError(
                f"a record of {len(leads)} leads needs a signal [leads, samples] with one row a lead and at least one "
                f"sample, got {list(signal.shape)}"
            )
        if len(set(leads)) != len(leads):
            raise RecordError(f"lead names must differ, got {', '.join(leads)}")
        if not (np.isfinite(self.fs) and self.fs > 0):
            raise RecordError(f"the sampling rate must be a positive number of Hz, got {self.fs!r}")
        if np.isinf(signal).any():
            raise RecordError("a record holds finite millivolts or NaN for missing samples, got infinite values")
        signal.flags.writeable = False
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "fs", float(self.fs))
        object.__setattr__(self, "leads", leads)
        object.__setattr__(self, "meta", MappingProxyType(dict(self.meta)))

    def __getitem__(self, lead: str) -> NDArray[np.float32]:
        """Return the samples of one lead in mV, a read-only view."""
        if lead not in self.leads:
            raise RecordError(f"the record has no lead {lead!r}; it has {', '.join(self.leads)}")
        row: NDArray[np.float32] = self.signal[self.leads.index(lead)]
        return row

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor: a mapping proxy does not pickle."""
        return type(self), (np.asarray(self.signal), self.fs, self.leads, dict(self.meta))

    @property
    def n_samples(self) -> int:
        """Samples a lead."""
        return int(self.signal.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.fs


def select(record: ECGRecord, leads: Iterable[str]) -> ECGRecord:
    """Record with exactly these leads in this order; leads that it does not have are NaN throughout.

    Parameters
    ----------
    record : ECGRecord
    leads : iterable of str

    Returns
    -------
    ECGRecord
    """
    leads = tuple(leads)
    signal = np.full((len(leads), record.n_samples), np.nan, dtype=np.float32)
    for row, lead in enumerate(leads):
        if lead in record.leads:
            signal[row] = record[lead]
    return replace(record, signal=signal, leads=leads)


def crop(record: ECGRecord, start_s: float, stop_s: float) -> ECGRecord:
    """Part of a record between two times.

    Parameters
    ----------
    record : ECGRecord
    start_s, stop_s : float
        Seconds from the start of the record; rounded to whole samples.

    Raises
    ------
    RecordError
        If the part is empty or lies outside the record.
    """
    first, last = round(start_s * record.fs), round(stop_s * record.fs)
    if not 0 <= first < last <= record.n_samples:
        raise RecordError(f"cannot crop {start_s} to {stop_s} s out of a record of {record.duration_s:g} s")
    return replace(record, signal=record.signal[:, first:last])


def resample(record: ECGRecord, fs: float) -> ECGRecord:
    """Record at another sampling rate, anti-aliased; missing stretches stay missing.

    Sample ``k`` of the result stands at ``k / fs`` seconds on the same clock. Polyphase filtering
    (`scipy.signal.resample_poly`, Kaiser window) runs over each stretch of present samples by itself, so that no
    value leaks out of a gap.

    Parameters
    ----------
    record : ECGRecord
    fs : float
        New sampling rate in Hz.

    Raises
    ------
    RecordError
        If the rate is not a positive number.
    """
    if not (np.isfinite(fs) and fs > 0):
        raise RecordError(f"the new sampling rate must be a positive number of Hz, got {fs!r}")
    if fs == record.fs:
        return record
    n_out = max(1, round(record.n_samples * fs / record.fs))
    signal = np.stack([_resample_lead(x, record.fs, fs, n_out) for x in record.signal])
    return replace(record, signal=signal, fs=float(fs))


def _resample_lead(x: NDArray[np.float32], fs_in: float, fs_out: float, n_out: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    out = np.full(n_out, np.nan, dtype=np.float32)
    present = np.isfinite(x)
    if not present.any():
        return out
    # 1e-4 relative is finer than any ECG clock, and keeps the filter short for odd rates such as 257 Hz.
    ratio = Fraction(fs_out / fs_in).limit_denominator(10_000)
    # Hold the nearest present sample through the gaps: no step at their edges, so nothing rings into them.
    index = np.flatnonzero(present)
    after = np.searchsorted(index, np.arange(x.size)).clip(0, index.size - 1)
    before = (after - 1).clip(0)
    at = np.arange(x.size)
    nearest = np.where(np.abs(index[before] - at) <= np.abs(index[after] - at), index[before], index[after])
    y = resample_poly(x[nearest].astype(np.float64), ratio.numerator, ratio.denominator, padtype="line")
    n = min(n_out, y.size)
    source = np.arange(n) * fs_in / fs_out  # position of each new sample among the old ones
    inside = present[np.rint(source).astype(int).clip(0, x.size - 1)]
    out[:n][inside] = y[:n][inside]
    return out


def complete_limb_leads(record: ECGRecord) -> ECGRecord:
    """Record with every limb lead that two others determine at the same instant.

    Samples that are present stay as they are; only missing ones are filled, from the first two limb leads (in the
    standard order) that are present there.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    ECGRecord
        Same samples, with the six limb leads in standard order ahead of the others.
    """
    limb = tuple(_LIMB_WEIGHTS)
    full = select(record, limb + tuple(lead for lead in record.leads if lead not in limb))
    signal = np.array(full.signal, dtype=np.float64)
    given = np.isfinite(signal[: len(limb)])
    weights = np.array([_LIMB_WEIGHTS[lead] for lead in limb])
    for a in range(len(limb)):
        for b in range(a + 1, len(limb)):
            both = given[a] & given[b]
            basis = np.linalg.solve(weights[[a, b]], signal[[a, b]][:, both])  # I and II
            for row in range(len(limb)):
                x = signal[row, both]
                signal[row, both] = np.where(np.isfinite(x), x, weights[row] @ basis)
    return replace(full, signal=signal.astype(np.float32))


@dataclass(frozen=True)
class LimbResidual:
    """How far the limb leads break their algebra.

    Parameters
    ----------
    einthoven_mv : float
        RMS of II - (I + III) in mV, after removing each lead's own mean; NaN where the three never coincide.
    goldberger_mv : float
        RMS of aVR + aVL + aVF in mV, likewise.
    r : float
        Pearson correlation of II with I + III; NaN where they never coincide.
    """

    einthoven_mv: float
    goldberger_mv: float
    r: float


def limb_residual(record: ECGRecord, min_s: float = 1.0) -> LimbResidual:
    """Check Einthoven's and Goldberger's laws where the leads are simultaneous.

    The mean is removed because paper has no zero line: every lead is read up to a constant.

    Parameters
    ----------
    record : ECGRecord
    min_s : float
        Least number of seconds of overlap for an answer.

    Returns
    -------
    LimbResidual
    """
    limb = select(record, tuple(_LIMB_WEIGHTS)).signal.astype(np.float64)
    one, two, three, avr, avl, avf = limb
    least = max(2, round(min_s * record.fs))
    r = float("nan")
    both = np.isfinite(one + two + three)
    if both.sum() >= least and np.ptp(two[both]) > 0 and np.ptp((one + three)[both]) > 0:
        r = float(np.corrcoef(two[both], (one + three)[both])[0, 1])
    return LimbResidual(_rms_about_mean(two - one - three, least), _rms_about_mean(avr + avl + avf, least), r)


def _rms_about_mean(x: ArrayLike, least: int) -> float:
    values = np.asarray(x)[np.isfinite(x)]
    return float(np.std(values)) if values.size >= least else float("nan")
