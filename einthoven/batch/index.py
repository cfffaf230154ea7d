"""The plan of an archive: which files there are, what they hold, and to which part each content belongs, for good.

The parts are the truth about what is done; this file is rebuilt from them where it is lost, at the price of looking at
every file again. It is SQLite, which survives a kill at any moment (https://sqlite.org/atomiccommit.html), and keeps
ten million files out of memory.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ecg.errors import OptionsError
from einthoven.batch.make import Failure, Part, PartReport, Unit
from einthoven.batch.scan import Listed, Seen
from einthoven.outputs import one_line

__all__ = ["Index"]

#: `stamp` tells whether a file has changed since it was looked at; `kind` is empty for files that are left alone.
#: `told` says that a part's row names the path already.
_TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, stamp TEXT, seen INT, kind TEXT, sha BLOB, error TEXT, told INT DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    id INTEGER PRIMARY KEY, sha BLOB UNIQUE, part INT, rows INT DEFAULT 0, refused INT DEFAULT 0, error TEXT, fault TEXT
);
CREATE VIEW IF NOT EXISTS pending AS SELECT * FROM sources WHERE rows = 0 AND error IS NULL;
CREATE TEMP TABLE made (part INTEGER PRIMARY KEY);
"""
#: Made after the first scan: filling a table is quicker without.
_INDEXES = """
CREATE INDEX IF NOT EXISTS files_of ON files (sha);
CREATE INDEX IF NOT EXISTS sources_of ON sources (part);
CREATE INDEX IF NOT EXISTS pending_of ON sources (part) WHERE rows = 0 AND error IS NULL;
"""


class Index:
    """An open ``index.sqlite``; one process at a time.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OptionsError
        If another batch holds it, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA cache_size = -65536")  # KiB
            self._db.executescript(_TABLES)
            self._db.execute("DELETE FROM settings WHERE name = ''")  # takes the lock
        except sqlite3.OperationalError as error:
            self._db.close()
            raise OptionsError(f"{one_line(path)}: another batch is at work here ({error}); wait for it") from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise OptionsError(
                f"{one_line(path)} is damaged ({error}); remove it: the same command looks at every file again and "
                "keeps what is done"
            ) from error

    def __enter__(self) -> Index:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._db.close()

    def _many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._db.execute("BEGIN")
        try:
            self._db.executemany(statement, rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _one(self, statement: str, *values: Any) -> Any:
        row = self._db.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def agree(self, settings: Mapping[str, Any]) -> None:
        """Take the settings of the first run for good: rows of two kinds in one archive would mislead.

        Raises
        ------
        OptionsError
            If an earlier run had others.
        """
        for name, value in settings.items():
            text = json.dumps(value, sort_keys=True)
            before = self._one("SELECT value FROM settings WHERE name = ?", name)
            if before is None:
                self._db.execute("INSERT INTO settings VALUES (?, ?)", (name, text))
            elif before != text:
                raise OptionsError(
                    f"the batch here was begun with {name} = {before}, this one asks for {text}; give another folder "
                    "with -o"
                )

    def list_files(self, found: Iterable[Listed]) -> int:
        """Take the files that there are now; what an earlier run knew of files that have not changed stays.

        Parameters
        ----------
        found : iterable of Listed

        Returns
        -------
        int
            Files listed.
        """
        run = 1 + (self._one("SELECT max(seen) FROM files") or 0)
        self._many(
            "INSERT INTO files (path, stamp, seen, error) VALUES (?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            "kind = CASE WHEN stamp = excluded.stamp THEN kind END, "
            "sha = CASE WHEN stamp = excluded.stamp THEN sha END, "
            "error = CASE WHEN stamp = excluded.stamp AND excluded.error IS NULL THEN error ELSE excluded.error END, "
            "stamp = excluded.stamp, seen = excluded.seen, told = 0",
            ((os.fsencode(f.path), f.stamp, run, f.error) for f in found),
        )
        self._db.execute("DELETE FROM files WHERE seen <> ?", (run,))
        return int(self._one("SELECT count(*) FROM files"))

    def unseen(self, at_once: int) -> Iterator[tuple[str, ...]]:
        """Paths of the files that nobody has looked at yet, some at a time."""
        last = b""
        while True:
            rows = self._db.execute(
                "SELECT path FROM files WHERE kind IS NULL AND error IS NULL AND path > ? ORDER BY path LIMIT ?",
                (last, at_once),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield tuple(os.fsdecode(path) for (path,) in rows)

    def looked(self, seen: Iterable[Seen]) -> None:
        """Note what files hold."""
        self._many(
            "UPDATE files SET kind = ?, sha = ?, error = ? WHERE path = ?",
            [(s.kind, bytes.fromhex(s.sha256) or None, s.error or None, os.fsencode(s.path)) for s in seen],
        )

    def unreadable(self, path: str, error: str) -> None:
        """Note a file that cannot even be looked at."""
        self.looked([Seen(path, "", "", error)])

    def n_unseen(self) -> int:
        """Files that nobody has looked at yet."""
        return int(self._one("SELECT count(*) FROM files WHERE kind IS NULL AND error IS NULL"))

    def forget_failures(self) -> None:
        """Let files be tried again that failed and gave no row."""
        self._db.execute("UPDATE sources SET error = NULL, fault = NULL WHERE rows = 0")
        self._db.execute("UPDATE files SET error = NULL, kind = NULL WHERE error IS NOT NULL AND stamp <> ''")

    def load(
        self, parts: Iterable[tuple[int, Sequence[Mapping[str, Any]]]]
    ) -> tuple[Counter[str], dict[int, set[str]]]:
        """Learn from the parts what is done.

        Parameters
        ----------
        parts : iterable of (number, rows)
            As `einthoven.batch.shards.part_keys` reads them.

        Returns
        -------
        statuses : Counter
            Rows by status.
        doubles : dict of int to set of str
            By part, hashes of files whose rows stand in an earlier part already. There are none unless a cluster's
            worker that had been given up for dead went on.
        """
        self._db.executescript(_INDEXES)
        # In the order of the paths: neighbours on the disk are read together.
        self._db.execute(
            "INSERT OR IGNORE INTO sources (sha) SELECT sha FROM files WHERE sha IS NOT NULL ORDER BY path"
        )
        self._db.execute("UPDATE sources SET rows = 0")
        statuses: Counter[str] = Counter()
        doubles: dict[int, set[str]] = {}
        self._db.execute("BEGIN")
        for number, rows in parts:
            self._db.execute("INSERT INTO made VALUES (?)", (number,))
            for row in rows:
                statuses[row["status"]] += 1
                if not self._done_in(number, row):
                    doubles.setdefault(number, set()).add(row["source_sha256"])
        self._db.execute("COMMIT")
        return statuses, doubles

    def _done_in(self, number: int, row: Mapping[str, Any]) -> bool:
        """Note a row of a part; False where the file has rows in an earlier one."""
        sha = bytes.fromhex(row["source_sha256"])
        self._db.execute("INSERT OR IGNORE INTO sources (sha) VALUES (?)", (sha,))
        changed = self._db.execute(
            "UPDATE sources SET part = ?, rows = rows + 1 WHERE sha = ? AND (rows = 0 OR part = ?)",
            (number, sha, number),
        )
        told = [(os.fsencode(p), sha) for p in (row["file"], *(row["copies"] or ()))]
        self._db.executemany("UPDATE files SET told = 1 WHERE path = ? AND sha = ?", told)
        return changed.rowcount == 1

    def newly_copied(self) -> Iterator[tuple[int, dict[str, list[str]]]]:
        """Parts with a file of which a copy has turned up, and all paths of it by hash."""
        query = "SELECT DISTINCT part FROM sources JOIN files USING (sha) WHERE rows > 0 AND told = 0 ORDER BY part"
        for (part,) in self._db.execute(query).fetchall():
            rows = self._db.execute("SELECT sha, path FROM sources JOIN files USING (sha) WHERE part = ?", (part,))
            paths: dict[str, list[str]] = {}
            for sha, path in rows:
                paths.setdefault(sha.hex(), []).append(one_line(os.fsdecode(path)))
            yield part, paths

    def plan(self, part_files: int) -> None:
        """Give every content without a part one; what has one that was not made keeps it."""
        # A part that was made without a row of a file: the program was killed before it noted the file's error.
        self._db.execute(
            "UPDATE sources SET part = NULL WHERE id IN (SELECT id FROM pending WHERE part IN (SELECT part FROM made))"
        )
        first = self._free()
        self._db.execute(
            "UPDATE sources SET part = ? + numbered.k / ? FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k "
            "FROM pending WHERE part IS NULL) AS numbered WHERE sources.id = numbered.id",
            (first, part_files),
        )

    def counts(self) -> tuple[int, int]:
        """Contents that there are, and those of them that are done."""
        there = self._one("SELECT count(*) FROM sources WHERE sha IN (SELECT sha FROM files)")
        return there, there - self._one("SELECT count(*) FROM pending WHERE sha IN (SELECT sha FROM files)")

    def n_pending(self) -> int:
        """Contents without a part yet."""
        return int(self._one("SELECT count(*) FROM pending"))

    def next_part(self, after: int) -> Part | None:
        """Part to make, of those with a number above `after`; None where there is none at present."""
        while True:
            number = self._one("SELECT min(part) FROM pending WHERE part > ?", after)
            if number is None:
                return None
            part = self.part(number)
            if part.units:  # else its files are gone
                return part
            after = number

    def part(self, number: int) -> Part:
        """Files of a part that is not made, each with its copies.

        Parameters
        ----------
        number : int

        Returns
        -------
        Part
        """
        rows = self._db.execute(
            "SELECT sha, path, files.kind FROM pending JOIN files USING (sha) WHERE part = ? ORDER BY id, path",
            (number,),
        )
        paths: dict[bytes, list[str]] = {}
        kinds: dict[bytes, str] = {}
        for sha, path, kind in rows:
            paths.setdefault(sha, []).append(os.fsdecode(path))
            kinds[sha] = kind
        units = tuple(Unit(sha.hex(), first, kinds[sha], tuple(rest)) for sha, (first, *rest) in paths.items())
        return Part(number, units)

    def made(self, report: PartReport) -> None:
        """Note what became of a part."""
        self._many("UPDATE sources SET rows = ? WHERE sha = ?", [(n, bytes.fromhex(s)) for s, n in report.rows.items()])
        self.failed(report.failures)

    def failed(self, failures: Iterable[Failure]) -> None:
        """Note the errors of files."""
        rows = [(f.error, f.fault or None, bytes.fromhex(f.sha256)) for f in failures]
        self._many("UPDATE sources SET error = ?, fault = ? WHERE sha = ?", rows)

    def _free(self) -> int:
        """First part number that nothing has."""
        return 1 + max(self._one("SELECT max(part) FROM sources") or 0, self._one("SELECT max(part) FROM made") or 0)

    def put_off(self, number: int) -> int:
        """Give what a part was made without to a new part; returns how many files these are."""
        moved = self._db.execute(
            "UPDATE sources SET part = ? WHERE id IN (SELECT id FROM pending WHERE part = ?)", (self._free(), number)
        )
        return moved.rowcount

    def split(self, part: Part) -> None:
        """Make two parts, with new numbers, of one that no process survives: one of its files is to blame."""
        first = self._free()
        half = len(part.units) // 2
        halves = Part(first, part.units[:half]), Part(first + 1, part.units[half:])
        rows = [(new.number, bytes.fromhex(unit.sha256)) for new in halves for unit in new.units]
        self._many("UPDATE sources SET part = ? WHERE sha = ?", rows)

    def errors(self) -> Iterator[tuple[str, str]]:
        """Path and error of every file that failed, copies too."""
        rows = self._db.execute(
            "SELECT path, coalesce(files.error, sources.error) FROM files LEFT JOIN sources USING (sha) "
            "WHERE files.error IS NOT NULL OR sources.error IS NOT NULL ORDER BY path"
        )
        return ((os.fsdecode(path), error) for path, error in rows)

    def n_errors(self) -> int:
        """Files that failed, copies too."""
        return int(
            self._one(
                "SELECT count(*) FROM files LEFT JOIN sources USING (sha) "
                "WHERE files.error IS NOT NULL OR sources.error IS NOT NULL"
            )
        )

    def faults(self, at_most: int) -> list[str]:
        """Tracebacks of faults of the program, some of them."""
        rows = self._db.execute("SELECT DISTINCT fault FROM sources WHERE fault IS NOT NULL LIMIT ?", (at_most,))
        return [fault for (fault,) in rows]
