"""The width of columns, told by the names that stand at their starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from drawings import draw, ink_of

from digitize.columns import column_bounds
from digitize.comb import name_comb
from digitize.frame import Frame, widened
from digitize.text import NameHit
from digitize.trace import find_rows
from ecg import LAYOUTS, ECGRecord
from synth import SynthPage

MM = 8.0
#: Four columns of 500 pixels, their names 12 pixels behind the starts.
NAMES = LAYOUTS["3x4"].rows


def words(starts: Sequence[float], behind: float = 12.0, jitter: float = 0.0) -> list[NameHit]:
    rng = np.random.default_rng(0)
    found = []
    for r, row in enumerate(NAMES):
        for start, lead in zip(starts, row, strict=True):
            x = start + behind + float(rng.normal(0, jitter))
            found.append(NameHit(lead, (x, 100.0 * r, x + 30, 100.0 * r + 16), 0.9))
    return found


@pytest.mark.parametrize("jitter", [0.0, 2.0])
@pytest.mark.parametrize("stop", [1800.0, 2100.0, 2250.0])
def test_names_tell_the_width_though_the_end_of_the_lines_was_missed(jitter: float, stop: float) -> None:
    comb = name_comb(words((100, 600, 1100, 1600), jitter=jitter), 4, 100, stop, MM)
    assert comb is not None
    assert comb.width_px == pytest.approx(500, abs=2)
    assert comb.first_px == pytest.approx(112, abs=4)


def test_letters_read_into_beats_move_no_column() -> None:
    strokes = [NameHit("I", (x, 40.0, x + 4, 60.0), 0.6) for x in (170.0, 333.0, 781.0, 1333.0)]
    comb = name_comb([*words((100, 600, 1100, 1600)), *strokes], 4, 100, 2100, MM)
    assert comb is not None
    assert comb.width_px == pytest.approx(500, abs=0.5)


def test_names_of_the_first_column_may_stand_in_the_margin() -> None:
    names = [
        replace(n, xyxy_px=(30.0, *n.xyxy_px[1:])) if n.xyxy_px[0] < 200 else n for n in words((100, 600, 1100, 1600))
    ]
    comb = name_comb(names, 4, 100, 2100, MM)
    assert comb is not None
    assert comb.first_px == pytest.approx(112, abs=1)


@pytest.mark.parametrize("columns", [3, 5, 6])
def test_another_number_of_columns_finds_no_comb(columns: int) -> None:
    assert name_comb(words((100, 600, 1100, 1600)), columns, 100, 2100, MM) is None


def test_few_names_and_single_columns_tell_nothing() -> None:
    assert name_comb(words((100, 600, 1100, 1600))[:3], 4, 100, 2100, MM) is None
    assert name_comb(words((100, 600, 1100, 1600)), 1, 100, 2100, MM) is None
    assert name_comb([], 4, 100, 2100, MM) is None


@pytest.fixture(scope="module")
def page(heart: ECGRecord) -> SynthPage:
    return draw(heart, "3x4")


def frame(page: SynthPage, cut_s: float = 0.0) -> Frame:
    """What a page shows if the last seconds of its lines were not found."""
    share, mm = ink_of(page), page.scale.px_per_mm_x
    rows, _ = find_rows(share, mm)
    stop = max(float(t.x[-1]) for t in page.traces) - cut_s * page.scale.px_per_s
    hits = tuple(
        NameHit(t.text, (*t.quad[0].tolist(), *t.quad[2].tolist()), 0.9) for t in page.texts if t.role == "lead"
    )
    return Frame(share, rows, float(page.traces[0].x[0]), stop, mm, hits, ())


@pytest.mark.parametrize("cut_s", [0.0, 0.5, 1.4])
def test_columns_keep_their_places_where_the_end_of_the_lines_was_missed(page: SynthPage, cut_s: float) -> None:
    cut = frame(page, cut_s)
    bounds = column_bounds(cut, LAYOUTS["3x4"])
    width = 2.5 * page.scale.px_per_s
    np.testing.assert_allclose(np.diff(bounds), width, rtol=0.02)
    starts = [min(b.xyxy[0] for b in page.boxes if b.lead == lead) for lead in NAMES[0]]
    np.testing.assert_allclose(bounds[:-1], starts, atol=1.5 * page.scale.px_per_mm_x)
    wide = widened(cut, bounds)
    assert wide.stop_px >= bounds[-1] - 1
    assert all(row.stop_px >= bounds[-1] - 1 for row in wide.rows)


@pytest.mark.parametrize("separator", ["tick", "dashes", "dots"])
def test_separators_place_the_columns_whatever_they_are_drawn_of(heart: ECGRecord, separator: str) -> None:
    """The end of the lines lies 4 mm too far right, and no name was read."""
    marked = draw(heart, "3x4", separator=separator)
    late = frame(marked, -4 / 25)
    bounds = column_bounds(replace(late, names=()), LAYOUTS["3x4"])
    width = 2.5 * marked.scale.px_per_s
    np.testing.assert_allclose(np.diff(bounds[1:-1]), width, atol=0.3 * marked.scale.px_per_mm_x)


def test_a_frame_that_reaches_far_enough_stays_as_it_is(page: SynthPage) -> None:
    whole = frame(page)
    assert widened(whole, (whole.start_px, whole.stop_px)) is whole


def test_columns_of_a_cropped_page_begin_off_it(page: SynthPage) -> None:
    """The frame of a cropped page is widened to its edge, not beyond."""
    whole = frame(page)
    wide = widened(whole, (-50.0, whole.share.shape[1] + 50.0))
    assert (wide.start_px, wide.stop_px) == (0.0, float(whole.share.shape[1]))
