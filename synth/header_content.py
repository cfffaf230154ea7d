"""What a recorder prints about a recording: person, time, figures, statements, scale, machine.

All of it is invented, but for age, sex and rate where they are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from synth.header_words import LANGUAGES, Language

if TYPE_CHECKING:
    from synth.style import PageStyle

__all__ = ["Figures", "Sheet", "finding_of", "sample_sheet"]

#: What an interpretation says of labels: PTB-XL's superclasses, of which MI leaves the age open, the four classes, and
#: the physiology's kinds, of which the part before an underscore may suffice.
_FINDING_OF = {
    "norm": "norm", "NORM": "norm", "ami": "infarct", "MI": "old_infarct", "hmi": "old_infarct", "HMI": "old_infarct",
    "STTC": "st", "CD": "conduction", "lbbb": "conduction", "rbbb": "conduction", "HYP": "hypertrophy",
    "pvc": "ectopy", "pac": "ectopy", "afib": "fibrillation", "aflutter": "flutter", "bradycardia": "bradycardia",
    "tachycardia": "tachycardia", "paced": "paced",
}  # fmt: skip
#: How often a page's interpretation says what the record shows, rather than what could stand on any: the same for
#: every label, so that neither the block nor its length tells the classes apart.
_TELLING = 0.5
#: Filters of recorders in Hz, low and high, the diagnostic band first (Kligfield et al., Circulation 2007;115:1306).
_BANDS = ((0.05, 150), (0.05, 100), (0.15, 100), (0.05, 40), (0.5, 40), (0.5, 35), (0.5, 25), (0.15, 150))


@dataclass(frozen=True)
class Figures:
    """Measurements as printed: rate in 1/min, intervals in ms, axes in degrees."""

    rate: int
    pr: int
    qrs: int
    qt: int
    qtc: int
    axes: tuple[int, int, int]


@dataclass(frozen=True)
class Sheet:
    """Everything a header can show, in words.

    Parameters
    ----------
    language : Language
    name, number, born, age, sex : str
    when : str
        Date and time of the recording.
    figures : Figures
    statements : tuple of str
        Interpretation, or nothing.
    speed, gain, band, hum : str
        Paper speed, gain, filter and mains filter; the last may be empty.
    machine : tuple of str
        Device, version and number of the cart.
    people : tuple of str
        Room or department, technician, physicians: label and name.
    """

    language: Language
    name: str
    number: str
    born: str
    age: str
    sex: str
    when: str
    figures: Figures
    statements: tuple[str, ...]
    speed: str
    gain: str
    band: str
    hum: str
    machine: tuple[str, ...]
    people: tuple[str, ...]

    def texts(self) -> tuple[str, ...]:
        """Every word that may be printed."""
        words = (self.name, self.number, self.born, self.age, self.sex, self.when, self.speed, self.gain, self.band)
        labels = (*self.language.field, *self.language.measure)
        return (*words, self.hum, *self.statements, *self.machine, *self.people, *labels)


def finding_of(label: str) -> str:
    """Give the finding that an interpretation of a label states; ``"abnormal"`` where nothing nearer fits.

    Examples
    --------
    >>> finding_of("ami_anterior"), finding_of("NORM"), finding_of("wpw")
    ('infarct', 'norm', 'abnormal')
    """
    return _FINDING_OF.get(label, _FINDING_OF.get(label.partition("_")[0], "abnormal"))


def sample_sheet(
    rng: np.random.Generator,
    language: str,
    meta: Mapping[str, Any],
    style: PageStyle,
    interpretation: float = 0.6,
) -> Sheet:
    """Invent what stands on one page.

    Parameters
    ----------
    rng : numpy.random.Generator
    language : str
        One of `synth.header_words.LANGUAGES`.
    meta : mapping
        ``age``, ``sex`` (``"M"``, ``"F"``), ``labels`` and ``rate_per_min`` (else the physiology's own ``rate_bpm``)
        are used where they are there.
    style : PageStyle
        Gives speed and gains.
    interpretation : float
        How often a page carries statements.

    Returns
    -------
    Sheet
    """
    words = LANGUAGES[language]
    when = datetime(2004, 1, 1) + timedelta(
        minutes=int(rng.integers(0, 20 * 365 * 1440)), seconds=int(rng.integers(60))
    )
    age, sex = _age_and_sex(rng, meta)
    years = int(age)
    born = when - timedelta(days=int((years + rng.random()) * 365.25))
    figures = _figures(rng, meta)
    speaks, n_lines = rng.random() < interpretation, int(rng.integers(1, 4))
    spoken = _statements(rng, words, _labels(meta), n_lines)
    day, clock = _day_format(rng, words), str(rng.choice(["%H:%M:%S", "%H:%M:%S", "%H:%M", "%I:%M %p"]))
    return Sheet(
        language=words,
        name=_name(rng, words, sex),
        number=_number(rng),
        born=_day(born, day, words),
        age=f"{years} {words.years}",
        sex=words.sexes[(sex == "F") + 2 * int(rng.random() < 0.5)],
        when=f"{_day(when, day, words)} {when.strftime(clock)}",
        figures=figures,
        statements=spoken if speaks else (),
        speed=_speed(rng, style.speed_mm_per_s),
        gain=_gain(rng, words, style.gain_mm_per_mv, style.chest_gain_mm_per_mv),
        band=_band(rng, words),
        hum=str(rng.choice(["", "~50 Hz", "50~", "60~", "~60Hz", "AC 50 Hz", "AC60"])),
        machine=_machine(rng),
        people=_people(rng, words),
    )


def _age_and_sex(rng: np.random.Generator, meta: Mapping[str, Any]) -> tuple[float, str]:
    # Drawn whether known or not, so that what comes after does not depend on it.
    age, sex = float(rng.uniform(19, 92)), str(rng.choice(["M", "F"]))
    known = meta.get("age")
    if known is not None and np.isfinite(known):
        age = float(known)
    return age, meta["sex"] if meta.get("sex") in ("M", "F") else sex


def _labels(meta: Mapping[str, Any]) -> tuple[str, ...]:
    labels = meta.get("labels") or ()
    return (labels,) if isinstance(labels, str) else tuple(labels)


def _figures(rng: np.random.Generator, meta: Mapping[str, Any]) -> Figures:
    """Plausible figures of an adult; they say nothing of the label, since they are drawn alike for all.

    QTc by Fridericia's cube root (Acta Med Scand 1920;53:469-486); medians as in Mason et al., J Electrocardiol
    2007;40:228-234.
    """
    rate = float(np.clip(rng.normal(74, 14), 42, 150))
    known = meta.get("rate_per_min", (meta.get("physiology") or {}).get("rate_bpm"))
    if known is not None and np.isfinite(known):
        rate = float(known)
    pr, qrs, qtc = rng.normal(158, 20), rng.normal(94, 9), rng.normal(417, 20)
    qt = qtc * (60 / rate) ** (1 / 3)
    axes = (rng.normal(52, 18), rng.normal(38, 30), rng.normal(44, 22))
    pr, qrs, qt, qtc = (2 * round(float(v) / 2) for v in (pr, qrs, qt, qtc))  # carts measure in steps of 2 ms
    return Figures(round(rate), pr, qrs, qt, qtc, tuple(round(float(a)) for a in axes))  # type: ignore[arg-type]


def _statements(rng: np.random.Generator, words: Language, labels: Sequence[str], n_lines: int) -> tuple[str, ...]:
    neutral = [words.neutral[k] for k in rng.permutation(len(words.neutral))]
    telling = rng.random() < _TELLING
    way = rng.random()
    found = [_said(words.statements[finding], way) for finding in dict.fromkeys(map(finding_of, labels)) if telling]
    spoken = (found + neutral)[:n_lines]
    frame = str(rng.choice(["{}", "{}", "- {}", "*** {} ***"]))
    return tuple(frame.format(line.upper() if frame.startswith("*") else line) for line in spoken)


def _said(ways: str, way: float) -> str:
    """One of several ways to say it; ``way`` from 0 to 1 chooses."""
    each = ways.split("|")
    return each[int(way * len(each))]


def _name(rng: np.random.Generator, words: Language, sex: str) -> str:
    given = str(rng.choice(words.given[int(sex == "F")]))
    family = str(rng.choice(words.heads.split())) + str(rng.choice(words.tails.split()))
    form = str(rng.choice(["{f}, {g}", "{f}, {g}", "{F}, {G}", "{g} {f}", "{F} {g}", "{F},{G}"]))
    return form.format(f=family, g=given, F=family.upper(), G=given.upper())


def _number(rng: np.random.Generator) -> str:
    form = str(rng.choice(["X{:06d}", "{:08d}", "{:010d}", "0{:05d}-{:02d}", "S{:07d}", "{:04d}"]))
    digits = form.count("0") and int(rng.integers(10, 10**4 if form == "{:04d}" else 10**5))
    return form.format(digits, int(rng.integers(100)))


def _day_format(rng: np.random.Generator, words: Language) -> str:
    local = words.date
    return str(rng.choice([local, local, local.replace("%Y", "%y"), "%d-%b-%Y", "%Y-%m-%d", "%d.%m.%Y", "%d %b %Y"]))


def _day(moment: datetime, form: str, words: Language) -> str:
    month = words.months.split()[moment.month - 1]
    return moment.strftime(form.replace("%b", month if "-" not in form else month.upper()))


def _speed(rng: np.random.Generator, mm_per_s: float) -> str:
    unit = str(rng.choice([" mm/s", "mm/s", " mm/sec", "mm/sec", " mm/s"]))
    return f"{mm_per_s:g}{unit}"


def _gain(rng: np.random.Generator, words: Language, limb: float, chest: float | None) -> str:
    unit = str(rng.choice([" mm/mV", "mm/mV", " mm/mV"]))
    if chest is not None and chest != limb:
        return f"{words.scale[1]}: {limb:g}{unit}  {words.scale[2]}: {chest:g}{unit}"
    form = int(rng.integers(8))
    if form == 0:
        return f"{limb / 10:g} cm/mV"
    if form == 1:
        return f"{limb:.1f}{unit}"
    if form == 2:
        return f"{words.scale[1]}: {limb:g}{unit}  {words.scale[2]}: {limb:g}{unit}"
    return f"{limb:g}{unit}"


def _band(rng: np.random.Generator, words: Language) -> str:
    low, high = _BANDS[int(rng.integers(len(_BANDS)))]
    decimal = f"{low:g}".replace(".", "," if words.comma and rng.random() < 0.5 else ".")
    form = str(rng.choice(["{l}-{h} Hz", "{l}-{h}Hz", "{l} - {h} Hz", "{h}Hz", "F {l}-{h} Hz", "W {l}-{h} Hz"]))
    return form.format(l=decimal, h=f"{high:g}")


def _machine(rng: np.random.Generator) -> tuple[str, ...]:
    """Model, program and cart; no maker's name or model."""
    model = str(rng.choice(["12L-{}", "CARDIO {}", "MODEL {}", "REC-{}", "E{}"])).format(int(rng.integers(100, 9000)))
    version = f"{rng.choice(['V', 'SW ', 'v', 'Rev '])}{int(rng.integers(1, 9))}.{int(rng.integers(0, 30)):02d}"
    cart = str(rng.choice(["CID: {}", "CART {:02d}", "SN {:06d}", "#{:04d}", "{:03d}A"])).format(
        int(rng.integers(1, 99))
    )
    return model, version, cart


def _people(rng: np.random.Generator, words: Language) -> tuple[str, ...]:
    """Room, department, technician, physicians; which of them is left to chance."""
    staff = [f"{label}: {_name(rng, words, 'M')}" for label in words.field[7:10]]
    lines = [f"{words.field[5]}: {int(rng.integers(1, 500))}", words.field[6], *staff]
    keep = rng.random(len(lines)) < (0.6, 0.5, 0.35, 0.5, 0.6)
    return tuple(line for line, kept in zip(lines, keep, strict=True) if kept)
