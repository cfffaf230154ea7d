"""Guards around files from outside: what is checked before decoding, and how failures are told."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecg.errors import FormatError, OptionsError
from ecg.formats.options import ReadOptions

__all__ = ["check_file", "check_pages", "check_pixels", "check_samples", "decoding", "shown"]

#: Longest name or foreign message in one of our own: a line of them still fits a screen.
_LONGEST = 160


def shown(text: object, longest: int = _LONGEST) -> str:
    """Make one short printable line of any text: what a hostile file holds must not steer a terminal or flood a log."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."


def check_file(path: str | os.PathLike[str], options: ReadOptions) -> Path:
    """Path of a regular, non-empty file within the size bound.

    Raises
    ------
    FormatError
        If it is missing, no regular file, empty, unreadable or larger than ``options.max_file_mb``.
    """
    path = Path(path)
    name = shown(path.name or path)
    try:
        info = path.stat()
    except FileNotFoundError:
        raise FormatError(f"{name}: expected a file, found none at this path; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: NUL in the path
        raise FormatError(f"{name}: cannot be opened ({_detail(error, path)}); check the path") from None
    if stat.S_ISDIR(info.st_mode):
        raise FormatError(f"{name}: expected a file, got a folder; name the files in it")
    if not stat.S_ISREG(info.st_mode):
        raise FormatError(f"{name}: expected a regular file, got a device, pipe or socket; copy the data into a file")
    if info.st_size == 0:
        raise FormatError(f"{name}: the file is empty (0 bytes); export or copy it again")
    if info.st_size > options.max_bytes:
        raise FormatError(
            f"{name}: {info.st_size / 2**20:.0f} MiB, more than the {options.max_file_mb:g} MiB allowed; "
            "raise max_file_mb if you trust the file"
        )
    return path


def check_pixels(width: float, height: float, name: str, options: ReadOptions) -> None:
    """Refuse a page by its size, before a pixel of it is decoded.

    Parameters
    ----------
    width, height : float
        Pixels, as the file's header claims or as the page would be drawn.
    name : str
        The file, for the message.

    Raises
    ------
    FormatError
        If a side is below one pixel or the area exceeds ``options.max_megapixels``.
    """
    if not (width >= 1 and height >= 1):
        raise FormatError(f"{shown(name)}: expected a page, got one of {width:g} x {height:g} pixels; export it again")
    if width * height > options.max_megapixels * 1e6:
        raise FormatError(
            f"{shown(name)}: a page of {width:.0f} x {height:.0f} pixels, more than the {options.max_megapixels:g} "
            "megapixels allowed; scale it down or raise max_megapixels"
        )


def check_pages(n: int, name: str, options: ReadOptions) -> None:
    """Refuse a file without pages or with more than ``options.max_pdf_pages``."""
    if n < 1:
        raise FormatError(f"{shown(name)}: expected at least one page, got none; export the file again")
    if n > options.max_pdf_pages:
        raise FormatError(
            f"{shown(name)}: {n} pages or more, where {options.max_pdf_pages} are allowed; split the file or raise "
            "max_pdf_pages"
        )


def check_samples(n: float, name: str, options: ReadOptions) -> None:
    """Refuse a record by the number of samples that its header claims, all leads together."""
    if not 1 <= n <= options.max_samples:
        raise FormatError(
            f"{shown(name)}: expected 1 to {options.max_samples} samples in all, the header claims {n:.0f}; "
            "check the file, or raise max_file_mb if it is that long"
        )


@contextmanager
def decoding(path: Path, expected: str) -> Iterator[None]:
    """Turn whatever a decoder raises on a damaged file into one `FormatError` line.

    The decoders of the field raise anything (KeyError, struct.error, AttributeError, MemoryError ...) on damaged
    input, so everything is caught here, and only here. Messages of this project pass unchanged.

    Parameters
    ----------
    path : Path
        The file, for the message.
    expected : str
        What the file should have been, with its article: ``"a PNG image"``.
    """
    try:
        yield
    except (FormatError, OptionsError):
        raise
    except Exception as error:
        raise FormatError(
            f"{shown(path.name)}: expected {expected}, but it is damaged, truncated or not supported "
            f"({_detail(error, path)}); export or copy it again"
        ) from error


def _detail(error: Exception, path: Path) -> str:
    """Reason that a library gives, in one short line and without the folders of the file."""
    if isinstance(error, OSError) and error.strerror:
        return shown(error.strerror)
    return shown(str(error).replace(str(path), path.name)) or type(error).__name__
