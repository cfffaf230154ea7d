"""Take the files away; keep the case if one wants to; say whether the answer was right."""

from __future__ import annotations

import streamlit as st

from ecg.errors import ECGError
from einthoven.diagnosis.document import diagnosis_document
from einthoven.web.cases import OPINIONS, KeptFile, Opinion
from einthoven.web.pages.frame import Visit, say
from einthoven.web.work import Result, download_files

__all__ = ["feedback", "files", "section"]

#: What each file is, by the end of its name, in the order of the buttons.
_LABELS = {
    "_report.pdf": "Report (PDF)",
    "_wfdb.zip": "Signals (WFDB, ZIP)",
    ".csv": "Signals (CSV)",
    ".dcm": "Signals (DICOM)",
    "_diagnosis.json": "Everything (JSON)",
    "_overlay.png": "Page with reading (PNG)",
    ".json": "Reading of the page (JSON)",
}


def section(here: Visit, found: Result) -> None:
    """Show downloads, consent and feedback."""
    from einthoven.web.pages.result import once

    st.header("Files to take away")
    redact = st.toggle("Blank everything outside the recording, and leave the file's name out", key="redact")
    given = once(here, ("files", True), lambda: download_files(found, redact=True)) if redact else found.files
    files(given, "now")
    st.header("Keep this case")
    if "kept" in here.memory:
        say("done", "Kept among your cases, for you alone. You can delete it there at any time.")
        feedback(here, here.memory["kept"])
        return
    st.markdown("Nothing is kept unless you say so: close this page and all of it is gone.")
    also = st.checkbox("also keep the file that I sent", key="keep_input")
    agreed = st.checkbox(
        "Keep the report, signals and reading of this case on this server until I delete them; only I can see them",
        key="consent",
    )
    if st.button("Keep it", disabled=not agreed, key="keep"):
        _keep(here, found, given, also, redact)


def _keep(here: Visit, found: Result, given: tuple[KeptFile, ...], also: bool, redact: bool) -> None:
    names = [f.name for f in given]
    document = diagnosis_document(found.diagnosis, stem=found.stem, files=names, redacted=redact)
    sent: tuple[KeptFile, ...] = ()
    if also:
        from einthoven.web.uploads import safe_name

        mime = "application/octet-stream"
        sent = tuple(KeptFile(f"sent_{safe_name(u.name)}", mime, u.content) for u in found.asked.uploads)
    try:
        here.memory["kept"] = here.services.cases.keep(here.person, found.stem, document, (*given, *sent))
    except ECGError as error:
        say("error", str(error))
        return
    st.rerun()


def files(given: tuple[KeptFile, ...], key: str) -> None:
    """Show a button for each file."""
    left = {f.name: f for f in given}
    columns = st.columns(3)
    place = 0
    for ending, label in (*_LABELS.items(), ("", "")):
        for name in [n for n in left if n.endswith(ending)]:
            file = left.pop(name)
            columns[place % 3].download_button(
                label or name,
                file.content,
                file_name=name,
                mime=file.mime,
                key=f"get_{key}_{name}",
                on_click="ignore",
                width="stretch",
            )
            place += 1


def feedback(here: Visit, case: str) -> None:
    """Ask whether answer and explanation were right; show what was said before."""
    st.subheader("Were they right?")
    for said in here.services.cases.opinions(here.person, case):
        say("info", f"Label: {said.label}. Explanation: {said.explanation}. {said.comment}")
    with st.form(f"feedback_{case}", clear_on_submit=True):
        label = st.radio("The answer", OPINIONS, index=2, horizontal=True)
        explanation = st.radio("The explanation", OPINIONS, index=2, horizontal=True)
        comment = st.text_area("Comment", max_chars=4000)
        sent = st.form_submit_button("Save my opinion")
    if sent:
        here.services.cases.say(here.person, case, Opinion(label, explanation, comment))
        st.rerun()
