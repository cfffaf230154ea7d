"""Looks of older and of regional recorders: heated stylus, pen plotter, 50 mm/s in Cabrera order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecg import LEADS
from synth.header import BlockHints
from synth.looks.parts import chance, grid_of, ink_of, leads_of, pick, sample_dpi, sample_gain, uniform, with_print
from synth.style import A4_MM, PageStyle

__all__ = ["sample_heatpen", "sample_nordic", "sample_plotter"]


def _mounted(rng: np.random.Generator) -> dict[str, Any]:
    """Leads in rows as they were cut out and pasted: twelve, or a few."""
    layout = str(pick(rng, {"6x2": 0.4, "4x3": 0.3, "3x4": 0.1, "3x1": 0.1, "1x1": 0.1}))
    if not layout.endswith("x1"):
        return leads_of(rng, layout)
    chosen = rng.choice(LEADS, int(layout[0]), replace=False)
    return {"layout": layout, "rows": tuple((str(lead),) for lead in chosen)}


def sample_heatpen(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """One-channel recorder with a heated or inked stylus: leads cut from a strip and mounted, typed names."""
    leads = _mounted(rng)
    n_rows, columns = len(leads["rows"]), len(leads["rows"][0])
    seconds, gap = (10.0, uniform(rng, 2.0, 6.0)) if columns > 1 else (7.0, 0.0)
    left, top = uniform(rng, 6.0, 14.0), uniform(rng, 12.0, 24.0)
    pitch = uniform(rng, 26.0, 34.0) if n_rows < 6 else uniform(rng, 24.0, 27.0)
    paper = (left + 25.0 * seconds + gap * (columns - 1) + uniform(rng, 12.0, 20.0), top + n_rows * pitch + 10.0)
    ink = ink_of(rng, {"black": 0.4, "blue-black": 0.35, "brown": 0.25})
    style = PageStyle(
        look="heatpen",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        seconds=seconds,
        margin_left_mm=left,
        margin_top_mm=top,
        margin_bottom_mm=8.0,
        column_gap_mm=gap,
        row_pitch_mm=pitch,
        trace_rgb=ink,
        text_rgb=ink_of(rng, {"black": 0.6, "blue-black": 0.4}),
        trace_width_mm=uniform(rng, 0.38, 0.6),
        pen_taper=uniform(rng, 0.4, 0.75),
        names=pick(rng, {"above": 0.7, "below": 0.3}),
        name_mm=uniform(rng, 3.2, 4.6),
        font=pick(rng, {"cm-mono": 0.6, "mono": 0.2, "stix-italic": 0.2}),
        name_form=pick(rng, {"usual": 0.6, "caps": 0.3, "D": 0.1}),
        pulse=pick(rng, {"left": 0.6, "none": 0.4}) if columns == 1 else "none",
        pulse_once=chance(rng, 0.5),
        separator="line" if columns > 1 and chance(rng, 0.4) else "none",
        **leads,
        **sample_gain(rng, chest=0.0),
        **grid_of(rng, {"brown": 0.35, "grey": 0.2, "orange": 0.2, "red": 0.15, "blue": 0.1}, 1.1),
    )
    form = pick(rng, {"none": 0.5, "strip": 0.3, "lines": 0.2})
    return with_print(
        rng, style, meta, BlockHints(form=form, font="cm-mono", scale=False, interpretation=0.0, codes=0.0)
    )


def sample_plotter(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Pen plotter: letters made of strokes, coloured ink, rules between columns."""
    layout = str(pick(rng, {"3x4+1": 0.3, "3x4": 0.25, "6x2": 0.3, "4x3": 0.1, "12x1": 0.05}))
    paper = (A4_MM[0], 210.0)
    ink = ink_of(rng, {"black": 0.35, "blue-black": 0.3, "blue": 0.15, "dark red": 0.2})
    style = PageStyle(
        look="plotter",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        margin_left_mm=uniform(rng, 8.0, 22.0),
        margin_top_mm=uniform(rng, 24.0, 34.0) if layout != "12x1" else 18.0,
        margin_bottom_mm=uniform(rng, 9.0, 14.0),
        column_gap_mm=float(rng.choice([0.0, 2.0])),
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.28, 0.42),
        pen_taper=uniform(rng, 0.1, 0.35),
        names=pick(rng, {"above": 0.6, "below": 0.4}),
        name_mm=uniform(rng, 3.4, 4.4),
        font="plotter",
        name_form=pick(rng, {"usual": 0.5, "caps": 0.5}),
        pulse=pick(rng, {"left": 0.7, "right": 0.2, "none": 0.1}),
        separator=pick(rng, {"line": 0.4, "tick": 0.3, "none": 0.3}),
        **leads_of(rng, layout, cabrera=0.1),
        **sample_gain(rng),
        **grid_of(rng, {"green": 0.35, "orange": 0.3, "brown": 0.2, "red": 0.15}, 1.05),
    )
    form = pick(rng, {"lines": 0.6, "corners": 0.4})
    return with_print(rng, style, meta, BlockHints(form=form, font="plotter", interpretation=0.3, codes=0.0))


def sample_nordic(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Page at 50 mm/s: two columns of 2.5 s or twelve rows of 5 s, Cabrera order, names before the pulse."""
    layout = str(pick(rng, {"6x2": 0.7, "12x1": 0.3}))
    paper = A4_MM
    font = str(pick(rng, {"narrow": 0.4, "swiss": 0.4, "mono-narrow": 0.2}))
    ink = ink_of(rng, {"black": 0.6, "thermal": 0.2, "blue-black": 0.2})
    name_mm = uniform(rng, 2.8, 3.4)
    left = 2.6 * name_mm + uniform(rng, 2.0, 5.0)
    style = PageStyle(
        look="nordic",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        seconds=5.0,
        speed_mm_per_s=50.0,
        timing="consecutive" if layout == "12x1" or chance(rng, 0.3) else "simultaneous",
        margin_left_mm=left,
        margin_top_mm=uniform(rng, 20.0, 32.0) if layout == "6x2" else uniform(rng, 16.0, 20.0),
        margin_bottom_mm=uniform(rng, 9.0, 13.0),
        column_gap_mm=float(rng.choice([0.0, 2.0])),
        grid_margin_mm=float(rng.choice([0.0, 3.0])),
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.18, 0.34),
        names=pick(rng, {"left": 0.6, "above": 0.4}),
        name_mm=name_mm,
        name_bold=chance(rng, 0.5),
        font=font,
        name_form="C" if chance(rng, 0.15) else "usual",
        pulse=pick(rng, {"left": 0.8, "none": 0.2}),
        separator=pick(rng, {"none": 0.4, "line": 0.4, "tick": 0.2}),
        **leads_of(rng, layout, cabrera=0.7),
        **sample_gain(rng),
        **grid_of(rng, {"red": 0.35, "orange": 0.3, "pink": 0.2, "green": 0.15}, 1.0),
    )
    language = str(pick(rng, {"de": 0.35, "sv": 0.35, "nl": 0.15, "en": 0.15}))
    form = pick(rng, {"lines": 0.5, "columns": 0.5})
    return with_print(rng, style, meta, BlockHints(form=form, font=font, language=language))
