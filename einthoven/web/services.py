"""What the pages of one process share: the database, the queue, and how a session is told from its cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from einthoven.web.accounts import Accounts
from einthoven.web.cases import Cases
from einthoven.web.options import WebOptions
from einthoven.web.tables import open_database
from einthoven.web.turns import Queue

__all__ = ["COOKIE", "SECURE_COOKIE", "Services", "services", "token_of"]

#: Name of the session's cookie; over HTTPS with the prefix that ties it to this host (RFC 6265bis, 4.1.3.2).
COOKIE = "einthoven_session"
SECURE_COOKIE = f"__Host-{COOKIE}"


@dataclass(frozen=True, eq=False)
class Services:
    """What the pages share.

    Parameters
    ----------
    options : WebOptions
    accounts : Accounts
    cases : Cases
    turns : Queue
    """

    options: WebOptions
    accounts: Accounts
    cases: Cases
    turns: Queue


#: The first visitors come at once; the tables are made by one of them.
_OPENING = Lock()


def services(options: WebOptions) -> Services:
    """Open the database of these options, once a process.

    Parameters
    ----------
    options : WebOptions

    Returns
    -------
    Services

    Raises
    ------
    OptionsError
        If the database cannot be opened.
    """
    with _OPENING:
        return _opened(options)


@lru_cache(maxsize=2)
def _opened(options: WebOptions) -> Services:
    engine = open_database(options.database_url)
    return Services(options, Accounts(engine, options), Cases(engine), Queue())


def token_of(cookies: Mapping[str, str]) -> str | None:
    """Token of the session in a browser's cookies, or None."""
    return cookies.get(SECURE_COOKIE) or cookies.get(COOKIE)
