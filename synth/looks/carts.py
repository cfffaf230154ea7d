"""Looks of twelve-lead carts: laser print, thermal fan-fold, dotted thermal paper, archive, office printer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synth.header import BlockHints
from synth.looks.parts import (
    chance,
    grid_of,
    ink_of,
    leads_of,
    pick,
    sample_dpi,
    sample_gain,
    uniform,
    white_around,
    with_print,
)
from synth.style import A4_MM, LETTER_MM, PageStyle

__all__ = ["sample_archive", "sample_cart", "sample_dotgrid", "sample_office", "sample_zfold"]

#: How often carts print which layout, roughly; four rows of three columns and six columns are rare.
_LAYOUTS = {
    "3x4+1": 0.47,
    "3x4": 0.13,
    "3x4+3": 0.12,
    "3x4+2": 0.04,
    "6x2": 0.07,
    "6x2+1": 0.06,
    "12x1": 0.05,
    "4x3": 0.02,
    "4x3+1": 0.01,
    "2x6": 0.01,
    "3x5": 0.02,
}


def _seconds(layout: str, rng: np.random.Generator) -> dict[str, Any]:
    """Length of a row, and whether its columns follow each other: 10 s, now and then columns of 2.5 s at one time."""
    columns = int(layout.partition("+")[0].partition("x")[2])
    if "+" not in layout and columns > 1 and chance(rng, 0.12):
        return {"timing": "simultaneous", "seconds": min(10.0, 2.5 * columns) if columns != 2 else 10.0}
    return {"timing": "consecutive", "seconds": 10.0}


def _top_mm(rng: np.random.Generator, layout: str, low: float, high: float) -> float:
    """Room above the traces; less where many rows need the sheet."""
    n_lines = int(layout[: layout.index("x")]) + int(layout.partition("+")[2] or 0)
    return uniform(rng, low, high) if n_lines <= 4 else min(uniform(rng, low, high), 34.0 if n_lines <= 7 else 20.0)


def sample_cart(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Cart with a laser printer: pale lines on white office paper, a table of figures above, thin sharp traces."""
    layout, font = str(pick(rng, _LAYOUTS)), str(pick(rng, {"stix": 0.4, "swiss": 0.4, "narrow": 0.1, "sans": 0.1}))
    paper = A4_MM if chance(rng, 0.5) else LETTER_MM
    top, bottom = _top_mm(rng, layout, 28.0, 46.0), uniform(rng, 11.0, 17.0)
    boxed = chance(rng, 0.45)
    left = uniform(rng, 8.0, min(14.0, paper[0] - 261.0))
    area = (left - 3.0, top - 2.0, paper[0] - uniform(rng, 4.0, 8.0), paper[1] - bottom + 2.0) if boxed else None
    ink = ink_of(rng, {"black": 0.85, "blue-black": 0.08, "faint": 0.07})
    style = PageStyle(
        look="cart",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        margin_left_mm=left,
        margin_top_mm=top,
        margin_bottom_mm=bottom,
        grid_margin_mm=float(rng.choice([0.0, 4.0, 7.0])),
        grid_area_mm=area,
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.18, 0.36),
        speed_mm_per_s=12.5 if chance(rng, 0.03) else 25.0,
        names=pick(rng, {"below": 0.62, "above": 0.34, "on": 0.04}),
        name_mm=uniform(rng, 2.6, 3.8),
        name_bold=chance(rng, 0.35),
        font=font,
        pulse=pick(rng, {"left": 0.85, "none": 0.1, "right": 0.05}),
        pulse_gap_mm=uniform(rng, 0.2, 1.2),
        separator=pick(rng, {"none": 0.5, "tick": 0.4, "bars": 0.1}),
        column_gap_mm=float(rng.choice([0.0, 0.0, 1.0])),
        joined=chance(rng, 0.3),
        **leads_of(rng, layout, cabrera=0.03),
        **_seconds(layout, rng),
        **sample_gain(rng),
        **grid_of(rng, {"pink": 0.55, "red": 0.3, "orange": 0.06, "grey": 0.05, "blue": 0.04}),
    )
    if boxed and chance(rng, 0.6):
        style = white_around(rng, style)
    form = pick(rng, {"columns": 0.6, "corners": 0.15, "lines": 0.1, "footer": 0.1, "none": 0.05})
    return with_print(rng, style, meta, BlockHints(form=form, font=font))


def sample_zfold(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Thermal cart on fan-fold paper with a printed grid to its edges; letters of the print head, dotted separators."""
    layout = str(pick(rng, {**_LAYOUTS, "6x2": 0.2, "6x2+1": 0.12}))
    # Folds of 210 mm lie 280 to 300 mm apart.
    paper = (uniform(rng, 280.0, 300.0), 210.0)
    font = str(pick(rng, {"mono": 0.3, "mono-narrow": 0.25, "matrix": 0.25, "narrow": 0.2}))
    ink = ink_of(rng, {"thermal": 0.7, "black": 0.2, "blue-black": 0.1})
    style = PageStyle(
        look="zfold",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        margin_left_mm=uniform(rng, 3.0, paper[0] - 262.0),
        margin_top_mm=_top_mm(rng, layout, 16.0, 34.0),
        margin_bottom_mm=uniform(rng, 8.0, 14.0),
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.16, 0.3),
        speed_mm_per_s=12.5 if chance(rng, 0.03) else 25.0,
        names=pick(rng, {"above": 0.5, "on": 0.2, "below": 0.3}),
        name_mm=uniform(rng, 2.6, 4.2),
        name_bold=chance(rng, 0.6),
        font=font,
        name_form=pick(rng, {"usual": 0.85, "caps": 0.08, "D": 0.04, "C": 0.03}),
        pulse=pick(rng, {"left": 0.85, "right": 0.05, "none": 0.1}),
        pulse_gap_mm=uniform(rng, 0.4, 1.5),
        separator=pick(rng, {"dots": 0.45, "dashes": 0.15, "line": 0.1, "tick": 0.15, "none": 0.15}),
        joined=chance(rng, 0.2),
        **leads_of(rng, layout, cabrera=0.05),
        **_seconds(layout, rng),
        **sample_gain(rng, chest=0.08),
        **grid_of(rng, {"red": 0.4, "magenta": 0.15, "orange": 0.2, "pink": 0.15, "green": 0.1}, 1.1),
    )
    form = pick(rng, {"lines": 0.45, "columns": 0.3, "corners": 0.15, "footer": 0.1})
    return with_print(rng, style, meta, BlockHints(form=form, font=font, em_mm=uniform(rng, 2.2, 3.2)))


def sample_dotgrid(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Thermal cart that prints its own grid: dots in the ink of the traces, on plain greyish paper."""
    layout, paper = str(pick(rng, _LAYOUTS)), (uniform(rng, 282.0, 298.0), 210.0)
    ink = ink_of(rng, {"thermal": 0.6, "black": 0.4})
    margin = uniform(rng, 2.0, 8.0)
    top = _top_mm(rng, layout, 22.0, 40.0)
    colours = grid_of(rng, {"black": 0.75, "grey": 0.15, "blue": 0.1}, 1.2)
    colours["minor_width_mm"], colours["major_width_mm"] = uniform(rng, 0.16, 0.24), uniform(rng, 0.18, 0.28)
    style = PageStyle(
        look="dotgrid",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        margin_left_mm=uniform(rng, 5.0, paper[0] - 264.0),
        margin_top_mm=top,
        margin_bottom_mm=uniform(rng, 10.0, 15.0),
        grid_kind=pick(rng, {"dotted": 0.4, "dots": 0.3, "five": 0.3}),
        grid_area_mm=(margin, top - 2.0, paper[0] - margin, paper[1] - uniform(rng, 7.0, 10.0)),
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.16, 0.32),
        names=pick(rng, {"above": 0.7, "below": 0.3}),
        name_mm=uniform(rng, 2.2, 3.4),
        name_bold=chance(rng, 0.3),
        font="narrow",
        pulse=pick(rng, {"left": 0.9, "none": 0.1}),
        separator=pick(rng, {"dashes": 0.35, "dots": 0.25, "bars": 0.15, "tick": 0.1, "none": 0.15}),
        **leads_of(rng, layout, cabrera=0.05),
        **_seconds(layout, rng),
        **sample_gain(rng),
        **colours,
    )
    font = str(pick(rng, {"narrow": 0.6, "mono-narrow": 0.2, "swiss": 0.2}))
    form = pick(rng, {"corners": 0.4, "columns": 0.4, "lines": 0.2})
    return with_print(rng, style, meta, BlockHints(form=form, font=font))


def sample_archive(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Print from a hospital's archive: framed grid with heavy large squares, pulses at right, bars between columns."""
    layout = str(pick(rng, {"3x4+1": 0.7, "3x4+3": 0.12, "3x4": 0.08, "6x2": 0.05, "12x1": 0.05}))
    paper = LETTER_MM if chance(rng, 0.6) else A4_MM
    top, bottom = _top_mm(rng, layout, 26.0, 44.0), uniform(rng, 12.0, 18.0)
    left = uniform(rng, 7.0, min(12.0, paper[0] - 265.0))
    colours = grid_of(rng, {"red": 0.7, "pink": 0.2, "grey": 0.1}, 1.0)
    colours["major_width_mm"] = uniform(rng, 0.3, 0.55)
    ink = ink_of(rng, {"faint": 0.35, "black": 0.65})
    style = PageStyle(
        look="archive",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        margin_left_mm=left,
        margin_top_mm=top,
        margin_bottom_mm=bottom,
        grid_area_mm=(left - 2.0, top - 1.0, left + 250.0 + 10.0, paper[1] - bottom + 1.0),
        trace_rgb=ink,
        text_rgb=(20, 20, 22),
        trace_width_mm=uniform(rng, 0.15, 0.3),
        names="above",
        name_mm=uniform(rng, 2.8, 3.8),
        name_dx_mm=uniform(rng, 1.0, 2.0),
        font="swiss",
        pulse=pick(rng, {"right": 0.75, "left": 0.2, "none": 0.05}),
        pulse_gap_mm=uniform(rng, 0.5, 1.3),
        separator=pick(rng, {"bars": 0.7, "tick": 0.2, "none": 0.1}),
        **leads_of(rng, layout),
        **_seconds(layout, rng),
        **sample_gain(rng),
        **colours,
    )
    if chance(rng, 0.8):
        style = white_around(rng, style)
    form = pick(rng, {"columns": 0.65, "corners": 0.2, "footer": 0.15})
    return with_print(rng, style, meta, BlockHints(form=form, font="swiss", codes=0.25))


def sample_office(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Page of a PC's recorder on an office printer, upright as often as not: pale grid in any colour, table above."""
    upright = chance(rng, 0.7)
    paper = (A4_MM[1], A4_MM[0]) if upright else A4_MM
    layout = str(pick(rng, {"6x2": 0.45, "12x1": 0.3, "6x2+1": 0.15, "3x4+1": 0.1} if upright else _LAYOUTS))
    speed = 12.5 if layout == "3x4+1" and upright else 25.0
    seconds = (7.0 if layout == "12x1" or "+" in layout else 7.2) if upright and speed == 25.0 else 10.0
    left = uniform(rng, 8.0, 16.0)
    font = str(pick(rng, {"swiss": 0.4, "narrow": 0.25, "sans": 0.2, "stix": 0.15}))
    ink = ink_of(rng, {"black": 0.7, "blue-black": 0.15, "blue": 0.08, "dark red": 0.07})
    style = PageStyle(
        look="office",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        seconds=seconds,
        speed_mm_per_s=speed,
        margin_left_mm=left,
        margin_top_mm=uniform(rng, 45.0, 75.0) if upright else _top_mm(rng, layout, 32.0, 46.0),
        margin_bottom_mm=uniform(rng, 14.0, 24.0),
        grid_margin_mm=uniform(rng, 5.0, 8.0),
        grid_kind=pick(rng, {"lines": 0.75, "major": 0.12, "dots": 0.08, "five": 0.05}),
        trace_rgb=ink,
        text_rgb=(25, 25, 28),
        trace_width_mm=uniform(rng, 0.2, 0.34),
        names=pick(rng, {"above": 0.6, "below": 0.25, "on": 0.15}),
        name_mm=uniform(rng, 2.6, 3.6),
        name_bold=chance(rng, 0.5),
        font=font,
        pulse=pick(rng, {"left": 0.7, "none": 0.2, "right": 0.1}),
        separator=pick(rng, {"none": 0.5, "tick": 0.25, "line": 0.25}),
        **leads_of(rng, layout, cabrera=0.15),
        **sample_gain(rng, chest=0.1),
        **grid_of(rng, {"pink": 0.4, "grey": 0.2, "blue": 0.15, "green": 0.1, "orange": 0.15}, 0.9),
    )
    return with_print(rng, style, meta, BlockHints(form="columns" if chance(rng, 0.7) else "corners", font=font))
