"""The page with the reading over it, how well each lead was read, and what a person may correct."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from digitize.options import DigitizeOptions
from digitize.result import Digitization
from ecg.errors import OptionsError
from ecg.paper import EXTRA_LAYOUTS, LAYOUTS
from einthoven.inputs import lead_names
from einthoven.report import words
from einthoven.report.pictures import reading_picture
from einthoven.web import theme
from einthoven.web.pages.frame import Visit, say
from einthoven.web.work import Result

__all__ = ["section"]

_AS_FOUND = "as found"
_CORNERS = ("top left", "top right", "bottom right", "bottom left")
#: Pixels by which a corner has to be moved to count as moved: the fields show whole pixels.
_MOVED_PX = 1.0


def section(here: Visit, found: Result, where: Any) -> None:
    """Show the reading and the form that corrects it."""
    from einthoven.web.pages.result import once

    d = found.diagnosis.digitization
    if d is None:
        return
    st.header("The page, and the reading drawn over it")
    zoom = st.segmented_control("Zoom of the page", ["1×", "2×", "4×"], default="1×", required=True, key="page_zoom")
    picture = once(here, ("page",), lambda: reading_picture(d)[0])
    told = "the page with the reading drawn over it: a box around each lead, its trace in colour"
    st.html(theme.zoomable(picture, "image/jpeg", told, float((zoom or "1×").rstrip("×"))))
    with st.expander("How well each lead was read", expanded=d.status != "accepted"):
        if d.quality:
            st.html(theme.rows(words.lead_rows(d), ("lead", "grade", "traced", "predicted SNR", "reasons")))
        for line in d.assumed:
            say("info", f"Taken for granted: {line}")
    with st.expander("Correct the reading and read again", expanded=d.status == "refused"), st.form("correct"):
        options = _asked(d)
        again = st.form_submit_button("Read again with these corrections", type="primary")
    if again:
        _again(here, found, options, where)


def _asked(d: Digitization) -> dict[str, Any]:
    """Fields of the form: what stays as found is not set."""
    options: dict[str, Any] = {}
    found = "none" if d.layout is None else d.layout.name
    left, right = st.columns(2)
    layout = left.selectbox(f"Layout (found: {found})", [_AS_FOUND, *LAYOUTS, *EXTRA_LAYOUTS], key="c_layout")
    if layout != _AS_FOUND:
        options["layout"] = layout
    scale = d.scale
    fields = (
        ("speed_mm_per_s", "Paper speed in mm/s", None if scale is None else scale.speed_mm_per_s),
        ("gain_mm_per_mv", "Gain in mm/mV", None if scale is None else scale.gain_mm_per_mv),
    )
    for (name, label, value), column in zip(fields, (left, right), strict=True):
        told = "none" if value is None else f"{value:g}"
        given = column.number_input(
            f"{label} (found: {told})", 0.5, 500.0, None, key=f"c_{name}", placeholder=_AS_FOUND
        )
        if given is not None:
            options[name] = float(given)
    x, y = (None, None) if scale is None else (scale.px_per_mm_x, scale.px_per_mm_y)
    pixels = []
    for axis, value, column in (("across", x, left), ("down", y, right)):
        told = "none" if value is None else f"{value:.2f}"
        label = f"Pixels per mm {axis} (found: {told})"
        pixels.append(column.number_input(label, 0.5, 200.0, None, key=f"c_px_{axis}", placeholder=_AS_FOUND))
    if pixels[0] is not None and pixels[1] is not None:
        options["px_per_mm"] = (float(pixels[0]), float(pixels[1]))
    names = ", ".join(box.lead for box in d.boxes)
    leads = st.text_input(
        "Names of the leads as they stand, row by row and then the strips", names, key="c_leads", max_chars=200
    )
    if leads.strip() and leads != names:
        options["leads"] = lead_names(leads)
    corners = _corners(d)
    if corners is not None:
        options["corners"] = corners
    if st.checkbox("Read it even if it is refused; every output will say so", value=d.forced, key="c_force"):
        options["force"] = True
    return options


def _corners(d: Digitization) -> tuple[float, ...] | None:
    """Eight numbers where a person moved a corner, else None."""
    height, width = d.page.image.shape[:2]
    there = d.corners is not None and bool(np.isfinite(d.corners).all())
    start = d.corners if there else np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    assert start is not None  # noqa: S101 - for the reader and mypy
    st.markdown(f"Corners of the recording area in pixels, on the page as it came ({width} × {height})")
    values: list[float] = []
    for place, (name, column) in enumerate(zip(_CORNERS, st.columns(4), strict=True)):
        for axis in (0, 1):
            label = f"{name}, {'xy'[axis]}"
            first = float(round(start[place, axis]))
            values.append(column.number_input(label, -1e5, 1e5, first, step=5.0, key=f"c_{place}_{axis}"))
    moved = np.abs(np.array(values).reshape(4, 2) - start).max() > _MOVED_PX
    return tuple(values) if moved else None


def _again(here: Visit, found: Result, options: dict[str, Any], where: Any) -> None:
    from einthoven.web.pages.read import read_now

    try:
        corrected = DigitizeOptions(**options)
    except OptionsError as error:
        say("error", str(error))
        return
    read_now(here, replace(found.asked, digitize=corrected), where)
