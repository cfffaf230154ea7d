"""Which damage a preset does, drawn at random.

Steps follow each other as they befall a page: its print, its age, what people wrote on it and stuck to it, how it was
bent, the light on it, the camera or the machine that copied it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ecg import OptionsError
from synth.degrade.attached import sample_attached, sample_held, sample_holes, sample_redaction, sample_stamp
from synth.degrade.backgrounds import sample_background
from synth.degrade.copies import sample_fax, sample_photocopy
from synth.degrade.geometry import sample_crop, sample_perspective, sample_rotation, sample_scale, sample_turn
from synth.degrade.geometry_crumple import sample_creases, sample_crumple
from synth.degrade.geometry_device import sample_feed, sample_lens
from synth.degrade.geometry_surface import sample_curl, sample_folds, sample_lamp
from synth.degrade.geometry_tear import sample_dog_ear, sample_tear
from synth.degrade.light import sample_glare, sample_light, sample_tone
from synth.degrade.marks import sample_handwriting
from synth.degrade.optics import (
    sample_blur,
    sample_defocus,
    sample_grain,
    sample_illumination,
    sample_jpeg,
    sample_motion,
    sample_noise,
    sample_sharpen,
)
from synth.degrade.paper import (
    sample_age,
    sample_bleed,
    sample_fade,
    sample_low_ink,
    sample_mould,
    sample_rollers,
    sample_stains,
)
from synth.degrade.screen import sample_moire, sample_panel
from synth.degrade.step import Step
from synth.style import PRESETS

__all__ = ["MEMBERS", "MIXTURE", "sample_member", "sample_steps"]

#: The preset that draws one of `MEMBERS` for each page, in every device look.
MIXTURE = "field"

#: Shares of the presets in the mixture. What people hand in is photographs, scans and screens in the main; worse
#: pages are kept frequent enough to be learned.
MEMBERS: Mapping[str, float] = {
    "phone": 0.30,
    "scan": 0.20,
    "screen": 0.10,
    "photocopy": 0.09,
    "archive": 0.09,
    "clean": 0.08,
    "fax": 0.05,
    "wrecked": 0.05,
    "published": 0.04,
}


def sample_steps(rng: np.random.Generator, preset: str) -> tuple[Step, ...]:
    """Damage of one page.

    Parameters
    ----------
    rng : numpy.random.Generator
    preset : str
        ``"clean"``: none. ``"published"``: Gaussian noise, rotation within ±1°, Gaussian blur, as the training pages
        of the published image model are described; their strengths are not given there, ours are. ``"scan"``:
        rotation within ±2°, uneven light, slight blur and noise, JPEG. ``"field"``: that of one of `MEMBERS`. The
        others are what their names say.

    Returns
    -------
    tuple of mapping

    Raises
    ------
    OptionsError
        If the preset is unknown.

    Examples
    --------
    >>> [step["name"] for step in sample_steps(np.random.default_rng(0), "published")]
    ['noise', 'rotation', 'blur']
    """
    if preset not in PRESETS:
        raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    return tuple(_SAMPLERS[sample_member(rng) if preset == MIXTURE else preset](rng))


def sample_member(rng: np.random.Generator) -> str:
    """Draw the preset that a page of the mixture gets."""
    names, shares = zip(*((name, share) for name, share in MEMBERS.items() if name in _SAMPLERS), strict=True)
    return str(rng.choice(names, p=np.array(shares) / sum(shares)))


def _clean(rng: np.random.Generator) -> list[Step]:
    del rng
    return []


def _published(rng: np.random.Generator) -> list[Step]:
    return [sample_noise(rng, 2.0, 12.0), sample_rotation(rng, 1.0), sample_blur(rng, 0.3, 1.0)]


def _scan(rng: np.random.Generator) -> list[Step]:
    return [
        sample_rotation(rng, 2.0),
        sample_illumination(rng, 0.06),
        sample_blur(rng, 0.3, 0.7),
        sample_noise(rng, 0.5, 3.5),
        sample_jpeg(rng, 75, 95),
    ]


def _maybe(rng: np.random.Generator, chance: float, sampler: Callable[[], Step | list[Step]]) -> list[Step]:
    """Step or steps that befall a page with a chance; the numbers are drawn only then."""
    if rng.random() >= chance:
        return []
    drawn = sampler()
    return drawn if isinstance(drawn, list) else [drawn]


def _bent(rng: np.random.Generator, steps: list[Step]) -> list[Step]:
    """Put steps that bend a sheet under one lamp."""
    lamp = sample_lamp(rng)
    return [{**step, "lamp": lamp} if "lamp" in step else step for step in steps]


def _used(rng: np.random.Generator) -> list[Step]:
    """Sheet as it lies on a ward: print mostly good, a note on every third."""
    return [
        *_maybe(rng, 0.15, lambda: sample_low_ink(rng, 0.35)),
        *_maybe(rng, 0.06, lambda: sample_fade(rng, 0.4)),
        *_maybe(rng, 0.06, lambda: sample_bleed(rng, 0.12)),
        *_maybe(rng, 0.05, lambda: sample_rollers(rng, 0.35)),
        *_maybe(rng, 0.12, lambda: sample_age(rng, 0.3)),
        *_maybe(rng, 0.10, lambda: sample_stains(rng, 2)),
        *_maybe(rng, 0.35, lambda: sample_handwriting(rng, 4)),
        *_maybe(rng, 0.08, lambda: sample_stamp(rng)),
        *_maybe(rng, 0.08, lambda: sample_attached(rng)),
        *_maybe(rng, 0.07, lambda: sample_holes(rng)),
        *_maybe(rng, 0.12, lambda: sample_redaction(rng)),
    ]


def _phone(rng: np.random.Generator) -> list[Step]:
    """Telephone held over a sheet on a table."""
    # Most photos cut into the sheet a little, some show the table around it.
    margin = (-0.09, 0.03) if rng.random() < 0.7 else (0.01, 0.13)
    view = {**sample_perspective(rng, 26.0, 8.0, margin), "background": sample_background(rng)}
    bent = _maybe(rng, 0.75, lambda: sample_curl(rng, 22.0)) + _maybe(rng, 0.3, lambda: sample_folds(rng, 16.0))
    bent = _maybe(rng, 0.2, lambda: sample_creases(rng, 3, 0.5)) + bent
    return [
        *_used(rng),
        *_bent(rng, bent),
        view,
        *_maybe(rng, 0.3, lambda: sample_lens(rng, 0.02)),
        # Photos are handed on at 1,200 pixels or so a sheet more often than as they were taken.
        *_maybe(rng, 0.55, lambda: sample_scale(rng, 0.45, 0.85)),
        *_maybe(rng, 0.04, lambda: sample_turn(rng)),
        *_maybe(rng, 0.09, lambda: sample_held(rng)),
        sample_light(rng, float(rng.uniform(0.15, 0.85))),
        *_maybe(rng, 0.15, lambda: sample_glare(rng, 0.7)),
        sample_defocus(rng, 1.7),
        *_maybe(rng, 0.25, lambda: sample_motion(rng, 4.0)),
        sample_tone(rng, 0.8),
        sample_grain(rng, 1.0, 8.0),
        *_maybe(rng, 0.6, lambda: sample_sharpen(rng, 0.9)),
        sample_jpeg(rng, 45, 92),
        # Messengers lower the resolution and compress once more.
        *_maybe(rng, 0.25, lambda: [sample_scale(rng, 0.6, 0.95), sample_jpeg(rng, 40, 75)]),
    ]


def _screen(rng: np.random.Generator) -> list[Step]:
    """Telephone held before a monitor; every fourth page was captured without a camera."""
    panel = sample_panel(rng)
    if rng.random() < 0.25:
        shown = {**panel, "black": 0.0}
        return [
            *_maybe(rng, 0.5, lambda: sample_crop(rng, 0.06)),
            *([shown] if rng.random() < 0.4 else []),
            sample_scale(rng, 0.35, 0.8),
            *_maybe(rng, 0.6, lambda: sample_jpeg(rng, 40, 95)),
        ]
    view = {**sample_perspective(rng, 16.0, 5.0, (-0.1, 0.03)), "fill_rgb": [int(rng.integers(6, 40))] * 3}
    return [
        panel,
        view,
        *_maybe(rng, 0.3, lambda: sample_lens(rng, 0.015)),
        *_maybe(rng, 0.5, lambda: sample_scale(rng, 0.5, 0.9)),
        *_maybe(rng, 0.9, lambda: sample_moire(rng, 1.0)),
        sample_light(rng, float(rng.uniform(0.1, 0.4))),
        *_maybe(rng, 0.5, lambda: sample_glare(rng, 0.6)),
        sample_defocus(rng, 1.5),
        *_maybe(rng, 0.15, lambda: sample_motion(rng, 3.0)),
        sample_tone(rng, 0.9),
        sample_grain(rng, 1.5, 9.0),
        *_maybe(rng, 0.5, lambda: sample_sharpen(rng, 1.0)),
        sample_jpeg(rng, 45, 90),
    ]


def _flatbed(rng: np.random.Generator, tilt_deg: float) -> list[Step]:
    """Scanner: a little askew, lit evenly, sharp."""
    return [
        sample_rotation(rng, tilt_deg),
        *_maybe(rng, 0.4, lambda: sample_feed(rng, 0.5)),
        *_maybe(rng, 0.3, lambda: sample_crop(rng, 0.02)),
    ]


def _photocopy(rng: np.random.Generator) -> list[Step]:
    """Copy made of a sheet, then scanned."""
    bent: list[Step] = _maybe(rng, 0.3, lambda: {**sample_folds(rng, 6.0), "view": [0, 0]})
    return [
        *_used(rng),
        *bent,
        *_flatbed(rng, 2.5),
        sample_photocopy(rng),
        *_maybe(rng, 0.25, lambda: sample_handwriting(rng, 3)),
        sample_blur(rng, 0.3, 0.7),
        sample_grain(rng, 0.6, 2.5),
        sample_jpeg(rng, 60, 93),
    ]


def _fax(rng: np.random.Generator) -> list[Step]:
    """Sheet sent by fax; what arrives is a file, or paper that was scanned."""
    sent = [*_used(rng), *_flatbed(rng, 1.5), sample_fax(rng)]
    if rng.random() < 0.5:
        return sent
    paper = _maybe(rng, 0.4, lambda: sample_handwriting(rng, 3)) + _maybe(rng, 0.3, lambda: sample_fade(rng, 0.4))
    # The machine's paper is white, whatever the sheet was that it got.
    laid = {**sample_rotation(rng, 1.0), "fill_rgb": [250, 250, 248]}
    return [*sent, *paper, laid, sample_grain(rng, 0.6, 2.5), sample_jpeg(rng, 60, 92)]


def _archive(rng: np.random.Generator) -> list[Step]:
    """Sheet that lay in a file for decades, then was scanned."""
    bent: list[Step] = [{**sample_folds(rng, 7.0), "view": [0, 0]}] if rng.random() < 0.6 else []
    bent += _maybe(rng, 0.5, lambda: sample_creases(rng, 5, 0.7))
    return [
        *_maybe(rng, 0.4, lambda: sample_low_ink(rng, 0.5)),
        *_maybe(rng, 0.55, lambda: sample_fade(rng, 0.75)),
        *_maybe(rng, 0.15, lambda: sample_bleed(rng, 0.25)),
        *_maybe(rng, 0.15, lambda: sample_rollers(rng, 0.5)),
        sample_age(rng, 0.9),
        *_maybe(rng, 0.25, lambda: sample_mould(rng, 0.4)),
        *_maybe(rng, 0.35, lambda: sample_stains(rng, 3)),
        *_maybe(rng, 0.6, lambda: sample_handwriting(rng, 6)),
        *_maybe(rng, 0.35, lambda: sample_stamp(rng)),
        *_maybe(rng, 0.35, lambda: sample_attached(rng)),
        *_maybe(rng, 0.55, lambda: sample_holes(rng)),
        *_maybe(rng, 0.1, lambda: sample_redaction(rng)),
        *_maybe(rng, 0.25, lambda: sample_tear(rng, 0.05)),
        *_maybe(rng, 0.15, lambda: sample_dog_ear(rng, 0.06)),
        *_bent(rng, bent),
        *_flatbed(rng, 2.5),
        sample_illumination(rng, 0.1),
        sample_blur(rng, 0.3, 0.9),
        sample_grain(rng, 0.8, 4.0),
        sample_jpeg(rng, 60, 92),
    ]


def _wrecked(rng: np.random.Generator) -> list[Step]:
    """Sheet that was crushed, torn and scribbled on, then photographed."""
    bent: list[Step] = [sample_crumple(rng, 0.25, 0.9)]
    bent = _maybe(rng, 0.6, lambda: sample_creases(rng, 6, 1.0)) + bent
    bent += _maybe(rng, 0.4, lambda: sample_folds(rng, 18.0)) + _maybe(rng, 0.5, lambda: sample_curl(rng, 18.0))
    view = {**sample_perspective(rng, 28.0, 10.0, (-0.05, 0.1)), "background": sample_background(rng)}
    return [
        *_maybe(rng, 0.35, lambda: sample_low_ink(rng, 0.6)),
        *_maybe(rng, 0.3, lambda: sample_fade(rng, 0.6)),
        *_maybe(rng, 0.1, lambda: sample_bleed(rng, 0.25)),
        *_maybe(rng, 0.4, lambda: sample_age(rng, 0.6)),
        *_maybe(rng, 0.15, lambda: sample_mould(rng, 0.8)),
        *_maybe(rng, 0.7, lambda: sample_stains(rng, 5)),
        *_maybe(rng, 0.7, lambda: sample_handwriting(rng, 9)),
        *_maybe(rng, 0.3, lambda: sample_stamp(rng)),
        *_maybe(rng, 0.5, lambda: sample_attached(rng)),
        *_maybe(rng, 0.3, lambda: sample_holes(rng)),
        *_maybe(rng, 0.2, lambda: sample_redaction(rng)),
        *_maybe(rng, 0.4, lambda: sample_tear(rng, 0.12)),
        *_maybe(rng, 0.25, lambda: sample_dog_ear(rng, 0.1)),
        *_bent(rng, bent),
        view,
        *_maybe(rng, 0.08, lambda: sample_turn(rng)),
        sample_light(rng, float(rng.uniform(0.3, 1.0))),
        *_maybe(rng, 0.2, lambda: sample_glare(rng, 0.8)),
        sample_defocus(rng, 2.6),
        *_maybe(rng, 0.3, lambda: sample_motion(rng, 5.0)),
        sample_tone(rng, 1.0),
        sample_grain(rng, 2.0, 11.0),
        sample_jpeg(rng, 35, 85),
    ]


#: How the damage of each preset is drawn.
_SAMPLERS: dict[str, Callable[[np.random.Generator], list[Step]]] = {
    "clean": _clean,
    "published": _published,
    "scan": _scan,
    "photocopy": _photocopy,
    "fax": _fax,
    "phone": _phone,
    "screen": _screen,
    "archive": _archive,
    "wrecked": _wrecked,
}
