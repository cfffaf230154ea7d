import shutil
import threading

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from ecg import FormatError, OptionsError
from ecg.formats import ReadOptions, identify, read


def pdf_bytes(objects):
    """A PDF file from the bodies of its objects, with a correct cross-reference table."""
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def pages_pdf(boxes, drawing=b"1 0 0 rg 0 0 36 36 re f", rotate=0):
    """PDF with one page a box (width, height in points): a red inch square in its lower left corner."""
    kids = b" ".join(b"%d 0 R" % (4 + i) for i in range(len(boxes)))
    pages = [
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %g %g]/Rotate %d/Contents 3 0 R/Resources<<>>>>" % (*box, rotate)
        for box in boxes
    ]
    stream = b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing)
    return pdf_bytes(
        [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(boxes)), stream, *pages]
    )


def written(tmp_path, data, name="a.pdf"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_a_page_is_drawn_at_its_resolution_in_red_green_blue(tmp_path):
    path = written(tmp_path, pages_pdf([(144, 72)]), "scan.png")
    assert identify(path) == "pdf"
    (page,) = read(path)
    assert page.image.shape == (200, 400, 3)
    assert (page.dpi, page.source) == (200.0, "scan.png")
    assert page.image[150, 50].tolist() == [255, 0, 0]  # lower left, and red rather than blue
    assert page.image[20, 300].tolist() == [255, 255, 255]
    red = (page.image == [255, 0, 0]).all(axis=2)
    assert (red.sum(axis=0).max(), red.sum(axis=1).max()) == (100, 100)  # 36 points at 200 dpi


@pytest.mark.parametrize("dpi", [72, 150, 300])
def test_the_resolution_is_an_option(tmp_path, dpi):
    (page,) = read(written(tmp_path, pages_pdf([(144, 72)])), ReadOptions(pdf_dpi=dpi))
    assert page.image.shape == (dpi, 2 * dpi, 3)
    assert page.dpi == dpi


def test_a_rotated_page_stands_as_it_is_shown(tmp_path):
    (page,) = read(written(tmp_path, pages_pdf([(144, 72)], rotate=90)))
    assert page.image.shape == (400, 200, 3)
    assert page.image[50, 50].tolist() == [255, 0, 0]  # the lower left corner, turned clockwise


def test_pages_are_streamed_and_numbered(tmp_path):
    path = written(tmp_path, pages_pdf([(72, 72), (144, 72), (10, 10)]))
    pages = read(path)
    assert next(pages).source == "a.pdf#page=1"
    assert next(pages).width == 400
    pages.close()  # leaving early closes the file
    assert [page.source for page in read(path)] == ["a.pdf#page=1", "a.pdf#page=2", "a.pdf#page=3"]


def test_a_scan_in_a_pdf_comes_out_as_it_went_in(tmp_path):
    scan = np.kron(
        np.random.default_rng(0).integers(0, 256, (10, 16, 3), dtype=np.uint8), np.ones((20, 20, 1), np.uint8)
    )
    Image.fromarray(scan).save(tmp_path / "a.pdf", resolution=200)
    (page,) = read(tmp_path / "a.pdf")
    assert page.image.shape == scan.shape
    assert np.abs(page.image[5::20, 5::20].astype(int) - scan[5::20, 5::20]).mean() < 12  # JPEG inside


def test_transparent_pages_are_white(tmp_path):
    (page,) = read(written(tmp_path, pages_pdf([(72, 72)], drawing=b"")))
    assert (page.image == 255).all()


# --- bounds and damage ------------------------------------------------------------------------------------------------


def test_a_huge_page_is_refused_before_it_is_drawn_and_the_others_are_not(tmp_path):
    path = written(tmp_path, pages_pdf([(72, 72), (14400, 14400)]))
    pages = read(path)
    assert next(pages).width == 200
    with pytest.raises(FormatError, match="megapixels"):
        next(pages)


def test_too_many_pages_are_refused(tmp_path):
    with pytest.raises(FormatError, match="4 pages or more, where 3 are allowed"):
        read(written(tmp_path, pages_pdf([(72, 72)] * 4)), ReadOptions(max_pdf_pages=3))


def test_a_pdf_without_pages_is_refused(tmp_path):
    with pytest.raises(FormatError, match="page"):
        read(written(tmp_path, pages_pdf([])))


def test_an_encrypted_pdf_says_so(tmp_path):
    # Standard security handler, revision 2 (ISO 32000-1, 7.6.3); the keys belong to a password that is not given.
    encrypt = b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"11" * 32, b"22" * 32)
    data = pages_pdf([(72, 72)])
    body, _, _ = data.partition(b"xref")
    offset = len(body)
    body += b"5 0 obj\n%s\nendobj\n" % encrypt
    start = len(body)
    trailer = b"trailer\n<</Size 6/Root 1 0 R/Encrypt 5 0 R/ID[<00><00>]>>\nstartxref\n%d\n%%%%EOF\n" % start
    offsets = [data.index(b"%d 0 obj" % n) for n in range(1, 5)] + [offset]
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    with pytest.raises(FormatError, match="encrypted; save a copy without a password"):
        read(written(tmp_path, body + table + trailer))


def test_a_cut_pdf_is_one_line_or_a_page(tmp_path):
    whole = pages_pdf([(72, 72), (72, 72)])
    messages = []
    for size in range(5, len(whole), 7):
        try:
            list(read(written(tmp_path, whole[:size])))  # PDFium rebuilds what it can
        except FormatError as error:
            messages.append(str(error))
    assert len(messages) > 10
    assert not any("\n" in message for message in messages)


def test_threads_do_not_meet_inside_pdfium(tmp_path):
    path = written(tmp_path, pages_pdf([(144, 72)] * 6))
    sums = []

    def work():
        sums.append([int(page.image.sum()) for page in read(path)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sums) == 4
    assert len({tuple(s) for s in sums}) == 1


# --- the other back end -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")
@pytest.mark.parametrize("rotate", [0, 90])
def test_both_back_ends_draw_the_same_page(tmp_path, rotate):
    drawing = b"1 0 0 rg 0 0 36 36 re f 0 0 1 RG 2 w 10 10 m 130 60 l S"
    path = written(tmp_path, pages_pdf([(144.3, 72.2), (72, 72)], drawing, rotate))
    ours = list(read(path))
    theirs = list(read(path, ReadOptions(pdf_backend="pdf2image")))
    assert [page.source for page in ours] == [page.source for page in theirs]
    for one, two in zip(ours, theirs, strict=True):
        assert abs(one.width - two.width) <= 1
        assert abs(one.height - two.height) <= 1
        height, width = min(one.height, two.height), min(one.width, two.width)
        difference = one.image[:height, :width].astype(int) - two.image[:height, :width]
        assert np.abs(difference).mean() < 2.0
    with pytest.raises(FormatError, match="megapixels"):
        list(read(path, ReadOptions(pdf_backend="pdf2image", max_megapixels=0.01)))
    with pytest.raises(FormatError, match="2 pages or more"):
        list(read(path, ReadOptions(pdf_backend="pdf2image", max_pdf_pages=1)))


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")
def test_damage_is_one_line_with_the_other_back_end_too(tmp_path):
    with pytest.raises(FormatError, match=r"a\.pdf"):
        list(read(written(tmp_path, b"%PDF-1.4\nrubbish"), ReadOptions(pdf_backend="pdf2image")))


def test_the_other_back_end_asks_for_poppler_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionsError, match="needs poppler"):
        list(read(written(tmp_path, pages_pdf([(72, 72)])), ReadOptions(pdf_backend="pdf2image")))


def test_the_test_files_are_real_pdfs(tmp_path):
    document = pypdfium2.PdfDocument(pages_pdf([(144, 72), (10, 20)]))
    assert [document[i].get_size() for i in range(2)] == [(144, 72), (10, 20)]
    document.close()
