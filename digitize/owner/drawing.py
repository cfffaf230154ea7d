"""Pages that teach whose ink is whose: crowded rows, tall beats, print across the traces, bent sheets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitize.owner.seen import OwnerPage, save_page, seen_by_reader
from ecg import LAYOUTS, LEADS, ECGRecord
from ecg.errors import DigitizationError, OptionsError
from synth import PageStyle, RecordSource, SynthPage, TextBox, apply_steps, page_look, render, sample_steps

__all__ = ["DrawnPage", "clutter", "draw_owner_page", "draw_pages"]

#: Presets that are drawn, and how often: the mixture of what people hand in, and more of the flat pages among them.
_MIX = {"field": 0.75, "clean": 0.08, "scan": 0.17}
#: Words that stand where a trace runs.
_WORDS = (*LEADS, "II", "V1", "aVR", "25mm/s", "10mm/mV", "HR 74", "*", "ID 4107", "0.05-40 Hz", "II +", "V5 x1/2")

#: A page with its damage, and the same page before it.
DrawnPage = tuple[SynthPage, SynthPage]


def draw_pages(
    folder: Path,
    source: RecordSource,
    n: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Path]:
    """Draw pages into a folder, unless they are there.

    Parameters
    ----------
    folder : pathlib.Path
        Takes ``000000.npz`` and so on; numbers that the reader refuses are passed over.
    source : RecordSource
        Gives the record of each number.
    n : int
        Pages wanted.
    seed : int
    progress : callable, optional
        Called with the number of pages and of those wanted.

    Yields
    ------
    pathlib.Path
        Each page's file, as soon as it is there.

    Raises
    ------
    DigitizationError
        If the reader refuses most pages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A number that was refused leaves a mark, so that a second run does not draw it again.
    refused = folder / "refused.txt"
    known = set(refused.read_text(encoding="utf-8").split()) if refused.is_file() else set()
    done = index = 0
    while done < n:
        path = folder / f"{index:06d}.npz"
        if not path.is_file() and path.stem not in known:
            try:
                record = source.get(seed, index).record
                save_page(path, draw_owner_page(record, np.random.default_rng([seed, index])))
            except DigitizationError:
                with refused.open("a", encoding="utf-8") as file:
                    file.write(path.stem + os.linesep)
        index += 1
        if index > 4 * (done + 10):
            seen = f"of {index} drawn pages only {done} came through the reader"
            raise DigitizationError("owner", seen, "mend the reader before its network is trained")
        if path.is_file():
            done += 1
            yield path
            if progress is not None:
                progress(done, n)


def draw_owner_page(record: ECGRecord, rng: np.random.Generator, preset: str | None = None) -> OwnerPage:
    """Draw one page and look at it with the reader's eyes.

    Parameters
    ----------
    record : ECGRecord
        At the rate it is drawn with, 500 Hz best.
    rng : numpy.random.Generator
    preset : str or None
        One of `synth.PRESETS`; drawn where None.

    Returns
    -------
    OwnerPage

    Raises
    ------
    DigitizationError
        If the reader would refuse the page.
    """
    # Tall beats reach their neighbours' lines: most signals grow, by 16 % in the median.
    size = np.float32(np.exp(rng.normal(0.15, 0.3)))
    record = replace(record, signal=record.signal * size)
    preset = preset or str(rng.choice(list(_MIX), p=list(_MIX.values())))
    style, member = page_look(record, preset, int(rng.integers(2**31)))
    steps = sample_steps(rng, member)
    # A mirrored page is refused.
    steps = tuple(step for step in steps if step["name"] != "mirror")
    undamaged = clutter(_rendered(record, style, rng), rng)
    # The reader measures a scale to within some per cent.
    return seen_by_reader(apply_steps(undamaged, steps), undamaged, float(rng.normal(0, 0.03)))


def _rendered(record: ECGRecord, style: PageStyle, rng: np.random.Generator) -> SynthPage:
    """Page as drawn, in a more crowded look than the preset's own where that fits on the sheet."""
    try:
        return render(record, None, _crowded(style, rng))
    except OptionsError:
        return render(record, None, style)


def _crowded(style: PageStyle, rng: np.random.Generator) -> PageStyle:
    """Look with lines close together, or with less to go by."""
    what = rng.random()
    if what < 0.25:
        style = _relaid(style, "12x1" if rng.random() < 0.7 else "12x1+1")
    elif what < 0.45:
        style = _relaid(style, "6x2" if rng.random() < 0.5 else "6x2+1")
    elif what < 0.65:  # a sheet that is not filled to its edges
        style = replace(style, row_pitch_mm=_pitch_mm(style) * float(rng.uniform(0.55, 1.0)))
    if rng.random() < 0.08:
        style = replace(style, grid=False)
    if rng.random() < 0.2:
        style = replace(style, trace_width_mm=float(rng.uniform(0.2, 0.55)))
    if rng.random() < 0.3:
        style = replace(style, names="on")
    if rng.random() < 0.25:
        # Long ones are rules, which the reader takes out by their length.
        style = replace(style, separator=("tick", "bars", "dashes", "dots")[int(rng.integers(4))])
    return style


def _relaid(style: PageStyle, layout: str) -> PageStyle:
    """Look with another layout, where its lines would stand 10 mm apart or more: closer ones are not in use."""
    relaid = replace(style, layout=layout, rows=(), rhythm=(), row_pitch_mm=None)
    if not style.header and style.look == "plain":
        relaid = replace(relaid, margin_top_mm=14.0)
    return relaid if _pitch_mm(relaid) >= 10.0 else style


def _pitch_mm(style: PageStyle) -> float:
    """From line to line of trace."""
    if style.row_pitch_mm is not None:
        return style.row_pitch_mm
    n = len(style.rows) + len(style.rhythm) if style.rows else LAYOUTS[style.layout].n_lines
    return (style.paper_mm[1] - style.margin_top_mm - style.margin_bottom_mm) / n


def clutter(page: SynthPage, rng: np.random.Generator) -> SynthPage:
    """Print words on the traces and bars across them, on two pages in three.

    Half of the words stand where their trace is steepest: a QRS that runs through a letter.

    Parameters
    ----------
    page : SynthPage
        Before any damage.
    rng : numpy.random.Generator

    Returns
    -------
    SynthPage
        Its mask still names the trace where both cover a pixel.
    """
    image = page.page.image.copy()
    texts = list(page.texts)
    drawn = [trace for trace in page.traces if np.isfinite(trace.y).sum() > 1]
    if drawn and rng.random() < 0.5:
        for index in rng.integers(len(drawn), size=int(rng.integers(1, 16))):
            trace = drawn[index]
            steep = np.abs(np.diff(trace.y))
            at = int(np.nanargmax(steep)) if rng.random() < 0.5 else int(rng.integers(steep.size))
            texts.append(_word(image, page, np.array([trace.x[at], np.nan_to_num(trace.y[at])]), rng))
    if drawn and rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 5))):
            texts += _bars(image, page, rng)
    return replace(page, page=replace(page.page, image=image), texts=tuple(texts))


def _word(image: NDArray[np.uint8], page: SynthPage, at: NDArray[np.float64], rng: np.random.Generator) -> TextBox:
    """Print a word about a point of the page."""
    from synth.text import draw_text, text_ink

    mm = page.scale.px_per_mm_y
    words = str(rng.choice(_WORDS))
    ink, _ = text_ink(words, max(6, round(rng.uniform(2.2, 4.5) * mm)), bool(rng.random() < 0.3))
    # Its middle within 1.5 mm, as a rule.
    left, top = np.rint(at + rng.normal(0, 1.5 * mm, 2) - (ink.shape[1] / 2, ink.shape[0] / 2)).astype(int)
    return TextBox("measurement", words, draw_text(image, ink, int(left), int(top), page.style.text_rgb))


def _bars(image: NDArray[np.uint8], page: SynthPage, rng: np.random.Generator) -> list[TextBox]:
    """Draw an upright bar across every line of trace, one above the other."""
    mm = page.scale.px_per_mm_y
    first, last = (page.traces[k].baseline[:, 0] for k in (0, -1))
    x = float(rng.uniform(min(first[0], last[0]), max(first[1], last[1])))
    # Over 45 mm a bar is a rule, which the reader takes out by its length.
    half, width = float(rng.uniform(1.5, 12.0)) * mm, max(1.0, float(rng.uniform(0.2, 0.8)) * mm)
    bars = []
    for level in sorted({round(float(trace.baseline[0, 1]), 3) for trace in page.traces}):
        left, right = round(x - width / 2), round(x + width / 2)
        top, bottom = max(0, round(level - half)), round(level + half)
        image[top:bottom, left:right] = page.style.trace_rgb
        quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - 0.5
        bars.append(TextBox("separator", "", quad))
    return bars
