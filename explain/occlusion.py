"""Occlusion: how far the answer falls when a wave of a lead is taken away.

Zeiler & Fergus, ECCV 2014, DOI 10.1007/978-3-319-10590-1_53, with patches that a reader knows instead of squares: each
of P, QRS, ST, T and the rest of one lead, in all beats at once, is replaced by straight lines between its ends. The
fall of the logit stands on every sample of the patch, divided by their number, so that a patch's values sum to its
fall. Trees lose the features of that lead and wave, which become the training records' medians.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg.record import LEADS
from explain.anatomy import WAVES, wave_labels
from explain.features import feature_waves, names_of
from explain.result import Map
from explain.subject import Subject
from explain.view import BEAT_START_S, View

__all__ = ["occlusion"]

Float32 = NDArray[np.float32]
Labels = NDArray[np.int8]

#: Length in seconds of the patches where no beat is found.
_PATCH_S = 0.2
_NO_BEATS = "no beats were delineated: the patches are 0.2 s long"


def occlusion(subject: Subject, view: View, target: int) -> Map:
    """Fall of the target's logit when a wave of a lead is taken away.

    Parameters
    ----------
    subject : Subject
        Any model, trees too.
    view : View
    target : int

    Returns
    -------
    Map
        Signed: positive where taking it away speaks against the target.
    """
    if subject.entry.kind == "forest":
        return _of_features(subject, view, target)
    labels = _labels(view)
    n = view.signal.shape[1]
    patches = [(row, labels[row] == k) for row in range(len(view.leads)) for k in np.unique(labels[row])]
    patches = [(row, here & view.shown[row]) for row, here in patches]
    patches = [(row, here) for row, here in patches if here.any()]
    values = np.zeros((len(view.leads), n), dtype=np.float32)
    before = subject.logits(view.x[None], target, view.extra)[0]
    for start in range(0, len(patches), 32):
        batch = patches[start : start + 32]
        change = np.zeros((len(batch), len(view.leads), n), dtype=np.float32)
        for k, (row, here) in enumerate(batch):
            change[k, row] = _bridged(view.signal[row], here) - np.nan_to_num(view.signal[row])
        after = subject.logits(view.changed(change), target, view.extra)
        for (row, here), fall in zip(batch, before - after, strict=True):
            values[row, here] = fall / here.sum()
    known = np.unique(labels).max() < len(WAVES)
    return Map(values, steps=len(patches) + 1, notes=() if known else (_NO_BEATS,))


def _labels(view: View) -> Labels | NDArray[np.intp]:
    """Wave of every sample of the input; numbered patches from `len(WAVES)` on where no beat is known."""
    n = view.signal.shape[1]
    if view.frame == "beat":
        return _beat_labels(view, n)
    labels = wave_labels(view.record, view.fs, n, view.leads)
    if labels.any():
        return labels
    numbered = len(WAVES) + np.arange(n) // max(1, round(_PATCH_S * view.fs))
    return np.broadcast_to(numbered, (len(view.leads), n))


def _beat_labels(view: View, n: int) -> Labels:
    """Labels of a median beat: at each of its moments the wave that most typical beats have there."""
    on_record = wave_labels(view.record, view.fs, round(view.record.duration_s * view.fs), view.leads)
    from explain.view import typical_beats

    votes = np.zeros((len(WAVES), len(view.leads), n))
    for lead, times in typical_beats(view.record).items():
        row = view.leads.index(lead)
        for start in np.rint((times + BEAT_START_S) * view.fs).astype(int):
            at = np.arange(n) + start
            inside = (at >= 0) & (at < on_record.shape[1])
            votes[on_record[row, at[inside]], row, np.flatnonzero(inside)] += 1
    return np.asarray(votes.argmax(axis=0), dtype=np.int8)


def _bridged(x: Float32, here: NDArray[np.bool_]) -> Float32:
    """Lead with straight lines in place of what is taken away; where nothing is left, its median."""
    y = np.nan_to_num(x)
    rest = np.flatnonzero(np.isfinite(x) & ~here)
    at = np.flatnonzero(here)
    y[at] = np.interp(at, rest, x[rest]) if rest.size else np.median(x[at])
    return y


def _of_features(subject: Subject, view: View, target: int) -> Map:
    """Falls of trees [leads, waves]; what is measured on the whole record is shared by all leads alike."""
    groups = feature_waves(names_of(view))
    x = np.repeat(view.x[None], len(groups) + 1, axis=0)
    for row, places in zip(x[1:], groups.values(), strict=True):
        row[places] = np.nan
    answers = subject.logits(x, target, view.extra)
    values = np.zeros((len(LEADS), len(WAVES)), dtype=np.float32)
    for (lead, wave), fall in zip(groups, answers[0] - answers[1:], strict=True):
        column = WAVES.index(wave)
        if lead:
            values[LEADS.index(lead), column] += fall
        else:
            values[:, column] += fall / len(LEADS)
    return Map(values, steps=len(x), notes=("trees: features of a lead and wave replaced by their medians",))
