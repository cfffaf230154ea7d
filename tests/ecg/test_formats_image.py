import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from ecg import FormatError
from ecg.formats import IMAGE_KINDS, ReadOptions, identify, read, read_image_pages

SCENE = np.random.default_rng(2).integers(0, 256, (6, 9, 3), dtype=np.uint8)
PIL_NAMES = {"png": "PNG", "jpeg": "JPEG", "tiff": "TIFF", "webp": "WEBP", "bmp": "BMP"}


def saved(tmp_path, image, kind="png", name="a.bin", **options):
    path = tmp_path / name
    image.save(path, PIL_NAMES[kind], **options)
    return path


def one_page(path, options=None):
    (page,) = read(path, options)
    return page


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_content_decides_whatever_the_suffix_says(tmp_path, kind):
    lossless = {"webp": {"lossless": True}}.get(kind, {})
    path = saved(tmp_path, Image.fromarray(SCENE), kind, "scan.csv", **lossless)
    assert identify(path) == kind
    page = one_page(path)
    assert page.image.shape == SCENE.shape
    assert page.source == "scan.csv"
    if kind != "jpeg":
        np.testing.assert_array_equal(page.image, SCENE)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_stand_upright(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = Image.fromarray(np.kron(SCENE[:3, :4], np.ones((16, 16, 1), np.uint8)))  # survives JPEG
    quality = {"jpeg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(kind, {})
    path = saved(tmp_path, smooth, kind, exif=exif, **quality)
    oracle = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    np.testing.assert_array_equal(one_page(path).image, np.asarray(oracle))
    assert one_page(path).width == (48 if orientation >= 5 else 64)


@pytest.mark.filterwarnings("ignore")  # Pillow warns about it, and we go on
def test_damaged_exif_data_does_not_spoil_the_picture(tmp_path):
    path = saved(tmp_path, Image.fromarray(SCENE), "jpeg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff\x01\x00")
    assert one_page(path).image.shape == SCENE.shape


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    alpha = np.array([[0, 128, 255]], dtype=np.uint8)
    rgba = np.dstack([np.zeros((1, 3, 3), np.uint8), alpha])
    image = Image.fromarray(rgba, "RGBA")
    image = image.convert(mode) if mode != "PA" else image.quantize()  # a palette with transparent entries
    page = one_page(saved(tmp_path, image))
    assert np.abs(page.image[0, :, 0].astype(int) - [255, 127, 0]).max() <= 1


def test_a_transparent_colour_is_white(tmp_path):
    page = one_page(saved(tmp_path, Image.fromarray(SCENE), transparency=tuple(int(v) for v in SCENE[0, 0])))
    assert page.image[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(page.image[3:], SCENE[3:])


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, kind):
    stored = np.array([[0, 257, 32896, 65278, 65535]], dtype=np.uint16)
    page = one_page(saved(tmp_path, Image.fromarray(stored), kind))
    assert page.image[0, :, 1].tolist() == [0, 1, 128, 254, 255]


def test_float_grey_runs_from_0_to_1(tmp_path):
    page = one_page(saved(tmp_path, Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "tiff"))
    assert page.image[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(FormatError, match="grey values from 0 to 300"):
        list(read(saved(tmp_path, Image.fromarray(np.array([[0, 300]], np.float32)), "tiff")))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path, mode):
    image = Image.fromarray(np.kron(SCENE[:2, :2], np.ones((16, 16, 1), np.uint8))).convert(mode)
    kind = {"CMYK": "tiff", "YCbCr": "tiff"}.get(mode, "png")
    page = one_page(saved(tmp_path, image, kind))
    assert np.abs(page.image.astype(int) - np.asarray(image.convert("RGB"))).max() <= 2


def test_cmyk_jpeg_of_adobe_is_not_inverted(tmp_path):
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    assert one_page(saved(tmp_path, white, "jpeg")).image.min() >= 250


@pytest.mark.parametrize(
    ("given", "expected"),
    [((200, 200), 200.0), ((1, 1), None), ((204, 98), None), ((100000, 100000), None), (None, None)],
)
def test_implausible_resolutions_are_dropped(tmp_path, given, expected):
    options = {} if given is None else {"dpi": given}
    dpi = one_page(saved(tmp_path, Image.fromarray(SCENE), "png", **options)).dpi
    assert dpi == (expected and pytest.approx(expected, rel=1e-3))


def test_a_tiff_of_many_pages_is_streamed(tmp_path):
    pages = [Image.fromarray(SCENE[:, : 9 - k]) for k in range(3)]
    path = saved(tmp_path, pages[0], "tiff", "fax.tif", save_all=True, append_images=pages[1:])
    got = read(path)
    assert next(got).source == "fax.tif#page=1"
    rest = list(got)
    assert [page.source for page in rest] == ["fax.tif#page=2", "fax.tif#page=3"]
    np.testing.assert_array_equal(rest[1].image, SCENE[:, :7])
    with pytest.raises(FormatError, match="3 pages or more, where 2 are allowed"):
        read(path, ReadOptions(max_pdf_pages=2))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "group4", "jpeg"])
def test_compressed_tiff(tmp_path, compression):
    image = Image.fromarray(np.kron(SCENE[:3, :3] // 128 * 255, np.ones((16, 16, 1), np.uint8)))
    image = image.convert("1") if compression == "group4" else image
    page = one_page(saved(tmp_path, image, "tiff", compression=compression))
    assert np.abs(page.image.astype(int) - np.asarray(image.convert("RGB"))).mean() < 4


def test_of_an_animation_the_first_frame_is_the_page(tmp_path):
    frames = [Image.fromarray(SCENE), Image.fromarray(255 - SCENE)]
    for kind in ("webp", "png"):
        path = saved(tmp_path, frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        np.testing.assert_array_equal(one_page(path).image, SCENE)


# --- bounds -----------------------------------------------------------------------------------------------------------


def png_that_claims(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\x00")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [11000, 30000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(tmp_path, side, recwarn):
    path = tmp_path / "a.png"
    path.write_bytes(png_that_claims(side, side))
    with pytest.raises(FormatError, match="more than the 100 megapixels allowed"):
        list(read(path))
    assert not recwarn.list  # Pillow's own warning does not leak


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "bmp"])
def test_pillows_global_limit_is_neither_felt_nor_changed(tmp_path, kind, monkeypatch, recwarn):
    many = {"save_all": True, "append_images": [Image.fromarray(SCENE[:5])]} if kind == "tiff" else {}
    path = saved(tmp_path, Image.fromarray(SCENE), kind, **many)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # the scene has 54: Image.open would refuse it
    assert [page.height for page in read(path)] == ([6, 5] if many else [6])
    assert Image.MAX_IMAGE_PIXELS == 10
    assert not recwarn.list


@pytest.mark.parametrize(
    ("options", "chunk"),
    [
        ({}, b"VP8 "),
        ({"lossless": True}, b"VP8L"),
        ({"append_images": [Image.new("RGB", (300, 200), "red")], "save_all": True}, b"VP8X"),
    ],
)
def test_the_canvas_of_a_webp_picture_is_bounded_before_it_is_allocated(tmp_path, options, chunk):
    path = saved(tmp_path, Image.new("RGB", (300, 200)), "webp", **options)
    assert path.read_bytes()[12:16] == chunk
    with pytest.raises(FormatError, match=r"300 x 200 pixels, more than the 0\.05 megapixels"):
        read(path, ReadOptions(max_megapixels=0.05))
    assert one_page(path, ReadOptions(max_megapixels=0.06)).width == 300


def test_the_size_of_the_page_is_an_option(tmp_path):
    path = saved(tmp_path, Image.fromarray(SCENE))
    with pytest.raises(FormatError, match="9 x 6 pixels"):
        list(read(path, ReadOptions(max_megapixels=53e-6)))
    assert one_page(path, ReadOptions(max_megapixels=54e-6)).width == 9


@pytest.mark.filterwarnings("ignore")  # Pillow warns about damaged TIFF files
@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_a_cut_file_is_one_line(tmp_path, kind):
    buffer = io.BytesIO()
    Image.fromarray(np.kron(SCENE, np.ones((8, 8, 1), np.uint8))).save(buffer, PIL_NAMES[kind])
    whole = buffer.getvalue()
    path = tmp_path / "a.bin"
    for size in [12, 20, 40, len(whole) // 3, len(whole) // 2, len(whole) * 4 // 5]:
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError) as caught:
            list(read(path))
        assert "\n" not in str(caught.value)


def test_what_is_no_picture_says_so(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"hello, world: no picture")
    with pytest.raises(FormatError, match="expected a PNG, JPEG, TIFF, WebP or BMP"):
        read_image_pages(path)
