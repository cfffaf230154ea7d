"""An explanation in two or three sentences, for a clinician and for a patient, from measured facts only.

What was not measured is not said: every clause stands on one fact, and without the fact it is not there. Nothing claims
a finding on the tracing beyond the numbers; where attribution lies is told as that.

The published style keeps the form of the image classifiers' texts (hottest third of the Grad-CAM map, one template a
class, confidence to two decimals); the sentences are ours. It says where the network looked and claims no finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecg.measure import Measurements
from ecg.record import LEADS
from explain.anatomy import Anatomy
from explain.result import Explanation

__all__ = ["STYLES", "WORDS", "Facts", "facts_of", "hottest_third", "narrate", "published_text"]

Style = Literal["clinician", "patient", "published"]

STYLES = ("clinician", "patient", "published")
#: What each label means, to a clinician and to a patient.
WORDS: Mapping[str, tuple[str, str]] = {
    "NORM": ("a normal ECG", "a normal recording"),
    "MI": ("myocardial infarction", "a heart attack, new or old"),
    "STTC": ("changes of ST or T", "changes in the part of the heartbeat in which the heart recovers"),
    "CD": ("a conduction disturbance", "a delay in the heart's electrical wiring"),
    "HYP": ("hypertrophy", "a thickened heart muscle"),
    "mi": ("myocardial infarction of any age", "a heart attack, new or old"),
    "mi_sttc": ("myocardial infarction or changes of ST or T", "a heart muscle that may lack blood"),
    "abnormal": ("an abnormal ECG", "something other than a normal recording"),
    "ami": ("myocardial infarction in its first stage", "a recent heart attack"),
    "HMI": ("an old myocardial infarction", "a heart attack in the past"),
    "HB": ("an abnormal heartbeat", "an irregular heartbeat"),
}
#: Where the published texts say that a network of pictures looked, one template a class.
_PUBLISHED = {
    "NORM": "The network takes the tracing for normal; what weighed most lies in the {third} third of the {what}.",
    "MI": "The network sees myocardial infarction and was led to it by the {third} third of the {what}.",
    "HMI": "The network sees an old myocardial infarction and was led to it by the {third} third of the {what}.",
    "HB": "The network sees an abnormal heartbeat and was led to it by the {third} third of the {what}.",
}
_PUBLISHED_OTHER = "The network's answer is {label}; what weighed most lies in the {third} third of the {what}."
#: A lead or wave is named where it has at least this many times the attribution that its area would give.
_NAMED = 1.25
_MOST_LEADS = 3
#: Labels to which the level of ST says nothing.
_RHYTHM = ("HB",)
_WAVE_WORDS = {"P": "P", "QRS": "QRS", "ST": "ST", "T": "T"}
_PATIENT_WAVES = {
    "P": "the small wave before the beat",
    "QRS": "the main spike of the beat",
    "ST": "the stretch right after the main spike",
    "T": "the wave after the beat",
}


@dataclass(frozen=True)
class Facts:
    """All that a text may say.

    Parameters
    ----------
    target : str
        Label of a task.
    probability : float
        Calibrated.
    decision : bool
        Whether the model gives the label.
    status : str
        ``"answered"``, ``"abstained"`` or ``"refused"``.
    threshold : float or None
    reasons : tuple of str
        Why the model abstained, or the page was refused.
    leads, waves : tuple of str
        What carried the answer; empty where nothing stands out.
    span_s : (float, float) or None
        Stretch that carried most of the answer, see `explain.anatomy.Anatomy`.
    rate_per_min : float or None
    st_mv : mapping lead -> float
        Level at the J point in leads that carried the answer, in mV.
    page : str
        Of a page: ``"accepted"`` or ``"review"``; empty for a record.
    page_reasons : tuple of str
    method : str
    """

    target: str
    probability: float | None
    decision: bool
    status: Literal["answered", "abstained", "refused"] = "answered"
    threshold: float | None = None
    reasons: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    waves: tuple[str, ...] = ()
    span_s: tuple[float, float] | None = None
    rate_per_min: float | None = None
    st_mv: Mapping[str, float] = field(default_factory=dict)
    page: str = ""
    page_reasons: tuple[str, ...] = ()
    method: str = ""


def facts_of(
    explanation: Explanation,
    found: Anatomy,
    measured: Measurements | None = None,
    page: str = "",
    page_reasons: Sequence[str] = (),
    reasons: Sequence[str] = (),
) -> Facts:
    """Collect what may be said of an explanation.

    Parameters
    ----------
    explanation : Explanation
    found : Anatomy
        Of it.
    measured : Measurements, optional
        Of the same record.
    page : str
        Status of the reading, where it is one.
    page_reasons, reasons : sequence of str
        Why the page needs review; why the model abstained.

    Returns
    -------
    Facts
    """
    leads = sorted((lead for lead in LEADS if found.ratio(lead) >= _NAMED), key=lambda lead: -found.ratio(lead))
    leads = leads[:_MOST_LEADS]
    waves = [wave for wave in _WAVE_WORDS if found.ratio(wave) >= _NAMED]
    rate = measured.rate.value if measured is not None else None
    levels = (
        {}
        if measured is None or explanation.target in _RHYTHM
        else {lead: measured.st[lead].value for lead in LEADS if lead in leads and lead in measured.st}
    )
    return Facts(
        target=explanation.target,
        probability=explanation.probability,
        decision=explanation.decision,
        status=explanation.status,
        threshold=explanation.threshold,
        reasons=tuple(reasons),
        leads=tuple(sorted(leads, key=LEADS.index)),
        waves=tuple(waves),
        span_s=found.span_s,
        rate_per_min=rate,
        st_mv={lead: level for lead, level in levels.items() if level is not None},
        page=page,
        page_reasons=tuple(page_reasons),
        method=explanation.method,
    )


def narrate(facts: Facts, style: Style = "clinician") -> str:
    """Tell an explanation.

    Parameters
    ----------
    facts : Facts
    style : str
        ``"clinician"`` or ``"patient"``. (The published style needs a map: `published_text`.)

    Returns
    -------
    str
        Two or three sentences.

    Examples
    --------
    >>> narrate(Facts("MI", 0.83, True, threshold=0.3, rate_per_min=71.6))
    'The model gives myocardial infarction a probability of 0.83 (threshold 0.30). Measured: heart rate 72/min.'
    """
    if facts.status != "answered" or facts.probability is None:
        return _abstained(facts, style)
    return " ".join(_patient(facts) if style == "patient" else _clinician(facts))


def _clinician(f: Facts) -> list[str]:
    name = WORDS[f.target][0]
    p = f"{f.probability:.2f}"
    limit = "" if f.threshold is None else f" (threshold {f.threshold:.2f})"
    parts = [f"The model {'gives' if f.decision else 'does not give'} {name}{',' if not f.decision else ''} "]
    parts[0] += f"a probability of {p}{limit}." if f.decision else f"at a probability of {p}{limit}."
    where = _where(f.waves, f.leads, _WAVE_WORDS)
    when = "" if f.span_s is None else f"from {f.span_s[0]:.1f} to {f.span_s[1]:.1f} s"
    if where or when:
        parts.append(f"What weighed most for this lies {', mostly '.join(told for told in (where, when) if told)}.")
    if tail := _measured(f):
        parts.append(tail)
    return parts


def _where(waves: Sequence[str], leads: Sequence[str], words: Mapping[str, str]) -> str:
    told = _listed([words[wave] for wave in waves])
    if told and leads:
        return f"on {told} in {_listed(leads)}"
    return f"on {told}" if told else f"in {_listed(leads)}" if leads else ""


def _measured(f: Facts) -> str:
    """Clauses that rest on numbers, and on how the page was read."""
    clauses = []
    if f.rate_per_min is not None:
        clauses.append(f"heart rate {f.rate_per_min:.0f}/min")
    if f.st_mv:
        clauses.append(
            "ST at the J point " + ", ".join(f"{round(mv, 2) + 0.0:+.2f} mV in {lead}" for lead, mv in f.st_mv.items())
        )
    told = f"Measured: {'; '.join(clauses)}" if clauses else ""
    if f.page == "review":
        why = f" ({'; '.join(f.page_reasons)})" if f.page_reasons else ""
        told += f"{'; read' if told else 'Read'} from a page that needs review{why}"
    elif f.page:
        told += f"{'; read' if told else 'Read'} from a page without objections"
    return f"{told}." if told else ""


def _patient(f: Facts) -> list[str]:
    name = WORDS[f.target][1]
    hundred = round(100 * float(f.probability or 0.0))
    say = "found signs of" if f.decision else "did not find signs of"
    if f.target == "NORM":
        say, name = ("takes this for", name) if f.decision else ("does not take this for", name)
    parts = [f"The program {say} {name}; it puts the chance at {hundred} in 100, which is no diagnosis."]
    where = _listed([_PATIENT_WAVES[wave] for wave in f.waves])
    if where or f.leads:
        leads = f" in the recording{'s' if len(f.leads) > 1 else ''} called {_listed(f.leads)}" if f.leads else ""
        when = "" if f.span_s is None else f", mostly {int(f.span_s[0])} to {ceil(f.span_s[1])} seconds from its start"
        parts.append(f"It looked most at {where or 'the tracing'}{leads}{when}.")
    clauses = [] if f.rate_per_min is None else [f"your heart beat about {f.rate_per_min:.0f} times a minute"]
    clauses += ["the picture was hard to read in places"] if f.page == "review" else []
    told = _listed(clauses)
    parts.append(
        f"{told[0].upper()}{told[1:]}; please show this to a doctor." if told else "Please show this to a doctor."
    )
    return parts


def _abstained(f: Facts, style: Style) -> str:
    why = f": {'; '.join(f.reasons)}" if f.reasons else ""
    if style == "patient":
        what = "could not read this recording" if f.status == "refused" else "does not judge this recording"
        return f"The program {what}{why}. Please show it to a doctor."
    if f.status == "refused":
        return f"No answer was given{why}. Nothing can be said of {WORDS[f.target][0]}."
    p = "" if f.probability is None else f" Its probability of {f.probability:.2f} must not be used."
    return f"The model abstains from judging {WORDS[f.target][0]}{why}.{p}"


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def hottest_third(values: NDArray[np.floating]) -> str:
    """Tell which third of a map's width holds the most.

    Parameters
    ----------
    values : float array [height or leads, width]

    Returns
    -------
    str
        ``"left"``, ``"central"`` or ``"right"``.

    Examples
    --------
    >>> hottest_third(np.array([[0.0, 0.0, 0.1, 0.0, 0.9, 1.0]]))
    'right'
    """
    across = np.abs(np.asarray(values, dtype=np.float64)).sum(axis=0)
    thirds = [part.mean() if part.size else 0.0 for part in np.array_split(across, 3)]
    return ("left", "central", "right")[int(np.argmax(thirds))]


def published_text(explanation: Explanation) -> str:
    """Tell an explanation in the form of the published image classifiers.

    Parameters
    ----------
    explanation : Explanation
        Of a page by Grad-CAM; others are told alike, a record by thirds of its time.

    Returns
    -------
    str
    """
    template = _PUBLISHED.get(explanation.target, _PUBLISHED_OTHER)
    what = "record" if explanation.leads else "page"
    told = template.format(third=hottest_third(explanation.values), label=WORDS[explanation.target][0], what=what)
    return f"{told} Confidence: {explanation.probability:.2f}."
