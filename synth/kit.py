"""Pages in the folders that ecg-image-kit writes, for programs that were made for those.

The kit (Shivashankara et al., Physiol Meas 2024;45:055019) writes, for a record ``NAME``, the picture ``NAME-0.png``,
its truth ``NAME-0.json`` with positions as [row, column] in pixels from the top left corner, and ``NAME.hea/.dat``.
Keys of damage that the kit parametrises in its own way (wrinkles, handwriting, crops) are left out, not invented.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecg.formats.atomic import replacing

__all__ = ["kit_page_files", "kit_truth", "write_kit_page"]

#: Millimetres between strong grid lines; the kit gives their pitch.
_STRONG_MM = 5.0


def kit_page_files(pages: Path, folder: Path, stem: str) -> tuple[Path, ...]:
    """Files that `write_kit_page` writes for a page, its truth last.

    Parameters
    ----------
    pages, folder, stem : Path, Path, str
        As for `write_kit_page`.

    Returns
    -------
    tuple of Path
    """
    suffix = ".png" if (pages / f"{stem}.png").is_file() else ".jpg"
    return tuple(folder / name for name in (f"{stem}-0{suffix}", f"{stem}.dat", f"{stem}.hea", f"{stem}-0.json"))


def write_kit_page(pages: Path, folder: Path, stem: str) -> None:
    """Write one page of a set as ecg-image-kit would have.

    Parameters
    ----------
    pages : Path
        The set's ``pages/`` with the finished page.
    folder : Path
        Gets ``STEM-0.png`` or ``.jpg``, ``STEM-0.json``, ``STEM.hea`` and ``STEM.dat``.
    stem : str
        Stem of the page.
    """
    told = json.loads((pages / f"{stem}.json").read_text(encoding="utf-8"))
    picture = Path(told["image"]["file"])
    for name, new in (
        (picture.name, f"{stem}-0{picture.suffix}"),
        (f"{stem}.dat", f"{stem}.dat"),
        (f"{stem}.hea", f"{stem}.hea"),
    ):
        with replacing(folder / new) as temporary:
            shutil.copyfile(pages / name, temporary)
    with replacing(folder / f"{stem}-0.json") as temporary:
        temporary.write_text(json.dumps(kit_truth(told), allow_nan=False) + "\n", encoding="utf-8")


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
        `ecg.formats.kit.read_kit_geometry` reads it back.
    """
    style, image, layout, traces = told["style"], told["image"], told["layout"], told["traces"]
    names = [text["quad"] for text in told["texts"] if text["role"] == "lead"]
    # Names are printed trace by trace, or not at all.
    quads = names if len(names) == len(traces) else [None] * len(traces)
    return {
        "sampling_frequency": told["record"]["fs"],
        "width": image["width"],
        "height": image["height"],
        "grid_line_color_major": [float(v) for v in style["major_rgb"]],
        "grid_line_color_minor": [float(v) for v in style["minor_rgb"]],
        "ecg_plot_color": [float(v) for v in style["trace_rgb"]],
        "leads": [_lead(trace, quad) for trace, quad in zip(traces, quads, strict=True)],
        "x_grid": round(_STRONG_MM * told["scale"]["px_per_mm_x"], 3),
        "y_grid": round(_STRONG_MM * told["scale"]["px_per_mm_y"], 3),
        "resolution": image["dpi"],
        "dc_pulse": style["pulse"] != "none",
        "gridlines": style["grid"],
        "printed_text": bool(style["header"]),
        "number_of_columns_in_image": len(layout["rows"][0]),
        "full_mode_lead": layout["rhythm"][0] if layout["rhythm"] else "None",
    }


def _lead(trace: Mapping[str, Any], quad: Sequence[Sequence[float]] | None) -> dict[str, Any]:
    left, top, right, bottom = trace["box"]
    inside = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if x is not None and y is not None]
    lead = {
        "lead_name": trace["lead"],
        "lead_bounding_box": _corners([(left, top), (right, top), (right, bottom), (left, bottom)]),
        "start_sample": trace["first_sample"],
        "end_sample": trace["first_sample"] + len(trace["x"]),
        "plotted_pixels": [[y, x] for x, y in inside],
    }
    return lead if quad is None else {"text_bounding_box": _corners(quad), **lead}


def _corners(points: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Corners (x, y) as the kit counts them, [row, column]."""
    return {str(corner): [y, x] for corner, (x, y) in enumerate(points)}
