"""What an archive costs, and what is left of it when its processes are killed.

``python -m benchmarks.batch_cost cost`` draws pages as scanners give them, reads them by ``einthoven batch`` in one
process and writes ``results/batch_cost.json``: processor time, memory and bytes a page. ``... index`` does the same for
the plan, with a million files that do not exist. ``... kills`` runs the program again and again on files that cost
nothing, kills it and its processes (SIGKILL) at random times and in the middle of a rename, lets it end, and counts
what was lost or doubled: ``results/batch_kills.json``. ``... kills --real`` reads drawn pages in place of them.
``... tables`` writes the tables of ``docs/scale.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ecg import ECGRecord
from einthoven.batch import BatchOptions, read_signals, run_batch
from einthoven.batch.pool import run_pool
from einthoven.batch.works import Row, Work
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

__all__ = [
    "CHEAP",
    "killed_once",
    "main",
    "measure_cost",
    "measure_index",
    "render_kills",
    "render_scale",
    "verdict",
]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SEED = 2026
#: Files of one repetition of the kills, copies of some of them, and files a part.
KILL_FILES, KILL_COPIES, KILL_PART = 60, 5, 3
#: Ways to kill, each once a repetition.
KILLS = ("program", "worker", "worker as it renames", "program while a worker renames")


def _cheap_rows(path: Path, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    chosen = settings["cheap"]
    time.sleep(chosen["sleep_s"])
    if "mark" in chosen:
        _stop_at_rename(Path(chosen["mark"]), chosen["die"], chosen["after"])
    level = hashlib.sha256(path.read_bytes()).digest()[0]
    yield Row(1, {"status": "accepted"}, ECGRecord(np.full((2, 500), level / 100), 500, ("I", "II")))


def _stop_at_rename(mark: Path, die: bool, after: bool) -> None:
    """Stop this process, once, as it puts a file of results in its place: for good, or until its program is killed."""
    rename = Path.replace

    def replace(self: Path, target: Any) -> Path:
        if Path(target).parent.name != "results" or mark.exists():
            return rename(self, target)
        found = rename(self, target) if after else None
        mark.touch()
        if die:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(10)
        # Nobody killed it: all kills of this repetition had been spent. Then the rename goes on.
        return found or rename(self, target)

    Path.replace = replace  # type: ignore[method-assign,assignment]


#: Work that costs nothing, so that kills fall everywhere and not into the reading of pages alone.
CHEAP = Work("cheap", _cheap_rows, {}, ("cheap",))


def _scans(folder: Path, n: int, preset: str, dpi: float | None = None) -> None:
    from dataclasses import replace

    from PIL import Image

    from synth import draw_page, open_source, page_look

    source = open_source("physiology")
    for index in range(n):
        record = source.get(SEED, index).record
        style, _ = page_look(record, preset, SEED, index)
        page = draw_page(record, preset, SEED, index, style if dpi is None else replace(style, dpi=dpi)).page
        Image.fromarray(np.asarray(page.image)).save(folder / f"{index:06d}.jpg", quality=90, dpi=(page.dpi,) * 2)


def measure_cost(n: int) -> dict[str, Any]:
    """Read drawn scans in one process.

    Parameters
    ----------
    n : int
        Pages.

    Returns
    -------
    dict
        Processor seconds, MiB and bytes.
    """
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        _scans(folder, n, "scan")
        peaks: list[float] = []

        def runner(function: Any, take: Any, tick: Any) -> Iterator[Any]:
            for outcome in run_pool(function, take, tick, jobs=1):
                peaks.append(getattr(outcome.value, "peak_mb", float("nan")))
                yield outcome

        before = _children_s()
        report = run_batch(folder, out, BatchOptions(part_files=max(1, n // 8)), runner=runner)
        spent = _children_s() - before
        cpu = pq.read_table(out / "results", columns=["cpu_seconds"]).column(0).to_pylist()
        sizes = {kind: sum(p.stat().st_size for p in (out / kind).iterdir()) / n for kind in ("results", "signals")}
        return {
            "pages": n,
            "statuses": dict(report.statuses),
            "cpu_s_median": statistics.median(cpu),
            "cpu_s_mean": statistics.mean(cpu),
            "cpu_s_p90": float(np.percentile(cpu, 90)),
            "cpu_s_besides": (spent - sum(cpu)) / n,
            "worker_peak_mb_by_part": [round(p) for p in peaks if np.isfinite(p)],
            "program_peak_mb": _own_peak_mb(),
            "source_bytes": sum(p.stat().st_size for p in folder.iterdir()) / n,
            "results_bytes": sizes["results"],
            "signals_bytes": sizes["signals"],
        }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own_peak_mb() -> float:
    """Largest resident memory of this process, MiB (getrusage(2): kilobytes on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_index(n: int) -> dict[str, Any]:
    """Plan an archive of files that are not there.

    Parameters
    ----------
    n : int
        Files.

    Returns
    -------
    dict
        Processor seconds of each step, bytes of the index, MiB of this process.
    """
    from einthoven.batch.index import Index
    from einthoven.batch.make import PartReport
    from einthoven.batch.scan import Listed, Seen

    def name(k: int) -> str:
        return f"/archive/2024/{k // 1000:05d}/scan_{k:08d}.jpg"

    spent: dict[str, float] = {}

    def timed(what: str, step: Callable[[], Any]) -> Any:
        began = time.process_time()
        found = step()
        spent[what] = time.process_time() - began
        return found

    def look() -> None:
        for paths in index.unseen(200):
            index.looked([Seen(p, "jpeg", hashlib.sha256(p.encode()).hexdigest()) for p in paths])

    def make() -> None:
        last = 0
        while (part := index.next_part(last)) is not None:
            last = part.number
            index.made(PartReport({unit.sha256: 1 for unit in part.units}, {}, (), 0.0))

    def parts() -> Iterator[tuple[int, list[dict[str, Any]]]]:
        for number in range(0, n, 256):
            paths = [name(k) for k in range(number, min(number + 256, n))]
            hashes = [hashlib.sha256(p.encode()).hexdigest() for p in paths]
            rows = [{"source_sha256": s, "file": p} for s, p in zip(hashes, paths, strict=True)]
            yield number // 256 + 1, [{**row, "copies": [], "status": "accepted"} for row in rows]

    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        path = Path(folder) / "index.sqlite"
        with Index(path) as index:
            timed("list", lambda: index.list_files(Listed(name(k), "500000-1") for k in range(n)))
            timed("look", look)
            timed("learn", lambda: index.load([]))
            timed("plan", lambda: index.plan(256))
            timed("make", make)
        with Index(path) as index:
            timed("list_again", lambda: index.list_files(Listed(name(k), "500000-1") for k in range(n)))
            timed("learn_again", lambda: index.load(parts()))
        size = path.stat().st_size
    return {
        "files": n,
        "cpu_s": spent,
        "bytes_a_file": size / n,
        "part_keys_cpu_s": _part_keys_s(),
        "peak_mb": _own_peak_mb(),
    }


def _part_keys_s() -> float:
    """Processor seconds to read the keys of a part of 256 rows."""
    from einthoven.batch.shards import part_keys, writing_part
    from einthoven.batch.store import Store
    from einthoven.batch.works import DIGITIZE

    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        store = Store(folder)
        with writing_part(store, 1, DIGITIZE.name, DIGITIZE.columns) as writer:
            for k in range(256):
                row = {"source_sha256": os.urandom(32).hex(), "page": 1, "ecg": 1, "file": f"/archive/{k:08d}.jpg"}
                # About what the document of a page takes, and as hard to compress.
                writer.add({**row, "copies": [], "status": "accepted", "document": os.urandom(2000).hex()}, None)
        began = time.process_time()
        for _ in range(50):
            part_keys(store, 1)
        return (time.process_time() - began) / 50


def verdict(folder: Path, out: Path) -> dict[str, int]:
    """Count what is wrong with an archive.

    Parameters
    ----------
    folder, out : Path

    Returns
    -------
    dict
        ``lost``, ``doubled``, ``foreign`` (rows of no file), ``signals`` (rows without their signals or the other way
        round), ``left`` (temporary files): all 0 where it is whole.
    """
    import pyarrow.parquet as pq

    rows = pq.read_table(out / "results", columns=["source_sha256", "page", "ecg", "file", "copies"]).to_pylist()
    keys = Counter((r["source_sha256"], r["page"], r["ecg"]) for r in rows)
    there = {hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    told = Counter(path for r in rows for path in (r["file"], *r["copies"]))
    records = Counter(key for key, _ in read_signals(out))
    return {
        "lost": len(there - {k[0] for k in keys}) + len({str(p) for p in folder.iterdir()} - set(told)),
        "doubled": sum(n - 1 for n in keys.values()) + sum(n - 1 for n in told.values()),
        "foreign": len({k[0] for k in keys} - there),
        "signals": sum(((records - keys) + (keys - records)).values()),
        "left": len([p for p in out.rglob(".*") if p.is_file()]),
    }


def _start(folder: Path, out: Path, do: str, settings: Mapping[str, Any] | None) -> subprocess.Popen[bytes]:
    words = ["batch", str(folder), "-o", str(out), "--do", do, "--jobs", "2", "--part-files", str(KILL_PART)]
    if settings is not None:
        config = out.parent / "cheap.toml"
        config.write_text(
            "[cheap]\n"
            + "".join(f"{k} = {str(v).lower() if isinstance(v, bool) else repr(v)}\n" for k, v in settings.items())
        )
        words += ["--config", str(config)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "einthoven", *words], cwd=ROOT, **quiet)  # noqa: S603


def _workers(program: subprocess.Popen[bytes]) -> list[Any]:
    import psutil

    try:
        children = psutil.Process(program.pid).children()
        return [c for c in children if "spawn_main" in " ".join(c.cmdline())]
    except psutil.Error:
        return []


def killed_once(folder: Path, out: Path, rng: random.Random, do: str) -> dict[str, Any]:
    """Run a batch to its end through every way to be killed, in random order at random times.

    Parameters
    ----------
    folder, out : Path
    rng : random.Random
    do : str
        ``"benchmarks.batch_cost:CHEAP"`` or a work that reads the pages.

    Returns
    -------
    dict
        The kills, each with the number of parts that were in place, and the `verdict`.
    """
    mark = out.parent / "mark"
    settings = {"sleep_s": 0.05, "mark": str(mark), "die": rng.random() < 0.5, "after": rng.random() < 0.5}
    start = partial(_start, folder, out, do, settings if do.endswith(":CHEAP") else None)
    program = start()
    done: list[dict[str, Any]] = []
    ways = ["program", "worker"] * 2
    rng.shuffle(ways)
    for way in ways:
        renaming = _wait(program, out, rng, mark if not any("renames" in kill["what"] for kill in done) else None)
        if program.poll() is not None:
            break
        if renaming:
            way = KILLS[2] if settings["die"] else KILLS[3]
        done.append({"what": way, "parts_in_place": _parts(out)})
        if way.startswith("program"):
            program.kill()
            program.wait()
            program = start()
        elif way == "worker" and (workers := _workers(program)):
            rng.choice(workers).kill()
    status = program.wait()
    return {"kills": done, "after_rename": settings["after"], "exit_status": status, **verdict(folder, out)}


def _parts(out: Path) -> int:
    return len(list((out / "results").glob("part-*")))


def _wait(program: subprocess.Popen[bytes], out: Path, rng: random.Random, mark: Path | None) -> bool:
    """Let a program go on for a random time; True as soon as one of its processes has come to its rename.

    Three times of four it first gets to finish a part, else nearly all kills would fall into its start.
    """
    wanted = _parts(out) + 1 if rng.random() < 0.75 else 0
    deadline = None
    while program.poll() is None:
        if mark is not None and mark.exists():
            return True
        if deadline is None and _parts(out) >= wanted:
            deadline = time.monotonic() + rng.uniform(0.0, 1.0 if wanted else 5.0)
        if deadline is not None and time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return False


def _pictures(folder: Path, rng: random.Random) -> None:
    from PIL import Image

    for k in range(KILL_FILES):
        Image.fromarray(np.full((4, 4, 3), k, np.uint8)).save(folder / f"{k:03d}.png")
    for k in range(KILL_COPIES):
        (folder / f"copy{k}.png").write_bytes((folder / f"{rng.randrange(KILL_FILES):03d}.png").read_bytes())


def _kills(repetitions: int, real: bool) -> dict[str, Any]:
    rng = random.Random(SEED)  # noqa: S311 - times of kills
    found = []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
            folder = Path(name) / "in"
            folder.mkdir()
            if real:
                _scans(folder, 8, "clean", dpi=100.0)
            else:
                _pictures(folder, rng)
            found.append(killed_once(folder, Path(name) / "out", rng, "digitize" if real else f"{_NAME}:CHEAP"))
            sys.stdout.write(f"{found[-1]}\n")
            sys.stdout.flush()
    told = Counter(kill["what"] for one in found for kill in one["kills"])
    wrong = {name: sum(one[name] for one in found) for name in ("lost", "doubled", "foreign", "signals", "left")}
    return {"repetitions": repetitions, "kills": dict(told), **wrong, "each": found}


_NAME = "benchmarks.batch_cost"
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
    import json

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
    import json

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
    return "\n".join(lines)


def _write_tables() -> int:
    from benchmarks.tables import replaced

    path = ROOT / "docs" / "scale.md"
    text = path.read_text(encoding="utf-8")
    text = replaced(replaced(text, "scale", render_scale()), "kills", render_kills())
    path.write_text(text, encoding="utf-8")
    return 0


def _keep(file: str, schema: str, key: str, found: Mapping[str, Any]) -> None:
    """Write one measurement beside the others of its file."""
    import json

    path = RESULTS / file
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    head = {"schema": {"name": schema, "version": 1}, "version": version()}
    write_json(path, {**before, **head, key: {"commit": commit(), **found}})


def main(arguments: list[str]) -> int:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("cost").add_argument("--pages", type=int, default=40)
    commands.add_parser("index").add_argument("--files", type=int, default=1_000_000)
    kills = commands.add_parser("kills")
    kills.add_argument("--repetitions", type=int, default=20)
    kills.add_argument("--real", action="store_true")
    commands.add_parser("tables", help="write the tables of docs/scale.md anew")
    chosen = parser.parse_args(arguments)
    measure: dict[str, Callable[[], int]] = {
        "tables": _write_tables,
        "cost": partial(_cost, chosen),
        "index": partial(_index, chosen),
        "kills": partial(_killed, chosen),
    }
    return measure[chosen.what]()


def _cost(chosen: argparse.Namespace) -> int:
    found = measure_cost(chosen.pages)
    sys.stdout.write(f"{found}\n")
    _keep("batch_cost.json", "einthoven.batch_cost", "pages", found)
    return 0


def _index(chosen: argparse.Namespace) -> int:
    found = measure_index(chosen.files)
    sys.stdout.write(f"{found}\n")
    _keep("batch_cost.json", "einthoven.batch_cost", "index", found)
    return 0


def _killed(chosen: argparse.Namespace) -> int:
    found = _kills(chosen.repetitions, chosen.real)
    _keep("batch_kills.json", "einthoven.batch_kills", "real_pages" if chosen.real else "cheap_files", found)
    return 1 if any(found[name] for name in ("lost", "doubled", "foreign", "signals", "left")) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
