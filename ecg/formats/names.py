"""Names: of leads, of units, of files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from ecg.record import LEADS

__all__ = ["MDC_LEADS", "lead_name", "millivolts", "safe_stem", "unique_names"]

#: Lead by its code in partition 2 of ISO/IEEE 11073-10101 (DICOM PS3.16 CID 3001). SCP-ECG (EN 1064, table of leads)
#: has the same numbers. 65 is aVR upside down.
MDC_LEADS: dict[int, str] = {
    1: "I",
    2: "II",
    3: "V1",
    4: "V2",
    5: "V3",
    6: "V4",
    7: "V5",
    8: "V6",
    9: "V7",
    10: "V2R",
    11: "V3R",
    12: "V4R",
    13: "V5R",
    14: "V6R",
    15: "V7R",
    16: "X",
    17: "Y",
    18: "Z",
    61: "III",
    62: "aVR",
    63: "aVL",
    64: "aVF",
    65: "-aVR",
    66: "V8",
    67: "V9",
    68: "V8R",
    69: "V9R",
}

#: ISO/IEEE 11073-10101 joins partition and term in one number: partition 2 starts here.
_MDC_PARTITION_2 = 2 << 16

_KNOWN = {name.lower(): name for name in (*LEADS, *MDC_LEADS.values())}
_KNOWN |= {"vx": "X", "vy": "Y", "vz": "Z"}  # Frank's leads, as the PTB and MDC spell them
_KNOWN |= {"avrneg": "-aVR", "negavr": "-aVR"}
_KNOWN |= {"di": "I", "dii": "II", "diii": "III"}  # "derivación", in Spanish and Portuguese
_NUMBERED = {"1": "I", "2": "II", "3": "III"}  # only after the word "lead"

_PREFIX = re.compile(r"^(mdc_ecg_lead_|mdc_ecg_|(?:ecg|ekg)?[\s_:.-]*lead[\s_:.-]+|(?:ecg|ekg|channel)[\s_:.-]+)", re.I)


def lead_name(raw: str) -> str:
    """Spell a lead's name in the standard way; other names are kept, with blanks trimmed.

    Understands any case (``AVR``), prefixes (``lead avr``, ``ECG V1``, ``MDC_ECG_LEAD_AVR``) and codes of
    ISO/IEEE 11073-10101 as DICOM writes them (``2:62``, ``131134``), see DICOM PS3.16 CID 3001. V3R is never V3.

    Parameters
    ----------
    raw : str
        As the file spells it.

    Returns
    -------
    str
        ``"unknown"`` for an empty name.

    Examples
    --------
    >>> [lead_name(s) for s in ("AVR", "lead avr", "MDC_ECG_LEAD_V3R", "2:61", "ECG II", "MLII")]
    ['aVR', 'aVR', 'V3R', 'III', 'II', 'MLII']
    """
    text = " ".join(raw.replace("\x00", " ").split())
    code = re.fullmatch(r"(?:2:(\d{1,5})|(\d{6}))", text)
    if code:
        number = int(code.group(1)) if code.group(1) else int(code.group(2)) - _MDC_PARTITION_2
        return MDC_LEADS.get(number, text)
    bare, n_prefixes = _PREFIX.subn("", text)
    key = re.sub(r"[\s_.]", "", bare).lower().replace("−", "-")
    if n_prefixes and "lead" in text.lower() and key in _NUMBERED:
        return _NUMBERED[key]
    return _KNOWN.get(key, text or "unknown")


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Make names unique by numbering repetitions: two channels called II become II and II_2.

    Examples
    --------
    >>> unique_names(["ECG", "ECG", "V1"])
    ('ECG', 'ECG_2', 'V1')
    """
    given: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in given:
            number += 1
            unique = f"{name}_{number}"
        given.append(unique)
    return tuple(given)


def millivolts(unit: str) -> float | None:
    """Millivolts in one `unit` (V, mV, uV or nV, with either Greek mu), or None where it is no voltage.

    Examples
    --------
    >>> millivolts("uV"), millivolts("V"), millivolts("mmHg")
    (0.001, 1000.0, None)
    """
    text = unit.strip().replace("µ", "u").replace("μ", "u").lower()
    text = {"volt": "v", "volts": "v", "millivolt": "mv", "microvolt": "uv", "nanovolt": "nv"}.get(text, text)
    return {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}.get(text)


def safe_stem(stem: str | PurePath) -> str:
    """File stem in the characters that every format takes: those outside ``A-Za-z0-9_-`` become ``_``.

    Parameters
    ----------
    stem : str or path
        A stem as it is; of a path object, its stem is taken.

    Examples
    --------
    >>> safe_stem("scan 3 (1)"), safe_stem(PurePath("a/ü.v2.pdf"))
    ('scan_3__1_', '__v2')
    """
    text = stem.stem if isinstance(stem, PurePath) else stem
    return re.sub(r"[^A-Za-z0-9_-]", "_", text) or "_"
