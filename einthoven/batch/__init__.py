"""Archives: every file of a folder or a list becomes rows of Parquet, on all cores or on a cluster.

- `run_batch`: the whole of it; the same call again goes on where it was stopped
- `BatchOptions`: what to do, with how many processes or which scheduler
- `read_signals`: the signals of an archive, one `ecg.ECGRecord` an ECG

How it stays whole. A plan in ``index.sqlite`` gives every file's content to one part, for good. A worker writes
``signals/part-N.parquet`` and then ``results/part-N.parquet``, each under a temporary name that is then renamed: the
second rename is the moment at which the part counts. A part that is made twice, because a worker died or outlived the
program that had started it, replaces itself. So nothing is lost and nothing stands twice, whenever the power goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from einthoven.batch.archive import run_batch
    from einthoven.batch.options import BatchOptions
    from einthoven.batch.shards import read_signals

__all__ = ["BatchOptions", "read_signals", "run_batch"]

_LAZY = {
    "BatchOptions": "einthoven.batch.options",
    "read_signals": "einthoven.batch.shards",
    "run_batch": "einthoven.batch.archive",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
