"""Kept cases: of one person each, with their feedback; listed, exported and deleted by that person alone."""

from __future__ import annotations

import csv
import io
import json
import secrets
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from ecg.errors import ECGError
from einthoven.web.accounts import Person
from einthoven.web.tables import Case, CaseFile, Feedback

__all__ = ["OPINIONS", "Cases", "CasesError", "KeptCase", "KeptFile", "Opinion", "safe_cell"]

#: What a person may say of a label or an explanation.
OPINIONS = ("agree", "disagree", "unsure")
#: Cases that one person may keep, and MiB that all their files may take: a database is no archive.
_MOST_CASES, _MOST_MIB = 500, 2048
_LONGEST_COMMENT = 4000
#: Columns of `Cases.feedback_csv`.
_COLUMNS = (
    "case", "title", "kept", "headline", "models", "said", "label", "explanation", "comment",
)  # fmt: skip


class CasesError(ECGError):
    """A case is not there for this person, or cannot be kept."""


@dataclass(frozen=True)
class KeptFile:
    """A file of a case: its name, media type and bytes."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True)
class Opinion:
    """What a person says of a case.

    Parameters
    ----------
    label, explanation : str
        One of `OPINIONS`.
    comment : str
    said : float
        Seconds since 1970.
    """

    label: str
    explanation: str
    comment: str
    said: float = 0.0


@dataclass(frozen=True)
class KeptCase:
    """A case as it is listed.

    Parameters
    ----------
    id : str
    title, headline : str
    status : str
        Of the diagnosis.
    kept : float
        Seconds since 1970.
    document : mapping
        ``STEM_diagnosis.json``; empty in lists.
    """

    id: str
    title: str
    headline: str
    status: str
    kept: float
    document: Mapping[str, Any]


class Cases:
    """Cases in a database. Every call names the person, and reaches nobody else's.

    Parameters
    ----------
    engine : Engine
        From `einthoven.web.tables.open_database`.
    now : callable, optional
        Seconds since 1970.
    """

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine, self._now = engine, now

    def keep(self, person: Person, title: str, document: Mapping[str, Any], files: Sequence[KeptFile]) -> str:
        """Keep a case that its person asked to keep.

        Parameters
        ----------
        person : Person
        title : str
        document : mapping
            ``STEM_diagnosis.json``.
        files : sequence of KeptFile

        Returns
        -------
        str
            The case's identity.

        Raises
        ------
        CasesError
            If the person keeps too much already.
        """
        with Session(self._engine) as db:
            mine = select(Case.id).where(Case.user_id == person.id)
            number = db.scalar(select(func.count()).select_from(mine.subquery())) or 0
            size = db.scalar(select(func.sum(func.length(CaseFile.content))).where(CaseFile.case_id.in_(mine))) or 0
            size += sum(len(f.content) for f in files)
            if number >= _MOST_CASES or size > _MOST_MIB << 20:
                raise CasesError(f"{number} cases of {size >> 20} MiB are the most to be kept here; delete some first")
            case = Case(
                id=secrets.token_hex(16),
                user_id=person.id,
                created=self._now(),
                title=title[:120],
                headline=str(document.get("headline", "")),
                status=str(document.get("status", "")),
                document=json.dumps(document, ensure_ascii=False),
            )
            db.add(case)
            db.flush()
            db.add_all(CaseFile(case_id=case.id, name=f.name, mime=f.mime, content=f.content) for f in files)
            identity = case.id
            db.commit()
            return identity

    def listed(self, person: Person) -> tuple[KeptCase, ...]:
        """List a person's cases, the newest first, without their documents."""
        with Session(self._engine) as db:
            columns = (Case.id, Case.title, Case.headline, Case.status, Case.created)
            found = db.execute(select(*columns).where(Case.user_id == person.id).order_by(Case.created.desc()))
            return tuple(KeptCase(*row, document={}) for row in found)

    def opened(self, person: Person, case: str) -> KeptCase:
        """Open a case; raises CasesError where the person has none of this identity."""
        with Session(self._engine) as db:
            found = self._own(db, person, case)
            content = json.loads(found.document)
            return KeptCase(found.id, found.title, found.headline, found.status, found.created, content)

    def files(self, person: Person, case: str) -> tuple[KeptFile, ...]:
        """Give the files of a case; raises CasesError as `opened`."""
        with Session(self._engine) as db:
            self._own(db, person, case)
            found = db.scalars(select(CaseFile).where(CaseFile.case_id == case).order_by(CaseFile.id))
            return tuple(KeptFile(f.name, f.mime, f.content) for f in found)

    def remove(self, person: Person, case: str) -> None:
        """Delete a case with its files and feedback; raises CasesError as `opened`."""
        with Session(self._engine) as db:
            found = self._own(db, person, case)
            for table in (CaseFile, Feedback):
                db.execute(delete(table).where(table.case_id == case))
            db.delete(found)
            db.commit()

    def remove_all(self, person: Person) -> int:
        """Delete every case of a person; gives how many there were."""
        own = [case.id for case in self.listed(person)]
        for case in own:
            self.remove(person, case)
        return len(own)

    def say(self, person: Person, case: str, opinion: Opinion) -> None:
        """Add an opinion to a case.

        Raises
        ------
        CasesError
            If it is none of `OPINIONS`, or the person has no such case.
        """
        if not {opinion.label, opinion.explanation} <= set(OPINIONS):
            raise CasesError(f"an opinion is one of {', '.join(OPINIONS)}, got {opinion.label}, {opinion.explanation}")
        with Session(self._engine) as db:
            self._own(db, person, case)
            db.add(
                Feedback(
                    case_id=case,
                    created=self._now(),
                    label=opinion.label,
                    explanation=opinion.explanation,
                    comment=opinion.comment.strip()[:_LONGEST_COMMENT],
                )
            )
            db.commit()

    def opinions(self, person: Person, case: str) -> tuple[Opinion, ...]:
        """List the opinions on a case, oldest first; raises CasesError as `opened`."""
        with Session(self._engine) as db:
            self._own(db, person, case)
            found = db.scalars(select(Feedback).where(Feedback.case_id == case).order_by(Feedback.created))
            return tuple(Opinion(f.label, f.explanation, f.comment, f.created) for f in found)

    def feedback_csv(self, person: Person) -> str:
        """Write a person's feedback as CSV, a row an opinion.

        Cells that a spreadsheet would run as a formula begin with an apostrophe (OWASP, CSV Injection).
        """
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\r\n")  # RFC 4180
        table.writerow(_COLUMNS)
        for listed in self.listed(person):
            models = ""
            for said in self.opinions(person, listed.id):
                models = models or " + ".join(
                    str(m.get("name", "")) for m in self.opened(person, listed.id).document.get("models", ())
                )
                row: tuple[str, ...] = (
                    listed.id, listed.title, _date(listed.kept), listed.headline, models,
                    _date(said.said), said.label, said.explanation, said.comment,
                )  # fmt: skip
                table.writerow([safe_cell(cell) for cell in row])
        return out.getvalue()

    def export(self, person: Person) -> bytes:
        """Pack everything that is kept of a person: ``feedback.csv`` and a folder a case, as ZIP."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("feedback.csv", self.feedback_csv(person))
            about = {"name": person.name, "shown_name": person.shown_name}
            archive.writestr("account.json", json.dumps(about, ensure_ascii=False))
            for listed in self.listed(person):
                said = [vars(opinion) for opinion in self.opinions(person, listed.id)]
                archive.writestr(f"{listed.id}/feedback.json", json.dumps(said, ensure_ascii=False))
                document = self.opened(person, listed.id).document
                archive.writestr(f"{listed.id}/diagnosis.json", json.dumps(document, ensure_ascii=False))
                for kept in self.files(person, listed.id):
                    archive.writestr(f"{listed.id}/{kept.name}", kept.content)
        return out.getvalue()

    def _own(self, db: Session, person: Person, case: str) -> Case:
        """Find a case of this person; another's is told apart from none by nobody."""
        found = db.get(Case, case) if len(case) <= 32 else None
        if found is None or found.user_id != person.id:
            raise CasesError("there is no such case among yours; choose one from your list")
        return found


def safe_cell(text: object) -> str:
    """Text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(1)"), safe_cell("+1"), safe_cell("sinus rhythm")
    ("'=HYPERLINK(1)", "'+1", 'sinus rhythm')
    """
    written = str(text)
    first, after_blanks = written[:1], written.lstrip()[:1]
    return f"'{written}" if first in ("\t", "\r", "\n") or after_blanks in ("=", "+", "-", "@", "|") else written


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
