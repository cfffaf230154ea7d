"""All that is told of one explanation: shares, a test of the map, texts, and the JSON that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digitize.result import Digitization
from ecg.measure import Measurements
from ecg.record import ECGRecord
from explain.anatomy import Anatomy, anatomy, shown_on, wave_labels
from explain.methods import ExplainOptions, view_for
from explain.narrate import Facts, facts_of, narrate, published_text
from explain.picture_view import picture_view
from explain.result import Explanation
from explain.subject import Subject
from explain.trust import trust, trust_page

__all__ = ["Account", "account_of", "account_of_page"]

_SHARES = ("lead_share", "wave_share", "territory_share", "area_share")


@dataclass(frozen=True, eq=False)
class Account:
    """What is told of one explanation.

    Parameters
    ----------
    explanation : Explanation
    anatomy : Anatomy or None
        None for pictures, whose pixels have no leads.
    faithfulness : mapping str -> float
        From `explain.trust`.
    text : mapping str -> str
        By style: ``clinician``, ``patient``, and ``published`` where it was asked for.
    reasons : tuple of str
        What was told with the answer, or of the page.
    sha256 : str
        Digest of the model's weights.
    """

    explanation: Explanation
    anatomy: Anatomy | None
    faithfulness: Mapping[str, float]
    text: Mapping[str, str]
    reasons: tuple[str, ...] = ()
    sha256: str = ""

    def document(self) -> dict[str, Any]:
        """Keys of ``STEM_explanation.json`` as ``docs/cli.md`` lists them, without schema, version and notice."""
        e, found = self.explanation, self.anatomy
        return {
            "status": e.status,
            "reasons": list(self.reasons),
            "model": e.model,
            "model_sha256": self.sha256,
            "task": e.task,
            "target": e.target,
            "probability": e.probability,
            "threshold": e.threshold,
            "decision": int(e.decision),
            "method": e.method,
            "baseline": e.baseline,
            "delta": e.delta,
            "steps": e.steps,
            "seconds": round(e.seconds, 3),
            "notes": list(e.notes),
            "leading_lead": None if found is None else found.leading_lead,
            **{name: {} if found is None else dict(getattr(found, name)) for name in _SHARES},
            "faithfulness": dict(self.faithfulness),
            "text": dict(self.text),
        }


def account_of(
    subject: Subject,
    record: ECGRecord,
    options: ExplainOptions,
    found: Explanation,
    *,
    measured: Measurements | None = None,
    page: str = "",
    page_reasons: Sequence[str] = (),
    reasons: Sequence[str] = (),
) -> Account:
    """Tell an explanation of a record.

    Parameters
    ----------
    subject : Subject
        The model that answered.
    record : ECGRecord
    options : ExplainOptions
        As `found` was asked for.
    found : Explanation
    measured : Measurements, optional
        Of the same record; the text tells some.
    page : str
        Status of the reading where it is one: ``"accepted"`` or ``"review"``.
    page_reasons : sequence of str
        Why the page needs review.
    reasons : sequence of str
        What was told with the answer.

    Returns
    -------
    Account
    """
    n = found.values.shape[1]
    parts = anatomy(found, wave_labels(record, found.fs, n, found.leads), shown_on(record, found.fs, n, found.leads))
    why = reasons if found.status == "abstained" else ()
    facts = facts_of(found, parts, measured, page, page_reasons, why)
    return Account(
        found,
        parts,
        trust(subject, view_for(subject, record, options), found),
        {"clinician": narrate(facts), "patient": narrate(facts, "patient")},
        tuple(reasons),
        subject.classifier.card.sha256,
    )


def account_of_page(
    subject: Subject, reading: Digitization, found: Explanation, cam: Explanation | None = None
) -> Account:
    """Tell an explanation of a picture.

    Parameters
    ----------
    subject : Subject
        Of an image network.
    reading : Digitization
    found : Explanation
        From `explain.pictures.explain_page`.
    cam : Explanation, optional
        The same answer by Grad-CAM: the text in the published form tells that one.

    Returns
    -------
    Account
    """
    doubts = reading.reasons if reading.status == "review" else ()
    facts = Facts(
        found.target,
        found.probability,
        found.decision,
        threshold=found.threshold,
        page=reading.status,
        page_reasons=tuple(doubts),
    )
    text = {"clinician": narrate(facts), "patient": narrate(facts, "patient")}
    if cam is not None:
        text["published"] = published_text(cam)
    tested = trust_page(subject, picture_view(reading, subject.classifier.spec), found)
    return Account(found, None, tested, text, tuple(doubts), subject.classifier.card.sha256)
