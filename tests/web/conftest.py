"""A database of its own for a test, and somebody who is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from einthoven.web.accounts import Person
from einthoven.web.options import from_environment
from einthoven.web.pages import frame
from einthoven.web.services import Services, _opened, services


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
