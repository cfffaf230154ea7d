"""The strip method through the command line: one signal without a unit, on pages drawn here."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import wfdb
from PIL import Image

from einthoven.cli import main


def sine_page(path: Path, portrait: bool = False) -> Path:
    """White page with one sine of 1 Hz in the middle of the strip's rows, 10 s across."""
    image = np.full((1000, 2000, 3), 255, np.uint8)
    x = np.arange(2000)
    y = 655 - 60 * np.sin(2 * np.pi * x / 200)
    cv2.polylines(image, [np.rint(np.column_stack([x, y])).astype(np.int32).reshape(-1, 1, 2)], False, (0, 0, 0), 3)
    if portrait:
        image = np.rot90(image, -1)  # clockwise, so that the method's anticlockwise turn makes it upright
    Image.fromarray(image).save(path)
    return path


@pytest.mark.parametrize("portrait", [False, True])
def test_the_strip_method_writes_one_signal_of_5000_samples(tmp_path, portrait) -> None:
    page = sine_page(tmp_path / "p.png", portrait)
    assert main(["digitize", str(page), "-o", str(tmp_path / "out"), "--method", "strip", "--lead", "iii"]) == 0
    record = wfdb.rdrecord(str(tmp_path / "out/p"))
    assert (record.fs, record.sig_len, record.sig_name, record.units) == (500, 5000, ["III"], ["NU"])
    truth = np.sin(2 * np.pi * np.arange(5000) / 500)
    assert np.corrcoef(record.p_signal[:, 0], truth)[0, 1] > 0.95
    content = json.loads((tmp_path / "out/p.json").read_text())
    assert (content["status"], content["method"]) == ("review", "strip")
    assert "the strip shows lead III" in content["assumed"]
    x0, y0, x1, y1 = content["boxes"][0]["xyxy"]
    assert (x0, x1) == (0, 2000)
    assert (y0, y1) == pytest.approx((550, 760))
    with Image.open(tmp_path / "out/p_overlay.png") as overlay:
        assert overlay.width == 2000, "the overlay shows the page as the method turned it"


def test_from_reads_the_same_strip_under_the_same_name(tmp_path) -> None:
    page = sine_page(tmp_path / "p.png")
    assert main(["digitize", str(page), "-o", str(tmp_path / "out"), "--method", "strip", "--lead", "V1"]) == 0
    assert main(["digitize", "--from", str(tmp_path / "out/p.json"), "-o", str(tmp_path / "again")]) == 0
    for name in ("p.hea", "p.dat"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_options_come_from_their_table(tmp_path) -> None:
    (tmp_path / "o.toml").write_text("[strip]\nduration_s = 5\n")
    words = ["digitize", str(sine_page(tmp_path / "p.png")), "--method", "strip", "-o", str(tmp_path / "out")]
    assert main([*words, "--config", str(tmp_path / "o.toml")]) == 0
    record = wfdb.rdrecord(str(tmp_path / "out/p"))
    assert (record.fs, record.sig_len) == (1000, 5000)


def test_a_blank_page_is_refused(tmp_path, capsys) -> None:
    Image.new("RGB", (2000, 1000), "white").save(tmp_path / "blank.png")
    assert main(["digitize", str(tmp_path / "blank.png"), "-o", str(tmp_path / "out"), "--method", "strip"]) == 1
    assert not (tmp_path / "out/blank.hea").exists()
    assert json.loads((tmp_path / "out/blank.json").read_text())["status"] == "refused"
    assert len(capsys.readouterr().err.splitlines()) == 1
