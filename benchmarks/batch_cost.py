"""What an archive costs, and what is left of it when its processes are killed.

``python -m benchmarks.batch_cost cost`` draws pages as scanners give them, reads them by ``einthoven batch`` in one
process and writes ``results/batch_cost.json``: processor time, memory and bytes a page. ``... index`` does the same for
the plan, with a million files that do not exist. ``... kills`` runs the program again and again on files that cost
nothing, kills it and its processes (SIGKILL) at random times and in the middle of a rename, lets it end, and counts
what was lost or doubled: ``results/batch_kills.json``. ``... kills --real`` reads drawn pages in place of them,
``... archive`` one archive of 2,000 pages that is killed twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.batch_kills import WRONG, kill_again_and_again, killed_archive
from benchmarks.batch_tables import RESULTS
from einthoven.batch import BatchOptions, run_batch
from einthoven.batch.pool import run_pool
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

__all__ = ["main", "measure_cost", "measure_index"]

SEED = 2026
#: Files of an archive that show the same drawn page, each with a comment of its own in its bytes.
_ALIKE = 10


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


def _keep(file: str, schema: str, key: str, found: Mapping[str, Any]) -> None:
    """Write one measurement beside the others of its file."""
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
    commands.add_parser("archive").add_argument("--pages", type=int, default=2000)
    chosen = parser.parse_args(arguments)
    measure: dict[str, Callable[[], int]] = {
        "cost": partial(_cost, chosen),
        "index": partial(_index, chosen),
        "kills": partial(_killed, chosen),
        "archive": partial(_archive, chosen),
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
    found = kill_again_and_again(
        chosen.repetitions, SEED, partial(_scans, n=8, preset="clean", dpi=100.0) if chosen.real else None
    )
    _keep("batch_kills.json", "einthoven.batch_kills", "real_pages" if chosen.real else "cheap_files", found)
    return 1 if any(found[name] for name in WRONG) else 0


def _archive(chosen: argparse.Namespace) -> int:
    import random

    with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
        drawn, folder, out = (Path(name) / part for part in ("drawn", "in", "out"))
        drawn.mkdir()
        folder.mkdir()
        _scans(drawn, max(1, chosen.pages // _ALIKE), "scan", dpi=100.0)
        originals = sorted(drawn.iterdir())
        for index in range(chosen.pages):
            _with_comment(originals[index % len(originals)], folder / f"{index:06d}.jpg", str(index))
        found = killed_archive(folder, out, random.Random(SEED))  # noqa: S311 - times of kills
    sys.stdout.write(f"{found}\n")
    _keep("batch_kills.json", "einthoven.batch_kills", "archive", {"drawn": len(originals), **found})
    return 1 if any(found[name] for name in WRONG) else 0


def _with_comment(picture: Path, to: Path, comment: str) -> None:
    """Copy a JPEG file with a comment behind its first marker: other bytes, the same pixels."""
    content = picture.read_bytes()
    text = comment.encode()
    to.write_bytes(content[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + content[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
