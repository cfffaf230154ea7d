"""Options out of a TOML file: one table a dataclass, every key and value checked.

A file of options holds a table for each frozen dataclass of options that a command takes::

    [digitize]
    layout = "3x4+1"
    px_per_mm = [7.87, 7.87]

Unknown tables and keys are errors that name the nearest known one, because a misspelt option that is silently
ignored changes the result.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ecg.errors import OptionsError

__all__ = ["nearest", "options_from", "read_toml"]

T = TypeVar("T")


def read_toml(path: str | Path, tables: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Tables of an options file.

    Parameters
    ----------
    path : path
        A TOML file (https://toml.io/en/v1.0.0).
    tables : iterable of str
        The tables that it may hold.

    Returns
    -------
    dict of dict
        Every table of ``tables``, empty where the file does not have it.

    Raises
    ------
    OptionsError
        If the file cannot be read, is not TOML, or holds anything but these tables.
    """
    import tomllib

    path, known = Path(path), tuple(tables)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionsError(f"cannot read the options file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"the options file {path} is not UTF-8 text; write it as TOML") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionsError(f"the options file {path} is not valid TOML: {error}") from error
    for name, value in content.items():
        if name not in known:
            raise OptionsError(f"{path}: unknown table [{name}]{nearest(name, known)}; the tables are {_listed(known)}")
        if not isinstance(value, dict):
            raise OptionsError(f"{path}: {name} must be a table [{name}], got {value!r}")
    return {name: dict(content.get(name, {})) for name in known}


def options_from(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build a dataclass of options from plain values, as TOML and JSON give them.

    Lists become tuples and integers become floats where the field says so; nothing else is converted. Fields that
    ``values`` does not name keep their defaults.

    Parameters
    ----------
    cls : type
        A dataclass whose fields are bool, int, float, str, ``Literal``, tuples of these, or any of them or None.
    values : mapping of str to value
    where : str
        Where the values came from, put before the message: ``"options.toml: [digitize]"``.

    Returns
    -------
    instance of ``cls``

    Raises
    ------
    OptionsError
        If a key is unknown (the nearest is named), a value has the wrong type, or ``cls`` refuses a value.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Pen:
    ...     width_mm: float = 0.3
    ...     colour: tuple[int, ...] = (0, 0, 0)
    >>> options_from(Pen, {"width_mm": 1, "colour": [255, 0, 0]})
    Pen(width_mm=1.0, colour=(255, 0, 0))
    >>> options_from(Pen, {"width": 1})
    Traceback (most recent call last):
    ecg.errors.OptionsError: unknown option 'width', did you mean 'width_mm'?; the options are width_mm, colour
    """
    prefix = f"{where}: " if where else ""
    hints = get_type_hints(cls)
    known = tuple(f.name for f in fields(cls))  # type: ignore[arg-type]  # T is a dataclass by contract
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise OptionsError(
                f"{prefix}unknown option {name!r}{nearest(name, known)}; the options are {_listed(known)}"
            )
        try:
            kept[name] = _fit(value, hints[name])
        except TypeError as error:
            raise OptionsError(f"{prefix}option {name} must be {error}, got {value!r}") from error
    try:
        return cls(**kept)
    except OptionsError as error:
        raise OptionsError(f"{prefix}{error}") from error


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``", did you mean 'x'?"`` for the nearest known name, or nothing where none is near.

    Nearness is the ratio of matching characters (`difflib`, Ratcliff & Metzener, Dr. Dobb's Journal, July 1988).

    Parameters
    ----------
    name : str
    known : iterable of str

    Returns
    -------
    str
    """
    # 0.5 of the characters: "layuot" finds "layout", while an unrelated word finds nothing.
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f", did you mean {found[0]!r}?" if found else ""


def _fit(value: Any, hint: Any) -> Any:
    """Value as the type hint wants it; TypeError with the wanted type in words where it does not fit."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _fit_union(value, hint)
    if origin is Literal:
        if value not in get_args(hint) or isinstance(value, bool) is not isinstance(get_args(hint)[0], bool):
            raise TypeError(f"one of {_listed(str(a) for a in get_args(hint))}")
        return value
    if origin is tuple:
        return _fit_tuple(value, get_args(hint))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # bool is a subclass of int, yet `fs = true` is a slip, not 1 Hz.
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}
        raise TypeError(words.get(hint, getattr(hint, "__name__", str(hint))))
    return value


def _fit_union(value: Any, hint: Any) -> Any:
    choices = [a for a in get_args(hint) if a is not type(None)]
    if value is None and len(choices) < len(get_args(hint)):
        return None
    wanted = []
    for choice in choices:
        try:
            return _fit(value, choice)
        except TypeError as error:
            wanted.append(str(error))
    raise TypeError(" or ".join(wanted))


def _fit_tuple(value: Any, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError("a list")
    if len(parts) == 2 and parts[1] is Ellipsis:
        parts = (parts[0],) * len(value)
    if len(value) != len(parts):
        raise TypeError(f"a list of {len(parts)} values")
    try:
        return tuple(_fit(v, p) for v, p in zip(value, parts, strict=True))
    except TypeError as error:
        raise TypeError(f"a list, each value {error}") from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
