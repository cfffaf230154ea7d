"""Where files come from and parts go to: this machine's folders, or an object store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecg.errors import OptionsError
from ecg.formats.atomic import replacing
from einthoven.outputs import one_line, output_folder

__all__ = ["Store", "file_system", "is_url", "local_copy", "open_store"]


def is_url(name: str) -> bool:
    """Whether a name leads to an object store, not into this machine's file system.

    Examples
    --------
    >>> is_url("s3://archive/2024"), is_url("/mnt/archive"), is_url("file:///mnt/archive")
    (True, False, False)
    """
    return "://" in name and not name.startswith(("file://", "local://"))


def file_system(url: str) -> tuple[Any, str]:
    """Find the file system of a URL: fsspec's, or pyarrow's own where that lacks the driver, as for S3."""
    import fsspec

    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as missing:
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow import ArrowException
        from pyarrow.fs import FileSystem

        try:
            system, path = FileSystem.from_uri(url)
        except (ArrowException, ValueError, OSError) as error:
            raise OptionsError(
                f"{one_line(url)}: no file system for it: {one_line(missing)}; install fsspec's driver, or take one "
                "that pyarrow has (s3://, gs://, hdfs://)"
            ) from error
        return ArrowFSWrapper(system), path


@dataclass(frozen=True)
class Store:
    """A folder for parts.

    Parameters
    ----------
    root : str
        Path of a local folder, or a URL.
    """

    root: str

    @property
    def local(self) -> Path | None:
        """The folder, where it is one of this machine."""
        return None if is_url(self.root) else Path(self.root)

    def numbers(self, folder: str) -> list[int]:
        """Numbers of the parts in a folder, in order."""
        found = []
        for name in self._names(folder):
            digits = name.removeprefix("part-").removesuffix(".parquet")
            if name == f"part-{digits}.parquet" and digits.isdigit():
                found.append(int(digits))
        return sorted(found)

    def _names(self, folder: str) -> list[str]:
        if self.local is not None:
            there = self.local / folder
            return [entry.name for entry in os.scandir(there)] if there.is_dir() else []
        system, path = file_system(f"{self.root.rstrip('/')}/{folder}")
        try:
            return [str(name).rsplit("/", 1)[-1] for name in system.ls(path, detail=False)]
        except FileNotFoundError:
            return []

    @contextmanager
    def writing(self, folder: str, number: int) -> Iterator[Path]:
        """Give a local name to write a part to; on success it takes its place whole, replacing what was there.

        Parameters
        ----------
        folder : str
        number : int

        Yields
        ------
        Path
        """
        name = part_name(number)
        if self.local is not None:
            with replacing(self.local / folder / name) as temporary:
                yield temporary
                # A rename outlives a power cut; what was written before it does so only once it is on the disk.
                _flush(temporary)
            return
        with tempfile.TemporaryDirectory(prefix="einthoven-") as here:
            yield Path(here) / name
            system, path = file_system(f"{self.root.rstrip('/')}/{folder}/{name}")
            system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            system.put_file(str(Path(here) / name), path)  # object stores show an object when it is whole

    @contextmanager
    def reading(self, folder: str, number: int) -> Iterator[Any]:
        """Open a part as a file."""
        name = f"{folder}/{part_name(number)}"
        if self.local is not None:
            with (self.local / name).open("rb") as file:
                yield file
            return
        system, path = file_system(f"{self.root.rstrip('/')}/{name}")
        with system.open(path, "rb") as file:
            yield file

    def write_text(self, name: str, text: str) -> None:
        """Write a small text file whole or not at all."""
        if self.local is not None:
            with replacing(self.local / name) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="")
            return
        system, path = file_system(f"{self.root.rstrip('/')}/{name}")
        system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        system.pipe_file(path, text.encode("utf-8"))

    def sweep(self) -> None:
        """Remove what killed processes left under temporary names; only while no worker of this run writes."""
        if self.local is None:
            return
        for folder in (".", "results", "signals"):
            for name in self._names(folder):
                if name.startswith((".part-", ".errors.")):
                    (self.local / folder / name).unlink(missing_ok=True)


def part_name(number: int) -> str:
    """File name of a part.

    Examples
    --------
    >>> part_name(12)
    'part-000012.parquet'
    """
    return f"part-{number:06d}.parquet"


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def open_store(name: str) -> Store:
    """Open the place for results, made where it is missing.

    Parameters
    ----------
    name : str
        Folder or URL.

    Raises
    ------
    OptionsError
        If it cannot be written to, or nothing here can reach it.
    """
    name = name.removeprefix("file://").removeprefix("local://")
    if is_url(name):
        file_system(name)
    else:
        output_folder(Path(name))
    return Store(name)


@contextmanager
def local_copy(path: str) -> Iterator[Path]:
    """Give a file of any store as a file of this machine, for as long as it is needed.

    Parameters
    ----------
    path : str
        A local path, which is given as it is, or a URL.

    Yields
    ------
    Path
    """
    if not is_url(path):
        yield Path(path.removeprefix("file://").removeprefix("local://"))
        return
    system, remote = file_system(path)
    with tempfile.TemporaryDirectory(prefix="einthoven-") as here:
        names = [remote]
        if remote.endswith(".hea"):  # a WFDB header is read with the signal files beside it
            names += [name for name in system.glob(f"{remote.removesuffix('.hea')}.*") if name != remote]
        for name in names:
            system.get_file(name, str(Path(here) / name.rsplit("/", 1)[-1]))
        yield Path(here) / remote.rsplit("/", 1)[-1]
