"""The document of refusals against the program: every message it gives, on pages that truly draw it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import refusals

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/refused.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"`([^`\n]+)`", TEXT)

#: Modules that draw pages to train on: what they raise reaches no reader of pages.
_TRAINING = ("drawing.py", "lessons.py", "seen.py", "training.py", "train.py", "crops.py")
#: Lists of sentences that end in ``reasons``, ``assumed`` or an error.
_LISTS = ("doubts", "reasons", "assumed", "found")


def masked(message: str) -> str:
    """Message without its measured numbers: they move when the reader is mended, its words must not."""
    return re.sub(r"-?\d+(\.\d+)?", "#", message)


def section(name: str) -> str:
    """Part of the document that shows the picture of a case, up to the next heading."""
    return TEXT.split(f"(pictures/refused_{name}.jpg)")[1].split("\n#")[0]


@pytest.mark.parametrize("name", refusals.CASES)
def test_the_program_says_of_the_page_what_the_document_says(name: str) -> None:
    case = refusals.CASES[name]
    status, *reasons = refusals.said(name)
    assert status == case.status
    assert any(case.about in reason for reason in reasons)
    told = [masked(message) for message in re.findall(r"`([^`\n]+)`", section(name))]
    missing = [reason for reason in reasons if masked(reason) not in told]
    assert not missing, f"docs/refused.md does not say {missing} below {name}"


def test_every_picture_is_there_named_and_small() -> None:
    there = {path.stem: path.stat().st_size for path in refusals.FOLDER.glob("refused_*.jpg")}
    named = set(re.findall(r"\(pictures/(\w+)\.jpg\)", TEXT))
    assert set(there) == named == {f"refused_{name}" for name in refusals.CASES}, "run python -m benchmarks.refusals"
    assert all(size <= refusals.LARGEST for size in there.values())
    assert sum(there.values()) <= 500_000


def pattern(node: ast.expr) -> str | None:
    """Regular expression of a string in the source, anything where a value stands; None where it says nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (re.escape(str(v.value)) if isinstance(v, ast.Constant) else ".+" for v in node.values)
        found = "".join(parts)
        return found if len(re.sub(r"\.\+|\W", "", found)) >= 4 else None
    return None


def sentences(tree: ast.AST) -> Iterator[str]:
    """Words of every refusal, doubt and assumption in a module."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "append" and isinstance(node.func, ast.Attribute):
            wanted = isinstance(node.func.value, ast.Name) and node.func.value.id in _LISTS
            arguments = node.args if wanted else []
        else:
            arguments = {"DigitizationError": node.args[1:], "missing_lead": node.args}.get(name, [])
        for argument in arguments:
            for branch in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
                words = pattern(branch)
                if words:
                    yield words


def reader_sentences() -> list[tuple[str, str]]:
    paths = [p for p in sorted((ROOT / "digitize").rglob("*.py")) if p.name not in _TRAINING]
    return [(p.name, words) for p in paths for words in sentences(ast.parse(p.read_text(encoding="utf-8")))]


def test_every_sentence_of_the_reader_stands_in_the_document() -> None:
    found = reader_sentences()
    assert len(found) > 45  # the search itself still works
    missing = [(where, words) for where, words in found if not any(re.search(words, message) for message in MESSAGES)]
    assert not missing


def test_every_message_of_the_document_stands_in_the_source() -> None:
    """The other way round: a message that was reworded does not stay behind."""
    from digitize.quality import NOT_PRINTED

    known = [words for _, words in reader_sentences()]
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "digitize").rglob("*.py"))
    told = re.findall(r"^(?:- )?`([a-z]+: [^`\n]+)`$", TEXT, re.MULTILINE)
    assert len(told) > 12
    for message in told:
        reason = message.split(": ", 1)[1]
        assert any(re.search(words, reason) for words in known), message
    assert NOT_PRINTED in MESSAGES
    assert all(phrase in source for phrase in ("to be far from the true one", "no line where the lead should stand"))


def test_the_grades_are_those_that_the_program_gives() -> None:
    from typing import get_args, get_type_hints

    from digitize.result import LeadQuality

    grades = set(get_args(get_type_hints(LeadQuality)["grade"]))
    assert grades == set(re.findall(r"^\| `(good|fair|poor|missing)` \|", TEXT, re.MULTILINE))


def test_the_layouts_that_the_document_lists_are_those_known() -> None:
    from ecg import LAYOUTS

    (listed,) = re.findall(r"lines of trace \(([^)]+)\)", TEXT)
    assert set(listed.split(", ")) == set(LAYOUTS)
    counts = {int(n) for n in re.findall(r"\d+", TEXT.split("Layouts are known for ")[1].split(" lines")[0])}
    assert counts == {layout.n_lines for layout in LAYOUTS.values()}


def test_a_picture_shows_the_corners_that_were_given(tmp_path) -> None:
    from PIL import Image

    path = refusals.write("corners_order", tmp_path)
    pixels = np.asarray(Image.open(path)).astype(int)
    assert ((pixels[:, :, 2] - pixels[:, :, 0]) > 100).sum() > 200  # the blue line
    assert [p.name for p in tmp_path.iterdir()] == ["refused_corners_order.jpg"]


def test_an_unknown_page_is_told(capsys) -> None:
    assert refusals.main(["portrait"]) == 2
    assert "no page is called portrait" in capsys.readouterr().err
