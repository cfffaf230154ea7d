"""Damage to a page: each kind is drawn at random in one function and done in another.

A step is a mapping with its ``name`` and its parameters, plain numbers only: it is printed in the truth, and
`apply_steps` on the clean page repeats it to the byte. Geometric steps move every piece of truth along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ecg import OptionsError
from synth.degrade.geometry import apply_rotation
from synth.degrade.optics import apply_blur, apply_illumination, apply_jpeg, apply_noise
from synth.degrade.presets import sample_steps
from synth.degrade.step import Step
from synth.page import SynthPage

__all__ = ["STEPS", "Step", "apply_steps", "sample_steps"]

#: Every kind of damage: name -> how it is done.
STEPS: dict[str, Callable[[SynthPage, Step], SynthPage]] = {
    "rotation": apply_rotation,
    "blur": apply_blur,
    "noise": apply_noise,
    "illumination": apply_illumination,
    "jpeg": apply_jpeg,
}


def apply_steps(page: SynthPage, steps: Iterable[Step]) -> SynthPage:
    """Do each step in order.

    Parameters
    ----------
    page : SynthPage
    steps : iterable of mapping
        Each with a ``name`` out of `STEPS`.

    Returns
    -------
    SynthPage
        With the steps added to its own.

    Raises
    ------
    OptionsError
        If a step is unknown.
    """
    for step in steps:
        if step.get("name") not in STEPS:
            raise OptionsError(f"a step's name must be one of {', '.join(STEPS)}, got {step.get('name')!r}")
        page = STEPS[step["name"]](page, step)
    return page
