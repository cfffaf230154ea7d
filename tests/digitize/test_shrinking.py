"""Pictures made smaller agree with OpenCV's mean over areas, and keep their mean."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from digitize.shrinking import resized, scaled


def _picture(shape: tuple[int, int], kind: type) -> np.ndarray:
    values = np.random.default_rng(7).random(shape, np.float32)
    return values if kind is np.float32 else (values * 255).astype(np.uint8)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
@pytest.mark.parametrize("zoom", [0.254, 1 / 3, 0.508, 0.75, 0.99])
@pytest.mark.parametrize("shape", [(170, 221), (37, 5)])
def test_it_is_the_mean_over_areas(shape: tuple[int, int], zoom: float, kind: type) -> None:
    picture = _picture(shape, kind)
    expected = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    found = scaled(picture, zoom)
    assert found.dtype == picture.dtype
    # OpenCV leaves out shares of a pixel below a thousandth.
    np.testing.assert_allclose(found.astype(float), expected, atol=2e-3 if kind is np.float32 else 1)
    exact = cv2.resize(picture, found.shape[::-1], interpolation=cv2.INTER_AREA)
    again = resized(picture, found.shape)
    np.testing.assert_allclose(again.astype(float), exact, atol=2e-3 if kind is np.float32 else 1)


def test_every_pixel_counts_alike() -> None:
    picture = _picture((240, 320), np.float32)
    assert resized(picture, (90, 130)).mean() == pytest.approx(picture.mean(), rel=1e-5)
    ramp = np.tile(np.arange(320, dtype=np.float32), (4, 1))
    # A new pixel's middle lies where the picture has its value.
    np.testing.assert_allclose(resized(ramp, (4, 64))[0], (np.arange(64) + 0.5) * 5 - 0.5, atol=1e-3)


def test_what_grows_is_interpolated() -> None:
    picture = _picture((30, 40), np.float32)
    np.testing.assert_array_equal(scaled(picture, 1.5), cv2.resize(picture, None, fx=1.5, fy=1.5))
    np.testing.assert_array_equal(resized(picture, (45, 60)), cv2.resize(picture, (60, 45)))
