"""Printed speed and gain: looked at closely, believed when sure, doubted when not, and never wrong in silence."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import draw

from digitize import digitize
from digitize.text import NameHit, look_again, printed_scale
from ecg import ECGRecord

BOX = (40.0, 80.0, 130.0, 100.0)


def lettered(words: str, px_per_mm: float, cap_mm: float = 2.0) -> tuple[np.ndarray, tuple[float, ...]]:
    """An ink map with one text in DejaVu Serif, and the box of its ink."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    path = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSerif.ttf"
    font = ImageFont.truetype(path, round(cap_mm * px_per_mm / 0.73))  # its capitals are 0.73 em
    image = Image.new("L", (round(60 * px_per_mm), round(20 * px_per_mm)))
    at = (20 * px_per_mm, 10 * px_per_mm)
    ImageDraw.Draw(image).text(at, words, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float32) / 255, ImageDraw.Draw(image).textbbox(at, words, font=font, anchor="ls")


@pytest.mark.parametrize("words", ["12.5 mm/s", "25 mm/s", "50mm/s", "5 mm/mV", "10 mm/mV", "20mm/mV"])
def test_a_misread_scale_is_put_right_by_a_closer_look(words: str) -> None:
    share, box = lettered(words, 8.0)
    right = words.replace(" ", "")
    wrong = {"s": "25mm/s" if right != "25mm/s" else "50mm/s", "V": "2.5mm/mV"}[right[-1]]
    (seen,) = look_again(share, 8.0, [NameHit(wrong, tuple(float(v) for v in box), 0.9)])  # type: ignore[arg-type]
    assert seen.text == right
    assert seen.confidence > 0.6
    assert seen.xyxy_px == tuple(float(v) for v in box)


def test_what_is_no_scale_text_loses_its_confidence_and_names_are_left_alone() -> None:
    share, box = lettered("Room 412 B", 8.0)
    name = NameHit("V3", (0.0, 0.0, 20.0, 16.0), 0.4)
    there = NameHit("50mm/s", tuple(float(v) for v in box), 0.9)  # type: ignore[arg-type]
    beyond = NameHit("50mm/s", (5000.0, 5000.0, 5100.0, 5020.0), 0.9)
    seen = look_again(share, 8.0, [name, there, beyond])
    assert seen[0] == name
    assert seen[1].confidence < 0.3
    assert seen[2].confidence == 0.0


def test_usual_values_are_believed_sooner_than_those_that_change_the_record() -> None:
    hits = [NameHit(text, BOX, c) for text, c in (("25mm/s", 0.65), ("20mm/mV", 0.65), ("V1", 0.99), ("50mm/s", 0.2))]
    found = printed_scale(hits)
    assert found.texts == ("25mm/s",)
    assert found.unsure == ("20mm/mV",)
    assert printed_scale([NameHit("50mm/s", BOX, 0.95)]).texts == ("50mm/s",)


@pytest.mark.parametrize(
    ("speed", "gain", "layout", "seconds"),
    [(12.5, 20.0, "3x4+1", 10.0), (25.0, 5.0, "3x4+1", 10.0), (50.0, 10.0, "6x2", 5.0)],
)
def test_the_printed_scale_is_read_without_a_pulse_or_the_page_is_to_be_reviewed(
    heart: ECGRecord, speed: float, gain: float, layout: str, seconds: float
) -> None:
    page = draw(heart, layout, speed_mm_per_s=speed, gain_mm_per_mv=gain, seconds=seconds, pulse="none", dpi=200)
    read = digitize(page.page)
    assert read.scale is not None
    right = (read.scale.speed_mm_per_s, read.scale.gain_mm_per_mv) == (speed, gain)
    assert right or (read.status == "review" and any("mm/" in reason for reason in read.reasons))


def test_an_unusual_gain_must_be_read_more_surely_than_a_speed() -> None:
    box = (0.0, 0.0, 40.0, 8.0)
    found = printed_scale([NameHit("5mm/mV", box, 0.81), NameHit("50mm/s", box, 0.81)])
    assert (found.texts, found.unsure) == (("50mm/s",), ("5mm/mV",))
    assert printed_scale([NameHit("20mm/mV", box, 0.9)]).texts == ("20mm/mV",)


def test_an_unusual_value_that_begins_at_the_rim_is_unsure() -> None:
    """What is left of 10 mm/mV is read as 5, and surely."""
    rest, whole, usual = (NameHit(text, BOX, 0.95) for text in ("5mm/mV", "12.5mm/s", "10mm/mV"))
    found = printed_scale([rest, whole, usual], [rest, usual])
    assert found.texts == ("12.5mm/s", "10mm/mV")
    assert found.unsure == ("5mm/mV",)


@pytest.mark.parametrize("cut", [True, False])
def test_a_gain_that_the_picture_s_rim_may_have_cut_changes_no_signal(
    heart: ECGRecord, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    page = draw(heart, "3x4+1", pulse="none").page
    at = 1.0 if cut else 90.0
    seen = NameHit("5mm/mV", (at, 700.0, at + 80.0, 715.0), 0.95)
    monkeypatch.setattr(
        "digitize.pipeline.look_again", lambda _share, _mm, hits: (*(h for h in hits if h.is_lead), seen)
    )
    reading = digitize(page)
    assert reading.scale is not None
    assert reading.scale.gain_mm_per_mv == (10.0 if cut else 5.0)
    said = "the page may print 5 mm/mV, hard to read; 10 was taken"
    assert (said in reading.reasons) == cut
    assert not cut or reading.status == "review"
