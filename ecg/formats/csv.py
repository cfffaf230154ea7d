"""Tables of samples: one column a lead, with or without a header and a time column."""

from __future__ import annotations

import csv
import io
import os
import re
from array import array
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError
from ecg.formats.atomic import replacing
from ecg.formats.bounds import check_file, check_samples, decoding, shown
from ecg.formats.names import lead_name, millivolts, unique_names
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.record import LEADS, ECGRecord

__all__ = ["decode_text", "looks_like_table", "read_csv", "write_csv"]

_EXPECTED = "a CSV table of samples"
#: Rows from which the printed decimals of a column are taken; trailing zeros may be cut in some of them.
_ROWS_LOOKED_AT = 50
_MISSING = frozenset(("", "nan", "na", "n/a", "null", "none", "-"))
_TIME = re.compile(
    r"(?:time|zeit|t|timestamp|elapsed)?[\s_\[(/]*(s|sec|secs|seconds?|ms|msec|milliseconds?)?[\])\s]*", re.I
)
_INDEX = re.compile(r"(?:index|sample|samples|sample[\s_]?(?:no|number|index)|n|#)?", re.I)
_UNIT = re.compile(r"^(.*?)[\s_]*[\s_\[(]\s*(mv|uv|µv|μv|v|nv)\s*[\])]?$", re.I)
#: A step below this is in seconds, above the next in milliseconds: rates from 50 Hz to 10 kHz leave no overlap.
_LONGEST_STEP_S = 0.02
_SHORTEST_STEP_MS = 0.1
_LONGEST_STEP_MS = 20.0
#: How far a time may lie from an even clock: in samples, or in units of its last printed digit where those are coarser
#: (rounding moves it by half a digit, and the fitted clock by a little more).
_UNEVEN_SAMPLES = 0.1
_UNEVEN_DIGITS = 0.65
#: No ECG swings further: electrodes drift by up to ±300 mV (IEC 60601-2-25), but the signal itself stays below 20 mV
#: with pacing spikes. A larger span means that the unit is not millivolts.
_LARGEST_SPAN_MV = 50.0


@dataclass(frozen=True, eq=False)
class _Table:
    """Columns as text said them: header fields (or None), values [rows, columns], printed decimals of each column."""

    header: list[str] | None
    values: NDArray[np.float64]
    decimals: list[int]


@dataclass(frozen=True, eq=False)
class _Time:
    """A time column in seconds, and the value of its last printed digit: times are as uneven as they were rounded."""

    seconds: NDArray[np.float64]
    resolution_s: float


def decode_text(raw: bytes) -> str | None:
    """Text of a file in UTF-8, UTF-16 with its mark, or Windows-1252; None where it is binary."""
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = raw[: len(raw) // 2 * 2].decode("utf-16")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            return None
    return None if re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text) else text


def looks_like_table(text: str) -> bool:
    """Whether one of the first lines of a text holds numbers only."""
    lines = [line for line in text.splitlines()[:50] if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return False
    delimiter = _delimiter(lines)
    return any(_is_numeric(_fields(line, delimiter), delimiter) for line in lines)


def _delimiter(lines: list[str]) -> str:
    # A semicolon or tab never stands inside a number; a comma may.
    return next((d for d in ";\t," if any(d in line for line in lines[:5])), ",")


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _number(field: str, delimiter: str) -> float:
    text = field.strip()
    if text.lower() in _MISSING:
        return float("nan")
    if delimiter != "," and "," in text and "." not in text:
        text = text.replace(",", ".")
    if "_" in text:  # Python reads 1_000 as a number; no table means that
        raise ValueError(field)
    return float(text)


def _is_numeric(fields: list[str], delimiter: str) -> bool:
    try:
        values = [_number(field, delimiter) for field in fields]
    except ValueError:
        return False
    return any(value == value for value in values)


def read_csv(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> ECGRecord:
    """Read a table of samples: one column a lead, rows in time.

    Separators comma, semicolon or tab; a decimal comma is understood with the last two. Lines that start with ``#``
    are skipped. A header is optional: without one, twelve columns are I to V6 in standard order and a single column
    is called ``ECG``, unless ``options.leads`` names them. Columns may carry their unit (``I_mV``, ``V1 [uV]``);
    the others are in ``options.units``.

    A time column is told by its header (``time_s``, ``t``, ``ms``) or, without a header, by being one column more than
    1 or 12 and rising evenly. Its unit comes from the header, or from the step: up to 0.02 it is seconds, from 0.1 to
    20 it is milliseconds (50 Hz to 10 kHz either way). Without a time column the rate is ``options.fs``.

    Parameters
    ----------
    path : path-like
    options : ReadOptions
        ``fs``, ``units``, ``leads`` and the bounds.

    Returns
    -------
    ECGRecord
        Empty fields are NaN. ``meta["assumed"]`` lists what the file does not say.

    Raises
    ------
    FormatError
        If the rate is unknown or contradicts ``options.fs``, the time is uneven, a row has other columns than the
        first, a field is no number, or the values cannot be millivolts.
    """
    path = check_file(path, options)
    with decoding(path, _EXPECTED):
        table = _parse(path, options)
        time, rest = _split_time(table, path.name, options)
        fs = _rate(time, path.name, options)
        values = table.values[:, rest]
        names, given, assumed = _columns(table, rest, path.name, options)
        signal = (values * [millivolts(unit or options.units) or 1.0 for unit in given]).T
        _check_values(signal, np.array([unit is None for unit in given]), path.name)
        meta: dict[str, Any] = {"units": "mV"} | ({"assumed": assumed} if assumed else {})
        return ECGRecord(signal.astype(np.float32), fs, names, meta)


def _parse(path: Path, options: ReadOptions) -> _Table:
    name = shown(path.name)
    text = decode_text(path.read_bytes())
    if text is None:
        raise FormatError(f"{name}: expected {_EXPECTED}, got binary data; export it as text")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise FormatError(f"{name}: expected {_EXPECTED}, got no line of data; export it again")
    delimiter = _delimiter(lines)
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    first = next(rows)
    header = None if _is_numeric(first, delimiter) else [field.strip() for field in first]
    values, decimals, n_rows = array("d"), [0] * len(first), 0
    for n_rows, row in enumerate(rows if header else chain([first], rows), 1):
        if len(row) != len(first):
            raise FormatError(
                f"{name}: row {n_rows} has {len(row)} fields where the first line has {len(first)}; "
                "the file is truncated or mixes separators, export it again"
            )
        try:
            values.extend([_number(field, delimiter) for field in row])
        except ValueError:
            raise FormatError(
                f"{name}: row {n_rows} holds {shown(row)[:60]}, expected numbers; correct or remove it"
            ) from None
        if n_rows <= _ROWS_LOOKED_AT:
            decimals = [max(d, len(re.sub(r"^[^.,]*[.,]?", "", f.strip()))) for d, f in zip(decimals, row, strict=True)]
    check_samples(len(values), name, options)
    return _Table(header, np.frombuffer(values, dtype=np.float64).reshape(n_rows, len(first)), decimals)


def _split_time(table: _Table, name: str, options: ReadOptions) -> tuple[_Time | None, list[int]]:
    """Time column (or None) and the columns that hold leads."""
    columns = list(range(table.values.shape[1]))
    at, unit = None, ""
    if table.header is not None:
        matches = {c: _TIME.fullmatch(field) for c, field in enumerate(table.header) if field}
        times = {c: match.group(1) or "" for c, match in matches.items() if match}
        columns = [c for c in columns if c not in times and not _INDEX.fullmatch(table.header[c])]
        if not columns:
            raise FormatError(f"{shown(name)}: expected at least one column of samples beside the time; add one")
        if times:
            at, unit = next(iter(times.items()))
    elif len(columns) in (2, 13) and len(table.values) > 2 and np.all(np.diff(table.values[:, 0]) > 0):
        at, columns = 0, columns[1:]
    if at is None:
        return None, columns
    seconds_per = _seconds_per(unit.lower(), table.values[:, at], name, options)
    return _Time(table.values[:, at] * seconds_per, seconds_per * 10.0 ** -table.decimals[at]), columns


def _seconds_per(unit: str, time: NDArray[np.float64], name: str, options: ReadOptions) -> float:
    """Seconds in one unit of a time column."""
    if unit:
        return 1e-3 if unit.startswith("m") else 1.0
    step = float(np.nanmedian(np.diff(time))) if time.size > 1 else float("nan")
    counts = step == 1.0 and bool(np.all(time == np.rint(time)))  # may be samples, or milliseconds at 1000 Hz
    if counts and options.fs is not None:
        return 1.0 / options.fs
    if 0 < step <= _LONGEST_STEP_S:
        return 1.0
    if _SHORTEST_STEP_MS <= step <= _LONGEST_STEP_MS and not counts:
        return 1e-3
    raise FormatError(
        f"{shown(name)}: the time column steps by {step:g}, which may be samples, seconds or milliseconds; "
        "name its unit in the header (time_s, time_ms) or pass --fs"
    )


def _rate(column: _Time | None, name: str, options: ReadOptions) -> float:
    name = shown(name)
    if column is None:
        if options.fs is None:
            raise FormatError(
                f"{name}: the file has no time column, so its sampling rate is unknown; pass --fs RATE in Hz"
            )
        return float(options.fs)
    time, printed = column.seconds, column.resolution_s
    if time.size < 2 or not np.isfinite(time).all():
        raise FormatError(f"{name}: expected a time in every one of at least two rows; fill the time column")
    span = float(time[-1] - time[0])
    if not span > 0:
        raise FormatError(f"{name}: expected rising times, got {time[0]:g} to {time[-1]:g} s; sort the rows by time")
    k = np.arange(time.size) - (time.size - 1) / 2
    interval = float(k @ time / (k @ k))  # least squares, so that the rounding of single times averages out
    fs = 1.0 / interval
    off = np.abs(time - time.mean() - k * interval) * fs
    step = np.diff(time) * fs
    if off.max() > max(_UNEVEN_SAMPLES, _UNEVEN_DIGITS * printed * fs) or step.min() < 0.5 or step.max() > 1.5:
        worst = int(np.argmax(np.abs(step - 1))) + 1
        raise FormatError(
            f"{name}: the time column is uneven (row {worst} to {worst + 1} steps by {step[worst - 1]:.2f} samples); "
            "resample it evenly first, or remove the column and pass --fs"
        )
    whole = round(fs)
    if whole and abs(fs - whole) / fs <= 2 * printed / span + 1e-9:
        fs = float(whole)
    if options.fs is not None and abs(fs / options.fs - 1) > 1e-3:
        raise FormatError(
            f"{name}: the time column says {fs:g} Hz and --fs says {options.fs:g} Hz; drop one of the two"
        )
    return fs


def _columns(
    table: _Table, rest: list[int], name: str, options: ReadOptions
) -> tuple[tuple[str, ...], list[str | None], tuple[str, ...]]:
    """Lead names, units (None where the header gives none) and assumptions of the columns that hold samples."""
    assumed: list[str] = []
    units: list[str | None]
    if table.header is not None:
        matches = [_UNIT.match(table.header[c]) for c in rest]
        bare = [m.group(1) if m else table.header[c] for m, c in zip(matches, rest, strict=True)]
        units = [m.group(2) if m else None for m in matches]
        names = tuple(lead_name(b) for b in bare)
    else:
        units = [None] * len(rest)
        names = options.leads or {1: ("ECG",), 12: LEADS}.get(len(rest), ())
        if len(names) != len(rest):
            raise FormatError(
                f"{shown(name)}: {len(rest)} columns and no header; expected 1 or 12 leads (and a time column), "
                "add a header with the leads' names"
            )
        if options.leads is None and len(rest) > 1:
            assumed.append("standard lead order")
    if None in units and options.units == "mV":
        assumed.append("millivolts")
    return unique_names(names), units, tuple(assumed)


def _check_values(signal: NDArray[np.float64], unnamed: NDArray[np.bool_], name: str) -> None:
    """Refuse values that cannot be millivolts, whatever their offset, in columns whose unit was taken for granted."""
    if np.isinf(signal).any():
        raise FormatError(f"{shown(name)}: expected finite numbers, got infinity; leave missing samples empty")
    present = np.isfinite(signal).any(axis=1)
    if not present.any():
        raise FormatError(f"{shown(name)}: expected samples, every field is empty; export it again")
    if not (present & unnamed).any():
        return
    low, high = np.nanpercentile(signal[present & unnamed], [0.5, 99.5], axis=1)  # a few spikes do not decide
    if (high - low).max() > _LARGEST_SPAN_MV:
        raise FormatError(
            f"{shown(name)}: a lead spans {(high - low).max():.4g} mV, which no ECG does; name the unit in the header "
            "(I_uV) or pass units"
        )


def write_csv(record: ECGRecord, path: str | os.PathLike[str]) -> Path:
    """Write ``time_s`` and one column a lead in mV; missing samples are empty fields.

    Times carry 6 decimals (1 µs), samples 6 (1 nV).

    Parameters
    ----------
    record : ECGRecord
    path : path-like

    Returns
    -------
    Path
        The file.
    """
    path = Path(path)
    header = ["time_s", *unique_names(_safe_header(lead) for lead in record.leads)]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(header) + "\n")
        for k, row in enumerate(record.signal.T.tolist()):
            fields = ["" if value != value else f"{value:.6f}" for value in row]
            file.write(f"{k / record.fs:.6f},{','.join(fields)}\n")
    return path


def _safe_header(lead: str) -> str:
    """Lead name that is neither a separator, a quote nor a formula to the program that opens the table."""
    return re.sub(r"^[=+@-]", "_", re.sub(r"[,;\t\r\n\"']", "_", shown(lead)))
