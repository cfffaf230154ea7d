"""The files of a diagnosis: names, and how they come into being whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.errors import OptionsError
from einthoven import outputs
from einthoven.diagnosis.document import diagnosis_document
from einthoven.diagnosis.redact import redacted
from einthoven.diagnosis.result import Diagnosis
from einthoven.outputs import DIAGNOSIS_SCHEMA, SignalFormat, one_line, schema_of
from einthoven.overlays import drawn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from digitize.options import DigitizeOptions

__all__ = ["check_free", "write_diagnosis"]

_JSON, _REPORT = "_diagnosis.json", "_report.pdf"
_SUFFIXES = (_JSON, _REPORT)


def write_diagnosis(
    diagnosis: Diagnosis,
    out: Path,
    stem: str,
    *,
    fmt: SignalFormat = "wfdb",
    options: DigitizeOptions | None = None,
    redact: bool = False,
    report: bool = True,
) -> tuple[str, ...]:
    """Write everything that ``diagnose`` writes for one ECG.

    Of a page first what ``digitize`` writes, then JSON and report together, so that a report never stands beside the
    signals of another run.

    Parameters
    ----------
    diagnosis : Diagnosis
    out : Path
        An existing folder.
    stem : str
    fmt : str
        Format of a page's signals: ``"wfdb"``, ``"csv"`` or ``"dicom"``.
    options : DigitizeOptions or None
        What a person had said about the page.
    redact : bool
        Blank the page outside the recording area in every picture, and leave the file's name out of the report.
    report : bool
        Whether to write the PDF.

    Returns
    -------
    tuple of str
        Names of the files written.
    """
    if redact:
        diagnosis = redacted(diagnosis)
    d = diagnosis.digitization
    overlay = None if d is None else drawn(d)
    # Coding a page's picture takes a core for half a second; the report is drawn meanwhile.
    with ThreadPoolExecutor(max_workers=1) as beside:
        made = beside.submit(_report, diagnosis, redact, overlay) if report else None
        names, page = _written_page(diagnosis, out, stem, fmt, options, overlay)
        names = (*names, stem + _JSON, *((stem + _REPORT,) if report else ()))
        with outputs.staged(out) as folder:
            if made is not None:
                (folder / (stem + _REPORT)).write_bytes(made.result())
            content = diagnosis_document(diagnosis, stem=stem, files=names, digitization=page, redacted=redact)
            outputs.write_json(folder / (stem + _JSON), content)
    if not report:
        (out / (stem + _REPORT)).unlink(missing_ok=True)
    return names


def _report(diagnosis: Diagnosis, redact: bool, overlay: NDArray[np.uint8] | None) -> bytes:
    from einthoven.report import report_bytes

    return report_bytes(diagnosis, redact=redact, overlay=overlay)


def _written_page(
    diagnosis: Diagnosis,
    out: Path,
    stem: str,
    fmt: SignalFormat,
    options: DigitizeOptions | None,
    overlay: NDArray[np.uint8] | None,
) -> tuple[tuple[str, ...], dict[str, Any] | None]:
    """Write what ``digitize`` writes of a page; give the names and the content of its JSON, of a record nothing."""
    d, origin = diagnosis.digitization, diagnosis.origin
    if d is None:
        return (), None
    method = "auto" if options is None else options.method
    told: dict[str, Any] = {"source": origin.source, "page": origin.page, "method": method, "options": options}
    names = outputs.write_digitization(d, out, stem, fmt=fmt, overlay=overlay, **told)
    return names, outputs.digitization_document(d, stem=stem, files=names, **told)


def check_free(out: Path, stems: Iterable[str]) -> None:
    """Refuse to overwrite files that this program did not write.

    Raises
    ------
    OptionsError
        If a file of somebody else stands where an output would go.
    """
    stems = tuple(stems)
    outputs.check_free(out, stems)
    for stem in stems:
        ours = schema_of(out / (stem + _JSON)) == DIAGNOSIS_SCHEMA
        for suffix in _SUFFIXES:
            if (out / (stem + suffix)).exists() and not ours:
                raise OptionsError(
                    f"{one_line(out / (stem + suffix))} is there already, and not from einthoven diagnose; give "
                    "another folder with -o"
                )
