from dataclasses import replace

import numpy as np
import pypdfium2
import pytest

from digitize import read_file
from ecg import LEADS, ECGRecord, OptionsError
from synth.degrade import apply_steps, sample_steps
from synth.physiology import sample_physiology, synthesize_record
from synth.render import render
from synth.style import PageStyle
from synth.vector import write_pdf


@pytest.fixture(scope="module")
def heart():
    return synthesize_record(sample_physiology(np.random.default_rng(4)))


def raster(path, dpi):
    document = pypdfium2.PdfDocument(path)
    try:
        return document[0].render(scale=dpi / 72).to_numpy()[..., ::-1]  # BGR
    finally:
        document.close()


def correlation(one, other):
    n = min(one.size, other.size)
    both = np.isfinite(one[:n]) & np.isfinite(other[:n])
    assert both.sum() > 0.95 * np.isfinite(one).sum()
    return np.corrcoef(one[:n][both], other[:n][both])[0, 1]


@pytest.mark.parametrize("layout", ["3x4+1", "3x4+3", "6x2", "12x1"])
def test_the_reader_of_paths_reads_the_page_back(heart, layout, tmp_path):
    page = render(heart, layout, PageStyle(margin_top_mm=25, header=("Sampleton, Hazel", "ID X000001")))
    (found,) = read_file(write_pdf(page, tmp_path / "page.pdf"))
    assert found.status == "accepted"
    assert found.layout == page.layout
    assert found.evidence.px_per_mm_x == "vector"
    assert [box.lead for box in found.boxes] == [box.lead for box in page.boxes]
    correlations = [correlation(page.record[lead], found.record[lead]) for lead in LEADS]
    assert np.median(correlations) >= 0.999
    assert min(correlations) >= 0.99
    for lead in LEADS:
        n = min(page.record[lead].size, found.record[lead].size)
        assert np.nanmedian(np.abs(page.record[lead][:n] - found.record[lead][:n])) < 0.005  # mV: 0.05 mm of paper


def test_its_picture_is_the_drawn_page(heart, tmp_path):
    style = PageStyle(layout="3x4+1", separator="tick", names="above", header=("Sampleton, Hazel",))
    page = render(heart, None, style)
    picture = raster(write_pdf(page, tmp_path / "page.pdf"), style.dpi)
    assert picture.shape == page.page.image.shape
    import cv2

    dark = [image[..., 1] < 100 for image in (picture, page.page.image)]
    for one, other in (dark, dark[::-1]):
        away = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, 5)
        assert np.percentile(away[one], 99.5) <= 1.0  # pixels; letters are hinted in the one and not in the other
    # traces alone, where nothing else stands: a pixel at most
    away = cv2.distanceTransform((~dark[0]).astype(np.uint8), cv2.DIST_L2, 5)
    assert away[page.masks > 0].max() <= 1.5
    # the grid's lines stand on the same pixels: moved by one, they fit worse
    for axis in (0, 1):
        one, other = (image[:, :, 1].astype(float).mean(axis=axis) for image in (picture, page.page.image))
        fits = [np.corrcoef(np.roll(one, shift), other)[0, 1] for shift in (-1, 0, 1)]
        assert fits[1] == max(fits)
        assert fits[1] > 0.9


def test_its_words_are_words(heart, tmp_path):
    style = PageStyle(header=("Ångström, Zoë",), names="below")
    document = pypdfium2.PdfDocument(write_pdf(render(heart, None, style), tmp_path / "page.pdf"))
    text = document[0].get_textpage().get_text_bounded()
    document.close()
    for words in ("Ångström, Zoë", "25 mm/s", "10 mm/mV", "aVR", "V6"):
        assert words in text


def test_equal_pages_give_equal_bytes(heart, tmp_path):
    page = render(heart, "3x4", PageStyle())
    first, second = (write_pdf(page, tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first == second
    assert b"20080701" in first


def test_a_gap_in_the_record_is_a_gap_in_the_path(tmp_path):
    signal = np.zeros((12, 5000))
    signal[0, 200:400] = np.nan
    style = PageStyle(grid=False, separator="none", names="none", pulse="none", scale_text=False)
    page = render(ECGRecord(signal, 500, LEADS), "3x4", style)
    picture = raster(write_pdf(page, tmp_path / "page.pdf"), style.dpi)
    trace = page.traces[0]
    row, columns = round(trace.y[0]), trace.x[[100, 300, 500]].round().astype(int)
    assert (picture[row, columns, 0] < 100).tolist() == [True, False, True]


def test_a_damaged_page_is_refused(heart, tmp_path):
    page = render(heart, "3x4", replace(PageStyle(), dpi=72.0))
    damaged = apply_steps(page, sample_steps(np.random.default_rng(0), "scan"))
    with pytest.raises(OptionsError, match="as drawn"):
        write_pdf(damaged, tmp_path / "page.pdf")
    assert not list(tmp_path.iterdir())
