"""A page: the picture of an ECG, as a scanner, a camera or a PDF renderer gave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.errors import RecordError

__all__ = ["Page"]


@dataclass(frozen=True, eq=False)
class Page:
    """One picture of a paper ECG.

    Parameters
    ----------
    image : uint8 array [height, width, 3]
        RGB, read-only after construction.
    dpi : float or None
        Dots per inch as the file states them. Only a check: the scale is measured on the page.
    source : str
        Where the page came from, for messages: a file name, with ``#page=2`` for a page of many.

    Raises
    ------
    RecordError
        If the image is not uint8 RGB or is empty, or the resolution is not a positive number.
    """

    image: NDArray[np.uint8]
    dpi: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        image = np.asarray(self.image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise RecordError(
                f"a page needs a uint8 RGB image [height, width, 3], got {image.dtype} {list(image.shape)}: "
                "read it with ecg.formats.read"
            )
        if self.dpi is not None and not (np.isfinite(self.dpi) and self.dpi > 0):
            raise RecordError(f"a page's resolution must be a positive number of dots per inch, got {self.dpi}")
        image = image.view()
        image.flags.writeable = False
        object.__setattr__(self, "image", image)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])
