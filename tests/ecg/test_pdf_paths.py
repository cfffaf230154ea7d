"""Paths and words of PDF pages written by hand, so that every coordinate is known."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from ecg.errors import FormatError
from ecg.formats.pdf_paths import Stroke, VectorPage, Word, read_vector_page, turned
from ecg.formats.pdfium import LOCK, load_page, open_document, render


def write_pdf(
    path: Path, *contents: str, page: str = "", objects: tuple[str, ...] = (), box: str = "0 0 400 300"
) -> Path:
    """A PDF of one page a content stream; ``objects`` are numbered from 100, ``page`` goes into every page."""
    n = len(contents)
    kids = " ".join(f"{3 + 2 * i} 0 R" for i in range(n))
    bodies = {1: "<</Type/Catalog/Pages 2 0 R>>", 2: f"<</Type/Pages/Kids[{kids}]/Count {n}>>"}
    font = "/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    for i, content in enumerate(contents):
        bodies[3 + 2 * i] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents {4 + 2 * i} 0 R{page}"
            f"/Resources<<{font}/XObject<</X 100 0 R>>>>>>"
        )
        bodies[4 + 2 * i] = f"<</Length {len(content)}>>stream\n{content}\nendstream"
    bodies |= {100 + i: body for i, body in enumerate(objects)}
    out, at = b"%PDF-1.7\n", {}
    for number, body in bodies.items():
        at[number] = len(out)
        out += f"{number} 0 obj{body}endobj\n".encode("latin-1")
    start, rows = len(out), "".join(f"{number} 1\n{offset:010d} 00000 n \n" for number, offset in at.items())
    out += f"xref\n0 1\n0000000000 65535 f \n{rows}trailer<</Size 200/Root 1 0 R>>\nstartxref\n{start}\n%%EOF".encode()
    path.write_bytes(out)
    return path


def form(content: str, entries: str = "") -> str:
    head = f"/Type/XObject/Subtype/Form/BBox[-999 -999 999 999]{entries}/Length {len(content)}"
    return f"<<{head}>>stream\n{content}\nendstream"


def only(page: VectorPage) -> Stroke:
    assert len(page.strokes) == 1
    return page.strokes[0]


def test_a_line_is_read_with_colour_width_and_place(tmp_path) -> None:
    page = read_vector_page(write_pdf(tmp_path / "a.pdf", "1 0 0 RG 0.7 w 10 20 m 110 20 l 110 70.5 l S"))
    stroke = only(page)
    assert page.size_pt == (400, 300)
    np.testing.assert_allclose(stroke.points, [[10, 280], [110, 280], [110, 229.5]])
    assert (stroke.stroke_rgb, stroke.fill_rgb, stroke.closed, stroke.dashed) == ((255, 0, 0), None, False, False)
    assert stroke.width_pt == pytest.approx(0.7)
    assert (page.n_images, page.truncated, page.words) == (0, False, ())


def test_matrices_nest_through_forms(tmp_path) -> None:
    content = "q 2 0 0 2 10 10 cm /X Do Q"
    inner = form("q 1 0 0 1 5 0 cm 0 0 m 10 0 l S Q", "/Matrix[0 1 -1 0 0 0]")  # the form is turned anticlockwise
    stroke = only(read_vector_page(write_pdf(tmp_path / "a.pdf", content, objects=(inner,))))
    # 5..15 along x, turned to 5..15 along y, doubled and moved by 10.
    np.testing.assert_allclose(stroke.points, [[10, 280], [10, 260]], atol=1e-4)
    assert stroke.width_pt == pytest.approx(2.0)


def test_a_form_that_contains_itself_ends(tmp_path) -> None:
    page = read_vector_page(write_pdf(tmp_path / "a.pdf", "/X Do", objects=(form("0 0 m 9 9 l S /X Do"),)))
    assert len(page.strokes) < 100


def test_forms_nested_beyond_reason_are_cut_off_and_said(tmp_path) -> None:
    links = [form(f"{i} 0 m 9 9 l S /X Do", f"/Resources<</XObject<</X {101 + i} 0 R>>>>") for i in range(14)]
    chain = (*links, form("0 0 m 1 1 l S"))
    page = read_vector_page(write_pdf(tmp_path / "a.pdf", "/X Do", objects=chain))
    assert page.truncated
    assert 5 < len(page.strokes) < 15


def test_subpaths_closes_and_rectangles(tmp_path) -> None:
    page = read_vector_page(
        write_pdf(tmp_path / "a.pdf", "0 0 m 5 5 l 9 0 l h 20 0 m 30 0 l S 0 0 1 rg 50 60 20 10 re f")
    )
    triangle, line, box = page.strokes
    assert triangle.closed
    assert not line.closed
    np.testing.assert_allclose(line.points, [[20, 300], [30, 300]])
    assert box.fill_rgb == (0, 0, 255)
    assert box.stroke_rgb is None
    assert sorted(map(tuple, np.unique(box.points, axis=0))) == [(50, 230), (50, 240), (70, 230), (70, 240)]


def test_a_bezier_curve_is_followed(tmp_path) -> None:
    # The standard quarter circle of radius 100 about the origin; the curve itself is within 0.03 % of it.
    k = 55.22847498
    stroke = only(read_vector_page(write_pdf(tmp_path / "a.pdf", f"100 0 m 100 {k} {k} 100 0 100 c S")))
    radius = np.hypot(stroke.points[:, 0], 300 - stroke.points[:, 1])
    assert len(stroke.points) == 9
    np.testing.assert_allclose(radius, 100, rtol=5e-4)
    middles = (stroke.points[1:] + stroke.points[:-1]) / 2
    # An eighth of a quarter circle, cut by a chord: a sagitta of r(1 - cos(pi/32)), 0.5 % of r.
    assert np.hypot(middles[:, 0], 300 - middles[:, 1]).min() > 99.4


def test_dashes_clips_and_what_is_not_painted(tmp_path) -> None:
    content = "[2 1] 0 d 0 10 m 50 10 l S [] 0 d 0 20 m 50 20 l n q 5 5 30 40 re W n 0 30 m 90 30 l S Q"
    dashed, clipped = read_vector_page(write_pdf(tmp_path / "a.pdf", content)).strokes
    assert dashed.dashed
    assert dashed.clip is None
    assert not clipped.dashed
    assert clipped.clip == pytest.approx((5, 255, 35, 295))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rotate_is_obeyed_as_the_renderer_does(tmp_path, turn: int) -> None:
    path = write_pdf(tmp_path / "a.pdf", "4 w 20 30 m 120 30 l S", page=f"/Rotate {turn}", box="-10 5 390 305")
    vector = read_vector_page(path)
    with LOCK:
        document = open_document(path)
        page = load_page(document, 0, path)
        image = render(page, 144, path)
        page.close()
        document.close()
    assert image.shape[:2] == (round(2 * vector.size_pt[1]), round(2 * vector.size_pt[0]))
    rows, columns = np.nonzero(image[:, :, 0] < 128)
    ink = (columns.mean() + 0.5) / 2, (rows.mean() + 0.5) / 2
    np.testing.assert_allclose(only(vector).points.mean(axis=0), ink, atol=0.05)


def test_words_are_joined_by_place_and_turned_with_the_page(tmp_path) -> None:
    text = "BT /F1 12 Tf 50 200 Td (aVR) Tj 100 0 Td (25 mm/s) Tj ET BT /F1 12 Tf 900 200 Td (beside) Tj ET"
    words = read_vector_page(write_pdf(tmp_path / "a.pdf", text)).words
    assert [w.text for w in words] == ["aVR", "25", "mm/s"]
    x0, y0, x1, y1 = words[0].xyxy
    assert 49 < x0 < 52
    assert 70 < x1 < 76
    assert 88 < y0 < 95
    assert y1 == pytest.approx(100, abs=0.5)
    side = read_vector_page(write_pdf(tmp_path / "b.pdf", text, page="/Rotate 90"))
    assert [w.text for w in side.words][:1] == ["aVR"]
    assert side.words[0].angle_deg == pytest.approx(90, abs=1)
    up = turned(side, 3)
    assert up.size_pt == (400, 300)
    assert up.words[0].angle_deg == pytest.approx(0, abs=1)
    np.testing.assert_allclose(up.words[0].xyxy, words[0].xyxy, atol=1e-3)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_writing_turned_in_the_content_has_its_direction(tmp_path, turn: int) -> None:
    # Anticlockwise as PDF counts; on the displayed page, clockwise as Word counts.
    c, s = round(np.cos(np.radians(turn))), round(np.sin(np.radians(turn)))
    text = f"BT /F1 12 Tf {c} {s} {-s} {c} 200 150 Tm (aVR III) Tj ET"
    words = read_vector_page(write_pdf(tmp_path / "a.pdf", text)).words
    assert [w.text for w in words] == ["aVR", "III"]
    assert words[0].angle_deg == pytest.approx(-turn % 360, abs=1)
    shown = read_vector_page(write_pdf(tmp_path / "b.pdf", text, page=f"/Rotate {turn}")).words
    assert [w.text for w in shown] == ["aVR", "III"]
    assert shown[0].angle_deg % 360 == pytest.approx(0, abs=1)


def test_letters_drawn_one_by_one_make_a_word(tmp_path) -> None:
    text = "BT /F1 10 Tf 50 200 Td (V) Tj 6.7 0 Td (1) Tj 40 0 Td (V) Tj 6.7 -30 Td (2) Tj ET"
    assert [w.text for w in read_vector_page(write_pdf(tmp_path / "a.pdf", text)).words] == ["V1", "V", "2"]


def test_thin_letters_stay_together_and_spaces_part(tmp_path) -> None:
    text = "BT /F1 10 Tf 50 200 Td (III II I) Tj 0 -40 Td (V1 aVR 11 mm/mV) Tj ET"
    words = read_vector_page(write_pdf(tmp_path / "a.pdf", text)).words
    assert [w.text for w in words] == ["III", "II", "I", "V1", "aVR", "11", "mm/mV"]


def test_turning_four_times_changes_nothing() -> None:
    line = Stroke(np.array([[1.0, 2.0], [3.0, 5.0]]), False, (0, 0, 0), None, 1.0, clip=(0.0, 1.0, 2.0, 3.0))
    page = VectorPage((100.0, 50.0), (line,), (Word("I", (1.0, 2.0, 3.0, 4.0), 0.0),))
    again = turned(page, 4)
    assert again.strokes[0] is line
    once = turned(turned(turned(turned(page, 1), 1), 1), 1)
    np.testing.assert_allclose(once.strokes[0].points, line.points)
    assert once.strokes[0].clip == line.clip
    assert once.words == page.words


def test_limits_are_kept_and_said(tmp_path) -> None:
    path = write_pdf(tmp_path / "a.pdf", "0 0 m " + " ".join(f"{i} 1 l" for i in range(50)) + " S 0 0 m 1 1 l S")
    page = read_vector_page(path, max_segments=20)
    assert page.truncated
    assert sum(len(s.points) for s in page.strokes) <= 20
    text = write_pdf(tmp_path / "b.pdf", "BT /F1 10 Tf 5 20 Td (abcdef) Tj ET")
    assert read_vector_page(text, max_chars=3).truncated


def test_the_second_page_is_read_and_a_third_refused(tmp_path) -> None:
    path = write_pdf(tmp_path / "a.pdf", "0 0 m 1 1 l S", "0 0 m 2 2 l S")
    assert only(read_vector_page(path, 1)).points[1].tolist() == [2, 298]
    with pytest.raises(FormatError, match="from 1 to 2, got 3"):
        read_vector_page(path, 2)


def test_bad_files_give_one_clear_line(tmp_path) -> None:
    good = write_pdf(tmp_path / "a.pdf", "0 0 m 1 1 l S").read_bytes()
    for name, content in (("empty.pdf", b""), ("noise.pdf", bytes(range(256)) * 9), ("cut.pdf", good[:200])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=name) as error:
            read_vector_page(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(FormatError, match="found none"):
        read_vector_page(tmp_path / "absent.pdf")


def test_an_encrypted_file_says_so(tmp_path) -> None:
    # A file whose encryption asks for a password nobody gave: owner and user keys of 32 bytes that match none.
    raw = write_pdf(tmp_path / "a.pdf", "0 0 m 1 1 l S").read_bytes()
    key = "41" * 32
    lock = f"/Encrypt<</Filter/Standard/V 1/R 2/O<{key}>/U<{key}>/P -4>>/ID[<{key[:32]}><{key[:32]}>]".encode()
    (tmp_path / "locked.pdf").write_bytes(raw.replace(b"/Root 1 0 R", b"/Root 1 0 R" + lock))
    with pytest.raises(FormatError, match=r"locked\.pdf: the PDF is encrypted"):
        read_vector_page(tmp_path / "locked.pdf")


def test_threads_share_the_lock(tmp_path) -> None:
    path = write_pdf(tmp_path / "a.pdf", "0 0 m " + " ".join(f"{i} 1 l" for i in range(300)) + " S")
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(only(read_vector_page(path)).points))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [301] * 8


def test_rendering_checks_the_size_first(tmp_path) -> None:
    path = write_pdf(tmp_path / "a.pdf", "0 0 m 1 1 l S")
    with LOCK:
        document = open_document(path)
        page = load_page(document, 0, path)
        with pytest.raises(FormatError, match="at most 1 megapixels"):
            render(page, 1200, path, max_megapixels=1)
        page.close()
        document.close()
