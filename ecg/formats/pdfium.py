"""One door to PDFium: the lock that every caller shares, opening with one clear error, and rendering.

PDFium keeps global state and may be entered by one thread at a time ("PDFium is not thread-safe", pypdfium2's manual,
section "Thread incompatibility"), so whoever calls it, here or through pypdfium2, holds `LOCK` while doing so.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError

__all__ = ["LOCK", "load_page", "open_document", "render"]

#: Held around every call into PDFium. Re-entrant, so that a function holding it may call another that takes it.
LOCK = threading.RLock()

#: PDF user space: 72 points to the inch (ISO 32000-1, section 8.3.2.3).
POINTS_PER_INCH = 72.0

#: Error number of PDFium for a file that wants a password (FPDF_ERR_PASSWORD, fpdfview.h).
_ERR_PASSWORD = 4


def open_document(path: str | Path) -> Any:
    """Open a PDF file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    pypdfium2.PdfDocument
        To be closed by the caller, under `LOCK`.

    Raises
    ------
    FormatError
        If the file is missing, no PDF, damaged, encrypted or has no page.
    """
    import pypdfium2

    path = Path(path)
    if not path.is_file():
        raise FormatError(f"{path}: expected a PDF file, found none; check the path")
    with LOCK:
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == _ERR_PASSWORD:
                raise FormatError(f"{path}: the PDF is encrypted; save a copy without a password") from None
            raise FormatError(f"{path}: expected a PDF, but it is damaged or of another kind; save it again") from None
        try:
            n_pages = len(document)
        except pypdfium2.PdfiumError:
            n_pages = 0
        if n_pages == 0:
            document.close()
            raise FormatError(f"{path}: expected a PDF with at least one page, found none; save it again")
        return document


def load_page(document: Any, index: int, name: str | Path) -> Any:
    """One page of an open document.

    Parameters
    ----------
    document : pypdfium2.PdfDocument
    index : int
        Page number, counted from 0.
    name : str or Path
        The file's name, for messages.

    Returns
    -------
    pypdfium2.PdfPage
        To be closed by the caller, under `LOCK`.

    Raises
    ------
    FormatError
        If there is no such page, or it is damaged or has no area.
    """
    import pypdfium2

    with LOCK:
        if not 0 <= index < len(document):
            raise FormatError(f"{name}: expected a page number from 1 to {len(document)}, got {index + 1}")
        try:
            page = document[index]
            width, height = page.get_size()
        except pypdfium2.PdfiumError:
            raise FormatError(f"{name}: page {index + 1} is damaged; save the PDF again") from None
        if not (0 < width < math.inf and 0 < height < math.inf):
            page.close()
            raise FormatError(f"{name}: page {index + 1} has no area ({width:g} x {height:g} pt); save the PDF again")
        return page


def render(page: Any, dpi: float, name: str | Path, *, max_megapixels: float = 100.0) -> NDArray[np.uint8]:
    """Picture of a page as PDFium draws it, its /Rotate obeyed.

    Parameters
    ----------
    page : pypdfium2.PdfPage
    dpi : float
        Dots per inch.
    name : str or Path
        The file's name, for messages.
    max_megapixels : float
        Greatest size of the picture; checked before it is drawn.

    Returns
    -------
    uint8 array [height, width, 3]
        RGB. A point (x, y) of the displayed page, in points from its top left corner, lies at
        ``(x * width / width_pt, y * height / height_pt)`` pixels.

    Raises
    ------
    FormatError
        If the picture would be too large or cannot be drawn.
    """
    import pypdfium2

    with LOCK:
        width, height = page.get_size()
        scale = dpi / POINTS_PER_INCH
        megapixels = math.ceil(width * scale) * math.ceil(height * scale) / 1e6
        if megapixels > max_megapixels:
            raise FormatError(
                f"{name}: expected a page of at most {max_megapixels:g} megapixels, got {megapixels:.0f} at "
                f"{dpi:g} dpi; lower the dpi or raise the limit"
            )
        try:
            bitmap = page.render(scale=scale, rev_byteorder=True)
        except pypdfium2.PdfiumError:
            raise FormatError(f"{name}: the page cannot be drawn; save the PDF again") from None
        image = np.asarray(bitmap.to_numpy())
        if image.ndim == 2:
            image = image[:, :, None]
        # A copy in any case: the buffer goes with the bitmap. Grey pictures have one channel, others three or four.
        picture: NDArray[np.uint8] = np.array(np.broadcast_to(image[:, :, :3], (*image.shape[:2], 3)))
        bitmap.close()
        return picture
