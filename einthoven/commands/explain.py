"""``einthoven explain``: records or pages in, explanations as JSON, arrays and pictures out."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from ecg.errors import ECGError, ModelError, OptionsError
from einthoven import outputs
from einthoven.inputs import Input, find_inputs, page_stem
from einthoven.outputs import one_line
from einthoven.progress import Report, reporting

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize import Digitization
    from ecg.record import ECGRecord
    from explain.account import Account
    from explain.methods import ExplainOptions
    from explain.result import Explanation
    from explain.subject import Subject

__all__ = ["SCHEMA", "Request", "run"]

#: Name and version of the JSON's schema.
SCHEMA = ("einthoven.explanation", 1)
_NOTICE = "not a medical device; no answer may guide the care of a patient"


@dataclass(frozen=True)
class Request:
    """What is asked.

    Parameters
    ----------
    options : ExplainOptions
    model : str
        Name, folder, URL or hub repository; ``"default"`` for the shipped model that is best on the task.
    published : bool
        Whether the published figures are drawn too.
    """

    options: ExplainOptions
    model: str = "default"
    published: bool = False


@dataclass(frozen=True, eq=False)
class _Case:
    """One ECG: a record, or the reading of a page."""

    stem: str
    record: ECGRecord | None
    reading: Digitization | None


def run(files: Sequence[str], out: Path, request: Request) -> int:
    """Explain the answers for every file.

    Parameters
    ----------
    files : sequence of str
        Files, folders of pages, or patterns.
    out : Path
    request : Request

    Returns
    -------
    int
        0 where every ECG got an explanation, 1 where one was refused or a file failed, 3 where a bug showed.
    """
    inputs, missing = find_inputs(files)
    outputs.output_folder(out)
    failed, bugs = len(missing), 0
    with reporting(len(inputs)) as report:
        for lost in missing:
            report.error(f"{lost.argument}: failed: {lost.error}")
        for item in inputs:
            try:
                failed += _one_file(item, out, request, report)
            except (ModelError, OptionsError):
                raise  # without its model no file can be explained
            except (ECGError, OSError) as error:
                failed += 1
                report.error(f"{item.path}: failed: {error}")
            except Exception:
                bugs += 1
                report.traceback(f"{one_line(item.path)}:\n{traceback.format_exc()}")
            report.file_done()
        report.total(_NOTICE)
    typer.echo(one_line(f"explanations are in {out}"))
    return 3 if bugs else 1 if failed else 0


def _one_file(item: Input, out: Path, request: Request, report: Report) -> int:
    """Explain every ECG of a file; the number of those that were refused."""
    refused = 0
    for case in _cases(item):
        body = _explained(case, out, request)
        outputs.write_json(out / f"{case.stem}_explanation.json", outputs.document(*SCHEMA, body))
        if body["status"] == "refused":
            refused += 1
            report.error(f"{item.path}: refused: {'; '.join(body['reasons'])}")
        else:
            report.line(f"{item.path}: {body['text']['clinician']}")
    return refused


def _cases(item: Input) -> Iterator[_Case]:
    from digitize import read_file
    from ecg import formats

    if formats.identify(item.path) in formats.RECORD_KINDS:
        yield _Case(item.stem, formats.read_record(item.path), None)
        return
    readings = list(read_file(item.path))
    for number, reading in enumerate(readings, start=1):
        usable = reading.record if reading.status != "refused" else None
        yield _Case(page_stem(item.stem, number, len(readings) > 1), usable, reading)


def _explained(case: _Case, out: Path, request: Request) -> dict[str, Any]:
    """Explain one ECG, write its array and pictures, and give what stands in its JSON."""
    from classify.predict import ClassifyOptions, classify_record
    from explain.subject import subject_of_answer

    options = request.options
    if case.record is None:
        return _refused(request, case.reading.reasons if case.reading is not None else ())
    model, picture = request.model, False
    joined: tuple[str, ...] = ()
    if case.reading is not None:
        model, picture, joined = _answering(request, case.reading)
    if picture:
        return _seen(case, out, request, model)
    asked = ClassifyOptions(task=options.task, model=model, age=options.age, sex=options.sex)
    prediction = classify_record(case.record, asked)
    if not prediction.probabilities:
        return _refused(request, prediction.reasons)
    prediction = replace(prediction, reasons=(*prediction.reasons, *joined))
    return _written(case, out, request, prediction, subject_of_answer(prediction, model))


def _answering(request: Request, reading: Digitization) -> tuple[str, bool, tuple[str, ...]]:
    """Name of the model that answers for a page, whether it is one of pictures, and what is to be told of that."""
    from classify.images.routes import route_for
    from classify.weights import model_folder
    from ecg.checkpoint import load_card

    route = route_for(reading, request.options.task) if request.model == "default" else {request.model: 1.0}
    if not route:
        return request.model, False, ()
    # Where several models answer together, the one that counts most is explained.
    heaviest = max(route, key=lambda name: route[name])
    told = () if len(route) < 2 else (f"{' and '.join(route)} answer for a page together; explained is {heaviest}",)
    kind = load_card(model_folder(heaviest, check=False)).input_spec.get("kind")
    return heaviest, kind == "page", told


def _seen(case: _Case, out: Path, request: Request, model: str) -> dict[str, Any]:
    """Explain an image model's answer for a page."""
    from explain.account import account_of_page
    from explain.figures import write_picture
    from explain.pictures import draw_picture, explain_page
    from explain.subject import open_subject

    subject, reading = open_subject(model), case.reading
    assert reading is not None  # noqa: S101 - the caller has asked
    found = explain_page(subject, reading, request.options)
    _write_array(out / f"{case.stem}_attribution.npz", found)
    write_picture(out / f"{case.stem}_explanation.png", draw_picture(reading, found))
    cam = None
    if request.published:
        asked = replace(request.options, target=found.target, method="gradcam")
        cam = found if found.method == "gradcam" else explain_page(subject, reading, asked)
        write_picture(out / f"{case.stem}_gradcam.png", draw_picture(reading, cam))
    return _told(account_of_page(subject, reading, found, cam))


def _told(told: Account) -> dict[str, Any]:
    """Make the content of the JSON: the account, and how such maps did when they were examined."""
    from einthoven.diagnosis.examined import examined, trust_line

    e = told.explanation
    trusted = trust_line(examined(told.sha256, e.method, e.target))
    return {**told.document(), "trusted": trusted, "notice": _NOTICE}


def _write_array(path: Path, found: Explanation) -> None:
    from ecg.formats.atomic import replacing

    more: dict[str, Any] = {"leads": np.array(found.leads), "fs": np.float64(found.fs)} if found.leads else {}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, values=found.values, **more)


def _written(case: _Case, out: Path, request: Request, prediction: Prediction, subject: Subject) -> dict[str, Any]:
    from ecg.measure import measure
    from explain.account import account_of
    from explain.figures import draw_summary, write_picture
    from explain.methods import explain
    from explain.through_page import draw_on_page

    record, reading = case.record, case.reading
    assert record is not None  # noqa: S101 - `_explained` refused it otherwise
    found = explain(subject, record, request.options, prediction)
    page, doubts = (reading.status, reading.reasons) if reading is not None else ("", ())
    told = account_of(
        subject,
        record,
        request.options,
        found,
        measured=measure(record),
        page=page,
        page_reasons=doubts,
        reasons=prediction.reasons,
    )
    assert told.anatomy is not None  # noqa: S101 - records have leads
    _write_array(out / f"{case.stem}_attribution.npz", found)
    draw_summary(out / f"{case.stem}_explanation.png", found, record, told.anatomy, told.text["clinician"])
    if reading is not None and reading.scale is not None:
        write_picture(out / f"{case.stem}_explanation_page.png", draw_on_page(reading, found))
    if request.published:
        more = _published(case, out, request, prediction, subject, told)
        told = replace(told, text={**told.text, "published": more})
    return _told(told)


def _published(
    case: _Case, out: Path, request: Request, prediction: Prediction, subject: Subject, told: Account
) -> str:
    """Draw the published figures: by Grad-CAM and saliency, whatever method was asked for."""
    from explain import figures
    from explain.methods import explain
    from explain.narrate import published_text

    record = case.record
    assert record is not None  # noqa: S101 - `_explained` refused it otherwise
    asked = replace(request.options, target=told.explanation.target)
    cam = explain(subject, record, replace(asked, method="gradcam"), prediction)
    saliency = explain(subject, record, replace(asked, method="saliency"), prediction)
    stem, lead = out / case.stem, told.anatomy.leading_lead if told.anatomy is not None else ""
    figures.draw_heat_map(Path(f"{stem}_heat_map.png"), cam, published=True)
    figures.draw_lead_grid(Path(f"{stem}_lead_grid.png"), cam, record)
    if lead:
        figures.draw_leading_lead(Path(f"{stem}_leading_lead.png"), saliency, record, lead)
        figures.draw_one_lead(Path(f"{stem}_one_lead.png"), cam, saliency, record, lead)
        figures.draw_prediction(Path(f"{stem}_prediction.png"), cam, record, lead)
    return published_text(cam)


def _refused(request: Request, reasons: Sequence[str]) -> dict[str, Any]:
    from classify.labels import find_task
    from explain.narrate import Facts, narrate

    target = request.options.target or find_task(request.options.task).labels[0]
    facts = Facts(target, None, False, "refused", reasons=tuple(reasons))
    empty: dict[str, Any] = dict.fromkeys(
        ("model", "probability", "threshold", "decision", "method", "baseline", "delta", "leading_lead")
    )
    shares: dict[str, Any] = {
        name: {} for name in ("lead_share", "wave_share", "territory_share", "area_share", "faithfulness")
    }
    return {
        "status": "refused",
        "reasons": list(reasons),
        **empty,
        "task": request.options.task,
        "target": request.options.target or None,
        **shares,
        "trusted": None,
        "text": {"clinician": narrate(facts), "patient": narrate(facts, "patient")},
        "notice": _NOTICE,
    }
