"""What a command is given: files, folders and patterns become a list of inputs, each with the stem of its outputs."""

from __future__ import annotations

import glob
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ecg.errors import ECGError, FormatError, OptionsError
from einthoven.contents import is_drawn
from einthoven.outputs import DIGITIZATION_SCHEMA, correctable, one_line

__all__ = ["Corrections", "Input", "Missing", "corrections", "find_inputs", "lead_names", "numbers", "page_stem"]


@dataclass(frozen=True)
class Input:
    """One file to read.

    Parameters
    ----------
    path : Path
        As the user named it.
    stem : str
        Stem of its outputs; a file of several pages adds ``_p01``, ``_p02``, ...
    """

    path: Path
    stem: str


@dataclass(frozen=True)
class Missing:
    """An argument that led to no file, and why."""

    argument: str
    error: ECGError


def find_inputs(arguments: Sequence[str]) -> tuple[tuple[Input, ...], tuple[Missing, ...]]:
    """Turn arguments into inputs.

    A file stands for itself; a folder for the pages in it, told by content, sub-folders left alone; a pattern that the
    shell has left as it is (``*``, ``?``, ``[``) for the files that it matches. A file named twice is read once.

    Parameters
    ----------
    arguments : sequence of str

    Returns
    -------
    inputs : tuple of Input
    missing : tuple of Missing
        Arguments that led to no file, while others did.

    Raises
    ------
    OptionsError
        If no argument led to a file, or two inputs would write the same outputs.
    """
    paths: list[Path] = []
    missing: list[Missing] = []
    for argument in arguments:
        found = _expand(argument)
        paths += found
        if not found:
            missing.append(Missing(argument, FormatError(_why_none(argument))))
    if not paths:
        reasons = "; ".join(str(m.error) for m in missing) or "name at least one file"
        raise OptionsError(f"no input: {reasons}")
    unique = {os.path.realpath(p): p for p in reversed(paths)}
    kept = [p for p in paths if unique.pop(os.path.realpath(p), None) is not None]
    return _with_stems(kept), tuple(missing)


def _expand(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        return _pages_in(path)
    if path.exists():
        return [path]
    if glob.has_magic(argument):
        found = glob.glob(argument, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        return sorted(p for p in map(Path, found) if p.is_file())
    return []


def _why_none(argument: str) -> str:
    name = one_line(argument)
    if Path(argument).is_dir():
        return f"the folder {name} holds no page (image, PDF or DICOM picture)"
    if glob.has_magic(argument):
        return f"no file matches {name}"
    return f"{name} does not exist"


def _pages_in(folder: Path) -> list[Path]:
    """Pages of a folder by content, without masks of synthetic pages and the overlays and reports of earlier runs."""
    from ecg import formats

    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file() or is_drawn(path):
            continue
        try:
            kind = formats.identify(path)
        except ECGError:
            continue
        if kind in formats.PAGE_KINDS:
            found.append(path)
    return found


def page_stem(stem: str, page: int, several: bool, part: tuple[int, int] = (1, 1)) -> str:
    """Stem of the outputs of one page, or of one of the ECGs on it.

    Examples
    --------
    >>> page_stem("scan", 2, several=True), page_stem("scan", 1, several=False)
    ('scan_p02', 'scan')
    >>> page_stem("scan", 2, several=True, part=(1, 2))
    'scan_p02_e1'
    """
    number, count = part
    return stem + (f"_p{page:02d}" if several else "") + (f"_e{number}" if count > 1 else "")


def _with_stems(paths: Iterable[Path]) -> tuple[Input, ...]:
    from ecg import formats

    inputs = tuple(Input(p, formats.safe_stem(p.stem)) for p in paths)
    taken: dict[str, Path] = {}
    for item in inputs:
        # Where the file system folds case, A.png and a.png would write the same files.
        key = os.path.normcase(item.stem)
        if key in taken:
            raise _collision(taken[key], item.path, item.stem)
        taken[key] = item.path
    for key, path in taken.items():
        page = re.fullmatch(r"(.+)_p\d{2,}", key)
        other = taken.get(page[1]) if page else None
        if other is not None and _has_several_pages(other):
            raise _collision(other, path, key)
    return inputs


def _collision(first: Path, second: Path, stem: str) -> OptionsError:
    return OptionsError(
        f"{one_line(first)} and {one_line(second)} would both write {stem}.*; rename one or use two output folders"
    )


def _has_several_pages(path: Path) -> bool:
    """Read up to two pages; False where they cannot be read, because reading the file will then say why."""
    from ecg import formats

    try:
        return len(list(islice(formats.read_pages(path), 2))) == 2
    except ECGError:
        return False


def numbers(text: str, names: Sequence[str], option: str) -> tuple[float, ...]:
    """Numbers of an option such as ``--scale 25,10``.

    Parameters
    ----------
    text : str
        Numbers between commas.
    names : sequence of str
        What each of them is, for the message.
    option : str
        Name of the option, for the message.

    Raises
    ------
    OptionsError
        If there are more or fewer numbers than names, or something is no finite number.

    Examples
    --------
    >>> numbers("25,10", ("SPEED", "GAIN"), "--scale")
    (25.0, 10.0)
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != len(names) or not all(map(math.isfinite, values)):
        raise OptionsError(f"{option} takes {len(names)} numbers {','.join(names)}, got {one_line(text)!r}")
    return values


@dataclass(frozen=True)
class Corrections:
    """What ``STEM.json`` of an earlier run says about its page.

    Parameters
    ----------
    stem : str
        Stem of the outputs, kept by the new run.
    source : str
        The input file.
    page : int
        Number of the page in it, from 1.
    part : int
        Number of the ECG on that page, from 1.
    method : str
    lead : str or None
        Lead that the strip method was told to read; None for the other methods.
    options : mapping
        Keys of `digitize.options.DigitizeOptions`.
    """

    stem: str
    source: str
    page: int
    part: int
    method: str
    lead: str | None
    options: Mapping[str, Any]


def lead_names(text: str) -> tuple[str, ...]:
    """Names of leads between commas, spelt in the standard way.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> lead_names("ii, -avr,V1")
    ('II', '-aVR', 'V1')
    """
    from ecg.formats import lead_name

    return tuple(lead_name(part) for part in text.split(","))


def corrections(path: Path) -> Corrections:
    """Read the corrections out of ``STEM.json``, as a person edited it.

    Layout, scale and corners count where they differ from what the run had found, or had been given to it; the rest is
    measured anew. So an assumption that nobody touched stays one, and new corners do not meet an old scale.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OptionsError
        If the file is not such a JSON or a value in it has the wrong type.
    """
    name = one_line(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionsError(f"--from {name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise OptionsError(f"--from {name} is not JSON: {error}") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(schema, dict) or schema.get("name") != DIGITIZATION_SCHEMA:
        raise OptionsError(f"--from {name} is not a STEM.json that einthoven digitize wrote")
    try:
        return Corrections(
            stem=_stem(content),
            source=_text(content, "source"),
            page=int(content["page"]),
            part=int(content.get("ecg", 1)),
            method=_text(content, "method"),
            lead=_text(content["boxes"][0], "lead") if content["method"] == "strip" and content["boxes"] else None,
            options=_edited(content),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise OptionsError(f"--from {name}: a key is missing or has the wrong type ({one_line(error)})") from error


def _text(content: Mapping[str, Any], key: str) -> str:
    if not isinstance(content[key], str):
        raise TypeError(f"{key} must be a text")
    return str(content[key])


def _stem(content: Mapping[str, Any]) -> str:
    """Stem of the outputs; an edited one must not lead out of the folder."""
    from ecg.formats import safe_stem

    stem = _text(content, "stem")
    if stem != safe_stem(stem):
        raise ValueError(f"stem must be made of A-Z a-z 0-9 _ -, got {stem!r}")
    return stem


def _edited(content: Mapping[str, Any]) -> dict[str, Any]:
    """Values that were given to the run, or set by hand since; a value set to null is measured anew."""
    found, given = content["found"], content["given"]
    options = {}
    for name, value in correctable(content).items():
        if value != found.get(name):
            options[name] = value
        elif name in given:
            options[name] = given[name]
    if "leads" in given and "boxes" not in options:  # names stand in the boxes, where they may have been edited since
        options["leads"] = given["leads"]
    return options
