"""The benchmark of the reader's cost: that it measures what it says, and that its table follows from its result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import reader_cost
from ecg import ECGRecord
from ecg.fidelity import page_fidelity


def test_the_long_run_tells_the_resident_set_after_each_page(monkeypatch, tmp_path: Path) -> None:
    read: list[Path] = []

    def reader(path: Path) -> list[object]:
        read.append(path)
        return [object()]

    import digitize

    monkeypatch.setattr(digitize, "read_file", reader)
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    found = reader_cost.memory_by_page(files, 5)
    assert read == [files[k % 2] for k in range(5)]
    assert len(found) == 5
    # An interpreter with numpy holds 30 MiB at least; the tests' own process stays under 16 GiB.
    assert all(30 < mib < 16384 for mib in found)


def test_pages_are_kept_with_their_signals(tmp_path: Path) -> None:
    from synth import demo_page

    page = demo_page()
    path = reader_cost._kept(page, tmp_path / "page.jpg")
    with np.load(path.with_suffix(".npz")) as kept:
        record = ECGRecord(kept["signal"], float(kept["fs"]), tuple(str(lead) for lead in kept["leads"]))
    assert page_fidelity(page.record, record, moody=False).median_snr_db > 60


@pytest.fixture
def result(tmp_path: Path) -> Path:
    run = {"peak_mib": 801.4, "cpu_s": 2.04, "elapsed_s": 2.6, "snr_db": 21.04}
    told = {
        "version": "1.0",
        "commit": "abcdef0123456",
        "bounds": reader_cost.BOUNDS,
        "runs": {key: dict(run) for key in reader_cost._NAMES},
        "pages": 100,
        "early_page": 10,
        "resident_mib": [500.0] * 99 + [512.3],
        "growth_mib": 12.3,
    }
    path = tmp_path / "reader_cost.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def test_the_table_follows_from_the_result(result: Path, tmp_path: Path) -> None:
    text = reader_cost.render_reader_cost(result)
    assert text.count("| 801 MiB | 2.0 | 2.6 | 21.0 dB |") == len(reader_cost._NAMES)
    assert "500 MiB after page 10 and 512 MiB after page 100 (+12 MiB)" in text
    assert "`abcdef0123`" in text
    assert "run `python -m benchmarks.reader_cost`" in reader_cost.render_reader_cost(tmp_path / "none.json")
