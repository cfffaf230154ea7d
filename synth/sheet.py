"""Contact sheets: many pages in one picture, for a look at a whole set."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg import FormatError, OptionsError
from synth.page import SynthPage

__all__ = ["contact_sheet", "write_contact_sheet"]

#: Paper between and around the pages, in pixels, and its grey level.
_GAP_PX, _GREY = 8, 96
#: Height of the line below each page, in pixels, and the size of its letters.
_LINE_PX, _EM_PX = 18, 12
#: Most pages of one sheet: at ten columns, a picture still small enough to look at.
_MOST = 400


def contact_sheet(
    pages: str | Path | Iterable[SynthPage],
    columns: int = 4,
    width_px: int = 1600,
    *,
    limit: int = 60,
    captions: bool = True,
) -> NDArray[np.uint8]:
    """Picture of many pages, row by row.

    Parameters
    ----------
    pages : path-like or iterable of SynthPage
        A folder that `synth.write_set` wrote, or pages in memory.
    columns : int
    width_px : int
        Width of the picture.
    limit : int
        The first so many pages; 400 at most.
    captions : bool
        Number, preset (for a mixture the member that was drawn), layout and resolution below each page.

    Returns
    -------
    uint8 array [height, width_px, 3]
        RGB.

    Raises
    ------
    OptionsError
        If there is no page, or a number is out of range.
    FormatError
        If the folder is no set.
    """
    if not 1 <= limit <= _MOST:
        raise OptionsError(f"a contact sheet shows 1 to {_MOST} pages, got a limit of {limit}")
    cell = (width_px - (columns + 1) * _GAP_PX) // columns if columns >= 1 else 0
    if cell < 32:
        raise OptionsError(f"{columns} columns do not fit in {width_px} px: take at least one, each 40 px wide or more")
    found = _from_folder(Path(pages), cell) if isinstance(pages, str | Path) else _from_memory(pages)
    tiles = [_tile(image, words if captions else None, cell) for image, words in islice(found, limit)]
    if not tiles:
        raise OptionsError("a contact sheet needs at least one page, got none")
    rows = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    heights = [max(tile.shape[0] for tile in row) for row in rows]
    sheet = np.full((sum(heights) + _GAP_PX * (len(rows) + 1), width_px, 3), _GREY, np.uint8)
    top = _GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = _GAP_PX + column * (cell + _GAP_PX)
            sheet[top : top + tile.shape[0], left : left + cell] = tile
        top += height + _GAP_PX
    return sheet


def write_contact_sheet(folder: str | Path, columns: int = 4, width_px: int = 1600, *, limit: int = 60) -> Path:
    """Write the contact sheet of a set beside its manifest.

    Parameters
    ----------
    folder : path-like
        A folder that `synth.write_set` wrote.
    columns, width_px, limit : int
        As for `contact_sheet`.

    Returns
    -------
    Path
        ``contact_sheet.jpg``.
    """
    from PIL import Image

    from ecg.formats.atomic import replacing

    sheet = Image.fromarray(contact_sheet(folder, columns, width_px, limit=limit))
    path = Path(folder) / "contact_sheet.jpg"
    with replacing(path) as temporary:
        sheet.save(temporary, quality=85)
    return path


def _from_memory(pages: Iterable[SynthPage]) -> Iterator[tuple[NDArray[np.uint8], str]]:
    for number, page in enumerate(pages):
        meta = page.record.meta
        name = meta.get("member", "")
        yield page.page.image, _words(meta.get("index", number), name, page.layout.name, page.page.dpi)


def _from_folder(folder: Path, cell: int) -> Iterator[tuple[NDArray[np.uint8], str]]:
    from PIL import Image

    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise FormatError(f"{folder.name}: expected manifest.csv of a synthetic set, found none; name the set's folder")
    with manifest.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            with Image.open(folder / row["image"]) as picture:
                # A JPEG is decoded at the nearest smaller scale that is still twice the cell: 8 times as fast.
                picture.draft("RGB", (2 * cell, 2 * cell))
                image = np.asarray(picture.convert("RGB"))
            told = json.loads((folder / "pages" / f"{row['stem']}.json").read_text(encoding="utf-8"))
            yield image, _words(row["index"], told["set"]["member"], row["layout"], float(row["dpi"]))


def _words(index: object, preset: str, layout: str, dpi: float | None) -> str:
    return "  ".join((str(index), preset, layout, "" if dpi is None else f"{dpi:g} dpi")).strip()


def _tile(image: NDArray[np.uint8], words: str | None, width: int) -> NDArray[np.uint8]:
    """Page scaled to a width, twice as high as wide at most, and its line of words."""
    import cv2

    height = max(1, round(image.shape[0] * width / image.shape[1]))
    if height > 2 * width:
        narrow = max(1, math.floor(width * 2 * width / height))
        small = cv2.resize(image, (narrow, 2 * width), interpolation=cv2.INTER_AREA)
        picture = np.full((2 * width, width, 3), _GREY, np.uint8)
        picture[:, (width - narrow) // 2 : (width - narrow) // 2 + narrow] = small
    else:
        picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return picture if words is None else np.vstack([picture, _line(words, width)])


def _line(words: str, width: int) -> NDArray[np.uint8]:
    from synth.text import draw_text, text_ink

    line = np.full((_LINE_PX, width, 3), _GREY, np.uint8)
    ink, top = text_ink(words, _EM_PX)
    draw_text(line, ink, 2, top + 1, (255, 255, 255))
    return line
