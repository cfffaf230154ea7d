"""The printed paper speed and gain: each looked at again, closer, before it is believed.

A misread speed stretches the whole record, so that one glance is not enough. The spotter's network takes words of very
different sizes; the same words, cut out of the full resolution and enlarged, are other pixels to it, and what it says
of all sizes, on average, is surer than what it says of one (as test-time augmentation has it: Krizhevsky et al. 2012,
doi:10.1145/3065386, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digitize.text.spotter import GAINS, PX_PER_MM, SPEEDS, NameHit, TextOptions, find_names

__all__ = ["PrintedScale", "look_again", "printed_scale"]

Float = NDArray[np.float32]

#: Sizes at which a text is seen again, relative to the first look: capitals of 1.3 mm, the smallest of scale lines,
#: become as high as those of lead names.
_ZOOMS = (1.0, 1.25, 1.6)
#: Paper around a text that is cut out with it, in mm: as wide as the network looks at its finer levels.
_MARGIN_MM = (6.0, 4.0)
#: Of a text that a look does not find within this distance, in mm, the look says nothing.
_NEAR_MM = 4.0
#: Values that most pages have: reading one where another is printed is what would be assumed without any text.
_USUAL = ("25mm/s", "10mm/mV")
#: Confidence from which a text counts: for a usual value more likely than not; another one changes the record and must
#: be surer, and below that it is a doubt only. One look at 100 drawn pages was wrong three times at 0.6, never at 0.8.
#: Gains in cm/mV are rare and badly known: 1 cm/mV was taken for 5 mm/mV at up to 0.81 on 16 drawn pages, 2 cm/mV for
#: 2.5 at 0.85, where 5 and 20 mm/mV were read at 0.88 to 0.97 on 19 of 21.
_LIKELY, _SURE, _SURE_GAIN = 0.6, 0.8, 0.86


@dataclass(frozen=True)
class PrintedScale:
    """What a page prints of its scale.

    Parameters
    ----------
    texts : tuple of str
        Speeds and gains that were read surely: ``"25mm/s"``, ``"10mm/mV"``.
    unsure : tuple of str
        Unusual ones that may stand there, and may not.
    """

    texts: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def printed_scale(hits: Sequence[NameHit], cut: Sequence[NameHit] = ()) -> PrintedScale:
    """Decide which printed speeds and gains are believed.

    Parameters
    ----------
    hits : sequence of NameHit
        From `look_again`; lead names among them are left out.
    cut : sequence of NameHit
        Those that begin where the picture does: ``10 mm/mV`` that lost its 1 was read as 5 at 0.93. An unusual value
        there is unsure, however well it is read.

    Returns
    -------
    PrintedScale

    Examples
    --------
    >>> box = (0.0, 0.0, 40.0, 8.0)
    >>> printed_scale([NameHit("25mm/s", box, 0.7), NameHit("5mm/mV", box, 0.7)])
    PrintedScale(texts=('25mm/s',), unsure=('5mm/mV',))
    """
    found = [h for h in hits if not h.is_lead and h.confidence >= _LIKELY]
    sure = [
        h
        for h in found
        if h.text in _USUAL or (h not in cut and h.confidence >= (_SURE_GAIN if h.text in GAINS else _SURE))
    ]
    return PrintedScale(tuple(h.text for h in sure), tuple(h.text for h in found if h not in sure))


def look_again(
    share: Float, px_per_mm: float, hits: Sequence[NameHit], options: TextOptions | None = None
) -> tuple[NameHit, ...]:
    """Look closer at every speed and gain among the words of a page.

    Parameters
    ----------
    share : float32 array [height, width]
        Ink of the page at its own resolution, 0 to 1.
    px_per_mm : float
        Of ``share``.
    hits : sequence of NameHit
        Words in pixels of ``share``; lead names come back as they are.
    options : TextOptions, optional

    Returns
    -------
    tuple of NameHit
        Each scale text with the value that all looks together find likeliest, and their mean confidence in it.
    """
    return tuple(h if h.is_lead else _closer(share, px_per_mm, h, options or TextOptions()) for h in hits)


def _closer(share: Float, px_per_mm: float, hit: NameHit, options: TextOptions) -> NameHit:
    """Look at one text at all sizes."""
    rivals = SPEEDS if hit.text in SPEEDS else GAINS
    said = dict.fromkeys(rivals, 0.0)
    for zoom in _ZOOMS:
        for text, confidence in _seen(share, px_per_mm, hit, zoom, options).items():
            if text in said:
                said[text] += confidence / len(_ZOOMS)
    best = max(rivals, key=lambda text: said[text])
    return replace(hit, text=best, confidence=said[best])


def _seen(share: Float, px_per_mm: float, hit: NameHit, zoom: float, options: TextOptions) -> dict[str, float]:
    """Look once at the text in the middle of a cut-out; return the confidence of each value."""
    import cv2

    x0, y0, x1, y1 = hit.xyxy_px
    left, top = (max(0, round(v - m * px_per_mm)) for v, m in zip((x0, y0), _MARGIN_MM, strict=True))
    part = share[top : round(y1 + _MARGIN_MM[1] * px_per_mm), left : round(x1 + _MARGIN_MM[0] * px_per_mm)]
    factor = zoom * PX_PER_MM / px_per_mm
    if min(part.shape) * factor < 1:
        return {}
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    ink = cv2.resize(part, None, fx=factor, fy=factor, interpolation=how).clip(0, 1)
    middle = (np.array([x0 + x1, y0 + y1]) / 2 - (left, top)) * factor
    said: dict[str, float] = {}
    # 0.02: whatever is less likely does not move a mean.
    for other in find_names(ink, replace(options, min_confidence=0.02, min_scale_confidence=0.02, max_overlap=0.999)):
        a, b, c, d = other.xyxy_px
        if np.hypot(*(np.array([a + c, b + d]) / 2 - middle)) < _NEAR_MM * PX_PER_MM * zoom:
            said[other.text] = max(said.get(other.text, 0.0), other.confidence)
    return said
