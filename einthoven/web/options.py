"""Options of the web page, each with its unit and its reason; read from the environment by every process alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ecg.errors import OptionsError
from ecg.options import nearest

__all__ = ["PREFIX", "WebOptions", "from_environment", "to_environment"]

#: Names of the environment's variables begin with this: ``EINTHOVEN_WEB_DATABASE``.
PREFIX = "EINTHOVEN_WEB_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """How the web page is served.

    Parameters
    ----------
    database : str
        SQLAlchemy's URL of accounts and cases; empty for a SQLite file in the user's data folder. PostgreSQL by
        ``postgresql+psycopg://...`` with its driver installed. It may hold a password: give it by the environment.
    session_hours : float
        After so many hours a person logs in again.
    idle_hours : float
        And after so many without a click: a shared machine in a ward is left open.
    upload_mb : int
        Largest upload in MiB.
    upload_idle_s : float
        Seconds without a byte after which an upload is cut off, so that slow senders do not hold connections.
    https : bool
        A proxy in front speaks HTTPS: cookies are then sent over it only.
    proxies : int
        Trusted proxies in front of the server. With 0 nobody's ``X-Forwarded-For`` is believed.
    sign_up : bool
        Whether anybody may make an account.
    oidc : bool
        Offer to log in through the provider that Streamlit's ``secrets.toml`` names (``st.login``).
    warm : bool
        Load the models when the server starts, not when the first person asks.

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    database: str = ""
    session_hours: float = 12.0
    idle_hours: float = 2.0
    upload_mb: int = 200
    upload_idle_s: float = 30.0
    https: bool = False
    proxies: int = 0
    sign_up: bool = True
    oidc: bool = False
    warm: bool = True

    def __post_init__(self) -> None:
        for name in ("session_hours", "idle_hours", "upload_mb", "upload_idle_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise OptionsError(f"{name} must be a positive number, got {getattr(self, name)!r}")
        if self.proxies < 0:
            raise OptionsError(f"proxies counts the trusted proxies, 0 or more, got {self.proxies}")
        if self.database and "://" not in self.database:
            raise OptionsError(
                "the database is given as a URL: sqlite:////path/to/file.db or postgresql+psycopg://USER@HOST/NAME"
            )

    @property
    def database_url(self) -> str:
        """URL of the database; by default a file in the user's data folder (XDG Base Directory Specification 0.8)."""
        if self.database:
            return self.database
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        return f"sqlite:///{data / 'einthoven' / 'web.db'}"


def from_environment(environment: Mapping[str, str] | None = None) -> WebOptions:
    """Options as the environment gives them.

    Parameters
    ----------
    environment : mapping, optional
        ``os.environ`` by default.

    Raises
    ------
    OptionsError
        If a variable with the prefix is no option or has the wrong type.

    Examples
    --------
    >>> from_environment({"EINTHOVEN_WEB_UPLOAD_MB": "50", "HOME": "/"}).upload_mb
    50
    """
    given: dict[str, Any] = {}
    known = {f.name: type(f.default) for f in fields(WebOptions)}
    for variable, text in (os.environ if environment is None else environment).items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in known:
            raise OptionsError(f"{variable} is no option of the web page{nearest(name, known)}")
        given[name] = _value(variable, text, known[name])
    return WebOptions(**given)


def _value(variable: str, text: str, kind: type[Any]) -> Any:
    if kind is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise OptionsError(f"{variable} is 1 or 0, got {text!r}")
        return text.lower() in _TRUE
    try:
        return kind(text)
    except ValueError:
        raise OptionsError(f"{variable} takes a number, got {text!r}") from None


def to_environment(options: WebOptions) -> dict[str, str]:
    """Variables that `from_environment` turns back into the same options.

    Examples
    --------
    >>> from_environment(to_environment(WebOptions(https=True))).https
    True
    """
    return {
        PREFIX + f.name.upper(): str(int(value) if isinstance(value, bool) else value)
        for f in fields(options)
        if (value := getattr(options, f.name)) != f.default
    }
