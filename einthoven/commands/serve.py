"""``einthoven serve``: the web page, until it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import typer

from ecg.errors import OptionsError
from einthoven.web.options import from_environment

__all__ = ["run"]

#: What the extra brings, by the names under which Python knows it.
_NEEDED = ("streamlit", "sqlalchemy", "argon2")


def run(address: str, port: int, flags: Mapping[str, Any]) -> int:
    """Serve the page; flags win over the environment.

    Parameters
    ----------
    address : str
    port : int
    flags : mapping
        Fields of `einthoven.web.options.WebOptions`.

    Returns
    -------
    int
        0 when it is stopped.

    Raises
    ------
    OptionsError
        If an option is wrong, the extra is not installed, the port taken or the database out of reach.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise OptionsError(f"the web page needs {', '.join(missing)}; run pip install 'einthoven[web]'")
    from einthoven.web.server import serve

    options = replace(from_environment(), **flags)
    shown = "localhost" if address in ("127.0.0.1", "0.0.0.0", "::") else address  # noqa: S104 - told, not bound
    typer.echo(f"The page is at http://{shown}:{port} (Ctrl-C stops it). Not a medical device.")
    serve(options, address, port)
    return 0
