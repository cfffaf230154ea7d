"""Sheets of a report: fonts, head, foot, and the few ways in which text is set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ecg.errors import ModelError

__all__ = ["BLUE", "GREY", "INK", "VERMILLION", "heading", "new_document", "paragraph", "room_for", "small", "table"]

Colour = tuple[int, int, int]

INK: Colour = (25, 25, 25)
GREY: Colour = (95, 95, 95)
#: Two colours that people with colour-vision deficiency can tell apart (Okabe & Ito, Color Universal Design, 2008).
BLUE: Colour = (0, 94, 148)
VERMILLION: Colour = (176, 65, 0)
_RULE: Colour = (190, 190, 190)
_SHADE: Colour = (238, 243, 247)

_FONT = "dejavu"
_MARGIN_MM = 15.0
#: Room for the head, to which each warning adds a line, and for the foot with the notice.
_TOP_MM, _WARNING_MM, _BOTTOM_MM = 14.0, 4.0, 20.0
_BODY_PT, _SMALL_PT = 9.0, 7.5
#: Millimetres of a line of text of one point: 1 pt is 25.4 / 72 mm, lines stand 1.35 em apart.
_LINE_MM_PER_PT = 25.4 / 72 * 1.35


def new_document(title: str, warnings: Sequence[str], notice: str, made: datetime) -> Any:
    """Empty document whose every page has the title, the warnings and the notice on it.

    Parameters
    ----------
    title : str
    warnings : sequence of str
        In bold below the title of every page.
    notice : str
        At the foot of every page.
    made : datetime
        Date of the file.

    Returns
    -------
    fpdf.FPDF
        In millimetres, A4 portrait, without a page yet.
    """
    from fpdf import FPDF

    class Report(FPDF):
        """A4 with head and foot."""

        def header(self) -> None:
            _head(self, title, warnings)

        def footer(self) -> None:
            _foot(self, notice)

    document: Any = Report("portrait", "mm", "A4")
    document.set_creation_date(made)
    document.set_title(title)
    document.set_creator("einthoven")
    document.set_lang("en-GB")
    document.set_margins(_MARGIN_MM, _TOP_MM + _WARNING_MM * len(warnings), _MARGIN_MM)
    document.c_margin = 0.0
    document.set_auto_page_break(True, _BOTTOM_MM)
    for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
        document.add_font(_FONT, style=style, fname=_font_file(name))
    document.set_font(_FONT, size=_BODY_PT)
    return document


@cache
def _font_file(name: str) -> str:
    from matplotlib import get_data_path

    file = Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    if not file.is_file():
        raise ModelError(f"the report needs matplotlib's font {name}, which is not there; run `pip install matplotlib`")
    return str(file)


def _head(document: Any, title: str, warnings: Sequence[str]) -> None:
    document.set_text_color(*INK)
    document.set_font(_FONT, "B", 9)
    document.text(_MARGIN_MM, 9, title)
    document.set_font(_FONT, "", _SMALL_PT)
    document.set_xy(document.w - _MARGIN_MM - 40, 6)
    document.cell(40, 4, f"page {document.page_no()} of {{nb}}", align="R")
    document.set_draw_color(*_RULE)
    document.set_line_width(0.2)
    document.line(_MARGIN_MM, 11, document.w - _MARGIN_MM, 11)
    document.set_font(_FONT, "B", _SMALL_PT)
    document.set_text_color(*VERMILLION)
    for row, text in enumerate(warnings):
        document.text(_MARGIN_MM, 15 + _WARNING_MM * row, text)
    document.set_text_color(*INK)
    document.set_font(_FONT, "", _BODY_PT)
    document.set_y(_TOP_MM + _WARNING_MM * len(warnings))


def _foot(document: Any, notice: str) -> None:
    document.set_y(-14)
    document.set_draw_color(*_RULE)
    document.line(_MARGIN_MM, document.h - 15, document.w - _MARGIN_MM, document.h - 15)
    document.set_font(_FONT, "B", _SMALL_PT)
    document.set_text_color(*INK)
    document.multi_cell(0, _SMALL_PT * _LINE_MM_PER_PT, notice, align="L")


def heading(document: Any, text: str, room_mm: float = 20.0) -> None:
    """Heading of a section, on the next page where less than ``room_mm`` is left below it.

    Parameters
    ----------
    document : fpdf.FPDF
    text : str
    room_mm : float
    """
    room_for(document, room_mm)
    document.ln(2.5)
    document.set_font(_FONT, "B", 11)
    document.set_text_color(*BLUE)
    document.cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
    document.set_text_color(*INK)
    document.set_font(_FONT, "", _BODY_PT)


def paragraph(
    document: Any, text: str, size_pt: float = _BODY_PT, bold: bool = False, colour: Colour = INK, after_mm: float = 1.0
) -> None:
    """Text over the whole width.

    Parameters
    ----------
    document : fpdf.FPDF
    text : str
    size_pt : float
    bold : bool
    colour : tuple of int
    after_mm : float
        Space below.
    """
    document.set_font(_FONT, "B" if bold else "", size_pt)
    document.set_text_color(*colour)
    document.multi_cell(0, size_pt * _LINE_MM_PER_PT, text, align="L", new_x="LMARGIN", new_y="NEXT")
    document.ln(after_mm)
    document.set_font(_FONT, "", _BODY_PT)
    document.set_text_color(*INK)


def table(
    document: Any,
    rows: Sequence[Sequence[str]],
    widths_mm: Sequence[float],
    head: Sequence[str] | None = None,
    size_pt: float = 8.0,
) -> None:
    """Rows of text with thin lines between them; a head stands again on the next page.

    Parameters
    ----------
    document : fpdf.FPDF
    rows : sequence of sequences of str
    widths_mm : sequence of float
    head : sequence of str, optional
    size_pt : float
    """
    from fpdf.fonts import FontFace

    document.set_font(_FONT, "", size_pt)
    document.set_draw_color(*_RULE)
    document.set_fill_color(255)
    with document.table(
        width=sum(widths_mm),
        col_widths=tuple(widths_mm),
        align="L",
        text_align="LEFT",
        borders_layout="HORIZONTAL_LINES",
        line_height=size_pt * _LINE_MM_PER_PT,
        padding=0.6,
        first_row_as_headings=head is not None,
        headings_style=FontFace(emphasis="BOLD", fill_color=_SHADE),
    ) as grid:
        for row in ([head] if head is not None else []) + list(rows):
            grid.row(tuple(row))
    document.ln(1.5)
    document.set_font(_FONT, "", _BODY_PT)


def room_for(document: Any, height_mm: float) -> None:
    """Go to the next page where less than this is left."""
    if document.get_y() + height_mm > document.h - _BOTTOM_MM:
        document.add_page()


@contextmanager
def small(document: Any, size_pt: float = _SMALL_PT, bold: bool = False, colour: Colour = INK) -> Iterator[None]:
    """Set letters of another size for a while."""
    document.set_font(_FONT, "B" if bold else "", size_pt)
    document.set_text_color(*colour)
    yield
    document.set_font(_FONT, "", _BODY_PT)
    document.set_text_color(*INK)
