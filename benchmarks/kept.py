"""Results that were kept, read back for the tables of the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["none_yet", "read_result"]


def read_result(path: Path) -> dict[str, Any] | None:
    """Read a result.

    Parameters
    ----------
    path : Path
        JSON in ``benchmarks/results``.

    Returns
    -------
    dict or None
        None where nothing was measured yet.
    """
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def none_yet(command: str) -> str:
    """Return what stands in a document in place of a table that was not measured yet.

    Examples
    --------
    >>> none_yet("python -m benchmarks.web_load")
    '_No results yet: run `python -m benchmarks.web_load`._'
    """
    return f"_No results yet: run `{command}`._"
