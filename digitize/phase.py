"""How far a grid's lines stand from where they should, block by block, told by their phase.

Demodulation of a line pattern to measure displacement follows Takeda, Ina & Kobayashi (J Opt Soc Am 1982;72:156-160);
phases are unwrapped after Herraez et al. (Appl Opt 2002;41:7437-7444), as scikit-image has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK_MM", "WORK_PX_PER_MM", "displacement"]

Float = NDArray[np.float32]
Double = NDArray[np.float64]

#: Pixels per millimetre at which tiles and phases are measured: the 1 mm lines are then well below the Nyquist rate.
WORK_PX_PER_MM = 4.5
#: Blocks over which phases are averaged, in mm: a bold line's period.
BLOCK_MM = 5.0
#: Lines that are followed, by their period in mm, and the blocks over which each is smoothed: bold lines first, which a
#: stroke of ink disturbs and which nobody mistakes for their neighbours; then the 1 mm lines, from the bend of a whole
#: sheet to that of a few blocks, so that no step needs more than half a millimetre.
_TURNS = ((5.0, 5.0), (5.0, 3.0), (1.0, 5.0), (1.0, 3.0), (1.0, 2.0), (1.0, 1.2))
#: Blocks whose lines stand out less than this share of the usual do not count.
_WEAK = 0.45
#: Ways of following the lines. Whether bold lines are followed from block to block, as on sheets that bend by more than
#: half their spacing, or each block alone, where ink hides many; how much better than chance neighbouring blocks must
#: agree on a phase; and the agreement that is always enough. The way is taken that lays the 1 mm lines straight and
#: bends the paper little: a bulge of a whole millimetre leaves them straight.
_WAYS = ((True, 1.5, 0.35), (True, 3.0, 0.5), (False, 3.0, 0.5))
#: Merit of a way that no other is tried after: a flat page, drawn, has 0.9.
_FINE = 0.9
#: What a millimetre of bending from block to block takes off the straightness.
_BENT = 2.0
#: Weight that blocks must have together to say anything.
_LIGHT = 0.1


def displacement(picture: Float, to_flat: Double, size: tuple[int, int], pitch: float) -> tuple[Double, float]:
    """Measure where the grid stands on a straightened page, against where it should.

    Parameters
    ----------
    picture : float32 array [height, width]
        From `digitize.grid.grid_picture`, at the working resolution.
    to_flat : float array [3, 3]
        Its pixels to those of the straightened page.
    size : tuple of int
        Width and height of the straightened page in pixels.
    pitch : float
        Pixels per millimetre of the straightened page.

    Returns
    -------
    field : float array [rows, columns, 2]
        Displacement (x, y) of blocks of `BLOCK_MM`, in mm.
    rms_mm : float
        Its root mean square.
    """
    import cv2

    zoom = min(1.0, WORK_PX_PER_MM / pitch)
    px = pitch * zoom
    small = (round(size[0] * zoom), round(size[1] * zoom))
    straight = np.diag([zoom, zoom, 1.0]) @ to_flat
    shape = (-(-small[1] // round(BLOCK_MM * px)), -(-small[0] // round(BLOCK_MM * px)))
    back: Double = np.linalg.inv(straight).astype(np.float64)

    def moved(field: Double) -> Float:
        # The picture moved by what is known so far shows what is not.
        maps = _dense(back, field, small, px)
        flat: Float = cv2.remap(
            picture, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
        )
        return flat

    best, total = -np.inf, np.zeros((*shape, 2))
    start = moved(total)
    for way in _WAYS:
        field, flat = np.zeros((*shape, 2)), start
        for turn in _TURNS:
            field = field + np.stack([_phase(flat, px, axis, shape, turn, way) for axis in (0, 1)], axis=2)
            flat = moved(field)
        merit = _straightness(flat, px, shape) - _BENT * _bending(field)
        if merit > best:
            best, total = merit, field
        if merit > _FINE:
            break
    # A shift of the whole sheet bends nothing.
    return total, float(np.sqrt(((total - total.mean(axis=(0, 1))) ** 2).mean()))


def _straightness(flat: Float, px: float, shape: tuple[int, int]) -> float:
    """How well the blocks of a page agree on the phase of its 1 mm lines, 0 to 1: the lesser of both axes."""
    waves = [_demodulated(flat, px, axis, shape, round(BLOCK_MM * px)) for axis in (0, 1)]
    return min(float(np.abs(w.sum()) / max(np.abs(w).sum(), 1e-9)) for w in waves)


def _bending(field: Double) -> float:
    """Root mean square of the second differences of a displacement, in mm."""
    bends = [np.diff(field, 2, axis=axis).ravel() for axis in (0, 1) if field.shape[axis] > 2]
    return float(np.sqrt(np.mean(np.concatenate(bends) ** 2))) if bends else 0.0


def _phase(
    flat: Float, px: float, axis: int, shape: tuple[int, int], turn: tuple[float, float], way: tuple[bool, float, float]
) -> Double:
    """Displacement of one family of lines by its phase, in mm, smooth over blocks."""
    from scipy.ndimage import gaussian_filter

    (period, spread), (from_block_to_block, above_chance, enough) = turn, way
    blocks = _demodulated(flat, px * period, axis, shape, round(BLOCK_MM * px))
    strength = np.abs(blocks)
    usual = np.percentile(strength, 75)
    weight = np.clip(strength / max(float(usual), 1e-9) - _WEAK, 0, 1)
    if not (weight > 0).any():
        return np.zeros(shape)
    # Smooth the wave itself first: neighbours that disagree cancel out.
    unit = blocks * weight / np.maximum(strength, 1e-9)
    wave = gaussian_filter(unit.real, spread) + 1j * gaussian_filter(unit.imag, spread)
    mass = gaussian_filter(weight, spread)
    # Unit vectors of random phase, n of them under the bell, add up to n ** -0.5 of their number.
    chance = 1 / np.sqrt(4 * np.pi * spread**2)
    sure = (mass > _LIGHT) & (np.abs(wave) > min(above_chance * chance, enough) * mass)
    if sure.sum() < 4:
        return np.zeros(shape)
    phase: Double = _unwrapped(wave, sure) if period > 1 and from_block_to_block else np.angle(wave)
    turns = np.where(sure, phase / (2 * np.pi) * period, 0.0)
    # Filled in where nothing is seen: what the neighbours say, further and further off.
    trust = np.where(sure, np.abs(wave), 0)
    filled, known = turns * trust, trust.copy()
    out = np.zeros(shape)
    done = np.zeros(shape, bool)
    for spread in (0.8, 2.0, 5.0, 15.0, 60.0):
        value = gaussian_filter(filled, spread, mode="nearest")
        mass = gaussian_filter(known, spread, mode="nearest")
        usable = ~done & (mass > 0.08 * trust.max())
        out[usable] = (value / np.maximum(mass, 1e-9))[usable]
        done |= usable
    return out


def _unwrapped(wave: NDArray[np.complex128], sure: NDArray[np.bool_]) -> Double:
    """Phase followed from block to block, its middle within half a turn of 0.

    After Herráez et al., Applied Optics 2002;41:7437, DOI 10.1364/AO.41.007437.
    """
    from skimage.restoration import unwrap_phase

    phase = np.ma.filled(unwrap_phase(np.ma.MaskedArray(np.angle(wave), mask=~sure), rng=0), 0.0)
    middle = float(np.median(phase[sure]))
    result: Double = phase - middle + np.angle(np.exp(1j * middle))
    return result


def _demodulated(
    flat: Float, period_px: float, axis: int, shape: tuple[int, int], block: int
) -> NDArray[np.complex128]:
    """Mean over blocks of the page times the wave of a line pattern."""
    h, w = shape[0] * block, shape[1] * block
    page = np.zeros((h, w), np.float32)
    page[: flat.shape[0], : flat.shape[1]] = flat[:h, :w]
    n = w if axis == 0 else h
    wave = np.exp(-2j * np.pi * np.arange(n) / period_px).astype(np.complex64)
    if axis == 0:
        columns = page.reshape(shape[0], block, w).sum(axis=1)  # along the lines first
        product = (columns * wave[None]).reshape(shape[0], shape[1], block).sum(axis=2)
    else:
        rows = page.reshape(h, shape[1], block).sum(axis=2)
        product = (rows * wave[:, None]).reshape(shape[0], block, shape[1]).sum(axis=1)
    mean: NDArray[np.complex128] = product.astype(np.complex128) / block**2
    return mean


def _dense(back: Double, field: Double, size: tuple[int, int], px: float) -> tuple[Float, Float]:
    """Full-size map from a flat page to the picture."""
    import cv2

    width, height = size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    block = round(BLOCK_MM * px)
    # Blocks' middles stand half a block in.
    grow = np.array([[block, 0, (block - 1) / 2], [0, block, (block - 1) / 2]], dtype=np.float64)
    for k, a in ((0, x), (1, y)):
        a -= np.float32(px) * cv2.warpAffine(
            field[:, :, k].astype(np.float32), grow, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    w = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    u = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / w
    v = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / w
    return u.astype(np.float32), v.astype(np.float32)
