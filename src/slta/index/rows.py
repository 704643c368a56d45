"""Rows of the tables, made from what an index records and read back."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from slta.index.records import File, Snapshot, Video, WindowPlace
from slta.index.scanning import State
from slta.index.segments import SegmentRows

if TYPE_CHECKING:
    import pyarrow as pa

    from slta.index.looking import Seen


def schemas(size: int) -> dict[str, "pa.Schema"]:
    import pyarrow as pa

    part = pa.struct([(name, pa.int64()) for name in WindowPlace.__slots__])
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
            }
        ),
    }


def segment_rows(seen: "Seen") -> "pa.Table":
    import pyarrow as pa

    rows = seen.segments
    count = len(rows.starts)
    vectors = pa.array(np.ascontiguousarray(rows.vectors).reshape(-1))
    return pa.table(
        {
            "video": pa.array([seen.id] * count),
            "window": pa.array(rows.windows.astype(np.int32)),
            "start": pa.array(rows.starts.astype(np.int64)),
            "end": pa.array(rows.ends.astype(np.int64)),
            "vector": pa.FixedSizeListArray.from_arrays(vectors, rows.vectors.shape[1]),
        }
    )


def snapshot_of(
    videos: list[Video], files: list[File], segments: "pa.Table"
) -> Snapshot:
    number = {video.id: i for i, video in enumerate(videos)}
    of = np.array([number.get(i, -1) for i in segments["video"].to_pylist()], np.int32)
    known = np.flatnonzero(of >= 0)
    rows = SegmentRows(
        segments["window"].to_numpy(),
        segments["start"].to_numpy(),
        segments["end"].to_numpy(),
        _matrix(segments["vector"]),
    )
    order = known[np.lexsort((rows.starts[known], of[known]))]
    return Snapshot(
        videos,
        files,
        SegmentRows(*(column[order] for column in rows.columns)),
        of[order],
    )


def _matrix(column: "pa.ChunkedArray") -> np.ndarray:
    size = column.type.list_size
    parts = [chunk.flatten().to_numpy() for chunk in column.chunks]
    empty = np.zeros(0, column.type.value_type.to_pandas_dtype())
    return np.concatenate([empty, *parts]).reshape(-1, size)


def seen_row(seen: "Seen", digest: str) -> dict[str, Any]:
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
        "parts": [
            dict(zip(WindowPlace.__slots__, part, strict=True)) for part in parts
        ],
    }


def video_of(row: dict[str, Any]) -> Video:
    return Video(
        **{**row, "parts": tuple(WindowPlace(**part) for part in row["parts"])}
    )


def video_row(video: Video) -> dict[str, Any]:
    parts = [
        {n: getattr(part, n) for n in WindowPlace.__slots__} for part in video.parts
    ]
    return {**{n: getattr(video, n) for n in Video.__slots__}, "parts": parts}


def file_of(row: dict[str, Any]) -> File:
    state = State(*(row[name] for name in State.__slots__))
    return File(_path(row["path"]), row["video"], state, row["problem"], row["gone"])


def file_row(file: File) -> dict[str, Any]:
    state = {name: getattr(file.state, name) for name in State.__slots__}
    return {
        "path": key_of(file.path),
        "video": file.video,
        **state,
        "problem": file.problem.encode(errors="backslashreplace").decode(),
        "gone": file.gone,
    }


def key_of(path: str) -> str:
    """A path as a string of Unicode; names on disk may be others."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return json.dumps(path)
    return json.dumps(path) if path.startswith('"') else path


def _path(key: str) -> str:
    return str(json.loads(key)) if key.startswith('"') else key


def in_groups(values: Iterable[str], count: int = 500) -> Iterable[str]:
    """Values quoted for SQL, so many at a time."""
    quoted = ["'" + value.replace("'", "''") + "'" for value in values]
    for first in range(0, len(quoted), count):
        yield ", ".join(quoted[first : first + count])
