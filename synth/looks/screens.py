"""Looks of screens: a monitor, light on dark, and the page of a viewer, dark on light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synth.header import BlockHints
from synth.looks.parts import chance, grid_of, leads_of, pick, sample_gain, tinted, uniform, with_print
from synth.style import Colour, PageStyle

__all__ = ["sample_monitor", "sample_viewer"]

#: Traces of monitors: green, white, yellow, cyan, amber.
_GLOWS: Mapping[Colour, float] = {
    (70, 240, 110): 0.4,
    (235, 238, 240): 0.2,
    (250, 230, 70): 0.15,
    (90, 220, 240): 0.15,
    (255, 180, 60): 0.1,
}
_NIGHTS: tuple[Colour, ...] = ((6, 8, 10), (0, 0, 0), (14, 22, 34), (22, 24, 26), (8, 22, 14))


def _screen_dpi(rng: np.random.Generator) -> float:
    """Pixels of a screen an inch of ECG paper: a viewer at 100 % has 96, on finer screens up to 160."""
    return float(pick(rng, {72.0: 0.1, 96.0: 0.4, 110.0: 0.2, 120.0: 0.15, 144.0: 0.1, 160.0: 0.05}))


def sample_monitor(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Monitor: bright lines on black or deep blue, a faint grid or none, figures in capitals."""
    layout = str(pick(rng, {"3x4": 0.2, "3x4+1": 0.2, "6x2": 0.3, "12x1": 0.15, "3x1": 0.1, "2x1": 0.05}))
    few = layout in ("3x1", "2x1")
    night = tinted(rng, _NIGHTS[int(rng.integers(len(_NIGHTS)))], 2.0)
    glow = pick(rng, _GLOWS)
    lines = [tuple(min(255, int(v + lift)) for v in night) for lift in (uniform(rng, 14, 30), uniform(rng, 34, 62))]
    grid = chance(rng, 0.7)
    left, top = uniform(rng, 4.0, 12.0), uniform(rng, 8.0, 22.0)
    bottom = uniform(rng, 6.0, 12.0)
    height = top + bottom + (uniform(rng, 24.0, 34.0) * int(layout[0]) if few else uniform(rng, 95.0, 160.0))
    font = str(pick(rng, {"swiss": 0.5, "sans": 0.3, "mono": 0.2}))
    leads = leads_of(rng, layout, cabrera=0.05)
    style = PageStyle(
        look="monitor",
        paper_mm=(left + 250.0 + 8.0 + uniform(rng, 4.0, 50.0), height),
        dpi=_screen_dpi(rng),
        margin_left_mm=left,
        margin_top_mm=top,
        margin_bottom_mm=bottom,
        grid=grid,
        grid_kind=pick(rng, {"lines": 0.4, "major": 0.4, "dots": 0.2}),
        grid_phase_mm=(uniform(rng, 0, 5), uniform(rng, 0, 5)),
        paper_rgb=night,
        minor_rgb=lines[0],  # type: ignore[arg-type]
        major_rgb=lines[1],  # type: ignore[arg-type]
        minor_width_mm=0.26,  # a line of one pixel at 96 dpi
        major_width_mm=0.26,
        trace_rgb=glow,
        text_rgb=glow if chance(rng, 0.5) else (220, 224, 228),
        trace_width_mm=uniform(rng, 0.3, 0.6),
        names=pick(rng, {"above": 0.8, "on": 0.04, "below": 0.16}),
        name_mm=uniform(rng, 3.0, 4.4),
        name_bold=chance(rng, 0.4),
        font=font,
        pulse=pick(rng, {"none": 0.6, "left": 0.4}),
        separator=pick(rng, {"none": 0.7, "line": 0.2, "tick": 0.1}),
        **leads,
        **sample_gain(rng),
    )
    return with_print(rng, style, meta, BlockHints(form="strip", font=font, em_mm=uniform(rng, 3.0, 3.7), codes=0.0))


def sample_viewer(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Screenshot of a viewer or web page: thin lines on a pale grid, cut close to the traces, little print."""
    layout = str(pick(rng, {"3x4+1": 0.45, "3x4": 0.25, "6x2": 0.12, "12x1": 0.1, "3x4+3": 0.08}))
    left, top, bottom = uniform(rng, 1.5, 8.0), uniform(rng, 2.0, 16.0), uniform(rng, 2.0, 10.0)
    colours = grid_of(rng, {"pink": 0.4, "grey": 0.25, "red": 0.2, "blue": 0.15}, 0.9)
    if chance(rng, 0.6):
        colours["paper_rgb"] = (255, 255, 255)
    colours["minor_width_mm"] = colours["major_width_mm"] = 0.26
    ink = pick(rng, {(0, 0, 0): 0.6, (20, 24, 60): 0.15, (30, 60, 160): 0.15, (150, 20, 30): 0.1})
    rows = uniform(rng, 22.0, 34.0) * {"3x4+1": 4, "3x4": 3, "6x2": 5, "12x1": 8, "3x4+3": 6}[layout]
    font = str(pick(rng, {"swiss": 0.5, "sans": 0.3, "stix": 0.2}))
    style = PageStyle(
        look="viewer",
        paper_mm=(left + 250.0 + 8.0 + uniform(rng, 1.0, 8.0), top + rows + bottom),
        dpi=_screen_dpi(rng),
        margin_left_mm=left,
        margin_top_mm=top,
        margin_bottom_mm=bottom,
        grid_kind=pick(rng, {"lines": 0.8, "major": 0.2}),
        trace_rgb=ink,
        text_rgb=(30, 30, 34),
        trace_width_mm=uniform(rng, 0.24, 0.45),
        names=pick(rng, {"above": 0.52, "below": 0.44, "on": 0.04}),
        name_mm=uniform(rng, 2.8, 4.0),
        name_bold=chance(rng, 0.4),
        font=font,
        pulse=pick(rng, {"none": 0.4, "left": 0.5, "right": 0.1}),
        pulse_gap_mm=uniform(rng, 0.2, 1.0),
        separator=pick(rng, {"none": 0.6, "tick": 0.3, "line": 0.1}),
        joined=chance(rng, 0.2),
        **leads_of(rng, layout),
        **sample_gain(rng),
        **colours,
    )
    form = "strip" if chance(rng, 0.6) else "none"
    return with_print(rng, style, meta, BlockHints(form=form, font=font, codes=0.0))
