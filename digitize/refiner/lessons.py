"""What the refiner learns from: drawn pages as the reader reads them, each lead beside what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.options import DigitizeOptions
from digitize.pipeline import digitize
from digitize.refiner.view import LineView, recorded
from ecg import ECGRecord
from ecg.datasets import RecordItem, ptb_xl
from ecg.errors import DigitizationError, OptionsError
from ecg.formats.atomic import replacing
from synth import SynthPage, draw_page, open_source
from synth.source import page_look

__all__ = [
    "Lesson",
    "LessonSource",
    "drawn_lessons",
    "lead_lesson",
    "lesson_page",
    "load_lessons",
    "page_lessons",
    "save_lessons",
]

Float = NDArray[np.float32]
Double = NDArray[np.float64]

#: Presets that are drawn, and how often, half of them clean prints and scans, where a fraction of a pen counts.
_MIX = {"clean": 0.25, "scan": 0.25, "field": 0.33, "photocopy": 0.11, "wrecked": 0.06}
#: Shares of pages drawn coarser, with a broader pen, and on a darker grid than their preset does, and how far: pictures
#: of 100 to 150 dpi, pens of 0.4 to 0.75 mm, a grid of 0.45 to 0.8 times its colour. Each is rare in the presets, and
#: costs decibels where it was never learned.
_COARSE, _BROAD, _DARK = 0.25, 0.15, 0.15
_COARSE_DPI, _BROAD_MM, _DARK_TIMES = (100.0, 160.0), (0.4, 0.75), (0.45, 0.8)
#: Share of pages of synthetic hearts, whose lines no noise roughens.
_SMOOTH = 0.1
#: Samples that a reading may be late or early against what was drawn: 0.12 s; and parts of a sample that are tried.
_LATE, _PARTS = 60, np.arange(-0.5, 0.51, 0.1)
#: Share of a lead's samples that must have been drawn and read.
_KNOWN = 0.7
#: A lead read worse than this, in dB, was taken for another or lost: there is nothing to refine.
_LOST_DB = 4.0
#: Shortest lead that is learned from, in samples.
_SHORTEST = 400


@dataclass(frozen=True, eq=False)
class Lesson:
    """A lead as it was fitted, and by how much it was off.

    Parameters
    ----------
    view : LineView
        Its line about its own median.
    move : float32 array [samples]
        Units downwards to the truth, about their median; NaN where it is not known.
    spread : float
        Standard deviation of the true signal in units.
    """

    view: LineView
    move: Float
    spread: float


def lead_lesson(view: LineView, read: NDArray[np.bool_], truth: Double, start: int, per_mv: float) -> Lesson | None:
    """Compare a fitted line with what was drawn.

    The line is moved in time, to a tenth of a sample, to where it fits the truth best: what the page's clock is off is
    no fault of the line.

    Parameters
    ----------
    view : LineView
    read : bool array [samples]
        Where the line was read.
    truth : float array [record's samples]
        The lead in mV at the view's rate, NaN where it was not drawn.
    start : int
        Sample of the record at which the reader has the line begin.
    per_mv : float
        Units in a millivolt.

    Returns
    -------
    Lesson or None
        None where too little of the lead is known, or it was lost.
    """
    from scipy.interpolate import CubicSpline

    drawn = np.flatnonzero(np.isfinite(truth))
    if view.y.size < _SHORTEST or drawn.size < _SHORTEST:
        return None
    spline = CubicSpline(drawn, -truth[drawn] * per_mv)
    samples = np.arange(view.y.size)

    def wanted(late: float) -> Double:
        at = start + late + samples
        inside = (at >= drawn[0]) & (at <= drawn[-1]) & read
        return np.where(inside, spline(at.clip(drawn[0], drawn[-1])), np.nan)

    def off(late: float) -> float:
        error = wanted(late) - view.y
        return float(np.nanstd(error)) if np.isfinite(error).mean() >= _KNOWN else np.inf

    lates = np.arange(-_LATE, _LATE + 1, dtype=np.float64)
    late = float(lates[int(np.argmin([off(v) for v in lates]))])
    late += float(_PARTS[int(np.argmin([off(late + v) for v in _PARTS]))])
    if not np.isfinite(off(late)):
        return None
    want = wanted(late)
    move = want - view.y
    spread = float(np.nanstd(want))
    if not 20 * np.log10(max(spread, 1e-9) / max(off(late), 1e-6)) > _LOST_DB:
        return None
    view = LineView(view.near, (view.y - np.median(view.y)).astype(np.float32), view.pen)
    return Lesson(view, (move - np.nanmedian(move)).astype(np.float32), spread)


def page_lessons(page: SynthPage) -> list[Lesson]:
    """Read a drawn page, and compare each of its leads with what was drawn.

    Parameters
    ----------
    page : SynthPage

    Returns
    -------
    list of Lesson
        Empty where the reader refuses the page.
    """
    with recorded() as views:
        try:
            reading = digitize(page.page, DigitizeOptions(force=True))
        except DigitizationError:
            return []
    if reading.scale is None or len(views) != len(reading.traces):
        return []  # a line without ink, or two ECGs
    fs, lessons = page.record.fs, []
    for view, trace in zip(views, reading.traces, strict=True):
        if trace.box.lead not in page.record.leads:
            continue
        truth = page.record[trace.box.lead].astype(np.float64)
        per_mv = reading.scale.px_per_mv / view.unit_px
        lesson = lead_lesson(view, np.isfinite(trace.y), truth, round(trace.box.start_s * fs), per_mv)
        lessons += [] if lesson is None else [lesson]
    return lessons


def lesson_page(source: LessonSource, seed: int, index: int) -> SynthPage:
    """Draw the page of a number.

    Parameters
    ----------
    source : LessonSource
    seed, index : int

    Returns
    -------
    SynthPage

    Raises
    ------
    OptionsError
        If its look does not fit on its sheet.
    """
    rng = np.random.default_rng([seed, index, 1])
    preset, record = str(rng.choice(list(_MIX), p=list(_MIX.values()))), source.record(seed, index)
    style, chances = page_look(record, preset, seed, index)[0], rng.random(3)
    if chances[0] < _COARSE:
        style = replace(style, dpi=min(style.dpi, float(rng.uniform(*_COARSE_DPI))))
    if chances[1] < _BROAD:
        style = replace(style, trace_width_mm=float(rng.uniform(*_BROAD_MM)))
    if chances[2] < _DARK:
        times = float(rng.uniform(*_DARK_TIMES))
        minor, major = (tuple(round(times * c) for c in colour) for colour in (style.minor_rgb, style.major_rgb))
        style = replace(style, minor_rgb=minor, major_rgb=major)  # type: ignore[arg-type]  # three numbers each
    return draw_page(record, preset, seed, index, style)


def save_lessons(path: Path, lessons: Sequence[Lesson]) -> None:
    """Write the leads of a page as a compressed npz file.

    Parameters
    ----------
    path : Path
    lessons : sequence of Lesson
    """
    arrays: dict[str, Any] = {}
    for k, lesson in enumerate(lessons):
        arrays |= {f"near{k}": lesson.view.near, f"y{k}": lesson.view.y, f"pen{k}": lesson.view.pen}
        arrays |= {f"move{k}": lesson.move, f"spread{k}": np.array(lesson.spread, np.float32)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_lessons(path: Path) -> list[Lesson]:
    """Read a page's leads that `save_lessons` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Lesson
    """
    with np.load(path, allow_pickle=False) as arrays:
        n = sum(name.startswith("near") for name in arrays)
        return [
            Lesson(
                LineView(arrays[f"near{k}"], arrays[f"y{k}"], arrays[f"pen{k}"]),
                arrays[f"move{k}"],
                float(arrays[f"spread{k}"]),
            )
            for k in range(n)
        ]


class LessonSource:
    """Records to draw, all of 500 Hz: at 100 Hz a beat has lost what is to be learned.

    Parameters
    ----------
    data : Path or None
        Folder with ``ptb-xl``; None for synthetic hearts. Records whose pages lie in its ``pages_kit``, on which the
        reader is measured, are left out.
    folds : sequence of int

    Raises
    ------
    OptionsError
        If there are none.
    """

    def __init__(self, data: Path | None, folds: Sequence[int]) -> None:
        self._items: tuple[RecordItem, ...] = ()
        self.name = "synthetic hearts"
        if data is not None:
            pages = {path.stem.rpartition("_")[2].lstrip("0") for path in (data / "pages_kit").glob("*.hea")}
            items = ptb_xl(data / "ptb-xl", 500, folds)
            self._items = tuple(item for item in items if str(item.ecg_id) not in pages)
            self.name = f"PTB-XL 1.0.3, {len(self._items)} records of 500 Hz"
            if not self._items:
                raise OptionsError(f"no record of 500 Hz in folds {', '.join(map(str, folds))} of {data / 'ptb-xl'}")

    def record(self, seed: int, index: int) -> ECGRecord:
        """Return the record of a page: of a page in ten a synthetic heart."""
        rng = np.random.default_rng([seed, index])
        if not self._items or rng.random() < _SMOOTH:
            return open_source("physiology").get(seed, index).record
        return self._items[int(rng.integers(len(self._items)))].record()


def drawn_lessons(
    folder: Path, source: LessonSource, n: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[Path]:
    """Draw and read pages into a folder, unless they are there.

    Parameters
    ----------
    folder : Path
        Takes ``000000.npz`` and so on, without those that do not fit on their sheet or cannot be read.
    source : LessonSource
    n : int
        Pages wanted.
    seed : int
    progress : callable, optional
        Called with the number of pages and of those wanted.

    Yields
    ------
    Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for index in range(4 * n + 40):
        path = folder / f"{index:06d}.npz"
        if not path.is_file():
            try:
                lessons = page_lessons(lesson_page(source, seed, index))
            except OptionsError:
                continue  # a sampled look that does not fit on its sheet
            if not lessons:
                continue
            save_lessons(path, lessons)
        done += 1
        yield path
        if progress is not None:
            progress(done, n)
        if done == n:
            return
    raise DigitizationError("refiner", f"only {done} of {4 * n + 40} drawn pages were read", "mend the reader first")
