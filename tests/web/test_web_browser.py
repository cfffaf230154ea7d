"""The whole journey in a real Chromium against a real server: no step is mocked."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecg import ECGRecord
from ecg.formats import read_record, write_csv, write_dicom, write_wfdb
from einthoven.web.examples import drawn

CHROMIUM = os.environ.get("EINTHOVEN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is found: install it, or name it in EINTHOVEN_CHROMIUM"),
]
WORDS = "three calm words"
#: Buttons that open a kept case; the lists of a form have buttons of that name too.
OPEN = "[class*='st-key-open_'] button"
#: Milliseconds that a step may take where other programs hold the cores.
PATIENCE_MS = 180_000
#: Largest upload of this server in MiB: room for the page as an uncompressed TIFF.
UPLOAD_MB = 16
#: Where screenshots go, to be looked at; nowhere without it.
SHOTS = os.environ.get("EINTHOVEN_SCREENSHOTS")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "EINTHOVEN_WEB_DATABASE": f"sqlite:///{folder / 'web.db'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "einthoven", "serve", "--port", str(port), "--upload-mb", str(UPLOAD_MB)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(120)
    assert "Traceback" not in (folder / "log").read_text()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server does not answer")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """One ECG in every kind of file that a person may send."""
    from PIL import Image

    from synth import sample_physiology, synthesize_record

    folder = tmp_path_factory.mktemp("sent")
    made = synthesize_record(sample_physiology(np.random.default_rng(3), "norm"))
    record = ECGRecord(made.signal, made.fs, made.leads)
    jpeg = folder / "page.jpg"
    jpeg.write_bytes(drawn("infarction_scan").content)
    with Image.open(jpeg) as picture:
        for name in ("page.png", "page.tiff", "page.pdf"):
            picture.save(folder / name, dpi=(200, 200))
    write_wfdb(record, folder, "pair")
    write_csv(record, folder / "table.csv")
    write_dicom(record, folder / "waves.dcm")
    kinds = {name.partition(".")[2]: [folder / name] for name in ("page.jpg", "page.png", "page.tiff", "page.pdf")}
    kinds |= {"wfdb": [folder / "pair.hea", folder / "pair.dat"], "csv": [folder / "table.csv"]}
    return {**kinds, "dicom": [folder / "waves.dcm"]}


def shot(tab: Any, name: str) -> None:
    """Keep a picture of the whole page: the window grows to it, because the page scrolls inside itself."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    size = tab.viewport_size
    long = tab.evaluate("() => (document.querySelector('[data-testid=stMain]') || document.body).scrollHeight")
    tab.set_viewport_size({"width": size["width"], "height": max(size["height"], min(long + 80, 12_000))})
    tab.wait_for_timeout(700)  # until the page has drawn itself again
    tab.screenshot(path=str(Path(SHOTS) / f"{name}.png"))
    tab.set_viewport_size(size)


def sign_up(tab: Any, server: str, name: str, shown: str) -> None:
    tab.goto(f"{server}/signup")
    tab.fill("#name", name)
    tab.fill("#shown_name", shown)
    tab.fill("#password", WORDS)
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Read an ECG").wait_for()


def send(tab: Any, paths: list[Path], explain: bool = False) -> None:
    tab.set_input_files("input[type=file]", [str(p) for p in paths])
    go = tab.get_by_role("button", name="Read this ECG")
    if not explain:
        tab.get_by_text("Age, sex and how to read").first.click()
        tab.get_by_text("Explain the answer").first.click()
    tab.wait_for_function(
        "() => [...document.querySelectorAll('button')].some(b => b.innerText.includes('Read this ECG') && !b.disabled)"
    )
    go.click()


def found(tab: Any) -> None:
    tab.get_by_role("heading", name="What was found").wait_for()


def choose(tab: Any, label: str, option: str) -> None:
    """Pick from a list by typing, as a person does: begin again where the page drew itself anew and closed the list."""
    from playwright.sync_api import TimeoutError as TooLate

    for _ in range(20):
        tab.get_by_label(label).fill(option)
        try:
            tab.get_by_role("option", name=option, exact=True).click(timeout=5000)
        except TooLate:
            tab.keyboard.press("Escape")
            continue
        return
    pytest.fail(f"the list {label!r} never offered {option!r}")


def download(tab: Any, label: str) -> tuple[str, bytes]:
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name=label, exact=True).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_the_whole_journey(server: str, browser: Any, tab: Any, files: dict[str, list[Path]], tmp_path: Path) -> None:
    sign_up(tab, server, "ada", "Ada <b>L</b>")
    shot(tab, "welcome")
    tab.get_by_text("Welcome,").first.wait_for()
    assert "Welcome, Ada <b>L</b>." in tab.inner_text("body")
    assert tab.get_by_text("Not for diagnosis").first.is_visible()
    cookie = next(c for c in tab.context.cookies() if c["name"] == "einthoven_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert "einthoven_session" not in tab.evaluate("document.cookie")
    tab.reload()
    tab.get_by_role("heading", name="Read an ECG").wait_for()
    shot(tab, "read")
    send(tab, files["jpg"], explain=True)
    found(tab)
    tab.get_by_role("heading", name="Files to take away").wait_for()
    assert tab.get_by_alt_text("over the page").count() == 1
    shot(tab, "found")
    tab.get_by_role("tab", name="For clinicians").click()
    shot(tab, "clinicians")
    tab.get_by_role("tab", name="For research").click()
    shot(tab, "research")
    _correct(tab)
    _take_away(tab, tmp_path)
    _keep(tab)
    _second_person(server, browser)
    tab.get_by_role("button", name="Log out").click()
    tab.get_by_text("You are logged out.").wait_for()
    stolen = browser.new_context()
    stolen.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": server}])
    after = stolen.new_page()
    after.goto(server)
    assert after.url.endswith("/login")
    stolen.close()


def _correct(tab: Any) -> None:
    """Say the layout that it is, read again, and see that it was given."""
    tab.get_by_text("Correct the reading and read again").click()
    choose(tab, "Layout (found: 12x1)", "12x1")
    tab.get_by_role("button", name="Read again with these corrections").click()
    tab.get_by_text("of 4:").first.wait_for()
    found(tab)
    tab.get_by_role("heading", name="Files to take away").wait_for()


def _take_away(tab: Any, folder: Path) -> None:
    """Download every file and read it back."""
    name, content = download(tab, "Report (PDF)")
    import pypdfium2

    assert name == "page_report.pdf"
    assert len(pypdfium2.PdfDocument(content)) >= 3
    _, content = download(tab, "Everything (JSON)")
    document = json.loads(content)
    assert document["schema"]["name"] == "einthoven.diagnosis"
    assert document["digitization"]["layout"]["name"] == "12x1"
    _, content = download(tab, "Signals (WFDB, ZIP)")
    zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
    readings = [read_record(folder / "page.hea")]
    for label in ("Signals (CSV)", "Signals (DICOM)"):
        name, content = download(tab, label)
        (folder / name).write_bytes(content)
        readings.append(read_record(folder / name))
    for reading in readings[1:]:
        np.testing.assert_allclose(reading.signal[:12], readings[0].signal[:12], atol=0.003)
    _, content = download(tab, "Page with reading (PNG)")
    assert content.startswith(b"\x89PNG")


def _keep(tab: Any) -> None:
    tab.get_by_text("Keep the report, signals and reading").click()
    tab.get_by_role("button", name="Keep it").click()
    tab.get_by_text("Kept among your cases").wait_for()
    tab.get_by_label("Comment").fill("=1+1 looks right")
    tab.get_by_role("button", name="Save my opinion").click()
    tab.get_by_text("=1+1 looks right").first.wait_for()
    shot(tab, "kept")
    tab.get_by_role("link", name="My cases").click()
    tab.locator(OPEN).wait_for()
    shot(tab, "cases")
    name, content = download(tab, "My feedback (CSV)")
    assert name == "feedback.csv"
    assert b"'=1+1 looks right" in content
    tab.locator(OPEN).click()
    tab.get_by_role("heading", name="A kept case").wait_for()
    tab.locator("[data-testid=stImage] img").wait_for()
    shot(tab, "case")
    name, content = download(tab, "Report (PDF)")
    assert name == "page_report.pdf"
    assert content.startswith(b"%PDF")
    tab.get_by_role("button", name="Back to the list").click()
    tab.locator(OPEN).wait_for()


def _second_person(server: str, browser: Any) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    sign_up(tab, server, "bob", "Bob")
    tab.get_by_role("link", name="My cases").click()
    tab.get_by_text("You have kept none.").wait_for()
    assert tab.locator(OPEN).count() == 0
    context.close()


@pytest.mark.parametrize("kind", ["png", "tiff", "pdf", "wfdb", "csv", "dicom"])
def test_every_kind_of_file_is_read(server: str, tab: Any, files: dict[str, list[Path]], kind: str) -> None:
    sign_up(tab, server, f"reader_{kind}", "Reader")
    send(tab, files[kind])
    found(tab)
    tab.get_by_role("heading", name="The signals on ECG paper").wait_for()
    shot(tab, f"kind_{kind}")


def test_a_wrong_password_is_told_and_the_right_one_lets_in(server: str, tab: Any) -> None:
    sign_up(tab, server, "carol", "Carol")
    tab.get_by_role("button", name="Log out").click()
    tab.get_by_text("You are logged out.").wait_for()
    tab.fill("#name", "carol")
    tab.fill("#password", "not the password")
    tab.keyboard.press("Enter")
    tab.get_by_text("the name or the password is wrong").wait_for()
    shot(tab, "wrong_password")
    assert tab.input_value("#name") == "carol"
    tab.fill("#password", WORDS)
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Read an ECG").wait_for()


def test_too_large_and_hostile_files_are_told_in_one_line(server: str, tab: Any, tmp_path: Path) -> None:
    sign_up(tab, server, "mallory", "Mallory")
    large = tmp_path / "large.png"
    large.write_bytes(bytes((UPLOAD_MB + 1) << 20))
    tab.set_input_files("input[type=file]", str(large))
    tab.get_by_text(f"must be {UPLOAD_MB}").first.wait_for()
    shot(tab, "too_large")
    tab.reload()
    tab.get_by_role("heading", name="Read an ECG").wait_for()
    attack = tmp_path / "<img src=x onerror=document.title=1>.exe"
    attack.write_bytes(b"MZ\x00\x01\x02")
    send(tab, [attack])
    tab.get_by_text("got something else").wait_for()
    shot(tab, "refused_file")
    assert tab.title() != "1"
    assert tab.locator("img[src=x]").count() == 0


def test_on_a_phone_nothing_runs_over_the_edge(server: str, browser: Any, files: dict[str, list[Path]]) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 740}, is_mobile=True, device_scale_factor=2)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    sign_up(tab, server, "phone", "Phone")
    shot(tab, "phone_read")
    send(tab, files["csv"])
    found(tab)
    tab.get_by_role("heading", name="Files to take away").wait_for()
    shot(tab, "phone_found")
    over = "() => document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
    assert tab.evaluate(over) <= 1
    context.close()


def test_the_keyboard_alone_reaches_everything(server: str, tab: Any) -> None:
    sign_up(tab, server, "keys", "Keys")
    wanted, reached = {"My cases", "How it works", "Log out", "Your file", "Upload"}, set()
    # 25 stops lead round the page once; where it draws itself anew meanwhile, the way begins again.
    for _ in range(200):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("() => document.activeElement.innerText.split('\\n').pop().trim()"))
        if wanted <= reached:
            break
        tab.wait_for_timeout(50)
    assert wanted <= reached
    outlined = tab.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outlined != "none"
