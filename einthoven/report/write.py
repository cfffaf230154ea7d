"""The report, section by section."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einthoven.diagnosis.findings import QUESTIONS
from einthoven.diagnosis.redact import redacted as without_surroundings
from einthoven.diagnosis.result import Diagnosis, Explained, Finding
from einthoven.outputs import one_line, version
from einthoven.provenance import commit
from einthoven.report import words
from einthoven.report.chart import draw_chart, leaves_grid, plan_charts
from einthoven.report.paper import BLUE, GREY, INK, VERMILLION, heading, new_document, paragraph, room_for, small, table
from einthoven.report.pictures import explanation_picture, map_on_page, reading_picture, shows_on_page

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["report_bytes", "write_report"]

_WIDTH_MM = 180.0
#: A bar of a probability: where it begins, how long 1 is, in mm.
_BAR_X_MM, _BAR_MM = 105.0, 40.0
_COLUMNS = ("finding", "calibrated probability, 0 to 1", "value", "threshold", "answer")
_COLUMNS_MM = (15.0, _BAR_X_MM, 150.0, 162.0, 178.0)


def write_report(diagnosis: Diagnosis, path: str | Path, *, redact: bool = False, made: datetime | None = None) -> Path:
    """Write the report of a diagnosis, whole or not at all.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : path-like
        ``STEM_report.pdf``.
    redact : bool
        Blank the page outside the recording area and leave the file's name out.
    made : datetime, optional
        Date of the file; now without it.

    Returns
    -------
    Path
    """
    from ecg.formats.atomic import replacing

    path = Path(path)
    content = report_bytes(diagnosis, redact=redact, made=made)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def report_bytes(
    diagnosis: Diagnosis,
    *,
    redact: bool = False,
    made: datetime | None = None,
    overlay: NDArray[np.uint8] | None = None,
) -> bytes:
    """Report of a diagnosis as the bytes of a PDF.

    Parameters
    ----------
    diagnosis : Diagnosis
    redact : bool
    made : datetime, optional
        As for `write_report`; equal diagnoses of one date give equal bytes.
    overlay : uint8 array [height, width, 3], optional
        The reading over its page where it is drawn already, redacted where that is asked.

    Returns
    -------
    bytes
    """
    made = made or datetime.now(UTC)
    if redact:
        diagnosis = without_surroundings(diagnosis)
    title = "Einthoven: report on one ECG"
    document = new_document(title, diagnosis.warnings, diagnosis.notice, made)
    document.add_page()
    _summary(document, diagnosis, redact, made)
    _charts(document, diagnosis)
    if diagnosis.digitization is not None:
        _reading(document, diagnosis, overlay)
    _explanation(document, diagnosis)
    _methods(document, diagnosis)
    return bytes(document.output())


def _summary(document: Any, diagnosis: Diagnosis, redact: bool, made: datetime) -> None:
    """First page: the answer, why, the measurements, the input."""
    colour = VERMILLION if diagnosis.status != "answered" else BLUE
    paragraph(document, words.STATUS_WORDS[diagnosis.status], 10, bold=True, colour=colour, after_mm=0.5)
    paragraph(document, one_line(diagnosis.headline), 11.5, bold=True, after_mm=1.5)
    for reason in diagnosis.reasons:
        paragraph(document, f"– {one_line(reason)}", 8.5, after_mm=0.2)
    for task in dict.fromkeys(f.task for f in diagnosis.findings):
        _question(document, [f for f in diagnosis.findings if f.task == task])
    if diagnosis.measurements is not None:
        _measurements(document, diagnosis)
    heading(document, "Input")
    rows = [(name, one_line(text)) for name, text in words.input_rows(diagnosis, redact)]
    table(document, [*rows, ("Report made", f"{made:%Y-%m-%d %H:%M} UTC")], (48, _WIDTH_MM - 48))


def _question(document: Any, findings: Sequence[Finding]) -> None:
    """Labels of a question, each with its probability as a bar and the threshold as a mark on it."""
    task = findings[0].task
    heading(document, QUESTIONS.get(task, task), room_mm=14 + 5.5 * len(findings))
    with small(document, 7.0, colour=GREY):
        y = document.get_y() + 1.5
        for x, text in zip(_COLUMNS_MM, _COLUMNS, strict=True):
            document.text(x, y, text)
    document.ln(3.0)
    for f in findings:
        _bar(document, f, document.get_y())
        document.ln(5.2)
    if findings[0].decision is None:
        paragraph(document, f"No decision: {one_line('; '.join(findings[0].reasons))}", 8.0, after_mm=0.5)


def _bar(document: Any, f: Finding, y: float) -> None:
    """One row: words, bar, figures, and the answer as a sign with a word, never by colour alone."""
    with small(document, 8.5, bold=bool(f.decision)):
        document.text(15, y + 3.4, f.words)
    document.set_draw_color(*GREY)
    document.set_line_width(0.2)
    document.rect(_BAR_X_MM, y + 0.6, _BAR_MM, 3.4)
    if f.probability is not None:
        document.set_fill_color(*(VERMILLION if f.decision and f.label != "NORM" else BLUE))
        document.rect(_BAR_X_MM, y + 0.6, _BAR_MM * f.probability, 3.4, style="F")
    if f.threshold is not None:
        document.set_draw_color(*INK)
        document.set_line_width(0.5)
        x = _BAR_X_MM + _BAR_MM * f.threshold
        document.line(x, y - 0.1, x, y + 4.7)
    with small(document, 8.0):
        document.text(150, y + 3.4, "–" if f.probability is None else f"{f.probability:.2f}")
        document.text(162, y + 3.4, "likeliest" if f.threshold is None else f"{f.threshold:.2f}")
    sign = "– none" if f.decision is None else "● yes" if f.decision else "○ no"
    with small(document, 8.0, bold=bool(f.decision)):
        document.text(178, y + 3.4, sign)


def _measurements(document: Any, diagnosis: Diagnosis) -> None:
    heading(document, "Measurements")
    table(
        document,
        words.measurement_rows(diagnosis),
        (46, 24, 28, _WIDTH_MM - 98),
        ("measurement", "figure", "quality", "remark"),
    )
    rows = words.st_rows(diagnosis)
    if not rows:
        return
    room_for(document, 22)
    paragraph(document, "Level at the J point against the level before the QRS (~: from one beat)", 8.0, after_mm=0.3)
    told = [f"{lead}  {level}" for lead, level in rows]
    lines = [tuple(told[k : k + 6]) for k in range(0, len(told), 6)]
    table(document, [line + ("",) * (6 - len(line)) for line in lines], (30.0,) * 6)


def _charts(document: Any, diagnosis: Diagnosis) -> None:
    """Leads at true scale."""
    record = diagnosis.record
    if record is None:
        return
    charts = plan_charts(record)
    what = "read off the page" if diagnosis.digitization is not None else "as recorded"
    for number, chart in enumerate(charts, start=1):
        part = f", sheet {number} of {len(charts)}" if len(charts) > 1 else ""
        shown = max(cell.stop_s for cell in chart.cells)
        rest = f"; the first seconds of {record.duration_s:.0f} s" if shown < record.duration_s - 0.5 else ""
        cut = "; cut off where it leaves the grid" if leaves_grid(record, chart) else ""
        draw_chart(document, record, chart, f"The signal, {what}{part}{rest}{cut}")


def _reading(document: Any, diagnosis: Diagnosis, overlay: NDArray[np.uint8] | None) -> None:
    """Page with the reading over it, and how well each lead was read."""
    d = diagnosis.digitization
    if d is None:
        return
    document.add_page(orientation="portrait")
    heading(document, "The page, and the reading drawn over it")
    _picture(document, reading_picture(d, overlay), 165.0, "the page with the reading")
    if d.quality:
        heading(document, "How well each lead was read", room_mm=40)
        rows = [tuple(one_line(cell) for cell in row) for row in words.lead_rows(d)]
        head = ("lead", "grade", "traced", "predicted SNR", "reasons")
        table(document, rows, (16, 20, 20, 28, _WIDTH_MM - 84), head)


def _picture(document: Any, picture: tuple[bytes, float], height_mm: float, told: str) -> None:
    """Set a picture over the whole width, or as high as it may be."""
    content, ratio = picture
    width = min(_WIDTH_MM, height_mm / ratio)
    document.image(io.BytesIO(content), x=15, y=document.get_y() + 1, w=width, alt_text=told)
    document.set_y(document.get_y() + width * ratio + 3)


def _how(document: Any, explained: Explained) -> None:
    """Say how the map was made, and how it did against chance."""
    table(document, words.explanation_rows(explained), (52, _WIDTH_MM - 52), size_pt=7.5)


def _explanation(document: Any, diagnosis: Diagnosis) -> None:
    """Figure and words, for a clinician and for the patient."""
    document.add_page(orientation="portrait")
    explained = diagnosis.explained
    if explained is not None and diagnosis.seen is not None:
        heading(document, "What the model looked at")
        _picture(document, explanation_picture(explained, diagnosis.seen), 130.0, "attribution over the leads")
        _how(document, explained)
        d = diagnosis.digitization
        if d is not None and shows_on_page(diagnosis):
            room_for(document, 75)
            paragraph(document, "The same on the page as it came, over the traces that caused it", 8.5, after_mm=0.3)
            _picture(document, map_on_page(explained, d), 95.0, "attribution over the page")
    heading(document, "For the clinician")
    paragraph(document, one_line(words.clinician_text(diagnosis)))
    heading(document, "For the patient")
    paragraph(document, one_line(words.patient_text(diagnosis)), 10)


def _methods(document: Any, diagnosis: Diagnosis) -> None:
    """Say what made the result, how good it was found to be, and what it must not be trusted with."""
    heading(document, "What made this report", room_mm=40)
    program = ("einthoven", f"version {version()}, commit {commit()[:12]}")
    table(document, [program, *words.model_rows(diagnosis)], (52, _WIDTH_MM - 52))
    rows = words.validation_rows(diagnosis)
    if rows:
        heading(document, "How the model did on validation records (95 % intervals)", room_mm=40)
        table(document, rows, (36, *(24.0,) * 6), words.VALIDATION_HEAD, size_pt=6.5)
    lines = words.limit_lines(diagnosis)
    if lines:
        heading(document, "Limits", room_mm=15 + 5 * len(lines))
        for line in lines:
            paragraph(document, f"– {line}", 8.5, after_mm=0.3)
