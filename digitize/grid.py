"""The grid of the paper: pitch, angle and evidence, measured in the frequency domain.

A printed grid is a comb of spectral peaks at multiples of 1/5 mm (bold lines) and 1 mm (fine lines or dots), along two
axes. Tiles are added up by power, so that a warped or shaded page still shows its comb; then the peak is followed
coherently over the page, which fixes pitch and angle to a few parts in ten thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ecg.errors import DigitizationError

__all__ = ["GridMeasure", "GridOptions", "find_grid", "grid_picture"]

Float = NDArray[np.float32]


@dataclass(frozen=True)
class GridOptions:
    """How the grid is searched.

    Parameters
    ----------
    min_px_per_mm, max_px_per_mm : float
        Range of scales: 2.1 px/mm (54 dpi) is where 1 mm lines alias away, and the 5 mm lines tell the scale down to
        1.5 px/mm (38 dpi); 26 px/mm is 660 dpi. Where the range ends too high, a coarser picture's 5 mm lines are
        taken for those of 1 mm.
    max_angle_deg : float
        Largest tilt looked for.
    min_strength : float
        Least rank of the comb: the mean height of its teeth over the local spectrum (natural logarithm of power), less
        what speaks against it. Measured: pages without a grid stay below 1, the faintest photographed grids reach 1.8.
    typical_width_mm : float
        Width of a page or screenshot that decides between 1 mm and 5 mm readings of a grid with one line spacing
        only: 270 mm, between A4 and a cropped 10 s print.
    """

    min_px_per_mm: float = 1.5
    max_px_per_mm: float = 26.0
    max_angle_deg: float = 20.0
    min_strength: float = 1.4
    typical_width_mm: float = 270.0


@dataclass(frozen=True)
class GridMeasure:
    """A grid that was found.

    Parameters
    ----------
    px_per_mm_x, px_per_mm_y : float
        Pitch of one millimetre along the grid's own axes, in pixels.
    angle_deg : float
        Rotation of the grid: positive when lines of time fall to the right (image y points down).
    strength : float
        Mean height of the comb over the local spectrum (natural logarithm of power).
    coherence : float
        0 to 1: how well one straight comb explains the whole page; low on curled or perspective pages.
    runner_up : float
        Strength of the best comb at another pitch.
    """

    px_per_mm_x: float
    px_per_mm_y: float
    angle_deg: float
    strength: float
    coherence: float
    runner_up: float


def find_grid(image: NDArray[np.uint8], options: GridOptions | None = None) -> GridMeasure | None:
    """Measure the grid of a page.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
        RGB.
    options : GridOptions, optional

    Returns
    -------
    GridMeasure or None
        None where no comb stands out: a page printed without a grid.

    Raises
    ------
    DigitizationError
        If the picture is too small to hold an ECG.
    """
    options = options or GridOptions()
    if min(image.shape[:2]) < 64:
        raise DigitizationError(
            "grid", f"a page needs at least 64 pixels a side, got {image.shape[1]} x {image.shape[0]}", "scan it larger"
        )
    picture = grid_picture(image)
    spectrum = _Spectrum.of(picture)
    best: tuple[float, float, float, float] | None = None  # rank, strength, pitch, angle
    seen: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []  # pitch and strength of every candidate
    for angle in spectrum.angles(options.max_angle_deg):
        pitches, strengths = _combs(spectrum, angle, options)
        # Peaks that a comb leaves unexplained speak for another one (half the pitch explains every second tooth only).
        fit = strengths * (0.4 + 0.6 * spectrum.explained(angle, pitches))
        rank = fit - np.abs(np.log(picture.shape[1] / pitches / options.typical_width_mm)) * 0.8
        top = int(np.argmax(rank))
        seen.append((pitches, strengths))
        if best is None or rank[top] > best[0]:
            best = (float(rank[top]), float(strengths[top]), float(pitches[top]), angle)
    if best is None or best[0] < options.min_strength:
        return None
    _, strength, pitch, angle = best
    others = [s[np.abs(np.log(p / pitch)) > 0.05].max(initial=0.0) for p, s in seen]
    along = _follow(picture, spectrum, pitch, angle, 0)
    down = _follow(picture, spectrum, pitch, angle, 1)
    tilt = (along.angle * along.weight + down.angle * down.weight) / (along.weight + down.weight)
    return GridMeasure(
        along.pitch, down.pitch, tilt, strength, min(along.coherence, down.coherence), float(max(others))
    )


def grid_picture(image: NDArray[np.uint8]) -> Float:
    """Grid and ink against the paper, with shading and contrast evened out, clipped so that ink does not dominate.

    Parameters
    ----------
    image : uint8 array [height, width, 3]

    Returns
    -------
    float32 array [height, width]
        Deviations from the local mean of the darkest channel, in local standard deviations, within ±2.
    """
    import cv2

    from digitize.shading import darkest_channel, evened, power_about

    darkest, mean = darkest_channel(np.ascontiguousarray(image))
    size = (image.shape[1], mean.shape[0])
    sigma = max(4.0, min(image.shape[:2]) / 160)  # in quarter-size pixels: about a fortieth of the page
    level = cv2.resize(cv2.GaussianBlur(mean, (0, 0), sigma), size)
    power = cv2.GaussianBlur(power_about(darkest, level, mean.shape[1]), (0, 0), sigma)
    contrast = 1 / (np.sqrt(power.clip(0)) + 2)  # 2 grey levels: noise
    picture: Float = evened(darkest, level, cv2.resize(contrast, size))
    return picture


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Whitened log power of the page's tiles, negative vertical frequencies first."""

    height: Float  # log power over its local mean
    peak: Float  # the same, widened by one bin, so that a comb's tooth is met within its tolerance
    n: int  # transform length

    @classmethod
    def of(cls, picture: Float) -> _Spectrum:
        import cv2

        from digitize.spectra import summed_power

        tile, n = min(512, *picture.shape), 1024
        rows = np.unique(np.linspace(0, picture.shape[0] - tile, 4).astype(int))
        columns = np.unique(np.linspace(0, picture.shape[1] - tile, 5).astype(int))
        power = summed_power([picture[y : y + tile, x : x + tile] for y in rows for x in columns], n)
        # A floor at a ten thousandth of the mean: below it, drawn pages hold nothing but rounding.
        log = np.log(power + np.float32(1e-4 * rows.size * columns.size))
        height = log - cv2.blur(log, (41, 41))
        return cls(height, cv2.dilate(height, np.ones((3, 3), np.uint8)), n)

    def at(self, fx: NDArray[np.float64], fy: NDArray[np.float64]) -> Float:
        """Peak height at frequencies in cycles a pixel; a real picture's spectrum is even."""
        flip = fx < 0
        fx, fy = np.where(flip, -fx, fx), np.where(flip, -fy, fy)
        column = np.rint(fx * self.n).astype(int).clip(0, self.peak.shape[1] - 1)
        row = (np.rint(fy * self.n).astype(int) + self.n // 2) % self.n
        value: Float = self.peak[row, column]
        return value

    @cached_property
    def peaks(self) -> tuple[Float, NDArray[np.float64], NDArray[np.float64]]:
        """Heights of the strong peaks and their frequencies along x and y, in cycles a pixel."""
        row, column = np.nonzero((self.height == self.peak) & (self.height > 3))
        return self.height[row, column], column / self.n, (row - self.n // 2) / self.n

    def explained(self, angle_deg: float, pitches: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the strong peaks along the two axes at a tilt that stand on a tooth of each pitch's comb."""
        height, fx, fy = self.peaks
        radius = np.hypot(fx, fy)
        theta = np.degrees(np.arctan2(fy, fx)) - angle_deg
        off_axis = np.abs((theta + 45) % 90 - 45)
        strong = (radius > 0.03) & (radius < 0.47) & (off_axis < 1.5)
        f, weight = radius[strong], np.exp(height[strong] / 2)  # by amplitude, not by power
        if f.size == 0:
            return np.ones_like(pitches)
        tooth = f[None] * 5 * pitches[:, None]
        met = np.abs(tooth - np.rint(tooth)) < 1.5 / self.n * 5 * pitches[:, None]
        share: NDArray[np.float64] = (met * weight).sum(1) / weight.sum()
        return share

    def angles(self, limit_deg: float) -> list[float]:
        """Candidate tilts in degrees: where strong peaks lie near either axis, best first."""
        height, fx, fy = self.peaks
        radius = np.hypot(fx, fy)
        theta = np.degrees(np.arctan2(fy, fx))
        tilt = np.where(np.abs(theta) <= 45, theta, theta - np.sign(theta) * 90)
        usable = (radius > 0.04) & (np.abs(tilt) <= limit_deg)
        if not usable.any():
            return [0.0]
        edges = np.arange(-limit_deg - 0.25, limit_deg + 0.5, 0.5)
        votes, _ = np.histogram(tilt[usable], edges, weights=height[usable] - 3)
        votes = np.convolve(votes, [0.5, 1, 0.5], "same")
        order = np.argsort(-votes)[:3]
        centres = (edges[:-1] + edges[1:]) / 2
        found: list[float] = [float(centres[i]) for i in order if votes[i] > 0.25 * votes[order[0]]]
        return found if any(abs(a) < 0.3 for a in found) else [*found, 0.0]


def _combs(
    spectrum: _Spectrum, angle_deg: float, options: GridOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strength of the comb at each pitch: its teeth at j/5 per mm, the 1 mm teeth (j = 5, 10) counting double."""
    pitches = np.exp(np.arange(np.log(options.min_px_per_mm), np.log(options.max_px_per_mm), 0.002))
    teeth = np.arange(1, 11)
    weights = np.where(teeth % 5 == 0, 4.0, 1.0)
    f = teeth[None] / (5 * pitches[:, None])
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    along = spectrum.at(f * c, f * s)
    down = spectrum.at(-f * s, f * c)
    inside = (f < 0.47) * weights
    # A cap, so that one line of text or one trace cannot carry a comb. Where 1 mm lines alias away, bold ones are all
    # there is, and weigh as much as 1 mm lines alone do below.
    most = np.where(teeth % 5 == 0, 9.0, np.where(5 * f[:, :1] > 0.47, 6.75, 5.0))
    height = np.clip(along, 0, most) + np.clip(down, 0, most)
    both = (height * inside).sum(1) / (2 * inside.sum(1))
    # A grid of 1 mm lines alone has no bold ones between: its own two teeth must then stand for all, at a discount,
    # for every bold grid has them too at five times its pitch.
    fine = (height * inside)[:, [4, 9]].sum(1) / np.maximum(2 * inside[:, [4, 9]].sum(1), 1)
    return pitches, np.maximum(both, 0.75 * fine)


@dataclass(frozen=True)
class _Axis:
    pitch: float
    angle: float
    coherence: float
    weight: float


def _follow(picture: Float, spectrum: _Spectrum, pitch: float, angle_deg: float, axis: int) -> _Axis:
    """Refine one axis: demodulate at its strongest tooth and follow the phase over the page.

    The picture times a plane wave of the coarse frequency, averaged over small blocks, leaves a slow phase whose
    own frequency, read off a transform of the blocks, is the correction.
    """
    from digitize.spectra import block_sums

    theta = np.radians(angle_deg + 90 * axis)
    teeth = np.arange(1, 11)
    f = teeth / (5 * pitch)
    heights = spectrum.at(f * np.cos(theta), f * np.sin(theta)) * (f < 0.3)
    # The finest strong tooth measures best, but one that is far off its multiple would follow another comb.
    strong = np.flatnonzero(heights >= 0.75 * heights.max())
    tooth = 5 if heights[4] >= 0.6 * heights.max() else int(teeth[strong[-1]])
    kx, ky = tooth / (5 * pitch) * np.cos(theta), tooth / (5 * pitch) * np.sin(theta)
    block, n = 32, 256
    blocks = block_sums(picture, _wave(kx, picture.shape[1]), _wave(ky, picture.shape[0]), block) / block**2
    # The coarse frequency is off by less than two bins of a 1024-point transform. Those bins are needed of a transform
    # of the blocks, and one more on every side.
    reach = int(np.ceil(2 / 1024 * block * n)) + 1
    bins = np.arange(-reach - 1, reach + 2)
    turn_y, turn_x = (np.exp(-2j * np.pi / n * np.outer(np.arange(size), bins)) for size in blocks.shape)
    phase = np.abs(turn_y[:n].T @ blocks[:n, :n] @ turn_x[:n])
    row, column = (int(i) for i in np.unravel_index(phase[1:-1, 1:-1].argmax(), (bins.size - 2, bins.size - 2)))
    top = phase[row : row + 3, column : column + 3]
    kx += (column - reach + _vertex(*top[1])) / (n * block)
    ky += (row - reach + _vertex(*top[:, 1])) / (n * block)
    k = float(np.hypot(kx, ky))
    tilt = float(np.degrees(np.arctan2(ky, kx))) - 90 * axis
    coherence = float(top[1, 1] / max(float(np.abs(blocks).sum()), 1e-9))
    return _Axis(tooth / (5 * k), tilt, coherence, float(heights[tooth - 1]) * coherence + 1e-6)


def _wave(frequency: float, n: int) -> NDArray[np.complex64]:
    wave: NDArray[np.complex64] = np.exp(-2j * np.pi * frequency * np.arange(n)).astype(np.complex64)
    return wave


def _vertex(before: float, at: float, after: float) -> float:
    """Offset of the top of a parabola through a maximum and its neighbours, in bins."""
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
