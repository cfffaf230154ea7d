"""Pictures of a report: the page with the reading over it, small enough for a file that is mailed, and the map."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from digitize.result import Digitization
    from ecg import ECGRecord
    from einthoven.diagnosis.result import Explained

__all__ = ["explanation_picture", "jpeg", "reading_picture"]

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


def explanation_picture(explained: Explained, record: ECGRecord) -> tuple[bytes, float]:
    """Leads over their attribution, and its shares by lead, wave and territory.

    Parameters
    ----------
    explained : Explained
    record : ECGRecord
        What the model was given.

    Returns
    -------
    bytes
        PNG.
    float
        Height over width.
    """
    from PIL import Image

    from explain.figures import draw_summary

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "explanation.png"
        draw_summary(path, explained.explanation, record, explained.anatomy)
        content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        return content, picture.height / picture.width


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
