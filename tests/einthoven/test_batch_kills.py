"""Whatever is killed, and whenever: nothing is lost and nothing stands twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest
from archives import check_whole, errors_of, parts, picture, pictures, rows_of, start, until
from handmade_works import DO

from einthoven.batch import BatchOptions, run_batch
from einthoven.batch.pool import run_pool

cheap = partial(BatchOptions, do=DO, jobs=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures(tmp_path / "in", 10)


def test_a_pool_hands_out_no_more_than_it_has_hands(tmp_path: Path) -> None:
    items = iter(range(20))
    taken: list[int] = []
    done: list[int] = []

    def take() -> int | None:
        item = next(items, None)
        if item is not None:
            taken.append(item)
            assert len(taken) - len(done) <= 2
        return item

    ticks: list[int] = []
    for outcome in run_pool(_square, take, ticks.append, jobs=2):
        done.append(outcome.item)
        assert outcome.value == outcome.item**2
    assert sorted(done) == sorted(ticks) == list(range(20))


def _square(item: int, tick: Callable[[], None]) -> int:
    tick()
    return item**2


def test_a_file_that_kills_its_process_is_found_and_the_others_are_read(folder: Path, tmp_path: Path) -> None:
    picture(folder / "killer.png", 50)
    out = tmp_path / "out"
    report = run_batch(folder, out, cheap(part_files=11))
    assert report.statuses == {"accepted": 10}
    ((file, error),) = errors_of(out)
    assert Path(file).name == "killer.png"
    assert "was killed" in error
    assert Counter(r["source_sha256"] for r in rows_of(out)).most_common(1)[0][1] == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_as_it_renames_loses_and_doubles_nothing(folder: Path, tmp_path: Path, when: str) -> None:
    out, mark = tmp_path / "out", tmp_path / "died"
    report = run_batch(folder, out, cheap(part_files=5, settings={"cheap": {"rename": str(mark), "when": when}}))
    assert mark.exists()
    assert report.statuses == {"accepted": 10}
    run_batch(folder, out, cheap(part_files=5, settings={"cheap": {"rename": str(mark), "when": when}}))
    check_whole(folder, out)


def test_a_killed_batch_goes_on_where_it_was(tmp_path: Path) -> None:
    folder, out = pictures(tmp_path / "in", 24), tmp_path / "out"
    for wanted in (1, 3):
        program = start(folder, out, "--jobs", "2")
        until(lambda wanted=wanted: parts(out) >= wanted)
        program.kill()
        assert program.wait() == -signal.SIGKILL
    assert start(folder, out, "--jobs", "2").wait() == 0
    check_whole(folder, out)


def test_killed_workers_are_replaced(tmp_path: Path) -> None:
    folder, out = pictures(tmp_path / "in", 24), tmp_path / "out"
    program = start(folder, out, "--jobs", "2")
    until(lambda: parts(out))
    for child in psutil.Process(program.pid).children():
        if "spawn_main" in " ".join(child.cmdline()):  # not the tracker of shared memory
            child.kill()
    assert program.wait() == 0
    check_whole(folder, out)


def test_an_interrupt_ends_a_batch_with_its_errors_listed(tmp_path: Path) -> None:
    folder, out = pictures(tmp_path / "in", 24), tmp_path / "out"
    picture(folder / "broken.png", 99)
    program = start(folder, out, "--jobs", "1")
    until(lambda: parts(out) >= 2)
    program.send_signal(signal.SIGINT)
    assert program.wait() == 130
    assert (out / "errors.csv").exists()
    assert start(folder, out).wait() == 1, "a file failed"
    assert [Path(file).name for file, _ in errors_of(out)] == ["broken.png"]
