"""Examples to try without an ECG of one's own: drawn by a program from synthetic hearts, so of nobody."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

from ecg.record import ECGRecord
from einthoven.web.uploads import Upload

__all__ = ["EXAMPLES", "Example", "drawn", "thumbnail"]

#: Pixels across a thumbnail: half the width of a phone, twice over for sharp screens.
_THUMBNAIL_PX = 480


@dataclass(frozen=True)
class Example:
    """An example of the gallery.

    Parameters
    ----------
    key, title, words : str
    heart : str
        One of `synth.KINDS`.
    preset : str
        One of `synth.PRESETS`; ``""`` for the signals as a table.
    seed : int
    """

    key: str
    title: str
    words: str
    heart: str
    preset: str
    seed: int


EXAMPLES = {
    e.key: e
    for e in (
        Example("normal_scan", "A normal heart, scanned", "3x4 leads and a rhythm strip", "norm", "scan", 3),
        Example("infarction_scan", "An acute inferior infarction", "a clean scan", "ami_inferior", "clean", 5),
        Example("lbbb_photo", "Left bundle branch block, photographed", "held by hand", "lbbb", "phone", 8),
        Example("afib_scan", "Atrial fibrillation", "a scanned page", "afib", "scan", 11),
        Example("normal_table", "A normal heart as a table", "CSV of twelve leads, 10 s", "norm", "", 3),
    )
}


@lru_cache(maxsize=len(EXAMPLES))
def drawn(key: str) -> Upload:
    """Draw an example as the file that a person would send.

    Parameters
    ----------
    key : str
        One of `EXAMPLES`.

    Returns
    -------
    Upload
    """
    import numpy as np
    from PIL import Image

    from synth import draw_page, sample_physiology, synthesize_record

    example = EXAMPLES[key]
    record = synthesize_record(sample_physiology(np.random.default_rng(example.seed), example.heart))
    if not example.preset:
        return Upload(f"{key}.csv", _table(record))
    page = draw_page(record, example.preset, example.seed)
    out = io.BytesIO()
    Image.fromarray(page.page.image).save(out, "JPEG", quality=90)
    return Upload(f"{key}.jpg", out.getvalue())


def _table(record: ECGRecord) -> bytes:
    import tempfile
    from pathlib import Path

    from ecg.formats import write_csv

    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        return write_csv(record, Path(folder) / "x.csv").read_bytes()


@lru_cache(maxsize=len(EXAMPLES))
def thumbnail(key: str) -> bytes:
    """Draw an example small, as JPEG; empty for a table."""
    from PIL import Image

    sent = drawn(key)
    if sent.name.endswith(".csv"):
        return b""
    with Image.open(io.BytesIO(sent.content)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=75)
    return out.getvalue()
