"""The other commands: synth, info, demo, bench fidelity, and the program as a whole."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from handmade_readings import make_reading, refused_reading
from PIL import Image

import digitize
from ecg import LEADS, ECGRecord
from ecg.formats import write_csv, write_wfdb
from einthoven.cli import main


@pytest.fixture
def perfect_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that knows the truth beside the page, up to 1 % of gain."""

    def read_file(path: Path, options: object = None, _reading: object = None) -> Iterator[object]:
        path = Path(path)
        stem = "demo_truth" if path.stem == "demo" else path.stem  # the demo's page is read beside its truth
        truth = wfdb.rdrecord(str(path.with_name(stem)))
        record = ECGRecord(1.01 * truth.p_signal.T, truth.fs, tuple(truth.sig_name))
        yield make_reading(record=record, status="accepted", reasons=())

    monkeypatch.setattr(digitize, "read_file", read_file, raising=False)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(w) for w in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_demo_writes_page_truth_reading_and_fidelity(tmp_path, perfect_reader, capsys) -> None:
    out = tmp_path / "here"
    status, told, errors = run(capsys, "demo", "-o", out)
    assert (status, errors) == (0, "")
    assert {p.name for p in out.iterdir()} == {
        "demo.png",
        "demo_truth.hea",
        "demo_truth.dat",
        "demo.hea",
        "demo.dat",
        "demo.json",
        "demo_overlay.png",
        "demo_fidelity.json",
    }
    # A gain error of 1 % alone leaves noise of 1e-4 of the signal's power: 40 dB.
    content = json.loads((out / "demo_fidelity.json").read_text())
    assert content["schema"]["name"] == "einthoven.demo"
    assert content["median_snr_db"] == pytest.approx(40, abs=1)
    assert set(content["leads"]) == set(LEADS)
    assert all(lead["r"] > 0.999 for lead in content["leads"].values())
    assert re.search(r"median SNR (39|40)\.\d dB", told)
    with Image.open(out / "demo.png") as page:
        assert page.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_demo_prints_json_and_may_run_again(tmp_path, perfect_reader, capsys) -> None:
    assert run(capsys, "demo", "-o", tmp_path / "d")[0] == 0
    status, told, _ = run(capsys, "demo", "-o", tmp_path / "d", "--json", "--seed", 3)
    assert status == 0
    assert json.loads(told)["seed"] == 3


def test_demo_of_a_refused_page_is_status_1(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(digitize, "read_file", lambda _path: iter([refused_reading()]), raising=False)
    status, told, _ = run(capsys, "demo", "-o", tmp_path / "d")
    assert status == 1
    assert "refused: grid: no grid was found" in told


def test_demo_does_not_overwrite_a_stranger_s_page(tmp_path, perfect_reader, capsys) -> None:
    (tmp_path / "demo.png").write_text("mine")
    status, _, errors = run(capsys, "demo", "-o", tmp_path)
    assert (status, len(errors.splitlines())) == (2, 1)
    assert (tmp_path / "demo.png").read_text() == "mine"


def test_synth_draws_a_set(tmp_path, capsys) -> None:
    status, told, errors = run(capsys, "synth", "--n", 2, "--preset", "clean", "--seed", 5, "-o", tmp_path / "set")
    assert (status, errors) == (0, "")
    with (tmp_path / "set/manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == "index,stem,image,source,ecg_id,patient_id,fold,labels,preset,layout,dpi"
    assert [r["index"] for r in rows] == ["0", "1"]
    for row in rows:
        assert (tmp_path / "set" / row["image"]).exists() or (tmp_path / "set/pages" / row["image"]).exists()
    assert "2 pages" in told


@pytest.mark.parametrize(
    "words",
    [
        ("--n", 0),
        ("--n", 1, "--preset", "sepia"),
        ("--n", 1, "--folds", "0-3"),
        ("--n", 1, "--folds", "eight"),
        ("--n", 1, "--from", "mit-bih:here"),
        ("--n", 1, "--jobs", 0),
        (),
    ],
)
def test_synth_refuses_wrong_options_in_one_line(tmp_path, capsys, words) -> None:
    status, _, errors = run(capsys, "synth", *words, "-o", tmp_path / "set")
    assert (status, len(errors.splitlines())) == (2, 1)


def test_the_presets_are_in_the_help(capsys) -> None:
    from synth import PRESETS

    told = " ".join(run(capsys, "synth", "--help")[1].split())
    assert all(preset in told.split("--preset")[1].split("--seed")[0] for preset in PRESETS)


def test_bench_fidelity_measures_a_set(tmp_path, perfect_reader, capsys) -> None:
    assert run(capsys, "synth", "--n", 2, "--preset", "clean", "-o", tmp_path / "set")[0] == 0
    status, told, errors = run(capsys, "bench", "fidelity", "--pages", tmp_path / "set", "-o", tmp_path / "out")
    assert (status, errors) == (0, "")
    assert told.startswith("2 pages: median SNR ")
    content = json.loads((tmp_path / "out/fidelity.json").read_text())
    assert content["pages"] == 2
    assert content["overall"]["median_snr_db"]["value"] == pytest.approx(40, abs=1)
    with (tmp_path / "out/leads.csv").open(newline="") as file:
        header = next(csv.reader(file))
    assert ",".join(header[:10]) == "file,lead,snr_db,r,rmse_uv,gain,shift_s,start_error_s,coverage,status"


def test_the_tables_are_made_from_such_a_result(tmp_path, perfect_reader, capsys) -> None:
    from benchmarks import tables

    run(capsys, "synth", "--n", 1, "--preset", "clean", "-o", tmp_path / "set")
    run(capsys, "bench", "fidelity", "--pages", tmp_path / "set", "-o", tmp_path / "out")
    (tmp_path / "results").mkdir()
    (tmp_path / "out/fidelity.json").rename(tmp_path / "results/own.json")
    (tmp_path / "results/other.json").write_text('{"schema": {"name": "another"}}')
    results = tables.load_results(tmp_path / "results")
    assert list(results) == ["own"]
    rows = tables.render_overall(results).splitlines()
    assert len({row.count("|") for row in rows}) == 1, "as many cells in each row"
    assert rows[2].startswith("| `own` | 1 | **40.")
    assert "### `own`" in tables.render_groups(results)
    assert tables.replaced("<!-- begin t --><!-- end t -->", "t", "x") == "<!-- begin t -->\n\nx\n\n<!-- end t -->"
    with pytest.raises(ValueError, match="once each"):
        tables.replaced("no marks", "t", "x")


@pytest.mark.parametrize("words", [("--pages", "none"), ("--pages", "empty")])
def test_bench_of_nothing_is_status_2(tmp_path, monkeypatch, capsys, words) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    status, _, errors = run(capsys, "bench", "fidelity", *words, "-o", "out")
    assert (status, len(errors.splitlines())) == (2, 1)


def half_missing() -> ECGRecord:
    signal = np.zeros((2, 1000))
    signal[1, :500] = np.nan
    return ECGRecord(signal, 500, ("I", "II"))


def test_info_of_a_record(tmp_path, capsys) -> None:
    header = write_wfdb(half_missing(), tmp_path, "r")
    assert run(capsys, "info", header)[1].splitlines()[1:] == [
        "  2 leads, 500 Hz, 2 s, mV",
        "  I     complete",
        "  II    50.0 % missing",
    ]
    status, told, _ = run(capsys, "info", header, "--json")
    assert status == 0
    content = json.loads(told)
    assert content["schema"] == {"name": "einthoven.info", "version": 1}
    assert (content["kind"], content["fs"], content["leads"]) == ("wfdb", 500, {"I": 0, "II": 0.5})
    assert run(capsys, "info", tmp_path / "r")[0] == 0, "a record may be named without a suffix"


def test_info_of_a_table_without_time_wants_the_rate(tmp_path, capsys) -> None:
    (tmp_path / "t.csv").write_text("I,II\n" + "0.1,0.2\n" * 50)
    status, _, errors = run(capsys, "info", tmp_path / "t.csv")
    assert (status, len(errors.splitlines())) == (1, 1)
    assert "--fs" in errors
    status, told, _ = run(capsys, "info", tmp_path / "t.csv", "--fs", 250)
    assert status == 0
    assert "250 Hz, 0.2 s" in told
    assert run(capsys, "info", tmp_path / "t.csv", "--fs", -1)[0] == 2


def test_info_of_pages(tmp_path, picture, capsys) -> None:
    told = run(capsys, "info", picture("fax.tif", pages=3))[1]
    assert told.splitlines()[1:] == ["  3 pages", "  pages 1-3: 800 x 400 px"]
    content = json.loads(run(capsys, "info", picture("a.png"), "--json")[1])
    assert content["pages"] == [{"size": [800, 400], "unit": "px", "dpi": None}]


def test_info_of_a_pdf_gives_the_paper_s_size(tmp_path, capsys) -> None:
    frames = [Image.new("RGB", size) for size in ((842, 595), (842, 595), (595, 842))]
    frames[0].save(tmp_path / "a.pdf", save_all=True, append_images=frames[1:], resolution=72)
    told = run(capsys, "info", tmp_path / "a.pdf")[1]
    assert told.splitlines()[1:] == ["  3 pages", "  pages 1-2: 297 x 209.9 mm", "  page 3: 209.9 x 297 mm"]


@pytest.mark.parametrize(
    ("content", "status"), [(None, 2), (b"", 1), (b"\x89PNG\r\n\x1a\n", 1), (b"%PDF-1.7", 1), (bytes(100), 1)]
)
def test_info_of_what_cannot_be_read_is_one_line(tmp_path, capsys, content, status) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    got, told, errors = run(capsys, "info", tmp_path / "x")
    assert (got, told, len(errors.splitlines())) == (status, "", 1)


def test_a_csv_that_was_written_here_is_read_back(tmp_path, capsys) -> None:
    write_csv(half_missing(), tmp_path / "t.csv")
    content = json.loads(run(capsys, "info", tmp_path / "t.csv", "--json")[1])
    assert content["leads"]["II"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["--version"], 0, "einthoven 0."),
        (["--help"], 0, "einthoven demo"),
        (["-h"], 0, "Examples:"),
        ([], 2, "Usage: einthoven"),
    ],
)
def test_the_program_tells_what_it_is(capsys, words, status, text) -> None:
    got, told, errors = run(capsys, *words)
    assert (got, errors) == (status, "")
    assert text in told


@pytest.mark.parametrize(
    "command", ["digitize", "synth", "info", "demo", "bench fidelity", "classify", "train", "evaluate"]
)
def test_each_help_page_has_examples(capsys, command) -> None:
    status, told, _ = run(capsys, *command.split(), "--help")
    assert status == 0
    examples = told.split("Examples:")[1].strip().splitlines()
    assert all(line.strip().startswith(f"einthoven {command}") for line in examples)


@pytest.mark.parametrize("words", [["digitise"], ["bench"], ["bench", "speed"], ["info"], ["--colour"]])
def test_a_wrong_command_line_is_one_line_and_status_2(capsys, words) -> None:
    status, _, errors = run(capsys, *words)
    assert (status, len(errors.splitlines())) == (2, 1)


def test_a_misspelt_command_names_the_nearest(capsys) -> None:
    assert "digitize" in run(capsys, "digitise")[2]


def test_a_fault_of_the_program_is_status_3_with_traceback(tmp_path, monkeypatch, capsys) -> None:
    from einthoven.commands import info

    monkeypatch.setattr(info, "describe", lambda *_: 1 / 0)
    status, _, errors = run(capsys, "info", tmp_path)
    assert status == 3
    assert "ZeroDivisionError" in errors
    assert errors.splitlines()[-1].startswith("einthoven: a fault of the program")


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    from einthoven.commands import info

    def fail(*_args):
        raise OSError(28, "No space left on device", "out/a.hea")

    monkeypatch.setattr(info, "describe", fail)
    status, _, errors = run(capsys, "info", tmp_path)
    assert (status, errors) == (2, "einthoven: No space left on device: out/a.hea\n")


_SLOW_READER = """
import sys, time
import digitize
from einthoven.cli import main
from handmade_readings import make_reading

def read_file(path, options=None, reading=None):
    yield make_reading()
    if "second" in str(path):
        sys.stdout.write("waiting\\n"); sys.stdout.flush()
        time.sleep(60)

digitize.read_file = read_file
sys.exit(main(["digitize", "first.png", "second.png", "-o", "out"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_whole_files_and_a_summary(tmp_path, picture, number, status) -> None:
    picture("first.png")
    picture("second.png")
    path = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_READER],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background deaf to SIGINT, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while (line := process.stdout.readline()) and "waiting" not in line:
        pass
    time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == status
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["first.dat", "first.hea", "first.json", "first_overlay.png", "summary.csv"]


def test_a_bar_is_for_terminals_only(monkeypatch, capsys) -> None:
    from einthoven import progress

    with progress.reporting(3) as report:
        report.line("a page")
    assert capsys.readouterr().out == "a page\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with progress.reporting(1) as report:
        assert report.advance is None, "one file needs no bar"
    with progress.reporting(3) as report:
        assert report.advance is not None
        report.line("a page")
        report.file_done()
    assert "a page" not in capsys.readouterr().out
    with progress.counting("pages") as advance:
        assert advance is not None
        advance(1, 2)


def test_the_handmade_reading_is_what_these_tests_take_it_for() -> None:
    assert replace(make_reading(), status="accepted").record.leads == LEADS
