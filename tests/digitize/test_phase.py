"""Displacements of a sheet by the phase of its lines: bulges that are whole millimetres, and noise that is no phase."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.phase import BLOCK_MM, _bending, displacement

MM = 4.0
SHAPE = (40, 56)  # blocks of 5 mm: a sheet of 280 by 200 mm


def curl(height_mm: float) -> np.ndarray:
    """A sheet that rises in the middle: displacements of a few millimetres, smooth over the page."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    bow = height_mm * np.cos(np.pi * (x / (SHAPE[1] - 1) - 0.5))
    return np.stack([0.3 * bow, bow * (y / SHAPE[0])], axis=2)


def test_a_bulge_bends_the_paper_more_than_a_curl_does() -> None:
    bulged = curl(3.0)
    bulged[12:17, 20:26, 1] += 1.0
    assert _bending(np.zeros((4, 4, 2))) == 0
    assert _bending(bulged) > 3 * _bending(curl(3.0))


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_drawn_displacement_is_found(noise: float) -> None:
    """Lines 1 mm and 5 mm apart, moved by half a wave of 1.2 mm along the page."""
    width, height = round(280 * MM), round(200 * MM)
    x = np.arange(width) / MM
    move = 1.2 * np.sin(np.pi * x / 280)
    lines = -np.cos(2 * np.pi * (x - move)) - np.cos(2 * np.pi * (x - move) / 5)
    rows = np.arange(height)[:, None] / MM
    rng = np.random.default_rng(0)
    picture = lines[None] - np.cos(2 * np.pi * rows) - np.cos(2 * np.pi * rows / 5)
    picture = (picture + noise * rng.standard_normal(picture.shape)).astype(np.float32)
    field, rms_mm = displacement(picture, np.eye(3), (width, height), MM)
    middle = (np.arange(field.shape[1]) + 0.5) * BLOCK_MM
    inner = field[3:-3, 3:-3]
    want = -1.2 * np.sin(np.pi * middle / 280)[3:-3]
    off = inner[:, :, 0] - want[None]
    assert np.abs(off - np.median(off)).max() < 0.15
    assert np.abs(inner[:, :, 1] - np.median(inner[:, :, 1])).max() < 0.1
    assert rms_mm == pytest.approx(np.sqrt((1.2**2) * (0.5 - (2 / np.pi) ** 2) / 2), rel=0.25)
