"""Whole sets of records as one array on disk, read once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classify.inputs import InputSpec, to_input
from ecg.datasets import RecordItem
from ecg.errors import FormatError, ModelError
from ecg.formats.atomic import replacing
from ecg.record import LEADS, select

__all__ = ["load_arrays"]

#: Goes up when `classify.inputs` makes other numbers of the same record: arrays of older versions are then not found.
_VERSION = 2


def load_arrays(
    items: Sequence[RecordItem], cache: str | os.PathLike[str], spec: InputSpec | None = None, jobs: int = 1
) -> NDArray[np.floating]:
    """Signals or inputs of many records.

    The first call reads the records and leaves one file in the cache, named by what it holds; later calls map that
    file and read nothing.

    Parameters
    ----------
    items : sequence of RecordItem
        All at one rate.
    cache : path-like
        Folder for the arrays; made where it is missing.
    spec : InputSpec, optional
        Makes inputs. Without it the twelve standard leads are stored in mV at the records' own rate.
    jobs : int
        Processes; worth it where inputs take long (a median beat 20 ms, features 160 ms a record; reading alone 1 ms).

    Returns
    -------
    read-only array [records, *shape]
        A memory map: float16 mV [records, 12, samples] without a spec (11 bits: 0.5 µV below 1 mV, finer than the 5 µV
        of PTB-XL's 100 Hz files), else float32 inputs. A record of which no input can be made, say because no beat
        is found in it, has NaN throughout.

    Raises
    ------
    FormatError
        If a record cannot be read or does not have the length of the first.
    """
    if not items:
        raise FormatError("expected at least one record to load, got none; check the folds and the folder")
    path = Path(cache) / f"{'signals' if spec is None else spec.kind}-{_digest(items, spec)}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            _write(part, items, spec, jobs)
    out: NDArray[np.floating] = np.load(path, mmap_mode="r")
    return out


def _digest(items: Sequence[RecordItem], spec: InputSpec | None) -> str:
    """Name of an array: which records in which order, at which rate, made into what."""
    digest = hashlib.sha256(repr((_VERSION, None if spec is None else sorted(spec.to_dict().items()))).encode())
    for item in items:
        digest.update(f"{item.ecg_id} {item.path}\n".encode())
    return digest.hexdigest()[:16]


def _write(path: Path, items: Sequence[RecordItem], spec: InputSpec | None, jobs: int) -> None:
    out: NDArray[np.floating] | None = None
    for index, row in enumerate(_rows(items, spec, jobs)):
        if out is None:
            shape = (len(items), *(row.shape if spec is None else spec.shape))
            kind = np.float16 if spec is None else np.float32
            out = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
        if row.size and row.shape != out.shape[1:]:
            raise FormatError(
                f"record {items[index].ecg_id} is of shape {list(row.shape)}, the first is {list(out.shape[1:])}; "
                f"load records of one length and rate"
            )
        out[index] = row if row.size else np.nan


def _rows(items: Sequence[RecordItem], spec: InputSpec | None, jobs: int) -> Iterator[NDArray[np.float32]]:
    """Signal or input of each record, in order."""
    if jobs == 1:
        yield from (_row(item, spec) for item in items)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned, because a fork of a process with threads may hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_row, spec=spec), items, chunksize=50)


def _row(item: RecordItem, spec: InputSpec | None) -> NDArray[np.float32]:
    """Signal or input of one record; empty where no input can be made."""
    record = item.record()
    if spec is None:
        return select(record, LEADS).signal
    try:
        return to_input(record, spec)
    except ModelError:
        return np.empty(0, dtype=np.float32)
