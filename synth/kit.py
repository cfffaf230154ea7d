"""Pages in the folders that ecg-image-kit writes, for programs that were made for those.

The kit (Shivashankara et al., Physiol Meas 2024;45:055019) writes, for a record ``NAME``, the picture ``NAME-0.png``,
its truth ``NAME-0.json`` with positions as [row, column] in pixels from the top left corner, and ``NAME.hea/.dat``.
Of damage the keys ``handwritten_text, wrinkles, augment, rotate`` (degrees, clockwise) and ``noise`` (standard
deviation in grey levels) are given; what the kit parametrises in its own way (creases, crops, colour temperature, the
places of words) is left out, not invented. The kit has no key for paper speed and gain: it knows 25 mm/s and 10 mm/mV.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.formats.atomic import replacing
from synth.page import move_points

__all__ = ["kit_page_files", "kit_truth", "write_kit_page"]

#: Millimetres between strong grid lines; the kit gives their pitch.
_STRONG_MM = 5.0
#: Length in pixels over which the page's turn is measured; any would do on a page that was only turned.
_EDGE_PX = 1000.0
#: Print that is no text in the kit's sense.
_FURNITURE = ("lead", "scale", "pulse", "separator")
#: Our steps that the kit would call wrinkles.
_WRINKLES = {"folds", "creases", "crumple"}


def kit_page_files(folder: Path, stem: str) -> tuple[Path, ...]:
    """Files that `write_kit_page` writes for a page, its truth last.

    Parameters
    ----------
    folder, stem : Path, str
        As for `write_kit_page`.

    Returns
    -------
    tuple of Path
    """
    return tuple(folder / name for name in (f"{stem}-0.png", f"{stem}.dat", f"{stem}.hea", f"{stem}-0.json"))


def write_kit_page(pages: Path, folder: Path, stem: str) -> None:
    """Write one page of a set as ecg-image-kit would have.

    Parameters
    ----------
    pages : Path
        The set's ``pages/`` with the finished page.
    folder : Path
        Gets ``STEM-0.png``, ``STEM-0.json``, ``STEM.hea`` and ``STEM.dat``.
    stem : str
        Stem of the page.
    """
    told = json.loads((pages / f"{stem}.json").read_text(encoding="utf-8"))
    picture, dat, hea, truth = kit_page_files(folder, stem)
    for source, target in ((f"{stem}.dat", dat), (f"{stem}.hea", hea)):
        with replacing(target) as temporary:
            shutil.copyfile(pages / source, temporary)
    with replacing(picture) as temporary:
        _as_png(pages / told["image"]["file"], temporary)
    with replacing(truth) as temporary:
        temporary.write_text(json.dumps(kit_truth(told), allow_nan=False) + "\n", encoding="utf-8")


def _as_png(source: Path, target: Path) -> None:
    """Picture as PNG, which is all that the kit's own programs look for."""
    if source.suffix == ".png":
        shutil.copyfile(source, target)
        return
    from PIL import Image

    with Image.open(source) as picture:
        picture.convert("RGB").save(target, "PNG", compress_level=1, dpi=picture.info.get("dpi"))


def kit_truth(told: Mapping[str, Any]) -> dict[str, Any]:
    """Truth of a page under ecg-image-kit's keys.

    Parameters
    ----------
    told : mapping
        Truth of the page as `synth.write_set` writes it.

    Returns
    -------
    dict
        ``plotted_pixels`` has a point for each sample of ``start_sample`` to ``end_sample`` that is on the page;
        ``lead_bounding_box`` is turned with the page. `ecg.formats.kit.read_kit_geometry` reads it back.
    """
    style, image, layout = told["style"], told["image"], told["layout"]
    colours = {
        "grid_line_color_major": [float(v) for v in style["major_rgb"]],
        "grid_line_color_minor": [float(v) for v in style["minor_rgb"]],
    }
    ink = [float(v) for v in style["trace_rgb"]]
    return {
        "sampling_frequency": told["record"]["fs"],
        "width": image["width"],
        "height": image["height"],
        **(colours if style["grid"] else {}),
        "ecg_plot_color": ink,
        "leads": _leads(told),
        "x_grid": round(_STRONG_MM * told["scale"]["px_per_mm_x"], 3),
        "y_grid": round(_STRONG_MM * told["scale"]["px_per_mm_y"], 3),
        "resolution": image["dpi"],
        "pad_inches": 0,
        "dc_pulse": style["pulse"] != "none",
        "bw": all(len(set(colour)) == 1 for colour in (ink, *(colours.values() if style["grid"] else ()))),
        "gridlines": style["grid"],
        "printed_text": any(text["role"] not in _FURNITURE for text in told["texts"]),
        "number_of_columns_in_image": max(map(len, layout["rows"]), default=1),
        "full_mode_lead": layout["rhythm"][0] if layout["rhythm"] else "None",
        **_damage(told),
    }


def _damage(told: Mapping[str, Any]) -> dict[str, Any]:
    """Damage under the kit's keys, as far as ours has such a figure."""
    names = {step["name"] for step in told["steps"]}
    matrix = np.asarray(told["homography"])
    ends = move_points(matrix, np.array([[0.0, 0.0], [_EDGE_PX, 0.0]]))
    across = ends[1] - ends[0]
    return {
        "handwritten_text": "handwriting" in names,
        "wrinkles": bool(names & _WRINKLES),
        "augment": bool(names),
        "rotate": round(math.degrees(math.atan2(across[1], across[0])), 3),
        "noise": max((float(step["sigma"]) for step in told["steps"] if step["name"] == "noise"), default=0.0),
    }


def _leads(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Entries of all traces, each with the printed name that stands nearest to its start."""
    traces = told["traces"]
    names: dict[int, Sequence[Sequence[float]]] = {}
    for text in told["texts"]:
        same = [k for k, trace in enumerate(traces) if text["role"] == "lead" and trace["lead"] == text["text"]]
        if same:
            at = np.mean(text["quad"], axis=0)
            starts = [float(np.hypot(*(at - traces[k]["baseline"][0]))) for k in same]
            names[same[int(np.argmin(starts))]] = text["quad"]
    matrix, pen = np.asarray(told["homography"]), told["style"]["trace_width_mm"] * told["scale"]["px_per_mm_y"]
    return [_lead(trace, names.get(k), matrix, pen / 2) for k, trace in enumerate(traces)]


def _lead(
    trace: Mapping[str, Any], quad: Sequence[Sequence[float]] | None, matrix: NDArray[np.float64], half_px: float
) -> dict[str, Any]:
    inside = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if x is not None and y is not None]
    lead = {
        "lead_name": trace["lead"],
        "lead_bounding_box": _corners(_turned_box(trace, inside, matrix, half_px)),
        "start_sample": trace["first_sample"],
        "end_sample": trace["first_sample"] + len(trace["x"]),
        "plotted_pixels": [[y, x] for x, y in inside],
    }
    return lead if quad is None else {"text_bounding_box": _corners(quad), **lead}


def _turned_box(
    trace: Mapping[str, Any], inside: Sequence[Sequence[float]], matrix: NDArray[np.float64], half_px: float
) -> list[list[float]]:
    """Corners of the box that was upright about the trace's ink on the page as drawn."""
    flat = move_points(np.asarray(np.linalg.inv(matrix), np.float64), np.array(inside or trace["baseline"], np.float64))
    (left, top), (right, bottom) = flat.min(axis=0) - half_px, flat.max(axis=0) + half_px
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return [[round(x, 2), round(y, 2)] for x, y in move_points(matrix, corners).tolist()]


def _corners(points: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Corners (x, y) as the kit counts them, [row, column]."""
    return {str(corner): [y, x] for corner, (x, y) in enumerate(points)}
