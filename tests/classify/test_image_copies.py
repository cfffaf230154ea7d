"""Copies of pages: found by bytes and look, counted where they cross, and the published folders as they are."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_sets import heart

from classify.images.copies import (
    PUBLISHED_COUNTS,
    find_copies,
    published_folders,
    published_split_of_copies,
    validated,
    warn_of_copies,
    with_copies,
)
from classify.inputs import InputSpec
from classify.pages import from_pages
from ecg.errors import OptionsError


def draw(seed: int) -> np.ndarray:
    """Twelve traces of one heart on paper."""
    out = np.full((480, 640, 3), 235, np.uint8)
    signals = heart(np.random.default_rng(seed), seed % 2 == 0)
    for row, x in enumerate(signals):
        points = np.column_stack([np.arange(640), 40 * row + 20 - 15 * x[:640]]).astype(np.int32)
        cv2.polylines(out, [points], False, (20, 20, 20), 1)
    return out


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders as published, small: two test files show pages of training, one of them saved anew."""
    root = tmp_path_factory.mktemp("published")
    names = {"NORM": "Normal Person ECG", "MI": "ECG of Myocardial Infarction", "HMI": "History of MI", "HB": "HB"}
    for k, (label, folder) in enumerate(names.items()):
        for part, seeds in (("train", range(10 * k, 10 * k + 8)), ("test", range(10 * k + 8, 10 * k + 10))):
            (root / part / folder).mkdir(parents=True)
            for seed in seeds:
                cv2.imwrite(str(root / part / folder / f"{label}_{seed}.png"), draw(seed))
    train = root / "train" / names["MI"]
    (root / "test" / names["MI"] / "copy.png").write_bytes((train / "MI_10.png").read_bytes())
    half = cv2.resize(draw(11), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(root / "test" / names["MI"] / "again.jpg"), half, [cv2.IMWRITE_JPEG_QUALITY, 40])
    return root


def test_copies_are_found_by_their_bytes_and_by_their_look(published: Path) -> None:
    paths = sorted(published.rglob("*.*"))
    found = find_copies(paths)
    assert (found.exact, found.near, found.unreadable) == (1, 1, ())
    assert np.unique(found.page).size == len(paths) - 2
    parts = ["train" if "train" in path.parts else "test" for path in paths]
    assert found.crossing(parts) == 2
    assert found.crossing(["test"] * len(paths)) == 0


def test_a_file_that_is_no_picture_is_a_page_of_its_own(tmp_path: Path) -> None:
    for k in range(2):
        (tmp_path / f"{k}.png").write_bytes(b"nothing %d" % k)
    found = find_copies(sorted(tmp_path.iterdir()))
    assert found.unreadable == (0, 1)
    assert found.page.tolist() == [0, 1]


def test_published_folders_are_listed_and_counted(published: Path) -> None:
    items, parts, complaints = published_folders(published)
    assert len(items) == 42
    assert {item.label for item in items} == {"NORM", "MI", "HMI", "HB"}
    assert parts.count("test") == 10
    assert "train: 8 files of MI, published are 956" in complaints
    assert len(complaints) == 8
    assert sum(sum(counts.values()) for counts in PUBLISHED_COUNTS.values()) == 3951
    with pytest.raises(OptionsError, match="folders train and test"):
        published_folders(published / "train")


def test_pages_of_the_published_folders_come_with_a_loud_warning(published: Path, tmp_path: Path) -> None:
    spec = InputSpec(
        kind="page", fs=0, seconds=0, normalise="imagenet", picture=(3, 32, 32), area="whole", fit="stretch"
    )
    with pytest.warns(UserWarning, match="2 of the 10 test files show a page that stands in training too"):
        known = from_pages(published, ["four_class"], spec, "digitize", tmp_path)
    assert known.folds.count("10") == 10
    assert known.folds.count("9") == 4
    assert known.usable().all()
    assert known.inputs(np.arange(2)).shape == (2, 3, 32, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_copies(find_copies([published / "train" / "HB" / "HB_30.png"]), ["train"])


def test_validation_is_one_in_eight_of_every_class() -> None:
    classes = np.repeat([0, 1], [80, 16])
    folds = np.array(validated(classes, ["train"] * 80 + ["train"] * 8 + ["test"] * 8))
    assert [(folds[classes == k] == "9").sum() for k in (0, 1)] == [10, 1]
    assert (folds[-8:] == "10").all()


def test_every_page_comes_as_often_as_published_and_copies_cross() -> None:
    from test_image_training import pages

    known = with_copies(pages(), {f"page{k}": 4 for k in range(60)})
    assert len(known) == 240
    assert known.ids[4:9] == ("page1#0", "page1#1", "page1#2", "page1#3", "page2#0")
    assert known.usable().sum() == 236
    np.testing.assert_array_equal(known.inputs(np.array([4]))[0], known.inputs(np.array([7]))[0])
    y = known.answers["four_class"]
    split = published_split_of_copies(y, known.usable(), 0)
    rows = np.concatenate([split.train, split.validation, split.test])
    assert sorted(rows) == np.flatnonzero(known.usable()).tolist()
    assert split.test.size / rows.size == pytest.approx(0.2, abs=0.02)
    pages_of = [{known.ids[k].split("#")[0] for k in part} for part in (split.train, split.test)]
    assert len(pages_of[0] & pages_of[1]) > 0.9 * len(pages_of[1])
