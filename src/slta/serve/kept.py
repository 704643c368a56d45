"""What a server keeps of a folder: corrections, lists, jobs and uploads."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slta.errors import InputError, UnwritableError
from slta.files import data_home
from slta.index.place import default_place

PATIENCE_S = 10.0
"""How long another process may hold a database."""


def kept_folder(root: Path) -> Path:
    """The folder for what a server keeps of a folder of videos."""
    return data_home() / "serve" / default_place(root).name


def carry(root: Path, to: Path) -> None:
    """Keeps for a folder that has been moved what was kept for it before.

    Raises ``InputError`` if something is kept for the new folder already.
    """
    before, after = kept_folder(root), kept_folder(to)
    if before == after or not before.exists():
        return
    if after.exists():
        raise InputError(
            f"{after} has corrections already; put those of {before} where you need them"
        )
    before.rename(after)


class Database:
    """An SQLite file, which is made with its tables when it is first written to."""

    def __init__(self, path: Path, tables: str, version: int = 1) -> None:
        """``tables`` are statements that make the tables where they are not; ``version``
        is theirs, kept in the file."""
        self.path, self._tables, self._version = path, tables, version

    @contextmanager
    def open(self, *, to_write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection within one transaction, for one thread; ``to_write`` keeps others
        from writing until its end.

        Raises ``UnwritableError`` if it cannot be made, read or written, and
        ``InputError`` if a newer SLTA made it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=PATIENCE_S)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA foreign_keys = ON")
                self._prepare(connection)
                with connection:
                    if to_write:
                        connection.execute("BEGIN IMMEDIATE")
                    yield connection
            finally:
                connection.close()
        except (OSError, sqlite3.Error) as error:
            raise UnwritableError(
                f"{self.path} cannot be used ({error}); free space, allow access to it, or "
                "move it away"
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > self._version:
            raise InputError(
                f"{self.path} has version {version}, and this SLTA knows {self._version}; "
                "use the newer SLTA that made it, or move the file away"
            )
        connection.executescript(self._tables)
        if version < self._version:
            connection.execute(f"PRAGMA user_version = {self._version}")
