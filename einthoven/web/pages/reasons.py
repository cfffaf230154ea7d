"""Why the model answered as it did, by the method that a person chooses."""

from __future__ import annotations

import streamlit as st

from ecg.errors import ECGError
from einthoven.diagnosis.findings import QUESTIONS, leading
from einthoven.diagnosis.result import Explained
from einthoven.report import words
from einthoven.report.pictures import explanation_picture, map_on_page, shows_on_page
from einthoven.web import theme
from einthoven.web.pages.frame import Visit, say
from einthoven.web.work import METHODS, Result, explain_by

__all__ = ["section"]


def section(here: Visit, found: Result) -> None:
    """Show the explanation that the answer came with, and others on demand."""
    d = found.diagnosis
    answered = [f for f in d.findings if f.probability is not None]
    if d.seen is None or not answered:
        return
    st.header("What the model looked at")
    if d.explained is not None:
        _shown(here, found, d.explained)
    with st.form("explain"):
        left, right = st.columns(2)
        names = {f"{f.words} ({QUESTIONS.get(f.task, f.task).lower()})": f for f in answered}
        ahead = leading([f for f in answered if f.task == answered[0].task])
        place = answered.index(ahead) if ahead in answered else 0
        chosen = left.selectbox("Explain", list(names), index=place, key="e_finding")
        method = right.selectbox("by", list(METHODS), format_func=METHODS.__getitem__, key="e_method")
        wanted = st.form_submit_button("Explain this")
    if wanted:
        with st.spinner("Waiting for a turn, then explaining"):
            try:
                with here.services.turns.turn():
                    here.memory["explained"] = explain_by(found, names[chosen], method)
            except ECGError as error:
                here.memory.pop("explained", None)
                say("error", str(error))
    if "explained" in here.memory:
        _shown(here, found, here.memory["explained"])


def _shown(here: Visit, found: Result, one: Explained) -> None:
    from html import escape

    from einthoven.web.pages.result import once

    seen, e = found.diagnosis.seen, one.explanation
    if seen is None:
        return
    picture = once(here, ("map", e.task, e.target, e.method), lambda: explanation_picture(one, seen)[0])
    st.html(f"<p>{escape(one.clinician)}</p>")
    st.html(theme.zoomable(picture, "image/png", f"attribution by {e.method} over the leads, for {e.target}"))
    d = found.diagnosis.digitization
    if d is not None and shows_on_page(found.diagnosis):
        key = ("map on page", e.task, e.target, e.method)
        drawn = once(here, key, lambda: map_on_page(one, d)[0])
        st.html("<p class='ein-muted'>The same on the page as it came, over the traces that caused it.</p>")
        st.html(theme.zoomable(drawn, "image/jpeg", f"attribution by {e.method} over the page, for {e.target}"))
    st.html(theme.rows(words.explanation_rows(one)))
