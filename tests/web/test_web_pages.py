"""The pages as Streamlit runs them, with a real account and the models that ship; only the browser is left out."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ecg.formats import write_csv
from einthoven.web.accounts import Person
from einthoven.web.pages import frame
from einthoven.web.server import SCRIPT
from einthoven.web.services import Services
from einthoven.web.uploads import Upload
from einthoven.web.work import Asked, Result, read_ecg

pytestmark = pytest.mark.usefixtures("here")
WORDS = "three calm words"
#: Seconds that a run of a page may take on a machine that does other things too.
SLOW = 120


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    from synth import sample_physiology, synthesize_record

    record = synthesize_record(sample_physiology(np.random.default_rng(3), "norm"))
    return write_csv(record, tmp_path_factory.mktemp("sent") / "x.csv").read_bytes()


@pytest.fixture(scope="module")
def found(table: bytes) -> Result:
    return read_ecg(Asked((Upload("table.csv", table),), explain=False))


@pytest.fixture(scope="module")
def refused() -> Result:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.full((400, 600, 3), 255, np.uint8)).save(out, "PNG")
    return read_ecg(Asked((Upload("blank.png", out.getvalue()),), explain=False))


def run(page: AppTest) -> AppTest:
    page.run(timeout=SLOW)
    assert not page.exception, page.exception
    return page


def click(page: AppTest, label: str = "", key: str = "") -> AppTest:
    button = page.button(key=key) if key else next(b for b in page.button if b.label.startswith(label))
    button.click()
    return run(page)


def texts(page: AppTest) -> str:
    """All HTML of the page: whatever comes from a file or a person is shown by it."""
    return "\n".join(e.proto.body for e in page.get("html"))


def showing(result: Result, person: Person) -> AppTest:
    page = AppTest.from_file(str(SCRIPT))
    page.session_state["owner"] = person.id
    page.session_state["result"] = result
    return run(page)


def test_who_is_not_logged_in_sees_the_notice_and_the_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "token_of", lambda _cookies: "planted")
    page = run(AppTest.from_file(str(SCRIPT)))
    assert [t.value for t in page.title] == ["You are logged out"]
    assert "Not for diagnosis" in texts(page)
    assert "/login" in texts(page)


def test_the_person_is_welcomed_by_name_and_the_name_is_no_markup(ada: Person) -> None:
    page = run(AppTest.from_file(str(SCRIPT)))
    assert [t.value for t in page.title] == ["Read an ECG"]
    assert "Welcome, <b>Ada &lt;i&gt;L&lt;/i&gt;</b>" in texts(page)
    assert "Not for diagnosis" in texts(page)
    assert [t.label for t in page.tabs] == ["Your file", "Camera", "Examples"]


def test_a_file_is_sent_read_and_shown(ada: Person, table: bytes) -> None:
    page = run(AppTest.from_file(str(SCRIPT)))
    assert page.button(key="go_file").disabled
    page.file_uploader(key="sent").set_value(("table.csv", table, "text/csv"))
    page.toggle(key="explain_file").set_value(False)
    page.number_input(key="age_file").set_value(61)
    run(page)
    click(page, key="go_file")
    assert [t.value for t in page.title] == ["What was found"]
    assert page.session_state["result"].diagnosis.predictions[0].age == 61
    click(page, "Read another")
    assert [t.value for t in page.title] == ["Read an ECG"]


def test_a_table_without_times_asks_for_the_rate_and_offers_500(ada: Person, table: bytes) -> None:
    bare = b"\n".join(line.split(b",", 1)[1] for line in table.splitlines())
    page = run(AppTest.from_file(str(SCRIPT)))
    page.file_uploader(key="sent").set_value(("bare.csv", bare, "text/csv"))
    run(page)
    assert page.number_input(key="fs").value == 500.0


def test_what_cannot_be_read_is_one_line_and_the_page_stays(ada: Person) -> None:
    page = run(AppTest.from_file(str(SCRIPT)))
    page.file_uploader(key="sent").set_value(("<b>x</b>.exe", b"MZ\x00\x01", "application/x-msdownload"))
    run(page)
    click(page, key="go_file")
    assert [t.value for t in page.title] == ["Read an ECG"]
    assert "got something else" in texts(page)
    assert "<b>x</b>" not in texts(page)


def test_the_answer_has_words_sign_bars_and_three_tongues(ada: Person, found: Result) -> None:
    page = showing(found, ada)
    assert [t.label for t in page.tabs] == ["In plain words", "For clinicians", "For research"]
    told = texts(page)
    assert found.diagnosis.headline.split(" (")[0] in told
    assert told.count('class="ein-bar"') == len(found.diagnosis.findings)
    assert {"Measurements", "Limits", "The models, and what they were trained on"} <= {h.value for h in page.subheader}
    assert "Heart rate" in told
    assert "AUROC" in told
    assert "data:image/svg+xml" in told
    assert {b.label for b in page.get("download_button")} >= {
        "Report (PDF)", "Signals (WFDB, ZIP)", "Signals (CSV)", "Signals (DICOM)", "Everything (JSON)",
    }  # fmt: skip


def test_bands_by_the_published_limits_are_an_option(ada: Person, found: Result) -> None:
    page = showing(found, ada)
    page.radio(key="bands").set_value("the published limits, 0.3 and 0.6")
    assert "published limits" in texts(run(page)).split("Bands by")[0]


def test_leads_can_be_looked_at_alone_and_enlarged(ada: Person, found: Result) -> None:
    page = showing(found, ada)
    page.multiselect(key="leads").set_value(["V2"])
    page.get_by_key("zoom").set_value("4×")
    assert "width:400%" in texts(run(page))


def test_a_refused_page_says_why_and_can_be_forced(ada: Person, refused: Result) -> None:
    assert refused.diagnosis.status == "refused"
    page = showing(refused, ada)
    told = texts(page)
    assert "Not read" in told
    assert "Page refused" in told
    assert page.checkbox(key="c_force").value is False
    page.checkbox(key="c_force").set_value(True)
    page.selectbox(key="c_layout").set_value("3x4")
    click(page, "Read again")
    assert page.session_state["result"].asked.digitize.force
    assert page.session_state["result"].asked.digitize.layout == "3x4"


def test_nothing_is_kept_unless_the_person_says_so(ada: Person, here: Services, found: Result) -> None:
    page = showing(found, ada)
    assert page.button(key="keep").disabled
    assert here.cases.listed(ada) == ()
    page.checkbox(key="consent").check()
    run(page)
    click(page, key="keep")
    (case,) = here.cases.listed(ada)
    assert not [f for f in here.cases.files(ada, case.id) if f.name.startswith("sent_")]
    page.radio[1].set_value("disagree")
    page.text_area[0].set_value("the axis is wrong")
    click(page, "Save my opinion")
    (said,) = here.cases.opinions(ada, case.id)
    assert said.comment == "the axis is wrong"


def test_the_list_opens_and_deletes_one_s_own(ada: Person, here: Services, found: Result) -> None:
    case = here.cases.keep(ada, "scan_1", {"headline": "A headline.", "findings": []}, found.files)
    bob = here.accounts.sign_up("bob", "Bob", WORDS)
    secret = here.cases.keep(bob, "of_bob", {"headline": "Bob's own."}, [])
    page = AppTest.from_function(_cases_page)
    run(page)
    assert "A headline." in texts(page)
    assert "Bob" not in texts(page)
    click(page, key=f"open_{case}")
    assert [t.value for t in page.title] == ["A kept case"]
    click(page, "Back to the list")
    page.session_state["opened"] = secret
    assert [t.value for t in run(page).title] == ["My cases"]
    click(page, key=f"delete_{case}")
    assert here.cases.listed(ada) == ()
    assert len(here.cases.listed(bob)) == 1


def _cases_page() -> None:
    from einthoven.web.pages import frame, history

    history.page(frame.visit())


def test_another_person_at_the_same_open_page_sees_nothing_of_the_first(
    ada: Person, here: Services, found: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = showing(found, ada)
    here.accounts.sign_up("bob", "Bob", WORDS)
    token = here.accounts.log_in("bob", WORDS)
    monkeypatch.setattr(frame, "token_of", lambda _cookies: token)
    run(page)
    assert [t.value for t in page.title] == ["Read an ECG"]
    assert "result" not in page.session_state


def test_a_revoked_session_shows_nothing_more(ada: Person, here: Services, found: Result) -> None:
    page = showing(found, ada)
    here.accounts.log_out(frame.token_of({}), everywhere=True)
    run(page)
    assert [t.value for t in page.title] == ["You are logged out"]
    assert found.diagnosis.headline not in texts(page)


def test_an_account_is_deleted_with_all_that_was_kept(ada: Person, here: Services, found: Result) -> None:
    here.cases.keep(ada, "scan", {"headline": "h"}, found.files)
    page = run(AppTest.from_function(_cases_page))
    assert page.button(key="delete_account").disabled
    page.text_input(key="sure_account").set_value("ada")
    run(page)
    click(page, key="delete_account")
    assert [t.value for t in page.title] == ["You are logged out"]
    assert here.cases.listed(ada) == ()


def test_how_it_works_is_told(ada: Person) -> None:
    def about_page() -> None:
        from einthoven.web.pages import about, frame

        about.page(frame.visit())

    page = run(AppTest.from_function(about_page))
    assert any("What becomes of what you send" in m.value for m in page.markdown)
