"""The reasons of an answer, by `explain`, as a diagnosis holds them: the one door between the two packages."""

from __future__ import annotations

from importlib.util import find_spec
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
    from explain.anatomy import Anatomy
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

    try:
        subject = _subject(prediction, options.model)
        asked = ExplainOptions(
            task=finding.task,
            target=finding.label,
            method=options.method or _method(subject.entry.kind),
            age=options.age,
            sex=options.sex,
        )
        found = explain(subject, record, asked, prediction)
        return _told(subject, record, asked, found, measurements, digitization), ()
    except ECGError as error:
        if options.method:
            raise  # a method that was asked for by name and cannot be had is an error
        return None, (f"the answer is not explained: {error}",)


def _method(kind: str) -> str:
    """Suit the method to the model and to what is installed: gradients need torch, reading and answering do not."""
    from explain.methods import DEFAULT_METHOD

    return DEFAULT_METHOD if kind == "network" and find_spec("torch") is not None else "occlusion"


def _subject(prediction: Prediction, model: str) -> Any:
    """Open the very model that answered, told by the digest of its weights."""
    from classify.weights import shipped
    from ecg.checkpoint import load_card
    from explain.subject import open_subject

    digest = "" if prediction.card is None else prediction.card.sha256
    same = [folder for folder in shipped().values() if load_card(folder).sha256 == digest]
    return open_subject(same[0] if same else prediction.model if model == "default" else model)


def _told(
    subject: Any,
    record: ECGRecord,
    asked: Any,
    found: Explanation,
    measurements: Measurements | None,
    d: Digitization | None,
) -> Explained:
    from explain.anatomy import anatomy, shown_on, wave_labels
    from explain.faithfulness import trust
    from explain.methods import view_for
    from explain.narrate import facts_of, narrate

    n = found.values.shape[1]
    parts = anatomy(found, wave_labels(record, found.fs, n, found.leads), shown_on(record, found.fs, n, found.leads))
    page, doubts = ("", ()) if d is None else ("review" if d.status == "refused" else d.status, d.reasons)
    facts = facts_of(found, parts, measurements, page, doubts)
    text = {"clinician": narrate(facts), "patient": narrate(facts, "patient")}
    tested = trust(subject, view_for(subject, record, asked), found)
    trusted = trust_line(examined(subject.classifier.card.sha256, found.method))
    document = {**_document(found, parts, tested, text), "trusted": trusted}
    return Explained(document, text["clinician"], text["patient"], found, parts)


def _document(found: Explanation, parts: Anatomy, tested: dict[str, float], text: dict[str, str]) -> dict[str, Any]:
    return {
        "status": found.status,
        "model": found.model,
        "task": found.task,
        "target": found.target,
        "probability": found.probability,
        "threshold": found.threshold,
        "decision": int(found.decision),
        "method": found.method,
        "baseline": found.baseline,
        "delta": found.delta,
        "steps": found.steps,
        "seconds": round(found.seconds, 3),
        "leading_lead": parts.leading_lead,
        "lead_share": dict(parts.lead_share),
        "wave_share": dict(parts.wave_share),
        "territory_share": dict(parts.territory_share),
        "area_share": dict(parts.area_share),
        "faithfulness": tested,
        "notes": list(found.notes),
        "text": text,
    }
