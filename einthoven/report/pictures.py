"""Pictures of a report: the page with the reading over it, small enough for a file that is mailed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from digitize.result import Digitization

__all__ = ["jpeg", "reading_picture"]

#: 180 mm at 200 dots per inch.
_MAX_WIDTH_PX = 1420
#: Lines of 1 px stay clear at this quality; an A4 page takes about 300 kB.
_JPEG_QUALITY = 80


def reading_picture(d: Digitization) -> tuple[bytes, float]:
    """Page with the reading drawn over it.

    Parameters
    ----------
    d : Digitization

    Returns
    -------
    bytes
        JPEG.
    float
        Height over width.
    """
    from digitize.overlay import draw

    return jpeg(draw(d))


def jpeg(image: NDArray[np.uint8]) -> tuple[bytes, float]:
    """Picture as JPEG, at most 1420 pixels wide.

    Parameters
    ----------
    image : uint8 array [height, width, 3]

    Returns
    -------
    bytes
    float
        Height over width.
    """
    from PIL import Image

    picture = Image.fromarray(image)
    width, height = picture.size
    if width > _MAX_WIDTH_PX:
        picture = picture.resize((_MAX_WIDTH_PX, max(1, round(height * _MAX_WIDTH_PX / width))), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue(), picture.size[1] / picture.size[0]
