"""From a file to what can be said of its ECG, how surely, and why: read, digitize, measure, classify, explain.

Importing this package loads numpy only; each step loads what it needs when it runs.
"""

from __future__ import annotations

from einthoven.diagnosis.diagnose import diagnose, diagnose_file
from einthoven.diagnosis.options import DiagnoseOptions
from einthoven.diagnosis.result import NOTICE, Diagnosis, Explained, Finding, Origin

__all__ = ["NOTICE", "DiagnoseOptions", "Diagnosis", "Explained", "Finding", "Origin", "diagnose", "diagnose_file"]
