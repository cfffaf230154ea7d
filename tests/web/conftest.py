"""A database of its own for a test, and somebody who is logged in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from einthoven.web.accounts import Person
from einthoven.web.options import from_environment
from einthoven.web.pages import frame
from einthoven.web.services import Services, _opened, services
from einthoven.web.tables import Base, open_database

#: URL of an empty PostgreSQL database on which the tests of accounts and cases run instead; it is emptied each time.
SERVER = os.environ.get("EINTHOVEN_TEST_DATABASE", "")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database: a file of SQLite, or what EINTHOVEN_TEST_DATABASE names."""
    made = open_database(SERVER or f"sqlite:///{tmp_path / 'web.db'}")
    if SERVER:
        Base.metadata.drop_all(made)
        Base.metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("EINTHOVEN_WEB_DATABASE", f"sqlite:///{tmp_path / 'web.db'}")
    yield services(from_environment())
    _opened.cache_clear()


@pytest.fixture
def ada(here: Services, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody who is logged in: the one thing that a browser would bring is the cookie."""
    words = "three calm words"
    person = here.accounts.sign_up("ada", "Ada <i>L</i>", words)
    token = here.accounts.log_in("ada", words)
    monkeypatch.setattr(frame, "token_of", lambda _cookies: token)
    return person
