"""``--do diagnose``: rows of what `einthoven.diagnosis` says, its whole document included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.options import options_from
from einthoven.batch.works import DIGITIZE, Row, Settings, Work, page_values

if TYPE_CHECKING:
    from einthoven.diagnosis import DiagnoseOptions, Diagnosis

__all__ = ["DIAGNOSE"]


def _options(settings: Settings) -> DiagnoseOptions:
    from einthoven.diagnosis import DiagnoseOptions

    digitizing, reading = DIGITIZE.check(settings)
    asked = options_from(DiagnoseOptions, settings.get("diagnose", {}), "[diagnose]")
    return replace(asked, digitize=digitizing, reading=reading)


def _check(settings: Settings) -> None:
    """Options and the model: an archive must not end as a list of one error a file."""
    from classify.predict import best_model
    from classify.weights import model_folder
    from ecg.record import LEADS

    options = _options(settings)
    if options.model != "default":
        model_folder(options.model)
    elif options.route == "best":
        best_model(options.questions(page=False)[0], LEADS)


def diagnose_rows(path: Path, settings: Settings) -> Iterator[Row]:
    """Rows of the record in a file or of its pages, as ``einthoven diagnose`` answers them."""
    from einthoven.diagnosis import diagnose_file

    number = 0
    for diagnosis in diagnose_file(path, _options(settings)):
        d = diagnosis.digitization
        if d is None:
            yield Row(0, _values(diagnosis, path))
            continue
        number += d.part[0] == 1
        values = {**page_values(d), "page_status": d.status, **_values(diagnosis, path)}
        yield Row(number, values, diagnosis.record, *d.part)


def _values(diagnosis: Diagnosis, path: Path) -> dict[str, Any]:
    from ecg.formats import safe_stem
    from einthoven.diagnosis.document import diagnosis_document

    content = diagnosis_document(diagnosis, stem=safe_stem(path.stem))
    return {
        "status": diagnosis.status,
        "reason": "; ".join(diagnosis.reasons),
        "headline": diagnosis.headline,
        "route": diagnosis.route,
        "experimental": diagnosis.experimental,
        "forced": diagnosis.forced,
        "tasks": [f.task for f in diagnosis.findings],
        "labels": [f.label for f in diagnosis.findings],
        "probabilities": [f.probability for f in diagnosis.findings],
        "decisions": [f.decision for f in diagnosis.findings],
        "models": [m.name for m in diagnosis.models],
        # As STEM_diagnosis.json; the archive's own columns say which file.
        "document": json.dumps({**content, "source": path.name}, ensure_ascii=False, allow_nan=False),
    }


DIAGNOSE = Work(
    name="diagnose",
    rows=diagnose_rows,
    columns={
        "headline": "text",
        "route": "text",
        "experimental": "flag",
        "forced": "flag",
        "tasks": "texts",
        "labels": "texts",
        "probabilities": "numbers",
        "decisions": "flags",
        "models": "texts",
        "page_status": "text",
        "document": "text",
    },
    tables=("diagnose", "digitize", "read"),
    check=_check,
)
