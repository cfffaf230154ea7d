"""What the tests of the archive share: pages that cost nothing, and what must hold of an archive whatever befell it."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from handmade_works import DO
from PIL import Image

from einthoven.batch import read_signals

HERE = Path(__file__).resolve().parent
#: Of processes that must import the works of the tests.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (4, 8, 3), np.uint8)).save(path, "PNG")
    return path


def pictures(folder: Path, n: int) -> Path:
    for k in range(n):
        picture(folder / f"sub{k % 2}" / f"page{k}.png", k)
    return folder


def rows_of(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "results").to_pylist()


def errors_of(out: Path) -> list[list[str]]:
    with (out / "errors.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["file", "error"]
    return rows


def check_whole(folder: Path, out: Path) -> None:
    """Every content has one row and one record, under one key; nothing else lies there."""
    rows = rows_of(out)
    keys = [(r["source_sha256"], r["page"], r["ecg"]) for r in rows]
    contents = {hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.png")}
    assert Counter(k[0] for k in keys) == Counter(contents)
    assert Counter(key for key, _ in read_signals(out)) == Counter(keys)
    assert not [p for p in out.rglob(".*") if p.is_file()], "a temporary file is left"


def start(folder: Path, out: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start the program in a process of its own, as a person would."""
    config = out.parent / "slow.toml"
    config.write_text("[cheap]\nsleep_s = 0.15\n")
    command = ["batch", str(folder), "-o", str(out), "--do", DO, "--part-files", "3", "--config", str(config), *words]
    # What a shell starts behind its back ignores interrupts, and so would everything that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "einthoven", *command], env=ENVIRONMENT, stdout=subprocess.DEVNULL
        )
    finally:
        signal.signal(signal.SIGINT, before)


def parts(out: Path) -> int:
    return len(list((out / "results").glob("part-*")))


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    stop = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < stop, "it takes too long"
        time.sleep(0.02)
