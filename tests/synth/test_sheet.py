import numpy as np
import pytest

from ecg import FormatError, OptionsError
from synth.sheet import contact_sheet, write_contact_sheet
from synth.source import iter_pages
from synth.writer import write_set


@pytest.fixture(scope="module")
def pages():
    return list(iter_pages(preset="clean", seed=3, stop=3))


def test_pages_stand_in_rows_of_the_width_asked_for(pages):
    sheet = contact_sheet(pages, columns=2, width_px=640, captions=False)
    cell = (640 - 3 * 8) // 2
    heights = [round(page.page.height * cell / page.page.width) for page in pages]
    assert sheet.shape == (max(heights[:2]) + heights[2] + 3 * 8, 640, 3)
    first = sheet[8 : 8 + heights[0], 8 : 8 + cell]
    assert first.mean() == pytest.approx(pages[0].page.image.mean(), abs=1)
    assert (sheet[:8] == 96).all()
    assert (sheet[-heights[2] :, 8 + cell :] == 96).all()  # no fourth page


def test_a_line_below_each_page_says_which_it_is(pages):
    plain = contact_sheet(pages[:1], columns=1, width_px=400, captions=False)
    told = contact_sheet(pages[:1], columns=1, width_px=400)
    assert told.shape[0] == plain.shape[0] + 18
    np.testing.assert_array_equal(told[: plain.shape[0] - 8], plain[:-8])
    assert told[plain.shape[0] - 8 : -8].max() == 255


def test_no_more_pages_are_drawn_than_shown():
    drawn = []

    def endless():
        for page in iter_pages(preset="clean", seed=3):
            drawn.append(page)
            yield page

    contact_sheet(endless(), columns=2, width_px=200, limit=1)
    assert len(drawn) == 1


def test_a_strip_twice_as_high_as_wide_is_narrowed(pages):
    from dataclasses import replace

    tall = replace(pages[0], page=replace(pages[0].page, image=np.zeros((900, 100, 3), np.uint8)))
    sheet = contact_sheet([tall], columns=1, width_px=116, captions=False)
    assert sheet.shape == (200 + 16, 116, 3)
    assert ((sheet == 0).all(axis=2).sum(axis=1) > 0).sum() == 200


def test_a_set_on_disk_gives_a_sheet_beside_its_manifest(tmp_path):
    from PIL import Image

    write_set(tmp_path, 2, "published", seed=1)
    path = write_contact_sheet(tmp_path, columns=2, width_px=400)
    assert path == tmp_path / "contact_sheet.jpg"
    picture = np.asarray(Image.open(path)).astype(int)
    from_memory = contact_sheet(iter_pages(preset="published", seed=1, stop=2), columns=2, width_px=400)
    assert picture.shape == from_memory.shape
    assert np.abs(picture - from_memory).mean() < 4  # two JPEG passes and another way of scaling


@pytest.mark.parametrize(
    ("options", "message"),
    [({"columns": 0}, "columns"), ({"columns": 50}, "columns"), ({"limit": 0}, "limit"), ({"limit": 401}, "400")],
)
def test_options_out_of_range_are_refused(pages, options, message):
    with pytest.raises(OptionsError, match=message):
        contact_sheet(pages, **options)


def test_nothing_to_show_is_told(tmp_path):
    with pytest.raises(OptionsError, match="at least one page"):
        contact_sheet([])
    with pytest.raises(FormatError, match=r"manifest\.csv"):
        contact_sheet(tmp_path)
