"""Blocks of print on a page: lines of text, QR codes and bar codes, placed in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ecg import OptionsError

if TYPE_CHECKING:
    from synth.page import TextBox
    from synth.style import PageStyle

__all__ = [
    "BLOCK_ROLES",
    "LINE_PITCH_EM",
    "Area",
    "Block",
    "BlockRole",
    "Code",
    "TextBlock",
    "code_rgb",
    "draw_blocks",
    "extent_mm",
    "overlap",
]

BlockRole = Literal["header", "scale", "footer", "measurement", "interpretation", "date", "id"]

#: Left, top, right and bottom in mm from the sheet's top left corner.
Area = tuple[float, float, float, float]

#: What a block of text can be.
BLOCK_ROLES: tuple[BlockRole, ...] = ("header", "scale", "footer", "measurement", "interpretation", "date", "id")

#: Baseline to baseline in em, as report printers set it.
LINE_PITCH_EM = 1.25


@dataclass(frozen=True)
class TextBlock:
    """Lines of text that stand together.

    Parameters
    ----------
    role : str
        One of `BLOCK_ROLES`; the truth of a page carries it.
    lines : tuple of str
        From top to bottom, `LINE_PITCH_EM` apart; an empty line leaves a gap.
    at_mm : tuple of float
        Left end, middle or right end (as ``align`` says) of the first line's baseline, from the sheet's top left.
    em_mm : float
        Size of the font.
    font : str
        One of `synth.text.FONTS`.
    align : str
        ``"left"``, ``"centre"`` or ``"right"``.

    Raises
    ------
    OptionsError
        If role, size or alignment is none.
    """

    role: BlockRole
    lines: tuple[str, ...]
    at_mm: tuple[float, float]
    em_mm: float
    font: str = "sans"
    align: Literal["left", "centre", "right"] = "left"

    def __post_init__(self) -> None:
        if self.role not in BLOCK_ROLES:
            raise OptionsError(f"a text block's role must be one of {', '.join(BLOCK_ROLES)}, got {self.role!r}")
        if self.align not in ("left", "centre", "right"):
            raise OptionsError(f"a text block's align must be left, centre or right, got {self.align!r}")
        if not 0 < self.em_mm < float("inf"):
            raise OptionsError(f"a text block's em_mm must be a positive number, got {self.em_mm!r}")


@dataclass(frozen=True)
class Code:
    """A QR code or a bar code on a white field.

    Parameters
    ----------
    kind : str
        ``"qr"`` (ISO/IEC 18004) or ``"code128"`` (ISO/IEC 15417).
    content : str
        What a reader finds; ASCII.
    at_mm : tuple of float
        Top left corner of the modules, quiet zone excluded.
    size_mm : tuple of float
        Width and height of the modules.

    Raises
    ------
    OptionsError
        If the kind is unknown, the content is empty or not ASCII, or a side is not positive.
    """

    kind: Literal["qr", "code128"]
    content: str
    at_mm: tuple[float, float]
    size_mm: tuple[float, float]

    def __post_init__(self) -> None:
        if self.kind not in ("qr", "code128"):
            raise OptionsError(f"a code's kind must be qr or code128, got {self.kind!r}")
        if not self.content or not all(32 <= ord(letter) < 127 for letter in self.content):
            raise OptionsError(f"a code's content must be printable ASCII and not empty, got {self.content!r}")
        if not min(self.size_mm) > 0:
            raise OptionsError(f"a code's size_mm must be two positive numbers, got {self.size_mm!r}")


Block = TextBlock | Code


def extent_mm(block: Block) -> Area:
    """Paper that a block takes: its letters from ascender to descender, or its modules with their quiet zone.

    Examples
    --------
    >>> extent_mm(Code("qr", "ECG", (20.0, 10.0), (21.0, 21.0)))
    (16.0, 6.0, 45.0, 35.0)
    """
    if isinstance(block, Code):
        from synth.codes import code_modules, quiet_modules

        quiet = quiet_modules(block.kind) * block.size_mm[0] / code_modules(block.kind, block.content).shape[1]
        (x, y), (width, height) = block.at_mm, block.size_mm
        return x - quiet, y - quiet, x + width + quiet, y + height + quiet
    from synth.text import ASCENDER_EM, text_width_em

    em, (x, y) = block.em_mm, block.at_mm
    width = em * max((text_width_em(line, block.font) for line in block.lines), default=0.0)
    left = x - {"left": 0.0, "centre": 0.5, "right": 1.0}[block.align] * width
    # DejaVu's descender is 0.236 em (its hhea table: 483 of 2048 units).
    below = ((len(block.lines) - 1) * LINE_PITCH_EM + 0.236) * em
    return left, y - ASCENDER_EM * em, left + width, y + below


def overlap(one: Area, other: Area) -> bool:
    """Whether two areas share paper.

    Examples
    --------
    >>> overlap((0, 0, 2, 2), (1, 1, 3, 3)), overlap((0, 0, 2, 2), (2, 0, 3, 3))
    (True, False)
    """
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def draw_blocks(image: NDArray[np.uint8], blocks: Sequence[Block], style: PageStyle) -> tuple[TextBox, ...]:
    """Print blocks on a page, in place, in the style's ``text_rgb``.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    blocks : sequence of TextBlock or Code
        What falls off the page is lost.
    style : PageStyle
        Gives the scale and the colour.

    Returns
    -------
    tuple of TextBox
        One a line of text, with the block's role; one a code, with role ``"code"`` and its content.
    """
    boxes: list[TextBox] = []
    for block in blocks:
        if isinstance(block, Code):
            boxes.append(_draw_code(image, block, style))
        else:
            boxes += _draw_lines(image, block, style)
    return tuple(boxes)


def _draw_lines(image: NDArray[np.uint8], block: TextBlock, style: PageStyle) -> list[TextBox]:
    from synth.page import TextBox
    from synth.text import ASCENDER_EM, draw_text, text_ink

    px_per_mm = style.scale.px_per_mm_y
    em_px = max(5, round(block.em_mm * px_per_mm))
    shift = {"left": 0.0, "centre": 0.5, "right": 1.0}[block.align]
    boxes = []
    for number, words in enumerate(block.lines):
        if not words.strip():
            continue
        ink, top = text_ink(words, em_px, font=block.font)
        left_px = round(block.at_mm[0] * px_per_mm - 0.5 - shift * ink.shape[1])
        baseline_px = (block.at_mm[1] + number * LINE_PITCH_EM * block.em_mm) * px_per_mm - 0.5
        top_px = round(baseline_px - ASCENDER_EM * em_px) + top
        boxes.append(TextBox(block.role, words, draw_text(image, ink, left_px, top_px, style.text_rgb)))
    return boxes


def _draw_code(image: NDArray[np.uint8], code: Code, style: PageStyle) -> TextBox:
    from synth.codes import code_modules, quiet_modules
    from synth.page import TextBox
    from synth.text import draw_text

    modules, px_per_mm = code_modules(code.kind, code.content), style.scale.px_per_mm_x
    # A module narrower than a pixel cannot be read: the code grows to one pixel a module then.
    ink = np.kron(modules, np.full(_module_px(modules.shape, code, px_per_mm), 255, np.uint8))
    left, top = (round(at * px_per_mm) for at in code.at_mm)
    quiet = quiet_modules(code.kind) * _module_px(modules.shape, code, px_per_mm)[1]
    field = image[max(0, top - quiet) : top + ink.shape[0] + quiet, max(0, left - quiet) : left + ink.shape[1] + quiet]
    field[:] = 255
    return TextBox("code", code.content, draw_text(image, ink, left, top, code_rgb(style)))


def code_rgb(style: PageStyle) -> tuple[int, int, int]:
    """Colour of a code's modules: the print's, or black where the print is too pale to be read on white."""
    red, green, blue = style.text_rgb
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601
    return style.text_rgb if luma < 128 else (0, 0, 0)


def _module_px(shape: tuple[int, ...], code: Code, px_per_mm: float) -> tuple[int, int]:
    """Whole pixels a module, down and across, as a printer sets them: rounded down, to keep within its place."""
    down = max(1, int(code.size_mm[1] * px_per_mm / shape[0]))
    return down, max(1, int(code.size_mm[0] * px_per_mm / shape[1]))
