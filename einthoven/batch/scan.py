"""Which files an archive has, and what each of them holds."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecg.errors import ECGError, OptionsError
from einthoven.batch.store import file_system, is_url, local_copy
from einthoven.contents import content_sha256, drawn_beside, is_drawn
from einthoven.outputs import one_line

__all__ = ["Listed", "Look", "Seen", "list_source", "look"]

#: Columns of a manifest that may hold the paths, the first that is there; `image` is that of ``einthoven synth``.
_PATH_COLUMNS = ("path", "file", "image", "filename")
_TABLES = (".csv", ".tsv", ".txt", ".lst", ".parquet")


@dataclass(frozen=True)
class Listed:
    """A file that is there, or that a manifest names.

    Parameters
    ----------
    path : str
    stamp : str
        Changes when the file does: size and time, or an object's tag.
    error : str or None
        Why it cannot be looked at.
    """

    path: str
    stamp: str
    error: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a file holds.

    Parameters
    ----------
    path : str
    kind : str
        As `ecg.formats.identify` says; empty where the file is left alone.
    sha256 : str
        Empty where the file is left alone or cannot be read.
    error : str
    """

    path: str
    kind: str
    sha256: str = ""
    error: str = ""


@dataclass(frozen=True)
class Look:
    """How files are looked at.

    Parameters
    ----------
    records : bool
        Whether records count, or pages alone.
    named : bool
        Whether a person named each file: then one of another kind is an error, not something to leave alone.
    """

    records: bool
    named: bool


def list_source(source: str, out: str) -> tuple[Iterator[Listed], bool]:
    """Files of a folder with its sub-folders, or of a manifest.

    Hidden files and folders, the results' own folder, masks of synthetic pages and overlays of earlier readings are
    left out.

    Parameters
    ----------
    source : str
        Folder, manifest (CSV, TSV or Parquet with a column ``path``, ``file``, ``image`` or ``filename``; a text with
        one path a line; all relative to the manifest's folder), or URL of either.
    out : str
        Where the results go.

    Returns
    -------
    files : iterator of Listed
    named : bool
        Whether it is a manifest.

    Raises
    ------
    OptionsError
        If there is no such thing.
    """
    if is_url(source):
        system, path = file_system(source)
        if system.isdir(path):
            return _remote_folder(system, path, out), False
        if not system.exists(path):
            raise OptionsError(f"{one_line(source)} does not exist")
    elif Path(source).is_dir():
        return _local_folder(source, os.path.realpath(out)), False
    elif not Path(source).exists():
        raise OptionsError(f"{one_line(source)} does not exist; give a folder, or a list of files")
    if not source.lower().endswith(_TABLES):
        raise OptionsError(
            f"expected a folder or a manifest ({', '.join(_TABLES)}), got the file {one_line(source)}; a single file "
            "is read by einthoven digitize, classify or diagnose"
        )
    return map(_stamped, _manifest(source)), True


def _local_folder(folder: str, out: str) -> Iterator[Listed]:
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        try:
            entries = os.scandir(inside)
        except OSError as error:
            if inside == folder:
                raise
            yield Listed(inside, "", f"the folder cannot be listed: {error.strerror}")
            continue
        with entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if os.path.realpath(entry.path) != out:
                        waiting.append(entry.path)
                elif entry.is_file() and not is_drawn(Path(entry.path)):
                    found = entry.stat()
                    yield Listed(entry.path, f"{found.st_size}-{found.st_mtime_ns}")


def _remote_folder(system: Any, root: str, out: str) -> Iterator[Listed]:
    apart = file_system(out)[1] if is_url(out) else None
    for folder, folders, files in system.walk(root, detail=True):
        for name in [n for n in folders if n.startswith(".") or f"{folder.rstrip('/')}/{n}" == apart]:
            del folders[name]
        for name, found in files.items():
            if not name.startswith(".") and not drawn_beside(name, files):
                yield Listed(system.unstrip_protocol(f"{folder.rstrip('/')}/{name}"), _tag(found))


def _tag(found: dict[str, Any]) -> str:
    """Give what changes when an object does: stores call it differently."""
    names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
    return f"{found.get('size')}-{next((found[n] for n in names if found.get(n) is not None), '')}"


def _stamped(path: str) -> Listed:
    """File that a manifest names; one that is not there is an error of its own."""
    try:
        if is_url(path):
            system, remote = file_system(path)
            return Listed(path, _tag(system.info(remote)))
        found = os.stat(path)  # noqa: PTH116 - a str stays a str, undecodable bytes included
        return Listed(path, f"{found.st_size}-{found.st_mtime_ns}")
    except (OSError, ValueError, ECGError) as error:
        why = getattr(error, "strerror", None) or error
        return Listed(path, "", f"expected a file, as the manifest says: {one_line(why)}")


def _manifest(source: str) -> Iterator[str]:
    """Paths of a manifest, made absolute by its own folder where they are relative."""
    base = source.rsplit("/", 1)[0] if "/" in source else ""
    with local_copy(source) as path:
        for name in _manifest_rows(path, source):
            absolute = is_url(name) or name.startswith(("/", "file://", "local://")) or Path(name).is_absolute()
            bare = name.removeprefix("file://").removeprefix("local://")
            yield bare if absolute or not base else f"{base}/{bare}"


def _manifest_rows(path: Path, source: str) -> Iterator[str]:
    if source.lower().endswith(".parquet"):
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        column = _path_column(file.schema_arrow.names, source)
        for batch in file.iter_batches(columns=[column]):
            yield from (str(v) for v in batch.column(0).to_pylist() if v)
        return
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        if source.lower().endswith((".csv", ".tsv")):
            rows = csv.reader(file, delimiter="\t" if source.lower().endswith(".tsv") else ",")
            place = None
            for row in rows:
                if place is None:
                    place = row.index(_path_column(row, source))
                elif len(row) > place and row[place]:
                    yield row[place]
        else:
            yield from (line for line in map(str.strip, file) if line and not line.startswith("#"))


def _path_column(names: list[str], source: str) -> str:
    for name in _PATH_COLUMNS:
        if name in names:
            return name
    raise OptionsError(
        f"the manifest {one_line(source)} has no column {', '.join(_PATH_COLUMNS)}, got {one_line(', '.join(names))}; "
        "name the column of the paths so"
    )


def look(paths: tuple[str, ...], tick: Callable[[], None], how: Look) -> tuple[Seen, ...]:
    """Tell what files hold.

    Parameters
    ----------
    paths : tuple of str
    tick : callable
        Called after each file.
    how : Look

    Returns
    -------
    tuple of Seen
    """
    found = []
    for path in paths:
        found.append(_look(path, how))
        tick()
    return tuple(found)


def _look(path: str, how: Look) -> Seen:
    from ecg import formats
    from ecg.formats.wfdb_header import header_of

    try:
        with local_copy(path) as local:
            if not how.named and header_of(local) is not None:
                return Seen(path, "")  # the signal file of a WFDB record, which its header stands for
            try:
                kind = formats.identify(local)
            except ECGError as error:
                return Seen(path, "", "", one_line(error)) if how.named else Seen(path, "")
            wanted = kind in formats.PAGE_KINDS or (how.records and (how.named or not _is_other_table(local, kind)))
            if wanted:
                return Seen(path, kind, content_sha256(local, kind))
            return Seen(path, "", "", "expected a page, got a record") if how.named else Seen(path, "")
    except OSError as error:
        return Seen(path, "", "", one_line(error.strerror or error))


def _is_other_table(path: Path, kind: str) -> bool:
    """Whether a CSV file in a folder is a list or a summary, not samples."""
    if kind != "csv":
        return False
    from ecg.formats.csv import decode_text, looks_like_table

    with path.open("rb") as file:
        head = file.read(1 << 16)
    text = decode_text(head[: head.rfind(b"\n") + 1] or head)
    return text is None or not looks_like_table(text)
