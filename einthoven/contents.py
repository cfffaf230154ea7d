"""What a file is to this program: the digest that names its content, and whether an earlier run drew it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from ecg.errors import ECGError
from einthoven.outputs import DIAGNOSIS_SCHEMA, DIGITIZATION_SCHEMA, schema_of

__all__ = ["content_sha256", "drawn_beside", "is_drawn"]

_EXPLANATION_SCHEMA = "einthoven.explanation"
#: Ends of names of pictures that are no pages, each with the end of the JSON beside it and that one's schema; a mask
#: of a synthetic page stands beside any JSON.
_DRAWN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "_mask.png": (".json", ""),
        "_overlay.png": (".json", DIGITIZATION_SCHEMA),
        "_report.pdf": ("_diagnosis.json", DIAGNOSIS_SCHEMA),
        "_explanation.png": ("_explanation.json", _EXPLANATION_SCHEMA),
        "_explanation_page.png": ("_explanation.json", _EXPLANATION_SCHEMA),
    }
)


def is_drawn(path: Path) -> bool:
    """Whether a file is a mask of a drawn page, or a picture or report of an earlier run, as the JSON beside it says.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    for end, (beside, schema) in _DRAWN.items():
        if path.name.endswith(end):
            told = path.with_name(path.name.removesuffix(end) + beside)
            if (schema_of(told) == schema) if schema else told.exists():
                return True
    return False


def drawn_beside(name: str, names: Collection[str]) -> bool:
    """Whether a name says so among the names of its folder: in an object store a look into each JSON is a request.

    Examples
    --------
    >>> drawn_beside("a_overlay.png", {"a.json", "a_overlay.png"}), drawn_beside("a_overlay.png", {"a_overlay.png"})
    (True, False)
    """
    return any(name.endswith(end) and name.removesuffix(end) + beside in names for end, (beside, _) in _DRAWN.items())


def content_sha256(path: Path, kind: str) -> str:
    """SHA-256 of a file; of a WFDB record, of its header followed by its signal files, because headers alone repeat.

    Parameters
    ----------
    path : Path
        Of a WFDB record, its header, a signal file or the name without suffix.
    kind : str
        As `ecg.formats.identify` says.

    Returns
    -------
    str
    """
    from ecg.formats.wfdb_header import header_of

    header = path if path.suffix.lower() == ".hea" else header_of(path)
    parts = [path] if kind != "wfdb" or header is None else [header, *_signal_files(header)]
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()


def _signal_files(path: Path) -> list[Path]:
    """Files beside a WFDB header that belong to it: they bear its name, or it names them."""
    from ecg.formats.options import DEFAULT_OPTIONS
    from ecg.formats.wfdb_header import check_header

    try:
        header = check_header(path, DEFAULT_OPTIONS)
    except ECGError:
        return []  # reading it will say what is wrong
    names = {signal.file for signal in header.signals}
    for name, _ in header.segments:
        names |= {f"{name}.hea", f"{name}.dat"}
    return [p for p in (path.with_name(name) for name in sorted(names)) if p.is_file()]
