"""The whole chain in one call: read, digitize, measure, classify, explain."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg.errors import DigitizationError, ModelError, OptionsError
from ecg.record import ECGRecord
from einthoven.contents import content_sha256
from einthoven.diagnosis.abstention import not_good_enough
from einthoven.diagnosis.findings import contradictions, findings_of, headline, leading
from einthoven.diagnosis.options import DiagnoseOptions, published_threshold
from einthoven.diagnosis.result import Diagnosis, Explained, Finding, Origin

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize.result import Digitization
    from ecg.measure import Measurements
    from ecg.page import Page

__all__ = ["diagnose", "diagnose_file"]

_MEMORY = "memory"
#: Samples and rate of the strip that `digitize.rhythm_strip` reads.
_STRIP_FS = 500.0
_STRIP_NOTE = "experimental: the published strip method, whose signal has no unit"


@dataclass
class _Clock:
    """Wall time of the steps."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def diagnose(
    source: ECGRecord | Page | str | os.PathLike[str],
    options: DiagnoseOptions | None = None,
    *,
    page: int | None = None,
    ecg: int | None = None,
    **changes: Any,
) -> Diagnosis:
    """Say what can be said of one ECG: a record, a page, or a file of either.

    Parameters
    ----------
    source : ECGRecord, Page or path-like
    options : DiagnoseOptions, optional
    page, ecg : int, optional
        Which page of a file that holds several, and which ECG of a page that holds several, from 1.
    **changes
        Fields of `DiagnoseOptions`: ``age=61``.

    Returns
    -------
    Diagnosis
        With every intermediate. A page that cannot be read gives a refused one and raises nothing.

    Raises
    ------
    FormatError
        If the file cannot be read.
    ModelError
        If no model answers the first question.
    OptionsError
        If an option is wrong, or the file holds several ECGs and none is named.
    """
    options = _changed(options, changes)
    if isinstance(source, ECGRecord):
        return _of_record(source, Origin("", "", "record", _MEMORY), options, _Clock())
    if not isinstance(source, (str, os.PathLike)):
        return _of_page(source, options)
    return _concluded(_named(Path(source), page, ecg, options), options)


def diagnose_file(
    path: str | os.PathLike[str], options: DiagnoseOptions | None = None, **changes: Any
) -> Iterator[Diagnosis]:
    """Diagnose every ECG of a file: the record, or page by page.

    Parameters
    ----------
    path : path-like
    options : DiagnoseOptions, optional
    **changes
        Fields of `DiagnoseOptions`.

    Yields
    ------
    Diagnosis

    Raises
    ------
    FormatError, ModelError, OptionsError
        As `diagnose`.
    """
    options = _changed(options, changes)
    for found in _readings(Path(path), options):
        yield _concluded(found, options)


def _named(path: Path, page: int | None, ecg: int | None, options: DiagnoseOptions) -> _Reading:
    """Find the reading of the page and ECG that were named; the only one where none was."""
    wanted: _Reading | None = None
    for found in _readings(path, options):
        at, (part, _) = max(found.origin.page, 1), found.origin.part
        if page is not None and at > page:
            break
        if page in (None, at) and ecg in (None, part):
            if wanted is not None:
                raise OptionsError(
                    f"{path.name} holds several ECGs: name one with page= and ecg=, or use diagnose_file for all"
                )
            wanted = found
            if page is not None and ecg is not None:
                break
    if wanted is None:
        raise OptionsError(f"{path.name} has no page {page or 1}{'' if ecg is None else f' with an ECG {ecg}'}")
    return wanted


@dataclass(frozen=True)
class _Reading:
    """What a file gave, before anything is said of it."""

    origin: Origin
    content: ECGRecord | Digitization
    clock: _Clock


def _changed(options: DiagnoseOptions | None, changes: Mapping[str, Any]) -> DiagnoseOptions:
    try:
        return replace(options or DiagnoseOptions(), **changes)
    except TypeError as error:
        raise OptionsError(f"unknown option of diagnose: {error}") from error


def _readings(path: Path, options: DiagnoseOptions) -> Iterator[_Reading]:
    """Record or digitized pages of a file, one by one."""
    from digitize import read_file
    from ecg import formats

    kind = formats.identify(path, options.reading)
    digest = content_sha256(path, kind)
    clock = _Clock()
    if kind in formats.RECORD_KINDS:
        with clock.step("read"):
            record = formats.read_record(path, options.reading)
        yield _Reading(Origin(str(path), digest, "record", kind), record, clock)
        return
    pages = iter(read_file(path, options.digitize, options.reading))
    number = 0
    while True:
        clock = _Clock()
        with clock.step("digitize"):
            reading = next(pages, None)
        if reading is None:
            return
        number += reading.part[0] == 1
        yield _Reading(Origin(str(path), digest, "page", kind, number, reading.part), reading, clock)


def _of_page(page: Page, options: DiagnoseOptions) -> Diagnosis:
    from digitize import digitize
    from digitize.result import Digitization

    clock = _Clock()
    with clock.step("digitize"):
        try:
            reading = digitize(page, options.digitize)
        except DigitizationError as error:
            reading = Digitization(None, page, "refused", (str(error),))
    return _of_reading(reading, Origin("", "", "page", _MEMORY, 1), options, clock)


def _concluded(found: _Reading, options: DiagnoseOptions) -> Diagnosis:
    if isinstance(found.content, ECGRecord):
        return _of_record(found.content, found.origin, options, found.clock)
    return _of_reading(found.content, found.origin, options, found.clock)


def _of_record(record: ECGRecord, origin: Origin, options: DiagnoseOptions, clock: _Clock) -> Diagnosis:
    return _chain(record, record, None, origin, options, clock, ())


def _of_reading(d: Digitization, origin: Origin, options: DiagnoseOptions, clock: _Clock) -> Diagnosis:
    """Go on from a digitized page, as far as there is a signal."""
    doubts = tuple(f"the page needs review: {reason}" for reason in d.reasons) if d.status == "review" else d.reasons
    if d.record is None or (d.status == "refused" and not d.forced):
        return _refused(d, origin, options, clock)
    if options.route != "published":
        return _chain(d.record, d.record, d, origin, options, clock, doubts)
    from digitize.rhythm_strip import rhythm_strip

    try:
        with clock.step("strip"):
            strip = ECGRecord(rhythm_strip(d.page), _STRIP_FS, ("II",), {"units": "NU"})
    except DigitizationError as error:
        return _refused(replace(d, status="refused", reasons=(str(error), *d.reasons)), origin, options, clock)
    return _chain(d.record, strip, d, origin, options, clock, (_STRIP_NOTE, *doubts))


def _refused(d: Digitization, origin: Origin, options: DiagnoseOptions, clock: _Clock) -> Diagnosis:
    from einthoven.diagnosis.models import reader_models

    return Diagnosis(
        status="refused",
        reasons=d.reasons,
        forced=False,
        experimental=False,
        origin=origin,
        route=options.route,
        record=None,
        seen=None,
        digitization=d,
        measurements=None,
        predictions=(),
        findings=(),
        headline=headline((), "refused", d.reasons),
        models=reader_models(d, options.digitize.method),
        seconds=clock.seconds,
    )


def _chain(
    record: ECGRecord,
    seen: ECGRecord,
    d: Digitization | None,
    origin: Origin,
    options: DiagnoseOptions,
    clock: _Clock,
    doubts: tuple[str, ...],
) -> Diagnosis:
    """Measure and classify what was read."""
    from einthoven.diagnosis.measuring import measured
    from einthoven.diagnosis.models import answering_models, reader_models

    with clock.step("measure"):
        measurements = measured(record)
    with clock.step("classify"):
        predictions, unanswered = _predictions(seen, options, d)
    predictions = tuple(_held_back(p, measurements, d) for p in predictions)
    findings = tuple(f for p in predictions for f in findings_of(p))
    first = predictions[0]
    ahead, behind = (doubts, first.reasons) if first.status == "answered" else (first.reasons, doubts)
    reasons = tuple(dict.fromkeys((*ahead, *behind, *contradictions(findings), *unanswered)))
    forced = d is not None and d.forced
    found: Explained | None = None
    unexplained: tuple[str, ...] = ()
    if options.explain and first.status == "answered":
        with clock.step("explain"):
            found, unexplained = _reasons(seen, first, findings, options, measurements, d)
    return Diagnosis(
        status="refused" if forced else first.status,
        reasons=(*reasons, *unexplained),
        forced=forced,
        experimental=d is not None and (d.status != "accepted" or options.route == "published"),
        origin=origin,
        route=options.route,
        record=record,
        seen=seen,
        digitization=d,
        measurements=measurements,
        predictions=predictions,
        findings=findings,
        headline=headline([f for f in findings if f.task == first.task], first.status, reasons),
        explained=found,
        models=(*(reader_models(d, options.digitize.method) if d else ()), *answering_models(predictions)),
        seconds=clock.seconds,
    )


def _reasons(
    seen: ECGRecord,
    first: Prediction,
    findings: tuple[Finding, ...],
    options: DiagnoseOptions,
    measurements: Measurements,
    d: Digitization | None,
) -> tuple[Explained | None, tuple[str, ...]]:
    """Explain what leads among the answers to the first question."""
    from einthoven.diagnosis.explaining import explained

    target = leading([f for f in findings if f.task == first.task])
    if target is None:
        return None, ()
    # Figures of the page's own scale do not belong to a strip without one.
    told = None if options.route == "published" else measurements
    return explained(seen, first, target, options, told, d)


def _predictions(
    record: ECGRecord, options: DiagnoseOptions, d: Digitization | None
) -> tuple[tuple[Prediction, ...], tuple[str, ...]]:
    """Answers to all questions; a later question that no model answers is told, not an error."""
    from classify.predict import classify_page, classify_record

    answers, unanswered, page = [], [], d is not None
    for task in options.questions(page):
        question = options.question(task)
        if options.route == "published":
            if question.threshold == "card":
                question = replace(question, threshold=published_threshold(len(record.leads), page))
            if page and question.model == "default":
                question = replace(question, model="image_signal_cnn")
        try:
            # The published networks take the strip, whatever it was read from.
            if d is None or options.route == "published":
                answers.append(classify_record(record, question))
            else:
                answers.append(classify_page(d, record, question))
        except ModelError as error:
            if not answers or options.tasks:
                raise
            unanswered.append(f"{task} was not asked: {error}")
    return tuple(answers), tuple(unanswered)


def _held_back(prediction: Prediction, measurements: Measurements, d: Digitization | None) -> Prediction:
    """Turn an answer that the input does not carry into an abstention; what could not be asked at all likewise."""
    why = not_good_enough(prediction, measurements, d)
    if prediction.status == "refused":
        return replace(prediction, status="abstained", reasons=(*prediction.reasons, *why))
    if not why:
        return prediction
    return replace(prediction, status="abstained", reasons=(*why, *prediction.reasons))
