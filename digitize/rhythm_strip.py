"""The ten-step single-lead method of the literature, as published: the reference that the full reader is compared with.

The steps follow a method for the rhythm strip of a 3x4+1 page described in IJRASET (International Journal for
Research in Applied Science and Engineering Technology), 2026. It knows neither grid nor pulse: its signal has no unit,
its time rests on the strip's taken length, and a column's centre of gravity flattens steep waves. The source gives no
size for blur and threshold; what was chosen here is said at each step and in `StripOptions`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.errors import DigitizationError, OptionsError
from ecg.page import Page

__all__ = [
    "StripOptions",
    "blurred_grey",
    "centre_of_gravity",
    "cut_strip",
    "filter_band",
    "landscape",
    "load_page",
    "remove_horizontal_lines",
    "resample_to",
    "rhythm_strip",
    "threshold_ink",
    "z_score",
]

#: As published: opening kernel (columns x rows), strip (shares of the page's height), band (Hz), order, samples, dpi.
KERNEL = (40, 1)
STRIP_ROWS = (0.55, 0.76)
BAND_HZ = (0.5, 40.0)
FILTER_ORDER = 4
N_SAMPLES = 5000
PDF_DPI = 200.0


@dataclass(frozen=True)
class StripOptions:
    """What the source leaves open. All defaults are ours.

    Parameters
    ----------
    duration_s : float
        Seconds that the strip, the page's full width, is taken to span. 10 s is the length of a standard recording.
    blur_px : int
        Side of the Gaussian kernel in pixels, odd. 5 px at 200 dpi are 0.6 mm: about two pen widths.
    threshold_block_px : int
        Side of the neighbourhood of the adaptive threshold in pixels, odd. 51 px at 200 dpi are 6.5 mm, more than one
        large square, so that every neighbourhood holds paper and grid.
    threshold_offset : float
        How much darker than its neighbourhood's mean ink must be, in grey levels of 255. 15 leaves out most of a
        pale grid and paper noise.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    duration_s: float = 10.0
    blur_px: int = 5
    threshold_block_px: int = 51
    threshold_offset: float = 15.0

    def __post_init__(self) -> None:
        if not 0 < self.duration_s < float("inf"):
            raise OptionsError(f"duration_s must be a positive number of seconds, got {self.duration_s!r}")
        for name, least in (("blur_px", 1), ("threshold_block_px", 3)):
            value = getattr(self, name)
            if not (isinstance(value, int) and value >= least and value % 2 == 1):
                raise OptionsError(f"{name} must be an odd number of pixels, {least} or more, got {value!r}")
        if not 0 < self.threshold_offset < 255:
            raise OptionsError(
                f"threshold_offset must lie between 0 and 255 grey levels, got {self.threshold_offset!r}"
            )


def rhythm_strip(page: Page, options: StripOptions | None = None) -> NDArray[np.float32]:
    """Read the rhythm strip of a page by the published ten steps.

    Parameters
    ----------
    page : Page
        Step 1, loading (a PDF at 200 dpi), is the file reader's; `load_page` does both for a file.
    options : StripOptions or None

    Returns
    -------
    float32 array [1, 5000]
        Mean 0, standard deviation 1, no unit; sample ``k`` at ``k / 5000`` of the strip's duration.

    Raises
    ------
    DigitizationError
        If the page is too narrow for the filter, or the strip is blank or constant.
    """
    options = options or StripOptions()
    image = landscape(page.image)
    rate = image.shape[1] / options.duration_s
    _check_rate(rate, image.shape[1], options)
    ink = threshold_ink(blurred_grey(image, options.blur_px), options.threshold_block_px, options.threshold_offset)
    strip = cut_strip(remove_horizontal_lines(ink))
    wave = filter_band(centre_of_gravity(strip), rate)
    return z_score(resample_to(wave))


def load_page(path: str, page_index: int = 0) -> Page:
    """Step 1: load a picture, or convert a page of a PDF at 200 dpi.

    Parameters
    ----------
    path : str
    page_index : int
        Page number, counted from 0.

    Raises
    ------
    FormatError
        If the file cannot be read.
    DigitizationError
        If it has no such page.
    """
    from ecg.formats import ReadOptions, read_pages

    for number, page in enumerate(read_pages(path, ReadOptions(pdf_dpi=PDF_DPI))):
        if number == page_index:
            return page
    raise DigitizationError("load", f"expected page {page_index + 1} in {path}, the file ends before it")


def landscape(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Step 2: turn a portrait picture to landscape, anticlockwise.

    The source does not say which way; a landscape page that was scanned upright most often has its head at the right
    edge of the sheet held upright, as one turns a book to read a sideways table.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
    """
    return np.ascontiguousarray(np.rot90(image)) if image.shape[0] > image.shape[1] else image


def blurred_grey(image: NDArray[np.uint8], blur_px: int) -> NDArray[np.uint8]:
    """Step 3: grey levels, then a Gaussian blur (sigma from the kernel's side as OpenCV derives it).

    Parameters
    ----------
    image : uint8 array [height, width, 3]
        RGB.
    blur_px : int
        Side of the kernel in pixels, odd.

    Returns
    -------
    uint8 array [height, width]
    """
    import cv2

    blurred: NDArray[np.uint8] = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (blur_px, blur_px), 0)
    return blurred


def threshold_ink(grey: NDArray[np.uint8], block_px: int, offset: float) -> NDArray[np.uint8]:
    """Step 4: adaptive threshold: ink is what is darker than its neighbourhood's mean by more than an offset.

    Parameters
    ----------
    grey : uint8 array [height, width]
    block_px : int
        Side of the neighbourhood in pixels, odd.
    offset : float
        Grey levels.

    Returns
    -------
    uint8 array [height, width]
        255 on ink, 0 on paper.
    """
    import cv2

    ink: NDArray[np.uint8] = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block_px, offset
    )
    return ink


def remove_horizontal_lines(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Step 5: morphological opening with a kernel 40 pixels wide and one row high, to remove horizontal grid lines.

    An opening keeps what the kernel fits into: with this one, runs of ink of 40 pixels or more in a row. Taken as the
    picture itself it would keep the grid and drop the trace. The reading chosen is the usual one: the opening isolates
    the horizontal lines, which are then subtracted. A flat stretch of the trace of 40 pixels (0.2 s at 200 dpi) goes
    with them, which is a weakness of the method.

    Parameters
    ----------
    ink : uint8 array [height, width]
        255 on ink.

    Returns
    -------
    uint8 array [height, width]
    """
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, KERNEL)
    # An even kernel has no middle: the dilation needs the mirrored anchor, or the lines come back a pixel to the right.
    anchor = KERNEL[0] // 2
    lines = cv2.dilate(cv2.erode(ink, kernel, anchor=(anchor, 0)), kernel, anchor=(KERNEL[0] - 1 - anchor, 0))
    rest: NDArray[np.uint8] = cv2.subtract(ink, lines)
    return rest


def cut_strip(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Step 6: rows from 55 to 76 % of the page's height.

    Parameters
    ----------
    ink : uint8 array [height, width]

    Returns
    -------
    uint8 array [rows, width]
    """
    height = ink.shape[0]
    return ink[round(STRIP_ROWS[0] * height) : round(STRIP_ROWS[1] * height)]


def centre_of_gravity(strip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Step 7: centre of each column's ink, weighted by ink, counted upwards.

    Columns without ink are bridged by straight lines between their neighbours (ours: the source does not say).

    Parameters
    ----------
    strip : uint8 array [rows, width]

    Returns
    -------
    float array [width]
        Pixels above the strip's lowest row.

    Raises
    ------
    DigitizationError
        If fewer than two columns hold ink.
    """
    weight = strip.astype(np.float64)
    total = weight.sum(axis=0)
    inked = np.flatnonzero(total)
    if inked.size < 2:
        raise DigitizationError(
            "strip",
            f"expected a trace in rows {STRIP_ROWS[0]:.0%} to {STRIP_ROWS[1]:.0%} of the page, found ink in "
            f"{inked.size} columns",
            "the strip method suits 3x4+1 pages only: read the page with method auto",
        )
    upwards = np.arange(strip.shape[0] - 1, -1, -1, dtype=np.float64)
    centre = (upwards @ weight[:, inked]) / total[inked]
    bridged: NDArray[np.float64] = np.interp(np.arange(strip.shape[1]), inked, centre)
    return bridged


def filter_band(wave: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Step 8: Butterworth band-pass of 4th order, 0.5 to 40 Hz, forwards and backwards.

    Run both ways the filter has no delay, and twice the attenuation (ours: the source does not say which way).

    Parameters
    ----------
    wave : float array [columns]
    rate_hz : float
        Columns per second; above 80 Hz.

    Raises
    ------
    DigitizationError
        If the rate is too low for 40 Hz.
    """
    from scipy.signal import butter, sosfiltfilt

    if rate_hz <= 2 * BAND_HZ[1]:
        raise DigitizationError(
            "strip", f"a band up to {BAND_HZ[1]:g} Hz needs more than 80 columns a second, got {rate_hz:g}"
        )
    sos = butter(FILTER_ORDER, BAND_HZ, btype="bandpass", fs=rate_hz, output="sos")
    filtered: NDArray[np.float64] = sosfiltfilt(sos, wave, padlen=min(len(wave) - 1, round(rate_hz)))
    return filtered


def resample_to(wave: NDArray[np.float64], n_samples: int = N_SAMPLES) -> NDArray[np.float64]:
    """Step 9: resample to 5000 samples, by cubic spline between column middles.

    The wave holds nothing above 40 Hz, so a spline through 80 columns a second or more follows it; a Fourier
    resampler would ring where the strip's two ends differ.

    Parameters
    ----------
    wave : float array [columns]
    n_samples : int
    """
    from scipy.interpolate import CubicSpline

    n = len(wave)
    # Sample k covers the k-th share of the width, as column i covers the i-th: their middles are compared.
    at = (np.arange(n_samples) + 0.5) * n / n_samples - 0.5
    resampled: NDArray[np.float64] = CubicSpline(np.arange(n), wave)(np.clip(at, 0, n - 1))
    return resampled


def z_score(wave: NDArray[np.float64]) -> NDArray[np.float32]:
    """Step 10: subtract the mean, divide by the standard deviation; float32 [1, samples].

    Parameters
    ----------
    wave : float array [samples]

    Raises
    ------
    DigitizationError
        If the wave is constant.

    Examples
    --------
    >>> z_score(np.array([0.0, 2.0]))
    array([[-1.,  1.]], dtype=float32)
    """
    spread = float(np.std(wave))
    # Centres of gravity are exact to far less than a thousandth of a pixel: below that nothing was drawn but a line.
    if not spread > 1e-3:
        raise DigitizationError(
            "strip", "expected a wave, found a constant line", "check that the page shows a rhythm strip"
        )
    scored: NDArray[np.float32] = ((wave - wave.mean()) / spread).astype(np.float32)
    return scored[None, :]


def _check_rate(rate_hz: float, columns: int, options: StripOptions) -> None:
    if rate_hz <= 2 * BAND_HZ[1]:
        least = int(2 * BAND_HZ[1] * options.duration_s) + 1
        raise DigitizationError(
            "strip",
            f"a strip of {options.duration_s:g} s filtered up to {BAND_HZ[1]:g} Hz needs at least {least} columns, "
            f"the page has {columns}",
            "scan it at a higher resolution",
        )
