"""Whether a pacemaker drives the heart: by what the file says, or by its spikes.

A pacing pulse lasts 2 ms at most (so the pulses that recorders are tested with, IEC 60601-2-25) and stands on the
recording as a spike of a few samples in several leads at once; nothing that the heart does is as narrow. Recorders at
250 Hz and slower smooth it away, so that only the file can tell there.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ecg.record import ECGRecord

__all__ = ["pacemaker_reason", "pacing_spikes"]

#: Slowest rate in Hz at which a pulse still is a spike: 2 ms are one sample.
_LEAST_FS = 450.0
#: A spike is over within this many seconds on either side, and the trace is level from there to the second time.
_OVER_S, _LEVEL_S = 0.006, 0.014
#: Least height in mV, and in multiples of what the trace moves once the spike is over: the peak of an R wave goes on.
_LEAST_MV, _LEAST_RATIO = 0.15, 1.5
#: Leads that must show a spike at once, and spikes within a record. Chosen on records of PTB-XL at 500 Hz, folds 1-9:
#: found in 29 of 31 with the statement PACE and in 1 of 800 others; three leads or 0.1 mV find as many of the former
#: and ten times as many of the latter.
_LEAST_LEADS, _LEAST_SPIKES = 4, 3
_STATED = re.compile(r"\b(?:pacemaker|paced|pacing|pace)\b", re.I)
_DENIED = re.compile(r"\b(?:no|not|without|kein(?:en)?)\b[^.;,]{0,20}\b(?:pacemaker|paced|pacing|pace)\b", re.I)


def pacing_spikes(record: ECGRecord) -> NDArray[np.float64]:
    """Find the times of pacing spikes.

    Parameters
    ----------
    record : ECGRecord
        At 450 Hz or faster; slower ones have none.

    Returns
    -------
    float64 array [spikes]
        Seconds; a spike that fewer than four leads show (all, where there are fewer) does not count.
    """
    if record.fs < _LEAST_FS:
        return np.zeros(0)
    x = np.nan_to_num(np.asarray(record.signal, dtype=np.float64))
    over, level = (round(seconds * record.fs) for seconds in (_OVER_S, _LEVEL_S))
    if x.shape[1] <= 2 * level:
        return np.zeros(0)
    now = x[:, level:-level]

    def at(shift: int) -> NDArray[np.float64]:
        return np.asarray(x[:, level + shift : x.shape[1] - level + shift])

    before, after = now - at(-over), now - at(over)
    height = np.where(np.sign(before) == np.sign(after), np.minimum(abs(before), abs(after)), 0)
    moved = np.maximum(abs(at(-over) - at(-level)), abs(at(over) - at(level)))
    tall = (height > _LEAST_MV) & (height > _LEAST_RATIO * moved)
    # Filters may shift a spike by a sample between leads.
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    together = wide.sum(axis=0) >= min(_LEAST_LEADS, len(record.leads))
    starts = np.flatnonzero(together & ~np.r_[False, together[:-1]])
    # Two spikes of one beat (atrium and ventricle) are 0.1 s apart and more; what is nearer is one spike's ringing.
    apart = np.r_[True, np.diff(starts) > 0.05 * record.fs] if starts.size else np.zeros(0, dtype=bool)
    return np.asarray((starts[apart] + level) / record.fs)


def pacemaker_reason(record: ECGRecord) -> str:
    """Why a record is taken for paced.

    Parameters
    ----------
    record : ECGRecord
        Statements are sought in ``meta["comments"]`` and ``meta["statements"]``.

    Returns
    -------
    str
        Empty where nothing speaks for a pacemaker.

    Examples
    --------
    >>> pacemaker_reason(ECGRecord(np.zeros((1, 500)), 100, ("II",), {"comments": ("ventricular pacing",)}))
    'the file states a pacemaker'
    """
    for name in ("comments", "statements"):
        for text in record.meta.get(name, ()):
            if _STATED.search(str(text)) and not _DENIED.search(str(text)):
                return "the file states a pacemaker"
    spikes = pacing_spikes(record)
    if spikes.size >= _LEAST_SPIKES:
        return f"{spikes.size} pacing spikes were found"
    return ""
