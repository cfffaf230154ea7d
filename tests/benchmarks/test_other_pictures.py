"""Pictures that are no ECG: drawn alike every time, and counted by what the reader made of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.other_drawings import DRAWINGS
from benchmarks.other_pictures import photographs, summary


@pytest.mark.parametrize("kind", DRAWINGS)
def test_each_kind_is_drawn_alike_from_one_seed_and_otherwise_from_another(kind: str) -> None:
    first, again, other = (DRAWINGS[kind](np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert min(first.shape[:2]) >= 64
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    assert np.ptp(first) > 50  # something is on it


def test_photographs_come_from_a_dependency_in_colour() -> None:
    found = photographs()
    assert len(found) >= 20
    assert all(image.ndim == 3 and image.shape[2] == 3 for image in found)


def test_what_was_accepted_is_counted_by_kind_and_over_all() -> None:
    result = summary([("text", "refused"), ("text", "review"), ("plot", "accepted"), ("plot", "refused")])
    assert result["pictures"] == 4
    assert result["accepted_share"] == 0.25
    assert result["review_share"] == 0.25
    assert result["kinds"]["text"] == {"accepted": 0, "review": 1, "refused": 1}
