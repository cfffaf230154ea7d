"""Pictures of pages, read with Pillow: PNG, JPEG, TIFF (of many pages), WebP, BMP."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError
from ecg.formats.bounds import check_file, check_pages, check_pixels, decoding, shown
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.page import Page

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["IMAGE_KINDS", "image_kind", "plausible_dpi", "read_image_pages"]

IMAGE_KINDS = ("png", "jpeg", "tiff", "webp", "bmp")

#: Resolutions of fax (98 dpi, coarse) to fine drum scans; outside it the field holds a default or rubbish.
_DPI_RANGE = (30.0, 2400.0)
#: Paper is not stretched: resolutions in x and y that differ more are not those of a scan.
_DPI_MISMATCH = 0.02

#: EXIF orientation (CIPA DC-008, tag 0x0112): how the stored picture is turned to stand upright.
_ORIENTATION_TAG = 0x0112
#: Tags of TIFF 6.0, section 8.
_WIDTH_TAG, _HEIGHT_TAG, _BITS_PER_SAMPLE_TAG = 256, 257, 258


def image_kind(head: bytes) -> str | None:
    """Kind of picture by its first 16 bytes, one of `IMAGE_KINDS` or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):  # the last two are BigTIFF
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    # "BM" alone is too common; the reserved words after the size are zero in every bitmap.
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00" and len(head) > 10:
        return "bmp"
    return None


def plausible_dpi(x: float, y: float) -> float | None:
    """Dots per inch, or None where the two directions disagree or no scanner has that resolution.

    Examples
    --------
    >>> plausible_dpi(200, 200), plausible_dpi(1, 1), plausible_dpi(204, 98)
    (200.0, None, None)
    """
    low, high = _DPI_RANGE
    if not (math.isfinite(x) and math.isfinite(y) and low <= x <= high and abs(x / y - 1 if y else 1) <= _DPI_MISMATCH):
        return None
    return float(x)


def read_image_pages(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> Iterator[Page]:
    """Pages of a picture file, one by one, upright and as 8-bit RGB.

    EXIF orientation is obeyed, transparency is laid on white, 16-bit samples are scaled to 8, palettes, CMYK, grey and
    bilevel pictures are converted. Of animations the first frame is read; of TIFF files every page.

    Parameters
    ----------
    path : path-like
    options : ReadOptions
        Bounds, checked against the header before decoding.

    Yields
    ------
    Page
        ``source`` is the file's name, with ``#page=2`` in a file of many pages; ``dpi`` as the file says, None where
        that is implausible.

    Raises
    ------
    FormatError
        If the file is no picture of these kinds, is too large, truncated or damaged.
    """
    path = check_file(path, options)
    with path.open("rb") as file:
        head = file.read(30)
    kind = image_kind(head)
    if kind is None:
        raise FormatError(f"{shown(path.name)}: expected a PNG, JPEG, TIFF, WebP or BMP picture; convert the file")
    if kind == "webp":  # opening it allocates the canvas already
        check_pixels(*_webp_size(head), path.name, options)
    with decoding(path, f"a {kind.upper()} picture"), _opened(path, kind) as image:
        n_pages = _count_pages(image, options.max_pdf_pages) if kind == "tiff" else 1
    check_pages(n_pages, path.name, options)
    return _pages(path, kind, n_pages, options)


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height of a WebP canvas from its first 30 bytes (RFC 9649, sections 2.5 to 2.7, 3.4)."""
    chunk, data = head[12:16], head[20:].ljust(10, b"\x00")
    if chunk == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if chunk == b"VP8L":
        packed = int.from_bytes(data[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


def _count_pages(image: ImageFile, most: int) -> int:
    """Count the pages of a TIFF file, but no further than one more than allowed: a hostile one may hold millions."""
    for number in range(1, most + 1):
        try:
            image.seek(number)
        except EOFError:
            return number
    return most + 1


def _pages(path: Path, kind: str, n_pages: int, options: ReadOptions) -> Iterator[Page]:
    for index in range(n_pages):
        # Opened afresh for each page: on a file that was decoded before, Pillow applies its own, global pixel limit.
        with decoding(path, f"a {kind.upper()} picture"), _opened(path, kind) as image:
            if index:
                image.seek(index)
            check_pixels(*image.size, path.name, options)
            dpi = _dpi(image)
            pixels = _upright(_rgb(image), _orientation(image))
        yield Page(pixels, dpi, path.name if n_pages == 1 else f"{path.name}#page={index + 1}")


def _opened(path: Path, kind: str) -> ImageFile:
    """Picture of a known kind, header only.

    The plugin is called by name instead of `PIL.Image.open`: that one warns above a global number of pixels, which a
    library must not change, and would try every plugin it has on a hostile file.
    """
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.TiffImagePlugin import TiffImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    plugins: dict[str, type[ImageFile]] = {
        "png": PngImageFile,
        "jpeg": JpegImageFile,
        "tiff": TiffImageFile,
        "webp": WebPImageFile,
        "bmp": BmpImageFile,
    }
    return plugins[kind](path)


def _dpi(image: ImageFile) -> float | None:
    dpi = image.info.get("dpi")
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    return plausible_dpi(float(dpi[0]), float(dpi[1]))


def _orientation(image: ImageFile) -> int:
    """EXIF orientation of a loaded picture, 1 to 8; damaged EXIF data does not spoil the picture."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # Pillow's EXIF parser raises SyntaxError, struct.error, KeyError ... on damaged data
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn a stored picture upright: 2, 4, 5, 7 are mirrored, 5 to 8 lie on their side."""
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a[::-1].swapaxes(0, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a[:, ::-1].swapaxes(0, 1),
    }[orientation](pixels)
    return np.ascontiguousarray(turned)


def _rgb(image: ImageFile) -> NDArray[np.uint8]:
    """Decode a picture of any mode to uint8 RGB."""
    from PIL import Image

    tags: Any = getattr(image, "tag_v2", None)
    if tags is not None:
        # With its memory given beforehand, Pillow does not hold a TIFF page against its global number of pixels. The
        # tags, not image.size, are the stored width and height: a page on its side is turned only after decoding.
        image.im = Image.new(image.mode, (tags[_WIDTH_TAG], tags[_HEIGHT_TAG])).im
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return np.array(Image.alpha_composite(white, opaque).convert("RGB"))
    return np.array(image.convert("RGB"))


def _deep_grey(image: ImageFile) -> NDArray[np.uint8]:
    """Grey of more than 8 bits, scaled by the depth that the file states, 16 bits where it states none."""
    samples = np.asarray(image).astype(np.float64)
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE_TAG, 16)
    bits = bits[0] if isinstance(bits, tuple) else bits
    full = 1.0 if image.mode == "F" else float(2 ** min(int(bits), 16) - 1)
    if not np.isfinite(samples).all() or samples.min() < 0 or samples.max() > full:
        raise ValueError(f"grey values from {samples.min():g} to {samples.max():g} where 0 to {full:g} fit the format")
    grey = np.rint(samples * (255.0 / full)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
