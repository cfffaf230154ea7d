"""The digitize command with a reader made by hand (see conftest.py): files, names, statuses, messages."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import wfdb

import digitize
from digitize import DigitizeOptions
from ecg import ModelError
from einthoven.cli import main


def summary(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[str], list[str]]:
    """Exit status, lines of stdout, lines of stderr."""
    status = main([str(w) for w in words])
    captured = capsys.readouterr()
    return status, captured.out.splitlines(), captured.err.splitlines()


def test_a_page_gives_its_files_and_status_0(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    status, told, errors = run(capsys, "digitize", picture("scan 3 (1).png"), "-o", out)
    assert (status, errors) == (0, [])
    assert sorted(p.name for p in out.iterdir()) == [
        "scan_3__1_.dat",
        "scan_3__1_.hea",
        "scan_3__1_.json",
        "scan_3__1__overlay.png",
        "summary.csv",
    ]
    assert wfdb.rdrecord(str(out / "scan_3__1_")).sig_len == 1250
    assert summary(out)[0]["stem"] == "scan_3__1_"
    assert "1 review" in told[-1]


def test_several_pages_are_numbered(tmp_path, picture, reader, capsys) -> None:
    status, _, _ = run(capsys, "digitize", picture("fax.tif", pages=3), "-o", tmp_path / "out")
    assert status == 0
    assert [r["stem"] for r in summary(tmp_path / "out")] == ["fax_p01", "fax_p02", "fax_p03"]
    assert [r["page"] for r in summary(tmp_path / "out")] == ["1", "2", "3"]
    assert json.loads((tmp_path / "out/fax_p02.json").read_text())["page"] == 2


def test_one_bad_file_does_not_stop_the_rest(tmp_path, picture, reader, capsys) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    files = [picture("a.png"), bad, picture("unreadable.png"), picture("z.png")]
    status, _, errors = run(capsys, "digitize", *files, tmp_path / "missing.png", "-o", tmp_path / "out")
    assert status == 1
    assert {r["stem"]: r["status"] for r in summary(tmp_path / "out") if r["stem"]} == {
        "a": "review",
        "bad": "failed",
        "unreadable": "failed",
        "z": "review",
    }
    assert len(errors) == 3, "one line each"
    assert any("bad.png: failed: " in line for line in errors)
    assert any("no line was found; scan it darker" in line for line in errors)
    assert any("missing.png" in line and "does not exist" in line for line in errors)
    assert not (tmp_path / "out/bad.json").exists()


def test_a_refused_page_is_status_1_without_signal(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    status, _, errors = run(capsys, "digitize", picture("blank.png"), "-o", out)
    assert status == 1
    assert sorted(p.name for p in out.iterdir()) == ["blank.json", "blank_overlay.png", "summary.csv"]
    assert len(errors) == 1
    assert "no grid was found; pass --px-per-mm" in errors[0]


def test_force_writes_the_signal_and_the_status_stays(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    status, _, _ = run(capsys, "digitize", picture("blank.png"), "-o", out, "--force")
    assert status == 1
    content = json.loads((out / "blank.json").read_text())
    assert (content["status"], content["forced"]) == ("refused", True)
    assert (out / "blank.hea").exists()


def test_pages_before_a_damaged_one_are_kept(tmp_path, picture, reader, capsys) -> None:
    status, _, errors = run(capsys, "digitize", picture("broken.tif", pages=3), "-o", tmp_path / "out")
    assert status == 1
    assert [(r["stem"], r["status"]) for r in summary(tmp_path / "out")] == [
        ("broken_p01", "review"),
        ("broken", "failed"),
    ]
    assert "page 2 is damaged" in errors[0]


def test_a_fault_of_the_program_is_status_3_with_traceback_and_the_rest_is_there(
    tmp_path, picture, reader, capsys
) -> None:
    status, _, errors = run(capsys, "digitize", picture("bug.png"), picture("a.png"), "-o", tmp_path / "out")
    assert status == 3
    assert "ZeroDivisionError: a fault" in errors
    assert any(line.startswith("Traceback") for line in errors)
    assert (tmp_path / "out/a.hea").exists()


def test_a_missing_model_is_status_2(tmp_path, picture, capsys, monkeypatch) -> None:
    def read_file(path: Path, options: object, _reading: object) -> Iterator[object]:
        raise ModelError("weights/text/card.json cannot be read; install the package again")

    monkeypatch.setattr(digitize, "read_file", read_file)
    status, _, errors = run(capsys, "digitize", picture("a.png"), picture("b.png"), "-o", tmp_path / "out")
    assert status == 2
    assert errors == ["einthoven: weights/text/card.json cannot be read; install the package again"]


def test_ctrl_c_keeps_what_is_finished_and_leaves_nothing_half_written(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    status, _, errors = run(capsys, "digitize", picture("a.png"), picture("stop.png"), "-o", out)
    assert status == 130
    assert "interrupted" in errors[-1]
    assert [r["stem"] for r in summary(out)] == ["a"]
    assert sorted(p.name for p in out.iterdir()) == ["a.dat", "a.hea", "a.json", "a_overlay.png", "summary.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.png"], "nothing.png does not exist"),
        (["*.gif"], "no file matches *.gif"),
        (["empty"], "the folder empty holds no page"),
        (["a.png", "--layout", "5x5"], "layout must be one of"),
        (["a.png", "--scale", "25"], "--scale takes 2 numbers SPEED,GAIN, got '25'"),
        (["a.png", "--scale", "25,nan"], "--scale takes 2 numbers"),
        (["a.png", "--scale", "-25,10"], "speed_mm_per_s must be a positive number"),
        (["a.png", "--px-per-mm", "8,0"], "px_per_mm must be two positive numbers"),
        (["a.png", "--corners", "1,2,3"], "--corners takes 8 numbers x,y,x,y"),
        (["a.png", "--lead", "II"], "--lead names the signal of --method strip"),
        (["a.png", "--method", "strip", "--layout", "6x2"], "takes no corrections, got layout"),
        (["a.png", "--method", "strip", "--format", "dicom"], "without a unit"),
        (["a.png", "--method", "magic"], "--method"),
        (["a.png", "--formt", "csv"], "No such option"),
        (["a.png", "--config", "none.toml"], "cannot read the options file none.toml"),
        (["a.png", "--config", "bad.toml"], "bad.toml"),
        (["a.png", "--from", "a.png"], "--from a.png is not JSON"),
        (["a.png", "--from", "other.json"], "is not a STEM.json that einthoven digitize wrote"),
        ([], "name at least one file"),
    ],
)
def test_what_cannot_start_is_one_line_and_status_2(
    tmp_path, picture, reader, capsys, monkeypatch, words, message
) -> None:
    monkeypatch.chdir(tmp_path)
    picture("a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.toml").write_text('[digitize]\nlayot = "6x2"\n')
    (tmp_path / "other.json").write_text("{}")
    status, _, errors = run(capsys, "digitize", *words, "-o", "out")
    assert status == 2
    assert len(errors) == 1
    assert message in errors[0]
    assert not reader
    assert not (tmp_path / "out").exists()


def test_an_unknown_key_of_the_configuration_names_the_nearest(tmp_path, picture, reader, capsys) -> None:
    (tmp_path / "o.toml").write_text('[digitize]\nlayot = "6x2"\n')
    _, _, errors = run(capsys, "digitize", picture("a.png"), "-o", tmp_path / "out", "--config", tmp_path / "o.toml")
    assert "unknown option 'layot', did you mean 'layout'?" in errors[0]


@pytest.mark.parametrize("method", ["auto", "strip"])
def test_the_configuration_sets_the_bounds_on_pages(tmp_path, picture, reader, capsys, method) -> None:
    (tmp_path / "o.toml").write_text("[read]\nmax_megapixels = 0.001\n")
    words = ("digitize", picture("a.png"), "-o", tmp_path / "out", "--method", method)
    status, told, errors = run(capsys, *words, "--config", tmp_path / "o.toml")
    assert status == 1
    assert len(errors) == 1
    assert "more than the 0.001 megapixels allowed" in errors[0]
    assert told[-1] == f"1 failed; summary.csv is in {tmp_path / 'out'}"


def test_a_file_as_output_folder_is_status_2(tmp_path, picture, reader, capsys) -> None:
    (tmp_path / "out").write_text("")
    status, _, errors = run(capsys, "digitize", picture("a.png"), "-o", tmp_path / "out")
    assert (status, len(errors), len(reader)) == (2, 1, 0)


def test_colliding_names_stop_everything(tmp_path, picture, reader, capsys) -> None:
    files = [picture("x/a.png"), picture("y/a.jpg"), picture("b.png")]
    status, _, errors = run(capsys, "digitize", *files, "-o", tmp_path / "out")
    assert (status, len(errors)) == (2, 1)
    assert "would both write a.*" in errors[0]
    assert not (tmp_path / "out").exists()


def test_names_that_collide_after_mending_stop_everything(tmp_path, picture, reader, capsys) -> None:
    status, _, _ = run(capsys, "digitize", picture("a b.png"), picture("a.b.png"), "-o", tmp_path / "out")
    assert status == 2


def test_a_page_number_may_collide_with_another_file(tmp_path, picture, reader, capsys) -> None:
    many, single, other = picture("a.tif", pages=2), picture("a.png", folder=tmp_path / "x"), picture("a_p01.png")
    assert run(capsys, "digitize", many, other, "-o", tmp_path / "out")[0] == 2
    assert run(capsys, "digitize", single, other, "-o", tmp_path / "out")[0] == 0


def test_a_summary_and_an_input_of_that_name_collide_in_csv_only(tmp_path, picture, reader, capsys) -> None:
    page = picture("summary.png")
    assert run(capsys, "digitize", page, "-o", tmp_path / "out")[0] == 0
    assert run(capsys, "digitize", page, "-o", tmp_path / "out2", "--format", "csv")[0] == 2


def test_a_file_named_twice_is_read_once(tmp_path, picture, reader, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = picture("a.png")
    status, _, _ = run(capsys, "digitize", page, "a.png", "./a.png", "*.png", "-o", "out")
    assert (status, len(reader)) == (0, 1)


def test_a_folder_gives_its_pages_by_content(tmp_path, picture, reader, capsys) -> None:
    folder = tmp_path / "in"
    picture("b.png", folder=folder)
    picture("a.tif", folder=folder)
    (folder / "a.tif").rename(folder / "a.dat")  # the content decides
    (folder / "notes.txt").write_text("to be kept")
    (folder / "t.csv").write_text("time_s,II\n0,0\n0.002,1\n")
    picture("m_mask.png", folder=folder)
    (folder / "m.json").write_text("{}")
    picture("free_mask.png", folder=folder)  # no truth beside it: a page like any other
    (folder / "below").mkdir()
    picture("c.png", folder=folder / "below")
    status, _, _ = run(capsys, "digitize", folder, "-o", tmp_path / "out")
    assert status == 0
    assert [r["stem"] for r in summary(tmp_path / "out")] == ["a", "b", "free_mask"]


def test_overlays_of_an_earlier_run_are_no_pages(tmp_path, picture, reader, capsys) -> None:
    page = picture("a.png")
    for _ in range(2):
        assert run(capsys, "digitize", tmp_path, "-o", tmp_path)[0] == 0
    assert [r["stem"] for r in summary(tmp_path)] == ["a"]
    assert page.exists()


def test_truth_beside_the_page_is_not_overwritten(tmp_path, picture, reader, capsys) -> None:
    page = picture("a.png")
    (tmp_path / "a.hea").write_text("truth")
    status, _, errors = run(capsys, "digitize", page, "-o", tmp_path)
    assert status == 2
    assert "is there already" in errors[0]
    assert (tmp_path / "a.hea").read_text() == "truth"


def test_flags_win_over_from_and_from_over_the_configuration(tmp_path, picture, reader, capsys) -> None:
    page, out = picture("a.png"), tmp_path / "out"
    assert run(capsys, "digitize", page, "-o", out)[0] == 0
    content = json.loads((out / "a.json").read_text())
    content["layout"]["name"] = "6x2"
    (out / "a.json").write_text(json.dumps(content))
    (tmp_path / "o.toml").write_text('[digitize]\nlayout = "12x1"\nspeed_mm_per_s = 50\nkeep_text = true\n')
    words = (
        "digitize",
        page,
        "-o",
        out,
        "--config",
        tmp_path / "o.toml",
        "--from",
        out / "a.json",
        "--scale",
        "12.5,5",
    )
    assert run(capsys, *words)[0] == 0
    options = reader[-1][1]
    assert options.layout == "6x2"
    assert (options.speed_mm_per_s, options.gain_mm_per_mv) == (12.5, 5.0)
    assert options.keep_text is True


def test_from_alone_finds_its_page_and_keeps_its_stem(tmp_path, picture, reader, capsys) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    assert run(capsys, "digitize", picture("fax.tif", pages=3), "-o", out, "--method", "classical")[0] == 0
    status, _, _ = run(capsys, "digitize", "--from", out / "fax_p02.json", "-o", again)
    assert status == 0
    assert [r["stem"] for r in summary(again)] == ["fax_p02"]
    assert reader[-1][1] == DigitizeOptions(method="classical"), "nothing was edited: all is measured anew"


def test_what_had_been_given_stays_given_and_null_takes_it_back(tmp_path, picture, reader, capsys) -> None:
    out, corners = tmp_path / "out", "90,40,700,40,700,350,90,350"
    words = ("--layout", "3x4+1", "--scale", "25,10", "--px-per-mm", "8,8", "--corners", corners)
    assert run(capsys, "digitize", picture("a.png"), "-o", out, *words)[0] == 0
    first = reader[-1][1]
    assert run(capsys, "digitize", "--from", out / "a.json", "-o", out)[0] == 0
    assert reader[-1][1] == first
    content = json.loads((out / "a.json").read_text())
    content["layout"]["name"] = content["corners"] = None
    content["scale"]["gain_mm_per_mv"] = 5
    (out / "a.json").write_text(json.dumps(content))
    assert run(capsys, "digitize", "--from", out / "a.json", "-o", out)[0] == 0
    options = reader[-1][1]
    assert (options.layout, options.corners) == (None, None)
    assert (options.speed_mm_per_s, options.gain_mm_per_mv, options.px_per_mm) == (25.0, 5.0, (8.0, 8.0))


def test_edited_corners_may_be_pairs_or_a_row_of_numbers(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    for corners in ([[1, 2], [3, 2], [3, 4], [1, 4.5]], [1, 2, 3, 2, 3, 4, 1, 4.5]):
        assert run(capsys, "digitize", picture("a.png"), "-o", out)[0] == 0
        content = json.loads((out / "a.json").read_text())
        content["corners"] = corners
        (out / "a.json").write_text(json.dumps(content))
        assert run(capsys, "digitize", "--from", out / "a.json", "-o", out)[0] == 0
        assert reader[-1][1] == DigitizeOptions(corners=(1, 2, 3, 2, 3, 4, 1, 4.5))


def test_edited_boxes_and_given_names_reach_the_reader(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    assert run(capsys, "digitize", picture("a.png"), "-o", out, "--leads", "ii, V1")[0] == 0
    assert reader[-1][1] == DigitizeOptions(leads=("II", "V1"))
    assert run(capsys, "digitize", "--from", out / "a.json", "-o", out)[0] == 0
    assert reader[-1][1] == DigitizeOptions(leads=("II", "V1")), "what had been given stays given"
    content = json.loads((out / "a.json").read_text())
    for box in content["boxes"]:
        box["lead"] = "V5"
    (out / "a.json").write_text(json.dumps(content))
    assert run(capsys, "digitize", "--from", out / "a.json", "-o", out)[0] == 0
    options = reader[-1][1]
    assert options.leads is None, "names that were given before stand in the boxes now, as edited"
    assert [box[0] for box in options.boxes] == ["V5"] * len(content["boxes"])


def test_an_edited_assumption_is_taken(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    assert run(capsys, "digitize", picture("a.png"), "-o", out)[0] == 0
    content = json.loads((out / "a.json").read_text())
    content["scale"]["speed_mm_per_s"] = 50
    (out / "a.json").write_text(json.dumps(content))
    assert run(capsys, "digitize", "--from", out / "a.json", "-o", out)[0] == 0
    assert reader[-1][1].speed_mm_per_s == 50.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("corners",), [1, 2, 3], "corners"),
        (("corners",), "left", "corners"),
        (("found",), None, "wrong type"),
        (("scale", "px_per_mm_x"), -8, "px_per_mm"),
        (("layout", "name"), "9x9", "layout must be one of"),
        (("page",), "two", "wrong type"),
        (("stem",), "../up", "stem"),
        (("scale",), None, "wrong type"),
    ],
)
def test_a_json_edited_wrongly_is_one_line(tmp_path, picture, reader, capsys, path, value, message) -> None:
    out = tmp_path / "out"
    assert run(capsys, "digitize", picture("a.png"), "-o", out)[0] == 0
    content = json.loads((out / "a.json").read_text())
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (out / "a.json").write_text(json.dumps(content))
    status, _, errors = run(capsys, "digitize", "--from", out / "a.json", "-o", tmp_path / "again")
    assert (status, len(errors)) == (2, 1)
    assert message in errors[0]


def test_from_asks_for_a_page_that_is_not_there(tmp_path, picture, reader, capsys) -> None:
    out = tmp_path / "out"
    assert run(capsys, "digitize", picture("fax.tif", pages=2), "-o", out)[0] == 0
    status, _, errors = run(
        capsys, "digitize", picture("one.png"), "--from", out / "fax_p02.json", "-o", tmp_path / "b"
    )
    assert (status, len(errors)) == (1, 1)
    assert "has no page 2" in errors[0]


def test_a_hostile_name_stays_one_line(tmp_path, picture, reader, capsys) -> None:
    page = picture("a.png").rename(tmp_path / "blank\n\x1b[31m.png")
    status, told, errors = run(capsys, "digitize", page, "-o", tmp_path / "out")
    assert (status, len(errors), len(told)) == (1, 1, 2)
    assert "\x1b" not in errors[0]
    assert len(summary(tmp_path / "out")) == 1
