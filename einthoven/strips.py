"""Pages through the published single-lead method, in the same wrapping as every other reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from digitize import rhythm_strip
from digitize.result import Digitization
from ecg import DigitizationError, ECGRecord, LeadBox, Page

if TYPE_CHECKING:
    from ecg.formats import ReadOptions

__all__ = ["read_strips"]

_NO_UNIT = (
    "the strip method measures no scale: its signal has no unit (z-score), its time rests on the strip's taken length"
)


def read_strips(
    path: Path,
    lead: str = "II",
    options: rhythm_strip.StripOptions | None = None,
    reading: ReadOptions | None = None,
) -> Iterator[Digitization]:
    """Read the rhythm strip of every page of a file by the published ten steps.

    Parameters
    ----------
    path : Path
    lead : str
        Name for the signal; the method does not read names.
    options : StripOptions or None
    reading : ReadOptions or None
        Bounds on files and pages; a PDF is drawn at the method's own 200 dpi.

    Yields
    ------
    Digitization
        One signal of 5000 samples, hence 500 Hz where the strip is taken to span 10 s, in the unit ``"NU"``, status
        ``"review"``; a page on which the method finds no strip is ``"refused"``.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    from ecg import formats

    options = options or rhythm_strip.StripOptions()
    reading = replace(reading or formats.ReadOptions(), pdf_dpi=rhythm_strip.PDF_DPI)
    for page in formats.read_pages(path, reading):
        yield _read(page, lead, options)


def _read(page: Page, lead: str, options: rhythm_strip.StripOptions) -> Digitization:
    step: Mapping[str, Any] = {"stage": "rhythm_strip", **asdict(options)}
    refused = Digitization(record=None, page=page, status="refused", steps=(step,))
    try:
        signal = rhythm_strip.rhythm_strip(page, options)
    except DigitizationError as error:
        return replace(refused, reasons=(str(error),))
    turn, width, height = np.eye(3), page.width, page.height
    if height > width:  # the method turns portrait pages anticlockwise: (x, y) goes to (y, width - 1 - x)
        turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, page.width - 1.0], [0.0, 0.0, 1.0]])
        width, height = height, width
    top, bottom = (part * height for part in rhythm_strip.STRIP_ROWS)
    return replace(
        refused,
        record=ECGRecord(signal, rhythm_strip.N_SAMPLES / options.duration_s, (lead,), {"units": "NU"}),
        status="review",
        reasons=(_NO_UNIT,),
        boxes=(LeadBox(lead, (0.0, top, float(width), bottom), 0.0, options.duration_s),),
        assumed=(f"the strip shows lead {lead}", f"the page's full width spans {options.duration_s:g} s"),
        homography=turn,
    )
