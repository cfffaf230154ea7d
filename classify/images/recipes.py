"""How the image networks are trained where not as published, and what they then see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from classify.models.entry import ModelEntry
from ecg.errors import OptionsError

__all__ = ["OURS", "OUR_SIZE", "RECIPES", "in_size", "seeing"]

RECIPES = ("published", "ours")
#: Ours: one cycle of AdamW with averaged weights and varied pictures. Learning rate and decay are those of our signal
#: network's recipe over two, because batch normalisation over 64 pictures is noisier than over signals.
OURS: Mapping[str, Any] = MappingProxyType(
    {
        "optimiser": "adamw",
        "lr": 2e-3,
        "weight_decay": 0.02,
        "schedule": "one_cycle",
        "stop_after": 0,
        "epochs": 6,
        "batch": 64,
        "ema": 0.998,
        "vary": 1.0,
        "weigh_classes": False,
        "keep": "best",
    }
)
#: Height and width in pixels that ours sees: ten seconds at 25 mm/s and three rows over a strip fill 2:1; two pixels a
#: millimetre leave 4 of an ST segment of 80 ms.
OUR_SIZE = "256x512"


def in_size(entry: ModelEntry, size: str) -> ModelEntry:
    """Architecture that sees grey pictures of another size, with their aspect kept.

    Parameters
    ----------
    entry : ModelEntry
        Of an image network; all of them take any size.
    size : str
        ``"256x512"``: height and width in pixels, multiples of 32, because the networks halve pictures five times.

    Returns
    -------
    ModelEntry

    Raises
    ------
    OptionsError
        If the model takes no pictures or the size is none.
    """
    if entry.spec.kind != "page":
        raise OptionsError(f"--size is for models of pictures; {entry.name} takes records")
    try:
        height, width = (int(part) for part in size.split("x"))
    except ValueError:
        height = width = 0
    if height < 32 or width < 32 or height % 32 or width % 32:
        raise OptionsError(f"--size is HEIGHTxWIDTH in multiples of 32 pixels, as in {OUR_SIZE}; got {size!r}")
    return replace(entry, spec=replace(entry.spec, picture=(1, height, width), fit="letterbox"))


def seeing(entry: ModelEntry, reader: str) -> ModelEntry:
    """Architecture that sees the recording alone (``"grid"``, or empty) or the ``"whole"`` page.

    Raises
    ------
    OptionsError
        If the reader is another.
    """
    if reader not in ("", "grid", "whole"):
        raise OptionsError(f"a model of pictures sees grid or whole, got --reader {reader}")
    return replace(entry, spec=replace(entry.spec, area="whole" if reader == "whole" else "grid"))
