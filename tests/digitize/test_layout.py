"""Which lead stands where: by printed names, by structure, and by standard order where nothing is printed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawings import BARE, draw, ink_of

from digitize import DigitizeOptions
from digitize.layout import Frame, match_layout
from digitize.pipeline import digitize
from digitize.text import NameHit
from digitize.trace import find_rows
from ecg import LAYOUTS, LEADS, ECGRecord, Page, PageLayout
from ecg.errors import DigitizationError
from ecg.fidelity import lead_fidelity
from ecg.paper import CABRERA, EXTRA_LAYOUTS
from synth import SynthPage, render

#: No lead stands where the standard order has it.
PERMUTED = PageLayout(
    "3x4+1", (("V6", "I", "aVF", "V2"), ("aVL", "V3", "II", "aVR"), ("V1", "III", "V4", "V5")), ("II",)
)


def names_of(page: SynthPage, confidence: float = 0.9) -> tuple[NameHit, ...]:
    """Every printed lead name, as a perfect spotter would read it."""
    return tuple(
        NameHit(t.text, (*t.quad[0].tolist(), *t.quad[2].tolist()), confidence) for t in page.texts if t.role == "lead"
    )


def frame_of(page: SynthPage, names: tuple[NameHit, ...] = ()) -> Frame:
    """What a page shows, with names of our own making."""
    share, mm = ink_of(page), page.scale.px_per_mm_x
    rows, _ = find_rows(share, mm)
    return Frame(share, rows, float(page.traces[0].x[0]), max(float(t.x[-1]) for t in page.traces), mm, names, ())


@pytest.fixture(scope="module")
def permuted_page(heart: ECGRecord) -> SynthPage:
    return draw(heart, PERMUTED)


@pytest.mark.parametrize("name", ["3x4", "3x4+1", "6x2"])
def test_named_pages_in_standard_order_are_told_with_a_margin(heart: ECGRecord, name: str) -> None:
    page = draw(heart, name, pulse="none")
    match = match_layout(frame_of(page, names_of(page)))
    assert match.layout == LAYOUTS[name]
    assert match.named == 12 + len(LAYOUTS[name].rhythm)
    assert match.assumed == ()
    assert match.margin > 0.3
    columns = LAYOUTS[name].shape[1]
    starts = [t.x[0] for t in page.traces if t.row == 0]
    assert match.bounds_px == pytest.approx([*starts, page.traces[-1].x[-1]], abs=1.5)
    assert len(match.bounds_px) == columns + 1


def test_permuted_rows_are_read_by_their_names(permuted_page: SynthPage) -> None:
    match = match_layout(frame_of(permuted_page, names_of(permuted_page)))
    assert match.layout == PERMUTED
    assert match.named == 13
    assert match.assumed == ()


def test_permuted_rows_are_read_with_some_names_missing_and_say_which_were_assumed(permuted_page: SynthPage) -> None:
    names = tuple(n for n in names_of(permuted_page) if n.text != "V5")
    match = match_layout(frame_of(permuted_page, names))
    # Twelve leads in twelve places: the one that is left over stands in the place that is left over.
    assert match.layout.rows == PERMUTED.rows
    assert any("V5" in a for a in match.assumed)


def test_one_misread_name_swaps_no_leads(heart: ECGRecord) -> None:
    page = draw(heart, "3x4+1")
    names = tuple(
        NameHit("V3" if n.text == "V2" else n.text, n.xyxy_px, 0.8 if n.text == "V2" else n.confidence)
        for n in names_of(page)
    )
    match = match_layout(frame_of(page, names))
    assert match.layout.rows == LAYOUTS["3x4+1"].rows
    assert any("V2" in a for a in match.assumed)


def test_two_names_confused_with_each_other_at_low_confidence_swap_no_leads(heart: ECGRecord) -> None:
    page = draw(heart, "3x4+1")
    other = {"V5": "V6", "V6": "V5"}
    names = tuple(
        NameHit(other.get(n.text, n.text), n.xyxy_px, 0.4 if n.text in other else n.confidence) for n in names_of(page)
    )
    assert match_layout(frame_of(page, names)).layout.rows == LAYOUTS["3x4+1"].rows


def test_two_leads_that_stand_in_each_other_s_place_are_read_by_their_names(heart: ECGRecord) -> None:
    swapped = {"V1": "V5", "V5": "V1"}
    rows = tuple(tuple(swapped.get(lead, lead) for lead in row) for row in LAYOUTS["3x4+1"].rows)
    page = draw(heart, PageLayout("3x4+1", rows, ("II",)))
    match = match_layout(frame_of(page, names_of(page, 0.9)))
    assert match.layout.rows == rows
    assert match.assumed == ()


def test_without_names_standard_order_is_taken_and_said(heart: ECGRecord) -> None:
    match = match_layout(frame_of(draw(heart, "3x4+1")))
    assert match.layout == LAYOUTS["3x4+1"]
    assert match.named == 0
    assert "standard lead order" in match.assumed
    assert any("rhythm strip II" in a for a in match.assumed)


@pytest.mark.parametrize("strip", ["III", "V1", "aVF"])
def test_the_strip_is_what_its_name_says(heart: ECGRecord, strip: str) -> None:
    layout = PageLayout("3x4+1", LAYOUTS["3x4+1"].rows, (strip,))
    page = draw(heart, layout)
    match = match_layout(frame_of(page, names_of(page)))
    assert match.layout == layout


def test_three_strips_are_told_from_six_rows(heart: ECGRecord) -> None:
    for name in ("3x4+3", "6x2"):
        page = draw(heart, name)
        assert match_layout(frame_of(page, names_of(page))).layout.name == name


def test_cabrera_order_prints_avr_upside_down(heart: ECGRecord) -> None:
    rows = tuple((a, b) for a, b in zip(("aVL", "I", "-aVR", "II", "aVF", "III"), LEADS[6:], strict=True))
    page = draw(heart, PageLayout("6x2", rows))
    assert match_layout(frame_of(page, names_of(page))).layout.rows == rows


def test_a_given_layout_is_taken_and_its_leads_by_name(permuted_page: SynthPage) -> None:
    match = match_layout(frame_of(permuted_page, names_of(permuted_page)), "3x4+1")
    assert match.layout == PERMUTED


def test_separators_are_found_where_columns_meet(heart: ECGRecord) -> None:
    page = draw(heart, "3x4", pulse="none")
    match = match_layout(frame_of(page, names_of(page)))
    bars = sorted({round(float(t.quad[:, 0].mean()), 1) for t in page.texts if t.role == "separator"})
    assert len(match.separators_px) == 3
    for (first, last), bar in zip(match.separators_px, bars, strict=True):
        assert first - 1 <= bar <= last + 1
    unmarked = draw(heart, "3x4", pulse="none", separator="none")
    assert match_layout(frame_of(unmarked, names_of(unmarked))).separators_px == ()


@pytest.mark.parametrize(("count", "given"), [(2, None), (8, None), (4, "6x2")])
def test_a_number_of_lines_that_no_layout_has_is_refused(heart: ECGRecord, count: int, given: str | None) -> None:
    layout = PageLayout(f"{count}x1", tuple((lead,) for lead in LEADS[:count]))
    with pytest.raises(DigitizationError, match=f"found {count} lines") as caught:
        match_layout(frame_of(render(heart, layout, replace(BARE, margin_top_mm=15.0))), given)
    assert caught.value.stage == "layout"
    assert "--layout" in caught.value.hint
    assert "\n" not in str(caught.value)


def moved(names: tuple[NameHit, ...], dx_px: float) -> tuple[NameHit, ...]:
    """Names printed further to the right."""
    return tuple(replace(n, xyxy_px=tuple(v + dx_px * (k % 2 == 0) for k, v in enumerate(n.xyxy_px))) for n in names)


@pytest.mark.parametrize("name", ["3x4", "3x4+1", "6x2"])
@pytest.mark.parametrize("behind_mm", [12, 20, 25])
def test_names_that_stand_behind_the_start_of_their_lead_tell_their_distance(
    heart: ECGRecord, name: str, behind_mm: float
) -> None:
    page = draw(heart, name)
    mm = page.scale.px_per_mm_x
    frame = frame_of(page, moved(names_of(page), behind_mm * mm))
    # Ticks between the columns are read as the letter I.
    starts = {float(t.x[0]) for t in page.traces if t.row == 0}
    ticks = tuple(NameHit("I", (x, r.level_px - 40, x + 4, r.level_px - 20), 0.5) for x in starts for r in frame.rows)
    match = match_layout(replace(frame, names=frame.names + ticks))
    assert match.layout == LAYOUTS[name]
    assert match.named == 12 + len(LAYOUTS[name].rhythm)
    assert match.margin > 0.3


@pytest.mark.parametrize("separator", ["none", "tick"])
def test_a_last_line_that_repeats_a_lead_is_a_strip_though_no_name_says_so(heart: ECGRecord, separator: str) -> None:
    match = match_layout(frame_of(draw(heart, "3x4+1", separator=separator)))
    assert match.layout.name == "3x4+1"
    assert match_layout(frame_of(draw(heart, "4x3", separator=separator))).layout.name == "4x3"


@pytest.mark.parametrize("name", ["1x1", "2x1", "3x1", "3x2", "6x1", "2x6", "4x3+1"])
def test_a_rare_layout_is_read_where_its_names_or_a_person_say_so(heart: ECGRecord, name: str) -> None:
    layout = EXTRA_LAYOUTS[name]
    page = draw(heart, layout, margin_top_mm=15.0)
    match = match_layout(frame_of(page, names_of(page)))
    assert match.layout == layout
    assert match.assumed == ()
    assert match_layout(frame_of(page), name).layout == layout


def test_strips_of_other_leads_than_usual_are_named_as_printed(heart: ECGRecord) -> None:
    layout = PageLayout("2x1", (("aVF",), ("V5",)))
    page = draw(heart, layout, margin_top_mm=15.0)
    assert match_layout(frame_of(page, names_of(page, 0.7))).layout == layout


@pytest.mark.parametrize("name", ["1x1", "2x1", "2x6"])
def test_one_or_two_lines_without_their_names_are_refused(heart: ECGRecord, name: str) -> None:
    page = draw(heart, EXTRA_LAYOUTS[name], margin_top_mm=15.0)
    names = names_of(page, 0.9)
    for some in ((), names[1:], tuple(replace(n, confidence=0.4) for n in names)):
        with pytest.raises(DigitizationError, match="with their names"):
            match_layout(frame_of(page, some[:4]))


def test_two_lines_of_text_are_no_ecg() -> None:
    import cv2

    image = np.full((600, 2000, 3), 255, np.uint8)
    for y in (200, 400):
        text = "II III aVR this line of words is as long as an ECG would be and V1 stands in it"
        cv2.putText(image, text, (60, y), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (0, 0, 0), 3)
    with pytest.raises(DigitizationError):
        digitize(Page(image, 200.0), DigitizeOptions(px_per_mm=(7.87, 7.87)))


def correlation(truth: np.ndarray, read: np.ndarray) -> float:
    """Pearson's r after the best shift: a page does not print to the millisecond where its signal starts."""
    return lead_fidelity(truth, read).r


def test_a_permuted_page_is_read_end_to_end_by_its_printed_names(heart: ECGRecord, permuted_page: SynthPage) -> None:
    reading = digitize(permuted_page.page, DigitizeOptions(method="auto"))
    assert reading.record is not None
    assert reading.layout == PERMUTED
    assert "standard lead order" not in reading.assumed
    standard = {(r, c): lead for r, row in enumerate(LAYOUTS["3x4+1"].rows) for c, lead in enumerate(row)}
    for r, row in enumerate(PERMUTED.rows):
        for c, lead in enumerate(row):
            window = slice(round(c * 1250) + 10, round((c + 1) * 1250) - 10)
            read = reading.record[lead][window]
            own = correlation(read, heart[lead][window])
            # What a reader gives that takes every page for standard order: this place under another name.
            other = correlation(heart[standard[r, c]][window], read)
            assert own > 0.9
            assert standard[r, c] != lead
            assert other < own


def test_the_same_page_without_names_falls_back_to_standard_order_and_says_so(heart: ECGRecord) -> None:
    reading = digitize(draw(heart, PERMUTED, names="none").page)
    assert reading.layout is not None
    assert reading.layout.rows == LAYOUTS["3x4+1"].rows
    assert "standard lead order" in reading.assumed
    # And it is indeed not what the page shows: names are the evidence, no luck.
    assert reading.record is not None
    assert correlation(heart["V6"][:1240], reading.record["I"][:1240]) > 0.9


def single(*leads: str) -> PageLayout:
    return PageLayout(f"{len(leads)}x1", tuple((lead,) for lead in leads))


def cabrera(name: str) -> PageLayout:
    """Layout with its limb leads in Cabrera order."""
    place = dict(zip(LEADS[:6], CABRERA, strict=True))
    layout = LAYOUTS[name]
    return PageLayout(name, tuple(tuple(place.get(lead, lead) for lead in row) for row in layout.rows), layout.rhythm)


@pytest.mark.parametrize(
    "leads", [("I", "II", "III", "V1", "V5"), ("II", "aVF", "V1", "V5"), LEADS[6:], (*LEADS[:6], "V1"), LEADS[3:11]]
)
def test_single_leads_are_read_by_their_names_and_refused_without(heart: ECGRecord, leads: tuple[str, ...]) -> None:
    page = draw(heart, single(*leads), margin_top_mm=12.0)
    match = match_layout(frame_of(page, names_of(page)))
    assert match.layout == single(*leads)
    assert match.doubts == ()
    assert match.margin > 0.1
    with pytest.raises(DigitizationError, match=r"no names tell which|with their names") as caught:
        match_layout(frame_of(page))
    assert caught.value.stage == "layout"


@pytest.mark.parametrize("name", ["3x1", "6x1", "3x2", "4x3+1", "6x2+3"])
def test_limb_leads_show_a_rare_layout_by_their_law_though_nothing_is_printed(heart: ECGRecord, name: str) -> None:
    match = match_layout(frame_of(draw(heart, EXTRA_LAYOUTS[name], margin_top_mm=12.0)))
    assert match.layout.rows == EXTRA_LAYOUTS[name].rows
    assert "standard lead order" in match.assumed
    assert match.margin > 0.1


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", ["3x4+1", "6x2", "12x1", "6x2+1"])
def test_cabrera_order_is_told_by_the_limb_leads_themselves(heart: ECGRecord, name: str, named: bool) -> None:
    layout = cabrera(name)
    page = draw(heart, layout, margin_top_mm=12.0)
    # The short sign before aVR is lost in reading; the law still tells that it stands upside down.
    names = tuple(replace(n, text=n.text.removeprefix("-")) for n in names_of(page)) if named else ()
    match = match_layout(frame_of(page, names))
    assert match.layout.rows == layout.rows
    assert ("Cabrera lead order" in match.assumed) is not named


def test_one_lead_that_fills_several_lines_is_doubted(heart: ECGRecord) -> None:
    page = draw(heart, single("II", "II", "II", "II"))
    match = match_layout(frame_of(page, names_of(page)))
    assert match.layout == single("II", "II", "II", "II")
    assert any("may follow each other in time" in d for d in match.doubts)


def test_a_line_without_its_name_among_named_ones_is_doubted(heart: ECGRecord) -> None:
    page = draw(heart, single("I", "II", "V1", "V2", "V3", "V5", "V6"), margin_top_mm=12.0)
    match = match_layout(frame_of(page, tuple(n for n in names_of(page) if n.text != "V5")))
    assert [row[0] for row in match.layout.rows][:5] == ["I", "II", "V1", "V2", "V3"]
    assert any("no name was read beside a line" in d for d in match.doubts)
