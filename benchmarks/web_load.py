"""Twenty people at the web page at once: each must get an answer, and who waits must see the queue.

``python -m benchmarks.web_load [--people N]`` starts ``einthoven serve`` and that many browsers' contexts in one
Chromium. All sign up, send a table of twelve leads and press the button together. Written is
``benchmarks/results/web_load.json``: who got an answer, the longest queue that was shown, the time from the button to
the answer, and what the server took. ``EINTHOVEN_CHROMIUM`` names the browser, else it is looked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from einthoven.outputs import version, write_json
from einthoven.provenance import commit
from einthoven.web.examples import drawn

__all__ = ["Visitor", "main", "summary"]

RESULT = Path(__file__).resolve().parent / "results" / "web_load.json"
SCHEMA = "einthoven.web_load"
#: Longest wait for a step in milliseconds: the last of twenty waits for nineteen readings.
_PATIENCE_MS = 900_000
_STARTING_S = 240
#: Seconds between two looks at the queue.
_LOOK_S = 1.0


@dataclass(frozen=True)
class Visitor:
    """What one person met.

    Parameters
    ----------
    answered : bool
    seconds : float
        From the button to the answer.
    ahead : int
        Most people whom the page told to be ahead.
    error : str
    """

    answered: bool
    seconds: float
    ahead: int
    error: str = ""


def summary(visitors: list[Visitor], cpu_s: float, peak_mib: float) -> dict[str, Any]:
    """Sum up what all met.

    Parameters
    ----------
    visitors : list of Visitor
    cpu_s, peak_mib : float
        Of the server.

    Returns
    -------
    dict

    Examples
    --------
    >>> told = summary([Visitor(True, 2.0, 0), Visitor(True, 4.0, 1)], 6.0, 900.0)
    >>> told["answered"], told["errors"], told["longest_queue_shown"], told["answers_a_minute"]
    (2, 0, 1, 30.0)
    """
    waits = [v.seconds for v in visitors if v.answered]
    return {
        "people": len(visitors),
        "answered": len(waits),
        "errors": len(visitors) - len(waits),
        "told_a_queue": sum(v.ahead > 0 for v in visitors),
        "longest_queue_shown": max((v.ahead for v in visitors), default=0),
        "seconds_median": statistics.median(waits) if waits else None,
        "seconds_longest": max(waits, default=None),
        "answers_a_minute": 60 * len(waits) / max(waits) if waits else None,
        "server_cpu_s_a_person": cpu_s / max(len(visitors), 1),
        "server_peak_mib": peak_mib,
    }


@contextmanager
def _server() -> Iterator[tuple[str, Any]]:
    """Serve from an empty database; give the address and the process."""
    import psutil

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        environment = {**os.environ, "EINTHOVEN_WEB_DATABASE": f"sqlite:///{folder}/web.db"}
        words = [sys.executable, "-m", "einthoven", "serve", "--port", str(port)]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(words, env=environment, stdout=quiet, stderr=quiet, cwd=folder)  # noqa: S603
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/_stcore/health")
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(url: str) -> None:
    until = time.monotonic() + _STARTING_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(f"the server does not answer at {url}")


async def _visit(browser: Any, url: str, number: int, table: Path, ready: Any) -> Visitor:
    """Sign up and send the table; press the button when all are ready."""
    context = await browser.new_context()
    tab = await context.new_page()
    tab.set_default_timeout(_PATIENCE_MS)
    try:
        await tab.goto(f"{url}/signup")
        await tab.fill("#name", f"visitor{number}")
        await tab.fill("#password", "three calm words")
        await tab.keyboard.press("Enter")
        await tab.get_by_role("heading", name="Read an ECG").wait_for()
        await tab.set_input_files("input[type=file]", str(table))
        go = tab.get_by_role("button", name="Read this ECG")
        await tab.wait_for_function(
            "() => [...document.querySelectorAll('button')].some("
            "b => b.innerText.includes('Read this ECG') && !b.disabled)"
        )
        await ready.wait()
        began = time.monotonic()
        await go.click()
        ahead = await _answer(tab)
        return Visitor(True, time.monotonic() - began, ahead)
    except Exception as error:  # whatever it is, it is this person's error
        return Visitor(False, 0.0, 0, f"{type(error).__name__}: {error}".splitlines()[0])
    finally:
        await context.close()


async def _answer(tab: Any) -> int:
    """Wait for the answer; give the longest queue that was shown meanwhile."""
    most = 0
    until = time.monotonic() + _PATIENCE_MS / 1000
    while time.monotonic() < until:
        text = await tab.inner_text("body")
        if "What was found" in text:
            return most
        if told := re.search(r"(\d+) ahead of you", text):
            most = max(most, int(told.group(1)))
        await asyncio.sleep(_LOOK_S)
    raise TimeoutError("no answer came")


async def _all(url: str, people: int, chromium: str) -> list[Visitor]:
    from playwright.async_api import async_playwright

    with tempfile.TemporaryDirectory(prefix="einthoven-") as folder:
        sent = drawn("normal_table")
        table = Path(folder) / sent.name
        table.write_bytes(sent.content)
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            barrier = asyncio.Barrier(people)
            visits = [_visit(browser, url, k, table, barrier) for k in range(people)]
            found = await asyncio.gather(*visits)
            await browser.close()
    return found


def main(arguments: list[str]) -> int:
    """Measure, and write the result; 1 where a person got no answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20)
    chosen = parser.parse_args(arguments)
    chromium = os.environ.get("EINTHOVEN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("benchmarks.web_load: no Chromium is found; install it, or name it in EINTHOVEN_CHROMIUM\n")
        return 2
    with _server() as (url, server):
        visitors = asyncio.run(_all(url, chosen.people, chromium))
        used, memory = server.cpu_times(), server.memory_info()
    found = summary(visitors, used.user + used.system, memory.rss / (1 << 20))
    sys.stdout.write(f"{found}\n{[v.error for v in visitors if v.error]}\n")
    head = {"schema": {"name": SCHEMA, "version": 1}, "version": version(), "commit": commit(), "cores": os.cpu_count()}
    write_json(RESULT, {**head, **found, "each": [asdict(v) for v in visitors]})
    return 1 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
