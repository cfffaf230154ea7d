"""Pages drawn and kept small for image networks: resumed, told apart from other sets, tied to their records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_sets import heart, items_of

from classify.images import drawn
from classify.images.drawn import DrawOptions, draw_pages, draw_picture, from_drawn, is_drawn
from classify.inputs import InputSpec
from ecg.datasets import RecordItem
from ecg.errors import OptionsError
from ecg.formats.wfdb import write_wfdb
from ecg.record import LEADS, ECGRecord

SPEC = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(1, 32, 64))
OPTIONS = DrawOptions(height=64, width=128, preset="scan", dpi=60, variants=2)


@pytest.fixture
def items(tmp_path: Path) -> tuple[RecordItem, ...]:
    return made_items(tmp_path)


def made_items(tmp_path: Path) -> tuple[RecordItem, ...]:
    """Four records on disk, one of them with an infarction."""
    made = []
    for item in items_of(["norm", "ami_anterior", "norm", "norm"]):
        rng = np.random.default_rng(item.ecg_id)
        record = ECGRecord(heart(rng, "MI" in item.labels).astype(np.float32), 100.0, LEADS)
        write_wfdb(record, tmp_path / "records", str(item.ecg_id))
        made.append(replace(item, path=tmp_path / "records" / f"{item.ecg_id}.hea"))
    return tuple(made)


def test_pages_are_drawn_once_and_the_rest_of_them_later(items: tuple[RecordItem, ...], tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    told: list[tuple[int, int]] = []
    assert draw_pages(items, whole, OPTIONS, lambda there, n: told.append((there, n))) == 8
    assert told[-1] == (8, 8)
    assert draw_pages(items, parts, OPTIONS, most=3) == 3
    first = np.load(parts / "done.npy").nonzero()[0]
    assert (first < 4).all(), "every record comes once before any comes twice"
    kept = np.load(parts / "pictures.npy")[first]
    assert draw_pages(items, parts, OPTIONS) == 8
    pictures = np.load(parts / "pictures.npy")
    np.testing.assert_array_equal(pictures[first], kept)
    np.testing.assert_array_equal(pictures, np.load(whole / "pictures.npy"))
    assert pictures.shape == (8, 64, 128)
    assert all(picture.std() > 3 for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[4]), "variants of a record look alike"


def test_a_folder_of_other_pages_is_refused(items: tuple[RecordItem, ...], tmp_path: Path) -> None:
    draw_pages(items, tmp_path / "set", OPTIONS, most=1)
    for other, options in ((items[:3], OPTIONS), (items, replace(OPTIONS, seed=1))):
        with pytest.raises(OptionsError, match="other records or options"):
            draw_pages(other, tmp_path / "set", options)
    with pytest.raises(OptionsError, match="variants must be 1"):
        DrawOptions(variants=0)


def test_a_look_that_does_not_fit_at_this_resolution_is_drawn_at_its_own(
    items: tuple[RecordItem, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    import synth

    asked = []
    real = synth.draw_page

    def fails_when_small(record, preset, seed, index, style):  # type: ignore[no-untyped-def]
        asked.append(style.dpi)
        if len(asked) == 1:
            raise OptionsError("does not fit")
        return real(record, preset, seed, index, style)

    monkeypatch.setattr(synth, "draw_page", fails_when_small)
    assert draw_picture(items[0].record(), OPTIONS, 0).shape == (64, 128)
    assert asked[0] == 60
    assert asked[1] > 60


def test_drawn_pages_carry_the_answers_and_signals_of_their_records(
    items: tuple[RecordItem, ...], tmp_path: Path
) -> None:
    draw_pages(items, tmp_path / "set", OPTIONS, most=6)
    known = {item.ecg_id: item for item in items}
    made = from_drawn(tmp_path / "set", known, ["mi", "four_class"], SPEC, tmp_path / "cache")
    assert len(made) == 8
    done = np.load(tmp_path / "set" / "done.npy")
    # Item 4 is of fold 9: its second page does not validate again.
    assert made.usable().tolist() == [bool(d) and k != 7 for k, d in enumerate(done)]
    assert made.answers["mi"][:, 0].tolist() == [0, 1, 0, 0] * 2
    assert made.inputs(np.array([0, 5])).shape == (2, 1, 32, 64)
    assert made.signals is not None
    np.testing.assert_allclose(made.signals[5], items[1].record().signal, atol=2e-3)


def test_what_is_no_set_of_drawn_pages_is_refused(items: tuple[RecordItem, ...], tmp_path: Path) -> None:
    known = {item.ecg_id: item for item in items}
    assert not is_drawn(tmp_path)
    with pytest.raises(OptionsError, match="no drawn pages"):
        from_drawn(tmp_path, known, ["mi"], SPEC, tmp_path)
    draw_pages(items, tmp_path / "set", OPTIONS, most=1)
    with pytest.raises(OptionsError, match="one channel"):
        from_drawn(tmp_path / "set", known, ["mi"], replace(SPEC, picture=(3, 32, 64)), tmp_path)
    with pytest.raises(OptionsError, match="PTB-XL's folder lacks"):
        from_drawn(tmp_path / "set", {1: items[0]}, ["mi"], SPEC, tmp_path)


def test_the_command_tells_its_cost(
    items: tuple[RecordItem, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drawn, "ptb_xl", lambda *_: items[:2])
    arguments = ["--from", "ptb-xl:nowhere", "-o", str(tmp_path / "set"), "--size", "32x64", "--variants", "1"]
    assert drawn.main([*arguments, "--preset", "clean", "--dpi", "60"]) == 0
    assert "2 of 2 pages" in capsys.readouterr().out
