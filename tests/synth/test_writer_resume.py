"""A set that is killed and begun again, with any number of processes, is the set that nobody disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ecg import OptionsError
from synth.jobs import run_jobs
from synth.writer import write_set

#: Damaged pages of moderate size, and how many: enough that a kill finds some done and some not.
PRESET, SEED, N = "published", 11, 5


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    write_set(out, N, PRESET, SEED, kit=True)
    return contents(out)


@pytest.mark.parametrize("jobs", [2, 3])
def test_bytes_do_not_depend_on_the_number_of_processes(undisturbed, tmp_path, jobs):
    write_set(tmp_path, N, PRESET, SEED, jobs, kit=True)
    assert contents(tmp_path) == undisturbed


def killed_run(out, jobs, when, whole_group):
    """Begin a set in a process of its own, kill it without warning once ``when(out)`` holds."""
    code = (
        "import sys; from synth.writer import write_set\n"
        f"if __name__ == '__main__': write_set(sys.argv[1], {N}, {PRESET!r}, {SEED}, {jobs}, kit=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not when(out) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
    finally:
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
    return process.returncode


@pytest.mark.parametrize(
    ("jobs", "pattern", "whole_group"),
    [
        (1, "pages/.000002*", True),  # in the midst of a file
        (2, "pages/000001.json", True),
        (2, "pages/000000.json", False),  # the parent alone: its workers must not go on
    ],
)
def test_a_killed_run_is_finished_to_the_same_bytes(undisturbed, tmp_path, jobs, pattern, whole_group):
    status = killed_run(tmp_path, jobs, lambda out: any(out.glob(pattern)), whole_group)
    assert status == -signal.SIGKILL, "the run was over before it could be killed"
    assert not (tmp_path / "manifest.csv").exists()
    if not whole_group:
        time.sleep(0.5)
        there = sorted(tmp_path.rglob("*"))
        time.sleep(1.0)
        assert sorted(tmp_path.rglob("*")) == there, "workers outlived their parent"
    write_set(tmp_path, N, PRESET, SEED, jobs=3 - jobs, kit=True)
    assert contents(tmp_path) == undisturbed


def test_what_a_killed_run_left_half_written_goes_and_nothing_else(tmp_path):
    (tmp_path / "pages").mkdir()
    ours = tmp_path / "pages/.000001_mask.4711-0a1b2c3d.png"
    theirs = tmp_path / "pages/.notes.png"
    for path in (ours, theirs):
        path.write_bytes(b"half")
    write_set(tmp_path, 1, PRESET, SEED)
    assert not ours.exists()
    assert theirs.exists()


def square(number: int) -> int:
    return number * number


def die_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise OptionsError("three is out of range")
    return number


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs):
    assert list(run_jobs(square, range(9), jobs)) == [n * n for n in range(9)]


def test_a_process_that_is_killed_is_one_clear_error():
    with pytest.raises(OptionsError, match="killed"):
        list(run_jobs(die_at_three, range(6), 2))


def test_an_error_of_a_page_comes_out_of_its_process():
    with pytest.raises(OptionsError, match="three is out of range"):
        list(run_jobs(fail_at_three, range(6), 2))
