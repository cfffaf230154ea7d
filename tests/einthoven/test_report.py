"""The report as a PDF: what stands on every page, what is left out, and that it says what the diagnosis says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from handmade_readings import refused_reading
from tiny_models import heart, reading_of, write_model

from ecg import LEADS, ECGRecord, Page
from einthoven.diagnosis import Diagnosis, diagnose
from einthoven.diagnosis.redact import redacted_reading
from einthoven.diagnosis.result import Origin
from einthoven.report import report_bytes, write_report

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NAME = "Jane Doe 1950.png"


def texts(content: bytes) -> list[str]:
    """Words of every page, spaces and line ends made one space."""
    document = pypdfium2.PdfDocument(content)
    try:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("models") / "twelve"))


@pytest.fixture(scope="module")
def of_record(model: str) -> Diagnosis:
    return diagnose(heart(age=61, sex="M"), model=model, method="saliency")


def of_page(model: str, **changes: object) -> Diagnosis:
    """Diagnosis of a reading made by hand."""
    from einthoven.diagnosis.diagnose import DiagnoseOptions, _Clock, _of_reading

    image = np.full((400, 800, 3), 255, np.uint8)
    image[5:30, 5:300] = 0  # a name in the head of the page
    page = Page(image, 200, NAME)
    reading = reading_of(heart(), page, **changes)
    origin = Origin(f"/somewhere/{NAME}", "0" * 64, "page", "png", 1)
    return _of_reading(reading, origin, DiagnoseOptions(model=model, explain=False), _Clock())


def test_a_record_s_report_says_all_that_was_found(of_record: Diagnosis) -> None:
    pages = texts(report_bytes(of_record, made=MADE))
    whole = " ".join(pages)
    assert len(pages) == 5  # summary, two sheets of six leads, explanation, methods
    assert of_record.headline in whole
    for f in of_record.findings:
        assert f.words in whole
        assert f"{f.probability:.2f}" in whole
    m = of_record.measurements
    assert f"Heart rate {m.rate.value:.0f}/min good" in whole
    assert f"PR interval {m.pr.value:.0f} ms" in whole
    for lead in LEADS:
        assert re.search(rf"\b{lead} ~?[+-]\d\.\d\d mV", whole)
    assert "25 mm/s 10 mm/mV" in pages[1]
    assert of_record.explained.clinician in whole
    assert of_record.explained.patient in whole
    assert of_record.predictions[0].card.sha256 in whole
    assert "0.900 (0.880–0.920)" in whole
    assert "untrained: for tests only" in whole
    assert "61 years (file), sex M (file)" in whole
    assert "2026-01-02 03:04 UTC" in whole


def test_the_notice_stands_on_every_page_and_so_do_the_warnings(of_record: Diagnosis, model: str) -> None:
    for page in texts(report_bytes(of_record, made=MADE)):
        assert "Not for diagnosis." in page
        assert "not a medical device" in page
        assert "EXPERIMENTAL" not in page
        assert re.search(r"page \d of \d", page)
    review = of_page(model, status="review", reasons=("faint",))
    assert all("EXPERIMENTAL: check the reading" in page for page in texts(report_bytes(review, made=MADE)))
    forced = of_page(model, status="refused", forced=True, reasons=("poor",))
    assert all("FORCED: the page was refused" in page for page in texts(report_bytes(forced, made=MADE)))


def test_a_refused_page_s_report_shows_the_page_and_why(model: str) -> None:
    from einthoven.diagnosis.diagnose import DiagnoseOptions, _Clock, _of_reading

    d = _of_reading(refused_reading(), Origin("", "", "page", "png", 1), DiagnoseOptions(model=model), _Clock())
    whole = " ".join(texts(report_bytes(d, made=MADE)))
    assert "Not read: grid: no grid was found; pass --px-per-mm." in whole
    assert "could not read this picture" in whole
    assert "Measurements" not in whole


def test_an_abstention_says_no_decision_and_gives_no_explanation(model: str) -> None:
    d = diagnose(heart(age=7), model=model)
    whole = " ".join(texts(report_bytes(d, made=MADE)))
    assert "No answer given" in whole
    assert "No decision: the patient is 7 years old" in whole
    assert "● yes" not in whole
    assert "This says nothing about the heart, good or bad." in whole


def test_redacted_reports_hold_neither_the_name_of_the_file_nor_the_head_of_the_page(model: str) -> None:
    d = of_page(model)
    plain, clean = report_bytes(d, made=MADE), report_bytes(d, redact=True, made=MADE)
    assert NAME in " ".join(texts(plain))
    assert "/somewhere/" not in " ".join(texts(plain))
    assert "Jane" not in " ".join(texts(clean))
    assert b"Jane" not in clean
    blanked = redacted_reading(d.digitization).page.image
    assert (blanked[:38] == 208).all(), "the head is blank"
    assert (blanked[60:340, 110:690] == 255).all(), "the recording is untouched"
    assert dark_share(plain) > 2 * dark_share(clean)


def dark_share(content: bytes) -> float:
    """Share of near-black in the upper part of the picture of the page."""
    document = pypdfium2.PdfDocument(content)
    number = next(k for k, words in enumerate(texts(content)) if "the reading drawn over it" in words)
    picture = np.asarray(document[number].render(scale=1).to_pil().convert("L"))
    document.close()
    height = picture.shape[0]
    return float((picture[height // 12 : height // 4] < 40).mean())


def test_equal_diagnoses_give_equal_bytes_and_files_come_whole(of_record: Diagnosis, tmp_path: Path) -> None:
    path = write_report(of_record, tmp_path / "r.pdf", made=MADE)
    assert path.read_bytes()[:5] == b"%PDF-"
    assert [p.name for p in tmp_path.iterdir()] == ["r.pdf"]
    bare = replace(of_record, explained=None)
    assert report_bytes(bare, made=MADE) == report_bytes(bare, made=MADE)


def test_names_of_files_do_no_harm(model: str) -> None:
    d = of_page(model)
    odd = replace(d, origin=replace(d.origin, source="a/<b>'\x1b[31m\n\u202e(=1+1).png"))
    whole = " ".join(texts(report_bytes(odd, made=MADE)))
    assert "<b>" in whole
    assert "\x1b" not in whole


def test_a_signal_without_a_unit_is_not_drawn_as_millivolts(model: str) -> None:
    record = heart()
    d = diagnose(ECGRecord(record["II"][None], 500, ("II",), {"units": "NU"}), model=model)
    pages = texts(report_bytes(d, made=MADE))
    assert "10 mm/SD" in pages[1]
    assert "mm/mV" not in pages[1]
