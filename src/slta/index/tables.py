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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from slta.errors import InputError
from slta.index.interrupts import uninterrupted
from slta.index.looking import Rows, Seen
from slta.index.place import Place
from slta.index.scanning import State
from slta.index.segments import Bases
from slta.search import compact

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
SNAPSHOT = "snapshot.safetensors"
HEAD = "index.json"
BASES = "bases.safetensors"
TABLES = ("segments", "videos", "files")
TRIES, WAIT_S = 5, 0.2
"""How often, and after how long, tables are read that another process changes."""
REMEDY = "remove the index to have all videos looked at again"


@dataclass(frozen=True, slots=True)
class Head:
    """What all of an index depends on."""

    root: str
    """The folder of videos."""
    extractor: str
    version: str
    rate_hz: float
    bases: str = ""
    """SHA-256 of the file of bases."""
    format: int = FORMAT
    compact: int = compact.VERSION


@dataclass(frozen=True, slots=True)
class Part:
    """A window of a video: its frames, and where its bytes lie in the file of features."""

    first: int
    end: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Video:
    id: str
    duration_s: float
    width: int
    height: int
    made_s: float
    """When it was recorded, in seconds since 1970; 0 if unknown."""
    frames: int
    scenes: float
    segments: int
    digest: str
    """SHA-256 of the file of features."""
    parts: tuple[Part, ...]

    @property
    def file(self) -> str:
        return features_file(self.id)


@dataclass(frozen=True, slots=True)
class File:
    path: str
    """Relative to the folder, with / between the names."""
    video: str
    """Id of its content; empty if it cannot be used."""
    state: State
    problem: str = ""
    gone: bool = False
    """Whether it was not there any more at the last look."""


@dataclass(frozen=True)
class Snapshot:
    """All that a search reads of the tables."""

    videos: list[Video]
    files: list[File]
    rows: Rows
    of: np.ndarray
    """Index of each row's video, in ascending order."""

    @property
    def is_whole(self) -> bool:
        """Whether each video has all its rows; not if they were read while they changed."""
        counts = np.bincount(self.of, minlength=len(self.videos)).tolist()
        return counts == [video.segments for video in self.videos]

    @property
    def there(self) -> list[File]:
        """Files that can be searched, as far as the index knows."""
        return [file for file in self.files if file.video and not file.gone]


def features_file(video: str) -> str:
    return f"features/{video}.slta"


def read_head(place: Place) -> Head | None:
    """Raises ``InputError`` for a damaged file, and for another format."""
    try:
        facts = json.loads(bytes(place.read(HEAD)))
        made = facts["format"], facts["compact"]
        if made == (FORMAT, compact.VERSION):
            head = Head(**facts)
            if all(isinstance(value, str) for value in _texts(head)):
                return head
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


def _texts(head: Head) -> tuple[object, ...]:
    return head.root, head.extractor, head.version, head.bases


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
            for name, schema in _schemas(size, len(bases)).items():
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
            files = [_file(row) for row in self._table("files").to_arrow().to_pylist()]
            return _joined(videos, files, self._table("segments").to_arrow())

    def clean(self) -> None:
        """Removes what a killed process left of videos that have no row."""
        with self._writing():
            videos = self._videos()
            segments = self._table("segments")
            if segments.count_rows() != sum(video.segments for video in videos):
                column = segments.search().select(["video"]).to_arrow()["video"]
                left = set(column.to_pylist()) - {video.id for video in videos}
                for names in _some(left):
                    segments.delete(f"video IN ({names})")
            kept = {video.file.rpartition("/")[2] for video in videos}
            for name in self.place.names("features"):
                if name not in kept:
                    self.place.remove(f"features/{name}")

    def add(self, seen: Sequence[Seen], files: Sequence[File]) -> None:
        """Adds videos, then the files of these or of known ones."""
        import pyarrow as pa

        with self._writing():
            videos = []
            for each in seen:
                data = b"".join(each.windows)
                self.place.write(features_file(each.id), data)
                videos.append(_row(each, hashlib.sha256(data).hexdigest()))
            if seen:
                self._table("segments").add(pa.concat_tables(map(_segments, seen)))
                self._merge("videos", "id", videos)
            if files:
                self._merge("files", "path", [_file_row(file) for file in files])

    def forget(self, videos: Iterable[str], files: Iterable[str]) -> None:
        """Removes files, then videos with their segments and features."""
        with self._writing():
            for names in _some(map(_key, files)):
                self._table("files").delete(f"path IN ({names})")
            gone = list(videos)
            for names in _some(gone):
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
        return [_video(row) for row in self._table("videos").to_arrow().to_pylist()]

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
        "videos": json.dumps([_video_row(video) for video in snapshot.videos]),
        "files": json.dumps([_file_row(file) for file in snapshot.files]),
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
        rows = Rows(*(arrays[name] for name in COLUMNS))
        videos = [_video(row) for row in json.loads(facts["videos"])]
        files = [_file(row) for row in json.loads(facts["files"])]
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


COLUMNS = ("windows", "starts", "ends", "vectors", "levels")


def _schemas(size: int, spaces: int) -> dict[str, "pa.Schema"]:
    import pyarrow as pa

    part = pa.struct([(name, pa.int64()) for name in Part.__slots__])
    return {
        "videos": pa.schema(
            {
                "id": pa.string(),
                "duration_s": pa.float64(),
                "width": pa.int32(),
                "height": pa.int32(),
                "made_s": pa.float64(),
                "frames": pa.int64(),
                "scenes": pa.float64(),
                "segments": pa.int64(),
                "digest": pa.string(),
                "parts": pa.list_(part),
            }
        ),
        "files": pa.schema(
            {
                "path": pa.string(),
                "video": pa.string(),
                **{name: pa.int64() for name in State.__slots__},
                "problem": pa.string(),
                "gone": pa.bool_(),
            }
        ),
        "segments": pa.schema(
            {
                "video": pa.string(),
                "window": pa.int32(),
                "start": pa.int64(),
                "end": pa.int64(),
                "vector": pa.list_(pa.float16(), size),
                "levels": pa.list_(pa.float32(), 2 * spaces),
            }
        ),
    }


def _segments(seen: Seen) -> "pa.Table":
    import pyarrow as pa

    rows = seen.segments
    count = len(rows.starts)
    vectors = pa.array(np.ascontiguousarray(rows.vectors).reshape(-1))
    levels = pa.array(np.ascontiguousarray(rows.levels, np.float32).reshape(-1))
    return pa.table(
        {
            "video": pa.array([seen.id] * count),
            "window": pa.array(rows.windows.astype(np.int32)),
            "start": pa.array(rows.starts.astype(np.int64)),
            "end": pa.array(rows.ends.astype(np.int64)),
            "vector": pa.FixedSizeListArray.from_arrays(vectors, rows.vectors.shape[1]),
            "levels": pa.FixedSizeListArray.from_arrays(
                levels, rows.levels[0].size if count else 4
            ),
        }
    )


def _joined(videos: list[Video], files: list[File], segments: "pa.Table") -> Snapshot:
    number = {video.id: i for i, video in enumerate(videos)}
    of = np.array([number.get(i, -1) for i in segments["video"].to_pylist()], np.int32)
    known = np.flatnonzero(of >= 0)
    rows = Rows(
        segments["window"].to_numpy(),
        segments["start"].to_numpy(),
        segments["end"].to_numpy(),
        _matrix(segments["vector"]),
        _levels(segments["levels"]),
    )
    order = known[np.lexsort((rows.starts[known], of[known]))]
    return Snapshot(
        videos, files, Rows(*(column[order] for column in rows.columns)), of[order]
    )


def _matrix(column: "pa.ChunkedArray") -> np.ndarray:
    size = column.type.list_size
    parts = [chunk.flatten().to_numpy() for chunk in column.chunks]
    empty = np.zeros(0, column.type.value_type.to_pandas_dtype())
    return np.concatenate([empty, *parts]).reshape(-1, size)


def _levels(column: "pa.ChunkedArray") -> np.ndarray:
    flat = _matrix(column)
    return flat.reshape(len(flat), flat.shape[1] // 2, 2)


def _row(seen: Seen, digest: str) -> dict[str, Any]:
    sizes = [len(data) for data in seen.windows]
    starts = np.cumsum([0, *sizes]).tolist()
    ends = [*seen.firsts[1:], seen.frames]
    parts = zip(seen.firsts, ends, starts, sizes, strict=False)
    return {
        "id": seen.id,
        "duration_s": seen.info.duration_s,
        "width": seen.info.width,
        "height": seen.info.height,
        "made_s": seen.made_s,
        "frames": seen.frames,
        "scenes": seen.scenes,
        "segments": len(seen.segments.starts),
        "digest": digest,
        "parts": [dict(zip(Part.__slots__, part, strict=True)) for part in parts],
    }


def _video(row: dict[str, Any]) -> Video:
    return Video(**{**row, "parts": tuple(Part(**part) for part in row["parts"])})


def _video_row(video: Video) -> dict[str, Any]:
    parts = [{n: getattr(part, n) for n in Part.__slots__} for part in video.parts]
    return {**{n: getattr(video, n) for n in Video.__slots__}, "parts": parts}


def _file(row: dict[str, Any]) -> File:
    state = State(*(row[name] for name in State.__slots__))
    return File(_path(row["path"]), row["video"], state, row["problem"], row["gone"])


def _file_row(file: File) -> dict[str, Any]:
    state = {name: getattr(file.state, name) for name in State.__slots__}
    return {
        "path": _key(file.path),
        "video": file.video,
        **state,
        "problem": file.problem.encode(errors="backslashreplace").decode(),
        "gone": file.gone,
    }


def _key(path: str) -> str:
    """A path as a string of Unicode; names on disk may be others."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return json.dumps(path)
    return json.dumps(path) if path.startswith('"') else path


def _path(key: str) -> str:
    return str(json.loads(key)) if key.startswith('"') else key


def _some(values: Iterable[str], count: int = 500) -> Iterable[str]:
    """Values quoted for SQL, so many at a time."""
    quoted = ["'" + value.replace("'", "''") + "'" for value in values]
    for first in range(0, len(quoted), count):
        yield ", ".join(quoted[first : first + count])
