"""The reader on the 393 pages of the four-class set: real prints of one device, without true signals.

``python -m benchmarks.four_class_pages [--every N]`` reads the pages that ``EINTHOVEN_DATA`` holds and writes
``benchmarks/results/four_class_pages.json``: what can be checked without truth. Every page of the set is printed in
standard order as three rows of four leads over one rhythm strip, and Einthoven's law ties I, II and III together.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitize import DigitizeOptions, digitize
from ecg import LAYOUTS
from ecg.datasets import PageItem, four_class
from ecg.errors import DigitizationError
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

__all__ = ["PageCheck", "check_page", "main", "summary"]

RESULT = Path(__file__).resolve().parent / "results" / "four_class_pages.json"
SCHEMA = "einthoven.four_class_pages"


@dataclass(frozen=True)
class PageCheck:
    """What one page shows without truth.

    Parameters
    ----------
    id : str
    status : str
    layout_right : bool
        3x4+1 with every short lead in its standard place.
    einthoven_uv : float or None
        Root mean square of II - (I + III) about its mean, in µV.
    offset_uv : float or None
        Its mean: whether the zero lines of the three leads agree.
    seconds : float
        Processor time of reading the page, decoding excluded.
    """

    id: str
    status: str
    layout_right: bool
    einthoven_uv: float | None
    offset_uv: float | None
    seconds: float


def check_page(item: PageItem, options: DigitizeOptions | None = None) -> PageCheck:
    """Read one page and check it.

    Parameters
    ----------
    item : PageItem
    options : DigitizeOptions, optional

    Returns
    -------
    PageCheck
    """
    page = next(item.pages())
    start = time.process_time()
    try:
        read = digitize(page, options)
    except DigitizationError:
        return PageCheck(item.id, "refused", False, None, None, time.process_time() - start)
    seconds = time.process_time() - start
    right = read.layout is not None and read.layout.name == "3x4+1" and read.layout.rows == LAYOUTS["3x4+1"].rows
    if read.record is None:
        return PageCheck(item.id, read.status, right, None, None, seconds)
    # As read: the record's limb leads have been weighed against each other since.
    residual = next(step["einthoven_mv"] for step in read.steps if step["stage"] == "algebra")
    one, two, three = (read.record[lead].astype(np.float64) for lead in ("I", "II", "III"))
    difference = two - one - three
    offset = float(np.nanmean(difference)) if np.isfinite(difference).any() else None
    return PageCheck(
        item.id,
        read.status,
        right,
        1000 * residual if residual is not None else None,
        1000 * offset if offset is not None else None,
        seconds,
    )


def summary(checks: list[PageCheck]) -> dict[str, Any]:
    """Figures over all pages.

    Parameters
    ----------
    checks : list of PageCheck

    Returns
    -------
    dict
        Ready for JSON.
    """
    residuals = [c.einthoven_uv for c in checks if c.einthoven_uv is not None]
    offsets = [abs(c.offset_uv) for c in checks if c.offset_uv is not None]
    seconds = [c.seconds for c in checks]
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "pages": len(checks),
        "accepted": sum(c.status == "accepted" for c in checks),
        "review": sum(c.status == "review" for c in checks),
        "refused": sum(c.status == "refused" for c in checks),
        "layout_right": sum(c.layout_right for c in checks),
        "einthoven_uv": {"median": float(np.median(residuals)), "p90": float(np.percentile(residuals, 90))},
        "offset_uv": {"median": float(np.median(offsets)), "p90": float(np.percentile(offsets, 90))},
        "seconds": {"median": float(np.median(seconds)), "max": float(np.max(seconds))},
        "layout_wrong_pages": [c.id for c in checks if not c.layout_right],
    }


def main(arguments: list[str]) -> int:
    """Read the pages and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="read every Nth page only, and write nothing")
    chosen = parser.parse_args(arguments)
    checks = []
    for item in four_class()[:: chosen.every]:
        checks.append(check_page(item))
        last = checks[-1]
        sys.stdout.write(f"{last.id} {last.status} {last.einthoven_uv} {last.seconds:.2f}\n")
    result = summary(checks)
    if chosen.every == 1:
        RESULT.parent.mkdir(exist_ok=True)
        write_json(RESULT, result)
    sys.stdout.write(f"{result}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
