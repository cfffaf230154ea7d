"""Grids, lines and pages drawn in closed form: what the reader's stages are measured against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from digitize.grid import find_grid
from digitize.segment import ink_map
from ecg import ECGRecord, PageLayout
from synth import PageStyle, SynthPage, render

#: White paper and black ink without anything but traces.
BARE = PageStyle(
    dpi=150,
    grid=False,
    names="none",
    pulse="none",
    separator="none",
    scale_text=False,
    paper_rgb=(255,) * 3,
    trace_rgb=(0,) * 3,
)

#: Pixels between 500 Hz samples at 200 dpi and 25 mm/s: 200 / 25.4 * 25 / 500.
SAMPLE_PX = 0.39370


def draw_grid(
    size: tuple[int, int],
    pitch: tuple[float, float],
    angle_deg: float = 0.0,
    minor: int | None = 215,
    major: int | None = 160,
    width: float = 1.0,
    noise: float = 2.0,
) -> NDArray[np.uint8]:
    """Grid of grey lines on white, at exact positions, turned so that its rows fall to the right.

    ``size`` is (width, height) in pixels, ``pitch`` a millimetre in x and y. A pixel is covered by
    width/2 + 1/2 - distance, within 0 and 1; ``minor`` lines stand every 1 mm, ``major`` every 5. Scanners add a noise
    of about 2 grey levels.
    """
    x, y = np.arange(size[0], dtype=np.float64)[None], np.arange(size[1], dtype=np.float64)[:, None]
    a = np.radians(angle_deg)
    along, down = x * np.cos(a) + y * np.sin(a), y * np.cos(a) - x * np.sin(a)
    grey = np.full((size[1], size[0]), 255.0)
    for step, level in ((1, minor), (5, major)):
        if level is None:
            continue
        for at, mm in zip((along, down), pitch, strict=True):
            off = np.abs(at - np.rint(at / (step * mm)) * step * mm)
            cover = np.clip(width / 2 + 0.5 - off, 0, 1)
            grey = np.minimum(grey, 255 - (255 - level) * cover)
    grey = np.clip(grey + np.random.default_rng(0).normal(0, noise, grey.shape), 0, 255)
    return np.repeat(np.rint(grey).astype(np.uint8)[:, :, None], 3, axis=2)


def draw_line(
    shape: tuple[int, int], x: NDArray[np.float64], y: NDArray[np.float64], width: float
) -> NDArray[np.float32]:
    """Share of each pixel that a pen of a width in pixels covers along a polyline."""
    from synth.stroke import stroke

    cover = np.zeros(shape, np.uint8)
    stroke(cover, np.asarray(x, np.float64), np.asarray(y, np.float64), width)
    return (cover / np.float32(255)).astype(np.float32)


def beats(x: NDArray[np.float64], mm: float, height_mm: float = 12.0, every_mm: float = 20.0) -> NDArray[np.float64]:
    """Heights in pixels of a line with beats: a QRS of 1.2 mm at its foot, a T wave 6 mm behind it."""
    phase = (x / mm) % every_mm
    qrs = height_mm * np.exp(-0.5 * ((phase - every_mm / 2) / 0.4) ** 2)
    t = 0.2 * height_mm * np.exp(-0.5 * ((phase - every_mm / 2 - 6) / 1.2) ** 2)
    return (qrs + t) * mm


def draw_words(width: int, height: int, mm: float, lines: int = 12) -> NDArray[np.uint8]:
    """Page of running text, 3 mm capitals, and nothing else."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (width, height), "white")
    path = matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf"
    font = ImageFont.truetype(path, round(4 * mm))
    words = "The patient was seen on the ward and felt well; no pain, no fever. Next visit in May at ten. "
    for k in range(lines):
        ImageDraw.Draw(picture).text((15 * mm, (15 + 9 * k) * mm), (words * 2)[k : k + 70], fill="black", font=font)
    return np.asarray(picture)


def ink_of(page: SynthPage) -> NDArray[np.float32]:
    """Ink map of a drawn page, as the pipeline makes it."""
    grid = find_grid(page.page.image) if page.style.grid else None
    return ink_map(page.page.image, page.style.scale.px_per_mm_x, grid).share


def draw(record: ECGRecord, layout: str | PageLayout, **changes: object) -> SynthPage:
    """Page on pink paper at 150 dpi with names, pulses, separators and scale text; ``changes`` of its style."""
    return render(record, layout, replace(PageStyle(dpi=150), **changes))  # type: ignore[arg-type]
