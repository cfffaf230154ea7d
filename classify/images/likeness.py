"""Whether a page looks like those that models of pages learnt from.

Classes that another hospital gave its pages, printed by one device, are that hospital's: what was learnt from them
holds for pages like them. Twelve numbers of a recording's picture (lightness, tint, chroma, shape) and Mahalanobis's
distance to the pages learnt from tell whether one is (Lee et al., NeurIPS 2018, arXiv 1807.03888, use the same distance
on a network's features for the same purpose).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg.errors import ModelError

__all__ = ["Likeness", "fitted_likeness", "look_of"]

Double = NDArray[np.float64]

#: Width in pixels at which pictures are compared, so that the scanner's resolution does not count.
_WIDTH = 640
#: A page may be this much further from the middle than any that was learnt from.
_ROOM = 1.2
#: Variance, in units of the numbers' own, below which no number is trusted: the step of a grey level.
_STEP = 1.0


def look_of(area: NDArray[np.uint8]) -> Double:
    """Numbers that tell one print from another.

    Parameters
    ----------
    area : uint8 array [height, width, 3]
        RGB; the recording, as `classify.images.area.recording_area` cuts it out.

    Returns
    -------
    float64 array [12]
        5th, 50th and 95th percentile of CIE L*, a* and b* (as OpenCV scales them to bytes), 50th and 90th of the
        chroma, and a hundred times height over width.
    """
    import cv2

    height, width = area.shape[:2]
    size = (_WIDTH, max(1, round(_WIDTH * height / width)))
    small = cv2.resize(np.ascontiguousarray(area), size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float64)
    chroma = np.hypot(lab[:, 1] - 128, lab[:, 2] - 128)
    levels = np.percentile(lab, [5, 50, 95], axis=0).ravel()
    out: Double = np.r_[levels, np.percentile(chroma, [50, 90]), 100 * height / width]
    return out


@dataclass(frozen=True, eq=False)
class Likeness:
    """The looks that pages learnt from have.

    Parameters
    ----------
    middle : float64 array [12]
        Median of `look_of`.
    inverse : float64 array [12, 12]
        Inverse of the covariance.
    most : float
        Distance up to which a page counts as like them.
    """

    middle: Double
    inverse: Double
    most: float

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Likeness:
        """Take from JSON; ModelError if it is damaged."""
        try:
            middle, inverse = np.asarray(given["middle"], np.float64), np.asarray(given["inverse"], np.float64)
            most = float(given["most"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the likeness of a route is damaged ({error}); install the package again") from error
        if inverse.shape != (middle.size, middle.size) or not np.isfinite([most, *middle, *inverse.ravel()]).all():
            raise ModelError("the likeness of a route is damaged (its numbers do not fit); install the package again")
        return cls(middle, inverse, most)

    def to_dict(self) -> dict[str, Any]:
        """Give as JSON takes it, to six digits."""

        def short(values: ArrayLike) -> Any:
            return np.vectorize(lambda v: float(f"{v:.6g}"))(np.asarray(values)).tolist()

        return {"middle": short(self.middle), "inverse": short(self.inverse), "most": float(f"{self.most:.4g}")}

    def distance(self, look: ArrayLike) -> float:
        """Mahalanobis's distance of a look to the middle."""
        away = np.asarray(look, np.float64) - self.middle
        return float(np.sqrt(max(float(away @ self.inverse @ away), 0.0)))

    def holds(self, look: ArrayLike) -> bool:
        """Whether a page with this look is like those that were learnt from."""
        return self.distance(look) <= self.most


def fitted_likeness(looks: Sequence[ArrayLike]) -> Likeness:
    """Likeness to pages with these looks.

    Parameters
    ----------
    looks : sequence of float array [12]
        At least two.

    Returns
    -------
    Likeness
        Every one of them is within it.
    """
    x = np.asarray(looks, np.float64)
    inverse: Double = np.asarray(np.linalg.inv(np.cov(x.T) + _STEP * np.eye(x.shape[1])), np.float64)
    middle: Double = np.asarray(np.median(x, axis=0), np.float64)
    free = Likeness(middle, inverse, 0.0)
    return Likeness(free.middle, inverse, _ROOM * max(free.distance(look) for look in x))
