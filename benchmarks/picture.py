"""The README's picture, page → trace → answer, from a synthetic page: ``python -m benchmarks.picture``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitize import read_file
from digitize.overlay import draw
from digitize.result import Digitization
from ecg import LEADS
from synth import demo_page

__all__ = ["compose", "main"]

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "einthoven.png"
#: Seed of the page, size of each panel and height of its title in pixels, colours of the palette.
SEED, PANEL, TITLE_PX, COLOURS = 2, (500, 360), 30, 96
#: Part of the page that the middle panel shows (left, top, right, bottom as shares): the whole would hide the trace.
CLOSE = (0.04, 0.34, 0.44, 0.71)


def compose(drawn: NDArray[np.uint8], reading: Digitization) -> Image.Image:
    """Put page, overlay and signals side by side.

    Parameters
    ----------
    drawn : uint8 array [height, width, 3]
    reading : Digitization

    Returns
    -------
    PIL.Image.Image
        With a palette, small enough for a first screen.
    """
    height, width = drawn.shape[:2]
    left, top, right, bottom = (round(v * n) for v, n in zip(CLOSE, (width, height) * 2, strict=True))
    close = draw(reading)[top:bottom, left:right]
    panels = (("a page", drawn), ("read, and drawn back over it", close), ("12 leads, mV, 500 Hz", _signals(reading)))
    picture = Image.new("RGB", (len(panels) * PANEL[0], PANEL[1] + TITLE_PX), "white")
    pen = ImageDraw.Draw(picture)
    for column, (title, panel) in enumerate(panels):
        left = column * PANEL[0]
        pen.text((left + 10, 4), title, fill="black", font=ImageFont.load_default(18))
        small = Image.fromarray(panel)
        small.thumbnail((PANEL[0] - 10, PANEL[1] - 10), Image.Resampling.LANCZOS)
        picture.paste(small, (left + 5, TITLE_PX))
    # The octree keeps the few pixels of a strong colour, which the median cut would give up for shades of paper.
    return picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def _signals(reading: Digitization) -> NDArray[np.uint8]:
    """Twelve rows of signal, 10 s each, drawn at twice the panel's size; what is not on the paper stays empty."""
    width, height = 2 * (PANEL[0] - 10), 2 * (PANEL[1] - 10)
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    record = reading.record
    if record is None:
        raise RuntimeError(f"the page was refused: {'; '.join(reading.reasons)}")
    left, pitch = 90, height / len(LEADS)
    for row, lead in enumerate(LEADS):
        x = left + np.arange(record.n_samples) / record.n_samples * (width - left - 10)
        y = (row + 0.5) * pitch - 0.45 * pitch * (record[lead] - np.nanmedian(record[lead]))  # 1 mV takes 0.45 rows
        pen.text((10, (row + 0.5) * pitch - 14), lead, fill="black", font=ImageFont.load_default(26))
        for first, last in zip(np.column_stack([x, y])[:-1], np.column_stack([x, y])[1:], strict=True):
            if np.isfinite(first[1] + last[1]):
                pen.line((*first, *last), fill=(0, 114, 178), width=3)
    return np.asarray(picture)


def main() -> int:
    """Draw the page, read it, write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        page = demo_page(seed=SEED).page
        Image.fromarray(page.image).save(path, dpi=(page.dpi or 200, page.dpi or 200))
        reading = next(iter(read_file(path)))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    compose(page.image, reading).save(TARGET, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
