"""A diagnosis as the JSON document ``STEM_diagnosis.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from einthoven.diagnosis.findings import QUESTIONS
from einthoven.diagnosis.measuring import measurements_document
from einthoven.diagnosis.result import Diagnosis, Finding, ModelUse
from einthoven.outputs import DIAGNOSIS_SCHEMA, digitization_document, document
from einthoven.provenance import commit

__all__ = ["diagnosis_document", "limits"]


def diagnosis_document(
    diagnosis: Diagnosis,
    *,
    stem: str,
    files: Sequence[str] = (),
    digitization: Mapping[str, Any] | None = None,
    redacted: bool = False,
) -> dict[str, Any]:
    """Content of ``STEM_diagnosis.json``.

    Parameters
    ----------
    diagnosis : Diagnosis
    stem : str
        Stem of every file written for this ECG.
    files : sequence of str
        Names of the files written for it.
    digitization : mapping, optional
        Content of ``STEM.json`` where that was written; made here without it.
    redacted : bool
        Whether the pictures were blanked outside the recording area.

    Returns
    -------
    dict
        Keys as in ``docs/diagnosis.md``; checked by ``docs/schemas/diagnosis.schema.json``.
    """
    origin = diagnosis.origin
    d = diagnosis.digitization
    if d is not None and digitization is None:
        digitization = digitization_document(
            d, source=origin.source, page=origin.page, stem=stem, method="auto", files=()
        )
    explained = diagnosis.explained
    body = {
        "source": origin.source,
        "stem": stem,
        "input": _input(diagnosis),
        "status": diagnosis.status,
        "forced": diagnosis.forced,
        "experimental": diagnosis.experimental,
        "reasons": diagnosis.reasons,
        "warnings": diagnosis.warnings,
        "headline": diagnosis.headline,
        "route": diagnosis.route,
        "person": _person(diagnosis),
        "signal": _signal(diagnosis),
        "digitization": digitization,
        "measurements": measurements_document(diagnosis.measurements),
        "findings": [_finding(f) for f in diagnosis.findings],
        "explanation": None if explained is None else explained.document,
        "models": [_model(m) for m in diagnosis.models],
        "limits": limits(diagnosis),
        "commit": commit(),
        "seconds": {name: round(value, 3) for name, value in diagnosis.seconds.items()},
        "redacted": redacted,
        "files": files,
        "notice": diagnosis.notice,
    }
    return document(DIAGNOSIS_SCHEMA, 1, body)


def limits(diagnosis: Diagnosis) -> tuple[str, ...]:
    """List what the models that answered must not be trusted with, each limit once."""
    told = [limit for p in diagnosis.predictions if p.card is not None for limit in p.card.limits]
    return tuple(dict.fromkeys(told))


def _input(diagnosis: Diagnosis) -> dict[str, Any]:
    origin = diagnosis.origin
    number, count = origin.part
    return {
        "sha256": origin.sha256,
        "kind": origin.kind,
        "format": origin.format,
        "page": origin.page or None,
        "ecg": number,
        "ecgs": count,
    }


def _person(diagnosis: Diagnosis) -> dict[str, Any]:
    """Age and sex as the models used them, and how each is known."""
    if not diagnosis.predictions:
        return {"age": None, "sex": None, "age_from": "unknown", "sex_from": "unknown"}
    p = diagnosis.predictions[0]
    how = {f"{name}_from": p.known_from.get(name, "unknown") for name in ("age", "sex")}
    return {"age": p.age, "sex": p.sex, **how}


def _signal(diagnosis: Diagnosis) -> dict[str, Any] | None:
    """Describe the record: its leads and how many seconds of each are there."""
    record = diagnosis.record
    if record is None:
        return None
    import numpy as np

    seconds = np.isfinite(record.signal).sum(axis=1) / record.fs
    return {
        "fs": record.fs,
        "duration_s": round(record.duration_s, 4),
        "units": str(record.meta.get("units", "mV")),
        "seconds_of_lead": {lead: round(float(s), 3) for lead, s in zip(record.leads, seconds, strict=True)},
    }


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "task": f.task,
        "question": QUESTIONS.get(f.task, f.task),
        "label": f.label,
        "words": f.words,
        "probability": None if f.probability is None else round(f.probability, 6),
        "threshold": f.threshold,
        "decision": None if f.decision is None else int(f.decision),
        "status": f.status,
        "model": f.model,
        "validation": {name: dict(figure) for name, figure in f.validation.items()},
        "reasons": f.reasons,
    }


def _model(m: ModelUse) -> dict[str, Any]:
    return {f.name: getattr(m, f.name) for f in fields(m)}
