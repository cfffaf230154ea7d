"""Options of reading files, each with its unit and its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ecg.errors import OptionsError

__all__ = ["DEFAULT_OPTIONS", "ReadOptions"]


@dataclass(frozen=True)
class ReadOptions:
    """What a person may say about a file before it is read, and how large it may be.

    Parameters
    ----------
    fs : float or None
        Sampling rate in Hz of a CSV file without a time column. Never assumed.
    units : str
        Unit of CSV columns whose header names none: ``"mV"``, ``"uV"`` or ``"V"``.
    leads : tuple of str or None
        Names of the columns of a CSV file without a header, the time column not counted.
    max_megapixels : float
        Largest page in millions of pixels; an A4 sheet at 600 dpi has 35. Checked before decoding.
    max_file_mb : float
        Largest file in MiB, and largest decoded record (4 bytes a sample), so that a small file cannot claim the
        memory of the machine.
    max_pdf_pages : int
        Most pages of a PDF or TIFF file.
    pdf_dpi : float
        Resolution in dots per inch at which PDF pages are drawn. 200 dpi gives a 1 mm square 7.9 pixels.
    pdf_backend : str
        ``"pypdfium2"`` (no system packages) or ``"pdf2image"`` (needs poppler).

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    fs: float | None = None
    units: str = "mV"
    leads: tuple[str, ...] | None = None
    max_megapixels: float = 100.0
    max_file_mb: float = 512.0
    max_pdf_pages: int = 5000
    pdf_dpi: float = 200.0
    pdf_backend: Literal["pypdfium2", "pdf2image"] = "pypdfium2"

    def __post_init__(self) -> None:
        for name in ("fs", "max_megapixels", "max_file_mb", "max_pdf_pages", "pdf_dpi"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise OptionsError(f"{name} must be a positive number, got {value!r}")
        if self.units not in ("mV", "uV", "V"):
            raise OptionsError(f"units must be mV, uV or V, got {self.units!r}")
        if self.pdf_backend not in ("pypdfium2", "pdf2image"):
            raise OptionsError(f"pdf_backend must be pypdfium2 or pdf2image, got {self.pdf_backend!r}")

    @property
    def max_bytes(self) -> int:
        """Largest file in bytes."""
        return int(self.max_file_mb * 2**20)

    @property
    def max_samples(self) -> int:
        """Most samples of a decoded record, all leads together: float32 takes 4 bytes a sample."""
        return self.max_bytes // 4


DEFAULT_OPTIONS = ReadOptions()
