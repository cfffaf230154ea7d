"""What the commands write: names, JSON documents, tables, and the way files come into being whole or not at all.

The names, keys and columns are fixed in ``docs/cli.md``.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ecg.errors import OptionsError
from einthoven.overlays import drawn, write_overlay

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from digitize.options import DigitizeOptions
    from digitize.result import Digitization
    from ecg import ECGRecord

__all__ = [
    "CORRECTABLE",
    "DIAGNOSIS_SCHEMA",
    "DIGITIZATION_SCHEMA",
    "SignalFormat",
    "check_free",
    "correctable",
    "digitization_document",
    "document",
    "json_ready",
    "one_line",
    "output_folder",
    "schema_of",
    "staged",
    "table_cell",
    "version",
    "write_digitization",
    "write_json",
    "write_signal",
    "write_text",
]

SignalFormat = Literal["wfdb", "csv", "dicom"]
DIGITIZATION_SCHEMA, DIAGNOSIS_SCHEMA = "einthoven.digitization", "einthoven.diagnosis"
#: What `digitize` may write after a stem.
_SUFFIXES = (".hea", ".dat", ".csv", ".dcm", "_overlay.png", ".json")
#: Options of the reader that a page's JSON can correct.
CORRECTABLE = ("layout", "speed_mm_per_s", "gain_mm_per_mv", "px_per_mm", "corners", "leads", "boxes")
_SCALE = ("px_per_mm_x", "px_per_mm_y", "speed_mm_per_s", "gain_mm_per_mv")


@cache
def version() -> str:
    """Version of the installed program."""
    from importlib.metadata import version as installed

    return installed("einthoven")


def one_line(text: object) -> str:
    """Text as one printable line: control characters, line ends and undecodable bytes of a file name are escaped."""
    readable = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in readable)


def json_ready(value: Any) -> Any:
    """Value as JSON can hold it: numpy scalars and arrays as numbers and lists, NaN and infinities as None.

    Examples
    --------
    >>> json_ready({"snr": float("nan"), "box": (1, 2.5)})
    {'snr': None, 'box': [1, 2.5]}
    """
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Mapping):
        return {one_line(k): json_ready(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_ready(v) for v in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def document(schema: str, schema_version: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """JSON document with its schema's name and version and the program's version ahead of the body."""
    head = {"schema": {"name": schema, "version": schema_version}, "version": version()}
    return {**head, **json_ready(body)}


def output_folder(path: Path) -> Path:
    """Make the folder below which a command writes.

    Raises
    ------
    OptionsError
        If a file is in its place or it cannot be made.
    """
    if path.exists() and not path.is_dir():
        raise OptionsError(f"-o {one_line(path)} is a file; give a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionsError(f"cannot make the folder {one_line(path)}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise OptionsError(f"cannot write into the folder {one_line(path)}; give another with -o")
    return path


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Folder in which files are made; on success all of them are renamed into ``out``, else none.

    Parameters
    ----------
    out : Path
        An existing folder.

    Yields
    ------
    Path
        A temporary folder on the same file system, gone afterwards however the block ends.
    """
    folder = Path(tempfile.mkdtemp(prefix=".einthoven-", dir=out))
    try:
        yield folder
        for file in sorted(folder.iterdir()):
            file.replace(out / file.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all, its line ends as they are on every system."""
    with staged(path.parent) as folder:
        (folder / path.name).write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON document whole or not at all."""
    write_text(path, _json_text(content))


def _json_text(content: Mapping[str, Any]) -> str:
    return json.dumps(json_ready(content), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def digitization_document(
    d: Digitization,
    *,
    source: str,
    page: int,
    stem: str,
    method: str,
    files: Sequence[str],
    options: DigitizeOptions | None = None,
) -> dict[str, Any]:
    """Content of ``STEM.json``.

    Parameters
    ----------
    d : Digitization
    source : str
        The input file as it was named.
    page : int
        Number of the page in its file, from 1.
    stem : str
        Stem of every file written for this page.
    method : str
        ``"auto"``, ``"classical"`` or ``"strip"``.
    files : sequence of str
        Names of the files written for this page.
    options : DigitizeOptions or None
        What a person had said about the page.

    Returns
    -------
    dict
        Keys as in ``docs/cli.md``; `einthoven.inputs.corrections` reads it back.
    """
    how = asdict(d.evidence) if d.evidence is not None else dict.fromkeys(_SCALE)
    scale = {name: None if d.scale is None else getattr(d.scale, name) for name in _SCALE}
    layout = {
        "name": None if d.layout is None else d.layout.name,
        "margin": None if d.layout is None else d.layout_margin,
        "timing": None if d.layout is None else d.timing,
        "rows": None if d.layout is None else d.layout.rows,
        "rhythm": None if d.layout is None else d.layout.rhythm,
    }
    body = {
        "source": source,
        "page": page,
        "ecg": d.part[0],
        "ecgs": d.part[1],
        "stem": stem,
        "method": method,
        "status": d.status,
        "forced": d.forced,
        "reasons": d.reasons,
        "assumed": d.assumed,
        "snr_pred_db": d.snr_pred_db,
        "layout": layout,
        "scale": {**scale, "how": how},
        "size": [d.page.width, d.page.height],
        "corners": d.corners,
        "homography": d.homography,
        "boxes": [asdict(box) for box in d.boxes],
        "leads": {lead: asdict(q) for lead, q in d.quality.items()},
        "steps": d.steps,
        "files": files,
    }
    content = document(DIGITIZATION_SCHEMA, 1, body)
    given = {} if options is None else {name: getattr(options, name) for name in CORRECTABLE}
    return content | {
        "given": json_ready({name: value for name, value in given.items() if value is not None}),
        "found": correctable(content),
    }


def correctable(content: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the values of a page's JSON that a person may correct, under the names of the reader's options.

    Parameters
    ----------
    content : mapping
        As `digitization_document` makes it, or as a person edited it.

    Returns
    -------
    dict
        Keys of `CORRECTABLE`; what is null is left out.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        If a person left something there that cannot be such a value.
    """
    scale = content["scale"]
    pitch = [scale.get("px_per_mm_x"), scale.get("px_per_mm_y")]
    corners = content.get("corners")
    values = {
        "layout": content["layout"].get("name"),
        "speed_mm_per_s": scale.get("speed_mm_per_s"),
        "gain_mm_per_mv": scale.get("gain_mm_per_mv"),
        "px_per_mm": None if None in pitch else pitch,
        # Pairs, or eight numbers in a row as the flag takes them.
        "corners": None if corners is None else [v for p in corners for v in (p if isinstance(p, list) else [p])],
        # Names and edges; when a box begins and stops follows from them.
        "boxes": [[box["lead"], *box["xyxy"]] for box in content["boxes"]] or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def write_signal(record: ECGRecord, folder: Path, stem: str, fmt: SignalFormat) -> None:
    """Write a record as ``STEM.hea``/``.dat``, ``STEM.csv`` or ``STEM.dcm`` into a folder.

    Raises
    ------
    FormatError
        If the format cannot hold the record.
    """
    from ecg import formats

    if fmt == "wfdb":
        formats.write_wfdb(record, folder, stem)
    elif fmt == "csv":
        formats.write_csv(record, folder / f"{stem}.csv")
    else:
        formats.write_dicom(record, folder / f"{stem}.dcm")


def write_digitization(
    d: Digitization,
    out: Path,
    stem: str,
    *,
    source: str,
    page: int = 1,
    method: str = "auto",
    fmt: SignalFormat = "wfdb",
    options: DigitizeOptions | None = None,
    overlay: NDArray[np.uint8] | None = None,
) -> tuple[str, ...]:
    """Write everything that ``digitize`` writes for one page: signal, overlay, JSON, together or not at all.

    Files of an earlier run that this one does not write are removed: no signal lies beside a JSON that says "refused".

    Parameters
    ----------
    d : Digitization
    out : Path
        An existing folder.
    stem : str
    source : str
        The input file as it was named.
    page : int
        Number of the page in its file, from 1.
    method : str
    fmt : str
        ``"wfdb"``, ``"csv"`` or ``"dicom"``.
    options : DigitizeOptions or None
        What a person had said about the page.
    overlay : uint8 array [height, width, 3], optional
        The reading over its page where it is drawn already.

    Returns
    -------
    tuple of str
        Names of the files written.
    """
    earlier = _files_of(out / f"{stem}.json")
    with staged(out) as folder:
        # A refused page writes no signal unless forced; the reader has already left its record out.
        if d.record is not None and (d.status != "refused" or d.forced):
            write_signal(d.record, folder, stem, fmt)
        write_overlay(drawn(d) if overlay is None else overlay, folder / f"{stem}_overlay.png")
        names = tuple(sorted([*(f.name for f in folder.iterdir()), f"{stem}.json"]))
        content = digitization_document(
            d, source=source, page=page, stem=stem, method=method, files=names, options=options
        )
        (folder / f"{stem}.json").write_text(_json_text(content), encoding="utf-8", newline="")
    for name in earlier - set(names):
        (out / name).unlink(missing_ok=True)
    return names


def schema_of(path: Path) -> str | None:
    """Name of the schema that a JSON file carries; None where it is not there, not JSON or not one of ours."""
    return _read_document(path)[0]


def _read_document(path: Path) -> tuple[str | None, dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["schema"]["name"]), content
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None, {}


def _files_of(path: Path) -> set[str]:
    """Names of the files that an earlier run wrote with this JSON; none where the JSON is not ours."""
    schema, content = _read_document(path)
    files = content.get("files")
    if schema != DIGITIZATION_SCHEMA or not isinstance(files, list):
        return set()
    # Only names of the fixed pattern count: the JSON may have been edited, and must not lead to any other file.
    stem = path.name.removesuffix(".json")
    return {f"{stem}{suffix}" for suffix in _SUFFIXES} & {f for f in files if isinstance(f, str)}


def check_free(out: Path, stems: Iterable[str]) -> None:
    """Refuse to overwrite files that this program did not write.

    A folder of pages may hold their true records under these names. What an earlier run's JSON lists may be replaced.

    Raises
    ------
    OptionsError
        If a file of somebody else stands where an output would go.
    """
    wanted = set(stems)
    if not out.is_dir():
        return
    for file in sorted(out.iterdir()):
        suffix = next((s for s in _SUFFIXES if file.name.endswith(s)), None)
        stem = file.name.removesuffix(suffix) if suffix else ""
        if stem in wanted and file.name not in _files_of(out / f"{stem}.json"):
            raise OptionsError(
                f"{one_line(file)} is there already, and not from einthoven digitize; give another folder with -o"
            )


def table_cell(value: object) -> str:
    """Value as a cell of a CSV file that a spreadsheet may open.

    Text that a spreadsheet would run as a formula gets an apostrophe ahead (OWASP, CSV Injection); numbers stay.

    Examples
    --------
    >>> table_cell("=1+1"), table_cell(-3.5), table_cell(None), table_cell("scan.png")
    ("'=1+1", '-3.5', '', 'scan.png')
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value) if math.isfinite(value) else ""
    text = one_line(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
