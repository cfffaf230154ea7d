"""P, QRS and T of every beat in every lead.

QRS bounds are those of `ecg.beats`. P and T waves come from NeuroKit2's wavelet delineation (Makowski et al., Behav Res
2021;53:1689-1696, after Martínez et al., IEEE TBME 2004;51:570-581), which reports waves that are not there, and not
those that point down: it is shown the lead's representative beat both ways up, and a wave is kept only if it stands out
of that beat. A wave at no steady distance from the QRS averages out. Above about 130 beats a minute T runs into P, and
neither end is given.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecg.beats import (
    WORK_RATE_HZ,
    Beats,
    RepresentativeBeat,
    find_beats,
    lead_groups,
    low_passed,
    representative_beat,
)
from ecg.record import ECGRecord, resample

__all__ = ["BeatWaves", "beat_waves", "delineate"]

_Array = NDArray[np.float64]
_NAN = float("nan")

#: Least height in mV of a P or T wave in the representative beat: a fifth of the smallest square; and as a multiple
#: of the noise that is left there.
_LEAST_WAVE_MV, _LEAST_WAVE_NOISE = 0.02, 4.0
#: Share of its height that a wave keeps in the mean beat: one that is there in half the beats has half of it.
_LEAST_STEADY = 0.7
#: Least cycle in seconds of the strip that the delineation is shown: it loses the T waves of quicker hearts.
_CYCLE_S = 0.8
#: The representative beat is repeated for so many seconds and at least so often for the delineation, which refuses
#: strips of less than 4 s; more repeats tell nothing new and cost as much each.
_STRIP_S, _LEAST_REPEATS = 4.2, 5


@dataclass(frozen=True)
class BeatWaves:
    """Waves of one beat in one lead, in seconds from the start of the record; NaN for what is not there.

    Times other than the peak are those of the representative beat, so an untypical beat has none.

    Parameters
    ----------
    peak_s, qrs_onset_s, qrs_offset_s : float
        QRS; its bounds are those of all leads that show the beat.
    p_onset_s, p_peak_s, p_offset_s, t_onset_s, t_peak_s, t_offset_s : float
    """

    peak_s: float
    qrs_onset_s: float = _NAN
    qrs_offset_s: float = _NAN
    p_onset_s: float = _NAN
    p_peak_s: float = _NAN
    p_offset_s: float = _NAN
    t_onset_s: float = _NAN
    t_peak_s: float = _NAN
    t_offset_s: float = _NAN


def delineate(record: ECGRecord) -> Mapping[str, tuple[BeatWaves, ...]]:
    """Waves of every beat in every lead.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    mapping lead -> tuple of BeatWaves
        Leads without a recognisable beat are not in it.
    """
    work = resample(record, WORK_RATE_HZ)
    out: dict[str, tuple[BeatWaves, ...]] = {}
    for group in lead_groups(work):
        beats = find_beats(work, group)
        if beats.peak_s.size:
            for lead, waves in beat_waves(representative_beat(work, beats), beats).items():
                out[lead] = _placed(beats, waves)
    return MappingProxyType({lead: out[lead] for lead in record.leads if lead in out})


def _placed(beats: Beats, waves: Mapping[str, float]) -> tuple[BeatWaves, ...]:
    """Waves of the representative beat at every typical beat."""
    offsets = {"qrs_onset_s": beats.onset_s, "qrs_offset_s": beats.offset_s, **waves}
    return tuple(
        BeatWaves(float(peak), **({name: float(peak) + v for name, v in offsets.items()} if typical else {}))
        for peak, typical in zip(beats.peak_s, beats.typical, strict=True)
    )


def beat_waves(beat: RepresentativeBeat, beats: Beats) -> dict[str, dict[str, float]]:
    """P and T of a representative beat.

    Parameters
    ----------
    beat : RepresentativeBeat
    beats : Beats
        The beats that it stands for.

    Returns
    -------
    dict lead -> dict
        ``p_onset_s, p_peak_s, p_offset_s, t_onset_s, t_peak_s, t_offset_s`` in seconds from the QRS peak; what is
        not believable is not in it.
    """
    return {lead: _waves(beat, row, beats) for row, lead in enumerate(beat.leads)}


def _waves(beat: RepresentativeBeat, row: int, beats: Beats) -> dict[str, float]:
    raw = beat.signal[row]
    smooth, mean = low_passed(raw), low_passed(beat.mean[row])
    noise = 1.4826 * float(np.median(np.abs(raw - smooth)))
    best: dict[str, tuple[float, tuple[float, float, float]]] = {}
    for way_up in (1.0, -1.0):  # waves that point down are found in the beat turned over
        shape = np.ascontiguousarray(way_up * raw, dtype=np.float64)
        for wave, three in _wavelet_waves(shape.tobytes(), beat.peak).items():
            if not (_in_place(wave, three, beats) and _inside(three, beat)):
                continue
            at = [beat.at(v) for v in (*three, beats.onset_s)]
            height = _height(way_up * smooth, at)
            if _height(way_up * mean, at) < _LEAST_STEADY * height:
                continue
            if height >= max(_LEAST_WAVE_MV, _LEAST_WAVE_NOISE * noise, best.get(wave, (0.0,))[0]):
                best[wave] = (height, three)
    names = ("onset", "peak", "offset")
    return {f"{w}_{n}_s": v for w, (_, three) in best.items() for n, v in zip(names, three, strict=True)}


def _height(x: _Array, at: list[int]) -> float:
    """Height of a wave's peak over the line between its ends, or over the level at the QRS's onset if that is less.

    Between two waves the line from one to the other runs high over the level: a dip there is no wave.
    """
    onset, peak, offset, level = (float(x[i]) for i in at)
    return min(peak - 0.5 * (onset + offset), peak - level)


def _in_place(wave: str, three: tuple[float, float, float], beats: Beats) -> bool:
    """Whether P ends by the start of the QRS, or T starts after its end; 10 ms of slack for bounds of other leads."""
    onset, peak, offset = three
    if not (onset < peak < offset and math.isfinite(beats.onset_s + beats.offset_s)):
        return False
    if wave == "p":
        return not (offset > beats.onset_s + 0.01 or peak > beats.onset_s)
    return not onset < beats.offset_s - 0.01


def _inside(three: tuple[float, float, float], beat: RepresentativeBeat) -> bool:
    """Whether a wave begins and ends within the beat: one that is cut at its end runs into the next beat's."""
    first, last = -beat.peak + 1, beat.signal.shape[1] - beat.peak - 1
    return first < three[0] * WORK_RATE_HZ and three[2] * WORK_RATE_HZ < last


@lru_cache(maxsize=64)
def _wavelet_waves(shape: bytes, zero: int) -> Mapping[str, tuple[float, float, float]]:
    """Onset, peak and offset of P and T by NeuroKit2, in seconds from the peak, of a beat repeated into a strip.

    The beat comes as the bytes of float64 samples, so that one that was delineated for the intervals is not delineated
    again for the explanation: it takes 50 ms. 64 hold the beats of twelve leads of two records, either way up.
    """
    beat = np.frombuffer(shape)
    n = beat.size
    # A straight line through its own ends is taken off, so that the strip has no steps; a quick heart gets pauses.
    level = np.concatenate(
        [beat - np.linspace(beat[0], beat[-1], n), np.zeros(max(0, round(_CYCLE_S * WORK_RATE_HZ) - n))]
    )
    repeats = max(_LEAST_REPEATS, math.ceil(_STRIP_S * WORK_RATE_HZ / level.size))
    strip = np.tile(level, repeats)
    peaks = zero + level.size * np.arange(repeats)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        import neurokit2

        try:
            _, found = neurokit2.ecg_delineate(strip, peaks, sampling_rate=int(WORK_RATE_HZ), method="dwt")
        except Exception:
            return MappingProxyType({})
    out = {}
    for wave in ("p", "t"):
        three = []
        for part in ("Onsets", "Peaks", "Offsets"):
            at = np.asarray(found.get(f"ECG_{wave.upper()}_{part}", ()), dtype=np.float64)
            distance = at - peaks if at.size == peaks.size else np.empty(0)
            known = distance[np.isfinite(distance)]
            three.append(float(np.median(known)) / WORK_RATE_HZ if known.size >= repeats // 2 else _NAN)
        out[wave] = (three[0], three[1], three[2])
    return MappingProxyType(out)
