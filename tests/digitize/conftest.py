"""Records and pages that several modules' tests share."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import draw

from ecg import ECGRecord
from synth import SynthPage, sample_physiology, synthesize_record


@pytest.fixture(scope="session")
def heart() -> ECGRecord:
    """Normal heart, 10 s at 500 Hz."""
    return synthesize_record(sample_physiology(np.random.default_rng(4)))


@pytest.fixture(scope="session")
def standard_page(heart: ECGRecord) -> SynthPage:
    """3x4+1 on pink paper at 150 dpi."""
    return draw(heart, "3x4+1")
