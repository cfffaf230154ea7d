"""The published systems' own lists of tests, as far as they are about what a person sees; each named after its item.

The models are those that ship. The rest of the lists stands in ``tests/einthoven/test_published_lists.py``.
"""

from __future__ import annotations

import io
from html import escape

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from einthoven.web.accounts import Person
from einthoven.web.bands import BANDS
from einthoven.web.examples import drawn
from einthoven.web.server import SCRIPT
from einthoven.web.uploads import Upload
from einthoven.web.work import Asked, Result, read_ecg

#: Seconds that a run of a page may take on a machine that does other things too.
SLOW = 120


@pytest.fixture(scope="module")
def ill() -> Result:
    """A drawn page of an acute infarction, read, answered and explained."""
    return read_ecg(Asked((drawn("infarction_scan"),)))


def run(page: AppTest) -> AppTest:
    page.run(timeout=SLOW)
    assert not page.exception, page.exception
    return page


def texts(page: AppTest) -> str:
    return "\n".join(e.proto.body for e in page.get("html"))


def showing(result: Result, person: Person) -> AppTest:
    page = AppTest.from_file(str(SCRIPT))
    page.session_state["owner"] = person.id
    page.session_state["result"] = result
    return run(page)


def test_integration_risk_indicator_on_a_high_probability_mi(ada: Person, ill: Result) -> None:
    mi = next(f for f in ill.diagnosis.findings if (f.task, f.label) == ("superclass", "MI"))
    assert mi.probability > 0.6
    told = texts(showing(ill, ada))
    band = BANDS["high"]
    card = next(part for part in told.split('<div class="ein-card"')[1:])
    assert band.sign in card
    assert band.colour in card
    assert escape(band.words) in card
    assert "myocardial infarction" in card


def test_integration_patient_and_clinician_tabs(ada: Person, ill: Result) -> None:
    page = showing(ill, ada)
    plain, clinic, research = page.tabs
    words = "\n".join(e.proto.body for e in plain.get("html")).lower()
    assert not any(jargon in words for jargon in ("auroc", "threshold", "logit", "qrs", "st segment"))
    assert "doctor" in words
    told = "\n".join(e.proto.body for e in clinic.get("html"))
    assert {"AUROC", "threshold", "QRS duration"} <= {w for w in ("AUROC", "threshold", "QRS duration") if w in told}
    assert "not a medical device" in told
    note = "\n".join(e.proto.body for e in research.get("html"))
    assert "Never tested" in note
    assert "PTB-XL" in note.upper()


def test_the_map_lies_on_the_page_and_says_how_far_to_trust_it(ada: Person, ill: Result) -> None:
    told = texts(showing(ill, ada))
    assert "over the page, for MI" in told
    assert "How far it can be trusted" in told


def test_system_unsupported_type_is_one_line_on_the_page(ada: Person) -> None:
    page = run(AppTest.from_file(str(SCRIPT)))
    page.file_uploader(key="sent").set_value(("song.mp3", b"ID3\x04\x00" + bytes(99), "audio/mpeg"))
    run(page)
    page.button(key="go_file").click()
    assert "song.mp3" in texts(run(page))
    assert [t.value for t in page.title] == ["Read an ECG"]


def test_system_poor_image_to_the_end_as_experimental(ada: Person) -> None:
    """A page that is faint and soft, read because the person insists, is shown with its warning before all else."""
    with Image.open(io.BytesIO(drawn("infarction_scan").content)) as picture:
        small = picture.convert("L").reduce(3)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=15)
    from digitize.options import DigitizeOptions

    asked = Asked((Upload("poor.jpg", buffer.getvalue()),), explain=False, digitize=DigitizeOptions(force=True))
    poor = read_ecg(asked)
    assert poor.diagnosis.experimental
    told = texts(showing(poor, ada))
    assert "EXPERIMENTAL" in told
    assert told.index("EXPERIMENTAL") < told.index('class="ein-card"')
    assert poor.file("_report.pdf") is not None


def test_system_a_non_technical_walk_from_upload_to_pdf(ada: Person) -> None:
    """Choose a file, press the one button, take the report: nothing else is asked."""
    page = run(AppTest.from_file(str(SCRIPT)))
    sent = drawn("normal_table")
    page.file_uploader(key="sent").set_value((sent.name, sent.content, "text/csv"))
    run(page)
    go = page.button(key="go_file")
    assert not go.disabled
    go.click()
    run(page)
    assert [t.value for t in page.title] == ["What was found"]
    result: Result = page.session_state["result"]
    report = result.file("_report.pdf")
    assert "Report (PDF)" in {b.label for b in page.get("download_button")}
    document = pypdfium2.PdfDocument(report.content)
    assert len(document) >= 3
    assert "Not for diagnosis" in document[0].get_textpage().get_text_range()
    # A4, and the traces as paths, not as a picture.
    assert np.allclose(document[0].get_size(), (595.3, 841.9), atol=0.1)
