"""What a batch is asked to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecg.errors import OptionsError

__all__ = ["BatchOptions"]


@dataclass(frozen=True)
class BatchOptions:
    """What to do with every file, and with what.

    Parameters
    ----------
    do : str
        A name of `einthoven.batch.works.WORKS`, or ``"package.module:NAME"`` of a `Work` of your own, which every
        worker must be able to import.
    settings : mapping
        Options of the work by table, as a TOML file gives them: ``{"digitize": {"method": "classical"}}``.
    jobs : int or None
        Processes; one a core by default.
    scheduler : str or None
        Address of a Dask scheduler, ``"tcp://host:8786"``; its workers take the place of the processes.
    part_files : int or None
        Files a part. By default a thirty-second of what each process gets, 8 to 256: a part is what a kill can cost,
        and many small files cost whoever reads them.
    retry_errors : bool
        Try files again that failed in an earlier run and gave no row.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    do: str = "digitize"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    jobs: int | None = None
    scheduler: str | None = None
    part_files: int | None = None
    retry_errors: bool = False

    def __post_init__(self) -> None:
        for name in ("jobs", "part_files"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionsError(f"{name} must be at least 1, got {value}")

    @property
    def processes(self) -> int:
        """Processes to start: as asked, else one for each core that this process may use."""
        return self.jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else self.jobs or 1
