"""The pictures of docs/refused.md: pages that the reader refuses or doubts, one a reason.

``python -m benchmarks.refusals [NAME ...]`` draws each page from a synthetic record, reads it, and writes
``docs/pictures/refused_NAME.jpg`` and, to stdout, what the reader said. The tests hold the document against the same
pages, so that a message can neither be reworded nor dropped without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize import DigitizeOptions, digitize
from ecg import ECGRecord, Page
from ecg.errors import DigitizationError
from ecg.formats.atomic import replacing
from synth import PageStyle, render, sample_physiology, synthesize_record

__all__ = ["CASES", "FOLDER", "LARGEST", "Case", "main", "said", "write"]

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"

#: Width of a picture in pixels, and the largest file in bytes: all together stay below half a megabyte.
_WIDTH, LARGEST = 440, 16_000
#: Dots per inch of the pages: 3.9 pixels a millimetre, read in half the time of 150 dpi.
_DPI = 100.0
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """A page with one thing wrong.

    Parameters
    ----------
    draw : callable
        Gives the page.
    status : str
        ``"refused"`` or ``"review"``.
    about : str
        A few words of the reason that is meant, to find it among several.
    options : mapping
        Fields of `DigitizeOptions` that the person has set.
    """

    draw: Callable[[], Page]
    status: str
    about: str
    options: dict[str, Any] = field(default_factory=dict)


@cache
def _heart(kind: str = "norm", seed: int = 4) -> ECGRecord:
    """Ten seconds at 500 Hz."""
    return synthesize_record(sample_physiology(np.random.default_rng(seed), kind))


def _page(record: ECGRecord | None = None, **style: Any) -> Page:
    look = replace(PageStyle(dpi=_DPI), **style)
    return render(record or _heart(), None, look).page


def _picture(image: NDArray[Any]) -> Page:
    return Page(np.ascontiguousarray(image, dtype=np.uint8))


def _thumbnail() -> Page:
    import cv2

    return _picture(cv2.resize(_page().image, (80, 57), interpolation=cv2.INTER_AREA))


def _faint() -> Page:
    """Ink that has all but gone, on paper without a grid."""
    return _page(grid=False, paper_rgb=(255,) * 3, trace_rgb=(238,) * 3, text_rgb=(238,) * 3)


def _letter() -> Page:
    """Lines of writing on a white sheet."""
    import cv2

    image = _page(grid=False, pulse="none", paper_rgb=(255,) * 3).image.copy()
    image[:] = 255
    words = "The patient was seen on the ward and felt well: no pain, no fever. Next visit in May at ten."
    for k in range(14):
        place, size = (60, 120 + 44 * k), 0.7
        cv2.putText(image, words[k:], place, cv2.FONT_HERSHEY_SIMPLEX, size, (30, 30, 30), 1, cv2.LINE_AA)
    return _picture(image)


def _two_strips() -> Page:
    return _page(rows=(("II",), ("V1",)), layout="2x1", names="none")


def _lines(*leads: str, **style: Any) -> Page:
    """Five lines of single leads; one lead alone fills them all."""
    rows = tuple((lead,) for lead in (leads * 5)[:5])
    return _page(rows=rows, layout="5x1", **style)


def _fibrillation() -> Page:
    """Lines without beats, names and separators: coarse waves that nothing repeats."""
    rng = np.random.default_rng(3)
    t = np.arange(5000) / 500
    waves = [sum(np.sin(2 * np.pi * (f * t + p)) for f, p in rng.uniform((2, 0), (7, 1), (9, 2))) for _ in range(12)]
    record = ECGRecord(np.float32(0.12) * np.array(waves, dtype=np.float32), 500.0, _heart().leads)
    return _page(record, layout="4x3", names="none", separator="none")


def _mirrored() -> Page:
    return _picture(_page().image[:, ::-1])


def _spliced(at: float, dpi: float = _DPI, **below: Any) -> Page:
    """Join the standard page, down to a part of its height, to another below."""
    image = _page(dpi=dpi).image.copy()
    row = round(at * len(image))
    image[row:] = _page(dpi=dpi, **below).image[row:]
    return _picture(image)


def _covered() -> Page:
    """Stick a label over a lead."""
    image = _page().image.copy()
    height, width = image.shape[:2]
    image[round(0.28 * height) : round(0.5 * height), round(0.56 * width) : round(0.72 * width)] = 255
    return _picture(image)


def _exchanged() -> ECGRecord:
    """Cables of the arms and of the left leg in each other's place: III is printed as II and II as III."""
    heart = _heart()
    signal = np.array(heart.signal)
    signal[[1, 2]] = signal[[2, 1]]
    return ECGRecord(signal, heart.fs, heart.leads)


def _loud() -> ECGRecord:
    """Heart of twice the usual voltage."""
    return replace(_heart(), signal=np.float32(2.0) * np.asarray(_heart().signal))


def _double_name() -> Page:
    rows = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V1", "V5"), ("III", "aVF", "V3", "V6"))
    return _page(rows=rows, rhythm=("II",))


def _chest_nameless() -> Page:
    """Draw a sheet of the chest leads alone, two columns of three seconds, without names."""
    rows = tuple(zip(_heart().leads[6:9], _heart().leads[9:], strict=True))
    return _page(rows=rows, layout="3x2", names="none", seconds=6.0, paper_mm=(185.0, 150.0))


def _half_speed() -> Page:
    """109 beats a minute on paper at half the usual speed, which is not printed."""
    signal = np.asarray(_heart().signal)
    there = np.arange(0, signal.shape[1] - 1, 4 / 3)
    faster = np.stack([np.interp(there, np.arange(signal.shape[1]), line) for line in signal])
    fast = ECGRecord(np.concatenate([faster, faster], axis=1)[:, : signal.shape[1]], _heart().fs, _heart().leads)
    return _page(fast, speed_mm_per_s=12.5, scale_text=False, paper_mm=(170.0, 210.0), dpi=200.0)


def _mirrored_nameless() -> Page:
    """Mirror a page that shows neither names nor pulses: only the order of its waves tells."""
    return _picture(_page(names="none", pulse="none").image[:, ::-1])


def _names_moved() -> Page:
    """Print the names of V1 to V3 ten millimetres behind the start of their column: two squares of the grid."""
    drawn = render(_heart(), None, PageStyle(dpi=_DPI))
    image, step = drawn.page.image.copy(), round(10 * drawn.scale.px_per_mm_x)
    for text in drawn.texts:
        if text.role == "lead" and text.text in ("V1", "V2", "V3"):
            left, top = np.floor(text.quad.min(axis=0)).astype(int) - 2
            right, bottom = np.ceil(text.quad.max(axis=0)).astype(int) + 2
            name = image[top:bottom, left:right].copy()
            beside = image[top:bottom, left + step : right + step].copy()
            image[top:bottom, left:right] = beside
            image[top:bottom, left + step : right + step] = np.minimum(name, beside)
    return _picture(image)


def _blurred(pulse: str = "none", sigma_px: float = 1.45, noise: float = 26.0) -> Page:
    """Photograph out of focus in bad light."""
    import cv2

    image = _page(pulse=pulse).image
    grain = np.random.default_rng(0).normal(0, noise, image.shape)
    return _picture(np.clip(cv2.GaussianBlur(image, (0, 0), sigma_px) + grain, 0, 255))


_BOX = (40.0, 140.0, 1120.0, 140.0, 1120.0, 780.0, 40.0, 780.0)

#: Every page by the name of its picture, in the order of the document.
CASES: dict[str, Case] = {
    "no_scale": Case(lambda: _page(grid=False, pulse="none"), "refused", "neither a grid"),
    "no_trace": Case(_letter, "refused", "runs like a trace"),
    "faint": Case(_faint, "refused", "darkest strokes"),
    "lines": Case(_two_strips, "refused", "the lines of a known layout"),
    "single_leads": Case(lambda: _lines("I", "II", "aVF", "V1", "V5", names="none"), "refused", "one lead throughout"),
    "given_layout": Case(_page, "refused", "lines of layout", {"layout": "6x2"}),
    "mirrored": Case(_mirrored, "refused", "mirrored"),
    "poor": Case(lambda: _blurred("left", 2.4, 45.0), "refused", "poorly read"),
    "tiny": Case(_thumbnail, "refused", "64 pixels"),
    "corners_order": Case(_page, "refused", "clockwise", {"corners": _BOX[:2] + _BOX[6:] + _BOX[4:6] + _BOX[2:4]}),
    "corners_span": Case(_page, "refused", "corners span", {"corners": (40, 140, 90, 140, 90, 200, 40, 200)}),
    "corners_off": Case(_page, "refused", "off the page", {"corners": tuple(2 * c for c in _BOX)}),
    "mirrored_nameless": Case(_mirrored_nameless, "review", "waves come before"),
    "names_astray": Case(_names_moved, "review", "names stand"),
    "expected": Case(_blurred, "review", "are expected at"),
    "lead_poor": Case(_covered, "review", "poorly read"),
    "strangers": Case(_fibrillation, "refused", "beat together"),
    "same_lead": Case(lambda: _lines("II", names="none"), "review", "no other lead"),
    "repeated": Case(lambda: _lines("II"), "review", "stands beside"),
    "swapped": Case(lambda: _page(_exchanged()), "review", "disagree"),
    "name": Case(_double_name, "review", "stands where"),
    "rate": Case(_half_speed, "review", "beats would come"),
    "short_columns": Case(_chest_nameless, "review", "each column"),
    "untold_gain": Case(lambda: _page(scale_text=False, pulse="none"), "review", "neither a pulse nor print"),
    "stopped": Case(lambda: _page(_loud(), clip_mm=8.0), "review", "end flat"),
    "height": Case(lambda: _page(gain_mm_per_mv=2.5, scale_text=False, pulse="none"), "review", "on average"),
    "no_gain": Case(lambda: _page(gain_mm_per_mv=7.0, scale_text=False), "review", "fits no gain"),
    "pulses": Case(lambda: _spliced(0.5, gain_mm_per_mv=5.0), "review", "differ in height"),
    "one_pulse": Case(
        lambda: _page(gain_mm_per_mv=5.0, pulse_once=True, scale_text=False), "review", "one calibration pulse alone"
    ),
    "printed_gain": Case(lambda: _spliced(0.93, 200.0, gain_mm_per_mv=20.0), "review", "printed gain"),
    "given_gain": Case(_page, "review", "given is", {"gain_mm_per_mv": 20.0, "speed_mm_per_s": 25.0}),
    "stretched": Case(_page, "review", "between time and voltage", {"px_per_mm": (3.94, 4.6)}),
    "dpi": Case(lambda: replace(_page(), dpi=20.0), "review", "five times off"),
}


def said(name: str) -> tuple[str, ...]:
    """Read the page of a case.

    Parameters
    ----------
    name : str
        Key of `CASES`.

    Returns
    -------
    tuple of str
        The status, then the reasons, as the command line gives them.
    """
    case = CASES[name]
    try:
        reading = digitize(case.draw(), DigitizeOptions(**case.options))
    except DigitizationError as error:
        return "refused", str(error)
    return reading.status, *reading.reasons


def write(name: str, folder: Path = FOLDER) -> Path:
    """Write the picture of a case, at the quality that keeps it small.

    Parameters
    ----------
    name : str
    folder : Path

    Returns
    -------
    Path
    """
    import io

    from PIL import Image

    case = CASES[name]
    picture = Image.fromarray(_with_corners(case.draw().image, case.options.get("corners")))
    picture.thumbnail((_WIDTH, _WIDTH), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    for quality in range(80, 10, -5):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= LARGEST:
            break
    path = folder / f"refused_{name}.jpg"
    with replacing(path) as temporary:
        temporary.write_bytes(data.getvalue())
    return path


def _with_corners(image: Picture, corners: tuple[float, ...] | None) -> Picture:
    """Page with the corners that were given, numbered by a line that goes round them."""
    import cv2

    if corners is None:
        return image
    points = np.array(corners).reshape(4, 2)
    far = np.maximum(points.max(axis=0), image.shape[1::-1]).astype(int) + 20
    canvas = np.full((far[1], far[0], 3), 255, np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, (0, 114, 178), 6, cv2.LINE_AA)
    cv2.circle(canvas, tuple(int(v) for v in points[0]), 14, (0, 114, 178), -1, cv2.LINE_AA)
    return canvas


def main(names: list[str]) -> int:
    """Write the pictures and tell what the reader says of the pages."""
    unknown = sorted(set(names) - set(CASES))
    if unknown:
        sys.stderr.write(f"no page is called {', '.join(unknown)}; there are {', '.join(CASES)}\n")
        return 2
    FOLDER.mkdir(exist_ok=True)
    for name in names or CASES:
        sys.stdout.write(f"{write(name).name}: {' | '.join(said(name))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
