"""Leads on A4 at true scale: what is planned, and what stands in the PDF, in points."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tiny_models import heart, on_paper

from digitize import read_file
from ecg import LEADS, ECGRecord
from ecg.formats.pdf_paths import VectorPage, read_vector_page
from einthoven.report.chart import GRID_MM, draw_chart, leaves_grid, plan_charts
from einthoven.report.paper import new_document

PT_PER_MM = 72 / 25.4


def shown(record: ECGRecord) -> dict[str, np.ndarray]:
    """Which samples of each lead stand on some sheet."""
    seen = {lead: np.zeros(record.n_samples, bool) for lead in record.leads}
    for chart in plan_charts(record):
        for cell in chart.cells:
            seen[cell.lead][round(cell.start_s * record.fs) : round(cell.stop_s * record.fs)] = True
    return seen


@pytest.mark.parametrize("kind", ["record", "3x4+1", "6x2", "one lead", "extra lead", "late"])
def test_every_sample_is_on_paper(kind: str) -> None:
    whole = heart()
    signal = np.array(whole.signal)
    records = {"record": whole, "3x4+1": on_paper(whole), "one lead": ECGRecord(signal[1:2], 500, ("II",))}
    halves = signal.copy()
    halves[:6, 2500:] = halves[6:, :2500] = np.nan
    records["6x2"] = ECGRecord(halves, 500, LEADS)
    records["extra lead"] = ECGRecord(np.vstack([on_paper(whole).signal, signal[:1]]), 500, (*LEADS, "V7"))
    late = np.full((12, 9000), np.nan)
    late[:, 4000:] = signal
    records["late"] = ECGRecord(late, 500, LEADS)
    record = records[kind]
    for lead, seen in shown(record).items():
        assert seen[np.isfinite(record[lead])].all(), lead
    sheets = {"record": 2, "late": 2, "extra lead": 2}
    assert len(plan_charts(record)) == sheets.get(kind, 1)


def test_a_page_of_columns_keeps_its_form() -> None:
    (chart,) = plan_charts(on_paper(heart()))
    assert len(chart.rows_mm) == 4
    cells = {(c.lead, c.stop_s - c.start_s > 5): c for c in chart.cells}
    assert len(chart.cells) == 13
    assert cells["V1", False].x_mm - cells["I", False].x_mm == pytest.approx(125)  # 5 s at 25 mm/s
    assert cells["V1", False].y_mm == cells["I", False].y_mm
    assert cells["II", True].y_mm == max(chart.rows_mm)


def test_tall_leads_get_the_room_of_small_ones() -> None:
    whole = on_paper(heart())
    signal = np.array(whole.signal)
    signal[9] *= 3.0 / np.nanmax(np.abs(signal[9]))  # V4, in the top row
    tall = ECGRecord(signal, 500, LEADS)
    (before,), (after,) = plan_charts(whole), plan_charts(tall)
    assert after.rows_mm[0] > before.rows_mm[0]
    assert not leaves_grid(tall, after)
    signal[9] *= 10
    (chart,) = plan_charts(ECGRecord(signal, 500, LEADS))
    assert leaves_grid(ECGRecord(signal, 500, LEADS), chart)


def test_nothing_to_show_is_no_sheet() -> None:
    assert plan_charts(ECGRecord(np.full((12, 100), np.nan), 500, LEADS)) == ()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[ECGRecord, Path, VectorPage]:
    record = on_paper(heart())
    document = new_document("ruler", (), "not for diagnosis", datetime(2026, 1, 1, tzinfo=UTC))
    draw_chart(document, record, plan_charts(record)[0], "a chart")
    path = tmp_path_factory.mktemp("chart") / "chart.pdf"
    path.write_bytes(bytes(document.output()))
    return record, path, read_vector_page(path)


def test_the_sheet_is_a4_and_its_squares_are_millimetres(drawn: tuple[ECGRecord, Path, VectorPage]) -> None:
    page = drawn[2]
    assert page.size_pt == pytest.approx((297 * PT_PER_MM, 210 * PT_PER_MM), abs=0.02)
    lines = [s.points for s in page.strokes if len(s.points) == 2]
    upright = sorted(
        {round(float(p[0, 0]), 3) for p in lines if np.ptp(p[:, 1]) == pytest.approx(160 * PT_PER_MM, abs=0.1)}
    )
    level = sorted(
        {round(float(p[0, 1]), 3) for p in lines if np.ptp(p[:, 0]) == pytest.approx(270 * PT_PER_MM, abs=0.1)}
    )
    assert len(upright) == 271
    assert len(level) == 161
    # 0.01 pt is 3.5 micrometres: fpdf2 writes two decimals.
    np.testing.assert_allclose(np.diff(upright), PT_PER_MM, atol=0.011)
    np.testing.assert_allclose(np.diff(level), PT_PER_MM, atol=0.011)
    assert upright[-1] - upright[0] == pytest.approx(270 * PT_PER_MM, abs=0.01)


def test_traces_measure_25_mm_a_second_and_10_mm_a_millivolt(drawn: tuple[ECGRecord, Path, VectorPage]) -> None:
    record, _, page = drawn
    strip = max((s.points for s in page.strokes if len(s.points) > 1000), key=lambda p: np.ptp(p[:, 0]))
    assert np.ptp(strip[:, 0]) == pytest.approx((5000 - 1) / 500 * 25 * PT_PER_MM, abs=0.02)
    mv = -strip[:, 1] / PT_PER_MM / 10
    truth = record["II"].astype(float)
    np.testing.assert_allclose(mv - np.median(mv), truth - np.median(truth), atol=0.001)
    pulses = [s.points for s in page.strokes if len(s.points) == 6]
    assert len(pulses) == 4
    for pulse in pulses:
        assert np.ptp(pulse[:, 1]) == pytest.approx(10 * PT_PER_MM, abs=0.01)
        assert pulse[3, 0] - pulse[2, 0] == pytest.approx(5 * PT_PER_MM, abs=0.01)
    bar = [s.points for s in page.strokes if np.ptp(s.points[:, 0]) == pytest.approx(50 * PT_PER_MM, abs=0.01)]
    assert len(bar) == 1


def test_the_reader_of_pdf_pages_reads_the_sheet_back(drawn: tuple[ECGRecord, Path, VectorPage]) -> None:
    """The whole way round: record, paper, record."""
    record, path, _ = drawn
    (reading,) = read_file(path)
    assert reading.layout is not None
    assert reading.scale is not None
    assert reading.layout.name == "3x4+1"
    assert (reading.scale.speed_mm_per_s, reading.scale.gain_mm_per_mv) == (25, 10)
    assert reading.record is not None
    for lead in LEADS:
        here = np.isfinite(record[lead][: reading.record.n_samples])
        x, y = record[lead][: here.size][here], reading.record[lead][: here.size][here]
        there = np.isfinite(y)
        assert there.mean() > 0.98
        assert np.corrcoef(x[there], y[there])[0, 1] > 0.995, lead


def test_the_grid_lies_inside_the_sheet() -> None:
    left, top, right, bottom = GRID_MM
    assert 5 < left < right < 292
    assert 20 < top < bottom < 195
    assert (right - left) % 5 == (bottom - top) % 5 == 0
