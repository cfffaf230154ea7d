"""Copies of pages: found, counted and, to show what they do to a figure, spread as they were published.

The four-class page set holds most pages several times, and the folders it is trained from (3,951 files) still more.
Where copies cross from training to test, a network is asked what it was told.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classify.protocols import Split
from classify.sets import LabelledSet
from ecg.datasets import FOUR_CLASSES, PageItem, image_folder
from ecg.errors import ECGError, OptionsError

__all__ = [
    "PUBLISHED_COUNTS",
    "Copies",
    "class_of",
    "find_copies",
    "is_published",
    "published_folders",
    "published_split_of_copies",
    "validated",
    "warn_of_copies",
    "with_copies",
]

#: Files of the published folders by part and class (Gandham et al.).
PUBLISHED_COUNTS: Mapping[str, Mapping[str, int]] = {
    "train": {"NORM": 852, "MI": 956, "HMI": 516, "HB": 699},
    "test": {"NORM": 284, "MI": 239, "HMI": 172, "HB": 233},
}
#: Two pictures are the same page where their thumbnails correlate by this much. Of the pages of one device of the
#: four-class set no two different ones come above 0.90; a page at half the size, at a JPEG quality of 20 and with
#: another contrast stays above 0.99.
_SAME = 0.97
#: Height and width of a thumbnail: QRS complexes are still told apart.
_THUMBNAIL = (96, 128)
#: Of the published protocol: test and, of the rest, validation.
_TEST_SHARE, _VALIDATION_SHARE = 0.2, 0.125

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Copies:
    """Which files of a set show the same page.

    Parameters
    ----------
    page : integer array [files]
        Files with equal numbers show the same page.
    exact : int
        Files that are equal byte for byte to an earlier one.
    near : int
        Files that only look like an earlier one.
    unreadable : tuple of int
        Files that could not be opened as pictures; each counts as a page of its own.
    """

    page: Index
    exact: int
    near: int
    unreadable: tuple[int, ...] = ()

    def crossing(self, part: Sequence[str]) -> int:
        """Count the files of other parts than ``"train"`` whose page stands among those of ``"train"`` too."""
        names = np.asarray(part)
        return int(np.isin(self.page[names != "train"], self.page[names == "train"]).sum())


def find_copies(paths: Sequence[Path]) -> Copies:
    """Find files that show the same page, by their bytes and by their look.

    Parameters
    ----------
    paths : sequence of Path

    Returns
    -------
    Copies
    """
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    first: dict[str, int] = {}
    of_digest = [first.setdefault(digest, len(first)) for digest in digests]
    at = [of_digest.index(k) for k in range(len(first))]
    looks, lost = [], []
    for k in at:
        look = _thumbnail(paths[k])
        lost += [k] if look is None else []
        looks.append(np.zeros(_THUMBNAIL[0] * _THUMBNAIL[1], np.float32) if look is None else look)
    table = np.stack(looks)
    page = np.arange(len(first))
    for k in range(1, len(first)):
        alike = np.flatnonzero(table[:k] @ table[k] > _SAME)
        if alike.size:
            page[k] = page[alike[0]]
    near = int((page != np.arange(len(first))).sum())
    return Copies(page[np.array(of_digest)], len(paths) - len(first), near, tuple(lost))


def _thumbnail(path: Path) -> NDArray[np.float32] | None:
    """Small grey picture of unit length about its mean; None where the file is no picture."""
    import cv2

    from ecg.formats import read_pages

    try:
        image = next(iter(read_pages(path))).image
    except (ECGError, StopIteration):
        return None
    small = cv2.resize(image, _THUMBNAIL[::-1], interpolation=cv2.INTER_AREA)
    x = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    x -= x.mean()
    length = float(np.linalg.norm(x))
    return x / length if length > 0 else None


def class_of(folder: str) -> str | None:
    """Class of a published folder's name; None where it is none.

    Examples
    --------
    >>> class_of("ECG Images of Patient that have History of MI (172x12=2064)")
    'HMI'
    >>> class_of("Normal Person ECG Images (284x12=3408)"), class_of("HB"), class_of("masks")
    ('NORM', 'HB', None)
    """
    name = folder.lower()
    if folder in FOUR_CLASSES:
        return folder
    for words, label in ((("history",), "HMI"), (("abnormal",), "HB"), (("myocardial", "mi"), "MI")):
        if any(name == word or word in name.replace("_", " ").split() for word in words):
            return label
    return "NORM" if "normal" in name else None


def is_published(root: Path) -> bool:
    """Tell whether a folder has the published parts."""
    return all((root / part).is_dir() for part in PUBLISHED_COUNTS)


def validated(classes: Index, parts: Sequence[str], seed: int = 0) -> tuple[str, ...]:
    """Folds of files as PTB-XL numbers them: 10 for test, 9 for one in eight of the training files of each class, 1.

    Parameters
    ----------
    classes : integer array [files]
    parts : sequence of str
        ``"train"`` or ``"test"``.
    seed : int

    Returns
    -------
    tuple of str
    """
    rng = np.random.default_rng(seed)
    train = np.asarray(parts) == "train"
    out = np.where(train, "1", "10").astype(object)
    for name in np.unique(classes):
        rows = rng.permutation(np.flatnonzero(train & (classes == name)))
        out[rows[: round(_VALIDATION_SHARE * rows.size)]] = "9"
    return tuple(out)


def published_folders(root: Path) -> tuple[tuple[PageItem, ...], tuple[str, ...], tuple[str, ...]]:
    """List the published folders ``train/CLASS/`` and ``test/CLASS/`` as they are.

    Parameters
    ----------
    root : Path

    Returns
    -------
    items : tuple of PageItem
        Labelled by `FOUR_CLASSES`.
    parts : tuple of str
        ``"train"`` or ``"test"`` of each.
    complaints : tuple of str
        Counts that are not the published ones, one line each.

    Raises
    ------
    OptionsError
        If there are no such folders.
    """
    if not is_published(root):
        raise OptionsError(
            f"the published set has the folders train and test, each with a folder a class; none in {root}"
        )
    items: list[PageItem] = []
    parts: list[str] = []
    complaints = []
    for part, expected in PUBLISHED_COUNTS.items():
        found = [(item, class_of(item.label or "")) for item in image_folder(root / part, labelled=True)]
        kept = [replace(item, label=label) for item, label in found if label is not None]
        items += kept
        parts += [part] * len(kept)
        for label, n in expected.items():
            there = sum(item.label == label for item in kept)
            if there != n:
                complaints.append(f"{part}: {there} files of {label}, published are {n}")
    return tuple(items), tuple(parts), tuple(complaints)


def warn_of_copies(copies: Copies, parts: Sequence[str], complaints: Sequence[str] = ()) -> None:
    """Warn where copies cross from training to test, or counts are not the published ones.

    Parameters
    ----------
    copies : Copies
    parts : sequence of str
        ``"train"``, ``"test"`` of each file.
    complaints : sequence of str
    """
    if crossing := copies.crossing(parts):
        tested = sum(part != "train" for part in parts)
        told = (
            f"{crossing} of the {tested} test files show a page that stands in training too ({copies.exact} files are "
            f"equal to another, {copies.near} look like one): figures on this split are no figures of new patients"
        )
        warnings.warn(told, stacklevel=2)
    if complaints:
        warnings.warn(f"not the published files: {'; '.join(complaints)}", stacklevel=2)


def with_copies(known: LabelledSet, copies: Mapping[str, int]) -> LabelledSet:
    """Give every page as often as it was published, each copy a record of its own.

    Parameters
    ----------
    known : LabelledSet
        Of pages, each once, as pictures.
    copies : mapping id -> int

    Returns
    -------
    LabelledSet
    """
    times = np.array([copies.get(name, 1) for name in known.ids])
    rows = np.repeat(np.arange(len(known)), times)
    number = np.concatenate([np.arange(n) for n in times])
    ids = tuple(f"{known.ids[row]}#{k}" for row, k in zip(rows, number, strict=True))
    return replace(
        known,
        ids=ids,
        patients=ids,
        folds=("",) * len(ids),
        signals=None if known.signals is None else known.signals[rows],
        ready=None if known.ready is None else known.ready[rows],
        answers={task: y[rows] for task, y in known.answers.items()},
        extra=known.extra[rows],
        readable=known.usable()[rows],
    )


def published_split_of_copies(y: NDArray[np.floating], counted: NDArray[np.bool_], seed: int) -> Split:
    """Split files at random, class by class, without a look at copies, as published: 80 % train, 20 % test.

    Parameters
    ----------
    y : float array [files, classes]
        One class a file.
    counted : bool array [files]
        Files that take part.
    seed : int

    Returns
    -------
    Split
        One in eight of the training files validates.
    """
    rng = np.random.default_rng(seed)
    parts: list[list[Index]] = [[], [], []]
    for column in range(y.shape[1]):
        rows = rng.permutation(np.flatnonzero(counted & (y[:, column] > 0.5)))
        n_test = round(_TEST_SHARE * rows.size)
        n_validation = round(_VALIDATION_SHARE * (rows.size - n_test))
        cut = np.split(rows, [n_test, n_test + n_validation])
        for part, chosen in zip(parts, (cut[2], cut[1], cut[0]), strict=True):
            part.append(chosen)
    return Split("published, with copies", *(np.sort(np.concatenate(part)) for part in parts))
