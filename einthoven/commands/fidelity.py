"""``einthoven bench fidelity``: readings against truth."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer

from ecg.errors import OptionsError
from einthoven import outputs
from einthoven.outputs import one_line
from einthoven.progress import counting

__all__ = ["run"]


def run(pages: Path, out: Path, *, method: Literal["auto", "classical"] = "auto") -> int:
    """Measure the reader on the pages of a folder; exit status 0."""
    from digitize.options import DigitizeOptions
    from einthoven.bench import bench_fidelity

    if not pages.is_dir():
        raise OptionsError(f"--pages {one_line(pages)} is no folder; give one that holds pages with their truth")
    outputs.output_folder(out)
    with counting("pages") as progress:
        overall = bench_fidelity(pages, out, DigitizeOptions(method=method), progress=progress)["overall"]
    snr, failed = overall["median_snr_db"], overall["failed_share"]["value"]
    if snr["value"] is not None:
        told = f"median SNR {snr['value']:.1f} dB ({snr['lo']:.1f} to {snr['hi']:.1f})"
        typer.echo(f"{overall['pages']} pages: {told}, {100 * failed:.1f} % failed")
    typer.echo(one_line(f"fidelity.json and leads.csv are in {out}"))
    return 0
