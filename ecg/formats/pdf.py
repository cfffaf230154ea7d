"""Pages of PDF files, drawn one by one with PDFium (pypdfium2) or poppler (pdf2image)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ecg.errors import FormatError, OptionsError
from ecg.formats.bounds import check_file, check_pages, check_pixels, decoding, shown
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.formats.pdfium import LOCK, POINTS_PER_INCH, load_page, open_document, render
from ecg.page import Page

__all__ = ["read_pdf_pages"]

_EXPECTED = "a PDF file"


def read_pdf_pages(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> Iterator[Page]:
    """Pages of a PDF, drawn one by one at ``options.pdf_dpi``.

    Parameters
    ----------
    path : path-like
    options : ReadOptions
        Resolution, back end and bounds; the number of pages is checked first and each page's size before it is drawn.

    Yields
    ------
    Page
        ``dpi`` is ``options.pdf_dpi``; ``source`` has ``#page=2`` in a file of many pages.

    Raises
    ------
    FormatError
        If the file is encrypted, damaged, empty, has too many pages or a page too large.
    OptionsError
        If the back end is pdf2image and poppler is not installed.
    """
    path = check_file(path, options)
    if options.pdf_backend == "pdf2image":
        return _poppler_pages(path, options)
    with decoding(path, _EXPECTED), LOCK:
        document = open_document(path)
        n_pages = len(document)
        document.close()
    check_pages(n_pages, path.name, options)
    return _pdfium_pages(path, options)


def _pdfium_pages(path: Path, options: ReadOptions) -> Iterator[Page]:
    with LOCK:
        document = open_document(path)
    try:
        with LOCK:
            n_pages = len(document)
        for index in range(n_pages):
            with decoding(path, f"{_EXPECTED} (page {index + 1})"), LOCK:
                page = load_page(document, index, path.name)
                try:
                    image = render(page, options.pdf_dpi, path.name, max_megapixels=options.max_megapixels)
                finally:
                    page.close()
            yield Page(image, options.pdf_dpi, _source(path, index, n_pages))
    finally:
        with LOCK:
            document.close()


def _poppler_pages(path: Path, options: ReadOptions) -> Iterator[Page]:
    info = _poppler_info(path, 1)
    n_pages = int(info.get("Pages", 0))
    check_pages(n_pages, path.name, options)
    return _poppler_drawn(path, n_pages, options)


def _poppler_drawn(path: Path, n_pages: int, options: ReadOptions) -> Iterator[Page]:
    import pdf2image

    scale = options.pdf_dpi / POINTS_PER_INCH
    for number in range(1, n_pages + 1):
        width, height = _poppler_size(_poppler_info(path, number), number)
        check_pixels(width * scale, height * scale, f"{path.name}, page {number}", options)
        with decoding(path, f"{_EXPECTED} (page {number})"):
            # The default format: pdf2image's "png" is slower by an order of magnitude.
            drawn = pdf2image.convert_from_path(path, dpi=options.pdf_dpi, first_page=number, last_page=number)
            image = np.array(drawn[0].convert("RGB"))
        yield Page(image, options.pdf_dpi, _source(path, number - 1, n_pages))


def _poppler_info(path: Path, number: int) -> dict[str, Any]:
    import pdf2image
    from pdf2image.exceptions import PDFInfoNotInstalledError

    with decoding(path, _EXPECTED):
        try:
            info: dict[str, Any] = pdf2image.pdfinfo_from_path(path, first_page=number, last_page=number)
        except PDFInfoNotInstalledError:
            raise OptionsError(
                "pdf_backend pdf2image needs poppler's pdfinfo and pdftoppm, which are not installed; "
                "install poppler or use pypdfium2"
            ) from None
        if str(info.get("Encrypted", "no")).startswith("yes"):
            raise FormatError(f"{shown(path.name)}: the PDF is encrypted; save a copy without a password and try again")
        return info


def _poppler_size(info: dict[str, Any], number: int) -> tuple[float, float]:
    """Width and height in points of the page as it is shown, from pdfinfo's lines ``Page    1 size`` and ``rot``."""
    keys = {re.sub(r"\s+", " ", key): str(value) for key, value in info.items()}
    match = re.match(r"([\d.]+) x ([\d.]+)", keys.get(f"Page {number} size", keys.get("Page size", "")))
    if match is None:
        return 0.0, 0.0
    width, height = float(match.group(1)), float(match.group(2))
    sideways = keys.get(f"Page {number} rot", keys.get("Page rot", "0")) in ("90", "270")
    return (height, width) if sideways else (width, height)


def _source(path: Path, index: int, n_pages: int) -> str:
    return path.name if n_pages == 1 else f"{path.name}#page={index + 1}"
