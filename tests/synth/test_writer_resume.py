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


#: Python runs this first in every process of the set: the one that is about to rename a chosen file kills.
_KILLER = """
import fnmatch, os, signal, sys

def hook(event, given):
    if event == "os.rename" and fnmatch.fnmatch(os.path.basename(given[1]), os.environ["KILL_AT"]):
        if os.environ["KILL_WHOM"] == "group":
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getppid(), signal.SIGKILL)

sys.addaudithook(hook)
"""


def killed_run(folder, out, jobs, at, whom):
    """Begin a set in a process of its own; the writer of the first file named like ``at`` kills without warning."""
    (folder / "sitecustomize.py").write_text(_KILLER)
    code = (
        "import sys; from synth.writer import write_set\n"
        f"if __name__ == '__main__': write_set(sys.argv[1], {N}, {PRESET!r}, {SEED}, {jobs}, kit=True)"
    )
    paths = os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(out)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths, "KILL_AT": at, "KILL_WHOM": whom},
    )
    return process.wait(120)


@pytest.mark.parametrize(
    ("jobs", "at", "whom"),
    [
        (1, "000002*", "group"),  # its file lies there under a temporary name
        (2, "000002*", "group"),
        (2, "000001*", "parent"),  # the parent alone: its workers must not go on
    ],
)
def test_a_killed_run_is_finished_to_the_same_bytes(undisturbed, tmp_path, tmp_path_factory, jobs, at, whom):
    status = killed_run(tmp_path_factory.mktemp("killer"), tmp_path, jobs, at, whom)
    assert status == -signal.SIGKILL
    assert not (tmp_path / "manifest.csv").exists()
    if whom == "group":
        assert any((tmp_path / "pages").glob(f".{at}")), "nothing was left half-written"
    else:
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
