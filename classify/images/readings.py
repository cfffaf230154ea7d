"""What the digitizer found on a page, kept, because reading takes a second: the recording cut out, and its signals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classify.images.area import as_grey, fitted, recording_area
from classify.inputs import InputSpec, from_signals
from ecg.errors import ECGError, ModelError
from ecg.formats import read_pages
from ecg.formats.atomic import replacing
from ecg.record import LEADS, resample, select

__all__ = ["KeptReading", "kept_pictures", "kept_reading", "kept_vectors", "page_digest"]

#: Rate in Hz and samples of the signals that are kept.
_FS, _SAMPLES = 100.0, 1000
#: Widest picture that is kept, in pixels: four times what a network sees of ten seconds, at most.
_WIDEST = 1600
#: JPEG's quality of a kept picture: nothing that is left at a network's size is lost.
_QUALITY = 95
#: Goes up when pages are read or cut in another way: older readings are then not found.
_VERSION = 1


@dataclass(frozen=True, eq=False)
class KeptReading:
    """A page as the digitizer read it.

    Parameters
    ----------
    area : uint8 array [height, width, 3] or None
        The recording, upright, RGB; None where the page was refused.
    signals : float16 array [12, 1000]
        mV at 100 Hz; NaN where missing, throughout where the page was refused.
    """

    area: NDArray[np.uint8] | None
    signals: NDArray[np.float16]


def page_digest(path: Path) -> str:
    """Name of a file's reading: by its path, size and time, so that nothing is opened."""
    stat = path.stat()
    return hashlib.sha256(f"{_VERSION} {path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:24]


def kept_reading(path: Path, cache: Path) -> KeptReading:
    """Read the first page of a file, or find it in the cache.

    Parameters
    ----------
    path : Path
    cache : Path
        Folder; made where it is missing.

    Returns
    -------
    KeptReading
        Empty where the page was refused.
    """
    import cv2

    at = cache / "readings" / page_digest(path)
    kept, picture = at.with_suffix(".npy"), at.with_suffix(".jpg")
    if kept.is_file():
        signals = np.load(kept)
        area = None if np.isnan(signals).all() else cv2.imread(str(picture), cv2.IMREAD_COLOR)
        return KeptReading(None if area is None else np.ascontiguousarray(area[:, :, ::-1]), signals)
    found = _read(path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if found.area is not None:
        _, data = cv2.imencode(".jpg", found.area[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        with replacing(picture) as temporary:
            temporary.write_bytes(data.tobytes())
    with replacing(kept) as temporary, temporary.open("wb") as file:  # last: with it the reading is whole
        np.save(file, found.signals)
    return found


def _read(path: Path) -> KeptReading:
    from digitize import read_file

    signals = np.full((len(LEADS), _SAMPLES), np.nan, np.float16)
    try:
        reading = next(iter(read_file(path)), None)
        if reading is None or reading.record is None or reading.status == "refused":
            return KeptReading(None, signals)
        x = resample(select(reading.record, LEADS), _FS).signal[:, :_SAMPLES]
        signals[:, : x.shape[1]] = x
        area = recording_area(reading)
    except ECGError:
        return KeptReading(None, np.full_like(signals, np.nan))
    if area.shape[1] > _WIDEST:
        area = fitted(area, round(area.shape[0] * _WIDEST / area.shape[1]), _WIDEST, "stretch")
    return KeptReading(area, signals)


def kept_pictures(
    paths: Sequence[Path], spec: InputSpec, cache: Path, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.uint8]:
    """Pictures of pages as a model takes them.

    Parameters
    ----------
    paths : sequence of Path
    spec : InputSpec
        Of kind ``"page"``.
    cache : Path
    progress : callable, optional
        Called with the number of pages done and of all.

    Returns
    -------
    uint8 array [pages, height, width] or [pages, height, width, 3]
        Black throughout where a page was refused.
    """
    channels, height, width = spec.picture
    out = np.zeros((len(paths), height, width, *((3,) if channels == 3 else ())), np.uint8)
    for number, path in enumerate(paths, start=1):
        seen = _whole(path) if spec.area == "whole" else kept_reading(path, cache).area
        if seen is not None:
            out[number - 1] = fitted(as_grey(seen) if channels == 1 else seen, height, width, spec.fit)
        if progress is not None:
            progress(number, len(paths))
    return out


def kept_vectors(
    paths: Sequence[Path], spec: InputSpec, cache: Path, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Features or patterns of pages, kept too, because measuring beats takes a tenth of a second.

    Parameters
    ----------
    paths : sequence of Path
    spec : InputSpec
        Of kind ``"features"`` or ``"patterns"``.
    cache : Path
    progress : callable, optional
        Called with the number of pages done and of all.

    Returns
    -------
    float32 array [pages, features]
        NaN where not measurable, throughout where a page was refused.
    """
    out = np.full((len(paths), *spec.shape), np.nan, np.float32)
    names = hashlib.sha256(repr((sorted(spec.to_dict().items()), spec.shape)).encode()).hexdigest()[:8]
    for number, path in enumerate(paths, start=1):
        kept = cache / "readings" / f"{page_digest(path)}-{spec.kind}-{names}.npy"
        if not kept.is_file():
            found = out[number - 1]
            with suppress(ModelError):  # no beats
                signals = kept_reading(path, cache).signals
                found = from_signals(signals[None], LEADS, _FS, spec)[0]
            with replacing(kept) as temporary, temporary.open("wb") as file:
                np.save(file, found)
        out[number - 1] = np.load(kept)
        if progress is not None:
            progress(number, len(paths))
    return out


def _whole(path: Path) -> NDArray[np.uint8] | None:
    try:
        return next(iter(read_pages(path))).image
    except (ECGError, StopIteration):
        return None
