"""Power spectra of tiles and sums of waves over blocks, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.spectra import block_sums, summed_power


@pytest.mark.parametrize(("side", "n"), [(1, 2), (5, 8), (8, 8), (9, 128), (20, 134)])
def test_power_is_that_of_the_padded_tiles_under_a_hann_window(side: int, n: int) -> None:
    rng = np.random.default_rng(side)
    page = rng.standard_normal((2 * side, 3 * side)).astype(np.float32) + 3
    tiles = [page[:side, :side], page[side:, side : 2 * side], page[side:, 2 * side :]]
    window = np.outer(np.hanning(side), np.hanning(side))
    want = np.zeros((n, n // 2 + 1))
    for tile in tiles:
        power = np.abs(np.fft.fft2((tile - tile.astype(float).mean()) * window, (n, n))[:, : n // 2 + 1]) ** 2
        want += power / max(power.mean(), 1e-12)
    got = summed_power(tiles, n)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, np.fft.fftshift(want, axes=0), rtol=1e-4, atol=1e-5)


def test_a_blank_tile_has_no_power() -> None:
    assert not summed_power([np.full((16, 16), 7, np.float32)], 32).any()


def test_block_sums_are_those_of_the_picture_times_a_plane_wave() -> None:
    picture = np.random.default_rng(0).standard_normal((11, 17)).astype(np.float32)
    wave_x, wave_y = (np.exp(-2j * np.pi * k * np.arange(n)).astype(np.complex64) for k, n in ((0.13, 17), (0.02, 11)))
    want = (picture * wave_x * wave_y[:, None])[:8, :16].reshape(2, 4, 4, 4).sum(axis=(1, 3))
    np.testing.assert_allclose(block_sums(picture, wave_x, wave_y, 4), want, atol=1e-5)
