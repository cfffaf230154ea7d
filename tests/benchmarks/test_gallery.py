"""The pictures of the generator's document: all there, none too many, small."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gallery

ROOT = Path(__file__).resolve().parents[2]


def test_every_picture_is_there_and_named_in_the_document() -> None:
    named = set(re.findall(r"\(gallery/(\w+)\.jpg\)", (ROOT / "docs/synth.md").read_text(encoding="utf-8")))
    there = {path.stem for path in gallery.FOLDER.glob("*.jpg")}
    assert there == named == set(gallery.pictures()), "run python -m benchmarks.gallery and python -m benchmarks.tables"


def test_the_pictures_are_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in gallery.FOLDER.glob("*")}
    assert all(size <= 40_000 for size in sizes.values())
    assert sum(sizes.values()) <= 1_500_000


@pytest.mark.parametrize("name", ["rotation", "jpeg"])
def test_before_and_after_are_two_pictures_side_by_side(name: str) -> None:
    picture = gallery.before_and_after(name)
    assert picture.shape[1] == gallery.WIDTHS["damage"]
    half = picture.shape[1] // 2
    left, right = picture[:, : half - 2].astype(int), picture[:, half + 2 :].astype(int)
    width = min(left.shape[1], right.shape[1])
    difference = np.abs(left[:, :width] - right[:, :width]).mean()
    assert 0 < difference < 60


def test_a_picture_is_brought_below_its_limit(tmp_path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1400, 3)).astype(np.uint8)
    path = gallery.write("damage_noise", noise, tmp_path)
    assert path.stat().st_size <= gallery.LIMITS["damage"]
    assert [p.name for p in tmp_path.iterdir()] == ["damage_noise.jpg"]


def test_an_unknown_name_is_told(capsys) -> None:
    assert gallery.main(["portrait"]) == 2
    assert "no picture is called portrait" in capsys.readouterr().err
