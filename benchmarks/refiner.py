"""What the refiner of lines changes: the same pages read with it and without it.

``python -m benchmarks.refiner [--pages DIR] [--real DIR]`` writes ``benchmarks/results/refiner.json``. Pages whose
signals are known are judged by them. Real pages have no truth, but limb leads of one column must obey Einthoven's and
Goldberger's laws, and the refiner reads each lead by itself: what these laws leave over falls only where lines are read
more truly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kept import none_yet, read_result
from digitize import DigitizeOptions, digitize
from ecg.errors import ECGError
from ecg.fidelity import page_fidelity
from ecg.formats import read_pages
from einthoven.outputs import version, write_json
from einthoven.provenance import commit
from einthoven.true_pages import find_true_pages, true_record

__all__ = ["RESULT", "compared", "main", "real_pages", "render_refiner", "true_pages"]

RESULT = Path(__file__).resolve().parent / "results" / "refiner.json"
SCHEMA = "einthoven.refiner"
_RESAMPLES = 2000
_IMAGES = (".png", ".jpg", ".jpeg")

Pair = tuple[float, float]
#: Both ways of reading: as fitted, and refined.
_WAYS = (DigitizeOptions(force=True, refine=False), DigitizeOptions(force=True))


def true_pages(folder: Path) -> Iterator[Pair]:
    """Median SNR of each page with known signals, without the refiner and with it.

    Parameters
    ----------
    folder : Path

    Yields
    ------
    (float, float)
        dB.
    """
    for known in find_true_pages(folder):
        page, truth = next(iter(read_pages(known.path))), true_record(known)
        try:
            found = [page_fidelity(truth, digitize(page, way).record, moody=False).median_snr_db for way in _WAYS]
        except ECGError:
            continue
        yield found[0], found[1]


def real_pages(folder: Path) -> Iterator[Pair]:
    """Read what the laws of the limb leads leave over on each real page, without the refiner and with it.

    Parameters
    ----------
    folder : Path

    Yields
    ------
    (float, float)
        Root mean square of II - I - III in µV, before the leads are weighed against each other.
    """
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in _IMAGES):
        try:
            page = next(iter(read_pages(path)))
            left = [_left_over_uv(page, way) for way in _WAYS]
        except ECGError:
            continue
        if left[0] is not None and left[1] is not None:
            yield left[0], left[1]


def _left_over_uv(page: Any, way: DigitizeOptions) -> float | None:
    told = [step["einthoven_mv"] for step in digitize(page, way).steps if step["stage"] == "algebra"]
    return None if not told or told[0] is None else 1e3 * float(told[0])


def compared(pairs: Sequence[Pair], more_is_better: bool) -> dict[str, Any]:
    """Sum up pairs of figures.

    Parameters
    ----------
    pairs : sequence of (float, float)
        Without and with.
    more_is_better : bool

    Returns
    -------
    dict
        Pages, both medians, the median of the differences with its 95 % interval (bootstrap over pages), and on how
        many pages it became better.
    """
    found = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    if not len(found):
        return {"pages": 0}
    difference = found[:, 1] - found[:, 0]
    draws = difference[np.random.default_rng(0).integers(len(found), size=(_RESAMPLES, len(found)))]
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return {
        "pages": len(found),
        "without": round(float(np.median(found[:, 0])), 2),
        "with": round(float(np.median(found[:, 1])), 2),
        "difference": round(float(np.median(difference)), 2),
        "lo": round(float(low), 2),
        "hi": round(float(high), 2),
        "better": int((difference > 0).sum() if more_is_better else (difference < 0).sum()),
    }


def render_refiner(result: Path = RESULT) -> str:
    """One row a set of pages.

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
        return none_yet("python -m benchmarks.refiner")
    lines = [f"Version {r['version']}, commit `{str(r['commit'])[:10]}`.", ""]
    lines += [
        "| pages | figure | as fitted | refined | median difference (95 %) | better |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, found in r["sets"].items():
        figure, unit = ("median SNR", "dB") if found["figure"] == "snr_db" else ("II against I + III, RMS", "µV")
        moved = f"{found['difference']:+.1f} ({found['lo']:+.1f} to {found['hi']:+.1f})"
        ways = f"{found['without']:.1f} {unit} | {found['with']:.1f} {unit}"
        lines.append(f"| `{name}` | {figure} | {ways} | {moved} | {found['better']} of {found['pages']} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Read the pages both ways, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, action="append", default=[], help="folder of pages with their signals")
    parser.add_argument("--real", type=Path, action="append", default=[], help="folder of pages without")
    chosen = parser.parse_args(arguments)
    sets: dict[str, Any] = {}
    for folder in chosen.pages:
        sets[folder.name] = {"figure": "snr_db", **compared(list(true_pages(folder)), more_is_better=True)}
    for folder in chosen.real:
        sets[folder.name] = {"figure": "einthoven_uv", **compared(list(real_pages(folder)), more_is_better=False)}
    sets = {name: found for name, found in sets.items() if found["pages"]}
    if not sets:
        sys.stderr.write("no page was read: name folders with --pages and --real\n")
        return 2
    schema = {"name": SCHEMA, "version": 1}
    write_json(RESULT, {"schema": schema, "version": version(), "commit": commit(), "sets": sets})
    sys.stdout.write(render_refiner() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
