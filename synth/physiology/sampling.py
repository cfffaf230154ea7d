"""Draws of a record's parameters: one distribution of people, torsos, rates and noise, and findings on top."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import LEADS, OptionsError
from synth.physiology.dipole import Gaussian, edges, shapes, twelve_leads, vectors
from synth.physiology.infarction import TERRITORIES, acute, has_scar, has_st_elevation, j_levels_mv, old
from synth.physiology.params import PhysiologyParams
from synth.physiology.population import atrial_matrix, draw_beat, draw_torso
from synth.physiology.rhythm import AtrialWaves, Event
from synth.physiology.shape import BeatShape
from synth.physiology.ventricle import (
    CONDUCTION,
    axis_deg,
    blocked_beat,
    paced_beat,
    premature_atrial,
    timed,
    ventricular_beat,
)
from synth.variability import sample_episodes

__all__ = ["KINDS", "parse_kind", "sample_kind", "sample_physiology"]

_Array = NDArray[np.float64]

#: Findings of which a record has at most one.
_GROUPS = {
    "normal": ("norm",),
    "rhythm": ("bradycardia", "tachycardia", "afib", "aflutter", "paced"),
    "conduction": tuple(CONDUCTION),
    "acute infarction": tuple(f"ami_{t}" for t in TERRITORIES),
    "old infarction": tuple(f"hmi_{t}" for t in TERRITORIES),
    "ventricular beat": ("pvc",),
    "atrial beat": ("pac",),
    "pause": ("pause",),
}
#: Kinds of record that can be sampled, each also its label; several are joined by ``|``.
KINDS = tuple(kind for group in _GROUPS.values() for kind in group)

#: Groups that do not go together: a paced ventricle hides what its own conduction would show, and an atrium that
#: fibrillates or flutters has no premature beats.
_EXCLUDED = (("paced", "conduction"), ("paced", "acute infarction"), ("paced", "old infarction"), ("paced", "pause"))
_NO_SINUS = ("afib", "aflutter")

#: Ventricular rates in 1/min: the range of PTB-XL's normal records (2nd to 98th percentile 52 to 96) from 60 on, for
#: every kind but those that the rate defines (below 60, above 100) or that keep their own.
_RATE, _RATES = (60.0, 99.0), {"bradycardia": (38.0, 59.0), "tachycardia": (101.0, 150.0), "afib": (50.0, 150.0)}
#: Flutter waves a minute (Surawicz & Knilans, Chou's Electrocardiography, 6th ed., chapter 16).
_FLUTTER = (240.0, 330.0)
#: PR, P-to-QRS axis and lengths within which a beat is a normal one (AHA/ACCF/HRS part III; Surawicz 2009).
_NORMAL_PR, _NORMAL_QRS, _NORMAL_AXIS = (0.120, 0.200), (0.072, 0.108), (-30.0, 100.0)


def parse_kind(kind: str) -> tuple[str, ...]:
    """Labels of a kind.

    Parameters
    ----------
    kind : str
        One of `KINDS`, or several joined by ``|``.

    Raises
    ------
    OptionsError
        If one is unknown, or two do not go together.

    Examples
    --------
    >>> parse_kind("ami_inferior|afib")
    ('ami_inferior', 'afib')
    """
    labels = tuple(kind.split("|"))
    for label in labels:
        if label not in KINDS:
            raise OptionsError(f"kind must be one of {', '.join(KINDS)}, or several joined by |, got {label!r}")
    taken: dict[str, str] = {}
    for label in labels:
        group = next(name for name, members in _GROUPS.items() if label in members)
        if group in taken or (group == "normal" and len(labels) > 1):
            raise OptionsError(
                f"a record has at most one {group} finding, and norm goes with nothing else, got {kind!r}"
            )
        taken[group] = label
    for label, group in _EXCLUDED:
        if label in labels and group in taken:
            raise OptionsError(f"{label} hides a finding of {group}; leave one out of {kind!r}")
    if taken.get("rhythm") in _NO_SINUS and "pac" in labels:
        raise OptionsError(f"{taken['rhythm']} has no atrial premature beats; leave one out of {kind!r}")
    return labels


def sample_kind(rng: np.random.Generator, combined: float = 0.25) -> str:
    """Draw a kind, or two that go together.

    Parameters
    ----------
    rng : numpy.random.Generator
    combined : float
        Share of records with two findings.

    Returns
    -------
    str
        For `sample_physiology`.

    Examples
    --------
    >>> [sample_kind(np.random.default_rng(seed), 1.0) for seed in (1, 2)]
    ['pac|hmi_septal', 'rbbb|tachycardia']
    """
    if rng.random() >= combined:
        return str(rng.choice(KINDS))
    while True:
        kind = "|".join(str(k) for k in rng.choice(KINDS, 2, replace=False))
        try:
            parse_kind(kind)
        except OptionsError:
            continue
        return kind


def sample_physiology(
    rng: np.random.Generator,
    kind: str = "norm",
    *,
    age: float | None = None,
    sex: str | None = None,
    duration_s: float = 10.0,
) -> PhysiologyParams:
    """Draw the parameters of one record.

    Age, sex, torso, rate, noise and the normal beat that each finding alters come from the same distribution for
    every kind, and from the same draws for equal states of ``rng``, so that nothing but the named finding tells the
    kinds apart. Only kinds that are rates have rates of their own, and flutter has what its waves allow.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        One of `KINDS`, or several joined by ``|``.
    age, sex : float, str or None
        Years and ``"M"`` or ``"F"``; drawn where None.
    duration_s : float
        Length in seconds over which premature beats and noise are spread.

    Returns
    -------
    PhysiologyParams

    Raises
    ------
    OptionsError
        If the kind is unknown or joins what does not go together.

    Examples
    --------
    >>> sample_physiology(np.random.default_rng(0), "tachycardia").rate_bpm > 100
    True
    """
    labels = parse_kind(kind)
    # Streams of their own: what one finding draws moves nothing else.
    heart, person, around, finding = (np.random.default_rng(int(s)) for s in rng.integers(2**62, size=4))
    drawn_age, drawn_sex = float(np.clip(person.normal(58, 17), 18, 92)), str(person.choice(["F", "M"]))
    age, sex = round(drawn_age if age is None else float(age), 1), drawn_sex if sex is None else sex
    rate = _rate(labels, float(person.beta(1.4, 2.6)))
    matrix = draw_torso(person)
    normal = _normal_beat(heart, age, sex, 60.0 / rate, matrix)
    # SDNN falls with age and with the rate (Umetani et al., J Am Coll Cardiol 1998;31:593-601, gives the fall; the
    # level is PTB-XL's in 10 s: median 21 ms).
    sdnn = (0.040 - 0.0003 * age) * float(person.lognormal(0.0, 0.4)) * 70.0 / rate
    params = PhysiologyParams(
        kind=kind,
        age=age,
        sex=sex,
        rate_bpm=rate,
        sdnn_s=sdnn,
        lf_hf=float(person.uniform(0.5, 2.0)),
        resp_hz=float(person.uniform(0.18, 0.33)),
        beat=(),
        lead_matrix=tuple(_three(row) for row in matrix),
        atrial_matrix=tuple(_three(row) for row in atrial_matrix(matrix)),
        resp_axis_deg=float(person.uniform(1.0, 5.0)),
        resp_gain=float(person.uniform(0.01, 0.06)),
        seed=int(around.integers(2**31)),
        **_noise(around, duration_s),
    )
    return _with_findings(finding, params, normal, labels, duration_s)


def _rate(labels: tuple[str, ...], share: float) -> float:
    low, high = next((_RATES[label] for label in labels if label in _RATES), _RATE)
    return low + (high - low) * share


def _noise(rng: np.random.Generator, duration_s: float) -> dict[str, Any]:
    # Levels of 200 records of PTB-XL at 500 Hz, of which the 5th, 50th and 95th percentiles are, in µV: above 20 Hz
    # between the beats 2, 3.5, 15; at 50 or 60 Hz 0, 0.8, 2.2; wander below 0.5 Hz 7, 33, 129.
    return {
        "muscle_mv": float(rng.lognormal(math.log(0.0026), 0.8)),
        "mains_mv": float(rng.choice([0.0, rng.lognormal(math.log(0.0011), 0.6)])),
        "mains_hz": float(rng.choice([50.0, 60.0])),
        "wander_mv": float(min(rng.lognormal(math.log(0.020), 0.75), 0.10)),
        "episodes": sample_episodes(rng, duration_s),
    }


def _normal_beat(rng: np.random.Generator, age: float, sex: str, rr_s: float, matrix: _Array) -> BeatShape:
    """Beat that a reader calls normal; the last of many draws where none is."""
    for _ in range(60):
        drawn = draw_beat(rng, "norm", age, sex, rr_s)
        # PR shrinks as the heart quickens, 4 ms for each tenth of a second (Mason et al., J Electrocardiol
        # 2007;40:228-234, give the fall); 0.86 s is the mean interval of the fitted records.
        pr = drawn.pr_s - 0.04 * max(0.0, 0.86 - rr_s)
        pr = min(max(pr, _NORMAL_PR[0] + 0.004), _NORMAL_PR[1] - 0.004)
        # P ends before the QRS begins: the AV node takes its time.
        beat = timed(replace(drawn, pr_s=pr, p_s=min(drawn.p_s, pr - 0.018)), *_NORMAL_QRS)
        if _is_normal(beat, matrix, age, sex):
            break
    return beat


def _is_normal(beat: BeatShape, matrix: _Array, age: float, sex: str) -> bool:
    low, high = _NORMAL_AXIS
    if not low <= axis_deg(beat, matrix) <= high:
        return False
    levels = j_levels_mv(beat, matrix)
    if has_st_elevation(levels, age, sex, 0.02) or min(levels.values()) < -0.06:
        return False
    if any(has_scar(beat, territory, matrix) for territory in TERRITORIES):
        return False
    found = beat.gaussians()
    marks = edges(found)
    t = np.array([marks["P"][1], marks["T"][1], *np.arange(marks["QRS"][0], marks["QRS"][2], 0.002)])
    leads = dict(zip(LEADS, twelve_leads(matrix @ vectors(found) @ shapes(found, t)), strict=True))
    upright = leads["II"][0] > 0.03 and all(leads[lead][1] > 0.04 for lead in ("I", "II", "V4", "V5", "V6"))
    progression = leads["V1"].max() < max(leads["V4"].max(), leads["V5"].max()) and leads["V4"].max() > 0.3
    return bool(upright and progression and leads["V1"][2:].max() < -leads["V1"].min())


def _with_findings(
    rng: np.random.Generator, params: PhysiologyParams, normal: BeatShape, labels: tuple[str, ...], duration_s: float
) -> PhysiologyParams:
    matrix, rr = np.array(params.lead_matrix), 60.0 / params.rate_bpm
    beat, details = normal, []
    for label in (label for label in labels if label in CONDUCTION):
        beat = blocked_beat(rng, label, normal, matrix, params.age, params.sex, rr)
    for label in labels:
        state, _, territory = label.partition("_")
        if state == "hmi":
            beat, flavour = old(rng, beat, territory, matrix)
            details.append(f"{territory}: {flavour}")
    for label in labels:
        state, _, territory = label.partition("_")
        if state == "ami":
            beat, flavour = acute(rng, beat, territory, matrix, params.age, params.sex)
            details.append(f"{territory}: {flavour}")
    params = replace(params, details=tuple(details))
    params = _with_rhythm(rng, params, beat, labels)
    return _with_premature_beats(rng, params, beat, labels, duration_s)


def _with_rhythm(
    rng: np.random.Generator, params: PhysiologyParams, beat: BeatShape, labels: tuple[str, ...]
) -> PhysiologyParams:
    rr = 60.0 / params.rate_bpm
    if "afib" in labels:
        waves, spread = _fibrillation(rng), float(rng.uniform(0.14, 0.30)) * rr
        gaussians = replace(beat, p=None).gaussians()
        return replace(params, rhythm="afib", beat=gaussians, atrial=waves, sdnn_s=spread)
    if "aflutter" in labels:
        waves = _flutter(rng)
        ratios = ((2,), (3,), (4,), (2, 4), (3, 4), (2, 3, 4))[int(rng.choice(6, p=[0.25, 0.1, 0.35, 0.15, 0.05, 0.1]))]
        rate = 60.0 * waves.frequency_hz / float(np.mean(ratios))
        gaussians = replace(beat, p=None, jt_s=beat.jt_s * (params.rate_bpm / rate) ** (1 / 3)).gaussians()
        details = (*params.details, f"aflutter: {':1, '.join(map(str, ratios))}:1")
        return replace(
            params,
            rhythm="aflutter",
            rate_bpm=rate,
            beat=gaussians,
            atrial=waves,
            flutter_ratios=ratios,
            details=details,
        )
    if "paced" in labels:
        mode = str(rng.choice(["VVI", "VAT", "DDD"]))
        gaussians = paced_beat(rng, beat, mode, params.age, params.sex, rr)
        # A pacemaker's clock varies by about a millisecond; one that follows the sinus node varies with it.
        spread = params.sdnn_s if mode == "VAT" else 0.001
        details = (*params.details, f"paced: {mode}")
        return replace(params, rhythm="paced", beat=gaussians, sdnn_s=spread, details=details)
    return replace(params, beat=beat.gaussians())


def _fibrillation(rng: np.random.Generator) -> AtrialWaves:
    # V1 lies over the right atrium and shows f waves best, 0.03 to 0.15 mV there; 330 to 510 a minute.
    v = np.array([-0.25, 0.35, -0.85]) + rng.normal(0, 0.2, 3)
    size = float(np.exp(rng.uniform(math.log(0.025), math.log(0.14))))
    vector = size * v / np.linalg.norm(v)
    across = 0.5 * size * rng.normal(0, 0.5, 3)
    return AtrialWaves(
        float(rng.uniform(5.5, 8.5)),
        float(rng.uniform(0.8, 1.8)),
        float(rng.uniform(2.0, 4.0)),
        float(rng.uniform(0.3, 0.5)),
        (1.0, float(rng.uniform(0.3, 0.55)), float(rng.uniform(0.1, 0.3))),
        _three(vector),
        _three(across),
    )


def _flutter(rng: np.random.Generator) -> AtrialWaves:
    # Typical flutter runs counterclockwise: down in II, III, aVF, up in V1; a quarter runs the other way.
    v = np.array([-0.05, 0.80, 0.35]) + rng.normal(0, 0.1, 3)
    size = float(rng.uniform(0.10, 0.26)) * (1 if rng.random() < 0.75 else -1)
    across = 0.25 * abs(size) * rng.normal(0, 0.6, 3)
    # 1, 1/2, 1/3: a sawtooth that rises slowly and falls at once, seen from the feet.
    return AtrialWaves(
        float(rng.uniform(*_FLUTTER)) / 60.0, 0.0, 0.2, 0.0, (1.0, 0.45, 0.2), _three(size * v), _three(across)
    )


def _three(v: _Array) -> tuple[float, float, float]:
    x, y, z = (round(float(c), 4) for c in v)
    return x, y, z


def _with_premature_beats(
    rng: np.random.Generator, params: PhysiologyParams, beat: BeatShape, labels: tuple[str, ...], duration_s: float
) -> PhysiologyParams:
    rr, events = 60.0 / params.rate_bpm, list[Event]()
    ectopic: tuple[Gaussian, ...] = ()
    details = list(params.details)
    if "pvc" in labels:
        shape, site = ventricular_beat(rng)
        ectopic = shape.gaussians()
        pattern, found = _pvc_events(rng, rr, duration_s)
        events += found
        details += [f"pvc: {pattern}, {site}"]
    premature = premature_atrial(rng, beat).gaussians() if "pac" in labels else ()
    if "pac" in labels:
        events += [
            Event(at, "A", float(rng.uniform(0.58, 0.80))) for at in _spread(rng, int(rng.integers(1, 4)), duration_s)
        ]
    if "pause" in labels:
        # 2 s and more without a beat is a pause; 3.5 s is long for a resting record.
        length = max(float(rng.uniform(2.0, 3.5)), 1.5 * rr)
        events += [Event(float(rng.uniform(0.15, 0.6)) * duration_s, "pause", length / rr)]
    return replace(params, events=tuple(events), ectopic=ectopic, premature=premature, details=tuple(details))


def _pvc_events(rng: np.random.Generator, rr: float, duration_s: float) -> tuple[str, list[Event]]:
    coupling = min(float(rng.uniform(0.50, 0.68)), 0.95 - 0.3 / rr)
    pattern = str(rng.choice(["single", "bigeminy", "trigeminy", "couplet", "run"], p=[0.55, 0.15, 0.08, 0.10, 0.12]))
    if pattern in ("bigeminy", "trigeminy"):
        every = 2 if pattern == "bigeminy" else 3
        return pattern, [Event(float(rng.uniform(0.0, 0.25)) * duration_s, "V", coupling, every=every)]
    count = {"single": 1, "couplet": 2}.get(pattern) or int(rng.integers(3, 7))
    interval = float(rng.uniform(0.34, 0.48))  # 125 to 176 a minute
    n = int(rng.integers(1, 4)) if pattern == "single" else 1
    return pattern, [Event(at, "V", coupling, count, interval) for at in _spread(rng, n, duration_s)]


def _spread(rng: np.random.Generator, n: int, duration_s: float) -> list[float]:
    """Draw times in s, one in each stretch, its outer eighths free: never two events after the same beat."""
    return [float(at) for at in (np.arange(n) + rng.uniform(0.125, 0.875, n)) * duration_s / n]
