"""The table of measurement errors in docs/diagnosis.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.kept import none_yet, read_result
from benchmarks.measurements import RESULT

__all__ = ["render_measurements"]

_NAMES = {
    "rate": "heart rate",
    "sdnn": "SDNN",
    "rmssd": "RMSSD",
    "pr": "PR",
    "qrs": "QRS",
    "qt": "QT",
    "axis": "frontal axis",
    "st": "ST at J, a lead",
}
_UNITS = {"1/min": "/min", "degrees": "°", "ms": " ms", "mV": " mV"}
_VIEWS = {"record": "record of 10 s", "paper": "what 3x4+1 shows", "page": "read off a page"}


def render_measurements(result: Path = RESULT) -> str:
    """One row a figure, one column a view.

    Parameters
    ----------
    result : Path

    Returns
    -------
    str
        Markdown, or that there is none yet.
    """
    r = read_result(result)
    if r is None:
        return none_yet("python -m benchmarks.measurements")
    views = [view for view in _VIEWS if view in r["figures"]]
    head = " | ".join(f"{_VIEWS[view]}: median error (95 %), 90 % within, bias, measured" for view in views)
    rows = [f"| figure | {head} |", "|---|" + "---|" * len(views)]
    for field, name in _NAMES.items():
        cells = " | ".join(_cell(r["figures"][view][field]) for view in views)
        rows.append(f"| {name} | {cells} |")
    invented = " | ".join("{given} of {n}".format(**r["figures"][view]["pr_invented"]) for view in views)
    rows.append(f"| PR given where there is none | {invented} |")
    origin = (
        f"{r['records']} drawn hearts, {r['pages']} of them as pages of the preset `{r['preset']}` "
        f"({r['pages_refused']} refused). Version {r['version']}, commit `{str(r['commit'])[:10]}`."
    )
    return "\n".join([origin, "", *rows])


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["median_abs"] is None:
        return "–"
    unit = _UNITS[figure["unit"]]
    digits = {"mV": 3, "1/min": 2}.get(figure["unit"], 1)
    value, lo, hi, p90 = (f"{figure[k]:.{digits}f}" for k in ("median_abs", "lo", "hi", "p90_abs"))
    bias = f"{round(figure['bias'], digits) + 0.0:+.{digits}f}"
    return f"**{value}{unit}** ({lo}–{hi}), {p90}{unit}, {bias}{unit}, {100 * figure['measured']:.0f} %"
