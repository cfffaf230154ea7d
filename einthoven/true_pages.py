"""Pages whose signals are known: found on disk, and their signals as they stand on the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ecg.errors import FormatError, OptionsError
from ecg.fidelity import FS_HZ
from ecg.record import ECGRecord, resample

__all__ = ["TruePage", "find_true_pages", "true_record"]

_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".pdf")
#: Pictures beside a page that are none: masks of synthetic sets, overlays of earlier readings.
_NO_PAGES = ("_mask", "_overlay")


@dataclass(frozen=True)
class TruePage:
    """A page whose signals are known.

    Parameters
    ----------
    path : Path
        Picture or PDF.
    file : str
        Its path below the folder that was searched, with forward slashes.
    header : Path
        WFDB header of the signals.
    group : str
        What it is reported with: the preset of a synthetic set, the setting of ``SETTING_ID``, or the folder's name.
    """

    path: Path
    file: str
    header: Path
    group: str


def find_true_pages(folder: Path) -> tuple[TruePage, ...]:
    """Every page below a folder that has its signals beside it, sorted by path.

    A page's signals are the WFDB record of its own stem, or of its stem without the ``-0`` that ecg-image-kit adds
    to a record's name.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    OptionsError
        If the folder is missing or holds no such page.
    """
    if not folder.is_dir():
        raise OptionsError(f"--pages {folder} is no folder")
    pages = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix.lower() not in _IMAGES or path.stem.endswith(_NO_PAGES):
            continue
        header = _header_of(path)
        if header is not None:
            pages.append(TruePage(path, path.relative_to(folder).as_posix(), header, _group(path, folder)))
    if not pages:
        raise OptionsError(f"--pages {folder} holds no picture or PDF with a record (.hea) of the same name beside it")
    return tuple(pages)


def _header_of(path: Path) -> Path | None:
    stems = [path.stem]
    bare, dash, number = path.stem.rpartition("-")
    if dash and number.isdigit():
        stems.append(bare)
    return next((h for stem in stems if (h := path.with_name(f"{stem}.hea")).is_file()), None)


def _group(path: Path, folder: Path) -> str:
    preset = _sidecar(path).get("set")
    if isinstance(preset, dict) and isinstance(preset.get("preset"), str):
        return str(preset["preset"])
    setting, underscore, number = path.stem.rpartition("_")
    if underscore and setting and any(c.isdigit() for c in number):
        return setting
    return path.parent.name or folder.resolve().name


def _sidecar(path: Path) -> dict[str, Any]:
    """JSON beside a page; empty where there is none that can be read."""
    try:
        content = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def true_record(page: TruePage) -> ECGRecord:
    """Signals of a page, NaN where they are not on it, at 500 Hz.

    A record that ecg-image-kit copied whole has no NaN; then the spans that its JSON says were drawn are kept.

    Parameters
    ----------
    page : TruePage

    Raises
    ------
    FormatError
        If the record cannot be read or has no sample.
    """
    from ecg.formats import read_record

    record = read_record(page.header)
    if not np.isfinite(record.signal).any():
        raise FormatError(f"{page.header}: expected the signals of a page, got a record whose samples are all missing")
    if np.isfinite(record.signal).all():
        record = _only_drawn(record, _sidecar(page.path))
    return resample(record, FS_HZ)


def _only_drawn(record: ECGRecord, sidecar: Mapping[str, Any]) -> ECGRecord:
    from ecg.formats import lead_name

    inner = sidecar.get("generator")
    content = inner if isinstance(inner, dict) else sidecar
    try:
        rate = record.fs / float(content.get("sampling_frequency", record.fs))
        spans = [
            (lead_name(item["lead_name"]), round(item["start_sample"] * rate), round(item["end_sample"] * rate))
            for item in content["leads"]
        ]
    except (KeyError, TypeError, ValueError):
        return record
    drawn = np.zeros(record.signal.shape, dtype=bool)
    for lead, start, stop in spans:
        if lead in record.leads:
            drawn[record.leads.index(lead), max(0, start) : max(0, stop)] = True
    return replace(record, signal=np.where(drawn, record.signal, np.nan)) if drawn.any() else record
