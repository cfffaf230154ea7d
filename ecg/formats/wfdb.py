"""WFDB records (``.hea`` and its signal files), read with the wfdb package and written as format 16.

The header and signal formats are those of the WFDB Applications Guide, header(5) and signal(5)
(Moody, https://physionet.org/physiotools/wag/).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError, RecordError
from ecg.formats.atomic import replacing
from ecg.formats.bounds import check_file, decoding, shown
from ecg.formats.clock import Channel, on_one_clock
from ecg.formats.names import lead_name, millivolts, safe_stem
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.formats.wfdb_header import NULL_NAME, Header, check_header, header_of
from ecg.record import ECGRecord, resample

__all__ = ["read_wfdb", "write_wfdb"]

_EXPECTED = "a WFDB record"
#: One digital unit is 1 µV, and the lowest 16-bit value stands for "missing" in format 16 (signal(5)).
_UNITS_PER_MV = 1000
_MISSING_16 = -32768
#: Longest comment line that is written; a header is a text for people.
_LONGEST_COMMENT = 4096


def read_wfdb(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> ECGRecord:
    """Read a WFDB record in any format that the wfdb package reads, FLAC and multi-segment records included.

    Signals at several samples a frame are brought to the highest rate. Signals whose unit is no voltage are left out
    and listed in ``meta["ignored"]``; if all are in ``NU`` (normalised units) they are kept, with
    ``meta["units"] == "NU"``.

    Parameters
    ----------
    path : path-like
        The header, one of its signal files, or the record's name without a suffix.
    options : ReadOptions
        Bounds.

    Returns
    -------
    ECGRecord
        Millivolts; the formats' missing value becomes NaN. ``meta`` holds ``units``, and where known ``age``
        (years), ``sex``, ``comments`` (tuple of str), ``ignored``.

    Raises
    ------
    FormatError
        If the header or a signal file is missing, damaged, too large or outside the header's folder.
    """
    path = Path(path)
    path = header_of(path) or path
    path = check_file(path, options)
    if path.suffix != ".hea":
        raise FormatError(f"{shown(path.name)}: a WFDB header must be called NAME.hea; rename it and keep its .dat")
    with decoding(path, _EXPECTED):
        header = check_header(path, options)
        meta = {"units": "mV", **_meta_from(header.comments)}
        read_one = _single if header.n_segments is None else _joined
        return read_one(path, header, options, meta)


def _single(path: Path, header: Header, options: ReadOptions, meta: dict[str, Any]) -> ECGRecord:
    """Record of one piece."""
    scales = [millivolts(signal.unit) for signal in header.signals]
    if all(signal.unit == "NU" for signal in header.signals):
        scales, meta["units"] = [1.0] * len(scales), "NU"
    if not any(scale is not None for scale in scales):
        units = ", ".join(sorted({signal.unit for signal in header.signals}))
        raise FormatError(
            f"{shown(path.name)}: expected at least one signal in volts, got {shown(units)}; choose an ECG record"
        )
    ignored = tuple(signal.name for signal, scale in zip(header.signals, scales, strict=True) if scale is None)
    if ignored:
        meta["ignored"] = ignored
    channels = [
        Channel(lead_name(signal.name), np.asarray(samples) * scale, header.fs * signal.per_frame)
        for signal, samples, scale in zip(header.signals, _physical(path, header), scales, strict=True)
        if scale is not None
    ]
    return on_one_clock(channels, path.name, options, meta)


def _physical(path: Path, header: Header) -> Sequence[NDArray[Any]]:
    """Read the samples of each signal in its own unit."""
    signals = header.signals
    forms = {(signal.file, signal.format, signal.per_frame, signal.skew, signal.offset) for signal in signals}
    if forms != {(signals[0].file, 16, 1, 0, 0)}:
        import wfdb

        stem = path.resolve().parent / path.name.removesuffix(".hea")
        others: Sequence[NDArray[Any]] = wfdb.rdrecord(str(stem), smooth_frames=False).e_p_signal
        return others
    # The commonest form: one file of format 16. On PTB-XL at 100 Hz 5 times faster than the library.
    stored = np.fromfile(path.with_name(signals[0].file), dtype="<i2")
    n_samples = header.n_samples or stored.size // len(signals)
    if stored.size < n_samples * len(signals) or n_samples == 0:
        raise FormatError(
            f"{shown(path.name)}: expected {n_samples * len(signals)} samples, {shown(signals[0].file)} holds "
            f"{stored.size}; it is truncated, copy it again"
        )
    digital = stored[: n_samples * len(signals)].reshape(n_samples, len(signals)).T
    baseline = np.array([signal.baseline for signal in signals], dtype=np.float64)[:, None]
    physical = (digital - baseline) / np.array([signal.gain for signal in signals])[:, None]
    physical[digital == _MISSING_16] = np.nan
    return list(physical)


def _joined(path: Path, header: Header, options: ReadOptions, meta: dict[str, Any]) -> ECGRecord:
    """Record of many segments, each read by itself: gain, unit and the set of leads may change between them."""
    parts: list[tuple[float, ECGRecord]] = []
    start = 0
    for name, length in header.segments:
        if name != NULL_NAME and length > 0:  # a segment of no length is the layout of the others, header(5)
            below = path.with_name(f"{name}.hea")
            part = _single(below, check_header(below, options, segment=True), options, {})
            parts.append((start / header.fs, part))
        start += length
    if not parts:
        raise FormatError(f"{shown(path.name)}: expected at least one segment with samples, got none; check the record")
    fs = max(part.fs for _, part in parts)
    leads = tuple(dict.fromkeys(lead for _, part in parts for lead in part.leads))
    signal = np.full((len(leads), round(start / header.fs * fs)), np.nan, dtype=np.float32)
    for start_s, part in parts:
        first, even = round(start_s * fs), resample(part, fs)
        for lead in part.leads:
            place = signal[leads.index(lead), first : first + even.n_samples]
            place[:] = even[lead][: place.size]
    return ECGRecord(signal, fs, leads, meta)


_AGE = re.compile(r"<?\bage\b>?\s*[:=]?\s*(\d+(?:\.\d+)?)", re.I)
_SEX = re.compile(r"<?\b(?:sex|gender)\b>?\s*[:=]?\s*(male|female|m|f)\b", re.I)


def _meta_from(comments: tuple[str, ...]) -> dict[str, Any]:
    """Age and sex from PhysioNet's two habits, ``Age: 56`` and ``<age>: 56 <sex>: M``, and the comments themselves."""
    meta: dict[str, Any] = {}
    text = "\n".join(comments)
    if age := _AGE.search(text):
        meta["age"] = float(age.group(1))
    if sex := _SEX.search(text):
        meta["sex"] = sex.group(1)[0].upper()
    if comments:
        meta["comments"] = comments
    return meta


def write_wfdb(record: ECGRecord, folder: str | os.PathLike[str], stem: str) -> Path:
    """Write ``STEM.dat`` (format 16, 1000 units per mV, missing = -32768) and then ``STEM.hea``.

    Both appear whole, the header last: where a header stands, its signals are there.

    Parameters
    ----------
    record : ECGRecord
        ``meta["units"]`` is written as the unit (``mV`` unless it says ``NU``); ``age``, ``sex`` and ``comments``
        become comment lines.
    folder : path-like
        Made where it is missing.
    stem : str
        Mended by `safe_stem`: wfdb takes no blanks or brackets in a record's name.

    Returns
    -------
    Path
        The header.

    Raises
    ------
    RecordError
        If a sample lies outside ±32.767 mV, which 16 bits cannot hold at this gain.

    Examples
    --------
    >>> import tempfile
    >>> record = ECGRecord(np.array([[0.1, np.nan]]), 500, ("II",))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     header = write_wfdb(record, folder, "scan 3 (1)")
    ...     header.name, read_wfdb(header)["II"].round(3).tolist()
    ('scan_3__1_.hea', [0.10000000149011612, nan])
    """
    stem = safe_stem(stem)
    digital = _digitise(record)
    units = str(record.meta.get("units", "mV"))
    header = [f"{stem} {len(record.leads)} {record.fs:.10g} {record.n_samples}"]
    for lead, row in zip(record.leads, digital, strict=True):
        checksum = int(row.astype(np.int64).sum()) % 65536  # 16-bit sum of the samples, header(5)
        name = shown(lead).encode("ascii", "replace").decode()
        header.append(f"{stem}.dat 16 {_UNITS_PER_MV}(0)/{units} 16 0 {row[0]} {checksum} 0 {name}")
    header += [f"# {line}" for line in _comments_from(record.meta)]
    folder = Path(folder)
    with replacing(folder / f"{stem}.dat") as temporary:
        temporary.write_bytes(np.ascontiguousarray(digital.T).astype("<i2").tobytes())
    with replacing(folder / f"{stem}.hea") as temporary:
        temporary.write_text("\n".join(header) + "\n", encoding="utf-8", newline="\n")
    return folder / f"{stem}.hea"


def _digitise(record: ECGRecord) -> NDArray[np.int16]:
    scaled = np.rint(record.signal.astype(np.float64) * _UNITS_PER_MV)
    for lead, row in zip(record.leads, scaled, strict=True):
        peak = np.nanmax(np.abs(row), initial=0.0)
        if peak > -_MISSING_16 - 1:
            raise RecordError(
                f"lead {lead} reaches {peak / _UNITS_PER_MV:.3f} mV; WFDB format 16 at 1000 units per mV holds "
                "±32.767 mV: remove the offset or check the gain"
            )
    return np.where(np.isfinite(scaled), scaled, _MISSING_16).astype(np.int16)


def _comments_from(meta: Mapping[str, Any]) -> list[str]:
    given = meta.get("comments") or ()
    lines = [shown(line, _LONGEST_COMMENT) for line in ((given,) if isinstance(given, str) else given)]
    text = "\n".join(lines)
    if meta.get("age") is not None and not _AGE.search(text):
        lines.insert(0, f"Age: {float(meta['age']):g}")
    if meta.get("sex") in ("M", "F") and not _SEX.search(text):
        lines.insert(0, f"Sex: {meta['sex']}")
    return lines
