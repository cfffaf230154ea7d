"""``einthoven explain``: records or pages in, explanations as JSON, arrays and pictures out."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    from explain.methods import ExplainOptions

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
    from explain.methods import explain

    options = request.options
    if case.record is None:
        return _refused(request, case.reading.reasons if case.reading is not None else ())
    if case.reading is not None and (picture := _picture_model(request)):
        return _seen(case, out, request, picture)
    asked = ClassifyOptions(task=options.task, model=request.model, age=options.age, sex=options.sex)
    prediction = classify_record(case.record, asked)
    if not prediction.probabilities:
        return _refused(request, prediction.reasons)
    found = explain(_subject(prediction, request.model), case.record, options, prediction)
    return _written(case, out, request, prediction, found)


def _picture_model(request: Request) -> str:
    """Name of the image model that answers for pages; empty where it is a model of records."""
    from classify.images.routes import page_route
    from classify.weights import model_folder
    from ecg.checkpoint import load_card

    route = page_route(request.options.task) if request.model == "default" else {request.model: 1.0}
    kinds = {name: load_card(model_folder(name, check=False)).input_spec.get("kind") for name in route}
    # Where several models answer together, the image model is explained if it counts most.
    heaviest = max(route, key=lambda name: route[name], default="")
    return heaviest if heaviest and kinds[heaviest] == "page" else ""


def _seen(case: _Case, out: Path, request: Request, model: str) -> dict[str, Any]:
    """Explain an image model's answer for a page."""
    from explain.figures import write_picture
    from explain.narrate import Facts, narrate, published_text
    from explain.pictures import draw_picture, explain_page, picture_view, trust_page
    from explain.subject import open_subject

    subject, reading = open_subject(model), case.reading
    assert reading is not None  # noqa: S101 - the caller has asked
    found = explain_page(subject, reading, request.options)
    tested = trust_page(subject, picture_view(reading, subject.classifier.spec), found)
    doubts = reading.reasons if reading.status == "review" else ()
    facts = Facts(
        found.target,
        found.probability,
        found.decision,
        threshold=found.threshold,
        page=reading.status,
        page_reasons=tuple(doubts),
    )
    text = {"clinician": narrate(facts), "patient": narrate(facts, "patient"), "published": published_text(found)}
    _write_array(out / f"{case.stem}_attribution.npz", found)
    write_picture(out / f"{case.stem}_explanation.png", draw_picture(reading, found))
    empty: dict[str, Any] = {name: {} for name in ("lead_share", "wave_share", "territory_share", "area_share")}
    body = _answer(found, subject.classifier.card.sha256, doubts)
    return {**body, "leading_lead": None, **empty, "faithfulness": tested, "text": text, "notice": _NOTICE}


def _write_array(path: Path, found: Any) -> None:
    from ecg.formats.atomic import replacing

    more: dict[str, Any] = {"leads": np.array(found.leads), "fs": np.float64(found.fs)} if found.leads else {}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, values=found.values, **more)


def _subject(prediction: Prediction, model: str) -> Any:
    """Open the model that gave the answer."""
    from classify.weights import shipped
    from ecg.checkpoint import load_card
    from explain.subject import open_subject

    if model == "default" and prediction.card is not None:
        same = [folder for folder in shipped().values() if load_card(folder).sha256 == prediction.card.sha256]
        return open_subject(same[0])
    return open_subject(model)


def _written(case: _Case, out: Path, request: Request, prediction: Prediction, found: Any) -> dict[str, Any]:
    from ecg.measure import measure
    from explain.anatomy import anatomy, shown_on, wave_labels
    from explain.faithfulness import trust
    from explain.figures import draw_summary, write_picture
    from explain.methods import view_for
    from explain.narrate import facts_of, narrate
    from explain.through_page import draw_on_page

    record, reading = case.record, case.reading
    assert record is not None  # noqa: S101 - `_explained` refused it otherwise
    n = found.values.shape[1]
    parts = anatomy(found, wave_labels(record, found.fs, n), shown_on(record, found.fs, n))
    status, doubts = (reading.status, reading.reasons) if reading is not None else ("", ())
    reasons = prediction.reasons if prediction.status == "abstained" else ()
    facts = facts_of(found, parts, measure(record), status, doubts, reasons)
    text = {"clinician": narrate(facts), "patient": narrate(facts, "patient")}
    subject = _subject(prediction, request.model)
    tested = trust(subject, view_for(subject, record, request.options), found)
    _write_array(out / f"{case.stem}_attribution.npz", found)
    draw_summary(out / f"{case.stem}_explanation.png", found, record, parts, text["clinician"])
    if reading is not None and reading.scale is not None:
        write_picture(out / f"{case.stem}_explanation_page.png", draw_on_page(reading, found))
    if request.published:
        text["published"] = _published(case, out, request, prediction, found, parts.leading_lead)
    return _body(found, prediction, parts, tested, text)


def _published(case: _Case, out: Path, request: Request, prediction: Prediction, found: Any, lead: str) -> str:
    """Draw the published figures: by Grad-CAM and saliency, whatever method was asked for."""
    from explain import figures
    from explain.methods import explain
    from explain.narrate import published_text

    subject, record = _subject(prediction, request.model), case.record
    assert record is not None  # noqa: S101 - `_explained` refused it otherwise
    given: dict[str, Any] = {"target": found.target}
    cam = explain(subject, record, request.options, prediction, method="gradcam", **given)
    saliency = explain(subject, record, request.options, prediction, method="saliency", **given)
    stem = out / case.stem
    figures.draw_heat_map(Path(f"{stem}_heat_map.png"), cam, published=True)
    figures.draw_lead_grid(Path(f"{stem}_lead_grid.png"), cam, record)
    if lead:
        figures.draw_leading_lead(Path(f"{stem}_leading_lead.png"), saliency, record, lead)
        figures.draw_one_lead(Path(f"{stem}_one_lead.png"), cam, saliency, record, lead)
        figures.draw_prediction(Path(f"{stem}_prediction.png"), cam, record, lead)
    return published_text(cam)


def _body(found: Any, prediction: Prediction, parts: Any, tested: Any, text: dict[str, str]) -> dict[str, Any]:
    card = prediction.card
    return {
        **_answer(found, card.sha256 if card is not None else "", prediction.reasons),
        "leading_lead": parts.leading_lead,
        "lead_share": dict(parts.lead_share),
        "wave_share": dict(parts.wave_share),
        "territory_share": dict(parts.territory_share),
        "area_share": dict(parts.area_share),
        "faithfulness": dict(tested),
        "text": text,
        "notice": _NOTICE,
    }


def _answer(found: Any, sha256: str, reasons: Sequence[str]) -> dict[str, Any]:
    """Tell what was answered, and how it was explained."""
    return {
        "status": found.status,
        "reasons": list(reasons),
        "model": found.model,
        "model_sha256": sha256,
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
        "notes": list(found.notes),
    }


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
        "text": {"clinician": narrate(facts), "patient": narrate(facts, "patient")},
        "notice": _NOTICE,
    }
