"""Ink of one line, taken in one pass: equal to what OpenCV's closing makes of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from digitize.owner.line_ink import ink_of_line, lines_extent


@pytest.mark.parametrize("seed", range(4))
def test_a_lines_ink_is_closed_as_by_opencv(seed: int) -> None:
    """Noise of shares, a third of them the line's own, with paper around."""
    rng = np.random.default_rng(seed)
    share, line = np.zeros((120, 40), np.float32), np.full((120, 40), 255, np.uint8)
    share[30:90] = rng.random((60, 40)).astype(np.float32) * (rng.random((60, 40)) < 0.4)
    line[30:90] = rng.choice([0, 1, 255], (60, 40))
    low, mine = ink_of_line(share, line, 0, 60.0, lines_extent(share, line, 2), 8.0)
    own = np.where(line == 0, share, np.float32(0))
    joined = np.minimum(cv2.morphologyEx(own, cv2.MORPH_CLOSE, np.ones((13, 1), np.uint8)), share)
    want = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((5, 1), np.uint8))
    # Upright strokes of faint ink, as tall as that, do not come about by chance.
    np.testing.assert_array_equal(mine, want[low : low + mine.shape[0]])


def test_a_line_without_ink_is_empty() -> None:
    share, line = np.ones((60, 20), np.float32), np.full((60, 20), 255, np.uint8)
    low, mine = ink_of_line(share, line, 0, 30.0, lines_extent(share, line, 1), 8.0)
    assert (low, mine.shape) == (14, (33, 20))
    assert not mine.any()
