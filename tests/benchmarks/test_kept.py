"""Results read back for the tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.kept import none_yet, read_result
from benchmarks.measurement_tables import render_measurements


def test_a_result_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text(json.dumps({"n": 3, "rows": [1, 2]}))
    assert read_result(path) == {"n": 3, "rows": [1, 2]}
    assert read_result(tmp_path / "missing.json") is None


def test_a_table_without_its_result_says_how_to_make_it(tmp_path: Path) -> None:
    assert render_measurements(tmp_path / "missing.json") == none_yet("python -m benchmarks.measurements")


def test_a_damaged_result_is_not_taken_for_none(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text('{"n": 3')
    with pytest.raises(json.JSONDecodeError):
        read_result(path)
