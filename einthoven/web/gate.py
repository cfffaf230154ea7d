"""The gate before every request: who has no session reaches the forms only, and nobody may be slow or large."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse

from einthoven.web.services import Services, token_of

__all__ = ["Gate", "address_of", "same_origin"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

#: What needs no session: the forms, the health check, and Streamlit's own scripts and styles, which tell nothing.
_OPEN = ("/login", "/signup", "/logout", "/_stcore/health", "/_stcore/host-config", "/favicon.png")
_OPEN_BELOW = ("/static/",)
#: WebSocket close code of an endpoint's own policy (RFC 6455, 7.4.1); before the handshake it becomes status 403.
_POLICY = 1008
#: Headers of every answer (OWASP Secure Headers Project). Streamlit's pages hold scripts of their own, so its content
#: policy bounds who may frame them and where forms go; the forms have a strict one.
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
_POLICY_OF_PAGES = "frame-ancestors 'self'; form-action 'self'; base-uri 'self'; object-src 'none'"
_POLICY_OF_FORMS = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"


class Gate:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    get : callable
        Gives the `Services`; called when the first request comes, so that making an application opens no database.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], get: Callable[[], Services]) -> None:
        self._app, self._get = app, get

    async def __call__(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        http = scope["type"] == "http"
        if http:
            send = _with_headers(send, scope["path"])
            receive = _unhurried(receive, self._get().options.upload_idle_s)
        if await self._may(scope):
            await self._app(scope, receive, send)
        elif not http:
            await receive()
            await send({"type": "websocket.close", "code": _POLICY})
        elif scope["method"] == "GET" and "text/html" in HTTPConnection(scope).headers.get("accept", ""):
            await RedirectResponse("/login", status_code=303)(scope, receive, send)
        else:
            await PlainTextResponse("log in first", status_code=403)(scope, receive, send)

    async def _may(self, scope: MutableMapping[str, Any]) -> bool:
        path = scope["path"]
        if path in _OPEN or path.startswith(_OPEN_BELOW):
            return True
        shared = self._get()
        if shared.options.oidc:
            # Streamlit's own cookie holds the provider's person; the pages ask for either.
            return True
        token = token_of(HTTPConnection(scope).cookies)
        return await run_in_threadpool(shared.accounts.who, token) is not None


def _with_headers(send: _Send, path: str) -> _Send:
    async def sending(message: _Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            form = path in ("/login", "/signup", "/logout")
            headers.setdefault("content-security-policy", _POLICY_OF_FORMS if form else _POLICY_OF_PAGES)
            if form:
                headers["cache-control"] = "no-store"
        await send(message)

    return sending


def _unhurried(receive: _Receive, most_s: float) -> _Receive:
    """Cut off who sends a body too slowly: to the application the sender has gone."""
    over = False

    async def receiving() -> _Message:
        nonlocal over
        if over:  # the body is there: what comes now is the end of the connection, for which one may wait
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), most_s)
        except TimeoutError:
            return {"type": "http.disconnect"}
        over = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return receiving


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a form was sent from a page of this host: browsers say so themselves (RFC 6454, 7.3).

    A request without the header comes from a program, which has nobody's cookie.
    """
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


def address_of(connection: HTTPConnection, proxies: int) -> str:
    """Address of who asks: behind trusted proxies, the one that the outermost of them saw.

    Parameters
    ----------
    connection : HTTPConnection
    proxies : int
        How many there are. What else stands in ``X-Forwarded-For`` anybody can write.
    """
    told = [part.strip() for part in connection.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if proxies and len(told) >= proxies:
        return told[-proxies]
    return "" if connection.client is None else connection.client.host
