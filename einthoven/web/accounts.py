"""Accounts: who may log in, for how long, and how often one may guess."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ecg.errors import ECGError
from einthoven.web.options import WebOptions
from einthoven.web.tables import Attempt, LogIn, User

__all__ = ["Accounts", "AccountsError", "Person"]

#: Memory in KiB, passes and lanes of argon2id (OWASP Password Storage Cheat Sheet): 20 people who log in at once take
#: 380 MiB.
_MEMORY_KIB, _PASSES, _LANES = 19456, 2, 1
#: Least length of a password (NIST SP 800-63B, 5.1.1.2); the longest bounds the work of a hostile one.
_LEAST, _LONGEST = 8, 256
#: Among the most common passwords of every published list; the account's own name is refused as well.
_COMMON = frozenset(
    ["12345678", "123456789", "1234567890", "password", "password1", "qwertyuiop", "qwerty123", "iloveyou"]
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{2,63}")
#: Failed attempts within the window: of one address at one name, at one name from anywhere, of one address at all.
_WINDOW_S = 900.0
_LIMITS = {"pair": 5, "name": 50, "address": 100}
#: New accounts of one address within an hour.
_NEW_ACCOUNTS, _NEW_WINDOW_S = 20, 3600.0
#: Bytes of randomness in a session's token (OWASP Session Management Cheat Sheet asks for 8 at least).
_TOKEN_BYTES = 32
#: Seconds between two notes that a session is in use: not every click writes.
_TOUCH_S = 60.0
_WRONG = "the name or the password is wrong; check both, or sign up"


class AccountsError(ECGError):
    """An account cannot be made, or a person not let in."""


@dataclass(frozen=True)
class Person:
    """Who is logged in.

    Parameters
    ----------
    id : int
    name : str
        To log in with; empty where a provider vouches.
    shown_name : str
        To be welcomed by.
    """

    id: int
    name: str
    shown_name: str


class Accounts:
    """Accounts and sessions in a database.

    Parameters
    ----------
    engine : Engine
        From `einthoven.web.tables.open_database`.
    options : WebOptions
    hasher : PasswordHasher, optional
        Of another cost.
    now : callable, optional
        Seconds since 1970.
    """

    def __init__(
        self,
        engine: Engine,
        options: WebOptions,
        hasher: PasswordHasher | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._options, self._now = engine, options, now
        self._hasher = hasher or PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)

    @cached_property
    def _decoy(self) -> str:
        """Hash that nobody's password gives: unknown names take as long as known ones."""
        return self._hasher.hash(secrets.token_hex(16))

    def sign_up(self, name: str, shown_name: str, password: str, address: str = "") -> Person:
        """Make an account.

        Parameters
        ----------
        name : str
            3 to 64 letters, digits and ``._@+-``; upper and lower case are the same.
        shown_name : str
            To be welcomed by; the name itself where empty.
        password : str
            8 to 256 characters.
        address : str
            Network address of who asks.

        Returns
        -------
        Person

        Raises
        ------
        AccountsError
            If sign-up is closed, the name is taken or malformed, the password is weak, or there were too many.
        """
        if not self._options.sign_up:
            raise AccountsError("sign-up is closed here; ask who runs this page for an account")
        name, shown_name = name.strip(), _one_line(shown_name) or name.strip()
        if not _NAME.fullmatch(name):
            raise AccountsError("a name has 3 to 64 letters, digits or . _ @ + -, and begins with a letter or digit")
        _check_password(password, name)
        key = _digest("new", address)
        with Session(self._engine) as db:
            if self._count(db, key, _NEW_WINDOW_S) >= _NEW_ACCOUNTS:
                raise AccountsError("too many accounts were made from this address; try again in an hour")
            db.add(Attempt(key=key, at=self._now()))
            user = User(
                key=name.lower(),
                name=name,
                shown_name=shown_name[:80],
                password=self._hasher.hash(password),
                created=self._now(),
            )
            db.add(user)
            try:
                db.commit()
            except IntegrityError:
                raise AccountsError("this name is taken; choose another, or log in") from None
            return _person(user)

    def log_in(self, name: str, password: str, address: str = "") -> str:
        """Check a password and begin a session.

        A token that the browser already had is never taken over, so nobody can plant one (session fixation).

        Parameters
        ----------
        name, password : str
        address : str
            Network address of who asks.

        Returns
        -------
        str
            The session's token, for the cookie; the database has its digest only.

        Raises
        ------
        AccountsError
            If name or password is wrong, or too many attempts failed.
        """
        name = name.strip().lower()
        keys = {
            "pair": _digest("pair", name, address),
            "name": _digest("name", name),
            "address": _digest("address", address),
        }
        with Session(self._engine) as db:
            self._forget_old(db)
            if any(self._count(db, key, _WINDOW_S) >= _LIMITS[kind] for kind, key in keys.items()):
                raise AccountsError(f"too many attempts failed; wait {_WINDOW_S / 60:.0f} minutes and try again")
            # Counted before the password is checked, so that attempts made at once count as well.
            tried = [Attempt(key=key, at=self._now()) for key in keys.values()]
            db.add_all(tried)
            db.commit()
            own = [attempt.id for attempt in tried]
            user = db.scalar(select(User).where(User.key == name))
            if not self._matches(user, password) or user is None:
                raise AccountsError(_WRONG)
            db.execute(delete(Attempt).where((Attempt.key == keys["pair"]) | Attempt.id.in_(own)))
            if self._hasher.check_needs_rehash(user.password or ""):
                user.password = self._hasher.hash(password)
            return self._begin(db, user.id)

    def log_in_by_provider(self, issuer: str, subject: str, shown_name: str) -> Person:
        """Find or make the account of a person for whom an OpenID Connect provider vouches.

        Issuer and subject together are the identity (OpenID Connect Core 1.0, section 5.7); names and addresses are
        not.

        Raises
        ------
        AccountsError
            If either is missing.
        """
        if not issuer or not subject:
            raise AccountsError("the provider gave no issuer or no subject; check its settings in secrets.toml")
        identity = f"{issuer}|{subject}"[:400]
        with Session(self._engine) as db:
            user = db.scalar(select(User).where(User.oidc == identity))
            if user is None:
                # No name of a local account holds a colon.
                key = "oidc:" + hashlib.sha256(identity.encode()).hexdigest()
                shown = _one_line(shown_name)[:80] or "colleague"
                user = User(key=key, name="", shown_name=shown, oidc=identity, created=self._now())
                db.add(user)
                db.commit()
            return _person(user)

    def who(self, token: str | None) -> Person | None:
        """Person of a session, or None where it has expired, was revoked or never was.

        Parameters
        ----------
        token : str or None
            From the cookie.
        """
        if not token or len(token) > 200:
            return None
        now = self._now()
        with Session(self._engine) as db:
            found = db.get(LogIn, _digest("session", token))
            if found is None:
                return None
            if now > found.created + self._options.session_hours * 3600 or self._idle(found, now):
                db.delete(found)
                db.commit()
                return None
            user = db.get_one(User, found.user_id)
            person = _person(user)
            if now - found.seen > _TOUCH_S:
                found.seen = now
                db.commit()
            return person

    def log_out(self, token: str | None, everywhere: bool = False) -> None:
        """Revoke a session, or all of its person's: a copy of the cookie is worth nothing afterwards."""
        if not token:
            return
        with Session(self._engine) as db:
            found = db.get(LogIn, _digest("session", token))
            if found is not None:
                mine = LogIn.user_id == found.user_id if everywhere else LogIn.digest == found.digest
                db.execute(delete(LogIn).where(mine))
                db.commit()

    def change_password(self, person: Person, old: str, new: str) -> None:
        """Change a password and end every session of the person.

        Raises
        ------
        AccountsError
            If the old one is wrong or the new one weak.
        """
        with Session(self._engine) as db:
            user = db.get(User, person.id)
            if not self._matches(user, old) or user is None:
                raise AccountsError("the present password is wrong; try again")
            _check_password(new, user.name)
            user.password = self._hasher.hash(new)
            db.execute(delete(LogIn).where(LogIn.user_id == user.id))
            db.commit()

    def remove(self, person: Person) -> None:
        """Delete an account with its sessions, cases and feedback."""
        from einthoven.web.tables import Case, CaseFile, Feedback

        with Session(self._engine) as db:
            mine = select(Case.id).where(Case.user_id == person.id)
            # Named one by one: not every database was made with cascades.
            for table in (CaseFile, Feedback):
                db.execute(delete(table).where(table.case_id.in_(mine)))
            for owned in (Case, LogIn):
                db.execute(delete(owned).where(owned.user_id == person.id))
            db.execute(delete(User).where(User.id == person.id))
            db.commit()

    def _idle(self, found: LogIn, now: float) -> bool:
        return now > found.seen + self._options.idle_hours * 3600

    def _begin(self, db: Session, user_id: int) -> str:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._now()
        db.add(LogIn(digest=_digest("session", token), user_id=user_id, created=now, seen=now))
        db.commit()
        return token

    def _matches(self, user: User | None, password: str) -> bool:
        known = user.password if user is not None and user.password else self._decoy
        try:
            return self._hasher.verify(known, password[: _LONGEST + 1]) and user is not None
        except (Argon2Error, InvalidHashError):
            return False

    def _count(self, db: Session, key: str, window_s: float) -> int:
        since = self._now() - window_s
        counted = select(func.count()).select_from(Attempt).where(Attempt.key == key, Attempt.at > since)
        return int(db.scalar(counted) or 0)

    def _forget_old(self, db: Session) -> None:
        """Drop attempts and sessions that are over: nobody's address is kept longer than it is needed."""
        now = self._now()
        db.execute(delete(Attempt).where(Attempt.at < now - max(_WINDOW_S, _NEW_WINDOW_S)))
        db.execute(delete(LogIn).where(LogIn.created < now - self._options.session_hours * 3600))


def _person(user: User) -> Person:
    return Person(user.id, user.name, user.shown_name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _one_line(text: str) -> str:
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _check_password(password: str, name: str) -> None:
    if not _LEAST <= len(password) <= _LONGEST:
        raise AccountsError(f"a password has {_LEAST} to {_LONGEST} characters, this one has {len(password)}")
    if password.lower() in _COMMON or password.lower() == name.lower() or len(set(password)) < 3:
        raise AccountsError("this password is among the first that are guessed; choose a longer one, three words say")
