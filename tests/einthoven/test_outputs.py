from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import wfdb
from handmade_readings import make_reading, refused_reading
from PIL import Image

from ecg import ECGRecord, OptionsError
from einthoven import outputs
from einthoven.summary import SummaryRow, write_summary


def strict(path):
    """JSON as the standard has it: a NaN is an error."""

    def refuse(token):
        raise AssertionError(f"{token} in {path}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_one_page_becomes_signal_overlay_and_json(tmp_path) -> None:
    names = outputs.write_digitization(make_reading(), tmp_path, "scan", source="a/scan.png")
    assert names == ("scan.dat", "scan.hea", "scan.json", "scan_overlay.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names), "nothing else is left behind"


def test_the_signal_is_what_the_contract_says_by_wfdb_s_own_reader(tmp_path) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    record = wfdb.rdrecord(str(tmp_path / "scan"))
    assert record.fs == 500
    assert record.fmt == ["16"] * 12
    assert record.adc_gain == [1000.0] * 12
    assert record.units == ["mV"] * 12
    assert record.sig_name == ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    np.testing.assert_allclose(record.p_signal[:, 0], np.sin(np.arange(1250) / 500 * 2 * np.pi), atol=5.1e-4)
    assert np.isnan(record.p_signal[:, 2:]).all()


def test_the_json_has_the_contract_s_keys_and_no_nan(tmp_path) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="a/scan.png", page=2, method="classical")
    content = strict(tmp_path / "scan.json")
    assert content["schema"] == {"name": "einthoven.digitization", "version": 1}
    assert content["version"] == outputs.version()
    assert {"source": "a/scan.png", "page": 2, "status": "review", "method": "classical", "forced": False}.items() <= (
        content.items()
    )
    assert content["reasons"] == ["V1: not found"]
    assert content["assumed"] == ["25 mm/s"]
    assert content["layout"]["name"] == "3x4+1"
    assert content["layout"]["margin"] == 0.5
    assert content["layout"]["timing"] == "measured"
    assert content["scale"] == {
        "px_per_mm_x": 8.0,
        "px_per_mm_y": 8.0,
        "speed_mm_per_s": 25.0,
        "gain_mm_per_mv": 10.0,
        "how": {
            "px_per_mm_x": "grid",
            "px_per_mm_y": "grid",
            "speed_mm_per_s": "assumed",
            "gain_mm_per_mv": "pulse",
        },
    }
    assert content["corners"] == [[90, 40], [700, 40], [700, 350], [90, 350]]
    assert content["homography"] == np.eye(3).tolist()
    assert content["boxes"] == [{"lead": "I", "xyxy": [100, 50, 600, 150], "start_s": 0.0, "stop_s": 2.5}]
    assert content["leads"]["I"]["snr_pred_db"] == 18.0
    assert content["leads"]["V1"] == {
        "coverage": 0.0,
        "contrast": None,
        "overlap": 0.0,
        "snr_pred_db": None,
        "grade": "missing",
        "reasons": ["no trace"],
    }
    assert content["steps"] == [{"stage": "grid", "pitch_px": 8.0, "seen": [1, 2], "snr": None}]


def test_a_refused_page_writes_json_and_overlay_but_no_signal(tmp_path) -> None:
    names = outputs.write_digitization(refused_reading(), tmp_path, "scan", source="scan.png")
    assert names == ("scan.json", "scan_overlay.png")
    content = strict(tmp_path / "scan.json")
    assert content["status"] == "refused"
    assert content["layout"] == {"name": None, "margin": None, "timing": None, "rows": None, "rhythm": None}
    assert content["scale"]["px_per_mm_x"] is None


def test_a_refused_page_writes_no_signal_even_if_the_reader_left_one(tmp_path) -> None:
    names = outputs.write_digitization(make_reading(status="refused"), tmp_path, "scan", source="scan.png")
    assert names == ("scan.json", "scan_overlay.png")


def test_a_forced_page_writes_everything_and_stays_refused(tmp_path) -> None:
    names = outputs.write_digitization(make_reading(status="refused", forced=True), tmp_path, "scan", source="s.png")
    assert "scan.hea" in names
    content = strict(tmp_path / "scan.json")
    assert (content["status"], content["forced"]) == ("refused", True)


@pytest.mark.parametrize(("fmt", "name"), [("csv", "scan.csv"), ("dicom", "scan.dcm")])
def test_other_formats_take_the_place_of_wfdb(tmp_path, fmt, name) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    names = outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png", fmt=fmt)
    assert names == tuple(sorted((name, "scan.json", "scan_overlay.png")))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names), "the first run's signal is gone"


def test_no_old_signal_stays_beside_a_json_that_says_refused(tmp_path) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    outputs.write_digitization(refused_reading(), tmp_path, "scan", source="scan.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scan.json", "scan_overlay.png"]


def test_an_edited_json_cannot_lead_to_the_removal_of_other_files(tmp_path) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    (tmp_path / "precious.dat").write_text("mine")
    content = strict(tmp_path / "scan.json")
    content["files"] += ["precious.dat", "../precious.dat"]
    outputs.write_json(tmp_path / "scan.json", content)
    outputs.write_digitization(refused_reading(), tmp_path, "scan", source="scan.png")
    assert (tmp_path / "precious.dat").read_text() == "mine"


def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch) -> None:
    def fail(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "write_overlay", fail)
    with pytest.raises(KeyboardInterrupt):
        outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    assert list(tmp_path.iterdir()) == []


def test_the_overlay_is_a_picture_of_the_page(tmp_path) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    with Image.open(tmp_path / "scan_overlay.png") as picture:
        assert picture.mode == "RGB"
        assert picture.width == 800


def test_extra_leads_come_after_the_twelve(tmp_path) -> None:
    d = make_reading()
    record = ECGRecord(np.vstack([d.record.signal, np.zeros((1, 1250))]), 500, (*d.record.leads, "V3R"))
    outputs.write_digitization(replace(d, record=record), tmp_path, "scan", source="scan.png")
    assert wfdb.rdheader(str(tmp_path / "scan")).sig_name[12:] == ["V3R"]


def row(**changes) -> SummaryRow:
    return replace(SummaryRow("scan.png", 1, "scan", "accepted", "", "3x4+1", 17.126, 0.51234), **changes)


def test_the_summary_has_the_contract_s_columns(tmp_path) -> None:
    write_summary(tmp_path / "summary.csv", [row(), row(page=None, status="failed", snr_pred_db=None)])
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "page", "stem", "status", "reason", "layout", "snr_pred_db", "seconds"]
    assert rows[0]["snr_pred_db"] == "17.13"
    assert rows[0]["seconds"] == "0.512"
    assert (rows[1]["page"], rows[1]["snr_pred_db"]) == ("", "")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0.png", "+1.png", "-1.png", "@SUM(1).png", "\t=1.png"])
def test_a_file_name_is_no_formula(tmp_path, name) -> None:
    write_summary(tmp_path / "s.csv", [row(file=name)])
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        cell = next(csv.DictReader(file))["file"]
    assert cell[0] not in "=+-@\t\r"


def test_a_name_with_commas_quotes_line_ends_and_odd_bytes_stays_one_row(tmp_path) -> None:
    write_summary(tmp_path / "s.csv", [row(file='a,"b"\n\udcff.png'), row()])
    lines = (tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3


def test_a_negative_number_is_no_formula() -> None:
    assert outputs.table_cell(-3.5) == "-3.5"
    assert outputs.table_cell(float("nan")) == ""


def test_foreign_files_are_not_overwritten(tmp_path) -> None:
    (tmp_path / "scan.hea").write_text("the truth")
    with pytest.raises(OptionsError, match=r"scan\.hea is there already"):
        outputs.check_free(tmp_path, ["scan"])
    outputs.check_free(tmp_path, ["other"])


def test_files_of_an_earlier_run_may_be_replaced(tmp_path) -> None:
    outputs.write_digitization(make_reading(), tmp_path, "scan", source="scan.png")
    outputs.check_free(tmp_path, ["scan"])
    (tmp_path / "scan.dcm").write_text("somebody else's")
    with pytest.raises(OptionsError, match=r"scan\.dcm"):
        outputs.check_free(tmp_path, ["scan"])


def test_a_file_in_the_folder_s_place_is_an_option_error(tmp_path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OptionsError, match="is a file; give a folder"):
        outputs.output_folder(tmp_path / "out")
    with pytest.raises(OptionsError, match="cannot make the folder"):
        outputs.output_folder(tmp_path / "out" / "below")


def test_json_ready_takes_numpy_sets_and_paths(tmp_path) -> None:
    value = {"a": np.float32(0.5), "b": np.array([[1, np.inf]]), "c": {3, 1}, "d": tmp_path, 4: np.bool_(True)}
    assert outputs.json_ready(value) == {"a": 0.5, "b": [[1.0, None]], "c": [1, 3], "d": str(tmp_path), "4": True}
