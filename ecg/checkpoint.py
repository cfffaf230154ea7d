"""A trained model on disk: its weights and a card that says what they are.

A model is a folder with ``model.safetensors`` (arrays by name, no code, no pickle) and ``card.json``. Weights are kept
as float16: 11 bits of mantissa are finer than training noise, and the folder is half as large. The card carries the
SHA-256 of the weights, so that a damaged or exchanged file never answers.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import ModelError
from ecg.formats.atomic import replacing

__all__ = ["CARD_FILE", "WEIGHTS_FILE", "ModelCard", "load", "load_card", "save"]

WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "card.json"

_SCHEMA = {"name": "einthoven.model", "version": 1}
#: Largest card that is read, in bytes: a real one has a few kB.
_MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a model is, what it was made from and what it may be used for (after Mitchell et al., FAT* 2019).

    Parameters
    ----------
    name : str
        Name under which the model is listed.
    task : str
        What it answers: ``"superclass"``, ``"lead_names"``, ...
    architecture : str
        Name in the registry of architectures.
    arguments : mapping
        What the architecture is built with.
    input_spec : mapping
        What goes in: leads, sampling rate in Hz, seconds, units, normalisation; or height, width, colours.
    labels : tuple of str
        Outputs in order, no two alike.
    thresholds : mapping label -> float
        Probability from which a label is given, 0 to 1; may be empty.
    temperature : float
        What the logits are divided by, positive; 1 where the model was not calibrated.
    data : mapping
        Names, versions and licences of the data it was trained on.
    folds : mapping
        Which parts of them served what: ``{"train": [1, ...], "validation": [9]}``.
    seed : int
        Seed of the run.
    commit : str
        Commit of this project that made it.
    metrics : mapping name -> mapping
        ``{"value", "lo", "hi"}`` each, finite or None, with 95 % intervals.
    intended_use : str
        What it is for.
    limits : tuple of str
        What it must not be trusted with.
    sha256 : str
        Of ``model.safetensors``, 64 hexadecimal digits; filled in by `save`.
    temperatures : mapping label -> float
        Temperature of a label that has one of its own; `temperature` holds for the others.
    offsets : mapping label -> float
        What is added to a label's logit after the division; nothing for the others.
    heads : mapping task -> sequence of labels
        Which outputs answer which task, for a model that answers several; empty where all of them answer `task`.
    abstain : mapping
        When the model must not answer: ``{"min_leads": 8, "min_age": 18, "pacemaker": true}``; empty where it always
        may.
    windows : mapping
        How a longer record is cut: ``{"seconds": 2.5, "pooled": "max"}`` for windows half of that apart whose logits
        are joined; empty where the whole record goes in at once.
    sha256_onnx : str
        Of ``model.onnx``, where there is one.

    Raises
    ------
    ModelError
        If a field has the wrong type or is outside its range.
    """

    name: str
    task: str
    architecture: str
    arguments: Mapping[str, Any]
    input_spec: Mapping[str, Any]
    labels: tuple[str, ...]
    thresholds: Mapping[str, float]
    temperature: float
    data: Mapping[str, Any]
    folds: Mapping[str, Any]
    seed: int
    commit: str
    metrics: Mapping[str, Mapping[str, float | None]]
    intended_use: str
    limits: tuple[str, ...]
    sha256: str = ""
    temperatures: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    heads: Mapping[str, Any] = field(default_factory=dict)
    abstain: Mapping[str, Any] = field(default_factory=dict)
    windows: Mapping[str, Any] = field(default_factory=dict)
    sha256_onnx: str = ""

    def __post_init__(self) -> None:
        for name, kinds, wanted in _FIELD_TYPES:
            value = getattr(self, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ModelError(f"a model card's {name} must be {wanted}, got {type(value).__name__}")
            object.__setattr__(self, name, _frozen(value))
        _check_strings("labels", self.labels)
        _check_strings("limits", self.limits)
        if len(set(self.labels)) != len(self.labels):
            raise ModelError(f"a model card's labels must differ, got {', '.join(self.labels)}")
        self._check_temperatures()
        self._check_thresholds()
        self._check_heads()
        self._check_metrics()
        for name in ("sha256", "sha256_onnx"):
            digest = getattr(self, name)
            if digest and not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ModelError(f"a model card's {name} must be 64 hexadecimal digits, got {digest[:80]!r}")

    def _check_temperatures(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ModelError(f"a model card's temperature must be a positive number, got {self.temperature!r}")
        for label, value in self.temperatures.items():
            if label not in self.labels:
                raise ModelError(f"a temperature belongs to one of the labels {', '.join(self.labels)}, got {label!r}")
            if not _is_number(value) or not (math.isfinite(value) and value > 0):
                raise ModelError(f"the temperature of {label} must be a positive number, got {value!r}")
        for label, value in self.offsets.items():
            if label not in self.labels or not _is_number(value) or not math.isfinite(value):
                raise ModelError(f"an offset is a finite number of one of the labels, got {value!r} of {label!r}")

    def _check_heads(self) -> None:
        for task, outputs in self.heads.items():
            if not isinstance(outputs, tuple) or not outputs or not set(outputs) <= set(self.labels):
                raise ModelError(f"the head of {task} must list some of the labels, got {outputs!r}")

    def _check_thresholds(self) -> None:
        for label, value in self.thresholds.items():
            if label not in self.labels:
                raise ModelError(f"a threshold belongs to one of the labels {', '.join(self.labels)}, got {label!r}")
            if not _is_number(value) or not 0 <= value <= 1:
                raise ModelError(f"the threshold of {label} must be a probability between 0 and 1, got {value!r}")

    def _check_metrics(self) -> None:
        for name, figure in self.metrics.items():
            if not isinstance(figure, Mapping) or set(figure) != {"value", "lo", "hi"}:
                raise ModelError(f"the metric {name} must have exactly value, lo and hi, got {figure!r}")
            bad = [v for v in figure.values() if v is not None and not (_is_number(v) and math.isfinite(v))]
            if bad:
                raise ModelError(f"the metric {name} must hold finite numbers or null, got {bad[0]!r}")


_TEXT_FIELDS = ("name", "task", "architecture", "commit", "intended_use", "sha256", "sha256_onnx")
_TABLE_FIELDS = (
    "arguments",
    "input_spec",
    "thresholds",
    "data",
    "folds",
    "metrics",
    "temperatures",
    "offsets",
    "heads",
    "abstain",
    "windows",
)
_TEXT = (str,)
_TABLE = (Mapping,)
_FIELD_TYPES: tuple[tuple[str, tuple[type, ...], str], ...] = (
    *((name, _TEXT, "a text") for name in _TEXT_FIELDS),
    *((name, _TABLE, "a mapping") for name in _TABLE_FIELDS),
    ("labels", (tuple, list), "a list of texts"),
    ("limits", (tuple, list), "a list of texts"),
    ("temperature", (int, float), "a number"),
    ("seed", (int,), "a whole number"),
)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_strings(name: str, values: Collection[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise ModelError(f"a model card's {name} must be texts, got {value!r}")


def _frozen(value: Any) -> Any:
    """Read-only copy: mapping proxies and tuples all the way down."""
    if isinstance(value, Mapping):
        return MappingProxyType({k: _frozen(v) for k, v in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(v) for v in value)
    return value


def _plain(value: Any) -> Any:
    """Inverse of `_frozen` for JSON."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def save(
    folder: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    card: ModelCard,
    exact: Collection[str] = (),
) -> ModelCard:
    """Write a model's folder.

    Parameters
    ----------
    folder : path-like
        Made where it is missing; other files in it are left alone.
    tensors : mapping name -> array
        Floats are rounded to float16; integers and booleans are kept.
    card : ModelCard
        Its `sha256` is replaced.
    exact : collection of str
        Names of float arrays that keep their own precision, such as the split values of trees.

    Returns
    -------
    ModelCard
        The card as written.

    Raises
    ------
    ModelError
        If an array is not finite, does not fit float16 or has a type that cannot be stored, or the folder cannot
        be written.
    """
    from safetensors.numpy import save as to_bytes

    folder = Path(folder)
    if missing := set(exact) - set(tensors):
        raise ModelError(f"exact names arrays that the model does not have: {', '.join(sorted(missing))}")
    stored = {name: _storable(name, np.asarray(x), name in exact) for name, x in tensors.items()}
    weights = to_bytes(stored)
    card = replace(card, sha256=hashlib.sha256(weights).hexdigest())
    text = _card_text(card)
    try:
        # Both are on disk in full before either gets its name. Should the machine stop between the two renames,
        # the checksum no longer fits and `load` says so.
        with replacing(folder / WEIGHTS_FILE) as weights_path, replacing(folder / CARD_FILE) as card_path:
            weights_path.write_bytes(weights)
            card_path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ModelError(f"cannot write the model folder {folder}: {error.strerror or error}") from error
    return card


def _storable(name: str, x: NDArray[Any], exact: bool) -> NDArray[Any]:
    if x.dtype.kind in "iub":
        return np.asarray(x, order="C")
    if x.dtype.kind != "f":
        raise ModelError(f"the array {name} must hold floats, integers or booleans, got {x.dtype}")
    if not np.isfinite(x).all():
        raise ModelError(f"the array {name} must be finite, got NaN or infinite values: do not ship this model")
    if exact:
        return np.asarray(x, order="C")
    largest = float(np.abs(x).max(initial=0.0))
    if largest > float(np.finfo(np.float16).max):
        raise ModelError(f"the array {name} reaches {largest:g}, more than float16 holds (65504): name it in exact")
    return np.asarray(x.astype(np.float16), order="C")


def _card_text(card: ModelCard) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        program = version("einthoven")
    except PackageNotFoundError:
        program = "unknown"
    body = {f.name: _plain(getattr(card, f.name)) for f in fields(card)}
    try:
        return json.dumps({"schema": _SCHEMA, "version": program, **body}, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ModelError(f"a model card holds texts, finite numbers, lists and mappings only: {error}") from error


def load_card(folder: str | os.PathLike[str]) -> ModelCard:
    """Read a model's card alone.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    ModelCard

    Raises
    ------
    ModelError
        If the card is missing, too large, no JSON, of another schema, or lacks, adds or mistypes a field.
    """
    path = Path(folder) / CARD_FILE
    raw = _read(path, _MAX_CARD_BYTES)
    try:
        content = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no valid JSON: {error}; fetch the model again") from error
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise ModelError(f"{path} is no model card of schema {_SCHEMA['name']} version {_SCHEMA['version']}")
    known = {f.name for f in fields(ModelCard)}
    # Fields with a default came later: a card that was written before lacks them.
    needed = {f.name for f in fields(ModelCard) if f.default is MISSING and f.default_factory is MISSING} | {"sha256"}
    given = set(content) - {"schema", "version"}
    if odd := sorted((needed - given) | (given - known)):
        what = "lacks" if odd[0] in known else "has the unknown"
        raise ModelError(f"{path} {what} field {odd[0]}; fetch the model again")
    try:
        card = ModelCard(**{name: content[name] for name in given})
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if not card.sha256:
        raise ModelError(f"{path} has no checksum of its weights; fetch the model again")
    return card


def load(folder: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], ModelCard]:
    """Read a model's weights and card, once its checksum is found right.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    tensors : dict name -> array
        As stored: float16, or the own type of arrays saved as exact.
    card : ModelCard

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the weights are not those of the card.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    card = load_card(folder)
    path = Path(folder) / WEIGHTS_FILE
    raw = _read(path)
    found = hashlib.sha256(raw).hexdigest()
    if found != card.sha256:
        raise ModelError(
            f"{path} is damaged or of another model: its SHA-256 is {found[:12]}…, the card expects "
            f"{card.sha256[:12]}…; fetch the model again"
        )
    try:
        tensors = from_bytes(raw)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} is no safetensors file of plain arrays: {error}") from error
    return dict(tensors), card


def _read(path: Path, limit: int | None = None) -> bytes:
    try:
        if limit is not None and path.stat().st_size > limit:
            raise ModelError(f"{path} has {path.stat().st_size} bytes, more than the {limit} of any model card")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or error}): a model folder holds it") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
