"""The whole reader: record to page and back, what a person may say, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawings import draw

from digitize import Digitization, DigitizeOptions, digitize, read_file
from ecg import LAYOUTS, LEADS, ECGRecord, Page, limb_residual
from ecg.errors import DigitizationError
from ecg.fidelity import PageFidelity, page_fidelity
from synth import SynthPage, apply_steps

#: What the issue asks of clean pages, in dB of the median lead.
CLEAN_DB = 15.0


def fidelity(page: SynthPage, reading: Digitization) -> PageFidelity:
    return page_fidelity(page.record, reading.record, moody=False)


@pytest.mark.parametrize("name", ["3x4+1", "6x2+1", "12x1", "3x4", "6x2", "3x4+3"])
def test_a_clean_page_comes_back_as_the_record_that_was_drawn(heart: ECGRecord, name: str) -> None:
    page = draw(heart, name, margin_top_mm=15.0)
    reading = digitize(page.page)
    assert reading.layout is not None
    assert reading.layout == LAYOUTS[name]
    assert reading.record is not None
    assert reading.record.leads == LEADS
    assert reading.record.fs == 500.0
    score = fidelity(page, reading)
    assert score.median_snr_db >= CLEAN_DB
    assert not score.failed
    assert np.median([f.r for f in score.leads.values()]) > 0.98
    assert np.median([f.gain for f in score.leads.values()]) == pytest.approx(1.0, abs=0.03)
    assert np.median([f.coverage for f in score.leads.values()]) > 0.97


@pytest.mark.parametrize("name", ["3x4+1", "6x2+1"])
def test_all_leads_stand_on_one_clock_and_few_are_read_badly(heart: ECGRecord, name: str) -> None:
    page = draw(heart, name)
    score = fidelity(page, digitize(page.page))
    # A quarter of a millimetre between the earliest and the latest lead.
    assert score.shift_spread_s < 0.01
    assert min(f.snr_db for f in score.leads.values()) > 12
    # The pulse's level foot of 1 mm (40 ms) runs into the trace, and no page says where the one ends.
    assert max(abs(f.shift_s) for f in score.leads.values()) < 0.06


def test_every_result_says_what_it_was_measured_from(standard_page: SynthPage) -> None:
    reading = digitize(standard_page.page)
    assert reading.status == "accepted"
    assert reading.reasons == ()
    assert reading.page is standard_page.page
    assert reading.scale is not None
    assert reading.scale.px_per_mm_x == pytest.approx(standard_page.scale.px_per_mm_x, rel=1e-3)
    assert reading.scale.px_per_mm_y == pytest.approx(standard_page.scale.px_per_mm_y, rel=1e-3)
    assert (reading.scale.speed_mm_per_s, reading.scale.gain_mm_per_mv) == (25.0, 10.0)
    assert reading.evidence is not None
    assert reading.evidence.px_per_mm_x == "grid"
    assert reading.evidence.gain_mm_per_mv == "pulse"
    assert reading.timing == "measured"
    assert reading.layout_margin > 0.1
    assert set(reading.quality) == set(LEADS)
    assert all(q.grade in ("good", "fair") for q in reading.quality.values())
    assert {s["stage"] for s in reading.steps} >= {"grid", "trace", "calibrate", "layout", "stroke"}
    assert len(reading.boxes) == len(reading.traces) == 13
    for box, truth in zip(reading.boxes, standard_page.traces, strict=True):
        assert box.lead == truth.lead
        assert box.xyxy[0] == pytest.approx(truth.x[0], abs=1.2 * standard_page.scale.px_per_mm_x)
        assert box.xyxy[2] == pytest.approx(truth.x[-1], abs=1.2 * standard_page.scale.px_per_mm_x)
    np.testing.assert_array_equal(np.asarray(reading.homography), np.eye(3))


def test_traces_stand_on_the_ink(standard_page: SynthPage) -> None:
    reading = digitize(standard_page.page)
    for found, truth in zip(reading.traces, standard_page.traces, strict=True):
        error = found.y - np.interp(found.x, truth.x, truth.y)
        inner = (found.x > truth.x[0] + 12) & (found.x < truth.x[-1] - 12)
        assert np.nanmedian(np.abs(error[inner])) < 0.35


@pytest.mark.parametrize("angle", [-1.5, 1.5])
def test_a_turned_page_is_read_and_its_homography_undoes_the_turn(standard_page: SynthPage, angle: float) -> None:
    page = apply_steps(standard_page, [{"name": "rotation", "angle_deg": angle}])
    reading = digitize(page.page)
    assert fidelity(page, reading).median_snr_db >= CLEAN_DB
    # Both maps in turn give a page with level rows: no more than a pixel of fall over its width.
    both = np.asarray(reading.homography) @ page.homography
    ends = both @ np.array([[0.0, page.page.width], [600.0, 600.0], [1.0, 1.0]])
    assert abs(np.diff(ends[1] / ends[2])[0]) < 1.0


@pytest.mark.parametrize("gain", [5.0, 20.0])
def test_another_gain_is_read_off_the_pulse(heart: ECGRecord, gain: float) -> None:
    page = draw(heart, "3x4+1", gain_mm_per_mv=gain, scale_text=False)
    reading = digitize(page.page)
    assert reading.scale is not None
    assert reading.scale.gain_mm_per_mv == gain
    assert reading.evidence is not None
    assert reading.evidence.gain_mm_per_mv == "pulse"
    score = fidelity(page, reading)
    assert np.median([f.gain for f in score.leads.values()]) == pytest.approx(1.0, abs=0.03)
    assert score.median_snr_db >= CLEAN_DB


def test_without_a_grid_the_pulse_gives_the_scale(heart: ECGRecord) -> None:
    page = draw(heart, "3x4+1", grid=False)
    reading = digitize(page.page)
    assert reading.evidence is not None
    assert reading.evidence.px_per_mm_y == "pulse"
    assert any("same scale along time" in a for a in reading.assumed)
    assert fidelity(page, reading).median_snr_db >= CLEAN_DB


def test_without_grid_and_pulse_a_page_needs_its_scale_from_a_person(heart: ECGRecord) -> None:
    page = draw(heart, "3x4+1", grid=False, pulse="none")
    with pytest.raises(DigitizationError, match="neither a grid nor a calibration pulse"):
        digitize(page.page)
    k = page.scale.px_per_mm_x
    reading = digitize(page.page, DigitizeOptions(px_per_mm=(k, k)))
    assert reading.evidence is not None
    assert reading.evidence.px_per_mm_x == "given"
    assert fidelity(page, reading).median_snr_db >= CLEAN_DB


def test_a_scale_that_is_given_is_taken(standard_page: SynthPage) -> None:
    reading = digitize(standard_page.page, DigitizeOptions(speed_mm_per_s=50.0, gain_mm_per_mv=20.0))
    assert reading.scale is not None
    assert (reading.scale.speed_mm_per_s, reading.scale.gain_mm_per_mv) == (50.0, 20.0)
    assert reading.record is not None
    assert reading.record.duration_s == pytest.approx(5.0, abs=0.1)
    # The pulse on the page says otherwise, and the person is told.
    assert reading.status == "review"
    assert any("given is 20" in r for r in reading.reasons)


def test_a_layout_that_is_given_is_taken_or_refused(standard_page: SynthPage) -> None:
    reading = digitize(standard_page.page, DigitizeOptions(layout="3x4+1"))
    assert reading.layout == LAYOUTS["3x4+1"]
    with pytest.raises(DigitizationError, match="layout 6x2") as caught:
        digitize(standard_page.page, DigitizeOptions(layout="6x2"))
    assert caught.value.stage == "layout"


def test_corners_that_are_given_crop_the_page(standard_page: SynthPage) -> None:
    width, height = standard_page.page.width, standard_page.page.height
    corners = (40.0, 120.0, width - 40.0, 120.0, width - 40.0, height - 40.0, 40.0, height - 40.0)
    reading = digitize(standard_page.page, DigitizeOptions(corners=corners))
    assert fidelity(standard_page, reading).median_snr_db >= CLEAN_DB
    back = np.asarray(reading.homography) @ [40.0, 120.0, 1.0]
    np.testing.assert_allclose(back[:2] / back[2], (0, 0), atol=1.5)
    assert reading.corners is not None
    # The recording's corners are told on the page as it came.
    assert reading.corners[0, 0] > 40
    assert reading.corners[2, 1] > 0.6 * height


def test_the_rate_is_an_option(standard_page: SynthPage) -> None:
    reading = digitize(standard_page.page, DigitizeOptions(fs=250.0))
    assert reading.record is not None
    assert reading.record.fs == 250.0
    assert fidelity(standard_page, reading).median_snr_db >= CLEAN_DB


def test_the_classical_method_reads_no_names_and_says_so(standard_page: SynthPage) -> None:
    reading = digitize(standard_page.page, DigitizeOptions(method="classical"))
    assert "standard lead order" in reading.assumed
    assert fidelity(standard_page, reading).median_snr_db >= CLEAN_DB


def test_the_same_page_gives_the_same_answer(standard_page: SynthPage) -> None:
    a, b = digitize(standard_page.page), digitize(standard_page.page)
    assert a.record is not None
    assert b.record is not None
    np.testing.assert_array_equal(a.record.signal, b.record.signal)
    assert a.steps == b.steps


def photo_like() -> np.ndarray:
    """Soft blobs of all sizes and colours: what a photograph of anything else looks like to the reader."""
    import cv2

    rng = np.random.default_rng(3)
    picture = np.zeros((900, 1200, 3), np.float32)
    for sigma in (2, 8, 30, 90):
        blob = cv2.GaussianBlur(rng.normal(0, 1, picture.shape).astype(np.float32), (0, 0), sigma)
        picture += blob / blob.std()
    return np.clip(128 + 30 * picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.full((1240, 1754, 3), 255, np.uint8),
        lambda: np.full((1240, 1754, 3), 128, np.uint8),
        lambda: np.zeros((1240, 1754, 3), np.uint8),
        photo_like,
        lambda: np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype=np.uint8),
        lambda: np.full((40, 60, 3), 255, np.uint8),
    ],
    ids=["white", "grey", "black", "photo", "noise", "tiny"],
)
def test_what_is_no_ecg_is_refused_in_one_line_with_stage_and_hint(make: Callable[[], np.ndarray]) -> None:
    with pytest.raises(DigitizationError) as caught:
        digitize(Page(make()))
    assert caught.value.stage in ("grid", "segment", "trace", "layout", "quality")
    assert caught.value.reason
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_page_of_paper_without_an_ecg_is_refused(heart: ECGRecord) -> None:
    nothing = ECGRecord(np.full((12, 5000), np.nan), 500, LEADS)
    for page in (draw(nothing, "3x4+1", pulse="none"), draw(nothing, "3x4+1", pulse="none", names="none")):
        with pytest.raises(DigitizationError):
            digitize(page.page)


def test_a_picture_file_is_read(standard_page: SynthPage, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "page.png"
    Image.fromarray(standard_page.page.image).save(path, dpi=(150, 150))
    (reading,) = read_file(path)
    assert reading.status == "accepted"
    assert fidelity(standard_page, reading).median_snr_db >= CLEAN_DB
    assert "page.png" in reading.page.source


@pytest.mark.parametrize("blank_first", [False, True])
def test_a_blank_page_of_a_file_is_refused_and_the_other_still_read(
    standard_page: SynthPage, tmp_path: Path, blank_first: bool
) -> None:
    from PIL import Image

    pages = [
        Image.fromarray(standard_page.page.image),
        Image.new("RGB", standard_page.page.image.shape[1::-1], "white"),
    ]
    if blank_first:
        pages.reverse()
    path = tmp_path / "pages.tiff"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw", dpi=(150, 150))
    readings = list(read_file(path))
    assert len(readings) == 2
    blank, read = readings[:: 1 if blank_first else -1]
    assert blank.status == "refused"
    assert blank.record is None
    assert len(blank.reasons) == 1
    assert "\n" not in blank.reasons[0]
    assert read.status == "accepted"
    assert fidelity(standard_page, read).median_snr_db >= CLEAN_DB


#: Settings of the pages of the other generator that the issue names.
KIT_SETTINGS = ("clean", "bw", "nogrid", "nonames", "header")


@pytest.fixture(scope="module")
def data() -> Path:
    """Folder of the real data."""
    folder = os.environ.get("EINTHOVEN_DATA")
    if not folder:
        pytest.skip("set EINTHOVEN_DATA to the folder of the real data")
    return Path(folder)


@pytest.mark.data
@pytest.mark.parametrize("setting", KIT_SETTINGS)
def test_pages_of_another_generator_reach_15_db(data: Path, setting: str) -> None:
    from ecg.datasets import kit_pages

    items = [i for i in kit_pages(data / "pages_kit") if Path(i.path).name.startswith(f"{setting}_")]
    assert items
    for item in items:
        reading = digitize(item.page())
        score = page_fidelity(item.record(), reading.record, moody=False)
        assert not score.failed
        assert score.median_snr_db >= CLEAN_DB, Path(item.path).name


@pytest.mark.data
def test_scanned_pages_of_one_device_are_told_and_obey_einthoven(data: Path) -> None:
    from ecg.datasets import four_class

    items = four_class(data / "khan")
    residuals = []
    for item in items[:: len(items) // 12][:12]:
        (page,) = item.pages()
        reading = digitize(page)
        assert reading.layout is not None
        assert reading.layout.name == "3x4+1"
        assert reading.record is not None
        residuals.append(limb_residual(reading.record).einthoven_mv)
    assert len(residuals) == 12
    # I, II and III stand one above the other in the first column: 60 µV RMS is what the issue asks for.
    assert np.median(residuals) <= 0.060
