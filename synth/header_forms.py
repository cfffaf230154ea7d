"""The arrangements of a page's print: what stands where in the free margins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.blocks import LINE_PITCH_EM, Area, Block, BlockRole, TextBlock
from synth.header_content import Sheet
from synth.text import text_width_em

__all__ = ["DRAW", "Print"]


@dataclass(frozen=True)
class _Column:
    """Lines that stand below each other, as wide as their longest."""

    role: BlockRole
    lines: tuple[str, ...]
    right: bool = False  # whether its lines end below each other


@dataclass(frozen=True)
class Print:
    """One page's type and matter.

    Parameters
    ----------
    sheet : Sheet
        What there is to print.
    font : str
    em_mm : float
    areas : mapping of str to tuple of float
        Free areas ``"top"``, ``"bottom"``, ``"left"``, ``"right"`` in mm.
    scale : bool
        Whether speed, gain and filter are printed.
    """

    sheet: Sheet
    font: str
    em_mm: float
    areas: Mapping[str, Area]
    scale: bool

    def width_mm(self, text: str) -> float:
        """Length of a text on paper."""
        return self.em_mm * text_width_em(text, self.font)

    def block(
        self, role: BlockRole, lines: Sequence[str], at_mm: tuple[float, float], align: str = "left"
    ) -> TextBlock:
        """Lines in the page's type."""
        return TextBlock(role, tuple(lines), at_mm, self.em_mm, self.font, align)  # type: ignore[arg-type]

    def rows(self, area: Area) -> int:
        """Lines that fit between an area's top and bottom."""
        return max(0, int((area[3] - area[1] + 0.25 * self.em_mm) / (LINE_PITCH_EM * self.em_mm)))


def _person(sheet: Sheet, labels: bool) -> list[str]:
    field = sheet.language.field
    if not labels:
        return [sheet.name, f"ID {sheet.number}", f"{sheet.age}  {sheet.sex}", sheet.born]
    return [
        f"{field[0]}: {sheet.name}",
        f"{field[1]}: {sheet.number}",
        f"{field[2]}: {sheet.born}",
        f"{field[3]}: {sheet.age}   {field[4]}: {sheet.sex}",
    ]


def _measure_rows(sheet: Sheet) -> list[tuple[str, str, str]]:
    """Label, value and unit of each figure."""
    label, found = sheet.language.measure, sheet.figures
    axes = "  ".join(str(axis) for axis in found.axes)
    return [
        (label[0], str(found.rate), label[5]),
        (label[1], str(found.pr), "ms"),
        (label[2], str(found.qrs), "ms"),
        (label[3], f"{found.qt}/{found.qtc}", "ms"),
        (label[4], axes, ""),
    ]


def _measure_columns(rng: np.random.Generator, sheet: Sheet, rows: int) -> list[_Column]:
    """Figures as a table of three columns, or as plain lines."""
    table = _measure_rows(sheet)[:rows]
    if rng.random() < 0.25:
        return [_Column("measurement", tuple(f"{a}: {b} {c}".rstrip() for a, b, c in table))]
    label, value, unit = zip(*table, strict=True)
    return [
        _Column("measurement", label),
        _Column("measurement", value, right=True),
        _Column("measurement", unit),
    ]


def _draw_columns(rng: np.random.Generator, print_: Print) -> list[Block]:
    """Person, figures, statements and people side by side above the traces, as carts print them."""
    sheet, area = print_.sheet, print_.areas["top"]
    rows = print_.rows(area)
    if rows < 2:
        return _draw_lines(rng, print_)
    person = _Column("id", tuple(_person(sheet, bool(rng.random() < 0.5))[:rows]))
    groups = [[person], _measure_columns(rng, sheet, rows)]
    if rng.random() < 0.2:
        groups.reverse()
    if sheet.statements:
        groups.append([_Column("interpretation", sheet.statements[:rows])])
    groups.append([_Column("date", (sheet.when,)) if rng.random() < 0.6 else _dated(sheet, rows)])
    blocks = _set_columns(rng, print_, area, groups)
    return blocks + _draw_footer(rng, print_)


def _dated(sheet: Sheet, rows: int) -> _Column:
    return _Column("header", (sheet.when, *sheet.people)[:rows])


def _set_columns(
    rng: np.random.Generator, print_: Print, area: Area, groups: Sequence[Sequence[_Column]]
) -> list[Block]:
    """Set groups of columns from left to right; the last are left out where there is no room."""
    inner = print_.em_mm * 0.8
    widths = [[max(print_.width_mm(line) for line in column.lines) for column in group] for group in groups]
    taken = [sum(each) + inner * (len(each) - 1) for each in widths]
    least = 2.0 * print_.em_mm
    while taken and sum(taken) + least * (len(taken) - 1) > area[2] - area[0]:
        taken.pop()
    spare = area[2] - area[0] - sum(taken) - least * (len(taken) - 1)
    gap_mm = least + spare * float(rng.uniform(0.2, 1.0)) / max(1, len(taken))
    blocks: list[Block] = []
    left, first = area[0], area[1] + print_.em_mm
    for group, each in zip(groups[: len(taken)], widths, strict=False):
        for column, width in zip(group, each, strict=True):
            at = (left + width if column.right else left, first)
            blocks.append(print_.block(column.role, column.lines, at, "right" if column.right else "left"))
            left += width + inner
        left += gap_mm - inner
    return blocks


def _draw_lines(rng: np.random.Generator, print_: Print) -> list[Block]:
    """Everything in one or two long lines above the traces."""
    sheet, area = print_.sheet, print_.areas["top"]
    figures = [f"{label} {value} {unit}".rstrip() for label, value, unit in _measure_rows(sheet)]
    parts: list[list[tuple[BlockRole, str]]] = [
        [("id", sheet.name), ("id", sheet.number), ("id", f"{sheet.age} {sheet.sex}"), ("date", sheet.when)],
        [("measurement", figure) for figure in figures[: int(rng.integers(1, 6))]],
        [("interpretation", statement) for statement in sheet.statements],
    ]
    blocks: list[Block] = []
    for number, line in enumerate(parts[: print_.rows(area)]):
        at = area[1] + print_.em_mm * (1 + LINE_PITCH_EM * number)
        blocks += _set_line(print_, line, (area[0], at, area[2], at), print_.em_mm * float(rng.uniform(1.2, 3.0)))
    return blocks + _draw_footer(rng, print_)


def _set_line(print_: Print, parts: Sequence[tuple[BlockRole, str]], span: Area, gap_mm: float) -> list[Block]:
    """Words one after another on a line, as far as it reaches."""
    blocks: list[Block] = []
    left = span[0]
    for role, words in parts:
        width = print_.width_mm(words)
        if left + width > span[2]:
            break
        blocks.append(print_.block(role, (words,), (left, span[1])))
        left += width + gap_mm
    return blocks


def _draw_corners(rng: np.random.Generator, print_: Print) -> list[Block]:
    """Person at the left, date and figures at the right."""
    sheet, area = print_.sheet, print_.areas["top"]
    rows = print_.rows(area)
    if rows < 1:
        return _draw_footer(rng, print_)
    person = _person(sheet, bool(rng.random() < 0.3))[:rows]
    figures = [f"{label} {value} {unit}".rstrip() for label, value, unit in _measure_rows(sheet)]
    right = [sheet.when, *figures[: int(rng.integers(0, 5))]][:rows]
    first, ends = area[1] + print_.em_mm, "right" if rng.random() < 0.6 else "left"
    width = max(print_.width_mm(line) for line in right)
    at = area[2] if ends == "right" else area[2] - width
    blocks: list[Block] = [print_.block("id", person, (area[0], first))]
    taken = area[0] + max(print_.width_mm(line) for line in person)
    if taken + 5.0 < area[2] - width:
        blocks += [print_.block("date", right[:1], (at, first), ends)]
        if right[1:]:
            below = (at, first + LINE_PITCH_EM * print_.em_mm)
            blocks.append(print_.block("measurement", right[1:], below, ends))
        spoken = sheet.statements[:rows]
        middle = taken + 0.15 * (area[2] - width - taken)
        if spoken and middle + max(map(print_.width_mm, spoken)) + 5.0 < area[2] - width:
            blocks.append(print_.block("interpretation", spoken, (middle, first)))
    return blocks + _draw_footer(rng, print_)


def _draw_side(rng: np.random.Generator, print_: Print) -> list[Block]:
    """Person, figures and statements in a column beside the traces; above them where there is no room."""
    sheet = print_.sheet
    sides = [print_.areas[side] for side in ("right", "left")]
    needed = max(map(print_.width_mm, (*_person(sheet, False), sheet.when)))
    wide = [area for area in sides if area[2] - area[0] >= needed and print_.rows(area) >= 12]
    if not wide:
        return _draw_columns(rng, print_)
    left, top, right, bottom = wide[0]
    blocks: list[Block] = []
    at = top + print_.em_mm
    groups: list[tuple[BlockRole, list[str]]] = [
        ("date", [sheet.when]),
        ("id", _person(sheet, False)),
        ("measurement", [f"{a} {b} {c}".rstrip() for a, b, c in _measure_rows(sheet)]),
        ("interpretation", list(sheet.statements)),
    ]
    for role, lines in groups:
        kept = [line for line in lines if print_.width_mm(line) <= right - left]
        if kept and at + LINE_PITCH_EM * print_.em_mm * len(kept) <= bottom:
            blocks.append(print_.block(role, kept, (left, at)))
            at += LINE_PITCH_EM * print_.em_mm * (len(kept) + 1)
    return blocks + _draw_footer(rng, print_)


def _draw_strip(rng: np.random.Generator, print_: Print) -> list[Block]:
    """One line, above or below: what a bedside strip carries."""
    sheet, found = print_.sheet, print_.sheet.figures
    above = bool(rng.random() < 0.6) and print_.rows(print_.areas["top"]) > 0
    area = print_.areas["top" if above else "bottom"]
    if print_.rows(area) < 1:
        return []
    parts: list[tuple[BlockRole, str]] = [
        ("id", sheet.number if rng.random() < 0.5 else sheet.name),
        ("date", sheet.when),
        ("measurement", f"{sheet.language.measure[0]} {found.rate}"),
    ]
    if print_.scale:
        parts += [("scale", sheet.speed), ("scale", sheet.gain), ("scale", sheet.band)]
    at = area[1] + print_.em_mm
    return _set_line(print_, parts, (area[0], at, area[2], at), print_.em_mm * float(rng.uniform(1.5, 4.0)))


def _draw_footer(rng: np.random.Generator, print_: Print) -> list[Block]:
    """Scale and filter, then machine and people, below the traces."""
    sheet, area = print_.sheet, print_.areas["bottom"]
    if print_.rows(area) < 1:
        return []
    at = area[3] - 0.3 * print_.em_mm if rng.random() < 0.5 else area[1] + print_.em_mm
    gap = print_.em_mm * float(rng.uniform(0.8, 4.0))
    scale: list[tuple[BlockRole, str]] = []
    if print_.scale:
        words = [word for word in (sheet.speed, sheet.gain, sheet.band, sheet.hum) if word]
        scale = [("scale", "  ".join(words))] if rng.random() < 0.5 else [("scale", word) for word in words]
    machine: list[tuple[BlockRole, str]] = [("footer", word) for word in sheet.machine]
    if rng.random() < 0.5:
        machine = [("footer", "  ".join(sheet.machine))]
    last = machine + [("footer", words) for words in sheet.people[-1:]]
    return _set_line(print_, scale + last, (area[0] + float(rng.uniform(0, 12)), at, area[2], at), gap)


def _draw_nothing(rng: np.random.Generator, print_: Print) -> list[Block]:  # noqa: ARG001
    return []


#: How each form is drawn: tables in columns above the traces, one to three long lines, two corners, a column beside the
#: traces, a strip's single line, nothing but scale and machine below, nothing at all.
DRAW: Mapping[str, Callable[[np.random.Generator, Print], list[Block]]] = {
    "columns": _draw_columns,
    "lines": _draw_lines,
    "corners": _draw_corners,
    "side": _draw_side,
    "strip": _draw_strip,
    "footer": _draw_footer,
    "none": _draw_nothing,
}
