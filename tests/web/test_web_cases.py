"""Kept cases: one's own only, exported whole, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import threading
import zipfile

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from einthoven.diagnosis.result import Finding
from einthoven.web.accounts import Accounts, Person
from einthoven.web.bands import BANDS, band_of, overall_band
from einthoven.web.cases import Cases, CasesError, KeptFile, Opinion, safe_cell
from einthoven.web.options import WebOptions
from einthoven.web.turns import Queue

DOCUMENT = {"headline": "The model finds a normal ECG.", "status": "answered", "models": [{"name": "default"}]}
REPORT = KeptFile("scan_report.pdf", "application/pdf", b"%PDF-1.7 a report")


@pytest.fixture
def people(engine: Engine) -> tuple[Person, Person]:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts(engine, WebOptions(), hasher=hasher)
    return accounts.sign_up("ada", "Ada", "three calm words"), accounts.sign_up("bob", "Bob", "three calm words")


def test_a_case_is_kept_listed_opened_and_deleted(engine: Engine, people: tuple[Person, Person]) -> None:
    cases, ada = Cases(engine), people[0]
    case = cases.keep(ada, "scan", DOCUMENT, [REPORT])
    assert [(c.id, c.title, c.headline) for c in cases.listed(ada)] == [(case, "scan", DOCUMENT["headline"])]
    assert cases.opened(ada, case).document == DOCUMENT
    assert cases.files(ada, case) == (REPORT,)
    cases.remove(ada, case)
    assert cases.listed(ada) == ()


def test_a_second_person_reaches_nothing_of_the_first_s(engine: Engine, people: tuple[Person, Person]) -> None:
    cases, (ada, bob) = Cases(engine), people
    case = cases.keep(ada, "scan", DOCUMENT, [REPORT])
    assert cases.listed(bob) == ()
    for reach in (
        cases.opened,
        cases.files,
        cases.remove,
        cases.opinions,
        lambda person, one: cases.say(person, one, Opinion("agree", "agree", "")),
    ):
        with pytest.raises(CasesError, match="no such case"):
            reach(bob, case)
    assert zipfile.ZipFile(io.BytesIO(cases.export(bob))).namelist() == ["feedback.csv", "account.json"]
    assert cases.remove_all(bob) == 0
    assert cases.opened(ada, case).document == DOCUMENT


@pytest.mark.parametrize("case", ["", "0" * 32, "' OR 1=1 --", "x" * 100_000])
def test_identities_that_do_not_exist_are_no_cases(engine: Engine, people: tuple[Person, Person], case: str) -> None:
    with pytest.raises(CasesError, match="no such case"):
        Cases(engine).opened(people[0], case)


def test_feedback_is_exported_and_runs_in_no_spreadsheet(engine: Engine, people: tuple[Person, Person]) -> None:
    cases, ada = Cases(engine), people[0]
    case = cases.keep(ada, "=1+1", DOCUMENT, [REPORT])
    cases.say(ada, case, Opinion("disagree", "unsure", '=HYPERLINK("http://evil.example";"x")\nsecond line, "quoted"'))
    with pytest.raises(CasesError, match="agree"):
        cases.say(ada, case, Opinion("maybe", "agree", ""))
    rows = list(csv.DictReader(io.StringIO(cases.feedback_csv(ada), newline="")))
    assert len(rows) == 1
    assert (rows[0]["label"], rows[0]["explanation"], rows[0]["models"]) == ("disagree", "unsure", "default")
    assert rows[0]["title"] == "'=1+1"
    assert rows[0]["comment"].startswith("'=HYPERLINK")
    assert rows[0]["comment"].endswith('second line, "quoted"')
    archive = zipfile.ZipFile(io.BytesIO(cases.export(ada)))
    assert archive.read(f"{case}/scan_report.pdf") == REPORT.content
    assert json.loads(archive.read(f"{case}/diagnosis.json")) == DOCUMENT


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "|cmd"])
def test_formulas_are_disarmed(text: str) -> None:
    assert safe_cell(text).startswith("'")


def test_too_many_cases_are_refused(
    engine: Engine, people: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("einthoven.web.cases._MOST_CASES", 2)
    cases = Cases(engine)
    for _ in range(2):
        cases.keep(people[0], "scan", DOCUMENT, [])
    with pytest.raises(CasesError, match="delete some"):
        cases.keep(people[0], "scan", DOCUMENT, [])
    cases.keep(people[1], "scan", DOCUMENT, [])


def _finding(probability: float | None, threshold: float | None, decision: bool | None, label: str = "MI") -> Finding:
    return Finding("superclass", label, label, probability, threshold, decision, "answered", "m")


@pytest.mark.parametrize("threshold", [0.05, 0.31, 0.5, 0.91, 1.0])
def test_colour_and_decision_never_disagree(threshold: float) -> None:
    for k in range(101):
        p = k / 100
        band = band_of(_finding(p, threshold, p >= threshold))
        assert (band.name == "high") == (p >= threshold)
        if band.name == "middle":
            assert threshold / 2 <= p < threshold


def test_published_limits_are_those_published() -> None:
    names = [band_of(_finding(p, 0.1, p >= 0.1), published=True).name for p in (0.29, 0.3, 0.59, 0.6)]
    assert names == ["low", "middle", "middle", "high"]


def test_being_normal_is_no_risk_and_no_answer_has_no_band() -> None:
    normal = _finding(0.99, 0.5, True, "NORM")
    assert overall_band([normal, _finding(0.01, 0.5, False)]).name == "low"
    assert overall_band([normal, _finding(0.9, 0.5, True)]).name == "high"
    assert overall_band([_finding(0.9, 0.5, None)]).name == "none"
    assert overall_band([]).name == "none"


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_bands_can_be_read_and_told_apart_without_colour() -> None:
    for band in BANDS.values():
        assert contrast(band.colour, band.ground) >= 4.5
        assert contrast(band.colour, "#FFFFFF") >= 4.5
    assert len({band.sign for band in BANDS.values()}) == len(BANDS)
    assert len({band.words for band in BANDS.values()}) == len(BANDS)


def test_the_queue_serves_one_at_a_time_in_order_and_tells_the_place() -> None:
    queue, inside, order = Queue(), [], []
    told: dict[int, list[int]] = {k: [] for k in range(8)}
    first_in = threading.Event()

    def person(k: int) -> None:
        with queue.turn(told[k].append):
            inside.append(k)
            assert len(inside) == 1
            order.append(k)
            if k == 0:
                first_in.wait(5)
            inside.remove(k)

    threads = []
    for k in range(8):
        threads.append(threading.Thread(target=person, args=(k,)))
        threads[-1].start()
        while queue.length < k + 1:
            pass
    first_in.set()
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))
    assert all(seen[-1] == 0 and seen == sorted(seen, reverse=True) for seen in told.values())
    assert told[7][0] == 7


def test_who_leaves_the_page_leaves_the_queue() -> None:
    queue = Queue()

    def gone(_ahead: int) -> None:
        raise ConnectionError("the page was closed")

    with queue.turn():
        with pytest.raises(ConnectionError), queue.turn(gone):
            pytest.fail("nobody was served")
        assert queue.length == 1
    assert queue.length == 0
