"""When the heart beats: sinus rhythm, fibrillation, flutter and pacing, with premature beats and pauses in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.physiology.dipole import Placed
from synth.variability import sinus_intervals

__all__ = ["RHYTHMS", "AtrialWaves", "Event", "atrial_dipole", "beat_times"]

_Array = NDArray[np.float64]

#: Rhythms that a record can have.
RHYTHMS = ("sinus", "afib", "aflutter", "paced")

#: Share of a mean interval after a premature beat in which the next beat of the rhythm finds the ventricle refractory.
_REFRACTORY = 0.55
#: After an atrial premature beat the sinus node starts anew and takes a little longer than usual
#: (Surawicz & Knilans, Chou's Electrocardiography, 6th ed., chapter 15): intervals.
_RESET = 1.05
#: QT follows each single interval by about 0.12 s a second, and no further than so many seconds; much less than it
#: follows the rate (Franz et al., J Clin Invest 1988;82:972-979: the adaptation takes minutes).
_T_LAG, _T_LAG_LIMIT_S = 0.12, 0.03
#: No interval between conducted beats is shorter, in s: the AV node lets no more than about 200 a minute through.
_LEAST_RR_S = 0.3


@dataclass(frozen=True)
class AtrialWaves:
    """Waves of an atrium that does not rest between beats.

    Parameters
    ----------
    frequency_hz : float
        Waves a second: fibrillation 5.5 to 8.5, flutter 4 to 5.5.
    swing_hz, swing_rate_hz : float
        Standard deviation of the frequency, 0 for flutter, and how often it changes, both in Hz.
    size_swing : float
        Standard deviation of the amplitude, as a share.
    harmonics : tuple of float
        Amplitudes of the sines at multiples of the frequency; 1, 1/2, 1/3 … is a sawtooth.
    vector, across : tuple of three float
        Amplitude in mV on x, y, z in phase, and a quarter of a cycle later: the wave front turns.
    """

    frequency_hz: float
    swing_hz: float
    swing_rate_hz: float
    size_swing: float
    harmonics: tuple[float, ...]
    vector: tuple[float, float, float]
    across: tuple[float, float, float]


@dataclass(frozen=True)
class Event:
    """A premature beat, a run of them, or a pause.

    Parameters
    ----------
    at_s : float
        The last beat of the rhythm before this time is the one that it follows.
    code : str
        ``"V"``, ``"A"`` or ``"pause"``.
    coupling : float
        First premature beat after the beat before, or length of a pause, in mean intervals.
    count : int
        Beats of a run.
    interval_s : float
        Seconds between the beats of a run.
    every : int
        If above 0, from then on each so many-th beat is premature: 2 is bigeminy, 3 trigeminy.
    """

    at_s: float
    code: str
    coupling: float
    count: int = 1
    interval_s: float = 0.4
    every: int = 0


def beat_times(
    rng: np.random.Generator,
    rhythm: str,
    rate_bpm: float,
    duration_s: float,
    *,
    sdnn_s: float,
    lf_hf: float,
    resp_hz: float,
    events: Sequence[Event] = (),
    flutter: tuple[float, tuple[int, ...]] = (5.0, (4,)),
) -> tuple[Placed, ...]:
    """Beats from before the record to after it.

    Parameters
    ----------
    rng : numpy.random.Generator
    rhythm : str
        One of `RHYTHMS`.
    rate_bpm, duration_s : float
        Mean rate in 1/min and length in s.
    sdnn_s, lf_hf, resp_hz : float
        As for `synth.variability.sinus_intervals`; fibrillation takes ``sdnn_s`` as the spread of its intervals.
    events : sequence of Event
    flutter : (frequency in Hz, ratios)
        Flutter waves a second and how many of them there are a beat; one ratio is drawn for each beat.

    Returns
    -------
    tuple of Placed
    """
    rr = 60.0 / rate_bpm
    # Pauses push later beats out of the record: the rhythm is laid out for their lengths too.
    reach = duration_s + 2 * rr + sum(e.coupling * rr for e in events if e.code == "pause")
    start = -2.0 * rr + rr * float(rng.random())
    if rhythm == "afib":
        # Intervals of fibrillation are independent and skewed to long ones (Bootsma et al., Circulation
        # 1970;41:783-794): lognormal.
        spread = math.sqrt(math.log1p((sdnn_s / rr) ** 2))
        drawn = rr * rng.lognormal(-(spread**2) / 2, spread, math.ceil((reach - start) / rr * 1.6) + 8)
        times = start + np.concatenate([[0.0], np.cumsum(np.maximum(drawn, _LEAST_RR_S))])
    elif rhythm == "aflutter":
        f, ratios = flutter
        waves = np.cumsum(rng.choice(ratios, math.ceil((reach - start) * f / min(ratios)) + 2))
        times = (math.ceil(start * f) + waves - waves[0]) / f
    else:
        times = _sinus(rng, rr, sdnn_s, lf_hf, resp_hz, start, reach)
    code = "/" if rhythm == "paced" else "N"
    beats = [(float(at), code) for at in times[times < reach]]
    for event in sorted(events, key=lambda e: e.at_s):
        beats = _with_event(beats, event, rr, code)
    return _placed(beats, rr)


def _sinus(
    rng: np.random.Generator, rr: float, sdnn_s: float, lf_hf: float, resp_hz: float, now: float, reach: float
) -> _Array:
    step_s, intervals = sinus_intervals(rng, rr, sdnn_s, lf_hf, resp_hz, reach)
    times = []
    while now < reach:
        times.append(now)
        now += float(intervals[int((now + 3 * rr) / step_s) % intervals.size])
    return np.array(times)


def _with_event(beats: list[tuple[float, str]], event: Event, rr: float, code: str) -> list[tuple[float, str]]:
    at = [k for k, (r, kind) in enumerate(beats) if kind == code and r <= event.at_s]
    if not at or at[-1] + 1 >= len(beats):
        return beats
    k = at[-1]
    if event.code == "pause":
        late = event.coupling * rr - (beats[k + 1][0] - beats[k][0])
        return beats[: k + 1] + [(r + late, kind) for r, kind in beats[k + 1 :]]
    done, rest = beats[: k + 1], beats[k + 1 :]
    while True:
        done, rest = _premature(done, rest, event, rr)
        if not event.every or len(rest) < event.every:
            return done + rest
        skip = event.every - 1  # beats of the rhythm from one premature beat to the next
        done, rest = done + rest[:skip], rest[skip:]


def _premature(
    done: list[tuple[float, str]], rest: list[tuple[float, str]], event: Event, rr: float
) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
    first = done[-1][0] + event.coupling * rr
    new = [(first + j * event.interval_s, event.code) for j in range(event.count)]
    last = new[-1][0]
    if event.code == "A":
        rest = [beat for beat in rest if beat[0] > first - event.coupling * rr + 0.5 * rr]
        late = last + _RESET * rr - rest[0][0] if rest else 0.0
        return done + new, [(r + late, kind) for r, kind in rest]
    # Beats of the rhythm that fall due soon after find the ventricle refractory: the pause is compensatory.
    return done + new, [beat for beat in rest if beat[0] > last + _REFRACTORY * rr]


def _placed(beats: list[tuple[float, str]], rr: float) -> tuple[Placed, ...]:
    times = np.array([r for r, _ in beats])
    before = np.diff(times, prepend=times[0] - rr)
    lag = np.clip(_T_LAG * (before - rr), -_T_LAG_LIMIT_S, _T_LAG_LIMIT_S)
    # A ventricular beat has its own repolarisation, whatever came before it.
    return tuple(Placed(r, kind, 0.0 if kind == "V" else float(d)) for (r, kind), d in zip(beats, lag, strict=True))


def atrial_dipole(rng: np.random.Generator, waves: AtrialWaves, t: _Array) -> _Array:
    """Fibrillation's or flutter's waves over time.

    A sum of sines in fixed phase, slowly modulated in frequency and amplitude, after Stridh & Sörnmo (IEEE Trans
    Biomed Eng 2001;48:105-111, section II-A), here on three axes and modulated at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the modulations.
    waves : AtrialWaves
    t : float64 array [samples]
        Times in s; without modulation, each cycle starts at a multiple of ``1 / frequency_hz``.

    Returns
    -------
    float64 array [3, samples]
    """
    phase = 2 * math.pi * waves.frequency_hz * t
    swell = np.ones(t.size)
    if waves.swing_hz:
        step = t[1] - t[0] if t.size > 1 else 0.0
        away = waves.swing_hz * _slow_noise(rng, waves.swing_rate_hz, t)
        phase = phase + 2 * math.pi * (rng.random() + np.cumsum(away) * step)
        swell = np.clip(1 + waves.size_swing * _slow_noise(rng, waves.swing_rate_hz, t), 0.1, 1.9)
    saw = sum(a * np.sin((k + 1) * phase) for k, a in enumerate(waves.harmonics))
    turned = sum(a * np.cos((k + 1) * phase) for k, a in enumerate(waves.harmonics))
    out: _Array = np.outer(waves.vector, swell * saw) + np.outer(waves.across, swell * turned)
    return out


def _slow_noise(rng: np.random.Generator, rate_hz: float, t: _Array) -> _Array:
    """Draw values of unit variance so many times a second, with straight lines between them."""
    nodes = np.arange(math.floor(t[0] * rate_hz), math.ceil(t[-1] * rate_hz) + 1) / rate_hz
    return np.asarray(np.interp(t, nodes, rng.normal(size=nodes.size)))
