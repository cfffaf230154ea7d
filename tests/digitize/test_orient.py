"""Pages the wrong way up: turned, refused when mirrored, left alone where no names tell."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import draw

from digitize import DigitizeOptions, digitize
from digitize.orient import find_turn, turned
from digitize.text import NameHit
from ecg import ECGRecord, Page
from ecg.errors import DigitizationError
from ecg.fidelity import page_fidelity
from synth import demo_page

NAMES = ("aVR", "aVL", "aVF", "V1", "V2", "V3")


def hits(names: tuple[str, ...]) -> tuple[NameHit, ...]:
    return tuple(NameHit(name, (0.0, 0.0, 4.0, 4.0), 0.9) for name in names)


def reader(corner_of_names: tuple[int, int]):
    """Reads names only while the bright corner of the ink stands where it says."""

    def read(ink: np.ndarray) -> tuple[NameHit, ...]:
        return hits(NAMES) if ink[corner_of_names] > 0 else ()

    return read


@pytest.mark.parametrize(("corner", "quarters"), [((0, 0), 0), ((-1, -1), 2), ((0, -1), 1), ((-1, 0), 3)])
def test_the_way_up_with_names_wins(corner: tuple[int, int], quarters: int) -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[corner] = 1
    found, names = find_turn(ink, reader((0, 0)))
    assert found == quarters
    assert len(names) == len(NAMES)


def test_a_few_false_hits_turn_nothing() -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[-1, -1] = 1
    assert find_turn(ink, lambda share: hits(("V1", "V2")) if share[0, 0] > 0 else ())[0] == 0


def test_roman_names_do_not_count() -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[-1, -1] = 1
    roman = hits(("I", "II", "III"))
    assert find_turn(ink, lambda share: roman if share[0, 0] > 0 else ())[0] == 0


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_moves_pixels_as_rot90_does(quarters: int) -> None:
    picture = np.arange(12.0).reshape(3, 4)
    moved = np.rot90(picture, quarters)
    matrix = turned(None, quarters, 4, 3)
    assert matrix is not None
    for y in range(3):
        for x in range(4):
            u, v, _ = matrix @ [x, y, 1]
            assert moved[round(v), round(u)] == picture[y, x]


@pytest.fixture(scope="module")
def drawn():
    return demo_page(seed=3)


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_turned_page_reads_like_the_upright_one(drawn, quarters: int) -> None:
    read = digitize(Page(np.ascontiguousarray(np.rot90(drawn.page.image, quarters))))
    assert any(step["stage"] == "orient" and step["quarter_turns"] == 4 - quarters for step in read.steps)
    assert page_fidelity(drawn.record, read.record).median_snr_db > 15


def test_a_mirrored_page_is_refused(drawn) -> None:
    with pytest.raises(DigitizationError, match="mirrored"):
        digitize(Page(np.ascontiguousarray(drawn.page.image[:, ::-1])))


def test_a_mirrored_page_is_read_when_forced_and_says_so(drawn) -> None:
    read = digitize(Page(np.ascontiguousarray(drawn.page.image[:, ::-1])), DigitizeOptions(force=True))
    assert read.status == "refused"
    assert read.forced
    assert read.record is not None
    assert "mirrored" in read.reasons[0]


def test_corners_off_the_page_are_named(drawn) -> None:
    corners = (9000.0, 0.0, 9900.0, 0.0, 9900.0, 900.0, 9000.0, 900.0)
    with pytest.raises(DigitizationError, match="off the page"):
        digitize(drawn.page, DigitizeOptions(corners=corners))


@pytest.mark.parametrize("turn", [lambda a: a[::-1, ::-1], lambda a: a[::-1]], ids=["turned", "reflected"])
def test_a_page_without_names_that_stands_upside_down_is_refused_by_its_pulses(heart: ECGRecord, turn) -> None:
    page = draw(heart, "3x4+1", names="none", scale_text=False, dpi=120)
    with pytest.raises(DigitizationError, match="upside down") as caught:
        digitize(Page(np.ascontiguousarray(turn(page.page.image))))
    assert caught.value.stage == "orient"
    assert digitize(page.page).status == "accepted"
