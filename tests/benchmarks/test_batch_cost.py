"""The count of an archive's faults finds each kind."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks import batch_cost, batch_kills
from einthoven.batch import BatchOptions, run_batch
from einthoven.batch.pool import run_here


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Path, Path]:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for k in range(6):
        Image.fromarray(np.full((4, 4, 3), k, np.uint8)).save(folder / f"{k}.png")
    shutil.copy(folder / "0.png", folder / "copy.png")
    options = BatchOptions(do="benchmarks.batch_kills:CHEAP", settings={"cheap": {"sleep_s": 0.0}}, part_files=2)
    run_batch(folder, out, options, runner=run_here)
    return folder, out


def test_a_whole_archive_has_no_fault(archive: tuple[Path, Path]) -> None:
    assert set(batch_kills.verdict(*archive).values()) == {0}


def test_each_fault_is_counted(archive: tuple[Path, Path]) -> None:
    folder, out = archive
    part = out / "results/part-000002.parquet"
    table = pq.read_table(part)
    pq.write_table(table.slice(1), part)
    lost = batch_kills.verdict(folder, out)
    assert (lost["lost"], lost["signals"], lost["doubled"]) == (2, 1, 0), "a content and its path; a signal without row"
    pq.write_table(pa.concat_tables([table, table.slice(1)]), part)
    doubled = batch_kills.verdict(folder, out)
    assert (doubled["lost"], doubled["doubled"]) == (0, 2), "a key and its path"
    pq.write_table(table, part)
    (out / "signals/.part-000009.parquet").touch()
    (folder / "5.png").unlink()
    left = batch_kills.verdict(folder, out)
    assert (left["left"], left["foreign"]) == (1, 1)


def test_the_plan_of_a_small_archive_is_measured() -> None:
    found = batch_cost.measure_index(600)
    assert set(found["cpu_s"]) == {"list", "look", "learn", "plan", "make", "list_again", "learn_again"}
    assert found["bytes_a_file"] > 32, "a hash alone has 32"
