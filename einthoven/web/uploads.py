"""What a browser sends becomes files in a folder of their own; nothing of a sent name reaches the file system."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ecg.errors import FormatError
from ecg.formats.bounds import shown

__all__ = ["SUFFIXES", "Upload", "put_down", "safe_name"]

#: What the page offers to choose; what a file is, its content decides.
SUFFIXES = ("png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp", "pdf", "hea", "dat", "csv", "tsv", "txt", "dcm", "edf")
#: Files of one ECG: a WFDB header and its signal files.
_MOST_FILES = 13
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Upload:
    """A file as it was sent.

    Parameters
    ----------
    name : str
        As the browser says; not to be trusted.
    content : bytes
    """

    name: str
    content: bytes


def safe_name(name: str) -> str:
    r"""Name of a sent file without folders, control characters or anything that a system takes for more than a letter.

    Examples
    --------
    >>> safe_name("../../etc/passwd"), safe_name("C:\\scans\\Fr. Müller.png"), safe_name("..")
    ('passwd', 'Fr._M_ller.png', 'ecg')
    """
    last = PurePosixPath(name.replace("\\", "/").replace("\x00", "")).name
    clean = re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".-")
    stem, dot, suffix = clean.rpartition(".")
    if not dot:
        return clean[:_LONGEST_NAME] or "ecg"
    return f"{stem[: _LONGEST_NAME - len(suffix[:10]) - 1] or 'ecg'}.{suffix[:10]}"


def put_down(uploads: Sequence[Upload], folder: Path, most_mb: int) -> Path:
    """Write the files of one ECG into a folder.

    Parameters
    ----------
    uploads : sequence of Upload
        One file, or a WFDB header with its signal files.
    folder : Path
        Of this upload alone.
    most_mb : int
        Largest size of all together, in MiB.

    Returns
    -------
    Path
        The file to read: of a WFDB record, its header.

    Raises
    ------
    FormatError
        If nothing was sent, too much, or files that do not belong together.
    """
    if not uploads:
        raise FormatError("expected a file, got none; choose one")
    if sum(len(u.content) for u in uploads) > most_mb << 20:
        raise FormatError(f"expected at most {most_mb} MiB, got more; send one ECG, or scan at 300 dots per inch")
    headers = [u for u in uploads if u.name.lower().endswith(".hea")]
    signals = [u for u in uploads if u.name.lower().endswith(".dat")]
    others = [u for u in uploads if u not in headers and u not in signals]
    names = ", ".join(shown(u.name, 40) for u in uploads[:3])
    if signals and not headers:
        raise FormatError(f"expected the .hea beside {names}; choose both files of the WFDB record together")
    if headers and not signals:
        raise FormatError(f"expected the .dat beside {names}; choose both files of the WFDB record together")
    if len(headers) > 1 or (headers and others) or len(others) > 1 or len(uploads) > _MOST_FILES:
        raise FormatError(f"expected one ECG, got {len(uploads)} files ({names}); send them one by one")
    for upload in uploads:
        # "x": two files of one name would be one.
        try:
            with (folder / safe_name(upload.name)).open("xb") as file:
                file.write(upload.content)
        except FileExistsError:
            raise FormatError(f"expected files of different names, got {names}; rename one") from None
    return folder / safe_name((headers or others)[0].name)
