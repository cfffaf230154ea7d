"""What a model was shown of a record, and how that goes back to the leads that a person sees.

A network that takes eight independent leads gets I and II, which the six limb leads of a paper all tell. It is
explained as a function of the leads that are shown: at each instant I and II are the least-squares estimate from all
limb leads that are shown there, x = A⁺ y, each lead counted by its gain (an augmented lead is 0.87 of a bipolar one in
its direction). As those leads keep the algebra of Einthoven and Goldberger, this is the very input that the network
got; and by the chain rule a gradient g on the rows becomes (A⁺)ᵀ g on the leads. Lead times attribution sums to the
same value as row times attribution; with all six leads shown each has the squared cosine of its angle to what decides,
so a pattern that points along III is told by III. Chest leads, and leads that a network takes as they are, carry what
they carry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.inputs import InputSpec, to_input
from classify.resampling import resampled
from ecg.beats import WORK_RATE_HZ, find_beats, lead_groups
from ecg.limb import LIMB_FROM_I_II, limb_estimate
from ecg.record import LEADS, ECGRecord, resample, select

__all__ = ["BEAT_START_S", "View", "typical_beats", "view_of"]

Float32 = NDArray[np.float32]
Float = NDArray[np.float64]

#: A median beat starts so many seconds before the middle of its QRS (`classify.morphology.median_beat`).
BEAT_START_S = -0.3
_N_LIMB = len(LIMB_FROM_I_II)


@dataclass(frozen=True, eq=False)
class View:
    """Input of a model beside the leads that it was made of.

    Parameters
    ----------
    x : float32 array
        One input of the model, of its spec's shape.
    extra : float32 array [4] or None
        Age and sex.
    leads : tuple of str
        Standard leads.
    fs : float
        Rate in Hz of ``signal`` and of the input's rows.
    signal : float32 array [leads, samples]
        The leads as the model sees them, in the units of its input; NaN where they are not shown.
    carry : float32 array [rows, leads, samples]
        How much of each lead goes into each row of the input; rows of presence are not among them.
    record : ECGRecord
        What it was made of.
    spec : InputSpec
    frame : str
        ``"record"``, or ``"beat"`` where the input is a median beat.
    """

    x: Float32
    extra: Float32 | None
    leads: tuple[str, ...]
    fs: float
    signal: Float32
    carry: Float32
    record: ECGRecord
    spec: InputSpec
    frame: str = "record"

    @property
    def of_features(self) -> bool:
        """Whether the input is numbers measured on the record, which have a lead and a wave, but no samples."""
        return self.spec.kind in ("features", "patterns")

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Where each lead is shown [leads, samples]."""
        return np.isfinite(self.signal)

    def rows(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """Rows of signal of an input or of a gradient on it [..., rows, samples], without those of presence."""
        return np.asarray(x).reshape(*x.shape[: x.ndim - self.x.ndim], -1, self.x.shape[-1])[..., : len(self.carry), :]

    def seen(self, x: Float32) -> Float32:
        """Leads of another input of the same record, as ``signal`` holds them: `changed` of them makes that input."""
        return _seen(x, self.shown, self.carry, self.spec)

    def back(self, gradient: NDArray[np.floating]) -> Float32:
        """Carry a gradient on the input back to the leads.

        Parameters
        ----------
        gradient : float array of the input's shape

        Returns
        -------
        float32 array [leads, samples]
            0 where a lead is not shown.
        """
        out: Float32 = np.einsum("rn,rln->ln", self.rows(gradient), self.carry).astype(np.float32)
        return out

    def changed(self, change: NDArray[np.floating]) -> Float32:
        """Make inputs from changed leads.

        Parameters
        ----------
        change : float array [n, leads, samples]
            What is added to the leads, in the units of the input.

        Returns
        -------
        float32 array [n, *input]
        """
        x = np.repeat(self.x[None], len(change), axis=0)
        self.rows(x)[:] += np.einsum("kln,rln->krn", change, self.carry)
        return x

    def on_record(self, values: NDArray[np.floating]) -> Float32:
        """Values of the input's time on the record's time.

        A map of a median beat is laid over every beat that the median was taken of, and where two overlap the mean
        stands.

        Parameters
        ----------
        values : float array [leads, samples]

        Returns
        -------
        float32 array [leads, samples of the record at `fs`]
        """
        if self.frame == "record":
            return np.asarray(values, dtype=np.float32)
        n = round(self.record.duration_s * self.fs)
        total, count = np.zeros((len(self.leads), n)), np.zeros((len(self.leads), n))
        for lead, times in typical_beats(self.record).items():
            row = self.leads.index(lead)
            for start in np.rint((times + BEAT_START_S) * self.fs).astype(int):
                at = np.arange(values.shape[1]) + start
                inside = (at >= 0) & (at < n)
                total[row, at[inside]] += values[row, inside]
                count[row, at[inside]] += 1
        return np.asarray(total / np.maximum(count, 1), dtype=np.float32)


def view_of(record: ECGRecord, spec: InputSpec, extra: Float32 | None = None) -> View:
    """Make a model's input and remember how.

    Parameters
    ----------
    record : ECGRecord
    spec : InputSpec
    extra : float32 array [4], optional

    Returns
    -------
    View

    Raises
    ------
    ModelError
        As `classify.inputs.to_input`.
    """
    x = to_input(record, spec)
    if spec.kind in ("features", "patterns"):
        empty = np.zeros((0, len(LEADS), 0), dtype=np.float32)
        return View(x, extra, LEADS, spec.fs, np.zeros((len(LEADS), 0), np.float32), empty, record, spec)
    if spec.kind == "beat":
        there = [lead in spec.leads and bool(np.isfinite(select(record, [lead]).signal).any()) for lead in LEADS]
        shown = np.repeat(np.array(there)[:, None], spec.n_samples, axis=1)
        carry = np.stack([np.eye(len(LEADS), dtype=np.float32)[LEADS.index(lead)] for lead in spec.leads])
        carry = carry[:, :, None] * shown[None].astype(np.float32)
        return View(x, extra, LEADS, spec.fs, _seen(x, shown, carry, spec), carry, record, spec, "beat")
    shown = _shown(record, spec)
    carry = _carry(shown, spec)
    return View(x, extra, LEADS, spec.fs, _seen(x, shown, carry, spec), carry, record, spec)


def _shown(record: ECGRecord, spec: InputSpec) -> NDArray[np.bool_]:
    """Where each standard lead is shown, on the input's time."""
    there = np.isfinite(resampled(select(record, LEADS).signal, record.fs, spec.fs))
    out = np.zeros((len(LEADS), spec.n_samples), dtype=bool)
    n = min(spec.n_samples, there.shape[1])
    out[:, :n] = there[:, :n]
    return out


def _carry(shown: NDArray[np.bool_], spec: InputSpec) -> Float32:
    """Weight of every lead in every row at every sample."""
    out = np.zeros((len(spec.leads), len(LEADS), shown.shape[1]), dtype=np.float32)
    for row, lead in enumerate(spec.leads):
        column = LEADS.index(lead)
        # What a network takes as it is, and chest leads: nothing else tells them.
        out[row, column] = shown[column]
    patterns, which = np.unique(shown[:_N_LIMB], axis=1, return_inverse=True)
    for k, there in enumerate(patterns.T):
        if there.sum() < 2:  # any two limb leads tell both dimensions
            continue
        estimate = limb_estimate(there)
        here = which.reshape(-1) == k
        for row, lead in enumerate(spec.leads):
            place = LEADS.index(lead)
            if place < _N_LIMB and (spec.kind == "paper" or not there[place]):
                out[row, :_N_LIMB, here] = LIMB_FROM_I_II[place] @ estimate
    return out


def _seen(x: Float32, shown: NDArray[np.bool_], carry: Float32, spec: InputSpec) -> Float32:
    """Leads in the units of the input, so that `carry` makes the input of them."""
    rows = x.reshape(-1, x.shape[-1])[: len(spec.leads)]
    signal = np.full(shown.shape, np.nan, dtype=np.float32)
    for row, lead in enumerate(spec.leads):
        signal[LEADS.index(lead)] = rows[row]
    if spec.kind == "paper" and {"I", "II"} <= set(spec.leads):
        two = rows[[spec.leads.index("I"), spec.leads.index("II")]]
        known = carry[:, :_N_LIMB].any(axis=(0, 1))
        signal[2:_N_LIMB] = np.where(known, LIMB_FROM_I_II[2:] @ two, np.nan)
    signal[~shown] = np.nan
    return signal


def typical_beats(record: ECGRecord) -> dict[str, Float]:
    """Middle of the QRS of each lead's typical beats, in seconds, as `classify.morphology.median_beat` takes them."""
    work = resample(record, WORK_RATE_HZ)
    found = [find_beats(work, group) for group in lead_groups(work)]
    found = [beats for beats in found if beats.peak_s.size and beats.typical.any()]
    own = {lead: beats for beats in found for lead in beats.group.leads}
    out: dict[str, Float] = {}
    for lead in LEADS:
        beats = own.get(lead, found[0] if found else None)
        if beats is not None:
            middle = (beats.onset_s + beats.offset_s) / 2
            out[lead] = beats.peak_s[beats.typical] + (middle if np.isfinite(middle) else 0.0)
    return out
