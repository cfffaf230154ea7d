"""Pages with one thing wrong, each with the signals that it truly shows: what may give a wrong signal in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg import LAYOUTS, ECGRecord, Page
from synth import PageStyle, SynthPage, apply_steps, render, sample_physiology, sample_steps, synthesize_record

__all__ = ["WRONG", "WrongPage", "wrong_page"]

Image = NDArray[np.uint8]
#: Dots per inch at which pages are drawn unless the kind asks for another: 5.9 pixels a millimetre.
_DPI = 150.0
_NAMELESS = {"names": "none", "scale_text": False}
_PULSELESS = {"pulse": "none", "scale_text": False}


@dataclass(frozen=True, eq=False)
class WrongPage:
    """A page and what it shows.

    Parameters
    ----------
    page : Page
    truth : ECGRecord
        Signals in the seconds of the undamaged page, NaN where they are not on it.
    """

    page: Page
    truth: ECGRecord


def _heart(rng: np.random.Generator) -> ECGRecord:
    return synthesize_record(sample_physiology(rng))


def _drawn(rng: np.random.Generator, record: ECGRecord | None = None, **style: Any) -> SynthPage:
    """Page of a heart, scanned: tilted by up to 2 degrees, a little uneven and noisy."""
    look = replace(PageStyle(dpi=_DPI), **style)
    return apply_steps(render(record or _heart(rng), None, look), sample_steps(rng, "scan"))


def _changed(drawn: SynthPage, image: NDArray[Any], truth: ECGRecord | None = None) -> WrongPage:
    return WrongPage(Page(np.ascontiguousarray(image, dtype=np.uint8)), drawn.record if truth is None else truth)


def _picture(change: Callable[[Image], NDArray[Any]], **style: Any) -> Callable[[np.random.Generator], WrongPage]:
    """Kind of pages whose picture is changed, and with it nothing of what it shows."""

    def draw(rng: np.random.Generator) -> WrongPage:
        drawn = _drawn(rng, **style)
        return _changed(drawn, change(np.asarray(drawn.page.image)))

    return draw


def _plain(**style: Any) -> Callable[[np.random.Generator], WrongPage]:
    return _picture(lambda image: image, **style)


def _resized(width: float, height: float = 1.0) -> Callable[[Image], NDArray[Any]]:
    def change(image: Image) -> NDArray[Any]:
        import cv2

        how = cv2.INTER_AREA if width < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, None, fx=width, fy=height, interpolation=how))

    return change


def _exchanged(a: str, b: str) -> Callable[[np.random.Generator], WrongPage]:
    """Kind of pages that print two leads, names and all, in each other's customary places."""

    def draw(rng: np.random.Generator) -> WrongPage:
        other = {a: b, b: a}
        rows = tuple(tuple(other.get(lead, lead) for lead in row) for row in LAYOUTS["3x4+1"].rows)
        drawn = _drawn(rng, rows=rows, rhythm=("II",))
        return WrongPage(Page(np.asarray(drawn.page.image)), drawn.record)

    return draw


def _misnamed(a: str, b: str) -> Callable[[np.random.Generator], WrongPage]:
    """Kind of pages that print the names of two leads in each other's place, the lines in their own."""

    def draw(rng: np.random.Generator) -> WrongPage:
        record = _heart(rng)
        signal, i, j = np.array(record.signal), record.leads.index(a), record.leads.index(b)
        true = _drawn(np.random.default_rng(0), record).record
        signal[[i, j]] = signal[[j, i]]
        drawn = _drawn(rng, ECGRecord(signal, record.fs, record.leads, record.meta))
        return WrongPage(Page(np.asarray(drawn.page.image)), true)

    return draw


def _cut(left: float, top: float, right: float, bottom: float, **style: Any) -> Callable[..., WrongPage]:
    """Kind of pages of which only a part is in the picture, as shares of its width and height.

    What was cut away is not asked for: leads are compared over the seconds that the reading has in common with them.
    """

    def change(image: Image) -> NDArray[Any]:
        height, width = image.shape[:2]
        return image[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]

    return _picture(change, **style)


def _spliced(at: float, **below: Any) -> Callable[[np.random.Generator], WrongPage]:
    """Kind of pages whose lower part was printed in another way."""

    def draw(rng: np.random.Generator) -> WrongPage:
        record = _heart(rng)
        above, other = render(record, None, PageStyle(dpi=_DPI)), render(record, None, PageStyle(dpi=_DPI, **below))
        image = np.array(above.page.image)
        row = round(at * len(image))
        image[row:] = other.page.image[row:]
        return _changed(above, image)

    return draw


def _other_column(rng: np.random.Generator) -> WrongPage:
    """Page whose right half shows another person: two half pages, copied beside each other."""
    one, two = _drawn(rng), _drawn(rng)
    image = np.array(one.page.image)
    height, width = (min(s) for s in zip(one.page.image.shape[:2], two.page.image.shape[:2], strict=True))
    half = round(0.52 * width)
    image[:height, half:width] = two.page.image[:height, half:width]
    right = {lead for row in one.layout.rows for lead in row[2:]}
    signal = np.array(one.record.signal)
    for lead in right:
        signal[one.record.leads.index(lead)] = two.record[lead]
    return _changed(one, image, replace(one.record, signal=signal))


def _erased(rng: np.random.Generator) -> WrongPage:
    """Page with a white label over parts of two leads."""
    drawn = _drawn(rng)
    image = np.array(drawn.page.image)
    height, width = image.shape[:2]
    x, y = rng.uniform(0.2, 0.6), rng.uniform(0.25, 0.5)
    image[round(y * height) : round((y + 0.25) * height), round(x * width) : round((x + 0.12) * width)] = 255
    return _changed(drawn, image)


def _clipped(rng: np.random.Generator) -> WrongPage:
    """Page whose pen stops 8 mm from the line of 0 mV."""
    heart = _heart(rng)
    loud = ECGRecord(np.float32(2.0) * heart.signal, heart.fs, heart.leads, heart.meta)
    full = render(loud, None, PageStyle(dpi=_DPI)).record
    drawn = _drawn(rng, loud, clip_mm=8.0)
    return WrongPage(Page(np.asarray(drawn.page.image)), full)


def _repressed(image: Image) -> NDArray[Any]:
    """Picture after a JPEG of quality 8: what messengers leave of a photograph."""
    import cv2

    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 8])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))


#: What is wrong with a page, in words, and how it is drawn.
WRONG: dict[str, Callable[[np.random.Generator], WrongPage]] = {
    "mirrored": _picture(lambda image: image[:, ::-1]),
    "mirrored, no names": _picture(lambda image: image[:, ::-1], **_NAMELESS),
    "mirrored, no names, no pulse": _picture(lambda image: image[:, ::-1], names="none", **_PULSELESS),
    "upside down": _picture(lambda image: image[::-1, ::-1]),
    "upside down, no names": _picture(lambda image: image[::-1, ::-1], **_NAMELESS),
    "upside down, no names, no pulse": _picture(lambda image: image[::-1, ::-1], names="none", **_PULSELESS),
    "flipped top to bottom": _picture(lambda image: image[::-1]),
    "on its side": _picture(lambda image: np.rot90(image)),
    "on its side, no names": _picture(lambda image: np.rot90(image), **_NAMELESS),
    "negative": _picture(lambda image: 255 - image),
    "printed gain 20, pulse 10 mm": _spliced(0.93, gain_mm_per_mv=20.0),
    "chest leads at 5 mm/mV, said by pulses of two steps": _plain(chest_gain_mm_per_mv=5.0),
    "chest leads at 5 mm/mV, no pulse": _plain(chest_gain_mm_per_mv=5.0, pulse="none"),
    "chest leads at 5 mm/mV, nothing says so": _plain(chest_gain_mm_per_mv=5.0, **_PULSELESS),
    "12x1, chest leads at 5 mm/mV, lower pulses say so": _spliced(0.52, layout="12x1", gain_mm_per_mv=5.0),
    "gain 5, said by the pulse alone": _plain(gain_mm_per_mv=5.0, scale_text=False),
    "gain 20, nothing says so": _plain(gain_mm_per_mv=20.0, **_PULSELESS),
    "50 mm/s, nothing says so": _plain(speed_mm_per_s=50.0, seconds=5.0, scale_text=False),
    "II and III named for each other": _misnamed("II", "III"),
    "I and II named for each other": _misnamed("I", "II"),
    "aVR and aVL named for each other": _misnamed("aVR", "aVL"),
    "V1 and V6 named for each other": _misnamed("V1", "V6"),
    "II and III printed in each other's place": _exchanged("II", "III"),
    "V1 and V6 printed in each other's place": _exchanged("V1", "V6"),
    "I and aVR printed in each other's place": _exchanged("I", "aVR"),
    "left quarter cut off": _cut(0.25, 0, 1, 1),
    "right quarter cut off": _cut(0, 0, 0.75, 1),
    "right eighth cut off": _cut(0, 0, 0.88, 1),
    "lower half cut off": _cut(0, 0, 1, 0.55),
    "upper half cut off": _cut(0, 0.5, 1, 1),
    "first line cut off, no names": _cut(0, 0.42, 1, 1, names="none"),
    "right half of another person": _other_column,
    "label over two leads": _erased,
    "pen stops at 8 mm": _clipped,
    "stretched by 1.4 along time": _picture(_resized(1.4)),
    "stretched by 1.4 along time, no grid": _picture(_resized(1.4), grid=False),
    "12x1 at 55 dpi": _plain(layout="12x1", dpi=55.0),
    "12x1 at 65 dpi": _plain(layout="12x1", dpi=65.0),
    "12x1 at 75 dpi": _plain(layout="12x1", dpi=75.0),
    "3x4+1 at 55 dpi": _plain(dpi=55.0),
    "only lines of 5 mm": _plain(grid_kind="major"),
    "only lines of 5 mm, no pulse": _plain(grid_kind="major", **_PULSELESS),
    "JPEG of quality 8": _picture(_repressed),
}


def wrong_page(kind: str, number: int) -> WrongPage:
    """Page of a kind, the same every time.

    Parameters
    ----------
    kind : str
        Key of `WRONG`.
    number : int
        Another heart and another scan each.
    """
    # Kinds share hearts and scans, so that they differ in what is wrong alone.
    return WRONG[kind](np.random.default_rng([2026, number]))
