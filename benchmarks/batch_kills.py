"""What is left of an archive whose processes are killed.

`benchmarks.batch_cost` ``kills`` runs the program again and again on files that cost nothing, kills it and its
processes (SIGKILL) at random times and in the middle of a rename, lets it end, and counts what was lost or doubled.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
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
from einthoven.batch import read_signals
from einthoven.batch.works import Row, Work

__all__ = ["CHEAP", "KILLS", "WRONG", "kill_again_and_again", "killed_archive", "killed_once", "verdict"]

_NAME = "benchmarks.batch_kills"
ROOT = Path(__file__).resolve().parent.parent
#: Files of one repetition of the kills, copies of some of them, and files a part.
KILL_FILES, KILL_COPIES, KILL_PART = 60, 5, 3
#: Ways to kill, each once a repetition.
KILLS = ("program", "worker", "worker as it renames", "program while a worker renames")
#: What `verdict` counts: all 0 where an archive is whole.
WRONG = ("lost", "doubled", "foreign", "signals", "left")


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
    # A file of two pages, or of two ECGs on a page, has two rows.
    told = Counter((path, r["page"], r["ecg"]) for r in rows for path in (r["file"], *r["copies"]))
    records = Counter(key for key, _ in read_signals(out))
    return {
        "lost": len(there - {k[0] for k in keys})
        + len({str(p) for p in folder.iterdir()} - {path for path, *_ in told}),
        "doubled": sum(n - 1 for n in keys.values()) + sum(n - 1 for n in told.values()),
        "foreign": len({k[0] for k in keys} - there),
        "signals": sum(((records - keys) + (keys - records)).values()),
        "left": len([p for p in out.rglob(".*") if p.is_file()]),
    }


def _start(
    folder: Path, out: Path, do: str, settings: Mapping[str, Any] | None, part: int = KILL_PART
) -> subprocess.Popen[bytes]:
    words = ["batch", str(folder), "-o", str(out), "--do", do, "--jobs", "2", "--part-files", str(part)]
    if settings is not None:
        config = out.parent / "cheap.toml"
        config.write_text(
            "[cheap]\n"
            + "".join(f"{k} = {str(v).lower() if isinstance(v, bool) else repr(v)}\n" for k, v in settings.items())
        )
        words += ["--config", str(config)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # A group of its own: a kill of the group is what a power cut does.
    command = [sys.executable, "-m", "einthoven", *words]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet)  # noqa: S603


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
        ``"benchmarks.batch_kills:CHEAP"`` or a work that reads the pages.

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


def killed_archive(folder: Path, out: Path, rng: random.Random) -> dict[str, Any]:
    """Digitize an archive through two kills: of the program alone, and of all its processes at once.

    Parameters
    ----------
    folder, out : Path
    rng : random.Random
        Tells when: within the first and the second third of the parts.

    Returns
    -------
    dict
        ``files``, ``kills``, ``seconds``, ``statuses`` (rows by status), and the `verdict`.
    """
    import pyarrow.parquet as pq

    files = len(list(folder.iterdir()))
    part = max(1, files // 50)
    begun, done = time.monotonic(), []
    program = _start(folder, out, "digitize", None, part)
    for third, whole in enumerate((False, True)):
        wanted = (third + rng.random()) / 3 * files / part
        while program.poll() is None and _parts(out) < wanted:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 1.0))
        done.append({"what": "everything" if whole else "program", "parts_in_place": _parts(out)})
        if whole:
            os.killpg(program.pid, signal.SIGKILL)
        program.kill()
        program.wait()
        program = _start(folder, out, "digitize", None, part)
    status = program.wait()
    spent = time.monotonic() - begun
    statuses = Counter(pq.read_table(out / "results", columns=["status"]).column(0).to_pylist())
    told: dict[str, Any] = {"files": files, "kills": done, "exit_status": status, "seconds": spent}
    return {**told, "statuses": dict(statuses), **verdict(folder, out)}


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


def kill_again_and_again(repetitions: int, seed: int, draw: Callable[[Path], None] | None = None) -> dict[str, Any]:
    """Repeat `killed_once`, each time on a new archive.

    Parameters
    ----------
    repetitions, seed : int
    draw : callable, optional
        Draws pages into a folder, to be read; without it the files cost nothing.

    Returns
    -------
    dict
        Kills by kind, the sums of the verdicts, and ``each``.
    """
    rng = random.Random(seed)  # noqa: S311 - times of kills
    found = []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="einthoven-") as name:
            folder = Path(name) / "in"
            folder.mkdir()
            if draw is None:
                _pictures(folder, rng)
            else:
                draw(folder)
            do = f"{_NAME}:CHEAP" if draw is None else "digitize"
            found.append(killed_once(folder, Path(name) / "out", rng, do))
            sys.stdout.write(f"{found[-1]}\n")
            sys.stdout.flush()
    told = Counter(kill["what"] for one in found for kill in one["kills"])
    wrong = {name: sum(one[name] for one in found) for name in WRONG}
    return {"repetitions": repetitions, "kills": dict(told), **wrong, "each": found}
