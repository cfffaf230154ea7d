"""Lines and words of a PDF page, as the file describes them: nothing is drawn, so nothing is lost.

Most ECG carts print to PDF as paths: the trace is a polyline in the file, exact to its last decimal. Terms and the
nesting of coordinate systems follow ISO 32000-1 (sections 8.3 coordinates, 8.5 paths, 8.10 form XObjects).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import FormatError
from ecg.formats.pdf_words import Matrix, Word, moved_box, moved_points, read_words
from ecg.formats.pdfium import LOCK, load_page, open_document

__all__ = ["RGB", "Stroke", "VectorPage", "Word", "read_vector_page", "turned"]

RGB = tuple[int, int, int]

#: Chords a Bézier curve is cut into. The gap between curve and chords falls with the square of their number: the curve
#: between two samples of an ECG (under 1 mm) bulges at most a few tenths of that, an eighth cuts it to under 0.005 mm.
_CHORDS = 8

#: Form XObjects inside each other. Real files nest two or three; a hostile one may nest without end.
_MAX_DEPTH = 12


@dataclass(frozen=True, eq=False)
class Stroke:
    """One subpath: a run of straight lines.

    Parameters
    ----------
    points : float array [points, 2]
        x, y in points from the top left corner of the displayed page, y downwards.
    closed : bool
        The last point joins the first one.
    stroke_rgb, fill_rgb : tuple of int or None
        Colours, 0 to 255; None where the path is not stroked or not filled, or is transparent.
    width_pt : float
        Line width in points; 0 is the thinnest line a device can draw.
    dashed : bool
        The line is broken into dashes or dots.
    clip : tuple of float or None
        Left, top, right, bottom of the box outside which nothing of it shows; None where nothing is cut off.
    """

    points: NDArray[np.float64]
    closed: bool
    stroke_rgb: RGB | None
    fill_rgb: RGB | None
    width_pt: float
    dashed: bool = False
    clip: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class VectorPage:
    """The paths and words of one page.

    Parameters
    ----------
    size_pt : tuple of float
        Width and height of the displayed page (its /Rotate obeyed) in points of 1/72 inch.
    strokes : tuple of Stroke
        In drawing order.
    words : tuple of Word
    n_images : int
        Pictures on the page; a scan is one picture and no path.
    truncated : bool
        The page has more segments, words or nesting than the limits allow; the rest was left out.
    """

    size_pt: tuple[float, float]
    strokes: tuple[Stroke, ...]
    words: tuple[Word, ...]
    n_images: int = 0
    truncated: bool = False


def read_vector_page(
    path: str | Path, page_index: int = 0, *, max_segments: int = 500_000, max_chars: int = 50_000
) -> VectorPage:
    """Read the paths and words of a PDF page.

    Matrices of objects and of form XObjects are applied, Bézier curves are cut into chords, rectangular clips are kept
    beside the path. Shading and tiling patterns, and text drawn as outlines, are not read as lines or words.

    Parameters
    ----------
    path : str or Path
    page_index : int
        Page number, counted from 0.
    max_segments : int
        Most path segments read; twelve leads of 10 s at 1000 Hz have 120,000.
    max_chars : int
        Most characters read.

    Returns
    -------
    VectorPage

    Raises
    ------
    FormatError
        If the file or the page cannot be read.
    """
    with LOCK:
        document = open_document(path)
        try:
            page = load_page(document, page_index, path)
            try:
                return _read(page, max_segments, max_chars, path)
            finally:
                page.close()
        finally:
            document.close()


def turned(page: VectorPage, quarters: int) -> VectorPage:
    """Page turned clockwise by quarter turns, as if the paper itself were turned.

    Parameters
    ----------
    page : VectorPage
    quarters : int
        Quarter turns, clockwise.

    Returns
    -------
    VectorPage

    Examples
    --------
    >>> line = Stroke(np.array([[10.0, 0.0], [10.0, 50.0]]), False, (0, 0, 0), None, 1.0)
    >>> turned(VectorPage((100.0, 50.0), (line,), ()), 1).strokes[0].points.tolist()
    [[50.0, 10.0], [0.0, 10.0]]
    """
    for _ in range(quarters % 4):
        height = page.size_pt[1]
        # Clockwise: what lay at the bottom comes to the left, so x' = height - y and y' = x.
        matrix = np.array([[0.0, -1.0, height], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        page = replace(
            page,
            size_pt=(height, page.size_pt[0]),
            strokes=tuple(
                replace(
                    s, points=moved_points(matrix, s.points), clip=None if s.clip is None else moved_box(matrix, s.clip)
                )
                for s in page.strokes
            ),
            words=tuple(Word(w.text, moved_box(matrix, w.xyxy), (w.angle_deg + 90.0) % 360.0) for w in page.words),
        )
    return page


def _read(page: Any, max_segments: int, max_chars: int, name: str | Path) -> VectorPage:
    import pypdfium2
    import pypdfium2.raw as pdfium

    try:
        to_display = _display_matrix(page)
        reader = _Reader(max_segments)
        count = pdfium.FPDFPage_CountObjects(page)
        strokes = list(reader.walk((pdfium.FPDFPage_GetObject(page, i) for i in range(count)), to_display, 0))
        width, height = page.get_size()
        words, cut = read_words(page, to_display, max_chars)
        # Writing beside the sheet is not printed.
        words = tuple(w for w in words if w.xyxy[2] > 0 and w.xyxy[0] < width and w.xyxy[3] > 0 and w.xyxy[1] < height)
    except pypdfium2.PdfiumError:
        raise FormatError(f"{name}: the page's paths cannot be read; save the PDF again") from None
    return VectorPage((width, height), tuple(strokes), words, reader.n_images, reader.truncated or cut)


def _display_matrix(page: Any) -> Matrix:
    """From the page's own coordinates (y upwards, /Rotate not obeyed) to the displayed page (y downwards)."""
    left, bottom, right, top = page.get_bbox()
    # ISO 32000-1, table 30: /Rotate turns the page clockwise when it is shown.
    rows = {
        0: [[1, 0, -left], [0, -1, top]],
        90: [[0, 1, -bottom], [1, 0, -left]],
        180: [[-1, 0, right], [0, 1, -bottom]],
        270: [[0, -1, top], [-1, 0, right]],
    }[page.get_rotation()]
    matrix = np.array([*rows, [0, 0, 1]], dtype=np.float64)
    # One where a unit is a point; a page may state another unit (/UserUnit, section 14.11.2).
    width, height = page.get_size()
    shown = (right - left, top - bottom) if page.get_rotation() % 180 == 0 else (top - bottom, right - left)
    return np.diag([width / shown[0], height / shown[1], 1.0]) @ matrix


class _Reader:
    """Walks the objects of a page, counting what it reads against the limit."""

    def __init__(self, max_segments: int) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._left = max_segments
        self.n_images = 0
        self.truncated = False

    def walk(self, objects: Iterator[Any], matrix: Matrix, depth: int) -> Iterator[Stroke]:
        pdfium = self._pdfium
        for obj in objects:
            kind = pdfium.FPDFPageObj_GetType(obj)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                yield from self._path(obj, matrix)
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                self.n_images += 1
            elif kind == pdfium.FPDF_PAGEOBJ_FORM:
                if depth >= _MAX_DEPTH:
                    self.truncated = True
                    continue
                inside = (
                    pdfium.FPDFFormObj_GetObject(obj, i) for i in range(max(0, pdfium.FPDFFormObj_CountObjects(obj)))
                )
                yield from self.walk(inside, matrix @ self._matrix(obj), depth + 1)
            self._left -= 1
            if self._left <= 0:
                self.truncated = True
                return

    def _path(self, obj: Any, matrix: Matrix) -> Iterator[Stroke]:
        pdfium = self._pdfium
        fill, stroked = ctypes.c_int(), ctypes.c_int()
        if not pdfium.FPDFPath_GetDrawMode(obj, fill, stroked):
            return
        stroke_rgb = self._colour(pdfium.FPDFPageObj_GetStrokeColor, obj) if stroked.value else None
        fill_rgb = self._colour(pdfium.FPDFPageObj_GetFillColor, obj) if fill.value else None
        if stroke_rgb is None and fill_rgb is None:
            return
        full = matrix @ self._matrix(obj)
        width = ctypes.c_float()
        pdfium.FPDFPageObj_GetStrokeWidth(obj, width)
        # A line's width grows with the square root of the area's growth (exact where x and y grow alike).
        width_pt = width.value * float(np.sqrt(abs(np.linalg.det(full[:2, :2]))))
        dashed = pdfium.FPDFPageObj_GetDashCount(obj) > 0
        clip = self._clip(obj, matrix)
        count = pdfium.FPDFPath_CountSegments(obj)
        for points, closed in self._subpaths(pdfium.FPDFPath_GetPathSegment, obj, count):
            yield Stroke(moved_points(full, points), closed, stroke_rgb, fill_rgb, width_pt, dashed, clip)

    def _subpaths(self, get: Any, *where_and_count: Any) -> Iterator[tuple[NDArray[np.float64], bool]]:
        """Cut a path or clip path into runs of points, read through the accessor ``get(*where, index)``."""
        pdfium = self._pdfium
        *where, count = where_and_count
        if count > self._left:
            self.truncated, count = True, max(0, self._left)
        self._left -= count
        x, y = ctypes.c_float(), ctypes.c_float()
        run: list[tuple[float, float]] = []
        control: list[tuple[float, float]] = []
        for index in range(count):
            segment = get(*where, index)
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            kind = pdfium.FPDFPathSegment_GetType(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                if len(run) > 1:
                    yield np.array(run), False
                run = [(x.value, y.value)]
            elif kind == pdfium.FPDF_SEGMENT_BEZIERTO:
                control.append((x.value, y.value))
                if len(control) == 3:
                    run.extend(_chords(run[-1] if run else control[0], control))
                    control = []
            else:
                run.append((x.value, y.value))
            if pdfium.FPDFPathSegment_GetClose(segment) and run:
                if len(run) > 1:
                    yield np.array(run), True
                run = run[:1]  # the next subpath starts where this one did (section 8.5.2.1)
        if len(run) > 1:
            yield np.array(run), False

    def _matrix(self, obj: Any) -> Matrix:
        m = self._pdfium.FS_MATRIX()
        if not self._pdfium.FPDFPageObj_GetMatrix(obj, m):
            return np.eye(3)
        return np.array([[m.a, m.c, m.e], [m.b, m.d, m.f], [0.0, 0.0, 1.0]], dtype=np.float64)

    def _colour(self, get: Any, obj: Any) -> RGB | None:
        r, g, b, alpha = (ctypes.c_uint() for _ in range(4))
        if not get(obj, r, g, b, alpha) or alpha.value == 0:
            return None
        return r.value, g.value, b.value

    def _clip(self, obj: Any, matrix: Matrix) -> tuple[float, float, float, float] | None:
        """Box in common to the bounding boxes of all paths that clip an object."""
        pdfium = self._pdfium
        clip = pdfium.FPDFPageObj_GetClipPath(obj)
        count = pdfium.FPDFClipPath_CountPaths(clip) if clip else 0
        if count <= 0:
            return None
        x0, y0, x1, y1 = -np.inf, -np.inf, np.inf, np.inf
        for index in range(count):
            n = pdfium.FPDFClipPath_CountPathSegments(clip, index)
            if n <= 0 or n > 64:  # an outline of many points is no rectangle: leave it out of the box
                continue
            runs = [points for points, _ in self._subpaths(pdfium.FPDFClipPath_GetPathSegment, clip, index, n)]
            if runs:
                corners = moved_points(matrix, np.concatenate(runs))
                x0, y0 = np.maximum((x0, y0), corners.min(axis=0))
                x1, y1 = np.minimum((x1, y1), corners.max(axis=0))
        return (float(x0), float(y0), float(x1), float(y1)) if np.isfinite([x0, y0, x1, y1]).all() else None


def _chords(start: tuple[float, float], control: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points along a cubic Bézier curve after its start (section 8.5.2.2, Bernstein form)."""
    t = np.arange(1, _CHORDS + 1)[:, None] / _CHORDS
    p0, (p1, p2, p3) = np.array(start), np.array(control)
    curve = (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3
    return [(float(x), float(y)) for x, y in curve]
