"""Works that cost nothing, for tests of the archive: what they do goes by the file's name and by its settings."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecg import ECGRecord
from ecg.errors import FormatError, ModelError
from einthoven.batch.works import Row, Work

LEADS = ("I", "II")


def record_of(content: bytes) -> ECGRecord:
    """Two leads of a second, told by the bytes of the file."""
    level = (sum(content) % 1000) / 1000
    return ECGRecord(np.array([[level, np.nan, 2 * level]] * 2), 500, LEADS)


def rows(path: Path, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    chosen = settings.get("cheap", {})
    time.sleep(chosen.get("sleep_s", 0.0))
    if "log" in chosen:
        with Path(chosen["log"]).open("a", encoding="utf-8") as log:
            log.write(f"{path.name}\n")
    if "broken" in path.name:
        raise FormatError(f"{path.name} is damaged; copy it again")
    if "bug" in path.name:
        raise ZeroDivisionError("a fault")
    if "nomodel" in path.name:
        raise ModelError("the model is missing; train one")
    if "killer" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "rename" in chosen:
        _die_at_rename(Path(chosen["rename"]), chosen["when"])
    if "pair" in path.name:  # two ECGs on its first page, one on its second
        for page, ecg, ecgs in ((1, 1, 2), (1, 2, 2), (2, 1, 1)):
            yield Row(page, {"status": "accepted"}, record_of(path.read_bytes()), ecg, ecgs)
        return
    for page in range(1, 4 if "three" in path.name else 2):
        yield Row(page, {"status": "refused" if "blank" in path.name else "accepted"}, record_of(path.read_bytes()))
        if "second" in path.name:
            raise FormatError("page 2 is damaged")


def _die_at_rename(mark: Path, when: str) -> None:
    """End this process the hard way as it renames a file of results, once: just before, or just after."""
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).parent.name != "results" or mark.exists():
            return rename(self, target)
        mark.touch()
        if when == "after":
            rename(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
        return target

    Path.replace = replace  # type: ignore[method-assign]


CHEAP = Work("cheap", rows, {"note": "text"}, ("cheap",))
#: Name of the work, as ``--do`` takes it.
DO = f"{__name__}:CHEAP"
