"""Pictures in DICOM files (secondary capture above all), read with pydicom.

Standard: DICOM PS3.3 sections A.8 (Secondary Capture) and C.7.6.3 (Image Pixel module).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError
from ecg.formats.bounds import check_file, check_pages, check_pixels, decoding, shown
from ecg.formats.dicom import open_dicom
from ecg.formats.image import plausible_dpi
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.page import Page
from ecg.paper import MM_PER_INCH

__all__ = ["read_dicom_pages"]

_EXPECTED = "a DICOM image"


def read_dicom_pages(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> Iterator[Page]:
    """Frames of a DICOM image, one by one, as 8-bit RGB.

    MONOCHROME1 is turned so that white is bright, deeper samples are scaled to 8 bits by Bits Stored, palettes and
    YBR colours are resolved. No window is applied: a scanned page uses its whole range.

    Parameters
    ----------
    path : path-like
    options : ReadOptions
        Bounds, checked against the header before decoding.

    Yields
    ------
    Page

    Raises
    ------
    FormatError
        If the file holds no image, is too large, damaged, or compressed in a way that no installed decoder reads.
    """
    path = check_file(path, options)
    dataset = open_dicom(path)
    name = shown(path.name)
    with decoding(path, _EXPECTED):
        if "PixelData" not in dataset:
            raise FormatError(f"{name}: expected {_EXPECTED}, the file has no pixels; choose another file")
        n_frames = int(dataset.get("NumberOfFrames") or 1)
        check_pages(n_frames, name, options)
        check_pixels(int(dataset.Columns), int(dataset.Rows), name, options)
        dpi = _dpi(dataset)
    return _frames(path, dataset, n_frames, dpi)


def _frames(path: Path, dataset: Any, n_frames: int, dpi: float | None) -> Iterator[Page]:
    from pydicom.pixels import pixel_array

    for index in range(n_frames):
        with decoding(path, _EXPECTED):
            frame = _rgb(dataset, np.asarray(pixel_array(dataset, index=index)))
        yield Page(frame, dpi, path.name if n_frames == 1 else f"{path.name}#page={index + 1}")


def _rgb(dataset: Any, frame: NDArray[Any]) -> NDArray[np.uint8]:
    """One decoded frame [H, W] or [H, W, 3] as uint8 RGB; pydicom has turned YBR into RGB by then."""
    kind = str(dataset.PhotometricInterpretation)
    if kind == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        colours = apply_color_lut(frame, dataset)
        return _to_8_bits(colours[..., :3], 8 * colours.dtype.itemsize)
    bits = int(dataset.BitsStored)
    if int(dataset.get("PixelRepresentation") or 0):
        frame = frame.astype(np.int64) + (1 << (bits - 1))
    grey = _to_8_bits(frame, bits)
    if kind == "MONOCHROME1":
        grey = 255 - grey
    return np.ascontiguousarray(grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, axis=2))


def _to_8_bits(samples: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if bits == 8:
        return samples.astype(np.uint8)
    scaled: NDArray[np.uint8] = np.rint(samples.clip(0, (1 << bits) - 1) * (255.0 / ((1 << bits) - 1))).astype(np.uint8)
    return scaled


def _dpi(dataset: Any) -> float | None:
    """Dots per inch from the spacing of pixel centres in mm, where the file gives one."""
    for keyword in ("NominalScannedPixelSpacing", "PixelSpacing"):
        spacing = dataset.get(keyword)
        if spacing and min(map(float, spacing)) > 0:
            return plausible_dpi(MM_PER_INCH / float(spacing[1]), MM_PER_INCH / float(spacing[0]))
    return None
