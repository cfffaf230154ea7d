"""What the report says, as rows and sentences: no drawing here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.record import LEADS
from einthoven.diagnosis.document import limits
from einthoven.diagnosis.findings import QUESTIONS, label_words
from einthoven.diagnosis.measuring import INTERVALS
from einthoven.diagnosis.result import Diagnosis, Explained, Finding

if TYPE_CHECKING:
    from digitize.result import Digitization
    from ecg.measure import Measurement

__all__ = [
    "STATUS_WORDS",
    "VALIDATION_HEAD",
    "clinician_text",
    "explanation_rows",
    "fold_words",
    "input_rows",
    "lead_rows",
    "limit_lines",
    "measurement_rows",
    "model_rows",
    "patient_text",
    "st_rows",
    "training_data",
    "validation_rows",
    "why_lines",
]

STATUS_WORDS = {"answered": "Answered", "abstained": "No answer given", "refused": "Page refused"}
_QUALITY_WORDS = {"good": "good", "fair": "fair", "not measurable": "not measurable"}
_SCALE_PARTS = ("px_per_mm_x", "px_per_mm_y", "speed_mm_per_s", "gain_mm_per_mv")
#: Names of a card's figures in words.
_FIGURES = {
    "auroc": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision": "positive pred. value",
    "npv": "negative pred. value",
    "ece": "calibration error",
}
#: Texts on a card that are about the run, not about its data.
_NO_SOURCES = ("threshold_rule", "source_of_the_architecture")
#: Columns of `validation_rows`.
VALIDATION_HEAD = ("of", *_FIGURES.values())


def input_rows(diagnosis: Diagnosis, redacted: bool) -> list[tuple[str, str]]:
    """Rows about the input and its quality.

    Parameters
    ----------
    diagnosis : Diagnosis
    redacted : bool
        Leaves the file's name out: it may name a person.

    Returns
    -------
    list of (name, text)
    """
    origin = diagnosis.origin
    # The name alone: folders on a person's machine are nobody's business.
    name = "not shown (redacted)" if redacted else Path(origin.source).name or "from memory"
    page = f", page {origin.page}" if origin.kind == "page" else ""
    page += f", ECG {origin.part[0]} of {origin.part[1]} on it" if origin.part[1] > 1 else ""
    rows = [("File", f"{name}{page}")]
    if origin.sha256:
        rows.append(("SHA-256 of the file", origin.sha256))
    rows.append(("Kind", f"{origin.kind}, {origin.format}"))
    if diagnosis.record is not None:
        record = diagnosis.record
        rows.append(("Signal", f"{len(record.leads)} leads, {record.fs:g} Hz, {record.duration_s:.1f} s"))
    if diagnosis.predictions:
        p = diagnosis.predictions[0]
        age = "age unknown" if p.age is None else f"{p.age:g} years ({p.known_from.get('age', '')})"
        sex = "sex unknown" if p.sex is None else f"sex {p.sex} ({p.known_from.get('sex', '')})"
        rows.append(("Person", f"{age}, {sex}"))
    if diagnosis.digitization is not None:
        rows += _reading_rows(diagnosis.digitization)
    return rows


def _reading_rows(d: Digitization) -> list[tuple[str, str]]:
    rows = [("Reading of the page", d.status + (", forced" if d.forced else ""))]
    if d.layout is not None:
        rows.append(("Layout", f"{d.layout.name}, timing {d.timing}"))
    if d.scale is not None and d.evidence is not None:
        how = [f"{getattr(d.evidence, part)}" for part in _SCALE_PARTS]
        scale = d.scale
        rows.append(
            (
                "Scale",
                f"{scale.speed_mm_per_s:g} mm/s ({how[2]}), {scale.gain_mm_per_mv:g} mm/mV ({how[3]}), "
                f"{scale.px_per_mm_x:.2f} x {scale.px_per_mm_y:.2f} pixels per mm ({how[0]})",
            )
        )
    if d.snr_pred_db is not None:
        rows.append(("Predicted signal-to-noise ratio", f"{d.snr_pred_db:.0f} dB, median of the leads; an estimate"))
    if d.assumed:
        rows.append(("Taken for granted", "; ".join(d.assumed)))
    return rows


def lead_rows(d: Digitization) -> list[tuple[str, str, str, str, str]]:
    """Rows of lead, grade, traced share, predicted SNR, reasons; the twelve in their usual order, others after them."""
    rows: list[tuple[str, str, str, str, str]] = []
    order = [*(lead for lead in LEADS if lead in d.quality), *(lead for lead in d.quality if lead not in LEADS)]
    for lead in order:
        q = d.quality[lead]
        snr = "–" if q.snr_pred_db is None else f"{q.snr_pred_db:.0f} dB"
        rows.append((lead, q.grade, f"{100 * q.coverage:.0f} %", snr, "; ".join(q.reasons)))
    return rows


def _figure(one: Measurement) -> str:
    if one.value is None:
        return "–"
    if one.unit == "mV":
        return f"{round(one.value, 2) + 0.0:+.2f} mV"  # no minus before a zero
    unit = {"1/min": "/min", "degrees": "°"}.get(one.unit, f" {one.unit}")
    return f"{one.value:.0f}{unit}"


def measurement_rows(diagnosis: Diagnosis) -> list[tuple[str, str, str, str]]:
    """Rows of name, figure, quality, why the quality is not good; none where nothing was measured."""
    m = diagnosis.measurements
    if m is None:
        return []
    rows = []
    for field, name in INTERVALS.items():
        one: Measurement = getattr(m, field)
        rows.append((name, _figure(one), _QUALITY_WORDS[one.quality], one.reason))
    return rows


def st_rows(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Rows of lead and its level at the J point; a figure of fair quality has a tilde ahead."""
    m = diagnosis.measurements
    if m is None:
        return []
    return [(lead, ("~" if one.quality == "fair" else "") + _figure(one)) for lead, one in m.st.items()]


def why_lines(findings: Sequence[Finding]) -> list[str]:
    """Why each decision of a question fell as it did, a line each."""
    lines = []
    for f in findings:
        if f.decision is None or f.probability is None:
            continue
        if f.threshold is None:
            lines.append(f"{f.words}: {f.probability:.2f}, {'the likeliest' if f.decision else 'not the likeliest'}")
            continue
        side = "reaches" if f.decision else "stays below"
        lines.append(f"{f.words}: {f.probability:.2f} {side} the model's threshold of {f.threshold:.2f}")
    return lines


def model_rows(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Rows of what made the result: program, models, their data and digests."""
    rows = []
    for m in diagnosis.models:
        data = training_data(m.data)
        trained = f"; trained on {data}" if data else ""
        commit = f"; commit {m.commit[:12]}" if m.commit else ""
        rows.append((f"{m.name} ({m.architecture})", f"{m.role}{trained}{commit}; SHA-256 of weights {m.sha256}"))
    return rows


def training_data(data: Mapping[str, Any]) -> str:
    """Tell the sources of training data; how the training was run is left to the card.

    Parameters
    ----------
    data : mapping
        Of a `ecg.checkpoint.ModelCard`.

    Returns
    -------
    str

    Examples
    --------
    >>> training_data({"ptb-xl": {"version": "1.0.3", "licence": "CC BY 4.0"}, "train_records": 9, "recipe": {"lr": 1}})
    'ptb-xl 1.0.3 CC BY 4.0, 9 train records'
    """
    told = []
    for name, value in data.items():
        if isinstance(value, Mapping):
            if "version" in value or "licence" in value:
                told.append(" ".join(str(v) for v in (name, value.get("version", ""), value.get("licence", "")) if v))
        elif isinstance(value, str) and name not in _NO_SOURCES:
            told.append(value)
        elif isinstance(value, int) and name.endswith("_records"):
            told.append(f"{value} {name.replace('_', ' ')}")
    return ", ".join(told)


def fold_words(folds: Mapping[str, Any]) -> str:
    """Parts of the data that training and validation had.

    Examples
    --------
    >>> fold_words({"protocol": "official", "train": ("1", "2"), "validation": ("9",)})
    'official folds: train 1, 2; validation 9'
    """
    parts = [f"{name} {', '.join(map(str, v))}" for name, v in folds.items() if isinstance(v, (list, tuple))]
    return f"{folds.get('protocol', '')} folds: {'; '.join(parts)}".strip() if parts else "folds not told"


def validation_rows(diagnosis: Diagnosis) -> list[tuple[str, ...]]:
    """Rows of a label and its figures with 95 % intervals, from the cards of the models that answered.

    Returns
    -------
    list of tuple of str
        Columns as `VALIDATION_HEAD`.
    """
    rows: dict[str, dict[str, str]] = {}
    for f in diagnosis.findings:
        for key, figure in f.validation.items():
            kind = key.rsplit(" ", 1)[-1]
            own = f.task == f.label or key.startswith(f"{f.task} {f.label} ")
            rows.setdefault(f.words if own else f"{_question(f.task)}, mean", {})[kind] = _interval(figure)
    return [(whose, *(told.get(kind, "") for kind in _FIGURES)) for whose, told in rows.items()]


def _question(task: str) -> str:
    return QUESTIONS.get(task, task).lower()


def _interval(figure: Mapping[str, float | None]) -> str:
    value, lo, hi = (figure[name] for name in ("value", "lo", "hi"))
    if value is None:
        return "unknown"
    return f"{value:.3f}" if lo is None or hi is None else f"{value:.3f} ({lo:.3f}–{hi:.3f})"


def limit_lines(diagnosis: Diagnosis) -> list[str]:
    """Limits of the models, and of the reading of pages."""
    lines = list(limits(diagnosis))
    if diagnosis.origin.kind == "page":
        lines.append("a signal read off paper is a reconstruction: compare it with the page before relying on it")
        lines.append("validation figures are of recorded signals; a page shows less of each lead")
    return lines


def explanation_rows(explained: Explained) -> list[tuple[str, str]]:
    """Rows on how the map was made and tested."""
    e, tested = explained.explanation, explained.document["faithfulness"]
    rows = [("Explained", f"{label_words(e.task, e.target)}, by {e.method.replace('_', ' ')}")]
    if e.delta is not None:
        rows.append(
            ("Left unexplained", f"{100 * abs(e.delta):.1f} % of the difference to the baseline ({e.baseline})")
        )
    if "better_than_random" in tested:
        share = round(100 * tested["better_than_random"])
        told = f"taking out what the map shows lowers the answer faster than {share} % of random orders"
        rows.append(("Tested on this ECG", told + ("" if share == 100 else ": do not trust this map")))
    rows.append(("How far it can be trusted", str(explained.document["trusted"])))
    return rows + [("Note", note) for note in e.notes]


def clinician_text(diagnosis: Diagnosis) -> str:
    """Explanation for a clinician; without one, what was decided and why."""
    if diagnosis.explained is not None and diagnosis.explained.clinician:
        return diagnosis.explained.clinician
    task = diagnosis.findings[0].task if diagnosis.findings else ""
    lines = why_lines([f for f in diagnosis.findings if f.task == task])
    return " ".join([diagnosis.headline, *(f"{line[0].upper()}{line[1:]}." for line in lines)])


def patient_text(diagnosis: Diagnosis) -> str:
    """Explanation without jargon."""
    if diagnosis.explained is not None and diagnosis.explained.patient:
        return diagnosis.explained.patient
    if diagnosis.status == "refused" and not diagnosis.forced:
        return "The program could not read this picture. Nothing was looked at, so nothing can be said about the heart."
    if diagnosis.predictions and diagnosis.predictions[0].status != "answered":
        return (
            "The program read the recording but did not give an answer, because it is not sure enough of what it has "
            "seen. This says nothing about the heart, good or bad. Please show the recording to a doctor."
        )
    return (
        "A computer program compared this recording with many others. What it found is written above in medical "
        "terms. It can be wrong in both directions. Please talk to a doctor, who can look at the recording itself."
    )
