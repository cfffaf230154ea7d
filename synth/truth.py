"""The truth of a page as plain data, ready for JSON.

Schema `SCHEMA`, which ``docs/schemas/synth-page.schema.json`` states so that a program can check it. Pixels are (x, y),
whole numbers are centres of pixels:

- ``set``: ``seed, index, preset, source, folds``, which name the page, and ``member``, the preset that a mixture drew.
- ``image``: ``file, mask, width, height, dpi, quality`` (of JPEG; null for PNG).
- ``record``: ``file, fs, n_samples, leads, labels, ecg_id, patient_id, fold, age, sex``, and for synthetic hearts
  ``waves`` (seconds of every P, QRS and T) and ``physiology`` (all parameters). The ``.hea/.dat`` pair holds the
  signals as printed, the format's missing value where not on the page.
- ``layout``: ``name, rows, rhythm, timing``.
- ``scale``: ``px_per_mm_x, px_per_mm_y, speed_mm_per_s, gain_mm_per_mv`` of the page as drawn, and ``grid_origin``, a
  crossing of strong lines there.
- ``homography``: 3x3, pixels as drawn to pixels of the picture; ``corners``: the sheet's, clockwise from top left.
- ``paper_map``: ``x_mm, y_mm, points``: where each point of a lattice on the sheet stands; the whole map from paper to
  picture, where the sheet is not flat too.
- ``style``, ``steps``: the look, and the damage in order.
- ``traces``: one a printed segment: ``lead, row, column, mask_index, start_s, stop_s, first_sample, box``
  (left, top, right, bottom of the ink), ``baseline`` (ends of the line of 0 mV), ``x, y`` (middle of the ink at each
  sample from ``first_sample`` on, null where missing, to 0.01 px), ``gain_mm_per_mv`` of this lead, ``clipped``
  (first and one past last sample of each run that the device cut off at the edge of the lead's band).
  ``mask_index`` is its value in the mask.
- ``texts``: ``role`` (what kind of print, as in `synth.TextBox`), ``text`` (of a code what a reader of codes finds) and
  ``quad`` (four corners of its ink).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import LeadBox
from synth.page import SynthPage, TraceLine
from synth.source import SourceRecord

__all__ = ["SCHEMA", "program_version", "record_truth", "truth"]

#: Name and version of the truth's schema.
SCHEMA = {"name": "einthoven.synth.page", "version": 1}


def truth(page: SynthPage) -> dict[str, Any]:
    """Geometry and history of a page, ready for JSON: the keys from ``layout`` on of this module's schema.

    Parameters
    ----------
    page : SynthPage

    Returns
    -------
    dict
    """
    layout = page.layout
    return {
        "layout": {"name": layout.name, "rows": layout.rows, "rhythm": layout.rhythm, "timing": page.timing},
        "scale": {**asdict(page.scale), "grid_origin": list(page.grid_origin)},
        "homography": page.homography.tolist(),
        "corners": plain(page.corners),
        "paper_map": {
            "x_mm": plain(page.paper_map.x_mm),
            "y_mm": plain(page.paper_map.y_mm),
            "points": plain(page.paper_map.points),
        },
        "style": asdict(page.style),
        "steps": [dict(step) for step in page.steps],
        "traces": [_trace(k, *pair) for k, pair in enumerate(zip(page.traces, page.boxes, strict=True), start=1)],
        "texts": [{"role": text.role, "text": text.text, "quad": plain(text.quad)} for text in page.texts],
    }


def _trace(mask_index: int, trace: TraceLine, box: LeadBox) -> dict[str, Any]:
    return {
        "lead": trace.lead,
        "row": trace.row,
        "column": trace.column,
        "mask_index": mask_index,
        "start_s": box.start_s,
        "stop_s": box.stop_s,
        "first_sample": trace.first,
        "box": plain(np.array(box.xyxy)),
        "baseline": plain(trace.baseline),
        "gain_mm_per_mv": trace.gain_mm_per_mv,
        "clipped": _runs(trace),
        "x": plain(trace.x),
        "y": plain(trace.y),
    }


def _runs(trace: TraceLine) -> list[list[int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], trace.clipped, [False]]).astype(np.int8)))
    runs: list[list[int]] = (edges.reshape(-1, 2) + trace.first).tolist()
    return runs


def record_truth(given: SourceRecord, page: SynthPage) -> Mapping[str, Any]:
    """Key ``record`` of the schema, but for the file's name.

    Parameters
    ----------
    given : SourceRecord
        What was to be drawn.
    page : SynthPage
        What was drawn of it.

    Returns
    -------
    dict
    """
    meta = given.record.meta
    return {
        "fs": page.record.fs,
        "n_samples": page.record.n_samples,
        "leads": list(page.record.leads),
        "labels": list(given.labels),
        "ecg_id": given.ecg_id,
        "patient_id": given.patient_id,
        "fold": given.fold,
        "age": meta.get("age"),
        "sex": meta.get("sex"),
        "waves": meta.get("waves"),
        "physiology": meta.get("physiology"),
    }


def plain(pixels: NDArray[np.float64]) -> Any:
    """Pixels to 0.01, as lists; null for NaN.

    Examples
    --------
    >>> plain(np.array([[1.004, 2.0], [np.nan, 3.25]]))
    [[1.0, 2.0], [None, 3.25]]
    """
    values = np.round(pixels, 2).tolist()
    return values if np.isfinite(pixels).all() else _with_nulls(values)


def _with_nulls(values: Any) -> Any:
    if isinstance(values, list):
        return [_with_nulls(value) for value in values]
    return values if math.isfinite(values) else None


def program_version() -> str:
    """Version of the program that draws; 0 from a checkout that was never installed."""
    try:
        return version("einthoven")
    except PackageNotFoundError:
        return "0"
