"""Looks of a page: paper, grid, pen, words and where everything stands, all sizes in millimetres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ecg import LAYOUTS, OptionsError, PageLayout, PaperScale
from ecg.paper import EXTRA_LAYOUTS
from synth.blocks import Block

__all__ = ["PRESETS", "PageStyle", "sample_style"]

Colour = tuple[int, int, int]

#: Sets of looks and damage that can be asked for by name.
PRESETS = ("clean", "published", "scan", "photocopy", "fax", "phone", "screen", "archive", "wrecked", "field")

#: Presets without device looks: the shipped weights were trained on their pages, and figures are quoted on them.
_PLAIN = ("clean", "published", "scan")

A4_MM = (297.0, 210.0)  # ISO 216, landscape
LETTER_MM = (279.4, 215.9)  # 11 by 8.5 inches

#: Pale and strong line of pink and red ECG papers, as scanners show them.
_PINKS: tuple[tuple[Colour, Colour], ...] = (
    ((250, 216, 216), (240, 160, 160)),
    ((252, 224, 220), (236, 130, 130)),
    ((248, 206, 210), (228, 140, 150)),
    ((253, 226, 214), (242, 168, 142)),
    ((250, 214, 222), (232, 130, 160)),
)
_FIRST = ("Fern", "Basil", "Hazel", "Ash", "Olive", "Reed", "Ivy", "Rowan", "Linden", "Clover")
_LAST = ("Testpage", "Sampleton", "Paperly", "Gridson", "Mockham", "Drawnfield", "Inkwell", "Plotter")


@dataclass(frozen=True)
class PageStyle:
    """How a page looks, damage apart.

    Parameters
    ----------
    layout : str
        Name of the layout, ``"3x4+1"`` say.
    paper_mm : tuple of float
        Width and height of the sheet.
    dpi : float
        Dots per inch of the picture.
    seconds : float
        Seconds from the left to the right end of a row.
    speed_mm_per_s, gain_mm_per_mv : float
        Paper speed and gain.
    timing : str
        ``"consecutive"``: each column follows the one before in time; ``"simultaneous"``: all show the same seconds.
    margin_left_mm, margin_top_mm, margin_bottom_mm : float
        Edge of the sheet to the pulse (or trace), to the first and from the last row's band.
    column_gap_mm : float
        Empty paper between columns.
    grid : bool
        Whether lines are printed.
    grid_margin_mm : float
        Paper left free of grid on all sides.
    grid_phase_mm : tuple of float
        A strong line's place, from the sheet's left and top edge.
    paper_rgb, minor_rgb, major_rgb, trace_rgb, text_rgb : tuple of int
        Colours, 0 to 255.
    minor_width_mm, major_width_mm, trace_width_mm : float
        Widths of the 1 mm lines, the 5 mm lines and the trace.
    names : str
        ``"below"`` (left end, under the trace), ``"above"``, ``"on"`` (on the line itself), ``"left"`` (before the
        pulse, in the margin; above in further columns) or ``"none"``.
    name_mm : float
        Size of the lead names (em) in mm.
    name_bold : bool
    pulse : str
        ``"left"`` or ``"right"`` of the rows, or ``"none"``.
    separator : str
        Where a column starts: ``"tick"``, a short upright line; ``"bars"``, one above and one below the trace;
        ``"dashes"``, short ones across it; ``"dots"`` or ``"line"``, dotted or whole over all rows of columns; or
        ``"none"``.
    scale_text : bool
        Whether speed and gain are printed below.
    header : tuple of str
        Lines at the top left.
    look : str
        Name of the look that the style was drawn from, one of `synth.looks.LOOKS` or ``"plain"``.
    rows : tuple of tuple of str
        Leads of the rows, where they are not the layout's own.
    rhythm : tuple of str
        Leads of the strips that belong to ``rows``.
    chest_gain_mm_per_mv : float or None
        Gain of the leads V1 to V9 and V3R, V4R, where it is not that of the others.
    row_pitch_mm : float or None
        From row to row; None shares the height of the sheet out evenly.
    clip_mm : float or None
        How far a trace may leave its line of 0 mV; None: as far as it likes.
    joined : bool
        Whether the pen goes from the end of a lead to the start of the next without leaving the paper.
    pen_taper : float
        How much thinner than on level lines the pen draws where it moves fast, 0 to 1: a heated or inked stylus
        leaves less on the paper the faster it goes.
    pen_smooth : bool
        Whether lines stand between pixels, their edges grey. A device without smoothing moves its pen from whole pixel
        to whole pixel, and each is inked or not.
    grid_kind : str
        ``"lines"``; ``"major"``, strong lines alone; ``"dots"``, a dot each millimetre and strong lines;
        ``"dotted"``, the strong lines dotted as well; ``"five"``, dots along the strong lines, five a large square.
    grid_area_mm : tuple of float or None
        Left, top, right, bottom of the grid on the sheet, in place of the margin.
    field_rgb : tuple of int or None
        Paper between the grid's lines, where it is tinted and the sheet around it is not.
    pulse_once : bool
        Whether only the first row has a pulse.
    pulse_gap_mm : float
        Level line before and after a pulse.
    font : str
        One of `synth.text.FONTS`, for the lead names and the style's own lines.
    name_form : str
        How leads are spelled: ``"usual"``, ``"caps"`` (AVR), ``"D"`` (DI, DII, DIII; Latin countries) or ``"C"``
        (C1 to C6 for V1 to V6).
    name_dx_mm : float
        From a trace's left end to its name.
    blocks : tuple of TextBlock or Code
        Print beside the traces.

    Raises
    ------
    OptionsError
        If the rows do not fit on the sheet, or a choice is unknown.
    """

    layout: str = "3x4+1"
    paper_mm: tuple[float, float] = A4_MM
    dpi: float = 200.0
    seconds: float = 10.0
    speed_mm_per_s: float = 25.0
    gain_mm_per_mv: float = 10.0
    timing: Literal["consecutive", "simultaneous"] = "consecutive"
    margin_left_mm: float = 15.0
    margin_top_mm: float = 35.0
    margin_bottom_mm: float = 15.0
    column_gap_mm: float = 0.0
    grid: bool = True
    grid_margin_mm: float = 0.0
    grid_phase_mm: tuple[float, float] = (0.0, 0.0)
    paper_rgb: Colour = (255, 253, 251)
    minor_rgb: Colour = (250, 216, 216)
    major_rgb: Colour = (240, 160, 160)
    trace_rgb: Colour = (20, 20, 24)
    text_rgb: Colour = (20, 20, 24)
    minor_width_mm: float = 0.13
    major_width_mm: float = 0.20
    trace_width_mm: float = 0.32
    names: Literal["below", "above", "on", "left", "none"] = "below"
    name_mm: float = 3.6
    name_bold: bool = False
    pulse: Literal["left", "right", "none"] = "left"
    separator: Literal["tick", "bars", "dashes", "dots", "line", "none"] = "tick"
    scale_text: bool = True
    header: tuple[str, ...] = ()
    look: str = "plain"
    rows: tuple[tuple[str, ...], ...] = ()
    rhythm: tuple[str, ...] = ()
    chest_gain_mm_per_mv: float | None = None
    row_pitch_mm: float | None = None
    clip_mm: float | None = None
    joined: bool = False
    pen_taper: float = 0.0
    pen_smooth: bool = True
    grid_kind: Literal["lines", "major", "dots", "dotted", "five"] = "lines"
    grid_area_mm: tuple[float, float, float, float] | None = None
    field_rgb: Colour | None = None
    pulse_once: bool = False
    pulse_gap_mm: float = 1.0
    font: str = "sans"
    name_form: Literal["usual", "caps", "D", "C"] = "usual"
    name_dx_mm: float = 0.8
    blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise OptionsError(f"a style's {name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name in ("dpi", "seconds", "speed_mm_per_s", "gain_mm_per_mv", "trace_width_mm"):
            if not 0 < getattr(self, name) < float("inf"):
                raise OptionsError(f"a style's {name} must be a positive number, got {getattr(self, name)!r}")
        for name in ("chest_gain_mm_per_mv", "row_pitch_mm", "clip_mm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise OptionsError(f"a style's {name} must be a positive number or None, got {value!r}")
        if not 0 <= self.pen_taper < 1:
            raise OptionsError(f"a style's pen_taper must lie between 0 and 1, got {self.pen_taper!r}")

    @property
    def scale(self) -> PaperScale:
        """Pixels per millimetre, speed and gain of the page as drawn."""
        return PaperScale.from_dpi(self.dpi, self.speed_mm_per_s, self.gain_mm_per_mv)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the picture."""
        width, height = self.paper_mm
        return round(width * self.scale.px_per_mm_x), round(height * self.scale.px_per_mm_y)

    @property
    def page_layout(self) -> PageLayout:
        """Which lead stands where: ``rows`` and ``rhythm``, or the layout of that name.

        Raises
        ------
        OptionsError
            If there are no rows and no layout has the name.
        """
        if self.rows:
            return PageLayout(self.layout, self.rows, self.rhythm)
        known = {**LAYOUTS, **EXTRA_LAYOUTS}
        if self.layout not in known:
            raise OptionsError(f"layout must be one of {', '.join(known)} or a PageLayout, got {self.layout!r}")
        return known[self.layout]

    def gain_of(self, lead: str) -> float:
        """Gain of a lead in mm/mV.

        Examples
        --------
        >>> style = PageStyle(chest_gain_mm_per_mv=5.0)
        >>> style.gain_of("aVF"), style.gain_of("V4R")
        (10.0, 5.0)
        """
        chest = lead.startswith("V") and self.chest_gain_mm_per_mv is not None
        return float(self.chest_gain_mm_per_mv) if chest else self.gain_mm_per_mv  # type: ignore[arg-type]

    @property
    def grid_box_mm(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the grid on the sheet."""
        if self.grid_area_mm is not None:
            return self.grid_area_mm
        margin, (width, height) = self.grid_margin_mm, self.paper_mm
        return margin, margin, width - margin, height - margin

    @property
    def name_font(self) -> str:
        """Font of the lead names."""
        from synth.text import FONTS

        bold = f"{self.font}-bold"
        return bold if self.name_bold and bold in FONTS else self.font


#: What each field of a style may be.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "timing": ("consecutive", "simultaneous"),
    "names": ("below", "above", "on", "left", "none"),
    "pulse": ("left", "right", "none"),
    "separator": ("tick", "bars", "dashes", "dots", "line", "none"),
    "grid_kind": ("lines", "major", "dots", "dotted", "five"),
    "name_form": ("usual", "caps", "D", "C"),
}


def sample_style(rng: np.random.Generator, preset: str = "clean", meta: Mapping[str, Any] | None = None) -> PageStyle:
    """Draw the looks of one page.

    Parameters
    ----------
    rng : numpy.random.Generator
    preset : str
        One of `PRESETS`. ``clean``, ``published`` and ``scan`` share pink paper and few layouts, and ``scan`` also
        varies resolution; all others have the look of some device, as `synth.looks.sample_look` draws it.
    meta : mapping or None
        ``age`` and ``sex`` of the record, printed in the header where there is one; name and number are invented.

    Returns
    -------
    PageStyle

    Raises
    ------
    OptionsError
        If the preset is unknown.

    Examples
    --------
    >>> sample_style(np.random.default_rng(0), "published").dpi
    200.0
    """
    if preset not in PRESETS:
        raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    if preset in _PLAIN:
        return _sample_plain(rng, preset, meta or {})
    from synth.looks import sample_look

    return sample_look(rng, preset, meta)


def _sample_plain(rng: np.random.Generator, preset: str, meta: Mapping[str, Any]) -> PageStyle:
    common = ("3x4+1", "3x4", "6x2", "12x1", "3x4+3", "6x2+1")  # how often each is met in practice, roughly
    layout = str(rng.choice(common, p=(0.45, 0.12, 0.13, 0.10, 0.10, 0.10)))
    minor, major = _PINKS[int(rng.integers(len(_PINKS)))]
    dark = int(rng.integers(0, 50))
    ink: Colour = (dark, dark, min(60, dark + int(rng.integers(0, 12))))
    header = _sample_header(rng, meta) if rng.random() < 0.5 else ()
    many = LAYOUTS[layout].n_lines > 5  # six and twelve rows need the height of the sheet
    names: Literal["below", "above", "on"] = ("below", "above", "on")[int(rng.choice(3, p=(0.5, 0.46, 0.04)))]
    return PageStyle(
        layout=layout,
        paper_mm=A4_MM if rng.random() < 0.6 else LETTER_MM,
        dpi=float(rng.choice([150.0, 200.0, 300.0], p=[0.2, 0.6, 0.2])) if preset == "scan" else 200.0,
        margin_left_mm=float(rng.uniform(7.0, 12.0)),
        margin_top_mm=28.0 if header else (14.0 if many else float(rng.uniform(15.0, 40.0))),
        margin_bottom_mm=float(rng.uniform(10.0, 16.0)),
        column_gap_mm=float(rng.choice([0.0, 1.0])),
        grid_margin_mm=float(rng.choice([0.0, 5.0], p=[0.7, 0.3])),
        grid_phase_mm=(float(rng.uniform(0, 5)), float(rng.uniform(0, 5))),
        minor_rgb=minor,
        major_rgb=major,
        trace_rgb=ink,
        text_rgb=ink,
        minor_width_mm=float(rng.uniform(0.10, 0.16)),
        major_width_mm=float(rng.uniform(0.16, 0.28)),
        trace_width_mm=float(rng.uniform(0.24, 0.42)),
        names=names,
        name_mm=float(rng.uniform(2.9, 4.0)),
        name_bold=bool(rng.random() < 0.3),
        pulse="left" if rng.random() < 0.8 else "none",
        separator="tick" if rng.random() < 0.5 else "none",
        scale_text=bool(rng.random() < 0.85),
        header=header,
    )


def _sample_header(rng: np.random.Generator, meta: Mapping[str, Any]) -> tuple[str, ...]:
    first, last = (str(rng.choice(names)) for names in (_FIRST, _LAST))
    number = f"X{int(rng.integers(10**6)):06d}"
    lines = [f"{last}, {first}", f"ID {number}"]
    age, sex = meta.get("age"), meta.get("sex")
    if age is not None and sex is not None:
        lines.append(f"{int(age)} years, {sex}")
    return tuple(lines)
