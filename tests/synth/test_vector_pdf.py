from dataclasses import replace

import numpy as np
import pypdfium2
import pytest

from digitize import read_file
from ecg import LEADS, ECGRecord, OptionsError
from synth.blocks import Code
from synth.degrade import apply_steps, sample_steps
from synth.header import BlockHints, sample_blocks
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


LOOKS = {
    "bars, pulse at right, names in the margin": PageStyle(
        separator="bars", pulse="right", names="left", font="swiss", margin_left_mm=20.0
    ),
    "joined leads, caps, strong grid": PageStyle(
        joined=True, separator="none", name_form="caps", grid_kind="major", font="stix", name_bold=True
    ),
    "dotted separators and grid": PageStyle(separator="dots", grid_kind="dotted", font="mono", pulse_once=True),
    "five dots a square, cropped grid": PageStyle(
        separator="line", grid_kind="five", grid_area_mm=(12.0, 30.0, 290.0, 200.0), names="above"
    ),
    "two gains, clipped": PageStyle(chest_gain_mm_per_mv=5.0, clip_mm=6.0, grid_kind="dots", pulse_gap_mm=0.5),
    "dark screen": PageStyle(
        paper_rgb=(0, 0, 0),
        trace_rgb=(80, 255, 80),
        text_rgb=(255, 255, 255),
        minor_rgb=(0, 30, 0),
        major_rgb=(0, 50, 0),
    ),
}


def ink(image, style):
    """Share of each pixel that the pen covers, whatever the colours."""
    paper, pen = np.array(style.paper_rgb, float), np.array(style.trace_rgb, float)
    return (image - paper) @ (pen - paper) / ((pen - paper) @ (pen - paper))


@pytest.mark.parametrize("name", LOOKS)
def test_every_look_has_its_ink_where_the_picture_has_it(heart, name, tmp_path):
    import cv2

    style = LOOKS[name]
    hints = BlockHints(form="columns", language="en", codes=1.0, font=style.font)
    blocks = sample_blocks(np.random.default_rng(1), hints, {}, style)
    assert any(isinstance(block, Code) for block in blocks)
    page = render(heart, "3x4+1", replace(style, blocks=blocks))
    picture = raster(write_pdf(page, tmp_path / "page.pdf"), style.dpi)
    drawn, vector = ink(page.page.image, style), ink(picture, style)
    lines = np.ones(drawn.shape, bool)  # not letters, which are hinted to whole pixels in the picture alone
    for text in page.texts:
        if text.role not in ("pulse", "separator"):
            (x0, y0), (x1, y1) = text.quad[0] - 12, text.quad[2] + 13
            lines[max(0, int(y0)) : int(y1), max(0, int(x0)) : int(x1)] = False
    for one, other in ((drawn, vector), (vector, drawn)):
        # what is surely ink in the one is about half ink in the other, a pixel away at most
        away = cv2.distanceTransform((other < 0.4).astype(np.uint8), cv2.DIST_L2, 5)
        assert np.percentile(away[(one > 0.8) & lines], 99.8) <= 1.5
    away = cv2.distanceTransform((vector < 0.4).astype(np.uint8), cv2.DIST_L2, 5)
    assert away[(page.masks > 0) & (drawn > 0.8)].max() <= 1.0
    # QR and bar codes are read from the PDF as from the picture
    code = next(block for block in blocks if isinstance(block, Code))
    if code.kind == "qr":
        large = raster(tmp_path / "page.pdf", 300)
        assert cv2.QRCodeDetector().detectAndDecode(large)[0] == code.content


@pytest.mark.parametrize("kind", ["lines", "major", "dots", "dotted", "five"])
def test_grids_print_what_the_picture_prints(kind, tmp_path):
    style = PageStyle(
        grid_kind=kind, grid_phase_mm=(2.3, 4.1), names="none", pulse="none", separator="none", scale_text=False,
        minor_width_mm=0.3, major_width_mm=0.5, dpi=254.0,
    )  # fmt: skip
    page = render(ECGRecord(np.full((12, 500), np.nan), 50, LEADS), "3x4", style)
    picture = raster(write_pdf(page, tmp_path / "page.pdf"), style.dpi)
    height, width = page.page.image.shape[:2]
    # the pages differ by a pixel: points are rounded up to pixels
    inks = [255.0 - image[:height, :width, 1].astype(float) for image in (page.page.image, picture)]
    least = 255.0 - style.paper_rgb[1]
    drawn, vector = (image - least for image in inks)
    assert vector.sum() == pytest.approx(drawn.sum(), rel=0.1)
    assert np.corrcoef(drawn.ravel(), vector.ravel())[0, 1] > 0.9


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
