"""WFDB records (``.hea`` and its signal files), read with the wfdb package and written as format 16.

The header and signal formats are those of the WFDB Applications Guide, header(5) and signal(5)
(Moody, https://physionet.org/physiotools/wag/).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError, RecordError
from ecg.formats.atomic import replacing
from ecg.formats.bounds import check_file, check_samples, decoding, shown
from ecg.formats.clock import Channel, on_one_clock
from ecg.formats.names import lead_name, millivolts, safe_stem
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.record import ECGRecord, resample

__all__ = ["header_of", "is_header", "read_wfdb", "write_wfdb"]

_EXPECTED = "a WFDB record"
#: A record line: name, optional segments, number of signals, then at most numbers, times and dates.
_RECORD_LINE = re.compile(r"[-\w]+(/\d+)?[ \t]+\d+([ \t]+[\d.,/()eE+:-]+)*[ \t]*")
#: A signal line starts with a file name and a format.
_SIGNAL_LINE = re.compile(r"\S+[ \t]+\d+(x\d+)?(:\d+)?(\+\d+)?([ \t].*)?")
#: Unit behind the gain of a signal line, which the wfdb package reads as ASCII: it would turn µV into V.
_UNIT = re.compile(r"\S+[ \t]+\S+[ \t]+[-+\d.eE]+(?:\(-?\d+\))?/(\S+)")
#: Largest header: 64 KiB hold hundreds of signals; multi-segment records of days stay below it.
_MAX_HEADER_BYTES = 1 << 20
#: One digital unit is 1 µV, and the lowest 16-bit value stands for "missing" in format 16 (signal(5)).
_UNITS_PER_MV = 1000
_MISSING_16 = -32768


@dataclass(frozen=True)
class _Header:
    """Lines of a header file: record line, signal or segment lines, comments without ``#``; and wfdb's view of it."""

    record_line: str
    lines: tuple[str, ...]
    comments: tuple[str, ...]
    fields: Any = None

    @property
    def is_multi_segment(self) -> bool:
        return "/" in self.record_line.split()[0]


def _parse_header(raw: bytes) -> _Header | None:
    if b"\x00" in raw:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    comments = tuple(line.lstrip("# \t") for line in lines if line.startswith("#"))
    body = [line for line in lines if not line.startswith("#")]
    if not body or not _RECORD_LINE.fullmatch(body[0]):
        return None
    return _Header(body[0], tuple(body[1:]), comments)


def is_header(head: bytes) -> bool:
    """Whether the first bytes of a file are a WFDB header.

    Parameters
    ----------
    head : bytes
        The start of the file; its last line may be cut.
    """
    header = _parse_header(head)
    if header is None:
        return False
    if header.is_multi_segment:
        return all(re.fullmatch(r"[-\w.~/\\:]+[ \t]+\d+", line) for line in header.lines[:1])
    return all(_SIGNAL_LINE.fullmatch(line) for line in header.lines[:1])


def header_of(path: Path) -> Path | None:
    """Header that a signal file or a bare record name belongs to, or None.

    A signal file belongs to the header of its own stem if that header names it.
    """
    try:
        beside = path.with_suffix(".hea")
        if not path.exists():
            beside = path.with_name(path.name + ".hea")
            return beside if beside.is_file() else None
    except (OSError, ValueError):  # a path without a name, or with one that no file can have
        return None
    if path.suffix == ".hea" or not beside.is_file():
        return None
    header = _parse_header(_head(beside))
    named = header is not None and any(line.split()[0] == path.name for line in header.lines)
    return beside if named else None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_HEADER_BYTES)


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
        header = _check_header(path, options)
        meta = {"units": "mV", **_meta_from(header.comments)}
        if header.is_multi_segment:
            return _joined(path, header, options, meta)
        return _single(path, header, options, meta)


def _single(path: Path, header: _Header, options: ReadOptions, meta: dict[str, Any]) -> ECGRecord:
    """Record of one segment, whose header was checked."""
    fields, signals = _physical(path, header)
    units = [_unit(line, unit) for line, unit in zip(header.lines, fields.units, strict=True)]
    scales = [millivolts(unit) for unit in units]
    if all(unit == "NU" for unit in units):
        scales, meta["units"] = [1.0] * len(units), "NU"
    names = [str(name or "") for name in fields.sig_name]
    if not any(scale is not None for scale in scales):
        raise FormatError(
            f"{shown(path.name)}: expected at least one signal in volts, got {shown(', '.join(sorted(set(units))))}; "
            "choose an ECG record"
        )
    ignored = tuple(name for name, scale in zip(names, scales, strict=True) if scale is None)
    if ignored:
        meta["ignored"] = ignored
    channels = [
        Channel(lead_name(name), np.asarray(samples) * scale, fields.fs * per_frame)
        for name, samples, scale, per_frame in zip(names, signals, scales, fields.samps_per_frame, strict=True)
        if scale is not None
    ]
    return on_one_clock(channels, path.name, options, meta)


def _physical(path: Path, header: _Header) -> tuple[Any, Sequence[NDArray[Any]]]:
    """Header fields, and the samples of each signal in its own unit."""
    import wfdb

    fields = header.fields
    plain = set(fields.fmt) == {"16"} and len(set(fields.file_name)) == 1 and set(fields.samps_per_frame) == {1}
    if not plain or any(fields.skew) or any(fields.byte_offset):
        raw = wfdb.rdrecord(_record_name(path), smooth_frames=False)
        return raw, raw.e_p_signal
    # The commonest form, read here because the library parses the header once more: 3 times slower on PTB-XL.
    stored = np.fromfile(path.with_name(fields.file_name[0]), dtype="<i2")
    n_samples = fields.sig_len or stored.size // fields.n_sig
    if stored.size < n_samples * fields.n_sig:
        raise FormatError(
            f"{shown(path.name)}: expected {n_samples * fields.n_sig} samples, {shown(fields.file_name[0])} holds "
            f"{stored.size}; it is truncated, copy it again"
        )
    digital = stored[: n_samples * fields.n_sig].reshape(n_samples, fields.n_sig).T
    physical = (digital - np.array(fields.baseline, dtype=np.float64)[:, None]) / np.array(fields.adc_gain)[:, None]
    physical[digital == _MISSING_16] = np.nan
    return fields, physical


def _joined(path: Path, header: _Header, options: ReadOptions, meta: dict[str, Any]) -> ECGRecord:
    """Record of many segments, each read by itself: gain, unit and the set of leads may change between them."""
    fields = header.fields
    parts: list[tuple[float, ECGRecord]] = []
    start = 0
    for segment, length in zip(fields.seg_name, fields.seg_len, strict=True):
        if segment != "~" and length > 0:  # a segment of no length is the layout of the others, header(5)
            below = path.with_name(f"{segment}.hea")
            part = _single(below, _check_header(below, options, segment=True), options, {})
            parts.append((start / fields.fs, part))
        start += length
    if not parts:
        raise FormatError(f"{shown(path.name)}: expected at least one segment with samples, got none; check the record")
    fs = max(part.fs for _, part in parts)
    leads = tuple(dict.fromkeys(lead for _, part in parts for lead in part.leads))
    signal = np.full((len(leads), round(start / fields.fs * fs)), np.nan, dtype=np.float32)
    for start_s, part in parts:
        first, even = round(start_s * fs), resample(part, fs)
        for lead in part.leads:
            place = signal[leads.index(lead), first : first + even.n_samples]
            place[:] = even[lead][: place.size]
    return ECGRecord(signal, fs, leads, meta)


def _record_name(path: Path) -> str:
    """Return the name by which wfdb finds a record: the absolute path of its header without the suffix."""
    return str(path.resolve().parent / path.name.removesuffix(".hea"))


def _unit(line: str, fallback: str) -> str:
    match = _UNIT.match(line)
    return match.group(1) if match else fallback


def _check_header(path: Path, options: ReadOptions, segment: bool = False) -> _Header:
    """Check what a header claims and points to before wfdb follows it."""
    import wfdb

    name = shown(path.name)
    if path.stat().st_size > _MAX_HEADER_BYTES:
        raise FormatError(f"{name}: a WFDB header of more than 1 MiB; check that it is one")
    header = _parse_header(_head(path))
    if header is None:
        raise FormatError(
            f"{name}: expected a WFDB header (NAME SIGNALS RATE SAMPLES), got something else; check the file"
        )
    for line in header.lines:
        _check_plain_name(line.split()[0], name)
    fields = wfdb.rdheader(_record_name(path))
    if header.is_multi_segment:
        if segment:
            raise FormatError(f"{name}: a multi-segment header inside another; name the record's outermost header")
        _check_segments(path, fields, options)
    else:
        _check_signals(path, fields, len(header.lines), options)
    return replace(header, fields=fields)


def _check_plain_name(target: str, name: str) -> None:
    """Let a header name files beside it only: no folders, absolute paths or addresses."""
    if re.search(r"[/\\:]", target) or target in ("..", "."):
        raise FormatError(
            f"{name}: the header points to {shown(target)!r}, outside its own folder; put the signal file beside the "
            "header and name it plainly"
        )


def _check_segments(path: Path, fields: Any, options: ReadOptions) -> None:
    check_samples(float(sum(fields.seg_len)) * max(fields.n_sig, 1), path.name, options)
    if len(fields.seg_name) != fields.n_seg:
        raise FormatError(
            f"{shown(path.name)}: the header claims {fields.n_seg} segments and lists {len(fields.seg_name)}; "
            "it is truncated or damaged, copy it again"
        )
    for segment in set(fields.seg_name) - {"~"}:
        below = check_file(path.with_name(segment + ".hea"), options)
        _check_header(below, options, segment=True)


def _check_signals(path: Path, fields: Any, n_lines: int, options: ReadOptions) -> None:
    name = shown(path.name)
    if fields.n_sig != n_lines or n_lines == 0:
        raise FormatError(
            f"{name}: the header claims {fields.n_sig} signals and describes {n_lines}; it is truncated, damaged or "
            "its record name holds blanks, write it again"
        )
    per_frame = sum(fields.samps_per_frame)
    check_samples(float(fields.sig_len or 1) * per_frame, name, options)
    if any((skew or 0) > (fields.sig_len or 0) for skew in fields.skew):
        raise FormatError(f"{name}: a signal's skew exceeds the record's length; correct the header")
    # "~" is the null file of a layout header (header(5)); nothing is read from it.
    for target in set(fields.file_name) - {"~"}:
        if not path.with_name(target).is_file():
            raise FormatError(f"{name}: its signal file {shown(target)} is missing; put it beside the header")
        check_file(path.with_name(target), options)


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
    lines = [shown(line, _MAX_HEADER_BYTES) for line in ((given,) if isinstance(given, str) else given)]
    text = "\n".join(lines)
    if meta.get("age") is not None and not _AGE.search(text):
        lines.insert(0, f"Age: {float(meta['age']):g}")
    if meta.get("sex") in ("M", "F") and not _SEX.search(text):
        lines.insert(0, f"Sex: {meta['sex']}")
    return lines
