"""Whether a page looks like those that models of pages learnt from."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classify.images.likeness import Likeness, fitted_likeness, look_of
from ecg.errors import ModelError


def paper(tint: tuple[int, int, int], *, height: int = 400, seed: int = 0) -> np.ndarray:
    """A ruled sheet of one colour, 800 pixels wide, with a little noise."""
    sheet = np.empty((height, 800, 3), np.uint8)
    sheet[:] = tint
    sheet[::20] = [v // 2 for v in tint]
    noise = np.random.default_rng(seed).integers(-3, 4, sheet.shape)
    return np.clip(sheet + noise, 0, 255).astype(np.uint8)


def test_a_look_tells_colour_and_shape_and_not_resolution() -> None:
    import cv2

    pink, white = look_of(paper((250, 200, 200))), look_of(paper((250, 250, 250)))
    assert pink[4] > white[4] + 10, "a* is redder"
    assert pink[9] > white[9] + 10, "more chroma"
    assert white[11] == pytest.approx(50.0)
    assert look_of(paper((250, 250, 250), height=200))[11] == pytest.approx(25.0)
    large = cv2.resize(paper((250, 200, 200)), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(look_of(large)[[3, 4, 5, 11]], pink[[3, 4, 5, 11]], atol=2)


def test_pages_of_one_print_are_alike_and_another_print_is_not() -> None:
    rng = np.random.default_rng(2)
    looks = [look_of(paper((250, 240 + int(rng.integers(6)), 240), seed=k)) for k in range(30)]
    likeness = fitted_likeness(looks[:25])
    assert all(likeness.holds(look) for look in looks)
    assert not likeness.holds(look_of(paper((250, 190, 190))))
    assert not likeness.holds(look_of(paper((250, 242, 240), height=620)))
    # Mahalanobis's distance in one direction is the distance in standard deviations.
    one = Likeness(np.zeros(2), np.diag([1 / 4, 1.0]), 3.0)
    assert one.distance([2.0, 0.0]) == pytest.approx(1.0)
    assert one.holds([0.0, 3.0])
    assert not one.holds([0.0, 3.01])


def test_a_likeness_survives_its_file_and_a_damaged_one_is_told() -> None:
    likeness = fitted_likeness([look_of(paper((250, 240, 240), seed=k)) for k in range(4)])
    again = Likeness.from_dict(json.loads(json.dumps(likeness.to_dict())))
    look = look_of(paper((200, 240, 240)))
    assert again.distance(look) == pytest.approx(likeness.distance(look), rel=1e-3)
    for damaged in ({}, {"middle": [0.0], "inverse": [[1.0, 2.0]], "most": 1}, {**likeness.to_dict(), "most": "x"}):
        with pytest.raises(ModelError, match="damaged"):
            Likeness.from_dict(damaged)
