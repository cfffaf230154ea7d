"""What a synthetic page costs: processor time on one thread, in memory, A4 landscape at 200 dpi.

``python -m benchmarks.synth_speed [--pages N]`` draws N pages of every preset and writes
``benchmarks/results/synth_speed.json``. The clock is `time.process_time`, which adds up all threads of the process;
OpenCV is held to one. The first pages, which load fonts, tiles and compiled code, are not counted. A page comes as
`synth.SynthPage`, picture and truth; drawing the heart's signals is measured apart, because a page of a record from a
file does without it. Sampled looks keep all but the sheet and the resolution: a look that does not fit on A4 landscape
is passed over.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ecg import ECGRecord, OptionsError
from einthoven.outputs import version, write_json
from einthoven.provenance import commit
from synth import PRESETS, SynthPage, draw_page, open_source, page_look, truth

__all__ = ["RESULT", "main", "measure", "pinned_pages", "summary"]

RESULT = Path(__file__).resolve().parent / "results" / "synth_speed.json"
SCHEMA = "einthoven.synth_speed"
SEED = 2026
#: Pages drawn before the clock counts.
WARM_UP = 3
A4_LANDSCAPE_MM, DPI = (297.0, 210.0), 200.0

#: Seconds a page, clean and damaged, that ecg-image-kit took on this kind of machine (two cores, one in use): it draws
#: with matplotlib. Measured once by the maintainers, not by this program.
KIT_SECONDS = {"clean": 1.1, "damaged_low": 2.0, "damaged_high": 7.0}


def pinned_pages(preset: str, n: int) -> Iterator[tuple[Callable[[], SynthPage], float]]:
    """Pages of a preset, each as a call that draws it on A4 landscape at 200 dpi.

    Parameters
    ----------
    preset : str
    n : int

    Yields
    ------
    callable
        Draws the page.
    float
        Seconds of processor time that its record took.
    """
    source = open_source("physiology")
    found, index = 0, 0
    while found < n:
        began = time.process_time()
        record = source.get(SEED, index).record
        heart = time.process_time() - began
        draw = _pinned(record, preset, index)
        index += 1
        if draw is not None:
            found += 1
            yield draw, heart


def _pinned(record: ECGRecord, preset: str, index: int) -> Callable[[], SynthPage] | None:
    """Call that draws a page, or None where its look needs another sheet."""
    style, _ = page_look(record, preset, SEED, index)
    if style.paper_mm[0] < style.paper_mm[1] or style.paper_mm[0] > A4_LANDSCAPE_MM[0]:
        return None
    try:
        style = replace(style, paper_mm=A4_LANDSCAPE_MM, dpi=DPI)
        draw_page(record, "clean", SEED, index, style)
    except OptionsError:
        return None
    return lambda: draw_page(record, preset, SEED, index, style)


def measure(preset: str, n: int) -> dict[str, list[float]]:
    """Processor seconds of pages, of their hearts and of the truth as plain data.

    Parameters
    ----------
    preset : str
    n : int

    Returns
    -------
    dict
        ``page``, ``heart`` and ``json``, each ``n`` figures.
    """
    figures: dict[str, list[float]] = {"page": [], "heart": [], "json": []}
    for number, (draw, heart) in enumerate(pinned_pages(preset, WARM_UP + n)):
        began = time.process_time()
        page = draw()
        drawn = time.process_time()
        truth(page)
        told = time.process_time()
        if number >= WARM_UP:
            figures["page"].append(drawn - began)
            figures["heart"].append(heart)
            figures["json"].append(told - drawn)
    return figures


def summary(figures: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Figures over all presets, ready for JSON.

    Parameters
    ----------
    figures : dict of str to dict
        Of `measure`, by preset.

    Returns
    -------
    dict
    """
    presets = {
        preset: {
            "n": len(found["page"]),
            "median_ms": 1000 * float(np.median(found["page"])),
            "p90_ms": 1000 * float(np.percentile(found["page"], 90)),
            "max_ms": 1000 * float(np.max(found["page"])),
        }
        for preset, found in figures.items()
    }
    every = {key: [v for found in figures.values() for v in found[key]] for key in ("heart", "json")}
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "machine": platform.machine(),
        "sheet_mm": A4_LANDSCAPE_MM,
        "dpi": DPI,
        "presets": presets,
        "heart_median_ms": 1000 * float(np.median(every["heart"])),
        "truth_json_median_ms": 1000 * float(np.median(every["json"])),
        "kit_seconds": KIT_SECONDS,
    }


def main(arguments: list[str]) -> int:
    """Draw, measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=60, help="pages of each preset (default: 60)")
    parser.add_argument("--presets", nargs="*", choices=PRESETS, help="only these, and write nothing")
    chosen = parser.parse_args(arguments)
    import cv2

    cv2.setNumThreads(1)
    figures = {preset: measure(preset, chosen.pages) for preset in chosen.presets or PRESETS}
    result = summary(figures)
    for preset, row in result["presets"].items():
        sys.stdout.write(f"{preset:<10} {row['median_ms']:7.1f} ms, 90 % below {row['p90_ms']:.1f} ms\n")
    sys.stdout.write(f"heart {result['heart_median_ms']:.1f} ms, JSON {result['truth_json_median_ms']:.1f} ms\n")
    if not chosen.presets:
        RESULT.parent.mkdir(exist_ok=True)
        write_json(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
