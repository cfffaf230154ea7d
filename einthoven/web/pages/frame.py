"""What stands on every page: the notice, who is logged in, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from einthoven.web import theme
from einthoven.web.options import from_environment
from einthoven.web.services import Services, services, token_of

if TYPE_CHECKING:
    from einthoven.web.accounts import Person

__all__ = ["Visit", "forget", "head", "say", "visit"]

#: Where a visit keeps what it has read, in Streamlit's memory of the open page; gone when the page is closed.
_OWNER = "owner"


@dataclass(frozen=True, eq=False)
class Visit:
    """One run of a page.

    Parameters
    ----------
    person : Person
    services : Services
    memory : mapping
        Of the open page.
    """

    person: Person
    services: Services
    memory: Any


def visit() -> Visit:
    """Tell who is there; nobody: show the way in and stop.

    The session is looked up at every run, so a page that was left open shows nothing more once it is revoked.
    """
    shared = services(from_environment())
    person = _person(shared)
    if person is None:
        st.session_state.clear()
        st.html(theme.STYLE + theme.notice())
        st.title("You are logged out")
        st.html(theme.alert("info", "Your session has ended. What you read and did not keep is gone."))
        st.html('<p><a href="/login" target="_self">Log in</a></p>')
        if shared.options.oidc and st.button("Log in with your organisation"):
            st.login()
        st.stop()
    if st.session_state.get(_OWNER) != person.id:
        # Another person at the same open page must not see what the one before had read.
        st.session_state.clear()
        st.session_state[_OWNER] = person.id
    return Visit(person, shared, st.session_state)


def _person(shared: Services) -> Person | None:
    person = shared.accounts.who(token_of(st.context.cookies))
    if person is None and shared.options.oidc and st.user.is_logged_in:
        told = st.user.to_dict()
        name = str(told.get("given_name") or told.get("name") or "")
        return shared.accounts.log_in_by_provider(str(told.get("iss", "")), str(told.get("sub", "")), name)
    return person


def head(here: Visit) -> None:
    """Show the notice, the welcome and the button to log out."""
    st.html(theme.STYLE + theme.notice())
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        st.html(f"<p style='margin:0'>Welcome, <b>{escape(here.person.shown_name)}</b>.</p>")
    with right:
        if here.person.name:
            # A form of its own: only an answer of the server can take the cookie away.
            st.html(
                '<form method="post" action="/logout" target="_self" style="text-align:right;margin:0">'
                '<button type="submit" style="font:inherit;padding:.35rem .9rem;border:1px solid #6B7780;'
                'border-radius:.3rem;background:#fff;color:#17252F;cursor:pointer">Log out</button></form>'
            )
        elif st.button("Log out"):
            forget(here)
            st.logout()


def say(kind: str, *lines: str) -> None:
    """Show a message, its text as it is: names of files are not Markdown."""
    st.html(theme.alert(kind, *lines))


def forget(here: Visit) -> None:
    """Drop what this open page has read."""
    here.memory.clear()
    here.memory[_OWNER] = here.person.id
