"""The worked example of docs/digitize.md, from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.refusals import CASES
from einthoven.cli import main

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/digitize.md").read_text(encoding="utf-8")
EXAMPLE = TEXT.split("## A worked example")[1].split("\n## ")[0]


def commands() -> list[list[str]]:
    """Arguments of the example's commands."""
    return [line.split()[1:] for line in EXAMPLE.splitlines() if line.startswith("    einthoven ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the example's page and its first reading."""
    from PIL import Image

    place = tmp_path_factory.mktemp("example")
    Image.fromarray(CASES["rate"].draw().image).save(place / "page.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(commands()[0]) == 0
    return place


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_the_first_reading_is_what_the_document_shows(folder: Path) -> None:
    first = read(folder / "out/page.json")
    told = json.loads("{" + ",".join(re.findall(r'^    ("(?:status|reasons|assumed)": .+),$', EXAMPLE, re.M)) + "}")
    assert first["status"] == told["status"] == "review"
    assert first["assumed"] == told["assumed"]
    assert [re.sub(r"\d+", "#", r) for r in first["reasons"]] == [re.sub(r"\d+", "#", r) for r in told["reasons"]]
    assert first["scale"]["how"]["speed_mm_per_s"] == "assumed"


@pytest.mark.parametrize("which", [1, 2], ids=["flag", "from"])
def test_either_correction_is_accepted(folder: Path, monkeypatch: pytest.MonkeyPatch, which: int) -> None:
    monkeypatch.chdir(folder)
    if which == 2:
        path = folder / "out/page.json"
        edited = read(path)
        edited["scale"]["speed_mm_per_s"] = 12.5
        path.write_text(json.dumps(edited), encoding="utf-8")
    command = [word.replace("mended", f"mended{which}") for word in commands()[which]]
    assert main(command) == 0
    mended = read(folder / f"mended{which}/page.json")
    assert (mended["status"], mended["reasons"], mended["assumed"]) == ("accepted", [], [])
    assert mended["scale"]["speed_mm_per_s"] == 12.5
    assert mended["scale"]["how"]["speed_mm_per_s"] == "given"
    assert mended["given"]["speed_mm_per_s"] == 12.5


def test_the_table_of_pixels_is_that_of_the_geometry() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", TEXT, re.M)
    assert len(rows) == 5
    for dpi, slow, fast, height in rows:
        mm = 25.4 / float(dpi)
        assert float(slow) == pytest.approx(1000 * mm / 25, abs=0.05)
        assert float(fast) == pytest.approx(1000 * mm / 50, abs=0.05)
        assert float(height) == pytest.approx(1000 * mm / 10, abs=0.05)
