"""Power spectra of a picture's tiles, and a picture's waves block by block.

Tiles are transformed by real transforms of rows only. The transform down the columns is one of rows too, after the
first transforms were laid on their side: real and imaginary parts go through it as rows of their own, and are put
together when their power is taken. OpenCV's transform of real rows is several times as fast as complex ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["block_sums", "summed_power"]

Float = NDArray[np.float32]

#: Horizontal frequencies that are worked on together: 64 rows of 1024 numbers and their transforms stay in the cache.
_AT_ONCE = 32


def summed_power(tiles: Sequence[Float], n: int) -> Float:
    """Sum of the power spectra of square tiles under a Hann window, each over its own mean.

    Parameters
    ----------
    tiles : sequence of float32 array [side, side]
    n : int
        Length of the transform: even, and no less than the tiles' side.

    Returns
    -------
    float32 array [n, n / 2 + 1]
        Vertical frequencies from the most negative; horizontal ones from 0.
    """
    import cv2

    side = len(tiles[0])
    window = np.hanning(side).astype(np.float32)
    window = window[:, None] * window
    rows, power = np.zeros((side, n), np.float32), np.zeros((n // 2 + 1, n), np.float32)
    # OpenCV packs a row as the real part at 0, then real and imaginary parts, then the real part at n / 2: with a
    # column of zeros on either side, all are pairs.
    pairs = np.zeros((side, n + 2), np.float32)
    columns = np.zeros((2 * _AT_ONCE, n), np.float32)
    both = np.empty_like(columns)
    for tile in tiles:
        np.subtract(tile, tile.mean(), out=rows[:, :side])
        rows[:, :side] *= window
        cv2.dft(rows, pairs[:, 1:-1], flags=cv2.DFT_ROWS)
        # Parseval: of the half plane of frequencies, whose mean is asked for, each stands in the rows once.
        weight = np.float32(1 / max(cv2.norm(pairs, cv2.NORM_L2SQR) / len(power), 1e-12))
        for first in range(0, len(power), _AT_ONCE):
            part = power[first : first + _AT_ONCE]
            last = 2 * len(part)
            cv2.transpose(pairs[:, 2 * first : 2 * first + last], columns[:last, :side])
            cv2.dft(columns[:last], both[:last], flags=cv2.DFT_ROWS)
            _add_power(both[:last], weight, part)
    return np.ascontiguousarray(power.T)


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _add_power(packed: Float, weight: np.float32, power: Float) -> None:
    """Add the weighted power of complex rows, of whose real and imaginary parts the packed transforms are given."""
    n = packed.shape[1]
    half = n // 2
    for x in range(len(power)):
        real, imaginary, sums = packed[2 * x], packed[2 * x + 1], power[x]
        sums[half] += weight * (real[0] ** 2 + imaginary[0] ** 2)
        sums[0] += weight * (real[n - 1] ** 2 + imaginary[n - 1] ** 2)
        for y in range(1, half):
            a, b, c, d = real[2 * y - 1], real[2 * y], imaginary[2 * y - 1], imaginary[2 * y]
            sums[half + y] += weight * ((a - d) ** 2 + (b + c) ** 2)
            sums[half - y] += weight * ((a + d) ** 2 + (b - c) ** 2)


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def block_sums(
    picture: Float, wave_x: NDArray[np.complex64], wave_y: NDArray[np.complex64], block: int
) -> NDArray[np.complex128]:
    """Sum a picture times a plane wave, which is a product of one wave each way, over its whole blocks.

    Parameters
    ----------
    picture : float32 array [height, width]
    wave_x, wave_y : complex64 array [width], [height]
    block : int
        Side of a block in pixels.

    Returns
    -------
    complex array [rows, columns]
    """
    rows, columns = picture.shape[0] // block, picture.shape[1] // block
    real, imaginary = np.ascontiguousarray(wave_x.real), np.ascontiguousarray(wave_x.imag)
    sums = np.zeros((rows, columns), np.complex128)
    for y in range(rows * block):
        for column in range(columns):
            part = slice(column * block, (column + 1) * block)
            grey, cosine, sine = picture[y, part], real[part], imaginary[part]
            a = np.float32(0)
            b = np.float32(0)
            for x in range(block):
                a += grey[x] * cosine[x]
                b += grey[x] * sine[x]
            sums[y // block, column] += (a + 1j * b) * wave_y[y]
    return sums
