"""Looks of devices: which paper, grid, pen, layout, names and print go together. All names on a page are invented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ecg import OptionsError
from synth.looks.carts import sample_archive, sample_cart, sample_dotgrid, sample_office, sample_zfold
from synth.looks.old import sample_heatpen, sample_nordic, sample_plotter
from synth.looks.parts import chance, pick
from synth.looks.screens import sample_monitor, sample_viewer
from synth.looks.strips import sample_ambulance, sample_telemetry, sample_threechannel
from synth.style import PageStyle

__all__ = ["LOOKS", "sample_look"]

#: Looks by name: each draws a style, given a generator and the record's ``meta``.
LOOKS: Mapping[str, Callable[[np.random.Generator, Mapping[str, Any]], PageStyle]] = {
    "cart": sample_cart,
    "zfold": sample_zfold,
    "dotgrid": sample_dotgrid,
    "archive": sample_archive,
    "office": sample_office,
    "threechannel": sample_threechannel,
    "telemetry": sample_telemetry,
    "ambulance": sample_ambulance,
    "monitor": sample_monitor,
    "viewer": sample_viewer,
    "heatpen": sample_heatpen,
    "plotter": sample_plotter,
    "nordic": sample_nordic,
}

#: How often each look is met on paper, roughly: twelve-lead carts are most of it.
_ON_PAPER = {
    "cart": 0.33,
    "zfold": 0.17,
    "dotgrid": 0.1,
    "archive": 0.1,
    "office": 0.07,
    "threechannel": 0.05,
    "telemetry": 0.03,
    "ambulance": 0.05,
    "plotter": 0.02,
    "heatpen": 0.02,
    "nordic": 0.06,
}

#: Shares of looks by preset: a screen shows no heated stylus, a drawer of the archive no screenshot.
_SHARES: Mapping[str, Mapping[str, float]] = {
    "screen": {"monitor": 0.35, "viewer": 0.35, "archive": 0.2, "cart": 0.1},
    "archive": {"heatpen": 0.2, "plotter": 0.2, "zfold": 0.2, "threechannel": 0.12, "nordic": 0.1, "cart": 0.18},
    "clean": {**_ON_PAPER, "viewer": 0.3, "monitor": 0.06},
}

#: How often a device draws without smoothing: carts that print their own grid, programs that draw on a screen.
_UNSMOOTHED: Mapping[str, float] = {"dotgrid": 0.4, "viewer": 0.3, "monitor": 0.3}


def sample_look(
    rng: np.random.Generator, preset: str = "scan", meta: Mapping[str, Any] | None = None, look: str | None = None
) -> PageStyle:
    """Draw a look that fits a preset, and a page of it.

    Parameters
    ----------
    rng : numpy.random.Generator
    preset : str
        Damage that the page will get: one of `synth.PRESETS`.
    meta : mapping or None
        Of the record: what its header may say (``age``, ``sex``, ``labels``, ``rate_per_min``) and ``duration_s``.
    look : str or None
        One of `LOOKS` rather than one drawn.

    Returns
    -------
    PageStyle
        Drawn alike for every label: the look tells nothing of the heart.

    Raises
    ------
    OptionsError
        If the look is unknown.

    Examples
    --------
    >>> sample_look(np.random.default_rng(0), look="nordic").speed_mm_per_s
    50.0
    """
    name = look or str(pick(rng, _SHARES.get(preset, _ON_PAPER)))
    if name not in LOOKS:
        raise OptionsError(f"a look must be one of {', '.join(LOOKS)}, got {name!r}")
    style = LOOKS[name](rng, meta or {})
    # Drawn last, so that all else is what it is with a smooth pen.
    return replace(style, pen_smooth=not chance(rng, _UNSMOOTHED[name])) if name in _UNSMOOTHED else style
