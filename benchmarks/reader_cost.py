"""What reading a page costs a machine: peak memory, memory that stays, and the wait for a first result.

``python -m benchmarks.reader_cost [--pages N]`` draws pages, runs ``einthoven digitize`` on each in a process of its
own, and writes ``benchmarks/results/reader_cost.json``. Peak memory is the process's largest resident set, as the
system counts it (``ru_maxrss``): it holds the interpreter, all libraries, both networks and the picture written. One
more process reads N pages, twenty files in turn, and notes its resident set after each. Seconds are told as processor
time, which other programs on the machine do not change, and as elapsed time, which a person waits. The first run, which
may compile loops for this machine, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kept import none_yet, read_result
from ecg import ECGRecord
from einthoven.outputs import version, write_json
from einthoven.provenance import commit
from synth import PageStyle, SynthPage, apply_steps, draw_page, open_source, render

__all__ = ["RESULT", "Run", "main", "measure_command", "memory_by_page", "render_reader_cost"]

RESULT = Path(__file__).resolve().parent / "results" / "reader_cost.json"
SCHEMA = "einthoven.reader_cost"
SEED = 2026
#: Different files that the long run reads in turn, all of the preset `scan`.
FILES = 20
#: Pages after which the long run's memory is compared: everything is loaded at the first, and a leak shows at the last.
EARLY = 10
#: Bounds that the project set itself: bytes at the peak, bytes more after the last page, seconds to a first result.
BOUNDS = {"peak_mib": 1536.0, "growth_mib": 50.0, "first_result_s": 4.0}
_MIB = 2.0**20

Run = dict[str, float]


def measure_command(picture: Path) -> Run:
    """Run ``einthoven digitize`` on a file in a process of its own.

    Parameters
    ----------
    picture : Path

    Returns
    -------
    dict
        ``peak_mib``, ``cpu_s``, ``elapsed_s``, and ``snr_db`` where the file's signals stand beside it.
    """
    with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
        out = Path(name)
        command = [sys.executable, "-m", "einthoven", "digitize", str(picture), "-o", str(out)]
        began = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_one_thread())  # noqa: S603
        _, code, used = os.wait4(child.pid, 0)
        elapsed = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(code)
        found = {"peak_mib": used.ru_maxrss / 1024, "cpu_s": used.ru_utime + used.ru_stime, "elapsed_s": elapsed}
        return {**found, **_fidelity(picture, out)}


def _one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _fidelity(picture: Path, out: Path) -> Run:
    """Median SNR of what the command wrote, against the record beside the picture."""
    from ecg.fidelity import page_fidelity
    from ecg.formats import read_record

    truth, read = picture.with_suffix(".npz"), out / f"{picture.stem}.hea"
    if not truth.is_file():
        return {}
    estimate = read_record(read) if read.is_file() else None
    with np.load(truth) as kept:
        record = ECGRecord(kept["signal"], float(kept["fs"]), tuple(str(lead) for lead in kept["leads"]))
    return {"snr_db": float(page_fidelity(record, estimate, moody=False).median_snr_db)}


def memory_by_page(files: Sequence[Path], pages: int) -> list[float]:
    """Read files in turn, in this process, and note the resident set after each page.

    Parameters
    ----------
    files : sequence of Path
    pages : int

    Returns
    -------
    list of float
        MiB, one a page.
    """
    from digitize import read_file
    from ecg.errors import DigitizationError

    found = []
    for k in range(pages):
        try:
            for reading in read_file(files[k % len(files)]):
                del reading
        except DigitizationError:
            pass  # its memory counts all the same
        found.append(_resident_mib())
    return found


def _resident_mib() -> float:
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / _MIB


def _kept(page: SynthPage, path: Path) -> Path:
    """Page on disk as a JPEG, its signals beside it."""
    from PIL import Image

    Image.fromarray(np.asarray(page.page.image)).save(path, quality=90)
    record = page.record
    np.savez_compressed(path.with_suffix(".npz"), signal=record.signal, fs=record.fs, leads=np.array(record.leads))
    return path


def _photo(path: Path) -> Path:
    """Photograph of a sheet, 4000 x 3000 pixels: the sheet is drawn as large as the picture will be, then damaged."""
    import cv2

    record = open_source("physiology").get(SEED, 0).record
    # 297 mm over 4000 pixels are 342 dpi.
    page = draw_page(record, "phone", SEED, 3, replace(PageStyle(), dpi=342.0))
    image = cv2.resize(np.asarray(page.page.image), (4000, 3000), interpolation=cv2.INTER_AREA)
    return _kept(replace(page, page=replace(page.page, image=image, dpi=None)), path)


def _sheet(path: Path, dpi: float) -> Path:
    from synth.degrade import sample_steps

    record = open_source("physiology").get(SEED, 1).record
    page = render(record, None, replace(PageStyle(), dpi=dpi))
    return _kept(apply_steps(page, sample_steps(np.random.default_rng(SEED), "scan")), path)


def _scans(folder: Path, n: int) -> list[Path]:
    source = open_source("physiology")
    return [
        _kept(draw_page(source.get(SEED, k).record, "scan", SEED, k), folder / f"scan_{k:02d}.jpg") for k in range(n)
    ]


def _grown(files: Sequence[Path], pages: int) -> list[float]:
    """Resident set by page of a process of its own."""
    code = (
        "import json, sys; from pathlib import Path; from benchmarks.reader_cost import memory_by_page;"
        "print(json.dumps(memory_by_page([Path(p) for p in sys.argv[2:]], int(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(pages), *map(str, files)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=_one_thread())  # noqa: S603
    return [float(v) for v in json.loads(done.stdout)]


def measure(pages: int) -> dict[str, Any]:
    """Draw the pages and measure; about 3 s of processor time a page of the long run.

    Parameters
    ----------
    pages : int
        Of the long run.

    Returns
    -------
    dict
        Ready for JSON.
    """
    with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
        folder = Path(name)
        small = _sheet(folder / "a4_200.jpg", 200.0)
        runs: dict[str, Any] = {"first_ever": measure_command(small)}
        again = [measure_command(small) for _ in range(3)]
        runs["a4_200_dpi"] = min(again, key=lambda run: run["elapsed_s"])
        runs["a4_600_dpi"] = measure_command(_sheet(folder / "a4_600.jpg", 600.0))
        runs["photo_12_mp"] = measure_command(_photo(folder / "photo.jpg"))
        resident = _grown(_scans(folder, min(FILES, pages)), pages)
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "bounds": BOUNDS,
        "runs": {key: {k: round(v, 2) for k, v in run.items()} for key, run in runs.items()},
        "pages": pages,
        "early_page": EARLY,
        "resident_mib": [round(v, 1) for v in resident],
        "growth_mib": round(resident[-1] - resident[min(EARLY, pages) - 1], 1),
    }


_NAMES = {
    "first_ever": "A4 at 200 dpi, where nothing was compiled before or all was, by this installation",
    "a4_200_dpi": "A4 at 200 dpi, again",
    "a4_600_dpi": "A4 at 600 dpi, 35 megapixels",
    "photo_12_mp": "photograph, 12 megapixels",
}


def render_reader_cost(result: Path = RESULT) -> str:
    """One row a command, then the memory of the long run.

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
        return none_yet("python -m benchmarks.reader_cost")
    rows = ["| `einthoven digitize` on | peak memory | CPU s | elapsed s | median SNR |", "|---|---:|---:|---:|---:|"]
    for key, run in r["runs"].items():
        snr = f"{run['snr_db']:.1f} dB" if "snr_db" in run else "–"
        rows.append(
            f"| {_NAMES[key]} | {run['peak_mib']:.0f} MiB | {run['cpu_s']:.1f} | {run['elapsed_s']:.1f} | {snr} |"
        )
    resident, early = r["resident_mib"], r["early_page"]
    told = (
        f"One process that reads {r['pages']} scans holds {resident[early - 1]:.0f} MiB after page {early} and "
        f"{resident[-1]:.0f} MiB after page {r['pages']} ({r['growth_mib']:+.0f} MiB)."
    )
    bounds = r["bounds"]
    aims = (
        f"The aims were at most {bounds['peak_mib']:.0f} MiB at the peak, {bounds['growth_mib']:.0f} MiB of growth, "
        f"and {bounds['first_result_s']:.0f} s to a first result."
    )
    return "\n".join([f"Version {r['version']}, commit `{str(r['commit'])[:10]}`.", "", *rows, "", told, aims])


def main(arguments: list[str]) -> int:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100, help="pages of the long run (default: 100)")
    result = measure(parser.parse_args(arguments).pages)
    RESULT.parent.mkdir(exist_ok=True)
    write_json(RESULT, result)
    sys.stdout.write(render_reader_cost() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
