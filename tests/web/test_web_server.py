"""The routes beside Streamlit and the gate before it, in a real ASGI application but without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from einthoven.web import server, theme
from einthoven.web.bands import BANDS
from einthoven.web.forms import form_page
from einthoven.web.gate import Gate, address_of
from einthoven.web.options import from_environment
from einthoven.web.services import COOKIE, SECURE_COOKIE, _opened, services

WORDS = "three calm words"
ADA = {"name": "ada", "shown_name": "Ada <b>L</b>", "password": WORDS}


async def _inside(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def _upload(request: Request) -> PlainTextResponse:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return PlainTextResponse(str(size))


async def _stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("EINTHOVEN_WEB_DATABASE", f"sqlite:///{tmp_path / 'web.db'}")
    monkeypatch.setenv("EINTHOVEN_WEB_WARM", "0")
    yield
    _opened.cache_clear()


@pytest.fixture
def app() -> Starlette:
    """Our routes and gate before stand-ins of what Streamlit serves."""
    inside = [
        Route("/", _inside),
        Route("/_stcore/health", _inside),
        Route("/media/file.pdf", _inside),
        Route("/_stcore/upload_file/s/f", _upload, methods=["PUT"]),
        WebSocketRoute("/_stcore/stream", _stream),
        Mount("/static", routes=[Route("/app.js", _inside)]),
    ]
    return Starlette(routes=[*server.routes(), *inside], middleware=list(server.middleware()))


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app, follow_redirects=False)


def test_sign_up_logs_in_with_a_cookie_that_scripts_cannot_read(client: TestClient) -> None:
    answer = client.post("/signup", data=ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"))
    assert "Secure" not in cookie
    assert client.get("/").text == "inside"


def test_over_https_the_cookie_is_tied_to_host_and_scheme(app: Starlette) -> None:
    answer = TestClient(app, base_url="https://ecg.example", follow_redirects=False).post("/signup", data=ADA)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SECURE_COOKIE}=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_without_a_session_only_the_forms_answer(client: TestClient) -> None:
    page = client.get("/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert client.get("/media/file.pdf").status_code == 403
    assert client.put("/_stcore/upload_file/s/f", content=b"x").status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
        pytest.fail("the stream opened")
    for path in ("/login", "/signup", "/_stcore/health", "/static/app.js"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/static/../media/file.pdf", "/static/..%2fmedia/file.pdf", "//media/file.pdf"])
def test_no_way_of_writing_a_path_goes_round_the_gate(client: TestClient, path: str) -> None:
    assert client.get(path).text != "inside"


def test_log_in_log_out_and_a_copied_cookie_is_worth_nothing(client: TestClient, app: Starlette) -> None:
    client.post("/signup", data=ADA)
    client.post("/logout")
    assert client.get("/").status_code == 403
    wrong = client.post("/login", data={"name": "ada", "password": "not the password"})
    assert wrong.status_code == 401
    assert "wrong" in wrong.text
    assert "not the password" not in wrong.text
    assert client.post("/login", data={"name": "ADA", "password": WORDS}).status_code == 303
    copied = client.cookies[COOKIE]
    out = client.post("/logout")
    assert out.headers["location"] == "/login?done=out"
    thief = TestClient(app, cookies={COOKIE: copied}, follow_redirects=False)
    assert thief.get("/").status_code == 403


def test_a_planted_cookie_is_not_taken_over(client: TestClient) -> None:
    client.post("/signup", data=ADA)
    planted = "planted-by-an-attacker"
    client.cookies.clear()
    answer = client.post("/login", data=ADA, headers={"cookie": f"{COOKIE}={planted}"})
    assert planted not in answer.headers["set-cookie"]
    assert client.get("/", headers={"cookie": f"{COOKIE}={planted}"}).status_code == 403


def test_logging_in_anew_ends_the_session_before(client: TestClient, app: Starlette) -> None:
    client.post("/signup", data=ADA)
    before = client.cookies[COOKIE]
    client.post("/login", data=ADA)
    assert client.cookies[COOKIE] != before
    assert TestClient(app, cookies={COOKIE: before}).get("/").status_code == 403


@pytest.mark.parametrize("path", ["/login", "/signup", "/logout"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example"])
def test_a_form_from_another_page_is_refused(client: TestClient, path: str, origin: str) -> None:
    client.post("/signup", data=ADA)
    answer = client.post(path, data=ADA, headers={"origin": origin})
    assert answer.status_code == 400
    assert "another page" in answer.text
    assert client.get("/").text == "inside"


def test_a_link_logs_nobody_out(client: TestClient) -> None:
    client.post("/signup", data=ADA)
    client.get("/logout")
    assert client.get("/").text == "inside"


def test_what_was_typed_is_never_markup() -> None:
    attack = '"><script>alert(1)</script>'
    assert "<script" not in form_page("login", attack, name=attack)
    for told in (theme.alert("error", attack), theme.card(BANDS["low"], attack), theme.rows([(attack,)], (attack,))):
        assert "<script" not in told
    assert "<script" not in theme.zoomable(b"x", "image/png", attack)


@pytest.mark.parametrize(
    "body",
    [b"x" * 20_000, b"name=\xff\xfe", b"&".join(b"f%d=1" % k for k in range(2000))],
    ids=["large", "bytes", "many"],
)
def test_hostile_forms_are_one_line(client: TestClient, body: bytes) -> None:
    answer = client.post("/login", content=body)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_every_answer_says_how_it_may_be_used(client: TestClient) -> None:
    form = client.get("/login").headers
    assert form["content-security-policy"].startswith("default-src 'none'")
    assert form["cache-control"] == "no-store"
    client.post("/signup", data=ADA)
    page = client.get("/").headers
    assert "frame-ancestors 'self'" in page["content-security-policy"]
    assert page["x-content-type-options"] == "nosniff"
    assert page["permissions-policy"].startswith("camera=(self)")


def test_a_slow_sender_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EINTHOVEN_WEB_UPLOAD_IDLE_S", "0.05")
    seen: list[dict[str, Any]] = []

    async def application(_scope: Any, receive: Any, _send: Any) -> None:
        for _ in range(2):
            seen.append(await receive())

    async def slow() -> dict[str, Any]:
        if not seen:
            return {"type": "http.request", "body": b"x", "more_body": True}
        await asyncio.sleep(60)
        return {}

    async def send(_message: Any) -> None:
        return None

    gate = Gate(application, lambda: services(from_environment()))
    scope = {"type": "http", "path": "/login", "method": "POST", "headers": []}
    asyncio.run(asyncio.wait_for(gate(scope, slow, send), 10))
    assert [m["type"] for m in seen] == ["http.request", "http.disconnect"]


def test_a_long_answer_is_waited_for(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EINTHOVEN_WEB_UPLOAD_IDLE_S", "0.2")
    client.post("/signup", data=ADA)
    assert client.put("/_stcore/upload_file/s/f", content=b"x" * 100_000).text == "100000"


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "1.1.1.1", "9.9.9.9"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (1, "", "9.9.9.9"),
    ],
)
def test_addresses_are_believed_of_trusted_proxies_only(proxies: int, header: str, address: str) -> None:
    scope = {"type": "http", "headers": [(b"x-forwarded-for", header.encode())], "client": ("9.9.9.9", 1)}
    assert address_of(Request(scope), proxies) == address


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("name", theme.COLOURS)
def test_text_stands_out_from_its_ground(name: str) -> None:
    light, dark = sorted(map(_luminance, theme.COLOURS[name]), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_theme_on_file_is_the_theme_of_serve() -> None:
    import tomllib

    root = Path(__file__).resolve().parents[2]
    told = tomllib.loads((root / ".streamlit/config.toml").read_text(encoding="utf-8"))
    flat = {f"{section}.{name}": value for section, values in told.items() for name, value in values.items()}
    expected = server.config(from_environment({}))
    assert {name: expected[name] for name in flat} == flat
    assert set(theme.THEME) <= set(flat)


def test_twenty_people_sign_up_at_once_without_an_error(app: Starlette) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def person(k: int) -> list[int]:
        client = TestClient(app, follow_redirects=False)
        # Behind a proxy each has an address of its own; here one address makes them all, as a hospital's does.
        made = client.post("/signup", data={**ADA, "name": f"person{k}"})
        seen = [client.get("/").status_code for _ in range(3)]
        return [made.status_code, *seen, client.post("/logout").status_code, client.get("/").status_code]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(person, range(20))) == [[303, 200, 200, 200, 303, 403]] * 20
