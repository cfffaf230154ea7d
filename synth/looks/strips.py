"""Looks of narrow paper: three-channel strips, bedside telemetry, defibrillators in ambulances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synth.header import BlockHints
from synth.looks.parts import chance, grid_of, ink_of, leads_of, pick, sample_dpi, sample_gain, uniform, with_print
from synth.style import PageStyle

__all__ = ["sample_ambulance", "sample_telemetry", "sample_threechannel"]

_ROLLS_MM = (58.0, 63.0, 80.0)  # widths of recorder paper in trade


def _length_s(meta: Mapping[str, Any]) -> float:
    """How long a strip may be: as long as the record, 10 s where nothing is said."""
    return float(meta.get("duration_s") or 10.0)


def _groups_of_three(rng: np.random.Generator, meta: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """Leads in rows, and seconds: all twelve in four groups, the limb or chest leads in two, or three leads."""
    groups = int(pick(rng, {4: 0.6, 2: 0.2, 1: 0.2}))
    if groups == 4:
        return leads_of(rng, "3x4", cabrera=0.05), 10.0
    if groups == 2:
        six = leads_of(rng, "2x6")["rows"][int(rng.integers(2))]
        return {"layout": "3x2", "rows": tuple(zip(six[:3], six[3:], strict=True))}, float(rng.choice([6.0, 8.0, 10.0]))
    chosen = pick(rng, {("I", "II", "III"): 0.4, ("V1", "II", "V5"): 0.3, ("II", "aVF", "V1"): 0.3})
    return {"layout": "3x1", "rows": tuple((lead,) for lead in chosen)}, _length_s(meta)


def sample_threechannel(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Portable three-channel recorder: a roll, leads in groups of three one after the other, one pulse at the start."""
    height = float(rng.choice(_ROLLS_MM))
    leads, seconds = _groups_of_three(rng, meta)
    groups = len(leads["rows"][0])
    left = uniform(rng, 4.0, 12.0)
    gap = float(rng.choice([0.0, 0.0, 2.0, 4.0]))
    paper = (left + 25.0 * seconds + gap * (groups - 1) + 8.0 + uniform(rng, 4.0, 25.0), height)
    font = str(pick(rng, {"mono-narrow": 0.3, "matrix": 0.4, "narrow": 0.3}))
    ink = ink_of(rng, {"thermal": 0.6, "black": 0.3, "blue-black": 0.1})
    style = PageStyle(
        look="threechannel",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        seconds=seconds,
        margin_left_mm=left,
        margin_top_mm=uniform(rng, 4.0, 7.0),
        margin_bottom_mm=uniform(rng, 2.0, 4.0),
        column_gap_mm=gap,
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.18, 0.38),
        names=pick(rng, {"above": 0.6, "on": 0.4}),
        name_mm=uniform(rng, 2.2, 3.0),
        name_bold=chance(rng, 0.4),
        font=font,
        pulse=pick(rng, {"left": 0.8, "none": 0.2}),
        pulse_once=chance(rng, 0.3),
        separator=pick(rng, {"line": 0.3, "dots": 0.25, "tick": 0.15, "none": 0.3}),
        joined=gap == 0.0 and chance(rng, 0.3),
        clip_mm=height / 5 if chance(rng, 0.15) else None,
        **leads,
        **sample_gain(rng),
        **grid_of(rng, {"red": 0.35, "orange": 0.25, "pink": 0.2, "green": 0.12, "brown": 0.08}),
    )
    hints = BlockHints(form="strip", font=font, em_mm=uniform(rng, 1.9, 2.5), codes=0.0)
    return with_print(rng, style, meta, hints)


def sample_telemetry(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Bedside or telemetry strip: one or two leads on paper 50 mm high, a line of small print, no pulse as a rule."""
    n_rows = int(pick(rng, {1: 0.55, 2: 0.45}))
    first = str(pick(rng, {"II": 0.6, "V1": 0.15, "I": 0.1, "III": 0.1, "V5": 0.05}))
    rows = ((first,),) if n_rows == 1 else ((first,), ("V1" if first != "V1" else "II",))
    seconds = min(_length_s(meta), float(rng.choice([6.0, 8.0, 10.0, 10.0, 15.0, 30.0])))
    height = float(rng.choice([40.0, 50.0, 58.0]))
    paper = (seconds * 25.0 + uniform(rng, 12.0, 30.0), height)
    font = str(pick(rng, {"mono": 0.4, "narrow": 0.3, "matrix": 0.3}))
    ink = ink_of(rng, {"thermal": 0.5, "black": 0.5})
    style = PageStyle(
        look="telemetry",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        seconds=seconds,
        margin_left_mm=uniform(rng, 0.5, 4.0),
        margin_top_mm=uniform(rng, 5.0, 8.0),
        margin_bottom_mm=uniform(rng, 1.0, 4.0),
        grid_area_mm=(0.0, 5.0, paper[0], height) if chance(rng, 0.4) else None,
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.22, 0.5),
        names=pick(rng, {"above": 0.8, "none": 0.2}),
        name_mm=uniform(rng, 2.4, 3.4),
        name_bold=chance(rng, 0.3),
        font=font,
        pulse=pick(rng, {"none": 0.7, "left": 0.3}),
        layout=f"{n_rows}x1",
        rows=rows,
        **sample_gain(rng, chest=0.0),
        **grid_of(rng, {"pink": 0.3, "red": 0.3, "orange": 0.25, "grey": 0.15}),
    )
    hints = BlockHints(form="strip", font=font, em_mm=uniform(rng, 2.0, 2.8), codes=0.0)
    return with_print(rng, style, meta, hints)


def sample_ambulance(rng: np.random.Generator, meta: Mapping[str, Any]) -> PageStyle:
    """Defibrillator's report: twelve leads at once in columns of 2.5 s on a roll 100 mm wide, rows close together."""
    layout = str(pick(rng, {"3x4": 0.6, "4x3": 0.25, "3x4+1": 0.15}))
    once = "+" not in layout
    seconds = float(rng.choice([2.5, 2.5, 3.0])) * int(layout[2]) if once else 10.0
    height, gap = float(rng.choice([90.0, 100.0, 106.0])), float(rng.choice([0.0, 1.0, 2.0]))
    side = uniform(rng, 45.0, 62.0) if chance(rng, 0.6) else 0.0
    left = side + uniform(rng, 3.0, 6.0)
    paper = (left + seconds * 25.0 + 3 * gap + 10.0 + uniform(rng, 3.0, 12.0), height)
    font = str(pick(rng, {"narrow": 0.5, "swiss": 0.3, "mono-narrow": 0.2}))
    ink = ink_of(rng, {"thermal": 0.6, "black": 0.4})
    top, bottom = uniform(rng, 5.0, 8.0) if side else uniform(rng, 14.0, 18.0), uniform(rng, 5.0, 8.0)
    style = PageStyle(
        look="ambulance",
        paper_mm=paper,
        dpi=sample_dpi(rng, paper),
        seconds=seconds,
        timing="simultaneous" if once else "consecutive",
        margin_left_mm=left,
        margin_top_mm=top,
        margin_bottom_mm=bottom,
        column_gap_mm=gap,
        grid_area_mm=(left - 2.0, top, paper[0] - 2.0, height - bottom + 1.0) if chance(rng, 0.6) else None,
        grid_kind=pick(rng, {"dots": 0.3, "dotted": 0.25, "lines": 0.35, "five": 0.1}),
        trace_rgb=ink,
        text_rgb=ink,
        trace_width_mm=uniform(rng, 0.16, 0.3),
        names="above",
        name_mm=uniform(rng, 2.2, 2.9),
        name_bold=chance(rng, 0.6),
        font=font,
        pulse=pick(rng, {"left": 0.6, "none": 0.25, "right": 0.15}),
        pulse_once=chance(rng, 0.3),
        separator=pick(rng, {"none": 0.4, "tick": 0.3, "dots": 0.15, "dashes": 0.15}),
        clip_mm=0.8 * (height - top - bottom) / (4 if "+" in layout else int(layout[0])) if chance(rng, 0.3) else None,
        **leads_of(rng, layout),
        **sample_gain(rng),
        **grid_of(rng, {"grey": 0.3, "black": 0.3, "orange": 0.2, "red": 0.2}),
    )
    hints = BlockHints(form="side" if side else "columns", font=font, em_mm=2.2, codes=0.0)
    return with_print(rng, style, meta, hints)
