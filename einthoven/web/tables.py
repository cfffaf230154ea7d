"""What the web page keeps, as tables. Times are seconds since 1970 in UTC: SQLite knows no time zones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Float, ForeignKey, LargeBinary, String, Text, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ecg.errors import OptionsError

__all__ = ["Attempt", "Base", "Case", "CaseFile", "Feedback", "LogIn", "User", "open_database"]


class Base(DeclarativeBase):
    """Base of all tables."""


class User(Base):
    """An account. ``key`` is the name folded to lower case; ``oidc`` the provider's issuer and subject."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    shown_name: Mapped[str] = mapped_column(String(80))
    password: Mapped[str | None] = mapped_column(String(255))
    oidc: Mapped[str | None] = mapped_column(String(400), unique=True)
    created: Mapped[float] = mapped_column(Float)


class LogIn(Base):
    """A session. Only the SHA-256 of its token is kept: who reads the database cannot take one over."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[float] = mapped_column(Float)
    seen: Mapped[float] = mapped_column(Float)


class Attempt(Base):
    """A failed attempt to log in, or an account made, under the digest of who tried."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[float] = mapped_column(Float, index=True)


class Case(Base):
    """A result that a person asked to keep."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[float] = mapped_column(Float)
    title: Mapped[str] = mapped_column(String(120))
    headline: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    document: Mapped[str] = mapped_column(Text)


class CaseFile(Base):
    """A file of a case."""

    __tablename__ = "case_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    mime: Mapped[str] = mapped_column(String(100))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Feedback(Base):
    """What a person says of a kept case. ``label`` and ``explanation`` are ``agree``, ``disagree`` or ``unsure``."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    created: Mapped[float] = mapped_column(Float)
    label: Mapped[str] = mapped_column(String(10))
    explanation: Mapped[str] = mapped_column(String(10))
    comment: Mapped[str] = mapped_column(Text)


def open_database(url: str) -> Engine:
    """Connect to a database and make the tables that are missing.

    Parameters
    ----------
    url : str
        SQLAlchemy's URL.

    Returns
    -------
    Engine

    Raises
    ------
    OptionsError
        If the URL is wrong, its driver is not installed, or the database cannot be opened.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            # Nobody else on the machine needs to read it.
            Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _sqlite_manners)
        Base.metadata.create_all(engine)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise OptionsError(f"the database's URL cannot be used: {error}; see docs/web.md") from error
    except (OperationalError, OSError) as error:
        where = make_url(url).render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise OptionsError(f"the database {where} cannot be opened: {reason}; see docs/web.md") from error
    return engine


def _sqlite_manners(connection: Any, _record: Any) -> None:
    """Keep foreign keys, wait for other writers, and overwrite what is deleted (sqlite.org/pragma.html)."""
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "busy_timeout=10000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
