"""Parts of an archive: rows in ``results/part-N.parquet``, signals in ``signals/part-N.parquet``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError
from ecg.record import ECGRecord
from einthoven.batch.store import Store, open_store, part_name
from einthoven.outputs import version

__all__ = [
    "BASE_COLUMNS",
    "SCHEMA",
    "PartWriter",
    "add_copies",
    "drop_rows",
    "part_keys",
    "read_signals",
    "writing_part",
]

SCHEMA = "einthoven.batch"
#: Columns of every work: those of ``summary.csv``, the key, and where the ECG came from.
BASE_COLUMNS = {
    "source_sha256": "text",
    "page": "integer",
    "ecg": "integer",
    "file": "text",
    "copies": "texts",
    "kind": "text",
    "stem": "text",
    "status": "text",
    "reason": "text",
    "layout": "text",
    "snr_pred_db": "number",
    "seconds": "number",
    "cpu_seconds": "number",
}
#: Rows held before they are written: at 120 kB of signals a row, some megabytes.
_ROWS_AT_ONCE = 32
#: As WFDB's format 16 has it: 1000 units per mV, the least number for a missing sample.
_UNITS_PER_MV, _MISSING = 1000.0, -32768


def _types() -> dict[str, Any]:
    import pyarrow as pa

    return {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "integer": pa.int32(),
        "number": pa.float64(),
        "numbers": pa.list_(pa.float64()),
        "flag": pa.bool_(),
        "flags": pa.list_(pa.bool_()),
    }


def _result_schema(work: str, columns: Mapping[str, str]) -> Any:
    import pyarrow as pa

    types = _types()
    fields = [(name, types[kind]) for name, kind in {**BASE_COLUMNS, **columns}.items()]
    return pa.schema(fields, metadata={"schema": f"{SCHEMA} 1", "work": work, "version": version()})


def _signal_schema() -> Any:
    import pyarrow as pa

    fields = [
        ("source_sha256", pa.string()),
        ("page", pa.int32()),
        ("ecg", pa.int32()),
        ("fs", pa.float64()),
        ("leads", pa.list_(pa.string())),
        ("signal_uv", pa.list_(pa.list_(pa.int16()))),
    ]
    return pa.schema(fields, metadata={"schema": f"{SCHEMA}_signals 1", "missing": str(_MISSING), "version": version()})


def microvolts(record: ECGRecord) -> NDArray[np.int16]:
    """Give samples in whole microvolts, -32768 where missing, as WFDB's format 16 stores them.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    int16 array [leads, samples]
        What lies beyond 32.767 mV stands at that bound.

    Examples
    --------
    >>> microvolts(ECGRecord([[0.5, np.nan, 99.0]], 500, ("I",))).tolist()
    [[500, -32768, 32767]]
    """
    scaled = np.rint(np.asarray(record.signal, dtype=np.float64) * _UNITS_PER_MV).clip(_MISSING + 1, -_MISSING - 1)
    return np.where(np.isfinite(scaled), scaled, _MISSING).astype(np.int16)


@dataclass
class PartWriter:
    """Rows of one part on their way to the disk.

    Parameters
    ----------
    results, signals : pyarrow.parquet.ParquetWriter
    """

    results: Any
    signals: Any
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, values: Mapping[str, Any], record: ECGRecord | None) -> None:
        """Add a row; columns that it does not name are null.

        Parameters
        ----------
        values : mapping
        record : ECGRecord or None
        """
        self._rows.append(dict(values))
        if record is not None:
            key = {name: values[name] for name in ("source_sha256", "page", "ecg")}
            lead_rows = list(microvolts(record))
            self._records.append({**key, "fs": record.fs, "leads": list(record.leads), "signal_uv": lead_rows})
        if len(self._rows) >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        import pyarrow as pa

        for writer, held in ((self.results, self._rows), (self.signals, self._records)):
            if held:
                writer.write_table(pa.Table.from_pylist(held, schema=writer.schema))
            held.clear()


@contextmanager
def writing_part(store: Store, number: int, work: str, columns: Mapping[str, str]) -> Iterator[PartWriter]:
    """Open a part; on success its signals and then its results take their places.

    Parameters
    ----------
    store : Store
    number : int
    work : str
        Name of the work.
    columns : mapping
        The work's own columns.

    Yields
    ------
    PartWriter
    """
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        # Left in reverse order: the signals are in place when the results appear, which is when the part counts.
        result_path = stack.enter_context(store.writing("results", number))
        signal_path = stack.enter_context(store.writing("signals", number))
        results = stack.enter_context(pq.ParquetWriter(result_path, _result_schema(work, columns), compression="zstd"))
        # Neighbouring samples differ little: differences in few bits.
        differences = {"signal_uv.list.element.list.element": "DELTA_BINARY_PACKED"}
        signals = stack.enter_context(
            pq.ParquetWriter(
                signal_path, _signal_schema(), compression="zstd", use_dictionary=False, column_encoding=differences
            )
        )
        writer = PartWriter(results, signals)
        yield writer
        writer.flush()


def part_keys(store: Store, number: int) -> list[dict[str, Any]]:
    """``source_sha256``, ``file``, ``copies`` and ``status`` of the rows of a part.

    Raises
    ------
    FormatError
        If the part is damaged or not one of a batch.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with store.reading("results", number) as file:
            table = pq.read_table(file, columns=["source_sha256", "file", "copies", "status"])
    except (pa.ArrowException, OSError) as error:
        raise FormatError(
            f"results/{part_name(number)}: expected a part of a batch, got a damaged file ({error}); remove it, and "
            "the same command makes it again"
        ) from error
    return table.to_pylist()  # type: ignore[no-any-return]


def add_copies(store: Store, number: int, paths: Mapping[str, Sequence[str]]) -> None:
    """Add newly found copies to the rows of a part, by replacing it whole.

    Parameters
    ----------
    store : Store
    number : int
    paths : mapping
        All known paths of a file's content by its SHA-256.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with store.reading("results", number) as file:
        table = pq.read_table(file)
    merged = []
    for row in table.select(["source_sha256", "file", "copies"]).to_pylist():
        known = set(row["copies"] or ()) | set(paths.get(row["source_sha256"], ()))
        merged.append(sorted(known - {row["file"]}))
    place = table.schema.get_field_index("copies")
    before = table.column("copies").to_pylist()
    if before == merged:
        return
    table = table.set_column(place, table.schema.field(place), pa.array(merged, pa.list_(pa.string())))
    with store.writing("results", number) as path:
        pq.write_table(table, path, compression="zstd")


def drop_rows(store: Store, number: int, hashes: Collection[str]) -> Counter[str]:
    """Take rows out of a part that stand in another one already.

    Parameters
    ----------
    store : Store
    number : int
    hashes : collection of str
        SHA-256 of their files.

    Returns
    -------
    Counter
        Rows taken out, by status.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    dropped: Counter[str] = Counter()
    for folder in ("signals", "results"):
        with store.reading(folder, number) as file:
            table = pq.read_table(file)
        drop = [sha in hashes for sha in table.column("source_sha256").to_pylist()]
        if folder == "results":
            dropped.update(table.filter(pa.array(drop)).column("status").to_pylist())
        with store.writing(folder, number) as path:
            pq.write_table(table.filter(pa.array([not d for d in drop])), path, compression="zstd")
    return dropped


def read_signals(out: str | Path) -> Iterator[tuple[tuple[str, int, int], ECGRecord]]:
    """Signals of an archive, one ECG at a time.

    Parameters
    ----------
    out : path-like or str
        Folder or URL that a batch wrote.

    Yields
    ------
    key : tuple of (str, int, int)
        SHA-256 of the source, page, number on the page: the key of the row in ``results``.
    ECGRecord
        In mV; NaN where missing.
    """
    import pyarrow.parquet as pq

    store = open_store(str(out))
    # A part counts once its results are there.
    for number in store.numbers("results"):
        with store.reading("signals", number) as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    samples = np.array(row["signal_uv"], dtype=np.float32)
                    signal = np.where(samples == _MISSING, np.nan, samples / _UNITS_PER_MV)
                    yield (row["source_sha256"], row["page"], row["ecg"]), ECGRecord(signal, row["fs"], row["leads"])
