"""The server: Streamlit's application with the log-in routes beside it and the gate before both."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ecg.errors import OptionsError
from einthoven.web.accounts import AccountsError
from einthoven.web.forms import form_page
from einthoven.web.gate import Gate, address_of, same_origin
from einthoven.web.options import WebOptions, from_environment, to_environment
from einthoven.web.services import COOKIE, SECURE_COOKIE, Services, services, token_of
from einthoven.web.theme import THEME

__all__ = ["SCRIPT", "config", "middleware", "routes", "serve", "warmed"]

#: What Streamlit runs for every visit.
SCRIPT = Path(__file__).parent / "pages" / "start.py"
#: Largest form in bytes: three fields of a few hundred characters.
_FORM_BYTES = 16384
_ELSEWHERE = "the form was sent from another page; open this page anew and try again"


def shared() -> Services:
    """Give what the pages share, by the environment's options."""
    return services(from_environment())


def routes() -> Sequence[BaseRoute]:
    """Routes beside Streamlit's own: log in, sign up, log out."""
    return (
        Route("/login", _log_in, methods=["GET", "POST"]),
        Route("/signup", _sign_up, methods=["GET", "POST"]),
        Route("/logout", _log_out, methods=["GET", "POST"]),
    )


def middleware() -> Sequence[Middleware]:
    """List what stands before every route."""
    return (Middleware(Gate, get=shared),)


async def _log_in(request: Request) -> Response:
    here = shared()
    if request.method == "GET":
        done = {"out": "You are logged out.", "gone": "Your account and all that was kept are deleted."}
        told = done.get(request.query_params.get("done", ""), "")
        return HTMLResponse(form_page("login", done=told, oidc=here.options.oidc))
    form = await _form(request)
    if isinstance(form, str):
        return HTMLResponse(form_page("login", form), status_code=400)
    name = form.get("name", "")
    try:
        token = await run_in_threadpool(
            here.accounts.log_in, name, form.get("password", ""), address_of(request, here.options.proxies)
        )
    except AccountsError as error:
        return HTMLResponse(form_page("login", str(error), name=name, oidc=here.options.oidc), status_code=401)
    return await _let_in(request, here, token)


async def _sign_up(request: Request) -> Response:
    here = shared()
    if request.method == "GET":
        return HTMLResponse(form_page("signup"))
    form = await _form(request)
    if isinstance(form, str):
        return HTMLResponse(form_page("signup", form), status_code=400)
    name, password, address = form.get("name", ""), form.get("password", ""), address_of(request, here.options.proxies)
    try:
        await run_in_threadpool(here.accounts.sign_up, name, form.get("shown_name", ""), password, address)
        token = await run_in_threadpool(here.accounts.log_in, name, password, address)
    except AccountsError as error:
        return HTMLResponse(form_page("signup", str(error), name=name), status_code=400)
    return await _let_in(request, here, token)


async def _let_in(request: Request, here: Services, token: str) -> Response:
    """Set the new session's cookie; one that the browser had before ends."""
    await run_in_threadpool(here.accounts.log_out, token_of(request.cookies))
    answer = RedirectResponse("/", status_code=303)
    secure = here.options.https or request.url.scheme == "https"
    answer.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        max_age=round(here.options.session_hours * 3600),
        path="/",
        httponly=True,
        secure=secure,
        samesite="lax",
    )
    return answer


async def _log_out(request: Request) -> Response:
    """Revoke the session. A link from elsewhere logs nobody out: the browser says where a POST comes from."""
    if request.method == "GET":
        return RedirectResponse("/", status_code=303)
    if not same_origin(request):
        return HTMLResponse(form_page("login", _ELSEWHERE), status_code=400)
    await run_in_threadpool(shared().accounts.log_out, token_of(request.cookies))
    answer = RedirectResponse("/login?done=out", status_code=303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    answer.delete_cookie(SECURE_COOKIE, path="/", httponly=True, samesite="lax", secure=True)
    return answer


async def _form(request: Request) -> dict[str, str] | str:
    """Fields of a form, or why it is not taken."""
    if not same_origin(request):
        return _ELSEWHERE
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _FORM_BYTES:
            return f"the form has more than {_FORM_BYTES} bytes; shorten what you typed"
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10)
    except (UnicodeDecodeError, ValueError):
        return "the form could not be read; open this page anew and try again"
    return {name: values[0] for name, values in fields.items()}


@asynccontextmanager
async def warmed(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Open the database before the first visit, and load the models beside it: once for all visitors."""
    here = await run_in_threadpool(shared)
    if here.options.warm:
        threading.Thread(target=_warm, args=(here,), name="warm-up", daemon=True).start()
    yield {}


def _warm(here: Services) -> None:
    """Read one example: compiles the inner loops and loads every network, so that no visitor waits for that."""
    from contextlib import suppress

    from ecg.errors import ECGError
    from einthoven.web.examples import EXAMPLES, drawn, thumbnail
    from einthoven.web.work import Asked, read_ecg

    # What fails here fails again, and is told, when a person asks for it.
    with suppress(ECGError):
        with here.turns.turn():
            read_ecg(Asked((drawn("normal_scan"),)))
        for key in EXAMPLES:
            thumbnail(key)


def config(options: WebOptions) -> dict[str, Any]:
    """List settings of Streamlit that the page relies on; ``.streamlit/config.toml`` has them too."""
    return {
        "server.headless": True,
        "server.maxUploadSize": options.upload_mb,
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": True,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        **THEME,
    }


def serve(options: WebOptions, address: str = "127.0.0.1", port: int = 8501) -> None:
    """Serve the page until it is stopped.

    Parameters
    ----------
    options : WebOptions
    address : str
        To listen at; ``0.0.0.0`` for all of this machine's.
    port : int

    Raises
    ------
    OptionsError
        If the port is taken or the database cannot be opened.
    """
    import streamlit as st

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise OptionsError(f"cannot listen at {address}:{port} ({error.strerror}); give another --port") from error
    os.environ.update(to_environment(options))
    services(options)
    app = st.App(SCRIPT, routes=routes(), middleware=middleware(), lifespan=warmed)
    app.run(config={**config(options), "server.address": address, "server.port": port})
