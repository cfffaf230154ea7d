"""The parts of docs/synth.md that follow from the program: its presets, looks, damage and what a page costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.kept import none_yet, read_result

__all__ = ["RESULTS", "render_damage", "render_looks", "render_presets", "render_speed"]

RESULTS = Path(__file__).resolve().parent / "results"


def render_presets() -> str:
    """Describe every preset in a line, with a picture.

    Returns
    -------
    str
        Markdown.
    """
    from einthoven.commands.synth import PRESET_LINES
    from synth import PRESETS
    from synth.degrade.presets import MIXTURE

    shown = "\n\n".join(
        f"**`{name}`**: {PRESET_LINES[name]}.\n\n![A page of {name}](gallery/preset_{name}.jpg)"
        for name in PRESETS
        if name != MIXTURE
    )
    return f"{shown}\n\n**`{MIXTURE}`**: {PRESET_LINES[MIXTURE]}; the picture at the top shows twelve of its pages."


def render_looks() -> str:
    """Describe every device look by the first line of its function, with a picture.

    Returns
    -------
    str
        Markdown.
    """
    from synth.looks import LOOKS

    return "\n\n".join(
        f"**`{name}`**: {_first_line(sample)}\n\n![The look {name}](gallery/look_{name}.jpg)"
        for name, sample in LOOKS.items()
    )


def render_damage() -> str:
    """Describe every kind of damage by the first line of its function, with a picture before and after.

    Returns
    -------
    str
        Markdown.
    """
    from synth.degrade import GEOMETRY, STEPS

    return "\n\n".join(
        f"**`{name}`**: {_first_line(GEOMETRY.get(name, apply))}\n\n![Before and after](gallery/damage_{name}.jpg)"
        for name, apply in STEPS.items()
    )


def _first_line(function: Any) -> str:
    """First sentence of a docstring as Markdown."""
    told = " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())
    return told.replace("``", "`").rstrip(".") + "."


def render_speed(folder: Path = RESULTS) -> str:
    """Describe what a synthetic page costs.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        A Markdown table, or that there is none yet.
    """
    path = folder / "synth_speed.json"
    r = read_result(path)
    if r is None:
        return none_yet("python -m benchmarks.synth_speed")
    kit = r["kit_seconds"]
    rows = [
        f"| `{name}` | {row['n']} | **{row['median_ms']:.0f}** | {row['p90_ms']:.0f} |"
        for name, row in r["presets"].items()
    ]
    rows += [
        f"| ecg-image-kit, clean page | | {1000 * kit['clean']:.0f} | |",
        f"| ecg-image-kit, damaged page | | {1000 * kit['damaged_low']:.0f} to {1000 * kit['damaged_high']:.0f} | |",
    ]
    head = (
        f"Version {r['version']}, commit `{str(r['commit'])[:10]}`, {r['machine']}, A4 landscape, {r['dpi']:g} dpi; a "
        f"synthetic heart takes {r['heart_median_ms']:.0f} ms more, the truth as plain data "
        f"{r['truth_json_median_ms']:.0f} ms."
    )
    return "\n".join([head, "", "| preset | pages | median ms | 90 % below, ms |", "|---|---:|---:|---:|", *rows])
