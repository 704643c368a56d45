"""The tables of an index, in LanceDB, and its files of compact features.

    index.json            format, folder, extractor: what the rest depends on
    bases.safetensors     directions to which the segments' vectors are projected
    features/ID.slta      compact features of a video, its windows one after another
    videos.lance          a row a video, by the id of its content
    files.lance           a row a file: its path, its video, or why it cannot be used
    segments.lance        rows of a video's segments
    snapshot.safetensors  all that a search reads of the tables; absent while they change

A video counts once its row is in ``videos``; its features and segments are written before
that. What a killed process left of a video is removed before the next one is written.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from slta.errors import InputError
from slta.index.interrupts import uninterrupted
from slta.index.place import Place
from slta.index.records import FORMAT, File, Head, Snapshot, Video, features_file
from slta.index.rows import (
    file_of,
    file_row,
    in_groups,
    key_of,
    schemas,
    seen_row,
    segment_rows,
    snapshot_of,
    video_of,
    video_row,
)
from slta.index.segments import Bases, SegmentRows
from slta.search import compact

if TYPE_CHECKING:
    from slta.index.looking import Seen

    pass

SNAPSHOT = "snapshot.safetensors"
HEAD = "index.json"
BASES = "bases.safetensors"
TEXTS = ("root", "extractor", "version", "bases")
TABLES = ("segments", "videos", "files")
TRIES, WAIT_S = 5, 0.2
"""How often, and after how long, tables are read that another process changes."""
REMEDY = "remove the index to have all videos looked at again"


def read_head(place: Place) -> Head | None:
    """Raises ``InputError`` for a damaged file, and for another format."""
    try:
        facts = json.loads(bytes(place.read(HEAD)))
        made = facts["format"], facts["compact"]
        if made == (FORMAT, compact.VERSION):
            if all(isinstance(facts[name], str) for name in TEXTS):
                return Head(**facts)
            raise ValueError("a name is not a text")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"the index {place} cannot be read ({error.strerror or error}); allow access "
            "to it, or choose another place with --index"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = " ".join(str(error).split())
        raise InputError(
            f"{HEAD} of the index {place} is damaged ({what}); {REMEDY}"
        ) from error
    raise InputError(
        f"the index {place} has format {made[0]}.{made[1]}, this program reads "
        f"{FORMAT}.{compact.VERSION}; use the program that made it, or {REMEDY}"
    )


def write_head(place: Place, head: Head) -> None:
    facts = {name: getattr(head, name) for name in Head.__slots__}
    place.write(HEAD, json.dumps(facts, indent=1).encode())


class Tables:
    """The tables of one index. Only the process that holds the lock may write."""

    def __init__(self, place: Place) -> None:
        import lancedb

        place.check()
        self.place = place
        with place.writing():
            try:
                self._db: Any = lancedb.connect(
                    place.address, storage_options=place.options
                )
            except ValueError as error:  # also for names that are not Unicode
                if place.is_remote:
                    raise
                raise InputError(
                    f"{place} cannot be the place of an index; give --index a name of "
                    "plain letters"
                ) from error

    @classmethod
    def create(cls, place: Place, head: Head, bases: Bases) -> "Tables":
        if place.names("features"):
            raise InputError(f"the index {place} lacks its {HEAD}; {REMEDY}")
        tables = cls(place)
        arrays = {str(i): np.ascontiguousarray(b) for i, b in enumerate(bases)}
        data = safetensors.numpy.save(arrays)
        place.write(BASES, data)
        size = sum(basis.shape[1] for basis in bases)
        with tables._writing():
            for name, schema in schemas(size).items():
                # That of an index that was never finished may be of another extractor.
                tables._db.drop_table(name, ignore_missing=True)
                tables._db.create_table(name, schema=schema)
        # Last: now the index is there.
        write_head(place, replace(head, bases=hashlib.sha256(data).hexdigest()))
        return tables

    def snapshot(self) -> Snapshot:
        """Reads the tables, each as it is now."""
        with self._reading():
            videos = self._videos()
            files = [
                file_of(row) for row in self._table("files").to_arrow().to_pylist()
            ]
            return snapshot_of(videos, files, self._table("segments").to_arrow())

    def clean(self) -> None:
        """Removes what a killed process left of videos that have no row."""
        with self._writing():
            videos = self._videos()
            segments = self._table("segments")
            if segments.count_rows() != sum(video.segments for video in videos):
                column = segments.search().select(["video"]).to_arrow()["video"]
                left = set(column.to_pylist()) - {video.id for video in videos}
                for names in in_groups(left):
                    segments.delete(f"video IN ({names})")
            kept = {video.file.rpartition("/")[2] for video in videos}
            for name in self.place.names("features"):
                if name not in kept:
                    self.place.remove(f"features/{name}")

    def add(self, seen: "Sequence[Seen]", files: Sequence[File]) -> None:
        """Adds videos, then the files of these or of known ones."""
        import pyarrow as pa

        with self._writing():
            videos = []
            for each in seen:
                data = b"".join(each.windows)
                self.place.write(features_file(each.id), data)
                videos.append(seen_row(each, hashlib.sha256(data).hexdigest()))
            if seen:
                self._table("segments").add(pa.concat_tables(map(segment_rows, seen)))
                self._merge("videos", "id", videos)
            if files:
                self._merge("files", "path", [file_row(file) for file in files])

    def forget(self, videos: Iterable[str], files: Iterable[str]) -> None:
        """Removes files, then videos with their segments and features."""
        with self._writing():
            for names in in_groups(map(key_of, files)):
                self._table("files").delete(f"path IN ({names})")
            gone = list(videos)
            for names in in_groups(gone):
                self._table("videos").delete(f"id IN ({names})")
                self._table("segments").delete(f"video IN ({names})")
            for video in gone:
                self.place.remove(features_file(video))

    def tidy(self) -> None:
        """Joins the tables' small pieces, and drops old versions."""
        from datetime import timedelta

        with self._reading(), self.place.writing():
            for name in TABLES:
                # A search that reads the tables now may still need the last versions.
                self._table(name).optimize(cleanup_older_than=timedelta(minutes=10))

    def _videos(self) -> list[Video]:
        return [video_of(row) for row in self._table("videos").to_arrow().to_pylist()]

    def _table(self, name: str) -> Any:
        return self._db.open_table(name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with uninterrupted(), self._reading(), self.place.writing():
            yield

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turns LanceDB's errors, which are of many kinds, into ``InputError``."""
        try:
            yield
        except (InputError, MemoryError):
            raise
        except Exception as error:
            what = " ".join(str(error).split())[:200]
            raise InputError(
                f"the tables of the index {self.place} are damaged ({what}); {REMEDY}"
            ) from error

    def _merge(self, name: str, key: str, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        table = self._table(name)
        data = pa.Table.from_pylist(rows, schema=table.schema)
        merge = table.merge_insert(key).when_matched_update_all()
        merge.when_not_matched_insert_all().execute(data)


def read_tables(place: Place) -> Snapshot:
    """The tables, also while another process changes them.

    Raises ``InputError`` if they are damaged.
    """
    problem = InputError(
        f"the index {place} lacks parts of its videos; 'slta index verify' repairs it"
    )
    for _ in range(TRIES):
        try:
            snapshot = Tables(place).snapshot()
            if snapshot.is_whole:
                return snapshot
        except InputError as error:
            problem = error
        time.sleep(WAIT_S)
    raise problem


def write_snapshot(place: Place, snapshot: Snapshot) -> None:
    """Writes none if it is not whole: whoever reads the tables says so."""
    if not snapshot.is_whole:
        return
    facts = {
        "videos": json.dumps([video_row(video) for video in snapshot.videos]),
        "files": json.dumps([file_row(file) for file in snapshot.files]),
        "format": json.dumps(FORMAT),
    }
    arrays = {
        name: np.ascontiguousarray(column)
        for name, column in zip(COLUMNS, snapshot.rows.columns, strict=True)
    }
    arrays["of"] = snapshot.of
    place.write(SNAPSHOT, safetensors.numpy.save(arrays, facts))


def read_snapshot(place: Place) -> Snapshot | None:
    """The tables as they are; None while they change, or if they were left so, and if it
    is damaged, as it is only a copy."""
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        data = place.read(SNAPSHOT)
        size = int.from_bytes(bytes(data[:8]), "little")
        facts = json.loads(bytes(data[8 : 8 + size]))["__metadata__"]
        if json.loads(facts["format"]) != FORMAT:
            return None
        arrays = compact.views(data)
        rows = SegmentRows(*(arrays[name] for name in COLUMNS))
        videos = [video_of(row) for row in json.loads(facts["videos"])]
        files = [file_of(row) for row in json.loads(facts["files"])]
        snapshot = Snapshot(videos, files, rows, arrays["of"])
        return snapshot if _fits(snapshot) else None
    return None


def _fits(snapshot: Snapshot) -> bool:
    """Whether the arrays have one size, and all numbers are of videos and windows."""
    rows, of = snapshot.rows, snapshot.of
    if {len(column) for column in rows.columns} != {len(of)}:
        return False
    if not (snapshot.is_whole and (np.diff(of) >= 0).all()):
        return False
    counts = np.array([len(video.parts) for video in snapshot.videos], np.int64)
    return bool(((rows.windows >= 0) & (rows.windows < counts[of])).all())


def read_bases(place: Place) -> list[np.ndarray]:
    head = read_head(place)
    try:
        data = bytes(place.read(BASES))
        if head is not None and hashlib.sha256(data).hexdigest() != head.bases:
            raise ValueError("it is another than at first")
        arrays = safetensors.numpy.load(data)
        return [arrays[str(i)] for i in range(len(arrays))]
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{BASES} of the index {place} is damaged ({error}); {REMEDY}"
        ) from error


COLUMNS = ("windows", "starts", "ends", "vectors")
