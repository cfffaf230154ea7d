"""EDF, EDF+ and BDF recordings, read with pyEDFlib.

Formats: Kemp et al., Electroencephalogr Clin Neurophysiol 1992;82:391-393 (EDF); Kemp & Olivan, Clin Neurophysiol
2003;114:1755-1761 (EDF+).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ecg.errors import FormatError
from ecg.formats.bounds import check_file, check_samples, decoding, shown
from ecg.formats.clock import Channel, on_one_clock
from ecg.formats.names import MDC_LEADS, lead_name, millivolts
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.record import ECGRecord

__all__ = ["read_edf"]

_EXPECTED = "an EDF recording"
_KNOWN_LEADS = frozenset(MDC_LEADS.values())


def read_edf(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> ECGRecord:
    """Read the ECG signals of an EDF, EDF+ or BDF file.

    A signal is taken as ECG if its label is a lead's name or starts with ``ECG`` or ``EKG`` (the type that EDF+
    prescribes) and its dimension is a voltage; all others are left out. Slower signals are resampled to the highest
    rate among the leads.

    Parameters
    ----------
    path : path-like
    options : ReadOptions
        Bounds.

    Returns
    -------
    ECGRecord
        ``meta`` holds ``sex`` where known and ``ignored`` (labels left out). No name, number or date is taken over.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, discontinuous (EDF+D) or holds no ECG signal.
    """
    path = check_file(path, options)
    with decoding(path, _EXPECTED):
        _check_size(path)
        import pyedflib

        with pyedflib.EdfReader(str(path)) as reader:
            return _record(reader, path.name, options)


def _check_size(path: Path) -> None:
    """Compare the file's size with what its header claims.

    The library does so too, but prints the two numbers to standard output. Positions and widths of the header's
    fields are those of the EDF specification; BDF differs in its samples of three bytes.
    """
    with path.open("rb") as file:
        fixed = file.read(256)
        n_signals = int(fixed[252:256])
        n_records, header_bytes = int(fixed[236:244]), int(fixed[184:192])
        file.seek(256 + n_signals * 216)
        per_record = [int(file.read(8)) for _ in range(n_signals)]
    sample_bytes = 3 if fixed[:1] == b"\xff" else 2
    expected = header_bytes + n_records * sum(per_record) * sample_bytes
    if path.stat().st_size != expected:
        raise FormatError(
            f"{shown(path.name)}: expected {expected} bytes by its header, got {path.stat().st_size}; "
            "it is truncated or was not finished, copy or export it again"
        )


def _record(reader: Any, name: str, options: ReadOptions) -> ECGRecord:
    labels = [str(label).strip() for label in reader.getSignalLabels()]
    scales = [millivolts(str(reader.getPhysicalDimension(i))) for i in range(len(labels))]
    leads = [i for i, label in enumerate(labels) if _is_ecg(label) and scales[i] is not None]
    if not leads:
        raise FormatError(
            f"{shown(name)}: expected at least one signal that is labelled as an ECG lead and measured in volts, got "
            f"{shown(', '.join(labels))[:80] or 'none'}; rename the signals or choose another file"
        )
    lengths = reader.getNSamples()
    check_samples(float(sum(int(lengths[i]) for i in leads)), name, options)
    channels = [
        Channel(
            lead_name(labels[i]),
            np.asarray(reader.readSignal(i), dtype=np.float64) * (scales[i] or 1.0),
            float(reader.getSampleFrequency(i)),
        )
        for i in leads
    ]
    meta: dict[str, Any] = {"units": "mV"}
    sex = {"Male": "M", "Female": "F", "M": "M", "F": "F"}.get(str(reader.getSex()))
    meta |= {"sex": sex} if sex else {}
    ignored = tuple(shown(labels[i]) for i in range(len(labels)) if i not in leads)
    meta |= {"ignored": ignored} if ignored else {}
    return on_one_clock(channels, name, options, meta)


def _is_ecg(label: str) -> bool:
    return lead_name(label) in _KNOWN_LEADS or re.match(r"(ecg|ekg)\b|(ecg|ekg)\d", label, re.I) is not None
