"""What people say of moments that were found: whether they are right, where they begin and
end, and a note."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from slta.errors import InputError
from slta.index.library import Index
from slta.serve.answers import shown
from slta.serve.films import Film, Films, Unknown, films
from slta.serve.kept import Database, kept_folder

VERSION: Final = 1
TABLES: Final = """
CREATE TABLE IF NOT EXISTS corrections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video TEXT NOT NULL,
    file TEXT NOT NULL,
    duration_s REAL NOT NULL,
    query TEXT NOT NULL,
    found_start_s REAL NOT NULL,
    found_end_s REAL NOT NULL,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL,
    verdict TEXT,
    note TEXT NOT NULL,
    changed_s REAL NOT NULL,
    UNIQUE (video, query, found_start_s, found_end_s)
);
CREATE TABLE IF NOT EXISTS lists (
    name TEXT PRIMARY KEY,
    made_s REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS moments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    list TEXT NOT NULL REFERENCES lists (name) ON DELETE CASCADE,
    video TEXT NOT NULL,
    file TEXT NOT NULL,
    duration_s REAL NOT NULL,
    query TEXT NOT NULL,
    added_start_s REAL NOT NULL,
    added_end_s REAL NOT NULL,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL,
    score REAL NOT NULL,
    confidence REAL NOT NULL,
    note TEXT NOT NULL,
    UNIQUE (list, video, query, added_start_s, added_end_s)
);
"""
MOST: Final = 100_000
"""Maximum corrections that are kept."""
SHOWN: Final = 10_000
"""Maximum corrections of an answer."""
BEYOND_S: Final = 0.5
"""How far a moment may end after its video, as lengths are not exact."""

VideoId = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
QueryText = Annotated[str, Field(min_length=1, max_length=500)]
Note = Annotated[str, Field(max_length=5000)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
Number = Annotated[int, InPath(ge=1, le=2**63 - 1)]
"""Of a row."""


class Correcting(BaseModel):
    """What is said of a moment. Times are seconds."""

    model_config = ConfigDict(strict=True)

    video: VideoId
    query: QueryText
    found_start_s: Seconds
    """The moment as it was found: with video and query, the key of the correction."""
    found_end_s: Seconds
    start_s: Seconds
    """The moment as it should be."""
    end_s: Seconds
    verdict: Literal["accepted", "rejected"] | None = None
    note: Note = ""


class Correction(Correcting):
    """A correction as it is kept."""

    id: int
    file: str
    """Relative to the folder; the last known name of a video that is not there."""
    changed_s: float
    """In seconds since 1970."""


class Corrections:
    """The corrections of an index's videos."""

    def __init__(self, index: Index) -> None:
        self._index, self._kept = index, database(index.root)

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept."""
        return self._kept.path.exists()

    def all(
        self, video: str | None = None, query: str | None = None, top: int = SHOWN
    ) -> list[Correction]:
        """The last changed first; -1 for all."""
        with self._kept.open() as connection:
            rows = connection.execute(
                "SELECT * FROM corrections WHERE ifnull(video = ?, true) "
                "AND ifnull(query = ?, true) ORDER BY changed_s DESC, id DESC LIMIT ?",
                (video, query, top),
            ).fetchall()
        there = films(self._index)
        return [_correction(row, there) for row in rows]

    def put(self, sent: Correcting) -> Correction:
        """Keeps a correction, instead of an earlier one of the same moment.

        Raises ``InputError`` for impossible times and beyond ``MOST``.
        """
        there = films(self._index)
        row = {**sent.model_dump(), "changed_s": time.time()}
        key = [row["video"], row["query"]]
        for name in ("found_start_s", "found_end_s", "start_s", "end_s"):
            row[name] = round(row[name], 3)
        with self._kept.open(to_write=True) as connection:
            film = film_of(sent.video, there, connection, "corrections")
            check_times("found_", row["found_start_s"], row["found_end_s"], film)
            check_times("", row["start_s"], row["end_s"], film)
            row |= {"file": shown(film.files[0]), "duration_s": film.duration_s}
            key += [row["found_start_s"], row["found_end_s"]]
            found = connection.execute(
                "SELECT id FROM corrections WHERE video = ? AND query = ? "
                "AND found_start_s = ? AND found_end_s = ?",
                key,
            ).fetchone()
            if found is None:
                _check_room(connection)
            columns = ", ".join(row)
            connection.execute(
                f"INSERT INTO corrections ({columns}) "
                f"VALUES ({', '.join('?' * len(row))}) "
                "ON CONFLICT (video, query, found_start_s, found_end_s) DO UPDATE SET "
                + ", ".join(f"{name} = excluded.{name}" for name in row),
                [*row.values()],
            )
            kept = connection.execute(
                "SELECT * FROM corrections WHERE video = ? AND query = ? "
                "AND found_start_s = ? AND found_end_s = ?",
                key,
            ).fetchone()
        return _correction(kept, there)

    def remove(self, number: int) -> None:
        """Raises ``Missing`` if there is none."""
        with self._kept.open(to_write=True) as connection:
            gone = connection.execute("DELETE FROM corrections WHERE id = ?", (number,))
            if not gone.rowcount:
                raise Missing(f"there is no correction {number}; reload the page")


class Missing(Unknown):
    """A correction, list or moment that is not there."""


def database(root: Path) -> Database:
    """Corrections and lists of a folder of videos."""
    return Database(kept_folder(root) / "corrections.sqlite", TABLES, VERSION)


def film_of(
    video: str, there: Films, connection: sqlite3.Connection, table: str
) -> Film:
    """A video of the folder, or one that was there when a row of the table was made.

    Raises ``Unknown``.
    """
    if video in there.all:
        return there.all[video]
    row = connection.execute(
        f"SELECT file, duration_s FROM {table} WHERE video = ? LIMIT 1", (video,)
    ).fetchone()
    if row is None:
        raise Unknown("this video is not in the folder; search again")
    return Film((row["file"],), row["duration_s"])


def check_times(of: str, start_s: float, end_s: float, film: Film) -> None:
    """Raises ``InputError`` unless 0 <= start < end <= duration."""
    if not 0 <= start_s < end_s:
        raise InputError(
            f"{of}start_s must be before {of}end_s, got {start_s:g} and {end_s:g}"
        )
    if end_s > film.duration_s + BEYOND_S:
        raise InputError(
            f"{of}end_s is {end_s:g}, but {film.files[0]} lasts {film.duration_s:g} s; "
            "give a time within it"
        )


def _check_room(connection: sqlite3.Connection) -> None:
    (count,) = connection.execute("SELECT count(*) FROM corrections").fetchone()
    if count >= MOST:
        raise InputError(
            f"there are {count} corrections, the most that are kept; export them, and "
            "delete some"
        )


def _correction(row: sqlite3.Row, there: Films) -> Correction:
    values: dict[str, Any] = {
        name: row[name] for name in Correction.model_fields if name != "file"
    }
    return Correction(file=there.named(row["video"], row["file"]), **values)


def routes(index: Index) -> APIRouter:
    api = APIRouter(prefix="/api", tags=["corrections"])
    kept = Corrections(index)

    @api.get("/corrections")
    def listed(
        video: Annotated[VideoId | None, Query()] = None,
        q: Annotated[QueryText | None, Query()] = None,
        top: Annotated[int, Query(ge=1, le=SHOWN)] = SHOWN,
    ) -> Sequence[Correction]:
        """The corrections, of a video or a query if one is given, the last changed
        first."""
        return kept.all(video, q, top)

    @api.put("/corrections")
    def put(sent: Correcting) -> Correction:
        """Keeps a correction, instead of an earlier one of the same moment."""
        return kept.put(sent)

    @api.delete("/corrections/{id}", status_code=204)
    def remove(id: Number) -> None:
        """Forgets a correction."""
        kept.remove(id)

    return api
