"""The pitch of a grid that no straight comb explains: voted for by the tiles of the picture.

On a photograph the millimetre is longer here than there and turned a little, so that the spectrum of the whole is
smeared. Each tile still has its own sharp comb. Its strengths over pitch and tilt are blurred by as much as neighbours
may differ, and the tiles' sum says which comb the page has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitize.grid import grid_picture

__all__ = ["comb_scores", "vote_pitches", "whitened"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]

#: Side of a tile in pixels, and how many there are each way.
_TILE_PX, _ACROSS, _DOWN = 384, 5, 4
#: Steps of the search: 2 % of the pitch, half a degree.
_PITCH_STEP, _TILT_STEP_DEG = 0.02, 0.5
#: How much tiles of one page may differ from each other: a telephone at 25 degrees sees the near edge 1.5 times as
#: large as the far one, and lines fan out by as many degrees.
_PITCH_SPREAD, _TILT_SPREAD_DEG = 0.16, 5.0
#: Longest side at which tiles are looked at: a sheet that fills it has 8 pixels to the millimetre.
_LONGEST_PX = 2400
#: Width of a page that is taken for likely, in mm, and what a factor of e away from it costs.
_WIDTH_MM, _UNUSUAL = 280.0, 0.8


def whitened(tile: Float, n: int = 512) -> Float:
    """Log power over its local mean, widened by a bin.

    Parameters
    ----------
    tile : float32 array [side, side]
    n : int
        Length of the transform.

    Returns
    -------
    float32 array [n, n / 2 + 1]
        Vertical frequencies from the most negative.
    """
    import cv2

    from digitize.spectra import summed_power

    log = np.log(summed_power([tile], n) + np.float32(1e-4))
    height = log - cv2.blur(log, (31, 31))
    peak: Float = cv2.dilate(height, np.ones((3, 3), np.uint8))
    return peak


def comb_scores(peak: Float, pitches: Double, angles_deg: Double) -> Double:
    """How far combs of lines stand out along one axis.

    Parameters
    ----------
    peak : float32 array [n, n / 2 + 1]
        From `whitened`.
    pitches : float array [p]
        Pixels per millimetre.
    angles_deg : float array [a]
        Direction across the lines.

    Returns
    -------
    float array [p, a]
        Mean height of the teeth at 1/5, 2/5, ... 2 cycles per mm, the 1 mm teeth counting fourfold.
    """
    n = peak.shape[0]
    teeth = np.arange(1, 11)
    weights = np.where(teeth % 5 == 0, 4.0, 1.0)
    most = np.where(teeth % 5 == 0, 9.0, 5.0)
    theta = np.radians(angles_deg)
    f = teeth[None, None] / (5 * pitches[:, None, None])
    fx, fy = f * np.cos(theta)[None, :, None], f * np.sin(theta)[None, :, None]
    flip = np.where(fx < 0, -1, 1)
    column = np.rint(fx * flip * n).astype(int).clip(0, peak.shape[1] - 1)
    row = (np.rint(fy * flip * n).astype(int) + n // 2) % n
    inside = (f < 0.47) * weights
    height = np.clip(peak[row, column], 0, most)
    score = (height * inside).sum(2) / inside.sum(2)
    # A tile without bold lines has the two teeth of its 1 mm lines only.
    fine = (height * inside)[:, :, [4, 9]].sum(2) / np.maximum(inside[:, :, [4, 9]].sum(2), 1)
    best: Double = np.maximum(score, 0.75 * fine)
    return best


def vote_pitches(
    image: NDArray[np.uint8], low: float, high: float, max_tilt_deg: float, n: int = 4
) -> list[tuple[float, float, float]]:
    """Pitches and tilts that the tiles of a picture agree on, the best first.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    low, high : float
        Pixels per millimetre between which the pitch is sought.
    max_tilt_deg : float
    n : int
        How many to give; they differ in pitch by as much as the tiles of one page may, or more.

    Returns
    -------
    list of tuple
        Pixels per millimetre, to within a fifth; tilt in degrees; and how far the comb stands out, the mean over the
        better half of the tiles.
    """
    import cv2

    zoom = min(1.0, _LONGEST_PX / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA) if zoom < 1 else image
    picture = grid_picture(small)
    pitches, tilts, votes = _votes(picture, low, high * zoom, max_tilt_deg)
    # As in `digitize.grid.find_grid`: what fits the width of a page decides between 1 mm and 5 mm.
    rank = votes - _UNUSUAL * np.abs(np.log(picture.shape[1] / pitches / _WIDTH_MM))[:, None]
    best = []
    for _ in range(n):
        at, tilt = np.unravel_index(int(np.argmax(rank)), rank.shape)
        best.append((float(pitches[at] / zoom), float(tilts[tilt]), float(votes[at, tilt])))
        rank[np.abs(np.log(pitches / pitches[at])) <= _PITCH_SPREAD] = -np.inf
    return best


def _votes(picture: Float, low: float, high: float, max_tilt_deg: float) -> tuple[Double, Double, Double]:
    """Pitches, tilts, and the mean over the better half of the tiles of what they say of each pair."""
    from scipy.ndimage import maximum_filter

    side = min(_TILE_PX, *picture.shape)
    rows = np.unique(np.linspace(0, picture.shape[0] - side, _DOWN).astype(int))
    columns = np.unique(np.linspace(0, picture.shape[1] - side, _ACROSS).astype(int))
    pitches = np.exp(np.arange(np.log(low), np.log(high), _PITCH_STEP))
    tilts = np.arange(-max_tilt_deg, max_tilt_deg + 1e-9, _TILT_STEP_DEG)
    size = (2 * round(_PITCH_SPREAD / _PITCH_STEP) + 1, 2 * round(_TILT_SPREAD_DEG / _TILT_STEP_DEG) + 1)
    found = []
    for y in rows:
        for x in columns:
            peak = whitened(picture[y : y + side, x : x + side])
            both = comb_scores(peak, pitches, tilts) + comb_scores(peak, pitches, tilts + 90)
            # A tile that says the same of all combs, of paper or of a table, says nothing.
            both -= np.median(both)
            found.append(maximum_filter(both, size) / 2)
    votes = np.sort(np.array(found), axis=0)[len(found) // 2 :].mean(axis=0)
    return pitches, tilts, votes
