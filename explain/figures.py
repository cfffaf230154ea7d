"""Pictures of explanations as PNG. matplotlib loads when one is drawn, and no global figure is made.

`draw_summary` is ours. The others have the form of the published figures: for twelve leads the heat map of leads by
time, the twelve leads with the map laid over, and saliency averaged over the leads on the leading one; for one lead
Grad-CAM over the trace in ``RdYlBu_r``, saliency as a scatter in ``hot``, and the trace with label and confidence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.formats.atomic import replacing
from ecg.record import LEADS, ECGRecord
from explain.anatomy import Anatomy
from explain.colours import colour_map, normalised
from explain.result import Explanation

__all__ = [
    "draw_heat_map",
    "draw_lead_grid",
    "draw_leading_lead",
    "draw_one_lead",
    "draw_prediction",
    "draw_summary",
    "write_picture",
]

Float = NDArray[np.float64]

_DPI = 120
#: The published maps.
PUBLISHED_CAM, PUBLISHED_SALIENCY = "RdYlBu_r", "hot"
#: Leads down the columns, as a page of 6x2 has them.
_COLUMNS = (LEADS[:6], LEADS[6:])
_GREY = "#555555"


def draw_summary(path: Path, explanation: Explanation, record: ECGRecord, found: Anatomy, text: str = "") -> None:
    """Draw an explanation of a record: the twelve leads over their attribution, and its shares.

    Parameters
    ----------
    path : Path
        A PNG file.
    explanation : Explanation
    record : ECGRecord
    found : Anatomy
    text : str
        Told above the leads.
    """
    figure = _figure(13.0, 9.0)
    grid = figure.add_gridspec(6, 2, left=0.045, right=0.985, top=0.885, bottom=0.21, hspace=0.08, wspace=0.09)
    for column, leads in enumerate(_COLUMNS):
        for row, lead in enumerate(leads):
            axes = figure.add_subplot(grid[row, column])
            _lead_over_heat(axes, explanation, record, lead, colour_map(explanation.signed))
            axes.set_xticks([])
    bars = figure.add_gridspec(1, 3, left=0.04, right=0.985, top=0.165, bottom=0.04, wspace=0.12)
    for place, (title, shares) in enumerate(
        (("lead", found.lead_share), ("wave", found.wave_share), ("territory", found.territory_share))
    ):
        axes = figure.add_subplot(bars[0, place])
        _bars(axes, title, shares, found)
    limit = "" if explanation.threshold is None else f", threshold {explanation.threshold:.2f}"
    title = f"{explanation.target}: {explanation.probability:.2f}{limit}; {explanation.method.replace('_', ' ')}"
    figure.text(0.04, 0.975, title, fontsize=13, va="top")
    figure.text(0.04, 0.945, _wrapped(text, 190), fontsize=9, va="top", color="#222222")
    told = "orange: speaks for the target" + (", blue: against it" if explanation.signed else "")
    figure.text(0.985, 0.975, f"{told}; not a medical device", fontsize=8, va="top", ha="right", color=_GREY)
    _write(figure, path)


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _bars(axes: Any, title: str, shares: Any, found: Anatomy) -> None:
    """Bars of shares, with a tick where area alone would put them."""
    names = [name for name in shares if found.area_share.get(name, 0) > 0]
    at = np.arange(len(names))
    axes.bar(at, [100 * shares[name] for name in names], color="#D55E00", width=0.7)
    for x, name in zip(at, names, strict=True):
        level = 100 * found.area_share[name]
        axes.plot([x - 0.45, x + 0.45], [level, level], color="black", lw=1.2)
    axes.set_xticks(at, names, fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_title(f"share by {title} in % (line: by area alone)", fontsize=8, pad=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _lead_over_heat(axes: Any, explanation: Explanation, record: ECGRecord, lead: str, cmap: Any) -> None:
    """Draw one lead in black over a band of its attribution."""
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xlim(0, record.duration_s)
    # In the margin: over the trace it would hide the first beat.
    axes.text(-0.008, 0.5, lead, transform=axes.transAxes, fontsize=9, va="center", ha="right", weight="bold")
    if lead not in record.leads or not np.isfinite(record[lead]).any():
        return
    x = record[lead].astype(np.float64)
    low, high = _range(x)
    axes.set_ylim(low, high)
    row = normalised(explanation.values)[explanation.leads.index(lead)]
    end = row.size / explanation.fs
    least = -1.0 if explanation.signed else 0.0
    axes.imshow(row[None], aspect="auto", extent=(0, end, low, high), cmap=cmap, vmin=least, vmax=1, alpha=0.9)
    axes.plot(np.arange(x.size) / record.fs, x, color="black", lw=0.7)


def _range(x: Float) -> tuple[float, float]:
    """Limits of a lead that show all of it, at least 1 mV high."""
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    middle, half = (low + high) / 2, max(0.55 * (high - low), 0.5)
    return middle - half, middle + half


def draw_heat_map(path: Path, explanation: Explanation, published: bool = False) -> None:
    """Draw the map of leads by time.

    Parameters
    ----------
    path : Path
    explanation : Explanation
        Of a record.
    published : bool
        In the published colours.
    """
    figure = _figure(9.0, 4.0)
    axes = figure.add_axes((0.07, 0.13, 0.91, 0.77))
    cmap = PUBLISHED_CAM if published else colour_map(explanation.signed)
    n = explanation.values.shape[1] / explanation.fs
    least = -1.0 if explanation.signed else 0.0
    shown = axes.imshow(
        normalised(explanation.values),
        aspect="auto",
        extent=(0, n, len(explanation.leads), 0),
        cmap=cmap,
        vmin=least,
        vmax=1,
    )
    axes.set_yticks(np.arange(len(explanation.leads)) + 0.5, explanation.leads, fontsize=8)
    axes.set_xlabel("s", fontsize=8)
    axes.set_title(_title(explanation), fontsize=10)
    figure.colorbar(shown, ax=axes, pad=0.02, fraction=0.06)
    _write(figure, path)


def draw_lead_grid(path: Path, explanation: Explanation, record: ECGRecord) -> None:
    """Draw the twelve leads as a grid, each trace coloured by the map, in the published colours.

    Parameters
    ----------
    path : Path
    explanation : Explanation
    record : ECGRecord
    """
    figure = _figure(13.0, 7.0)
    for place, lead in enumerate(explanation.leads):
        axes = figure.add_subplot(4, 3, place + 1)
        if lead in record.leads and np.isfinite(record[lead]).any():
            _coloured_trace(axes, explanation, record, lead, PUBLISHED_CAM)
        axes.set_title(lead, fontsize=9, pad=2)
        axes.tick_params(labelsize=6)
    figure.suptitle(_title(explanation), fontsize=11)
    figure.subplots_adjust(left=0.04, right=0.99, top=0.92, bottom=0.05, hspace=0.4, wspace=0.12)
    _write(figure, path)


def draw_leading_lead(path: Path, explanation: Explanation, record: ECGRecord, lead: str) -> None:
    """Draw attribution averaged over the leads, as a scatter on the leading one.

    Parameters
    ----------
    path : Path
    explanation : Explanation
        By saliency, as published.
    record : ECGRecord
    lead : str
        The leading lead, from `explain.anatomy.anatomy`.
    """
    figure = _figure(11.0, 3.2)
    axes = figure.add_axes((0.06, 0.17, 0.92, 0.7))
    mean = np.abs(explanation.values).mean(axis=0)
    _scatter(axes, record, lead, normalised(mean), explanation.fs)
    axes.set_title(f"{_title(explanation)}: mean over leads, on {lead}", fontsize=10)
    _write(figure, path)


def draw_one_lead(path: Path, cam: Explanation, saliency: Explanation, record: ECGRecord, lead: str) -> None:
    """Draw the published figure of one lead: Grad-CAM over the trace, saliency as a scatter, and the answer.

    Parameters
    ----------
    path : Path
    cam, saliency : Explanation
        Of the same record by Grad-CAM and by saliency.
    record : ECGRecord
    lead : str
    """
    figure = _figure(11.0, 7.5)
    row = cam.leads.index(lead)
    axes = figure.add_subplot(3, 1, 1)
    _coloured_trace(axes, cam, record, lead, PUBLISHED_CAM)
    axes.set_title(f"Grad-CAM, lead {lead}", fontsize=9)
    axes = figure.add_subplot(3, 1, 2)
    _scatter(axes, record, lead, normalised(np.abs(saliency.values[row])), saliency.fs)
    axes.set_title(f"saliency, lead {lead}", fontsize=9)
    _answer(figure.add_subplot(3, 1, 3), cam, record, lead)
    figure.subplots_adjust(left=0.06, right=0.98, top=0.95, bottom=0.07, hspace=0.45)
    _write(figure, path)


def draw_prediction(path: Path, explanation: Explanation, record: ECGRecord, lead: str) -> None:
    """Draw a trace with the answer and its confidence.

    Parameters
    ----------
    path : Path
    explanation : Explanation
    record : ECGRecord
    lead : str
    """
    figure = _figure(11.0, 2.8)
    _answer(figure.add_axes((0.06, 0.19, 0.92, 0.68)), explanation, record, lead)
    _write(figure, path)


def _answer(axes: Any, explanation: Explanation, record: ECGRecord, lead: str) -> None:
    axes.plot(np.arange(record.n_samples) / record.fs, record[lead], color="black", lw=0.7)
    given = explanation.target if explanation.decision else f"not {explanation.target}"
    # What is shown is the probability of the target, whichever way it was decided.
    told = f"{given}, probability of {explanation.target} {explanation.probability:.2f}, lead {lead}"
    axes.set_title(told, fontsize=9)
    axes.set_xlim(0, record.duration_s)
    axes.set_xlabel("s", fontsize=8)
    axes.set_ylabel("mV", fontsize=8)


def _coloured_trace(axes: Any, explanation: Explanation, record: ECGRecord, lead: str, cmap: str) -> None:
    from matplotlib.collections import LineCollection

    x = record[lead].astype(np.float64)
    t = np.arange(x.size) / record.fs
    row = normalised(explanation.values)[explanation.leads.index(lead)]
    at = np.rint(t * explanation.fs).astype(int).clip(0, row.size - 1)
    points = np.column_stack([t, x])
    pieces = np.stack([points[:-1], points[1:]], axis=1)
    keep = np.isfinite(pieces).all(axis=(1, 2))
    least = -1.0 if explanation.signed else 0.0
    # Round ends: pieces are shorter than a pixel, and between butt ends a flat trace falls apart into dots.
    lines = LineCollection(list(pieces[keep]), cmap=cmap, linewidths=1.2, capstyle="round", zorder=3)
    lines.set_array(row[at][:-1][keep])
    lines.set_clim(least, 1.0)
    # The middle of RdYlBu_r is too pale for white and thin on grey: an outline holds it.
    axes.plot(t, x, color=_GREY, lw=2.2, solid_capstyle="round")
    axes.add_collection(lines)
    axes.set_xlim(0, record.duration_s)
    axes.set_ylim(*_range(x))
    axes.set_facecolor("#dddddd")


def _scatter(axes: Any, record: ECGRecord, lead: str, heat: Float, fs: float) -> None:
    x = record[lead].astype(np.float64)
    t = np.arange(x.size) / record.fs
    at = np.rint(t * fs).astype(int).clip(0, heat.size - 1)
    axes.plot(t, x, color=_GREY, lw=0.4)
    axes.scatter(t, x, c=heat[at], cmap=PUBLISHED_SALIENCY, s=3, vmin=0, vmax=1.15, zorder=2)
    axes.set_facecolor("#e8e8e8")  # the hot end is white
    axes.set_xlim(0, record.duration_s)
    axes.set_xlabel("s", fontsize=8)
    axes.set_ylabel("mV", fontsize=8)


def _title(explanation: Explanation) -> str:
    return f"{explanation.target} {explanation.probability:.2f}, {explanation.method.replace('_', ' ')}"


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture as PNG, or not at all.

    Parameters
    ----------
    path : Path
    image : uint8 array [height, width, 3]
    """
    from PIL import Image

    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary, format="png")


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI)


def _write(figure: Any, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
