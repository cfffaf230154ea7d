"""One pass over the pixels: bent picture, light, bare ground with the sheet's shadow, and the mask.

The picture after is walked in cells of `CELL` pixels. Over each cell the backward map runs straight between the four
lattice points at its corners (bilinear), so that the truth, which inverts the same lattice, agrees with the ink by
construction. The kernel is compiled by numba on first use and cached on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.stroke import njit_cached

__all__ = ["CELL", "LIGHT_CELL", "Shadow", "remap"]

#: Pixels between the points of the map and of the light.
CELL = 8
LIGHT_CELL = 4

#: The kernels carry places as whole numbers of 2^-16 px and light as whole numbers of 2^-14; the sizes of the cells
#: stand in them as 8 and 4, which the compiler turns into shifts.
_LIGHT_ONE = 16384.0

#: Fibres stand out of a torn edge by about half a millimetre, 4 px at 200 dpi.
_RIM_PX = 4.0


@dataclass(frozen=True)
class Shadow:
    """Shadow that a sheet throws on what it lies on, in pixels of the sheet's picture.

    Parameters
    ----------
    x_px, y_px : float
        How far it is shifted.
    reach_px : float
        How far its soft edge reaches.
    depth : float
        Light taken where it is deepest, 0 to 1.
    """

    x_px: float
    y_px: float
    reach_px: float
    depth: float


@njit_cached
def _cover(x: int, y: int, width: int, height: int) -> int:
    """Share of a pixel that the sheet covers, by its distance from the nearest edge; 2^16 is all of it."""
    near = min(min(x, (width - 1) * 65536 - x), min(y, (height - 1) * 65536 - y)) + 65536
    return min(max(near, 0), 65536)


@njit_cached
def _dim(x: int, y: int, width: int, height: int, beyond: float, shadow: Any) -> float:
    """Light left on the ground beside the sheet, or ``beyond`` its torn edge."""
    fx, fy = x / 65536.0 - shadow[0], y / 65536.0 - shadow[1]
    ex, ey = max(0.0, -fx, fx - width), max(0.0, -fy, fy - height)
    d = max(np.sqrt(ex * ex + ey * ey), beyond) / shadow[2]
    return 1.0 - shadow[3] * (1.0 - d) * (1.0 - d) if d < 1.0 else 1.0


@njit_cached
def _remap(
    image: Any, mask: Any, lattice: Any, light: Any, shadow: Any, edge: Any, rim: float, out: Any, out_mask: Any
) -> None:
    height, width = image.shape[0], image.shape[1]
    mask_x, mask_y = mask.shape[1] / width, mask.shape[0] / height
    rows, columns = out_mask.shape
    light_row, edge_row = np.empty(light.shape[1], np.int64), np.empty(edge.shape[1])
    for row in range(rows):
        r = row // 8
        b = (row - 8 * r) / 8.0
        if light.shape[0] > 0:
            light_r, light_b = row // 4, (row % 4) / 4.0
            for k in range(light.shape[1]):
                light_row[k] = np.int64(light[light_r, k] * (1 - light_b) + light[light_r + 1, k] * light_b)
        if edge.shape[0] > 0:
            light_r, light_b = row // 4, (row % 4) / 4.0
            for k in range(edge.shape[1]):
                edge_row[k] = edge[light_r, k] * (1 - light_b) + edge[light_r + 1, k] * light_b
        for c in range((columns + 7) // 8):
            u0 = lattice[r, c, 0] * (1 - b) + lattice[r + 1, c, 0] * b
            v0 = lattice[r, c, 1] * (1 - b) + lattice[r + 1, c, 1] * b
            u1 = lattice[r, c + 1, 0] * (1 - b) + lattice[r + 1, c + 1, 0] * b
            v1 = lattice[r, c + 1, 1] * (1 - b) + lattice[r + 1, c + 1, 1] * b
            left, right = 8 * c, min(8 * c + 8, columns)
            # The map is straight along the cell, so its ends tell whether all of it lies well within the picture.
            whole = min(u0, u1) >= 0.5 and max(u0, u1) < width - 1.5
            whole = whole and min(v0, v1) >= 0.5 and max(v0, v1) < height - 1.5
            u, v = np.int64(np.floor(u0 * 65536.0 + 0.5)), np.int64(np.floor(v0 * 65536.0 + 0.5))
            du, dv = np.int64(np.floor((u1 - u0) * 8192.0 + 0.5)), np.int64(np.floor((v1 - v0) * 8192.0 + 0.5))
            for column in range(left, right):
                gain = np.int64(16384)
                if light.shape[0] > 0:
                    k, a = column >> 2, column & 3
                    gain = (light_row[k] * (4 - a) + light_row[k + 1] * a) >> 2
                x, y, cover = u, v, 65536
                u += du
                v += dv
                beyond, bare = 0.0, 0.0
                if edge.shape[0] > 0:
                    k, a = column >> 2, column & 3
                    from_edge = (edge_row[k] * (4 - a) + edge_row[k + 1] * a) * 0.25
                    cover = min(max(int((from_edge + 0.5) * 65536.0), 0), 65536)
                    beyond, bare = -from_edge, 1.0 - from_edge / rim
                if not whole or cover < 65536:
                    cover = min(cover, _cover(x, y, width, height))
                    if cover < 65536 and shadow[3] > 0:
                        dim = _dim(x, y, width, height, beyond, shadow)
                        for k in range(3):
                            out[row, column, k] = np.uint8(out[row, column, k] * dim + 0.5)
                    if cover == 0:
                        continue
                    x = min(max(x, np.int64(0)), np.int64((width - 1) * 65536 - 129))
                    y = min(max(y, np.int64(0)), np.int64((height - 1) * 65536 - 129))
                x, y = x + 128, y + 128  # weights are whole 256ths, to the nearest
                i, j = x >> 16, y >> 16
                fx, fy = (x >> 8) & 255, (y >> 8) & 255
                w3 = fx * fy
                w1, w2 = (fx << 8) - w3, (fy << 8) - w3
                w0 = 65536 - w1 - w2 - w3
                for k in range(3):
                    value = w0 * image[j, i, k] + w1 * image[j, i + 1, k]
                    value += w2 * image[j + 1, i, k] + w3 * image[j + 1, i + 1, k]
                    if bare > 0:  # the torn fibres are white, the more the nearer to the edge
                        value += int((16056320 - value) * bare)
                    value = min((value * gain + 536870912) >> 30, 255)
                    if cover < 65536:
                        value = (value * cover + out[row, column, k] * (65536 - cover) + 32768) >> 16
                    out[row, column, k] = value
                if cover >= 32768:
                    out_mask[row, column] = mask[int((y + 32768) * mask_y) >> 16, int((x + 32768) * mask_x) >> 16]


def remap(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    lattice: NDArray[np.float64],
    ground: NDArray[np.uint8],
    light: NDArray[np.float32] | None = None,
    shadow: Shadow | None = None,
    edge: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Picture and mask after a warp.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
        Before; sampled bilinearly.
    mask : uint8 array [mask height, mask width]
        Of the same extent, at its own resolution; the nearest pixel is taken.
    lattice : float64 array [rows, columns, 2]
        Pixels (x, y) of ``image`` under every `CELL`-th pixel of the picture after, from its pixel (0, 0) on to at
        least one point beyond its last row and column.
    ground : uint8 array [height after, width after, 3]
        What shows where the sheet does not reach; its edge covers the ground by the pixel's share.
    light : float32 array [rows, columns] or None
        Brightness of the sheet at every `LIGHT_CELL`-th pixel of the picture after, likewise one point beyond it; 1
        leaves it.
    shadow : Shadow or None
        Of the sheet on the ground.
    edge : float32 array [rows, columns] or None
        Distance from a torn edge in pixels, at the places of ``light``; negative where the sheet is gone. Its fibres
        show white.

    Returns
    -------
    picture, mask : uint8 array
        The mask is 0 off the sheet.
    """
    out, out_mask = np.ascontiguousarray(ground).copy(), np.zeros(ground.shape[:2], np.uint8)
    gain = np.zeros((0, 0), np.float32) if light is None else light * np.float32(_LIGHT_ONE)
    thrown = (0.0, 0.0, 1.0, 0.0) if shadow is None else (shadow.x_px, shadow.y_px, shadow.reach_px, shadow.depth)
    torn = np.zeros((0, 0), np.float32) if edge is None else edge
    image, mask = np.ascontiguousarray(image), np.ascontiguousarray(mask)
    _remap(image, mask, np.ascontiguousarray(lattice), gain, np.array(thrown), torn, _RIM_PX, out, out_mask)
    return out, out_mask
