from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecg import OptionsError
from synth.blocks import Code, TextBlock, draw_blocks, extent_mm, overlap
from synth.codes import code_modules, quiet_modules
from synth.style import PageStyle

STYLE = replace(PageStyle(), text_rgb=(0, 0, 0))


def paper(style=STYLE):
    return np.full((*style.size_px[::-1], 3), 255, np.uint8)


def decoded_128(modules):
    """Content of a bar code, read from its modules by the standard's arithmetic, not by our encoder's."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], modules, [0]]))).tolist()
    widths = np.diff(edges)
    assert len(widths) % 6 == 1  # six elements a symbol, one more for the stop
    return ["".join(map(str, widths[k : k + 6])) for k in range(0, len(widths) - 1, 6)]


def test_lines_carry_role_text_and_place():
    image = paper()
    block = TextBlock("measurement", ("QRS 96 ms", "", "QT 400 ms"), (50.0, 40.0), 3.0, "stix")
    boxes = draw_blocks(image, [block], STYLE)
    assert [(box.role, box.text) for box in boxes] == [("measurement", "QRS 96 ms"), ("measurement", "QT 400 ms")]
    k = STYLE.scale.px_per_mm_x
    for box, line in zip(boxes, (0, 2), strict=True):
        left, top, right, bottom = *box.quad[0], *box.quad[2]
        assert left == pytest.approx(50 * k, abs=3)
        inside = image[int(top + 0.5) : int(bottom + 0.5), int(left + 0.5) : int(right + 0.5)]
        assert inside.min() < 60
        baseline = (40 + line * 1.25 * 3.0) * k
        assert top < baseline < bottom + 1  # Q reaches below the baseline
        inside[:] = 255
    assert (image == 255).all()


@pytest.mark.parametrize(("align", "end"), [("left", 0), ("right", 1)])
def test_lines_end_where_they_are_aligned(align, end):
    boxes = draw_blocks(paper(), [TextBlock("id", ("H", "HHHHH"), (100.0, 40.0), 3.0, "mono", align)], STYLE)
    ends = [box.quad[end, 0] for box in boxes]
    assert ends[0] == pytest.approx(ends[1], abs=3)
    assert ends[0] == pytest.approx(100 * STYLE.scale.px_per_mm_x, abs=3)


def test_centred_lines_share_their_middle():
    boxes = draw_blocks(paper(), [TextBlock("id", ("H", "HHHHH"), (100.0, 40.0), 3.0, align="centre")], STYLE)
    middles = [box.quad[:, 0].mean() for box in boxes]
    assert middles == pytest.approx([100 * STYLE.scale.px_per_mm_x] * 2, abs=1)


def test_ink_keeps_within_the_paper_that_a_block_claims():
    blocks = [
        TextBlock("header", ("Ågé (Åy) gjpq",), (30.0, 30.0), 3.0, "serif"),
        TextBlock("header", ("ÅÉ |gy", "long line (g)"), (200.0, 80.0), 4.0, "mono", "right"),
        Code("qr", "ID X000001", (40.0, 90.0), (12.0, 12.0)),
    ]
    for block in blocks:
        image = paper()
        draw_blocks(image, [block], STYLE)
        rows, columns = np.nonzero(image[..., 0] < 128)
        left, top, right, bottom = np.array(extent_mm(block)) * STYLE.scale.px_per_mm_x
        # accents of capitals may reach a tenth of an em above the ascender
        assert rows.min() >= top - 4
        assert rows.max() <= bottom + 1
        # letters are set to whole pixels: 1 % of a line
        slack = 2 + 0.01 * (right - left)
        assert columns.min() >= left - slack
        assert columns.max() <= right + slack


def test_overlap_is_shared_paper():
    assert overlap((0, 0, 10, 10), (9, 9, 20, 20))
    assert not overlap((0, 0, 10, 10), (10, 0, 20, 10))


@pytest.mark.parametrize(("dpi", "size"), [(100.0, 20.0), (200.0, 12.0), (300.0, 9.0)])
def test_a_qr_code_is_read_back_from_the_page(dpi, size):
    style = replace(STYLE, dpi=dpi)
    image = paper(style)
    image[:] = (250, 216, 216)  # the code brings its own white field
    content = "X123456;12-MAY-2021 14:03"
    (box,) = draw_blocks(image, [Code("qr", content, (240.0, 8.0), (size, size))], style)
    assert (box.role, box.text) == ("code", content)
    found, points, _ = cv2.QRCodeDetector().detectAndDecode(image)
    assert found == content
    np.testing.assert_allclose(points[0], box.quad, atol=4)
    assert np.ptp(box.quad[:, 0]) <= size * style.scale.px_per_mm_x + 1


def test_a_code_on_a_dark_screen_is_black_on_white():
    style = replace(STYLE, paper_rgb=(0, 0, 0), text_rgb=(180, 255, 180))
    image = np.zeros((*style.size_px[::-1], 3), np.uint8)
    draw_blocks(image, [Code("qr", "X000007", (240.0, 8.0), (14.0, 14.0))], style)
    assert cv2.QRCodeDetector().detectAndDecode(image)[0] == "X000007"


def test_a_bar_code_follows_the_standard():
    # ISO/IEC 15417: start B, the letters' values, (104 + sum of place * value) mod 103, stop
    modules = code_modules("code128", "Ab1")[0]
    assert modules.size == 11 * 5 + 13
    values = [ord(letter) - 32 for letter in "Ab1"]
    check = (104 + sum(place * value for place, value in enumerate(values, start=1))) % 103
    twin = code_modules("code128", chr(32 + check))[0] if check < 95 else None
    symbols = decoded_128(modules)
    assert symbols[0] == "211214"
    assert symbols[-1] == "233111"
    assert (modules[-2:] == 1).all()
    assert len(symbols) == 6
    assert twin is None or decoded_128(twin)[1] == symbols[4]


def test_even_digits_are_set_two_by_two():
    pairs, letters = code_modules("code128", "12345678"), code_modules("code128", "1234567")
    assert pairs.shape[1] == 11 * 6 + 13
    assert letters.shape[1] == 11 * 9 + 13
    assert decoded_128(pairs[0])[0] == "211232"


def test_every_symbol_has_eleven_modules_and_an_even_number_of_dark_ones():
    # ISO/IEC 15417, 4.2: that parity is what makes a misread symbol fail
    seen = set()
    for first in range(32, 127):
        symbol = decoded_128(code_modules("code128", f"{chr(first)}A")[0])[1]
        widths = [int(width) for width in symbol]
        assert sum(widths) == 11
        assert sum(widths[::2]) % 2 == 0
        seen.add(symbol)
    assert len(seen) == 95


def test_a_bar_code_stands_on_white_and_in_its_place():
    image = np.full((*STYLE.size_px[::-1], 3), 200, np.uint8)
    code = Code("code128", "123456", (100.0, 20.0), (40.0, 8.0))
    (box,) = draw_blocks(image, [code], STYLE)
    k = STYLE.scale.px_per_mm_x
    assert box.quad[0].tolist() == pytest.approx([100 * k, 20 * k], abs=1)
    assert np.ptp(box.quad[:, 0]) <= 40 * k
    row = image[round(24 * k), :, 0]
    left = round(100 * k)
    module = np.ptp(box.quad[:, 0]) / code_modules("code128", "123456").shape[1]
    quiet = int(quiet_modules("code128") * module)
    assert (row[left - quiet : left] == 255).all()
    modules = row[left : left + round(np.ptp(box.quad[:, 0])) : round(module)] < 128
    np.testing.assert_array_equal(modules, code_modules("code128", "123456")[0] > 0)


def test_what_cannot_be_is_refused():
    with pytest.raises(OptionsError, match="role"):
        TextBlock("title", ("a",), (0, 0), 3.0)  # type: ignore[arg-type]
    with pytest.raises(OptionsError, match="em_mm"):
        TextBlock("id", ("a",), (0, 0), 0.0)
    with pytest.raises(OptionsError, match="align"):
        TextBlock("id", ("a",), (0, 0), 3.0, align="middle")  # type: ignore[arg-type]
    with pytest.raises(OptionsError, match="ASCII"):
        Code("qr", "Müller", (0, 0), (10, 10))
    with pytest.raises(OptionsError, match="kind"):
        Code("ean", "123", (0, 0), (10, 10))  # type: ignore[arg-type]
    with pytest.raises(OptionsError, match="size_mm"):
        Code("qr", "123", (0, 0), (10, 0))
    with pytest.raises(OptionsError, match="shorten"):
        code_modules("qr", "A" * 5000)
