"""Whether an index holds each video once, and whole."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from slta.index.place import Place
from slta.index.tables import Snapshot, Video
from slta.search.compact import Window


class Fault(NamedTuple):
    what: str
    video: str = ""
    """Id of the video that has to be looked at again; empty if none has."""


class Verified(NamedTuple):
    videos: int
    """Videos that were compared."""
    faults: tuple[Fault, ...]


def faults(place: Place, snapshot: Snapshot) -> Iterator[Fault]:
    """What is missing, doubled or damaged."""
    ids = Counter(video.id for video in snapshot.videos)
    for video, count in ids.items():
        if count > 1:
            yield Fault(f"video {video} has {count} rows", video)
    paths = Counter(file.path for file in snapshot.files)
    for path, count in paths.items():
        if count > 1:
            yield Fault(f"file {path} has {count} rows")
    for file in snapshot.files:
        if file.video and file.video not in ids:
            yield Fault(f"file {file.path} has a video that is not there", file.video)
    for number, each in enumerate(snapshot.videos):
        here = snapshot.of == number
        if problem := _problem(
            place, each, snapshot.rows.starts[here], snapshot.rows.ends[here]
        ):
            yield Fault(f"video {each.id}: {problem}", each.id)


def _problem(
    place: Place, video: Video, starts: np.ndarray, ends: np.ndarray
) -> str | None:
    if len(starts) != video.segments:
        return f"{len(starts)} segments, not {video.segments}"
    if starts.tolist() != [0, *ends[:-1].tolist()] or ends[-1:] != [video.frames]:
        return "its segments do not follow each other"
    try:
        data = bytes(place.read(video.file))
    except FileNotFoundError:
        return f"its features {video.file} are missing"
    if hashlib.sha256(data).hexdigest() != video.digest:
        return f"its features {video.file} are damaged"
    done = 0
    for part in video.parts:
        window = Window.from_buffer(data[part.start : part.start + part.size])
        if (window.first, window.end) != (done, part.end):
            return f"its features {video.file} lack frames from {done} on"
        done = window.end
    return None if done == video.frames else f"{done} frames, not {video.frames}"
