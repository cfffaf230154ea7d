"""Files in, records and pages out.

`read` routes by content: records (WFDB, CSV, DICOM, EDF) become an `ECGRecord`, pages (pictures, PDF, DICOM images) a
stream of `Page`. Every file that cannot be read is one `FormatError` line. The libraries behind the formats load when
a file of theirs is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ecg.errors import FormatError
from ecg.formats.bounds import shown
from ecg.formats.content import PAGE_KINDS, RECORD_KINDS, identify
from ecg.formats.csv import read_csv, write_csv
from ecg.formats.dicom import read_dicom, write_dicom
from ecg.formats.dicom_image import read_dicom_pages
from ecg.formats.edf import read_edf
from ecg.formats.image import IMAGE_KINDS, read_image_pages
from ecg.formats.names import lead_name, safe_stem
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.formats.pdf import read_pdf_pages
from ecg.formats.wfdb import read_wfdb, write_wfdb
from ecg.page import Page
from ecg.record import ECGRecord

__all__ = [
    "DEFAULT_OPTIONS",
    "IMAGE_KINDS",
    "PAGE_KINDS",
    "RECORD_KINDS",
    "ReadOptions",
    "identify",
    "lead_name",
    "read",
    "read_csv",
    "read_dicom",
    "read_dicom_pages",
    "read_edf",
    "read_image_pages",
    "read_pages",
    "read_pdf_pages",
    "read_record",
    "read_wfdb",
    "safe_stem",
    "write_csv",
    "write_dicom",
    "write_wfdb",
]

_RECORD_READERS = {"wfdb": read_wfdb, "csv": read_csv, "dicom-waveform": read_dicom, "edf": read_edf}


def read(path: str | os.PathLike[str], options: ReadOptions | None = None) -> ECGRecord | Iterator[Page]:
    """Read any file that this project understands.

    Parameters
    ----------
    path : path-like
    options : ReadOptions, optional

    Returns
    -------
    ECGRecord or iterator of Page
        A record for the kinds in `RECORD_KINDS`, pages one by one for those in `PAGE_KINDS`.

    Raises
    ------
    FormatError
        If the file cannot be read; for pages also while iterating.
    """
    kind = identify(path, options or DEFAULT_OPTIONS)
    if kind in RECORD_KINDS:
        return read_record(path, options)
    return read_pages(path, options)


def read_record(path: str | os.PathLike[str], options: ReadOptions | None = None) -> ECGRecord:
    """Read a record; a page is a `FormatError`. Parameters and errors as in `read`."""
    options = options or DEFAULT_OPTIONS
    kind = identify(path, options)
    if kind not in RECORD_KINDS:
        raise FormatError(
            f"{shown(Path(path).name)}: expected a record (WFDB, CSV, DICOM, EDF), got a page ({kind}); "
            "digitize it first"
        )
    return _RECORD_READERS[kind](path, options)


def read_pages(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Iterator[Page]:
    """Read pages one by one; a record is a `FormatError`. Parameters and errors as in `read`."""
    options = options or DEFAULT_OPTIONS
    kind = identify(path, options)
    if kind in RECORD_KINDS:
        raise FormatError(
            f"{shown(Path(path).name)}: expected a page (picture, PDF, DICOM image), got a record ({kind}); "
            "draw it first, or read it as a record"
        )
    if kind == "pdf":
        return read_pdf_pages(path, options)
    if kind == "dicom-image":
        return read_dicom_pages(path, options)
    return read_image_pages(path, options)
