from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitize.overlay import draw
from digitize.result import Digitization, LeadQuality, LeadTrace, ScaleEvidence
from ecg import LAYOUTS, ECGRecord, LeadBox, Page, PaperScale

WIDTH, HEIGHT = 800, 400
BLUE, VERMILLION = (0, 114, 178), (213, 94, 0)


def reading(**changes: object) -> Digitization:
    """Leads I and II of 2.5 s, each a straight line with a gap, on a white page at 200 dpi."""
    x = np.arange(100.0, 297.0)
    boxes = (LeadBox("I", (100, 40, 297, 160), 0.0, 2.5), LeadBox("II", (100, 200, 297, 320), 0.0, 2.5))
    y = np.full(x.size, 100.0)
    y[50:60] = np.nan
    d = Digitization(
        record=ECGRecord(np.zeros((2, 1250)), 500, ("I", "II")),
        page=Page(np.full((HEIGHT, WIDTH, 3), 255, np.uint8), 200, "page.png"),
        status="accepted",
        scale=PaperScale.from_dpi(200),
        evidence=ScaleEvidence("grid", "grid", "text", "assumed"),
        layout=LAYOUTS["6x2"],
        boxes=boxes,
        traces=(LeadTrace(boxes[0], x, y, 100.0), LeadTrace(boxes[1], x, y + 160.0, 260.0)),
        quality={"I": LeadQuality(0.95, 0.9, 0.0, 17.2, "good")},
        homography=np.eye(3),
    )
    return replace(d, **changes)  # type: ignore[arg-type]


def near(pixel: np.ndarray, colour: tuple[int, int, int], tolerance: int = 60) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= tolerance)


def test_the_page_keeps_its_pixels_and_the_legend_stands_below() -> None:
    d = reading()
    picture = draw(d)
    assert picture.dtype == np.uint8
    assert picture.shape[1:] == (WIDTH, 3)
    assert picture.shape[0] > HEIGHT
    # Far from boxes and traces the page is untouched, and the page handed in is never painted on.
    np.testing.assert_array_equal(picture[:HEIGHT, 400:], d.page.image[:, 400:])
    assert (d.page.image == 255).all()
    assert (picture[HEIGHT:] < 128).any(), "the legend holds text"


def test_traces_stand_where_they_were_read_and_gaps_stay_open() -> None:
    picture = draw(reading())
    assert near(picture[100, 120], BLUE)
    assert near(picture[260, 120], VERMILLION), "neighbouring leads differ in colour"
    assert near(picture[100, 155], (255, 255, 255)), "nothing is drawn where nothing was read"
    assert near(picture[102, 120], (255, 255, 255)), "the line is thin: ink two pixels away stays visible"


def test_a_sub_pixel_line_is_shared_by_both_rows() -> None:
    d = reading()
    half = replace(d.traces[0], y=d.traces[0].y + 0.5)
    picture = draw(replace(d, traces=(half,)))
    upper, lower = picture[100, 120].astype(int), picture[101, 120].astype(int)
    assert max(upper[0], lower[0]) < 230
    assert np.abs(upper - lower).max() < 80


def test_traces_follow_a_page_that_was_turned() -> None:
    """The page came upside down with a dark line; on the upright page the trace covers that line."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    image[HEIGHT - 100 - 2 : HEIGHT - 100 + 2, WIDTH - 297 : WIDTH - 100] = 60
    turn = np.array([[-1.0, 0, WIDTH - 1], [0, -1.0, HEIGHT - 1], [0, 0, 1]])
    picture = draw(reading(page=Page(image, None, "p"), homography=turn))
    column = picture[90:110, 121].astype(int)
    blue = np.flatnonzero([near(p, BLUE, 60) for p in column])
    dark = np.flatnonzero(column.max(axis=1) < 90)
    assert blue.size
    assert dark.size, "the ink shows on both sides of the thin line"
    assert dark.min() <= blue.min()
    assert dark.max() >= blue.max()


def test_a_shifted_upright_page_keeps_everything_in_the_picture() -> None:
    shift = np.array([[1.0, 0, -50], [0, 1.0, -20], [0, 0, 1]])
    picture = draw(reading(homography=shift))
    assert picture.shape[1] == WIDTH
    assert near(picture[120, 170], BLUE), "upright (120, 100) stands at (170, 120) of the picture"


def test_a_wild_homography_does_not_ask_for_a_wild_picture() -> None:
    wild = np.diag([1000.0, 1000.0, 1.0])
    picture = draw(reading(homography=wild))
    assert picture.shape[0] * picture.shape[1] < 6 * WIDTH * HEIGHT


def test_a_refused_page_shows_page_and_reason() -> None:
    refused = reading(
        record=None,
        status="refused",
        reasons=("grid: no grid was found; pass --px-per-mm",),
        scale=None,
        evidence=None,
        layout=None,
        boxes=(),
        traces=(),
        quality={},
        homography=None,
    )
    picture = draw(refused)
    np.testing.assert_array_equal(picture[:HEIGHT], refused.page.image)
    assert (picture[HEIGHT:] < 128).any()
    assert not np.array_equal(picture, draw(replace(refused, reasons=("trace: no trace was found",))))


@pytest.mark.parametrize("scale", [PaperScale.from_dpi(96), PaperScale.from_dpi(1200)])
def test_the_bar_is_drawn_to_scale(scale: PaperScale) -> None:
    picture = draw(reading(scale=scale, traces=(), boxes=(), quality={}))
    legend = picture[HEIGHT + 2 :]
    # The longest dark run in a row of the right half is the bar's foot.
    dark = (legend[:, WIDTH // 2 :].max(axis=2) < 60).astype(int)
    longest = max(len(run) for row in dark for run in "".join(map(str, row)).split("0"))
    expected = scale.px_per_s
    while expected > WIDTH / 4 or (scale.px_per_mv * expected / scale.px_per_s) > WIDTH / 4:
        expected /= 2
    assert longest == pytest.approx(expected, abs=3)


def test_an_all_missing_trace_is_drawn_without_complaint() -> None:
    d = reading()
    empty = replace(d.traces[0], y=np.full(d.traces[0].y.size, np.nan), baseline_px=float("nan"))
    assert draw(replace(d, traces=(empty,))).shape[1] == WIDTH


def test_labels_stand_above_tight_boxes_and_inside_where_a_neighbour_is_above() -> None:
    d = reading(traces=())
    picture = draw(d)
    blue = (np.abs(picture[:HEIGHT].astype(int) - BLUE).max(axis=2) < 60).any(axis=1)
    assert blue[:40].any()
    assert not blue[41:160].any(), "lead I's name stands above its box"
    close = replace(d.boxes[1], xyxy=(100, 162, 297, 320))
    picture = draw(replace(d, boxes=(d.boxes[0], close)))
    orange = (np.abs(picture[:HEIGHT].astype(int) - VERMILLION).max(axis=2) < 60).any(axis=1)
    assert not orange[:161].any()
    assert orange[162:200].any(), "lead II's name stands inside its own box"
