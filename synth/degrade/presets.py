"""Which damage a preset does, drawn at random."""

from __future__ import annotations

import numpy as np

from ecg import OptionsError
from synth.degrade.geometry import sample_rotation
from synth.degrade.optics import sample_blur, sample_illumination, sample_jpeg, sample_noise
from synth.degrade.step import Step
from synth.style import PRESETS

__all__ = ["sample_steps"]


def sample_steps(rng: np.random.Generator, preset: str) -> tuple[Step, ...]:
    """Damage of one page.

    Parameters
    ----------
    rng : numpy.random.Generator
    preset : str
        ``"clean"``: none. ``"published"``: Gaussian noise, rotation within ±1°, Gaussian blur, as the training pages
        of the published image model are described; their strengths are not given there, ours are. ``"scan"``:
        rotation within ±2°, uneven light, slight blur and noise, JPEG.

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
    if preset == "clean":
        return ()
    if preset == "published":
        return sample_noise(rng, 2.0, 12.0), sample_rotation(rng, 1.0), sample_blur(rng, 0.3, 1.0)
    if preset == "scan":
        return (
            sample_rotation(rng, 2.0),
            sample_illumination(rng, 0.06),
            sample_blur(rng, 0.3, 0.7),
            sample_noise(rng, 0.5, 3.5),
            sample_jpeg(rng, 75, 95),
        )
    raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
