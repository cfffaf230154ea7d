"""The reasons of an answer, by `explain`, as a diagnosis holds them: the one door between the two packages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecg.errors import ECGError
from einthoven.diagnosis.examined import examined, trust_line
from einthoven.diagnosis.result import Explained, Finding

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize.result import Digitization
    from ecg import ECGRecord
    from ecg.measure import Measurements
    from einthoven.diagnosis.options import DiagnoseOptions
    from explain.result import Explanation

__all__ = ["explained"]


def explained(
    record: ECGRecord,
    prediction: Prediction,
    finding: Finding,
    options: DiagnoseOptions,
    measurements: Measurements | None = None,
    digitization: Digitization | None = None,
) -> tuple[Explained | None, tuple[str, ...]]:
    """Explain one finding.

    Parameters
    ----------
    record : ECGRecord
        What the model was given.
    prediction : Prediction
        Its answer.
    finding : Finding
        The label of it that is to be explained.
    options : DiagnoseOptions
    measurements : Measurements, optional
        Of the same record; the text tells some.
    digitization : Digitization, optional
        Of a page: the text tells how well it was read.

    Returns
    -------
    Explained or None
    tuple of str
        Why there is none: the answer stands without it.
    """
    from explain.methods import ExplainOptions, explain
    from explain.subject import subject_of_answer

    asked = ExplainOptions(
        task=finding.task, target=finding.label, method=options.method, age=options.age, sex=options.sex
    )
    try:
        subject = subject_of_answer(prediction, options.model)
        found = explain(subject, record, asked, prediction)
        if found.model != prediction.model:
            joined = f"{prediction.model.replace(' + ', ', ')} answered together; explained is {found.model}"
            found = replace(found, notes=(*found.notes, joined))
        return _told(subject, record, asked, found, measurements, digitization), ()
    except ECGError as error:
        if options.method:
            raise  # a method that was asked for by name and cannot be had is an error
        return None, (f"the answer is not explained: {error}",)


def _told(
    subject: Any,
    record: ECGRecord,
    asked: Any,
    found: Explanation,
    measurements: Measurements | None,
    d: Digitization | None,
) -> Explained:
    from explain.account import account_of

    page, doubts = ("", ()) if d is None else ("review" if d.status == "refused" else d.status, d.reasons)
    told = account_of(subject, record, asked, found, measured=measurements, page=page, page_reasons=doubts)
    document = {**told.document(), "trusted": trust_line(examined(told.sha256, found.method, found.target))}
    assert told.anatomy is not None  # noqa: S101 - a record has leads
    return Explained(document, told.text["clinician"], told.text["patient"], found, told.anatomy)
