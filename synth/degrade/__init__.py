"""Damage to a page: each kind is drawn at random in one function and done in another.

A step is a mapping with its ``name`` and its parameters, plain numbers only: it is printed in the truth, and
`apply_steps` on the clean page repeats it to the byte. Geometric steps move every piece of truth along; those that
follow each other are done in one pass, so that the picture is sampled once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from ecg import OptionsError
from synth.degrade.attached import apply_attached, apply_hand, apply_holes, apply_redaction, apply_stamp
from synth.degrade.copies import apply_fax, apply_photocopy
from synth.degrade.geometry import crop, mirror, perspective, rotation, scale, turn
from synth.degrade.geometry_crumple import creases, crumple
from synth.degrade.geometry_device import feed, lens
from synth.degrade.geometry_surface import curl, folds
from synth.degrade.geometry_tear import apply_flap, tear
from synth.degrade.geometry_warp import WarpOf, bend
from synth.degrade.light import apply_glare, apply_light, apply_tone
from synth.degrade.marks import apply_handwriting
from synth.degrade.optics import (
    apply_blur,
    apply_defocus,
    apply_grain,
    apply_illumination,
    apply_jpeg,
    apply_motion,
    apply_noise,
    apply_sharpen,
)
from synth.degrade.paper import apply_age, apply_bleed, apply_fade, apply_mould, apply_rollers, apply_stains
from synth.degrade.presets import sample_steps
from synth.degrade.screen import apply_moire, apply_panel
from synth.degrade.step import Step
from synth.page import SynthPage

__all__ = ["GEOMETRY", "STEPS", "Step", "apply_steps", "sample_steps"]

#: Every kind of damage that moves ink: name -> its map.
GEOMETRY: dict[str, WarpOf] = {
    "rotation": rotation,
    "perspective": perspective,
    "crop": crop,
    "scale": scale,
    "turn": turn,
    "mirror": mirror,
    "curl": curl,
    "folds": folds,
    "creases": creases,
    "crumple": crumple,
    "tear": tear,
    "lens": lens,
    "feed": feed,
}

#: Every other kind of damage: name -> how it is done.
_PHOTOMETRY: dict[str, Callable[[SynthPage, Step], SynthPage]] = {
    "fade": apply_fade,
    "age": apply_age,
    "bleed": apply_bleed,
    "rollers": apply_rollers,
    "mould": apply_mould,
    "stains": apply_stains,
    "handwriting": apply_handwriting,
    "stamp": apply_stamp,
    "redaction": apply_redaction,
    "attached": apply_attached,
    "holes": apply_holes,
    "flap": apply_flap,
    "hand": apply_hand,
    "blur": apply_blur,
    "noise": apply_noise,
    "illumination": apply_illumination,
    "light": apply_light,
    "panel": apply_panel,
    "moire": apply_moire,
    "glare": apply_glare,
    "tone": apply_tone,
    "defocus": apply_defocus,
    "motion": apply_motion,
    "grain": apply_grain,
    "sharpen": apply_sharpen,
    "photocopy": apply_photocopy,
    "fax": apply_fax,
    "jpeg": apply_jpeg,
}


def _in_one_pass(page: SynthPage, steps: Sequence[Step]) -> SynthPage:
    warps = [GEOMETRY[step["name"]] for step in steps]
    if page.steps and page.steps[-1]["name"] in GEOMETRY:  # so that a replay makes two passes as well
        steps = [{**steps[0], "new_pass": True}, *steps[1:]]
    return bend(page, steps, warps)


def _alone(page: SynthPage, step: Step) -> SynthPage:
    return _in_one_pass(page, [step])


#: Every kind of damage: name -> how it is done to a page.
STEPS: dict[str, Callable[[SynthPage, Step], SynthPage]] = {**dict.fromkeys(GEOMETRY, _alone), **_PHOTOMETRY}


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
    for moves, _, group in _passes(steps):
        if moves:
            page = _in_one_pass(page, group)
        else:
            for step in group:
                page = STEPS[step["name"]](page, step)
    return page


def _passes(steps: Iterable[Step]) -> list[tuple[bool, int, list[Step]]]:
    """Part the steps into runs of geometric and of other ones; one that was logged with ``new_pass`` starts a run."""
    number, tagged = 0, []
    for step in steps:
        if step.get("name") not in STEPS:
            raise OptionsError(f"a step's name must be one of {', '.join(STEPS)}, got {step.get('name')!r}")
        number += bool(step.get("new_pass"))
        tagged.append((step["name"] in GEOMETRY, number, step))
    return [(*key, [step for *_, step in run]) for key, run in groupby(tagged, key=lambda item: item[:2])]
