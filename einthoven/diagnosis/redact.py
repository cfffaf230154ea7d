"""Pictures without what stands around the recording: names, dates, numbers.

Nothing is recognised; everything outside the recording area is blanked. What is printed inside it, between the traces,
stays: a redacted picture is not yet an anonymous one, and a person has to look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from digitize.result import Digitization
    from einthoven.diagnosis.result import Diagnosis

__all__ = ["redacted", "redacted_reading"]

#: Grey of what was blanked, so that it is seen to be.
_BLANK = 208


def redacted(diagnosis: Diagnosis) -> Diagnosis:
    """Blank the page of a diagnosis outside the recording area.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    Diagnosis
        The same where there is no page.
    """
    d = diagnosis.digitization
    return diagnosis if d is None else replace(diagnosis, digitization=redacted_reading(d))


def redacted_reading(d: Digitization) -> Digitization:
    """Blank the page of a reading outside the corners of its recording area.

    Parameters
    ----------
    d : Digitization

    Returns
    -------
    Digitization
        With no pixel outside the corners; with none at all where no area was found.

    Examples
    --------
    >>> from digitize.result import Digitization
    >>> from ecg.page import Page
    >>> page = Page(np.zeros((9, 9, 3), np.uint8))
    >>> square = np.array([[2, 2], [6, 2], [6, 6], [2, 6]], float)
    >>> blanked = redacted_reading(Digitization(None, page, "refused", corners=square)).page.image
    >>> int((blanked == 0).all(axis=2).sum())
    25
    """
    keep = np.zeros(d.page.image.shape[:2], dtype=np.uint8)
    if d.corners is not None and np.isfinite(d.corners).all():
        import cv2

        cv2.fillConvexPoly(keep, np.rint(d.corners).astype(np.int32), 1)
    image = np.where(keep[..., None].astype(bool), d.page.image, np.uint8(_BLANK))
    return replace(d, page=replace(d.page, image=image))
