"""Several ECGs on one page are read one by one, in pixels of the page as it came; one ECG is never cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawings import draw

from digitize import digitize, digitize_all
from digitize.recordings import chosen
from digitize.result import Digitization
from ecg import ECGRecord, Page
from ecg.errors import DigitizationError
from ecg.fidelity import page_fidelity
from synth import SynthPage, draw_page, open_source, page_look, sample_physiology, synthesize_record

Picture = np.ndarray


@pytest.fixture(scope="module")
def pair(heart: ECGRecord) -> tuple[SynthPage, SynthPage]:
    """Two people's pages on short sheets."""
    other = synthesize_record(sample_physiology(np.random.default_rng(11)))
    sheet = {"paper_mm": (290.0, 120.0), "margin_top_mm": 10.0, "dpi": 120}
    return draw(heart, "3x4+1", **sheet), draw(other, "3x4+1", **sheet)


def joined(pages: tuple[Picture, ...], axis: int) -> Page:
    size = max(p.shape[1 - axis] for p in pages)
    padded = []
    for p in pages:
        room = [(0, 0), (0, 0), (0, 0)]
        room[1 - axis] = (0, size - p.shape[1 - axis])
        padded.append(np.pad(p, room, constant_values=255))
    return Page(np.ascontiguousarray(np.concatenate(padded, axis)))


@pytest.mark.parametrize("axis", [0, 1], ids=["one above the other", "side by side"])
def test_two_ecgs_on_a_page_are_two_records_and_tell_where_they_stand(
    pair: tuple[SynthPage, SynthPage], axis: int
) -> None:
    page = joined(tuple(p.page.image for p in pair), axis)
    found = digitize_all(page)
    assert [d.part for d in found] == [(1, 2), (2, 2)]
    for k, (d, truth) in enumerate(zip(found, pair, strict=True)):
        assert d.status == "accepted"
        assert d.record is not None
        assert page_fidelity(truth.record, d.record, moody=False).median_snr_db > 15
        assert d.page is page
        offset = np.array([truth.page.width, truth.page.height]) * k * np.array([axis, 1 - axis])
        assert d.corners is not None
        assert d.homography is not None
        ends = np.array([(t.x[0], t.x[-1]) for t in truth.traces])
        assert d.corners[0, 0] == pytest.approx(ends.min() + offset[0], abs=8)
        assert d.corners[1, 0] == pytest.approx(ends.max() + offset[0], abs=8)
        assert truth.page.height > d.corners[0, 1] - offset[1] > 0
        # The homography leads from the page to the pixels in which the boxes are told.
        back = d.homography @ [*d.corners[0], 1.0]
        assert back[0] / back[2] == pytest.approx(min(b.xyxy[0] for b in d.boxes), abs=0.5)


def test_one_call_for_one_record_says_that_there_is_another(pair: tuple[SynthPage, SynthPage]) -> None:
    reading = digitize(joined(tuple(p.page.image for p in pair), 0))
    assert reading.status == "review"
    assert reading.reasons[0] == "the page holds 2 ECGs, this is number 1"
    assert reading.record is not None
    assert page_fidelity(pair[0].record, reading.record, moody=False).median_snr_db > 15


def test_two_pages_of_three_rows_are_no_page_of_six(heart: ECGRecord) -> None:
    other = synthesize_record(sample_physiology(np.random.default_rng(11)))
    sheet = {"paper_mm": (290.0, 100.0), "margin_top_mm": 8.0, "dpi": 120}
    pages = tuple(draw(record, "3x4", **sheet).page.image for record in (heart, other))
    assert [d.layout.name for d in digitize_all(joined(pages, 0)) if d.layout is not None] == ["3x4", "3x4"]


@pytest.mark.parametrize("name", ["6x2", "3x4+3", "12x1+1"])
def test_one_ecg_is_never_cut(heart: ECGRecord, name: str) -> None:
    for names in ("below", "none"):
        assert len(digitize_all(draw(heart, name, names=names, margin_top_mm=12.0, dpi=120).page)) == 1


def test_where_none_of_several_is_read_all_reasons_are_told(standard_page: SynthPage) -> None:
    refused = [
        Digitization(None, standard_page.page, "refused", (reason,), part=(k, 2)) for k, reason in ((1, "a"), (2, "b"))
    ]
    with pytest.raises(DigitizationError, match="none of the 2 ECGs on the page could be read: a; b"):
        chosen(refused)


def test_strips_below_columns_of_the_same_seconds_are_no_second_ecg() -> None:
    from synth import iter_pages

    (page,) = iter_pages("physiology", "published", 77, 2, 3)
    (found,) = digitize_all(page.page)
    assert found.layout is not None
    assert found.layout.name == "3x4+3"


def test_a_coarse_page_of_six_lines_is_one_recording() -> None:
    """Scans of 6x2 at 100 dpi were cut in two: of a QRS one column wide, the middle of the line does not move."""
    record = open_source("physiology").get(2026, 17).record
    style, _ = page_look(record, "scan", 2026, 17)
    page = draw_page(record, "scan", 2026, 17, replace(style, dpi=100.0)).page
    assert [d.layout.name for d in digitize_all(page) if d.layout is not None] == ["6x2"]
