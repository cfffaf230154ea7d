"""Printed lead names and scale texts, found by a small network that looks for known words only.

A page prints few words that matter here: the lead names, the paper speed and the gain. Spotting these as whole words is
easier than reading all text, and it works where an ordinary character reader fails: where a trace runs through the
letters or a bar stands beside them. The network is fully convolutional and gives one heat map a word, whose peaks are
the words' centres, and the size of the word at each peak: the idea of "Objects as Points" (Zhou, Wang and Krähenbühl
2019, arXiv:1904.07850). It runs with onnxruntime; `digitize.train` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.inked import inked
from ecg.errors import ModelError, OptionsError, RecordError

__all__ = ["GAINS", "LEAD_NAMES", "PX_PER_MM", "SPEEDS", "STRIDE_PX", "WORDS", "NameHit", "TextOptions", "find_names"]

#: Resolution of the ink map in pixels per millimetre: a cap height of 1.6 mm, the smallest in use, is then 6 pixels.
PX_PER_MM = 4.0

#: The network answers once every 8 pixels (2 mm) in both directions; no two words stand closer than that.
STRIDE_PX = 8
#: Paper around the ink that the network is shown, in pixels: 8 mm, twice the height of a name.
_MARGIN_PX = 32

#: Lead names that are told apart; "-aVR" is aVR printed upside down, in Cabrera order.
LEAD_NAMES = (
    *("I", "II", "III", "aVR", "aVL", "aVF", "-aVR", "V1", "V2", "V3", "V4", "V5", "V6"),
    *("V3R", "V4R", "V7", "V8", "V9"),
)

#: Paper speeds, as they are normalised: no space, "s" for "sec".
SPEEDS = ("12.5mm/s", "25mm/s", "50mm/s")

#: Gains, as they are normalised.
GAINS = ("2.5mm/mV", "5mm/mV", "10mm/mV", "20mm/mV")

#: Everything the network tells apart, in the order of its heat maps.
WORDS = (*LEAD_NAMES, *SPEEDS, *GAINS)

_DEFAULT_FOLDER = Path(__file__).parent.parent / "weights" / "text"


@dataclass(frozen=True)
class NameHit:
    """One printed word.

    Parameters
    ----------
    text : str
        One of `WORDS`.
    xyxy_px : tuple of float
        Left, top, right, bottom of its ink, in pixels of the ink map.
    confidence : float
        Probability that this word is printed here, 0 to 1, calibrated on drawn pages in fonts unseen in training.
    """

    text: str
    xyxy_px: tuple[float, float, float, float]
    confidence: float

    @property
    def is_lead(self) -> bool:
        """Whether this is a lead name, not a speed or gain."""
        return self.text in LEAD_NAMES


@dataclass(frozen=True)
class TextOptions:
    """How sure the spotter of printed names must be.

    Parameters
    ----------
    min_confidence : float
        Least confidence of a hit, 0 to 1. Below 0.5 a hit is more likely wrong than right; 0.3 leaves the layout stage,
        which knows where names may stand, a choice.
    min_scale_confidence : float
        Least confidence of a speed or gain, 0 to 1: low, for `digitize.text.look_again` has the last word.
    max_overlap : float
        Of two hits that share more than this part of the smaller box, the less sure one goes; 0 to 1. "I" inside "II"
        shares all of it, neighbouring names share nothing.
    weights : pathlib.Path or None
        Folder of another model; None takes the one that ships.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    min_confidence: float = 0.3
    min_scale_confidence: float = 0.3
    max_overlap: float = 0.3
    weights: Path | None = None

    def __post_init__(self) -> None:
        for name in ("min_confidence", "min_scale_confidence", "max_overlap"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise OptionsError(f"{name} must lie between 0 and 1, got {value!r}")


def find_names(ink: NDArray[np.float32], options: TextOptions | None = None) -> tuple[NameHit, ...]:
    """Find the printed lead names, paper speeds and gains on a page.

    Parameters
    ----------
    ink : float32 array [height, width]
        Ink map at 4 pixels per millimetre in both directions: 0 is paper, 1 is full ink, the grid is suppressed.
        Scale errors of 15 % and a tilt of 4 degrees do little harm.
    options : TextOptions, optional

    Returns
    -------
    tuple of NameHit
        From top to bottom, then from left to right.

    Raises
    ------
    RecordError
        If `ink` is not a two-dimensional float array within 0 to 1.
    ModelError
        If the model is missing or damaged.

    Examples
    --------
    >>> find_names(np.zeros((120, 160), np.float32))
    ()
    """
    options = options or TextOptions()
    ink = _checked(ink)
    session, words = _load(options.weights or _DEFAULT_FOLDER)
    held = inked(ink, _MARGIN_PX, STRIDE_PX)
    height, width = ink[held].shape
    # The network halves the size three times: whole cells only, so that cell k is centred on pixel 8 k + 3.5.
    padded = np.pad(ink[held], ((0, -height % STRIDE_PX), (0, -width % STRIDE_PX)))
    heat, box = session.run(None, {"ink": padded[None, None]})
    hits = _peaks(heat[0], box[0], words, options.min_confidence, (held[1].start, held[0].start))
    kept = _without_overlaps(hits, options.max_overlap)
    # After the overlaps: an unsure speed is still better evidence than the less sure name inside it.
    kept = [hit for hit in kept if hit.is_lead or hit.confidence >= options.min_scale_confidence]
    return tuple(sorted(kept, key=lambda hit: (hit.xyxy_px[1], hit.xyxy_px[0])))


def _checked(ink: NDArray[Any]) -> NDArray[np.float32]:
    """Return the ink map as contiguous float32, or refuse it."""
    ink = np.asarray(ink)
    if ink.ndim != 2 or 0 in ink.shape or not np.issubdtype(ink.dtype, np.floating):
        raise RecordError(f"an ink map is a float array [height, width], got {ink.dtype} {list(ink.shape)}")
    low, high = float(ink.min()), float(ink.max())
    if not (low >= 0 and high <= 1):
        raise RecordError(f"an ink map lies between 0 (paper) and 1 (ink), got {low:.3g} to {high:.3g}: rescale it")
    return np.ascontiguousarray(ink, dtype=np.float32)


@lru_cache(maxsize=4)
def _load(folder: Path) -> tuple[Any, tuple[str, ...]]:
    """Open the network of a model folder on one thread, with the words of its card."""
    import onnxruntime

    from ecg.checkpoint import load_card

    words = load_card(folder).labels
    settings = onnxruntime.SessionOptions()
    # One thread a page: many pages at once are the caller's affair.
    settings.intra_op_num_threads = 1
    settings.inter_op_num_threads = 1
    path = folder / "model.onnx"
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, which share no base
        raise ModelError(
            f"{path} must be the network of the name reader, got {type(error).__name__}: reinstall, or make it with "
            "`python -m digitize.train --part text`"
        ) from error
    return session, words


def _peaks(
    heat: NDArray[np.float32],
    box: NDArray[np.float32],
    words: tuple[str, ...],
    least: float,
    corner_px: tuple[int, int] = (0, 0),
) -> list[NameHit]:
    """Return the local maxima of the heat maps as hits.

    Parameters
    ----------
    heat : float32 array [words, rows, columns]
        Probability of each word's centre in each cell.
    box : float32 array [4, rows, columns]
        Centre's x and y from the cell's centre, then width and height as logarithms, all in cells.
    corner_px : tuple of int
        Column and row of the ink map in which the first cell starts.
    """
    hits = []
    for word, row, column in np.argwhere(heat >= least):
        if heat[word, row, column] < heat[word, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].max():
            continue
        dx, dy, log_width, log_height = (float(v) for v in box[:, row, column])
        # Half a cell: cell k covers pixels 8 k to 8 k + 7, whose outer edges are 8 k and 8 k + 8.
        x, y = corner_px[0] + STRIDE_PX * (column + 0.5 + dx), corner_px[1] + STRIDE_PX * (row + 0.5 + dy)
        half_width, half_height = STRIDE_PX * np.exp(log_width) / 2, STRIDE_PX * np.exp(log_height) / 2
        corners = (x - half_width, y - half_height, x + half_width, y + half_height)
        hits.append(NameHit(words[word], _as_floats(corners), float(heat[word, row, column])))
    return hits


def _as_floats(corners: tuple[Any, Any, Any, Any]) -> tuple[float, float, float, float]:
    """Return plain floats, which compare and print as expected."""
    left, top, right, bottom = (float(c) for c in corners)
    return left, top, right, bottom


def _without_overlaps(hits: list[NameHit], most: float) -> list[NameHit]:
    """Keep the surer of any two hits that share more than `most` of the smaller box."""
    kept: list[NameHit] = []
    for hit in sorted(hits, key=lambda h: -h.confidence):
        if all(_shared(hit.xyxy_px, other.xyxy_px) <= most for other in kept):
            kept.append(hit)
    return kept


def _shared(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Return the shared area as a part of the smaller box."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
