"""From sent files to everything that a page shows: the public functions of this package in their order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ecg.errors import ECGError, FormatError
from ecg.formats.options import ReadOptions
from einthoven.diagnosis.options import DiagnoseOptions
from einthoven.web.cases import KeptFile
from einthoven.web.uploads import Upload, put_down

if TYPE_CHECKING:
    from digitize.options import DigitizeOptions
    from einthoven.diagnosis.result import Diagnosis, Explained, Finding

__all__ = ["METHODS", "STAGES", "Asked", "Result", "download_files", "explain_by", "needs_rate", "read_ecg"]

#: What a person is told while it happens.
STAGES = (
    "Checking the file",
    "Reading, measuring and asking the models",
    "Explaining the answer",
    "Drawing the page and the report",
)
#: Ways of explaining that the page offers, by the name in `explain.methods.METHODS`; "" is the model's own default.
METHODS = {
    "": "What did best on this model",
    "integrated_gradients": "Integrated gradients",
    "gradcam": "Grad-CAM",
    "saliency": "Saliency",
    "occlusion": "Occlusion",
}
#: Largest page in millions of pixels: A3 at 600 dots per inch has 70, and 20 people may send one.
_MEGAPIXELS = 80.0
#: Bytes of a table that are looked at to find a time column.
_PEEK_BYTES = 1 << 16
#: Most pages of a file; one of them is read.
_PAGES = 200


@dataclass(frozen=True)
class Asked:
    """What a person sent and said.

    Parameters
    ----------
    uploads : tuple of Upload
    age : float or None
        Years.
    sex : str or None
        ``"M"`` or ``"F"``.
    fs : float or None
        Hz, of a CSV without a time column.
    page : int
        Of a file of several, from 1.
    route : str
    explain : bool
        Whether the answer is explained.
    digitize : DigitizeOptions or None
        Corrections of the reading.
    """

    uploads: tuple[Upload, ...]
    age: float | None = None
    sex: Literal["M", "F"] | None = None
    fs: float | None = None
    page: int = 1
    route: Literal["best", "published"] = "best"
    explain: bool = True
    digitize: DigitizeOptions | None = None

    def options(self, most_mb: int) -> DiagnoseOptions:
        """Options of the diagnosis, bounded for files from anybody."""
        reading = ReadOptions(fs=self.fs, max_file_mb=most_mb, max_megapixels=_MEGAPIXELS, max_pdf_pages=_PAGES)
        asked = DiagnoseOptions(age=self.age, sex=self.sex, route=self.route, explain=False, reading=reading)
        return asked if self.digitize is None else replace(asked, digitize=self.digitize)


@dataclass(frozen=True, eq=False)
class Result:
    """What came of it.

    Parameters
    ----------
    asked : Asked
    diagnosis : Diagnosis
    stem : str
        Of the files to download.
    several : bool
        The file holds more pages than the one that was read.
    files : tuple of KeptFile
        To download, or to keep.
    """

    asked: Asked
    diagnosis: Diagnosis
    stem: str
    several: bool = False
    files: tuple[KeptFile, ...] = field(default=())

    def file(self, ending: str) -> KeptFile | None:
        """File whose name ends so, or None."""
        return next((f for f in self.files if f.name.endswith(ending)), None)


def read_ecg(asked: Asked, most_mb: int = 200, tell: Callable[[int], None] = lambda _stage: None) -> Result:
    """Read one ECG, from the sent bytes to the files to download. Nothing stays on the disk.

    Parameters
    ----------
    asked : Asked
    most_mb : int
        Largest upload in MiB.
    tell : callable
        Called with the place in `STAGES` of what begins.

    Returns
    -------
    Result

    Raises
    ------
    ECGError
        One line, if the file cannot be read or no model answers.
    """
    from ecg import formats
    from einthoven.diagnosis import diagnose

    options = asked.options(most_mb)
    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        tell(0)
        path = put_down(asked.uploads, Path(folder), most_mb)
        try:
            kind = formats.identify(path, options.reading)
            several = kind in ("pdf", "tiff") and len(list(islice(formats.read_pages(path, options.reading), 2))) == 2
            tell(1)
            diagnosis = diagnose(path, options, page=asked.page if kind in formats.PAGE_KINDS else None)
        except ECGError as error:
            raise FormatError(_without(folder, str(error))) from error
    diagnosis = _anywhere(diagnosis, folder)
    if asked.explain:
        tell(2)
        diagnosis = _explained(diagnosis, options)
    tell(3)
    result = Result(asked, diagnosis, formats.safe_stem(path.stem), several)
    return replace(result, files=download_files(result))


def _anywhere(diagnosis: Diagnosis, folder: str) -> Diagnosis:
    """Leave out where the file lay for these seconds: it is nobody's business."""
    d = diagnosis.digitization
    if d is not None:
        d = replace(d, reasons=tuple(_without(folder, reason) for reason in d.reasons))
    return replace(
        diagnosis,
        origin=replace(diagnosis.origin, source=Path(diagnosis.origin.source).name),
        reasons=tuple(_without(folder, reason) for reason in diagnosis.reasons),
        headline=_without(folder, diagnosis.headline),
        digitization=d,
    )


def _without(folder: str, text: str) -> str:
    return text.replace(f"{folder}/", "").replace(folder, "")


def _explained(diagnosis: Diagnosis, options: DiagnoseOptions) -> Diagnosis:
    """Explain what leads among the answers to the first question, by the method that suits the model."""
    from einthoven.diagnosis.findings import leading

    if not diagnosis.predictions or diagnosis.predictions[0].status != "answered":
        return diagnosis
    first = diagnosis.predictions[0].task
    target = leading([f for f in diagnosis.findings if f.task == first])
    if target is None:
        return diagnosis
    found, why = _explanation(diagnosis, target, options)
    return replace(diagnosis, explained=found, reasons=(*diagnosis.reasons, *why))


def _explanation(
    diagnosis: Diagnosis, finding: Finding, options: DiagnoseOptions
) -> tuple[Explained | None, tuple[str, ...]]:
    from einthoven.diagnosis.explaining import explained

    prediction = next(p for p in diagnosis.predictions if p.task == finding.task)
    if diagnosis.seen is None:
        return None, ()
    # Figures of the page's own scale do not belong to a strip without one.
    told = None if diagnosis.route == "published" else diagnosis.measurements
    return explained(diagnosis.seen, prediction, finding, options, told, diagnosis.digitization)


def explain_by(result: Result, finding: Finding, method: str) -> Explained:
    """Explain a finding by a method that was asked for.

    Parameters
    ----------
    result : Result
    finding : Finding
    method : str
        One of `METHODS`.

    Returns
    -------
    Explained

    Raises
    ------
    ECGError
        If the model does not support it, or answers for pictures only.
    """
    options = replace(result.asked.options(1), method=method)
    found, why = _explanation(result.diagnosis, finding, options)
    if found is None:
        raise FormatError("; ".join(why) or "there is no signal to explain the answer on; choose another question")
    return found


def needs_rate(uploads: Sequence[Upload]) -> bool:
    """Whether a table without a time column was sent, so that a person has to say its sampling rate.

    Parameters
    ----------
    uploads : sequence of Upload

    Returns
    -------
    bool
        False for anything else, also for what cannot be read: reading it will say why.
    """
    from ecg import formats

    if len(uploads) != 1 or len(uploads[0].content) > _PEEK_BYTES * 512:
        return False
    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        try:
            path = put_down(uploads, Path(folder), 1 << 10)
            if formats.identify(path) != "csv":
                return False
            # The first lines say it; a long table is not read twice.
            head = uploads[0].content[:_PEEK_BYTES].rsplit(b"\n", 1)[0] + b"\n"
            path.write_bytes(head)
            formats.read_csv(path)
        except ECGError as error:
            return "sampling rate is unknown" in str(error)
    return False


def download_files(result: Result, redact: bool = False) -> tuple[KeptFile, ...]:
    """Files of a result: report, JSON, signals in three formats and, of a page, the reading drawn over it.

    Parameters
    ----------
    result : Result
    redact : bool
        Blank the page outside the recording area, and leave the file's name out of the report.

    Returns
    -------
    tuple of KeptFile
    """
    from einthoven import outputs
    from einthoven.diagnosis.files import write_diagnosis

    diagnosis, stem = result.diagnosis, result.stem
    options = result.asked.options(1).digitize
    with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
        folder = Path(name)
        write_diagnosis(diagnosis, folder, stem, options=options, redact=redact)
        if diagnosis.record is not None:
            for fmt in ("wfdb", "csv", "dicom"):
                outputs.write_signal(diagnosis.record, folder, stem, fmt)
        found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    pair = [f"{stem}.hea", f"{stem}.dat"]
    if all(part in found for part in pair):
        found[f"{stem}_wfdb.zip"] = _zipped({part: found.pop(part) for part in pair})
    return tuple(KeptFile(file, _mime(file), content) for file, content in found.items())


def _zipped(files: dict[str, bytes]) -> bytes:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _mime(name: str) -> str:
    endings = {
        "pdf": "application/pdf",
        "json": "application/json",
        "csv": "text/csv",
        "dcm": "application/dicom",
        "png": "image/png",
        "zip": "application/zip",
    }
    return endings.get(name.rpartition(".")[2], "application/octet-stream")
