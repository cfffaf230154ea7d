"""The page as a PDF of paths and letters, from the truth of the drawn page: nothing is placed twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError
from synth.blocks import LINE_PITCH_EM, Block, Code, TextBlock, code_rgb
from synth.page import SynthPage, TextBox, TraceLine

if TYPE_CHECKING:
    from synth.style import Colour, PageStyle

__all__ = ["write_pdf"]

#: The same bytes whenever a page is written: the file is dated to the first day of the format's standard.
_CREATED = datetime(2008, 7, 1, tzinfo=UTC)
_POINTS_PER_MM = 72 / 25.4
_ROUND = {"stroke_join_style": "round", "stroke_cap_style": "round"}  # as the raster's pen


def write_pdf(page: SynthPage, path: str | Path) -> Path:
    """Write an undamaged page as a PDF: grid, traces, pulses and separators as paths, print as letters.

    Traces have a vertex a sample, and lie where the picture has them: both come from the page's truth. Fonts are
    embedded, but for Helvetica in place of Aileron; a plotter's letters are set in DejaVu Sans, a dot-matrix printer's
    in DejaVu Sans Mono; a pen that tapers keeps its width. Equal pages give equal bytes.

    Parameters
    ----------
    page : SynthPage
        As from `synth.render`.
    path : path-like
        Written whole or not at all.

    Returns
    -------
    Path

    Raises
    ------
    OptionsError
        If the page is damaged: folds, shadows and noise are no paths.
    """
    from ecg.formats.atomic import replacing

    if page.steps:
        done = ", ".join(str(step.get("name", "?")) for step in page.steps)
        raise OptionsError(f"a vector PDF shows a page as drawn, got one damaged by {done}: write the page of render()")
    document = _blank(page)
    for trace in page.traces:
        _draw_trace(document, trace, page)
    _draw_furniture(document, page)
    _draw_words(document, page)
    for block in page.style.blocks:
        _draw_block(document, block, page)
    path = Path(path)
    with replacing(path) as temporary:
        temporary.write_bytes(bytes(document.output()))
    return path


def _mm(px: NDArray[np.float64], page: SynthPage) -> NDArray[np.float64]:
    """Pixels to millimetres from the sheet's edge, which lies half a pixel before the first centre."""
    return (px + 0.5) / page.scale.px_per_mm_x


def _blank(page: SynthPage) -> Any:
    """Document of one sheet, with its paper and grid."""
    from fpdf import FPDF

    width, height = page.style.paper_mm
    document: Any = FPDF("portrait", "mm", (width, height))
    document.set_creation_date(_CREATED)
    document.set_auto_page_break(False)
    document.add_page()
    document.set_fill_color(*page.style.paper_rgb)
    document.rect(0, 0, width, height, style="F")
    if page.style.grid:
        _draw_grid(document, page.style)
    return document


#: What each kind of grid prints: fine and strong, each of it nothing, lines, or lines of dots a millimetre apart.
_GRID_KINDS: Mapping[str, tuple[str, str]] = {
    "lines": ("lines", "lines"),
    "major": ("none", "lines"),
    "dots": ("dots", "lines"),
    "dotted": ("dots", "dots"),
    "five": ("none", "dots"),
}


def _draw_grid(document: Any, style: PageStyle) -> None:
    fine, strong = _GRID_KINDS[style.grid_kind]
    if style.field_rgb is not None:
        left, top, right, bottom = style.grid_box_mm
        document.set_fill_color(*style.field_rgb)
        document.rect(left, top, right - left, bottom - top, style="F")
    _draw_lines_of_grid(document, style, 1.0, fine, style.minor_width_mm, style.minor_rgb)
    _draw_lines_of_grid(document, style, 5.0, strong, style.major_width_mm, style.major_rgb)


def _draw_lines_of_grid(
    document: Any, style: PageStyle, step_mm: float, kind: str, line_mm: float, colour: Colour
) -> None:
    left, top, right, bottom = style.grid_box_mm
    phase_x, phase_y = style.grid_phase_mm
    if kind == "none":
        return
    with document.local_context(line_width=line_mm, stroke_cap_style="butt"):
        document.set_draw_color(*colour)
        _dash(document, kind, line_mm, phase_y - top)
        for x in _comb(phase_x, step_mm, left, right):
            document.line(x, top, x, bottom)
        if kind == "dots" and step_mm == 1.0:
            return  # each dot lies on an upright line and on a level one
        _dash(document, kind, line_mm, phase_x - left)
        for y in _comb(phase_y, step_mm, top, bottom):
            document.line(left, y, right, y)


def _dash(document: Any, kind: str, line_mm: float, first_mm: float) -> None:
    """Dash lines into square dots a millimetre apart, one of them centred ``first_mm`` from their start."""
    if kind == "dots":
        document.set_dash_pattern(dash=line_mm, gap=1.0 - line_mm, phase=(line_mm / 2 - first_mm) % 1.0)


def _comb(phase: float, step: float, first: float, last: float) -> Iterator[float]:
    """Places of parallel lines from one edge to the other."""
    for number in range(int(np.ceil((first - phase) / step)), int(np.floor((last - phase) / step)) + 1):
        yield phase + number * step


def _draw_trace(document: Any, trace: TraceLine, page: SynthPage) -> None:
    with document.local_context(line_width=page.style.trace_width_mm, **_ROUND):
        document.set_draw_color(*page.style.trace_rgb)
        _draw_runs(document, _mm(np.column_stack([trace.x, trace.y]), page))


def _draw_runs(document: Any, points: NDArray[np.float64]) -> None:
    """One path a run of points that are there."""
    there = np.flatnonzero(np.isfinite(points).all(axis=1))
    if there.size:
        for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
            document.polyline([tuple(point) for point in points[run].tolist()])


def _draw_furniture(document: Any, page: SynthPage) -> None:
    """Pulses, separators and the pen's way between leads, from the picture's own lines."""
    from synth.render_furniture import furniture
    from synth.render_place import place_leads

    style = page.style
    for line in furniture(place_leads(page.layout, style), page.traces, style, len(page.layout.rows)):
        with document.local_context(line_width=line.width_px / page.scale.px_per_mm_x, **_ROUND):
            document.set_draw_color(*style.trace_rgb)
            _draw_runs(document, _mm(line.points, page))


def _draw_words(document: Any, page: SynthPage) -> None:
    """Lead names and the style's own lines; blocks know their places themselves."""
    for text in page.texts:
        printed = any(_prints(block, text) for block in page.style.blocks)
        if text.role not in ("pulse", "separator") and not printed:
            _draw_word(document, text, page)


def _prints(block: Block, text: TextBox) -> bool:
    if isinstance(block, Code):
        return text.role == "code" and text.text == block.content
    return text.role == block.role and text.text in block.lines


def _draw_word(document: Any, text: TextBox, page: SynthPage) -> None:
    """Word at the ink that the picture has."""
    from synth.render_furniture import printed_name
    from synth.text import text_ink

    style, lead = page.style, text.role == "lead"
    words = printed_name(text.text, style.name_form) if lead else text.text
    font = style.name_font if lead else style.font
    em_px = max(6, round(style.name_mm * style.scale.px_per_mm_y))
    # The baseline lies as far below the ink's top as in the picture.
    (_, top), (_, top_of_x) = (text_ink(letters, em_px, font=font) for letters in (words, "x"))
    x_ink = text_ink("x", em_px, font=font)[0]
    baseline_px = text.quad[0, 1] - top + top_of_x + x_ink.shape[0]
    at = _mm(np.array([text.quad[0, 0], baseline_px]), page)
    _put(document, words, (float(at[0]), float(at[1])), em_px / style.scale.px_per_mm_y, font, style.text_rgb)


def _draw_block(document: Any, block: Block, page: SynthPage) -> None:
    if isinstance(block, TextBlock):
        _draw_lines(document, block, page.style)
        return
    box = next(text for text in page.texts if text.role == "code" and text.text == block.content)
    _draw_code(document, block, _mm(box.quad[[0, 2]], page), page.style)


def _draw_lines(document: Any, block: TextBlock, style: PageStyle) -> None:
    from synth.text import text_width_em

    shift = {"left": 0.0, "centre": 0.5, "right": 1.0}[block.align]
    for number, words in enumerate(block.lines):
        if words.strip():
            x = block.at_mm[0] - shift * block.em_mm * text_width_em(words, block.font)
            y = block.at_mm[1] + number * LINE_PITCH_EM * block.em_mm
            _put(document, words, (x, y), block.em_mm, block.font, style.text_rgb)


def _put(document: Any, words: str, at_mm: tuple[float, float], em_mm: float, font: str, colour: Colour) -> None:
    """Letters whose baseline starts at a point."""
    from synth.text import face_for, font_file, letters_for, text_width_em

    face = face_for(words, font)
    file, size = face.file or "DejaVuSans", em_mm * _POINTS_PER_MM
    words, stretch = letters_for(words, face), 100 * face.stretch
    if file == "Aileron":  # drawn in Helvetica, which every reader of PDFs has, and set as wide
        document.set_font("helvetica", "B" if face.bolder else "", size)
        document.set_stretching(100)
        stretch = 100 * em_mm * text_width_em(words, font) / max(document.get_string_width(words), 1e-6)
    else:
        if file.lower() not in document.fonts:
            document.add_font(file, fname=str(font_file(name=file)))
        document.set_font(file, size=size)
    document.set_stretching(stretch)
    document.set_text_color(*colour)
    document.text(*at_mm, words)


def _draw_code(document: Any, code: Code, box_mm: NDArray[np.float64], style: PageStyle) -> None:
    """Modules as filled runs on a white field, as large as in the picture, which sets them to whole pixels."""
    from synth.codes import code_modules, quiet_modules

    modules = code_modules(code.kind, code.content)
    (left, top), (width, height) = box_mm[0], box_mm[1] - box_mm[0]
    step_x, step_y = width / modules.shape[1], height / modules.shape[0]
    quiet = quiet_modules(code.kind) * step_x
    document.set_fill_color(255, 255, 255)
    document.rect(left - quiet, top - quiet, width + 2 * quiet, height + 2 * quiet, style="F")
    document.set_fill_color(*code_rgb(style))
    fill = partial(document.rect, style="F")
    for row, dark in enumerate(modules):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], dark.astype(int), [0]])))
        for start, stop in edges.reshape(-1, 2).tolist():
            fill(left + start * step_x, top + row * step_y, (stop - start) * step_x, step_y)
