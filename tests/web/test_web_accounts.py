"""Accounts without a browser: passwords, throttling, sessions, and what is left of a person who leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from ecg.errors import OptionsError
from einthoven.web.accounts import Accounts, AccountsError
from einthoven.web.cases import Cases, KeptFile, Opinion
from einthoven.web.options import WebOptions, from_environment, to_environment
from einthoven.web.tables import Base, LogIn, User, open_database

PASSWORD = "three calm words"  # noqa: S105 - of nobody


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(engine: Engine, clock: Clock) -> Accounts:
    # The cheapest argon2 that there is: its cost is not what is tested.
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Accounts(engine, WebOptions(), hasher=hasher, now=clock)


def test_a_person_signs_up_logs_in_and_is_known_by_the_session(accounts: Accounts) -> None:
    made = accounts.sign_up("Ada.L", "Ada  Lovelace", PASSWORD)
    token = accounts.log_in("ada.l", PASSWORD)
    assert accounts.who(token) == made
    assert made.shown_name == "Ada Lovelace"
    accounts.log_out(token)
    assert accounts.who(token) is None


def test_passwords_and_tokens_are_not_in_the_database(accounts: Accounts, engine: Engine) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    token = accounts.log_in("ada", PASSWORD)
    with engine.connect() as db:
        rows = [row for table in Base.metadata.sorted_tables for row in db.execute(select(table))]
    dump = "\n".join(map(repr, rows))
    assert "$argon2id$" in dump
    assert PASSWORD not in dump
    assert token not in dump


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("ab", PASSWORD, "3 to 64"),
        ("../etc", PASSWORD, "3 to 64"),
        ("<b>ada</b>", PASSWORD, "3 to 64"),
        ("x" * 65, PASSWORD, "3 to 64"),
        ("ada", "short", "8 to 256"),
        ("ada", "x" * 257, "8 to 256"),
        ("ada", "aaaaaaaaaa", "among the first"),
        ("ada", "Password1", "among the first"),
        ("ada.lovelace", "ADA.lovelace", "among the first"),
    ],
)
def test_poor_names_and_passwords_are_refused(accounts: Accounts, name: str, password: str, why: str) -> None:
    with pytest.raises(AccountsError, match=why):
        accounts.sign_up(name, "", password)


def test_a_name_is_taken_whatever_its_case(accounts: Accounts) -> None:
    accounts.sign_up("Ada", "", PASSWORD)
    with pytest.raises(AccountsError, match="taken"):
        accounts.sign_up("aDA", "", PASSWORD)


def test_sign_up_can_be_closed(engine: Engine) -> None:
    with pytest.raises(AccountsError, match="closed"):
        Accounts(engine, WebOptions(sign_up=False)).sign_up("ada", "", PASSWORD)


def test_a_wrong_password_and_an_unknown_name_read_alike(accounts: Accounts) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    messages = []
    for name in ("ada", "nobody"):
        with pytest.raises(AccountsError) as caught:
            accounts.log_in(name, "not the password")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_guessing_is_slowed_and_the_person_elsewhere_is_not_locked_out(accounts: Accounts, clock: Clock) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    for _ in range(5):
        with pytest.raises(AccountsError, match="wrong"):
            accounts.log_in("ada", "a guess of mine", "10.0.0.1")
    with pytest.raises(AccountsError, match="too many"):
        accounts.log_in("ada", PASSWORD, "10.0.0.1")
    assert accounts.log_in("ada", PASSWORD, "10.0.0.2")
    clock.now += 901
    assert accounts.log_in("ada", PASSWORD, "10.0.0.1")


def test_one_address_cannot_try_many_names(accounts: Accounts) -> None:
    for k in range(100):
        with pytest.raises(AccountsError, match="wrong"):
            accounts.log_in(f"name{k}", "a guess of mine", "10.0.0.9")
    with pytest.raises(AccountsError, match="too many"):
        accounts.log_in("another", "a guess of mine", "10.0.0.9")


def test_logging_in_often_and_rightly_is_no_guessing(accounts: Accounts) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    for _ in range(110):
        accounts.log_in("ada", PASSWORD, "10.0.0.1")


def test_an_address_makes_few_accounts_an_hour(accounts: Accounts, clock: Clock) -> None:
    for k in range(20):
        accounts.sign_up(f"user{k}", "", PASSWORD, "10.0.0.1")
    with pytest.raises(AccountsError, match="too many accounts"):
        accounts.sign_up("user20", "", PASSWORD, "10.0.0.1")
    clock.now += 3601
    accounts.sign_up("user20", "", PASSWORD, "10.0.0.1")


def test_sessions_end_by_age_and_by_idleness(accounts: Accounts, clock: Clock) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    idle = accounts.log_in("ada", PASSWORD)
    clock.now += 2 * 3600 + 1
    assert accounts.who(idle) is None
    busy = accounts.log_in("ada", PASSWORD)
    for _ in range(12):
        assert accounts.who(busy) is not None
        clock.now += 3600 + 1
    assert accounts.who(busy) is None


@pytest.mark.parametrize("token", [None, "", "x", "planted-by-somebody", "y" * 10_000])
def test_a_token_that_was_never_given_lets_nobody_in(accounts: Accounts, token: str | None) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    assert accounts.who(token) is None
    accounts.log_out(token)


def test_every_log_in_has_a_token_of_its_own_and_all_can_be_revoked(accounts: Accounts) -> None:
    accounts.sign_up("ada", "", PASSWORD)
    one, two = accounts.log_in("ada", PASSWORD), accounts.log_in("ada", PASSWORD)
    assert one != two
    accounts.log_out(one, everywhere=True)
    assert accounts.who(two) is None


def test_changing_the_password_ends_all_sessions(accounts: Accounts) -> None:
    person = accounts.sign_up("ada", "", PASSWORD)
    token = accounts.log_in("ada", PASSWORD)
    with pytest.raises(AccountsError, match="present password"):
        accounts.change_password(person, "no", "four very calm words")
    accounts.change_password(person, PASSWORD, "four very calm words")
    assert accounts.who(token) is None
    assert accounts.log_in("ada", "four very calm words")


def test_a_provider_s_person_is_known_by_issuer_and_subject_alone(accounts: Accounts) -> None:
    one = accounts.log_in_by_provider("https://id.example", "17", "Ada")
    assert accounts.log_in_by_provider("https://id.example", "17", "Renamed") == one
    assert accounts.log_in_by_provider("https://other.example", "17", "Ada").id != one.id
    with pytest.raises(AccountsError, match="issuer"):
        accounts.log_in_by_provider("", "17", "Ada")
    with pytest.raises(AccountsError, match="wrong"):  # there is no password to guess
        accounts.log_in("", PASSWORD)


def test_nothing_is_left_of_a_person_who_leaves(accounts: Accounts, engine: Engine) -> None:
    person, other = accounts.sign_up("ada", "", PASSWORD), accounts.sign_up("bob", "", PASSWORD)
    cases = Cases(engine)
    for owner in (person, other):
        accounts.log_in(owner.name, PASSWORD)
        case = cases.keep(owner, "scan", {"headline": "h"}, [KeptFile("a.pdf", "application/pdf", b"%PDF")])
        cases.say(owner, case, Opinion("agree", "unsure", ""))
    accounts.remove(person)
    with Session(engine) as db:
        left = {t.name: db.scalar(select(func.count()).select_from(t)) for t in Base.metadata.sorted_tables}
        assert [user.name for user in db.scalars(select(User))] == ["bob"]
        assert db.scalar(select(func.count()).select_from(LogIn)) == 1
    left.pop("attempts")
    assert set(left.values()) == {1}


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for url in (f"sqlite:///{tmp_path / 'file' / 'web.db'}", "nosuch://x", "postgresql+nodriver://u:secret@h/n"):
        with pytest.raises(OptionsError) as caught:
            open_database(url)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_options_come_from_the_environment_and_unknown_ones_are_told() -> None:
    options = WebOptions(upload_mb=5, https=True, database="sqlite:////tmp/x.db", idle_hours=0.5)
    assert from_environment(to_environment(options)) == options
    with pytest.raises(OptionsError, match="did you mean"):
        from_environment({"EINTHOVEN_WEB_UPLOAD_MBS": "1"})
    for name, text in (("HTTPS", "perhaps"), ("UPLOAD_MB", "many"), ("UPLOAD_MB", "-1"), ("DATABASE", "web.db")):
        with pytest.raises(OptionsError):
            from_environment({f"EINTHOVEN_WEB_{name}": text})
