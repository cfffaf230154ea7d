"""The sheet in the picture, made upright and flat by one resampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.dewarp import Flattening, flatten, picture_points, resampled
from digitize.grid import GridMeasure, find_grid
from digitize.options import DigitizeOptions
from digitize.orient import turned
from digitize.rectify import corners_of, from_corners, from_tilt, warp
from digitize.tiles import vote_pitches
from ecg import Page
from ecg.errors import DigitizationError

__all__ = ["Sheet", "upright"]

Matrix = NDArray[np.float64]

#: Below this coherence one straight comb does not explain the page's grid. Flat scans reach 0.87 to 0.99, handheld
#: photos 0.08 to 0.4 (measured on public-domain ECGs).
_BENT = 0.8
#: Below this a comb is a chance meeting of lines: grids of flat pages, noisy and creased ones too, are above 0.55.
_STRAY = 0.3
#: A flattened sheet's grid must reach this coherence and strength, and the tiles' vote its own: pages without a grid
#: give 1.4 to the vote and 1.7 after flattening, photographed grids 2.2 and 2.3 at least.
_COHERENT, _STANDS_OUT, _HEARD = 0.4, 2.2, 1.7
#: What flattening must add to the coherence: a flat page of dots that a program rounded to pixels has 0.4, and gains
#: 0.1 from following its own ink; photographs gain 0.4 or more.
_GAIN = 0.3
#: Coherence of a straight comb from which it tells how far the paper is bent: up to a fifth of a millimetre.
_STEADY = 0.5
#: A straight comb of this strength and tilt is the page's own: printed dots that a program rounded to pixels have 4.5
#: and 0.004 degrees with a coherence of 0.45.
_CLEAR, _LEVEL_DEG = 4.0, 0.1
#: Most combs that are tried on one page, at about half a second each.
_MOST_STARTS = 7
#: Distance from the picture's rim, in heights of a word, within which it may have been cut.
_RIM = 0.6
#: Scales, in pixels per millimetre, and tilts at which bent sheets are sought: as `digitize.grid.GridOptions` has them.
_RANGE, _MOST_TILT_DEG = (2.2, 26.0), 16.0


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page with its grid along the axes.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    homography : float array [3, 3] or None
        Picture pixels to pixels of ``image``; None for the identity.
    grid : GridMeasure or None
        Of ``image``.
    flattening : Flattening or None
        The whole map where a homography is not enough.
    """

    image: NDArray[np.uint8]
    homography: Matrix | None
    grid: GridMeasure | None
    flattening: Flattening | None = None

    def turned(self, quarters: int) -> Sheet:
        """Sheet after quarter turns counter-clockwise; its picture stays as it was."""
        height, width = self.image.shape[:2]
        grid, flat = self.grid, self.flattening
        if grid is not None and quarters % 2:
            grid = replace(grid, px_per_mm_x=grid.px_per_mm_y, px_per_mm_y=grid.px_per_mm_x)
        if flat is not None:
            flat = replace(flat, quarters=(flat.quarters + quarters) % 4)
        homography = turned(self.homography, quarters, width, height)
        return replace(self, homography=homography, grid=grid, flattening=flat)

    def corners(self, left: float, top: float, right: float, bottom: float) -> Matrix:
        """Corners of a rectangle of the upright page in the picture as it came: clockwise from the top left."""
        if self.flattening is None:
            return corners_of(self.homography, left, top, right, bottom)
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)
        return picture_points(self.flattening, points)

    def begins_at_rim(self, xyxy: tuple[float, float, float, float], height: int, width: int) -> bool:
        """Whether a word of the upright page begins at a rim of the picture, which may have cut its first letters off.

        Parameters
        ----------
        xyxy : tuple of float
            Its box in pixels of ``image``.
        height, width : int
            Of the picture as it came.
        """
        top, _, _, bottom = self.corners(*xyxy)
        ends = np.array([top, bottom])
        # Pixels have their centres at whole numbers.
        nearest = 0.5 + float(np.minimum(ends, np.array([width, height]) - 1 - ends).min())
        return nearest < _RIM * float(np.hypot(*(bottom - top)))


def upright(page: Page, options: DigitizeOptions, steps: list[Mapping[str, Any]]) -> Sheet:
    """Bring the grid of a page along the axes.

    Parameters
    ----------
    page : Page
    options : DigitizeOptions
        Corners given by a person come first.
    steps : list of mapping
        Takes what was measured.

    Returns
    -------
    Sheet

    Raises
    ------
    DigitizationError
        If the corners lie off the page.
    """
    if _is_negative(page.image):
        steps.append({"stage": "negative"})
        page = replace(page, image=255 - page.image)
    image, homography = page.image, None
    if options.corners is not None:
        _check_corners(options.corners, image.shape[1], image.shape[0])
        homography, size = from_corners(options.corners)
        image = warp(image, homography, size)
    grid = find_grid(image)
    if (grid is None or grid.coherence < _BENT) and options.method != "classical":
        flat = _flattened(page, grid, image, homography)
        if flat is not None:
            steps += [_grid_step(grid), {"stage": "flatten", "residual_mm": round(_bend(flat.flattening), 3)}]
            steps.append(_grid_step(flat.grid))
            return flat
    if grid is None or grid.coherence < _STRAY:
        # A comb that neither lies straight nor can be laid straight is no scale: the pulse must tell it.
        steps += [] if grid is None else [{**_grid_step(grid), "trusted": False}]
        return Sheet(image, homography, None)
    steps.append(_grid_step(grid))
    turn = from_tilt(image.shape[1], image.shape[0], grid.angle_deg)
    if turn is not None:
        size = (image.shape[1], image.shape[0])
        homography = turn if homography is None else turn @ homography
        image = warp(page.image, homography, size)
    return Sheet(image, homography, grid)


def _is_negative(image: NDArray[np.uint8]) -> bool:
    """Whether a page shows light lines on a dark ground, as monitors do."""
    import cv2

    # Where less than a sixth of the page is below 150, less than half is below 100 after any averaging.
    if float((cv2.cvtColor(np.ascontiguousarray(image[::4, ::4]), cv2.COLOR_RGB2GRAY) < 150).mean()) < 1 / 6:
        return False
    # 1000 pixels across: a pen is 1 to 3 of them, and 9 are wider than any line.
    zoom = min(1.0, 1000 / max(image.shape[:2]))
    grey = cv2.cvtColor(cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    if float(np.median(grey)) > 100:
        return False
    kernel = np.ones((9, 9), np.uint8)
    dark = int((cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel) > 40).sum())
    light = int((cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel) > 40).sum())
    return light > 3 * dark


def _bend(flat: Flattening | None) -> float:
    return flat.residual_mm if flat is not None else 0.0


def _spread_mm(coherence: float) -> float:
    """Root mean square displacement of 1 mm lines at which one straight comb has this coherence: normal phases."""
    return float(np.sqrt(-2 * np.log(min(coherence, 0.999)))) / (2 * np.pi)


def _flattened(
    page: Page, grid: GridMeasure | None, image: NDArray[np.uint8], homography: Matrix | None
) -> Sheet | None:
    """Sheet after its own grid, if that explains the grid better than one straight comb does."""
    if grid is not None and grid.coherence >= _STRAY and grid.strength >= _CLEAR and abs(grid.angle_deg) < _LEVEL_DEG:
        starts, best_ones = [grid], 1  # as scanners and programs lay it: no other comb is sought
    else:
        votes = vote_pitches(image, *_RANGE, _MOST_TILT_DEG)
        if grid is None and votes[0][2] < _HEARD:
            return None
        rough = [GridMeasure(pitch, pitch, tilt, strength, 0.0, 0.0) for pitch, tilt, strength in votes]
        starts = [*rough[:1], *([] if grid is None else [grid]), *rough[1:]]
        best_ones = len(starts) - len(rough) + 1
    best, coherence = None, _COHERENT if grid is None else max(grid.coherence + _GAIN, _COHERENT)
    for tried, start in enumerate(starts):
        if best is not None and coherence > _BENT:
            break
        if tried >= best_ones and (best is not None or (grid is not None and grid.coherence >= _STRAY)):
            break  # the lesser votes are for pages that neither the best ones nor a straight comb explain
        flat = flatten(image, start)
        if flat is None:
            continue
        if homography is not None:  # corners came first: one map from the picture as it came
            flat = _after(flat, homography)
        straight = resampled(page.image, flat)
        after = find_grid(straight)
        if after is None or after.strength < _STANDS_OUT:
            continue  # noise
        other = after.px_per_mm_x / flat.px_per_mm
        if abs(np.log(other)) > 0.05:  # another comb of the same lines: it goes behind those that were voted for
            if len(starts) < _MOST_STARTS and after.coherence > _BENT:
                pitch = start.px_per_mm_x * other
                starts.append(replace(start, px_per_mm_x=pitch, px_per_mm_y=pitch))
            continue
        if grid is not None and grid.coherence > _STEADY and _bend(flat) > 2 * _spread_mm(grid.coherence):
            continue  # lines that were taken for their neighbours: the paper cannot be bent so far
        if after.coherence > coherence:
            best, coherence = Sheet(straight, flat.homography, after, flat), after.coherence
    return best


def _after(flat: Flattening, homography: Matrix) -> Flattening:
    """Flattening of a picture that a homography gave, as one map from the picture as it came."""
    height, width = flat.lattice.shape[:2]
    points = np.concatenate([flat.lattice.reshape(-1, 2), np.ones((height * width, 1))], axis=1)
    back = points @ np.linalg.inv(homography).T
    lattice = (back[:, :2] / back[:, 2:]).reshape(height, width, 2)
    return replace(flat, lattice=lattice, homography=flat.homography @ homography)


def _grid_step(grid: GridMeasure | None) -> dict[str, Any]:
    if grid is None:
        return {"stage": "grid"}
    return {
        "stage": "grid",
        "px_per_mm": [round(grid.px_per_mm_x, 4), round(grid.px_per_mm_y, 4)],
        "angle_deg": round(grid.angle_deg, 4),
        "strength": round(grid.strength, 2),
        "coherence": round(grid.coherence, 2),
    }


def _check_corners(corners: tuple[float, ...], width: int, height: int) -> None:
    """Refuse corners that lie off the page by more than a tenth of it."""
    x, y = corners[::2], corners[1::2]
    if min(x) < -0.1 * width or max(x) > 1.1 * width or min(y) < -0.1 * height or max(y) > 1.1 * height:
        reach = f"the corners reach from {min(x):g},{min(y):g} to {max(x):g},{max(y):g}"
        where = f"off the page of {width} x {height} pixels"
        raise DigitizationError("rectify", f"{reach}, {where}", "give them in pixels of the page as it came")
