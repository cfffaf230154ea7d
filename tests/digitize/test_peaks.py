"""Peaks against scipy's own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from digitize.peaks import find_peaks


@pytest.mark.parametrize("distance", [1, 2, 7, 40])
@pytest.mark.parametrize("steps", [0, 8])
def test_peaks_are_those_of_scipy(distance: int, steps: int) -> None:
    """Smoothed noise, once in whole steps, so that tops are level."""
    from scipy.signal import find_peaks as reference

    curve = np.convolve(np.random.default_rng(distance).normal(size=2000), np.ones(9) / 9, "same")
    if steps:
        # Distinct tops: which of two equal ones within the distance stays is no one's promise.
        curve = np.round(curve * steps) / steps + 1e-6 * np.repeat(np.arange(200), 10) * (distance > 1)
    expected, _ = reference(curve, height=0.1, distance=distance)
    np.testing.assert_array_equal(find_peaks(curve, 0.1, distance), expected)


@pytest.mark.parametrize("curve", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0], [0.0, 1.0, 2.0, 3.0]])
def test_curves_without_a_top_have_no_peak(curve: list[float]) -> None:
    assert find_peaks(np.array(curve), 0.0, 1).size == 0


def test_the_reader_loads_without_scipy_signal() -> None:
    code = "import digitize.pipeline, digitize.evidence, digitize.quality, sys; print('scipy.signal' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
