"""The page made upright: one resampling from the original picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg.errors import DigitizationError

__all__ = ["corners_of", "from_corners", "from_tilt", "warp"]

Matrix = NDArray[np.float64]

#: Tilts below this stay: 0.03 degrees is 1 px over a 200 dpi page, less than resampling would blur.
_LEAST_TILT_DEG = 0.03


def from_tilt(width: int, height: int, angle_deg: float) -> Matrix | None:
    """Homography that turns a page upright about its centre, on a canvas of the same size.

    Parameters
    ----------
    width, height : int
        Size of the page in pixels.
    angle_deg : float
        Tilt as `digitize.grid.find_grid` gives it.

    Returns
    -------
    float array [3, 3] or None
        Page pixels to upright pixels; None where the tilt is too small to matter.
    """
    if abs(angle_deg) < _LEAST_TILT_DEG:
        return None
    a = np.radians(angle_deg)
    cos, sin = np.cos(a), np.sin(a)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    return np.array([[cos, sin, cx - cos * cx - sin * cy], [-sin, cos, cy + sin * cx - cos * cy], [0, 0, 1]])


def from_corners(corners: tuple[float, ...]) -> tuple[Matrix, tuple[int, int]]:
    """Homography that maps four corners given by a person onto an upright rectangle of about their own size.

    Parameters
    ----------
    corners : tuple of eight floats
        x,y of top left, top right, bottom right, bottom left.

    Returns
    -------
    homography : float array [3, 3]
    size : tuple of int
        Width and height of the rectangle in pixels.

    Raises
    ------
    DigitizationError
        If the corners do not go round clockwise or lie on a line.
    """
    import cv2

    p = np.asarray(corners, dtype=np.float64).reshape(4, 2)
    edges = np.roll(p, -1, axis=0) - p
    turn = edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0]
    if not (turn > 0).all():
        raise DigitizationError(
            "rectify",
            "the four corners must go round the recording clockwise from its top left",
            "give --corners as left,top, right,top, right,bottom, left,bottom",
        )
    length = np.hypot(edges[:, 0], edges[:, 1])
    width, height = round((length[0] + length[2]) / 2), round((length[1] + length[3]) / 2)
    if min(width, height) < 64 or max(width, height) > 20_000:
        raise DigitizationError(
            "rectify", f"the corners span {width} x {height} pixels", "give corners 64 to 20000 apart"
        )
    target = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], dtype=np.float32)
    return cv2.getPerspectiveTransform(p.astype(np.float32), target).astype(np.float64), (width, height)


def warp(image: NDArray[np.uint8], homography: Matrix, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resample a page, repeating its edge outside.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    homography : float array [3, 3]
        Page pixels to upright pixels.
    size : tuple of int
        Width and height of the result.

    Returns
    -------
    uint8 array [height, width, 3]
    """
    import cv2

    upright: NDArray[np.uint8] = cv2.warpPerspective(
        image, homography, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return upright


def corners_of(homography: Matrix | None, left: float, top: float, right: float, bottom: float) -> Matrix:
    """Corners of an upright rectangle on the page as it came.

    Parameters
    ----------
    homography : float array [3, 3] or None
    left, top, right, bottom : float
        On the upright page, in pixels.

    Returns
    -------
    float array [4, 2]
        Top left, top right, bottom right, bottom left.
    """
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)
    if homography is None:
        return corners
    back = np.linalg.inv(homography) @ np.vstack([corners.T, np.ones(4)])
    points: Matrix = (back[:2] / back[2]).T
    return points
