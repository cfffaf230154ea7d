"""What image models see of a page: the recording, upright, without margins, at one size."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from classify.images.area import MARGIN_MM, as_grey, drawn_area, fitted, recording_area, seen_of
from classify.images.vary import varied
from classify.inputs import InputSpec, from_pictures, from_signals, to_input
from digitize.result import Digitization
from ecg import LeadBox, Page, PaperScale
from ecg.errors import DigitizationError, ModelError
from synth import demo_page

SPEC = InputSpec(kind="page", fs=0, seconds=0, normalise="imagenet", picture=(1, 64, 128))
SCALE = PaperScale(4.0, 4.0, 25.0, 10.0)


def reading(image: np.ndarray, homography: np.ndarray | None = None) -> Digitization:
    """A page whose two leads fill x 40 to 200 and y 60 to 140 of the upright page."""
    boxes = (LeadBox("I", (40, 60, 120, 140), 0.0, 2.5), LeadBox("II", (120, 60, 200, 140), 2.5, 5.0))
    return Digitization(None, Page(image), "accepted", scale=SCALE, boxes=boxes, homography=homography)


def test_the_recording_is_cut_out_with_its_margin() -> None:
    image = np.full((200, 300, 3), 255, np.uint8)
    image[:30] = 0  # a header
    image[60:140, 40:200] = (10, 20, 30)
    area = recording_area(reading(image))
    margin = int(MARGIN_MM * SCALE.px_per_mm_x)
    assert area.shape == (80 + 2 * margin, 160 + 2 * margin, 3)
    assert (area[margin + 1 : -margin - 1, margin + 1 : -margin - 1] == (10, 20, 30)).all()
    assert (area[: margin - 1] == 255).all(), "the header is seen"


def test_a_turned_page_is_cut_out_upright() -> None:
    image = np.full((200, 300, 3), 255, np.uint8)
    image[60:140, 40:200] = 7
    turned = np.ascontiguousarray(np.rot90(image))
    # A pixel (x, y) of the turned page stood at (299 - y, x) before.
    back = np.array([[0.0, -1, 299], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(recording_area(reading(turned, back)), recording_area(reading(image)))


def test_a_page_that_was_not_read_cannot_be_cut() -> None:
    refused = Digitization(None, Page(np.zeros((9, 9, 3), np.uint8)), "refused")
    with pytest.raises(DigitizationError, match="not read"):
        recording_area(refused)
    with pytest.raises(DigitizationError, match="not read"):
        seen_of(refused.page, None, SPEC)
    assert seen_of(refused.page, None, replace(SPEC, area="whole")).shape == (64, 128)


def test_a_drawn_page_is_cut_as_the_reader_cuts_it() -> None:
    page = demo_page()
    area = drawn_area(page, np.random.default_rng(0))
    px = page.scale.px_per_mm_x
    # Ten seconds at 25 mm/s with both margins, to the few millimetres that corners miss by.
    assert area.shape[1] / px == pytest.approx(250 + 2 * MARGIN_MM, abs=4)
    inked = page.masks > 0
    assert 0.9 < (as_grey(area) < 110).sum() / (as_grey(page.page.image)[inked] < 110).sum() < 1.6


def test_letterboxed_pictures_keep_their_aspect_and_stretched_ones_fill_the_size() -> None:
    picture = np.full((50, 200, 3), 240, np.uint8)
    cv2.circle(picture, (100, 25), 20, (0, 0, 0), -1)
    kept, filled = (as_grey(fitted(picture, 128, 128, fit)) < 120 for fit in ("letterbox", "stretch"))
    for dark, ratio in ((kept, 1.0), (filled, 4.0)):
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        assert np.ptp(rows) / np.ptp(columns) == pytest.approx(ratio, rel=0.1)
    assert fitted(picture, 128, 128)[0, 0].tolist() == [240, 240, 240]


def test_pictures_become_inputs_by_imagenet_s_numbers() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 128, 3), dtype=np.uint8)
    colour = replace(SPEC, picture=(3, 64, 128))
    x = from_pictures(picture[None], colour)[0]
    expected = (picture / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(x.transpose(1, 2, 0), expected, atol=1e-5)
    grey = from_pictures(as_grey(picture)[None], SPEC)[0, 0]
    np.testing.assert_allclose(grey, (as_grey(picture) / 255 - 0.449) / 0.226, atol=1e-5)
    half = from_pictures(as_grey(picture)[None], replace(SPEC, picture=(1, 32, 64)))
    assert half.shape == (1, 1, 32, 64)
    assert half.mean() == pytest.approx(float(grey.mean()), abs=0.01)


def test_records_and_pictures_are_not_mistaken_for_each_other() -> None:
    with pytest.raises(ModelError, match="takes pictures"):
        to_input(demo_page().record, SPEC)
    with pytest.raises(ModelError, match="takes records"):
        from_pictures(np.zeros((1, 4, 4), np.uint8), InputSpec(kind="leads", fs=100, seconds=1, normalise="zscore"))
    with pytest.raises(ModelError, match="takes pictures"):
        from_signals(np.zeros((1, 12, 1000), np.float32), ("I",), 100, SPEC)


@pytest.mark.parametrize(
    "wrong", [{"picture": ()}, {"picture": (2, 64, 64)}, {"area": "half"}, {"fit": "crop"}, {"normalise": "zscore"}]
)
def test_a_spec_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        replace(SPEC, **wrong)  # type: ignore[arg-type]


def test_a_spec_survives_its_card_and_signal_cards_stay_as_they_were() -> None:
    assert InputSpec.from_dict(SPEC.to_dict()) == SPEC
    signal = InputSpec(kind="leads", fs=100, seconds=10, normalise="zscore")
    assert "picture" not in signal.to_dict()
    assert InputSpec.from_dict(signal.to_dict()) == signal


def test_varied_pictures_move_little_and_come_again_for_the_same_seed() -> None:
    x = np.full((2, 1, 64, 128), 2.0, np.float32)
    x[:, :, 20:44, 40:88] = -1.0
    first, again = (varied(x, 1.0, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    dark = first[:, 0] < (first[:, 0].max() + first[:, 0].min()) / 2
    for one in dark:
        rows, columns = np.nonzero(one)
        assert abs(rows.mean() - 31.5) < 4
        assert abs(columns.mean() - 63.5) < 6
    np.testing.assert_allclose(varied(x, 0.0, np.random.default_rng(3)), x, atol=1e-5)
