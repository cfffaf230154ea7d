"""Sets of ECGs on disk, as small items that load their record or page when asked.

PTB-XL (Wagner et al., Sci Data 2020;7:154), the four-class page set (Khan & Hussain, Data in Brief 2021;34:106762),
folders that ecg-image-kit wrote (Shivashankara et al., Physiol Meas 2024;45:055019) and plain folders of pictures.
"""

from __future__ import annotations

import ast
import csv
import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ecg.errors import FormatError, OptionsError
from ecg.formats import DEFAULT_OPTIONS, PAGE_KINDS, ReadOptions, identify, read_pages, read_wfdb
from ecg.formats.bounds import decoding, shown
from ecg.formats.kit import KitGeometry, KitLead, read_kit_geometry
from ecg.page import Page
from ecg.record import ECGRecord

__all__ = [
    "DATA_VARIABLE",
    "FOUR_CLASSES",
    "SUPERCLASSES",
    "KitGeometry",
    "KitItem",
    "KitLead",
    "PageItem",
    "RecordItem",
    "data_root",
    "four_class",
    "image_folder",
    "kit_pages",
    "ptb_xl",
]

#: Environment variable that names the folder of real data.
DATA_VARIABLE = "EINTHOVEN_DATA"
#: Diagnostic superclasses of PTB-XL, in the order of every table of this project.
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
#: Classes of the four-class page set: normal, infarction, history of infarction, abnormal heartbeat.
FOUR_CLASSES = ("NORM", "MI", "HMI", "HB")

#: PTB-XL writes 300 for every age above 89, to protect the oldest (Wagner et al. 2020, table 2).
_AGE_ABOVE_89 = 300.0
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")


def data_root(folder: str | os.PathLike[str] | None = None) -> Path:
    """Folder of real data: the argument, or what the environment variable ``EINTHOVEN_DATA`` names.

    Raises OptionsError if neither is given or the folder does not exist.
    """
    named = folder if folder is not None else os.environ.get(DATA_VARIABLE)
    if not named:
        raise OptionsError(f"the folder of real data is not known; set {DATA_VARIABLE} to it or name the folder")
    root = Path(named)
    if not root.is_dir():
        raise OptionsError(f"expected the folder of real data at {shown(root)}, found none; correct {DATA_VARIABLE}")
    return root


@dataclass(frozen=True, eq=False)
class RecordItem:
    """One record of PTB-XL, not yet read.

    Parameters
    ----------
    ecg_id, patient_id, fold : int
        Official numbers; patients never cross folds, of which 9 is for validation and 10 for the final test.
    labels : tuple of str
        Diagnostic superclasses in the order of `SUPERCLASSES`; empty where no diagnostic statement was made.
    subclasses : tuple of str
        Diagnostic subclasses, sorted.
    statements : mapping str -> float
        SCP-ECG statements with their likelihood in percent; 0 means that none was given.
    age : float or None
        Years; 90 stands for all above 89.
    sex : str or None
        ``"M"`` or ``"F"``.
    site : int or None
        Number of the recording site.
    device : str
        Recording device.
    stadium : str or None
        Stage of the first infarction as PTB-XL spells it: ``"Stadium II-III"``, ``"unknown"``, ...
    path : Path
        The record's header.
    """

    ecg_id: int
    patient_id: int
    fold: int
    labels: tuple[str, ...]
    subclasses: tuple[str, ...]
    statements: Mapping[str, float]
    age: float | None
    sex: str | None
    site: int | None
    device: str
    stadium: str | None
    path: Path

    def record(self, options: ReadOptions = DEFAULT_OPTIONS) -> ECGRecord:
        """Read the record."""
        return read_wfdb(self.path, options)


def ptb_xl(
    folder: str | os.PathLike[str] | None = None,
    fs: int = 100,
    folds: Collection[int] | None = None,
    min_likelihood: float = 0.0,
) -> tuple[RecordItem, ...]:
    """List PTB-XL in the layout in which PhysioNet gives it out.

    Superclasses are aggregated as in the PTB-XL benchmark (Strodthoff et al., IEEE J Biomed Health Inform
    2021;25:1519-1528): every statement that ``scp_statements.csv`` marks as diagnostic contributes its class, whatever
    its likelihood.

    Parameters
    ----------
    folder : path-like, optional
        The folder that holds ``ptbxl_database.csv``; by default ``ptb-xl`` in `data_root`.
    fs : int
        100 or 500 Hz. Records that are not there at this rate are left out.
    folds : collection of int, optional
        Official folds to take, 1 to 10; all by default.
    min_likelihood : float
        Least likelihood in percent for a statement to give a label; above 0 it also drops the statements without one.

    Returns
    -------
    tuple of RecordItem

    Raises
    ------
    FormatError
        If a table is missing or damaged.
    OptionsError
        If the rate or a fold does not exist.
    """
    if fs not in (100, 500):
        raise OptionsError(f"PTB-XL is recorded at 100 and 500 Hz, got {fs!r}; resample after reading")
    if folds is not None and not set(folds) <= set(range(1, 11)):
        raise OptionsError(f"PTB-XL has folds 1 to 10, got {sorted(folds)}")
    root = Path(folder) if folder is not None else data_root() / "ptb-xl"
    classes = _diagnostic_classes(root / "scp_statements.csv")
    table = root / "ptbxl_database.csv"
    here = {path.parent / path.stem for path in (root / f"records{fs}").glob("*/*.hea")}
    column = "filename_lr" if fs == 100 else "filename_hr"
    items = []
    with decoding(table, "PTB-XL's table of records"):
        for row in _rows(table, ("ecg_id", "patient_id", "strat_fold", "scp_codes", column)):
            path = root / row[column]
            if path in here and (folds is None or int(row["strat_fold"]) in folds):
                items.append(_record_item(row, path.with_suffix(".hea"), classes, min_likelihood))
    return tuple(items)


def _record_item(
    row: Mapping[str, str], path: Path, classes: Mapping[str, tuple[str, str]], min_likelihood: float
) -> RecordItem:
    statements = {str(code): float(value) for code, value in ast.literal_eval(row["scp_codes"]).items()}
    found = [classes[code] for code, value in statements.items() if code in classes and value >= min_likelihood]
    superclasses = {superclass for superclass, _ in found}
    age, site = _number(row.get("age")), _number(row.get("site"))
    return RecordItem(
        ecg_id=int(row["ecg_id"]),
        patient_id=int(float(row["patient_id"])),
        fold=int(row["strat_fold"]),
        labels=tuple(label for label in SUPERCLASSES if label in superclasses),
        subclasses=tuple(sorted({subclass for _, subclass in found})),
        statements=statements,
        age=90.0 if age == _AGE_ABOVE_89 else age,
        sex={0.0: "M", 1.0: "F", None: None}[_number(row.get("sex"))],
        site=None if site is None else int(site),
        device=" ".join((row.get("device") or "").split()),
        stadium=row.get("infarction_stadium1") or None,
        path=path,
    )


def _number(text: str | None) -> float | None:
    value = float(text) if text else math.nan
    return None if math.isnan(value) else value


def _diagnostic_classes(table: Path) -> dict[str, tuple[str, str]]:
    """Superclass and subclass of each diagnostic statement."""
    with decoding(table, "PTB-XL's table of statements"):
        rows = _rows(table, ("diagnostic", "diagnostic_class", "diagnostic_subclass"))
        return {
            row[""]: (row["diagnostic_class"], row["diagnostic_subclass"])
            for row in rows
            if _number(row["diagnostic"]) == 1.0
        }


def _rows(table: Path, needed: Collection[str]) -> Iterator[dict[str, str]]:
    """Rows of a table that must have certain columns."""
    if not table.is_file():
        raise FormatError(f"expected {table.name} in {shown(table.parent)}, found none; name the set's own folder")
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = sorted(set(needed) - set(reader.fieldnames or ()))
        if missing:
            raise FormatError(
                f"{table.name}: expected the columns {', '.join(missing)}, found none; unpack the set again"
            )
        yield from reader


@dataclass(frozen=True, eq=False)
class PageItem:
    """One file of pages, not yet read.

    Parameters
    ----------
    id : str
        The file's stem.
    path : Path
    label : str or None
        Class, where the set has one.
    group : str or None
        What must not be torn apart by a split: pages of one group come from one recording or patient.
    copies : int
        How many identical files the set was published with.
    """

    id: str
    path: Path
    label: str | None = None
    group: str | None = None
    copies: int = 1

    def pages(self, options: ReadOptions = DEFAULT_OPTIONS) -> Iterator[Page]:
        """Read the pages, one by one."""
        return read_pages(self.path, options)


def four_class(folder: str | os.PathLike[str] | None = None) -> tuple[PageItem, ...]:
    """List the four-class page set, each different page once.

    As published it holds every page up to eight times, so that random splits leak; ``group`` is the number printed in
    the header, by which folds must be made.

    Parameters
    ----------
    folder : path-like, optional
        The folder that holds ``manifest.csv`` and ``pages/``; by default ``khan`` in `data_root`.

    Returns
    -------
    tuple of PageItem
        In the order of first appearance; labels of `FOUR_CLASSES`.

    Raises
    ------
    FormatError
        If the manifest or a page is missing, or a page stands under two classes.
    """
    root = Path(folder) if folder is not None else data_root() / "khan"
    table = root / "manifest.csv"
    rows: dict[str, list[tuple[str, str]]] = {}
    with decoding(table, "the four-class set's manifest"):
        for row in _rows(table, ("label", "unique_file", "printed_id_group")):
            rows.setdefault(row["unique_file"], []).append((row["label"], row["printed_id_group"]))
    items = []
    for name, copies in rows.items():
        path = root / "pages" / name
        if len(set(copies)) != 1 or copies[0][0] not in FOUR_CLASSES:
            raise FormatError(
                f"manifest.csv: page {shown(name)} needs one class of {', '.join(FOUR_CLASSES)} and one group"
            )
        if not path.is_file():
            raise FormatError(
                f"manifest.csv: page {shown(name)} is missing in {shown(path.parent)}; unpack the set again"
            )
        items.append(PageItem(path.stem, path, copies[0][0], copies[0][1], len(copies)))
    return tuple(items)


def image_folder(
    folder: str | os.PathLike[str], labelled: bool = False, options: ReadOptions = DEFAULT_OPTIONS
) -> tuple[PageItem, ...]:
    """List every page file in a folder and those below it, told by content.

    Hidden files, records and files of other kinds are passed over, and so is ``X_mask.png`` beside ``X.json``: a mask.

    Parameters
    ----------
    folder : path-like
    labelled : bool
        Take the name of each file's folder as its class.
    options : ReadOptions
        Bounds for looking at the files.

    Returns
    -------
    tuple of PageItem
        Sorted by path.

    Raises OptionsError if the folder does not exist.
    """
    root = Path(folder)
    if not root.is_dir():
        raise OptionsError(f"expected a folder of pages at {shown(root)}, found none; check the path")
    items = []
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not hidden and not _is_mask(path) and _is_page(path, options):
            label = path.parent.name if labelled and path.parent != root else None
            items.append(PageItem(path.stem, path, label))
    return tuple(items)


def _is_mask(path: Path) -> bool:
    return path.stem.endswith("_mask") and path.with_name(path.stem.removesuffix("_mask") + ".json").exists()


def _is_page(path: Path, options: ReadOptions) -> bool:
    try:
        return identify(path, options) in PAGE_KINDS
    except FormatError:
        return False


@dataclass(frozen=True, eq=False)
class KitItem:
    """One page of ecg-image-kit with its truth, not yet read.

    Parameters
    ----------
    id : str
        The picture's stem.
    path : Path
        The picture.
    truth_path : Path
        Its JSON file.
    record_path : Path or None
        Header of the signals, None where the folder holds none.
    """

    id: str
    path: Path
    truth_path: Path
    record_path: Path | None

    def page(self, options: ReadOptions = DEFAULT_OPTIONS) -> Page:
        """Read the picture."""
        return next(read_pages(self.path, options))

    def record(self, options: ReadOptions = DEFAULT_OPTIONS) -> ECGRecord:
        """Read the signals; NaN where a lead is not on the page."""
        if self.record_path is None:
            raise FormatError(
                f"{self.path.name}: expected a WFDB record of the same name beside it, found none; add it"
            )
        return read_wfdb(self.record_path, options)

    def geometry(self) -> KitGeometry:
        """Read where the leads were drawn."""
        return read_kit_geometry(self.truth_path)


def kit_pages(folder: str | os.PathLike[str] | None = None) -> tuple[KitItem, ...]:
    """List the pages of a folder that ecg-image-kit wrote: picture, JSON and WFDB record of one name.

    Parameters
    ----------
    folder : path-like, optional
        By default ``pages_kit`` in `data_root`. Folders below it are searched as well.

    Returns
    -------
    tuple of KitItem, sorted by path; JSON files without a picture are passed over.

    Raises
    ------
    OptionsError
        If the folder does not exist.
    """
    root = Path(folder) if folder is not None else data_root() / "pages_kit"
    if not root.is_dir():
        raise OptionsError(f"expected a folder of ecg-image-kit at {shown(root)}, found none; check the path")
    items = []
    for truth in sorted(root.rglob("*.json")):
        pictures = [truth.with_suffix(suffix) for suffix in _PICTURES if truth.with_suffix(suffix).is_file()]
        # The kit numbers the pictures of a record (00001_lr-0.png); the record may keep its own name.
        stems = (truth.stem, re.sub(r"-\d+$", "", truth.stem))
        headers = [truth.with_name(f"{stem}.hea") for stem in stems if truth.with_name(f"{stem}.hea").is_file()]
        if pictures:
            items.append(KitItem(truth.stem, pictures[0], truth, headers[0] if headers else None))
    return tuple(items)
