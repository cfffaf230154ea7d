"""Synthetic hearts to learn from: what they have is exact, and where it shows is known.

Records tell that there is an infarction, not where it shows. A network finds it by whatever goes with it, most of it in
the QRS complex; these hearts, drawn from one population with and without a finding, leave nothing but the finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.augment import crop
from classify.inputs import INDEPENDENT_LEADS, InputSpec, to_extra
from classify.labels import Task, target_table
from classify.pages import synthetic_item
from classify.sets import LabelledSet
from ecg.errors import OptionsError
from ecg.record import LEADS, ECGRecord
from ecg.territories import TERRITORY_LEADS

__all__ = ["Hearts", "drawn_hearts", "where_it_shows"]

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

#: Hearts that are drawn; a network that sees a dozen in each batch meets each of them some four times.
_DRAWN = 4000
#: Shares of acute infarctions and of normal hearts; the others are of any kind.
_INFARCTIONS, _NORMAL = 0.4, 0.3


@dataclass(frozen=True, eq=False)
class Hearts:
    """Hearts with their answers.

    Parameters
    ----------
    known : LabelledSet
    targets : float32 array [n, outputs]
        NaN where unknown.
    truth : bool array [n, 12, samples]
        Where the finding shows on the standard leads; nowhere for hearts of which that is not said.
    """

    known: LabelledSet
    targets: Float32
    truth: Bool

    def lesson(
        self, n: int, samples: int | None, rng: np.random.Generator
    ) -> tuple[Float32, Float32, Float32, NDArray[np.bool_]]:
        """Draw some of them.

        Parameters
        ----------
        n : int
        samples : int or None
            Length of the stretch, the same of all; None for all of it.
        rng : numpy.random.Generator

        Returns
        -------
        x : float32 array [n, *spec.shape]
        y : float32 array [n, outputs]
        extra : float32 array [n, 4]
        truth : bool array [n, 12, samples]
        """
        rows = rng.choice(len(self.known), n, replace=False)
        x, truth = self.known.inputs(rows), self.truth[rows]
        if samples is not None:
            # Both are cut as one array, so at the same places.
            both = crop(np.concatenate([x, truth.astype(np.float32)], axis=1), samples, rng)
            x, truth = both[:, : x.shape[1]], both[:, x.shape[1] :] > 0.5
        return np.ascontiguousarray(x), self.targets[rows], self.known.extra[rows], np.ascontiguousarray(truth)


def drawn_hearts(tasks: Sequence[Task], outputs: int, spec: InputSpec, seed: int, n: int = _DRAWN) -> Hearts:
    """Draw hearts: acute infarctions of each wall, normal hearts and hearts of any kind.

    Parameters
    ----------
    tasks : sequence of Task
        In the order of the network's outputs.
    outputs : int
        Of the network; those behind the tasks' own are unknown.
    spec : InputSpec
        Of a network that reads the eight independent leads.
    seed : int
    n : int

    Returns
    -------
    Hearts

    Raises
    ------
    OptionsError
        If the network takes something else.
    """
    from synth.physiology import sample_physiology, synthesize_record

    if spec.kind != "paper" or spec.leads != INDEPENDENT_LEADS:
        raise OptionsError("hearts are drawn for networks that read the independent leads; this one takes other inputs")
    records, items = [], []
    for k in range(n):
        rng = np.random.default_rng([seed, k])
        kind = _kind(rng)
        records.append(synthesize_record(sample_physiology(rng, kind), spec.fs))
        items.append(synthetic_item({"index": str(k), "patient_id": "", "fold": "", "labels": kind}))
    answers = {task.name: target_table(tuple(items), task) for task in tasks}
    told = np.concatenate(list(answers.values()), axis=1)
    unknown = np.full((n, outputs - told.shape[1]), np.nan, dtype=np.float32)
    known = LabelledSet(
        ids=tuple(str(k) for k in range(n)),
        patients=tuple(str(k) for k in range(n)),
        folds=("",) * n,
        signals=np.stack([record.signal for record in records]).astype(np.float16),
        leads=LEADS,
        fs=spec.fs,
        ready=None,
        spec=spec,
        answers=answers,
        extra=np.stack([to_extra(None, None)] * n),
    )
    return Hearts(known, np.concatenate([told, unknown], axis=1), np.stack([where_it_shows(r) for r in records]))


def _kind(rng: np.random.Generator) -> str:
    """Kind of the next heart."""
    from synth.physiology.sampling import sample_kind

    u = rng.random()
    if u < _INFARCTIONS:
        return f"ami_{rng.choice(sorted(TERRITORY_LEADS))}"
    return "norm" if u < _INFARCTIONS + _NORMAL else sample_kind(rng)


def where_it_shows(record: ECGRecord) -> Bool:
    """Where a synthetic record shows its finding.

    Parameters
    ----------
    record : ECGRecord
        With ``meta["labels"]`` and ``meta["waves"]`` of the generator.

    Returns
    -------
    bool array [leads, samples]
        ST and T, on the leads that face the wall of its acute infarction; nowhere for other findings, and for two at
        once.
    """
    out = np.zeros(record.signal.shape, dtype=bool)
    labels = record.meta["labels"]
    if len(labels) == 1 and labels[0].startswith("ami_"):
        facing = np.isin(record.leads, TERRITORY_LEADS[labels[0].removeprefix("ami_")])
        out[facing] = _repolarisation(record.meta["waves"], record)
    return out


def _repolarisation(waves: Sequence[Mapping[str, Any]], record: ECGRecord) -> Bool:
    """From the end of each QRS complex to the end of its T wave, without the complexes that run into that."""
    row = np.zeros(record.n_samples, dtype=bool)
    for marks in waves:
        if marks["t_offset_s"] is not None:
            row[_span(marks["qrs_offset_s"], marks["t_offset_s"], record.fs)] = True
    for marks in waves:
        row[_span(marks["qrs_onset_s"], marks["qrs_offset_s"], record.fs)] = False
    return row


def _span(start_s: float, stop_s: float, fs: float) -> slice:
    return slice(max(0, round(start_s * fs)), max(0, round(stop_s * fs)))
