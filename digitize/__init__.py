"""From a page to calibrated signals.

Importing this package loads numpy only; the stages load where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digitize.options import DigitizeOptions
from digitize.result import Digitization, LeadQuality, LeadTrace, ScaleEvidence

if TYPE_CHECKING:
    from digitize.pipeline import digitize, digitize_all, read_file

__all__ = [
    "Digitization",
    "DigitizeOptions",
    "LeadQuality",
    "LeadTrace",
    "ScaleEvidence",
    "digitize",
    "digitize_all",
    "read_file",
]


def __getattr__(name: str) -> Any:
    """Load the page reader when it is first asked for (PEP 562): it compiles its inner loops."""
    if name in ("digitize", "digitize_all", "read_file"):
        from digitize import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
