"""What a diagnosis is: every intermediate, the findings in words, and whether to believe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize.result import Digitization
    from ecg import ECGRecord
    from ecg.measure import Measurements
    from explain.anatomy import Anatomy
    from explain.result import Explanation

__all__ = ["NOTICE", "Diagnosis", "Explained", "Finding", "ModelUse", "Origin", "Status"]

Status = Literal["answered", "abstained", "refused"]

#: Stands in every document and on every page that a diagnosis is written to.
NOTICE = (
    "Not for diagnosis. This is research software and not a medical device: nothing in it may guide the care of a "
    "patient. A qualified reader must look at the ECG itself."
)


@dataclass(frozen=True)
class Origin:
    """Where an ECG comes from.

    Parameters
    ----------
    source : str
        File as it was named; ``""`` for a record or page handed over in memory.
    sha256 : str
        Of that file (of a WFDB record: of its header and signal files together); ``""`` likewise.
    kind : str
        ``"record"`` or ``"page"``.
    format : str
        ``"png"``, ``"pdf"``, ``"wfdb"``, ...; ``"memory"`` likewise.
    page : int
        Number of the page in its file, from 1; 0 for a record.
    part : tuple of int
        Number of the ECG on that page, from 1, and how many the page holds.
    """

    source: str
    sha256: str
    kind: Literal["record", "page"]
    format: str
    page: int = 0
    part: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Finding:
    """One label of one question, with what was decided.

    Parameters
    ----------
    task, label : str
    words : str
        The label in a clinician's words.
    probability : float or None
        Calibrated; None where the model gave no answer.
    threshold : float or None
        None where labels exclude each other: the likeliest is the answer.
    decision : bool or None
        None where nothing was decided.
    status : str
        Of the question: ``"answered"``, ``"abstained"`` or ``"refused"``.
    model : str
        Name of the model that answered.
    validation : mapping name -> mapping
        Figures of the model's card for this label, or else this question: ``{"value", "lo", "hi"}`` each.
    reasons : tuple of str
        Why nothing was decided, and what the answer rests on.
    """

    task: str
    label: str
    words: str
    probability: float | None
    threshold: float | None
    decision: bool | None
    status: Status
    model: str
    validation: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def margin(self) -> float:
        """Distance of the probability over its threshold, as a share of the way to 1 or to 0; -1 to 1.

        Without a threshold, the probability over an even chance.
        """
        if self.probability is None:
            return -1.0
        bar = 0.5 if self.threshold is None else self.threshold
        room = 1 - bar if self.probability >= bar else bar
        return (self.probability - bar) / room if room > 0 else 0.0


@dataclass(frozen=True)
class ModelUse:
    """A model that took part.

    Parameters
    ----------
    name, sha256 : str
        Of its weights.
    architecture : str
    role : str
        ``"reads printed names"``, ``"tells whose ink it is"``, or ``"answers TASK, ..."``.
    data : mapping
        What it was trained on.
    commit : str
        Commit of this project that trained it.
    """

    name: str
    sha256: str
    architecture: str
    role: str
    data: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""


@dataclass(frozen=True, eq=False)
class Explained:
    """Why the model gave its answer, as documents need it.

    Parameters
    ----------
    document : mapping
        Keys of ``STEM_explanation.json`` as ``docs/cli.md`` lists them, without schema and version.
    clinician, patient : str
        The same in words.
    explanation : Explanation
        With its map.
    anatomy : Anatomy
        Where the map lies.
    """

    document: Mapping[str, Any]
    clinician: str
    patient: str
    explanation: Explanation
    anatomy: Anatomy


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What can be said of one ECG.

    Parameters
    ----------
    status : str
        ``"answered"``; ``"abstained"``: it was read and measured, but page or model is not good enough for an answer;
        ``"refused"``: the page could not be read, or was read by force.
    reasons : tuple of str
        Why not answered, or what speaks against the answer.
    forced : bool
        The page was refused and read all the same.
    experimental : bool
        The page needs a person's eye first, or the route is the published strip method.
    origin : Origin
    route : str
        ``"best"`` or ``"published"``.
    record : ECGRecord or None
        As read or digitized; None where the page was refused.
    seen : ECGRecord or None
        What the models were given: the same, or the strip of the published route.
    digitization : Digitization or None
        None for a record.
    measurements : Measurements or None
    predictions : tuple of Prediction
        One a question.
    findings : tuple of Finding
        One a question and label.
    headline : str
        The answer in a sentence.
    explained : Explained or None
    models : tuple of ModelUse
    seconds : mapping str -> float
        Wall time of each step in seconds.
    notice : str
    """

    status: Status
    reasons: tuple[str, ...]
    forced: bool
    experimental: bool
    origin: Origin
    route: str
    record: ECGRecord | None
    seen: ECGRecord | None
    digitization: Digitization | None
    measurements: Measurements | None
    predictions: tuple[Prediction, ...]
    findings: tuple[Finding, ...]
    headline: str
    explained: Explained | None = None
    models: tuple[ModelUse, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    notice: str = NOTICE

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every output says before anything else: forced, experimental."""
        told = []
        if self.forced:
            told.append("FORCED: the page was refused and read all the same. Do not rely on anything below.")
        if self.experimental:
            told.append("EXPERIMENTAL: check the reading against the page before you look at the answer.")
        return tuple(told)
