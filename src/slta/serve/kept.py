"""What a server keeps of a folder: corrections, lists, jobs and uploads."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slta.errors import UnwritableError
from slta.files import data_home
from slta.index.place import default_place

PATIENCE_S = 10.0
"""How long another process may hold a database."""


def kept_folder(root: Path) -> Path:
    """The folder for what a server keeps of a folder of videos."""
    return data_home() / "serve" / default_place(root).name


class Database:
    """An SQLite file, which is made with its tables when it is first written to."""

    def __init__(self, path: Path, tables: str) -> None:
        """``tables`` are statements that make the tables where they are not."""
        self.path, self._tables = path, tables

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection within one transaction, for one thread.

        Raises ``UnwritableError`` if it cannot be made, read or written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=PATIENCE_S)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.executescript(self._tables)
                with connection:
                    yield connection
            finally:
                connection.close()
        except (OSError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            raise UnwritableError(
                f"{self.path} cannot be used ({error}); free space, allow access to it, or "
                "move it away"
            ) from error
