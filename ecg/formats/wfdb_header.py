"""Headers of WFDB records, parsed and checked before anything that they name is opened.

The grammar and the defaults are those of the WFDB Applications Guide, header(5)
(Moody, https://physionet.org/physiotools/wag/). Headers are parsed here and not by the wfdb package, which reads them
as ASCII and so turns µV into V.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ecg.errors import FormatError
from ecg.formats.bounds import check_file, check_samples, shown
from ecg.formats.options import ReadOptions

__all__ = ["NULL_NAME", "Header", "SignalLine", "check_header", "header_of", "is_header"]

#: Largest header: hundreds of signals or the segments of days take some 100 KiB.
_MAX_HEADER_BYTES = 1 << 20
#: What header(5) takes where a line does not say it.
_DEFAULT_RATE_HZ = 250.0
_DEFAULT_GAIN = 200.0
_DEFAULT_UNIT = "mV"
#: The file name that stands for "nothing recorded here", header(5).
NULL_NAME = "~"

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RECORD_LINE = re.compile(
    rf"[-\w]+(?:/(?P<segments>\d+))?[ \t]+(?P<signals>\d+)"
    rf"(?:[ \t]+(?P<fs>{_NUMBER})(?:/\S+)?(?:[ \t]+(?P<samples>\d+)(?:[ \t]+[\d:.]+(?:[ \t]+[\d/]+)?)?)?)?"
)
_SIGNAL_LINE = re.compile(
    rf"(?P<file>\S+)[ \t]+(?P<format>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?"
    rf"(?:[ \t]+(?P<gain>{_NUMBER})(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>\S+))?"
    # ADC resolution, ADC zero, first value, checksum, block size; then the name
    r"(?:[ \t]+\d+(?:[ \t]+(?P<zero>-?\d+)(?:[ \t]+-?\d+){0,3})?)?(?:[ \t]+(?P<name>\S.*))?)?"
)
_SEGMENT_LINE = re.compile(r"(?P<name>\S+)[ \t]+(?P<samples>\d+)")


@dataclass(frozen=True)
class SignalLine:
    """One signal of a record.

    Parameters
    ----------
    file : str
        Name of the signal file.
    format : int
        Number of its format, signal(5).
    per_frame : int
        Samples a frame: the signal's rate is this many times the record's.
    skew, offset : int
        Samples by which the signal is delayed; bytes before its first sample.
    gain : float
        Digital units per physical unit.
    baseline : int
        Digital value of physical zero.
    unit, name : str
    """

    file: str
    format: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    unit: str
    name: str


@dataclass(frozen=True)
class Header:
    """A header file.

    Parameters
    ----------
    n_signals : int
        As the first line claims.
    fs : float
        Frames a second.
    n_samples : int or None
        Frames; None where the header does not say.
    n_segments : int or None
        None in a record of one piece.
    signals : tuple of SignalLine
    segments : tuple of (str, int)
        Record name and number of frames of each segment.
    comments : tuple of str
        Without their ``#``.
    """

    n_signals: int
    fs: float
    n_samples: int | None
    n_segments: int | None
    signals: tuple[SignalLine, ...]
    segments: tuple[tuple[str, int], ...]
    comments: tuple[str, ...]


def _lines(raw: bytes) -> tuple[list[str], tuple[str, ...]]:
    """Lines of a header and its comments."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    body = [line for line in lines if not line.startswith("#")]
    return body, tuple(line.lstrip("# \t") for line in lines if line.startswith("#"))


def is_header(head: bytes) -> bool:
    """Whether the first bytes of a file are a WFDB header; the last line may be cut."""
    body, _ = _lines(head)
    record = _RECORD_LINE.fullmatch(body[0]) if body and b"\x00" not in head else None
    if record is None:
        return False
    line = _SEGMENT_LINE if record["segments"] else _SIGNAL_LINE
    return len(body) == 1 or line.fullmatch(body[1]) is not None


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
    body, _ = _lines(_head(beside))
    return beside if any(line.split()[0] == path.name for line in body[1:]) else None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_HEADER_BYTES)


def _parse(path: Path) -> Header:
    name = shown(path.name)
    body, comments = _lines(_head(path))
    record = _RECORD_LINE.fullmatch(body[0]) if body else None
    if record is None:
        raise FormatError(
            f"{name}: expected a WFDB header (NAME SIGNALS RATE SAMPLES), got something else; check the file"
        )
    signals, segments = [], []
    for line in body[1:]:
        match = (_SEGMENT_LINE if record["segments"] else _SIGNAL_LINE).fullmatch(line)
        if match is None:
            raise FormatError(
                f"{name}: expected a line that describes a signal or segment, got {shown(line, 60)!r}; correct it"
            )
        if record["segments"]:
            segments.append((match["name"], int(match["samples"])))
        else:
            signals.append(_signal(match))
    return Header(
        n_signals=int(record["signals"]),
        fs=float(record["fs"] or _DEFAULT_RATE_HZ),
        n_samples=int(record["samples"] or 0) or None,
        n_segments=int(record["segments"]) if record["segments"] else None,
        signals=tuple(signals),
        segments=tuple(segments),
        comments=comments,
    )


def _signal(match: re.Match[str]) -> SignalLine:
    return SignalLine(
        file=match["file"],
        format=int(match["format"]),
        per_frame=int(match["per_frame"] or 1),
        skew=int(match["skew"] or 0),
        offset=int(match["offset"] or 0),
        gain=float(match["gain"] or 0) or _DEFAULT_GAIN,  # 0 means "not calibrated", for which header(5) takes 200 too
        baseline=int(match["baseline"] or match["zero"] or 0),
        unit=match["unit"] or _DEFAULT_UNIT,
        name=match["name"] or "",
    )


def check_header(path: Path, options: ReadOptions, segment: bool = False) -> Header:
    """Parse a header, and check what it claims and points to before anyone follows it.

    Parameters
    ----------
    path : Path
        The header.
    options : ReadOptions
        Bounds.
    segment : bool
        Whether another header named this one.

    Raises
    ------
    FormatError
        If it is none, contradicts itself, claims too much, or names a file outside its folder or a missing one.
    """
    name = shown(path.name)
    if path.stat().st_size > _MAX_HEADER_BYTES:
        raise FormatError(f"{name}: a WFDB header of more than 1 MiB; check that it is one")
    header = _parse(path)
    if not 0 < header.fs < float("inf"):
        raise FormatError(f"{name}: expected a sampling rate in Hz, got {header.fs:g}; correct the header")
    for target in (*(signal.file for signal in header.signals), *(below for below, _ in header.segments)):
        if re.search(r"[/\\:]", target) or target in ("..", "."):
            raise FormatError(
                f"{name}: the header points to {shown(target)!r}, outside its own folder; put the signal file beside "
                "the header and name it plainly"
            )
    if header.n_segments is None:
        _check_signals(path, header, options)
    elif segment:
        raise FormatError(f"{name}: a multi-segment header inside another; name the record's outermost header")
    else:
        _check_segments(path, header, options)
    return header


def _check_segments(path: Path, header: Header, options: ReadOptions) -> None:
    check_samples(float(sum(n for _, n in header.segments)) * max(header.n_signals, 1), path.name, options)
    if len(header.segments) != header.n_segments:
        raise FormatError(
            f"{shown(path.name)}: the header claims {header.n_segments} segments and lists {len(header.segments)}; "
            "it is truncated or damaged, copy it again"
        )
    for below in {below for below, _ in header.segments} - {NULL_NAME}:
        check_header(check_file(path.with_name(below + ".hea"), options), options, segment=True)


def _check_signals(path: Path, header: Header, options: ReadOptions) -> None:
    name = shown(path.name)
    if header.n_signals != len(header.signals) or not header.signals:
        raise FormatError(
            f"{name}: the header claims {header.n_signals} signals and describes {len(header.signals)}; it is "
            "truncated, damaged or its record name holds blanks, write it again"
        )
    per_frame = sum(signal.per_frame for signal in header.signals)
    check_samples(float(header.n_samples or 1) * per_frame, name, options)
    if any(signal.skew > (header.n_samples or options.max_samples) for signal in header.signals):
        raise FormatError(f"{name}: a signal's skew exceeds the record's length; correct the header")
    for target in {signal.file for signal in header.signals} - {NULL_NAME}:
        if not path.with_name(target).is_file():
            raise FormatError(f"{name}: its signal file {shown(target)} is missing; put it beside the header")
        check_file(path.with_name(target), options)
