"""From parameters to a twelve-lead record, with the place of every wave."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import LEADS, ECGRecord, OptionsError
from synth.physiology.dipole import Gaussian, Placed, dipole, edges, twelve_leads
from synth.physiology.params import PhysiologyParams
from synth.physiology.rhythm import atrial_dipole, beat_times
from synth.variability import electrode_noise, fallen_off

__all__ = ["synthesize_record"]

_Array = NDArray[np.float64]

_NAMES = {
    "P": ("p_onset_s", "p_peak_s", "p_offset_s"),
    "QRS": ("qrs_onset_s", "r_s", "qrs_offset_s"),
    "T": ("t_onset_s", "t_peak_s", "t_offset_s"),
}


def synthesize_record(params: PhysiologyParams, fs: float = 500.0, duration_s: float = 10.0) -> ECGRecord:
    """Twelve-lead record of the parameters.

    Parameters
    ----------
    params : PhysiologyParams
    fs : float
        Sampling rate in Hz.
    duration_s : float
        Length in seconds.

    Returns
    -------
    ECGRecord
        Leads in standard order, mV. ``meta``: ``labels``, ``age``, ``sex``, ``waves`` and ``physiology`` (the
        parameters). ``waves`` holds one mapping for each beat whose R lies in the record: ``beat``, WFDB's code
        (``"N"``, ``"A"`` atrial premature, ``"V"`` ventricular premature, ``"/"`` paced); ``p_onset_s``, ``p_peak_s``,
        ``p_offset_s``, ``qrs_onset_s``, ``r_s``, ``qrs_offset_s`` (the J point), ``t_onset_s``, ``t_peak_s``,
        ``t_offset_s``, None where the beat has no such wave; ``spikes_s``, a pacemaker's.

    Raises
    ------
    OptionsError
        If rate or length is not positive.

    Examples
    --------
    >>> from synth.physiology import sample_physiology
    >>> record = synthesize_record(sample_physiology(np.random.default_rng(0), "afib"))
    >>> record.signal.shape, record.meta["waves"][0]["p_peak_s"] is None
    ((12, 5000), True)
    """
    if not (fs > 0 and duration_s > 0):
        raise OptionsError(f"sampling rate and length must be positive, got {fs!r} Hz and {duration_s!r} s")
    rng = np.random.default_rng(params.seed)
    t = np.arange(round(duration_s * fs)) / fs
    beats = beat_times(
        rng,
        params.rhythm,
        params.rate_bpm,
        duration_s,
        sdnn_s=params.sdnn_s,
        lf_hf=params.lf_hf,
        resp_hz=params.resp_hz,
        events=params.events,
        flutter=(params.atrial.frequency_hz if params.atrial else 0.0, params.flutter_ratios),
    )
    templates = {"N": params.beat, "/": params.beat, "A": params.premature, "V": params.ectopic}
    early = {code: tuple(g for g in beat if g.wave == "P") for code, beat in templates.items()}
    late = {code: tuple(g for g in beat if g.wave != "P") for code, beat in templates.items()}
    atria, ventricles = dipole(beats, early, t), dipole(beats, late, t)
    if params.atrial is not None:
        atria += atrial_dipole(rng, params.atrial, t)
    resp = 2 * math.pi * (params.resp_hz * t + rng.random())
    levels = {name: getattr(params, name) for name in ("wander_mv", "muscle_mv", "mains_mv", "mains_hz", "episodes")}
    eight = np.array(params.lead_matrix) @ _breathe(ventricles, params, np.sin(resp))
    eight += np.array(params.atrial_matrix) @ _breathe(atria, params, np.sin(resp))
    eight = fallen_off(eight + electrode_noise(rng, t, resp, **levels), t, params.episodes)
    meta = {
        "labels": tuple(params.kind.split("|")),
        "age": params.age,
        "sex": params.sex,
        "waves": _wave_truth(beats, templates, duration_s),
        "physiology": asdict(params),
    }
    return ECGRecord(twelve_leads(eight).astype(np.float32), fs, LEADS, meta)


def _breathe(vcg: _Array, params: PhysiologyParams, resp: _Array) -> _Array:
    """Swing the frontal axis and the size with the lungs' filling."""
    angle = np.radians(params.resp_axis_deg) * resp
    x, y, z = vcg * (1 + params.resp_gain * resp)
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z])


def _wave_truth(
    beats: Sequence[Placed], templates: Mapping[str, tuple[Gaussian, ...]], duration_s: float
) -> tuple[Mapping[str, Any], ...]:
    found = {code: edges(beat) for code, beat in templates.items() if beat}
    spikes = {code: [g.centre_s for g in beat if g.wave == "spike"] for code, beat in templates.items()}
    truth = []
    for placed in beats:
        marks: dict[str, Any] = {"beat": placed.code}
        for wave, names in _NAMES.items():
            at = found[placed.code].get(wave)
            late = placed.at_s + (placed.t_later_s if wave == "T" else 0.0)
            marks |= {name: None if at is None else round(late + at[k], 5) for k, name in enumerate(names)}
        marks["spikes_s"] = tuple(round(placed.at_s + s, 5) for s in sorted(spikes[placed.code]))
        if 0 <= marks["r_s"] < duration_s:
            truth.append(marks)
    return tuple(truth)
