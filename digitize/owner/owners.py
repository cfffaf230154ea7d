"""Whose ink a pixel is: a small network tells how far the line that drew it lies above or below.

Where twelve leads stand close, beats reach over their neighbours' lines, and no rule about one run of ink can tell
whose it is. A network that sees a hand's breadth of page can: for every pixel it says whether a lead drew it, and at
what height that lead's own line of 0 mV runs. Heights of pixels of one line agree, so they find the lines and share out
the ink. The regression of a pixel to its owner's place follows the centre voting of instance segmentation (Neven et al.
CVPR 2019, arXiv 1906.11109). It runs with onnxruntime; `digitize.train` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from digitize.inked import inked
from digitize.sessions import open_network
from digitize.shrinking import resized, scaled
from digitize.trace import Row

__all__ = ["NOBODY", "OwnerMap", "line_of_each_pixel", "owner_map"]

Float = NDArray[np.float32]

#: Resolution at which the network sees the page, in pixels per millimetre: a pen of 0.3 mm is just over a pixel.
PX_PER_MM = 4.0
#: Millimetres in one unit of the network's answer.
UNIT_MM = 20.0
#: The network halves its maps five times.
_STRIDE = 32
#: Largest expected error, as the logarithm of so many units.
_WORST = 2.0
#: Paper around the ink that it is shown, in pixels: 8 mm. Behind it the page may as well end.
_MARGIN_PX = 32
#: Value of `line_of_each_pixel` for ink that no line drew: letters, pulses, scribbles.
NOBODY = 255

_DEFAULT_FOLDER = Path(__file__).parent.parent / "weights" / "owner"


@dataclass(frozen=True, eq=False)
class OwnerMap:
    """What the network says of a page, at 4 pixels per millimetre.

    Parameters
    ----------
    trace : float32 array [height, width]
        Probability that a lead drew the ink here; 0 where there is none for 8 mm around.
    level_px : float32 array [height, width]
        Row of the 0 mV line of the lead that drew it, in pixels of the page.
    error_px : float32 array [height, width]
        Expected absolute error of ``level_px``.
    zoom : float
        Pixels of this map in a pixel of the page.
    """

    trace: Float
    level_px: Float
    error_px: Float
    zoom: float


@lru_cache(maxsize=2)
def _load(folder: Path) -> Any:
    return open_network(folder, "the network that shares out ink")


def owner_map(share: Float, light: NDArray[np.uint8], px_per_mm: float, weights: Path | None = None) -> OwnerMap:
    """Ask the network.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink, 0 to 1.
    light : uint8 array [height, width]
        Brightness, evened out so that paper is 200.
    px_per_mm : float
    weights : Path or None
        Folder of another model.

    Returns
    -------
    OwnerMap

    Raises
    ------
    ModelError
        If the network is not there.
    """
    zoom = PX_PER_MM / px_per_mm
    ink = scaled(share, zoom).clip(0, 1)
    seen = resized(light, ink.shape)
    held = inked(ink, _MARGIN_PX, _STRIDE)
    height, width = ink[held].shape
    h, w = (-(-n // _STRIDE) * _STRIDE for n in (height, width))
    pages = np.zeros((1, 2, h, w), np.float32)
    pages[0, 0, :height, :width] = ink[held]
    pages[0, 1, :height, :width] = (200.0 - seen[held]) / 128.0
    cells = _load(weights or _DEFAULT_FOLDER).run(["cells"], {"page": pages})[0][0].reshape(3, 4, h // 2, w // 2)
    rows = np.arange(held[0].start, held[0].stop, dtype=np.float32)[:, None]
    trace, level = np.zeros((2, *ink.shape), np.float32)
    error = np.full(ink.shape, np.exp(_WORST) * (UNIT_MM * px_per_mm), np.float32)
    _at_pixels(1 / (1 + np.exp(-cells[0])), trace[held])
    # Whole pixels are centres on both scales.
    _at_pixels((cells[1] * (UNIT_MM * PX_PER_MM) + 0.5) / zoom - 0.5, level[held])
    level[held] += rows / zoom
    _at_pixels(np.exp(cells[2].clip(-5, _WORST)) * (UNIT_MM * px_per_mm), error[held])
    return OwnerMap(trace, level, error, zoom)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _at_pixels(cells: Float, whole: Float) -> None:
    """Put the answers for cells of two by two pixels, [4, rows, columns], at their pixels; what is over is cut off."""
    for y in range(whole.shape[0]):
        for part in range(2):
            line = cells[2 * (y % 2) + part, y // 2]
            for x in range(part, whole.shape[1], 2):
                whole[y, x] = line[x // 2]


def line_of_each_pixel(owners: OwnerMap, rows: tuple[Row, ...], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Give every pixel to the line whose level is nearest to what the network says.

    Parameters
    ----------
    owners : OwnerMap
    rows : tuple of Row
        From top to bottom.
    shape : tuple of int
        Height and width of the page.

    Returns
    -------
    uint8 array [height, width]
        Index of the line, or `NOBODY`.
    """
    import cv2

    levels = np.array([r.level_px for r in rows])
    bounds = (levels[1:] + levels[:-1]) / 2
    line = np.full(owners.trace.shape, NOBODY, np.uint8)
    drawn = owners.trace >= 0.1
    line[drawn] = np.searchsorted(bounds, owners.level_px[drawn])
    height, width = shape
    whole: NDArray[np.uint8] = cv2.resize(line, (width, height), interpolation=cv2.INTER_NEAREST)
    return whole
