"""An archive is read whole, each content once; what failed is listed; the same call goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import handmade_works
import numpy as np
import pyarrow.parquet as pq
import pytest
from archives import check_whole, errors_of, picture, pictures, rows_of
from handmade_works import DO
from PIL import Image

from ecg import ECGRecord
from ecg.errors import ModelError, OptionsError
from ecg.formats import write_csv, write_wfdb
from einthoven.batch import BatchOptions, read_signals, run_batch
from einthoven.batch.archive import BatchReport
from einthoven.batch.pool import run_here
from einthoven.cli import main

cheap = partial(BatchOptions, do=DO, jobs=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures(tmp_path / "in", 10)


def here(source: object, out: object, options: BatchOptions | None = None) -> BatchReport:
    return run_batch(str(source), str(out), options or cheap(), runner=run_here)


def test_every_page_of_a_folder_becomes_a_row_and_a_record(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = here(folder, out)
    assert (report.files, dict(report.statuses), report.errors) == (10, {"accepted": 10}, 0)
    check_whole(folder, out)
    row = min(rows_of(out), key=lambda r: r["file"])
    assert row["file"] == str(folder / "sub0" / "page0.png")
    assert (row["page"], row["ecg"], row["stem"], row["kind"], row["copies"]) == (1, 1, "page0", "png", [])
    assert errors_of(out) == []
    for key, record in read_signals(out):
        (source,) = [p for p in folder.rglob("*.png") if hashlib.sha256(p.read_bytes()).hexdigest() == key[0]]
        np.testing.assert_allclose(record.signal, handmade_works.record_of(source.read_bytes()).signal, atol=5e-4)


def test_the_columns_hold_those_of_the_summary(folder: Path, tmp_path: Path) -> None:
    from einthoven.summary import SUMMARY_COLUMNS

    here(folder, tmp_path / "out")
    assert set(SUMMARY_COLUMNS) | {"source_sha256", "copies", "ecg", "note"} <= set(rows_of(tmp_path / "out")[0])


def test_copies_are_read_once_and_named_beside_the_first(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    shutil.copy(folder / "sub0/page0.png", folder / "zz.png")
    shutil.copy(folder / "sub0/page0.png", folder / "sub1/again.bin")
    here(folder, out, cheap(settings={"cheap": {"log": str(log)}}))
    assert len(log.read_text().splitlines()) == 10
    (row,) = [r for r in rows_of(out) if r["copies"]]
    assert (row["file"], row["copies"]) == (
        str(folder / "sub0/page0.png"),
        [str(folder / "sub1/again.bin"), str(folder / "zz.png")],
    )
    check_whole(folder, out)


def test_a_copy_that_turns_up_later_is_added_to_its_row(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    options = cheap(settings={"cheap": {"log": str(log)}})
    here(folder, out, options)
    shutil.copy(folder / "sub1/page3.png", folder / "late.png")
    picture(folder / "new.png", 99)
    report = here(folder, out, options)
    assert len(log.read_text().splitlines()) == 11, "only the new page is read"
    (row,) = [r for r in rows_of(out) if r["copies"]]
    assert (row["file"], row["copies"]) == (str(folder / "sub1/page3.png"), [str(folder / "late.png")])
    assert report.statuses == {"accepted": 11}
    before = {p: p.stat().st_mtime_ns for p in (out / "results").iterdir()}
    here(folder, out, options)
    assert {p: p.stat().st_mtime_ns for p in (out / "results").iterdir()} == before, "nothing is written twice"
    check_whole(folder, out)


def test_bad_files_are_listed_and_the_rest_is_there(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for k, name in enumerate(("broken.png", "bug.png", "=second.png", "blank.png", "three.png")):
        picture(folder / name, 50 + k)
    shutil.copy(folder / "broken.png", folder / "broken_copy.png")
    report = here(folder, out, cheap(part_files=3))
    told = {Path(file).name: error for file, error in errors_of(out)}
    assert set(told) == {"broken.png", "broken_copy.png", "bug.png", "=second.png"}
    assert told["broken.png"] == "broken.png is damaged; copy it again"
    assert told["bug.png"] == "a fault of the program, please report it: ZeroDivisionError: a fault"
    assert "handmade_works" in report.faults[0]
    assert report.statuses == {"accepted": 10 + 1 + 3, "refused": 1}
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(out):
        by_name.setdefault(Path(row["file"]).name, []).append(row)
    assert [r["stem"] for r in by_name["three.png"]] == ["three_p01", "three_p02", "three_p03"]
    assert [r["stem"] for r in by_name["=second.png"]] == ["_second_p01"], "the page before the damaged one is kept"
    assert by_name["blank.png"][0]["status"] == "refused"


def test_several_ecgs_on_a_page_are_rows_of_their_own(tmp_path: Path) -> None:
    picture(tmp_path / "in/pair.png", 1)
    here(tmp_path / "in", tmp_path / "out")
    found = [(r["page"], r["ecg"], r["stem"]) for r in rows_of(tmp_path / "out")]
    assert found == [(1, 1, "pair_p01_e1"), (1, 2, "pair_p01_e2"), (2, 1, "pair_p02")]
    assert [key[1:] for key, _ in read_signals(tmp_path / "out")] == [key[:2] for key in found]


def test_failed_files_are_tried_again_only_when_asked(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    picture(folder / "broken.png", 50)
    settings = {"cheap": {"log": str(log)}}
    for retry, reads in ((False, 11), (False, 11), (True, 12)):
        report = here(folder, out, cheap(settings=settings, retry_errors=retry))
        assert (report.errors, len(log.read_text().splitlines())) == (1, reads)
        assert report.statuses == {"accepted": 10}
    check_rows = Counter(r["source_sha256"] for r in rows_of(out))
    assert len(check_rows) == 10
    assert set(check_rows.values()) == {1}


def test_a_folder_is_told_by_content(folder: Path, tmp_path: Path) -> None:
    """Masks beside a truth, overlays, lists, hidden files and other things are no pages; a suffix says nothing."""
    (folder / "page_mask.png").write_bytes(picture(tmp_path / "m.png", 70).read_bytes())
    (folder / "page.json").write_text("{}")
    (folder / "lone_mask.png").write_bytes(picture(tmp_path / "l.png", 71).read_bytes())
    (folder / "scan_overlay.png").write_bytes(picture(tmp_path / "o.png", 72).read_bytes())
    (folder / "scan.json").write_text('{"schema": {"name": "einthoven.digitization", "version": 1}}')
    picture(folder / ".hidden.png", 73)
    picture(folder / ".trash/page.png", 74)
    (folder / "notes.txt").write_text("hello\n")
    (folder / "manifest.csv").write_text("index,image\n0,pages/0.png\n")
    picture(tmp_path / "x.png", 75).rename(folder / "suffix.dat")
    record = ECGRecord(np.zeros((2, 1000)), 500, ("I", "II"))
    write_wfdb(record, folder, "rec")
    write_csv(record, folder / "rec2.csv")
    report = here(folder, folder / "out")
    found = {Path(r["file"]).name for r in rows_of(folder / "out")}
    assert {n for n in found if not n.startswith("page")} == {"lone_mask.png", "suffix.dat", "rec.hea", "rec2.csv"}
    assert (report.files, report.errors) == (14, 0)
    again = here(folder, folder / "out")
    assert again.files == 14, "the results in the folder are none of its files"


def test_records_with_like_headers_are_told_apart_by_their_samples(tmp_path: Path) -> None:
    for k in range(2):
        (tmp_path / f"in/{k}").mkdir(parents=True)
        write_wfdb(ECGRecord(np.full((1, 500), k / 10), 500, ("I",)), tmp_path / f"in/{k}", "rec")
    heads = {p.read_bytes() for p in (tmp_path / "in").rglob("*.hea")}
    report = here(tmp_path / "in", tmp_path / "out")
    assert report.files == 2
    assert len(heads) in (1, 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "id,path\n1,in/sub0/page0.png\n2,in/gone.png\n3,in/notes.txt\n"),
        ("list.tsv", "file\tid\nin/sub0/page0.png\t1\nin/gone.png\t2\nin/notes.txt\t3\n"),
        ("list.txt", "# pages\nin/sub0/page0.png\n\nin/gone.png\nin/notes.txt\n"),
    ],
)
def test_a_manifest_names_the_files(folder: Path, tmp_path: Path, name: str, text: str) -> None:
    (folder / "notes.txt").write_text("hello\n")
    (tmp_path / name).write_text(text)
    report = here(tmp_path / name, tmp_path / "out")
    assert report.statuses == {"accepted": 1}
    told = {Path(file).name: error for file, error in errors_of(tmp_path / "out")}
    assert set(told) == {"gone.png", "notes.txt"}
    assert "No such file" in told["gone.png"]
    assert "got something else" in told["notes.txt"]


def test_a_manifest_may_be_parquet(folder: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"image": [str(p) for p in sorted(folder.rglob("*.png"))]}), tmp_path / "list.parquet")
    assert here(tmp_path / "list.parquet", tmp_path / "out").statuses == {"accepted": 10}


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("gone", cheap(), "does not exist"),
        ("in/sub0/page0.png", cheap(), "expected a folder or a manifest"),
        ("empty", cheap(), "no input"),
        ("bad.csv", cheap(), "has no column path, file, image"),
        ("in", BatchOptions(do="digitise"), "did you mean 'digitize'"),
        ("in", cheap(settings={"digitize": {}}), r"no settings \[digitize\]"),
        ("in", BatchOptions(do="digitize", settings={"digitize": {"layuot": "3x4"}}), "layuot"),
    ],
)
def test_what_cannot_start_says_why(
    folder: Path, tmp_path: Path, source: str, options: BatchOptions, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OptionsError, match=message):
        here(tmp_path / source, tmp_path / "out", options)


def test_a_stranger_s_list_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/errors.csv").write_text("mine\n")
    with pytest.raises(OptionsError, match=r"errors.csv was not written by a batch"):
        here(folder, tmp_path / "out")


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="such names exist on Linux alone")
def test_a_name_that_is_no_text_is_read_and_told(folder: Path, tmp_path: Path) -> None:
    path = picture(folder / "x.png", 77)
    path.rename(folder / os.fsdecode(b"caf\xe9.png"))
    picture(tmp_path / "y.png", 78).rename(folder / os.fsdecode(b"broken\xe9.png"))
    for _ in range(2):
        report = here(folder, tmp_path / "out")
        assert (report.statuses, report.errors) == ({"accepted": 11}, 1)
    assert [r["file"] for r in rows_of(tmp_path / "out") if "caf" in r["file"]] == [f"{folder}/caf\\udce9.png"]
    check_rows = Counter(r["source_sha256"] for r in rows_of(tmp_path / "out"))
    assert set(check_rows.values()) == {1}


def test_two_kinds_of_rows_do_not_share_an_archive(folder: Path, tmp_path: Path) -> None:
    here(folder, tmp_path / "out")
    with pytest.raises(OptionsError, match="was begun with"):
        here(folder, tmp_path / "out", cheap(settings={"cheap": {"sleep_s": 0.0}}))


def test_one_batch_at_a_time_works_in_a_folder(folder: Path, tmp_path: Path) -> None:
    from einthoven.batch.index import Index

    (tmp_path / "out").mkdir()
    with Index(tmp_path / "out/index.sqlite"), pytest.raises(OptionsError, match="another batch is at work"):
        here(folder, tmp_path / "out")


def test_a_missing_model_stops_the_batch_instead_of_failing_every_file(folder: Path, tmp_path: Path) -> None:
    picture(folder / "nomodel.png", 50)
    with pytest.raises(ModelError, match="the model is missing"):
        here(folder, tmp_path / "out")
    assert errors_of(tmp_path / "out") == []


def test_a_lost_index_is_made_again_and_what_is_done_stays(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    options = cheap(settings={"cheap": {"log": str(log)}}, part_files=3)
    here(folder, out, options)
    (out / "index.sqlite").unlink()
    (out / "results/part-000002.parquet").unlink()
    here(folder, out, options)
    assert len(log.read_text().splitlines()) == 13, "only the part that was removed is made again"
    check_whole(folder, out)
    (out / "index.sqlite").write_bytes(b"not a data base" * 100)
    with pytest.raises(OptionsError, match=r"is damaged.*remove it"):
        here(folder, out, options)


def test_a_part_that_is_not_there_after_all_is_told_and_made_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that takes a file and does not keep it."""
    from ecg.errors import FormatError

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda _, target: Path(target))
        with pytest.raises(FormatError, match=r"part-000001.parquet was written and is not there, 2 parts in all"):
            here(folder, out)
    assert here(folder, out).statuses == {"accepted": 10}
    check_whole(folder, out)


def test_a_damaged_part_is_named(folder: Path, tmp_path: Path) -> None:
    from ecg.errors import FormatError

    here(folder, tmp_path / "out")
    (tmp_path / "out/results/part-000001.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(FormatError, match=r"part-000001.parquet: expected a part of a batch.*remove it"):
        here(folder, tmp_path / "out")


def test_rows_that_a_worker_wrote_after_it_was_given_up_are_taken_out(folder: Path, tmp_path: Path) -> None:
    """A cluster may take a worker for dead that lives on and writes its part beside the halves that replaced it."""
    out = tmp_path / "out"
    here(folder, out, cheap(part_files=4))
    for kind in ("results", "signals"):
        shutil.copy(out / kind / "part-000001.parquet", out / kind / "part-000009.parquet")
    report = here(folder, out, cheap(part_files=4))
    assert report.statuses == {"accepted": 10}
    check_whole(folder, out)


def test_a_file_that_changes_is_read_as_it_was_looked_at_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    from einthoven.batch.make import Order, Part, Unit, make_part

    path = picture(folder / "new.png", 5)
    unit = Unit("0" * 64, str(path), "png")
    (tmp_path / "out").mkdir()
    report = make_part(Part(1, (unit,)), lambda: None, Order(str(tmp_path / "out"), DO))
    assert report.rows == {}
    assert "has changed since" in report.failures[0].error


def test_an_object_store_holds_pages_and_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    for k in range(5):
        memory.pipe_file(f"/bucket/in/{k}.png", picture(tmp_path / f"{k}.png", k).read_bytes())
    memory.pipe_file("/bucket/in/sub/copy.png", (tmp_path / "0.png").read_bytes())
    memory.pipe_file("/bucket/in/0_mask.png", (tmp_path / "1.png").read_bytes())
    memory.pipe_file("/bucket/in/0.json", b"{}")
    report = here("memory://bucket/in", "memory://bucket/in/out", cheap(part_files=2))
    assert (report.files, report.statuses) == (5, {"accepted": 5})
    names = memory.glob("/bucket/in/out/**")
    assert [n.rsplit("/", 1)[-1] for n in sorted(names) if "results/" in n] == [
        f"part-00000{k}.parquet" for k in (1, 2, 3)
    ]
    assert len(dict(read_signals("memory://bucket/in/out"))) == 5
    # The index is on this machine; without it the parts still say what is done.
    shutil.rmtree(tmp_path / "cache")
    assert here("memory://bucket/in", "memory://bucket/in/out", cheap(part_files=2)).statuses == {"accepted": 5}
    assert sorted(memory.glob("/bucket/in/out/**")) == sorted(names)
    with pytest.raises(OptionsError, match="no file system"):
        here("memory://bucket/in", "nosuch://bucket/out")


def test_pyarrow_s_file_systems_serve_where_fsspec_has_no_driver(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 without s3fs is the case; pyarrow's local file system stands for it here."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import LocalFileSystem

    from einthoven.batch import store

    pytest.importorskip("pyarrow._s3fs")
    try:
        import s3fs  # noqa: F401
    except ImportError:
        system, path = store.file_system("s3://key:secret@bucket/archive?region=eu-west-1")
        assert (type(system.fs).__name__, path) == ("S3FileSystem", "bucket/archive")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    local = ArrowFSWrapper(LocalFileSystem())
    monkeypatch.setattr(store, "file_system", lambda url: (local, url.removeprefix("bucket://")))
    report = here(folder, f"bucket://{tmp_path}/out", cheap(part_files=4))
    assert report.statuses == {"accepted": 10}
    assert errors_of(tmp_path / "out") == []
    check_whole(folder, tmp_path / "out")


def test_the_command_reads_real_pages(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A drawn page and a truncated one, through the reader itself; a second run reads nothing."""
    from synth import demo_page

    folder = tmp_path / "in"
    folder.mkdir()
    page = demo_page(seed=0).page
    Image.fromarray(np.asarray(page.image)).save(folder / "page.png", dpi=(page.dpi,) * 2)
    (folder / "cut.png").write_bytes((folder / "page.png").read_bytes()[:4000])
    words = ["batch", str(folder), "-o", str(tmp_path / "out"), "--do", "digitize", "--jobs", "1"]
    assert main(words) == 1
    printed = capfd.readouterr()
    assert printed.out.splitlines()[-1].startswith("1 accepted, 1 failed; ")
    assert "cut.png: expected a PNG picture" in printed.err
    rows = rows_of(tmp_path / "out")
    assert [r["layout"] for r in rows] == ["3x4+1"]
    # The page is drawn at 200 dpi.
    assert rows[0]["px_per_mm_x"] == pytest.approx(200 / 25.4, rel=0.01)
    assert rows[0]["snr_pred_db"] > 6
    ((_, record),) = read_signals(tmp_path / "out")
    assert (record.fs, len(record.leads)) == (500, 12)
    assert main(words) == 1


@pytest.fixture
def record_folder(tmp_path: Path) -> Path:
    """A synthetic record of twelve leads."""
    from classify.weights import shipped
    from synth import open_source

    if not shipped():
        pytest.skip("no classifier ships yet")
    (tmp_path / "records").mkdir()
    write_wfdb(open_source("physiology").get(0, 0).record, tmp_path / "records", "rec")
    return tmp_path / "records"


def test_records_are_classified(record_folder: Path, tmp_path: Path) -> None:
    from einthoven import classify

    report = here(record_folder, tmp_path / "out", BatchOptions(do="classify"))
    (row,) = rows_of(tmp_path / "out")
    assert report.errors == 0
    assert (row["task"], row["page"], row["kind"]) == ("superclass", 0, "wfdb")
    (answer,) = classify(record_folder / "rec.hea")
    assert (row["labels"], row["status"]) == (list(answer.labels), answer.status)
    assert row["probabilities"] == pytest.approx(answer.probabilities)
    assert list(read_signals(tmp_path / "out")) == [], "a record's signals are in its file"


def test_records_are_diagnosed(record_folder: Path, tmp_path: Path) -> None:
    settings = {"diagnose": {"tasks": ["superclass"], "explain": False}}
    report = here(record_folder, tmp_path / "out", BatchOptions(do="diagnose", settings=settings))
    (row,) = rows_of(tmp_path / "out")
    assert report.errors == 0, report.first_errors
    assert set(row["tasks"]) == {"superclass"}
    document = json.loads(row["document"])
    assert (document["headline"], document["source"]) == (row["headline"], "rec.hea")


def test_pages_are_classified_as_they_were_read(
    record_folder: Path, tmp_path: Path, reader: list[tuple[Path, object]]
) -> None:
    """A refused page has no answer; a read one has its layout and its signal beside the answer."""
    picture(record_folder / "blank.png", 1)
    picture(record_folder / "page.png", 2)
    here(record_folder, tmp_path / "out", BatchOptions(do="classify"))
    rows = {row["stem"]: row for row in rows_of(tmp_path / "out")}
    assert set(rows) == {"blank", "page", "rec"}
    assert (rows["blank"]["status"], rows["blank"]["probabilities"]) == ("refused", None)
    assert rows["blank"]["reason"]
    assert rows["page"]["layout"]
    assert rows["page"]["page_status"] == "review"
    assert [key[0] for key, _ in read_signals(tmp_path / "out")] == [rows["page"]["source_sha256"]]
    assert len(reader) == 2


@pytest.mark.data
def test_real_pages_of_an_archive_are_read(tmp_path: Path) -> None:
    """Two pages of the four-class set, one of them under two names."""
    if not os.environ.get("EINTHOVEN_DATA"):
        pytest.skip("EINTHOVEN_DATA names no folder of real data")
    found = sorted(p for p in (Path(os.environ["EINTHOVEN_DATA"]) / "khan").rglob("*") if p.suffix in (".jpg", ".png"))
    if not found:
        pytest.skip("the folder of real data has no khan/")
    (tmp_path / "in").mkdir()
    for k, path in enumerate((*found[:2], found[0])):
        shutil.copy(path, tmp_path / "in" / f"{k}{path.suffix}")
    report = here(tmp_path / "in", tmp_path / "out", BatchOptions(do="digitize"))
    assert report.files == sum(report.statuses.values()) == 2
    assert sorted(len(row["copies"]) for row in rows_of(tmp_path / "out")) == [0, 1]
