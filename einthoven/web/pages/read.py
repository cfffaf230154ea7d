"""Choose an ECG, say what is known of it, and have it read."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from ecg.errors import ECGError
from einthoven.web.examples import EXAMPLES, drawn, thumbnail
from einthoven.web.pages import result
from einthoven.web.pages.frame import Visit, forget, say
from einthoven.web.uploads import Upload
from einthoven.web.work import STAGES, Asked, needs_rate, read_ecg

__all__ = ["page", "read_now"]

#: Offered where a table has no time column; the rate of most exports, and of the published system.
_OFFERED_HZ = 500.0
_KINDS = (
    "Pictures and scans (PNG, JPEG, TIFF), PDF, WFDB (choose the .hea and .dat together), CSV, DICOM. "
    "What a file is, its content decides."
)


def page(here: Visit) -> None:
    """Show the form, or what was read."""
    if "result" in here.memory:
        if st.button("Read another ECG", icon=":material/arrow_back:"):
            forget(here)
            st.rerun()
        result.show(here)
        return
    st.title("Read an ECG")
    where = st.container()  # the progress stands where it is seen on a phone
    file_tab, camera_tab, example_tab = st.tabs(["Your file", "Camera", "Examples"], key="source", on_change="rerun")
    with file_tab:
        _from_file(here, where)
    with camera_tab:
        _from_camera(here, where)
    if example_tab.open:  # drawing the examples takes seconds
        with example_tab:
            _from_gallery(here, where)


def _from_file(here: Visit, where: Any) -> None:
    most = here.services.options.upload_mb
    sent = st.file_uploader(
        f"An ECG as a file, up to {most} MB", accept_multiple_files=True, max_upload_size=most, help=_KINDS, key="sent"
    )
    st.caption(_KINDS)
    uploads = tuple(Upload(f.name, f.getvalue()) for f in sent or ())
    fs = None
    if needs_rate(uploads):
        say("info", "This table has no time column. How many samples a second does it have?")
        fs = st.number_input("Sampling rate in Hz", 50.0, 10_000.0, _OFFERED_HZ, step=10.0, key="fs")
    asked = _about("file")
    if st.button("Read this ECG", type="primary", disabled=not uploads, key="go_file"):
        read_now(here, replace(asked, uploads=uploads, fs=fs), where)


def _from_camera(here: Visit, where: Any) -> None:
    st.caption(
        "Lay the page flat, fill the picture with it, and avoid shadows. Browsers give the camera only to pages over "
        "HTTPS or on this very machine (localhost)."
    )
    # The camera's light goes on when it is asked for, not before.
    if not st.toggle("Use the camera", key="camera_on"):
        return
    taken = st.camera_input("Photograph the page", key="camera", resolution="1080p")
    asked = _about("camera")
    if st.button("Read this photograph", type="primary", disabled=taken is None, key="go_camera") and taken is not None:
        read_now(here, replace(asked, uploads=(Upload("photograph.jpg", taken.getvalue()),)), where)


def _from_gallery(here: Visit, where: Any) -> None:
    st.caption("Drawn by a program from synthetic hearts: they are of nobody.")
    columns = st.columns(3)
    for place, example in enumerate(EXAMPLES.values()):
        with columns[place % 3], st.container(border=True):
            picture = thumbnail(example.key)
            if picture:
                st.image(picture, alt=f"{example.title}, {example.words}", width="stretch")
            st.markdown(f"**{example.title}**  \n{example.words}")
            if st.button("Try it", key=f"try_{example.key}", help=example.title):
                read_now(here, Asked((drawn(example.key),)), where)


def _about(key: str) -> Asked:
    """Ask what a person may say beside the file."""
    with st.expander("Age, sex and how to read (optional)"):
        left, right = st.columns(2)
        age = left.number_input("Age in years", 0, 130, None, key=f"age_{key}", placeholder="not said")
        sexes: dict[str, Literal["M", "F"] | None] = {"not said": None, "female": "F", "male": "M"}
        sex = right.selectbox("Sex", list(sexes), key=f"sex_{key}")
        number = left.number_input("Page, of a file of several", 1, 200, 1, key=f"page_{key}")
        routes: dict[str, Literal["best", "published"]] = {
            "the models that did best": "best",
            "the published networks": "published",
        }
        route = right.selectbox("Models", list(routes), key=f"route_{key}")
        explain = st.toggle("Explain the answer", value=True, key=f"explain_{key}", help="Takes a few seconds more.")
    return Asked((), None if age is None else float(age), sexes[sex], None, int(number), routes[route], explain)


def read_now(here: Visit, asked: Asked, where: Any) -> None:
    """Wait for one's turn, read, and show what came of it, stage by stage, in a container near the page's top."""
    problem = ""
    with where, st.status("Waiting for your turn", expanded=True) as status:
        place = st.empty()
        bar = st.progress(0.0)

        def ahead(n: int) -> None:
            place.write(f"{n} ahead of you; one ECG is read at a time." if n else "It is your turn.")

        def stage(k: int) -> None:
            status.update(label=f"{k + 1} of {len(STAGES)}: {STAGES[k]}")
            bar.progress(k / len(STAGES), text=STAGES[k])

        try:
            with here.services.turns.turn(ahead):
                found = read_ecg(asked, here.services.options.upload_mb, stage)
        except ECGError as error:
            problem = str(error)
        except MemoryError:
            problem = "the file needs more memory than there is; send a smaller picture or a shorter record"
        except Exception as error:
            if type(error).__module__.startswith("streamlit"):
                raise  # how Streamlit ends a run of a page that was left
            logging.getLogger(__name__).exception("a fault of the program")
            problem = "a fault of the program; it was noted, and the file was not kept. Try another file."
        status.update(label="Not read" if problem else "Done", state="error" if problem else "complete")
    if problem:
        with where:
            say("error", problem)
        return
    remember(here, found)
    st.rerun()


def remember(here: Visit, found: Any) -> None:
    """Show this result from now on; everything drawn of the one before is dropped."""
    forget(here)
    here.memory["result"] = found
