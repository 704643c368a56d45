"""Lists of moments, which are kept by a name and exported as files."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from slta.errors import InputError
from slta.export.found import Found, merged
from slta.export.texts import is_control
from slta.index.library import Index
from slta.moments import Span
from slta.serve.answers import content, shown
from slta.serve.corrections import (
    Missing,
    Note,
    Number,
    QueryText,
    Seconds,
    VideoId,
    check_times,
    database,
    film_of,
)
from slta.serve.exporter import Exporter
from slta.serve.films import Film, Films, Unknown, films
from slta.serve.media import attachment
from slta.serve.shelf import Shelf

MOST_LISTS: Final = 1000
MOST_MOMENTS: Final = 10_000
"""Maximum moments of a list."""
TYPES: Final = {
    "otio": "application/json",
    "edl": "text/plain; charset=utf-8",
    "fcpxml": "application/xml",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "srt": "application/x-subrip",
    "vtt": "text/vtt; charset=utf-8",
    "zip": "application/zip",
}
Kind = Literal["otio", "edl", "fcpxml", "csv", "json", "srt", "vtt"]
ListName = Annotated[str, InPath(min_length=1, max_length=100)]
KEY: Final = ("list", "video", "query", "added_start_s", "added_end_s")


class ListCount(BaseModel):
    name: str
    moments: int


class AddedMoment(BaseModel):
    """A moment for a list, as a search answered it. Times are seconds."""

    model_config = ConfigDict(strict=True)

    video: VideoId
    query: QueryText
    start_s: Seconds
    end_s: Seconds
    score: FiniteFloat
    confidence: Annotated[FiniteFloat, Field(ge=0, le=1)]


class ChangedMoment(BaseModel):
    """What is to change of a moment of a list; what is left out or null stays."""

    model_config = ConfigDict(strict=True)

    start_s: Seconds | None = None
    end_s: Seconds | None = None
    note: Note | None = None


class ListMoment(AddedMoment):
    """A moment of a list."""

    id: int
    file: str
    """Relative to the folder; the last known name of a video that is not there."""
    duration_s: float
    note: str


class MomentList(BaseModel):
    name: str
    moments: list[ListMoment]
    """In the order in which they were added."""


class Lists:
    """The lists of a folder of videos."""

    def __init__(self, index: Index) -> None:
        self._index, self._kept = index, database(index.root)

    def all(self) -> list[ListCount]:
        """By name."""
        with self._kept.open() as connection:
            rows = connection.execute(
                "SELECT lists.name, count(moments.id) AS moments FROM lists "
                "LEFT JOIN moments ON moments.list = lists.name "
                "GROUP BY lists.name ORDER BY lists.name"
            )
            return [ListCount(**row) for row in rows]

    def make(self, name: str) -> ListCount:
        """Raises ``InputError`` for a name that no address can have, and beyond
        ``MOST_LISTS``."""
        with self._kept.open(to_write=True) as connection:
            _make(connection, name)
            count = _count(connection, name)
        return ListCount(name=name, moments=count)

    def remove(self, name: str) -> None:
        with self._kept.open(to_write=True) as connection:
            if not connection.execute(
                "DELETE FROM lists WHERE name = ?", (name,)
            ).rowcount:
                raise _no_list(name)

    def one(self, name: str) -> MomentList:
        with self._kept.open() as connection:
            connection.execute("BEGIN")
            _check_there(connection, name)
            rows = connection.execute(
                "SELECT * FROM moments WHERE list = ? ORDER BY id", (name,)
            ).fetchall()
        there = films(self._index)
        return MomentList(name=name, moments=[_moment(row, there) for row in rows])

    def add(self, name: str, sent: AddedMoment) -> ListMoment:
        """Adds a moment that is not in the list yet, and makes the list if needed.

        Raises ``InputError`` for impossible times and beyond ``MOST_MOMENTS``.
        """
        there = films(self._index)
        start_s, end_s = round(sent.start_s, 3), round(sent.end_s, 3)
        key = [name, sent.video, sent.query, start_s, end_s]
        find = "SELECT * FROM moments WHERE " + " AND ".join(f"{k} = ?" for k in KEY)
        with self._kept.open(to_write=True) as connection:
            film = film_of(sent.video, there, connection, "moments")
            check_times("", start_s, end_s, film)
            _make(connection, name)
            row = connection.execute(find, key).fetchone()
            if row is None:
                if (count := _count(connection, name)) >= MOST_MOMENTS:
                    raise InputError(
                        f"the list {name!r} has {count} moments, the most that a list "
                        "holds; begin another"
                    )
                values = [start_s, end_s, shown(film.files[0]), film.duration_s]
                values += [sent.score, sent.confidence]
                connection.execute(
                    f"INSERT INTO moments ({', '.join(KEY)}, start_s, end_s, file, "
                    "duration_s, score, confidence, note) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
                    [*key, *values],
                )
                row = connection.execute(find, key).fetchone()
        return _moment(row, there)

    def change(self, name: str, number: int, sent: ChangedMoment) -> ListMoment:
        there = films(self._index)
        with self._kept.open(to_write=True) as connection:
            row = _row(connection, name, number)
            given = {k: v for k, v in sent.model_dump().items() if v is not None}
            new = {name: row[name] for name in ("start_s", "end_s", "note")} | given
            start_s, end_s = round(new["start_s"], 3), round(new["end_s"], 3)
            check_times("", start_s, end_s, Film((row["file"],), row["duration_s"]))
            connection.execute(
                "UPDATE moments SET start_s = ?, end_s = ?, note = ? WHERE id = ?",
                (start_s, end_s, new["note"], number),
            )
            row = _row(connection, name, number)
        return _moment(row, there)

    def take(self, name: str, number: int) -> None:
        """Removes a moment from a list."""
        with self._kept.open(to_write=True) as connection:
            _row(connection, name, number)
            connection.execute("DELETE FROM moments WHERE id = ?", (number,))


def _make(connection: sqlite3.Connection, name: str) -> None:
    if not name.strip() or name in (".", "..") or any(map(_is_odd, name)):
        raise InputError(
            f"a list cannot be named {name!r}; use letters, digits and spaces"
        )
    if connection.execute("SELECT 1 FROM lists WHERE name = ?", (name,)).fetchone():
        return
    (count,) = connection.execute("SELECT count(*) FROM lists").fetchone()
    if count >= MOST_LISTS:
        raise InputError(
            f"there are {count} lists, the most that are kept; delete one of them"
        )
    connection.execute("INSERT INTO lists VALUES (?, ?)", (name, time.time()))


def _is_odd(letter: str) -> bool:
    return letter in "/\\" or is_control(letter)


def _count(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT count(*) FROM moments WHERE list = ?", (name,))
    return int(row.fetchone()[0])


def _check_there(connection: sqlite3.Connection, name: str) -> None:
    if not connection.execute("SELECT 1 FROM lists WHERE name = ?", (name,)).fetchone():
        raise _no_list(name)


def _no_list(name: str) -> Missing:
    return Missing(f"there is no list {name!r}; make it, or reload the page")


def _row(connection: sqlite3.Connection, name: str, number: int) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM moments WHERE list = ? AND id = ?", (name, number)
    ).fetchone()
    if row is None:
        raise Missing(f"the list {name!r} has no moment {number}; reload the page")
    return row


def _moment(row: sqlite3.Row, there: Films) -> ListMoment:
    fields = [name for name in ListMoment.model_fields if name != "file"]
    values = {name: row[name] for name in fields}
    return ListMoment(file=there.named(row["video"], row["file"]), **values)


def exported(
    there: Films, root: Path, moments: Sequence[ListMoment], *, opened: bool
) -> list[Found]:
    """The moments with the paths of their files, which are there if they are ``opened``."""
    found, paths = list[Found](), dict[str, Path]()
    for moment in moments:
        if moment.video not in paths:
            paths[moment.video] = _path(there, root, moment, opened=opened)
        found.append(
            Found(
                moment.query,
                paths[moment.video],
                Span(moment.start_s, moment.end_s),
                moment.score,
                moment.confidence,
                moment.duration_s,
            )
        )
    return found


def _path(there: Films, root: Path, moment: ListMoment, *, opened: bool) -> Path:
    try:
        return there.video(moment.video)[1]
    except Unknown:
        if opened:
            raise InputError(
                f"{moment.file} is not in the folder any more, or has changed; remove its "
                "moments from the list, or export csv or json"
            ) from None
        return root / moment.file


def routes(shelf: Shelf, exporter: Exporter) -> APIRouter:
    api = APIRouter(prefix="/api/lists", tags=["lists"])
    lists = Lists(shelf.index)

    @api.get("")
    def names() -> Sequence[ListCount]:
        """The lists, by name."""
        return lists.all()

    @api.put("/{name}")
    def make(name: ListName) -> ListCount:
        """Makes a list, unless it is there."""
        return lists.make(name)

    @api.delete("/{name}", status_code=204)
    def remove(name: ListName) -> None:
        """Forgets a list with its moments."""
        lists.remove(name)

    @api.get("/{name}")
    def one(name: ListName) -> MomentList:
        """The moments of a list, in the order in which they were added."""
        return lists.one(name)

    @api.post("/{name}/moments")
    def add(name: ListName, sent: AddedMoment) -> ListMoment:
        """Adds a moment, unless it is there; makes the list if needed."""
        return lists.add(name, sent)

    @api.patch("/{name}/moments/{id}")
    def change(name: ListName, id: Number, sent: ChangedMoment) -> ListMoment:
        """Changes the ends or the note of a moment."""
        return lists.change(name, id, sent)

    @api.delete("/{name}/moments/{id}", status_code=204)
    def take(name: ListName, id: Number) -> None:
        """Removes a moment from a list."""
        lists.take(name, id)

    @api.get(
        "/{name}/export", response_class=Response, responses=content(*TYPES.values())
    )
    async def export(
        name: ListName,
        kind: Kind,
        pad: Annotated[FiniteFloat, Query(ge=0, le=86_400)] = 0.0,
        merge: Annotated[FiniteFloat | None, Query(ge=0, le=86_400)] = None,
    ) -> Response:
        """A list as a file for editing programs, players or spreadsheets; as several, in a
        zip archive. ``pad`` and ``merge`` are as for ``slta search``."""

        def found() -> list[Found]:
            moments, opened = lists.one(name).moments, exporter.opens(kind)
            root = shelf.index.root
            return merged(
                exported(films(shelf.index), root, moments, opened=opened), merge, pad
            )

        file = await exporter.file(found, name, kind)
        return Response(
            file.data,
            media_type=TYPES[file.kind],
            headers={"content-disposition": attachment(file.name)},
        )

    return api
