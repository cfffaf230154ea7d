"""``einthoven diagnose``: what it writes for records and pages, and its exit statuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from tiny_models import heart, reading_of, write_model

from ecg.formats import write_csv, write_wfdb
from einthoven.cli import main

SCHEMA = Path(__file__).resolve().parents[2] / "docs/schemas/diagnosis.schema.json"
PAGE_FILES = ("_diagnosis.json", "_overlay.png", "_report.pdf", ".dat", ".hea", ".json")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "twelve")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    def call(*words: object) -> tuple[int, str, str]:
        given = [str(w) for w in words]
        out = [] if "-o" in given else ["-o", str(tmp_path / "out")]
        status = main(["diagnose", *given, *out, "--model", str(model), "--no-explain"])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def names(out: Path) -> list[str]:
    return sorted(p.name for p in out.iterdir())


def document(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert [e.message for e in Draft202012Validator(schema).iter_errors(content)] == []
    return content


def test_a_record_gives_json_and_report(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    write_wfdb(heart(age=61), tmp_path, "rec")
    status, told, errors = run(tmp_path / "rec.hea")
    assert (status, errors) == (0, "")
    assert "1 answered; reports, readings and summary.csv are in" in told
    out = tmp_path / "out"
    assert names(out) == ["rec_diagnosis.json", "rec_report.pdf", "summary.csv"]
    content = document(out / "rec_diagnosis.json")
    assert content["files"] == ["rec_diagnosis.json", "rec_report.pdf"]
    assert content["input"]["kind"] == "record"
    assert str(content["headline"]) in told
    assert (out / "rec_report.pdf").read_bytes()[:5] == b"%PDF-"


def test_a_page_gives_all_that_digitize_writes_too(
    run: Callable[..., tuple[int, str, str]],
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    install(monkeypatch)
    status, _, errors = run(picture("good.png"), picture("blank.png"))
    assert status == 1
    assert "blank.png: refused: nothing on it" in errors
    out = tmp_path / "out"
    there = [f"good{suffix}" for suffix in PAGE_FILES]
    assert names(out) == sorted(
        [*there, "blank.json", "blank_diagnosis.json", "blank_overlay.png", "blank_report.pdf", "summary.csv"]
    )
    good = document(out / "good_diagnosis.json")
    assert sorted(good["files"]) == sorted(there)
    page = json.loads((out / "good.json").read_text(encoding="utf-8"))
    assert good["digitization"] == page
    blank = document(out / "blank_diagnosis.json")
    assert (blank["status"], blank["findings"], blank["signal"]) == ("refused", [], None)
    rows = list(csv.DictReader((out / "summary.csv").open(encoding="utf-8")))
    assert [(r["stem"], r["status"]) for r in rows] == [("good", "accepted"), ("blank", "refused")]


def install(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Reader that goes by the brightness of a page: white is read, grey is refused."""
    from ecg import formats

    calls: list[object] = []

    def read_file(path: Path, options: object = None, reading: object = None) -> object:
        calls.append(options)
        for page in formats.read_pages(path):
            blank = "blank" in Path(path).name
            forced = blank and bool(getattr(options, "force", False))
            made = reading_of(heart(), page)
            if blank:
                made = replace(made, status="refused", reasons=("nothing on it",), forced=forced)
                made = made if forced else replace(made, record=None)
            yield made

    monkeypatch.setattr("digitize.read_file", read_file, raising=False)
    return calls


def test_force_goes_on_and_every_output_says_so(
    run: Callable[..., tuple[int, str, str]],
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    install(monkeypatch)
    status, told, errors = run(picture("blank.png"), "--force")
    assert status == 1
    assert "refused: FORCED: " in told
    assert "refused" in errors
    out = tmp_path / "out"
    content = document(out / "blank_diagnosis.json")
    assert (content["status"], content["forced"]) == ("refused", True)
    assert content["findings"]
    assert json.loads((out / "blank.json").read_text(encoding="utf-8"))["forced"] is True
    assert (out / "blank.hea").exists()


def test_pages_of_a_file_are_numbered_and_corrections_reach_the_reader(
    run: Callable[..., tuple[int, str, str]],
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    calls = install(monkeypatch)
    status, _, _ = run(picture("two.tif", pages=2), "--no-report", "--layout", "3x4+1", "--scale", "50,10")
    assert status == 0
    out = tmp_path / "out"
    assert [n for n in names(out) if n.endswith("_diagnosis.json")] == [
        "two_p01_diagnosis.json",
        "two_p02_diagnosis.json",
    ]
    assert not [n for n in names(out) if n.endswith(".pdf")]
    assert calls[0].layout == "3x4+1"
    assert calls[0].speed_mm_per_s == 50
    assert document(out / "two_p02_diagnosis.json")["input"]["page"] == 2


def test_redact_blanks_every_picture(
    run: Callable[..., tuple[int, str, str]],
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    install(monkeypatch)
    path = picture("named.png")
    drawn = np.asarray(Image.open(path)).copy()
    drawn[5:30, 5:300] = 0
    Image.fromarray(drawn).save(path)
    assert run(path, "--redact")[0] == 0
    overlay = np.asarray(Image.open(tmp_path / "out/named_overlay.png"))
    assert not (overlay[:30] < 40).all(axis=2).any(), "only the trace reaches up there, in colour"
    assert document(tmp_path / "out/named_diagnosis.json")["redacted"] is True


def test_one_bad_file_does_not_stop_the_rest(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    write_csv(heart(), tmp_path / "good.csv")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    status, told, errors = run(tmp_path / "bad.png", tmp_path / "good.csv", "--no-report")
    assert status == 1
    assert "1 answered, 1 failed" in told
    assert errors.count("\n") == 1
    assert "bad.png: failed" in errors
    assert "good_diagnosis.json" in names(tmp_path / "out")


def test_a_column_without_a_clock_asks_for_its_rate(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    path = tmp_path / "lead.csv"
    path.write_text("II\n" + "\n".join(f"{v:.4f}" for v in heart()["II"]) + "\n")
    status, _, errors = run(path)
    assert status == 1
    assert "sampling rate" in errors
    status, told, _ = run(path, "--fs", "500")
    assert status == 0
    assert "1 abstained" in told  # the model wants eight leads


def test_reports_of_an_earlier_run_are_no_pages(
    run: Callable[..., tuple[int, str, str]],
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    install(monkeypatch)
    folder = picture("pages/good.png").parent
    for _ in range(2):
        status, told, _ = run(folder, "-o", folder)
        assert (status, told.count("answered; reports")) == (0, 1)
        assert "1 answered" in told
    (folder / "mine_report.pdf").write_bytes((folder / "good_report.pdf").read_bytes())
    assert "mine_report.pdf page 1: answered" in run(folder, "-o", tmp_path / "out")[1], "a stranger's may hold an ECG"


def test_files_of_strangers_and_missing_models_stop_it_before_it_starts(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wfdb(heart(), tmp_path, "rec")
    out = tmp_path / "out"
    out.mkdir()
    (out / "rec_report.pdf").write_bytes(b"mine")
    status, _, errors = run(tmp_path / "rec.hea")
    assert status == 2
    assert "not from einthoven diagnose" in errors
    assert (out / "rec_report.pdf").read_bytes() == b"mine"
    (out / "rec_report.pdf").unlink()
    assert run(tmp_path / "rec.hea")[0] == 0
    assert run(tmp_path / "rec.hea", "--no-report")[0] == 0
    assert not (out / "rec_report.pdf").exists(), "a report of an earlier run does not stay beside a new answer"
    assert main(["diagnose", str(tmp_path / "rec.hea"), "-o", str(tmp_path / "no"), "--model", "nobody"]) == 2
    assert "no model 'nobody'" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    assert main(["diagnose", "-o", str(tmp_path / "no")]) == 2
