"""How devices spell lead names and scales, and the other words that stand on an ECG page."""

from __future__ import annotations

import numpy as np

from digitize.text.spotter import GAINS, SPEEDS

__all__ = ["clutter_line", "spell"]


_FOOTER_BEFORE = ("AC50 ", "35Hz ", "0.67~25Hz  AC50  ", "0.05-150 Hz ", "Filter: on ")
_FOOTER_AFTER = (" 35Hz", "  AC50", " x1.0", " 4*2.5s+1r", " 0.05-150 Hz", ",", "  F 0,5-40 Hz", " ~50 Hz", "   60~")

#: What stands before a speed or a gain, in the Latin languages of carts.
_SPEED_LABELS = ("Speed: ", "Vel. ", "Vorschub: ", "Vitesse: ", "Velocidad: ", "Snelheid: ", "Przesuw: ", "Hastighet: ")
_GAIN_LABELS = ("Gain: ", "Limb: ", "Chest: ", "Extr.: ", "Brustw.: ", "Prec.: ", "Borst: ", "Empf. ", "Ampl: ", "V: ")


def spell(rng: np.random.Generator, word: str) -> tuple[str, int, int]:
    """Spell a word of `digitize.text.WORDS` as some device would.

    Parameters
    ----------
    rng : numpy.random.Generator
    word : str

    Returns
    -------
    text : str
        What is printed: the word, perhaps with "Lead", "Speed:" or a colon.
    start, stop : int
        The letters of `text` that are the word itself.

    Examples
    --------
    >>> text, start, stop = spell(np.random.default_rng(0), "V3")
    >>> text[start:stop].upper()
    'V3'
    """
    before: tuple[str, ...] = ("Lead ", "LEAD ")
    after: tuple[str, ...] = (":",)
    if word in SPEEDS:
        body, before = _spell_scale(rng, word, ("mm/s", "mm/sec", "mm/s")), (*_SPEED_LABELS, *_FOOTER_BEFORE)
    elif word in GAINS:
        body, before = (
            _spell_scale(rng, word, ("mm/mV", "mm/mV", "mm/mv")),
            (*_GAIN_LABELS, *_FOOTER_BEFORE),
        )
    else:
        body = _spell_lead(rng, word)
    crowded = 0.07
    if word in (*SPEEDS, *GAINS):
        # Speed and gain mostly stand in a footer line among other settings.
        crowded, after = 0.4, _FOOTER_AFTER
    prefix = str(rng.choice(before)) if rng.random() < crowded else ""
    suffix = str(rng.choice(after)) if (crowded > 0.1 or not prefix) and rng.random() < crowded else ""
    return prefix + body + suffix, len(prefix), len(prefix) + len(body)


def _spell_lead(rng: np.random.Generator, word: str) -> str:
    """Write augmented leads as aVR, AVR, avr or aVr; the others in capitals, seldom in small letters."""
    if "aV" in word:
        return str(
            rng.choice([word, word.upper(), word.lower(), word[:-1] + word[-1].lower()], p=[0.75, 0.17, 0.04, 0.04])
        )
    return word.lower() if word.startswith("V") and rng.random() < 0.03 else word


def _spell_scale(rng: np.random.Generator, word: str, units: tuple[str, ...]) -> str:
    """Write number and unit, with or without a space or a decimal; some devices print gains in cm/mV."""
    number = word.split("mm")[0]
    if word in GAINS and rng.random() < 0.15:
        number, units = f"{float(number) / 10:g}", ("cm/mV",)
    elif "." not in number and rng.random() < 0.12:
        number += ".0"
    if rng.random() < 0.15:
        number = number.replace(".", ",")
    return number + str(rng.choice(["", " "])) + str(rng.choice(units))


#: What headers, footers and interpretations say, in the words of many devices.
_PROSE_LINES = (
    "Name ID Age Sex Male Female Years Date Time Room Department Physician Technician Referred Confirmed by",
    "Unconfirmed Diagnosis Information Report ECG EKG Sinus rhythm Normal Abnormal Vent. rate PR interval QRS",
    "duration QT/QTc P-R-T axes BPM bpm ms mmHg cm kg Hz Filter AC50 AC60 Muscle Baseline on off Left axis",
    "deviation Possible inferior infarct age undetermined ST T wave abnormality lateral anterior ischemia block",
    "bundle branch right atrial enlargement fibrillation Premature complexes Hospital Clinic Ward Bed Medication",
    "Interpretation Page of Rev Version Serial No. Device Operator Limits Borderline Otherwise Comments Compared",
    "with previous tracing Electronically signed Dr. Order Account Race Unknown",
)
_PROSE = tuple(" ".join(_PROSE_LINES).split())

#: Look much like names and are none: version numbers, numerals, times and other units.
_DECOY_LINES = (
    "V1.0|V1.7|V2.3|v3.11|V4.20|VI|VII|IV|IX|VIII|V10|V12|XII|IIII|12SL|V|aV|AV|V10.2|SV1+RV5|RV5|SV1|RaVL|VR",
    "Vf|A-V|AVB|AVNRT|1:1|11|111|1/1|II/III|I/II|25Hz|50Hz|50 Hz|0.05-150Hz|0.67~25Hz|35 Hz|150 Hz|25 mm",
    "10 mm|10mV|mm/s|mm/mV|100mm/s|4*2.5s+1r|10s|2.5s|x1.0|25/50|25 ms|10 ms|5 mV|20 bpm|W 50|F 60|I:E|ID:|IL",
    "Il|V1.7|V1.0|V 2.1|V6.0|SW 2.5|Rev 3.1|cm/mV|200 mm/s|6.25 mm/s|15 mm/mV|40 mm/mV|50 mm|50 m/s|25 ms/s|12.5",
)
_DECOYS = tuple("|".join(_DECOY_LINES).split("|"))


def clutter_line(rng: np.random.Generator) -> str:
    """Make up a line of text that holds no name and no scale, but much that resembles them.

    Examples
    --------
    >>> clutter_line(np.random.default_rng(4)).strip() != ""
    True
    """
    words = [_clutter_word(rng) for _ in range(int(rng.integers(1, 8)))]
    return (" " * int(rng.integers(1, 4))).join(words)


def _clutter_word(rng: np.random.Generator) -> str:
    """Return a word of prose, a decoy, a number, a date or random letters."""
    kind = rng.random()
    if kind < 0.35:
        word = str(rng.choice(_PROSE))
        return word.upper() if rng.random() < 0.2 else word
    if kind < 0.6:
        return str(rng.choice(_DECOYS))
    if kind < 0.75:
        return str(rng.integers(10 ** int(rng.integers(2, 8)))) + str(rng.choice(["", "%", "/min", " ms"]))
    if kind < 0.87:
        a, b, c = (f"{v:02d}" for v in rng.integers(1, 60, size=3))
        return str(rng.choice([f"{a}:{b}:{c}", f"20{a}-{b}-{c}", f"{a}.{b}.19{c}", f"{a}/{b}/20{c}"]))
    alphabet = list("ABCDEFGHIJKLMNOPQRSTUVWXYZaVVIIilmrst1234")
    # Three letters at least: shorter ones might spell a name.
    return "".join(rng.choice(alphabet, size=int(rng.integers(3, 9)))).replace("III", "HIL").replace("aV", "ar")
