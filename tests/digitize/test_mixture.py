"""The compiled loops against numpy and OpenCV, on small noisy pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from digitize.mixture import (
    brightest,
    crossed,
    filled,
    ink_counts,
    longest_runs,
    medians,
    solved,
    without_colour,
)

RNG = np.random.default_rng(0)
SHAPE = (23, 37)
LIGHT = RNG.integers(0, 256, SHAPE, dtype=np.uint8)
PAPER = RNG.integers(180, 256, SHAPE, dtype=np.uint8)
UNDER = RNG.uniform(0, 300, SHAPE).astype(np.float32)
INK = 40.0
#: OpenCV's own, five wide.
WEIGHTS = cv2.getGaussianKernel(5, 1.0, cv2.CV_32F).ravel()


@pytest.mark.parametrize("window", [1, 2, 3, 20, 22, 37])
def test_medians_are_numpy_s(window: int) -> None:
    starts = np.array([0, (37 - window) // 2, 37 - window])
    wanted = [np.median(LIGHT[:, s : s + window : 3], axis=1) for s in starts]
    np.testing.assert_array_equal(medians(LIGHT, starts, window, 3), wanted)


@pytest.mark.parametrize("windows", [1, 2, 4])
def test_columns_and_rows_are_multiplied_between_their_windows(windows: int) -> None:
    columns, rows = (RNG.uniform(100, 255, (windows, n)).astype(np.float32) for n in (37, 23))
    mixed, places = [], []
    for found, n in ((columns, 23), (rows, 37)):
        at = np.linspace(-1, windows, n).clip(0, windows - 1)
        low = np.floor(at).clip(0, max(0, windows - 2)).astype(np.int64)
        part = (at - low).astype(np.float32)
        mixed.append(found[low] * (1 - part[:, None]) + found[np.minimum(low + 1, windows - 1)] * part[:, None])
        places.append((low, part))
    got = crossed(columns, *places[0], rows, *places[1], PAPER, np.array([1 / 200, 0.5], np.float32))
    np.testing.assert_allclose(got, mixed[0] * mixed[1].T / 400 * PAPER, rtol=1e-6)


@pytest.mark.parametrize("least", [1, 15])
def test_dark_and_thin_pixels_are_counted_by_both(least: int) -> None:
    hat = RNG.integers(0, 120, SHAPE, dtype=np.uint8)
    thin = np.minimum(np.minimum(UNDER, 255).astype(int) - LIGHT, hat)
    wanted = np.zeros((256, 256), int)
    np.add.at(wanted, (thin[thin >= least], LIGHT[thin >= least]), 1)
    np.testing.assert_array_equal(ink_counts(LIGHT, UNDER, hat, least), wanted)


def test_the_mixture_is_solved_and_pixels_without_room_are_counted() -> None:
    share, cramped = solved(LIGHT, UNDER, PAPER, INK, 0.25)
    wanted = np.clip((UNDER - LIGHT) / np.maximum(UNDER - INK, 16), 0, 1)
    np.testing.assert_allclose(share, wanted, atol=1e-6)
    room = (UNDER - INK) / np.maximum(PAPER - INK, 16)
    assert cramped == (room < 0.25).sum()


def test_pixels_without_room_listen_to_their_neighbours() -> None:
    share = solved(LIGHT, UNDER, PAPER, INK, 0.25)[0]
    trust = np.clip((UNDER - INK) / np.maximum(PAPER - INK, 16) / 0.25, 0, 1).astype(np.float32) ** 2
    mean = cv2.GaussianBlur(trust * share, (5, 5), 1.0) / np.maximum(cv2.GaussianBlur(trust, (5, 5), 1.0), 1e-3)
    got = filled(share, UNDER, PAPER, INK, 0.25, WEIGHTS)
    np.testing.assert_allclose(got, trust * share + (1 - trust) * mean, atol=1e-5)
    np.testing.assert_array_equal(got[trust == 1], share[trust == 1])


def test_ink_without_a_dark_brightest_channel_beside_it_goes() -> None:
    image = RNG.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    bright = brightest(image)
    np.testing.assert_array_equal(bright, image.max(axis=2))
    share = RNG.uniform(0, 1, SHAPE).astype(np.float32)
    deep = np.maximum(PAPER[::-1] - INK, 16)
    near = cv2.dilate((PAPER.astype(np.float32) - bright) / deep, np.ones((3, 3), np.uint8))
    got = without_colour(share, bright, PAPER, np.ascontiguousarray(PAPER[::-1]), INK)
    np.testing.assert_allclose(got, share * np.clip((near - 0.35) / 0.2, 0, 1), atol=1e-6)


def test_the_longest_run_down_each_column() -> None:
    ink = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0]], np.uint8)
    assert longest_runs(ink).tolist() == [2, 3, 2, 0]
