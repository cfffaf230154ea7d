"""Rows of trace on drawn pages, and the paths and runs below them in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawings import BARE, beats, draw, draw_line, draw_words, ink_of

from digitize.segment import bridged, ink_map
from digitize.trace import Row, attach_runs, find_rows, retrace
from ecg import LAYOUTS, ECGRecord
from synth import SynthPage, render

MM = 150 / 25.4


def truth_levels(page: SynthPage) -> list[float]:
    """Median row of each printed line, from top to bottom."""
    rows: dict[int, list[np.ndarray]] = {}
    for trace in page.traces:
        rows.setdefault(trace.row, []).append(trace.y)
    return [float(np.median(np.concatenate(rows[k]))) for k in sorted(rows)]


@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "6x2", "12x1"])
def test_as_many_rows_are_found_as_were_drawn_and_where(heart: ECGRecord, layout: str) -> None:
    page = draw(heart, layout, margin_top_mm=15.0)
    rows, level = find_rows(bridged(ink_of(page), MM), MM)
    assert len(rows) == LAYOUTS[layout].n_lines
    assert 0.8 < level <= 1
    for row, wanted in zip(rows, truth_levels(page), strict=True):
        # The path includes pulses and separators, so its median may lie a little off the trace's own.
        assert abs(row.level_px - wanted) < 1.5 * MM
    left, right = page.traces[0].x[0], max(t.x[-1] for t in page.traces)
    for row in rows:
        # A pulse of 5 mm and its gaps stand before each line.
        assert left - 9 * MM < row.start_px < left + 3 * MM
        assert abs(row.stop_px - right) < 3 * MM


def test_the_path_lies_on_the_ink_of_its_row(heart: ECGRecord) -> None:
    page = render(heart, "3x4", BARE)
    rows, _ = find_rows(ink_of(page), MM)
    for k, row in enumerate(rows):
        top, bottom, found = attach_runs(ink_of(page), row.y)
        traces = [t for t in page.traces if t.row == k]
        x = np.arange(round(traces[0].x[0]) + 3, round(traces[-1].x[-1]) - 3)
        y = np.interp(x, np.concatenate([t.x for t in traces]), np.concatenate([t.y for t in traces]))
        assert found[x].mean() > 0.99
        inside = (y > top[x] - 1.5) & (y < bottom[x] + 1.5)
        assert inside.mean() > 0.98


@pytest.mark.parametrize("grey", [0.5, 0.4])
def test_a_trace_fainter_than_the_text_is_found_with_its_own_level(heart: ECGRecord, grey: float) -> None:
    page = render(heart, "3x4", BARE)
    rows, level = find_rows(ink_of(page) * np.float32(grey), MM)
    assert len(rows) == 3
    assert level == pytest.approx(grey, abs=0.1)


@pytest.mark.parametrize("share", [np.zeros((600, 1500), np.float32), np.full((600, 1500), 0.2, np.float32)])
def test_blank_paper_has_no_rows(share: np.ndarray) -> None:
    assert find_rows(share, MM) == ((), 1.0)


def test_a_page_of_text_has_no_rows() -> None:
    ink = ink_map(draw_words(1754, 1240, MM), MM)
    assert find_rows(bridged(ink.share, MM), MM)[0] == ()


@pytest.mark.parametrize("fall", [0.0, 0.01])
def test_ruled_lines_are_no_rows(fall: float) -> None:
    x = np.arange(0.0, 1500)
    share = np.zeros((700, 1500), np.float32)
    for level in (150.0, 350.0, 550.0):
        share = np.maximum(share, draw_line(share.shape, x, level + fall * x, 2.0))
    assert find_rows(share, MM)[0] == ()


def test_a_ruled_line_among_traces_is_left_out() -> None:
    x = np.arange(0.0, 1500)
    rule = draw_line((700, 1500), x, np.full(x.size, 620.0), 2.0)
    traces = [draw_line((700, 1500), x, level - beats(x, MM), 2.0) for level in (200.0, 400.0)]
    rows, _ = find_rows(np.maximum.reduce([rule, *traces]), MM)
    assert [round(r.level_px, -1) for r in rows] == [200, 400]


def test_a_flat_line_with_beats_is_a_row() -> None:
    x = np.arange(0.0, 1500)
    y = 300.0 - np.where((x % 180) < 6, 60.0, 0.0)  # spikes on a ruler-straight line
    rows, _ = find_rows(draw_line((600, 1500), x, y, 2.0), MM)
    assert len(rows) == 1
    assert rows[0].level_px == pytest.approx(300, abs=1)


def test_a_broken_stroke_is_one_row() -> None:
    x = np.arange(0.0, 1500)
    share = draw_line((600, 1500), x, 300.0 - beats(x, MM), 2.0)
    share[:, 500:506] = 0  # 1 mm of paper
    share[:, 900:903] = 0
    rows, _ = find_rows(share, MM)
    assert len(rows) == 1
    assert rows[0].start_px < 10
    assert rows[0].stop_px > 1480


def test_most_limits_the_rows() -> None:
    x = np.arange(0.0, 1500)
    share = np.maximum.reduce([draw_line((900, 1500), x, level - beats(x, MM), 2.0) for level in (200, 450, 700)])
    assert len(find_rows(share, MM, most=2)[0]) == 2


def test_a_run_is_all_the_ink_that_a_path_meets_in_its_column() -> None:
    share = np.zeros((30, 5), np.float32)
    share[10:13, 0] = 1
    share[5:20, 1] = 1
    share[14, 2] = 0.6
    share[25:28, 3] = 1  # far from the path
    top, bottom, found = attach_runs(share, np.array([11, 18, 13, 11, 11]))
    assert found.tolist() == [True, True, True, False, False]
    assert top.tolist()[:3] == [10, 5, 14]
    assert bottom.tolist()[:3] == [12, 19, 14]
    assert (top[3:] == 11).all()
    assert (bottom[3:] == 11).all()


def test_a_path_that_strayed_is_brought_back_to_its_level() -> None:
    x = np.arange(0.0, 800)
    share = np.maximum(
        draw_line((600, 800), x, 200.0 - beats(x, MM, 8.0), 2.0),
        draw_line((600, 800), x, 400.0 - beats(x, MM, 8.0), 2.0),
    )
    strayed = np.where(x < 300, 200, 400).astype(np.int64)
    row = Row(strayed, 0, 800, 200.0, 1.0)
    back = retrace(row, share, MM, 50, 750)
    assert np.abs(back.y[50:750] - 200).max() < 9 * MM
    assert (back.start_px, back.stop_px) == (50, 750)
    assert back.level_px == pytest.approx(200, abs=3)
    assert (back.y[:50] == 200).all()
    # The row handed in is not touched.
    assert replace(row).y is strayed
