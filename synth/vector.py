"""The page as a PDF of paths and letters, from the truth of the drawn page: nothing is placed twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError
from synth.blocks import LINE_PITCH_EM, Block, Code, TextBlock, code_rgb
from synth.page import SynthPage, TextBox, TraceLine
from synth.render_furniture import Furniture, furniture, printed_name
from synth.render_place import place_leads

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
    in DejaVu Sans Mono. Equal pages give equal bytes.

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
    segments = place_leads(page.layout, page.style)
    for line in furniture(segments, page.traces, page.style, len(page.layout.rows)):
        _draw_furniture(document, line, page)
    for text in page.texts:
        _draw_box(document, text, page)
    for block in page.style.blocks:
        _draw_block(document, block, page.style)
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


def _draw_grid(document: Any, style: PageStyle) -> None:
    left, top, right, bottom = style.grid_box_mm
    fine = (1.0, style.minor_width_mm, style.minor_rgb)
    strong = (5.0, style.major_width_mm, style.major_rgb)
    both = {"lines": (fine, strong), "major": (strong,), "dots": (fine, strong), "dotted": (fine, strong)}
    for step, line_mm, colour in both.get(style.grid_kind, (strong,)):
        dotted = style.grid_kind in ("dotted", "five") or (style.grid_kind == "dots" and step == 1.0)
        with document.local_context(line_width=line_mm, stroke_cap_style="butt"):
            document.set_draw_color(*colour)
            for x in _comb(style.grid_phase_mm[0], step, left, right):
                _set_dash(document, dotted, line_mm, top - style.grid_phase_mm[1])
                document.line(x, top, x, bottom)
            for y in () if dotted and step == 1.0 else _comb(style.grid_phase_mm[1], step, top, bottom):
                _set_dash(document, dotted, line_mm, left - style.grid_phase_mm[0])
                document.line(left, y, right, y)


def _set_dash(document: Any, dotted: bool, line_mm: float, start_mm: float) -> None:
    """Dots as wide as the line, a millimetre apart, where the crossing lines stand; or a whole line."""
    if dotted:
        document.set_dash_pattern(line_mm, 1.0 - line_mm, (start_mm + line_mm / 2) % 1.0)


def _comb(phase: float, step: float, first: float, last: float) -> Iterator[float]:
    """Places of parallel lines within a margin."""
    for number in range(int(np.ceil((first - phase) / step)), int(np.floor((last - phase) / step)) + 1):
        yield phase + number * step


def _draw_trace(document: Any, trace: TraceLine, page: SynthPage) -> None:
    """One path a run of samples that are there."""
    points = _mm(np.column_stack([trace.x, trace.y]), page)
    there = np.flatnonzero(np.isfinite(points).all(axis=1))
    if not there.size:
        return
    with document.local_context(line_width=page.style.trace_width_mm, **_ROUND):
        document.set_draw_color(*page.style.trace_rgb)
        for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
            _draw_path(document, points[run])


def _draw_path(document: Any, points: NDArray[np.float64]) -> None:
    document.polyline([tuple(point) for point in points.tolist()])


def _draw_box(document: Any, text: TextBox, page: SynthPage) -> None:
    """Whatever stands in a box of the truth and is not of a block."""
    style = page.style
    drawn = text.role in ("pulse", "separator") or any(_prints(block, text) for block in style.blocks)
    if text.role == "lead" or not drawn:
        _draw_name(document, text, page)


def _prints(block: Block, text: TextBox) -> bool:
    if isinstance(block, Code):
        return text.role == "code" and text.text == block.content
    return text.role == block.role and text.text in block.lines


def _draw_furniture(document: Any, line: Furniture, page: SynthPage) -> None:
    """Pulses, separators and the pen's way from lead to lead."""
    points = _mm(line.points, page)
    there = np.flatnonzero(np.isfinite(points[:, 1]))
    with document.local_context(line_width=line.width_px / page.scale.px_per_mm_x, **_ROUND):
        document.set_draw_color(*page.style.trace_rgb)
        for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
            _draw_path(document, points[run])


def _draw_name(document: Any, text: TextBox, page: SynthPage) -> None:
    """Lead name, or a line of the style's own, at the ink that the picture has."""
    from synth.text import text_ink

    style = page.style
    words = printed_name(text.text, style.name_form) if text.role == "lead" else text.text
    font = style.name_font if text.role == "lead" else style.font
    em_px = max(6, round(style.name_mm * style.scale.px_per_mm_y))
    # The baseline lies as far below the ink's top as in the picture.
    (_, top), (_, top_of_x) = (text_ink(letters, em_px, font=font) for letters in (words, "x"))
    x_ink = text_ink("x", em_px, font=font)[0]
    baseline_px = text.quad[0, 1] - top + top_of_x + x_ink.shape[0]
    at = _mm(np.array([text.quad[0, 0], baseline_px]), page)
    _put(document, words, (float(at[0]), float(at[1])), em_px / style.scale.px_per_mm_y, font, style.text_rgb)


def _draw_block(document: Any, block: Block, style: PageStyle) -> None:
    if isinstance(block, Code):
        _draw_code(document, block, style)
    else:
        _draw_lines(document, block, style)


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
    from synth.text import face_for, font_file, letters_for

    face = face_for(words, font)
    file, size = face.file or "DejaVuSans", em_mm * _POINTS_PER_MM
    if file == "Aileron":  # drawn in Helvetica, which every reader of PDFs has, and as wide
        document.set_font("helvetica", "B" if face.bolder else "", size)
    else:
        if file.lower() not in document.fonts:
            document.add_font(file, fname=str(font_file(name=file)))
        document.set_font(file, size=size)
    document.set_stretching(100 * face.stretch)
    document.set_text_color(*colour)
    document.text(*at_mm, letters_for(words, face))


def _draw_code(document: Any, code: Code, style: PageStyle) -> None:
    """Modules as filled runs on a white field."""
    from synth.codes import code_modules, quiet_modules

    modules = code_modules(code.kind, code.content)
    (left, top), (width, height) = code.at_mm, code.size_mm
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
