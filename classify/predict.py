"""An answer for one ECG: from a record, a file of a record, or a page; or the reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from classify.evaluate import decide
from classify.images.area import seen_of
from classify.images.routes import joined_answer, route_for
from classify.inputs import InputSpec, from_pictures, to_extra, to_input
from classify.labels import Task, find_task
from classify.pacing import pacemaker_reason
from classify.person import known_person
from classify.protocols import choose_threshold
from classify.runtime import Classifier, load_classifier
from classify.weights import model_folder, shipped
from ecg import formats
from ecg.checkpoint import ModelCard, load_card
from ecg.errors import DigitizationError, ECGError, ModelError, OptionsError
from ecg.record import LEADS, ECGRecord

if TYPE_CHECKING:
    from digitize import Digitization

__all__ = ["ROUTES", "ClassifyOptions", "Prediction", "best_model", "classify", "classify_page", "classify_record"]

ROUTES = ("best", "published")
#: A lead counts as there with this many seconds of signal: a column of a page has 2.5.
_LEAST_LEAD_S = 1.0
#: Samples and rate of the strip that `digitize.rhythm_strip` reads.
_STRIP_FS = 500.0


@dataclass(frozen=True, kw_only=True)
class ClassifyOptions:
    """What is asked.

    Parameters
    ----------
    task : str
    model : str
        Name, folder, URL or hub repository of a model; ``"default"`` leaves the choice to the route.
    route : str
        ``"best"``: of the shipped models that take what is there, the one with the highest AUROC on validation; for a
        page the models that won on pages, where that was measured (`classify.images.routes`).
        ``"published"``: as the published systems do, `twelve_lead_cnn` for records, `lead_ii_cnn` for a single lead,
        `image_signal_cnn` on the strip of a page.
    age : float or None
        Years; else what the file says.
    sex : str or None
        ``"M"`` or ``"F"``; else what the file says.
    threshold : str
        ``"card"``, a number, or a published operating point (`classify.protocols.PUBLISHED_THRESHOLDS`).

    Raises
    ------
    OptionsError
        If one of them is unknown or outside its range.
    """

    task: str = "superclass"
    model: str = "default"
    route: Literal["best", "published"] = "best"
    age: float | None = None
    sex: Literal["M", "F"] | None = None
    threshold: str = "card"

    def __post_init__(self) -> None:
        find_task(self.task)
        if self.route not in ROUTES:
            raise OptionsError(f"the route must be {' or '.join(ROUTES)}, got {self.route!r}")
        if self.age is not None and not 0 <= self.age <= 130:
            raise OptionsError(f"age must be between 0 and 130 years, got {self.age}; leave it out where it is unknown")
        if self.sex not in (None, "M", "F"):
            raise OptionsError(f"sex must be M or F, got {self.sex!r}; leave it out where it is unknown")
        if self.threshold in ("f1", "youden") or self.threshold.startswith("sensitivity"):
            raise OptionsError(
                "a threshold is chosen on validation records, by train or evaluate; here give card, a number or a "
                "published operating point"
            )
        if self.threshold != "card":
            choose_threshold(self.threshold, [], [])


@dataclass(frozen=True)
class Prediction:
    """What a model says of one ECG.

    Parameters
    ----------
    task : str
    labels : tuple of str
    probabilities : tuple of float
        One a label; empty where there is no answer.
    thresholds : tuple of float or None
        None where labels exclude each other: the likeliest is the answer.
    decision : tuple of bool
    model : str
        Name on the model's card.
    route : str
    status : str
        ``"answered"``, ``"abstained"`` (there is a probability, and the card says not to decide), or ``"refused"``.
    reasons : tuple of str
        Why not answered, and what the answer rests on.
    age, sex : float or None, str or None
        As used.
    known_from : mapping
        ``age`` and ``sex`` each from ``"option"``, ``"file"`` or ``"unknown"``.
    page : int
        Number of the page in its file, from 1; 0 for a record.
    card : ModelCard or None
    """

    task: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    thresholds: tuple[float | None, ...]
    decision: tuple[bool, ...]
    model: str
    route: str
    status: Literal["answered", "abstained", "refused"]
    reasons: tuple[str, ...] = ()
    age: float | None = None
    sex: str | None = None
    known_from: Mapping[str, str] = field(default_factory=dict)
    page: int = 0
    card: ModelCard | None = None


def classify(
    source: ECGRecord | str | os.PathLike[str], options: ClassifyOptions | None = None, **changes: Any
) -> tuple[Prediction, ...]:
    """Classify a record, a file of a record, or every page of a file of pages.

    Parameters
    ----------
    source : ECGRecord or path-like
    options : ClassifyOptions, optional
    **changes
        Fields of `ClassifyOptions`: ``task="mi_sttc"``.

    Returns
    -------
    tuple of Prediction
        One an ECG.

    Raises
    ------
    FormatError
        If the file cannot be read.
    ModelError
        If the model is missing or does not answer the task.
    OptionsError
        If an option is wrong.
    """
    try:
        options = replace(options or ClassifyOptions(), **changes)
    except TypeError as error:
        raise OptionsError(f"unknown option of classify: {error}") from error
    if isinstance(source, ECGRecord):
        return (classify_record(source, options),)
    if formats.identify(source) in formats.RECORD_KINDS:
        return (classify_record(formats.read_record(source), options),)
    return tuple(_strips(source, options) if options.route == "published" else _pages(source, options))


def classify_record(record: ECGRecord, options: ClassifyOptions | None = None) -> Prediction:
    """Classify one record.

    Parameters
    ----------
    record : ECGRecord
        At 100 Hz or faster, NaN where missing: a digitized page is one.
    options : ClassifyOptions, optional

    Returns
    -------
    Prediction
        Refused where the model cannot take the record.

    Raises
    ------
    ModelError
        If the model is missing or does not answer the task.
    """
    options = options or ClassifyOptions()
    notes: tuple[str, ...] = ()
    if options.route == "published" and len(record.leads) == 1:
        if record.leads != ("II",):
            notes = (f"the only lead, {record.leads[0]}, is taken for II",)
        record = replace(record, leads=("II",))
    leads = _leads_there(record)
    name = options.model
    if name == "default":
        name = best_model(options.task, leads) if options.route == "best" else _published_model(leads)
    return _answered(record, leads, _model(str(name)), options, notes)


def best_model(task: str, leads: tuple[str, ...]) -> str:
    """Name of the shipped model to ask: of those that take these leads, the one that was best on validation.

    Parameters
    ----------
    task : str
    leads : tuple of str
        Leads that are there. Where they are too few for any, the best of all is named, which will abstain.

    Returns
    -------
    str

    Raises
    ------
    ModelError
        If no shipped model answers the task.
    """
    found = []
    for name, folder in shipped().items():
        card = load_card(folder)
        figure = card.metrics.get(f"{task} auroc", {}).get("value")
        # What learnt from pages has figures of other sets; `page_route` names it.
        asked = task in (card.heads or {card.task: ()}) and "pages" not in card.data
        if asked and figure is not None:
            spec_leads = card.input_spec.get("leads", ())
            takes = len(leads) >= card.abstain.get("min_leads", 1) and bool(set(leads) & set(spec_leads))
            found.append((takes, figure, name))
    if not found:
        raise ModelError(f"no shipped model answers {task}; give one with --model, or train one")
    return max(found)[2]


def _published_model(leads: tuple[str, ...]) -> str:
    """Name of the published network for a record; it does not ship."""
    name = "lead_ii_cnn" if leads == ("II",) else "twelve_lead_cnn"
    return _published_folder(name)


def _published_folder(name: str) -> str:
    try:
        model_folder(name)
    except ModelError as error:
        raise ModelError(
            f"the published network {name} does not ship: give its folder, URL or repository with --model, or train it "
            f"(einthoven train --model {name}) and put its folder into the cache of models under this name"
        ) from error
    return name


def _model(name: str) -> Classifier:
    folder = model_folder(name, check=False)
    return _loaded(str(folder), load_card(folder).sha256)


@lru_cache(maxsize=4)
def _loaded(folder: str, _sha256: str) -> Classifier:
    """Model of a folder, checked when it is loaded and kept for the next file as long as its weights are the same."""
    return load_classifier(folder)


def _leads_there(record: ECGRecord) -> tuple[str, ...]:
    """List the standard leads with enough signal to count."""
    seconds = np.isfinite(record.signal).sum(axis=1) / record.fs
    return tuple(lead for lead in LEADS if lead in record.leads and seconds[record.leads.index(lead)] >= _LEAST_LEAD_S)


def _answered(
    record: ECGRecord,
    leads: tuple[str, ...],
    model: Classifier,
    options: ClassifyOptions,
    notes: tuple[str, ...],
    reading: Digitization | None = None,
) -> Prediction:
    task = find_task(options.task)
    model.outputs(task)  # a model that does not answer the task is an error, not a refused record
    age, sex, known_from = known_person(record, options.age, options.sex)
    card = model.card
    empty = _no_answer(options, notes)
    empty = replace(empty, model=card.name, card=card, age=age, sex=sex, known_from=known_from)
    if record.meta.get("units") == "NU" and model.spec.normalise not in ("zscore", "maximum"):
        return replace(empty, reasons=(*notes, "the record has no unit and this model needs millivolts"))
    try:
        x = _input(record, model.spec, reading)[None]
        extra = to_extra(age, sex)[None] if model.spec.demographics else None
    except ECGError as error:
        return replace(empty, reasons=(*notes, str(error)))
    p = model.answer(x, task, extra)
    thresholds = _thresholds(model, task, options)
    decision = decide(p, task.labels, task.kind, thresholds)[0]
    excluded = _excluded(record, leads, age, card)
    if model.spec.demographics:
        notes = (*notes, *(f"{name} unknown to the model" for name, how in known_from.items() if how == "unknown"))
    return replace(
        empty,
        probabilities=tuple(float(v) for v in p[0]),
        thresholds=tuple(thresholds.get(label) for label in task.labels),
        decision=tuple(bool(v) for v in decision),
        status="abstained" if excluded else "answered",
        reasons=(*excluded, *notes),
    )


def _input(record: ECGRecord, spec: InputSpec, reading: Digitization | None) -> NDArray[np.float32]:
    """Input from the record, or for a model of pictures from the page that it was read from."""
    if spec.kind != "page" or reading is None:
        return to_input(record, spec)
    return np.asarray(from_pictures(seen_of(reading.page, reading, spec)[None], spec)[0])


def _thresholds(model: Classifier, task: Task, options: ClassifyOptions) -> dict[str, float]:
    if task.kind == "multiclass":
        return {}
    if options.threshold != "card":
        return dict.fromkeys(task.labels, choose_threshold(options.threshold, [], []))
    names = [model.card.labels[k] for k in model.outputs(task)]
    # 0.5 where a card has none: the likelier of yes and no.
    return {label: float(model.card.thresholds.get(name, 0.5)) for label, name in zip(task.labels, names, strict=True)}


def _excluded(record: ECGRecord, leads: tuple[str, ...], age: float | None, card: ModelCard) -> tuple[str, ...]:
    """Reasons of the card not to decide."""
    rules, reasons = card.abstain, []
    least = rules.get("min_leads", 0)
    if len(leads) < least:
        reasons.append(f"{len(leads)} of the standard leads are there, this model decides from {least} on")
    if age is not None and age < rules.get("min_age", 0):
        reasons.append(f"the patient is {age:g} years old, this model decides from {rules['min_age']} years on")
    if rules.get("pacemaker") and (why := pacemaker_reason(record)):
        reasons.append(f"{why}: paced beats look like infarctions")
    return tuple(reasons)


def _pages(path: str | os.PathLike[str], options: ClassifyOptions) -> Iterator[Prediction]:
    """Read each page as the digitizer reads it, and classify the record."""
    from digitize import read_file

    for number, reading in enumerate(read_file(Path(path)), start=1):
        if reading.record is None or reading.status == "refused":
            yield _no_answer(options, reading.reasons, number)
            continue
        answer = classify_page(reading, reading.record, options)
        doubts = tuple(f"the page needs review: {reason}" for reason in reading.reasons)
        yield replace(answer, page=number, reasons=(*answer.reasons, *doubts))


def classify_page(reading: Digitization, record: ECGRecord, options: ClassifyOptions) -> Prediction:
    """Answer for a page by the model that is asked for, or by those that won on pages.

    Parameters
    ----------
    reading : Digitization
        With boxes and a scale: not refused, or forced.
    record : ECGRecord
        What was read.
    options : ClassifyOptions

    Returns
    -------
    Prediction
        As `classify_record` where no route of pages answers the task, or the page looks unlike its pages.

    Raises
    ------
    ModelError
        As `classify_record`.
    """
    route = route_for(reading, options.task) if options.model == "default" else {options.model: 1.0}
    if not route:
        return classify_record(record, options)
    answers = [_answered(record, _leads_there(record), _model(name), options, (), reading) for name in route]
    return joined_answer(answers, list(route.values()))


def _strips(path: str | os.PathLike[str], options: ClassifyOptions) -> Iterator[Prediction]:
    """Classify the strip of each page, as the published image system does."""
    from digitize.rhythm_strip import PDF_DPI, rhythm_strip

    model = _model(_published_folder("image_signal_cnn") if options.model == "default" else str(options.model))
    reading = formats.ReadOptions(pdf_dpi=PDF_DPI)
    for number, page in enumerate(formats.read_pages(path, reading), start=1):
        try:
            record = ECGRecord(rhythm_strip(page), _STRIP_FS, ("II",), {"units": "NU"})
        except DigitizationError as error:
            yield _no_answer(options, (str(error),), number)
            continue
        note = "experimental: the published strip method, whose signal has no unit"
        yield replace(_answered(record, _leads_there(record), model, options, (note,)), page=number)


def _no_answer(options: ClassifyOptions, reasons: tuple[str, ...], page: int = 0) -> Prediction:
    task = find_task(options.task)
    return Prediction(task.name, task.labels, (), (), (), "", options.route, "refused", tuple(reasons), page=page)
