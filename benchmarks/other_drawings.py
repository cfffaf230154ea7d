"""Pages that are no ECG, drawn: what people keep in the same folders, and what looks most like one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWINGS"]

Image = NDArray[np.uint8]
Double = NDArray[np.float64]

_INK = (25, 25, 35)
_TALK = (
    "The patient was seen on the ward and felt well no pain or fever blood pressure 120 80 next visit in May at ten "
    "total sum of all invoices due by the end of the month please sign here and return one copy to the office"
)
_WORDS = np.array(_TALK.split())


def _sheet(rng: np.random.Generator, px_per_mm: float = 0.0) -> tuple[Image, float]:
    """White or tinted A4 sheet, upright or lying, and its pixels per millimetre (4 to 8: 100 to 200 dpi)."""
    px = px_per_mm or float(rng.uniform(4, 8))
    sides = (297, 210) if rng.random() < 0.5 else (210, 297)
    paper = rng.integers(235, 256, 3).astype(np.uint8)
    return np.full((round(sides[1] * px), round(sides[0] * px), 3), paper, np.uint8), px


def _finished(rng: np.random.Generator, image: Image) -> Image:
    """Scan a drawing: a little blur, noise of 2 grey levels, and JPEG."""
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.8)))
    noisy = np.clip(soft + rng.normal(0, 2, soft.shape), 0, 255).astype(np.uint8)
    _, code = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def _write(image: Image, text: str, at: tuple[float, float], cap_px: float) -> None:
    """Letters of a cap height at a baseline's left end; Hershey's capitals are 21 units high."""
    pen = max(1, round(cap_px / 9))
    place = (round(at[0]), round(at[1]))
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, cap_px / 21, _INK, pen, cv2.LINE_AA)


def _curve(image: Image, x: Double, y: Double, colour: tuple[int, int, int], width: int) -> None:
    points = np.round(np.stack([x, y], axis=1) * 8).astype(np.int32)
    cv2.polylines(image, [points[:, None]], False, colour, width, cv2.LINE_AA, 3)


def _ruled(image: Image, xs: Double, ys: Double, colour: tuple[int, int, int], width: int = 1) -> None:
    """Lines across a sheet at columns and rows, from the first to the last of the others."""
    for x in np.round(xs).astype(int):
        cv2.line(image, (int(x), round(ys[0])), (int(x), round(ys[-1])), colour, width)
    for y in np.round(ys).astype(int):
        cv2.line(image, (round(xs[0]), int(y)), (round(xs[-1]), int(y)), colour, width)


def _millimetres(rng: np.random.Generator) -> tuple[Image, float]:
    """Rule a sheet of millimetre paper, as charts of laboratories and schools are printed on."""
    image, px = _sheet(rng)
    red = rng.random() < 0.5
    for step, grey in ((1, 215), (5, 165)):
        ink = (grey, grey, 250) if red else (grey, 235, grey)
        _ruled(image, np.arange(0, image.shape[1], step * px), np.arange(0, image.shape[0], step * px), ink)
    return image, px


def _text(rng: np.random.Generator) -> Image:
    image, px = _sheet(rng)
    cap, pitch = rng.uniform(1.8, 3.0) * px, rng.uniform(4.5, 9) * px
    for y in np.arange(20 * px, image.shape[0] - 20 * px, pitch):
        line = " ".join(rng.choice(_WORDS, int(rng.integers(4, 14))))
        _write(image, line, (18 * px, y), cap)
    return _finished(rng, image)


def _spreadsheet(rng: np.random.Generator) -> Image:
    image, px = _sheet(rng)
    wide, high = rng.uniform(14, 32) * px, rng.uniform(4.5, 8) * px
    xs, ys = np.arange(8 * px, image.shape[1] - 8 * px, wide), np.arange(8 * px, image.shape[0] - 8 * px, high)
    _ruled(image, xs, ys, (190, 190, 190) if rng.random() < 0.6 else (60, 60, 60))
    for x in xs[:-1]:
        for y in ys[1:]:
            if rng.random() < 0.8:
                word = str(rng.choice(_WORDS)) if rng.random() < 0.2 else f"{rng.normal(0, 900):.2f}"
                _write(image, word[:9], (x + px, y - 0.25 * high), min(0.4 * high, 2.2 * px))
    return _finished(rng, image)


def _chess_board(rng: np.random.Generator) -> Image:
    side, n = int(rng.integers(30, 140)), int(rng.integers(6, 13))
    board = np.kron((np.indices((n, n)).sum(axis=0) % 2), np.ones((side, side)))
    dark, light = rng.integers(0, 110, 3), rng.integers(170, 256, 3)
    image = np.where(board[:, :, None] > 0, dark, light).astype(np.uint8)
    image = cv2.copyMakeBorder(image, side, side, side, side, cv2.BORDER_CONSTANT, value=(240, 240, 240))
    return _finished(rng, np.asarray(image, np.uint8))


def _calendar(rng: np.random.Generator) -> Image:
    image, px = _sheet(rng)
    months = 12 if rng.random() < 0.5 else 1
    columns = 3 if months == 12 else 1
    wide, high = image.shape[1] / columns - 8 * px, image.shape[0] / (months // columns) - 12 * px
    for m in range(months):
        left = 6 * px + (m % columns) * (wide + 4 * px)
        top = 10 * px + (m // columns) * (high + 8 * px)
        if months == 1:
            _ruled(image, np.linspace(left, left + wide, 8), np.linspace(top, top + high, 7), (120, 120, 120))
        first = int(rng.integers(7))
        for day in range(30):
            row, column = divmod(first + day, 7)
            at = (left + (column + 0.3) * wide / 7, top + (row + 0.7) * high / 6)
            _write(image, str(day + 1), at, min(0.3 * high / 6, 4 * px))
    return _finished(rng, image)


def _music(rng: np.random.Generator) -> Image:
    image, px = _sheet(rng)
    gap = rng.uniform(1.6, 2.4) * px
    for top in np.arange(20 * px, image.shape[0] - 25 * px, rng.uniform(9, 14) * gap):
        right = image.shape[1] - 12 * px
        for k in range(5):
            cv2.line(image, (round(12 * px), round(top + k * gap)), (round(right), round(top + k * gap)), _INK, 1)
        for x in np.arange(24 * px, right, rng.uniform(6, 11) * px):
            y = top + gap * rng.integers(-1, 10) / 2
            cv2.ellipse(image, (round(x), round(y)), (round(0.62 * gap), round(0.45 * gap)), -20, 0, 360, _INK, -1)
            stem = round(x + 0.6 * gap)
            cv2.line(image, (stem, round(y)), (stem, round(y - 3.4 * gap)), _INK, max(1, round(0.15 * gap)))
        for x in np.arange(12 * px, right + 1, (right - 12 * px) / 4):
            cv2.line(image, (round(x), round(top)), (round(x), round(top + 4 * gap)), _INK, 1)
    return _finished(rng, image)


def _plot(rng: np.random.Generator) -> Image:
    """Line chart with a grid, axes and a legend, as plotting programs draw it."""
    width, height = int(rng.integers(700, 1800)), int(rng.integers(450, 1200))
    image = np.full((height, width, 3), 255, np.uint8)
    x0, x1, y0, y1 = 0.09 * width, 0.97 * width, 0.07 * height, 0.9 * height
    if rng.random() < 0.8:
        xs, ys = np.linspace(x0, x1, int(rng.integers(5, 13))), np.linspace(y0, y1, int(rng.integers(4, 10)))
        _ruled(image, xs, ys, (215, 215, 215))
    cv2.rectangle(image, (round(x0), round(y0)), (round(x1), round(y1)), (0, 0, 0), 1)
    t = np.linspace(0, 1, 400)
    for _ in range(int(rng.integers(1, 6))):
        waves = np.sin(2 * np.pi * (rng.uniform(1, 12) * t + rng.random())) * rng.random() + rng.normal() * t
        value = waves + rng.choice([0.0, 0.15]) * rng.normal(size=t.size)
        part = (value - value.min()) / max(float(np.ptp(value)), 1e-9)
        low, high = sorted(rng.random(2))
        y = y1 - (low + (high - low) * part) * (y1 - y0)
        colour = tuple(int(c) for c in rng.integers(0, 200, 3))
        _curve(image, x0 + t * (x1 - x0), y, colour, int(rng.integers(1, 4)))  # type: ignore[arg-type]
    for k in range(6):
        _write(image, f"{k * 0.2:.1f}", (x0 + k * (x1 - x0) / 5, y1 + 0.05 * height), 0.018 * height)
    return image


def _graph_paper(rng: np.random.Generator) -> Image:
    """Millimetre paper, blank or with a few straight lines of a drawing."""
    image, px = _millimetres(rng)
    for _ in range(int(rng.integers(0, 9))):
        ends = rng.uniform(0, 1, (2, 2)) * (image.shape[1], image.shape[0])
        _curve(image, ends[:, 0], ends[:, 1], _INK, max(1, round(0.3 * px)))
    return _finished(rng, image)


def _recorder_chart(rng: np.random.Generator) -> Image:
    """Several pens on millimetre paper that write no heart: temperatures, tremors, brain waves."""
    image, px = _millimetres(rng)
    lines, width = int(rng.integers(1, 13)), image.shape[1]
    x = np.arange(10 * px, width - 10 * px, 0.5 * px)
    kind = str(rng.choice(["drift", "tremor", "waves"]))
    for k in range(lines):
        level = image.shape[0] * (k + 0.7) / (lines + 0.4)
        noise = rng.normal(size=x.size)
        if kind == "drift":
            y = np.cumsum(noise) * 0.15
        elif kind == "tremor":
            burst = np.exp(-0.5 * ((x - rng.uniform(0.2, 0.8) * width) / (0.08 * width)) ** 2)
            y = noise * (0.15 + 5 * burst)
        else:  # 8 to 12 Hz at 30 mm/s: 3 mm a wave
            y = 2 * np.sin(2 * np.pi * np.cumsum(rng.normal(1 / 3.0, 0.03, x.size)) * 0.5) + 0.4 * noise
        y = np.clip(y - y.mean(), -12, 12)
        _curve(image, x, level - y * px, _INK, max(1, round(0.3 * px)))
    return _finished(rng, image)


def _stacked(rng: np.random.Generator) -> Image:
    """Three to twelve curves one above the other over a fine grid: prices, tides, loads of a network."""
    image, px = _sheet(rng)
    step = rng.uniform(4, 12) * px
    _ruled(image, np.arange(8 * px, image.shape[1], step), np.arange(8 * px, image.shape[0], step), (210, 210, 210))
    n, t = int(rng.integers(3, 13)), np.linspace(0, 1, 900)
    for k in range(n):
        walk = np.cumsum(rng.normal(size=t.size)) * 0.03 + np.sin(2 * np.pi * rng.uniform(2, 30) * t)
        walk = (walk - walk.mean()) / max(float(walk.std()), 1e-9)
        level = image.shape[0] * (k + 0.8) / (n + 0.6)
        colour = tuple(int(c) for c in rng.integers(0, 160, 3))
        pen = max(1, round(0.35 * px))
        y = level - walk * rng.uniform(1, 5) * px
        _curve(image, 12 * px + t * (image.shape[1] - 24 * px), y, colour, pen)  # type: ignore[arg-type]
    return _finished(rng, image)


#: Kinds of pictures that are no ECG.
DRAWINGS: dict[str, Callable[[np.random.Generator], Image]] = {
    "text": _text,
    "spreadsheet": _spreadsheet,
    "chess board": _chess_board,
    "calendar": _calendar,
    "music": _music,
    "plot": _plot,
    "graph paper": _graph_paper,
    "recorder chart": _recorder_chart,
    "stacked plots": _stacked,
}
