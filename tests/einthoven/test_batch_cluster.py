"""The same archive on a cluster: a real scheduler, two real workers, one of which is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from archives import ENVIRONMENT, check_whole, errors_of, parts, picture, pictures, until
from handmade_works import DO

from ecg.errors import OptionsError
from einthoven.batch import BatchOptions, run_batch


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A real Dask scheduler with two workers of one thread, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT, "cwd": tmp_path}
    info = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    started = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(info)],
            **quiet,
        )
    ]
    try:
        until(info.exists)
        with distributed.Client(scheduler_file=str(info), set_as_default=False) as client:
            address = client.scheduler.address
            for _ in range(2):
                words = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
                started.append(subprocess.Popen([*dask, "worker", address, *words], **quiet))
            client.wait_for_workers(2, timeout=60)
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_reads_an_archive_and_survives_a_worker(
    tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    folder, out = pictures(tmp_path / "in", 40), tmp_path / "out"
    picture(folder / "broken.png", 99)

    def kill_one() -> None:
        until(lambda: parts(out))
        workers[0].kill()

    thread = threading.Thread(target=kill_one)
    thread.start()
    options = BatchOptions(do=DO, settings={"cheap": {"sleep_s": 0.05}}, scheduler=address, part_files=4)
    report = run_batch(folder, out, options)
    thread.join()
    assert report.statuses == {"accepted": 40}
    assert [Path(file).name for file, _ in errors_of(out)] == ["broken.png"]
    (folder / "broken.png").unlink()
    check_whole(folder, out)


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(OptionsError, match="no Dask scheduler answers at nowhere://x"):
        run_batch(pictures(tmp_path / "in", 2), tmp_path / "out", BatchOptions(do=DO, scheduler="nowhere://x"))
