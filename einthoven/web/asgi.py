"""The application for a server that is there already: ``streamlit run einthoven/web/asgi.py`` or uvicorn."""

from __future__ import annotations

from streamlit import App

from einthoven.web.server import SCRIPT, middleware, routes, warmed

__all__ = ["app"]

app = App(SCRIPT, routes=routes(), middleware=middleware(), lifespan=warmed)
