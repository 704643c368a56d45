"""Whether an index holds each video once, and whole."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from slta.index.place import Place
from slta.index.records import Snapshot, Video
from slta.index.segments import Bases, SegmentRows
from slta.search.compact import Window

ALIKE = 0.01
"""Maximum difference of a segment's numbers from those computed anew, as a share of the
largest: they are kept as halves, and other machines add in another order."""


class Fault(NamedTuple):
    what: str
    video: str = ""
    """Id of the video that has to be looked at again; empty if none has."""
    path: str | None = None
    """File that has to be read again."""


class Verified(NamedTuple):
    videos: int
    """Videos that were compared."""
    faults: tuple[Fault, ...]


def faults(place: Place, snapshot: Snapshot, bases: Bases) -> Iterator[Fault]:
    """What is missing, doubled or damaged."""
    ids = Counter(video.id for video in snapshot.videos)
    for video, count in ids.items():
        if count > 1:
            yield Fault(f"video {video} has {count} rows", video)
    paths = Counter(file.path for file in snapshot.files)
    for path, count in paths.items():
        if count > 1:
            yield Fault(f"file {path} has {count} rows", path=path)
    for file in snapshot.files:
        if file.video and file.video not in ids:
            what = f"file {file.path} has a video that is not there"
            yield Fault(what, path=file.path)
    ends = np.searchsorted(snapshot.of, np.arange(len(snapshot.videos) + 1))
    for number, each in enumerate(snapshot.videos):
        here = slice(ends[number], ends[number + 1])
        rows = SegmentRows(*(column[here] for column in snapshot.rows.columns))
        if problem := _problem(place, each, rows, bases):
            yield Fault(f"video {each.id}: {problem}", each.id)


def are_equal(one: Snapshot, other: Snapshot) -> bool:
    return (one.videos, one.files) == (other.videos, other.files) and all(
        map(
            np.array_equal, (one.of, *one.rows.columns), (other.of, *other.rows.columns)
        )
    )


def _problem(place: Place, video: Video, rows: SegmentRows, bases: Bases) -> str | None:
    if len(rows.starts) != video.segments:
        return f"{len(rows.starts)} segments, not {video.segments}"
    try:
        data = bytes(place.read(video.file))
    except FileNotFoundError:
        return f"its features {video.file} are missing"
    except OSError as error:
        return f"its features {video.file} cannot be read ({error.strerror or error})"
    if hashlib.sha256(data).hexdigest() != video.digest:
        return f"its features {video.file} are damaged"
    try:
        windows = [
            Window.from_buffer(data[part.start : part.start + part.size])
            for part in video.parts
        ]
    except ValueError as error:
        return f"its features {video.file} are damaged ({error})"
    done = 0
    for window, part in zip(windows, video.parts, strict=True):
        if (window.first, window.end) != (done, part.end):
            return f"its features {video.file} lack frames from {done} on"
        done = window.end
    if done != video.frames:
        return f"{done} frames, not {video.frames}"
    made = SegmentRows.of(windows, bases)
    if not all(map(_alike, rows.columns, made.columns)):
        return "its segments are not those of its features"
    return None


def _alike(kept: np.ndarray, made: np.ndarray) -> bool:
    if kept.shape != made.shape:
        return False
    whole = np.issubdtype(made.dtype, np.integer)
    margin = 0.0 if whole else ALIKE * float(np.abs(made).max(initial=0))
    difference = np.abs(kept.astype(np.float64) - made.astype(np.float64))
    return bool((difference <= margin).all())
