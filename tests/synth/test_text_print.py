from pathlib import Path

import numpy as np
import pytest

from ecg import OptionsError
from synth.header_words import LANGUAGES
from synth.plotter import plotter_spelling, plotter_strokes, plotter_width_em
from synth.text import ASCENDER_EM, FONTS, draw_text, face_for, font_file, letters_for, text_ink, text_width_em


@pytest.mark.parametrize("font", FONTS)
def test_each_font_sets_letters_on_one_baseline(font):
    em = 40
    bottoms = []
    for letter in "HTXE":  # no round feet, which overshoot
        ink, top = text_ink(letter, em, font=font)
        assert ink.dtype == np.uint8
        assert ink.max() > 200
        assert not ink.flags.writeable
        bottoms.append(top + ink.shape[0])
    # a pen's round ends reach half its width below the line; Computer Modern is drawn at most a pixel off it
    assert np.ptp(bottoms) <= 1
    assert min(bottoms) == pytest.approx(ASCENDER_EM * em, abs=4)


@pytest.mark.parametrize("font", FONTS)
def test_ink_is_as_wide_as_the_text_measures(font):
    words = "Vent. rate 72"
    ink, _ = text_ink(words, 50, font=font)
    # bearings at both ends and, for dots, the coarse grid: a fifth of an em at most, or 6 %
    assert ink.shape[1] / 50 == pytest.approx(text_width_em(words, font), abs=0.2, rel=0.06)


def test_fonts_look_different():
    pictures = [text_ink("aVR 25 mm/s", 30, font=font)[0] for font in FONTS]
    for number, one in enumerate(pictures):
        for other in pictures[:number]:
            assert one.shape != other.shape or np.abs(one.astype(int) - other).mean() > 5


def test_a_stretched_font_is_narrower_and_as_high():
    plain, narrow = (text_ink("Vent. rate", 40, font=font)[0] for font in ("sans", "narrow"))
    assert narrow.shape[0] == plain.shape[0]
    assert narrow.shape[1] == pytest.approx(0.86 * plain.shape[1], abs=1)
    # the same ink, squeezed
    assert narrow.sum() == pytest.approx(0.86 * plain.sum(), rel=0.02)


def test_every_word_of_every_language_has_letters_in_the_font_it_is_set_in():
    from fontTools.ttLib import TTFont

    files = {face.file for face in FONTS.values() if face.file} - {"Aileron"}
    known = {file: set(TTFont(font_file(name=file)).getBestCmap()) for file in files}
    known["Aileron"] = set(range(32, 127))
    for words in LANGUAGES.values():
        texts = [*words.field, *words.sexes, *words.measure, *words.neutral, *words.statements.values(), *words.scale]
        texts += [words.years, words.months, words.heads, words.tails, *words.given[0], *words.given[1]]
        for text in texts + [text.upper() for text in texts]:
            for font in FONTS:
                face = face_for(text, font)
                if face.how != "plotter":
                    assert {ord(letter) for letter in letters_for(text, face)} <= known[face.file], (font, text)
                else:
                    assert plotter_spelling(text) is not None


def test_a_font_without_a_letter_gives_way():
    assert face_for("Müller", "cm-sans").file == "STIXGeneral"
    assert face_for("a < b", "cm").file == "STIXGeneral"
    assert face_for("a < b", "cm-mono").file == "cmtt10"
    assert face_for("Müller", "plotter").how == "plotter"
    assert face_for("Ηλικία", "plotter").file == "DejaVuSans"


def test_a_minus_sign_is_written_with_what_there_is():
    assert face_for("\N{MINUS SIGN}aVR", "swiss").file == "Aileron"
    ink, _ = text_ink("\N{MINUS SIGN}aVR", 40, font="swiss")
    np.testing.assert_array_equal(ink, text_ink("-aVR", 40, font="swiss")[0])


def test_bold_is_bolder():
    for plain, bold in (("swiss", "swiss-bold"), ("stix", "stix-bold"), ("cm", "cm-bold"), ("mono", "mono-bold")):
        assert text_ink("QRS", 40, font=bold)[0].sum() > 1.2 * text_ink("QRS", 40, font=plain)[0].sum()


def test_the_plotter_drops_accents_and_spells_out_ligatures():
    assert plotter_spelling("Größe Łucja ñ") == "Grosse Lucja n"
    assert plotter_spelling("ФИО") is None


def test_plotter_strokes_keep_within_their_em():
    assert plotter_width_em("II") < plotter_width_em("VV")
    for letter in "ABCgjpqy09(/":
        points = np.concatenate(plotter_strokes(letter))
        assert points[:, 0].min() == 0
        assert points[:, 1].min() >= -0.86  # brackets stand an eighth above the capitals
        assert points[:, 1].max() <= 0.25
    capital = np.concatenate(plotter_strokes("H"))
    assert np.ptp(capital[:, 1]) == pytest.approx(0.729)


def test_an_unknown_font_is_refused():
    with pytest.raises(OptionsError, match="dejavu"):
        text_ink("a", 20, font="dejavu")


def test_text_off_the_page_is_lost_and_its_box_kept():
    image = np.full((20, 20, 3), 255, np.uint8)
    ink, _ = text_ink("V1", 12)
    quad = draw_text(image, ink, -4, 15, (0, 0, 0))
    assert quad[0].tolist() == [-4.5, 14.5]
    assert (quad[2] - quad[0]).tolist() == [ink.shape[1], ink.shape[0]]
    assert image[:15].min() == 255
    assert (draw_text(image.copy(), ink, 100, 100, (0, 0, 0))[0] == 99.5).all()


def test_font_files_come_with_matplotlib():
    for face in FONTS.values():
        if face.file and face.file != "Aileron":
            path = font_file(name=face.file)
            assert isinstance(path, Path)
            assert path.parent.name == "ttf"
