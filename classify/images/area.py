"""The part of a page that a classifier may see, as an upright picture: the recording, without header and footer.

What stands in the margins names the patient and the machine's own findings; a network that sees it learns to read
them. The digitizer says where the recording lies (`recording_area`); of a drawn page its truth does (`drawn_area`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.inputs import InputSpec
from ecg.errors import DigitizationError
from ecg.page import Page

if TYPE_CHECKING:
    from digitize.result import Digitization
    from synth.page import SynthPage

__all__ = ["MARGIN_MM", "as_grey", "drawn_area", "fitted", "recording_area", "seen_of"]

Picture = NDArray[np.uint8]

#: Paper left around the traces, in mm: half of a large square of the grid, so that no trace touches the edge.
MARGIN_MM = 2.5


def recording_area(reading: Digitization) -> Picture:
    """Cut the recording out of a page that was read.

    Parameters
    ----------
    reading : Digitization
        With boxes and a scale: not refused, or forced.

    Returns
    -------
    uint8 array [height, width, 3]
        RGB, upright, flattened where the digitizer flattened it, about as many pixels a millimetre as the page has.

    Raises
    ------
    DigitizationError
        If the page was not read.
    """
    import cv2

    if not reading.boxes or reading.scale is None:
        raise DigitizationError("crop", "the page was not read, so its recording cannot be cut out", "read it first")
    margin = MARGIN_MM * reading.scale.px_per_mm_x
    edges = np.array([box.xyxy for box in reading.boxes])
    low, high = edges[:, :2].min(axis=0) - margin, edges[:, 2:].max(axis=0) + margin
    size = tuple(int(v) for v in np.maximum(np.ceil(high - low), 1))
    upright, matrix = reading.page.image, np.eye(3) if reading.homography is None else reading.homography
    if reading.flattening is not None:
        from digitize.dewarp import resampled

        upright, matrix = resampled(reading.page.image, reading.flattening), np.eye(3)
    place = np.array([[1.0, 0, -low[0]], [0, 1.0, -low[1]], [0, 0, 1.0]]) @ matrix
    out: Picture = cv2.warpPerspective(upright, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out


def drawn_area(page: SynthPage, rng: np.random.Generator) -> Picture:
    """Cut the recording out of a drawn page, about as well as the digitizer would.

    Parameters
    ----------
    page : SynthPage
    rng : numpy.random.Generator
        Draws how far each corner misses its place.

    Returns
    -------
    uint8 array [height, width, 3]
        RGB, upright, as many pixels a millimetre as the page was drawn with.
    """
    import cv2

    from synth.page import move_points

    back: NDArray[np.float64] = np.linalg.inv(page.homography).astype(np.float64)
    inked = [np.column_stack([t.x, t.y])[np.isfinite(t.y)] for t in page.traces]
    points = move_points(back, np.concatenate(inked))
    pitch = np.array([page.scale.px_per_mm_x, page.scale.px_per_mm_y])
    low, high = points.min(axis=0) - MARGIN_MM * pitch, points.max(axis=0) + MARGIN_MM * pitch
    width, height = (int(v) for v in np.maximum(np.ceil(high - low), 1))
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    # Readings miss the edges by about a line of the grid.
    corners += rng.normal(0, 1, (4, 2)) * pitch
    source = move_points(page.homography, corners).astype(np.float32)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    how = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    out: Picture = cv2.warpPerspective(page.page.image, matrix, (width, height), **how)
    return out


def as_grey(picture: Picture) -> Picture:
    """Luminance [height, width] of an RGB picture (ITU-R BT.601)."""
    import cv2

    out: Picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return out


def fitted(picture: Picture, height: int, width: int, fit: str = "letterbox") -> Picture:
    """Bring a picture to a size.

    Parameters
    ----------
    picture : uint8 array [h, w] or [h, w, 3]
    height, width : int
    fit : str
        ``"letterbox"``: as large as it goes with its aspect, in the middle of the colour of its paper (the median);
        ``"stretch"``: to the whole size.

    Returns
    -------
    uint8 array [height, width] or [height, width, 3]

    Examples
    --------
    >>> fitted(np.array([[9, 7, 7, 7]], np.uint8), 3, 4).tolist()
    [[7, 7, 7, 7], [9, 7, 7, 7], [7, 7, 7, 7]]
    """
    import cv2

    zoom = min(height / picture.shape[0], width / picture.shape[1])
    size = (width, height)
    if fit == "letterbox":
        size = (max(1, round(zoom * picture.shape[1])), max(1, round(zoom * picture.shape[0])))
    how = cv2.INTER_AREA if size[0] <= picture.shape[1] else cv2.INTER_LINEAR
    small: Picture = cv2.resize(picture, size, interpolation=how)
    if fit == "stretch":
        return small
    paper = np.median(small.reshape(-1, *small.shape[2:]), axis=0)
    out = np.empty((height, width, *small.shape[2:]), np.uint8)
    out[:] = paper.astype(np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    out[top : top + size[1], left : left + size[0]] = small
    return out


def seen_of(page: Page, reading: Digitization | None, spec: InputSpec) -> Picture:
    """Cut out of a page what an image model sees.

    Parameters
    ----------
    page : Page
    reading : Digitization or None
        Of the page; needed where the model sees the recording alone.
    spec : InputSpec
        Of kind ``"page"``.

    Returns
    -------
    uint8 array [height, width] for a grey model, else [height, width, 3]

    Raises
    ------
    DigitizationError
        If the recording is needed and the page was not read.
    """
    if spec.area == "whole":
        picture = page.image
    elif reading is None:
        raise DigitizationError("crop", "the model sees the recording alone and the page was not read", "read it first")
    else:
        picture = recording_area(reading)
    channels, height, width = spec.picture
    return fitted(as_grey(picture) if channels == 1 else picture, height, width, spec.fit)
