"""What the refiner sees of a line, what it learns from, and the one that ships."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawings import draw, draw_line

import digitize
from digitize import DigitizeOptions
from digitize.refiner import LineView, line_view, refined
from digitize.refiner.lessons import (
    Lesson,
    LessonSource,
    lead_lesson,
    lesson_page,
    load_lessons,
    page_lessons,
    save_lessons,
)
from digitize.refiner.view import CHANNELS, REACH, UNITS_PER_MM, _around, recorded
from digitize.stroke import UNKNOWN, Pen
from ecg import ECGRecord
from ecg.checkpoint import load
from ecg.errors import FormatError, ModelError
from ecg.fidelity import page_fidelity
from synth import draw_page
from synth.source import page_look

MM = 200 / 25.4
PEN = Pen(3.0, 0.4)
X = 20 + 0.3937 * np.arange(1200)
FOLDER = Path(digitize.__file__).parent / "weights" / "refiner"


def line(x: np.ndarray) -> np.ndarray:
    """Row of a wave with three sharp peaks upwards."""
    peaks = sum(30 * np.exp(-0.5 * ((x - at) / 5.0) ** 2) for at in (110.0, 260.0, 410.0))
    return np.asarray(100.2 + 6 * np.sin(x / 31) - peaks)


@pytest.fixture(scope="module")
def share() -> np.ndarray:
    fine = np.arange(0.0, 520.0, 0.05)
    return draw_line((160, 520), fine, line(fine), PEN.width_px)


def seen(share: np.ndarray, y: np.ndarray) -> LineView:
    inked = share > 0.5
    low = np.where(inked.any(0), inked.argmax(0) - 4, 20)
    high = np.where(inked.any(0), share.shape[0] - 1 - inked[::-1].argmax(0) + 4, 130)
    return line_view(share, X, y, low, high, np.ones(share.shape[1]), PEN, MM)


def test_a_line_that_fits_has_ink_in_its_middle_and_paper_at_the_rim(share: np.ndarray) -> None:
    view = seen(share, line(X))
    channels = view.channels()
    assert channels.shape == (CHANNELS, X.size)
    assert channels.dtype == np.float32
    assert np.median(channels[REACH]) > 0.95
    flat = np.abs(np.gradient(line(X))) < 0.1
    assert np.median(channels[0][flat]) < 0.05
    assert view.unit_px == pytest.approx(MM / UNITS_PER_MM)
    assert view.step == pytest.approx(0.3937, rel=1e-3)


def test_what_hides_a_line_is_seen_as_such(share: np.ndarray) -> None:
    hidden = share.copy()
    hidden[:, 300:305] = UNKNOWN
    rows = seen(hidden, line(X)).channels()[: 2 * REACH + 1]
    behind = (X > 301) & (X < 303)
    np.testing.assert_array_equal(rows[:, behind], UNKNOWN)
    assert rows[:, X < 298].min() >= 0


def test_ink_around_a_line_is_linear_between_pixels_and_none_beyond_the_rows() -> None:
    from scipy.ndimage import map_coordinates

    rng = np.random.default_rng(0)
    share = rng.random((40, 60)).astype(np.float32)
    x, y = (
        np.concatenate([[0, 59, 58.7, 7], 59 * rng.random(40)]),
        np.concatenate([[-0.3, 39.4, -30, 8], 40 * rng.random(40)]),
    )
    rows = y[:, None] + 0.9 * np.arange(-REACH, REACH + 1)
    wanted = map_coordinates(share, [rows, np.broadcast_to(x[:, None], rows.shape)], order=1, mode="grid-constant")
    np.testing.assert_allclose(_around(share, x, y, 0.9), wanted, atol=1e-6)


def test_a_page_twice_as_fine_looks_the_same() -> None:
    """Lengths are told in paper, not in pixels."""
    views = []
    for zoom in (1.0, 2.0):
        fine = np.arange(0.0, 520.0 * zoom, 0.05)
        drawn = draw_line((round(160 * zoom), round(520 * zoom)), fine, zoom * line(fine / zoom), zoom * PEN.width_px)
        low, high = np.full(drawn.shape[1], round(20 * zoom)), np.full(drawn.shape[1], round(130 * zoom))
        pen = Pen(zoom * PEN.width_px, zoom * PEN.softness_px)
        weight = np.ones(drawn.shape[1])
        views.append(line_view(drawn, zoom * X, zoom * line(X), low, high, weight, pen, zoom * MM).channels())
    quiet = np.abs(np.gradient(line(X))) < 0.3
    difference = np.abs(views[0] - views[1])[: CHANNELS - 4, quiet]
    assert np.median(difference) < 0.01
    assert np.percentile(difference, 90) < 0.15, "but for the softer edges of coarser pixels"


def lesson_of(share: np.ndarray, late: float = 0.0) -> tuple[Lesson | None, np.ndarray]:
    """Lesson of a line that was fitted half a millimetre too low at its peaks, and by how much it was off."""
    wrong = np.where(np.abs(X - 260) < 3, 4.0, 0.0)
    view = seen(share, line(X) + wrong)
    truth = np.full(2000, np.nan)
    at = np.arange(300, 1500)
    truth[at] = -(line(20 + 0.3937 * (at - 300 + late)) - 17.0) / 80
    return lead_lesson(view, np.ones(X.size, bool), truth, 305, 80.0), wrong


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_a_lesson_tells_by_how_much_a_line_is_off_whatever_its_clock_and_offset(share: np.ndarray, late: float) -> None:
    lesson, wrong = lesson_of(share, late)
    assert lesson is not None
    known = np.isfinite(lesson.move)
    assert known.mean() > 0.98
    np.testing.assert_allclose(lesson.move[known], -wrong[known], atol=0.3)
    assert lesson.spread == pytest.approx(np.std(line(X)), rel=0.02)


def test_a_lead_that_was_lost_or_is_too_short_teaches_nothing(share: np.ndarray) -> None:
    view, known = seen(share, line(X)), np.ones(X.size, bool)
    noise = np.random.default_rng(0).normal(0, 1, 2000)
    assert lead_lesson(view, known, noise, 0, 80.0) is None
    assert lead_lesson(view, known, np.where(np.arange(2000) < 300, 1.0, np.nan), 0, 80.0) is None


def test_lessons_come_back_from_their_file(share: np.ndarray, tmp_path: Path) -> None:
    lesson, _ = lesson_of(share)
    assert lesson is not None
    save_lessons(tmp_path / "a.npz", [lesson, lesson])
    found = load_lessons(tmp_path / "a.npz")
    assert len(found) == 2
    np.testing.assert_array_equal(found[1].view.channels(), lesson.view.channels())
    np.testing.assert_array_equal(found[1].move, lesson.move)
    assert found[1].spread == pytest.approx(lesson.spread)


def test_a_drawn_page_gives_a_lesson_for_each_of_its_leads(heart: ECGRecord) -> None:
    lessons = page_lessons(draw(heart, "3x4+1", dpi=200))
    assert len(lessons) == 13
    moves = np.concatenate([lesson.move for lesson in lessons])
    assert np.nanmedian(np.abs(moves)) < 0.3, "most of a line is fitted to a fraction of a pen"


def test_records_have_500_samples_a_second(tmp_path: Path) -> None:
    assert LessonSource(None, [1]).record(3, 4).fs == 500.0
    with pytest.raises(FormatError):
        LessonSource(tmp_path, [1])


def test_lessons_are_drawn_coarse_with_broad_pens_and_on_dark_grids_too(
    heart: ECGRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digitize.refiner.lessons.draw_page", lambda *drawn: drawn[-1])
    monkeypatch.setattr(LessonSource, "record", lambda *_: heart)
    styles = [lesson_page(LessonSource(None, []), 3, k) for k in range(80)]
    assert styles == [lesson_page(LessonSource(None, []), 3, k) for k in range(80)]
    assert sum(style.dpi < 160 for style in styles) >= 10
    assert sum(style.trace_width_mm > 0.6 for style in styles) >= 3
    assert sum(max(style.minor_rgb) < 150 for style in styles) >= 3


def test_views_are_kept_while_they_are_asked_for_and_lines_are_then_left_as_fitted(share: np.ndarray) -> None:
    with recorded() as views:
        view = seen(share, line(X))
        assert views == [view]
        assert not np.any(refined(view))
    seen(share, line(X))
    assert len(views) == 1


def test_samples_that_it_never_learned_from_are_left_as_fitted(share: np.ndarray) -> None:
    view = seen(share, line(X))
    for place, value in ((3, 0.04), (0, 6.7)):  # 5 kHz; a pen of 0.85 mm
        pen = view.pen.copy()
        pen[place] = value
        assert not np.any(refined(LineView(view.near, view.y, pen)))


def test_a_missing_network_is_said_in_one_line(share: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected the refiner of lines at"):
        refined(seen(share, line(X)), tmp_path)


def test_the_shipped_files_are_those_of_the_card() -> None:
    weights, card = load(FOLDER)
    assert card.architecture == "RefinerNetwork"
    assert sum(value.size for value in weights.values()) <= 1_000_000
    assert hashlib.sha256((FOLDER / "model.onnx").read_bytes()).hexdigest() == card.sha256_onnx


@pytest.mark.parametrize("samples", [60, 61, 1250])
def test_lines_of_any_length_are_refined(share: np.ndarray, samples: int) -> None:
    view = seen(share, line(X))
    n = min(samples, X.size)
    moves, doubts = refined(LineView(view.near[:n], view.y[:n], view.pen))
    assert moves.shape == doubts.shape == (n,)
    assert 0 < doubts.min() <= doubts.max() < 60
    assert np.isfinite(moves).all()
    assert np.median(moves) == pytest.approx(0, abs=0.1)
    assert np.percentile(np.abs(moves), 90) < 1.5, "this line stands where it was drawn"


@pytest.mark.parametrize("preset", ["clean", "scan"])
def test_pages_are_read_more_truly_with_it(preset: str) -> None:
    """Synthetic hearts that it never saw, on pages of its own mixture."""
    pages = [draw_page(LessonSource(None, []).record(5, k), preset, 11, k) for k in range(2)]

    def snr_db(refine: bool) -> list[float]:
        options = DigitizeOptions(force=True, refine=refine)
        return [page_fidelity(p.record, digitize.digitize(p.page, options).record).median_snr_db for p in pages]

    assert np.mean(snr_db(True)) > np.mean(snr_db(False)) + 0.5


def test_broad_sharp_pens_are_read_more_truly_with_it() -> None:
    """A pen of 0.65 mm, which it made worse before it learned from such."""
    gains = []
    for k in range(2):
        record = LessonSource(None, []).record(6, k)
        page = draw_page(record, "clean", 12, k, replace(page_look(record, "clean", 12, k)[0], trace_width_mm=0.65))
        with recorded() as views:
            digitize.digitize(page.page, DigitizeOptions(force=True))
        assert np.median([view.pen[0] for view in views]) > 4.7, "0.6 mm"
        found = [digitize.digitize(page.page, DigitizeOptions(force=True, refine=r)).record for r in (False, True)]
        fitted, mended = (page_fidelity(page.record, read).median_snr_db for read in found)
        gains.append(mended - fitted)
    assert min(gains) > 0, gains
    assert np.mean(gains) > 0.3, gains


def test_the_classical_method_does_without(heart: ECGRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(view: LineView) -> np.ndarray:
        raise AssertionError("asked")

    page = draw(heart, "3x4+1", dpi=150).page
    monkeypatch.setattr("digitize.lines.refined", never)
    digitize.digitize(page, DigitizeOptions(method="classical", layout="3x4+1"))
    with pytest.raises(AssertionError, match="asked"):
        digitize.digitize(page)
