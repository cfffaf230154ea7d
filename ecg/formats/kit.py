"""Truth files of ecg-image-kit: where it drew each lead.

The kit (Shivashankara et al., Physiol Meas 2024;45:055019) writes one JSON file a page, with positions as
[row, column] in pixels from the top left corner.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError
from ecg.formats.bounds import check_file, decoding, shown
from ecg.formats.names import lead_name
from ecg.formats.options import DEFAULT_OPTIONS, ReadOptions
from ecg.paper import LeadBox

__all__ = ["KitGeometry", "KitLead", "read_kit_geometry"]


@dataclass(frozen=True, eq=False)
class KitLead:
    """Where ecg-image-kit drew one lead.

    Parameters
    ----------
    box : LeadBox
        Upright rectangle around the trace, with the seconds that it shows.
    outline : float array [4, 2]
        Corners (x, y) of the trace's own rectangle in pixels, turned with the page.
    text_outline : float array [4, 2] or None
        Corners (x, y) of the printed name; None where none was drawn.
    line : float array [points, 2] or None
        Centre line (x, y) of the trace in pixels; None in versions that do not give it.
    start_sample, stop_sample : int
        The samples of the kit's own clock that were drawn.
    """

    box: LeadBox
    outline: NDArray[np.float64]
    text_outline: NDArray[np.float64] | None
    line: NDArray[np.float64] | None
    start_sample: int
    stop_sample: int


@dataclass(frozen=True, eq=False)
class KitGeometry:
    """What ecg-image-kit says about one page.

    Parameters
    ----------
    width, height : int
        Pixels.
    fs : float
        Hz of the samples that the leads count.
    dpi : float or None
        Dots per inch at which the page was drawn.
    leads : tuple of KitLead
        In the order of drawing; a lead drawn twice stands twice.
    parameters : mapping
        The generator's other keys.
    """

    width: int
    height: int
    fs: float
    dpi: float | None
    leads: tuple[KitLead, ...]
    parameters: Mapping[str, Any]


def read_kit_geometry(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> KitGeometry:
    """Read the truth file of one page.

    Parameters
    ----------
    path : path-like
        The JSON file.
    options : ReadOptions
        Bounds.

    Returns
    -------
    KitGeometry
        Positions turned into (x, y).

    Raises
    ------
    FormatError
        If the file is damaged or of a version without a list of leads.
    """
    path = check_file(path, options)
    with decoding(path, "a truth file of ecg-image-kit"):
        return _geometry(json.loads(path.read_text(encoding="utf-8")), path.name)


def _geometry(truth: Any, name: str) -> KitGeometry:
    """Geometry from the kit's JSON: its keys stand at the top, or below ``generator`` in files that wrap it."""
    outer = truth if isinstance(truth, dict) else {}
    inner = outer.get("generator", outer)
    if not isinstance(inner, dict) or not isinstance(inner.get("leads"), list):
        raise FormatError(
            f"{shown(name)}: expected a list 'leads' (ecg-image-kit since 2024), found none; "
            "draw the page with a newer kit"
        )
    fs = float(inner["sampling_frequency"])
    dpi = inner.get("resolution")
    leads = tuple(_lead(lead, fs, inner.get("full_mode_lead")) for lead in inner["leads"])
    parameters = {key: value for key, value in inner.items() if key != "leads"}
    return KitGeometry(int(inner["width"]), int(inner["height"]), fs, float(dpi) if dpi else None, leads, parameters)


def _lead(lead: Mapping[str, Any], fs: float, full_mode_lead: Any) -> KitLead:
    # Where no names are printed the kit leaves the name of the rhythm strip out, and of no other lead.
    name = lead_name(str(lead.get("lead_name") or full_mode_lead))
    outline = _corners(lead["lead_bounding_box"])
    start, stop = int(lead["start_sample"]), int(lead["end_sample"])
    low, high = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    box = LeadBox(name, (low[0], low[1], high[0], high[1]), start / fs, stop / fs)
    text, points = lead.get("text_bounding_box"), lead.get("plotted_pixels")
    line = np.asarray(points, dtype=np.float64)[:, ::-1] if points else None  # [row, column] in the file
    return KitLead(box, outline, _corners(text) if text else None, line, start, stop)


def _corners(box: Mapping[str, Any]) -> NDArray[np.float64]:
    """Four corners (x, y) from ``{"0": [row, column], ...}``."""
    return np.array([box[str(corner)] for corner in range(4)], dtype=np.float64)[:, ::-1]
