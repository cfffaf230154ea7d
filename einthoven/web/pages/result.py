"""What was found: the answer in three tongues, the page and its correction, the signals, the reasons, the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from einthoven.diagnosis.findings import QUESTIONS
from einthoven.report import words
from einthoven.web import theme
from einthoven.web.bands import BANDS, Band, overall_band
from einthoven.web.chart import paper_svgs
from einthoven.web.pages import correct, keep, reasons
from einthoven.web.pages.frame import Visit, say
from einthoven.web.work import Result

__all__ = ["show"]

_ZOOMS = {"whole": 1.0, "2×": 2.0, "4×": 4.0, "6×": 6.0}
_PUBLISHED = "the published limits, 0.3 and 0.6"
_OWN = "the model's own threshold"


def show(here: Visit) -> None:
    """Show a result."""
    found: Result = here.memory["result"]
    d = found.diagnosis
    st.title("What was found")
    where = st.container()
    for warning in d.warnings:
        say("warning", warning)
    if found.several:
        say("info", f"This file has several pages; page {d.origin.page} was read. Choose another before reading.")
    first = [f for f in d.findings if d.predictions and f.task == d.predictions[0].task]
    published = here.memory.get("bands") == _PUBLISHED
    band = overall_band(first, published)
    st.html(theme.card(_worded(band, d.status), d.headline, _below(band, d.status)))
    if d.reasons:
        say("warning", "Reasons to doubt:", *(f"– {reason}" for reason in d.reasons))
    plain, clinic, research = st.tabs(["In plain words", "For clinicians", "For research"])
    with plain:
        st.html(f"<p style='font-size:1.1rem'>{_text(words.patient_text(d))}</p>")
        st.html("<p class='ein-muted'>Show the recording itself to a doctor. If you feel unwell, call for help.</p>")
    with clinic:
        _clinic(found, published)
    with research:
        _research(found)
    if d.digitization is not None:
        correct.section(here, found, where)
    _signals(here, found)
    reasons.section(here, found)
    keep.section(here, found)


def _worded(band: Band, status: str) -> Band:
    return band if status == "answered" else BANDS["none"]


def _below(band: Band, status: str) -> str:
    return band.words if status == "answered" else words.STATUS_WORDS[status]


def _text(told: str) -> str:
    from html import escape

    return escape(told)


def _clinic(found: Result, published: bool) -> None:
    d = found.diagnosis
    st.html(f"<p>{_text(words.clinician_text(d))}</p>")
    tasks = list(dict.fromkeys(f.task for f in d.findings))
    # The first question over the whole width; the others, of a page the four classes and infarction, side by side.
    for group in (tasks[:1], tasks[1:]):
        if not group:
            continue
        for column, task in zip(st.columns(len(group)), group, strict=True):
            with column:
                asked = [f for f in d.findings if f.task == task]
                st.subheader(QUESTIONS.get(task, task))
                st.html(theme.bars(asked, published))
                if asked[0].decision is None:
                    say("info", f"No decision: {'; '.join(asked[0].reasons)}")
    if tasks:
        st.radio("Bands by", [_OWN, _PUBLISHED], horizontal=True, key="bands")
    left, right = st.columns(2)
    with left:
        st.subheader("Measurements")
        rows = words.measurement_rows(d)
        st.html(theme.rows(rows, ("measurement", "figure", "quality", "remark")) if rows else "<p>None.</p>")
    with right:
        st.subheader("Level at the J point")
        levels = words.st_rows(d)
        st.html(theme.rows(levels, ("lead", "level (~ from one beat)")) if levels else "<p>None.</p>")
    st.subheader("How the models did on validation records (95 % intervals)")
    validation = words.validation_rows(d)
    st.html(theme.rows(validation, words.VALIDATION_HEAD) if validation else "<p>No figures on the card.</p>")
    st.subheader("Limits")
    st.html(theme.rows([(line,) for line in words.limit_lines(d)]))


def _research(found: Result) -> None:
    """Say what made the answer, and what it was never tested on."""
    d = found.diagnosis
    st.subheader("The input")
    st.html(theme.rows(words.input_rows(d, redacted=False)))
    st.subheader("The models, and what they were trained on")
    st.html(theme.rows(words.model_rows(d)))
    for prediction in {p.card.sha256: p for p in d.predictions if p.card is not None}.values():
        card = prediction.card
        if card is None:
            continue
        told = [
            ("Intended use", card.intended_use),
            ("Trained on", f"{words.training_data(card.data)}; {words.fold_words(card.folds)}"),
            ("Must not be trusted with", "; ".join(card.limits)),
        ]
        st.html(theme.rows(told, (card.name, "")))
    if d.digitization is not None:
        say(
            "info",
            "Never tested: pages of devices, papers and cameras that stand in no public set, and patients outside the "
            "sets named above. The reader of pages was trained on drawn pages and measured on public ones.",
        )
    st.html(theme.rows([(name, f"{seconds:.2f} s") for name, seconds in d.seconds.items()], ("step", "time")))


def _signals(here: Visit, found: Result) -> None:
    record = found.diagnosis.record
    if record is None:
        return
    st.header("The signals on ECG paper")
    left, right = st.columns(2)
    with left:
        leads = st.multiselect("Leads", record.leads, key="leads", placeholder="all leads")
    with right:
        zoom = st.segmented_control("Zoom", list(_ZOOMS), default="whole", required=True, key="zoom")
    sheets = once(here, ("chart", tuple(leads)), lambda: paper_svgs(record, leads))
    for svg in sheets:
        st.html(theme.zoomable(svg.encode(), "image/svg+xml", "the signals on ECG paper", _ZOOMS[zoom or "whole"]))
    unit = "each lead around its own median level"
    st.caption(f"1 mm squares; 25 mm/s, 10 mm/mV; {unit}. Scroll in the frame, also with the arrow keys.")


def once(here: Visit, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """Draw a thing once a result."""
    drawn: dict[Any, Any] = here.memory.setdefault("drawn", {})
    if key not in drawn:
        drawn[key] = make()
    return drawn[key]
