"""What cannot be read, through the front door with the real reader: one line each, and never a traceback."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecg import ECGRecord
from ecg.formats import write_wfdb
from einthoven.cli import main


def picture(path: Path, image: np.ndarray) -> None:
    Image.fromarray(image.astype(np.uint8)).save(path)


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])


def make(name: str, folder: Path) -> Path:
    """Make one of the files that cannot be read."""
    rng = np.random.default_rng(7)
    path = folder / name
    noise = rng.integers(0, 256, (600, 800, 3))
    if name.startswith("cut"):
        picture(path, noise)
        cut(path, 0.5)
    elif name == "record.hea":
        write_wfdb(ECGRecord(np.zeros((1, 500)), 500, ("II",)), folder, "record")
    elif name == "folder.png":
        path.mkdir()
    elif name in ("blank.png", "black.png", "one.png", "thin.png", "noise.png", "gradient.png"):
        images = {
            "blank.png": np.full((600, 800, 3), 255),
            "black.png": np.zeros((600, 800, 3)),
            "one.png": np.full((1, 1, 3), 200),
            "thin.png": np.full((3, 3000, 3), 255),
            "noise.png": noise,
            "gradient.png": np.broadcast_to(np.linspace(0, 255, 800)[None, :, None], (600, 800, 3)),
        }
        picture(path, images[name])
    else:
        contents = {
            "empty.png": b"",
            "random.pdf": rng.bytes(2000),
            "text.tif": b"an ECG, described in words",
            "header.pdf": b"%PDF-1.7\n",
            "bomb.bmp": b"BM" + b"\xff" * 60,
        }
        path.write_bytes(contents[name])
    return path


UNREADABLE = (
    "empty.png",
    "cut.png",
    "cut.jpg",
    "cut.tif",
    "random.pdf",
    "text.tif",
    "header.pdf",
    "bomb.bmp",
    "record.hea",
)
REFUSED = ("blank.png", "black.png", "one.png", "thin.png", "noise.png", "gradient.png")


@pytest.mark.parametrize("name", [*UNREADABLE, *REFUSED])
def test_it_is_told_in_one_line_with_status_1(tmp_path, capsys, name) -> None:
    path = make(name, tmp_path)
    status = main(["digitize", str(path), "-o", str(tmp_path / "out"), "--method", "classical"])
    errors = capsys.readouterr().err.splitlines()
    assert status == 1, errors
    assert len(errors) == 1
    assert name in errors[0]
    with (tmp_path / "out/summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["status"] for r in rows] == ["refused" if name in REFUSED else "failed"]
    assert rows[0]["reason"]
    assert not list((tmp_path / "out").glob("*.hea"))


def test_all_of_them_at_once_end_alone(tmp_path, capsys) -> None:
    files = [str(make(name, tmp_path)) for name in ("empty.png", "cut.jpg", "blank.png", "text.tif")]
    assert main(["digitize", *files, "-o", str(tmp_path / "out"), "--method", "classical"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_a_folder_called_like_a_picture_holds_no_page(tmp_path, capsys) -> None:
    assert main(["digitize", str(make("folder.png", tmp_path)), "-o", str(tmp_path / "out")]) == 2
    assert "holds no page" in capsys.readouterr().err
