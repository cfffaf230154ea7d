"""Medians and percentiles by sorting: the same numbers as NumPy's, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.ranks import median, median_along, percentile


@pytest.mark.parametrize("n", [1, 2, 3, 4, 25, 1250])
def test_numbers_are_those_of_numpy(n: int) -> None:
    rng = np.random.default_rng(n)
    for values in (rng.normal(size=n), rng.normal(size=n).astype(np.float32), rng.integers(-9, 9, n)):
        assert median(values) == np.median(values)
    values = rng.normal(size=n)
    for q in (0, 5, 50, 90, 98, 99, 100):
        assert percentile(values, q) == np.percentile(values, q)


@pytest.mark.parametrize("shape", [(1, 7), (4, 7), (5, 8)])
def test_medians_along_either_axis_are_those_of_numpy(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    for axis in (0, 1):
        np.testing.assert_array_equal(median_along(values, axis), np.median(values, axis=axis))
