"""A step of damage, and how it enters a page's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.page import SynthPage

__all__ = ["Step", "logged", "photometric"]

#: Name and parameters of one damage, plain numbers only.
Step = Mapping[str, Any]


def photometric(page: SynthPage, image: NDArray[np.uint8], step: Step) -> SynthPage:
    """Page with another picture of the same geometry, and the step in its log."""
    return logged(replace(page, page=replace(page.page, image=image)), step)


def logged(page: SynthPage, step: Step) -> SynthPage:
    """Page with one more step in its log."""
    return replace(page, steps=(*page.steps, dict(step)))
