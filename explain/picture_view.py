"""What an image network sees of a page, and how that goes back to the page's own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.images.area import MARGIN_MM, seen_of
from classify.inputs import InputSpec, from_pictures
from digitize.result import Digitization
from ecg.errors import ModelError, OptionsError

__all__ = ["PATCHES", "PictureView", "patches", "picture_view", "without"]

Float32 = NDArray[np.float32]

#: Patches a side that occlusion and deletion take away: the cells of the last maps of most networks at 224 pixels are
#: 32 wide; half of that.
PATCHES = 14


@dataclass(frozen=True, eq=False)
class PictureView:
    """What an image network sees of a page.

    Parameters
    ----------
    x : float32 array [channels, height, width]
    spec : InputSpec
    reading : Digitization
    """

    x: Float32
    spec: InputSpec
    reading: Digitization

    @property
    def paper(self) -> Float32:
        """Usual colour of the picture [channels, 1, 1], in the network's scale."""
        return np.asarray(np.median(self.x, axis=(1, 2), keepdims=True), dtype=np.float32)

    def on_page(self, values: NDArray[np.floating]) -> Float32:
        """Lay a map of the picture on the page as it came.

        Parameters
        ----------
        values : float array [height, width]

        Returns
        -------
        float32 array [page height, page width]
            0 outside what the network saw.
        """
        import cv2

        across, down = _source(self.reading, self.spec)
        out = cv2.remap(
            np.asarray(values, dtype=np.float32), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
        return np.asarray(out, dtype=np.float32)


def picture_view(reading: Digitization, spec: InputSpec) -> PictureView:
    """Make an image network's input from a reading.

    Parameters
    ----------
    reading : Digitization
    spec : InputSpec

    Returns
    -------
    PictureView

    Raises
    ------
    ModelError
        If the model takes records.
    DigitizationError
        If the page was not read and the model sees its recording alone.
    """
    if spec.kind != "page":
        raise ModelError("this model takes records, got a page; explain the record that was read from it")
    return PictureView(from_pictures(seen_of(reading.page, reading, spec)[None], spec)[0], spec, reading)


def _source(reading: Digitization, spec: InputSpec) -> tuple[Float32, Float32]:
    """For every pixel of the page, where in the network's picture it is seen (x and y), as `cv2.remap` wants it."""
    height, width = reading.page.image.shape[:2]
    if spec.area == "whole":
        low, size = np.zeros(2), np.array([width, height], dtype=np.float64)
        at = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    else:
        if reading.scale is None:
            raise OptionsError("an explanation is drawn on a page that was read; this one has no scale")
        edges, margin = np.array([box.xyxy for box in reading.boxes]), MARGIN_MM * reading.scale.px_per_mm_x
        low, high = edges[:, :2].min(axis=0) - margin, edges[:, 2:].max(axis=0) + margin
        size, at = np.maximum(np.ceil(high - low), 1), _upright(reading)
    _, rows, columns = spec.picture
    zoom = np.array([columns, rows]) / size
    if spec.fit == "letterbox":
        zoom = np.full(2, zoom.min())
    shift = np.floor((np.array([columns, rows]) - np.maximum(1, np.rint(zoom * size))) / 2)
    # The middle of the first pixel stays the middle of the first share of it.
    placed = (at - low + 0.5) * zoom - 0.5 + shift
    return placed[..., 0].astype(np.float32), placed[..., 1].astype(np.float32)


def _upright(reading: Digitization) -> NDArray[np.float64]:
    """Where every pixel of the page stands on the upright page [height, width, 2]."""
    height, width = reading.page.image.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    if reading.flattening is None:
        h = np.eye(3) if reading.homography is None else reading.homography
        moved = np.concatenate([grid, np.ones((*grid.shape[:2], 1))], axis=-1) @ h.T
        return np.asarray(moved[..., :2] / moved[..., 2:])
    return _through_lattice(reading, grid[::_COARSE, ::_COARSE])


#: Pixels of the page between points at which the inverse of a curled sheet's map is worked out; it is smooth.
_COARSE = 8


def _through_lattice(reading: Digitization, coarse: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2
    from scipy.interpolate import LinearNDInterpolator

    from digitize.dewarp import picture_points

    flat = reading.flattening
    assert flat is not None  # noqa: S101 - the caller has asked
    width, height = flat.size if flat.quarters % 2 == 0 else flat.size[::-1]
    steps = [np.linspace(0, side - 1, max(2, round(side / (2 * flat.step_px)))) for side in (width, height)]
    points = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 2)
    there = picture_points(flat, points)
    found = LinearNDInterpolator(there, points, fill_value=-1e6)(coarse)
    rows, columns = reading.page.image.shape[:2]
    large = [cv2.resize(found[..., k], (columns, rows), interpolation=cv2.INTER_LINEAR) for k in (0, 1)]
    return np.stack(large, axis=-1)


def patches(view: PictureView) -> NDArray[np.intp]:
    """Tell for every pixel the number of its patch, [height, width]."""
    _, height, width = view.x.shape
    down, across = (np.arange(n) * PATCHES // n for n in (height, width))
    return np.asarray(down[:, None] * PATCHES + across)


def without(view: PictureView, gone: NDArray[np.bool_]) -> Float32:
    """Pictures whose patches [n, patches] are paper, [n, channels, height, width]."""
    mask = gone[:, patches(view)][:, None]
    return np.where(mask, view.paper, view.x).astype(np.float32)
