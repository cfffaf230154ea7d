import numpy as np
import pytest

from ecg import Page, RecordError


def test_a_page_knows_its_size_and_is_read_only():
    page = Page(np.zeros((3, 5, 3), np.uint8), 200.0, "a.png")
    assert (page.height, page.width, page.dpi, page.source) == (3, 5, 200.0, "a.png")
    with pytest.raises(ValueError, match="read-only"):
        page.image[0, 0, 0] = 1


def test_the_callers_array_stays_writable():
    image = np.zeros((2, 2, 3), np.uint8)
    Page(image)
    image[0, 0, 0] = 7
    assert image[0, 0, 0] == 7


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 5), np.uint8),
        np.zeros((3, 5, 4), np.uint8),
        np.zeros((3, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_picture_is_refused(image):
    with pytest.raises(RecordError, match="uint8 RGB"):
        Page(image)


@pytest.mark.parametrize("dpi", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_resolution_is_refused(dpi):
    with pytest.raises(RecordError, match="resolution"):
        Page(np.zeros((3, 5, 3), np.uint8), dpi)
