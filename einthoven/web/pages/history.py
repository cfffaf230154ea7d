"""One's own cases, and the account."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

import streamlit as st

from ecg.errors import ECGError
from einthoven.report.words import STATUS_WORDS
from einthoven.web import theme
from einthoven.web.pages.frame import Visit, forget, say
from einthoven.web.pages.keep import feedback, files

__all__ = ["page"]


def page(here: Visit) -> None:
    """Show the list, or the case that was opened."""
    if "opened" in here.memory:
        try:
            _case(here, here.memory["opened"])
            return
        except ECGError:  # deleted in another window
            here.memory.pop("opened")
    st.title("My cases")
    kept = here.services.cases.listed(here.person)
    if not kept:
        st.html("<p>You have kept none. Read an ECG and choose to keep it.</p>")
    for case in kept:
        with st.container(border=True):
            left, middle, right = st.columns([5, 1, 1], vertical_alignment="center")
            date = datetime.fromtimestamp(case.kept, UTC).strftime("%Y-%m-%d %H:%M UTC")
            status = STATUS_WORDS.get(case.status, case.status)
            left.html(f"<b>{escape(case.title)}</b> · {date} · {escape(status)}<br>{escape(case.headline)}")
            if middle.button("Open", key=f"open_{case.id}", width="stretch"):
                here.memory["opened"] = case.id
                st.rerun()
            if right.button("Delete", key=f"delete_{case.id}", width="stretch"):
                here.services.cases.remove(here.person, case.id)
                st.rerun()
    if kept:
        _take_away(here, len(kept))
    _account(here)


def _case(here: Visit, identity: str) -> None:
    case = here.services.cases.opened(here.person, identity)
    if st.button("Back to the list"):
        here.memory.pop("opened")
        st.rerun()
    st.title("A kept case")
    for warning in case.document.get("warnings", ()):
        say("warning", str(warning))
    st.html(f"<p><b>{escape(case.title)}</b></p><p style='font-size:1.2rem'><b>{escape(case.headline)}</b></p>")
    told = [
        (
            str(f.get("question", "")),
            str(f["words"]),
            "–" if f["probability"] is None else f"{f['probability']:.2f}",
            _answer(f["decision"]),
        )
        for f in case.document.get("findings", ())
    ]
    st.html(theme.rows(told, ("question", "finding", "probability", "answer")))
    given = here.services.cases.files(here.person, identity)
    picture = next((f for f in given if f.name.endswith("_overlay.png")), None)
    if picture is not None:
        st.image(picture.content, alt="the page with the reading drawn over it", width="stretch")
    st.header("Files")
    files(given, identity)
    feedback(here, identity)


def _answer(decision: int | None) -> str:
    return "– none" if decision is None else "● yes" if decision else "○ no"


def _take_away(here: Visit, number: int) -> None:
    st.header("Take away, or delete")
    left, right = st.columns(2)
    with left:
        table = here.services.cases.feedback_csv(here.person)
        st.download_button("My feedback (CSV)", table, "feedback.csv", "text/csv", on_click="ignore", key="csv")
        if st.button("Prepare everything as ZIP", key="prepare"):
            whole = here.services.cases.export(here.person)
            st.download_button("Everything (ZIP)", whole, "my_cases.zip", "application/zip", on_click="ignore")
    with right:
        sure = st.checkbox(f"yes, delete all {number}", key="sure_all")
        if st.button("Delete all my cases", disabled=not sure, key="delete_all"):
            here.services.cases.remove_all(here.person)
            st.rerun()


def _account(here: Visit) -> None:
    st.header("My account")
    if here.person.name:
        with st.expander("Change the password"), st.form("password", clear_on_submit=True):
            old = st.text_input("Present password", type="password")
            new = st.text_input("New password", type="password")
            if st.form_submit_button("Change it and log out everywhere"):
                try:
                    here.services.accounts.change_password(here.person, old, new)
                    st.rerun()
                except ECGError as error:
                    say("error", str(error))
    with st.expander("Delete my account and all that I kept"):
        typed = st.text_input(f"Type {here.person.name or 'delete'} to confirm", key="sure_account")
        if st.button("Delete my account", key="delete_account", disabled=typed != (here.person.name or "delete")):
            here.services.accounts.remove(here.person)
            forget(here)
            st.rerun()
