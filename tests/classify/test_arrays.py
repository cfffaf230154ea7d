"""Sets of records as arrays on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from heartbeats import drawn_record

from classify.arrays import load_arrays
from classify.inputs import to_input
from classify.models import MODELS
from ecg.datasets import RecordItem
from ecg.errors import FormatError
from ecg.formats import write_wfdb
from ecg.record import LEADS, ECGRecord


def stored(folder: Path, *records: ECGRecord) -> tuple[RecordItem, ...]:
    items = []
    for number, record in enumerate(records, start=1):
        write_wfdb(record, folder, f"r{number}")
        path = folder / f"r{number}.hea"
        items.append(RecordItem(number, number, 1, ("NORM",), (), {}, None, None, None, "", None, path))
    return tuple(items)


def test_signals_are_read_once_and_kept_in_order(tmp_path: Path) -> None:
    records = [drawn_record(100, cycle_s=cycle_s) for cycle_s in (0.6, 0.8, 1.0)]
    items = stored(tmp_path, *records)
    x = load_arrays(items, tmp_path / "cache")
    assert x.shape == (3, 12, 1000)
    assert x.dtype == np.float16
    for row, record in zip(x, records, strict=True):
        # float16 has 11 bits: half a step below 2 mV is 0.5 µV; the file's own step is 1 µV.
        np.testing.assert_allclose(row, record.signal, atol=2e-3)
    for item in items:
        item.path.unlink()
    assert np.array_equal(load_arrays(items, tmp_path / "cache"), x)
    with pytest.raises(FormatError):
        load_arrays(items[:2], tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1, "a failed call leaves nothing"


def test_inputs_are_those_made_one_by_one_and_nan_where_none_can_be_made(tmp_path: Path) -> None:
    spec = MODELS["ecg_smart_net"].spec
    records = (drawn_record(500), ECGRecord(np.zeros((12, 5000)), 500, LEADS), drawn_record(500, cycle_s=1.0))
    items = stored(tmp_path, *records)
    x = load_arrays(items, tmp_path / "cache", spec)
    assert x.dtype == np.float32
    assert np.isnan(x[1]).all()
    for row in (0, 2):
        np.testing.assert_array_equal(x[row], to_input(items[row].record(), spec))


def test_processes_change_nothing(tmp_path: Path) -> None:
    items = stored(tmp_path, drawn_record(100), drawn_record(100, cycle_s=1.0))
    one = load_arrays(items, tmp_path / "one", MODELS["resnet1d_se"].spec)
    two = load_arrays(items, tmp_path / "two", MODELS["resnet1d_se"].spec, jobs=2)
    assert np.array_equal(one, two)


def test_records_of_different_length_are_refused(tmp_path: Path) -> None:
    items = stored(tmp_path, drawn_record(100), drawn_record(100, seconds=8))
    with pytest.raises(FormatError, match="record 2 is of shape \\[12, 800\\], the first is \\[12, 1000\\]"):
        load_arrays(items, tmp_path / "cache")
    with pytest.raises(FormatError, match="at least one record"):
        load_arrays((), tmp_path / "cache")
