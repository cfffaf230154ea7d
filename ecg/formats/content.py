"""What a file is, told by its content."""

from __future__ import annotations

import os
from pathlib import Path

from ecg.errors import FormatError
from ecg.formats.bounds import check_file, decoding, shown
from ecg.formats.csv import decode_text, looks_like_table
from ecg.formats.dicom import open_dicom
from ecg.formats.image import IMAGE_KINDS, image_kind
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.formats.wfdb_header import header_of, is_header

__all__ = ["PAGE_KINDS", "RECORD_KINDS", "identify"]

RECORD_KINDS = ("wfdb", "csv", "dicom-waveform", "edf")
PAGE_KINDS = (*IMAGE_KINDS, "pdf", "dicom-image")

#: Bytes that are looked at; a text is judged by its first lines.
_HEAD_BYTES = 1 << 16
#: First element of a DICOM data set without preamble: group 0002 or 0008, little-endian (PS3.5 section 7.1).
_BARE_DICOM = (b"\x02\x00\x00\x00", b"\x08\x00\x00\x00", b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x08\x00\x16\x00")


def identify(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> str:
    """Kind of a file by its content, whatever its suffix says.

    Parameters
    ----------
    path : path-like
        A file; for WFDB also a signal file beside its header, or the record's name without a suffix.
    options : ReadOptions
        Bounds.

    Returns
    -------
    str
        One of `RECORD_KINDS` (``"wfdb"``, ``"csv"``, ``"dicom-waveform"``, ``"edf"``) or `PAGE_KINDS` (``"png"``,
        ``"jpeg"``, ``"tiff"``, ``"webp"``, ``"bmp"``, ``"pdf"``, ``"dicom-image"``).

    Raises
    ------
    FormatError
        If the file is missing, empty, too large or of no known kind.
    """
    path = Path(path)
    if header_of(path) is not None:
        return "wfdb"
    path = check_file(path, options)
    with decoding(path, "a readable file"), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    kind = _binary_kind(head, path) or _text_kind(head, path)
    if kind is None:
        raise FormatError(
            f"{shown(path.name)}: expected a page (PNG, JPEG, TIFF, WebP, BMP, PDF, DICOM) or a record (WFDB, CSV, "
            "DICOM, EDF), got something else; convert the file, or name a WFDB record by its .hea"
        )
    return kind


def _binary_kind(head: bytes, path: Path) -> str | None:
    if head[128:132] == b"DICM":  # first of all: its preamble may be the head of another format (PS3.10 section 7.1)
        return _dicom_kind(path)
    picture = image_kind(head[:16])
    if picture:
        return picture
    if b"%PDF-" in head[:1024]:  # readers accept junk before the mark (ISO 32000-1, annex H)
        return "pdf"
    if head[:8] in (b"0       ", b"\xffBIOSEMI"):
        return "edf"
    if head[:4] in _BARE_DICOM:
        return _dicom_kind(path)
    return None


def _dicom_kind(path: Path) -> str:
    dataset = open_dicom(path, stop_before_pixels=True)
    if "WaveformSequence" in dataset:
        return "dicom-waveform"
    if "Rows" in dataset and "Columns" in dataset:
        return "dicom-image"
    raise FormatError(
        f"{shown(path.name)}: expected a DICOM ECG waveform or image, got another object or a truncated one; "
        "export the ECG itself"
    )


def _text_kind(head: bytes, path: Path) -> str | None:
    if is_header(head):
        return "wfdb"
    text = decode_text(_whole_lines(head))
    if text is None:
        return None
    if looks_like_table(text):
        return "csv"
    # A damaged text is left to the reader that its suffix asks for, which can say what is wrong with it.
    return {".csv": "csv", ".tsv": "csv", ".hea": "wfdb"}.get(path.suffix.lower()) if text.strip() else None


def _whole_lines(head: bytes) -> bytes:
    """Cut the last, possibly incomplete line, so that no character is split."""
    end = head.rfind(b"\n")
    return head[: end + 1] if len(head) == _HEAD_BYTES and end > 0 else head
