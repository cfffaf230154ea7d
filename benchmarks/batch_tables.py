"""Tables of ``docs/scale.md`` and ``docs/web.md``, from the measurements of `batch_cost` and `web_load`."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.batch_kills import KILLS

__all__ = ["render_kills", "render_load", "render_scale"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
#: The archive that docs/scale.md works out, and machines to read it on, in cores.
ARCHIVE, CORES = 10_000_000, (2, 64, 1000)


def render_scale(results: Path = RESULTS) -> str:
    """Table of what ten million pages take, from the measured cost of a page.

    Parameters
    ----------
    results : Path
        Folder of ``batch_cost.json``.

    Returns
    -------
    str
        Markdown.
    """
    found = json.loads((results / "batch_cost.json").read_text(encoding="utf-8"))
    page, index = found["pages"], found["index"]
    a_page = page["cpu_s_mean"] + page["cpu_s_besides"]
    total_h = a_page * ARCHIVE / 3600
    peak_gb = max(page["worker_peak_mb_by_part"]) / 1024
    steps = index["cpu_s"]
    plan_s = sum(steps[name] for name in ("list", "look", "learn", "plan", "make")) * ARCHIVE / index["files"]
    again_s = (steps["list_again"] + steps["learn_again"]) * ARCHIVE / index["files"]
    again_s += index["part_keys_cpu_s"] * ARCHIVE / 256
    tb = ARCHIVE / 1e12
    rows = [
        ("processor time a page", f"{a_page:.2f} s", f"{total_h:,.0f} core hours"),
        *((f"on {c:,} cores", "", f"{total_h / c / 24:,.1f} days") for c in CORES),
        ("memory of a worker", f"{peak_gb:.1f} GiB at its peak", f"{64 * peak_gb:.0f} GiB on 64 cores"),
        ("pages to read, twice", f"{page['source_bytes'] / 1e6:.2f} MB", f"{2 * page['source_bytes'] * tb:.0f} TB"),
        ("signals", f"{page['signals_bytes'] / 1e3:.0f} kB", f"{1000 * page['signals_bytes'] * tb:.0f} GB"),
        ("rows", f"{page['results_bytes'] / 1e3:.1f} kB", f"{1000 * page['results_bytes'] * tb:.0f} GB"),
        ("index", f"{index['bytes_a_file']:.0f} bytes", f"{1000 * index['bytes_a_file'] * tb:.1f} GB"),
        ("list, plan, tick off: one core", "", f"{plan_s / 60:.0f} minutes"),
        ("start of a run that goes on: one core", "", f"{again_s / 60:.0f} minutes"),
    ]
    lines = ["| | a page | ten million |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    return "\n".join(lines)


def render_kills(results: Path = RESULTS) -> str:
    """Table of the kills and of what they cost.

    Parameters
    ----------
    results : Path
        Folder of ``batch_kills.json``.

    Returns
    -------
    str
        Markdown.
    """
    path = results / "batch_kills.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    names = {"cheap_files": "files that cost nothing", "real_pages": "drawn pages"}
    lines = [
        "| | repetitions | kills | lost | doubled | without signals | files left |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, name in names.items():
        if key in found:
            one = found[key]
            kills = ", ".join(f"{one['kills'][what]} {what}" for what in KILLS if what in one["kills"])
            wrong = " | ".join(str(one[count]) for count in ("lost", "doubled", "signals", "left"))
            lines.append(f"| {name} | {one['repetitions']} | {kills} | {wrong} |")
    if "archive" in found:
        one = found["archive"]
        kills = ", ".join(f"1 {kill['what']} after {kill['parts_in_place']} parts" for kill in one["kills"])
        wrong = " | ".join(str(one[count]) for count in ("lost", "doubled", "signals", "left"))
        lines.append(f"| {one['files']:,} scans at 100 dpi | 1 | {kills} | {wrong} |")
    return "\n".join(lines)


def render_load(results: Path = RESULTS) -> str:
    """Tell what twenty people at the web page at once met.

    Parameters
    ----------
    results : Path
        Folder of ``web_load.json``.

    Returns
    -------
    str
        Markdown.
    """
    found = json.loads((results / "web_load.json").read_text(encoding="utf-8"))
    rows = [
        ("people at once, all answered" if found["answered"] == found["people"] else "people at once", found["people"]),
        ("errors", found["errors"]),
        (
            "were told their place in the queue",
            f"{found['told_a_queue']}, {found['longest_queue_shown']} at the longest",
        ),
        (
            "from the button to the answer",
            f"{found['seconds_median']:.0f} s in the median, {found['seconds_longest']:.0f} s at most",
        ),
        ("processor time of the server", f"{found['server_cpu_s_a_person']:.1f} s a person"),
        ("memory of the server", f"{found['server_peak_mib'] / 1024:.1f} GiB at its peak"),
    ]
    origin = f"{found['cores']} cores, on which the browsers ran too. Commit `{str(found['commit'])[:10]}`."
    return "\n".join(["| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows), "", origin])
