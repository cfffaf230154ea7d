"""Pictures of a report: the page with the reading over it, small enough for a file that is mailed, and the map."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from einthoven.overlays import drawn

if TYPE_CHECKING:
    from digitize.result import Digitization
    from ecg import ECGRecord
    from einthoven.diagnosis.result import Diagnosis, Explained

__all__ = ["explanation_picture", "jpeg", "map_on_page", "reading_picture", "shows_on_page"]

#: 180 mm at 200 dots per inch.
_MAX_WIDTH_PX = 1420
#: Lines of 1 px stay clear at this quality; an A4 page takes about 300 kB.
_JPEG_QUALITY = 80


def reading_picture(d: Digitization, overlay: NDArray[np.uint8] | None = None) -> tuple[bytes, float]:
    """Page with the reading drawn over it.

    Parameters
    ----------
    d : Digitization
    overlay : uint8 array [height, width, 3], optional
        From `einthoven.overlays.drawn` where it is drawn already.

    Returns
    -------
    bytes
        JPEG.
    float
        Height over width.
    """
    return jpeg(drawn(d) if overlay is None else overlay)


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


def shows_on_page(diagnosis: Diagnosis) -> bool:
    """Whether what the models saw lies on the traces of a page; the published strip has no place on it.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    bool
    """
    d = diagnosis.digitization
    return d is not None and d.scale is not None and bool(d.traces) and diagnosis.seen is diagnosis.record


def map_on_page(explained: Explained, d: Digitization) -> tuple[bytes, float]:
    """Attribution drawn back on the page as it came, over the traces that caused it.

    Parameters
    ----------
    explained : Explained
        Of the record that was read from the page.
    d : Digitization
        With a scale.

    Returns
    -------
    bytes
        JPEG.
    float
        Height over width.
    """
    from explain.through_page import draw_on_page

    return jpeg(draw_on_page(_smaller(d), explained.explanation))


def _smaller(d: Digitization) -> Digitization:
    """Give the reading of the same page at the size at which it is shown: drawing on 12 Mpx takes a second."""
    height, width = d.page.image.shape[:2]
    share = _MAX_WIDTH_PX / width
    if share >= 1:
        return d
    import cv2

    size = (_MAX_WIDTH_PX, max(1, round(height * share)))
    page = replace(d.page, image=cv2.resize(d.page.image, size, interpolation=cv2.INTER_AREA))
    back = np.diag([1 / share, 1 / share, 1.0])
    homography = None if d.homography is None else d.homography @ back
    flat = d.flattening
    if flat is not None:
        flat = replace(flat, lattice=flat.lattice * share, homography=flat.homography @ back)
    return replace(d, page=page, homography=homography, flattening=flat)


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
