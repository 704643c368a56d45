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
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from slta.errors import InputError
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


@dataclass(frozen=True, slots=True)
class Head:
    """What all of an index depends on."""

    root: str
    """The folder of videos."""
    extractor: str
    version: str
    rate_hz: float
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
    """Index of each row's video."""


def features_file(video: str) -> str:
    return f"features/{video}.slta"


def read_head(place: Place) -> Head | None:
    """Raises ``InputError`` for a damaged file, and for another format."""
    try:
        data = bytes(place.read(HEAD))
    except FileNotFoundError:
        return None
    remedy = "remove it to have all videos looked at again"
    try:
        facts = json.loads(data)
        version = facts["format"]
        if version == FORMAT and facts["compact"] == compact.VERSION:
            return Head(**facts)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{HEAD} of the index {place} is damaged ({error}); {remedy}"
        ) from error
    raise InputError(
        f"the index {place} has format {version}.{facts['compact']}, this program reads "
        f"{FORMAT}.{compact.VERSION}; use the program that made it, or {remedy}"
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
            self._db = lancedb.connect(place.address, storage_options=place.options)

    @classmethod
    def create(cls, place: Place, head: Head, bases: Bases) -> "Tables":
        tables = cls(place)
        arrays = {str(i): np.ascontiguousarray(b) for i, b in enumerate(bases)}
        place.write(BASES, safetensors.numpy.save(arrays))
        size = sum(basis.shape[1] for basis in bases)
        with place.writing():
            for name, schema in _schemas(size, len(bases)).items():
                tables._db.create_table(name, schema=schema, exist_ok=True)
        write_head(place, head)  # last: now the index is there
        return tables

    def snapshot(self) -> Snapshot:
        """Reads the tables, each as it is now."""
        videos = self._videos()
        files = [_file(row) for row in self._table("files").to_arrow().to_pylist()]
        table = self._table("segments").to_arrow()
        number = {video.id: i for i, video in enumerate(videos)}
        of = np.array([number.get(i, -1) for i in table["video"].to_pylist()], np.int32)
        known = np.flatnonzero(of >= 0)
        rows = Rows(
            table["window"].to_numpy(),
            table["start"].to_numpy(),
            table["end"].to_numpy(),
            _matrix(table["vector"]),
            _levels(table["levels"]),
        )
        order = known[np.lexsort((rows.starts[known], of[known]))]
        return Snapshot(
            videos, files, Rows(*(column[order] for column in rows.columns)), of[order]
        )

    def clean(self) -> None:
        """Removes what a killed process left of videos that have no row."""
        videos = self._videos()
        segments = self._table("segments")
        if segments.count_rows() != sum(video.segments for video in videos):
            ids = {video.id for video in videos}
            column = segments.search().select(["video"]).to_arrow()["video"]
            for left in set(column.to_pylist()) - ids:
                with self.place.writing():
                    segments.delete(f"video = '{left}'")
        kept = {video.file.rpartition("/")[2] for video in videos}
        for name in self.place.names("features"):
            if name not in kept:
                with self.place.writing():
                    self.place.remove(f"features/{name}")

    def add(self, seen: Sequence[Seen], files: Sequence[File]) -> None:
        """Adds videos, then the files of these or of known ones."""
        import pyarrow as pa

        videos = []
        for each in seen:
            data = b"".join(each.windows)
            self.place.write(features_file(each.id), data)
            videos.append(_row(each, hashlib.sha256(data).hexdigest()))
        with self.place.writing():
            if seen:
                self._table("segments").add(pa.concat_tables(map(_segments, seen)))
                self._merge("videos", "id", videos)
            if files:
                self._merge("files", "path", [_file_row(file) for file in files])

    def forget(self, videos: Iterable[str], files: Iterable[str]) -> None:
        """Removes files, then videos with their segments and features."""
        with self.place.writing():
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

        with self.place.writing():
            for name in ("segments", "videos", "files"):
                # A search that reads the tables now may still need the last versions.
                self._table(name).optimize(cleanup_older_than=timedelta(minutes=10))

    def _videos(self) -> list[Video]:
        return [_video(row) for row in self._table("videos").to_arrow().to_pylist()]

    def _table(self, name: str) -> Any:
        try:
            return self._db.open_table(name)
        except (ValueError, FileNotFoundError) as error:
            raise InputError(
                f"the index {self.place} lacks its table {name}; remove it to have all "
                "videos looked at again"
            ) from error

    def _merge(self, name: str, key: str, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        table = self._table(name)
        data = pa.Table.from_pylist(rows, schema=table.schema)
        merge = table.merge_insert(key).when_matched_update_all()
        merge.when_not_matched_insert_all().execute(data)


def write_snapshot(place: Place, snapshot: Snapshot) -> None:
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
    """The tables as they are; None while they change, or if they were left so."""
    with suppress(FileNotFoundError):
        data = place.read(SNAPSHOT)
        try:
            size = int.from_bytes(bytes(data[:8]), "little")
            facts = json.loads(bytes(data[8 : 8 + size]))["__metadata__"]
            if json.loads(facts["format"]) != FORMAT:
                return None
            arrays = compact.views(data)
            rows = Rows(*(arrays[name] for name in COLUMNS))
            videos = [_video(row) for row in json.loads(facts["videos"])]
            files = [_file(row) for row in json.loads(facts["files"])]
            return Snapshot(videos, files, rows, arrays["of"])
        except (ValueError, KeyError, TypeError):
            return None  # it is only a copy of the tables
    return None


def read_bases(place: Place) -> list[np.ndarray]:
    try:
        arrays = safetensors.numpy.load(bytes(place.read(BASES)))
        return [arrays[str(i)] for i in range(len(arrays))]
    except (FileNotFoundError, KeyError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{BASES} of the index {place} is damaged ({error}); remove the index to have "
            "all videos looked at again"
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
        "problem": file.problem,
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
